"""Malformed input is told before anything is trained, with its name and value."""

from __future__ import annotations

import re
import threading

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sktune import BayesSearchCV, Categorical, Float, Integer, Ordinal, Sequence
from sktune.exceptions import NotPicklableError, SktuneError, SpaceError
from sktune.search._checks import read_space

X = np.arange(40.0).reshape(20, 2)
Y = np.tile([0, 1], 10)

N_FITS = []


class Recorder(ClassifierMixin, BaseEstimator):
    """An estimator that tells when it is trained."""

    def __init__(self, C=1.0, gamma="scale", kernel="rbf", degree=3, attached=None):
        self.C = C
        self.gamma = gamma
        self.kernel = kernel
        self.degree = degree
        self.attached = attached

    def fit(self, X, y):
        N_FITS.append(1)
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.zeros(len(X), dtype=int)


class AnyName(Recorder):
    """An estimator that accepts parameters it does not list, as Keras wrappers do."""

    def set_params(self, **params):
        self.extra = {**getattr(self, "extra", {}), **params}
        return self


@pytest.fixture(autouse=True)
def nothing_is_trained():
    N_FITS.clear()
    yield
    assert N_FITS == []


def error_of(space, estimator=None, **kwargs):
    """The error of a search; `space` None is for one given by its keyword."""
    given = () if space is None else (space,)
    search = BayesSearchCV(estimator or Recorder(), *given, **{"cv": 2, **kwargs})
    with pytest.raises((SktuneError, ValueError, TypeError)) as caught:
        search.fit(X, Y)
    return caught.value


SPACES = {
    # ranges
    "low > high": ((10, 1), "low must not exceed high, got low=10, high=1"),
    "low > high, floats": ((1.0, 0.1), "got low=1.0, high=0.1"),
    "log with 0": ((0, 10, "log-uniform"), "must start above 0, got low=0"),
    "log below 0": ((-1.0, 10.0, "log-uniform"), "must start above 0, got low=-1.0"),
    "log with -0.0": ((-0.0, 1.0, "log-uniform"), "must start above 0, got low=-0.0"),
    "NaN low": ((float("nan"), 1.0), "low must be finite, got nan"),
    "NaN high": ((0.0, float("nan")), "high must be finite, got nan"),
    "infinite low": ((-np.inf, 1.0), "low must be finite, got -inf"),
    "infinite high": ((0.0, np.inf), "high must be finite, got inf"),
    "huge int": ((0, 10**400), "high must be finite, got 1000"),
    "wrong prior": ((1, 10, "log"), "log-uniform.*, got 'log'"),
    "prior of a Float": (Float(1, 10, "log"), "log-uniform.*, got 'log'"),
    "string bound": (Float("1", 10), "low must be a number, got '1'"),
    "None bound": (Integer(None, 10), "low must be a number, got None"),
    "bool bound": (Integer(True, 10), "low must be a number, got True"),
    "complex bound": (Float(1j, 10), "low must be a number, got 1j"),
    "fraction of an int": (Integer(0.5, 10), "whole number, got 0.5; use Float"),
    "class for a dimension": (Float, "got the class Float"),
    # lists
    "empty list": ([], "the list is empty"),
    "empty tuple": ((), "the list is empty"),
    "empty array": (np.array([]), "the list is empty"),
    "empty Categorical": (Categorical([]), "the list is empty"),
    "2-D array": (np.zeros((2, 3)), r"got shape \(2, 3\)"),
    "0-D array": (np.array(3), r"got shape \(\)"),
    "data frame": (pd.DataFrame({"a": [1]}), r"got shape \(1, 1\)"),
    "2-D Ordinal": (Ordinal(np.zeros((2, 3))), "got ndim=2"),
    "string in Categorical": (Categorical("abc"), "must be a list, got 'abc'"),
    "set in Categorical": (Categorical({1}), "must be a list, got {1}"),
    # no list at all
    "number": (1.0, r"the single value 1.0; to keep it fixed write \[1.0\]"),
    "numpy number": (np.int64(3), "one-dimensional"),
    "bool": (True, "the single value True"),
    "None": (None, "the single value None"),
    "string": ("rbf", r"the single value 'rbf'; to keep it fixed write \['rbf'\]"),
    "bytes": (b"rbf", "the single value b'rbf'"),
    "dict": ({"a": 1}, "the single value {'a': 1}"),
    "estimator": (SVC(), r"the single value SVC\(\)"),
    "set": ({"a"}, r"got a set, which has no order; write the list \['a'\]"),
    "generator": ((i for i in [1]), "got <generator .*write list"),
    "dict keys": ({"a": 1}.keys(), "got dict_keys.*write list"),
    # distributions
    "impossible distribution": (stats.randint(5, 2), r"randint\(5, 2\) has no finite"),
    "several distributions": (stats.uniform(loc=[0, 1]), r"got shape \(2,\)"),
    "unfrozen distribution": (stats.gamma, "has it all its arguments"),
    # sequences
    "sequence of a string": (Sequence("ab", 1, 2), "item: got the single value 'ab'"),
    "sequence of nothing": (Sequence([], 1, 2), "item: the list is empty"),
    "sequence lengths": (Sequence([1], 2, 1), "min_length=2, max_length=1"),
    "sequence half length": (Sequence([1], 1, 2.5), "whole number, got 2.5"),
    # conditions
    "when no dict": (Float(0, 1, when="rbf"), "when must be a dict, got 'rbf'"),
    "when unknown": (
        Float(0, 1, when={"kernal": "rbf"}),
        "'kernal' is not in the space; did you mean 'kernel'",
    ),
    "when never": (Float(0, 1, when={"kernel": "sgm"}), "kernel='sgm' never occurs"),
    "when tuple": (Float(0, 1, when={"kernel": ("rbf", "poly")}), "write a list"),
    "when itself": (Float(0, 1, when={"C": 1}), "must not form a circle, got 'C'"),
    "when raises": (
        Float(0, 1, when={"kernel": lambda k: k > 1}),
        "the function of 'kernel' raised TypeError",
    ),
}


