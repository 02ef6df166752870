"""The loop alone, with an optimizer and an executor that keep a record."""

from __future__ import annotations

import ctypes
import functools
import random
import signal
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from sktune._execution._driver import Limits, run_search
from sktune._execution._executor import CrashedTasks, Executor
from sktune._protocol import FoldResult, Outcome, Status, Suggestion


class Recorder:
    """An optimizer that notes what it had been told at each ask."""

    def __init__(self, n_independent=0, size=None):
        self.n_independent = n_independent
        self.size = size
        self.told: list[Outcome] = []
        self.seen: list[list[int]] = []

    def ask(self):
        if len(self.seen) == self.size:
            return None
        trial = len(self.seen)
        self.seen.append([outcome.trial for outcome in self.told])
        return Suggestion(trial, np.zeros(1), {"a": trial}, "model")

    def tell(self, outcome):
        self.told.append(outcome)


class Shuffled(Executor):
    """Finishes tasks in a random order."""

    def __init__(self, n_workers, seed=0, crash_on=()):
        self.n_workers = n_workers
        self.rng = random.Random(seed)
        self.running = []
        self.n_most = 0
        self.crash_on = set(crash_on)
        self.crashes = []
        self.aborted = False

    @property
    def n_running(self):
        return len(self.running)

    def submit(self, task, callback=None):
        self.running.append(task)
        self.n_most = max(self.n_most, self.n_running)

    def wait(self, timeout=None):
        guilty = [t for t in self.running if t.trial in self.crash_on]
        if guilty:
            tasks, self.running = self.running, []
            self.crashes.append([t.trial for t in tasks])
            raise CrashedTasks(tasks, RuntimeError("killed"))
        task = self.running.pop(self.rng.randrange(len(self.running)))
        return [FoldResult(task.trial, task.fold, Status.OK, float(task.trial))]

    def abort(self):
        self.aborted = True
        self.running = []


def run(optimizer, executor, n_trials=20, n_splits=3, **options):
    limits = options.pop("limits", Limits(n_trials))
    return run_search(
        optimizer, executor, lambda r: r.test_scores, n_splits, limits, **options
    )


@pytest.mark.parametrize("n_workers", [1, 2, 5, 16])
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("w", [1, 2, 4])
def test_proposal_t_sees_exactly_the_trials_up_to_t_minus_w(n_workers, seed, w):
    optimizer = Recorder()
    found = run(optimizer, Shuffled(n_workers, seed), window=lambda t: w)
    assert optimizer.seen == [list(range(max(t - w + 1, 0))) for t in range(20)]
    assert [step.suggestion.trial for step in found.steps] == list(range(20))


def test_a_growing_window():
    def window(t):
        return 2 + t // 8

    optimizer = Recorder()
    run(optimizer, Shuffled(6), window=window)
    assert optimizer.seen == [list(range(max(t - window(t) + 1, 0))) for t in range(20)]


@pytest.mark.parametrize("seed", range(4))
def test_the_design_waits_for_nothing_and_the_model_sees_the_same(seed):
    optimizer = Recorder(n_independent=8)
    executor = Shuffled(24, seed)
    run(optimizer, executor, window=lambda t: 2)
    assert executor.n_most == 24  # eight trials of three folds
    assert optimizer.seen[8:] == [list(range(t - 1)) for t in range(8, 20)]


def test_without_a_window_every_result_is_told_at_once():
    optimizer = Recorder()
    executor = Shuffled(4)
    run(optimizer, executor, n_splits=1)
    assert executor.n_most == 4
    assert [len(seen) for seen in optimizer.seen[4:]] == list(range(1, 17))


def test_no_more_tasks_than_allowed_are_handed_over():
    executor = Shuffled(4)
    run(Recorder(), executor, window=lambda t: 9, max_tasks=7)
    assert executor.n_most == 7


def test_an_exhausted_optimizer_ends_the_search():
    found = run(Recorder(size=5), Shuffled(2), window=lambda t: 1)
    assert found.ended_by == "exhausted"
    assert len(found.steps) == 5


