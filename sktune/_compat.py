"""The only file that touches private scikit-learn and joblib names.

Beside each import stand the versions on which it is known to be what we need.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import sys
import threading
import uuid
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future, InvalidStateError
from typing import Any

import joblib
import sklearn

# joblib 1.5 to 1.6
from joblib._parallel_backends import (
    LokyBackend,
    MultiprocessingBackend,
    SequentialBackend,
    ThreadingBackend,
)
from joblib.parallel import DEFAULT_MP_CONTEXT, BatchedCalls

# scikit-learn 1.6 to 1.9
from sklearn.base import BaseEstimator, _fit_context
from sklearn.metrics._scorer import _MultimetricScorer
from sklearn.model_selection._search import BaseSearchCV
from sklearn.model_selection._validation import _warn_or_raise_about_fit_failures
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params, _num_samples

# The one that joblib uses: to another, a class of __main__ is another class.
try:
    from joblib.externals import cloudpickle  # joblib < 1.6
except ImportError:
    import cloudpickle

__all__ = [
    "BaseSearchCV",
    "FitCallbacks",
    "FoldCallback",
    "Interval",
    "StrOptions",
    "WorkerPool",
    "cloudpickle",
    "fit_context",
    "is_instance",
    "is_multimetric",
    "n_samples",
    "nested_in_threads",
    "parameter_names",
    "refresh_optimizer",
    "safe_indexing",
    "safe_split",
    "scorer_names",
    "slice_params",
    "unwrap_scorers",
    "warn_or_raise_about_fit_failures",
    "worker_settings",
]

fit_context = _fit_context
safe_indexing = _safe_indexing
safe_split = _safe_split
n_samples = _num_samples
slice_params = _check_method_params
warn_or_raise_about_fit_failures = _warn_or_raise_about_fit_failures


# -- Estimators --------------------------------------------------------------


@functools.lru_cache(maxsize=64)
def parameter_names(cls: type[BaseEstimator]) -> tuple[str, ...]:
    """Return the names of a class's own parameters.

    ``get_params`` finds them anew each time, which takes longer than all else of it.
    """
    return tuple(cls._get_param_names())


def is_instance(value: Any, package: str, *names: str) -> bool:
    """Whether a value is of a public class of scikit-learn.

    A package that nobody has imported yet is not imported for it: all of them take
    as long as the rest of sktune.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> from sktune._compat import is_instance
    >>> is_instance(SVC(), "sklearn.svm", "SVC", "SVR")
    True
    """
    loaded = sys.modules.get(package)
    return loaded is not None and isinstance(
        value, tuple(getattr(loaded, name) for name in names)
    )


def refresh_optimizer(model: Any) -> None:
    """Let scikit-learn's neural networks see parameters set between two calls.

    Their ``partial_fit`` goes on with the optimizer of the first call.
    """
    networks = ("MLPClassifier", "MLPRegressor")
    if not is_instance(model, "sklearn.neural_network", *networks):
        return
    optimizer = getattr(model, "_optimizer", None)
    if optimizer is None:
        return
    for name in ("momentum", "nesterovs_momentum", "beta_1", "beta_2", "epsilon"):
        own = name.removesuffix("s_momentum") if name.startswith("nest") else name
        if hasattr(optimizer, own):
            setattr(optimizer, own, getattr(model, name))
    optimizer.learning_rate_init = model.learning_rate_init
    if model.learning_rate == "constant":
        optimizer.learning_rate = model.learning_rate_init


# -- Scorers -----------------------------------------------------------------


def is_multimetric(scorer: Any) -> bool:
    """Whether a scorer made by ``BaseSearchCV`` holds several metrics."""
    return isinstance(scorer, _MultimetricScorer)


def scorer_names(scorer: Any) -> list[str]:
    """Return the names of the metrics of a multimetric scorer."""
    return list(scorer._scorers)


def unwrap_scorers(scorer: Any) -> Any:
    """Return what scikit-learn stores as ``scorer_``."""
    return scorer._scorers if is_multimetric(scorer) else scorer


# -- Workers -----------------------------------------------------------------


class WorkerPool:
    """Futures over whichever joblib backend is active.

    joblib documents ``submit`` as the contract of a backend, but offers it to
    its own ``Parallel`` alone. Entering a ``Parallel`` configures the backend;
    its private ``_backend`` is then fed directly: no barrier, no polling. Tasks
    for dask go to its own client instead, see `_DaskTasks`.

    Parameters
    ----------
    n_jobs : int or None
        As in joblib.
    may_fork : bool
        Whether workers may be copies of this process. If not, what would fork is not
        started: there are threads instead.

    Attributes
    ----------
    n_workers : int
        Number of tasks that can run at a time.
    is_inline : bool
        Whether there are no workers: call functions directly.
    shares_memory : bool
        Whether workers are threads of this process.
    is_local : bool
        Whether workers are processes that see this machine's files.
    knows_script : bool
        Whether they are copies of this process, or have run its script.
    would_fork : bool
        Whether there are threads only because of `may_fork`.
    """

    def __init__(self, n_jobs: int | None, *, may_fork: bool = True) -> None:
        self._parallel = joblib.Parallel(n_jobs=n_jobs, batch_size=1)
        self._processes: list[Any] = []
        self.would_fork = not may_fork and _forks(self._parallel._backend)
        if self.would_fork:
            n_jobs = self._parallel.n_jobs
            self._parallel = joblib.Parallel(n_jobs, backend="threading", batch_size=1)
        self._is_killed = False

    def __enter__(self) -> WorkerPool:
        self._parallel.__enter__()
        self._start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        # What was killed may be in any state, and is not to hide why it was.
        passed_over = (Exception,) if self._is_killed else ()
        with contextlib.suppress(*passed_over):
            self._stop_call()
            if self._dask is not None:
                self._dask.abort()
        with contextlib.suppress(*passed_over):
            self._parallel.__exit__(None, None, None)

    def _start(self) -> None:
        backend = self._backend = self._parallel._backend
        self.n_workers = int(self._parallel._effective_n_jobs())
        self.is_inline = self.n_workers == 1 or isinstance(backend, SequentialBackend)
        self.shares_memory = bool(getattr(backend, "supports_sharedmem", False))
        # Not isinstance: ray's backend inherits multiprocessing's.
        self.is_local = type(backend) in (LokyBackend, MultiprocessingBackend)
        self.knows_script = type(backend) is MultiprocessingBackend
        # Not isinstance: importing its module imports dask.
        is_dask = type(backend).__name__ == "DaskDistributedBackend"
        self._dask = _DaskTasks(backend) if is_dask else None
        self._context_id = self._parallel._id
        self._start_call()

    def _start_call(self) -> None:
        # A pool of multiprocessing replaces a worker that died, and says nothing of it.
        if type(self._backend) is MultiprocessingBackend and not self.is_inline:
            self._processes = list(self._backend._pool._pool)
        if not self._is_fed_otherwise and hasattr(self._backend, "start_call"):
            self._backend.start_call()

    def _stop_call(self) -> None:
        if not self._is_fed_otherwise and hasattr(self._backend, "stop_call"):
            self._backend.stop_call()

    @property
    def _is_fed_otherwise(self) -> bool:
        return self.is_inline or self._dask is not None

    def _use_own_temp_folder(self) -> None:
        # Called while a task is pickled: memmaps go to this pool's folder.
        self._backend._workers._temp_folder_manager.set_current_context(
            self._context_id
        )

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Run ``function(*args)`` on a worker.

        Parameters
        ----------
        function : callable
            Picklable unless the workers share memory.
        *args
            Its arguments.

        Returns
        -------
        concurrent.futures.Future
            Of workers that are dead already, it has failed.
        """
        if self._dask is not None:
            return self._dask.submit(function, *args)
        backend = self._backend
        reducer = (
            self._use_own_temp_folder if isinstance(backend, LokyBackend) else None
        )
        batch = BatchedCalls(
            [(function, args, {})], backend.get_nested_backend(), reducer
        )
        future: Future[Any] = Future()
        if not getattr(backend, "supports_retrieve_callback", False):
            # An older backend (spark's): its result has to be waited for.
            job = backend.submit(batch)

            def retrieve() -> Any:
                return backend.retrieve_result(job)[0]

            threading.Thread(
                target=_settle_with, args=(future, retrieve), daemon=True
            ).start()
            return future

        def done(out: Any) -> None:
            _settle_with(future, lambda: backend.retrieve_result_callback(out)[0])

        try:
            backend.submit(batch, callback=done)
        except BrokenExecutor as error:  # a worker died before this
            future.set_exception(error)
        return future

    def share(self, value: Any) -> Any:
        """Return what stands for a value among the arguments of `submit`.

        The value itself, except on dask: there its workers get the value once,
        not with each task.
        """
        return value if self._dask is None else self._dask.share(value)

    @property
    def thread_limits(self) -> dict[str, str]:
        """Variables that keep libraries of a worker from using all processors."""
        if self.n_workers == 1:
            return {}
        limits: dict[str, str] = self._backend._prepare_worker_env(self.n_workers)
        return limits

    def has_workers(self) -> bool:
        """Whether there are any; a cluster may have lost them all."""
        return self._dask is None or self._dask.has_workers()

    def exit_codes(self) -> list[int]:
        """Return those of workers that died, of a backend that does not tell."""
        codes = [process.exitcode for process in self._processes]
        return [code for code in codes if code is not None]

    def restart(self) -> None:
        """Kill what runs, where the backend can, and start fresh workers."""
        self._stop_call()
        self._abort(ensure_ready=True)
        self._start_call()

    def kill(self) -> None:
        """Kill what runs, where the backend can; the pool is used no more."""
        self._is_killed = True
        # Without fresh workers loky has none for __exit__ to put in order.
        self._abort(ensure_ready=isinstance(self._backend, LokyBackend))

    def _abort(self, *, ensure_ready: bool) -> None:
        if self._dask is not None:
            self._dask.abort()
        elif not self.is_inline:
            # A backend that cannot kill must not hide why it was asked to.
            with contextlib.suppress(Exception):
                self._backend.abort_everything(ensure_ready=ensure_ready)


