"""The models of all folds as one estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

__all__ = ["VotingClassifier", "VotingRegressor", "vote"]


def _all_have(name: str) -> Any:
    def check(self: Any) -> bool:
        return all(hasattr(model, name) for model in self.estimators)

    return check


class _Voting(BaseEstimator):
    """Fitted models that vote. Abstract: subclasses say how.

    Parameters
    ----------
    estimators : list of estimator
        Fitted, one for each fold.
    """

    def __init__(self, estimators: list[Any]) -> None:
        self.estimators = estimators

    def fit(self, X: Any, y: Any = None) -> _Voting:
        """Do nothing: the models are trained."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        for model in self.estimators:
            check_is_fitted(model)
        return True

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        return int(self.estimators[0].n_features_in_)

    def _mean(self, method: str, X: Any) -> Any:
        return np.mean([getattr(m, method)(X) for m in self.estimators], axis=0)


class VotingClassifier(ClassifierMixin, _Voting):
    """Classifiers of all folds that average their probabilities.

    Those that have none count votes.

    Parameters
    ----------
    estimators : list of estimator
        Fitted, one for each fold.
    """

    @property
    def classes_(self) -> Any:
        """Labels."""
        return self.estimators[0].classes_

    @available_if(_all_have("predict_proba"))
    def predict_proba(self, X: Any) -> Any:
        """Return the mean of the probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        return self._mean("predict_proba", X)

    def predict(self, X: Any) -> Any:
        """Return the likeliest class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        classes = np.asarray(self.classes_)
        if hasattr(self, "predict_proba"):
            shares = np.asarray(self.predict_proba(X))
        else:
            votes = np.stack([np.asarray(m.predict(X)) for m in self.estimators])
            shares = (votes[:, :, np.newaxis] == classes).mean(axis=0)
        return classes[shares.argmax(axis=1)]


class VotingRegressor(RegressorMixin, _Voting):
    """Regressors of all folds that average.

    Parameters
    ----------
    estimators : list of estimator
        Fitted, one for each fold.
    """

    def predict(self, X: Any) -> Any:
        """Return the mean of the predictions.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        return self._mean("predict", X)


def vote(estimators: list[Any]) -> _Voting:
    """Return the models of all folds as one estimator."""
    if hasattr(estimators[0], "classes_"):
        return VotingClassifier(estimators)
    return VotingRegressor(estimators)
