"""Runs fold tasks on any joblib backend.

An executor holds as many tasks as it has workers, no more: what to run next is
decided when a worker is free.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import sys
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Future,
    wait,
)
from typing import Any

import sklearn

from .._compat import FoldCallback, WorkerPool, worker_settings
from .._protocol import FoldResult, FoldTask
from ..exceptions import SktuneWarning
from ._child import START_SECONDS, ChildSetup, exit_text
from ._fold import FoldContext, FoldData, run_fold
from ._guard import MAX_STARTS, ChildPool, work_with_limits
from ._limits import FoldLimits
from ._orphan import end_with_parent
from ._pickling import check_picklable
from ._store import DataStore, PlacedData, load, loaded_folder

__all__ = ["CrashedTasks", "Executor", "open_executor"]

# A future is looked at again after this many seconds, so that Ctrl-C is seen
# on platforms where waiting for a lock cannot be interrupted.
_POLL_SECONDS = 1.0

# After so many seconds without a result, see whether there is anybody at all.
_PATIENCE_SECONDS = 60.0

NO_LIMITS = FoldLimits()

# What they do in threads, and lock, is not copied by a fork: a worker would hang.
_NOT_TO_BE_FORKED = ("jax", "tensorflow", "torch")

_EXIT_CODES = re.compile(r"exit codes of the workers are \{(.+)\}")


class CrashedTasks(Exception):
    """Workers died; the tasks that were running have no result.

    Attributes
    ----------
    tasks : list of FoldTask
        All that ran, the guilty among them.
    reason : BaseException
        What the backend said.
    """

    def __init__(self, tasks: list[FoldTask], reason: BaseException) -> None:
        # Of what loky says, the part that differs between causes.
        text = str(reason)
        codes = _EXIT_CODES.search(text)
        if isinstance(reason, CancelledError):
            text = f"its task was lost with it, or cancelled ({text})"
        super().__init__(text if codes is None else codes[1])
        self.tasks = tasks
        self.reason = reason


class Executor(ABC):
    """Runs tasks and hands back their results as they come.

    Attributes
    ----------
    n_workers : int
        Number of tasks that run at a time.
    sees_files : bool
        Whether tasks can read the files of this machine.
    """

    n_workers: int
    sees_files: bool = True

    @property
    @abstractmethod
    def n_running(self) -> int:
        """Number of tasks submitted and not yet handed back."""

    @abstractmethod
    def submit(self, task: FoldTask, callback: FoldCallback | None = None) -> None:
        """Start a task."""

    @abstractmethod
    def wait(self, timeout: float | None = None) -> list[FoldResult]:
        """Return what has finished, waiting for the first.

        Parameters
        ----------
        timeout : float or None
            Seconds to wait at most; None waits as long as it takes.

        Returns
        -------
        list of FoldResult
            In the order of submission; empty when the time ran out.

        Raises
        ------
        CrashedTasks
            When a worker died.
        """

    @abstractmethod
    def abort(self) -> None:
        """Give up what is running, and kill it where the backend can."""


class InlineExecutor(Executor):
    """Runs each task in the caller's thread: the path one can debug."""

    n_workers = 1

    def __init__(self, context: FoldContext, data: FoldData) -> None:
        self._context = context
        self._data = data
        self._finished: list[FoldResult] = []

    @property
    def n_running(self) -> int:
        return len(self._finished)

    def submit(self, task: FoldTask, callback: FoldCallback | None = None) -> None:
        self._finished.append(run_fold(self._context, self._data, task, callback))

    def wait(self, timeout: float | None = None) -> list[FoldResult]:
        finished, self._finished = self._finished, []
        return finished

    def abort(self) -> None:
        self._finished = []


