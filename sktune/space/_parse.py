"""From what a user writes to dimensions."""

from __future__ import annotations

import difflib
import graphlib
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Sequence as AbstractSequence
from typing import Any

import numpy as np

from ..exceptions import SpaceError
from ._dimensions import (
    PRIORS,
    Categorical,
    Dimension,
    Distribution,
    Float,
    Integer,
    NumberList,
    Ordinal,
    ScalarDimension,
    Sequence,
    is_number,
    same_value,
)

__all__ = [
    "Branch",
    "choices_dimension",
    "did_you_mean",
    "parse_dimension",
    "read_branches",
]

# The dimensions of one dict of a space.
Branch = dict[str, Dimension]

# How many values are drawn from an object that can be sampled but not inverted.
_N_DRAWS = 256


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the nearest known name, if any."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def read_branches(spec: Any, as_grid: bool) -> tuple[list[Branch], list[str]]:
    """Return the dimensions of each dict, and all that is wrong with them."""
    parts = [spec] if isinstance(spec, Mapping) else spec
    if not isinstance(parts, (list, tuple)) or not all(
        isinstance(part, Mapping) for part in parts
    ):
        return [], [f"expected a dict or a list of dicts, got {spec!r}"]
    if not parts or not (as_grid or any(len(part) for part in parts)):
        return [], ["there is no parameter in it: name at least one"]
    branches, problems = [], []
    for part in parts:
        branch: Branch = {}
        for name, value in part.items():
            if not isinstance(name, str):
                problems.append(f"a parameter's name must be a string, got {name!r}")
                continue
            try:
                branch[name] = parse_dimension(value, as_grid=as_grid)
            except SpaceError as error:
                problems.append(f"{name!r}: {error}")
                continue
            problems.extend(_dimension_problems(name, branch[name]))
        problems.extend(_condition_problems(branch, part))
        branches.append(branch)
    return branches, problems


def _dimension_problems(name: str, dimension: Dimension) -> Iterator[str]:
    for problem in dimension.problems():
        yield f"{name!r}: {problem}"
    if isinstance(dimension, Sequence):
        try:
            item = parse_dimension(dimension.item)
        except SpaceError as error:
            yield f"{name!r}: item: {error}"
            return
        if not isinstance(item, ScalarDimension):
            yield f"{name!r}: the items of a Sequence must not be Sequences"
        for problem in item.problems():
            yield f"{name!r}: item: {problem}"


def _condition_problems(branch: Branch, names: Iterable[Any]) -> Iterator[str]:
    """Yield what is wrong with the ``when`` of the dimensions of one dict."""
    graph: dict[str, set[str]] = {}
    for name, dimension in branch.items():
        when = dimension.when
        if when is None:
            continue
        if not isinstance(when, Mapping):
            yield f"{name!r}: when must be a dict, got {when!r}"
            continue
        graph[name] = set(when)
        for parent, allowed in when.items():
            if parent not in names:
                hint = did_you_mean(str(parent), branch)
                yield f"{name!r}: when names {parent!r}, not in the space{hint}"
            elif parent not in branch:
                continue  # malformed itself
            elif not isinstance(branch[parent], ScalarDimension):
                yield f"{name!r}: when names {parent!r}, a Sequence: not supported"
            elif not callable(allowed) and not list(branch[parent].problems()):
                yield from _unreachable(name, parent, branch[parent], allowed)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        yield f"conditions must not form a circle, got {' <- '.join(error.args[1])}"


def _unreachable(
    name: str, parent: str, dimension: Dimension, allowed: Any
) -> Iterator[str]:
    assert isinstance(dimension, ScalarDimension)
    for value in allowed if isinstance(allowed, list) else [allowed]:
        try:
            dimension.coordinate(value)
        except ValueError:
            yield f"{name!r}: when waits for {parent}={value!r}, not in {dimension!r}"


def parse_dimension(spec: Any, *, as_grid: bool = False) -> Dimension:
    """Return the dimension that a user's notation stands for.

    Parameters
    ----------
    spec : object
        A dimension, distribution, list, array, tuple, or a dimension of
        Optuna or scikit-optimize.
    as_grid : bool, default=False
        Whether ``(1, 10)`` is two values instead of a range, as in scikit-learn.

    Returns
    -------
    Dimension

    Raises
    ------
    SpaceError
        When the notation stands for nothing.
    """
    if isinstance(spec, Dimension):
        return spec
    library = type(spec).__module__.partition(".")[0]
    if library == "optuna":
        return _from_optuna(spec)
    if library == "skopt":
        return _from_skopt(spec)
    if hasattr(spec, "cdf") and (hasattr(spec, "ppf") or hasattr(spec, "icdf")):
        return Distribution(spec)
    if hasattr(spec, "rvs"):
        return _from_draws(spec)
    if isinstance(spec, tuple) and not as_grid and _looks_like_range(spec):
        return _range(*spec)
    if isinstance(spec, (str, bytes)) or not (
        isinstance(spec, AbstractSequence) or hasattr(spec, "__array__")
    ):
        raise SpaceError(_not_a_dimension(spec))
    return choices_dimension(spec)


