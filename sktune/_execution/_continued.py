"""The resources that go on from where a training stopped."""

from __future__ import annotations

import contextlib
import inspect
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.class_weight import compute_class_weight

from .._compat import n_samples, safe_indexing, slice_params
from ..exceptions import SearchError
from ._pickling import dumps, dumps_net, loads
from ._resource import Continued, fit
from ._wrappers import get_fitted_wrappers, inner_model, set_fitted_wrappers

__all__ = [
    "Boosting",
    "CatBoost",
    "PartialFit",
    "Segments",
    "Skorch",
    "WarmStart",
    "stops_early",
]

_SNAPSHOT = "_sktune_snapshot"
"""Attribute of a model of CatBoost with its snapshot, which it does not pickle."""

_ONLY_AT_THE_END = 10**6
"""Seconds between two snapshots of CatBoost; there is one at the end always."""


@final
@dataclass(frozen=True, slots=True)
class Segments(Continued):
    """Estimators that are `sktune._protocol.Resumable`.

    Attributes
    ----------
    name : str
        The parameter that says how long a whole training is.
    total : int
        Its value: schedules run to it, however the training is cut.
    inherits : bool
        Whether a model of other layers takes over the weights that fit it.
    """

    name: str
    total: int
    inherits: bool = False
    knows_end: ClassVar[bool] = True

    @property
    def description(self) -> str:
        return f"{self.name}, continued with weights and optimizer state"

    def _advance(
        self, model: Any, X: Any, y: Any, params: dict[str, Any], units: range
    ) -> None:
        if units.start == 0:
            model.set_params(**{self.name: self.total})
        model.train_more(X, y, len(units), **params)

    def save(self, estimator: Any) -> bytes:
        model, _ = inner_model(estimator)
        return dumps((get_fitted_wrappers(estimator), model.get_training_state()))

    def restore(self, state: bytes, untrained: Callable[[], Any]) -> Any:
        of_wrappers, of_model = loads(state, untrained)
        estimator = untrained()
        set_fitted_wrappers(estimator, of_wrappers)
        model, _ = inner_model(estimator)
        model.set_params(**{self.name: self.total})
        if self.inherits:
            model.inherit_training_state(of_model)
        else:
            model.set_training_state(of_model)
        return estimator


@final
@dataclass(frozen=True, slots=True)
class PartialFit(Continued):
    """Calls of ``partial_fit``.

    Attributes
    ----------
    name : str
        ``"passes"`` over the training rows, or ``"batches"`` of them.
    batch_size : int or None
        Rows a call; None is all of them.
    classes : object
        All labels, for estimators that ask for them; None for others.
    seed : int
        In what order the rows come when they come in batches.
    """

    name: str
    batch_size: int | None
    classes: Any
    seed: int

    @property
    def description(self) -> str:
        rows = f" of about {self.batch_size} rows" if self.batch_size else ""
        what = "passes over the training rows"
        if self.name == "batches":
            what = f"batches{rows}"
        elif rows:
            what += f" in batches{rows}"
        return f"{what}, continued by partial_fit"

    def _advance(
        self, model: Any, X: Any, y: Any, params: dict[str, Any], units: range
    ) -> None:
        if self.classes is not None and _takes_classes(model):
            params = {"classes": self.classes} | params
        with _known_class_weight(model, y):
            for rows in self._batches(n_samples(X), units):
                if rows is None:
                    model.partial_fit(X, y, **params)
                    continue
                X_part = safe_indexing(X, rows)
                y_part = None if y is None else safe_indexing(y, rows)
                part = slice_params(X, params=params, indices=rows)
                model.partial_fit(X_part, y_part, **part)

    def _batches(self, n: int, units: range) -> Iterator[NDArray[np.intp] | None]:
        """Yield the rows of each call; None is all of them."""
        if self.batch_size is None:
            yield from [None] * len(units)
            return
        n_batches = max(1, round(n / self.batch_size))  # none is much smaller
        if self.name == "passes":
            units = range(units.start * n_batches, units.stop * n_batches)
        order, shuffled = -1, []
        for unit in units:
            number, batch = divmod(unit, n_batches)
            if number != order:
                order = number
                rng = np.random.default_rng([self.seed, number])
                shuffled = np.array_split(rng.permutation(n), n_batches)
            yield shuffled[batch]


