"""Which resource an estimator has."""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from .._compat import is_instance
from .._protocol import Resumable
from ..exceptions import SearchError
from ._continued import (
    Boosting,
    CatBoost,
    PartialFit,
    Segments,
    Skorch,
    WarmStart,
    stops_early,
)
from ._resource import IntegerParameter, Resource, Samples
from ._wrappers import inner_model

__all__ = ["FoundResource", "ResourceRequest", "find_resource", "with_total"]

_PASSES = 81
"""Units of ``partial_fit`` at most, where the user does not say."""

_BOOSTERS = {
    "xgboost": ("xgb_model", "get_booster"),
    "lightgbm": ("init_model", "booster_"),
}
"""The argument of ``fit`` that takes a booster, and the attribute that is one."""

_EARLY_STOPPING = (
    "early_stopping",
    "early_stopping_round",
    "early_stopping_rounds",
    "n_iter_no_change",
)
"""What XGBoost or LightGBM call the rounds after which they stop."""

_OF_CATBOOST = ("iterations", "n_estimators", "num_boost_round", "num_trees")
"""What CatBoost calls the number of trees; one of them may be given."""

_LOOKED_FOR = (
    "'epochs' of a Keras estimator of sktune or of a skorch net, "
    "'passes' or 'batches' of an estimator with partial_fit, "
    "'n_estimators' or 'max_iter' of one with warm_start, "
    "'n_estimators' of XGBoost or LightGBM, 'iterations' of CatBoost, "
    "any whole-number parameter (a new fit each time), "
    "'n_samples' (any estimator)"
)


@dataclass(frozen=True, slots=True)
class ResourceRequest:
    """What the user asked for, and what the data are.

    Attributes
    ----------
    name : str
        ``"auto"`` or a resource.
    y : array-like or None
        The target.
    n_train : int or None
        Rows of the smallest training part, if known.
    batch_size : int or None
        Rows a call of ``partial_fit``.
    seed : int
        For the order of rows.
    """

    name: str
    y: Any
    n_train: int | None
    batch_size: int | None
    seed: int


@dataclass(frozen=True, slots=True)
class FoundResource:
    """A resource, and how much of it a whole training takes.

    Attributes
    ----------
    resource : Resource
    smallest : int
        Less of it makes no sense.
    usual : int
        How much to spend at most where the user does not say.
    limit : int or None
        More of it does not exist.
    note : str
        Why it is this resource, where that is not plain.
    synonyms : tuple of str
        Other names of the resource.
    """

    resource: Resource
    smallest: int
    usual: int
    limit: int | None = None
    note: str = ""
    synonyms: tuple[str, ...] = ()


def find_resource(estimator: Any, request: ResourceRequest) -> FoundResource:
    """Return the resource that a user asked for, or the best there is.

    Parameters
    ----------
    estimator : estimator
        With the parameters of a trial, or its own.
    request : ResourceRequest

    Returns
    -------
    FoundResource

    Raises
    ------
    SearchError
        Names what was looked for when the estimator has no such resource.
    """
    name = request.name
    model, prefix = inner_model(estimator)
    if name == "n_samples":
        return _samples(estimator, request)
    refused, setting = _obstacle(model)
    if name in ("passes", "batches", "partial_fit"):
        if not hasattr(model, "partial_fit"):
            raise _not_there(estimator, name, "it has no partial_fit")
        if refused:
            raise _not_there(estimator, name, f"it has no {refused} with {setting}")
        return _partial_fit(model, request)
    continued = list(_continued(model, prefix, refused, exact=name == "auto"))
    if name == "auto":
        if continued:
            return continued[0]
        if refused:
            note = f"; {type(model).__name__} has no {refused} with {setting}"
            return replace(_samples(estimator, request), note=note)
        if hasattr(model, "partial_fit"):
            return _partial_fit(model, request)
        return _samples(estimator, request)
    for found in continued:
        names = {found.resource.name, *found.synonyms}
        if not names.isdisjoint((name, f"{prefix}{name}")):
            return found
    return _parameter(estimator, name, prefix)


