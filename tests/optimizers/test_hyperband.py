"""Who is promoted, when, and what new candidates may depend on."""

from __future__ import annotations

import copy
import random

import numpy as np
import pytest

from sktune._protocol import Outcome, Status
from sktune.optimizers import (
    BayesOptimizer,
    HyperbandOptimizer,
    Patience,
    RandomOptimizer,
    SharesOptimizer,
    make_brackets,
)
from sktune.space import Categorical, Float, Space

from .functions import crossing

SPACE = Space({"a": Float(0.0, 1.0), "b": Float(0.0, 1.0)})


def make(max_resource=27, *, space=SPACE, learns=False, seed=0, **options):
    plan = options.pop("brackets", None) or make_brackets(
        max_resource, n_configurations=space.size
    )
    rng = np.random.default_rng(seed)
    sampler = RandomOptimizer(space, rng=rng)
    if learns:
        sampler = BayesOptimizer(space, rng=rng, budgets=(1, max_resource))
    return HyperbandOptimizer(sampler, plan, learns=learns, **options)


def score_of(suggestion):
    params = suggestion.params
    return -((params["a"] - 0.3) ** 2) - params["b"] / suggestion.budget


def run(optimizer, n_workers=1, seed=0, score=score_of):
    """Work it off with so many workers that finish in a random order."""
    rng = random.Random(seed)
    running, done = [], []
    while True:
        while len(running) < n_workers and (suggestion := optimizer.ask()) is not None:
            running.append(suggestion)
        if not running:
            return done
        suggestion = running.pop(rng.randrange(len(running)))
        value = score(suggestion)
        status = Status.FAILED if value is None else Status.OK
        optimizer.tell(Outcome(suggestion.trial, status, value))
        done.append((suggestion, value))


def rows(done):
    """What was trained, whatever the order."""
    return sorted(
        (s.trial, s.budget, s.bracket, s.rung, s.origin, tuple(s.params.values()))
        for s, _ in done
    )


def counts(done):
    found: dict = {}
    for s, _ in done:
        found[s.bracket, s.budget] = found.get((s.bracket, s.budget), 0) + 1
    return found


def test_every_rung_has_the_candidates_of_the_plan():
    done = run(make(81))
    planned = {
        (b.number, r.budget): r.n_candidates for b in make_brackets(81) for r in b.rungs
    }
    assert counts(done) == planned
    spent: dict = {}
    units = 0
    for suggestion, _ in done:
        assert (suggestion.parent is None) == (suggestion.rung == 0)
        units += suggestion.budget - spent.get(suggestion.trial, 0)
        spent[suggestion.trial] = suggestion.budget
    assert units == 1581


def test_the_best_of_a_rung_are_promoted():
    done = run(make(27))
    by_rung: dict = {}
    for s, value in done:
        by_rung.setdefault((s.bracket, s.rung), {})[s.trial] = value
    for (bracket, rung), scores in by_rung.items():
        promoted = by_rung.get((bracket, rung + 1))
        if promoted:
            best = sorted(scores, key=scores.__getitem__)[-len(promoted) :]
            assert set(best) == set(promoted)


@pytest.mark.parametrize("learns", [False, True])
@pytest.mark.parametrize("n_workers", [2, 3, 8, 30])
def test_the_same_for_any_number_of_workers(learns, n_workers):
    alone = run(make(27, learns=learns))
    for seed in range(3):
        assert rows(run(make(27, learns=learns), n_workers, seed)) == rows(alone)


def test_the_same_with_shares_for_any_number_of_workers():
    plan = make_brackets(27)
    small = Space({"a": Float(0.0, 0.5), "b": Categorical([0.5])})

    def of_parts():
        parts = [
            BayesOptimizer(space, rng=np.random.default_rng(0), budgets=(1, 27))
            for space in (SPACE, small)
        ]
        sampler = SharesOptimizer(list(zip(parts, (3, 1), strict=True)))
        return HyperbandOptimizer(sampler, plan, learns=True)

    alone = run(of_parts())
    n_small = sum(s.params["b"] == 0.5 for s, _ in alone if s.rung == 0)
    assert n_small == 12
    for n_workers in (3, 8):
        assert rows(run(of_parts(), n_workers)) == rows(alone)


