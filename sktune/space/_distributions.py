"""Distributions of scipy, and what looks like them, as dimensions."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._dimensions import MAX_LISTED_LEVELS, Dimension, FloatArray, ScalarDimension
from ._values import is_number, shortened, shown

__all__ = ["Distribution"]

# Unbounded distributions are cut at these quantiles: their ppf(0) and ppf(1)
# are infinite.
_TAIL = 1e-6

# Rounding error of a coordinate.
_NOISE = 4 * np.finfo(np.float64).eps

# A value whose cdf leads back to another one is not in the support.
_TOLERANCE = 1e-6

# Those whose values are multiplied where others are shifted.
_LOGARITHMIC = ("loguniform", "reciprocal", "lognorm")


@dataclass(frozen=True, eq=False)
class _Cells:
    """The values of a discrete distribution, and where their cells end."""

    values: FloatArray
    edges: FloatArray

    @functools.cached_property
    def centres(self) -> FloatArray:
        return np.asarray((self.edges[:-1] + self.edges[1:]) / 2)

    def level(self, coordinates: FloatArray) -> NDArray[np.intp]:
        cells = np.searchsorted(self.edges, coordinates, side="right") - 1
        return np.clip(cells, 0, len(self.values) - 1)


class Distribution(ScalarDimension):
    """A frozen scipy distribution: its quantile function maps the interval.

    Parameters
    ----------
    distribution : object
        Anything with ``ppf`` (or ``icdf``) and ``cdf``.
    when : dict, default=None
        Parameters and the values of theirs under which this one is active.

    Examples
    --------
    >>> from scipy.stats import randint
    >>> from sktune import Space
    >>> Space({"max_depth": randint(1, 9)}).from_unit([0.5])
    {'max_depth': 5}
    """

    def __init__(
        self, distribution: Any, *, when: Mapping[str, Any] | None = None
    ) -> None:
        self.distribution = distribution
        self.when = when

    def __repr__(self) -> str:
        frozen = self.distribution
        if not hasattr(frozen, "dist"):
            return repr(frozen)
        given = [repr(value) for value in frozen.args]
        given += [f"{name}={value!r}" for name, value in frozen.kwds.items()]
        return f"scipy.stats.{frozen.dist.name}({', '.join(given)})"

    def problems(self) -> Iterator[str]:
        try:
            middle = np.asarray(self._quantile(np.float64(0.5)), dtype=np.float64)
        except Exception as error:  # an unfrozen distribution lacks arguments
            yield (
                f"{shown(self)} has no quantiles ({type(error).__name__}: {error}); "
                "has it all its arguments?"
            )
            return
        if middle.ndim != 0:
            yield f"{shown(self)} is not one-dimensional, got shape {middle.shape}"
        elif not np.isfinite(middle):
            yield f"{shown(self)} has no finite median: check its arguments"

    def same_as(self, other: Dimension) -> bool:
        if not isinstance(other, Distribution):
            return False
        if self.distribution is other.distribution:
            return True
        if self._bounds != other._bounds or self.n_levels != other.n_levels:
            return False
        # Names may agree where values do not, as those of two histograms.
        if self._cells is not None and other._cells is not None:
            return np.array_equal(
                self._cells.values, other._cells.values
            ) and np.array_equal(self._cells.edges, other._cells.edges)
        grid = np.linspace(_TAIL, 1 - _TAIL, 65)
        return np.array_equal(self._quantile(grid), other._quantile(grid))

    # -- the distribution ------------------------------------------------------

    def _quantile(self, coordinates: Any) -> Any:
        # `icdf` is the name in scipy's new distributions.
        frozen = self.distribution
        return (frozen.ppf if hasattr(frozen, "ppf") else frozen.icdf)(coordinates)

    @functools.cached_property
    def _bounds(self) -> tuple[float, float]:
        """Least and greatest value; an infinite tail is cut."""
        if hasattr(self.distribution, "support"):
            low, high = map(float, self.distribution.support())
        else:
            low, high = (float(self._quantile(end)) for end in (0.0, 1.0))
        if math.isinf(low):
            low = float(self._quantile(_TAIL))
        if math.isinf(high):
            high = float(self._quantile(1 - _TAIL))
        return low, high

    @functools.cached_property
    def _is_discrete(self) -> bool:
        # scipy's new continuous distributions have a `pmf` too: it is 0.
        return hasattr(self.distribution, "pmf") and bool(
            self.distribution.pmf(self._quantile(0.5)) > 0
        )

    @functools.cached_property
    def _cells(self) -> _Cells | None:
        """The cells of a discrete distribution of few values."""
        low, high = self._bounds
        if not self._is_discrete or not high - low < MAX_LISTED_LEVELS:
            return None
        frozen = self.distribution
        # rv_discrete(values=...) may hold any numbers, others hold integers.
        listed = getattr(getattr(frozen, "dist", frozen), "xk", None)
        values = np.arange(low, high + 1) if listed is None else np.unique(listed)
        values = np.asarray(values, dtype=np.float64)
        # A value too rare for its cell to have a width is never met.
        edges = np.asarray(frozen.cdf(values), dtype=np.float64)
        below = np.concatenate([[0.0], edges[:-1]])
        middle = (below + edges) / 2
        met = (below < middle) & (middle < edges)
        return _Cells(values[met], np.concatenate([[0.0], edges[met]]))

    # -- the dimension ---------------------------------------------------------

    @property
    def n_levels(self) -> int | None:
        return None if self._cells is None else len(self._cells.values)

    @property
    def has_cells(self) -> bool:
        return self._is_discrete

    def value(self, coordinate: float) -> float | int:
        if self._cells is not None:
            number = float(self._cells.values[self._cells.level(np.array(coordinate))])
        else:
            low, high = self._bounds
            number = min(max(float(self._quantile(coordinate)), low), high)
            # As in Float: 10.0 shall come back as 10.0.
            short = shortened(number)
            if low <= short <= high and self._is_at(short, coordinate):
                number = short
        return int(number) if self._is_discrete and number.is_integer() else number

    def _is_at(self, value: float, coordinate: float) -> bool:
        return bool(abs(float(self.distribution.cdf(value)) - coordinate) <= _NOISE)

    def coordinate(self, value: Any) -> float:
        low, high = self._bounds
        if not is_number(value) or not low <= value <= high:
            raise self.not_in(value)
        if self._cells is not None:
            positions = np.flatnonzero(self._cells.values == value)
            if len(positions) == 0:
                raise self.not_in(value)
            return float(self._cells.centres[positions[0]])
        if self._is_discrete and value != int(value):
            raise self.not_in(value)
        if self._is_discrete:
            coordinate = float(self._centre(np.array([float(value)]))[0])
        else:
            coordinate = float(self.distribution.cdf(float(value)))
        coordinate = min(max(coordinate, 0.0), 1.0)
        spread = abs(value) + float(self._quantile(0.75) - self._quantile(0.25))
        if abs(self.value(coordinate) - value) > _TOLERANCE * spread:
            raise self.not_in(value)  # a gap, where the cdf is flat
        return coordinate

    def snap(self, coordinates: FloatArray) -> FloatArray:
        coordinates = np.clip(coordinates, 0.0, 1.0)
        if self._cells is not None:
            return self._cells.centres[self._cells.level(coordinates)]
        if self._is_discrete:
            values = np.clip(self._quantile(coordinates), *self._bounds)
            return self._centre(values)
        return coordinates

    def moved(self, coordinate: float, factor: float, draw: float) -> float:
        name = getattr(getattr(self.distribution, "dist", None), "name", "")
        if name not in _LOGARITHMIC:
            return super().moved(coordinate, factor, draw)
        low, high = self._bounds
        value = min(max(float(self._quantile(coordinate)) * factor, low), high)
        return min(max(float(self.distribution.cdf(value)), 0.0), 1.0)

    def _centre(self, values: FloatArray) -> FloatArray:
        cdf = self.distribution.cdf
        return np.asarray((cdf(values - 1) + cdf(values)) / 2)

    def level(self, coordinates: FloatArray) -> NDArray[np.intp]:
        cells = self._cells
        return super().level(coordinates) if cells is None else cells.level(coordinates)

    def levels(self) -> FloatArray:
        return super().levels() if self._cells is None else self._cells.centres
