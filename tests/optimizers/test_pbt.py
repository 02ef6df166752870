"""Who copies whom, when, and what copies get for hyperparameters."""

from __future__ import annotations

import random

import numpy as np
import pytest
from scipy import stats

from sktune._protocol import Outcome, Status
from sktune.optimizers import Call, Gain, PBTOptimizer, Perturb, make_population
from sktune.optimizers._explore import Situation
from sktune.optimizers._population import Segment
from sktune.space import Categorical, Float, Integer, Ordinal, Sequence, Space

SPACE = Space({"a": Float(0.0, 1.0), "b": Float(1e-4, 1e0, "log-uniform")})


def make(size=8, total=20, intervals=(4,), *, space=SPACE, seed=0, **options):
    explorer = options.pop("explorer", Perturb(space))
    parts = make_population(size, total, intervals)
    rng = np.random.default_rng(seed)
    return PBTOptimizer(space, parts, rng=rng, explorer=explorer, **options)


def by_a(suggestion):
    return suggestion.params["a"] * suggestion.budget


def run(optimizer, n_workers=1, seed=0, score=by_a):
    """Work it off with so many workers that finish in a random order."""
    rng = random.Random(seed)
    running, done, released = [], [], []
    while True:
        while len(running) < n_workers and (suggestion := optimizer.ask()) is not None:
            assert suggestion.parent not in released
            running.append(suggestion)
        if not running:
            assert len(released) == len(set(released))
            return done
        suggestion = running.pop(rng.randrange(len(running)))
        value = score(suggestion)
        status = Status.FAILED if value is None else Status.OK
        optimizer.tell(Outcome(suggestion.trial, status, value))
        done.append(suggestion)
        gone = optimizer.released()
        # nobody under way goes on from what is gone
        assert not {s.parent for s in running} & set(gone)
        released += gone


def rows(done):
    return sorted((s.trial, s.parent or -1, s.origin, str(s.params)) for s in done)


EXPLORERS = {
    "perturb": lambda: Perturb(SPACE),
    "bayes": lambda: Gain(SPACE, perturb=Perturb(SPACE)),
}


@pytest.mark.parametrize("explore", EXPLORERS)
@pytest.mark.parametrize("exploit", ["truncation", "tournament"])
@pytest.mark.parametrize("intervals", [(4,), (2, 5, 10)])
def test_proposals_depend_on_no_clock(explore, exploit, intervals):
    def proposals(n_workers, seed):
        optimizer = make(
            intervals=intervals, exploit=exploit, explorer=EXPLORERS[explore]()
        )
        return rows(run(optimizer, n_workers, seed))

    alone = proposals(1, 0)
    assert any(row[2] in ("perturbed", "model") for row in alone)
    for seed in range(4):
        assert proposals(3 + seed, seed) == alone


def test_every_member_is_trained_to_the_end():
    done = run(make(total=18, intervals=(4,)))
    assert len(done) == 8 * 5
    assert [s.budget for s in done][-1] == 18
    assert all(s.is_last == (s.budget == 18) for s in done)


def test_a_clone_is_of_the_moment_before():
    optimizer = make(exploit="tournament")
    for suggestion in run(optimizer):
        segment = optimizer.segments[suggestion.trial]
        if segment.parent is not None:
            parent = optimizer.segments[segment.parent]
            assert parent.end == segment.start


def test_the_last_copy_the_first():
    optimizer = make(8, total=8)
    run(optimizer)
    first = sorted(optimizer.segments[:8], key=lambda s: s.score)
    worst = {s.member for s in first[:2]}
    best = {s.member for s in first[-2:]}
    for segment in optimizer.segments[8:]:
        donor = optimizer.segments[segment.parent].member
        if segment.member in worst:
            assert donor in best
            assert segment.origin == "perturbed"
        else:
            assert donor == segment.member
            assert segment.origin == "kept"


