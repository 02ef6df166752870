"""A search space, laid out as axes of the unit cube.

Optimizers see a space as points of the unit cube. Each scalar dimension is
one axis; a `Sequence` is an axis for its length and one for each item; a list
of dicts adds a root axis that chooses the dict. A coordinate is NaN where its
axis is inactive.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..exceptions import SpaceError
from ._dimensions import (
    Categorical,
    Dimension,
    Float,
    Integer,
    ScalarDimension,
    Sequence,
    same_value,
)
from ._parse import Branch, parse_dimension, read_branches

__all__ = ["Axis", "Space", "one_message", "split_budgets"]

FloatArray = NDArray[np.float64]

_ROOT_LABEL = "<sub-space>"


@dataclass(frozen=True)
class _Condition:
    """An axis is active where the parent's value passes the test."""

    parent: int
    dimension: ScalarDimension
    test: Callable[[Any], bool]

    def holds(self, coordinates: FloatArray) -> NDArray[np.bool_]:
        # Few distinct coordinates: the parent is discrete nearly always.
        distinct, where = np.unique(coordinates, return_inverse=True)
        verdicts = [bool(self.test(self.dimension.value(c))) for c in distinct]
        return np.array(verdicts, dtype=bool)[where]


@dataclass(frozen=True)
class Axis:
    """One coordinate of the unit cube.

    Attributes
    ----------
    label : str
        Name of the parameter, with the item's number for a `Sequence`.
    dimension : ScalarDimension
        The values along the axis.
    conditions : tuple
        All must hold for the axis to be active.
    """

    label: str
    dimension: ScalarDimension
    conditions: tuple[_Condition, ...] = ()

    @property
    def is_categorical(self) -> bool:
        """Whether distances along the axis mean nothing."""
        return self.dimension.is_categorical

    @property
    def n_levels(self) -> int | None:
        """Number of distinct values; None for a continuum."""
        return self.dimension.n_levels


@dataclass(frozen=True)
class _Parameter:
    """A parameter, the dicts it stands in, and its axes."""

    name: str
    dimension: Dimension
    branches: frozenset[int]