@pytest.mark.parametrize("name", SPACES)
def test_malformed_values_of_a_parameter(name):
    value, pattern = SPACES[name]
    error = error_of({"C": value, "kernel": ["rbf", "poly"]})
    assert isinstance(error, SpaceError)
    assert re.search(rf"'C': .*{pattern}|{pattern} <- 'C'", str(error)), error


@pytest.mark.parametrize(
    ("space", "pattern"),
    [
        ({}, "there is no parameter in it"),
        ([], "there is no parameter in it"),
        ([{}], "there is no parameter in it"),
        ([{"C": [1]}, "C"], "expected a list of dicts, got 'C' in it"),
        ([{"C": [1]}, None], "expected a list of dicts, got None in it"),
        ({1: [1]}, "name must be a string, got 1"),
        ({("C",): [1]}, r"name must be a string, got \('C',\)"),
        ({None: [1]}, "name must be a string, got None"),
        ("C", "'param_distributions' .*Got 'C'"),
        ({"C"}, "'param_distributions' .*Got {'C'}"),
        (3, "'param_distributions' .*Got 3"),
        ([({"C": [1]}, 0)], "n_iter .*must be at least 1, got 0"),
        ([({"C": [1]}, "5")], "n_iter .*must be at least 1, got '5'"),
        ([({"C": [1]}, 2.5)], "n_iter .*must be at least 1, got 2.5"),
        ({"D": [1]}, "'D' is not a parameter of Recorder; did you mean 'C'|'D' is not"),
        ({"gama": [1]}, "'gama' is not a parameter of Recorder; did you mean 'gamma'"),
        ({"c": [1]}, "'c' is not a parameter of Recorder; did you mean 'C'"),
        ({"Kernel": ["rbf"]}, "did you mean 'kernel'"),
        ({"svc__C": [1]}, "'svc__C' is not a parameter of Recorder"),
        ({"": [1]}, "'' is not a parameter of Recorder"),
    ],
)
def test_malformed_spaces(space, pattern):
    error = error_of(space)
    assert re.search(pattern, str(error)), error


def test_all_problems_are_in_one_message():
    space = {"C": (2, 1), "gama": [1], "kernel": [], 7: [1], "degree": "3"}
    lines = str(error_of(space)).splitlines()
    assert lines[0] == "The search space has 5 problems:"
    for name in ("'C'", "'gama'", "'kernel'", "7", "'degree'"):
        assert sum(name in line for line in lines) == 1


