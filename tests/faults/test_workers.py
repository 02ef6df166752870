"""Folds that hang, die or take too much memory cost their candidate alone."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import ShuffleSplit

from sktune import BayesSearchCV, HyperbandSearchCV, PBTSearchCV, _compat
from sktune._execution import _executor
from sktune.exceptions import (
    AllFitsFailedError,
    NotPicklableError,
    SearchError,
    SktuneWarning,
)

from .processes import still_alive

X = np.random.default_rng(0).normal(size=(30, 2))
y = np.arange(30) % 2
ONE_FOLD = ShuffleSplit(1, random_state=0)

slow = pytest.mark.slow
fails = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.FitFailedWarning",
    "ignore:One or more of the test scores:UserWarning",
)

# Much longer than any other fold takes, also on a machine that is busy.
SECONDS = 5
MEMORY = "600MB"


class Odd(ClassifierMixin, BaseEstimator):
    """Scores its parameter, if it comes to that."""

    def __init__(self, a=0.5, kind="fine", note=None):
        self.a = a
        self.kind = kind
        self.note = note

    def fit(self, X, y):
        return self.partial_fit(X, y)

    def partial_fit(self, X, y, classes=None):
        if self.kind == "sleeps_at_times":
            time.sleep(1e6 if self.a > 0.5 else 0.0)
        elif self.kind != "fine":
            getattr(self, f"_{self.kind}")()
        self.classes_ = np.unique(y) if classes is None else classes
        return self

    def score(self, X, y):
        return self.a

    def _sleeps(self):
        time.sleep(1e6)

    def _holds_the_gil(self):
        re.match(r"(a+)+b", "a" * 64)

    def _has_children(self):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1e6)"])
        Path(self.note).write_text(str(child.pid))
        time.sleep(1e6)

    def _segfaults(self):
        ctypes.string_at(0)

    def _is_killed(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def _exits(self):
        os._exit(3)

    def _calls_exit(self):
        sys.exit(3)

    def _eats_memory(self):
        self.eaten_ = [np.ones(2_000_000) for _ in range(60)]  # 960 MB

    def _stops_its_worker(self):
        os.kill(int(self.note), signal.SIGSTOP)

    def _raises(self):
        raise ValueError("it fails\nas it said it would")

    def _raises_the_unpicklable(self):
        class Local(Exception):
            def __reduce__(self):
                raise TypeError("no")

        raise Local("it cannot travel")

    def _prints(self):
        for _ in range(1000):
            print("x" * 100_000)

    def _dies_once(self):
        if not Path(self.note).exists():
            Path(self.note).touch()
            os.kill(os.getpid(), signal.SIGKILL)


KINDS = {
    "fine": ("completed", ""),
    "sleeps": ("timeout", "TimeoutError: the fold took longer than 5 seconds"),
    "holds_the_gil": ("timeout", "TimeoutError: the fold took longer than 5 seconds"),
    "segfaults": ("crashed", "the worker died: SIGSEGV"),
    "is_killed": (
        "crashed",
        "the worker died: SIGKILL, as when the system runs out of memory",
    ),
    "exits": ("crashed", "the worker died: exit code 3"),
    "calls_exit": ("failed", "SystemExit: 3"),
    "eats_memory": (
        "out_of_memory",
        "MemoryError: the fold took more than 600000000 bytes",
    ),
    "raises": ("failed", "ValueError: it fails"),
    "raises_the_unpicklable": (
        "failed",
        "tests.faults.test_workers.Odd._raises_the_unpicklable.<locals>.Local: "
        "it cannot travel",
    ),
    "prints": ("completed", ""),
}


def check(search, kinds):
    found = dict(zip(kinds, search.cv_results_["status"], strict=True))
    assert found == {kind: KINDS[kind][0] for kind in kinds}
    errors = dict(zip(kinds, search.cv_results_["error"], strict=True))
    assert errors == {kind: KINDS[kind][1] for kind in kinds}
    scores = search.cv_results_["mean_test_score"]
    assert [k for k, s in zip(kinds, scores, strict=True) if s == 0.5] == [
        kind for kind in kinds if KINDS[kind][0] == "completed"
    ]
    assert search.best_params_ == {"kind": kinds[0]}


@fails
def test_what_hangs_is_killed_also_in_one_process():
    kinds = ["fine", "holds_the_gil", "raises", "calls_exit"]
    search = BayesSearchCV(
        Odd(), param_grid={"kind": kinds}, cv=ONE_FOLD, trial_timeout=SECONDS
    )
    check(search.fit(X, y), kinds)


@fails
def test_what_dies_or_eats_memory_has_failed():
    kinds = ["fine", "segfaults", "eats_memory", "raises_the_unpicklable"]
    search = BayesSearchCV(
        Odd(), param_grid={"kind": kinds}, cv=ONE_FOLD, n_jobs=2, memory_limit=MEMORY
    )
    check(search.fit(X, y), kinds)


@slow
@fails
def test_every_kind_of_fault_in_one_search():
    search = BayesSearchCV(
        Odd(),
        param_grid={"kind": list(KINDS)},
        cv=ONE_FOLD,
        n_jobs=2,
        trial_timeout=SECONDS,
        memory_limit=MEMORY,
    )
    check(search.fit(X, y), list(KINDS))


@slow
@fails
def test_without_limits_workers_that_die_cost_their_candidates_alone():
    kinds = ["fine", "is_killed", "segfaults", "calls_exit"]
    search = BayesSearchCV(Odd(), param_grid={"kind": kinds}, cv=ONE_FOLD, n_jobs=2)
    search.fit(X, y)
    status = [KINDS[kind][0] for kind in kinds]
    assert list(search.cv_results_["status"]) == status
    killed, segfault = search.cv_results_["error"][1:3]
    assert killed.startswith("the worker died: ")
    assert "SIGKILL(-9)" in killed
    assert "SIGSEGV(-11)" in segfault


@slow
@fails
def test_a_dead_worker_of_multiprocessing_does_not_hang_the_search():
    kinds = ["fine", "is_killed", "exits", "raises"]
    search = BayesSearchCV(Odd(), param_grid={"kind": kinds}, cv=2, n_jobs=2)
    with joblib.parallel_config("multiprocessing"):
        check(search.fit(X, y), kinds)


SEARCHES = {
    "bayes": lambda model, **options: BayesSearchCV(
        model, {"a": [0.1, 0.3, 0.9]}, n_iter=3, **options
    ),
    "hyperband": lambda model, **options: HyperbandSearchCV(
        model, {"a": [0.1, 0.3, 0.9]}, max_resource=3, brackets=1, **options
    ),
    "pbt": lambda model, **options: PBTSearchCV(
        model,
        {"a": [0.1, 0.3, 0.9]},
        population_size=3,
        max_resource=2,
        n_generations=2,
        initial_params=[{"a": 0.1}, {"a": 0.3}, {"a": 0.9}],
        explore=lambda params, rng: {},
        **options,
    ),
}


@slow
@fails
@pytest.mark.parametrize("name", SEARCHES)
def test_the_others_are_as_they_would_be(name):
    options = {"cv": ONE_FOLD, "random_state": 0}
    hangs = SEARCHES[name](
        Odd(kind="sleeps_at_times"), trial_timeout=SECONDS, **options
    )
    plain = SEARCHES[name](Odd(), **options).fit(X, y)
    hangs.set_params(n_jobs=2).fit(X, y)
    table = hangs.cv_results_
    late = np.array([p["a"] == 0.9 for p in table["params"]])
    timeouts = table["status"] == "timeout"
    if name == "pbt":  # a member that fails goes on as a copy of another one
        assert set(table["status"]) == {"completed"}
        assert hangs.best_params_ == {"a": 0.3}
        assert list(hangs.history_["status"]).count("timeout") == 1
        return
    np.testing.assert_array_equal(late, timeouts)
    assert table["params"] == plain.cv_results_["params"]
    others = ~timeouts
    np.testing.assert_array_equal(
        table["mean_test_score"][others], plain.cv_results_["mean_test_score"][others]
    )
    assert hangs.best_params_ == {"a": 0.3}


def test_limits_change_no_result():
    options = {"cv": 3, "random_state": 0, "return_train_score": True, "n_iter": 6}
    space = {"a": (0.0, 1.0)}
    plain = BayesSearchCV(Odd(), space, **options).fit(X, y)
    limited = BayesSearchCV(
        Odd(), space, **options, trial_timeout=60, memory_limit="1GB", n_jobs=2
    ).fit(X, y)
    for key, column in plain.cv_results_.items():
        if not key.endswith("_time"):
            np.testing.assert_array_equal(column, limited.cv_results_[key])


@slow
def test_what_a_fold_has_started_ends_with_it(tmp_path):
    note = tmp_path / "child"
    model = Odd(kind="has_children", note=str(note))
    search = BayesSearchCV(
        model, param_grid={"a": [0.5]}, cv=ONE_FOLD, trial_timeout=SECONDS
    )
    with pytest.raises(AllFitsFailedError, match="took longer than 5 seconds"):
        search.fit(X, y)
    assert not still_alive([int(note.read_text())], 5)


@slow
def test_a_fold_that_dies_once_is_tried_again(tmp_path):
    model = Odd(kind="dies_once", note=str(tmp_path / "died"))
    search = BayesSearchCV(
        model, param_grid={"a": [0.2, 0.6]}, cv=2, n_jobs=2, trial_timeout=60
    ).fit(X, y)
    assert (tmp_path / "died").exists()
    assert search.cv_results_["mean_test_score"] == pytest.approx([0.2, 0.6])


@slow
@pytest.mark.parametrize(
    ("kind", "error"), [("sleeps", TimeoutError), ("exits", RuntimeError)]
)
def test_limits_raise_where_errors_do(kind, error):
    search = BayesSearchCV(
        Odd(kind=kind),
        param_grid={"a": [0.5]},
        cv=ONE_FOLD,
        trial_timeout=1,
        error_score="raise",
    )
    with pytest.raises(error):
        search.fit(X, y)


@slow
def test_what_is_printed_does_not_block(capfd):
    search = BayesSearchCV(
        Odd(kind="prints"),
        param_grid={"a": [0.5]},
        cv=ONE_FOLD,
        trial_timeout=60,
        refit=False,
    ).fit(X, y)
    assert search.best_score_ == 0.5
    assert capfd.readouterr().out.count("x") == 100_000_000


@slow
@fails
@pytest.mark.parametrize("processes", [False, True])
def test_a_fold_that_hangs_on_dask_is_killed(processes):
    distributed = pytest.importorskip("distributed")
    kinds = ["fine", "holds_the_gil", "exits", "raises"]
    search = BayesSearchCV(
        Odd(), param_grid={"kind": kinds}, cv=ONE_FOLD, trial_timeout=SECONDS
    )
    with (
        distributed.Client(
            n_workers=1,
            threads_per_worker=2,
            processes=processes,
            dashboard_address=":0",
        ),
        joblib.parallel_config("dask"),
    ):
        check(search.fit(X, y), kinds)


@slow
@fails
def test_a_candidate_that_kills_every_dask_worker_has_failed():
    distributed = pytest.importorskip("distributed")
    kinds = ["fine", "is_killed", "raises"]
    search = BayesSearchCV(Odd(), param_grid={"kind": kinds}, cv=ONE_FOLD)
    # On a busy machine it may take longer than usual to start another one.
    dask = pytest.importorskip("dask")
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "600s"}),
        distributed.Client(n_workers=2, threads_per_worker=2, dashboard_address=":0"),
        joblib.parallel_config("dask"),
    ):
        search.fit(X, y)
    assert list(search.cv_results_["status"]) == ["completed", "crashed", "failed"]
    # Dask gives up on a task, or on the data that went with its last worker.
    error = search.cv_results_["error"][1]
    assert re.match(
        "the worker died: (.*Attempted to run task|its task was lost)", error
    )
    assert search.best_params_ == {"kind": "fine"}


@slow
@fails
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs SIGSTOP")
def test_a_dask_worker_that_says_nothing_is_not_waited_for(monkeypatch):
    """A machine that hangs: its connection stays, its tasks have no end."""
    distributed = pytest.importorskip("distributed")
    # What takes so long at most, usually 300 seconds.
    monkeypatch.setattr(_executor, "START_SECONDS", 5)
    monkeypatch.setattr(_compat, "_SEND_SECONDS", 5)
    grid = [{"kind": ["fine"], "a": [0.1, 0.2]}, {"kind": ["stops_its_worker"]}]
    with (
        distributed.Client(
            n_workers=1, threads_per_worker=2, dashboard_address=":0"
        ) as client,
        joblib.parallel_config("dask"),
    ):
        (worker,) = client.run(os.getpid).values()
        search = BayesSearchCV(
            Odd(note=str(worker)), param_grid=grid, cv=ONE_FOLD, trial_timeout=SECONDS
        )
        search.fit(X, y)
        os.kill(worker, signal.SIGKILL)
    *others, last = search.cv_results_["status"]
    assert last == "crashed"
    assert "no worker has answered for" in search.cv_results_["error"][2]
    assert "completed" in others


@slow
def test_a_cluster_without_workers_is_told_and_waited_for(monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(_executor, "_PATIENCE_SECONDS", 1)
    search = BayesSearchCV(Odd(), {"a": (0.0, 1.0)}, n_iter=5, cv=2, random_state=0)
    with (
        distributed.Client(
            n_workers=1, threads_per_worker=2, dashboard_address=":0"
        ) as client,
        joblib.parallel_config("dask"),
    ):

        def on_step(step):
            if step.suggestion.trial == 0:
                client.cluster.scale(0)
                client.cluster.sync(client.cluster._correct_state)
            return False

        def told(message, category, *place):
            messages.append(f"{category.__name__}: {message}")
            client.cluster.scale(1)

        messages = []
        search._on_step = on_step
        with warnings.catch_warnings():
            warnings.simplefilter("always", SktuneWarning)
            warnings.showwarning = told
            search.fit(X, y)
    assert messages[0].startswith("SktuneWarning: the cluster has no workers")
    plain = BayesSearchCV(Odd(), {"a": (0.0, 1.0)}, n_iter=5, cv=2, random_state=0)
    found = [params["a"] for params in search.cv_results_["params"]]
    assert found == [params["a"] for params in plain.fit(X, y).cv_results_["params"]]


FORKED = """
import sys, joblib, numpy as np
from sktune import BayesSearchCV
from sktune.keras import KerasClassifier
X = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
y = (X[:, 0] > 0).astype(int)
model = KerasClassifier(epochs=1, batch_size=16, random_state=0, jit_compile=False)
model.fit(X, y)  # from here on this process has threads that a fork does not copy
with joblib.parallel_config("multiprocessing"):
    search = BayesSearchCV(
        model, {"learning_rate": (1e-3, 1e-1)}, n_iter=2, cv=2, n_jobs=2,
        random_state=0,
    ).fit(X, y)
