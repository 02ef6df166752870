"""Folds with limits, trained in processes that can be killed.

On this machine the workers of a search with limits are threads, each with a child
process that trains for it, whichever joblib backend is active: no fold but the one
that hangs is killed, and no other has to begin anew. On a cluster each worker of
the backend gets such a child beside it.
"""

from __future__ import annotations

import contextlib
import threading
import traceback
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from .._compat import FoldCallback, cloudpickle
from .._protocol import FoldResult, FoldTask, Status
from ._child import Child, ChildEndedError, ChildSetup
from ._fold import FoldContext, FoldData
from ._limits import FoldLimits
from ._store import DataStore, PlacedData

__all__ = ["MAX_STARTS", "ChildPool", "Guard", "work_with_limits"]

# A fold that fails with its process is tried again in a fresh one: an earlier fold
# may have left it in a bad state, or the system may have killed it for another's sake.
_MAX_CRASHES = 2
MAX_STARTS = 3

_ERRORS: dict[Status, type[Exception]] = {
    Status.TIMEOUT: TimeoutError,
    Status.OUT_OF_MEMORY: MemoryError,
    Status.CRASHED: RuntimeError,
}


class Guard:
    """Trains folds in child processes, one for each thread that asks.

    Parameters
    ----------
    limits : FoldLimits
        What a fold may take.
    environment : dict of str to str
        Variables for the children.
    """

    def __init__(self, limits: FoldLimits, environment: Mapping[str, str]) -> None:
        self._limits = limits
        self._environment = environment
        self._own = threading.local()
        self._children: set[Child] = set()
        self._lock = threading.Lock()
        self._is_closed = False

    def run(
        self, setup: ChildSetup, task: FoldTask, callback: FoldCallback | None
    ) -> FoldResult:
        """Train a fold.

        Parameters
        ----------
        setup : ChildSetup
        task : FoldTask
        callback : FoldCallback or None

        Returns
        -------
        FoldResult
            Its status says whether the fold was stopped, and its error why.
        """
        n_crashes = 0
        data = self._dumps(setup)
        for _ in range(MAX_STARTS):
            child = self._child()
            was_used = child.n_folds > 0
            try:
                result = child.run(data, (task, callback), self._limits)
            except ChildEndedError as end:
                self._drop(child)
                self._check_open()
                error = end
            except Exception:
                return FoldResult(
                    task.trial,
                    task.fold,
                    Status.FAILED,
                    fit_error=traceback.format_exc(),
                )
            else:
                self._tidy(child)
                return result
            n_crashes += error.status is Status.CRASHED and error.seconds is not None
            if error.status is Status.TIMEOUT or n_crashes >= _MAX_CRASHES:
                break
            if error.status is Status.OUT_OF_MEMORY and not was_used:
                break
        reason = str(error)
        exception = None
        if setup.context.raise_errors:
            exception = _ERRORS[error.status](reason)
        return FoldResult(
            task.trial,
            task.fold,
            error.status,
            fit_time=error.seconds or 0.0,
            fit_error=reason,
            exception=exception,
        )

    def _dumps(self, setup: ChildSetup) -> bytes:
        known: tuple[ChildSetup, bytes] | None = getattr(self._own, "setup", None)
        if known is None or known[0] is not setup:
            known = (setup, bytes(cloudpickle.dumps(setup)))
            self._own.setup = known
        return known[1]

    def _child(self) -> Child:
        child: Child | None = getattr(self._own, "child", None)
        if child is None:
            self._check_open()
            child = self._own.child = Child(self._environment)
            with self._lock:
                self._children.add(child)
            if self._is_closed:
                self._drop(child)
                self._check_open()
        return child

    def _tidy(self, child: Child) -> None:
        """Replace a child that still holds much: it was another fold that took it."""
        memory = self._limits.memory
        if memory is not None and child.memory > memory / 2:
            self._drop(child)

    def _drop(self, child: Child) -> None:
        self._own.child = None
        with self._lock:
            self._children.discard(child)
        child.kill()

    def _check_open(self) -> None:
        if self._is_closed:
            raise InterruptedError("the search has ended")

    def close(self) -> None:
        """Kill the children, also those that are training."""
        self._is_closed = True
        with self._lock:
            children, self._children = self._children, set()
        for child in children:
            child.kill()


class ChildPool:
    """Workers of this machine, each with a child; the face of a `WorkerPool`.

    Parameters
    ----------
    n_workers : int
        Number of folds that are trained at a time.
    limits : FoldLimits
        What a fold may take.
    environment : dict of str to str
        Variables for the children.
    """

    is_local = True
    shares_memory = False
    is_inline = False

    def __init__(
        self, n_workers: int, limits: FoldLimits, environment: Mapping[str, str]
    ) -> None:
        self.n_workers = n_workers
        self._limits = limits
        self._environment = environment
        self._threads = ThreadPoolExecutor(n_workers, "sktune")
        self.guard = Guard(limits, environment)

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Run ``function(*args)`` on a worker."""
        return self._threads.submit(function, *args)

    def worker(self, setup: ChildSetup) -> Callable[..., FoldResult]:
        """Return the function for `submit` that trains a fold.

        Its arguments are those of `work_with_limits`, without the limits; what is
        in `setup` already is not looked at again.
        """

        def work(
            settings: Any, context: Any, placed: Any, task: FoldTask, callback: Any
        ) -> FoldResult:
            return self.guard.run(setup, task, callback)

        return work

    def share(self, value: Any) -> Any:
        """Return a value as it is: children load the data from a file."""
        return value

    def has_workers(self) -> bool:
        """Return true: each is started when it is needed."""
        return True

    def exit_codes(self) -> list[int]:
        """Return nothing: `Guard` tells of children that died."""
        return []

    def restart(self) -> None:
        """Do nothing: `Guard` replaces children that died."""

    def kill(self) -> None:
        """Kill what runs; the pool is used no more."""
        self.guard.close()

    def __enter__(self) -> ChildPool:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.guard.close()
        self._threads.shutdown(cancel_futures=True)


# -- In a worker of a cluster --------------------------------------------------------

_guards: dict[FoldLimits, Guard] = {}
_stores: dict[int, DataStore] = {}
_lock = threading.Lock()


def work_with_limits(
    limits: FoldLimits,
    settings: tuple[dict[str, Any], list[Any]],
    context: FoldContext,
    placed: FoldData | PlacedData,
    task: FoldTask,
    callback: FoldCallback | None,
) -> FoldResult:
    """Train a fold in a child of this worker.

    Parameters
    ----------
    limits : FoldLimits
    settings : tuple
        scikit-learn's configuration and the warning filters.
    context : FoldContext
    placed : FoldData or PlacedData
    task : FoldTask
    callback : FoldCallback or None

    Returns
    -------
    FoldResult
    """
    with _lock:
        guard = _guards.setdefault(limits, Guard(limits, {}))
        if isinstance(placed, FoldData):
            placed = _as_file(placed)
    setup = ChildSetup(settings, context, placed, threads_only=True)
    return guard.run(setup, task, callback)


def _as_file(data: FoldData) -> FoldData | PlacedData:
    """Return where this worker has written the data, once for all tasks."""
    key = id(data)
    if key not in _stores:
        store = DataStore(data, as_file=True)
        if store.placed is data:
            return data  # it cannot be written
        _stores[key] = store
        weakref.finalize(data, _forget, key)
    return _stores[key].placed


def _forget(key: int) -> None:
    with contextlib.suppress(KeyError):
        _stores.pop(key).close()
