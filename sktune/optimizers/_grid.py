"""Exhaustive search of a finite space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from ._base import Optimizer

if TYPE_CHECKING:
    from ..space import Space

__all__ = ["GridOptimizer"]


@final
class GridOptimizer(Optimizer):
    """Every configuration of a finite space, in `ParameterGrid` order.

    Parameters
    ----------
    space : Space
        A finite one.
    rng : numpy.random.Generator
        Not drawn from.
    initial : sequence of ndarray of shape (n_axes,)
        Points proposed first.

    Raises
    ------
    ValueError
        When the space is infinite.

    Examples
    --------
    >>> import numpy as np
    >>> from sktune import Space
    >>> from sktune.optimizers import GridOptimizer
    >>> optimizer = GridOptimizer(
    ...     Space({"n": [1, 2]}), rng=np.random.default_rng(0)
    ... )
    >>> optimizer.ask().params, optimizer.ask().params, optimizer.ask()
    ({'n': 1}, {'n': 2}, None)
    """

    def __init__(
        self,
        space: Space,
        *,
        rng: np.random.Generator,
        initial: Sequence[NDArray[np.float64]] = (),
    ) -> None:
        super().__init__(space, rng=rng, initial=initial)
        if self._size is None:
            raise ValueError("an infinite space has no grid; use RandomOptimizer")
        self._left: list[NDArray[np.float64]] | None = None  # the last one first

    def _propose(self) -> tuple[NDArray[np.float64], str] | None:
        if self._left is None:
            self._left = list(self.space.enumerate())[::-1]
        while self._left:
            point = self._left.pop()
            if not self._is_taken(point):
                return point, "grid"
        return None
