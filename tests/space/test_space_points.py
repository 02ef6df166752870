"""Tests of `Space`: points, configurations, enumeration."""

from __future__ import annotations

import copy
import math
import pickle
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.model_selection import ParameterGrid

from sktune import Categorical, Float, Integer, Ordinal, Sequence, Space
from sktune.exceptions import SpaceError

SPACES = {
    "floats": {"C": (1e-3, 1e3, "log-uniform"), "alpha": Float(-1, 1)},
    "mixed": {
        "C": stats.loguniform(1e-3, 1e3),
        "depth": (1, 12),
        "n": (10, 1000, "log-uniform"),
        "kernel": ["linear", "rbf", "poly"],
        "leaf": [1, 2, 5],
        "size": Ordinal(["small", "large"]),
        "draws": stats.randint(1, 9),
        "fixed": [3],
    },
    "conditional": {
        "kernel": ["linear", "rbf", "poly"],
        "gamma": Float(1e-4, 1, "log-uniform", when={"kernel": ["rbf", "poly"]}),
        "degree": Integer(2, 5, when={"kernel": "poly"}),
        "coef0": Float(0, 1, when={"degree": lambda degree: degree > 2}),
    },
    "union": [
        {"kernel": ["linear"], "C": (1e-3, 1e3, "log-uniform")},
        {"kernel": ["rbf"], "C": (1e-3, 1e3, "log-uniform"), "gamma": (1e-4, 1.0)},
    ],
    "sequence": {
        "layers": Sequence((16, 256, "log-uniform"), 0, 4),
        "rates": Sequence(Float(0, 1), 2, 2),
    },
}
UNITS = st.lists(st.floats(0.0, 1.0), min_size=12, max_size=12)


def unit(space, coordinates):
    return np.array(coordinates[: space.n_axes])


# -- Points -----------------------------------------------------------------------


@pytest.mark.parametrize("name", SPACES)
@given(coordinates=UNITS)
def test_points_and_configurations_correspond(name, coordinates):
    space = Space(SPACES[name])
    point = space.snap([unit(space, coordinates)])[0]
    params = space.from_unit(point)
    assert params == space.from_unit(unit(space, coordinates))
    assert list(params) == sorted(params)
    again = space.to_unit(params)
    np.testing.assert_allclose(again, point, rtol=1e-7, atol=1e-7)
    assert space.from_unit(again).keys() == params.keys()


@pytest.mark.parametrize("name", SPACES)
@given(coordinates=UNITS)
def test_snapped_points_stay_where_they_are(name, coordinates):
    space = Space(SPACES[name])
    point = space.snap([unit(space, coordinates)])
    active = ~np.isnan(point)
    again = space.snap(np.where(active, point, 0.123))
    np.testing.assert_array_equal(again, point)
    assert np.all((point[active] >= 0) & (point[active] <= 1))
    assert space.key(again[0]) == space.key(point[0])


@pytest.mark.parametrize("name", SPACES)
def test_points_are_snapped_alike_alone_and_together(name):
    space = Space(SPACES[name])
    units = np.random.default_rng(0).random((500, space.n_axes))
    together = space.snap(units)
    alone = np.concatenate([space.snap(row[np.newaxis]) for row in units])
    backwards = space.snap(np.asfortranarray(units[::-1]))[::-1]
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(together, backwards)
    assert len({space.key(p) for p in together} ^ {space.key(p) for p in alone}) == 0


def test_snap_leaves_its_argument_alone():
    space = Space(SPACES["conditional"])
    units = np.random.default_rng(0).random((10, space.n_axes))
    before = units.copy()
    space.snap(units)
    np.testing.assert_array_equal(units, before)
    assert space.snap(np.empty((0, space.n_axes))).shape == (0, space.n_axes)


def test_coordinates_beyond_the_cube_are_clipped():
    space = Space(SPACES["mixed"])
    low, high = space.snap([[-0.5] * space.n_axes, [1.5] * space.n_axes])
    np.testing.assert_array_equal(low, space.snap([[0.0] * space.n_axes])[0])
    np.testing.assert_array_equal(high, space.snap([[1.0] * space.n_axes])[0])


def test_the_layout_of_cells():
    space = Space({"a": [1, 2, 3, 4], "b": ["x", "y"], "c": (1, 5)})
    assert space.snap([[0.3, 0.6, 0.99]]).tolist() == [[0.375, 0.75, 0.9]]
    assert space.levels(2).tolist() == [0.1, 0.3, 0.5, 0.7, 0.9]


def test_the_axes_of_a_sequence():
    space = Space({"s": Sequence([1, 2], 1, 3), "a": (0.0, 1.0)})
    assert [a.label for a in space.axes] == ["a", "s.length", "s[0]", "s[1]", "s[2]"]
    point = space.snap([[0.5, 0.5, 0.9, 0.1, 0.1]])[0]
    assert np.isnan(point).tolist() == [False, False, False, False, True]
    assert space.from_unit(point)["s"] == (2, 1)
    np.testing.assert_array_equal(space.to_unit({"a": 0.5, "s": [2, 1]}), point)


