"""Same seed, same answer: whatever the number of workers and the backend."""

from __future__ import annotations

import time

import joblib
import numpy as np
import pytest
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

from sktune import BayesSearchCV, Float, Integer

X, y = load_iris(return_X_y=True)

SPACE = [
    {"max_depth": (1, 8), "max_features": stats.uniform(0.1, 0.8)},
    {
        "n_estimators": Integer(2, 20, "log-uniform"),
        "bootstrap": [True, False],
        "max_samples": Float(0.2, 0.9, when={"bootstrap": True}),
    },
]


class Erratic(ClassifierMixin, BaseEstimator):
    """Fails on part of its space, and takes a random time."""

    def __init__(self, a=0.5, b="x"):
        self.a = a
        self.b = b

    def fit(self, X, y):
        time.sleep(np.random.default_rng().uniform(0, 0.02))
        if self.b == "fails":
            raise ValueError("this choice fails")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.where(X[:, 2] > 6 * self.a, self.classes_[-1], self.classes_[0])


def run(estimator, space, n_jobs, backend="loky", **options):
    search = BayesSearchCV(
        estimator,
        space,
        n_iter=22,
        random_state=7,
        cv=3,
        n_jobs=n_jobs,
        **options,
    )
    with joblib.parallel_config(backend, n_jobs=n_jobs):
        return search.fit(X, y)


def assert_same(one, other):
    assert one.cv_results_["params"] == other.cv_results_["params"]
    assert one.cv_results_.keys() == other.cv_results_.keys()
    for name, column in one.cv_results_.items():
        if not name.endswith("_time") and name != "params":
            np.testing.assert_array_equal(column, other.cv_results_[name], err_msg=name)
    assert one.best_params_ == other.best_params_
    assert one.stop_reason_ == other.stop_reason_


@pytest.mark.filterwarnings("ignore::sktune.exceptions.SktuneWarning")  # idle workers
@pytest.mark.parametrize(
    ("n_jobs", "backend"),
    [
        (2, "loky"),
        pytest.param(4, "loky", marks=pytest.mark.slow),
        (2, "threading"),
        (2, "multiprocessing"),
    ],
)
@pytest.mark.parametrize("n_points", ["auto", 1, 3])
def test_same_results_on_any_backend(n_jobs, backend, n_points):
    forest = RandomForestClassifier(n_estimators=5, random_state=0)
    alone = run(forest, SPACE, 1, n_points=n_points)
    assert_same(alone, run(forest, SPACE, n_jobs, backend, n_points=n_points))


@pytest.mark.filterwarnings("ignore::sktune.exceptions.SktuneWarning")  # idle workers
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
@pytest.mark.parametrize("n_jobs", [2, 4])
@pytest.mark.parametrize("max_no_improvement", [None, 6])
def test_same_results_with_failures_and_odd_timing(n_jobs, max_no_improvement):
    space = {"a": (0.0, 1.0), "b": ["x", "y", "fails"]}
    options = {"max_no_improvement": max_no_improvement}
    alone = run(Erratic(), space, 1, **options)
    assert np.isnan(alone.cv_results_["mean_test_score"]).any()
    assert_same(alone, run(Erratic(), space, n_jobs, "threading", **options))


@pytest.mark.parametrize("threads", [1, 2])
def test_same_results_on_dask(threads):
    distributed = pytest.importorskip("distributed")
    forest = RandomForestClassifier(n_estimators=5, random_state=0)
    alone = run(forest, SPACE, 1)
    with distributed.Client(
        n_workers=2, threads_per_worker=threads, dashboard_address=":0"
    ):
        assert_same(alone, run(forest, SPACE, -1, "dask"))


def test_a_seed_repeats_and_another_differs():
    forest = RandomForestClassifier(n_estimators=5, random_state=0)
    space = {"max_depth": (1, 8), "max_features": (0.1, 0.9)}
    options = {"n_iter": 12, "cv": 3}
    first = BayesSearchCV(forest, space, random_state=0, **options).fit(X, y)
    again = BayesSearchCV(forest, space, random_state=0, **options).fit(X, y)
    other = BayesSearchCV(forest, space, random_state=1, **options).fit(X, y)
    assert_same(first, again)
    assert first.cv_results_["params"] != other.cv_results_["params"]


def test_the_seed_zero_is_a_seed():
    forest = RandomForestClassifier(n_estimators=5, random_state=0)
    space = {"max_depth": (1, 8), "max_features": (0.1, 0.9)}
    searches = [
        BayesSearchCV(forest, space, n_iter=5, cv=3, random_state=0).fit(X, y)
        for _ in range(2)
    ]
    assert_same(*searches)
