"""What ``when`` means: under which values of its parents a parameter is active."""

from __future__ import annotations

import graphlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._dimensions import MAX_LISTED_LEVELS, Dimension, FloatArray, ScalarDimension
from ._messages import did_you_mean
from ._values import shown

__all__ = ["Condition", "condition_on", "condition_problems", "has_few_levels"]


@dataclass(frozen=True, eq=False)
class Condition:
    """An axis is active where its parent is, at a value that passes.

    Attributes
    ----------
    parent : int
        Number of the parent's axis.
    passing : ndarray of bool, shape (n_levels,), or None
        Which levels of the parent pass; None where there are too many to list.
    test : callable or None
        Says whether a value of the parent passes, where levels are not listed.
    """

    parent: int
    passing: NDArray[np.bool_] | None
    test: Callable[[Any], bool] | None = None

    def holds(
        self, dimension: ScalarDimension, coordinates: FloatArray
    ) -> NDArray[np.bool_]:
        """Return whether it holds at active coordinates of the parent."""
        if self.passing is not None:
            return self.passing[dimension.level(coordinates)]
        assert self.test is not None
        verdicts = [bool(self.test(dimension.value(c))) for c in coordinates.tolist()]
        return np.array(verdicts, dtype=bool)


def condition_on(parent: int, dimension: ScalarDimension, allowed: Any) -> Condition:
    """Return the condition that an entry of ``when`` stands for.

    Parameters
    ----------
    parent : int
        Number of the parent's axis.
    dimension : ScalarDimension
        Its values.
    allowed : object
        A value, a list of values, or a function of the value.

    Returns
    -------
    Condition
    """
    if not has_few_levels(dimension):
        return Condition(parent, None, _test(dimension, allowed))
    centres = dimension.levels()
    if _is_function(dimension, allowed):
        passing = [bool(allowed(dimension.value(c))) for c in centres.tolist()]
        return Condition(parent, np.array(passing, dtype=bool))
    passes = np.zeros(len(centres), dtype=bool)
    coordinates = [dimension.coordinate(value) for value in _values(allowed)]
    passes[dimension.level(np.array(coordinates, dtype=np.float64))] = True
    return Condition(parent, passes)


def has_few_levels(dimension: ScalarDimension) -> bool:
    """Whether the levels of a dimension can be listed."""
    return dimension.n_levels is not None and dimension.n_levels <= MAX_LISTED_LEVELS


def _test(dimension: ScalarDimension, allowed: Any) -> Callable[[Any], bool]:
    if _is_function(dimension, allowed):
        test: Callable[[Any], bool] = allowed
        return test
    return frozenset(_values(allowed)).__contains__


def _values(allowed: Any) -> list[Any]:
    return allowed if isinstance(allowed, list) else [allowed]


def _is_function(dimension: ScalarDimension, allowed: Any) -> bool:
    """Whether `allowed` is to be called: a function among the choices is a value."""
    return callable(allowed) and not _holds(dimension, allowed)


def _holds(dimension: ScalarDimension, value: Any) -> bool:
    try:
        dimension.coordinate(value)
    except ValueError:
        return False
    return True


# -- What is wrong with conditions ------------------------------------------------


def condition_problems(
    branch: Mapping[str, Dimension], names: Iterable[Any]
) -> Iterator[str]:
    """Yield what is wrong with the ``when`` of the dimensions of one dict.

    Parameters
    ----------
    branch : mapping of str to Dimension
        Those that could be read.
    names : iterable
        All names of the dict.

    Yields
    ------
    str
    """
    names = list(names)
    graph: dict[str, list[str]] = {}
    for name, dimension in branch.items():
        when = dimension.when
        if when is None:
            continue
        if not isinstance(when, Mapping):
            yield f"{name!r}: when must be a dict, got {shown(when)}"
            continue
        graph[name] = sorted(parent for parent in when if parent in branch)
        for parent, allowed in when.items():
            if parent in branch:
                yield from (
                    f"{name!r}: when: {problem}"
                    for problem in _problems_on(parent, branch[parent], allowed)
                )
            elif parent not in names:  # else it is malformed itself
                hint = did_you_mean(str(parent), branch)
                yield f"{name!r}: when: {parent!r} is not in the space{hint}"
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        circle = " <- ".join(map(repr, error.args[1]))
        yield f"conditions must not form a circle, got {circle}"


def _problems_on(parent: str, dimension: Dimension, allowed: Any) -> Iterator[str]:
    if not isinstance(dimension, ScalarDimension):
        yield f"{parent!r} is a Sequence, on which no condition can depend"
        return
    if list(dimension.problems()):
        return  # told already
    if _is_function(dimension, allowed):
        yield from _problems_of_function(parent, dimension, allowed)
        return
    hint = (
        "; for several values write a list"
        if isinstance(allowed, (tuple, set, frozenset, range, np.ndarray))
        else ""
    )
    for value in _values(allowed):
        if not _holds(dimension, value):
            yield (
                f"{parent}={shown(value)} never occurs: it is not in "
                f"{shown(dimension)}{hint}"
            )
    if not _values(allowed):
        yield f"the list of values of {parent!r} is empty: it never holds"
    elif dimension.n_levels is None:
        yield (
            f"{parent}={shown(allowed)} hardly ever occurs in the continuous "
            f"{shown(dimension)}; give a function such as lambda value: value > 1"
        )


def _problems_of_function(
    parent: str, dimension: ScalarDimension, function: Callable[[Any], bool]
) -> Iterator[str]:
    """Yield what goes wrong when a function is called with the parent's values."""
    few = has_few_levels(dimension)
    centres = dimension.levels() if few else np.array([0.0, 0.5, 1.0])
    verdicts = []
    for value in map(dimension.value, centres.tolist()):
        try:
            verdicts.append(bool(function(value)))
        except Exception as error:  # the user's code
            yield (
                f"the function of {parent!r} raised {type(error).__name__}: {error}, "
                f"for the value {shown(value)}"
            )
            return
    if few and not any(verdicts):
        yield f"the function of {parent!r} holds for none of {shown(dimension)}"