@pytest.mark.parametrize("value", [(), (1, 1, 1, 1), (3,), 1, "ab", None])
def test_sequences_outside_are_refused(value):
    space = Space({"s": Sequence([1, 2], 1, 3)})
    with pytest.raises(SpaceError, match=r"'s': .* is not in"):
        space.to_unit({"s": value})


def test_values_are_plain_and_objects_the_same():
    choices = [np.zeros(2), {0: 1}, np.log1p]
    spec = {
        "a": np.arange(3),
        "b": stats.randint(1, 4),
        "c": stats.uniform(),
        "d": (np.float64(0), np.float64(1)),
        "e": choices,
        "f": Sequence(stats.randint(1, 4), 1, 2),
        "g": Integer(np.int64(1), np.int64(3)),
    }
    space = Space(spec)
    for point in space.sample(np.random.default_rng(0), 20):
        params = space.from_unit(point)
        assert [type(params[n]) for n in "abcdfg"] == [
            int,
            int,
            float,
            float,
            tuple,
            int,
        ]
        assert {type(item) for item in params["f"]} == {int}
        assert any(params["e"] is choice for choice in choices)


@pytest.mark.parametrize(
    ("params", "pattern"),
    [
        ({}, "'kernel' is missing"),
        ({"kernel": "rbf"}, "'gamma' is missing"),
        ({"kernel": "sigmoid"}, "'kernel': 'sigmoid' is not in"),
        ({"kernel": "rbf", "gamma": 2.0}, "'gamma': 2.0 is not in"),
        ({"kernel": "linear", "gamma": 0.5}, "'gamma' is not active"),
        ({"kernel": "linear", "C": 1}, "'C' is not a parameter of the space"),
    ],
)
def test_configurations_outside_are_refused(params, pattern):
    with pytest.raises(SpaceError, match=pattern):
        Space(SPACES["conditional"]).to_unit(params)


# -- Guesses ----------------------------------------------------------------------


def test_a_guess_keeps_what_lies_in_the_space():
    space = Space(SPACES["conditional"])
    current = {"kernel": "poly", "gamma": "scale", "degree": 3, "coef0": 0.0, "tol": 1}
    assert space.n_held(current) == 3
    params = space.from_unit(space.guess(current))
    assert params == {
        "kernel": "poly",
        "gamma": pytest.approx(0.01),
        "degree": 3,
        "coef0": 0.0,
    }


def test_what_is_required_of_a_guess_must_lie_in_the_space():
    space = Space(SPACES["conditional"])
    current = {"kernel": "linear"}
    for given_, pattern in [
        ({"gamma": 3.0}, "'gamma': 3.0 is not in"),
        ({"gamma": 0.5}, "'gamma' is not active beside these values"),
        ({"gama": 0.5}, "'gama' is not a parameter of the space"),
        ({3: 0.5}, "'3' is not a parameter of the space"),
    ]:
        with pytest.raises(SpaceError, match=pattern):
            space.guess({**current, **given_}, required=given_)


def test_a_guess_chooses_the_dict_that_holds_most():
    space = Space(SPACES["union"])
    assert "gamma" in space.from_unit(space.guess({"gamma": 0.5, "C": 1}))
    assert "gamma" not in space.from_unit(space.guess({"kernel": "linear"}))
    params = {"kernel": "linear", "gamma": 0.5}
    # The error is that of the dict that knows most of the names.
    with pytest.raises(SpaceError, match="'kernel': 'linear' is not in"):
        space.guess(params, required=params)


# -- Finite spaces ----------------------------------------------------------------


GRIDS = [
    {"b": [3, 1, 2], "a": ["x", "y"], "c": [True, False]},
    {"C": (10, 0.1, 1)},
    {"kernel": ["rbf"], "C": np.array([1.0, 10.0]), "f": [None, math.nan]},
    [{"a": [1, 2], "c": [5, 4]}, {"b": [3, 4], "c": [5, 4]}],
    [{"z": [1], "a": [1, 2]}, {}, {"z": [1], "b": [1, 2]}],
    [{"c": [5, 4], "a": [1]}, {"c": [4, 5], "b": [2, 1]}],
    {},
    [{"w": [(50,), (50, 50)]}, {"w": [{0: 1}, "balanced", None]}],
]


@pytest.mark.parametrize("grid", GRIDS)
def test_grids_are_tried_in_the_order_of_parameter_grid(grid):
    space = Space(grid, as_grid=True)
    found = [space.from_unit(point) for point in space.enumerate()]
    assert space.size == len(found) == len(ParameterGrid(grid))
    np.testing.assert_equal(found, list(ParameterGrid(grid)))


values = st.lists(st.integers(0, 20), min_size=1, max_size=4, unique=True)
grids = st.dictionaries(st.sampled_from("abcde"), values, min_size=1, max_size=4)


