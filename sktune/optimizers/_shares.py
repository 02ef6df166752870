"""Several optimizers, each with its share of the trials."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import final

from .._protocol import Suggestion
from ._base import Optimizer
from ._rungs import RungResult

__all__ = ["SharesOptimizer"]


@final
class SharesOptimizer:
    """Asks whichever of several optimizers is furthest behind its share.

    Any number of trials, from the first, is thus shared out in proportion. What one of
    them cannot propose, because its space is used up, the others do.

    Parameters
    ----------
    parts : sequence of (optimizer, share)
        Shares are whole numbers; only their ratios count.
    """

    def __init__(self, parts: Sequence[tuple[Optimizer, int]]) -> None:
        self._optimizers = [optimizer for optimizer, _ in parts]
        self._shares = [share for _, share in parts]
        self._n_asked = [0] * len(parts)
        self._is_used_up = [False] * len(parts)
        # Where each trial came from: the part, and the trial's number there.
        self._origins: list[tuple[int, int]] = []

    @property
    def n_independent(self) -> int:
        """Number of suggestions, from the first, that depend on no outcome."""
        return min(self._n_before(part) for part in range(len(self._shares)))

    def _n_before(self, part: int) -> int:
        """Number of trials before the first of a part that depends on outcomes."""
        first = self._optimizers[part].n_independent
        if first == sys.maxsize:
            return first
        # Those of the others with (2 k + 1) / share less than that of this trial.
        due = (2 * first + 1, self._shares[part])
        others = (s for p, s in enumerate(self._shares) if p != part)
        return first + sum(((due[0] * s - 1) // due[1] + 1) // 2 for s in others)

    def ask(self, *, at_random: bool = False) -> Suggestion | None:
        """Propose a configuration, None when all parts are used up."""
        while not all(self._is_used_up):
            part = self._furthest_behind(self._n_asked)
            suggestion = self._optimizers[part].ask(at_random=at_random)
            if suggestion is None:
                self._is_used_up[part] = True
                continue
            self._n_asked[part] += 1
            self._origins.append((part, suggestion.trial))
            return replace(suggestion, trial=len(self._origins) - 1)
        return None

    def learn(self, results: Iterable[RungResult]) -> None:
        """Take in how trials did; each part learns of its own."""
        of_part: list[list[RungResult]] = [[] for _ in self._optimizers]
        for result in results:
            part, trial = self._origins[result.trial]
            of_part[part].append(replace(result, trial=trial))
        for optimizer, own in zip(self._optimizers, of_part, strict=True):
            optimizer.learn(own)

    def expected(self, trials: Sequence[int]) -> None:
        """Return None: what the parts expect is not on one scale."""

    def _furthest_behind(self, counts: Sequence[int]) -> int:
        """Return the part that is due next; of equals, the first."""
        left = [p for p, is_used_up in enumerate(self._is_used_up) if not is_used_up]
        return min(left, key=lambda p: ((2 * counts[p] + 1) / self._shares[p], p))
