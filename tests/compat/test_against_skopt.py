"""The class, next to scikit-optimize's own where that is installed."""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeRegressor

from sktune.compat._skopt_space import ResultSpace, read_dimension
from sktune.compat.skopt import BayesSearchCV, Categorical, Integer, Real

ALPHA = {"alpha": Real(0.1, 1e3, "log-uniform")}


@pytest.fixture(scope="module")
def skopt():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("skopt")
        import skopt.callbacks
    return skopt


def parameters(function):
    return [
        (p.name, p.default) for p in inspect.signature(function).parameters.values()
    ]


def test_signature_is_that_of_scikit_optimize(skopt):
    assert parameters(BayesSearchCV) == parameters(skopt.BayesSearchCV)
    ours, theirs = parameters(BayesSearchCV.fit), parameters(skopt.BayesSearchCV.fit)
    assert ours == theirs
    for kind in (Real, Integer, Categorical):
        assert parameters(kind) == parameters(getattr(skopt.space, kind.__name__))


@pytest.mark.parametrize(
    "spec",
    [
        (1, 10),
        [1, 10],
        (1, 10.0),
        (0.5, 2.5),
        (np.int64(1), np.int64(9)),
        np.array([1, 10]),
        np.array([0.5, 10]),
        (1, 10, "log-uniform"),
        [0.1, 10, "uniform"],
        (1, 10, "log-uniform", 2),
        (0.1, 1.0, "log-uniform", 10),
        (1, 2, 3),
        [0.1, 0.2, 0.3, 0.4],
        ["a", "b"],
        (True, False),
        (True, 2),
        ["a"],
        [3],
        (1, 10, "a"),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:Dimension")  # rules of versions to come
def test_space_is_read_as_there(spec, skopt):
    theirs = skopt.space.check_dimension(spec)
    [ours] = ResultSpace({"x": read_dimension(spec)})
    assert type(ours).__name__ == type(theirs).__name__
    assert list(ours.bounds) == list(theirs.bounds)
    if not isinstance(ours, Categorical):
        assert ours.prior == theirs.prior


@pytest.mark.filterwarnings("ignore")  # scikit-optimize's own
def test_fitted_attributes_are_those_of_scikit_optimize(skopt, iris):
    space = {"C": skopt.space.Real(0.1, 10.0), "kernel": ["linear", "rbf", "poly"]}
    kwargs = {"n_iter": 5, "cv": 2, "random_state": 0, "return_train_score": True}
    theirs = skopt.BayesSearchCV(SVC(), space, **kwargs).fit(*iris)
    ours = BayesSearchCV(SVC(), space, **kwargs).fit(*iris)
    more = {"status", "error"}
    assert theirs.cv_results_.keys() == ours.cv_results_.keys() - more
    [result], [their_result] = ours.optimizer_results_, theirs.optimizer_results_
    assert set(their_result) <= set(result)
    for name in ("x", "x_iters", "func_vals", "fun"):
        assert np.shape(result[name]) == np.shape(their_result[name])
    assert list(map(type, result.x)) == list(map(type, their_result.x))
    assert their_result.space.dimension_names == result.space.dimension_names
    assert list(their_result.space.bounds) == list(result.space.bounds)
    a, b = result.x_iters[:2]
    assert result.space.distance(a, b) == pytest.approx(
        their_result.space.distance(a, b)
    )


@pytest.mark.filterwarnings("ignore")  # scikit-optimize's own
def test_callbacks_end_dicts_as_there(skopt, iris):
    spaces = [({"C": (0.1, 10.0)}, 4), {"gamma": (0.1, 1.0)}]

    def lengths(cls):
        seen = []

        def callback(result):
            seen.append(len(result.x_iters))
            return len(result.x_iters) == 2

        search = cls(SVC(), spaces, n_iter=3, cv=2)
        search.fit(*iris, callback=callback)
        return seen, search.total_iterations

    assert lengths(BayesSearchCV) == lengths(skopt.BayesSearchCV) == ([1, 2] * 2, 7)


def test_callbacks_of_scikit_optimize_work(skopt, iris, tmp_path, capsys):
    timer = skopt.callbacks.TimerCallback()
    saver = skopt.callbacks.CheckpointSaver(str(tmp_path / "result.pkl"))
    callbacks = [
        timer,
        saver,
        skopt.callbacks.VerboseCallback(n_total=6),
        skopt.callbacks.DeltaXStopper(1e-12),
        skopt.callbacks.DeltaYStopper(1e-12),
        skopt.callbacks.DeadlineStopper(1e6),
        skopt.callbacks.HollowIterationsStopper(6),
    ]
    search = BayesSearchCV(Ridge(), ALPHA, n_iter=6, cv=2)
    search.fit(*iris, callback=callbacks)
    assert len(timer.iter_time) == 6
    assert len(saver.load()["x0"]) == 6
    assert "Current minimum" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["DeltaXStopper", "DeltaYStopper", "ThresholdStopper"])
def test_stoppers_of_scikit_optimize_stop(name, skopt, iris):
    stopper = getattr(skopt.callbacks, name)(1e6)
    search = BayesSearchCV(Ridge(), ALPHA, n_iter=9, cv=2)
    search.fit(*iris, callback=stopper)
    assert len(search.cv_results_["params"]) < 9


def test_its_dimensions_are_accepted(skopt, iris):
    space = {
        "ccp_alpha": skopt.space.Real(0.0, 1.0),
        "max_depth": skopt.space.Integer(1, 9),
        "splitter": skopt.space.Categorical(["best", "random"]),
    }
    search = BayesSearchCV(
        DecisionTreeRegressor(random_state=0), space, n_iter=9, cv=2
    ).fit(*iris)
    values = search.optimizer_results_[0].x
    assert list(map(type, values)) == [float, int, str]