class PoolExecutor(Executor):
    """Runs tasks on the workers of a joblib backend."""

    def __init__(
        self,
        pool: WorkerPool | ChildPool,
        context: FoldContext,
        placed: FoldData | PlacedData,
        work: Callable[..., FoldResult],
        max_silence: float | None = None,
    ) -> None:
        self.n_workers = pool.n_workers
        self.sees_files = pool.is_local or pool.shares_memory
        self._pool = pool
        self._context = context
        self._placed = placed
        self._work = work
        self._max_silence = max_silence
        self._running: dict[Future[FoldResult], FoldTask] = {}
        self._settings = None if pool.shares_memory else _settings()
        self._heard = time.monotonic()
        self._looked = self._heard

    @property
    def n_running(self) -> int:
        return len(self._running)

    def submit(self, task: FoldTask, callback: FoldCallback | None = None) -> None:
        if not self._running:
            self._heard = time.monotonic()
        future = self._start(task, callback)
        if not self._running and _is_of_dead_workers(future):
            # They died idle: no task is to blame.
            self._pool.restart()
            future = self._start(task, callback)
        self._running[future] = task

    def _start(
        self, task: FoldTask, callback: FoldCallback | None
    ) -> Future[FoldResult]:
        # Each time: after a restart the workers have to get it again.
        placed = self._pool.share(self._placed)
        return self._pool.submit(
            self._work, self._settings, self._context, placed, task, callback
        )

    def wait(self, timeout: float | None = None) -> list[FoldResult]:
        left = timeout
        while True:
            step = _POLL_SECONDS if left is None else min(_POLL_SECONDS, max(left, 0))
            done, _ = wait(self._running, step, return_when=FIRST_COMPLETED)
            if left is not None:
                left -= step
            if done or (left is not None and left <= 0):
                break
            self._check_workers()
            self._check_silence()
        if done:
            self._heard = time.monotonic()
        results = []
        for future in [f for f in self._running if f in done]:
            error = future.exception()
            if error is None:
                results.append(future.result())
                del self._running[future]
            elif not isinstance(error, Exception):
                raise error  # Ctrl-C reached the worker first
            elif not results:
                raise self._crash(error) from error
        return results

    def _crash(self, reason: BaseException) -> CrashedTasks:
        """Start fresh workers; return what ran on the old ones."""
        tasks = list(self._running.values())
        self._running.clear()
        self._pool.restart()
        return CrashedTasks(tasks, reason)

    def _check_workers(self) -> None:
        """Raise if a worker died of which the backend says nothing."""
        codes = self._pool.exit_codes()
        if codes:
            raise self._crash(RuntimeError(", ".join(map(exit_text, codes))))

    def _check_silence(self) -> None:
        """Raise if a backend has lost its tasks: it may never say so."""
        now = time.monotonic()
        silence = now - self._heard
        if now - max(self._heard, self._looked) > _PATIENCE_SECONDS:
            self._looked = now
            if not self._pool.has_workers():
                warnings.warn(
                    "the cluster has no workers: the search waits for one",
                    SktuneWarning,
                    stacklevel=2,
                )
        if self._max_silence is not None and silence > self._max_silence:
            raise self._crash(
                TimeoutError(
                    f"no worker has answered for {silence:.0f} seconds, longer than "
                    "trial_timeout allows"
                )
            )

    def abort(self) -> None:
        self._running.clear()
        self._pool.kill()


def _is_of_dead_workers(future: Future[FoldResult]) -> bool:
    return future.done() and isinstance(future.exception(), BrokenExecutor)


def _settings() -> tuple[dict[str, Any], list[Any]]:
    return sklearn.get_config(), list(warnings.filters)


def _work(
    parent: int | None,
    settings: tuple[dict[str, Any], list[Any]] | None,
    context: FoldContext,
    placed: FoldData | PlacedData,
    task: FoldTask,
    callback: FoldCallback | None,
) -> FoldResult:
    """Run a task in a worker."""
    if parent is not None:
        end_with_parent(parent, loaded_folder)
    with contextlib.ExitStack() as stack:
        if settings is not None:
            stack.enter_context(worker_settings(*settings))
        return run_fold(context, load(placed), task, callback)


@contextlib.contextmanager
def open_executor(
    n_jobs: int | None,
    context: FoldContext,
    data: FoldData,
    limits: FoldLimits = NO_LIMITS,
) -> Iterator[Executor]:
    """Yield an executor over the active joblib backend.

    Folds with limits are trained by processes of this search's own, as many as
    that backend has workers; see `Guard`. So are those for which that backend would
    fork a process with a library that does not survive it.

    Parameters
    ----------
    n_jobs : int or None
        As in joblib.
    context : FoldContext
        Estimator, scorer and options.
    data : FoldData
        Data and folds.
    limits : FoldLimits
        What a fold may take.

    Yields
    ------
    Executor

    Raises
    ------
    NotPicklableError
        When the estimator or the scorer cannot be sent to other processes.
    """
    may_fork = not any(name in sys.modules for name in _NOT_TO_BE_FORKED)
    with WorkerPool(n_jobs, may_fork=may_fork) as pool:
        if pool.is_inline and not limits:
            yield InlineExecutor(context, data)
            return
        has_children = bool(limits) or pool.would_fork
        if has_children or not pool.shares_memory:
            check_picklable({"estimator": context.estimator, "scoring": context.scorer})
        is_here = pool.is_inline or pool.shares_memory or pool.is_local
        if not has_children:
            parent = os.getpid() if pool.is_local else None
            work = functools.partial(_work, parent)
            with DataStore(
                data, as_file=pool.is_local, knows_script=pool.knows_script
            ) as store:
                yield PoolExecutor(pool, context, store.placed, work)
        elif not is_here:
            work = functools.partial(work_with_limits, limits)
            yield PoolExecutor(pool, context, data, work, _silence(limits))
        else:
            with (
                DataStore(data, as_file=True) as store,
                ChildPool(pool.n_workers, limits, pool.thread_limits) as children,
            ):
                setup = ChildSetup(
                    _settings(), context, store.placed, not pool.is_inline
                )
                yield PoolExecutor(
                    children, context, store.placed, children.worker(setup)
                )


def _silence(limits: FoldLimits) -> float | None:
    """Return the seconds in which some fold must have ended, whatever happened."""
    if limits.seconds is None:
        return None
    return MAX_STARTS * (limits.seconds + 2 * START_SECONDS)
