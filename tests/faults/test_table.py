"""The table of faults is the one in the documentation, and names tests that exist."""

from __future__ import annotations

import re

import pytest

from .table import PAGE, SCENARIOS, named_tests, to_rst


def test_the_documentation_has_this_table():
    assert PAGE.read_text() == to_rst(), "run python -m tests.faults.table --write"


def test_every_scenario_is_there_once():
    assert [scenario.number for scenario in SCENARIOS] == list(range(1, 57))


@pytest.mark.parametrize(
    ("file", "name"), named_tests(), ids=lambda part: getattr(part, "name", part)
)
def test_a_named_test_exists(file, name):
    if not file.exists():
        pytest.skip("of the journal, which is not built yet")
    assert re.search(rf"^def {name}\(", file.read_text(), re.MULTILINE)