@pytest.mark.parametrize("patience", [None, Patience(2, 0.01)])
@pytest.mark.parametrize("n_abreast", [1, 3])
def test_the_same_with_few_abreast(n_abreast, patience):
    options = {"learns": True, "n_abreast": n_abreast, "patience": patience}
    alone = run(make(27, **options))
    for n_workers in (2, 8):
        assert rows(run(make(27, **options), n_workers)) == rows(alone)


@pytest.mark.parametrize("learns", [False, True])
@pytest.mark.parametrize("limit", [1, 2])
def test_the_end_for_want_of_improvement_is_the_same_for_all(learns, limit):
    def constant(suggestion):
        return 1.0

    def one(n_workers, seed=0):
        optimizer = make(27, learns=learns, n_abreast=3, max_no_improvement=limit)
        done = run(optimizer, n_workers, seed, score=constant)
        assert optimizer.gave_up
        return done

    alone = one(1)
    top = [s for s, _ in alone if s.budget == 27]
    assert limit < len(top) < 8
    for n_workers in (2, 8):
        assert rows(one(n_workers, seed=1)) == rows(alone)


def test_without_a_seed_the_end_comes_as_results_do():
    optimizer = make(27, repeatable=False, max_no_improvement=1)
    done = run(optimizer, 4, score=lambda s: 1.0)
    assert optimizer.gave_up
    assert sum(s.budget == 27 for s, _ in done) < 8


def test_a_search_that_improves_is_not_cut():
    optimizer = make(27, max_no_improvement=1)
    scores = iter(range(1000))
    done = run(optimizer, score=lambda s: float(next(scores)))
    assert not optimizer.gave_up
    assert len(done) == len(run(make(27)))


@pytest.mark.parametrize("every", [1, 2, 3, 10])
@pytest.mark.parametrize("learns", [False, True])
def test_failures_are_not_promoted_and_starve_no_rung(every, learns):
    def score(s):
        return None if s.trial % every == 0 else score_of(s)

    done = run(make(27, learns=learns), 4, score=score)
    assert rows(done) == rows(run(make(27, learns=learns), score=score))
    failed = {s.trial for s, value in done if value is None}
    assert all(s.rung == 0 for s, _ in done if s.trial in failed)
    if every == 1:
        assert {s.rung for s, _ in done} == {0}
    else:
        # every second one failing still fills the rungs above
        full, found = counts(run(make(27))), counts(done)
        assert all(
            found[key] == full[key] for key in full if key[1] > 3 ** (3 - key[0])
        )


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), float("-inf")])
def test_a_score_that_is_not_finite_is_a_failure(odd):
    done = run(make(9), score=lambda s: odd if s.trial == 1 else score_of(s))
    assert [s.rung for s, _ in done if s.trial == 1] == [0]


def test_a_finite_space_is_used_up():
    space = Space({"a": Categorical(list("xyzuvwrs")), "b": Categorical(["only"])})
    done = run(make(81, space=space), score=lambda s: float(ord(s.params["a"])))
    assert len({s.trial for s, _ in done}) == 8
    assert max(s.budget for s, _ in done) == 81
    assert [s.params["a"] for s, _ in done if s.budget == 81] == ["z"]


def test_rungs_do_not_wait_for_candidates_that_do_not_exist():
    space = Space({"a": Categorical(list("xyz"))})
    optimizer = make(brackets=make_brackets(9), space=space)
    done = run(optimizer, score=lambda s: float(ord(s.params["a"])))
    assert counts(done) == {(2, 1): 3, (2, 3): 3, (2, 9): 1}


def test_losers_are_released_at_once():
    optimizer = make(9, brackets=make_brackets(9, n_brackets=1))
    asked = [optimizer.ask() for _ in range(9)]
    for number, suggestion in enumerate(asked):
        assert optimizer.released() == []
        optimizer.tell(Outcome(suggestion.trial, Status.OK, float(number)))
    assert sorted(optimizer.released()) == [0, 1, 2, 3, 4, 5]
    assert optimizer.released() == []
    assert optimizer.standing(0) == (1, "stopped")
    assert optimizer.standing(8) == (1, "unfinished")
    promoted = [optimizer.ask() for _ in range(3)]
    assert [s.trial for s in promoted] == [8, 7, 6]
    assert optimizer.ask() is None
    optimizer.tell(Outcome(8, Status.FAILED, None))
    assert optimizer.released() == [8]
    assert optimizer.standing(8) == (3, "failed")
    optimizer.tell(Outcome(7, Status.OK, 1.0))
    optimizer.tell(Outcome(6, Status.OK, 2.0))
    assert optimizer.released() == [7]
    last = optimizer.ask()
    assert (last.trial, last.budget, last.is_last) == (6, 9, True)
    optimizer.tell(Outcome(6, Status.OK, 2.0))
    assert optimizer.standing(6) == (9, "completed")
    assert optimizer.released() == [6]
    assert optimizer.ask() is None


