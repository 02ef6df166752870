"""Tests of ``when`` and of unions."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sktune import Categorical, Float, Integer, Ordinal, Sequence, Space
from sktune.exceptions import SpaceError


def configurations(spec):
    space = Space(spec)
    return [space.from_unit(point) for point in space.enumerate()]


def draws(spec, n=300):
    space = Space(spec)
    return [space.from_unit(p) for p in space.sample(np.random.default_rng(0), n)]


def square(value):
    return value * value


def cube(value):
    return value**3


def is_large(value):
    return value > 0.5


# -- One parent -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("parent", "when", "active"),
    [
        (["a", "b", "c"], "b", ["b"]),
        (["a", "b", "c"], ["a", "c"], ["a", "c"]),
        (["a", "b", "c"], lambda v: v != "a", ["b", "c"]),
        ([1, 2, 3], 2, [2]),
        ([1, 2, 3], [1, 3], [1, 3]),
        ([1, 2, 3], lambda v: v >= 2, [2, 3]),
        ((1, 4), lambda v: v >= 3, [3, 4]),
        ((1, 4, "log-uniform"), [2, 4], [2, 4]),
        ([True, False], True, [True]),
        ([None, 1], None, [None]),
        ([None, "x"], lambda v: v is None, [None]),
        ([(50,), (50, 50)], (50,), [(50,)]),
        ([(50,), (50, 50)], lambda v: len(v) == 2, [(50, 50)]),
        ([square, cube], square, [square]),
        ([None, square, cube], [square, None], [None, square]),
        ([square, cube], lambda v: v(2) == 8, [cube]),
        (Ordinal(["low", "high"]), "high", ["high"]),
        (Categorical([1, 2.0]), 1.0, [1]),  # as from a data frame
    ],
)
def test_active_where_the_parent_has_the_value(parent, when, active):
    spec = {"p": parent, "child": Categorical(["x", "y"], when={"p": when})}
    found = configurations(spec)
    assert [c["p"] for c in found if "child" in c] == [v for v in active for _ in "xy"]
    everything = configurations({"p": parent})
    assert len(found) == len(everything) + len(active)
    assert Space(spec).size == len(found)


def test_a_choice_that_is_a_function_is_not_called():
    spec = {"f": [None, np.log1p], "x": Float(0, 1, when={"f": np.log1p})}
    for params in draws(spec):
        assert ("x" in params) == (params["f"] is np.log1p)


def test_nan_as_the_value_of_the_parent():
    spec = {
        "missing": [float("nan"), -1],
        "x": Float(0, 1, when={"missing": float("nan")}),
    }
    for params in draws(spec, 50):
        assert ("x" in params) == (params["missing"] != -1)


def test_a_function_of_a_continuous_parent():
    spec = {"p": Float(0, 1), "x": Float(0, 1, when={"p": is_large})}
    found = draws(spec)
    assert 100 < sum("x" in params for params in found) < 200
    for params in found:
        assert ("x" in params) == (params["p"] > 0.5)
    again = pickle.loads(pickle.dumps(Space(spec)))
    assert again.from_unit([0.1, 0.5]) == {"p": 0.1}


def test_a_parent_with_very_many_values():
    spec = {"p": Integer(0, 10**9), "x": [1, 2], "y": Ordinal([1], when={"p": [0]})}
    space = Space(spec)
    assert space.size is None
    assert "y" in space.from_unit([0.0, 0.5, 0.5])
    assert "y" not in space.from_unit([0.5, 0.5, 0.5])
    spec["y"] = Ordinal([1], when={"p": lambda p: p > 5 * 10**8})
    assert "y" in Space(spec).from_unit([0.9, 0.5, 0.5])


# -- Several parents, chains --------------------------------------------------------


def test_all_conditions_must_hold():
    spec = {
        "a": [1, 2],
        "b": ["x", "y", "z"],
        "c": Integer(1, 5, when={"a": 2, "b": ["x", "z"]}),
    }
    for params in configurations(spec):
        assert ("c" in params) == (params["a"] == 2 and params["b"] != "y")
    assert Space(spec).size == 4 + 2 * 5


def test_a_chain_of_conditions():
    spec = {
        "z": ["on", "off"],
        "m": Categorical(["on", "off"], when={"z": "on"}),
        "a": Integer(1, 3, when={"m": "on"}),
    }
    space = Space(spec)
    assert [axis.label for axis in space.axes] == ["z", "m", "a"]
    found = configurations(spec)
    assert found == [
        {"z": "on", "m": "on", "a": 1},
        {"z": "on", "m": "on", "a": 2},
        {"z": "on", "m": "on", "a": 3},
        {"z": "on", "m": "off"},
        {"z": "off"},
    ]
    assert space.size == 5


def test_a_conditional_sequence():
    spec = {
        "p": ["a", "b"],
        "layers": Sequence([8, 16], 0, 2, when={"p": "b"}),
    }
    assert [c.get("layers") for c in configurations(spec)] == [
        None,
        (),
        *[(i,) for i in (8, 16)],
        *itertools.product((8, 16), repeat=2),
    ]
    assert Space(spec).size == 8


# -- Malformed ------------------------------------------------------------------


MALFORMED = [
    ({"x": Float(0, 1, when=3)}, "'x': when must be a dict, got 3"),
    ({"x": Float(0, 1, when=["a"])}, "'x': when must be a dict, got .'a'."),
    (
        {"kernel": ["a"], "x": Float(0, 1, when={"kernal": "a"})},
        "'x': when: 'kernal' is not in the space; did you mean 'kernel'",
    ),
    ({"x": Float(0, 1, when={1: "a"})}, "'x': when: 1 is not in the space"),
    ({"x": Float(0, 1, when={"x": 1})}, "must not form a circle, got 'x' <- 'x'"),
    (
        {
            "x": Float(0, 1, when={"y": is_large}),
            "y": Float(0, 1, when={"x": is_large}),
        },
        "must not form a circle",
    ),
    (
        {"k": ["a", "b"], "x": Float(0, 1, when={"k": "c"})},
        "'x': when: k='c' never occurs",
    ),
    (
        {"k": ["a", "b"], "x": Float(0, 1, when={"k": ["a", "c"]})},
        "'x': when: k='c' never occurs",
    ),
    (
        {"k": ["a", "b"], "x": Float(0, 1, when={"k": ("a", "b")})},
        "for several values write a list",
    ),
    (
        {"k": ["a", "b"], "x": Float(0, 1, when={"k": {"a"}})},
        "for several values write a list",
    ),
    (
        {"k": ["a", "b"], "x": Float(0, 1, when={"k": []})},
        "the list of values of 'k' is empty",
    ),
    (
        {"n": (1, 3), "x": Float(0, 1, when={"n": lambda n: n > 3})},
        "the function of 'n' holds for none of",
    ),
    (
        {"n": [None, 1], "x": Float(0, 1, when={"n": lambda n: n > 0})},
        "the function of 'n' raised TypeError: .* for the value None",
    ),
    (
        {"p": (0.0, 1.0), "x": Float(0, 1, when={"p": 0.5})},
        "p=0.5 hardly ever occurs .* give a function",
    ),
    (
        {"s": Sequence([1], 1, 2), "x": Float(0, 1, when={"s": (1,)})},
        "'s' is a Sequence, on which no condition can depend",
    ),
]


@pytest.mark.parametrize(("spec", "pattern"), MALFORMED)
def test_malformed_conditions(spec, pattern):
    with pytest.raises(SpaceError, match=pattern):
        Space(spec)


def test_a_malformed_parent_is_told_once():
    spec = {"k": [], "n": (2, 1), "x": Float(0, 1, when={"k": 1, "n": 1})}
    problems = Space.problems_of(spec)
    assert [p.partition(":")[0] for p in problems] == ["'k'", "'n'"]


# -- Unions ---------------------------------------------------------------------


def test_a_parameter_alike_in_several_dicts_is_one_axis():
    C = (0.1, 10.0, "log-uniform")
    space = Space([{"C": C, "k": ["a"]}, {"C": C, "k": ["b"], "g": (1, 2)}, {"h": [1]}])
    labels = [axis.label for axis in space.axes]
    assert labels == ["<sub-space>", "C", "k", "g", "k", "h"]
    assert space.axes[0].is_categorical
    for branch, names in enumerate([{"C", "k"}, {"C", "g", "k"}, {"h"}]):
        unit = np.full(space.n_axes, 0.5)
        unit[0] = space.levels(0)[branch]
        assert set(space.from_unit(unit)) == names


def test_conditions_stay_within_their_dict():
    spec = [
        {"k": ["a", "b"], "x": Integer(1, 2, when={"k": "a"})},
        {"k": ["a", "b"], "x": Integer(1, 2, when={"k": "b"})},
    ]
    found = configurations(spec)
    assert found == [
        {"k": "a", "x": 1},
        {"k": "a", "x": 2},
        {"k": "b"},
        {"k": "a"},
        {"k": "b", "x": 1},
        {"k": "b", "x": 2},
    ]
    assert Space(spec).size == 6


def test_to_unit_finds_the_right_dict():
    for spec in [
        [{"a": [1, 2]}, {"a": [1, 2], "b": [3]}],
        [{"a": [1, 2], "b": [3]}, {"a": [1, 2]}],
    ]:
        space = Space(spec)
        for params in ({"a": 1}, {"a": 2, "b": 3}):
            assert space.from_unit(space.to_unit(params)) == params


# -- Many at random ---------------------------------------------------------------

LEVELS = ("a", "b", "c")


@st.composite
def conditional_specs(draw):
    """Up to five discrete parameters, each of which may wait for earlier ones."""
    names = draw(st.permutations("pqrst"))[: draw(st.integers(1, 5))]
    spec = {}
    for i, name in enumerate(names):
        parents = draw(
            st.lists(st.sampled_from(names[:i] or [""]), max_size=2, unique=True)
        )
        when = {
            parent: draw(st.lists(st.sampled_from(LEVELS), min_size=1, unique=True))
            for parent in parents
            if parent
        }
        spec[name] = Categorical(LEVELS, when=when or None)
    return spec


def by_hand(spec):
    """All configurations, from the definition."""
    found = set()
    for values in itertools.product(LEVELS, repeat=len(spec)):
        params = dict(zip(spec, values, strict=True))
        changed = True
        while changed:
            idle = [
                name
                for name in params
                if any(
                    params.get(p) not in ok for p, ok in (spec[name].when or {}).items()
                )
            ]
            changed = bool(idle)
            for name in idle:
                del params[name]
        found.add(frozenset(params.items()))
    return found


@given(conditional_specs())
def test_configurations_are_those_of_the_definition(spec):
    space = Space(spec)
    found = [frozenset(space.from_unit(p).items()) for p in space.enumerate()]
    assert len(found) == len(set(found)) == space.size
    assert set(found) == by_hand(spec)
    for params in found:
        assert frozenset(space.from_unit(space.to_unit(dict(params))).items()) == params
    for point in space.sample(np.random.default_rng(0), 20):
        assert frozenset(space.from_unit(point).items()) in set(found)
    keys = {space.key(point) for point in space.enumerate()}
    assert {space.key(p) for p in space.sample(np.random.default_rng(1), 50)} <= keys