class Space:
    """A space of hyperparameters.

    Parameters
    ----------
    spec : dict or list of dict
        Parameter names and what values they may take: frozen scipy
        distributions, lists, arrays, ``(low, high)`` and
        ``(low, high, "uniform" | "log-uniform")`` ranges, dimensions. A list
        of dicts is the union of their spaces.
    as_grid : bool, default=False
        Whether to read `spec` as `sklearn.model_selection.ParameterGrid` does:
        ``(1, 10)`` is two values instead of a range, and an empty dict is one
        configuration.

    Attributes
    ----------
    axes : tuple of Axis
        The axes of the unit cube.
    names : tuple of str
        The parameters' names, sorted.

    Raises
    ------
    SpaceError
        Names everything that is wrong with `spec`, in one message.

    Examples
    --------
    >>> from sktune import Space
    >>> space = Space({"C": (1e-3, 1e3, "log-uniform"), "kernel": ["linear", "rbf"]})
    >>> space.n_axes
    2
    >>> space.from_unit([0.5, 0.9])
    {'C': 1.0, 'kernel': 'rbf'}
    """

    axes: tuple[Axis, ...]
    names: tuple[str, ...]

    def __init__(
        self,
        spec: Mapping[str, Any] | Iterable[Mapping[str, Any]],
        *,
        as_grid: bool = False,
    ) -> None:
        branches, problems = read_branches(spec, as_grid)
        if problems:
            raise SpaceError(one_message(problems))
        self._n_branches = len(branches)
        self._parameters = _merge(branches)
        self.names = tuple(sorted({p.name for p in self._parameters}))
        self._first_axis: list[int] = []
        self.axes = self._lay_out()
        self._always_continuous = np.array(
            [a.n_levels is None and isinstance(a.dimension, Float) for a in self.axes]
        ) & np.array([not a.conditions for a in self.axes])

    @classmethod
    def problems_of(cls, spec: Any, *, as_grid: bool = False) -> list[str]:
        """Return a sentence for everything that is wrong with `spec`.

        Parameters
        ----------
        spec : object
            What would be given to the constructor.
        as_grid : bool, default=False
            As in the constructor.

        Returns
        -------
        list of str
            Empty when the constructor would accept `spec`.
        """
        return read_branches(spec, as_grid)[1]

    def __repr__(self) -> str:
        inner = ", ".join(f"{p.name!r}: {p.dimension!r}" for p in self._parameters)
        return f"Space({{{inner}}})"

    @property
    def n_axes(self) -> int:
        """Number of axes of the unit cube."""
        return len(self.axes)

    # -- Layout ------------------------------------------------------------

    def _lay_out(self) -> tuple[Axis, ...]:
        """Order the axes so that conditions look back only."""
        axes: list[Axis] = []
        if self._n_branches > 1:
            root = Categorical(list(range(self._n_branches)))
            axes.append(Axis(_ROOT_LABEL, root))
        for parameter in self._parameters:
            self._first_axis.append(len(axes))
            conditions = self._conditions(parameter, axes)
            dimension = parameter.dimension
            if isinstance(dimension, ScalarDimension):
                axes.append(Axis(parameter.name, dimension, conditions))
            elif isinstance(dimension, Sequence):
                axes.extend(_sequence_axes(parameter, conditions, len(axes)))
        return tuple(axes)

    def _conditions(
        self, parameter: _Parameter, axes: list[Axis]
    ) -> tuple[_Condition, ...]:
        conditions = []
        branches = parameter.branches
        if len(branches) < self._n_branches:
            conditions.append(
                _Condition(0, axes[0].dimension, lambda branch: branch in branches)
            )
        for name, allowed in (parameter.dimension.when or {}).items():
            parent = next(
                i
                for i, other in enumerate(self._parameters)
                if other.name == name and parameter.branches <= other.branches
            )
            index = self._first_axis[parent]
            test = _test(allowed)
            conditions.append(_Condition(index, axes[index].dimension, test))
        return tuple(conditions)

    # -- Points ------------------------------------------------------------

    def snap(self, points: Any) -> FloatArray:
        """Move points to the centres of their cells.

        Parameters
        ----------
        points : array-like of shape (n_points, n_axes)
            Coordinates in the unit interval, none of them NaN.

        Returns
        -------
        ndarray of shape (n_points, n_axes)
            NaN where an axis is inactive.
        """
        points = np.asarray(points, dtype=np.float64)
        snapped = np.clip(points, 0.0, 1.0)
        for j in np.flatnonzero(~self._always_continuous):
            axis = self.axes[j]
            active = np.ones(len(points), dtype=bool)
            for condition in axis.conditions:
                # The parent came before: its inactive coordinates are NaN by now.
                active &= ~np.isnan(snapped[:, condition.parent])
                active[active] = condition.holds(snapped[active, condition.parent])
            snapped[~active, j] = np.nan
            snapped[active, j] = axis.dimension.snap(snapped[active, j])
        return snapped

    def key(self, point: FloatArray) -> bytes:
        """Return a hashable name of a snapped point."""
        return bytes((point + 0.0).tobytes())  # + 0.0 turns -0.0 into 0.0

    def levels(self, axis: int) -> FloatArray:
        """Return the cell centres of a discrete axis."""
        return self.axes[axis].dimension.levels()

    def sample(self, rng: np.random.Generator, n_points: int) -> FloatArray:
        """Draw points independently and uniformly.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of randomness.
        n_points : int
            How many.

        Returns
        -------
        ndarray of shape (n_points, n_axes)
        """
        return self.snap(rng.random((n_points, self.n_axes)))

    def from_unit(self, point: Any) -> dict[str, Any]:
        """Return the hyperparameters at a point.

        Parameters
        ----------
        point : array-like of shape (n_axes,)
            Coordinates; NaN where an axis is inactive.

        Returns
        -------
        dict
            Plain Python values; inactive parameters are absent.
        """
        snapped = self.snap(np.nan_to_num(np.atleast_2d(point), nan=0.5))[0]
        params = {}
        for parameter, first in zip(self._parameters, self._first_axis, strict=True):
            if np.isnan(snapped[first]):
                continue
            value = self.axes[first].dimension.value(snapped[first])
            if isinstance(parameter.dimension, Sequence):
                items = range(first + 1, first + 1 + value)
                value = tuple(self.axes[j].dimension.value(snapped[j]) for j in items)
            params[parameter.name] = value
        return {name: params[name] for name in sorted(params)}

    def to_unit(self, params: Mapping[str, Any]) -> FloatArray:
        """Return the point of a configuration.

        Parameters
        ----------
        params : dict
            A value for each active parameter, and no others.

        Returns
        -------
        ndarray of shape (n_axes,)

        Raises
        ------
        SpaceError
            When the configuration is not in the space.
        """
        point = self.guess(params, required=params)
        missing = set(self.from_unit(point)) ^ set(params)
        if missing:
            raise SpaceError(
                f"{dict(params)!r} is not a configuration of the space: "
                f"{sorted(missing)!r} are missing or not active"
            )
        return point

    def guess(
        self, values: Mapping[str, Any], *, required: Iterable[str] = ()
    ) -> FloatArray:
        """Return a point that agrees with `values` where they lie in the space.

        Parameters
        ----------
        values : dict
            Values of some parameters; others may be among them.
        required : iterable of str, default=()
            Names of values that must lie in the space.

        Returns
        -------
        ndarray of shape (n_axes,)
            The middle of its range for each parameter without a value.

        Raises
        ------
        SpaceError
            When a required value is not in the space.
        """
        required = list(required)
        best: tuple[int, FloatArray] | None = None
        problems: list[str] = []
        for branch in range(self._n_branches):
            point, held, problems_here = self._guess_in(branch, values, required)
            problems = problems or problems_here
            if not problems_here and (best is None or held > best[0]):
                best = (held, point)
        if best is None:
            raise SpaceError("; ".join(problems))
        snapped: FloatArray = self.snap(best[1][np.newaxis])[0]
        return snapped

    def n_held(self, values: Mapping[str, Any]) -> int:
        """Return how many of `values` lie in the space, in its best branch."""
        return max(
            self._guess_in(branch, values, [])[1] for branch in range(self._n_branches)
        )

    def _guess_in(
        self, branch: int, values: Mapping[str, Any], required: list[str]
    ) -> tuple[FloatArray, int, list[str]]:
        """Return a full point in one branch, the number held, and problems."""
        point = np.full(self.n_axes, 0.5)
        if self._n_branches > 1:
            point[0] = self.levels(0)[branch]
        held, unplaced, problems = 0, set(required), []
        for parameter, first in zip(self._parameters, self._first_axis, strict=True):
            if branch not in parameter.branches or parameter.name not in values:
                continue
            unplaced.discard(parameter.name)
            value = values[parameter.name]
            try:
                coordinates = self._coordinates(parameter.dimension, first, value)
            except ValueError:
                if parameter.name in required:
                    problems.append(
                        f"{parameter.name!r}: {value!r} is not in "
                        f"{parameter.dimension!r}"
                    )
                continue
            point[first : first + len(coordinates)] = coordinates
            held += 1
        for name in sorted(unplaced):
            problems.append(f"{name!r} is not a parameter of the space")
        return point, held, problems

    def _coordinates(self, dimension: Dimension, first: int, value: Any) -> list[float]:
        if isinstance(dimension, ScalarDimension):
            return [dimension.coordinate(value)]
        if not isinstance(value, (tuple, list)):
            raise ValueError(f"{value!r} is not a tuple")
        item = self.axes[first + 1].dimension
        length = self.axes[first].dimension.coordinate(len(value))
        return [length, *(item.coordinate(v) for v in value)]

    # -- Finite spaces -----------------------------------------------------

    @property
    def size(self) -> int | None:
        """Number of distinct configurations, None if there is no end of them."""
        if any(axis.n_levels is None for axis in self.axes):
            return None
        parents = {c.parent for axis in self.axes for c in axis.conditions}
        point = np.full(self.n_axes, np.nan)
        return self._count(0, parents, point)

    def _count(self, j: int, parents: set[int], point: FloatArray) -> int:
        """Count the configurations of the axes from the j-th on."""
        if j == self.n_axes:
            return 1
        if not self._is_active(j, point):
            point[j] = np.nan
            return self._count(j + 1, parents, point)
        if j not in parents:  # its value decides nothing: count the rest once
            n_levels = self.axes[j].n_levels or 0
            return n_levels * self._count(j + 1, parents, point)
        total = 0
        for level in self.levels(j):
            point[j] = level
            total += self._count(j + 1, parents, point)
        return total

    def _is_active(self, j: int, point: FloatArray) -> bool:
        return all(
            not np.isnan(point[c.parent])
            and c.test(c.dimension.value(float(point[c.parent])))
            for c in self.axes[j].conditions
        )

    def enumerate(self) -> Iterator[FloatArray]:
        """Yield every point of a finite space.

        Yields
        ------
        ndarray of shape (n_axes,)
            In the order of `sklearn.model_selection.ParameterGrid`.
        """
        yield from self._enumerate_from(0, np.full(self.n_axes, np.nan))

    def _enumerate_from(self, j: int, point: FloatArray) -> Iterator[FloatArray]:
        if j == self.n_axes:
            yield point.copy()
            return
        coordinates = [np.nan]
        if self._is_active(j, point):
            dimension = self.axes[j].dimension
            coordinates = list(dimension.levels()[dimension.grid_order()])
        for coordinate in coordinates:
            point[j] = coordinate
            yield from self._enumerate_from(j + 1, point)


