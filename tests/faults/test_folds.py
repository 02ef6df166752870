"""What single folds do wrong is theirs alone: scores, data, memory, files."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from sktune import BayesSearchCV, HyperbandSearchCV, PBTSearchCV
from sktune.exceptions import AllFitsFailedError

X = np.random.default_rng(0).normal(size=(30, 2))
y = np.arange(30) % 2


class Scores(ClassifierMixin, BaseEstimator):
    """Has a score for each value of its parameter."""

    def __init__(self, a=0.5, kind="fine"):
        self.a = a
        self.kind = kind

    def fit(self, X, y):
        return self.partial_fit(X, y)

    def partial_fit(self, X, y, classes=None):
        if self.kind == "mutates":
            X[:] = 0
        if self.kind == "mutates" and self.a > 0.5:
            y[:] = 0
        if self.kind == "warns":
            warnings.warn("the fit warns", UserWarning, stacklevel=1)
        if self.kind == "no memory" and self.a > 0.5:
            raise MemoryError("out of memory")
        if self.kind == "GPU" and self.a > 0.5:
            raise RuntimeError("RESOURCE_EXHAUSTED: CUDA out of memory")
        self.classes_ = np.unique(y) if classes is None else classes
        return self

    def score(self, X, y):
        return self.a


def returning(value):
    """A scorer that does not return a number where the parameter is large."""

    def scoring(estimator, X, y):
        return value if estimator.a > 0.5 else estimator.a

    return scoring


def bayes(model, **options):
    return BayesSearchCV(model, {"a": [0.1, 0.4, 0.9]}, n_iter=3, cv=2, **options)


def hyperband(model, **options):
    space = {"a": [0.1, 0.4, 0.9]}
    return HyperbandSearchCV(model, space, max_resource=3, brackets=1, cv=2, **options)


def pbt(model, **options):
    return PBTSearchCV(
        model,
        {"a": [0.1, 0.4, 0.9]},
        population_size=3,
        max_resource=2,
        n_generations=2,
        initial_params=[{"a": 0.1}, {"a": 0.4}, {"a": 0.9}],
        explore=lambda params, rng: {},
        cv=2,
        random_state=0,
        **options,
    )


slow = pytest.mark.slow
every_search = pytest.mark.parametrize("search", [bayes, hyperband, pbt])
fails = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.FitFailedWarning",
    "ignore:One or more of the:UserWarning",
    "ignore:Scoring failed:UserWarning",
)


@every_search
@fails
@pytest.mark.parametrize(
    ("value", "error"),
    [
        (float("nan"), "the score is not finite"),
        (float("inf"), "the score is not finite"),
        (-float("inf"), "the score is not finite"),
        (None, "TypeError: scoring must return a number, got None"),
        ("0.7", "TypeError: scoring must return a number, got '0.7'"),
        (1j, "TypeError: scoring must return a number, got 1j"),
        (np.zeros(3), "TypeError: scoring must return a number, got array"),
    ],
)
def test_what_is_no_score_never_wins(search, value, error):
    found = search(Scores(), scoring=returning(value)).fit(X, y)
    assert found.best_params_ == {"a": 0.4}
    assert found.best_score_ == 0.4
    if search is pbt:  # a member that fails goes on as a copy of another one
        assert found.n_failed_ == 1
        return
    late = [params["a"] > 0.5 for params in found.cv_results_["params"]]
    (row,) = np.flatnonzero(late)
    assert found.cv_results_["status"][row] == "failed"
    assert found.cv_results_["error"][row].startswith(error)
    assert found.cv_results_["rank_test_score"][row] == 3


@every_search
@fails
def test_no_finite_score_at_all_is_told(search):
    found = search(Scores(), scoring=lambda estimator, X, y: float("nan"))
    with pytest.warns(UserWarning, match="test scores are non-finite"):
        found.fit(X, y)
    assert set(found.cv_results_["status"]) == {"failed"}
    assert np.isnan(found.best_score_)


@every_search
@fails
@pytest.mark.parametrize("kind", ["no memory", "GPU"])
def test_no_memory_is_a_failed_candidate(search, kind):
    found = search(Scores(kind=kind)).fit(X, y)
    assert found.best_params_ == {"a": 0.4}


@fails
@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=slow)])
def test_a_fit_that_writes_into_its_data_harms_no_other(n_jobs):
    before = X.copy(), y.copy()
    found = bayes(Scores(kind="mutates"), n_jobs=n_jobs, refit=False).fit(X, y)
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(y, before[1])
    assert found.cv_results_["mean_test_score"][0] == 0.1


@every_search
def test_warnings_that_are_errors_fail_all_fits(search):
    with pytest.raises(AllFitsFailedError, match="the fit warns"):
        search(Scores(kind="warns")).fit(X, y)  # as the settings of these tests are


@pytest.mark.skipif(sys.platform != "linux", reason="counts /proc/self/fd")
@pytest.mark.parametrize(
    "options",
    [
        {},
        pytest.param({"n_jobs": 2}, marks=slow),
        pytest.param({"n_jobs": 2, "trial_timeout": 60}, marks=slow),
    ],
)
def test_no_file_and_no_thread_is_left_open(options):
    def opened():
        return len(os.listdir("/proc/self/fd")), threading.active_count()

    search = BayesSearchCV(Scores(), {"a": (0.0, 1.0)}, n_iter=4, cv=2, **options)
    search.fit(X, y)  # what stays open for the next search is opened here
    before = opened()
    for _ in range(3):
        search.fit(X, y)
    assert opened() <= before


@slow
def test_a_process_that_keeps_memory_is_replaced(tmp_path):
    class Hoards(Scores):
        kept: list = []
        log = str(tmp_path / "log")

        def fit(self, X, y):
            self.kept.append(np.ones(10_000_000))  # 80 MB
            with Path(self.log).open("a") as file:
                file.write(f"{os.getpid()}\n")
            return super().fit(X, y)

    search = BayesSearchCV(
        Hoards(), {"a": (0.0, 1.0)}, n_iter=5, cv=2, memory_limit="600MB", refit=False
    ).fit(X, y)
    assert set(search.cv_results_["status"]) == {"completed"}
    folds = (tmp_path / "log").read_text().split()
    assert len(folds) == 10
    assert len(set(folds)) >= 3