def choices_dimension(spec: Any) -> Dimension:
    """Return the dimension of a list: ordinal for numbers, else categorical."""
    if hasattr(spec, "__array__") and np.ndim(spec) != 1:
        raise SpaceError(
            f"an array of values must be one-dimensional, got shape {np.shape(spec)}; "
            "for values that are arrays give a list of them"
        )
    choices = _without_repeats([_plain(value) for value in spec])
    if not choices:
        raise SpaceError("the list is empty: give at least one value")
    if all(is_number(value) and value == value for value in choices):
        return NumberList(choices)
    return Categorical(choices)


def _plain(value: Any) -> Any:
    """Return numpy scalars as Python values, all else untouched."""
    return value.item() if isinstance(value, np.generic) else value


def _without_repeats(values: list[Any]) -> list[Any]:
    distinct: list[Any] = []
    seen: set[tuple[bool, Any]] = set()
    for value in values:
        try:
            # Keeps True and 1 apart, which are equal; 1 and 1.0 are one value.
            key = (isinstance(value, bool), value)
            repeated = key in seen
            seen.add(key)
        except TypeError:  # unhashable
            repeated = any(same_value(value, other) for other in distinct)
        if not repeated:
            distinct.append(value)
    return distinct


def _looks_like_range(spec: tuple[Any, ...]) -> bool:
    if len(spec) not in (2, 3) or not (is_number(spec[0]) and is_number(spec[1])):
        return False
    if len(spec) == 2:
        return True
    if not isinstance(spec[2], str):
        return False
    if spec[2] not in PRIORS and difflib.get_close_matches(
        spec[2], [*PRIORS, "log", "loguniform"], cutoff=0.7
    ):
        raise SpaceError(
            f"the third item of a range must be one of {PRIORS}, got {spec[2]!r}; "
            "for three values to choose from write a list"
        )
    return spec[2] in PRIORS


def _range(low: Any, high: Any, prior: str = "uniform") -> Float | Integer:
    low, high = _plain(low), _plain(high)
    if isinstance(low, int) and isinstance(high, int):
        return Integer(low, high, prior)
    return Float(low, high, prior)


def _not_a_dimension(spec: Any) -> str:
    if is_number(spec) or spec is None or isinstance(spec, (str, bytes, bool)):
        return f"got the single value {spec!r}; to keep it fixed write [{spec!r}]"
    if isinstance(spec, (set, frozenset)):
        return f"got a set, which has no order; write {list(spec)!r}"
    return (
        "expected a list, a (low, high) range, a scipy distribution or a dimension, "
        f"got {spec!r} of type {type(spec).__name__}"
    )


def _from_draws(spec: Any) -> Dimension:
    """Return the values drawn from an object that has only ``rvs``."""
    rng = np.random.RandomState(0)
    return choices_dimension([spec.rvs(random_state=rng) for _ in range(_N_DRAWS)])


def _from_optuna(spec: Any) -> Dimension:
    """Return the dimension of an Optuna distribution, known by its attributes."""
    if hasattr(spec, "choices"):
        return Categorical(list(spec.choices))
    prior = "log-uniform" if getattr(spec, "log", False) else "uniform"
    is_integer = type(spec).__name__.startswith("Int")
    step = getattr(spec, "step", None)
    if step is not None and not (is_integer and step == 1):
        n_steps = int(np.floor((spec.high - spec.low) / step + 1e-9))
        return Ordinal([spec.low + step * i for i in range(n_steps + 1)])
    return (Integer if is_integer else Float)(spec.low, spec.high, prior)


def _from_skopt(spec: Any) -> Dimension:
    """Return the dimension of a scikit-optimize one, known by its attributes."""
    if hasattr(spec, "categories"):
        return Categorical([_plain(value) for value in spec.categories])
    kind = Integer if type(spec).__name__ == "Integer" else Float
    return kind(_plain(spec.low), _plain(spec.high), spec.prior)
