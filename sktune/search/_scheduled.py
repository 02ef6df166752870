"""Train an estimator by a schedule that a search has found."""

from __future__ import annotations

import numbers
from typing import Any

from sklearn import get_config
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._compat import Interval, fit_context
from .._execution import ResourceRequest, find_resource, replay, with_total
from .._schedule import read_schedule
from ..exceptions import SearchError

__all__ = ["ScheduledEstimator"]


def _has(name: str) -> Any:
    """Whether the estimator, the fitted one if there is one, has a method."""

    def check(self: ScheduledEstimator) -> bool:
        getattr(getattr(self, "estimator_", self.estimator), name)
        return True

    return check


def _delegated(name: str, summary: str) -> Any:
    """Return a method that hands X to that of the trained estimator."""

    def method(self: ScheduledEstimator, X: Any) -> Any:
        check_is_fitted(self, "estimator_")
        return getattr(self.estimator_, name)(X)

    method.__name__ = name
    method.__qualname__ = f"ScheduledEstimator.{name}"
    method.__doc__ = f"""{summary}

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray
            What the estimator returns.
        """
    return available_if(_has(name))(method)


class ScheduledEstimator(MetaEstimatorMixin, BaseEstimator):
    """An estimator whose hyperparameters change on a schedule while it trains.

    It repeats what `PBTSearchCV` has found on new data: the same segments, each
    with its own hyperparameters.

    Parameters
    ----------
    estimator : estimator object
        Cloned and trained. Its training must be able to go on, as for
        `PBTSearchCV`.
    schedule : list of dict, str or path-like
        Segments with ``start``, ``end`` and ``params``, as in
        ``PBTSearchCV.best_schedule_``; or their JSON; or the path of a file that
        holds it.
    resource : str, default="auto"
        What ``start`` and ``end`` count, as in `PBTSearchCV`.
    batch_size : int, default=None
        Rows a call of ``partial_fit``; None passes all at once.

    Attributes
    ----------
    estimator_ : estimator
        The trained one.
    n_features_in_ : int
        Number of features, if the estimator has it.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if the estimator has them.
    classes_ : ndarray of shape (n_classes,)
        Labels, if the estimator is a classifier.

    See Also
    --------
    PBTSearchCV : Finds schedules.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import SGDClassifier
    >>> from sktune import ScheduledEstimator
    >>> X, y = load_digits(return_X_y=True)
    >>> model = SGDClassifier(learning_rate="constant", eta0=0.1, random_state=0)
    >>> schedule = [
    ...     {"start": 0, "end": 2, "params": {"eta0": 0.1}},
    ...     {"start": 2, "end": 4, "params": {"eta0": 0.001}},
    ... ]
    >>> scheduled = ScheduledEstimator(model, schedule).fit(X, y)
    >>> scheduled.score(X, y) > 0.9
    True
    >>> scheduled.estimator_.eta0
    0.001
    """

    _parameter_constraints: dict[str, list[Any]] = {
        "estimator": [object],
        "schedule": [object],
        "resource": [str],
        "batch_size": [Interval(numbers.Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        estimator: Any,
        schedule: Any,
        *,
        resource: str = "auto",
        batch_size: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.schedule = schedule
        self.resource = resource
        self.batch_size = batch_size

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, **params: Any) -> ScheduledEstimator:
        """Train a clone of the estimator by the schedule.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), \
default=None
            Target, None for unsupervised learning.
        **params : dict of str -> object
            Parameters for the estimator's ``fit``.

        Returns
        -------
        self : object
            The trained estimator.

        Raises
        ------
        SearchError
            When the schedule is malformed, the estimator's training cannot go
            on, or the schedule changes what cannot change.
        """
        schedule = read_schedule(self.schedule)
        if get_config()["enable_metadata_routing"]:
            routed = process_routing(self, "fit", **params)
            params = dict(routed.estimator.fit)
        model = clone(self.estimator)
        first = clone(schedule[0]["params"], safe=False)
        request = ResourceRequest(self.resource, y, 1, self.batch_size, seed=0)
        found = find_resource(clone(model).set_params(**first), request)
        if not found.resource.continues:
            raise SearchError(
                f"{type(model).__name__} cannot be trained by a schedule: its training "
                f"cannot go on. Its resource is {found.resource.name!r}, "
                f"{found.resource.description}{found.note}"
            )
        resource = with_total(found.resource, schedule[-1]["end"], inherits=True)
        self.estimator_ = replay(model, resource, schedule, X, y, params)
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
        return self

    @property
    def classes_(self) -> Any:
        """Labels, if the estimator is a classifier."""
        return self.estimator_.classes_

    predict = _delegated("predict", "Predict with the trained estimator.")
    predict_proba = _delegated(
        "predict_proba", "Return probabilities of the trained estimator."
    )
    predict_log_proba = _delegated(
        "predict_log_proba", "Return log-probabilities of the trained estimator."
    )
    decision_function = _delegated(
        "decision_function", "Return decisions of the trained estimator."
    )
    transform = _delegated("transform", "Transform with the trained estimator.")

    @available_if(_has("score"))
    def score(self, X: Any, y: Any = None) -> float:
        """Return the score of the trained estimator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like, default=None

        Returns
        -------
        float
            What the estimator returns.
        """
        check_is_fitted(self, "estimator_")
        return float(self.estimator_.score(X, *(() if y is None else (y,))))

    def get_metadata_routing(self) -> Any:
        """Return how metadata reach the estimator.

        Returns
        -------
        MetadataRouter
            That of the estimator's ``fit``.
        """
        mapping = MethodMapping().add(caller="fit", callee="fit")
        router = MetadataRouter(owner=type(self).__name__)
        return router.add(estimator=self.estimator, method_mapping=mapping)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        own = get_tags(self.estimator)
        tags.estimator_type = own.estimator_type
        tags.classifier_tags = own.classifier_tags
        tags.regressor_tags = own.regressor_tags
        tags.transformer_tags = own.transformer_tags
        tags.input_tags = own.input_tags
        tags.target_tags = own.target_tags
        return tags
