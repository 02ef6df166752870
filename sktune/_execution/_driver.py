"""The loop of a search: ask, submit, tell.

Glossary
--------
t : number of a trial, counted from 0 in the order of proposals.
w : the window. Proposal t sees the results of the trials up to t - w, and no
    others, whichever finished first. What it sees thus depends on neither the
    number of workers nor their speed; w trials can be under way.
"""

from __future__ import annotations

import math
import statistics
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from .._compat import FoldCallback
from .._protocol import AskTell, FoldResult, FoldTask, Outcome, Status, Suggestion
from ._executor import CrashedTasks, Executor
from ._interrupt import noted_interrupts

__all__ = ["Limits", "SearchRun", "Trial", "run_search"]

# A fold whose worker died is tried again, alone, so that it cannot hide behind
# its neighbours. If that worker dies too, the candidate has failed.
_MAX_CRASHES = 2


@dataclass(slots=True)
class Trial:
    """A suggestion and what has come of it so far.

    Attributes
    ----------
    suggestion : Suggestion
        What the optimizer proposed.
    optimizer_time : float
        Seconds it took to propose.
    results : list of FoldResult or None
        One for each fold, None until it is there.
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
    n_trials : int
        Number of trials at most.
    deadline : float or None
        End of the time budget on the monotonic clock, in seconds.
    max_no_improvement : int or None
        Trials in a row without a better score.
    refit_share : float
        Seconds to keep for the refit, as a multiple of the mean fit time of a
        fold of the best trial.
    """

    n_trials: int
    deadline: float | None = None
    max_no_improvement: int | None = None
    refit_share: float = 0.0


@dataclass(slots=True)
class SearchRun:
    """What a search leaves behind.

    Attributes
    ----------
    trials : list of Trial
        The finished ones, in the order of their numbers.
    ended_by : str
        ``"n_iter"``, ``"exhausted"``, ``"time_budget"``,
        ``"max_no_improvement"``, ``"callback"`` or ``"interrupt"``.
    interrupt : KeyboardInterrupt or None
        The interrupt that ended it.
    """

    trials: list[Trial] = field(default_factory=list)
    ended_by: str = "n_iter"
    interrupt: KeyboardInterrupt | None = None