def test_a_slow_member_delays_only_those_that_need_it():
    optimizer = make(8, total=8)
    first = [optimizer.ask() for _ in range(8)]
    assert optimizer.ask() is None
    order = sorted(first, key=by_a)
    slow = order[5]
    for suggestion in first:
        if suggestion is not slow:
            optimizer.tell(Outcome(suggestion.trial, Status.OK, by_a(suggestion)))
    going = []
    while (suggestion := optimizer.ask()) is not None:
        going.append(suggestion)
    # The two last wait for a donor; the other five are safe whatever comes.
    assert len(going) == 5
    assert all(s.origin == "kept" for s in going)
    optimizer.tell(Outcome(slow.trial, Status.OK, by_a(slow)))
    assert sum(optimizer.ask() is not None for _ in range(4)) == 3


def test_others_learn_from_slower_parts_and_not_these_from_them():
    optimizer = make(9, total=20, intervals=(2, 4, 10), exploit="tournament")
    run(optimizer, score=lambda s: -s.params["a"])
    crossings = set()
    for segment in optimizer.segments:
        if segment.parent is not None:
            donor = optimizer.segments[segment.parent]
            crossings.add((donor.part, segment.part))
    assert all(donor >= taker for donor, taker in crossings)
    assert any(donor > taker for donor, taker in crossings)


def test_failures_are_replaced():
    optimizer = make(6, total=12)
    done = run(optimizer, score=lambda s: None if s.trial in (0, 3) else by_a(s))
    assert len(done) == 18
    for member in (0, 3):
        segment = next(
            s for s in optimizer.segments if s.member == member and s.generation == 1
        )
        assert optimizer.segments[segment.parent].score is not None
        assert segment.origin == "perturbed"


@pytest.mark.parametrize("exploit", ["truncation", "tournament"])
def test_when_all_fail_it_ends(exploit):
    optimizer = make(4, total=12, exploit=exploit)
    assert len(run(optimizer, score=lambda s: None)) == 4
    optimizer = make(4, total=12, exploit=exploit, keeps_last=True)
    done = run(optimizer, score=lambda s: by_a(s) if s.rung == 0 else None)
    assert len(done) == 8
    # what is best when it ends is still there
    assert {s.trial for s in optimizer._held} == {0, 1, 2, 3}


def test_a_part_whose_members_all_failed_learns_from_a_slower_one():
    optimizer = make(4, total=12, intervals=(3, 6))
    run(optimizer, score=lambda s: None if s.bracket == 0 and s.rung == 0 else 1.0)
    revived = [s for s in optimizer.segments if s.part == 0 and s.start == 6]
    assert [optimizer.segments[s.parent].part for s in revived] == [1, 1]


def test_a_single_member_goes_its_way():
    optimizer = make(1, total=8)
    done = run(optimizer)
    assert [s.origin for s in done] == ["design", "kept"]


def test_what_has_changed_is_told():
    space = Space({"a": Float(0.0, 1.0), "kind": [object(), None, (1, 2)]})
    optimizer = make(space=space, explorer=Perturb(space), exploit="tournament")
    done = {s.trial: s for s in run(optimizer)}
    for suggestion in done.values():
        if suggestion.parent is None:
            assert suggestion.changed == ()
            continue
        before = done[suggestion.parent].params
        now = suggestion.params
        differ = [n for n in sorted(now) if now[n] is not before[n]]
        assert [n for n in differ if now[n] != before[n]] == list(suggestion.changed)


def test_initial_points_come_first_and_are_shared_out():
    given = [SPACE.to_unit({"a": a, "b": 0.1}) for a in (0.1, 0.2, 0.3)]
    optimizer = make(6, intervals=(4, 10), initial=given)
    first = [optimizer.ask() for _ in range(6)]
    chosen = {s.trial: s.params["a"] for s in first if s.origin == "initial"}
    assert sorted(chosen.values()) == [0.1, 0.2, 0.3]
    assert {s.bracket for s in first if s.origin == "initial"} == {0, 1}