def test_all_unknown_parameters_are_told():
    text = str(error_of({"Q": [1], "R": [1], "C": [1, 2]}))
    assert "'Q' is not a parameter" in text
    assert "'R' is not a parameter" in text


# -- Names in nested estimators -----------------------------------------------------

PIPELINE = Pipeline([("scale", StandardScaler()), ("svc", Recorder())])


@pytest.mark.parametrize(
    ("space", "pattern"),
    [
        ({"C": [1]}, "'C' is not a parameter of Pipeline; did you mean 'svc__C'"),
        ({"svc__gama": [1]}, "did you mean 'svc__gamma'"),
        ({"svm__C": [1]}, "'svm__C' is not a parameter.*did you mean 'svc__C'"),
        ({"svc_C": [1]}, "did you mean 'svc__C'"),
        (
            {"svc": [Recorder()], "svc__D": [1]},
            r"'svc__D' is not a parameter beside svc=",
        ),
        (
            {"svc": [Recorder(), "passthrough"], "svc__C": [1, 2]},
            "'svc__C' is not a parameter beside svc='passthrough'",
        ),
        (
            {"svc": [Recorder(), RandomForestClassifier()], "svc__kernel": ["rbf"]},
            "'svc__kernel' is not a parameter beside svc=RandomForestClassifier.*when=",
        ),
    ],
)
def test_unknown_names_in_a_pipeline(space, pattern):
    error = error_of(space, PIPELINE)
    assert isinstance(error, SpaceError)
    assert re.search(pattern, str(error)), error


def test_a_name_that_several_steps_have():
    pipeline = Pipeline([("a", Recorder()), ("b", Recorder())])
    text = str(error_of({"C": [1]}, pipeline))
    assert "did you mean 'a__C' or 'b__C'" in text


@pytest.mark.parametrize(
    ("estimator", "space"),
    [
        (
            PIPELINE,
            [
                {"svc": [Recorder()], "svc__C": [1, 2]},
                {"svc": [RandomForestClassifier()], "svc__n_estimators": [1, 2]},
            ],
        ),
        (
            PIPELINE,
            {
                "svc": ["passthrough", LogisticRegression()],
                "svc__tol": Float(0.1, 1, when={"svc": lambda s: s != "passthrough"}),
            },
        ),
        (
            BaggingClassifier(),
            {"estimator": [Recorder()], "estimator__C": [1, 2]},
        ),
        (AnyName(), {"model__layers": (1, 3), "anything": [1]}),
    ],
)
def test_sound_names_that_are_not_listed_are_accepted(estimator, space):
    read_space(estimator, space, as_grid=False)


def test_an_estimator_that_accepts_any_name_beside_another_problem():
    text = str(error_of({"anything": [1], "C": []}, AnyName()))
    assert "anything" not in text


# -- Other arguments ----------------------------------------------------------------

FINE = {"C": (0.1, 10.0)}