def with_total(resource: Resource, total: int, *, inherits: bool = False) -> Resource:
    """Return the resource with what a whole training takes: schedules need it.

    With `inherits`, a model of other layers may take over weights.
    """
    if isinstance(resource, Segments):
        resource = replace(resource, inherits=inherits)
    if isinstance(resource, (Segments, Skorch, CatBoost)):
        return replace(resource, total=total)
    return resource


def _continued(
    model: Any, prefix: str, refused: str, *, exact: bool
) -> Iterable[FoundResource]:
    """Yield what continues, the best first, but in the way that is refused.

    With `exact`, only what ends as one long training would.
    """
    if isinstance(model, Resumable):
        name = model.training_resource
        usual = _usual(model, name)
        yield FoundResource(Segments(name, usual), 1, usual)
        return
    packages = _packages(model)
    params = _params(model)
    for package, (argument, attribute) in _BOOSTERS.items():
        if package in packages and hasattr(type(model), attribute):
            # The trees of XGBRF... are those of one round.
            is_forest = any(c.__name__.startswith("XGBRF") for c in type(model).__mro__)
            if is_forest or refused == argument:
                return
            usual = _usual(model, "n_estimators")
            boosting = Boosting(f"{prefix}n_estimators", argument, attribute)
            yield FoundResource(boosting, 1, usual)
            return
    if "catboost" in packages and hasattr(type(model), "tree_count_"):
        if refused:
            return
        name = next((n for n in _OF_CATBOOST if n in params), "iterations")
        usual = _usual(model, name, unset=1000)
        synonyms = tuple(f"{prefix}{n}" for n in _OF_CATBOOST)
        trees = CatBoost(f"{prefix}{name}", usual)
        yield FoundResource(trees, 1, usual, synonyms=synonyms)
        return
    if hasattr(model, "initialize_module") and "max_epochs" in params:
        usual = _usual(model, "max_epochs")
        yield FoundResource(Skorch(usual), 1, usual)
        return
    if "warm_start" not in params or (exact and hasattr(model, "partial_fit")):
        return
    if refused == "warm_start":
        return
    are_rounds = is_instance(
        model,
        "sklearn.ensemble",
        "HistGradientBoostingClassifier",
        "HistGradientBoostingRegressor",
    )
    for name in ("n_estimators", "max_iter"):
        counts_all = name == "n_estimators" or are_rounds
        if name in params and (counts_all or not exact):
            resource = WarmStart(f"{prefix}{name}", counts_all)
            yield FoundResource(resource, 1, _usual(model, name))


def _obstacle(model: Any) -> tuple[str, str]:
    """Return how a training cannot go on, and the setting that rules it out.

    Both are empty if nothing does.
    """
    params = model.get_params() if hasattr(model, "get_params") else {}
    for obstacle in (_obstacle_of_trees, _obstacle_of_partial_fit):
        if (found := obstacle(model, params)) is not None:
            return found
    return "", ""


def _obstacle_of_trees(model: Any, params: dict[str, Any]) -> tuple[str, str] | None:
    bags = ("BaggingClassifier", "BaggingRegressor")
    if is_instance(model, "sklearn.ensemble", *bags) and params.get("oob_score"):
        return "warm_start", f"oob_score={params['oob_score']!r}"
    # Early stopping would count anew at each rung.
    trees = ("GradientBoostingClassifier", "GradientBoostingRegressor")
    patience = params.get("n_iter_no_change")
    if is_instance(model, "sklearn.ensemble", *trees) and patience is not None:
        return "warm_start", f"n_iter_no_change={patience!r}"
    packages = _packages(model)
    for package, (argument, _) in _BOOSTERS.items():
        if package not in packages:
            continue
        for name in _EARLY_STOPPING:
            if params.get(name):
                return argument, f"{name}={params[name]!r}"
        for callback in filter(stops_early, params.get("callbacks") or ()):
            return argument, f"callbacks=[{type(callback).__name__}(...)]"
    # LightGBM refuses the first, and drops no tree that it went on from.
    for name in ("boosting_type", "boosting"):
        if "lightgbm" in packages and params.get(name) in ("rf", "dart"):
            return "init_model", f"{name}={params[name]!r}"
    # On a GPU it calls nobody who could stop it.
    if "catboost" in packages and params.get("task_type") == "GPU":
        return "callbacks", "task_type='GPU'"
    return None