def test_telling_twice_is_an_error():
    optimizer = make()
    suggestion = optimizer.ask()
    optimizer.tell(Outcome(suggestion.trial, Status.OK, 1.0))
    with pytest.raises(ValueError, match="not pending"):
        optimizer.tell(Outcome(suggestion.trial, Status.OK, 1.0))


# -- Perturbation ----------------------------------------------------------------


def moved(space, params, n=400, **options):
    explorer = Perturb(space, resample=0.0, **options)
    point = space.to_unit(params)
    rng = np.random.default_rng(0)
    return [space.from_unit(explorer.perturbed(point, rng)) for _ in range(n)]


@pytest.mark.parametrize(
    "dimension", [Float(1e-5, 1e3, "log-uniform"), stats.loguniform(1e-5, 1e3)]
)
def test_a_log_scale_is_multiplied(dimension):
    values = {p["x"] for p in moved(Space({"x": dimension}), {"x": 0.01})}
    assert sorted(values) == pytest.approx([0.008, 0.012])


def test_a_linear_scale_is_shifted_by_its_width():
    values = {round(p["x"], 9) for p in moved(Space({"x": (100.0, 110.0)}), {"x": 105})}
    assert values == {104.0, 106.0}
    values = {p["x"] for p in moved(Space({"x": (0.0, 0.5)}), {"x": 0.0})}
    assert values == {0.0, 0.05}


def test_numbers_are_clipped():
    space = Space({"x": Float(1e-3, 1e0, "log-uniform"), "n": Integer(1, 9)})
    values = moved(space, {"x": 1.0, "n": 9})
    assert {p["x"] for p in values} == {0.8, 1.0}
    assert {p["n"] for p in values} == {8, 9}


def test_whole_numbers_are_rounded_at_random():
    # int(1 * 0.8) is 0, and int(1 * 1.2) is 1 for ever
    space = Space({"n": Integer(1, 1000, "log-uniform")})
    values = np.array([p["n"] for p in moved(space, {"n": 4}, n=4000)])
    assert set(values) == {3, 4, 5}
    low, high = values[values < 4], values[values > 4]
    # 3.2 and 4.8: the means of the draws are these numbers
    assert len(low) / 2000 == pytest.approx(0.8, abs=0.05)
    assert len(high) / 2000 == pytest.approx(0.8, abs=0.05)
    assert {p["n"] for p in moved(space, {"n": 1})} == {1, 2}


def test_lists_move_to_the_next():
    space = Space({"n": [16, 32, 64, 128], "size": Ordinal(["s", "m", "l"])})
    values = moved(space, {"n": 64, "size": "s"})
    assert {p["n"] for p in values} == {32, 128}
    assert {p["size"] for p in values} == {"s", "m"}


def test_choices_without_an_order_stay_or_are_drawn():
    space = Space({"kind": Categorical(["a", "b", "c"])})
    assert {p["kind"] for p in moved(space, {"kind": "b"})} == {"b"}
    explorer = Perturb(space, resample=1.0)
    rng = np.random.default_rng(0)
    drawn = [explorer.perturbed(space.to_unit({"kind": "b"}), rng) for _ in range(40)]
    assert {space.from_unit(p)["kind"] for p in drawn} == {"a", "b", "c"}


def test_fixed_axes_keep_the_donors_values():
    space = Space(
        {
            "layers": Integer(1, 3),
            "width": Integer(8, 64, when={"layers": [2, 3]}),
            "rate": Float(0.0, 1.0),
            "sizes": Sequence((1, 9), 1, 3),
        }
    )
    fixed = space.axes_of(["width", "sizes"])
    labels = [space.axes[j].label for j in fixed]
    assert "layers" in labels
    assert "sizes[2]" in labels
    assert "rate" not in labels
    explorer = Perturb(space, fixed, resample=1.0)
    rng = np.random.default_rng(0)
    for point in space.sample(rng, 20):
        before = space.from_unit(point)
        after = space.from_unit(explorer.perturbed(point, rng))
        for name in ("layers", "width", "sizes"):
            assert before.get(name) == after.get(name)
        assert before["rate"] != after["rate"]


