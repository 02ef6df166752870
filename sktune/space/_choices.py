"""Lists of values."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._dimensions import Dimension, ScalarDimension
from ._values import is_identical, plain, same_value, shown, without_repeats

__all__ = ["Categorical", "NumberList", "Ordinal"]


class _Choices(ScalarDimension):
    """What `Categorical` and `Ordinal` share: values found by position."""

    def __init__(self, choices: Any, *, when: Mapping[str, Any] | None = None) -> None:
        self.choices = choices
        self.when = when

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.choices!r})"

    def problems(self) -> Iterator[str]:
        choices = self.choices
        ndim = np.ndim(choices) if hasattr(choices, "__array__") else 1
        if ndim != 1:
            yield (
                f"an array of choices must be one-dimensional, got ndim={ndim}; "
                "for choices that are arrays give a list of them"
            )
        elif isinstance(choices, (str, bytes)) or not (
            isinstance(choices, Sequence) or hasattr(choices, "__array__")
        ):
            yield f"choices must be a list, got {shown(choices)}"
        elif len(choices) == 0:
            yield "there is no value to choose from: the list is empty"

    def same_as(self, other: Dimension) -> bool:
        return (
            isinstance(other, _Choices)
            and type(self) is type(other)
            and len(self.values) == len(other.values)
            and all(map(is_identical, self.values, other.values))
        )

    @functools.cached_property
    def values(self) -> list[Any]:
        """The distinct choices, plain Python values in place of numpy scalars."""
        # list() of a pandas Series or a tensor may keep the library's scalars.
        has_array = hasattr(self.choices, "__array__")
        choices = np.asarray(self.choices) if has_array else self.choices
        return without_repeats(map(plain, choices))

    @property
    def n_levels(self) -> int:
        return len(self.values)

    @property
    def n_equal_cells(self) -> int:
        return len(self.values)

    def value(self, coordinate: float) -> Any:
        level = int(coordinate * self.n_levels)
        return self.values[min(max(level, 0), self.n_levels - 1)]

    def coordinate(self, value: Any) -> float:
        for same in (is_identical, same_value):  # 1.0 may stand for 1, if alone
            for position, choice in enumerate(self.values):
                if same(choice, value):
                    return (position + 0.5) / self.n_levels
        raise self.not_in(value)


class Categorical(_Choices):
    """Values without an order.

    The values are found by position: they need not be hashable or comparable,
    and the estimator gets the same object that was given.

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

    def moved(self, coordinate: float, factor: float, draw: float) -> float:
        # a list is a ladder: to the next rung, however many there are
        level = int(self.level(np.array([coordinate]))[0])
        return self._at_level(level + float(np.sign(factor - 1.0)), 0.0)


class NumberList(Ordinal):
    """Numbers as a user listed them: ordered by size, tried as written."""

    def __init__(
        self, choices: list[Any], *, when: Mapping[str, Any] | None = None
    ) -> None:
        self.written = choices
        super().__init__(sorted(choices), when=when)

    def __repr__(self) -> str:
        return repr(self.written)

    def same_as(self, other: Dimension) -> bool:
        return (
            isinstance(other, NumberList)
            and super().same_as(other)
            and bool(np.array_equal(self.grid_order(), other.grid_order()))
        )

    def grid_order(self) -> NDArray[np.intp]:
        by_size = sorted(range(len(self.written)), key=self.written.__getitem__)
        return np.argsort(np.array(by_size, dtype=np.intp))
