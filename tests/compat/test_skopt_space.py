"""Search spaces mean what they mean in scikit-optimize."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.svm import SVC

import sktune
from sktune.compat.skopt import BayesSearchCV, Categorical, Integer, Real
from sktune.exceptions import SktuneWarning


class Taker(BaseEstimator):
    """Takes what it is given."""

    def __init__(self, x=0.0, n=1, kind="a"):
        self.x = x
        self.n = n
        self.kind = kind

    def fit(self, X, y=None):
        return self

    def score(self, X, y=None):
        return 0.0


@pytest.fixture
def X():
    return np.zeros((12, 2))


def values_of(spec, X, n_iter=8, name="x"):
    """What an estimator gets when a search space says `spec`."""

    search = BayesSearchCV(Taker(), {name: spec}, n_iter=n_iter, cv=2)
    search.fit(X)
    return search.cv_results_["params"], search.optimizer_results_[0].space


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ((1, 1000), Integer),
        ((1, 1000, "log-uniform"), Integer),
        ((1, 1000, "log-uniform", 2), Integer),
        ([1, 1000, "log-uniform"], Integer),
        (np.array([1, 1000]), Integer),
        ((0.0, 1), Real),
        ((1e-3, 1e3, "log-uniform"), Real),
        ([1e-3, 1e3, "uniform"], Real),
        (np.array([0.5, 1.5]), Real),
        (Real(0, 1), Real),
        (Integer(1, 1000), Integer),
    ],
)
def test_range(spec, kind, X):
    params, space = values_of(spec, X)
    values = [p["x"] for p in params]
    assert {type(value) for value in values} == {int if kind is Integer else float}
    assert len(set(values)) > 2
    [(low, high)] = space.bounds
    assert all(low <= value <= high for value in values)
    assert type(space.dimensions[0]) is kind


@pytest.mark.parametrize(
    "choices",
    [
        ["a", "b", "c"],
        ("a", "b"),
        [True, False],
        [1, 2, 3],
        (1.0, 2.0, 4.0, 8.0),
        ["auto", 0.5],
        [None, 3],
        [(1, 2), (3,)],
        np.array(["a", "b", "c"]),
        np.array([1, 2, 4]),
        Categorical([1, 2]),
        Categorical(np.arange(3)),
        [7],
    ],
    ids=str,
)
def test_values(choices, X):
    expected = list(getattr(choices, "categories", choices))
    params, space = values_of(choices, X, n_iter=len(expected))
    values = [p["x"] for p in params]
    assert sorted(map(str, values)) == sorted(map(str, expected))
    assert not any(isinstance(value, np.generic) for value in values)
    assert space.bounds == [tuple(expected)]


def test_list_of_two_numbers_is_a_range_and_says_so(X):
    with pytest.warns(SktuneWarning, match=r"range.*'n': \[1, 1000\]"):
        params, _ = values_of([1, 1000], X, name="n")
    assert {p["n"] for p in params} - {1, 1000}


def test_what_only_sktune_knows_is_accepted(X):
    spec = {"x": sktune.Float(0.0, 1.0), "kind": sktune.Ordinal(["a", "b"])}
    search = BayesSearchCV(Taker(), spec, n_iter=4, cv=2, random_state=0).fit(X)
    assert search.optimizer_results_[0].space.dimension_names == ["kind", "x"]


def test_dicts_are_searched_one_after_the_other(X):
    spaces = [({"x": (0.0, 1.0)}, 4), {"n": (1, 100)}, ({"kind": ["a", "b"]}, 2)]
    search = BayesSearchCV(Taker(), spaces, n_iter=3, cv=2, random_state=0).fit(X)
    names = [name for params in search.cv_results_["params"] for name in params]
    assert names == ["x"] * 4 + ["n"] * 3 + ["kind"] * 2
    assert [len(r.func_vals) for r in search.optimizer_results_] == [4, 3, 2]
    assert search.total_iterations == len(names)


def test_list_of_one_dict(X):
    search = BayesSearchCV(Taker(), [{"x": (0.0, 1.0)}], n_iter=3, cv=2).fit(X)
    assert len(search.cv_results_["params"]) == search.total_iterations == 3


def test_finite_space_ends_early(X):
    space = [({"n": (1, 3)}, 5), ({"x": (0.0, 1.0)}, 2)]
    search = BayesSearchCV(Taker(), space, cv=2)
    with pytest.warns(SktuneWarning, match="total space of parameters 5"):
        search.fit(X)
    assert [len(r.x_iters) for r in search.optimizer_results_] == [3, 2]


def test_total_iterations_of_a_dict_do_not_grow_with_its_parameters():
    space = {"C": (0.1, 1.0), "gamma": (0.1, 1.0)}
    assert BayesSearchCV(SVC(), space, n_iter=7).total_iterations == 7


@pytest.mark.parametrize(
    ("spaces", "error", "message"),
    [
        ({}, ValueError, "no parameter"),
        ([], ValueError, "no parameter"),
        ({"C": "1 ... 100.0"}, ValueError, "single value '1"),
        (["C", (1.0, 1)], ValueError, "expected a list of dicts"),
        ("C", TypeError, "search_spaces"),
        ({"C": (10.0, 1.0)}, ValueError, "low must not exceed high"),
        ({"C": Real(0.0, 1.0, "log-uniform")}, ValueError, "above 0"),
        ({"c": (0.1, 1.0)}, ValueError, "did you mean 'C'"),
        ([({"C": (0.1, 1.0)}, 0)], ValueError, "at least 1"),
        ([({"C": (0.1, 1.0)}, 1, 2)], ValueError, "expected a list of dicts"),
    ],
)
def test_malformed_space_is_reported_by_fit(spaces, error, message, iris):
    search = BayesSearchCV(SVC(), spaces)  # stores only
    with pytest.raises(error, match=message):
        search.fit(*iris)