def split_budgets(spec: Any) -> list[tuple[Any, int | None]]:
    """Return the parts of a space that have an ``n_iter`` of their own.

    Parameters
    ----------
    spec : dict, list of dict, or list of (dict, n_iter)
        A space as the user wrote it.

    Returns
    -------
    list of (spec, n_iter)
        One item with None for a space without budgets of its own.
    """
    pairs = spec if isinstance(spec, list) else [spec]
    if not any(_is_pair(part) for part in pairs):
        return [(spec, None)]
    return [part if _is_pair(part) else (part, None) for part in pairs]


def _is_pair(part: Any) -> bool:
    return isinstance(part, tuple) and len(part) == 2 and isinstance(part[0], Mapping)


# -- From dimensions to axes --------------------------------------------------


def one_message(problems: list[str]) -> str:
    """Return the message of an error that tells of all problems at once."""
    if len(problems) == 1:
        return f"The search space is malformed: {problems[0]}"
    lines = "".join(f"\n- {problem}" for problem in problems)
    return f"The search space has {len(problems)} problems:{lines}"


def _test(allowed: Any) -> Callable[[Any], bool]:
    """Return the test that a ``when`` entry stands for."""
    if callable(allowed):
        # A function among the choices is a value; any other is a predicate.
        return lambda value: (
            same_value(value, allowed) or (not callable(value) and bool(allowed(value)))
        )
    values = allowed if isinstance(allowed, list) else [allowed]
    return lambda value: any(same_value(value, other) for other in values)


