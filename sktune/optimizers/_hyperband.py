"""Hyperband with rungs that wait for all of their candidates."""

from __future__ import annotations

import bisect
import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np
from scipy.stats import rankdata

from .._protocol import Suggestion
from ._base import Optimizer
from ._brackets import Bracket, Slot, schedule
from ._rung_optimizer import Patience, RungOptimizer, RungTrial
from ._rungs import RungResult, ranked
from ._shares import SharesOptimizer

__all__ = ["HyperbandOptimizer"]

# What a trial has shown counts as known only its own duration after its end in the
# schedule: real durations are uneven, and proposals wait for what is known.
# `benchmarks/hyperband_workers.py` prints how busy eight workers are.
_DELAY = 1.0


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
class HyperbandOptimizer(RungOptimizer):
    """Promotes the best of a rung when all of its trials are through.

    With a sampler that learns, what is proposed and who is promoted depend on the
    results that are known at that moment of a fixed schedule, see `schedule`.

    Parameters
    ----------
    sampler : Optimizer or SharesOptimizer
        Proposes candidates; told of each trial what it can learn from.
    brackets : sequence of Bracket
        The plan.
    learns : bool
        Whether the sampler learns from results.
    repeatable : bool, default=True
        Whether nothing may depend on which trial happens to be finished.
    n_abreast : int, default=8
        Imaginary workers of the schedule: so many trials can be under way with the
        same results for any number of real workers. Fewer learn more from each
        other.
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

    def __init__(
        self,
        sampler: Optimizer | SharesOptimizer,
        brackets: Sequence[Bracket],
        *,
        learns: bool,
        repeatable: bool = True,
        n_abreast: int = 8,
        patience: Patience | None = None,
        rung_folds: Mapping[int, int] | None = None,
        keep_best: bool = False,
        max_no_improvement: int | None = None,
    ) -> None:
        super().__init__(
            sampler,
            brackets,
            learns=learns,
            patience=patience,
            rung_folds=rung_folds,
            keep_best=keep_best,
            max_no_improvement=max_no_improvement,
        )
        self._repeatable = repeatable
        slots = schedule(self._brackets, n_abreast)
        self._starts = [slot.start for slot in slots]
        self._order = {slot.key: t for t, slot in enumerate(slots)}
        self._new = [slot for slot in slots if slot.rung == 0]
        self._by_known = sorted(slots, key=_known_at)
        self._n_there = 0  # of these slots, those whose results are there
        self._by_end = sorted(slots, key=lambda slot: slot.end)
        self._n_counted = 0  # of these, those looked at for improvement
        self._hopeless_from = 0  # logical time
        self._rungs = [[_RungState() for _ in b.rungs] for b in self._brackets]
        for rungs, bracket in zip(self._rungs, self._brackets, strict=True):
            rungs[0].n_expected = bracket.rungs[0].n_candidates
        # (position in the schedule, trial, rung) of those that may go on
        self._promoted: list[tuple[int, int, int]] = []
        self._slot_of: dict[tuple[int, int, int], RungResult | None] = {}
        # (time, bracket, rung) of those that are through, but wait for what is known
        # at that time
        self._undecided: list[tuple[int, int, int]] = []

    # -- new candidates ----------------------------------------------------

    def ask(self) -> Suggestion | None:
        """Propose a candidate, or to go on with one; None before the next tell."""
        self._decide_late()
        begin = self._next_new()
        if begin is not None:
            slot, known = begin
            position = self._order[slot.key]
            if not self._promoted or position < self._promoted[0][0]:
                suggestion = self._begin(slot.bracket, slot.place, known)
                if suggestion is not None:
                    return suggestion
                self._end_candidates()
                self._decide_late()
        if not self._promoted or not self._may_begin(
            self._starts[self._promoted[0][0]]
        ):
            return None
        _, number, rung = heapq.heappop(self._promoted)
        trial = self._trials[number]
        trial.rung = rung
        return self._suggest(trial, parent=number)

    def _next_new(self) -> tuple[Slot, list[RungResult]] | None:
        """Return the place of the next candidate and what it may depend on.

        None if it must not be proposed now.
        """
        number = len(self._trials)
        if number >= len(self._new):
            return None
        slot = self._new[number]
        known = self._known_by(slot.start) if self._is_guided(number) else []
        if known is None or not self._may_begin(slot.start):
            return None
        return slot, known

    def _may_begin(self, time: int) -> bool:
        """Whether the search goes on; what is known at a time decides it."""
        if self._max_no_improvement is None:
            return True
        if self._repeatable and not self._count_up_to(time):
            return False
        # What was to begin before that moment still does, however late it is.
        if not self._is_hopeless or time < self._hopeless_from:
            return True
        self._gave_up = True
        return False

    def _count_up_to(self, time: int) -> bool:
        """Count what has ended at the largest budget by a time, if it is there."""
        while self._n_counted < len(self._by_end):
            slot = self._by_end[self._n_counted]
            if slot.end > time:
                break
            if slot.key not in self._slot_of:
                return False
            result = self._slot_of[slot.key]
            if result is not None and self._is_top(slot.bracket, slot.rung):
                self._count(result)
                if self._is_hopeless and not self._hopeless_from:
                    self._hopeless_from = slot.end
            self._n_counted += 1
        return True

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

    def _known_by(self, time: int) -> list[RungResult] | None:
        """Return what is known at a time, None when some of it is not there yet."""
        if not self._repeatable:
            return [r for trial in self._trials for r in trial.history]
        while self._n_there < len(self._by_known):
            if self._by_known[self._n_there].key not in self._slot_of:
                break
            self._n_there += 1
        n_known = bisect.bisect_right(self._by_known, float(time), key=_known_at)
        if n_known > self._n_there:
            return None
        results = (self._slot_of[slot.key] for slot in self._by_known[:n_known])
        return [result for result in results if result is not None]

    # -- promotion -----------------------------------------------------------

    def _may_go_on(self, number: int) -> bool:
        trial = self._trials[number]
        if self._rungs[trial.bracket][trial.rung + 1].n_expected is None:
            return True
        return any(promoted == number for _, promoted, _ in self._promoted)

    def _record(self, trial: RungTrial, result: RungResult) -> None:
        """Note the result of a trial at its rung; the last one decides the rung."""
        self._rungs[trial.bracket][trial.rung].results.append(result)
        self._slot_of[trial.bracket, trial.rung, trial.place] = result
        if result.score is None:
            self._released.append(result.trial)
        if not self._repeatable and self._is_top(trial.bracket, trial.rung):
            self._count(result)
        self._decide(trial.bracket, trial.rung)

    def _is_top(self, b: int, i: int) -> bool:
        return i + 1 == len(self._rungs[b])

    def _decide_late(self) -> None:
        """Decide the rungs that waited, where what they wait for is there.

        The earliest first: one waits for none that is later.
        """
        while self._undecided and self._known_by(self._undecided[0][0]) is not None:
            _, b, i = heapq.heappop(self._undecided)
            self._decide(b, i)

    def _decide(self, b: int, i: int) -> None:
        """Promote the best of a rung, once all are through."""
        rung = self._rungs[b][i]
        if not rung.is_complete:
            return
        best = ranked(rung.results)
        if self._is_top(b, i):
            for number in best:
                self._finish(number)
            return
        n_places = self._brackets[b].rungs[i + 1].n_candidates
        if self._learns and len(best) > n_places:
            time = self._starts[self._order[b, i + 1, 0]]
            known = self._known_by(time)
            if known is None:
                heapq.heappush(self._undecided, (time, b, i))
                return
            best = self._by_expectation(best, known)
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
            if self._is_over(trial):
                trial.rung = i + 1
                self._record(trial, trial.history[-1])
            else:
                position = self._order[b, i + 1, place]
                heapq.heappush(self._promoted, (position, number, i + 1))

    def _by_expectation(
        self, best: list[int], known: Sequence[RungResult]
    ) -> list[int]:
        """Return trials, given by score, by score and by what is expected of them.

        What is best early need not win, and the model may know that. But close to the
        largest budget scores say more than it does. So their ranks count alike, and
        of equals those of the scores.
        """
        own = [result for number in best for result in self._trials[number].history]
        self._sampler.learn([*known, *own])
        expected = self._sampler.expected(best)
        if expected is None:
            return best
        ranks = rankdata(-expected, method="ordinal")
        order = np.argsort(ranks + np.arange(len(best)), kind="stable")
        return [best[k] for k in order]


def _known_at(slot: Slot) -> float:
    """Return when proposals may depend on what a slot brought, in logical time."""
    return slot.end + _DELAY * (slot.end - slot.start)
