"""What population based training finds, and how it is repeated."""

from __future__ import annotations

import json

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, KFold

from sktune import PBTSearchCV

from ..execution.estimators import Descent

X, y = load_iris(return_X_y=True)

RATES = {"rate": (1e-4, 1e1, "log-uniform"), "momentum": (0.0, 0.95)}


def search(estimator=None, space=None, **options):
    options = {
        "population_size": 4,
        "n_generations": 4,
        "max_resource": 8,
        "cv": 3,
        "random_state": 0,
    } | options
    return PBTSearchCV(
        Descent() if estimator is None else estimator,
        RATES if space is None else space,
        **options,
    )


def columns(table):
    """All of a table but times."""
    return {key: table[key] for key in table if not key.endswith("_time")}


def assert_same(one, two):
    for key, column in columns(one).items():
        np.testing.assert_array_equal(column, two[key], err_msg=key)


# -- The paper's toy --------------------------------------------------------------


class Surrogate(ClassifierMixin, BaseEstimator):
    """Climbs 1.2 - h0 a^2 - h1 b^2 and is scored by 1.2 - a^2 - b^2.

    Jaderberg et al. 2017, section 4.2: with h = (1, 0) or (0, 1), each worker
    sees one of the two parameters only.
    """

    training_resource = "steps"

    def __init__(self, h=(1, 0), steps=100):
        self.h = h
        self.steps = steps

    def fit(self, X, y):
        return self.train_more(X, y, self.steps)

    def train_more(self, X, y, amount):
        self.classes_ = np.unique(y)
        if not hasattr(self, "theta_"):
            self.theta_ = np.array([0.9, 0.9])
        for _ in range(amount):
            self.theta_ = self.theta_ - 0.02 * 2 * np.array(self.h) * self.theta_
        return self

    def get_training_state(self):
        return json.dumps(self.theta_.tolist()).encode()

    def set_training_state(self, state):
        self.theta_ = np.array(json.loads(state))
        return self

    def score(self, X, y):
        return 1.2 - float(self.theta_ @ self.theta_)


def test_the_toy_of_the_paper():
    space = {"h": [(1, 0), (0, 1)]}
    grid = GridSearchCV(Surrogate(200), {"h": space["h"]}, cv=2)
    constant = max(
        Surrogate(h, steps=200).fit(X, y).score(X, y) for h in grid.param_grid["h"]
    )
    assert constant < 0.4
    found = PBTSearchCV(
        Surrogate(),
        space,
        population_size=2,
        interval=10,
        max_resource=200,
        exploit="truncation",
        resample_probability=1.0,
        initial_params=[{"h": (1, 0)}, {"h": (0, 1)}],
        cv=2,
        random_state=0,
    ).fit(X, y)
    assert found.best_score_ > 1.19
    assert {segment["params"]["h"] for segment in found.best_schedule_} == {
        (1, 0),
        (0, 1),
    }


# -- Replay -------------------------------------------------------------------------


def test_the_replayed_schedule_ends_with_the_weights_of_the_lineage():
    # One fold that trains on all rows: the refit repeats the member's training.
    everything = np.arange(len(X))
    found = search(cv=[(everything, everything)], refit="best_member").fit(X, y)
    (member,) = found.best_estimator_.estimators
    replayed = search(cv=[(everything, everything)]).fit(X, y)
    assert replayed.n_copied_ > 0
    origins = {segment["origin"] for segment in replayed.lineage_}
    assert "perturbed" in origins
    assert replayed.best_schedule_ == found.best_schedule_
    np.testing.assert_array_equal(replayed.best_estimator_.weights_, member.weights_)
    np.testing.assert_array_equal(replayed.best_estimator_.velocity_, member.velocity_)
    assert replayed.best_estimator_.score(X, y) == found.best_score_


def test_a_member_goes_on_from_its_donors_fold():
    # Each fold has a feature of its own that is 0 in the others: weights of one
    # fold in another would be seen.
    class Traced(Descent):
        def train_more(self, X, y, amount, **params):
            super().train_more(X, y, amount, **params)
            number = int(X[0, -1])
            self.trace_ = [*getattr(self, "trace_", []), number]
            return self

        def get_training_state(self):
            state = super().get_training_state()
            return json.dumps([state.hex(), self.trace_]).encode()

        def set_training_state(self, state):
            state, self.trace_ = json.loads(state)
            return super().set_training_state(bytes.fromhex(state))

        def score(self, X, y):
            assert len(set(self.trace_)) == 1
            return super().score(X, y)

    # the first training row tells the fold: it is in the test part of no other
    marked = np.column_stack([X, np.zeros(len(X))])
    folds = []
    for fold, (train, test) in enumerate(
        KFold(3, shuffle=True, random_state=0).split(X)
    ):
        rows = train[train != fold]
        marked[fold, -1] = fold
        folds.append((np.append(fold, rows[~np.isin(rows, [0, 1, 2])]), test))
    found = search(Traced(), cv=folds, error_score="raise", n_jobs=2).fit(marked, y)
    assert found.n_copied_ > 0


# -- The same for any number of workers ------------------------------------------------


@pytest.mark.parametrize("exploit", ["truncation", "tournament"])
@pytest.mark.parametrize("interval", ["auto", [1, 4]])
def test_the_same_with_any_number_of_workers(exploit, interval):
    options = {"exploit": exploit, "interval": interval, "population_size": 6}
    alone = search(**options).fit(X, y)
    for backend, n_jobs in [("threading", 2), ("threading", 5), ("loky", 2)]:
        with parallel_config(backend):
            others = search(**options, n_jobs=n_jobs).fit(X, y)
        assert_same(alone.cv_results_, others.cv_results_)
        assert_same(alone.history_, others.history_)
        assert alone.best_schedule_ == others.best_schedule_
    assert alone.n_copied_ > 0
    assert len(alone.history_["fold"]) == 3 * len(set(alone.history_["segment"]))
