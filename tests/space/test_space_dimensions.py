"""Tests of the dimensions: their values, coordinates and cells."""

from __future__ import annotations

import math
import pickle
import re

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from sklearn.svm import SVC

from sktune import Categorical, Float, Integer, Ordinal, Sequence
from sktune.space._choices import NumberList
from sktune.space._distributions import Distribution

PRIORS = st.sampled_from(["uniform", "log-uniform"])
UNITS = st.floats(0.0, 1.0)
FINITE = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def float_dimensions(draw):
    prior = draw(PRIORS)
    positive = st.floats(min_value=5e-324, allow_infinity=False)
    bounds = positive if prior == "log-uniform" else FINITE
    low, high = sorted([draw(bounds), draw(bounds)])
    return Float(low, high, prior)


@st.composite
def integer_dimensions(draw, widest=10**30):
    prior = draw(PRIORS)
    least = 1 if prior == "log-uniform" else -widest
    low = draw(st.integers(least, widest))
    return Integer(low, low + draw(st.integers(0, widest)), prior)


@st.composite
def choice_dimensions(draw):
    kind = draw(st.sampled_from([Categorical, Ordinal]))
    choice = st.one_of(st.integers(), st.text(max_size=2), st.none(), st.booleans())
    return kind(draw(st.lists(choice, min_size=1, max_size=9)))


small_integers = integer_dimensions(widest=300)
discrete = st.one_of(small_integers, choice_dimensions())
any_dimension = st.one_of(float_dimensions(), integer_dimensions(), choice_dimensions())


def snap(dimension, coordinate):
    return float(dimension.snap(np.array([coordinate]))[0])


# -- Any dimension --------------------------------------------------------------


@given(any_dimension)
def test_sound_dimensions_have_no_problems(dimension):
    assert list(dimension.problems()) == []


@given(any_dimension, UNITS)
def test_snapping_twice_is_snapping_once(dimension, coordinate):
    once = snap(dimension, coordinate)
    assert 0.0 <= once <= 1.0
    assert snap(dimension, once) == once


@given(any_dimension, UNITS)
def test_snapping_keeps_the_value(dimension, coordinate):
    value = dimension.value(coordinate)
    snapped = dimension.value(snap(dimension, coordinate))
    if isinstance(dimension, Integer) and dimension.n_levels > 2**36:
        assert abs(value - snapped) <= 1e-9 * dimension.n_levels
    else:
        assert snapped == value or value != value


@given(float_dimensions(), UNITS)
def test_floats_are_in_bounds_and_come_back(dimension, coordinate):
    value = dimension.value(coordinate)
    assert type(value) is float
    assert dimension.low <= value <= dimension.high
    again = dimension.value(dimension.coordinate(value))
    size = max(abs(dimension.low), abs(dimension.high))
    assert math.isclose(again, value, rel_tol=1e-9, abs_tol=1e-12 * size)


@given(integer_dimensions(), UNITS)
def test_integers_are_in_bounds_and_come_back(dimension, coordinate):
    value = dimension.value(coordinate)
    assert type(value) is int
    assert dimension.low <= value <= dimension.high
    again = dimension.value(dimension.coordinate(value))
    assert abs(again - value) <= 1e-11 * dimension.n_levels


@given(discrete)
def test_each_level_is_the_centre_of_its_cell(dimension):
    centres = dimension.levels()
    n = dimension.n_levels
    assert len(centres) == n
    assert np.all(np.diff(centres) > 0)
    np.testing.assert_array_equal(dimension.snap(centres), centres)
    np.testing.assert_array_equal(dimension.level(centres), np.arange(n))
    values = [dimension.value(c) for c in centres]
    assert [dimension.coordinate(v) for v in values] == centres.tolist()


@given(discrete)
def test_levels_that_are_evenly_spread_are_those_of_the_spec(dimension):
    n = dimension.n_equal_cells
    assume(n is not None)
    np.testing.assert_array_equal(dimension.levels(), (np.arange(n) + 0.5) / n)


@given(any_dimension)
def test_dimensions_survive_pickling(dimension):
    again = pickle.loads(pickle.dumps(dimension))
    assert repr(again) == repr(dimension)
    assert again.same_as(dimension)


# -- Ranges ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Float, Integer])
@pytest.mark.parametrize("prior", ["uniform", "log-uniform"])
def test_one_value(kind, prior):
    dimension = kind(3, 3, prior)
    assert dimension.n_levels == 1
    assert dimension.value(0.1) == 3
    assert dimension.levels().tolist() == [snap(dimension, 0.9)]
    assert dimension.coordinate(3) == snap(dimension, 0.2)


