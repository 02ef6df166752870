"""What every optimizer is: ask for a configuration, tell how it did."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from .._protocol import Outcome, Status, Suggestion

if TYPE_CHECKING:
    from ..space import Space
    from ._rungs import RungResult

__all__ = ["Optimizer", "Results"]

Array = NDArray[np.float64]

_MAX_DRAWS = 4096
"""Random points drawn in search of a new one before a finite space is listed."""


@dataclass(frozen=True)
class Results:
    """What an optimizer has been told, in the order of the trials.

    Attributes
    ----------
    points : ndarray of shape (n, n_axes)
    scores : ndarray of shape (n,)
        NaN where the trial failed.
    variances : ndarray of shape (n,)
        NaN where unknown.
    """

    points: Array
    scores: Array
    variances: Array


class Optimizer(ABC):
    """Base of the optimizers. Abstract: subclasses say what to propose.

    Trials are numbered from 0 in the order of proposals. No configuration is
    proposed twice. Larger scores are better.

    Parameters
    ----------
    space : Space
        What is searched.
    rng : numpy.random.Generator
        The only source of randomness; drawn from in `ask` alone.
    initial : sequence of ndarray of shape (n_axes,)
        Points proposed before any other, in this order.
    """

    def __init__(
        self,
        space: Space,
        *,
        rng: np.random.Generator,
        initial: Sequence[Array] = (),
    ) -> None:
        self.space = space
        self._rng = rng
        self._initial = [np.asarray(point, dtype=np.float64) for point in initial]
        self._size = space.size
        self._pending: dict[int, Array] = {}
        self._told: dict[int, tuple[Array, Outcome]] = {}
        self._observed: list[tuple[Array, Outcome]] = []
        self._taken: set[bytes] = set()

    # -- the interface -----------------------------------------------------

    @final
    def ask(self, *, at_random: bool = False) -> Suggestion | None:
        """Propose a configuration.

        Parameters
        ----------
        at_random : bool, default=False
            Whether to draw it, whatever is known. The points given as `initial`
            still come first.

        Returns
        -------
        Suggestion or None
            None when every configuration of a finite space was proposed.
        """
        if self._size is not None and len(self._taken) >= self._size:
            return None
        while self._initial:
            point = self._initial.pop(0)
            if not self._is_taken(point):
                return self._suggest(point, "initial")
        if at_random:
            drawn = self._random_point()
            return None if drawn is None else self._suggest(drawn, "random")
        proposal = self._propose()
        return None if proposal is None else self._suggest(*proposal)

    @final
    def tell(self, outcome: Outcome) -> None:
        """Report how a trial ended; trials may end in any order.

        Parameters
        ----------
        outcome : Outcome

        Raises
        ------
        ValueError
            When the trial is not pending.
        """
        if outcome.trial not in self._pending:
            known = "told already" if outcome.trial in self._told else "never proposed"
            raise ValueError(f"trial {outcome.trial} is not pending: it was {known}")
        self._told[outcome.trial] = (self._pending.pop(outcome.trial), outcome)

    @final
    def observe(self, points: Iterable[Array], outcomes: Iterable[Outcome]) -> None:
        """Learn from results that are not trials of this search.

        The same configurations may still be proposed.

        Parameters
        ----------
        points : iterable of ndarray of shape (n_axes,)
        outcomes : iterable of Outcome
            One a point; their trial numbers are ignored.
        """
        for point, outcome in zip(points, outcomes, strict=True):
            self._observed.append((np.asarray(point, dtype=np.float64), outcome))

    # Most have nothing to learn: not abstract.
    def learn(self, results: Iterable[RungResult]) -> None:  # noqa: B027
        """Take in how trials did at any budget; ignored unless the optimizer learns.

        Parameters
        ----------
        results : iterable of RungResult
            All that is known of trials that were proposed here: they replace those
            given before.
        """

    def expected(self, trials: Sequence[int]) -> Array | None:
        """Return what trials will score at the largest budget, by what was learnt.

        Parameters
        ----------
        trials : sequence of int
            Some of which something was learnt.

        Returns
        -------
        ndarray of shape (n_trials,) or None
            On a scale of the optimizer's own; larger is better. None if it cannot
            tell.
        """
        return None

    @property
    def n_independent(self) -> int:
        """Number of suggestions, from the first, that depend on no outcome.

        All of them, unless the optimizer learns.
        """
        return sys.maxsize

    # -- for subclasses ----------------------------------------------------

    @abstractmethod
    def _propose(self) -> tuple[Array, str] | None:
        """Return a point that is not taken and its origin, or None."""

    @property
    def _n_asked(self) -> int:
        return len(self._taken)

    def _is_taken(self, point: Array) -> bool:
        return self.space.key(point) in self._taken

    def _results(self) -> Results:
        """All that was observed and told; telling order does not matter."""
        rows = self._observed + [self._told[trial] for trial in sorted(self._told)]
        ok = [o.status is Status.OK and o.score is not None for _, o in rows]
        scores = [
            o.score if good else np.nan for (_, o), good in zip(rows, ok, strict=True)
        ]
        variances = [
            np.nan if o.score_variance is None else o.score_variance for _, o in rows
        ]
        points = np.array([p for p, _ in rows], dtype=np.float64)
        return Results(
            points.reshape(len(rows), self.space.n_axes),
            np.array(scores, dtype=np.float64),
            np.array(variances, dtype=np.float64),
        )

    def _random_point(self) -> Array | None:
        """Draw uniformly among the points that are not taken."""
        n = 1
        while n <= _MAX_DRAWS:
            units = self._rng.random((n, self.space.n_axes))
            for point in self.space.snap(units):
                if not self._is_taken(point):
                    return np.asarray(point, dtype=np.float64)
            n *= 8
        if self._size is None:
            return None
        # nearly all is taken: list what is left
        left = [p for p in self.space.enumerate() if not self._is_taken(p)]
        return left[self._rng.integers(len(left))] if left else None

    def _suggest(self, point: Array, origin: str) -> Suggestion:
        trial = len(self._taken)
        self._taken.add(self.space.key(point))
        self._pending[trial] = point
        return Suggestion(trial, point, self.space.from_unit(point), origin)