@contextlib.contextmanager
def _known_class_weight(model: Any, y: Any) -> Iterator[None]:
    """Let ``partial_fit`` know the weights of balanced classes.

    It refuses "balanced", since it need not see all rows.
    """
    given = getattr(model, "class_weight", None)
    if not isinstance(given, str) or given != "balanced":
        yield
        return
    classes = np.unique(y)
    weights = compute_class_weight(given, classes=classes, y=np.asarray(y))
    model.set_params(class_weight=dict(zip(classes, weights, strict=True)))
    try:
        yield
    finally:
        model.set_params(class_weight=given)


def _takes_classes(model: Any) -> bool:
    return "classes" in inspect.signature(model.partial_fit).parameters


@final
@dataclass(frozen=True, slots=True)
class Skorch(Continued):
    """Epochs of a skorch net.

    Attributes
    ----------
    total : int
        What ``max_epochs`` stands at while it is not trained.
    """

    total: int
    name: str = "epochs"
    knows_end: ClassVar[bool] = True

    @property
    def description(self) -> str:
        return "epochs, continued by skorch's partial_fit"

    def _advance(
        self, model: Any, X: Any, y: Any, params: dict[str, Any], units: range
    ) -> None:
        if units.start and len(model.history_) < units.start:
            return  # its own early stopping ended it
        model.set_params(max_epochs=len(units))
        try:
            model.partial_fit(X, y, **params)
        finally:
            model.set_params(max_epochs=self.total)

    def save(self, estimator: Any) -> bytes:
        return dumps_net(estimator)


@final
@dataclass(frozen=True, slots=True)
class WarmStart(Continued):
    """A parameter that ``warm_start`` continues.

    Attributes
    ----------
    name : str
        The parameter, with the steps of a pipeline that lead to it.
    counts_all : bool
        Whether it counts from the first fit, as trees do, or from this one, as
        iterations of a solver do. A solver goes on from its coefficients, but
        forgets what else it had learnt.
    """

    name: str
    counts_all: bool

    @property
    def description(self) -> str:
        return f"the parameter {self.name!r}, continued by warm_start"

    def _advance(
        self, model: Any, X: Any, y: Any, params: dict[str, Any], units: range
    ) -> None:
        name = self.name.rpartition("__")[2]
        if units.start and _has_stopped(model):
            model.set_params(**{name: units.stop})
            return
        before = model.get_params(deep=False)["warm_start"]
        amount = units.stop if self.counts_all else len(units)
        model.set_params(**{name: amount, "warm_start": True})
        with warnings.catch_warnings():
            if not self.counts_all:
                # That it was stopped before its end is the idea.
                warnings.simplefilter("ignore", ConvergenceWarning)
            # The rows are the same each time.
            warnings.filterwarnings("ignore", "class_weight presets", UserWarning)
            fit(model, X, y, params)
        model.set_params(**{name: units.stop, "warm_start": before})


def _has_stopped(model: Any) -> bool:
    """Whether histogram gradient boosting has ended by its own early stopping.

    It knows so only after one more round, at each further call.
    """
    if not getattr(model, "do_early_stopping_", False):
        return False
    scores, n = model.validation_score_, model.n_iter_no_change
    if not len(scores):
        scores = model.train_score_
    return bool(len(scores) > n and max(scores[-n:]) <= scores[-n - 1] + model.tol)


