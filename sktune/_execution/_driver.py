"""The loop of a search: ask, submit, tell.

A step is one suggestion on its way to its outcome: a trial, or a part of one
where an optimizer goes on with trials.

Glossary
--------
t : number of a step, counted from 0 in the order of proposals.
w : the window. Proposal t sees the results of the steps up to t - w, and no
    others, whichever finished first. What it sees thus depends on neither the
    number of workers nor their speed; w steps can be under way.
"""

from __future__ import annotations

import math
import statistics
import time
import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from .._compat import FoldCallback
from .._protocol import (
    AskTell,
    Checkpoint,
    Continuing,
    FoldResult,
    FoldTask,
    PastStep,
    Record,
    Status,
    Suggestion,
)
from ..exceptions import JournalError, SktuneWarning
from ._checkpoint import CheckpointStore
from ._executor import CrashedTasks, Executor
from ._interrupt import noted_interrupts
from ._steps import Limits, SearchRun, Step, Steps, n_units, outcome_of, task_of

__all__ = ["run_search"]

# A fold whose worker died is tried again, alone, so that it cannot hide behind
# its neighbours. If that worker dies too, the candidate has failed.
_MAX_CRASHES = 2

# The share of a fold that workers may lose while the optimizer thinks.
_MIN_AHEAD = 0.1


def run_search(
    optimizer: AskTell,
    executor: Executor,
    score: Callable[[FoldResult], float | None],
    n_splits: int,
    limits: Limits,
    *,
    window: Callable[[int], int] | None = None,
    ask_ahead: bool = False,
    max_tasks: int | None = None,
    checkpoints: CheckpointStore | None = None,
    record: Record | None = None,
    fold_callback: Callable[[int], FoldCallback | None] = lambda number: None,
    on_step: Callable[[Step], bool] = lambda step: False,
) -> SearchRun:
    """Evaluate what an optimizer proposes until a limit is reached.

    Parameters
    ----------
    optimizer : AskTell
        Asked for configurations, told their outcomes.
    executor : Executor
        Runs the folds.
    score : callable
        Picks the score to maximise from the result of a fold.
    n_splits : int
        Number of folds.
    limits : Limits
        When to end.
    window : callable or None
        Takes t, returns w. None tells each outcome as soon as it is there.
    ask_ahead : bool
        Whether to ask, without a window, long before a worker is free. What an
        optimizer proposes then must not depend on when it is asked. If not, it
        is asked early enough that no worker waits for its answer.
    max_tasks : int or None
        Number of folds handed to the executor at a time; None is its number of
        workers.
    checkpoints : CheckpointStore or None
        Where the states of trials are kept that the optimizer goes on with.
    record : Record or None
        Where steps and results are noted. What it holds already is done again,
        without training, before anything is trained.
    fold_callback : callable
        Returns the hooks for a task from its number.
    on_step : callable
        Called after each outcome was told, also of steps that `record` held
        already; a true return ends the search.

    Returns
    -------
    SearchRun
    """
    driver = _Driver(
        optimizer,
        executor,
        score,
        n_splits,
        limits,
        window,
        ask_ahead,
        max_tasks if max_tasks and executor.n_workers > 1 else executor.n_workers,
        checkpoints,
        record,
        fold_callback,
        on_step,
    )
    return driver.run()


