"""Moving points to the configurations they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._conditions import Condition
from ._dimensions import FloatArray, snap_to_equal_cells
from ._layout import Axis

__all__ = ["Snapper"]


@dataclass(frozen=True, eq=False)
class _Children:
    """The axes whose conditions look at one parent, all levels listed."""

    parent: int
    axes: NDArray[np.intp]
    # Shape (n_levels, n_children): whether a level of the parent lets them be.
    passing: NDArray[np.bool_]


class Snapper:
    """Moves points to the centres of their cells, many at a time.

    What the axes have in common is found once: optimizers snap thousands of
    points a trial.

    Parameters
    ----------
    axes : sequence of Axis
        Those of a space.
    """

    def __init__(self, axes: Sequence[Axis]) -> None:
        self._axes = tuple(axes)
        equal = [(j, a.dimension.n_equal_cells) for j, a in enumerate(self._axes)]
        self._equal = np.array([j for j, n in equal if n is not None], dtype=np.intp)
        self._n_cells = np.array([n for _, n in equal if n is not None], dtype=float)
        others: dict[int, list[int]] = {}  # items of a sequence share a dimension
        for j, n in equal:
            if n is None:
                others.setdefault(id(self._axes[j].dimension), []).append(j)
        self._others = [
            (np.array(columns), self._axes[columns[0]].dimension)
            for columns in others.values()
            if self._axes[columns[0]].dimension.has_cells
        ]
        self._conditional = np.array([bool(a.conditions) for a in self._axes])
        self._steps = self._plan()

    def _plan(self) -> list[_Children | tuple[int, Condition]]:
        """Return what decides which axes are active, parents first."""
        steps: list[_Children | tuple[int, Condition]] = []
        for parent in range(len(self._axes)):
            listed: dict[int, NDArray[np.bool_]] = {}
            for j, axis in enumerate(self._axes):
                for condition in axis.conditions:
                    if condition.parent != parent:
                        continue
                    if condition.passing is None:
                        steps.append((j, condition))
                    else:
                        listed[j] = condition.passing
            if listed:
                passing = np.stack(list(listed.values()), axis=1)
                steps.append(_Children(parent, np.array(list(listed)), passing))
        return steps

    def __call__(self, points: FloatArray) -> FloatArray:
        """Return snapped points, NaN where an axis is inactive.

        Parameters
        ----------
        points : ndarray of shape (n_points, n_axes)

        Returns
        -------
        ndarray of shape (n_points, n_axes)
        """
        snapped = np.clip(points, 0.0, 1.0)
        if len(self._equal):
            equal = snap_to_equal_cells(snapped[:, self._equal], self._n_cells)
            snapped[:, self._equal] = equal
        for columns, dimension in self._others:
            snapped[:, columns] = dimension.snap(snapped[:, columns])
        if self._steps:
            return np.where(self._active(snapped), snapped, np.nan)
        return snapped

    def _active(self, snapped: FloatArray) -> NDArray[np.bool_]:
        """Return which axes are active in each point."""
        active = np.ones(snapped.shape, dtype=bool)
        for step in self._steps:
            if isinstance(step, _Children):
                parent = step.parent
                level = self._axes[parent].dimension.level(snapped[:, parent])
                passes = step.passing[level]
                if self._conditional[parent]:
                    passes &= active[:, parent, np.newaxis]
                active[:, step.axes] &= passes
            else:
                j, condition = step
                rows = np.flatnonzero(active[:, j] & active[:, condition.parent])
                active[:, j] &= active[:, condition.parent]
                parent = condition.parent
                active[rows, j] = condition.holds(
                    self._axes[parent].dimension, snapped[rows, parent]
                )
        return active
