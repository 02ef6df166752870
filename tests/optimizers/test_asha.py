"""Promotion without waiting."""

from __future__ import annotations

import numpy as np
import pytest

from sktune._protocol import Outcome, Status
from sktune.optimizers import (
    AsyncHyperbandOptimizer,
    BayesOptimizer,
    Patience,
    RandomOptimizer,
    make_brackets,
)
from sktune.space import Categorical, Space

from .test_hyperband import SPACE, counts, run, score_of


def make(max_resource=27, *, space=SPACE, learns=False, seed=0, **options):
    plan = options.pop("brackets", None) or make_brackets(
        max_resource, n_configurations=space.size
    )
    rng = np.random.default_rng(seed)
    sampler = RandomOptimizer(space, rng=rng)
    if learns:
        sampler = BayesOptimizer(space, rng=rng, budgets=(1, max_resource))
    return AsyncHyperbandOptimizer(sampler, plan, learns=learns, **options)


@pytest.mark.parametrize("learns", [False, True])
@pytest.mark.parametrize("n_workers", [1, 3, 8, 40])
@pytest.mark.parametrize("max_resource", [9, 27])
def test_every_rung_has_at_least_the_candidates_of_the_plan(
    learns, n_workers, max_resource
):
    found = counts(run(make(max_resource, learns=learns), n_workers))
    planned = {
        (b.number, r.budget): r.n_candidates
        for b in make_brackets(max_resource)
        for r in b.rungs
    }
    assert found.keys() == planned.keys()
    for (bracket, budget), n in planned.items():
        below = bracket, budget // 3
        if below not in planned:
            most = n
        elif learns:
            # Each may be better than all before, and is then promoted; but for those
            # of which one alone is.
            most = found[below] - -(-planned[below] // n) + 1
        else:
            most = 2 * n + 2  # who comes later is often better
        assert n <= found[bracket, budget] <= most


def test_nobody_waits():
    """A worker that asks while others train always gets something until the end."""
    optimizer = make(27)
    n_candidates = 27 + 12 + 6 + 4
    assert all(optimizer.ask() for _ in range(n_candidates))
    assert optimizer.ask() is None


def test_promotes_the_best_so_far():
    optimizer = make(brackets=make_brackets(9, n_brackets=1))
    asked = [optimizer.ask() for _ in range(4)]
    for s, score in zip(asked[:3], [0.1, 0.9, 0.5], strict=True):
        optimizer.tell(Outcome(s.trial, Status.OK, score))
    promoted = optimizer.ask()
    assert (promoted.trial, promoted.budget, promoted.parent) == (1, 3, 1)
    assert optimizer.ask().rung == 0


@pytest.mark.parametrize("every", [1, 2, 3])
def test_failures_are_not_promoted_and_starve_no_rung(every):
    def score(s):
        return None if s.trial % every == 0 else score_of(s)

    done = run(make(27), 4, score=score)
    failed = {s.trial for s, value in done if value is None}
    assert all(s.rung == 0 for s, _ in done if s.trial in failed)
    if every > 1:
        assert {s.budget for s, _ in done if s.bracket == 3} == {1, 3, 9, 27}


def test_a_finite_space_is_used_up():
    space = Space({"a": Categorical(list("xyzuvwrs"))})
    for brackets in (None, make_brackets(27)):
        done = run(
            make(27, space=space, brackets=brackets),
            3,
            score=lambda s: float(ord(s.params["a"])),
        )
        assert len({s.trial for s, _ in done}) == 8
        assert max(s.budget for s, _ in done) == 27


@pytest.mark.parametrize("seed", range(20))
def test_who_is_released_does_not_go_on(seed):
    optimizer = make(27)
    rng = np.random.default_rng(seed)
    released = []
    while (suggestion := optimizer.ask()) is not None:
        assert suggestion.trial not in released
        # Early and late favourites: more are promoted than were planned.
        optimizer.tell(Outcome(suggestion.trial, Status.OK, rng.random()))
        now = optimizer.released()
        assert suggestion.trial in now or suggestion.rung < 3
        released += now
    released += optimizer.released()
    assert len(released) == len(set(released))
    statuses = [optimizer.standing(t)[1] for t in range(49)]
    assert set(statuses) == {"stopped", "completed"}
    assert len(released) == 49


def test_patience():
    done = run(make(27, patience=Patience(2, 0.0)), score=lambda s: s.params["a"])
    assert max(s.budget for s, _ in done if s.bracket == 3) == 3