class _Driver:
    """The state of the loop; its parameters are those of `run_search`."""

    def __init__(
        self,
        optimizer: AskTell,
        executor: Executor,
        score: Callable[[FoldResult], float | None],
        n_splits: int,
        limits: Limits,
        window: Callable[[int], int] | None,
        ask_ahead: bool,
        max_tasks: int,
        checkpoints: CheckpointStore | None,
        record: Record | None,
        fold_callback: Callable[[int], FoldCallback | None],
        on_step: Callable[[Step], bool],
    ) -> None:
        self._optimizer = optimizer
        self._executor = executor
        self._score = score
        self._n_splits = n_splits
        self._limits = limits
        self._window = window
        self._ask_ahead = ask_ahead
        self._max_tasks = max_tasks
        self._checkpoints = checkpoints
        self._record_in = record
        self._fold_callback = fold_callback
        self._on_step = on_step
        self._steps = Steps()
        self._n_pending = 0  # steps without an outcome
        self._queue: deque[FoldTask] = deque()
        self._suspects: deque[FoldTask] = deque()
        self._n_crashes: dict[int, int] = {}
        self._n_told = 0  # steps told in order; more are, without a window
        self._told: set[int] = set()
        self._best: Step | None = None
        self._since_best = 0
        self._fit_times: dict[int, float] = {}  # of a fold of each trial, so far
        self._fold_time = 0.0  # seconds, of late
        self._n_finished = 0
        self._ended_by: str | None = None
        self._has_warned = False  # of models that are trained again

    def run(self) -> SearchRun:
        interrupt: BaseException | None = None
        with noted_interrupts() as interrupts:
            try:
                self._loop(interrupts.raise_again)
            except JournalError:  # not a search that could go on
                self._executor.abort()
                raise
            except BaseException as error:
                interrupts.hold()
                # An interrupt may show as what follows from it, as workers that died.
                interrupt = interrupts.first or error
                is_key = isinstance(interrupt, KeyboardInterrupt)
                self._ended_by = "interrupt" if is_key else "error"
                self._executor.abort()
        finished = [step for step in self._steps if step.outcome is not None]
        return SearchRun(finished, self._ended_by or "n_iter", interrupt)

    def _loop(self, raise_again: Callable[[], None]) -> None:
        if self._record_in is not None:
            self._go_on_from(self._record_in)
        while True:
            self._fill()
            raise_again()
            if not self._executor.n_running:
                break
            if self._is_out_of_time():
                self._ended_by = "time_budget"
                self._executor.abort()
                break
            try:
                results = self._executor.wait(self._seconds_left())
            except CrashedTasks as crash:
                self._suspect(crash)
                self._commit()
                continue
            for result in results:
                self._record(result)
            self._commit()
        for t in range(len(self._steps)):
            self._tell(t)
        self._commit()

    def _go_on_from(self, record: Record) -> None:
        """Do again what is noted, and queue the folds that are not finished."""
        for event in record.past():
            if isinstance(event, PastStep):
                t = len(self._steps)
                if self._window is not None:
                    self._tell_up_to(t)
                suggestion = self._optimizer.ask()
                record.confirm(event, suggestion)
                assert suggestion is not None
                self._add_step(suggestion, event.seconds)
            elif self._expects(event):
                self._take_in(event, is_past=True)
            else:
                raise JournalError(
                    f"the journal has a result of fold {event.fold} of trial "
                    f"{event.trial} where none belongs: it is not of this search"
                )
        self._queue = deque(
            self._task(step.suggestion, fold)
            for step in self._steps
            for fold, result in enumerate(step.results)
            if result is None
        )
        if self._checkpoints is not None:
            self._checkpoints.check()
            self._warn_about_lost()
            self._checkpoints.sweep()
            self._checkpoints.sweep_strays()

    def _expects(self, result: FoldResult) -> bool:
        """Whether a fold is under way of which this is the result."""
        if result.trial not in self._steps.of_trial:
            return False
        results = self._steps[self._steps.latest(result.trial)].results
        return 0 <= result.fold < len(results) and results[result.fold] is None

    def _commit(self) -> None:
        """Write what was noted; only then delete what it makes superfluous."""
        if self._record_in is not None:
            self._record_in.commit()
        if self._checkpoints is not None:
            self._checkpoints.sweep()

    # -- Submitting ----------------------------------------------------------

    def _fill(self) -> None:
        """Hand tasks to the executor while it has room."""
        while self._executor.n_running < self._max_tasks:
            if self._suspects:
                # Alone: whoever kills a worker now is found.
                if self._executor.n_running:
                    return
                source = self._suspects
            else:
                if not self._queue and not self._ask():
                    return
                source = self._queue
            if self._is_out_of_time():
                self._ended_by = self._ended_by or "time_budget"
                return
            self._submit(source.popleft())

    def _submit(self, task: FoldTask) -> None:
        t = self._steps.latest(task.trial)
        step = self._steps[t]
        if math.isnan(step.started):
            step.started = time.monotonic()
        if self._checkpoints is not None and step.suggestion.parent is not None:
            state, lost = self._steps.training_before(t, task.fold, self._state)
            self._warn_about_lost()
            if lost and not self._has_warned:
                self._has_warned = True
                warnings.warn(
                    "Models that are gone on from were not kept, as the search was to "
                    "end with them, or could not be: they are trained again, in the "
                    "same parts as before. checkpoint_use_.n_units_again says how "
                    "much that was",
                    SktuneWarning,
                    stacklevel=2,
                )
            task = replace(task, checkpoint=state, lost=lost)
            self._checkpoints.use.n_units_again += n_units(state, lost)
        number = t * self._n_splits + task.fold
        self._executor.submit(task, self._fold_callback(number))

    def _state(self, trial: int, fold: int) -> Checkpoint | None:
        assert self._checkpoints is not None
        return self._checkpoints.get(trial, fold, as_file=self._executor.sees_files)

    def _warn_about_lost(self) -> None:
        """Say which checkpoints turned out to be lost, and what they cost."""
        assert self._checkpoints is not None
        lost = self._checkpoints.newly_lost()
        if not lost:
            return
        total = 0
        for trial, fold, units, _ in lost:
            step = self._steps.ending_at(trial, units)
            total += n_units(*self._steps.training_until(step, fold, self._state))
        self._has_warned = True
        reasons = "; ".join(reason for *_, reason in lost[:3])
        if len(lost) > 3:
            reasons += f"; and {len(lost) - 3} more"
        warnings.warn(
            f"Of the checkpoints in {self._checkpoints.folder}, {len(lost)} cannot be "
            f"used: {reasons}. What is needed of them is trained again, in the same "
            f"parts as before: {total} units of the resource",
            SktuneWarning,
            stacklevel=2,
        )

    def _ask(self) -> bool:
        """Queue the folds of a new step, if it is time for one."""
        t = len(self._steps)
        limit = self._limits.n_steps
        if self._ended_by is not None or (limit is not None and t >= limit):
            return False
        if self._window is None:
            n_needed = self._executor.n_workers + self._n_ahead()
            busy = self._executor.n_running >= n_needed
            if busy and not self._ask_ahead:
                return False  # the next result may still come in time
        elif not self._tell_up_to(t):
            return False
        self._check_limits()
        if self._ended_by is not None:
            return False
        started = time.perf_counter()
        suggestion = self._optimizer.ask()
        seconds = time.perf_counter() - started
        if suggestion is None:
            if not self._n_pending:
                self._ended_by = "exhausted"
            return False
        if self._record_in is not None:
            self._record_in.proposed(suggestion, seconds)
        self._add_step(suggestion, seconds)
        return True

    def _n_ahead(self) -> int:
        """Return how many folds workers finish while the optimizer thinks.

        So many wait for a worker. It is none where training takes its time: a
        proposal had better know the next result.
        """
        if not self._fold_time:
            return 0
        n = self._executor.n_workers * self._steps[-1].optimizer_time / self._fold_time
        return math.ceil(n) if n > _MIN_AHEAD else 0

    def _add_step(self, suggestion: Suggestion, seconds: float) -> None:
        """Begin a step: queue its folds."""
        n_folds = suggestion.n_folds or self._n_splits
        self._steps.add(Step(suggestion, seconds, [None] * n_folds))
        self._n_pending += 1
        self._queue.extend(self._task(suggestion, fold) for fold in range(n_folds))

    def _task(self, suggestion: Suggestion, fold: int) -> FoldTask:
        keep = self._checkpoints is not None and not suggestion.is_last
        return replace(task_of(suggestion, fold), keep=keep)

    # -- Telling ---------------------------------------------------------------

    def _tell_up_to(self, t: int) -> bool:
        """Tell what proposal t may see; false when it must wait for some of it."""
        assert self._window is not None
        last = t - self._window(t)
        while self._n_told <= last:
            if self._steps[self._n_told].outcome is None:
                # Whether the search ends by its patience must not depend on
                # which steps happen to be finished.
                patient = self._limits.max_no_improvement is not None
                return t < self._optimizer.n_independent and not patient
            self._tell(self._n_told)
            self._n_told += 1
        return True

    def _tell(self, t: int) -> None:
        step = self._steps[t]
        if step.outcome is None or t in self._told:
            return
        self._told.add(t)
        self._optimizer.tell(step.outcome)
        if self._checkpoints is not None and isinstance(self._optimizer, Continuing):
            for trial in self._optimizer.released():
                self._checkpoints.discard(trial)
        if step.outcome.score is not None and (
            self._best is None or _rank(step) > _rank(self._best)
        ):
            self._best = step
            self._since_best = 0
        else:
            self._since_best += 1
        if self._on_step(step) and self._ended_by is None:
            self._ended_by = "callback"

    def _record(self, result: FoldResult) -> None:
        """Take in the result of a fold, and note it."""
        if result.exception is not None:
            raise result.exception
        if result.checkpoint is not None and self._checkpoints is not None:
            kept = self._checkpoints.put(result.trial, result.fold, result.checkpoint)
            result = replace(result, checkpoint=kept)
        if self._record_in is not None:
            self._record_in.finished(result)
        self._take_in(result)

    def _take_in(self, result: FoldResult, *, is_past: bool = False) -> None:
        """Take in the result of a fold; the last one makes an outcome."""
        t = self._steps.latest(result.trial)
        step = self._steps[t]
        if result.checkpoint is not None:
            if is_past and self._checkpoints is not None:
                self._checkpoints.adopt(result.trial, result.fold, result.checkpoint)
            result = replace(result, checkpoint=None)
        step.results[result.fold] = result
        results = [r for r in step.results if r is not None]
        if len(results) < len(step.results):
            return
        step.ended = time.monotonic()
        if is_past:  # what is known of how long it took
            step.started = step.ended - sum(r.fit_time + r.score_time for r in results)
        step.outcome = outcome_of(result.trial, [self._score(r) for r in results])
        self._n_pending -= 1
        seconds = statistics.fmean(r.fit_time for r in results)
        # a mean over the last few steps
        self._fold_time += (seconds - self._fold_time) / min(self._n_finished + 1, 8)
        self._n_finished += 1
        parent = step.suggestion.parent
        before = 0.0 if parent is None else self._fit_times[parent]
        self._fit_times[result.trial] = before + seconds
        if self._window is None:
            self._tell(t)

    # -- Limits ----------------------------------------------------------------

    def _check_limits(self) -> None:
        patience = self._limits.max_no_improvement
        if patience is not None and self._since_best >= patience:
            self._ended_by = "max_no_improvement"
        left = self._seconds_left()
        if left is None:
            return
        # Do not start what will not finish. Steps of unequal budgets say little
        # of each other.
        finished = [s for s in self._steps if s.outcome and s.suggestion.budget is None]
        if finished:
            expected = statistics.median(s.ended - s.started for s in finished)
            if left < expected:
                self._ended_by = "time_budget"

    def _seconds_left(self) -> float | None:
        """Return the seconds until the search must end, None without a deadline."""
        if self._limits.deadline is None:
            return None
        reserve = 0.0
        if self._best is not None:
            seconds = self._fit_times[self._best.suggestion.trial]
            reserve = self._limits.refit_share * seconds
        left = self._limits.deadline - reserve - time.monotonic()
        if not any(step.outcome for step in self._steps):
            return None  # the first step is finished whatever it takes
        return left

    def _is_out_of_time(self) -> bool:
        left = self._seconds_left()
        return left is not None and left <= 0

    # -- Dead workers ------------------------------------------------------------

    def _suspect(self, crash: CrashedTasks) -> None:
        """Queue the tasks that ran when a worker died, to be run one by one."""
        for number in {task.trial for task in crash.tasks}:
            self._n_crashes[number] = self._n_crashes.get(number, 0) + 1
        first = crash.tasks[0].trial
        # Only a task that ran alone is known to be guilty.
        if len(crash.tasks) == 1 and self._n_crashes[first] >= _MAX_CRASHES:
            self._give_up(first, f"the worker died: {crash}")
        else:
            self._suspects.extend(crash.tasks)

    def _give_up(self, number: int, reason: str) -> None:
        """Fail the folds of a trial's step that are not there yet."""
        self._queue = deque(t for t in self._queue if t.trial != number)
        self._suspects = deque(t for t in self._suspects if t.trial != number)
        for fold, result in enumerate(self._steps[self._steps.latest(number)].results):
            if result is None:
                self._record(FoldResult(number, fold, Status.CRASHED, fit_error=reason))


def _rank(step: Step) -> tuple[int, float]:
    """Return what orders steps: those of a larger budget are known better."""
    assert step.outcome is not None
    assert step.outcome.score is not None
    return step.suggestion.budget or 0, step.outcome.score