def test_refuses_unknown_trials():
    optimizer = make(9)
    with pytest.raises(ValueError, match="never proposed"):
        optimizer.tell(Outcome(0, Status.OK, 1.0))
    optimizer.tell(Outcome(optimizer.ask().trial, Status.OK, 1.0))
    with pytest.raises(ValueError, match="told already"):
        optimizer.tell(Outcome(0, Status.OK, 1.0))


def test_a_third_of_the_candidates_is_random():
    done = run(make(81, learns=True))
    origins = [s.origin for s, _ in done if s.rung == 0]
    assert origins.count("random") == len(origins) // 3
    assert set(origins[-15:]) == {"model", "random"}


def test_the_model_waits_until_something_is_trained_for_long():
    done = run(make(81, learns=True))
    first = next(i for i, (s, _) in enumerate(done) if s.origin == "model")
    assert max(s.budget for s, _ in done[:first]) >= 27
    late = [s.origin for s, _ in done[first:] if s.rung == 0]
    assert set(late) == {"model", "random"}


def test_a_model_finds_better_candidates():
    def mean_of_last(learns, seed):
        done = run(make(27, learns=learns, seed=seed))
        late = [v for s, v in done if s.rung == 0 and s.trial % 3 != 2][-8:]
        return np.mean(late)

    for seed in range(3):
        assert mean_of_last(True, seed) > mean_of_last(False, seed)


def crossing_score(suggestion, budget=None):
    """What is best early is not best late."""
    params = suggestion.params
    score = crossing(params["a"], budget or suggestion.budget, largest=81)
    return score - 0.1 * params["b"]


def first_promotion(done, bracket):
    """Who went on from the first rung, and who would have by score."""
    scores = {s.trial: v for s, v in done if (s.bracket, s.rung) == (bracket, 0)}
    going_on = {s.trial for s, _ in done if (s.bracket, s.rung) == (bracket, 1)}
    return going_on, set(sorted(scores, key=lambda t: -scores[t])[: len(going_on)])


@pytest.mark.parametrize("seed", range(3))
def test_a_model_promotes_what_wins_late(seed):
    done = run(make(81, learns=True, seed=seed), score=crossing_score)
    # In the first bracket nothing was trained for long: the best early go on.
    going_on, early = first_promotion(done, 4)
    assert going_on == early
    going_on, early = first_promotion(done, 2)
    late = {s.trial: crossing_score(s, 81) for s, _ in done}
    gained, lost = going_on - early, early - going_on
    assert gained
    assert np.mean([late[t] for t in gained]) > np.mean([late[t] for t in lost])


def test_with_shares_scores_decide():
    rng = np.random.default_rng(0)
    parts = [(BayesOptimizer(SPACE, rng=rng, budgets=(1, 81)), 1) for _ in range(2)]
    optimizer = HyperbandOptimizer(
        SharesOptimizer(parts), make_brackets(81), learns=True
    )
    done = run(optimizer, score=crossing_score)
    for bracket in (4, 3, 2, 1):
        going_on, early = first_promotion(done, bracket)
        assert going_on == early


def test_patience_spares_what_no_longer_improves():
    def flat(s):
        return s.params["a"]

    done = run(make(27, patience=Patience(2, 0.0)), score=flat)
    # 1 and 3 units are compared; nobody gains, so nobody is trained to 9.
    assert max(s.budget for s, _ in done if s.bracket == 3) == 3
    full = run(make(27, patience=Patience(2, 0.0)), score=lambda s: s.budget)
    assert max(s.budget for s, _ in full if s.bracket == 3) == 27


def test_fewer_folds_at_low_budgets():
    done = run(make(27, rung_folds={1: 1, 3: 2}))
    assert {(s.budget, s.n_folds) for s, _ in done} == {
        (1, 1),
        (3, 2),
        (9, None),
        (27, None),
    }


def test_a_copy_continues_identically():
    optimizer = make(9, learns=True)
    for _ in range(6):
        s = optimizer.ask()
        optimizer.tell(Outcome(s.trial, Status.OK, score_of(s)))
    assert rows(run(copy.deepcopy(optimizer))) == rows(run(optimizer))
