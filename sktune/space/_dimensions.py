"""Dimensions: the values one hyperparameter may take.

A dimension maps its values onto coordinates in the unit interval and back. A
value of a discrete dimension owns a cell of the interval; the value's
coordinate is the centre of that cell. Constructors store, nothing else: what
is wrong with a dimension is told by `problems`, so that a space can report
all of it at once.
"""

from __future__ import annotations

import math
import numbers
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._values import shown

__all__ = [
    "MAX_LISTED_LEVELS",
    "Dimension",
    "FloatArray",
    "ScalarDimension",
    "Sequence",
    "snap_to_equal_cells",
]

FloatArray = NDArray[np.float64]

# The levels of larger dimensions are computed one at a time, never listed.
MAX_LISTED_LEVELS = 100_000


def snap_to_equal_cells(coordinates: FloatArray, n_cells: Any) -> FloatArray:
    """Move coordinates in [0, 1] to the centres of cells of equal width."""
    cells = np.minimum(np.floor(coordinates * n_cells), n_cells - 1)
    return np.asarray((cells + 0.5) / n_cells)


class Dimension(ABC):
    """What every dimension offers to a `Space`.

    Attributes
    ----------
    when : mapping or None
        Values of other parameters under which this one is active.
    """

    when: Mapping[str, Any] | None

    @abstractmethod
    def problems(self) -> Iterator[str]:
        """Yield a sentence for everything that is wrong with the dimension."""

    @abstractmethod
    def same_as(self, other: Dimension) -> bool:
        """Whether both dimensions have the same values, in the same scale."""


class ScalarDimension(Dimension):
    """A dimension with one coordinate in the unit interval.

    Attributes
    ----------
    is_categorical : bool
        Whether distances between its coordinates mean nothing.
    n_levels : int or None
        Number of distinct values; None for a continuum.
    n_equal_cells : int or None
        Number of cells when all have the same width, else None.
    has_cells : bool
        Whether `snap` moves coordinates.
    """

    is_categorical: bool = False

    @property
    @abstractmethod
    def n_levels(self) -> int | None:
        """Number of distinct values; None for a continuum."""

    @property
    def n_equal_cells(self) -> int | None:
        """Number of cells when all have the same width, else None."""
        return None

    @property
    def has_cells(self) -> bool:
        """Whether `snap` moves coordinates."""
        return self.n_levels is not None

    @abstractmethod
    def value(self, coordinate: float) -> Any:
        """Return the plain Python value at a coordinate."""

    @abstractmethod
    def coordinate(self, value: Any) -> float:
        """Return the coordinate of a value.

        Raises
        ------
        ValueError
            When the dimension does not hold the value.
        """

    def snap(self, coordinates: FloatArray) -> FloatArray:
        """Move coordinates to the centres of their cells, if there are cells."""
        coordinates = np.clip(coordinates, 0.0, 1.0)
        if self.n_equal_cells is None:
            return coordinates
        return snap_to_equal_cells(coordinates, self.n_equal_cells)

    def level(self, coordinates: FloatArray) -> NDArray[np.intp]:
        """Return the number of the cell each coordinate in [0, 1] lies in."""
        n_cells = self.n_equal_cells
        if n_cells is None:
            raise TypeError(f"{self!r} has no levels")
        cells = np.floor(coordinates * n_cells).astype(np.intp)
        return np.minimum(cells, n_cells - 1)

    def levels(self) -> FloatArray:
        """Return the centres of all cells, in the order of their numbers."""
        n_cells = self.n_equal_cells
        if n_cells is None:
            raise TypeError(f"{self!r} has no levels")
        return np.asarray((np.arange(n_cells) + 0.5) / n_cells)

    def moved(self, coordinate: float, factor: float, draw: float) -> float:
        """Return the coordinate of a value a little up or down on its own scale.

        On a log-uniform scale the value is multiplied; on others it moves by half
        of ``factor - 1`` of the whole range, as a value in the middle of a range
        that begins at 0 would by multiplying. Choices without an order stay.

        Parameters
        ----------
        coordinate : float
            Where the value is.
        factor : float
            Above 1 to move up, below 1 to move down.
        draw : float
            Number in [0, 1) that rounds to one of two neighbouring levels, so
            that the mean of many draws is the number that was rounded.

        Returns
        -------
        float
            In the unit interval; not beyond the ends of the range.
        """
        if self.is_categorical:
            return coordinate
        shift = (factor - 1.0) / 2.0
        n = self.n_levels
        if n is None or n > MAX_LISTED_LEVELS:
            return min(max(coordinate + shift, 0.0), 1.0)
        level = int(self.level(np.array([coordinate]))[0])
        return self._at_level(level + shift * (n - 1), draw)

    def _at_level(self, position: float, draw: float) -> float:
        """Return the centre of one of the two levels around a position."""
        levels = self.levels()
        level = math.floor(position + draw)
        return float(levels[min(max(level, 0), len(levels) - 1)])

    def grid_order(self) -> NDArray[np.intp]:
        """Return the cell numbers in the order the user wrote the values."""
        return np.arange(self.n_levels or 0, dtype=np.intp)

    def not_in(self, value: object) -> ValueError:
        """Return the error that says that the dimension does not hold a value."""
        return ValueError(f"{shown(value)} is not in {shown(self)}")


class Sequence(Dimension):
    """A tuple of variable length, whose items share a dimension.

    Parameters
    ----------
    item : dimension, tuple, list or distribution
        What each item may be, written as in a search space.
    min_length, max_length : int
        Bounds of the length, both included.
    when : dict, default=None
        Parameters and the values of theirs under which this one is active.

    Examples
    --------
    One to three hidden layers of 16 to 256 units:

    >>> from sktune import Sequence
    >>> Sequence((16, 256, "log-uniform"), 1, 3)
    Sequence((16, 256, 'log-uniform'), 1, 3)
    """

    def __init__(
        self,
        item: Any,
        min_length: int,
        max_length: int,
        *,
        when: Mapping[str, Any] | None = None,
    ) -> None:
        self.item = item
        self.min_length = min_length
        self.max_length = max_length
        self.when = when

    def __repr__(self) -> str:
        return f"Sequence({self.item!r}, {self.min_length!r}, {self.max_length!r})"

    def problems(self) -> Iterator[str]:
        lengths = {"min_length": self.min_length, "max_length": self.max_length}
        wrong = [
            f"{name} must be a whole number, got {shown(length)}"
            for name, length in lengths.items()
            if not isinstance(length, numbers.Integral) or isinstance(length, bool)
        ]
        yield from wrong
        if wrong:
            return
        if self.min_length < 0:
            yield f"min_length must not be negative, got {self.min_length!r}"
        if self.max_length < max(self.min_length, 1):
            yield (
                "max_length must be at least min_length and 1, got "
                f"min_length={self.min_length!r}, max_length={self.max_length!r}"
            )

    def same_as(self, other: Dimension) -> bool:
        return (
            isinstance(other, Sequence)
            and (self.min_length, self.max_length)
            == (other.min_length, other.max_length)
            # In a space the items are dimensions, however they were written.
            and isinstance(self.item, Dimension)
            and isinstance(other.item, Dimension)
            and self.item.same_as(other.item)
        )
