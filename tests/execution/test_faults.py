"""Faults provoked for real: killed workers, interrupts, what cannot travel."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from sktune import BayesSearchCV
from sktune.compat.skopt import BayesSearchCV as SkoptSearchCV
from sktune.exceptions import NotPicklableError

X = np.arange(60.0).reshape(30, 2)
y = np.arange(30) % 2


class Model(ClassifierMixin, BaseEstimator):
    """Scores its parameter."""

    def __init__(self, a=0.5, deadly=False, note=None):
        self.a = a
        self.deadly = deadly
        self.note = note

    def fit(self, X, y):
        if self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.01)
        self.classes_ = np.unique(y)
        return self

    def score(self, X, y):
        return self.a


class DiesOnce(Model):
    """Kills its worker the first time it is trained."""

    def fit(self, X, y):
        marker = Path(self.note)
        if self.a > 0.5 and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
def test_a_candidate_that_kills_its_worker_has_failed():
    space = {"a": [0.1, 0.2], "deadly": [False, True]}
    search = BayesSearchCV(Model(), param_grid=space, cv=3, n_jobs=2).fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    deadly = np.array([params["deadly"] for params in search.cv_results_["params"]])
    assert np.isnan(scores[deadly]).all()
    np.testing.assert_allclose(scores[~deadly], [0.1, 0.2])
    assert search.best_params_ == {"a": 0.2, "deadly": False}


def test_a_worker_that_dies_once_costs_nothing(tmp_path):
    model = DiesOnce(note=str(tmp_path / "died"))
    space = {"a": [0.1, 0.4, 0.6, 0.9]}
    search = BayesSearchCV(model, param_grid=space, cv=3, n_jobs=2).fit(X, y)
    assert (tmp_path / "died").exists()
    assert search.cv_results_["mean_test_score"] == pytest.approx(space["a"])


class NotesWorker(Model):
    """Leaves the number of its worker in a folder."""

    def fit(self, X, y):
        (Path(self.note) / str(os.getpid())).touch()
        return super().fit(X, y)


@pytest.mark.parametrize("n_jobs", [2, 3])
def test_a_worker_that_dies_between_two_folds_costs_nothing(n_jobs, tmp_path):
    n_told = 0

    def kill_one(result):
        nonlocal n_told
        n_told += 1
        if n_told == 3:
            time.sleep(0.3)  # all finish what they have, and wait
            os.kill(int(next(tmp_path.iterdir()).name), signal.SIGKILL)
            time.sleep(0.3)

    model = NotesWorker(note=str(tmp_path))
    search = SkoptSearchCV(
        model, {"a": (0.1, 0.9)}, n_iter=8, cv=3, n_jobs=n_jobs, random_state=0
    )
    search.fit(X, y, callback=kill_one)
    results = search.cv_results_
    scores = [params["a"] for params in results["params"]]
    assert len(scores) == 8
    assert results["mean_test_score"] == pytest.approx(scores)


def test_a_dead_dask_worker_does_not_hang_the_search(tmp_path):
    distributed = pytest.importorskip("distributed")
    space = {"a": [0.1, 0.4, 0.6, 0.9]}
    model = DiesOnce(note=str(tmp_path / "died"))
    search = BayesSearchCV(model, param_grid=space, cv=3)
    with (
        distributed.Client(n_workers=2, threads_per_worker=1, dashboard_address=":0"),
        joblib.parallel_config("dask"),
    ):
        search.fit(X, y)
    assert search.cv_results_["mean_test_score"] == pytest.approx(space["a"])


OF_MAIN = """
import os, sys
import numpy as np
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sktune import HyperbandSearchCV

n_jobs, storage, n_left = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])

class Model(SGDClassifier):
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        global n_left
        n_left -= 1
        if not n_left:
            os._exit(9)
        return super().partial_fit(X, y, classes=classes)

def doubled(X):
    return 2 * X

if __name__ == "__main__":
    X, y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2
    search = HyperbandSearchCV(
        make_pipeline(FunctionTransformer(doubled), Model(random_state=0)),
        {"model__alpha": (1e-5, 1.0, "log-uniform")},
        max_resource=9, cv=2, n_jobs=n_jobs, random_state=0, storage=storage,
    )
    search.fit(X, y)
    print(search.cv_results_["mean_test_score"].tolist(), search.refit_time_ > 0)
