"""Several optimizers, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import final

from .._protocol import AskTell, Outcome, Suggestion

__all__ = ["SequentialOptimizer"]


@final
class SequentialOptimizer:
    """Asks one optimizer for a number of trials, then the next.

    Parameters
    ----------
    parts : sequence of (optimizer, n_trials)
        In their order.
    """

    def __init__(self, parts: Sequence[tuple[AskTell, int]]) -> None:
        self._parts = list(parts)
        self._current = 0
        self._n_asked_here = 0
        # Where each trial came from: the part, and the trial's number there.
        self._origins: list[tuple[int, int]] = []

    @property
    def n_independent(self) -> int:
        """Number of suggestions, from the first, that depend on no outcome."""
        optimizer, n_trials = self._parts[0]
        return min(optimizer.n_independent, n_trials)

    def ask(self) -> Suggestion | None:
        """Propose a configuration, None when every part is through."""
        while self._current < len(self._parts):
            optimizer, n_trials = self._parts[self._current]
            if self._n_asked_here < n_trials:
                suggestion = optimizer.ask()
                if suggestion is not None:
                    self._n_asked_here += 1
                    self._origins.append((self._current, suggestion.trial))
                    return replace(suggestion, trial=len(self._origins) - 1)
            self._current += 1
            self._n_asked_here = 0
        return None

    def tell(self, outcome: Outcome) -> None:
        """Report how a trial ended to the optimizer that proposed it."""
        part, trial = self._origins[outcome.trial]
        self._parts[part][0].tell(replace(outcome, trial=trial))

    def part_of(self, trial: int) -> int:
        """Return the position of the part that proposed a trial."""
        return self._origins[trial][0]

    def end_part(self, part: int) -> None:
        """Ask no more of a part: go on with the next one."""
        if part == self._current:
            self._current += 1
            self._n_asked_here = 0