def _obstacle_of_partial_fit(
    model: Any, params: dict[str, Any]
) -> tuple[str, str] | None:
    # Balanced weights need all rows: `PartialFit` has them, models in a model do not.
    if not hasattr(model, "partial_fit") or isinstance(model, Resumable):
        return None
    for name, value in params.items():
        _, _, last = name.rpartition("__")
        if last == "early_stopping" and value is True:
            return "partial_fit", f"{name}=True"
        balanced = isinstance(value, str) and value == "balanced"
        if last == "class_weight" != name and balanced:
            return "partial_fit", f"{name}='balanced'"
    return None


def _packages(model: Any) -> set[str]:
    """Return the packages that a model's class and its bases are of."""
    return {cls.__module__.partition(".")[0] for cls in type(model).__mro__}


def _params(model: Any) -> dict[str, Any]:
    return dict(model.get_params(deep=False)) if hasattr(model, "get_params") else {}


def _usual(model: Any, name: str, *, unset: int = 100) -> int:
    value = _params(model).get(name)
    # xgboost leaves it to None
    if isinstance(value, numbers.Integral) and int(value) > 0:
        return int(value)
    return unset


def _partial_fit(model: Any, request: ResourceRequest) -> FoundResource:
    name = "batches" if request.name == "batches" else "passes"
    if name == "batches" and request.batch_size is None:
        raise SearchError(
            "resource='batches' needs batch_size, the number of rows of one, got None"
        )
    classes = None
    if is_classifier(model) and request.y is not None:
        y = np.asarray(request.y)
        several = y.ndim > 1 and y.shape[1] > 1
        classes = [np.unique(c) for c in y.T] if several else np.unique(y)
    resource = PartialFit(name, request.batch_size, classes, request.seed)
    return FoundResource(resource, 1, _PASSES)


def _samples(estimator: Any, request: ResourceRequest) -> FoundResource:
    stratify = is_classifier(estimator) and request.y is not None
    smallest = 4
    if stratify:
        y = np.asarray(request.y)
        smallest = 2 * len(np.unique(y, axis=0))
    n_train = request.n_train
    if n_train is None:
        raise SearchError(
            "the resource is 'n_samples': how many there are is not known without the "
            "data. Call plan(X, y)"
        )
    resource = Samples(stratify, request.seed, n_train)
    return FoundResource(resource, min(smallest, n_train), n_train, n_train)


def _parameter(estimator: Any, name: str, prefix: str) -> FoundResource:
    of_class = inspect.signature(type(inner_model(estimator)[0])).parameters.values()
    # Not all estimators list what was not set: CatBoost's do not.
    unset = {f"{prefix}{p.name}": None for p in of_class if p.kind != p.VAR_KEYWORD}
    params = unset | estimator.get_params()
    for full in (name, f"{prefix}{name}"):
        if full in params:
            value = params[full]
            whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
            if value is not None and not whole:
                raise _not_there(
                    estimator, name, f"its parameter {full!r} is {value!r}, no integer"
                )
            usual = int(value) if value is not None and value > 0 else 100
            return FoundResource(IntegerParameter(full), 1, usual)
    raise _not_there(estimator, name, f"it has no parameter {name!r}")


def _not_there(estimator: Any, name: str, reason: str) -> SearchError:
    model, prefix = inner_model(estimator)
    who = type(model).__name__
    if prefix:
        who += f" in the {type(estimator).__name__}"
    return SearchError(
        f"resource={name!r} cannot be used with {who}: {reason}. Looked for: "
        f"{_LOOKED_FOR}. resource='auto' takes the first of them that continues, "
        "else 'n_samples'."
    )