"""


def test_a_class_of_the_script_goes_on_with_other_workers(tmp_path):
    (tmp_path / "script.py").write_text(OF_MAIN)

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-W", "ignore", "script.py", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )

    assert run("1", "broken.db", "40").returncode == 9
    gone_on = run("2", "broken.db", "0")
    assert "True" in gone_on.stdout, gone_on.stderr
    assert gone_on.stdout == run("1", "whole.db", "0").stdout


INTERRUPTED = """
import signal, sys, time
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sktune import BayesSearchCV

# Whoever started the tests may ignore it, as a shell does for what it runs behind.
signal.signal(signal.SIGINT, signal.default_int_handler)

class Slow(ClassifierMixin, BaseEstimator):
    def __init__(self, a=0.5, log=None):
        self.a = a
        self.log = log
    def fit(self, X, y):
        time.sleep(0.05)
        with open(self.log, "a") as file:
            file.write(".")
        self.classes_ = np.unique(y)
        return self
    def score(self, X, y):
        return self.a

X, y = np.zeros((30, 2)), np.arange(30) % 2
search = BayesSearchCV(
    Slow(log=sys.argv[1]), {{"a": (0.0, 1.0)}}, n_iter=10_000, cv=2, n_jobs={n_jobs},
    random_state=0, on_interrupt={on_interrupt!r},
)
try:
    search.fit(X, y)
    print("RETURNED", hasattr(search, "best_estimator_"))
except KeyboardInterrupt:
    print("RAISED", hasattr(search, "best_estimator_"))
n = len(search.cv_results_["params"])
finite = np.isfinite(search.cv_results_["mean_test_score"]).all()
print("KEPT", n >= 1 and finite, search.stop_reason_, search.best_params_)
"""


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("on_interrupt", ["raise", "return"])
def test_interrupt_keeps_what_is_finished(n_jobs, on_interrupt, tmp_path):
    script = textwrap.dedent(
        INTERRUPTED.format(n_jobs=n_jobs, on_interrupt=on_interrupt)
    )
    log = tmp_path / "fits"
    said = tmp_path / "stderr"  # no pipe: a worker may keep it open
    with said.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", script, str(log)],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )
    while not log.exists() or log.stat().st_size < 12:
        time.sleep(0.05)
    # The whole group, as a terminal does: the workers get it too.
    os.killpg(process.pid, signal.SIGINT)
    try:
        out, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    ended = "RAISED False" if on_interrupt == "raise" else "RETURNED True"
    assert ended in out, said.read_text()
    assert "KEPT True interrupt" in out


class HoldsLock(Model):
    """Has an attribute that is no parameter and cannot be pickled."""

    def __init__(self, a=0.5, deadly=False, note=None):
        super().__init__(a, deadly, note)
        self.lock = threading.Lock()


def test_a_parameter_that_cannot_be_copied_is_named():
    model = Model(note={"handles": [threading.Lock()]})
    for n_jobs in (1, 2):
        search = BayesSearchCV(model, {"a": (0.0, 1.0)}, n_iter=2, n_jobs=n_jobs)
        with pytest.raises(
            NotPicklableError, match=r"estimator\.note\['handles'\]\[0\]"
        ):
            search.fit(X, y)


def test_an_attribute_that_cannot_be_pickled_is_named():
    search = BayesSearchCV(HoldsLock(), {"a": (0.0, 1.0)}, n_iter=2, n_jobs=2)
    with pytest.raises(NotPicklableError, match=r"estimator\.lock"):
        search.fit(X, y)
    with joblib.parallel_config("threading"):
        search.fit(X, y)  # threads share it


def test_lambdas_and_local_classes_travel():
    class Local(Model):
        pass

    scoring = lambda estimator, X, y: -estimator.a  # noqa: E731
    space = {"a": [0.1, 0.9]}
    search = BayesSearchCV(Local(), param_grid=space, scoring=scoring, n_jobs=2)
    assert search.fit(X, y).best_params_ == {"a": 0.1}


def test_no_file_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    large = np.random.default_rng(0).random((40_000, 20))
    target = np.arange(len(large)) % 2
    search = BayesSearchCV(Model(), {"a": (0.0, 1.0)}, n_iter=4, cv=2, n_jobs=2)
    search.fit(large, target)
    assert not list(tmp_path.glob("sktune-*"))