def run_search(
    optimizer: AskTell,
    executor: Executor,
    score: Callable[[FoldResult], float | None],
    n_splits: int,
    limits: Limits,
    *,
    window: Callable[[int], int] | None = None,
    max_tasks: int | None = None,
    fold_callback: Callable[[int], FoldCallback | None] = lambda number: None,
    on_trial: Callable[[Trial], bool] = lambda trial: False,
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
    max_tasks : int or None
        Number of folds handed to the executor at a time; None is its number of
        workers.
    fold_callback : callable
        Returns the hooks for a task from its number.
    on_trial : callable
        Called after each outcome was told; a true return ends the search.

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
        max_tasks if max_tasks and executor.n_workers > 1 else executor.n_workers,
        fold_callback,
        on_trial,
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
        max_tasks: int,
        fold_callback: Callable[[int], FoldCallback | None],
        on_trial: Callable[[Trial], bool],
    ) -> None:
        self._optimizer = optimizer
        self._executor = executor
        self._score = score
        self._n_splits = n_splits
        self._limits = limits
        self._window = window
        self._max_tasks = max_tasks
        self._fold_callback = fold_callback
        self._on_trial = on_trial
        self._trials: list[Trial] = []
        self._queue: deque[FoldTask] = deque()
        self._suspects: deque[FoldTask] = deque()
        self._n_crashes: dict[int, int] = {}
        self._n_told = 0  # trials told in order; more are, without a window
        self._told: set[int] = set()
        self._best: Trial | None = None
        self._since_best = 0
        self._ended_by: str | None = None

    def run(self) -> SearchRun:
        interrupt = None
        try:
            with noted_interrupts() as raise_again:
                self._loop(raise_again)
        except KeyboardInterrupt as error:
            self._ended_by = "interrupt"
            interrupt = error
            self._executor.abort()
        except BaseException:
            self._executor.abort()
            raise
        finished = [trial for trial in self._trials if trial.outcome is not None]
        return SearchRun(finished, self._ended_by or "n_iter", interrupt)

    def _loop(self, raise_again: Callable[[], None]) -> None:
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
                continue
            for result in results:
                self._record(result)
        for trial in self._trials:
            self._tell(trial)

    # -- Submitting ----------------------------------------------------------

    def _fill(self) -> None:
        """Hand tasks to the executor while it has room."""
        while self._executor.n_running < self._max_tasks and not self._is_out_of_time():
            if self._suspects:
                # Alone: whoever kills a worker now is found.
                if not self._executor.n_running:
                    self._submit(self._suspects.popleft())
                return
            if not self._queue and not self._ask():
                return
            self._submit(self._queue.popleft())

    def _submit(self, task: FoldTask) -> None:
        trial = self._trials[task.trial]
        if math.isnan(trial.started):
            trial.started = time.monotonic()
        number = task.trial * self._n_splits + task.fold
        self._executor.submit(task, self._fold_callback(number))

    def _ask(self) -> bool:
        """Queue the folds of a new trial, if it is time for one."""
        t = len(self._trials)
        if self._ended_by is not None or t >= self._limits.n_trials:
            return False
        if self._window is None:
            if self._executor.n_running >= self._executor.n_workers:
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
            self._ended_by = "exhausted"
            return False
        self._trials.append(Trial(suggestion, seconds, [None] * self._n_splits))
        for fold in range(self._n_splits):
            self._queue.append(FoldTask(t, fold, suggestion.params))
        return True

    # -- Telling ---------------------------------------------------------------

    def _tell_up_to(self, t: int) -> bool:
        """Tell what proposal t may see; false when it must wait for some of it."""
        assert self._window is not None
        last = t - self._window(t)
        while self._n_told <= last:
            trial = self._trials[self._n_told]
            if trial.outcome is None:
                # Whether the search ends by its patience must not depend on
                # which trials happen to be finished.
                patient = self._limits.max_no_improvement is not None
                return t < self._optimizer.n_independent and not patient
            self._tell(trial)
            self._n_told += 1
        return True

    def _tell(self, trial: Trial) -> None:
        outcome = trial.outcome
        if outcome is None or outcome.trial in self._told:
            return
        self._told.add(outcome.trial)
        self._optimizer.tell(outcome)
        best = None if self._best is None else self._best.outcome
        if outcome.score is not None and (
            best is None or best.score is None or outcome.score > best.score
        ):
            self._best = trial
            self._since_best = 0
        else:
            self._since_best += 1
        if self._on_trial(trial) and self._ended_by is None:
            self._ended_by = "callback"

    def _record(self, result: FoldResult) -> None:
        """Take in the result of a fold."""
        if result.exception is not None:
            raise result.exception
        trial = self._trials[result.trial]
        trial.results[result.fold] = result
        results = [r for r in trial.results if r is not None]
        if len(results) < self._n_splits:
            return
        trial.ended = time.monotonic()
        trial.outcome = _outcome(result.trial, [self._score(r) for r in results])
        if self._window is None:
            self._tell(trial)

    # -- Limits ----------------------------------------------------------------

    def _check_limits(self) -> None:
        patience = self._limits.max_no_improvement
        if patience is not None and self._since_best >= patience:
            self._ended_by = "max_no_improvement"
        left = self._seconds_left()
        if left is None:
            return
        finished = [t for t in self._trials if t.outcome is not None]
        if finished:
            # Do not start what will not finish.
            expected = statistics.median(t.ended - t.started for t in finished)
            if left < expected:
                self._ended_by = "time_budget"

    def _seconds_left(self) -> float | None:
        """Return the seconds until the search must end, None without a deadline."""
        if self._limits.deadline is None:
            return None
        reserve = 0.0
        if self._best is not None:
            times = [r.fit_time for r in self._best.results if r is not None]
            reserve = self._limits.refit_share * statistics.fmean(times)
        left = self._limits.deadline - reserve - time.monotonic()
        if not any(trial.outcome for trial in self._trials):
            return None  # the first trial is finished whatever it takes
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
            self._give_up(first, f"the worker died: {crash.reason}")
        else:
            self._suspects.extend(crash.tasks)

    def _give_up(self, number: int, reason: str) -> None:
        """Fail the folds of a trial that are not there yet."""
        self._queue = deque(t for t in self._queue if t.trial != number)
        self._suspects = deque(t for t in self._suspects if t.trial != number)
        for fold, result in enumerate(self._trials[number].results):
            if result is None:
                self._record(FoldResult(number, fold, Status.FAILED, fit_error=reason))


def _outcome(trial: int, scores: list[float | None]) -> Outcome:
    """Return the outcome of a trial from the scores of its folds."""
    numbers = [s for s in scores if s is not None and math.isfinite(s)]
    if len(numbers) < len(scores):
        return Outcome(trial, Status.FAILED, None)
    variance = None
    if len(numbers) > 1:
        variance = statistics.variance(numbers) / len(numbers)
    return Outcome(trial, Status.OK, statistics.fmean(numbers), variance)