def test_a_parameter_that_becomes_active_is_drawn():
    space = Space({"kind": ["a", "b"], "x": Float(0.0, 1.0, when={"kind": ["b"]})})
    explorer = Perturb(space, resample=1.0)
    rng = np.random.default_rng(0)
    start = space.to_unit({"kind": "a"})
    found = [space.from_unit(explorer.perturbed(start, rng)) for _ in range(40)]
    active = [p["x"] for p in found if p["kind"] == "b"]
    assert len(set(active)) == len(active) > 5


def test_a_function_gets_parameters_and_fixed_ones_stay():
    explorer = Call(
        SPACE, SPACE.axes_of(["b"]), function=lambda p, rng: {"a": 1, "b": 1}
    )
    donor = Segment(0, 0, 0, 0, 0, 4, point=SPACE.to_unit({"a": 0.2, "b": 0.01}))
    point, _ = explorer(donor, Situation(4, 0.5, [], []), np.random.default_rng(0))
    assert SPACE.from_unit(point) == {"a": 1.0, "b": 0.01}


# -- Gains -----------------------------------------------------------------------


def situation(gain, n=40, time=20, total=40, seed=0, space=SPACE):
    """A past of `n` segments that gained what a function of params and time says."""
    rng = np.random.default_rng(seed)
    segments = []
    for i, point in enumerate(space.sample(rng, n)):
        start = int(time * (i // 8) / max(n // 8, 1))
        parent = Segment(
            2 * i, i % 8, 0, 0, 0, start, point=point, score=0.0, is_told=True
        )
        child = Segment(
            2 * i + 1, i % 8, 0, 1, start, start + 1, point=point, parent=2 * i
        )
        child.score, child.is_told = gain(space.from_unit(point), start), True
        segments += [parent, child]
    return Situation(time, time / total, segments, segments)


def chosen(gain, n_draws=8, **options):
    past = situation(gain, **options)
    space = options.get("space", SPACE)
    explorer = Gain(space, perturb=Perturb(space))
    donor = Segment(
        999, 0, 0, 3, 10, 20, point=space.sample(np.random.default_rng(9), 1)[0]
    )
    donor.score = 0.0
    return [
        explorer(donor, past, np.random.default_rng(seed)) for seed in range(n_draws)
    ]


def test_it_goes_where_the_gain_is():
    found = chosen(lambda p, t: -abs(p["a"] - 0.7))
    assert {origin for _, origin in found} == {"model"}
    values = [SPACE.from_unit(point)["a"] for point, _ in found]
    assert np.mean(np.abs(np.array(values) - 0.7)) < 0.15


def test_it_knows_that_the_best_moves_with_time():
    found = chosen(lambda p, t: -abs(p["a"] - t / 20), n=80)
    values = [SPACE.from_unit(point)["a"] for point, _ in found]
    assert np.mean(values) > 0.75


def test_it_knows_choices():
    space = Space({"kind": ["a", "b", "c"], "x": (0.0, 1.0)})
    found = chosen(lambda p, t: float(p["kind"] == "c") - p["x"], space=space)
    kinds = [space.from_unit(point)["kind"] for point, _ in found]
    assert kinds.count("c") >= 6


def test_with_little_to_learn_from_it_perturbs():
    assert chosen(lambda p, t: 0.0, n=3)[0][1] == "perturbed"


def test_siblings_get_different_points():
    past = situation(lambda p, t: -abs(p["a"] - 0.7))
    explorer = Gain(SPACE, perturb=Perturb(SPACE))
    donor = Segment(999, 0, 0, 3, 10, 20, point=SPACE.to_unit({"a": 0.7, "b": 0.01}))
    donor.score = 0.0
    points = []
    for seed in range(3):
        now = Situation(20, 0.5, past.known, past.segments, points, [0.0] * len(points))
        points.append(explorer(donor, now, np.random.default_rng(seed))[0])
    assert len({SPACE.key(point) for point in points}) == 3
