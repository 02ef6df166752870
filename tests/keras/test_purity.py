"""When a function is known to do again what it did."""

from __future__ import annotations

import functools
import math
import random

import pytest

pytest.importorskip("keras")

from sktune.keras._purity import state_of

NUMBER, TABLE, TOOLS = 1, [1, 2], {"a": 1}


def by_number():
    return NUMBER


def by_table():
    return [part * 2 for part in TABLE]


def by_helper(n=3):
    return math.sqrt(by_number() * n)


def nested():
    def inner():
        return NUMBER

    return inner()


def endless():
    return endless()


@pytest.mark.parametrize("function", [by_number, by_helper, nested])
def test_a_variable_that_is_read_counts(function, monkeypatch):
    before = state_of(function)
    assert before is not None
    assert state_of(function) == before
    monkeypatch.setitem(globals(), "NUMBER", 2)
    assert state_of(function) != before


def test_lists_count_by_what_is_in_them():
    before = state_of(by_table)
    TABLE.append(3)
    assert state_of(by_table) != before is not None


def test_closures_and_defaults_count():
    def made(width):
        return lambda depth=width: depth * width

    assert state_of(made(1)) != state_of(made(2))
    assert state_of(endless) is not None


@pytest.mark.parametrize(
    "function",
    [
        lambda: random.random(),
        lambda: TOOLS["a"],
        lambda: open("file"),  # noqa: SIM115
        functools.partial(by_number),
        object(),
    ],
)
def test_what_may_change_without_a_trace_has_no_state(function):
    assert state_of(function) is None


def test_an_import_inside_counts():
    def imports():
        import os

        return os.environ

    def computes():
        import numpy as np

        return np.pi

    assert state_of(imports) is None
    assert state_of(computes) is not None
