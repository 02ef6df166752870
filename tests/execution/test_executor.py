"""Where tasks run, and what they find there."""

from __future__ import annotations

import time
from concurrent.futures import CancelledError

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from sktune import BayesSearchCV
from sktune._compat import WorkerPool

X = np.arange(60.0).reshape(30, 2)
y = np.arange(30) % 2


class Nests(ClassifierMixin, BaseEstimator):
    """Runs something in parallel itself, and scores what it ran on."""

    def __init__(self, a=0.5):
        self.a = a

    def fit(self, X, y):
        jobs = joblib.Parallel(n_jobs=2)
        self.squares_ = jobs(joblib.delayed(pow)(base, 2) for base in range(4))
        self.ran_on_threads_ = getattr(jobs._backend, "supports_sharedmem", False)
        self.classes_ = np.unique(y)
        return self

    def score(self, X, y):
        return float(self.ran_on_threads_ and self.squares_ == [0, 1, 4, 9])


def test_tasks_on_dask_nest_threads_and_make_their_worker_no_client():
    distributed = pytest.importorskip("distributed")
    # No refit: the user's own backend runs what that nests.
    search = BayesSearchCV(Nests(), {"a": (0.0, 1.0)}, n_iter=4, cv=2, refit=False)
    with (
        distributed.Client(
            n_workers=1, threads_per_worker=2, dashboard_address=":0"
        ) as client,
        joblib.parallel_config("dask"),
    ):
        search.fit(X, y)
        clients = client.run_on_scheduler(
            lambda dask_scheduler: list(dask_scheduler.clients)
        )
    assert search.cv_results_["mean_test_score"] == pytest.approx(np.ones(4))
    # Two threads that make their worker a client at once can break that client.
    assert not [name for name in clients if name.startswith("Client-worker")]


def test_what_dask_cancels_is_settled_and_the_pool_goes_on():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.Client(
            processes=False, n_workers=1, threads_per_worker=2, dashboard_address=":0"
        ),
        joblib.parallel_config("dask"),
        WorkerPool(-1) as pool,
    ):
        assert pool.submit(len, pool.share([1, 2])).result(timeout=60) == 2
        futures = [pool.submit(time.sleep, 0.2) for _ in range(6)]
        pool.restart()
        errors = [future.exception(timeout=60) for future in futures]
        assert isinstance(errors[-1], CancelledError)
        assert pool.submit(len, pool.share([1, 2])).result(timeout=60) == 2


def test_what_a_task_on_dask_raises_reaches_the_caller():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.Client(
            processes=False, n_workers=1, threads_per_worker=2, dashboard_address=":0"
        ),
        joblib.parallel_config("dask"),
        WorkerPool(-1) as pool,
    ):
        future = pool.submit(int, "no number")
        assert isinstance(future.exception(timeout=60), ValueError)
