"""Code written for scikit-optimize runs with the imports changed."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import rankdata
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GroupKFold, cross_val_score, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from sktune.compat.skopt import BayesSearchCV, Categorical, Integer, Real
from sktune.exceptions import SktuneWarning

LOG = (1e-2, 1e2, "log-uniform")


class Scripted(BaseEstimator):
    """Scores what a function of its parameters says."""

    def __init__(self, x=0.0, n=1, kind="a"):
        self.x = x
        self.n = n
        self.kind = kind

    def fit(self, X, y=None, weight=1.0):
        if self.kind == "broken":
            raise ValueError("broken")
        self.weight_ = weight
        return self

    def predict(self, X):
        return np.zeros(len(X))

    def score(self, X, y=None):
        assert type(self.x) is float
        assert type(self.n) is int
        return self.weight_ * (-((self.x - 0.3) ** 2) - self.n / 100)


@pytest.fixture
def X():
    return np.zeros((12, 2))


# -- The examples of scikit-optimize's documentation, with changed imports ----


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(n_class=10, return_X_y=True)
    return train_test_split(X, y, train_size=0.75, test_size=0.25, random_state=0)


@pytest.mark.slow
def test_minimal_example(digits):
    X_train, X_test, y_train, y_test = digits
    opt = BayesSearchCV(
        SVC(),
        {
            "C": (1e-6, 1e6, "log-uniform"),
            "gamma": (1e-6, 1e1, "log-uniform"),
            "degree": (1, 8),  # integer valued parameter
            "kernel": ["linear", "poly", "rbf"],  # categorical parameter
        },
        n_iter=32,
        cv=3,
    )
    opt.fit(X_train, y_train)
    assert opt.best_score_ > 0.97
    assert opt.score(X_test, y_test) > 0.97


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_advanced_example(digits):
    X_train, X_test, y_train, y_test = digits
    pipe = Pipeline([("model", SVC())])
    linsvc_search = {
        "model": [LinearSVC(max_iter=1000)],
        "model__C": (1e-6, 1e6, "log-uniform"),
    }
    svc_search = {
        "model": Categorical([SVC()]),
        "model__C": Real(1e-6, 1e6, prior="log-uniform"),
        "model__gamma": Real(1e-6, 1e1, prior="log-uniform"),
        "model__degree": Integer(1, 8),
        "model__kernel": Categorical(["linear", "poly", "rbf"]),
    }
    opt = BayesSearchCV(
        pipe,
        # (parameter space, # of evaluations)
        [(svc_search, 40), (linsvc_search, 16)],
        cv=3,
    )
    opt.fit(X_train, y_train)
    assert opt.score(X_test, y_test) > 0.97
    assert [len(r.x_iters) for r in opt.optimizer_results_] == [40, 16]
    models = [type(params["model"]) for params in opt.cv_results_["params"]]
    assert models == [SVC] * 40 + [LinearSVC] * 16


def test_callback_example(capsys):
    X, y = load_iris(return_X_y=True)
    searchcv = BayesSearchCV(
        SVC(gamma="scale"),
        search_spaces={"C": (0.01, 100.0, "log-uniform")},
        n_iter=10,
        cv=3,
    )

    # callback handler
    def on_step(optim_result):
        score = -optim_result["fun"]
        print("best score: %s" % score)  # noqa: UP031
        if score >= 0.98:
            print("Interrupting!")
            return True
        return False

    searchcv.fit(X, y, callback=on_step)
    lines = capsys.readouterr().out.splitlines()
    steps = [line for line in lines if line.startswith("best score: ")]
    assert len(steps) == len(searchcv.cv_results_["params"])
    assert ("Interrupting!" in lines) == (searchcv.best_score_ >= 0.98)


def test_total_iterations_example():
    searchcv = BayesSearchCV(
        SVC(),
        search_spaces=[
            ({"C": (0.1, 1.0)}, 19),  # 19 iterations for this subspace
            {"gamma": (0.1, 1.0)},
        ],
        n_iter=23,
    )
    assert searchcv.total_iterations == 19 + 23


def test_class_docstring_example():
    X, y = load_iris(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, train_size=0.75, random_state=0
    )
    opt = BayesSearchCV(
        SVC(),
        {
            "C": Real(1e-6, 1e6, prior="log-uniform"),
            "gamma": Real(1e-6, 1e1, prior="log-uniform"),
            "degree": Integer(1, 8),
            "kernel": Categorical(["linear", "poly", "rbf"]),
        },
        n_iter=10,
        n_jobs=-1,
        random_state=0,
    )
    _ = opt.fit(X_train, y_train)
    assert opt.score(X_test, y_test) > 0.9


# -- Results ------------------------------------------------------------------


def test_result(X):
    space = {"x": Real(0.0, 1.0), "n": (1, 9), "kind": Categorical(["a", "b"])}
    search = BayesSearchCV(Scripted(), space, n_iter=12, cv=2, random_state=0).fit(X)
    [result] = search.optimizer_results_
    rows = [[p["kind"], p["n"], p["x"]] for p in search.cv_results_["params"]]
    assert result.x_iters == rows
    assert result.space.dimension_names == ["kind", "n", "x"]
    np.testing.assert_array_equal(
        result.func_vals, -search.cv_results_["mean_test_score"]
    )
    assert result.fun == result["fun"] == -search.best_score_
    assert result.x == [search.best_params_[name] for name in ("kind", "n", "x")]
    assert result.space.bounds == [("a", "b"), (1, 9), (0.0, 1.0)]
    assert result.space.n_dims == len(list(result.space)) == 3
    assert result.space.distance(["a", 1, 0.5], ["b", 4, 0.25]) == 1 + 3 + 0.25
    assert result.models == []


def test_result_of_the_metric_that_refit_names(iris):
    search = BayesSearchCV(
        DecisionTreeClassifier(random_state=0),
        {"max_depth": (1, 9)},
        scoring=["accuracy", "f1_macro"],
        refit="f1_macro",
        n_iter=4,
        cv=3,
    ).fit(*iris)
    np.testing.assert_array_equal(
        search.optimizer_results_[0].func_vals,
        -search.cv_results_["mean_test_f1_macro"],
    )


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_failed_candidate_is_infinitely_bad(X):
    search = BayesSearchCV(
        Scripted(), {"kind": ["a", "broken"]}, n_iter=2, cv=2, error_score=np.nan
    )
    with pytest.warns(FitFailedWarning, match="2 fits failed"):
        search.fit(X)
    result = search.optimizer_results_[0]
    assert list(np.isinf(result.func_vals)) == [False, True]
    assert result.x == ["a"]


def test_failed_candidate_raises_by_default(X):
    with pytest.raises(ValueError, match="broken"):
        BayesSearchCV(Scripted(), {"kind": ["a", "broken"]}, n_iter=2, cv=2).fit(X)


def test_train_scores_are_ranked(iris):
    search = BayesSearchCV(
        SVC(), {"C": LOG}, n_iter=4, cv=2, return_train_score=True
    ).fit(*iris)
    np.testing.assert_array_equal(
        search.cv_results_["rank_train_score"],
        rankdata(-search.cv_results_["mean_train_score"], method="min"),
    )


def test_no_results_before_fit():
    assert not hasattr(BayesSearchCV(SVC(), {"C": LOG}), "optimizer_results_")


# -- Callbacks ----------------------------------------------------------------


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_callback_is_called_after_each_candidate(n_jobs, X):
    seen = []
    search = BayesSearchCV(
        Scripted(), {"x": (0.0, 1.0)}, n_iter=6, cv=2, n_jobs=n_jobs, random_state=0
    )
    search.fit(X, callback=lambda result: seen.append(list(result.func_vals)))
    assert [len(values) for values in seen] == [1, 2, 3, 4, 5, 6]
    assert seen[-1] == list(search.optimizer_results_[0].func_vals)


@pytest.mark.parametrize("n_stop", [1, 2, 5])
def test_true_return_ends_the_search_at_once(n_stop, X):
    n_calls = []

    def callback(result):
        n_calls.append(1)
        return len(n_calls) == n_stop

    search = BayesSearchCV(Scripted(), {"x": (0.0, 1.0)}, n_iter=9, cv=2)
    search.fit(X, callback=callback)
    assert len(n_calls) == len(search.cv_results_["params"]) == n_stop
    assert search.stop_reason_ == "callback"
    assert search.best_estimator_.x == search.best_params_["x"]


def test_true_return_ends_one_dict_only(X):
    spaces = [({"x": (0.0, 1.0)}, 6), ({"n": (1, 100)}, 5)]
    search = BayesSearchCV(Scripted(), spaces, cv=2)
    search.fit(X, callback=lambda result: len(result.x_iters) == 3)
    names = [name for params in search.cv_results_["params"] for name in params]
    assert names == ["x"] * 3 + ["n"] * 3


def test_all_callbacks_are_called(X):
    calls = []
    callbacks = [
        lambda result: calls.append("first") or True,
        lambda result: calls.append("second"),
    ]
    search = BayesSearchCV(Scripted(), {"x": (0.0, 1.0)}, n_iter=4, cv=2)
    search.fit(X, callback=callbacks)
    assert calls == ["first", "second"]


@pytest.mark.parametrize("callback", ["print", [print, 1], 3])
def test_callback_must_be_callable(callback, X):
    with pytest.raises(ValueError, match="callback must be"):
        BayesSearchCV(Scripted(), {"x": (0.0, 1.0)}).fit(X, callback=callback)


def test_callbacks_change_no_result(X):
    search = BayesSearchCV(
        Scripted(), {"x": (0.0, 1.0), "n": (1, 50)}, n_iter=12, cv=2, random_state=3
    )
    with_callback = clone(search).fit(X, callback=lambda result: None)
    assert search.fit(X).cv_results_["params"] == with_callback.cv_results_["params"]


def test_results_are_there_after_an_interrupt(X):
    def interrupt(result):
        if len(result.x_iters) == 3:
            raise KeyboardInterrupt

    search = BayesSearchCV(Scripted(), {"x": (0.0, 1.0)}, n_iter=9, cv=2)
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, callback=interrupt)
    assert len(search.optimizer_results_[0].x_iters) == 3
    pickle.dumps(search)


# -- What has no effect -------------------------------------------------------


def test_one_warning_for_all_that_has_no_effect(X):
    search = BayesSearchCV(
        Scripted(),
        {"kind": Categorical(["a", "b", "c"], prior=[0.5, 0.3, 0.2])},
        optimizer_kwargs={"base_estimator": "RF", "acq_func": "EI"},
        n_iter=2,
        iid=False,
        cv=2,
    )
    with pytest.warns(SktuneWarning) as caught:
        search.fit(X)
    [message] = [str(w.message) for w in caught]
    for name in ("base_estimator", "acq_func", "iid", "the prior of 'kind'"):
        assert name in message


def test_empty_optimizer_kwargs_are_no_reason_to_warn(X):
    BayesSearchCV(Scripted(), {"x": (0.0, 1.0)}, {}, n_iter=2, cv=2).fit(X)


# -- Being an estimator -------------------------------------------------------


# scikit-learn 1.6 hands pytest a generator, which pytest will refuse.
CHECKS = parametrize_with_checks(
    [
        BayesSearchCV(LogisticRegression(), {"C": LOG}, n_iter=3, cv=2, random_state=0),
        BayesSearchCV(Ridge(), {"alpha": LOG}, n_iter=3, cv=2, error_score=np.nan),
        BayesSearchCV(
            make_pipeline(StandardScaler(), LogisticRegression()),
            [
                ({"logisticregression__C": Real(*LOG)}, 2),
                {"logisticregression__max_iter": Integer(90, 110)},
            ],
            n_iter=2,
            cv=2,
            random_state=0,
        ),
        BayesSearchCV(
            GaussianMixture(random_state=0),
            {"n_components": Categorical([1, 2])},
            n_iter=2,
            cv=2,
        ),
    ]
)


@pytest.mark.filterwarnings("ignore")  # the checks feed warnings on purpose
@pytest.mark.parametrize(CHECKS.args[0], list(CHECKS.args[1]), ids=CHECKS.kwargs["ids"])
def test_sklearn_contract(estimator, check):
    check(estimator)


def test_constructor_stores_only():
    spaces = [({"C": Categorical([1, 2])}, 3)]
    search = BayesSearchCV("not an estimator", spaces, n_iter="many", iid=True)
    assert search.get_params(deep=False).keys() == vars(search).keys()
    assert search.search_spaces is spaces


def test_clone_and_set_params(iris):
    search = BayesSearchCV(
        DecisionTreeClassifier(random_state=0),
        [({"max_depth": Integer(1, 9)}, 2), {"criterion": ["gini", "entropy"]}],
        n_iter=2,
        cv=2,
    )
    copy = clone(search)
    assert copy.get_params().keys() == search.get_params().keys()
    copy.set_params(search_spaces={"max_depth": (1, 5)}, estimator__max_features=2)
    assert len(search.fit(*iris).cv_results_["params"]) == 4
    assert set(copy.fit(*iris).best_params_) == {"max_depth"}
    assert copy.best_estimator_.max_features == 2


@pytest.mark.parametrize(
    "spaces",
    [{"C": Real(*LOG)}, [({"C": LOG}, 2), ({"kernel": Categorical(["linear"])}, 1)]],
    ids=["dict", "pairs"],
)
def test_fitted_search_is_picklable(spaces, iris):
    search = BayesSearchCV(SVC(), spaces, n_iter=2, cv=2)
    search.fit(*iris, callback=lambda result: None)
    copy = pickle.loads(pickle.dumps(search))
    assert copy.optimizer_results_[0].x == search.optimizer_results_[0].x
    assert repr(copy.optimizer_results_[0].space) == repr(
        search.optimizer_results_[0].space
    )
    assert (copy.predict(iris[0]) == search.predict(iris[0])).all()


def test_fit_params_of_the_constructor_and_of_fit(X):
    search = BayesSearchCV(
        Scripted(), {"x": (0.0, 1.0)}, n_iter=3, cv=2, fit_params={"weight": 2.0}
    )
    assert search.fit(X).best_estimator_.weight_ == 2.0
    assert search.fit(X, weight=3.0).best_estimator_.weight_ == 3.0


def test_groups_go_to_the_splitter(iris):
    groups = np.arange(len(iris[1])) % 3
    search = BayesSearchCV(SVC(), {"C": LOG}, n_iter=2, cv=GroupKFold(3))
    with pytest.raises(ValueError, match="groups"):
        search.fit(*iris)
    assert search.fit(*iris, groups=groups).n_splits_ == 3


def test_groups_are_routed(iris):
    groups = np.arange(len(iris[1])) % 3
    with config_context(enable_metadata_routing=True):
        search = BayesSearchCV(SVC(), {"C": LOG}, n_iter=2, cv=GroupKFold(3))
        assert search.fit(*iris, groups=groups).n_splits_ == 3
        assert not hasattr(search, "set_fit_request")


def test_nested_in_cross_val_score(iris):
    search = BayesSearchCV(SVC(), {"C": LOG}, n_iter=3, cv=2, random_state=0)
    assert cross_val_score(search, *iris, cv=2).min() > 0.9


@pytest.mark.parametrize("n_points", [1, 3])
def test_result_does_not_depend_on_n_jobs(n_points, X):
    search = BayesSearchCV(
        Scripted(), {"x": (0.0, 1.0)}, n_iter=12, n_points=n_points, cv=2
    ).set_params(random_state=0)
    serial = clone(search).fit(X)
    parallel = clone(search).set_params(n_jobs=2).fit(X)
    assert serial.cv_results_["params"] == parallel.cv_results_["params"]


@pytest.mark.parametrize("n_points", [0, "auto", "async", 1.5])
def test_n_points_is_a_number(n_points, X):
    with pytest.raises(ValueError, match="n_points"):
        BayesSearchCV(Scripted(), {"x": (0.0, 1.0)}, n_points=n_points).fit(X)


def test_neither_sktune_nor_this_module_loads_scikit_optimize():
    code = """
import sys, sktune, sktune.compat
assert "sktune.compat.skopt" not in sys.modules
import sktune.compat.skopt
assert "skopt" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
