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


def finished_units(path):
    """How often each unit of a training is done, by parameters, from a journal."""
    if not path.exists():
        return Counter()
    steps, reached, found = {}, Counter(), Counter()
    for kind, payload in read_events(path):
        if kind == "step":
            steps[payload["trial"]] = payload
        elif kind == "fold":
            step, key = steps[payload["trial"]], (payload["trial"], payload["fold"])
            params = f"{step['params']['a']!r} {step['params']['b']}"
            units = range(reached[key], step.get("budget", 1))
            found.update((params, str(unit)) for unit in units)
            reached[key] = units.stop
    return found


def trained_units(log):
    """How often each unit of a training was done, without the refit, from the log."""
    if not log.exists():
        return Counter()
    of_refit = str(int(X.sum()))
    rows = [line.rsplit(" ", 2) for line in log.read_text().splitlines()]
    return Counter((params, unit) for params, rows, unit in rows if rows != of_refit)


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
    before, trained = finished_units(storage), trained_units(log)
    assert before <= trained
    assert nursery.run(**request) == 0
    assert json.loads(out.read_text()) == json.loads(references[kind, N_TRIALS[kind]])
    # What was finished is not trained again, and all the rest is, once.
    assert trained_units(log) - trained == finished_units(storage) - before
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
