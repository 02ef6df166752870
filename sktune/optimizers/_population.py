"""Who is in a population, and when its members meet.

Time is counted in units of the resource. A sub-population has an interval of its
own; those with longer ones are *slower*.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Segment", "SubPopulation", "make_population", "make_segments"]


@dataclass(frozen=True, slots=True)
class SubPopulation:
    """Members that are compared with each other.

    Attributes
    ----------
    members : tuple of int
        Their numbers in the whole population.
    ends : tuple of int
        When their segments end, increasing; the last one is the end of all.
    interval : int
        Length of a segment; the last one may be shorter.
    """

    members: tuple[int, ...]
    ends: tuple[int, ...]
    interval: int

    def starts(self) -> tuple[int, ...]:
        """Return when their segments begin."""
        return (0, *self.ends[:-1])


def make_population(
    population_size: int, max_resource: int, intervals: Sequence[int]
) -> list[SubPopulation]:
    """Divide a population into one sub-population for each interval.

    Parameters
    ----------
    population_size : int
        Number of members; at least as many as intervals.
    max_resource : int
        Units that each member is trained for.
    intervals : sequence of int
        Units between two exchanges.

    Returns
    -------
    list of SubPopulation
        As even in size as can be.

    Examples
    --------
    >>> from sktune.optimizers import make_population
    >>> for part in make_population(5, 20, [5, 10]):
    ...     print(part.members, part.ends)
    (0, 1, 2) (5, 10, 15, 20)
    (3, 4) (10, 20)
    """
    bounds = [-(-population_size * i // len(intervals)) for i in range(len(intervals))]
    bounds.append(population_size)
    parts = []
    for (low, high), interval in zip(
        itertools.pairwise(bounds), intervals, strict=True
    ):
        ends = [*range(interval, max_resource, interval), max_resource]
        parts.append(SubPopulation(tuple(range(low, high)), tuple(ends), interval))
    return parts


@dataclass(slots=True, eq=False)
class Segment:
    """A member between two exchanges.

    Attributes
    ----------
    trial : int
        Its number; segments are numbered by their starts, then by members.
    member : int
        Whose segment it is.
    part : int
        Number of the sub-population.
    generation : int
        Which of the member's segments it is, counted from 0.
    start, end : int
        Units of the resource.
    point : ndarray of shape (n_axes,) or None
        Hyperparameters, None until they are decided.
    origin : str
        See `Suggestion`.
    parent : int or None
        The segment whose weights it goes on from; None in the first generation.
    score : float or None
        None before it is told, and when it failed.
    is_told : bool
        Whether it is through.
    was_trained : bool
        False where there was nobody to go on from.
    """

    trial: int
    member: int
    part: int
    generation: int
    start: int
    end: int
    point: NDArray[np.float64] | None = None
    origin: str = ""
    parent: int | None = None
    score: float | None = None
    is_told: bool = False
    was_trained: bool = True

    @property
    def is_decided(self) -> bool:
        """Whether it is known what it is going to train."""
        return self.point is not None or not self.was_trained

    @property
    def rank_key(self) -> tuple[bool, float, int]:
        """Return what orders told segments of one time, the best last."""
        return self.score is not None, self.score or 0.0, -self.member


def make_segments(parts: Sequence[SubPopulation]) -> list[Segment]:
    """Return the segments of all members, in the order of their numbers."""
    planned = sorted(
        (start, member, p, generation, end)
        for p, part in enumerate(parts)
        for member in part.members
        for generation, (start, end) in enumerate(
            zip(part.starts(), part.ends, strict=True)
        )
    )
    return [
        Segment(trial, member, p, generation, start, end)
        for trial, (start, member, p, generation, end) in enumerate(planned)
    ]
