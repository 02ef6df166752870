"""Search spaces as scikit-optimize's users write and read them."""

from __future__ import annotations

import numbers
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..space import Categorical as _Categorical
from ..space import Float
from ..space import Integer as _Integer

__all__ = ["Categorical", "Integer", "Real", "ResultSpace", "read_dimension"]

_PRIORS = ("uniform", "log-uniform")


class Real(Float):
    """A range of real numbers, with the signature of ``skopt.space.Real``.

    Parameters
    ----------
    low, high : float
        Bounds, both included.
    prior : {"uniform", "log-uniform"}, default="uniform"
        Scale in which the range is sampled and modelled.
    base : int, default=10
        Without effect: the base of the logarithm does not change the scale.
    transform : str, default=None
        Without effect: the model has a scale of its own.
    name : str, default=None
        Stored only: a parameter is named by its key in the search space.
    dtype : type or str, default=float
        Without effect: estimators get Python floats.

    Examples
    --------
    >>> from sktune.compat.skopt import Real
    >>> Real(1e-3, 1e3, prior="log-uniform")
    Real(0.001, 1000.0, 'log-uniform')
    """

    def __init__(
        self,
        low: float,
        high: float,
        prior: str = "uniform",
        base: int = 10,
        transform: str | None = None,
        name: str | None = None,
        dtype: Any = float,
    ) -> None:
        super().__init__(low, high, prior)
        self.base = base
        self.transform = transform
        self.name = name
        self.dtype = dtype

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest value."""
        return self.low, self.high


class Integer(_Integer):
    """A range of whole numbers, with the signature of ``skopt.space.Integer``.

    Parameters
    ----------
    low, high : int
        Bounds, both included.
    prior : {"uniform", "log-uniform"}, default="uniform"
        Scale in which the range is sampled and modelled.
    base : int, default=10
        Without effect: the base of the logarithm does not change the scale.
    transform : str, default=None
        Without effect: the model has a scale of its own.
    name : str, default=None
        Stored only: a parameter is named by its key in the search space.
    dtype : type or str, default=numpy.int64
        Without effect: estimators get Python ints.

    Examples
    --------
    >>> from sktune.compat.skopt import Integer
    >>> Integer(1, 8)
    Integer(1, 8)
    """

    def __init__(
        self,
        low: int,
        high: int,
        prior: str = "uniform",
        base: int = 10,
        transform: str | None = None,
        name: str | None = None,
        dtype: Any = np.int64,
    ) -> None:
        super().__init__(low, high, prior)
        self.base = base
        self.transform = transform
        self.name = name
        self.dtype = dtype

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest value."""
        return self.low, self.high


class Categorical(_Categorical):
    """Values without an order, with the signature of ``skopt.space.Categorical``.

    Parameters
    ----------
    categories : list
        The values, of any type.
    prior : list of float, default=None
        Without effect, and the search says so: all values are equally likely.
    transform : str, default=None
        Without effect: the model has an encoding of its own.
    name : str, default=None
        Stored only: a parameter is named by its key in the search space.

    Examples
    --------
    >>> from sktune.compat.skopt import Categorical
    >>> Categorical(["linear", "poly", "rbf"])
    Categorical(['linear', 'poly', 'rbf'])
    """

    def __init__(
        self,
        categories: Any,
        prior: Any = None,
        transform: str | None = None,
        name: str | None = None,
    ) -> None:
        # Estimators get Python values, also from an array.
        super().__init__(
            [v.item() if isinstance(v, np.generic) else v for v in categories]
        )
        self.prior = prior
        self.transform = transform
        self.name = name

    @property
    def categories(self) -> tuple[Any, ...]:
        """The values."""
        return tuple(self.choices)

    @property
    def bounds(self) -> tuple[Any, ...]:
        """The values."""
        return self.categories


def read_dimension(spec: Any) -> Any:
    """Return the dimension that scikit-optimize would infer.

    Parameters
    ----------
    spec : object
        A list, tuple or array: a range if it has two numbers, with or without a
        prior and a base, and else the values themselves. All other objects are
        returned as they are.

    Returns
    -------
    object
        Something that `sktune.Space` reads.
    """
    if not isinstance(spec, (list, tuple)) and getattr(spec, "ndim", 0) != 1:
        return spec
    values = list(spec)
    if not _is_range(values):
        return values  # sktune reads it: scikit-optimize has no other rule
    low, high, *prior = values[:3]
    if all(isinstance(bound, numbers.Integral) for bound in (low, high)):
        return Integer(int(low), int(high), *prior)
    return Real(float(low), float(high), *prior)


def _is_range(values: list[Any]) -> bool:
    if not 2 <= len(values) <= 4 or not all(map(_is_number, values[:2])):
        return False
    if len(values) == 2:
        return True
    # A string first: an array's == is no truth value.
    if not isinstance(values[2], str) or values[2] not in _PRIORS:
        return False
    return len(values) == 3 or isinstance(values[3], numbers.Integral)


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_))


class ResultSpace:
    """A sub-space, as scikit-optimize's callbacks read it.

    Parameters
    ----------
    dimensions : dict of str -> object
        Names of the parameters and their dimensions.

    Attributes
    ----------
    dimensions : list
        In the order of the sorted names, which is that of the values of a point.
    dimension_names : list of str
        The sorted names.
    """

    def __init__(self, dimensions: Mapping[str, Any]) -> None:
        self.dimension_names = sorted(dimensions)
        self.dimensions = [
            Categorical(dimensions[name])
            if isinstance(dimensions[name], list)
            else dimensions[name]
            for name in self.dimension_names
        ]

    def __repr__(self) -> str:
        return f"Space({self.dimensions!r})"

    def __iter__(self) -> Iterator[Any]:
        return iter(self.dimensions)

    @property
    def n_dims(self) -> int:
        """Number of parameters."""
        return len(self.dimensions)

    @property
    def bounds(self) -> list[Any]:
        """Bounds or values of each dimension, None where it has neither."""
        return [getattr(dimension, "bounds", None) for dimension in self]

    def distance(self, a: list[Any], b: list[Any]) -> float:
        """Return the sum of the distances of two points in each dimension.

        Parameters
        ----------
        a, b : list
            Values in the order of the names.

        Returns
        -------
        float
            Differing values that are not numbers of a range are 1 apart.
        """
        return sum(map(_distance, self.dimensions, a, b))


def _distance(dimension: Any, a: Any, b: Any) -> float:
    if _is_number(a) and _is_number(b) and not hasattr(dimension, "categories"):
        return abs(float(a) - float(b))
    return 0.0 if a is b or a == b else 1.0