def _merge(branches: list[Branch]) -> list[_Parameter]:
    """Return the parameters of all dicts, parents first, else sorted by name.

    A parameter that several dicts hold alike becomes one: what is learnt of it
    in one dict then counts in the other.
    """
    merged: list[_Parameter] = []
    for number, branch in enumerate(branches):
        for name in _parents_first(branch):
            dimension = branch[name]
            for i, other in enumerate(merged):
                if (
                    other.name == name
                    and not dimension.when
                    and not other.dimension.when
                    and other.dimension.same_as(dimension)
                ):
                    joined = other.branches | {number}
                    merged[i] = _Parameter(name, other.dimension, joined)
                    break
            else:
                merged.append(_Parameter(name, dimension, frozenset([number])))
    return merged


def _parents_first(branch: Branch) -> list[str]:
    ordered: list[str] = []

    def visit(name: str) -> None:
        if name not in ordered:
            for parent in sorted(branch[name].when or {}):
                visit(parent)
            ordered.append(name)

    for name in sorted(branch):
        visit(name)
    return ordered


def _sequence_axes(
    parameter: _Parameter, conditions: tuple[_Condition, ...], first: int
) -> list[Axis]:
    """Return the axis of a sequence's length and those of its items."""
    sequence = parameter.dimension
    assert isinstance(sequence, Sequence)
    item = parse_dimension(sequence.item)
    assert isinstance(item, ScalarDimension)
    length = Integer(sequence.min_length, sequence.max_length)
    axes = [Axis(f"{parameter.name}.length", length, conditions)]
    for position in range(sequence.max_length):
        longer = _Condition(first, length, functools.partial(operator.lt, position))
        axes.append(Axis(f"{parameter.name}[{position}]", item, (longer,)))
    return axes