def test_log_integer_cells_are_half_a_step_wide():
    dimension = Integer(1, 3, "log-uniform")
    low, high = math.log(0.5), math.log(3.5)
    for edge, below in [(1.5, 1), (2.5, 2)]:
        coordinate = (math.log(edge) - low) / (high - low)
        assert dimension.value(coordinate - 1e-9) == below
        assert dimension.value(coordinate + 1e-9) == below + 1
    expected = (np.log([1, 2, 3]) - low) / (high - low)
    np.testing.assert_allclose(dimension.levels(), expected, rtol=1e-14)


def test_log_integers_have_the_logarithm_of_uniform():
    dimension = Integer(1, 10_000, "log-uniform")
    values = [dimension.value(u) for u in np.linspace(0, 1, 1001)]
    assert abs(np.median(np.log10(values)) - 2.0) < 0.2


@pytest.mark.parametrize("prior", ["uniform", "log-uniform"])
def test_integers_beyond_the_precision_of_floats(prior):
    dimension = Integer(2**60, 2**60 + 10, prior)
    values = [dimension.value(c) for c in dimension.levels()]
    assert values == list(range(2**60, 2**60 + 11))
    assert dimension.value(dimension.coordinate(2**60 + 7)) == 2**60 + 7


def test_huge_integers():
    dimension = Integer(-(10**30), 10**30)
    assert dimension.value(0.0) == -(10**30)
    assert dimension.value(1.0) == 10**30
    assert dimension.n_levels == 2 * 10**30 + 1
    assert dimension.value(dimension.coordinate(12345)) == pytest.approx(
        12345, abs=1e15
    )


@pytest.mark.parametrize(
    ("dimension", "value"),
    [
        (Float(-8e307, 8e307), 0.0),
        (Float(0.0, 5e-324), 5e-324),
        (Float(5e-324, 1e308, "log-uniform"), 1.0),
        (Float(-0.0, 1.0), 0.0),
        (Float(np.float32(0.5), np.float64(2.0)), 1.0),
    ],
)
def test_extreme_bounds(dimension, value):
    assert list(dimension.problems()) == []
    again = dimension.value(dimension.coordinate(value))
    assert again == pytest.approx(value, rel=1e-12)
    assert type(again) is float


def test_bounds_whose_logarithms_are_equal():
    dimension = Float(1e300, math.nextafter(1e300, math.inf), "log-uniform")
    assert dimension.coordinate(1e300) == 0.5
    assert dimension.low <= dimension.value(0.5) <= dimension.high


@pytest.mark.parametrize(
    ("dimension", "value"),
    [
        (Float(0, 1), 1.1),
        (Float(0, 1), math.nan),
        (Float(0, 1), "0.5"),
        (Float(0, 1), True),
        (Float(0, 1), None),
        (Integer(0, 9), 10),
        (Integer(0, 9), 0.5),
        (Integer(0, 9), math.nan),
        (Categorical(["a"]), "b"),
        (Categorical([1]), True),
        (Ordinal([1, 2]), 3),
    ],
)
def test_values_outside_are_refused(dimension, value):
    with pytest.raises(ValueError, match="is not in"):
        dimension.coordinate(value)


def test_whole_floats_are_integers():
    assert Integer(1.0, 9.0).value(0.0) == 1
    assert type(Integer(1.0, 9.0).value(0.0)) is int
    assert Integer(0, 9).coordinate(3.0) == Integer(0, 9).coordinate(3)


@pytest.mark.parametrize(
    ("dimension", "problems"),
    [
        (Float(2, 1), ["low must not exceed high, got low=2, high=1"]),
        (Float("1", 2), ["low must be a number, got '1'"]),
        (Float(None, 2), ["low must be a number, got None"]),
        (Float(True, 2), ["low must be a number, got True"]),
        (Float(math.nan, 2), ["low must be finite, got nan"]),
        (Float(0, math.inf), ["high must be finite, got inf"]),
        (Float(0, 1, "log"), ["prior must be one of .* got 'log'"]),
        (Float(0, 1, None), ["prior must be one of .* got None"]),
        (Float(0, 1, "log-uniform"), ["must start above 0, got low=0"]),
        (Float(-1, 1, "log-uniform"), ["must start above 0, got low=-1"]),
        (Integer(0.5, 3), ["low must be a whole number, got 0.5; use Float"]),
        (Integer(0, 10**400), ["high must be finite"]),
        (Categorical([]), ["the list is empty"]),
        (Categorical("abc"), ["choices must be a list, got 'abc'"]),
        (Categorical(None), ["choices must be a list, got None"]),
        (Categorical({"a"}), ["choices must be a list, got {'a'}"]),
        (Categorical({"a": 1}), ["choices must be a list, got {'a': 1}"]),
        (Categorical(np.zeros((2, 2))), ["one-dimensional, got ndim=2"]),
        (Ordinal(np.array(1)), ["one-dimensional, got ndim=0"]),
        (Sequence([1], 1.5, "2"), ["min_length must be .* 1.5", "max_length .* '2'"]),
        (Sequence([1], True, 2), ["min_length must be a whole number, got True"]),
        (Sequence([1], -1, 2), ["min_length must not be negative, got -1"]),
        (
            Sequence([1], 3, 2),
            ["max_length must be at least min_length .* max_length=2"],
        ),
        (Sequence([1], 0, 0), ["max_length must be at least min_length and 1"]),
    ],
)
def test_problems_name_the_value(dimension, problems):
    found = list(dimension.problems())
    assert len(found) == len(problems)
    for sentence, pattern in zip(found, problems, strict=True):
        assert re.search(pattern, sentence), sentence