@pytest.mark.parametrize(
    ("kwargs", "pattern"),
    [
        ({"n_iter": 0}, "'n_iter' .*Got 0"),
        ({"n_iter": -1}, "'n_iter' .*Got -1"),
        ({"n_iter": 2.5}, "'n_iter' .*Got 2.5"),
        ({"n_iter": None}, "'n_iter' .*Got None"),
        ({"n_iter": "10"}, "'n_iter' .*Got '10'"),
        ({"n_iter": float("nan")}, "'n_iter' .*Got nan"),
        ({"n_points": 0}, "'n_points' .*Got 0"),
        ({"n_points": 1.5}, "'n_points' .*Got 1.5"),
        ({"n_points": "asynchronous"}, "'n_points' .*Got 'asynchronous'"),
        ({"n_points": None}, "'n_points' .*Got None"),
        ({"time_budget": 0}, "'time_budget' .*Got 0"),
        ({"time_budget": -1.0}, "'time_budget' .*Got -1.0"),
        ({"time_budget": float("nan")}, "'time_budget' .*Got nan"),
        ({"time_budget": "60"}, "'time_budget' .*Got '60'"),
        ({"max_no_improvement": 0}, "'max_no_improvement' .*Got 0"),
        ({"on_interrupt": "continue"}, "'on_interrupt' .*Got 'continue'"),
        ({"random_state": "zero"}, "'random_state' .*Got 'zero'"),
        ({"error_score": "ignore"}, "'error_score' .*Got 'ignore'"),
        ({"scoring": "acuracy"}, "'scoring' .*Got 'acuracy'"),
        ({"scoring": ["accuracy", "acuracy"], "refit": False}, "'acuracy'"),
        ({"scoring": {"a": "acuracy"}, "refit": "a"}, "'acuracy'"),
        ({"scoring": ["accuracy"], "refit": "f1"}, "refit"),
        ({"scoring": ["accuracy", "f1"]}, "refit"),
        ({"pre_dispatch": 0}, "pre_dispatch must be at least 1, got 0"),
        ({"pre_dispatch": "0*n_jobs"}, r"pre_dispatch must be at least 1, got '0\*n_j"),
        ({"pre_dispatch": "many"}, "pre_dispatch .*got 'many'"),
        ({"cv": 1}, "'cv' .*Got 1|n_splits=1"),
        ({"n_jobs": 1.5}, "'n_jobs' .*Got 1.5"),
        ({"initial_params": 3}, "'initial_params' .*Got 3"),
        ({"initial_params": "C"}, "'initial_params' .*Got 'C'"),
        ({"initial_params": [3]}, r"initial_params\[0\] must be a dict, got 3"),
        ({"initial_params": [{"C": 1}, None]}, r"initial_params\[1\] .*got None"),
        ({"initial_params": {"C": 100}}, "initial_params: 'C': 100 is not in"),
        ({"initial_params": {"C": "1"}}, "initial_params: 'C': '1' is not in"),
        ({"initial_params": {"D": 1}}, "initial_params: 'D' is not a parameter"),
        ({"initial_params": {3: 1}}, "initial_params.* 3|initial_params: '3'"),
        ({"warm_start_from": 3}, "warm_start_from must be .*got int"),
        ({"warm_start_from": "search.csv"}, "warm_start_from must be .*got str"),
        (
            {"warm_start_from": GridSearchCV(SVC(), {})},
            "warm_start_from must be .*got GridSearchCV, which is not fitted",
        ),
        ({"warm_start_from": {"C": [1]}}, "no column 'mean_test_score', got .'C'."),
        (
            {"warm_start_from": {"mean_test_score": [1.0]}},
            "neither 'params' nor 'param_...' columns",
        ),
    ],
)
@pytest.mark.parametrize("space", [FINE, {"C": [1, 10]}], ids=["endless", "finite"])
def test_malformed_arguments(kwargs, pattern, space):
    error = error_of(space, **{"n_iter": 2, **kwargs})
    assert re.search(pattern, str(error)), error


def test_both_or_neither_space():
    assert "got both" in str(error_of(FINE, param_grid={"C": [1]}))
    assert "got neither" in str(error_of(None))


@pytest.mark.parametrize("value", [[], (), 1, None, "rbf", range(0)], ids=repr)
def test_a_malformed_grid_is_told_in_the_words_of_grid_search(value):
    error = error_of(None, param_grid={"C": value})
    with pytest.raises((TypeError, ValueError)) as theirs:
        GridSearchCV(SVC(), {"C": value}).fit(X, Y)
    assert str(theirs.value) in str(error)
    assert isinstance(error, SpaceError)
    assert isinstance(error, TypeError) == isinstance(theirs.value, TypeError)


def test_what_is_wrong_in_a_grid_beside_its_values():
    assert "'gama' is not a param" in str(error_of(None, param_grid={"gama": [1]}))
    # An unknown name is no question of types.
    error = error_of(None, param_grid={"C": 1, "gama": [1]})
    assert "2 problems" in str(error)
    assert not isinstance(error, TypeError)


def test_an_estimator_without_fit():
    text = str(error_of(FINE, estimator=object()))
    assert "'estimator'" in text


@pytest.mark.parametrize(
    ("attached", "path"),
    [
        (threading.Lock(), "estimator.attached"),
        ([0, threading.Lock()], r"estimator.attached\[1\]"),
        ({"lock": threading.Lock()}, r"estimator.attached\['lock'\]"),
    ],
)
def test_an_estimator_that_cannot_be_pickled(attached, path):
    class Unclonable(Recorder):
        def __sklearn_clone__(self):
            return self

    error = error_of(FINE, Unclonable(attached=attached), n_jobs=2)
    assert isinstance(error, NotPicklableError)
    assert re.search(path, str(error)), error