def _forks(backend: Any) -> bool:
    """Whether a backend of joblib makes copies of this process."""
    # Not isinstance: ray's backend inherits it.
    if type(backend) is not MultiprocessingBackend:
        return False
    context = DEFAULT_MP_CONTEXT or multiprocessing
    return bool(context.get_start_method() == "fork")


# Seconds to send the data of a search to all workers of a cluster.
_SEND_SECONDS = 300.0


class _DaskTasks:
    """Tasks of a pool on dask, fed to its client rather than to joblib's backend.

    joblib's backend makes the worker that runs a task a client of its cluster,
    for what the task itself runs in parallel. Threads of a worker that do so at
    the same time share one client before it is connected. Its connection then
    fails at times (``assert len(msg) == 1`` in ``Client._ensure_connected``).
    The worker keeps that client, and its tasks wait for ever for what they gave
    to it. Seen with joblib 1.5 to 1.6 and distributed 2026.8.

    Parameters
    ----------
    backend : DaskDistributedBackend
        joblib's; it knows the client and the user's options.
    """

    def __init__(self, backend: Any) -> None:
        self._client = backend.client
        self._options: dict[str, Any] = backend.submit_kwargs
        self._jobs: set[Any] = set()
        self._shared: tuple[Any, Any] | None = None

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Run ``function(*args)`` on a worker."""
        # A key of its own, so that dask takes no two calls for the same one.
        key = f"{getattr(function, '__name__', 'fold')}-{uuid.uuid4().hex}"
        job = self._client.submit(
            _call_with_threads, function, *args, key=key, **self._options
        )
        self._jobs.add(job)
        future: Future[Any] = Future()

        def done(job: Any) -> None:
            self._jobs.discard(job)
            # What was cancelled, or lost with a worker, raises here.
            _settle_with(future, job.result)

        job.add_done_callback(done)
        return future

    def share(self, value: Any) -> Any:
        """Send a value to the workers, unless it was the last one sent."""
        if self._shared is None or self._shared[0] is not value:
            self._shared = (value, self._send(value))
        return self._shared[1]

    def _send(self, value: Any) -> Any:
        """Send a value to all workers; return it as it is if one of them hangs.

        To all: each needs it, and none can take the only copy with it. A worker that
        dies meanwhile is an error of dask's, and one that says nothing has no end.
        """
        sent: Future[Any] = Future()

        def scatter() -> Any:
            return self._client.scatter(value, broadcast=True, hash=False)

        threading.Thread(target=_settle_with, args=(sent, scatter), daemon=True).start()
        try:
            return sent.result(_SEND_SECONDS)
        except Exception:
            return value  # it goes with each task

    def has_workers(self) -> bool:
        """Whether the cluster has any at present."""
        with contextlib.suppress(Exception):  # as while it closes
            return bool(self._client.nthreads())
        return True

    def abort(self) -> None:
        """Cancel what has not begun, and forget the value that is shared."""
        jobs = list(self._jobs)
        self._jobs.clear()
        self._shared = None
        if jobs:
            # A client that is closed must not hide why it was asked to.
            with contextlib.suppress(Exception):
                self._client.cancel(jobs)


@contextlib.contextmanager
def nested_in_threads() -> Iterator[None]:
    """Let what runs in parallel run in threads, as in the workers of loky."""
    with joblib.parallel_config(ThreadingBackend(nesting_level=1)):
        yield


def _call_with_threads(function: Callable[..., Any], *args: Any) -> Any:
    with nested_in_threads():
        return function(*args)


def _settle_with(future: Future[Any], retrieve: Callable[[], Any]) -> None:
    """Settle a future with what a function returns or raises."""
    try:
        _settle(future, retrieve(), None)
    except BaseException as error:  # whatever it was, the waiter must know
        _settle(future, None, error)


def _settle(future: Future[Any], result: Any, error: BaseException | None) -> None:
    """Set a future's result or error, unless it is set already."""
    with contextlib.suppress(InvalidStateError):
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