def test_all_problems_of_a_range_are_told():
    assert len(list(Float(math.inf, "x", "cubic").problems())) == 3


# -- Choices --------------------------------------------------------------------


def test_the_same_objects_come_back():
    objects = [
        (50, 50),
        np.array([1.0, 2.0]),
        {0: 1.0},
        np.log1p,
        lambda x: x,
        SVC(),
        SVC,
        None,
        float("nan"),
        [1, 2],
        ("a", np.zeros(2)),
    ]
    dimension = Categorical(objects)
    assert dimension.n_levels == len(objects)
    for thing, centre in zip(objects, dimension.levels(), strict=True):
        assert dimension.value(centre) is thing
        assert dimension.coordinate(thing) == centre


def test_equal_arrays_and_nan_are_found():
    dimension = Categorical([np.array([1.0, 2.0]), float("nan"), 3])
    assert dimension.coordinate(np.array([1.0, 2.0])) == dimension.levels()[0]
    assert dimension.coordinate(np.float64("nan")) == dimension.levels()[1]


def test_numpy_scalars_become_plain():
    for choices in (np.array([1, 2]), [np.float64(1), np.bool_(True)], np.array(["a"])):
        dimension = Categorical(choices)
        for centre in dimension.levels():
            assert type(dimension.value(centre)) in (int, float, bool, str)


def test_repeated_choices_count_once():
    assert Categorical(["a", "b", "a"]).n_levels == 2
    assert Ordinal([1, 1, 2]).n_levels == 2


def test_a_number_and_a_share_are_two_choices():
    dimension = Categorical([1, 1.0])
    assert [type(dimension.value(c)) for c in dimension.levels()] == [int, float]
    assert dimension.coordinate(1.0) == 0.75
    assert Categorical(["auto", 1]).coordinate(1.0) == 0.75


def test_a_hundred_thousand_choices():
    dimension = Categorical([f"c{i}" for i in range(100_000)])
    assert dimension.n_levels == 100_000
    assert dimension.value(dimension.coordinate("c77777")) == "c77777"


def test_numbers_are_ordered_by_size_and_tried_as_written():
    dimension = NumberList([10, 0.1, 1])
    assert [dimension.value(c) for c in dimension.levels()] == [0.1, 1, 10]
    order = dimension.levels()[dimension.grid_order()]
    assert [dimension.value(c) for c in order] == [10, 0.1, 1]


# -- What is alike ----------------------------------------------------------------


def test_alike():
    groups = [
        [Float(0, 1), Float(0.0, 1.0)],
        [Float(0.5, 1), Float(0.5, 1, "uniform")],
        [Float(0.5, 1, "log-uniform")],
        [Integer(0, 1)],
        [Categorical([0, 1]), Categorical((0, 1))],
        [Categorical([0.0, 1.0])],
        [Ordinal([0, 1])],
        [NumberList([0, 1])],
        [NumberList([1, 0])],
        [Sequence(Integer(1, 2), 1, 2), Sequence(Integer(1, 2), 1, 2)],
        [Sequence(Integer(1, 2), 1, 3)],
        [Sequence(Integer(1, 3), 1, 2)],
        [Distribution(stats.norm(0, 1)), Distribution(stats.norm(0, 1))],
        [Distribution(stats.norm(0, 2))],
        [Distribution(stats.randint(0, 4))],
        [Distribution(stats.rv_histogram(np.histogram([1, 2, 9], bins=4))())],
        [Distribution(stats.rv_histogram(np.histogram([1, 8, 9], bins=4))())],
    ]
    for i, group in enumerate(groups):
        for j, others in enumerate(groups):
            for one in group:
                for other in others:
                    assert one.same_as(other) == (i == j), (one, other)
