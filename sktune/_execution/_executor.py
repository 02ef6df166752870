"""Runs fold tasks on any joblib backend.

An executor holds as many tasks as it has workers, no more: what to run next is
decided when a worker is free.
"""

from __future__ import annotations

import contextlib
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

import sklearn

from .._compat import FoldCallback, WorkerPool, worker_settings
from .._protocol import FoldResult, FoldTask
from ._fold import FoldContext, FoldData, run_fold
from ._pickling import check_picklable
from ._store import DataStore, PlacedData, load

__all__ = ["CrashedTasks", "Executor", "open_executor"]

# A future is looked at again after this many seconds, so that Ctrl-C is seen
# on platforms where waiting for a lock cannot be interrupted.
_POLL_SECONDS = 1.0


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
        super().__init__(str(reason))
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
        self, pool: WorkerPool, context: FoldContext, placed: FoldData | PlacedData
    ) -> None:
        self.n_workers = pool.n_workers
        self.sees_files = pool.is_local or pool.shares_memory
        self._pool = pool
        self._context = context
        self._placed = placed
        self._running: dict[Future[FoldResult], FoldTask] = {}
        self._settings: tuple[dict[str, Any], list[Any]] | None = None
        if not pool.shares_memory:
            self._settings = (sklearn.get_config(), list(warnings.filters))

    @property
    def n_running(self) -> int:
        return len(self._running)

    def submit(self, task: FoldTask, callback: FoldCallback | None = None) -> None:
        # Each time: after a restart the workers have to get it again.
        placed = self._pool.share(self._placed)
        future = self._pool.submit(
            _work, self._settings, self._context, placed, task, callback
        )
        self._running[future] = task

    def wait(self, timeout: float | None = None) -> list[FoldResult]:
        left = timeout
        while True:
            step = _POLL_SECONDS if left is None else min(_POLL_SECONDS, max(left, 0))
            done, _ = wait(self._running, step, return_when=FIRST_COMPLETED)
            if left is not None:
                left -= step
            if done or (left is not None and left <= 0):
                break
        results = []
        for future in [f for f in self._running if f in done]:
            error = future.exception()
            if error is None:
                results.append(future.result())
                del self._running[future]
            elif not isinstance(error, Exception):
                raise error  # Ctrl-C reached the worker first
            elif not results:
                tasks = list(self._running.values())
                self._running.clear()
                self._pool.restart()
                raise CrashedTasks(tasks, error) from error
        return results

    def abort(self) -> None:
        self._running.clear()
        self._pool.kill()


def _work(
    settings: tuple[dict[str, Any], list[Any]] | None,
    context: FoldContext,
    placed: FoldData | PlacedData,
    task: FoldTask,
    callback: FoldCallback | None,
) -> FoldResult:
    """Run a task in a worker."""
    with contextlib.ExitStack() as stack:
        if settings is not None:
            stack.enter_context(worker_settings(*settings))
        return run_fold(context, load(placed), task, callback)


@contextlib.contextmanager
def open_executor(
    n_jobs: int | None, context: FoldContext, data: FoldData
) -> Iterator[Executor]:
    """Yield an executor over the active joblib backend.

    Parameters
    ----------
    n_jobs : int or None
        As in joblib.
    context : FoldContext
        Estimator, scorer and options.
    data : FoldData
        Data and folds.

    Yields
    ------
    Executor

    Raises
    ------
    NotPicklableError
        When the estimator or the scorer cannot be sent to other processes.
    """
    with WorkerPool(n_jobs) as pool:
        if pool.is_inline:
            yield InlineExecutor(context, data)
            return
        if not pool.shares_memory:
            check_picklable({"estimator": context.estimator, "scoring": context.scorer})
        with DataStore(data, as_file=pool.is_local) as store:
            yield PoolExecutor(pool, context, store.placed)
