"""Tests of how users write spaces."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.svm import SVC

from sktune import Categorical, Float, Integer, Ordinal, Sequence, Space
from sktune.exceptions import SktuneError, SpaceError
from sktune.space import did_you_mean, one_message, split_budgets
from sktune.space._choices import NumberList
from sktune.space._parse import parse_dimension


def everything(spec, **kwargs):
    space = Space({"x": spec}, **kwargs)
    return [space.from_unit(point)["x"] for point in space.enumerate()]


# -- Ranges ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ((1, 10), "Integer(1, 10)"),
        ((1, 10, "uniform"), "Integer(1, 10)"),
        ((1, 10, "log-uniform"), "Integer(1, 10, 'log-uniform')"),
        ((1.0, 10), "Float(1.0, 10)"),
        ((1, 10.0), "Float(1, 10.0)"),
        ((0.1, 1.0, "log-uniform"), "Float(0.1, 1.0, 'log-uniform')"),
        ((np.int64(1), np.int32(9)), "Integer(1, 9)"),
        ((np.float32(0.5), 1), "Float(0.5, 1)"),
        ((3, 3), "Integer(3, 3)"),
    ],
)
def test_ranges(spec, expected):
    assert repr(parse_dimension(spec)) == expected


@pytest.mark.parametrize(
    "spec",
    [
        (1, 2, 3),
        (1,),
        (1, 2, 3, 4),
        (True, False),
        ("a", "b"),
        (1, "a"),
        (1, 10, "auto"),
        (1, 10, None),
        (None, 1),
        ((50,), (50, 50)),
    ],
)
def test_other_tuples_are_lists(spec):
    assert everything(spec) == list(spec)


@pytest.mark.parametrize("spec", [(1, 10), (1, 10, "uniform"), (0.5, 1.0), (3, 1)])
def test_in_a_grid_every_tuple_is_a_list(spec):
    assert everything(spec, as_grid=True) == list(spec)


@pytest.mark.parametrize("prior", ["log", "loguniform", "log_uniform", "Log-Uniform"])
def test_nearly_a_prior_is_an_error(prior):
    with pytest.raises(
        SpaceError, match=f"must be one of .*log-uniform.* got '{prior}'"
    ):
        Space({"x": (1, 10, prior)})


# -- Lists ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ([1, 10, 100], NumberList),
        ([1, 0.5], NumberList),
        ([1.0, np.inf], NumberList),
        (range(3), NumberList),
        (np.arange(3), NumberList),
        (np.linspace(0, 1, 3), NumberList),
        (pd.Series([3, 1, 2], index=[7, 8, 9]), NumberList),
        ([True, False], Categorical),
        ([1, True], Categorical),
        ([1, None], Categorical),
        ([1.0, float("nan")], Categorical),
        (["a", "b"], Categorical),
        (np.array(["a", "b"]), Categorical),
        (np.array([None, 1], dtype=object), Categorical),
        (pd.Series(["a", "b"]), Categorical),
        ([[1, 2], [3, 4]], Categorical),
        ([(50,), (50, 50)], Categorical),
    ],
)
def test_lists_of_numbers_are_ordinal_others_categorical(spec, kind):
    dimension = parse_dimension(spec)
    assert type(dimension) is kind
    assert dimension.is_categorical == (kind is Categorical)
    np.testing.assert_equal(everything(spec), list(spec))


def test_values_of_arrays_are_plain():
    for spec in (np.arange(3), np.linspace(0, 1, 3), np.array(["a"]), np.array([True])):
        assert {type(v) for v in everything(spec)} <= {int, float, str, bool}


def test_lists_keep_their_objects():
    function, estimator, array = (lambda x: x), SVC(), np.zeros(2)
    choices = [function, estimator, array, None, {0: 1}, (1, 2)]
    for value, choice in zip(everything(choices), choices, strict=True):
        assert value is choice


def test_repeated_values_are_tried_once():
    assert everything([1, 1, 2, 1]) == [1, 2]
    assert everything(["a", "b", "a"]) == ["a", "b"]
    assert everything([1, 1.0]) == [1, 1.0]  # a number and a share


def test_dimensions_are_taken_as_they_are_and_left_so():
    for dimension in (Float(0, 1), Integer(0, 1), Categorical([1]), Ordinal(["a"])):
        before = dict(vars(dimension))
        parsed = parse_dimension(dimension)
        assert repr(parsed) == repr(dimension)
        assert not list(parsed.problems())
        parsed.levels() if parsed.n_levels else parsed.value(0.5)
        assert vars(dimension) == before


# -- Other libraries ----------------------------------------------------------------


def test_optuna_distributions():
    od = pytest.importorskip("optuna.distributions")
    for spec, expected in [
        (od.FloatDistribution(0, 1), "Float(0.0, 1.0)"),
        (od.FloatDistribution(0.1, 1, log=True), "Float(0.1, 1.0, 'log-uniform')"),
        (od.FloatDistribution(0, 1, step=0.25), "[0.0, 0.25, 0.5, 0.75, 1.0]"),
        (od.IntDistribution(1, 9), "Integer(1, 9)"),
        (od.IntDistribution(1, 9, log=True), "Integer(1, 9, 'log-uniform')"),
        (od.IntDistribution(0, 10, step=5), "[0, 5, 10]"),
        (od.CategoricalDistribution(["a", None]), "Categorical(['a', None])"),
    ]:
        assert repr(parse_dimension(spec)) == expected


def test_scikit_optimize_dimensions():
    sk = pytest.importorskip("skopt.space")
    for spec, expected in [
        (sk.Real(0, 1), "Float(0, 1)"),
        (sk.Real(0.1, 1, prior="log-uniform"), "Float(0.1, 1, 'log-uniform')"),
        (sk.Integer(1, 9), "Integer(1, 9)"),
        (sk.Integer(1, 9, prior="log-uniform"), "Integer(1, 9, 'log-uniform')"),
        (sk.Categorical(["a", "b"]), "Categorical(['a', 'b'])"),
    ]:
        assert repr(parse_dimension(spec)) == expected
    values = everything(sk.Categorical([1, 2.5, True]))
    assert values == [1, 2.5, True]
    assert [type(v) for v in values] == [int, float, bool]


# -- Whole spaces -----------------------------------------------------------------


MALFORMED = [
    (None, "expected a dict or a list of dicts, got None"),
    (3, "got 3"),
    ("abc", "got 'abc'"),
    ({}, "there is no parameter in it"),
    ([], "there is no parameter in it"),
    ([{}], "there is no parameter in it"),
    ([{"a": [1]}, 3], "expected a list of dicts, got 3 in it"),
    ({1: [1]}, "a parameter's name must be a string, got 1"),
    ({"a": 1}, "'a': got the single value 1; to keep it fixed write .1."),
    ({"a": None}, "'a': got the single value None"),
    ({"a": True}, "'a': got the single value True"),
    ({"a": "rbf"}, "'a': got the single value 'rbf'; to keep it fixed write .'rbf'."),
    ({"a": b"rbf"}, "'a': got the single value b'rbf'"),
    ({"a": {0: 1}}, "'a': got the single value {0: 1}"),
    ({"a": SVC()}, r"'a': got the single value SVC\(\)"),
    ({"a": np.float64(1)}, "'a': an array of values must be one-dimensional"),
    ({"a": {1}}, "'a': got a set, which has no order; write the list .1."),
    ({"a": (i for i in [1])}, "'a': got <generator .* write list"),
    ({"a": {"b": 1}.keys()}, "'a': got dict_keys.* write list"),
    ({"a": []}, "'a': the list is empty"),
    ({"a": ()}, "'a': the list is empty"),
    ({"a": np.array([])}, "'a': the list is empty"),
    ({"a": np.zeros((2, 2))}, "'a': .*one-dimensional, got shape .2, 2."),
    ({"a": Float}, "'a': got the class Float; give it its arguments"),
    ({"a": Sequence("ab", 1, 2)}, "'a': item: got the single value 'ab'"),
    ({"a": Sequence((2, 1), 1, 2)}, "'a': item: low must not exceed high"),
    ({"a": Sequence(Sequence([1], 1, 2), 1, 2)}, "must not be Sequences"),
    ({"a": Sequence(Float(0, 1, when={"b": 1}), 1, 2)}, "must have no when"),
]


@pytest.mark.parametrize(("spec", "pattern"), MALFORMED)
def test_malformed_spaces(spec, pattern):
    with pytest.raises(SpaceError, match=pattern) as caught:
        Space(spec)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, SktuneError)
    assert Space.problems_of(spec)


def test_all_problems_are_in_one_message():
    spec = [
        {"a": [], 3: [1], "b": (2, 1), "c": (0, 1, "log-uniform")},
        {"d": Float(float("nan"), 1), "e": Sequence([], 2, 1), "a": []},
    ]
    with pytest.raises(SpaceError) as caught:
        Space(spec)
    lines = str(caught.value).splitlines()
    assert lines[0] == "The search space has 6 problems:"
    assert [line.partition(": ")[0] for line in lines[1:]] == [
        "- 'a'",
        "- a parameter's name must be a string, got 3",
        "- 'b'",
        "- 'c'",
        "- 'd'",
        "- 'e'",
    ]


def test_messages_stay_short():
    spec = {"a": dict.fromkeys(range(100), "x" * 1000), "b": Categorical("x" * 10_000)}
    assert len("".join(Space.problems_of(spec))) < 1000


def test_an_empty_grid_is_one_configuration():
    space = Space({}, as_grid=True)
    assert space.size == 1
    assert [space.from_unit(point) for point in space.enumerate()] == [{}]


def test_budgets_of_parts():
    a, b = {"x": [1]}, {"x": [2]}
    assert split_budgets(a) == [(a, None)]
    assert split_budgets([a, b]) == [([a, b], None)]
    assert split_budgets([(a, 3), (b, 4)]) == [(a, 3), (b, 4)]
    assert split_budgets([(a, 3), b]) == [(a, 3), (b, None)]
    assert split_budgets((a, 3)) == [(a, 3)]
    assert split_budgets((a, b)) == [((a, b), None)]
    assert split_budgets(None) == [(None, None)]


def test_nearest_name():
    assert did_you_mean("gama", ["C", "gamma"]) == "; did you mean 'gamma'?"
    assert did_you_mean("c", ["C", "gamma"]) == "; did you mean 'C'?"
    assert did_you_mean("nothing", ["C", "gamma"]) == ""


def test_one_problem_needs_no_list():
    assert one_message(["x"]) == "The search space is malformed: x"
