"""A search space, laid out as axes of the unit cube.

Optimizers see a space as points of the unit cube. A coordinate is NaN where
its axis is inactive.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..exceptions import SpaceError, SpaceTypeError
from ._conditions import has_few_levels
from ._dimensions import FloatArray, ScalarDimension, Sequence
from ._layout import Axis, Parameter, lay_out
from ._messages import one_message
from ._parse import read_branches
from ._snap import Snapper
from ._values import shown

__all__ = ["Space"]


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
        Names everything that is wrong with `spec`, in one message. It is a
        `TypeError` too where nothing but types is wrong.

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
            are_types = all(isinstance(p, SpaceTypeError) for p in problems)
            error = SpaceTypeError if are_types else SpaceError
            raise error(one_message([str(problem) for problem in problems]))
        layout = lay_out(branches)
        self.axes = tuple(layout.axes)
        self._parameters = layout.parameters
        # Those of each dict of the union, parents first.
        self._branches = layout.branches
        self.names = tuple(sorted({p.name for p in self._parameters}))
        self._snapper = Snapper(self.axes)

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
        return [str(problem) for problem in read_branches(spec, as_grid)[1]]

    def __repr__(self) -> str:
        inner = ", ".join(f"{p.name!r}: {p.dimension!r}" for p in self._parameters)
        return f"Space({{{inner}}})"

    @property
    def n_axes(self) -> int:
        """Number of axes of the unit cube."""
        return len(self.axes)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters, in the order of their axes."""
        return tuple(self._parameters)

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
        return self._snapper(np.asarray(points, dtype=np.float64))

    def key(self, point: FloatArray) -> bytes:
        """Return a hashable name of a snapped point.

        Parameters
        ----------
        point : ndarray of shape (n_axes,)
            Snapped.

        Returns
        -------
        bytes
            The same for the same configuration.
        """
        return bytes((point + 0.0).tobytes())  # + 0.0 turns -0.0 into 0.0

    def levels(self, axis: int) -> FloatArray:
        """Return the cell centres of a discrete axis.

        Parameters
        ----------
        axis : int
            Its number.

        Returns
        -------
        ndarray of shape (n_levels,)
            Increasing.
        """
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
            Snapped.
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
        snapped = self.snap(np.nan_to_num(np.atleast_2d(point), nan=0.5))[0].tolist()
        values = {}
        for parameter in self._parameters:
            first = parameter.first
            if np.isnan(snapped[first]):
                continue
            value = self.axes[first].dimension.value(snapped[first])
            if isinstance(parameter.dimension, Sequence):
                items = range(first + 1, first + 1 + value)
                value = tuple(self.axes[j].dimension.value(snapped[j]) for j in items)
            values[parameter.name] = value
        return {name: values[name] for name in sorted(values)}

    def choice_numbers(self, point: FloatArray, name: str) -> list[int]:
        """Return the numbers that say which choices a parameter has at a point.

        Parameters
        ----------
        point : ndarray of shape (n_axes,)
            Snapped.
        name : str
            A parameter that is active there.

        Returns
        -------
        list of int
            The number of the parameter, then the level of each of its axes.
        """
        for number, parameter in enumerate(self._parameters):
            if parameter.name == name and self._is_in(parameter, point):
                axes = range(parameter.first, parameter.first + parameter.n_axes)
                levels = [
                    int(self.axes[j].dimension.level(point[j : j + 1])[0])
                    for j in axes
                    if not np.isnan(point[j])
                ]
                return [number, *levels]
        raise SpaceError(f"{name!r} is not active there")

    # -- From hyperparameters to points ----------------------------------------

    def to_unit(self, params: Mapping[str, Any]) -> FloatArray:
        """Return the point of a configuration.

        Parameters
        ----------
        params : dict
            A value for each active parameter, and no others.

        Returns
        -------
        ndarray of shape (n_axes,)
            Snapped.

        Raises
        ------
        SpaceError
            When the configuration is not in the space.
        """
        problems: list[list[str]] = []
        for branch in range(len(self._branches)):
            point, held, problems_here = self._place(branch, params, params)
            active = {p.name for p in self._branches[branch] if self._is_in(p, point)}
            problems_here += [f"{name!r} is missing" for name in sorted(active - held)]
            if not problems_here:
                return point
            problems.append(problems_here)
        raise self._refusal(params, problems)

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
        problems: list[list[str]] = []
        for branch in range(len(self._branches)):
            point, held, problems_here = self._place(branch, values, required)
            problems.append(problems_here)
            if not problems_here and (best is None or len(held) > best[0]):
                best = (len(held), point)
        if best is None:
            raise self._refusal(required, problems)
        return best[1]

    def _refusal(self, names: Iterable[str], problems: list[list[str]]) -> SpaceError:
        """Return the error that tells the problems of the nearest branch."""
        known = [{p.name for p in branch} for branch in self._branches]
        n_known = [len(names_here.intersection(names)) for names_here in known]
        return SpaceError("; ".join(problems[n_known.index(max(n_known))]))

    def n_held(self, values: Mapping[str, Any]) -> int:
        """Return how many of `values` lie in the space.

        Parameters
        ----------
        values : dict
            Values of some parameters; others may be among them.

        Returns
        -------
        int
            Of the dicts of a union, the one that holds most counts. Values of
            parameters that are inactive beside the others do not count.
        """
        return max(
            len(self._place(branch, values, [])[1])
            for branch in range(len(self._branches))
        )

    def _place(
        self, branch: int, values: Mapping[str, Any], required: Iterable[str]
    ) -> tuple[FloatArray, set[str], list[str]]:
        """Return a point in a branch, the names it agrees with, and problems."""
        required = set(required)
        full = np.full(self.n_axes, 0.5)
        if len(self._branches) > 1:
            full[0] = self.levels(0)[branch]
        held, problems = set(), []
        for parameter in self._branches[branch]:
            name = parameter.name
            if name not in values:
                continue
            try:
                coordinates = self._coordinates(parameter, values[name])
            except ValueError:
                if name in required:
                    problems.append(
                        f"{name!r}: {shown(values[name])} is not in "
                        f"{shown(parameter.dimension)}"
                    )
                continue
            full[parameter.first : parameter.first + len(coordinates)] = coordinates
            held.add(name)
        point = self.snap(full[np.newaxis])[0]
        active = {p.name for p in self._branches[branch] if self._is_in(p, point)}
        known = {p.name for p in self._branches[branch]}
        for name in sorted(map(str, required)):
            if name not in known:
                problems.append(f"{name!r} is not a parameter of the space")
            elif name in held - active:
                problems.append(
                    f"{name!r} is not active beside these values: its condition fails"
                )
        return point, held & active, problems

    def _is_in(self, parameter: Parameter, point: FloatArray) -> bool:
        """Whether a parameter is active in a snapped point."""
        return not np.isnan(point[parameter.first])

    def _coordinates(self, parameter: Parameter, value: Any) -> list[float]:
        first, dimension = parameter.first, parameter.dimension
        if isinstance(dimension, ScalarDimension):
            return [dimension.coordinate(value)]
        if not isinstance(value, (tuple, list)):
            raise ValueError(f"{shown(value)} is not a tuple")
        length = self.axes[first].dimension.coordinate(len(value))
        return [length, *(self.axes[first + 1].dimension.coordinate(v) for v in value)]

    def axes_of(self, names: Iterable[str]) -> list[int]:
        """Return the axes of parameters, and those that decide if they are active.

        Parameters
        ----------
        names : iterable of str
            Names that are not in the space are passed over.

        Returns
        -------
        list of int
            Increasing.
        """
        wanted = set(names)
        waiting = [
            j
            for p in self._parameters
            if p.name in wanted
            for j in range(p.first, p.first + p.n_axes)
        ]
        found: set[int] = set()
        while waiting:
            axis = waiting.pop()
            if axis not in found:
                found.add(axis)
                waiting += [c.parent for c in self.axes[axis].conditions]
        return sorted(found)

    # -- Finite spaces -----------------------------------------------------

    @functools.cached_property
    def size(self) -> int | None:
        """Number of distinct configurations, None if there is no end of them.

        An axis with more than 100,000 levels on which others depend counts as
        endless.
        """
        if any(axis.n_levels is None for axis in self.axes):
            return None
        children = self._children()
        if not all(has_few_levels(self.axes[parent].dimension) for parent in children):
            return None
        kinds = {parent: self._kinds(parent, own) for parent, own in children.items()}
        return self._count(0, kinds, np.full(self.n_axes, _INACTIVE))

    def _children(self) -> dict[int, list[NDArray[np.bool_]]]:
        """Return the axes others depend on, and which levels let each of them be."""
        children: dict[int, list[NDArray[np.bool_]]] = {}
        for axis in self.axes:
            for condition in axis.conditions:
                own = children.setdefault(condition.parent, [])
                if condition.passing is not None:
                    own.append(condition.passing)
        return children

    def _kinds(
        self, parent: int, passing: list[NDArray[np.bool_]]
    ) -> list[tuple[int, int]]:
        """Return a level for each set of axes that can be active, and its number."""
        _, levels, numbers = np.unique(
            np.stack(passing, axis=1), axis=0, return_index=True, return_counts=True
        )
        return list(zip(levels.tolist(), numbers.tolist(), strict=True))

    def _count(
        self, j: int, kinds: dict[int, list[tuple[int, int]]], level: NDArray[np.intp]
    ) -> int:
        """Count the configurations of the axes from the j-th on."""
        factor = 1
        while j < self.n_axes:
            if not self._is_active(j, level):
                level[j] = _INACTIVE
            elif j in kinds:
                total = 0
                for one, number in kinds[j]:
                    level[j] = one
                    total += number * self._count(j + 1, kinds, level)
                return factor * total
            else:  # its value decides nothing
                factor *= self.axes[j].n_levels or 0
            j += 1
        return factor

    def _is_active(self, j: int, level: NDArray[np.intp]) -> bool:
        """Whether an axis is active, given the levels of those before it."""
        return all(
            level[condition.parent] != _INACTIVE
            and condition.passing is not None
            and bool(condition.passing[level[condition.parent]])
            for condition in self.axes[j].conditions
        )

    def enumerate(self) -> Iterator[FloatArray]:
        """Yield every point of a finite space.

        Yields
        ------
        ndarray of shape (n_axes,)
            In the order of `sklearn.model_selection.ParameterGrid`.
        """
        for branch, parameters in enumerate(self._branches):
            level = np.full(self.n_axes, _INACTIVE)
            point = np.full(self.n_axes, np.nan)
            if len(self._branches) > 1:
                level[0] = branch
                point[0] = self.levels(0)[branch]
            order = [j for p in parameters for j in range(p.first, p.first + p.n_axes)]
            yield from self._enumerate(order, level, point)

    def _enumerate(
        self, order: list[int], level: NDArray[np.intp], point: FloatArray
    ) -> Iterator[FloatArray]:
        """Yield the points that differ along the axes in `order`, the last fastest."""
        if not order:
            yield point.copy()
            return
        j, rest = order[0], order[1:]
        if not self._is_active(j, level):
            level[j], point[j] = _INACTIVE, np.nan
            yield from self._enumerate(rest, level, point)
            return
        dimension = self.axes[j].dimension
        centres = dimension.levels()
        for one in dimension.grid_order():
            level[j], point[j] = one, centres[one]
            yield from self._enumerate(rest, level, point)


# In place of the number of a level.
_INACTIVE = -1
