"""Hyperband with rungs that wait for all of their candidates."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import final

from .._protocol import Outcome, Suggestion
from ._base import Optimizer
from ._brackets import Bracket, Slot, schedule
from ._rungs import RungResult, comparable, ranked

__all__ = ["HyperbandOptimizer", "Patience"]

# Imaginary workers of the schedule: so many trials can be under way with the same
# results for any number of real workers.
_N_ABREAST = 8

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
class _RungState:
    """What has become of a rung.

    Attributes
    ----------
    n_expected : int or None
        How many trials come here, None until it is decided.
    results : list of RungResult
        Of those that are through.
    """

    n_expected: int | None = None
    results: list[RungResult] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        return self.n_expected is not None and len(self.results) == self.n_expected


@final
class HyperbandOptimizer:
    """Asks a sampler for candidates and goes on with the best of each rung.

    A rung is decided when all of its trials are through. Failures come last and
    are never promoted, and a rung never waits for more trials than there are.
    With a sampler that learns, what is proposed depends on the results that are
    known at that moment of a fixed schedule, see `schedule`.

    Parameters
    ----------
    sampler : Optimizer
        Proposes candidates; told of each trial what it can learn from.
    brackets : sequence of Bracket
        The plan.
    learns : bool
        Whether the sampler learns from results.
    repeatable : bool, default=True
        Whether proposals must not depend on which trial happens to be finished.
    patience : Patience or None, default=None
        When to spare a trial further training. Its score then stands for the
        next rungs.
    rung_folds : dict of int to int, default=None
        How many folds to train up to a budget, where it is not all.
    """

    n_independent = 0

    def __init__(
        self,
        sampler: Optimizer,
        brackets: Sequence[Bracket],
        *,
        learns: bool,
        repeatable: bool = True,
        patience: Patience | None = None,
        rung_folds: Mapping[int, int] | None = None,
    ) -> None:
        self._rung_folds = dict(rung_folds or {})
        self._sampler = sampler
        self._brackets = list(brackets)
        self._learns = learns
        self._repeatable = repeatable
        self._patience = patience
        slots = schedule(self._brackets, _N_ABREAST)
        self._order = {(s.bracket, s.rung, s.place): t for t, s in enumerate(slots)}
        self._new = [slot for slot in slots if slot.rung == 0]
        self._by_end = sorted(slots, key=lambda slot: slot.end)
        self._n_known = 0  # slots, by their end, that the sampler knows of
        self._rungs = [[_RungState() for _ in b.rungs] for b in self._brackets]
        for rungs, bracket in zip(self._rungs, self._brackets, strict=True):
            rungs[0].n_expected = bracket.rungs[0].n_candidates
        self._trials: list[_Trial] = []
        # (position in the schedule, trial, rung) of those that may go on
        self._promoted: list[tuple[int, int, int]] = []
        self._slot_of: dict[tuple[int, int, int], RungResult | None] = {}
        self._learnt: list[RungResult] = []
        self._released: list[int] = []

    # -- the interface -----------------------------------------------------

    def ask(self) -> Suggestion | None:
        """Propose a candidate, or to go on with one; None before the next tell."""
        begin = self._next_new()
        if begin is not None:
            position = self._order[begin.bracket, 0, begin.place]
            if not self._promoted or position < self._promoted[0][0]:
                suggestion = self._begin(begin)
                if suggestion is not None:
                    return suggestion
        if not self._promoted:
            return None
        _, number, rung = heapq.heappop(self._promoted)
        trial = self._trials[number]
        trial.rung = rung
        return self._suggest(trial, parent=number)

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

    def released(self) -> list[int]:
        """Return the trials that will not go on, each of them once."""
        released, self._released = self._released, []
        return released

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
        state = self._rungs[known.bracket]
        reached = known.rung - known.is_pending
        budget = rungs[max(reached, 0)].budget
        if not known.is_pending and known.history and known.history[-1].score is None:
            return budget, "failed"
        if reached == len(rungs) - 1:
            return budget, "completed"
        if state[reached + 1].n_expected is None or known.is_pending:
            return budget, "unfinished"
        waits = any(number == trial for _, number, _ in self._promoted)
        return budget, "unfinished" if waits else "stopped"

    # -- new candidates ----------------------------------------------------

    def _next_new(self) -> Slot | None:
        """Return the place of the next candidate, if it may be proposed now."""
        number = len(self._trials)
        if number >= len(self._new):
            return None
        slot = self._new[number]
        if self._is_guided(number) and not self._learn_up_to(slot.start):
            return None
        return slot

    def _is_guided(self, number: int) -> bool:
        """Whether results decide what a candidate is."""
        independent = number < self._sampler.n_independent
        return self._learns and not independent and not self._is_random(number)

    @staticmethod
    def _is_random(number: int) -> bool:
        return number % _RANDOM_ONE_IN == _RANDOM_ONE_IN - 1

    def _begin(self, slot: Slot) -> Suggestion | None:
        number = len(self._trials)
        if self._is_guided(number):
            for outcome in comparable(self._learnt):
                self._sampler.amend(outcome)
        at_random = self._learns and self._is_random(number)
        drawn = self._sampler.ask(at_random=at_random)
        if drawn is None:
            self._end_candidates()
            return None
        trial = _Trial(drawn, slot.bracket, place=slot.place)
        self._trials.append(trial)
        return self._suggest(trial)

    def _end_candidates(self) -> None:
        """Let no rung wait for candidates that do not exist."""
        left = self._new[len(self._trials) :]
        self._new = self._new[: len(self._trials)]
        for slot in left:
            self._slot_of[slot.bracket, 0, slot.place] = None
            expected = self._rungs[slot.bracket][0].n_expected
            assert expected is not None
            self._rungs[slot.bracket][0].n_expected = expected - 1
        for b in dict.fromkeys(slot.bracket for slot in left):
            self._decide(b, 0)

    def _learn_up_to(self, time: int) -> bool:
        """Take in what is known at a time; false when some of it is not there."""
        if not self._repeatable:
            self._learnt = [r for trial in self._trials for r in trial.history]
            return True
        while self._n_known < len(self._by_end):
            slot = self._by_end[self._n_known]
            if slot.end > time:
                break
            key = (slot.bracket, slot.rung, slot.place)
            if key not in self._slot_of:
                return False
            result = self._slot_of[key]
            if result is not None:
                self._learnt.append(result)
            self._n_known += 1
        return True

    # -- promotion -----------------------------------------------------------

    def _suggest(self, trial: _Trial, parent: int | None = None) -> Suggestion:
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

    def _record(self, trial: _Trial, result: RungResult) -> None:
        """Note the result of a trial at its rung; the last one decides the rung."""
        self._rungs[trial.bracket][trial.rung].results.append(result)
        self._slot_of[trial.bracket, trial.rung, trial.place] = result
        if result.score is None:
            self._released.append(result.trial)
        self._decide(trial.bracket, trial.rung)

    def _decide(self, b: int, i: int) -> None:
        """Promote the best of a rung, once all are through."""
        rung = self._rungs[b][i]
        if not rung.is_complete:
            return
        best = ranked(rung.results)
        if i + 1 == len(self._rungs[b]):
            self._released += best
            return
        n_places = self._brackets[b].rungs[i + 1].n_candidates
        promoted = best[:n_places]
        self._released += best[n_places:]
        self._rungs[b][i + 1].n_expected = len(promoted)
        for place in range(len(promoted), n_places):
            self._slot_of[b, i + 1, place] = None
        if not promoted:
            self._decide(b, i + 1)
        for place, number in enumerate(promoted):
            trial = self._trials[number]
            trial.place = place
            if self._patience is not None and self._patience.is_over(trial.history):
                trial.rung = i + 1
                self._record(trial, replace(trial.history[-1]))
            else:
                position = self._order[b, i + 1, place]
                heapq.heappush(self._promoted, (position, number, i + 1))


@dataclass(slots=True)
class _Trial:
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
