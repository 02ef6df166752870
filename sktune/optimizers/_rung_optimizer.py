"""What both ways of promotion share: trials that go from rung to rung."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import final

from .._protocol import Outcome, Suggestion
from ._base import Optimizer
from ._brackets import Bracket
from ._rungs import RungResult
from ._shares import SharesOptimizer

__all__ = ["Patience", "RungOptimizer", "RungTrial"]

_RANDOM_ONE_IN = 3
"""Of the candidates that a model could propose, one in so many is drawn."""


@dataclass(frozen=True, slots=True)
class Patience:
    """When a trial has stopped to improve.

    Attributes
    ----------
    units : int
        Units of the resource over which it must improve,
    tol : float
        by more than this.
    """

    units: int
    tol: float

    def is_over(self, history: Sequence[RungResult]) -> bool:
        """Whether a trial's last score is no better than so many units before."""
        last = history[-1]
        before = [r for r in history if last.budget - r.budget >= self.units]
        if not before or last.score is None:
            return False
        best = max(r.score for r in before if r.score is not None)
        return last.score <= best + self.tol


@dataclass(slots=True)
class RungTrial:
    """A candidate on its way.

    Attributes
    ----------
    drawn : Suggestion
        As the sampler proposed it.
    bracket, rung, place : int
        Where it is, or was last.
    is_pending : bool
        Whether it is under way.
    history : list of RungResult
        Its results.
    """

    drawn: Suggestion
    bracket: int
    rung: int = 0
    place: int = 0
    is_pending: bool = False
    history: list[RungResult] = field(default_factory=list)


