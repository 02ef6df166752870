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
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Categorical",
    "Dimension",
    "Distribution",
    "Float",
    "Integer",
    "Ordinal",
    "ScalarDimension",
    "Sequence",
    "is_number",
    "same_value",
]

FloatArray = NDArray[np.float64]

PRIORS = ("uniform", "log-uniform")

# A discrete distribution with a wider support than this counts as infinite.
_MAX_TABULATED_LEVELS = 10_000

# Unbounded distributions are cut at these quantiles: ppf(0) and ppf(1) are
# infinite there.
_TAIL = 1e-6


def is_number(value: object) -> bool:
    """Whether `value` is a real number; booleans are not."""
    return isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_))


def same_value(a: object, b: object) -> bool:
    """Whether `a` and `b` are the same choice, whatever their ``==`` returns."""
    if a is b:
        return True
    if isinstance(a, (bool, np.bool_)) != isinstance(b, (bool, np.bool_)):
        return False
    if isinstance(a, float) and isinstance(b, float) and a != a and b != b:
        return True
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return type(a) is type(b) and np.array_equal(cast(Any, a), cast(Any, b))
    try:
        return bool(a == b)
    except Exception:  # a choice may define == in any way
        return False


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
    """

    is_categorical: bool = False

    @property
    @abstractmethod
    def n_levels(self) -> int | None:
        """Number of distinct values; None for a continuum."""

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

    @abstractmethod
    def snap(self, coordinates: FloatArray) -> FloatArray:
        """Move coordinates to the centres of their cells."""

    def level(self, coordinates: FloatArray) -> NDArray[np.intp]:
        """Return the number of the cell each coordinate lies in."""
        raise TypeError(f"{self!r} has no levels")

    def levels(self) -> FloatArray:
        """Return the centres of all cells, in the order of their numbers."""
        raise TypeError(f"{self!r} has no levels")

    def grid_order(self) -> NDArray[np.intp]:
        """Return the cell numbers in the order the user wrote the values."""
        return np.arange(len(self.levels()), dtype=np.intp)


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
                yield f"{name} must be a number, got {bound!r}"
            elif not math.isfinite(bound):
                yield f"{name} must be finite, got {bound!r}"
        if self.prior not in PRIORS:
            yield f"prior must be one of {PRIORS}, got {self.prior!r}"
        if not all(is_number(bound) for bound in bounds.values()):
            return
        if self.low > self.high:
            yield f"low must not exceed high, got low={self.low!r}, high={self.high!r}"
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

    def value(self, coordinate: float) -> float:
        low, high = float(self.low), float(self.high)
        if self._is_log:
            log_low, log_high = math.log(low), math.log(high)
            number = math.exp(log_low + coordinate * (log_high - log_low))
        else:
            # Written so that low=-1e308, high=1e308 does not overflow.
            number = low * (1.0 - coordinate) + high * coordinate
        return min(max(number, low), high)

    def coordinate(self, value: Any) -> float:
        if not is_number(value) or not self.low <= value <= self.high:
            raise ValueError(f"{value!r} is not in {self!r}")
        if self.low == self.high:
            return 0.5
        low, high, number = float(self.low), float(self.high), float(value)
        if self._is_log:
            low, high, number = math.log(low), math.log(high), math.log(number)
        return min(max((number / 2 - low / 2) / (high / 2 - low / 2), 0.0), 1.0)

    def snap(self, coordinates: FloatArray) -> FloatArray:
        if self.low == self.high:
            return np.full_like(coordinates, 0.5)
        return np.clip(coordinates, 0.0, 1.0)

    def level(self, coordinates: FloatArray) -> NDArray[np.intp]:
        if self.low != self.high:
            return super().level(coordinates)
        return np.zeros(len(coordinates), dtype=np.intp)

    def levels(self) -> FloatArray:
        return np.array([0.5]) if self.low == self.high else super().levels()


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
            if is_number(bound) and math.isfinite(bound) and bound != int(bound):
                yield f"{name} must be a whole number, got {bound!r}; use Float"

    @property
    def n_levels(self) -> int:
        return int(self.high) - int(self.low) + 1

    @property
    def _edges(self) -> tuple[float, float]:
        # Half a step on either side, so that every value owns a whole cell.
        low, high = self.low - 0.5, self.high + 0.5
        return (math.log(low), math.log(high)) if self._is_log else (low, high)

    def _numbers(self, coordinates: FloatArray) -> FloatArray:
        low, high = self._edges
        numbers_ = low + np.clip(coordinates, 0.0, 1.0) * (high - low)
        if self._is_log:
            numbers_ = np.exp(numbers_)
        # floor(x + 1/2), not rint: ties must go one way for cells to be equal.
        return np.clip(np.floor(numbers_ + 0.5), float(self.low), float(self.high))

    def _coordinates(self, numbers_: FloatArray) -> FloatArray:
        low, high = self._edges
        scaled = np.log(numbers_) if self._is_log else numbers_
        return np.asarray((scaled - low) / (high - low))

    def value(self, coordinate: float) -> int:
        number = int(self._numbers(np.array([coordinate]))[0])
        # A float cannot hold every int above 2**53: clip again as ints.
        return min(max(number, int(self.low)), int(self.high))

    def coordinate(self, value: Any) -> float:
        if (
            not is_number(value)
            or not self.low <= value <= self.high
            or value != int(value)
        ):
            raise ValueError(f"{value!r} is not in {self!r}")
        return float(self._coordinates(np.array([float(value)]))[0])

    def snap(self, coordinates: FloatArray) -> FloatArray:
        return self._coordinates(self._numbers(coordinates))

    def level(self, coordinates: FloatArray) -> NDArray[np.intp]:
        return (self._numbers(coordinates) - self.low).astype(np.intp)

    def levels(self) -> FloatArray:
        low, high = int(self.low), int(self.high)
        return self._coordinates(np.arange(low, high + 1, dtype=np.float64))


class _Choices(ScalarDimension):
    """What `Categorical` and `Ordinal` share: values found by position."""

    def __init__(self, choices: Any, *, when: Mapping[str, Any] | None = None) -> None:
        self.choices = choices
        self.when = when

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self.choices)!r})"

    def problems(self) -> Iterator[str]:
        if isinstance(self.choices, (str, bytes)) or not hasattr(
            self.choices, "__len__"
        ):
            yield f"choices must be a list, got {self.choices!r}"
        elif len(self.choices) == 0:
            yield "there is no value to choose from: the list is empty"
        elif getattr(self.choices, "ndim", 1) != 1:
            yield f"choices must be one-dimensional, got ndim={self.choices.ndim}"

    def same_as(self, other: Dimension) -> bool:
        return (
            isinstance(other, _Choices)
            and type(self) is type(other)
            and len(self.choices) == len(other.choices)
            and all(map(same_value, self.choices, other.choices))
        )

    @property
    def n_levels(self) -> int:
        return len(self.choices)

    def value(self, coordinate: float) -> Any:
        return self.choices[int(self.level(np.array([coordinate]))[0])]

    def coordinate(self, value: Any) -> float:
        for position, choice in enumerate(self.choices):
            if same_value(choice, value):
                return (position + 0.5) / self.n_levels
        raise ValueError(f"{value!r} is not in {self!r}")

    def snap(self, coordinates: FloatArray) -> FloatArray:
        return np.asarray((self.level(coordinates) + 0.5) / self.n_levels)

    def level(self, coordinates: FloatArray) -> NDArray[np.intp]:
        cells = np.floor(coordinates * self.n_levels).astype(np.intp)
        return np.clip(cells, 0, self.n_levels - 1)

    def levels(self) -> FloatArray:
        return np.asarray((np.arange(self.n_levels) + 0.5) / self.n_levels)


class Categorical(_Choices):
    """Values without an order.

    The values are found by position: they are never hashed, compared or
    copied, and the estimator gets the same object that was given.

    Parameters
    ----------
    choices : list
        The values, of any type.
    when : dict, default=None
        Parameters and the values of theirs under which this one is active.

    Examples
    --------
    >>> from sktune import Categorical
    >>> Categorical([(50,), (50, 50)])
    Categorical([(50,), (50, 50)])
    """

    is_categorical = True


class Ordinal(_Choices):
    """Values with an order, such as sizes: neighbours behave alike.

    Parameters
    ----------
    choices : list
        The values, of any type, in their order.
    when : dict, default=None
        Parameters and the values of theirs under which this one is active.

    Examples
    --------
    >>> from sktune import Ordinal
    >>> Ordinal(["small", "medium", "large"])
    Ordinal(['small', 'medium', 'large'])
    """


class NumberList(Ordinal):
    """Numbers as a user listed them: ordered by size, tried as written."""

    def __init__(
        self, choices: list[Any], *, when: Mapping[str, Any] | None = None
    ) -> None:
        self.written = choices
        super().__init__(sorted(choices), when=when)

    def __repr__(self) -> str:
        return repr(self.written)

    def grid_order(self) -> NDArray[np.intp]:
        return np.array([self.choices.index(v) for v in self.written], dtype=np.intp)


class Distribution(ScalarDimension):
    """A frozen scipy distribution: its quantile function maps the interval.

    Parameters
    ----------
    distribution : object
        Anything with ``ppf`` (or ``icdf``) and ``cdf``.
    when : dict, default=None
        Parameters and the values of theirs under which this one is active.
    """

    def __init__(
        self, distribution: Any, *, when: Mapping[str, Any] | None = None
    ) -> None:
        self.distribution = distribution
        self.when = when
        self._quantile = getattr(distribution, "ppf", None) or distribution.icdf
        self._is_discrete = hasattr(distribution, "pmf")
        self._edges = self._tabulate() if self._is_discrete else None

    def __repr__(self) -> str:
        frozen = self.distribution
        if not hasattr(frozen, "dist"):
            return repr(frozen)
        given = [repr(value) for value in frozen.args]
        given += [f"{name}={value!r}" for name, value in frozen.kwds.items()]
        return f"scipy.stats.{frozen.dist.name}({', '.join(given)})"

    def _support(self) -> tuple[float, float]:
        low, high = self.distribution.support()
        return float(low), float(high)

    def _tabulate(self) -> FloatArray | None:
        """Return the cell edges of a discrete distribution of finite support."""
        low, high = self._support()
        if not high - low < _MAX_TABULATED_LEVELS:
            return None
        values = np.arange(low, high + 1)
        self._values = values[self.distribution.pmf(values) > 0]
        return np.concatenate([[0.0], self.distribution.cdf(self._values)])

    def problems(self) -> Iterator[str]:
        middle = np.asarray(self._quantile(0.5))
        if middle.ndim != 0:
            yield f"{self!r} is not one-dimensional"
        elif not np.isfinite(middle):
            yield f"{self!r} has no finite median: check its arguments"

    def same_as(self, other: Dimension) -> bool:
        return isinstance(other, Distribution) and (
            self.distribution is other.distribution or repr(self) == repr(other)
        )

    @property
    def n_levels(self) -> int | None:
        return None if self._edges is None else len(self._values)

    def value(self, coordinate: float) -> float | int:
        if self._edges is not None:
            return int(self._values[self.level(np.array([coordinate]))[0]])
        low, high = self._support()
        if not math.isfinite(low):
            coordinate = max(coordinate, _TAIL)
        if not math.isfinite(high):
            coordinate = min(coordinate, 1 - _TAIL)
        number = min(max(float(self._quantile(coordinate)), low), high)
        return int(number) if self._is_discrete else number

    def coordinate(self, value: Any) -> float:
        low, high = self._support()
        if not is_number(value) or not low <= value <= high:
            raise ValueError(f"{value!r} is not in {self!r}")
        if self._edges is not None:
            positions = np.flatnonzero(self._values == value)
            if len(positions) == 0:
                raise ValueError(f"{value!r} is not in {self!r}")
            return float(self.levels()[positions[0]])
        if self._is_discrete:
            if value != int(value):
                raise ValueError(f"{value!r} is not in {self!r}")
            cdf = self.distribution.cdf
            return float(cdf(value - 1) + cdf(value)) / 2
        return float(self.distribution.cdf(float(value)))

    def snap(self, coordinates: FloatArray) -> FloatArray:
        coordinates = np.clip(coordinates, 0.0, 1.0)
        if self._edges is not None:
            return self.levels()[self.level(coordinates)]
        if self._is_discrete:
            values = self._quantile(np.clip(coordinates, _TAIL, 1 - _TAIL))
            cdf = self.distribution.cdf
            return np.asarray((cdf(values - 1) + cdf(values)) / 2)
        return coordinates

    def level(self, coordinates: FloatArray) -> NDArray[np.intp]:
        if self._edges is None:
            return super().level(coordinates)
        cells = np.searchsorted(self._edges, coordinates, side="right") - 1
        return np.clip(cells, 0, len(self._values) - 1)

    def levels(self) -> FloatArray:
        if self._edges is None:
            return super().levels()
        return np.asarray((self._edges[:-1] + self._edges[1:]) / 2)


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
        for name, length in lengths.items():
            if not isinstance(length, numbers.Integral) or isinstance(length, bool):
                yield f"{name} must be a whole number, got {length!r}"
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
            and repr(self.item) == repr(other.item)
        )
