"""kill -9 at any moment: a search goes on, and ends as if nothing had been."""

from __future__ import annotations

import json
import random
import time
from collections import Counter

import pytest

from sktune.persistence import read_events

from .searches import X

N_TRIALS = {"bayes": 8, "hyperband": 9}


def finished_folds(path):
    """How many results of folds are in a journal, by their trials' parameters."""
    if not path.exists():
        return Counter()
    params, found = {}, Counter()
    for kind, payload in read_events(path):
        if kind == "step":
            params[payload["trial"]] = payload["params"]
        elif kind == "fold":
            of_trial = params[payload["trial"]]
            found[f"{of_trial['a']!r} {of_trial['b']}"] += 1
    return found


def trained_folds(log):
    """How many folds were trained from their beginning, by their parameters."""
    if not log.exists():
        return Counter()
    rows = [line.rsplit(" ", 2) for line in log.read_text().splitlines()]
    of_refit = str(int(X.sum()))
    return Counter(
        params for params, rows, unit in rows if unit == "0" and rows != of_refit
    )


def kill_at_random(nursery, references, folder, kind, n_jobs, seed):
    """Kill a search up to three times, let it end, and look at what it did."""
    draw = random.Random(seed)
    storage, log, out = folder / "search.db", folder / "log", folder / "out"
    request = {
        "kind": kind,
        "n_trials": N_TRIALS[kind],
        "n_jobs": n_jobs,
        "storage": str(storage),
        "log": str(log),
        "out": str(out),
        "pause": 0.004,
    }
    span = 0.5 if n_jobs == 1 else 2.5
    for _ in range(draw.randint(1, 3)):
        nursery.start(**request)
        time.sleep(draw.uniform(0.0, span))
        nursery.kill()
        nursery.wait()
        if storage.exists() and kind == "bayes":
            # What is finished now is not trained again later.
            finished, trained = finished_folds(storage), trained_folds(log)
            in_flight = {p: trained[p] - finished[p] for p in trained}
            assert min(in_flight.values(), default=0) >= 0
    before, trained = finished_folds(storage), trained_folds(log)
    assert nursery.run(**request) == 0
    assert json.loads(out.read_text()) == json.loads(references[kind, N_TRIALS[kind]])
    again = trained_folds(log) - trained
    after = finished_folds(storage)
    if kind == "bayes":
        assert again == after - before
    assert not list(folder.glob("search.db?*")), "nothing is left but the journal"
    return sum(before.values())


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", ["bayes", "hyperband"])
def test_kill_at_a_random_moment(nursery, references, tmp_path, kind, seed):
    n_jobs = 2 if seed == 0 else 1
    kill_at_random(nursery, references, tmp_path, kind, n_jobs, seed)


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("kind", ["bayes", "hyperband"])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_kill_at_many_random_moments(nursery, references, tmp_path, kind, n_jobs):
    kept = []
    for seed in range(100, 150):
        folder = tmp_path / str(seed)
        folder.mkdir()
        kept.append(kill_at_random(nursery, references, folder, kind, n_jobs, seed))
    print(f"{kind}, n_jobs={n_jobs}: folds kept by the kills: {sorted(kept)}")
    assert sum(n > 0 for n in kept) > 25, "most kills hit a search under way"
