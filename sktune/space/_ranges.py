"""Ranges of numbers."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._dimensions import MAX_LISTED_LEVELS, Dimension, FloatArray, ScalarDimension
from ._values import is_number, shortened, shown

__all__ = ["PRIORS", "Float", "Integer"]

PRIORS = ("uniform", "log-uniform")

# Beyond these numbers of cells a float cannot tell the centre of one from that
# of the next: a coordinate is then left as it is. Logarithms lose more digits.
_MAX_CELLS = 2**50
_MAX_LOG_LEVEL = 2.0**36

# Rounding error of a coordinate, where bounds are not much larger than the range.
_NOISE = 4 * np.finfo(np.float64).eps


class _Range(ScalarDimension):
    """What `Float` and `Integer` share: two bounds and a prior."""

    def __init__(
        self,
        low: float,
        high: float,
        prior: str = "uniform",
        *,
        when: Mapping[str, Any] | None = None,
    ) -> None:
        self.low = low
        self.high = high
        self.prior = prior
        self.when = when

    def __repr__(self) -> str:
        prior = "" if self.prior == "uniform" else f", {self.prior!r}"
        return f"{type(self).__name__}({self.low!r}, {self.high!r}{prior})"

    def problems(self) -> Iterator[str]:
        bounds = {"low": self.low, "high": self.high}
        for name, bound in bounds.items():
            if not is_number(bound):
                yield f"{name} must be a number, got {shown(bound)}"
            elif not _is_finite(bound):
                yield f"{name} must be finite, got {shown(bound)}"
        if self.prior not in PRIORS:
            yield f"prior must be one of {PRIORS}, got {shown(self.prior)}"
        if not all(is_number(bound) for bound in bounds.values()):
            return
        if _is_finite(self.low) and _is_finite(self.high):
            width = float(self.high) - float(self.low)
            if self.prior == "uniform" and math.isinf(width):
                yield (
                    f"the range from {self.low!r} to {self.high!r} is wider than the "
                    "largest number: give nearer bounds"
                )
        if self.low > self.high:
            yield (
                f"low must not exceed high, got low={shown(self.low)}, "
                f"high={shown(self.high)}"
            )
        if self.prior == "log-uniform" and self.low <= 0:
            yield (
                f"a log-uniform range must start above 0, got low={self.low!r}; "
                "use a small positive bound or prior='uniform'"
            )

    def same_as(self, other: Dimension) -> bool:
        return (
            isinstance(other, _Range)
            and type(self) is type(other)
            and (self.low, self.high, self.prior)
            == (other.low, other.high, other.prior)
        )

    @property
    def _is_log(self) -> bool:
        return self.prior == "log-uniform"


def _is_finite(bound: float) -> bool:
    try:
        return math.isfinite(bound)
    except OverflowError:  # an int beyond the range of floats
        return False


class Float(_Range):
    """A range of real numbers.

    Parameters
    ----------
    low, high : float
        Bounds, both included.
    prior : {"uniform", "log-uniform"}, default="uniform"
        Scale in which the range is sampled and modelled.
    when : dict, default=None
        Parameters and the values of theirs under which this one is active.

    Examples
    --------
    >>> from sktune import Float
    >>> Float(1e-4, 1e-1, "log-uniform")
    Float(0.0001, 0.1, 'log-uniform')
    """

    @property
    def n_levels(self) -> int | None:
        return 1 if self.low == self.high else None

    @property
    def n_equal_cells(self) -> int | None:
        return self.n_levels

    def value(self, coordinate: float) -> float:
        low, high = self._scaled_bounds
        # Written so that low=-1e308, high=1e308 does not overflow.
        scaled = low * (1.0 - coordinate) + high * coordinate
        number = math.exp(scaled) if self._is_log else scaled
        number = float(min(max(number, self.low), self.high))
        # 10.0 shall come back as 10.0, not as 10.000000000000002: where a short
        # number has the same coordinate, but for rounding errors, it is meant.
        short = shortened(number)
        if self.low <= short <= self.high:
            largest = max(abs(low), abs(high))
            noise = _NOISE * max(1.0, largest / ((high - low) or 1.0))
            if abs(self.coordinate(short) - coordinate) <= noise:
                return short
        return number

    def coordinate(self, value: Any) -> float:
        if not is_number(value) or not self.low <= value <= self.high:
            raise self.not_in(value)
        low, high = self._scaled_bounds
        scaled = math.log(value) if self._is_log else float(value)
        if math.isinf(high - low):
            low, high, scaled = low / 2, high / 2, scaled / 2
        if low == high:  # the logarithms may be equal where the bounds are not
            return 0.5
        return min(max((scaled - low) / (high - low), 0.0), 1.0)

    def moved(self, coordinate: float, factor: float, draw: float) -> float:
        low, high = self._scaled_bounds
        if not self._is_log or low == high:
            return super().moved(coordinate, factor, draw)
        return min(max(coordinate + math.log(factor) / (high - low), 0.0), 1.0)

    @functools.cached_property
    def _scaled_bounds(self) -> tuple[float, float]:
        if self._is_log:
            return math.log(self.low), math.log(self.high)
        return float(self.low), float(self.high)


class Integer(_Range):
    """A range of whole numbers.

    Parameters
    ----------
    low, high : int
        Bounds, both included.
    prior : {"uniform", "log-uniform"}, default="uniform"
        Scale in which the range is sampled and modelled.
    when : dict, default=None
        Parameters and the values of theirs under which this one is active.

    Examples
    --------
    >>> from sktune import Integer
    >>> Integer(1, 1000, "log-uniform")
    Integer(1, 1000, 'log-uniform')
    """

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        for name, bound in {"low": self.low, "high": self.high}.items():
            if is_number(bound) and _is_finite(bound) and bound != int(bound):
                yield f"{name} must be a whole number, got {bound!r}; use Float"

    @property
    def n_levels(self) -> int:
        return int(self.high) - int(self.low) + 1

    @property
    def n_equal_cells(self) -> int | None:
        return None if self._is_log or self.n_levels > _MAX_CELLS else self.n_levels

    def value(self, coordinate: float) -> int:
        if self._is_log:
            level = int(self._log_level(np.array([coordinate]))[0])
        else:
            level = int(coordinate * self.n_levels)
        return int(self.low) + min(max(level, 0), self.n_levels - 1)

    def coordinate(self, value: Any) -> float:
        if (
            not is_number(value)
            or not self.low <= value <= self.high
            or value != int(value)
        ):
            raise self.not_in(value)
        level = int(value) - int(self.low)
        if not self._is_log:
            return (level + 0.5) / self.n_levels
        if self.n_levels <= MAX_LISTED_LEVELS:
            return float(self._log_centres[level])
        return float(self._log_centre(np.array([float(level)]))[0])

    def snap(self, coordinates: FloatArray) -> FloatArray:
        if not self._is_log:
            return super().snap(coordinates)
        coordinates = np.clip(coordinates, 0.0, 1.0)
        level = self._log_level(coordinates)
        if self.n_levels <= MAX_LISTED_LEVELS:
            return self._log_centres[level.astype(np.intp)]
        centres = self._log_centre(level)
        return np.where(level < _MAX_LOG_LEVEL, centres, coordinates)

    def level(self, coordinates: FloatArray) -> NDArray[np.intp]:
        if not self._is_log:
            return super().level(coordinates)
        return self._log_level(coordinates).astype(np.intp)

    def levels(self) -> FloatArray:
        return self._log_centres if self._is_log else super().levels()

    def moved(self, coordinate: float, factor: float, draw: float) -> float:
        if not self._is_log:
            return super().moved(coordinate, factor, draw)
        number = math.floor(self.value(coordinate) * factor + draw)
        return self.coordinate(min(max(number, int(self.low)), int(self.high)))

    # A value of a log-uniform range owns the cell from half a step below it to
    # half a step above. Its centre is where the value itself is. All is counted
    # from the lower edge, which keeps the digits of large bounds.

    @property
    def _log_scale(self) -> tuple[float, float]:
        """The lower edge, and the logarithm of the upper edge relative to it."""
        edge = float(self.low) - 0.5
        return edge, math.log1p(self.n_levels / edge)

    def _log_level(self, coordinates: FloatArray) -> FloatArray:
        edge, width = self._log_scale
        level = np.floor(edge * np.expm1(coordinates * width))
        return np.asarray(np.clip(level, 0.0, float(self.n_levels - 1)))

    def _log_centre(self, level: FloatArray) -> FloatArray:
        edge, width = self._log_scale
        return np.asarray(np.log1p((level + 0.5) / edge) / width)

    @functools.cached_property
    def _log_centres(self) -> FloatArray:
        return self._log_centre(np.arange(self.n_levels, dtype=np.float64))
