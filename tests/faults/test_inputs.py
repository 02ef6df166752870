"""Malformed input ends in an error that names it, before anything is trained."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse, stats
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification
from sklearn.model_selection import GroupKFold, KFold

from sktune import (
    BayesSearchCV,
    Categorical,
    Float,
    HyperbandSearchCV,
    Integer,
    Ordinal,
    PBTSearchCV,
    ScheduledEstimator,
    Sequence,
)

X, y = make_classification(24, 4, random_state=0)

N_FITS = []


class Counts(ClassifierMixin, BaseEstimator):
    """Tells when it is trained."""

    def __init__(self, a=0.5, b="x"):
        self.a = a
        self.b = b

    def fit(self, X, y, sample_weight=None):
        return self.partial_fit(X, y)

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        N_FITS.append(1)
        self.classes_ = np.unique(y) if classes is None else classes
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


class HasNoScore(BaseEstimator):
    def __init__(self, a=0.5):
        self.a = a

    def fit(self, X, y):
        N_FITS.append(1)
        return self

    partial_fit = fit


SEARCHES = {
    "bayes": (BayesSearchCV, {"n_iter": 2}),
    "hyperband": (HyperbandSearchCV, {"max_resource": 3, "min_resource": 1}),
    "pbt": (
        PBTSearchCV,
        {"population_size": 2, "n_generations": 2, "max_resource": 2},
    ),
}
RANGE = {"a": (0.0, 1.0)}
NAN = float("nan")


def fit(name, space=RANGE, *, estimator=None, data=(X, y), metadata=None, **options):
    """Fit a search that is fine but for what is given."""
    kind, usual = SEARCHES[name]
    options = {"cv": 2, "random_state": 0} | usual | options
    if space is not None:
        options.setdefault("param_distributions", space)
    estimator = Counts() if estimator is None else estimator
    return kind(estimator, **options).fit(*data, **(metadata or {}))


def check(error, word):
    """An error is one that a user can read, and comes from where inputs are checked."""
    message = str(error)
    assert isinstance(error, (ValueError, TypeError)), repr(error)
    assert re.search(word, message, re.IGNORECASE), message
    assert N_FITS == []


@pytest.fixture(autouse=True)
def _forget():
    N_FITS.clear()


# -- Parameters ------------------------------------------------------------------------

OF_ALL = {
    "n_jobs": ["two", 1.5, 0],
    "cv": [1, 0, -3, "five", 2.5, [], object()],
    "scoring": ["no such score", 5, ["accuracy", "no such score"], [], {"m": "none"}],
    "verbose": ["loud"],
    "pre_dispatch": ["3*cores", 0, "0*n_jobs", -1, "import os"],
    "random_state": ["seed", -1, 1.5],
    "error_score": ["ignore", None],
    "return_train_score": ["yes"],
    "time_budget": [0, -1, "1h", NAN],
    "on_interrupt": ["stop", None],
    "trial_timeout": [0, -1.0, "1h", NAN],
    "memory_limit": [0, -5, "much", 1.5, "5 parsecs"],
    "initial_params": [5, "a", [5], {"c": 1}, {"a": "x"}, {"a": 2.0}, {1: 2}],
    "refit": [5, None, []],
}
OF_ONE = {
    "bayes": {
        "n_iter": [0, -1, 2.5, "many", NAN, None],
        "n_points": [0, "fast", 1.5, None],
        "max_no_improvement": [0, "x", 1.5],
        "warm_start_from": [5, {}, {"params": [{}]}, BayesSearchCV(Counts())],
    },
    "hyperband": {
        "resource": [5, "nonsense", "epochs", "batches"],
        "min_resource": [0, "x", 1.5, 3],
        "max_resource": [0, "x", -1, NAN],
        "factor": [1, 2.5, "3", 0],
        "brackets": [0, "x", 1.5],
        "n_candidates": [0, "x", 1.5],
        "sampler": ["tpe", None],
        "promotion": ["fast", None],
        "rung_folds": [0, [2, 1], [9], "x", [], [1.5]],
        "batch_size": [0, 1.5],
        "patience": [0, "x"],
        "tol": [-1, "x", NAN],
        "refit_from": ["best", None],
        "checkpoint_memory": [-1, 1.5],
        "checkpoint_folder": [5],
        "warm_start_from": [5, {}],
    },
    "pbt": {
        "population_size": [0, -1, 1.5, "x"],
        "n_generations": [0, 1.5, "x"],
        "interval": [0, [], [0], "x", [9], [1, 1, 1], [1.5]],
        "max_resource": [0, "x", -1],
        "resource": [5, "nonsense", "n_samples"],
        "exploit": ["x", None],
        "quantile": [0, 0.7, NAN, "x"],
        "explore": ["x", 5, None],
        "perturbation_factors": [[], [0], [-1.0], ["a"], 1.2, [NAN], [math.inf]],
        "resample_probability": [2, -0.1, NAN],
        "fixed_parameters": [["nope"], "a"],
        "mutate_architecture": ["x", True],
        "batch_size": [0, 1.5],
        "checkpoint_folder": [5],
    },
}
PARAMETERS = [
    (search, name, value)
    for search in SEARCHES
    for name, values in (OF_ALL | OF_ONE[search]).items()
    for value in values
]


@pytest.mark.parametrize(
    ("search", "name", "value"),
    PARAMETERS,
    ids=[f"{search}-{name}-{value!r:.20}" for search, name, value in PARAMETERS],
)
def test_a_parameter(search, name, value):
    with pytest.raises((ValueError, TypeError)) as caught:
        fit(search, **{name: value})
    words = {"cv": "cv|split|fold", "scoring": "scor|metric"}
    check(caught.value, words.get(name, name))


# -- Spaces ----------------------------------------------------------------------------

DIMENSIONS = {
    "a number": 5,
    "a string": "adam",
    "None": None,
    "an empty list": [],
    "an empty array": np.array([]),
    "a matrix": np.eye(2),
    "a set": {1, 2},
    "a dict": {"low": 0, "high": 1},
    "a generator": (n for n in range(3)),
    "a function": len,
    "a class": Float,
    "low > high": (1.0, 0.0),
    "NaN": (NAN, 1.0),
    "an infinite bound": (0.0, math.inf),
    "log of 0": (0.0, 1.0, "log-uniform"),
    "log of less": (-1.0, 1.0, "log-uniform"),
    "an unknown prior": (0.0, 1.0, "log-unifrom"),
    "bounds that overflow": (-1e308, 1e308),
    "Float of strings": Float("a", "b"),
    "Float of NaN": Float(NAN, 1.0),
    "Integer of halves": Integer(0.5, 2.5),
    "Integer, low > high": Integer(5, 1),
    "an unknown scale": Float(0.1, 1.0, prior="cubic"),
    "a Sequence of negative length": Sequence(Integer(1, 3), -1, 2),
    "a Sequence of half a length": Sequence(Integer(1, 3), 1, 1.5),
    "no categories": Categorical([]),
    "a string of categories": Categorical("adam"),
    "no values": Ordinal([]),
    "a Sequence of nothing": Sequence(None, 1, 3),
    "a Sequence, min > max": Sequence(Integer(1, 3), 3, 1),
    "a Sequence of Sequences": Sequence(Sequence(Integer(1, 3), 1, 2), 1, 2),
    "when of what is not there": Float(0.0, 1.0, when={"kernel": "rbf"}),
    "when of itself": Float(0.0, 1.0, when={"a": 1.0}),
    "when of what b never is": Float(0.0, 1.0, when={"b": "z"}),
    "an unbound distribution": stats.gamma,
    "a distribution of no sense": stats.uniform(NAN, 1.0),
    "an object": object(),
}
SPACES = {
    "None": None,
    "an empty dict": {},
    "an empty list": [],
    "a number": 5,
    "a string": "a",
    "a set": {"a"},
    "a list of numbers": [1, 2],
    "a list of an empty dict": [{}],
    "an unknown name": {"no_such": [1, 2]},
    "a name that is none": {1: [1, 2]},
    "a step that is none": {"b__c": [1, 2]},
    "a misspelt name": {"A": [0.1, 0.2]},
    "pairs with a wrong number": [({"a": [0.1]}, 0)],
    "pairs with no number": [({"a": [0.1]}, "many")],
}


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("case", DIMENSIONS)
def test_a_dimension(search, case):
    space = {"b": ["x", "y"], "a": DIMENSIONS[case]}
    with pytest.raises((ValueError, TypeError)) as caught:
        fit(search, space)
    check(caught.value, "'a'")


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("case", SPACES)
def test_a_space(search, case):
    with pytest.raises((ValueError, TypeError)) as caught:
        fit(search, SPACES[case])
    words = "param_distributions|param_grid|parameter|'A'|space|n_iter"
    check(caught.value, words)


@pytest.mark.parametrize("search", SEARCHES)
def test_two_spaces(search):
    with pytest.raises(ValueError, match="param_distributions") as caught:
        fit(search, param_grid=RANGE)
    check(caught.value, "got both")


# -- Data ------------------------------------------------------------------------------

DATA = {
    "X is None": ((None, y), {}, "X|None"),
    "X is a number": ((5, y), {}, "X|array|sequence"),
    "no y": ((X,), {}, "y"),
    "no rows": ((X[:0], y[:0]), {}, "sample|n_splits|fold"),
    "one row": ((X[:1], y[:1]), {}, "sample|n_splits|fold"),
    "more rows than labels": ((X, y[:-1]), {}, "inconsistent numbers of samples"),
    "sparse, more rows": (
        (sparse.csr_array(X), y[:-1]),
        {},
        "inconsistent numbers of samples",
    ),
    "labels that are NaN": ((X, np.where(y, NAN, 0.0)), {}, "NaN"),
    "more weights than rows": (
        (X, y),
        {"metadata": {"sample_weight": np.ones(99)}},
        "sample_weight|inconsistent|length",
    ),
    "groups for no splitter": (
        (X, y),
        {"cv": GroupKFold(2)},
        "groups",
    ),
    "groups too short": (
        (X, y),
        {"cv": GroupKFold(2), "metadata": {"groups": [1, 2]}},
        "inconsistent|groups",
    ),
    "more folds than rows": ((X, y), {"cv": KFold(99)}, "n_splits=99"),
    "folds that are no pairs": ((X, y), {"cv": [1, 2]}, "cv"),
    "folds of rows that are not there": (
        (X, y),
        {"cv": [(np.arange(9), np.arange(90, 99))]},
        "cv|index|bounds",
    ),
    "folds without training rows": (
        (X, y),
        {"cv": [(np.arange(0), np.arange(9))]},
        "cv|sample|train",
    ),
    "several metrics, none to refit": (
        (X, y),
        {"scoring": ["accuracy", "f1"]},
        "refit",
    ),
    "refit of another metric": (
        (X, y),
        {"scoring": ["accuracy", "f1"], "refit": "recall"},
        "refit",
    ),
    "no estimator": ((X, y), {"estimator": 5}, "estimator"),
    "a class": ((X, y), {"estimator": Counts}, "estimator|instance"),
    "an estimator without score": ((X, y), {"estimator": HasNoScore()}, "score"),
}


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("case", DATA)
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_data(search, case):
    data, options, word = DATA[case]
    with pytest.raises((ValueError, TypeError)) as caught:
        fit(search, data=data, **options)
    check(caught.value, word)


SCHEDULES = {
    "nothing": [],
    "a number": 5,
    "numbers": [5],
    "a dict": {"start": 0},
    "no JSON": "[{",
    "no file": "no/such/file.json",
    "no end": [{"start": 0, "params": {}}],
    "a gap": [
        {"start": 0, "end": 1, "params": {}},
        {"start": 2, "end": 3, "params": {}},
    ],
    "backwards": [{"start": 0, "end": -1, "params": {}}],
    "not from 0": [{"start": 1, "end": 2, "params": {}}],
    "halves": [{"start": 0, "end": 1.5, "params": {}}],
    "no params": [{"start": 0, "end": 1, "params": [1]}],
    "unknown params": [{"start": 0, "end": 1, "params": {"nope": 1}}],
    "NaN": [{"start": 0, "end": NAN, "params": {}}],
}


@pytest.mark.parametrize("case", SCHEDULES)
def test_a_schedule(case):
    with pytest.raises((ValueError, TypeError, OSError)) as caught:
        ScheduledEstimator(Counts(), SCHEDULES[case]).fit(X, y)
    if not isinstance(caught.value, OSError):
        check(caught.value, "schedule|segment|nope")
    assert N_FITS == []


# -- Anything --------------------------------------------------------------------------

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 5),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.sampled_from([b"", "uniform", "log-uniform", object(), int, 2**70, -0.0]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.tuples(inner, inner, st.sampled_from(["uniform", "log-uniform", 3])),
        st.dictionaries(st.text(max_size=2), inner, max_size=2),
    ),
    max_leaves=4,
)
OBJECTS = st.one_of(
    VALUES,
    st.builds(Float, SCALARS, SCALARS, st.sampled_from(["uniform", "log-uniform", 0])),
    st.builds(Integer, SCALARS, SCALARS),
    st.builds(Categorical, VALUES),
    st.builds(Ordinal, VALUES),
    st.builds(Sequence, VALUES, SCALARS, SCALARS),
    st.builds(Float, SCALARS, SCALARS, when=VALUES),
    st.builds(lambda low, width: stats.uniform(low, width), st.floats(), st.floats()),
)

anything = settings(max_examples=40, derandomize=True, deadline=None, database=None)


def trains_or_tells(search, space, **options):
    """A search is well, or says what is wrong before it has begun."""
    N_FITS.clear()
    try:
        fit(search, space, **options)
    except (ValueError, TypeError) as error:
        check(error, ".")


quietly = pytest.mark.filterwarnings(
    "ignore::sktune.exceptions.SktuneWarning", "ignore::RuntimeWarning:scipy"
)


@quietly
@pytest.mark.parametrize("search", SEARCHES)
@anything
@given(value=OBJECTS)
def test_any_dimension(search, value):
    trains_or_tells(search, {"a": value})


@quietly
@pytest.mark.parametrize("search", SEARCHES)
@anything
@given(space=st.one_of(VALUES, st.lists(st.dictionaries(st.text("ab"), OBJECTS))))
def test_any_space(search, space):
    trains_or_tells(search, space, param_distributions=space)


# What would only take long, or is not looked at.
NOT_TRIED = {
    "estimator",
    "memory_limit",
    "n_jobs",
    "param_distributions",
    "param_grid",
    "trial_timeout",
    "verbose",
}
SMALL = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 5),
        st.floats().filter(lambda number: not 5 < abs(number) < math.inf),
        st.text(max_size=3),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text("ab", max_size=1), inner)
    ),
    max_leaves=4,
)


@quietly
@pytest.mark.parametrize("search", SEARCHES)
@anything
@given(data=st.data())
def test_any_parameter(search, data):
    names = sorted(
        set(SEARCHES[search][0](Counts()).get_params(deep=False)) - NOT_TRIED
    )
    name = data.draw(st.sampled_from(names))
    trains_or_tells(search, RANGE, **{name: data.draw(SMALL)})
