"""What is new in `BayesSearchCV`; what all searches do is in test_api.py."""

from __future__ import annotations

import time

import joblib
import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import RandomizedSearchCV
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sktune import BayesSearchCV, Categorical, Float, Integer, Sequence
from sktune.exceptions import SktuneWarning, SpaceError

from .estimators import Recorder, X, y
from .estimators import bayes as search


@pytest.fixture
def log():
    Recorder.log.clear()
    return Recorder.log


# -- What is new ------------------------------------------------------------------


class Peak(Recorder):
    """Scores best at a=1e-2, b=3, c='y'."""

    def __init__(self, a=1.0, b=10, c="x"):
        self.a = a
        self.b = b
        self.c = c

    def fit(self, X, y):
        return self

    def score(self, X, y):
        far = (np.log10(self.a) + 2) ** 2 + (self.b - 3) ** 2 / 10
        return -far - {"x": 0.5, "y": 0.0, "z": 2.0}[self.c]


def test_better_than_random_search():
    space = {
        "a": stats.loguniform(1e-6, 1e4),
        "b": list(range(1, 30)),
        "c": ["x", "y", "z"],
    }
    options = {"n_iter": 30, "cv": 2}
    for seed in range(4):
        bayes = BayesSearchCV(Peak(), space, random_state=seed, **options)
        random = RandomizedSearchCV(Peak(), space, random_state=seed, **options)
        assert bayes.fit(X, y).best_score_ > random.fit(X, y).best_score_
        assert bayes.best_score_ > -0.1
        assert bayes.best_params_["c"] == "y"


def test_params_are_plain_python_values():
    space = {
        "min_samples_leaf": Float(0.01, 0.4),
        "max_depth": np.array([2, 3, 4]),
        "max_leaf_nodes": stats.randint(2, 9),
        "min_impurity_decrease": stats.uniform(0, 0.1),
        "criterion": np.array(["gini", "entropy"]),
    }
    found = search(space=space, n_iter=8).fit(X, y)
    for params in found.cv_results_["params"]:
        types = {name: type(value) for name, value in params.items()}
        assert types == {
            "min_samples_leaf": float,
            "max_depth": int,
            "max_leaf_nodes": int,
            "min_impurity_decrease": float,
            "criterion": str,
        }


def test_conditional_parameters_are_absent_when_inactive():
    space = {
        "C": (0.1, 10.0, "log-uniform"),
        "kernel": ["linear", "rbf", "poly"],
        "degree": Integer(2, 4, when={"kernel": "poly"}),
        "gamma": Float(1e-3, 1.0, "log-uniform", when={"kernel": ["rbf", "poly"]}),
    }
    found = search(SVC(), space, n_iter=15).fit(X, y)
    for params in found.cv_results_["params"]:
        assert ("degree" in params) == (params["kernel"] == "poly")
        assert ("gamma" in params) == (params["kernel"] != "linear")


def test_sequences_are_one_parameter(log):
    class Layers(Recorder):
        def __init__(self, sizes=(10,)):
            self.sizes = sizes

        def fit(self, X, y):
            return self

        def score(self, X, y):
            return -abs(sum(self.sizes) - 60)

    found = search(Layers(), {"sizes": Sequence((5, 40), 1, 3)}, n_iter=15).fit(X, y)
    sizes = [params["sizes"] for params in found.cv_results_["params"]]
    assert all(isinstance(size, tuple) and 1 <= len(size) <= 3 for size in sizes)
    assert found.best_score_ > -20


def test_the_estimators_own_parameters_come_first():
    model = LogisticRegression(C=2.5, max_iter=1000)
    space = {"C": (0.1, 10.0, "log-uniform"), "fit_intercept": [True, False]}
    found = search(model, space).fit(X, y)
    first = found.cv_results_["params"][0]
    assert first["C"] == pytest.approx(2.5)
    assert first["fit_intercept"] is True


def test_initial_params_come_before_them():
    given = [{"max_depth": 7}, {"max_depth": 3, "min_samples_leaf": 9}]
    found = search(initial_params=given).fit(X, y)
    params = found.cv_results_["params"]
    assert params[0] == {"max_depth": 7, "min_samples_leaf": 1}
    assert params[1] == {"max_depth": 3, "min_samples_leaf": 9}


def _table(found):
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(found.cv_results_)


@pytest.mark.parametrize("form", ["search", "results", "table", "csv"])
def test_warm_start_from_an_earlier_search(form, tmp_path):
    space = {"a": (0.0, 1.0)}

    def scoring(estimator, X, y):
        return -((estimator.a - 0.37) ** 2)

    options = {"scoring": scoring, "cv": 2}
    distributions = {"a": stats.uniform(0, 1)}
    random = RandomizedSearchCV(
        Recorder(), distributions, n_iter=30, random_state=0, **options
    ).fit(X, y)
    source = random
    if form == "results":
        source = random.cv_results_
    elif form in ("table", "csv"):
        source = _table(random)
    if form == "csv":
        pandas = pytest.importorskip("pandas")
        source.to_csv(tmp_path / "results.csv")
        source = pandas.read_csv(tmp_path / "results.csv")
    warm = search(Recorder(a=0.9), space, n_iter=3, warm_start_from=source, **options)
    warm.fit(X, y)
    # The estimator's own value comes first; what follows is known to be good.
    assert abs(warm.cv_results_["params"][1]["a"] - 0.37) < 0.05
    assert len(warm.cv_results_["params"]) == 3