@pytest.mark.parametrize("n_workers", [1, 4])
@pytest.mark.parametrize("seed", [0, 1])
def test_patience_does_not_depend_on_workers(n_workers, seed):
    optimizer = Recorder(n_independent=6)
    limits = Limits(40, max_no_improvement=3)
    found = run_search(
        optimizer,
        Shuffled(n_workers, seed),
        lambda r: -abs(r.trial - 10.0),
        2,
        limits,
        window=lambda t: 2,
    )
    assert found.ended_by == "max_no_improvement"
    # 10 is the best; 11, 12 and 13 are seen not to be by proposal 15.
    assert len(found.steps) == 15


def test_a_callback_can_end_the_search():
    found = run(
        Recorder(),
        Shuffled(2),
        window=lambda t: 1,
        on_step=lambda step: step.suggestion.trial == 3,
    )
    assert found.ended_by == "callback"
    assert len(found.steps) == 4


@pytest.mark.parametrize("n_splits", [1, 3])
def test_a_deadline_that_passes_while_nothing_runs_ends_the_search(n_splits):
    def late(step):
        if step.suggestion.trial == 3:
            time.sleep(0.3)

    limits = Limits(20, deadline=time.monotonic() + 0.2)
    found = run(Recorder(), Shuffled(1), n_splits=n_splits, limits=limits, on_step=late)
    assert found.ended_by == "time_budget"
    assert len(found.steps) <= 4


def test_a_failed_fold_fails_its_trial():
    optimizer = Recorder()
    run_search(
        optimizer,
        Shuffled(1),
        lambda r: None if (r.trial, r.fold) == (1, 2) else 1.0,
        3,
        Limits(3),
        window=lambda t: 1,
    )
    assert [o.status for o in optimizer.told] == [Status.OK, Status.FAILED, Status.OK]
    assert [o.score for o in optimizer.told] == [1.0, None, 1.0]
    assert optimizer.told[0].score_variance == 0.0


def test_a_crash_costs_the_guilty_alone():
    executor = Shuffled(4, crash_on=[2, 7])
    found = run(Recorder(n_independent=99), executor, n_trials=10)
    status = [trial.outcome.status for trial in found.steps]
    failed = [t for t, s in enumerate(status) if s is Status.FAILED]
    assert failed == [2, 7]
    # The last crash of each was alone.
    assert [2] in executor.crashes
    assert [7] in executor.crashes


def test_an_interrupt_keeps_the_finished_trials():
    class Interrupted(Shuffled):
        def wait(self, timeout=None):
            if self.rng.random() < 0.05:
                raise KeyboardInterrupt
            return super().wait(timeout)

    executor = Interrupted(3)
    found = run(Recorder(), executor, n_trials=10_000, window=lambda t: 2)
    assert found.ended_by == "interrupt"
    assert isinstance(found.interrupt, KeyboardInterrupt)
    assert executor.aborted
    assert all(trial.outcome is not None for trial in found.steps)


@pytest.mark.parametrize("follows", [None, RuntimeError("the workers are gone")])
def test_an_interrupt_that_python_drops_ends_the_search(follows, monkeypatch):
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: None)

    class Callback(Shuffled):
        def wait(self, timeout=None):
            if self.rng.random() < 0.05:
                # ctypes reports what a callback raises and goes on.
                interrupt = functools.partial(signal.raise_signal, signal.SIGINT)
                ctypes.CFUNCTYPE(None)(interrupt)()
                if follows is not None:
                    raise follows
            return super().wait(timeout)

    # A library that an earlier test has loaded may have left a handler of its own.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        found = run(Recorder(), Callback(3), n_trials=10_000, window=lambda t: 2)
        assert found.ended_by == "interrupt"
        assert isinstance(found.interrupt, KeyboardInterrupt)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before or signal.default_int_handler)


class Timed(Shuffled):
    """Says that a fold took so many seconds."""

    def __init__(self, n_workers, seconds):
        super().__init__(n_workers)
        self.seconds = seconds

    def wait(self, timeout=None):
        return [replace(r, fit_time=self.seconds) for r in super().wait(timeout)]


@pytest.mark.parametrize(("seconds", "n_most"), [(1e-9, 8), (1e9, 4)])
def test_folds_wait_for_workers_where_asking_takes_long(seconds, n_most):
    executor = Timed(4, seconds)
    run(Recorder(), executor, n_splits=1, max_tasks=8)
    assert executor.n_most == n_most
