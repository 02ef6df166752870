"""Hyperband that promotes without waiting: ASHA in each bracket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

from .._protocol import Suggestion
from ._base import Optimizer
from ._brackets import Bracket
from ._rung_optimizer import Patience, RungOptimizer, RungTrial
from ._rungs import RungResult, ranked
from ._shares import SharesOptimizer

__all__ = ["AsyncHyperbandOptimizer"]


@final
class AsyncHyperbandOptimizer(RungOptimizer):
    """Promotes whoever is among the best of a rung so far [1]_.

    No worker ever waits for another. What is promoted depends on who is
    finished first, and early promotions can turn out to be wrong, so that a few
    more trials are promoted than planned.

    Parameters
    ----------
    sampler : Optimizer or SharesOptimizer
        Proposes candidates; told of each trial what it can learn from.
    brackets : sequence of Bracket
        The plan.
    learns : bool
        Whether the sampler learns from results.
    patience : Patience or None, default=None
        When to spare a trial further training.
    rung_folds : dict of int to int, default=None
        How many folds to train up to a budget, where it is not all.
    keep_best : bool, default=False
        Whether the best of those at the largest budget is not released.
    max_no_improvement : int or None, default=None
        After so many trials in a row at the largest budget without a better
        score, nothing more is proposed.

    References
    ----------
    .. [1] L. Li et al., "A System for Massively Parallel Hyperparameter Tuning",
       MLSys 2020, Alg. 2.
    """

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
        super().__init__(
            sampler,
            brackets,
            learns=learns,
            patience=patience,
            rung_folds=rung_folds,
            keep_best=keep_best,
            max_no_improvement=max_no_improvement,
        )
        # For each bracket and rung: who is through, and who of them went on.
        self._done: list[list[list[RungResult]]] = [
            [[] for _ in b.rungs] for b in self._brackets
        ]
        self._gone: list[list[set[int]]] = [
            [set() for _ in b.rungs] for b in self._brackets
        ]
        self._n_begun = [0] * len(self._brackets)
        self._is_exhausted = False
        self._lost: set[int] = set()

    def ask(self) -> Suggestion | None:
        """Propose a candidate, or to go on with one; None before the next tell."""
        if self._is_hopeless:
            self._gave_up = True
            return None
        found = self._next_promotion()
        if found is not None:
            number, rung = found
            self._trials[number].rung = rung
            return self._suggest(self._trials[number], parent=number)
        left = [
            b
            for b, bracket in enumerate(self._brackets)
            if self._n_begun[b] < bracket.rungs[0].n_candidates
        ]
        if not left or self._is_exhausted:
            if not any(trial.is_pending for trial in self._trials):
                self._end()
            return None
        # All brackets fill alike; of equals, the one with the most candidates.
        share = [
            self._n_begun[b] / self._brackets[b].rungs[0].n_candidates for b in left
        ]
        b = left[share.index(min(share))]
        known = [result for trial in self._trials for result in trial.history]
        suggestion = self._begin(b, self._n_begun[b], known)
        if suggestion is None:
            self._is_exhausted = True
            return self.ask()  # rungs that waited for more are decided now
        self._n_begun[b] += 1
        return suggestion

    def _next_promotion(self) -> tuple[int, int] | None:
        # Li et al. 2020, Alg. 2, get_job: from the top rung down
        for b, bracket in enumerate(self._brackets):
            for i in range(len(bracket.rungs) - 2, -1, -1):
                for number in self._promotable(b, i):
                    self._gone[b][i].add(number)
                    trial = self._trials[number]
                    if not self._is_over(trial):
                        return number, i + 1
                    trial.rung = i + 1
                    self._record(trial, trial.history[-1])
                    return self._next_promotion()
        return None

    def _promotable(self, b: int, i: int) -> list[int]:
        """Return who of a rung may go on now, the best first."""
        rungs, done = self._brackets[b].rungs, self._done[b][i]
        n_best = len(done) * rungs[i + 1].n_candidates // rungs[i].n_candidates
        if self._is_closed(b, i):
            # failures must not keep the others back
            n_best = rungs[i + 1].n_candidates
        return [t for t in ranked(done)[:n_best] if t not in self._gone[b][i]]

    def _is_closed(self, b: int, i: int) -> bool:
        """Whether nobody else can come to a rung."""
        bracket = self._brackets[b]
        full = self._n_begun[b] == bracket.rungs[0].n_candidates or self._is_exhausted
        if not full:
            return False
        here = (t for t in self._trials if t.bracket == b and t.is_pending)
        if any(trial.rung <= i for trial in here):
            return False
        return all(not self._promotable(b, below) for below in range(i))

    def _record(self, trial: RungTrial, result: RungResult) -> None:
        b, i = trial.bracket, trial.rung
        self._done[b][i].append(result)
        best = ranked(self._done[b][i])
        rungs = self._brackets[b].rungs
        if i + 1 == len(rungs):
            self._count(result)
        if i + 1 == len(rungs) and result.score is not None:
            self._finish(result.trial)
            return
        n_places = len(best)
        if i + 1 < len(rungs):
            # More than planned may come to a higher rung: all, at most.
            n_most = rungs[0].n_candidates
            n_places = n_most * rungs[i + 1].n_candidates // rungs[i].n_candidates
        # Whoever has so many before it will never be among the best.
        lost = set(best[n_places:]) - self._gone[b][i]
        if result.score is None:
            lost.add(result.trial)
        self._lose(lost)

    def _end(self) -> None:
        """Give up who waits for a promotion: nobody else will come."""
        for done, gone in zip(self._done, self._gone, strict=True):
            for results, promoted in zip(done[:-1], gone[:-1], strict=True):
                self._lose({result.trial for result in results} - promoted)

    def _lose(self, trials: set[int]) -> None:
        self._released += sorted(trials - self._lost)
        self._lost |= trials

    def _may_go_on(self, number: int) -> bool:
        return number not in self._lost
