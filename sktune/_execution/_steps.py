"""The steps of a search, and what a training of theirs goes on from."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .._protocol import Checkpoint, FoldResult, FoldTask, Outcome, Status, Suggestion

__all__ = ["Limits", "SearchRun", "Step", "Steps", "n_units", "outcome_of", "task_of"]

Find = Callable[[int, int], Checkpoint | None]


@dataclass(slots=True)
class Step:
    """A suggestion and what has come of it so far.

    Attributes
    ----------
    suggestion : Suggestion
        What the optimizer proposed.
    optimizer_time : float
        Seconds it took to propose.
    results : list of FoldResult or None
        One for each fold that is trained, None until it is there.
    started, ended : float
        When its first fold was submitted and its last one came back, in
        seconds of the monotonic clock.
    outcome : Outcome or None
        None until all folds are there.
    """

    suggestion: Suggestion
    optimizer_time: float
    results: list[FoldResult | None]
    started: float = math.nan
    ended: float = math.nan
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """When a search ends.

    Attributes
    ----------
    n_steps : int or None
        Number of steps at most; None is as many as the optimizer proposes.
    deadline : float or None
        End of the time budget on the monotonic clock, in seconds.
    max_no_improvement : int or None
        Steps in a row without a better score.
    refit_share : float
        Seconds to keep for the refit, as a multiple of the mean fit time of a
        fold of the best trial.
    """

    n_steps: int | None
    deadline: float | None = None
    max_no_improvement: int | None = None
    refit_share: float = 0.0


@dataclass(slots=True)
class SearchRun:
    """What a search leaves behind.

    Attributes
    ----------
    steps : list of Step
        The finished ones, in the order of proposals.
    ended_by : str
        ``"n_iter"``, ``"exhausted"``, ``"time_budget"``,
        ``"max_no_improvement"``, ``"callback"``, ``"interrupt"`` or ``"error"``.
    interrupt : BaseException or None
        The interrupt, or the error, that ended it.
    """

    steps: list[Step] = field(default_factory=list)
    ended_by: str = "n_iter"
    interrupt: BaseException | None = None


def task_of(suggestion: Suggestion, fold: int) -> FoldTask:
    """Return the task of a fold of a suggestion."""
    return FoldTask(
        suggestion.trial,
        fold,
        suggestion.params,
        suggestion.budget,
        changed=suggestion.changed,
    )


class Steps(list[Step]):
    """Steps in the order of proposals, with those of each trial.

    Attributes
    ----------
    of_trial : dict of int to list of int
        Numbers of the steps of each trial.
    """

    def __init__(self, steps: Sequence[Step] = ()) -> None:
        super().__init__()
        self.of_trial: dict[int, list[int]] = {}
        for step in steps:
            self.add(step)

    def add(self, step: Step) -> None:
        """Append a step."""
        self.of_trial.setdefault(step.suggestion.trial, []).append(len(self))
        self.append(step)

    def latest(self, trial: int) -> int:
        """Return the number of a trial's last step."""
        return self.of_trial[trial][-1]

    def ending_at(self, trial: int, units: int) -> int:
        """Return the number of the step of a trial that ends at so many units."""
        return next(
            t for t in self.of_trial[trial] if self[t].suggestion.budget == units
        )

    def _parent(self, t: int, fold: int) -> int | None:
        """Return the step whose checkpoint of a fold step t goes on from."""
        parent = self[t].suggestion.parent
        if parent is None:
            return None
        before = [u for u in self.of_trial[parent] if u < t]
        # a fold that a rung left out begins later
        return before[-1] if fold < len(self[before[-1]].results) else None

    def training_before(
        self, t: int, fold: int, find: Find
    ) -> tuple[Checkpoint | None, tuple[FoldTask, ...]]:
        """Return what a fold of step t goes on from.

        Parameters
        ----------
        t, fold : int
        find : callable
            Returns the latest checkpoint of a trial and fold, if there is one.

        Returns
        -------
        checkpoint : Checkpoint or None
            None where the training begins with an untrained model.
        lost : tuple of FoldTask
            What was trained on top of it, and is to be trained again as its
            checkpoints are lost.
        """
        parent = self._parent(t, fold)
        return (None, ()) if parent is None else self.training_until(parent, fold, find)

    def training_until(
        self, t: int, fold: int, find: Find
    ) -> tuple[Checkpoint | None, tuple[FoldTask, ...]]:
        """Return what a fold is in after step t; see `training_before`."""
        lost: list[FoldTask] = []
        number: int | None = t
        while number is not None:
            suggestion = self[number].suggestion
            state = find(suggestion.trial, fold)
            if state is not None and state.units == suggestion.budget:
                return state, tuple(reversed(lost))
            lost.append(task_of(suggestion, fold))
            number = self._parent(number, fold)
        return None, tuple(reversed(lost))


def n_units(checkpoint: Checkpoint | None, lost: Sequence[FoldTask]) -> int:
    """Return how many units of the resource are to be trained again."""
    if not lost:
        return 0
    return (lost[-1].budget or 0) - (0 if checkpoint is None else checkpoint.units)


def outcome_of(trial: int, scores: list[float | None]) -> Outcome:
    """Return the outcome of a trial from the scores of its folds."""
    numbers = [s for s in scores if s is not None and math.isfinite(s)]
    if len(numbers) < len(scores):
        return Outcome(trial, Status.FAILED, None)
    variance = None
    if len(numbers) > 1:
        variance = statistics.variance(numbers) / len(numbers)
    return Outcome(trial, Status.OK, statistics.fmean(numbers), variance)
