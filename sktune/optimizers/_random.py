"""Random search."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from ._base import Optimizer

__all__ = ["RandomOptimizer"]


@final
class RandomOptimizer(Optimizer):
    """Uniform draws from the unit cube, without replacement.

    Parameters
    ----------
    space : Space
    rng : numpy.random.Generator
    initial : sequence of ndarray of shape (n_axes,)
        Points proposed first.

    Examples
    --------
    >>> import numpy as np
    >>> from sktune import Space
    >>> from sktune.optimizers import RandomOptimizer
    >>> optimizer = RandomOptimizer(
    ...     Space({"n": [1, 2]}), rng=np.random.default_rng(0)
    ... )
    >>> sorted(optimizer.ask().params["n"] for _ in range(2))
    [1, 2]
    >>> optimizer.ask() is None
    True
    """

    def _propose(self) -> tuple[NDArray[np.float64], str] | None:
        point = self._random_point()
        return None if point is None else (point, "random")