class RungOptimizer(ABC):
    """Asks a sampler for candidates and goes on with the best of each rung.

    Abstract: subclasses say who is promoted, and when. Failures come last and
    are never promoted, and a rung never waits for more trials than there are.

    Parameters
    ----------
    sampler : Optimizer or SharesOptimizer
        Proposes candidates; told of each trial what it can learn from.
    brackets : sequence of Bracket
        The plan.
    learns : bool
        Whether the sampler learns from results.
    patience : Patience or None, default=None
        When to spare a trial further training. Its score then stands for the
        next rungs.
    rung_folds : dict of int to int, default=None
        How many folds to train up to a budget, where it is not all.
    keep_best : bool, default=False
        Whether the best of those at the largest budget is not released.
    max_no_improvement : int or None, default=None
        After so many trials in a row at the largest budget without a better
        score, nothing more is proposed.
    """

    n_independent = 0

    def __init__(
        self,
        sampler: Optimizer | SharesOptimizer,
        brackets: Sequence[Bracket],
        *,
        learns: bool,
        patience: Patience | None = None,
        rung_folds: Mapping[int, int] | None = None,
        keep_best: bool = False,
        max_no_improvement: int | None = None,
    ) -> None:
        self._sampler = sampler
        self._brackets = list(brackets)
        self._learns = learns
        self._patience = patience
        self._rung_folds = dict(rung_folds or {})
        self._trials: list[RungTrial] = []
        self._released: list[int] = []
        self._keep_best = keep_best
        self._kept: RungTrial | None = None
        self._max_no_improvement = max_no_improvement
        self._best_score = -math.inf
        self._since_best = 0
        self._gave_up = False

    # -- the interface -----------------------------------------------------

    @abstractmethod
    def ask(self) -> Suggestion | None:
        """Propose a candidate, or to go on with one; None before the next tell."""

    @final
    def tell(self, outcome: Outcome) -> None:
        """Report how a trial did at the rung that it was sent to."""
        if not 0 <= outcome.trial < len(self._trials):
            raise ValueError(
                f"trial {outcome.trial} is not pending: it was never proposed"
            )
        trial = self._trials[outcome.trial]
        if not trial.is_pending:
            raise ValueError(
                f"trial {outcome.trial} is not pending: it was told already"
            )
        trial.is_pending = False
        score = outcome.score
        if score is not None and not math.isfinite(score):
            score = None
        budget = self._brackets[trial.bracket].rungs[trial.rung].budget
        result = RungResult(outcome.trial, budget, score, outcome.score_variance)
        trial.history.append(result)
        self._record(trial, result)

    @final
    def released(self) -> list[int]:
        """Return the trials that will not go on, each of them once."""
        released, self._released = self._released, []
        return released

    @property
    def kept(self) -> Suggestion | None:
        """The best at the largest budget, if it is kept."""
        return None if self._kept is None else self._kept.drawn

    @property
    def gave_up(self) -> bool:
        """Whether trials were left out for want of improvement."""
        return self._gave_up

    @final
    def standing(self, trial: int) -> tuple[int, str]:
        """Return how far a trial has come.

        Parameters
        ----------
        trial : int

        Returns
        -------
        budget : int
            That of the highest rung that its score stands for.
        status : str
            ``"completed"`` at the last rung of its bracket, ``"stopped"`` if
            others were promoted instead, ``"failed"``, or ``"unfinished"`` when
            the search ended too early to tell.
        """
        known = self._trials[trial]
        rungs = self._brackets[known.bracket].rungs
        reached = known.rung - known.is_pending
        budget = rungs[max(reached, 0)].budget
        if known.is_pending:
            return budget, "unfinished"
        if known.history and known.history[-1].score is None:
            return budget, "failed"
        if reached == len(rungs) - 1:
            return budget, "completed"
        return budget, "unfinished" if self._may_go_on(trial) else "stopped"

    # -- for subclasses ----------------------------------------------------

    def _count(self, result: RungResult) -> None:
        """Note a result at the largest budget."""
        if self._is_hopeless:
            return
        if result.score is not None and result.score > self._best_score:
            self._best_score = result.score
            self._since_best = 0
        else:
            self._since_best += 1

    @property
    def _is_hopeless(self) -> bool:
        """Whether the scores have not improved for too long."""
        limit = self._max_no_improvement
        return limit is not None and self._since_best >= limit

    def _finish(self, number: int) -> None:
        """Release a trial that is through, or the one kept before it."""
        trial = self._trials[number]
        if not self._keep_best:
            self._released.append(number)
        elif self._kept is None:
            self._kept = trial
        else:
            worse, better = sorted((trial, self._kept), key=_last_score)
            self._kept = better
            self._released.append(worse.drawn.trial)

    @abstractmethod
    def _record(self, trial: RungTrial, result: RungResult) -> None:
        """Note the result of a trial at its rung."""

    @abstractmethod
    def _may_go_on(self, number: int) -> bool:
        """Whether a trial that is not under way may still be promoted."""

    def _is_guided(self, number: int) -> bool:
        """Whether results decide what a candidate is."""
        independent = number < self._sampler.n_independent
        return self._learns and not independent and not self._is_random(number)

    @staticmethod
    def _is_random(number: int) -> bool:
        return number % _RANDOM_ONE_IN == _RANDOM_ONE_IN - 1

    def _begin(
        self, bracket: int, place: int, known: Sequence[RungResult]
    ) -> Suggestion | None:
        """Propose a new candidate from what is known, None if there is none left."""
        number = len(self._trials)
        if self._is_guided(number):
            self._sampler.learn(known)
        drawn = self._sampler.ask(at_random=self._learns and self._is_random(number))
        if drawn is None:
            return None
        trial = RungTrial(drawn, bracket, place=place)
        self._trials.append(trial)
        return self._suggest(trial)

    def _suggest(self, trial: RungTrial, parent: int | None = None) -> Suggestion:
        trial.is_pending = True
        rungs = self._brackets[trial.bracket].rungs
        budget = rungs[trial.rung].budget
        return replace(
            trial.drawn,
            budget=budget,
            n_folds=self._rung_folds.get(budget),
            parent=parent,
            bracket=self._brackets[trial.bracket].number,
            rung=trial.rung,
            is_last=trial.rung == len(rungs) - 1,
        )

    def _is_over(self, trial: RungTrial) -> bool:
        """Whether a trial is spared further training."""
        return self._patience is not None and self._patience.is_over(trial.history)


def _last_score(trial: RungTrial) -> float:
    score = trial.history[-1].score
    return -math.inf if score is None else score