# -- Callbacks of scikit-learn >= 1.9 ------------------------------------------

_HAS_CALLBACKS = hasattr(BaseSearchCV, "set_callbacks")


class FoldCallback:
    """Calls the hooks of scikit-learn's callbacks around the fit of a fold."""

    def __init__(self, context: Any, search: Any) -> None:
        self._context = context
        self._search = search

    @contextlib.contextmanager
    def around_fit(self, estimator: Any, X: Any, y: Any, weight: Any) -> Iterator[None]:
        """Propagate callbacks to `estimator` and call the hooks."""
        metadata = None if weight is None else {"sample_weight": weight}
        task = {"estimator": self._search, "X": X, "y": y, "metadata": metadata}
        try:
            with self._context.propagate_callback_context(estimator):
                self._context.call_on_fit_task_begin(**task)
                yield
        finally:
            self._context.call_on_fit_task_end(**task)


class FitCallbacks:
    """The tree of callback contexts that ``BaseSearchCV.fit`` drives since 1.9.

    Does nothing before 1.9. Without callbacks set, no context is made for the
    folds.
    """

    def __init__(self, search: Any, X: Any, y: Any, weight: Any) -> None:
        self._search = search
        self._task = {
            "estimator": search,
            "X": X,
            "y": y,
            "metadata": None if weight is None else {"sample_weight": weight},
        }
        self._root = None
        if _HAS_CALLBACKS:
            self._root = search._init_callback_context(
                max_subtasks=1 + (search.refit is not False)
            ).call_on_fit_task_begin(**self._task)
        self._folds: list[FoldCallback] = []

    def begin_search(self, n_tasks: int) -> None:
        """Open the context of the search, and those of its folds."""
        if self._root is None:
            return
        self._search_context = self._root.subcontext(
            task_name="search", max_subtasks=n_tasks, sequential_subtasks=False
        ).call_on_fit_task_begin(estimator=self._search)
        if not (
            getattr(self._search, "_skl_callbacks", None)
            or hasattr(self._search, "_parent_callback_ctx")
        ):
            return
        # All at once: a context must not change while another is being pickled.
        self._folds = [
            FoldCallback(
                self._search_context.subcontext(
                    task_name="candidate-split-evaluation", task_id=number
                ),
                self._search,
            )
            for number in range(n_tasks)
        ]

    def fold(self, number: int) -> FoldCallback | None:
        """Return the callback of the task of that number, if there is any."""
        return self._folds[number] if number < len(self._folds) else None

    def end_search(self) -> None:
        """Close the context of the search."""
        if self._root is not None:
            self._search_context.call_on_fit_task_end(estimator=self._search)

    @contextlib.contextmanager
    def around_refit(self, estimator: Any) -> Iterator[None]:
        """Propagate callbacks to the estimator that is refitted."""
        if self._root is None:
            yield
            return
        context = self._root.subcontext(task_name="refit-with-best-params")
        with context.propagate_callback_context(estimator):
            context.call_on_fit_task_begin(**self._task)
            yield
        context.call_on_fit_task_end(**self._task)

    def end(self) -> None:
        """Close the root context."""
        if self._root is not None:
            self._root.call_on_fit_task_end(**self._task)


# -- Settings that travel to workers ---------------------------------------------


@contextlib.contextmanager
def worker_settings(config: dict[str, Any], filters: list[Any]) -> Iterator[None]:
    """Apply scikit-learn's configuration and warning filters in a worker."""
    with sklearn.config_context(**config), warnings.catch_warnings():
        warnings.filters[:] = filters  # type: ignore[index]
        warnings._filters_mutated()  # type: ignore[attr-defined]
        yield