@final
@dataclass(frozen=True, slots=True)
class Boosting(Continued):
    """Rounds of XGBoost or LightGBM, continued from their boosters.

    A booster does not hold the state of random numbers: where rows or columns are
    drawn, they are drawn anew.

    Attributes
    ----------
    name : str
        ``"n_estimators"``, with the steps of a pipeline that lead to it.
    argument : str
        The argument of ``fit`` that takes the booster.
    attribute : str
        What holds the booster; called if it is a method.
    """

    name: str
    argument: str
    attribute: str

    @property
    def description(self) -> str:
        return f"boosting rounds ({self.name!r}), continued by {self.argument}"

    def _advance(
        self, model: Any, X: Any, y: Any, params: dict[str, Any], units: range
    ) -> None:
        if any(map(stops_early, params.get("callbacks") or ())):
            raise SearchError(
                "early stopping by a callback would count anew each time that training "
                "goes on: leave it out, bad candidates are stopped anyway, or use "
                "HyperbandSearchCV with resource='n_samples'"
            )
        if units.start:
            booster = getattr(model, self.attribute)
            booster = booster() if callable(booster) else booster
            params = params | {self.argument: booster}
        model.set_params(n_estimators=len(units))
        try:
            fit(model, X, y, params)
        finally:
            model.set_params(n_estimators=units.stop)


def stops_early(callback: Any) -> bool:
    """Whether a callback of XGBoost or LightGBM is that of early stopping."""
    return any("EarlyStopping" in cls.__name__ for cls in type(callback).__mro__)


@final
@dataclass(frozen=True, slots=True)
class CatBoost(Continued):
    """Trees of CatBoost, continued from its snapshots.

    From its trees alone a model would go on with other random numbers than one long
    training, and with another learning rate where none was given.

    Attributes
    ----------
    name : str
        The parameter that counts the trees, with the steps of a pipeline that lead to
        it.
    total : int
        Its value: that of a whole training, which stops early until then.
    """

    name: str
    total: int
    knows_end: ClassVar[bool] = True
    takes_other_rows: ClassVar[bool] = False

    @property
    def description(self) -> str:
        return f"trees ({self.name!r}), continued from CatBoost's snapshots"

    def _advance(
        self, model: Any, X: Any, y: Any, params: dict[str, Any], units: range
    ) -> None:
        if units.start == 0:
            model.set_params(**{self.name.rpartition("__")[2]: self.total})
        if units == range(self.total):
            fit(model, X, y, params)
            return
        with tempfile.TemporaryDirectory() as folder:
            snapshot = Path(folder, "snapshot")
            if units.start:
                snapshot.write_bytes(getattr(model, _SNAPSHOT))
            to_write = {"allow_writing_files": True, "train_dir": folder}
            trained = clone(model).set_params(**to_write)
            options = {
                "callbacks": [*(params.get("callbacks") or ()), _StopAt(units.stop)],
                "save_snapshot": True,
                "snapshot_file": str(snapshot),
                "snapshot_interval": _ONLY_AT_THE_END,
            }
            fit(trained, X, y, params | options)
            setattr(model, _SNAPSHOT, snapshot.read_bytes())
        learnt = trained.__getstate__()
        model.__setstate__({k: v for k, v in learnt.items() if k not in to_write})

    def save(self, estimator: Any) -> bytes:
        model, _ = inner_model(estimator)
        return dumps((estimator, getattr(model, _SNAPSHOT, None)))

    def restore(self, state: bytes, untrained: Callable[[], Any]) -> Any:
        estimator, snapshot = loads(state, untrained)
        setattr(inner_model(estimator)[0], _SNAPSHOT, snapshot)
        return estimator

    def adjust(self, estimator: Any, values: dict[str, Any]) -> None:
        model, prefix = inner_model(estimator)
        own = {name.removeprefix(prefix): value for name, value in values.items()}
        # Once fitted, it refuses other parameters. The snapshot stays where it is.
        vars(model).update(vars(clone(model).set_params(**own)))


class _StopAt:
    """Ends a training of CatBoost when a model has so many trees."""

    def __init__(self, n_trees: int) -> None:
        self._n_trees = n_trees

    def after_iteration(self, info: Any) -> bool:
        """Say whether to go on."""
        return bool(info.iteration < self._n_trees)
