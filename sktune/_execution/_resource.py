"""How an estimator spends a budget.

A resource says what a longer or cheaper training is measured in, and how to
train from so many units to so many more. Those that continue hand their state
on as bytes; the others begin anew, with a larger budget.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, final

import numpy as np

from .._compat import refresh_optimizer
from ._pickling import dumps, loads
from ._wrappers import inner_model, train_inner

__all__ = [
    "Continued",
    "IntegerParameter",
    "Resource",
    "Samples",
    "WholeFit",
]


class Resource(ABC):
    """Base of the resources. Abstract: subclasses say how to train.

    Attributes
    ----------
    name : str
        What the user calls it: ``"epochs"``, ``"n_samples"`` or the name of a
        parameter.
    continues : bool
        Whether training goes on from a checkpoint.
    knows_end : bool
        Whether a training may depend from its beginning on how long the whole is,
        as schedules of a learning rate do.
    takes_other_rows : bool
        Whether it can go on with other rows than those it began with.
    """

    name: str
    continues: ClassVar[bool] = False
    knows_end: ClassVar[bool] = False
    takes_other_rows: ClassVar[bool] = True

    @property
    @abstractmethod
    def description(self) -> str:
        """How it is spent, in half a sentence."""

    @abstractmethod
    def train(
        self, estimator: Any, X: Any, y: Any, params: dict[str, Any], units: range
    ) -> None:
        """Train an estimator in place.

        Parameters
        ----------
        estimator : estimator
            As `restore` returned it; untrained if ``units.start`` is 0.
        X, y : array-like
            All training rows; `y` may be None.
        params : dict
            Metadata for ``fit``, as long as `X` where it is by sample.
        units : range
            The units to train, counted from 0.
        """

    def rows(self, train: Any, y: Any, groups: Any, fold: int, budget: int) -> Any:
        """Return the training rows to use.

        Parameters
        ----------
        train : ndarray
            Indices, or a mask, of the fold's training rows.
        y, groups : array-like or None
            Of all rows.
        fold : int
            Number of the fold.
        budget : int
            Units to be reached.

        Returns
        -------
        ndarray
        """
        return train

    def save(self, estimator: Any) -> bytes:
        """Return the state of a trained estimator."""
        return dumps(estimator)

    def restore(self, state: bytes, untrained: Callable[[], Any]) -> Any:
        """Return the estimator whose state was saved.

        Parameters
        ----------
        state : bytes
            What `save` returned.
        untrained : callable
            Makes the estimator with the parameters of the trial.

        Returns
        -------
        estimator
        """
        return loads(state, untrained)

    def adjust(self, estimator: Any, values: dict[str, Any]) -> None:
        """Set parameters of an estimator that is trained in part.

        Parameters
        ----------
        estimator : estimator
            As `restore` returned it.
        values : dict
            Parameters that its further training is to have.
        """
        estimator.set_params(**values)
        refresh_optimizer(inner_model(estimator)[0])


@final
@dataclass(frozen=True, slots=True)
class WholeFit(Resource):
    """No resource: every fit is a whole one."""

    name: str = "fit"

    @property
    def description(self) -> str:
        return "whole fits"

    def train(
        self, estimator: Any, X: Any, y: Any, params: dict[str, Any], units: range
    ) -> None:
        fit(estimator, X, y, params)


@final
@dataclass(frozen=True, slots=True)
class IntegerParameter(Resource):
    """A parameter that counts something; a larger one means a new fit."""

    name: str

    @property
    def description(self) -> str:
        return f"the parameter {self.name!r}, each time with a new fit"

    def train(
        self, estimator: Any, X: Any, y: Any, params: dict[str, Any], units: range
    ) -> None:
        estimator.set_params(**{self.name: units.stop})
        fit(estimator, X, y, params)


@final
@dataclass(frozen=True, slots=True)
class Samples(Resource):
    """Rows of the training part of a fold.

    The rows of a small budget are among those of a larger one. Where there are
    groups, they are taken whole; else those of a classifier are stratified.

    Attributes
    ----------
    stratify : bool
        Whether `y` holds classes.
    seed : int
        Which rows come first.
    total : int
        Rows of the smallest training part. A budget of so many is all rows of a
        larger one, too.
    """

    stratify: bool
    seed: int
    total: int
    name: str = "n_samples"

    @property
    def description(self) -> str:
        kind = ", stratified" if self.stratify else ""
        return f"rows of the training part of a fold{kind}, each time with a new fit"

    def train(
        self, estimator: Any, X: Any, y: Any, params: dict[str, Any], units: range
    ) -> None:
        fit(estimator, X, y, params)

    def rows(self, train: Any, y: Any, groups: Any, fold: int, budget: int) -> Any:
        train = np.asarray(train)
        if train.dtype == bool:
            train = np.flatnonzero(train)
        if budget >= min(self.total, len(train)):
            return train
        rng = np.random.default_rng([self.seed, fold])
        if groups is not None:
            return train[np.sort(_whole_groups(np.asarray(groups)[train], budget, rng))]
        order = rng.permutation(len(train))
        if self.stratify:
            order = order[_stratified_order(_labels(y)[train][order])]
        # the splitter's order: some data are a time series
        return train[np.sort(order[:budget])]


def _labels(y: Any) -> Any:
    """Return one label a row, whatever the number of targets."""
    y = np.asarray(y)
    if y.ndim > 1:
        y = np.unique(y, axis=0, return_inverse=True)[1].reshape(-1)
    return y


def _stratified_order(y: Any) -> Any:
    """Return an order of which each beginning has the classes in proportion."""
    classes, index, counts = np.unique(y, return_inverse=True, return_counts=True)
    position = np.empty(len(y))
    for number in range(len(classes)):
        of_class = np.flatnonzero(index == number)
        position[of_class] = np.arange(len(of_class)) / counts[number]
    return np.argsort(position, kind="stable")


def _whole_groups(groups: Any, budget: int, rng: np.random.Generator) -> Any:
    """Return the rows of as many groups as the budget holds, at least of one."""
    names, index = np.unique(groups, return_inverse=True)
    order = rng.permutation(len(names))
    sizes = np.bincount(index)[order]
    n_groups = max(1, int(np.searchsorted(np.cumsum(sizes), budget, side="right")))
    return np.flatnonzero(np.isin(index, order[:n_groups]))


class Continued(Resource):
    """Base of the resources that continue. Abstract: subclasses train a model.

    In a pipeline the last step continues, on transformers that are fitted once. The
    regressor of a `TransformedTargetRegressor` continues on targets whose transformer
    is fitted once, and the classifier of a `FixedThresholdClassifier` as it is.
    """

    continues: ClassVar[bool] = True

    @abstractmethod
    def _advance(
        self, model: Any, X: Any, y: Any, params: dict[str, Any], units: range
    ) -> None:
        """Train a model that nothing is around."""

    @final
    def train(
        self, estimator: Any, X: Any, y: Any, params: dict[str, Any], units: range
    ) -> None:
        advance = partial(self._advance, units=units)
        train_inner(estimator, X, y, params, advance=advance, refit=units.start == 0)


def fit(estimator: Any, X: Any, y: Any, params: dict[str, Any]) -> None:
    """Call ``fit``, with `y` if there is one."""
    if y is None:
        estimator.fit(X, **params)
    else:
        estimator.fit(X, y, **params)