print(*search.cv_results_["status"])
"""


@slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_what_cannot_be_forked_is_not(backend):
    pytest.importorskip("keras")
    pytest.importorskip(backend)
    done = subprocess.run(
        [sys.executable, "-c", FORKED],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["completed"] * 2
    assert "fork" not in done.stderr


# -- What they are told ----------------------------------------------------------------


class Threads(Odd):
    """Scores how many threads its libraries may use."""

    def score(self, X, y):
        return float(os.environ.get("OMP_NUM_THREADS", "0"))


@pytest.mark.parametrize(
    "options", [pytest.param({}, marks=slow), {"trial_timeout": 60}]
)
def test_workers_share_the_processors(options, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    n_jobs = 2
    search = BayesSearchCV(
        Threads(), {"a": (0.0, 1.0)}, n_iter=2, cv=2, n_jobs=n_jobs, **options
    ).fit(X, y)
    assert search.best_score_ == max(joblib.cpu_count() // n_jobs, 1)


@pytest.mark.parametrize("size", ["", "much", "2 potatoes", "-1GB", "0MB", "1e3"])
def test_a_size_that_is_none_is_refused(size):
    search = BayesSearchCV(Odd(), {"a": (0.0, 1.0)}, memory_limit=size)
    with pytest.raises(SearchError, match="memory_limit must be a number of bytes"):
        search.fit(X, y)


def test_a_limit_below_what_any_worker_takes_says_so():
    search = BayesSearchCV(
        Odd(), param_grid={"a": [0.5]}, cv=ONE_FOLD, memory_limit=1000
    )
    with pytest.raises(AllFitsFailedError, match="were taken before it began"):
        search.fit(X, y)


def test_limits_need_what_can_be_pickled():
    model = Odd(note=(line for line in "ab"))
    search = BayesSearchCV(model, {"a": (0.0, 1.0)}, trial_timeout=60)
    with pytest.raises(NotPicklableError, match=r"estimator\.note"):
        search.fit(X, y)