def test_warm_start_that_lies_outside_warns():
    earlier = search(space={"max_depth": [1, 2]}, n_iter=2).fit(X, y)
    with pytest.warns(SktuneWarning, match="lies in the space"):
        search(warm_start_from=earlier).fit(X, y)


def test_budgets_of_their_own():
    space = [({"max_depth": (1, 30)}, 3), ({"min_samples_leaf": (1, 50)}, 5)]
    params = search(space=space).fit(X, y).cv_results_["params"]
    assert [list(p) for p in params] == [["max_depth"]] * 3 + [["min_samples_leaf"]] * 5


def test_initial_params_of_a_space_in_parts():
    space = [({"max_depth": (1, 30)}, 3), ({"min_samples_leaf": (1, 50)}, 3)]
    given = [{"min_samples_leaf": 7}]
    params = search(space=space, initial_params=given).fit(X, y).cv_results_["params"]
    assert params[3] == {"min_samples_leaf": 7}
    with pytest.raises(SpaceError, match="initial_params: 'min_samples_leaf': 99"):
        search(space=space, initial_params={"min_samples_leaf": 99}).fit(X, y)


def test_parts_that_are_smaller_than_their_budget(capsys):
    space = [({"max_depth": [1, 2]}, 10), ({"min_samples_leaf": (1, 50)}, 3)]
    with pytest.warns(SktuneWarning, match="total space of parameters 5"):
        found = search(space=space, verbose=1).fit(X, y)
    assert len(found.cv_results_["params"]) == 5
    assert "each of 5 candidates" in capsys.readouterr().out


def test_a_small_space_is_tried_once_and_says_so():
    with pytest.warns(SktuneWarning, match="total space of parameters 4"):
        found = search(space={"max_depth": (1, 4)}, n_iter=20).fit(X, y)
    assert sorted(p["max_depth"] for p in found.cv_results_["params"]) == [1, 2, 3, 4]
    # The order is the grid's unless the search may end before it is through.
    space = {"max_depth": (1, 4)}
    with pytest.warns(SktuneWarning, match="total space of parameters 4"):
        found = search(space=space, n_iter=9, max_no_improvement=9).fit(X, y)
    assert len(found.cv_results_["params"]) == 4


def test_no_configuration_is_tried_twice():
    space = {"max_depth": (1, 3), "criterion": ["gini", "entropy", "log_loss"]}
    found = search(space=space, n_iter=8).fit(X, y)
    rows = {tuple(sorted(params.items())) for params in found.cv_results_["params"]}
    assert len(rows) == 8


class Sleeps(Recorder):
    def fit(self, X, y):
        time.sleep(0.03)
        return super().fit(X, y)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_time_budget(n_jobs):
    found = search(Sleeps(), {"a": (0.0, 1.0)}, n_iter=10_000, n_jobs=n_jobs)
    with joblib.parallel_config("threading"):
        found.set_params(time_budget=2).fit(X, y)
    assert found.stop_reason_ == "time_budget"
    assert 2 <= len(found.cv_results_["params"]) < 100
    assert found.best_estimator_ is not None


def test_time_budget_finishes_at_least_one():
    found = search(Sleeps(), {"a": (0.0, 1.0)}, time_budget=1e-6).fit(X, y)
    assert len(found.cv_results_["params"]) == 1


def test_max_no_improvement():
    found = search(Recorder(), {"a": (0.0, 1.0)}, n_iter=40, max_no_improvement=3)
    found.set_params(scoring=lambda e, X, y: 1.0, n_points=1).fit(X, y)
    assert found.stop_reason_ == "max_no_improvement"
    assert len(found.cv_results_["params"]) == 4


def test_asynchronous_search():
    found = search(n_points="async", n_jobs=2, random_state=None, n_iter=12).fit(X, y)
    assert len(found.cv_results_["params"]) == 12


def test_idle_workers_are_announced():
    with (
        joblib.parallel_config("threading"),
        pytest.warns(SktuneWarning, match="Only 4 of 8 workers"),
    ):
        search(n_jobs=8, cv=2, n_iter=5).fit(X, y)


def test_choices_keep_their_identity():
    choices = [StandardScaler(), None, ("a", 1), np.zeros(3)]
    space = {"scale": Categorical(choices)}

    class Scaled(Recorder):
        def __init__(self, scale=None):
            self.scale = scale

        def fit(self, X, y):
            return self

        def score(self, X, y):
            return 0.0

    found = search(Scaled(), space, n_iter=4).fit(X, y)
    got = [params["scale"] for params in found.cv_results_["params"]]
    assert {id(value) for value in got} == {id(value) for value in choices}


def test_fitting_again_starts_afresh():
    found = search().fit(X, y)
    found.set_params(refit=False).fit(X, y)
    assert not hasattr(found, "best_estimator_")


def test_regression_with_several_targets():
    found = search(Ridge(), {"alpha": (0.1, 10.0)}, n_iter=3).fit(X, np.c_[y, y])
    assert found.predict(X).shape == (150, 2)
