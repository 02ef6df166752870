"""How a member that took over another one's weights gets new hyperparameters."""

from __future__ import annotations

import math
import numbers
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from ..space import Float, Integer
from ._population import Segment

if TYPE_CHECKING:
    from ..space import Space

__all__ = ["Call", "Explorer", "Perturb"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known when a member explores.

    Attributes
    ----------
    time : int
        Units of the resource trained so far.
    share : float
        The same as a share of the whole training.
    known : list of Segment
        Those that ended so far, as far as the member may see.
    segments : list of Segment
        All of them, by their numbers: where parents are found.
    siblings : list of ndarray
        Points that others of this moment have been given.
    siblings_scores : list of float
        Scores that these go on from.
    """

    time: int
    share: float
    known: Sequence[Segment]
    segments: Sequence[Segment]
    siblings: Sequence[Array] = ()
    siblings_scores: Sequence[float] = ()


class Explorer(ABC):
    """Chooses hyperparameters near or far from those of a donor. Abstract.

    Parameters
    ----------
    space : Space
        What is searched.
    fixed : sequence of int
        Axes that keep the donor's values.
    """

    learns: ClassVar[bool] = False
    """Whether it must see all results up to its moment."""

    def __init__(self, space: Space, fixed: Sequence[int] = ()) -> None:
        self.space = space
        self.free = np.ones(space.n_axes, dtype=bool)
        self.free[list(fixed)] = False

    @abstractmethod
    def __call__(
        self, donor: Segment, situation: Situation, rng: np.random.Generator
    ) -> tuple[Array, str]:
        """Return a snapped point and its origin.

        Parameters
        ----------
        donor : Segment
            Where the weights come from.
        situation : Situation
            What is known.
        rng : numpy.random.Generator
            The only source of randomness.
        """

    def finish(self, donor: Array, proposed: Array, rng: np.random.Generator) -> Array:
        """Return a snapped point that has the donor's values where it must.

        Axes that have become active get drawn values.
        """
        drawn = rng.random(self.space.n_axes)
        values = np.where(self.free, proposed, donor)
        values = np.where(np.isnan(values), drawn, values)
        return np.asarray(self.space.snap(values[np.newaxis])[0], dtype=np.float64)


@final
class Perturb(Explorer):
    """Moves each hyperparameter a little, or draws it anew.

    Jaderberg et al. 2017, section 4.1, on the scale of each dimension.

    Parameters
    ----------
    space : Space
        What is searched.
    fixed : sequence of int
        Axes that keep the donor's values.
    factors : sequence of float
        One of them moves a hyperparameter, see `ScalarDimension.moved`.
    resample : float
        Probability that a hyperparameter is drawn from the space instead.
    """

    def __init__(
        self,
        space: Space,
        fixed: Sequence[int] = (),
        *,
        factors: Sequence[float] = (0.8, 1.2),
        resample: float = 0.25,
    ) -> None:
        super().__init__(space, fixed)
        self._factors = np.asarray(factors, dtype=np.float64)
        self._resample = resample

    def __call__(
        self, donor: Segment, situation: Situation, rng: np.random.Generator
    ) -> tuple[Array, str]:
        assert donor.point is not None
        return self.perturbed(donor.point, rng), "perturbed"

    def perturbed(self, point: Array, rng: np.random.Generator) -> Array:
        """Return a point near another one.

        Parameters
        ----------
        point : ndarray of shape (n_axes,)
            Snapped.
        rng : numpy.random.Generator

        Returns
        -------
        ndarray of shape (n_axes,)
            Snapped.
        """
        n = self.space.n_axes
        is_drawn = rng.random(n) < self._resample
        drawn = rng.random(n)
        factors = rng.choice(self._factors, n)
        draws = rng.random(n)
        moved = point.copy()
        for j, axis in enumerate(self.space.axes):
            if is_drawn[j]:
                moved[j] = drawn[j]
            elif not np.isnan(point[j]):
                moved[j] = axis.dimension.moved(
                    float(point[j]), float(factors[j]), float(draws[j])
                )
        return self.finish(point, moved, rng)


@final
class Call(Explorer):
    """Asks a function of the user's.

    Parameters
    ----------
    space : Space
        What is searched.
    fixed : sequence of int
        Axes that keep the donor's values.
    function : callable
        Takes the donor's hyperparameters and a generator; returns the new ones.
        Numbers beyond a range become its bounds.
    """

    def __init__(
        self,
        space: Space,
        fixed: Sequence[int] = (),
        *,
        function: Callable[[dict[str, Any], np.random.Generator], Mapping[str, Any]],
    ) -> None:
        super().__init__(space, fixed)
        self._function = function

    def __call__(
        self, donor: Segment, situation: Situation, rng: np.random.Generator
    ) -> tuple[Array, str]:
        assert donor.point is not None
        params = self.space.from_unit(donor.point)
        chosen = self._clipped(dict(self._function(dict(params), rng)), donor.point)
        point = self.space.guess(params | chosen, required=chosen)
        return self.finish(donor.point, point, rng), "perturbed"

    def _clipped(self, values: dict[str, Any], donor: Array) -> dict[str, Any]:
        """Return values with numbers beyond the bounds of a range set to them.

        A function that multiplies comes there sooner or later.
        """
        for axis, coordinate in zip(self.space.axes, donor, strict=True):
            dimension, value = axis.dimension, values.get(axis.label)
            if not isinstance(dimension, (Float, Integer)) or np.isnan(coordinate):
                continue
            if isinstance(value, numbers.Real) and not math.isnan(value):
                values[axis.label] = min(max(value, dimension.low), dimension.high)
        return values
