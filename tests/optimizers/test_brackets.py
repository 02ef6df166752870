"""Brackets, against the paper's table and by hand."""

from __future__ import annotations

import pytest

from sktune.optimizers import make_brackets, n_units
from sktune.optimizers._brackets import schedule


def table(*args, **options):
    brackets = make_brackets(*args, **options)
    return [[(r.n_candidates, r.budget) for r in b.rungs] for b in brackets]


def test_the_table_of_the_paper():
    assert table(81) == [
        [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
        [(34, 3), (11, 9), (3, 27), (1, 81)],
        [(15, 9), (5, 27), (1, 81)],
        [(8, 27), (2, 81)],
        [(5, 81)],
    ]


def test_units_of_the_paper():
    brackets = make_brackets(81)
    assert n_units(brackets, continues=True) == 1581
    assert n_units(brackets, continues=False) == 1902


@pytest.mark.parametrize(
    ("max_resource", "factor", "first"),
    [
        (243, 3, [1, 3, 9, 27, 81, 243]),
        (729, 3, [1, 3, 9, 27, 81, 243, 729]),
        (1000, 10, [1, 10, 100, 1000]),
        (125, 5, [1, 5, 25, 125]),
        (3**13, 3, [3**i for i in range(14)]),
        (2**29, 2, [2**i for i in range(30)]),
    ],
)
def test_powers_lose_no_bracket(max_resource, factor, first):
    rows = table(max_resource, factor=factor)
    assert [rungs[0][1] for rungs in rows] == first
    assert all(rungs[-1][1] == max_resource for rungs in rows)


def test_a_largest_budget_that_is_no_power():
    assert [budget for _, budget in table(100)[0]] == [1, 3, 11, 33, 100]
    assert [budget for _, budget in table(100, 5)[0]] == [11, 33, 100]


def test_fewer_brackets_begin_with_the_one_of_most_candidates():
    assert table(81, n_brackets=2) == table(81)[:2]
    assert len(table(9, n_brackets=99)) == 3


def test_a_single_budget():
    assert table(5, 5) == [[(1, 5)]]
    assert table(5, 3) == [[(1, 5)]]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (8, [[(8, 9), (3, 27), (1, 81)]]),
        (1, [[(1, 81)]]),
        (82, [table(81)[0], [(1, 81)]]),
    ],
)
def test_a_small_space_still_reaches_the_largest_budget(size, expected):
    assert table(81, n_configurations=size) == expected


@pytest.mark.parametrize("n_abreast", [1, 2, 8, 100])
@pytest.mark.parametrize("max_resource", [1, 9, 81, 100])
def test_the_schedule_holds_every_place_once_and_in_order(n_abreast, max_resource):
    brackets = make_brackets(max_resource)
    slots = schedule(brackets, n_abreast)
    assert [s.start for s in slots] == sorted(s.start for s in slots)
    assert len({(s.bracket, s.rung, s.place) for s in slots}) == len(slots)
    assert len(slots) == sum(r.n_candidates for b in brackets for r in b.rungs)
    assert sum(s.end - s.start for s in slots) == n_units(brackets, continues=True)
    ends = {}
    for slot in slots:
        ends.setdefault((slot.bracket, slot.rung), []).append(slot.end)
    for slot in slots:
        if slot.rung:
            assert slot.start >= max(ends[slot.bracket, slot.rung - 1])
        abreast = sum(s.start <= slot.start < s.end for s in slots)
        assert abreast <= n_abreast


def test_the_schedule_keeps_its_workers_busy():
    slots = schedule(make_brackets(81), 8)
    assert 1581 / (8 * max(slot.end for slot in slots)) > 0.9