@given(st.lists(grids, min_size=1, max_size=3))
def test_unions_of_grids_are_tried_in_the_order_of_parameter_grid(grid):
    space = Space(grid)
    points = list(space.enumerate())
    assert [space.from_unit(point) for point in points] == list(ParameterGrid(grid))
    assert space.size == len(points)
    assert len({space.key(point) for point in points}) == len(points)
    np.testing.assert_array_equal(
        space.snap(np.nan_to_num(points, nan=0.5)), np.array(points)
    )


@pytest.mark.parametrize(
    ("spec", "size"),
    [
        ({"a": (1, 10)}, 10),
        ({"a": (1, 10), "b": ["x", "y"]}, 20),
        ({"a": (1.0, 10.0)}, None),
        ({"a": (1, 10), "b": (0.0, 1.0)}, None),
        ({"a": Float(2, 2)}, 1),
        ({"s": Sequence([1, 2, 3], 0, 3)}, 1 + 3 + 9 + 27),
        ({"s": Sequence((0.0, 1.0), 1, 2)}, None),
        ({"s": Sequence((1, 100), 50, 50)}, 100**50),
        ({"a": Integer(0, 10**30)}, 10**30 + 1),
        ({"a": [1, 1, 2]}, 2),
        ([{"a": [1, 2]}, {"b": (1, 5)}], 7),
    ],
)
def test_sizes(spec, size):
    assert Space(spec).size == size


# -- The same whatever the circumstances ----------------------------------------------


@pytest.mark.parametrize("name", SPACES)
def test_the_order_of_a_dict_plays_no_part(name):
    spec = SPACES[name]
    if isinstance(spec, dict):
        other = dict(reversed(spec.items()))
    else:
        other = [dict(reversed(part.items())) for part in spec]
    a, b = Space(spec), Space(other)
    assert [axis.label for axis in a.axes] == [axis.label for axis in b.axes]
    units = np.random.default_rng(0).random((50, a.n_axes))
    np.testing.assert_array_equal(a.snap(units), b.snap(units))
    for point in units:
        assert a.from_unit(point) == b.from_unit(point)


@pytest.mark.parametrize("name", [n for n in SPACES if n != "conditional"])  # a lambda
def test_spaces_survive_pickling(name):
    space = Space(SPACES[name])
    again = pickle.loads(pickle.dumps(space))
    units = np.random.default_rng(0).random((50, space.n_axes))
    np.testing.assert_array_equal(again.snap(units), space.snap(units))
    assert again.from_unit(units[0]) == space.from_unit(units[0])
    assert repr(again) == repr(space)


def test_conditions_survive_pickling():
    space = Space({"k": ["a", "b"], "x": Float(0, 1, when={"k": ["a"]})})
    again = pickle.loads(pickle.dumps(space))
    assert again.from_unit([0.1, 0.5]) == {"k": "a", "x": 0.5}
    assert copy.deepcopy(space).from_unit([0.9, 0.5]) == {"k": "b"}


def test_names_and_representation():
    space = Space({"b": [1, 2], "a": Float(0, 1, when={"b": 1})})
    assert space.names == ("a", "b")
    assert repr(space) == "Space({'b': [1, 2], 'a': Float(0, 1)})"


def test_snapping_takes_no_python_call_a_point():
    space = Space({**SPACES["mixed"], **SPACES["conditional"]})
    units = np.random.default_rng(0).random((2048, space.n_axes))
    space.snap(units)  # what is kept for the next time

    def n_calls(n):
        n_seen = 0

        def count(frame, event, arg):
            nonlocal n_seen
            n_seen += event == "call"

        before = sys.getprofile()
        sys.setprofile(count)
        try:
            space.snap(units[:n])
        finally:
            sys.setprofile(before)
        return n_seen

    assert 0 < n_calls(16) == n_calls(2048)


def test_a_hundred_thousand_categories():
    choices = [f"c{i}" for i in range(100_000)]
    space = Space({"a": choices, "x": Float(0, 1, when={"a": choices[:3]})})
    assert space.from_unit([0.0, 0.5]) == {"a": "c0", "x": 0.5}
    assert space.from_unit([1.0, 0.5]) == {"a": "c99999"}
    assert Space({"a": Categorical(choices)}).size == 100_000


@pytest.mark.parametrize(
    "spec",
    [
        (1e-4, 1e4, "log-uniform"),
        (0.0, 100.0),
        (-7.3, 123.4),
        stats.loguniform(1e-4, 1e4),
        stats.uniform(0, 100),
    ],
)
@pytest.mark.parametrize("value", [1e-3, 0.01, 0.1, 0.3, 1.0, 1 / 3, 5.0, 10.0, 99.99])
def test_short_numbers_come_back_to_the_last_digit(spec, value):
    space = Space({"x": spec})
    again = space.from_unit(space.to_unit({"x": value}))["x"]
    assert again == (value if value != 1 / 3 else pytest.approx(value, rel=1e-14))


def test_all_values_of_a_narrow_range_are_met():
    space = Space({"x": (1.0, 1.0 + 1e-12)})
    values = {space.from_unit([u])["x"] for u in np.linspace(0, 1, 500)}
    assert len(values) > 490
