"""`KerasClassifier`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight

from ..exceptions import ModelError
from ._estimator import KerasEstimator
from ._targets import ClassTarget

__all__ = ["KerasClassifier"]


class KerasClassifier(ClassifierMixin, KerasEstimator):
    """Tunable Keras model."""

    @property
    def _target(self) -> ClassTarget:
        target = self._training.target
        assert isinstance(target, ClassTarget)
        return target

    def _new_target(self, y: Any, classes: Any) -> ClassTarget:
        return ClassTarget().fit(y, classes)

    def _target_of_outputs(self, n_outputs: int, classes: Any) -> ClassTarget:
        n_classes = max(2, n_outputs)
        if classes is None:
            classes = np.arange(n_classes)
        if len(classes) != n_classes:
            raise ModelError(
                f"classes must have {n_classes} values, one for each output of the "
                f"model, got {len(classes)}"
            )
        return ClassTarget().fit(classes, classes)

    def _weights_of_classes(self, y: Any) -> NDArray[Any] | None:
        if self.class_weight is None:
            return None
        weights: NDArray[Any] = compute_sample_weight(self.class_weight, y)
        return weights

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict the class of each sample.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or Inputs
            Samples, as for ``fit``.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
        """
        probabilities = self.predict_proba(X)
        return self._target.decode(probabilities)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or Inputs
            Samples, as for ``fit``.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; of several labels, the probability of each.
        """
        outputs = self._outputs(X)
        return self._target.probabilities(outputs, self._activation)

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return log-odds for two classes, else log-probabilities.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or Inputs
            Samples, as for ``fit``.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        outputs = self._outputs(X)
        return self._target.decision(outputs, self._activation)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
