"""Tests of `sktune.space._values`."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.svm import SVC

from sktune.space._values import (
    is_identical,
    is_nan,
    is_number,
    plain,
    same_value,
    shown,
    without_repeats,
)


class Odd:
    """A choice with unusual manners."""

    __hash__ = None

    def __eq__(self, other):
        raise RuntimeError("no comparison")

    def __repr__(self):
        raise RuntimeError("no representation")


@pytest.mark.parametrize("value", [1, 1.5, np.int64(3), np.float32(0.5), math.inf])
def test_numbers(value):
    assert is_number(value)


@pytest.mark.parametrize("value", [True, np.bool_(False), "1", None, 1j, [1]])
def test_not_numbers(value):
    assert not is_number(value)


def test_nan():
    assert is_nan(math.nan)
    assert is_nan(np.float32("nan"))
    assert not is_nan(0.0)
    assert not is_nan("nan")
    assert not is_nan(None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.longdouble(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.bytes_(b"a"), b"a"),
    ],
)
def test_numpy_scalars_become_plain(value, expected):
    assert plain(value) == expected
    assert type(plain(value)) is type(expected)


@pytest.mark.parametrize(
    "value", [np.datetime64("2020-01-01", "ns"), np.array([1]), (np.int64(1),), SVC()]
)
def test_all_else_stays_the_same_object(value):
    assert plain(value) is value


@pytest.mark.parametrize(
    ("a", "b", "equal", "identical"),
    [
        (1, 1, True, True),
        (1, 1.0, True, False),
        (1, True, False, False),
        (np.bool_(True), True, True, False),
        (0.0, -0.0, True, True),
        (math.nan, float("nan"), True, True),
        (math.nan, np.float64("nan"), True, False),
        (None, None, True, True),
        ("a", "a", True, True),
        ((1, 2), (1, 2), True, True),
        ((1,), (1.0,), True, False),
        ([(True,)], [(1,)], True, False),
        ({"a": 1}, {"a": 1}, True, True),
        ({"a": 1}, {"a": 1.0}, True, False),
        ({"a": 1}, {"b": 1}, False, False),
        (np.array([1, 2]), np.array([1, 2]), True, True),
        (np.array([1, 2]), np.array([1.0, 2.0]), True, False),
        (np.array([1, 2]), [1, 2], False, False),
        ((np.array([1, 2]),), (np.array([1, 2]),), False, True),
        (SVC(), SVC(), False, False),
        (Odd(), Odd(), False, False),
        (Odd(), 1, False, False),
    ],
)
def test_equal_and_identical(a, b, equal, identical):
    assert same_value(a, b) is equal
    assert same_value(b, a) is equal
    assert is_identical(a, b) is identical
    assert is_identical(b, a) is identical


def test_repeats_are_dropped_in_order():
    nan, array, odd, svc = float("nan"), np.array([1]), Odd(), SVC()
    values = [3, 1, 3, 1.0, True, nan, float("nan"), None, None, [1], [1], (1,), (1.0,)]
    values += [array, np.array([1]), odd, odd, svc, svc, SVC()]
    kept = without_repeats(values)
    assert [type(v).__name__ for v in kept] == (
        "int int float bool float NoneType list tuple tuple ndarray Odd SVC SVC".split()
    )
    assert kept[9] is array
    assert kept[10] is odd
    assert kept[11] is svc


def test_many_values_are_compared_quickly():
    values = [(i,) for i in range(100_000)]
    assert without_repeats(values + values) == values


def test_shown_is_short_and_on_one_line():
    assert shown("a") == "'a'"
    assert len(shown(list(range(10_000)))) <= 120
    assert "\n" not in shown(np.zeros((5, 5)))
    assert shown(Odd()).startswith("<")
