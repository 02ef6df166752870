"""kill -9 at any moment: a search goes on, and ends as if nothing had been.

``SKTUNE_KILLS`` is the number of kills of each test that kills at random moments, if
it is not to be a few; ``SKTUNE_SEED`` draws other moments.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from collections import Counter

import pytest

from sktune.persistence import read_events

from .searches import X

N_TRIALS = {"bayes": 8, "hyperband": 9, "population": 12}
N_KILLS = int(os.environ.get("SKTUNE_KILLS", "0"))
# Of loky each worker starts an interpreter, which takes seconds; forked ones start at
# once, so that many kills can be afforded.
WORKERS = {
    "inline": {"n_jobs": 1},
    "forked": {"n_jobs": 2, "backend": "multiprocessing"},
    "loky": {"n_jobs": 2, "backend": "loky"},
}
FEW = {"inline": 5, "forked": 5, "loky": 1}


def finished_units(path):
    """How often each unit of a training is done, by parameters, from a journal."""
    if not path.exists():
        return Counter()
    steps, reached, found = {}, Counter(), Counter()
    for kind, payload in read_events(path):
        if kind == "step":
            steps[payload["trial"]] = payload
        elif kind == "fold":
            step, fold = steps[payload["trial"]], payload["fold"]
            params = f"{step['params']['a']!r} {step['params']['b']}"
            start = reached[step.get("parent"), fold]
            units = range(start, step.get("budget", 1))
            found.update((params, str(unit)) for unit in units)
            reached[payload["trial"], fold] = units.stop
    return found


def trained_units(log):
    """How often each unit of a training was done, without the refit, from the log."""
    if not log.exists():
        return Counter()
    of_refit = str(int(X.sum()))
    rows = [line.rsplit(" ", 2) for line in log.read_text().splitlines()]
    return Counter((params, unit) for params, rows, unit in rows if rows != of_refit)


def lines_of(log):
    return log.read_text().count("\n") if log.exists() else 0


class Killed:
    """Searches of one kind that are killed, go on, and are compared."""

    def __init__(self, nursery, references, folder, kind, workers):
        self.nursery = nursery
        self.kind = kind
        self.reference = json.loads(references[kind, N_TRIALS[kind]])
        self.workers = WORKERS[workers]
        self.n_kills = 0
        # Of the search without kills: how often it trains, the seconds to the first
        # time, and from it to the end.
        self.n_units = 0
        self.first = self.seconds = 0.0
        started = time.monotonic()
        self.run(folder / "unkilled", n_kills=0, draw=None)
        self.seconds = time.monotonic() - started - self.first
        self.n_units = lines_of(folder / "unkilled" / "log")

    def run(self, folder, n_kills, draw):
        """Kill a search so many times, let it end, and look at what it did."""
        folder.mkdir()
        storage, log, out = folder / "search.db", folder / "log", folder / "out"
        request = {
            "kind": self.kind,
            "n_trials": N_TRIALS[self.kind],
            "storage": str(storage),
            "log": str(log),
            "out": str(out),
            "pause": 0.003 * self.workers["n_jobs"] ** 2,
            **self.workers,
        }
        for number in range(n_kills):
            before = lines_of(log)
            self.nursery.start(**request)
            if draw.random() < 0.2:
                time.sleep(draw.uniform(0.0, self.first))
            else:
                # A moment is a share of what is left to train, however fast the machine
                # is just now; kills to come get theirs.
                left = max((self.n_units - before) // (n_kills - number), 1)
                self.wait_for_training(log, before + draw.randint(1, left), out)
                time.sleep(draw.uniform(0.0, self.seconds / self.n_units))
            self.nursery.kill()
            self.nursery.wait()
            self.n_kills += not out.exists()  # else it was through
        before, trained = finished_units(storage), trained_units(log)
        assert before <= trained
        started = time.monotonic()
        self.nursery.start(**request)
        self.wait_for_training(log, lines_of(log) + 1, out)
        self.first = self.first or time.monotonic() - started
        assert self.nursery.wait() == 0
        assert json.loads(out.read_text()) == self.reference
        # What was finished is not trained again, and all the rest is, once.
        assert trained_units(log) - trained == finished_units(storage) - before
        assert not list(folder.glob("search.db?*")), "nothing is left but the journal"
        return sum(before.values())

    def wait_for_training(self, log, n_lines, out):
        """Return when a log has so many lines, or the search is through."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not out.exists():
            if lines_of(log) >= n_lines:
                return
            time.sleep(0.002)


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("kind", N_TRIALS)
def test_kill_at_random_moments(nursery, references, tmp_path, kind, workers):
    if not N_KILLS and workers == "loky" and kind != "population":
        pytest.skip("takes long: only where SKTUNE_KILLS is set")
    killed = Killed(nursery, references, tmp_path, kind, workers)
    kept = []
    seed = int(os.environ.get("SKTUNE_SEED", "0"))
    n_kills = N_KILLS or FEW[workers]
    for number in range(2 * n_kills):  # some come too late
        if killed.n_kills >= n_kills:
            break
        draw = random.Random(1000 * seed + number)
        at_most = 2 + killed.workers["n_jobs"]
        times = min(draw.randint(1, at_most), n_kills - killed.n_kills)
        kept.append(killed.run(tmp_path / str(number), times, draw))
    print(
        f"{kind}, {workers}: {killed.n_kills} kills of {len(kept)} searches, "
        f"all as if unkilled; units that were finished before: {sorted(kept)}"
    )


@pytest.mark.parametrize("kind", N_TRIALS)
def test_a_kill_when_some_folds_are_finished(nursery, references, tmp_path, kind):
    killed = Killed(nursery, references, tmp_path, kind, "inline")
    draw = random.Random(0)
    killed.run(tmp_path / "killed", 2, draw)


@pytest.mark.slow
@pytest.mark.parametrize("kind", N_TRIALS)
def test_a_log_that_is_cut_anywhere(nursery, references, tmp_path, kind):
    """SQLite's log holds what was written last: its beginning is a shorter search."""
    n_trials = N_TRIALS[kind]
    folder = tmp_path / "whole"
    folder.mkdir()
    request = {"kind": kind, "n_trials": n_trials}
    crash = {"crash_at_commit": [20, "after"]}
    storage = str(folder / "search.db")
    nursery.run(**request, **crash, storage=storage, out=str(folder / "out"))
    log = (folder / "search.db-wal").read_bytes()
    frame = 24 + 4096
    assert len(log) > 19 * frame
    # At the beginning, near it and near the end of pages.
    places = [32 + n * frame + more for n in range(19) for more in (0, 30, frame - 1)]
    kept = set()
    for number, length in enumerate([0, 31, *places]):
        copy = tmp_path / str(number)
        shutil.copytree(folder, copy)
        (copy / "search.db-shm").unlink()
        (copy / "search.db-wal").write_bytes(log[:length])
        kept.add(sum(finished_units(copy / "search.db").values()))
        here = request | {"storage": str(copy / "search.db"), "out": str(copy / "out")}
        assert nursery.run(**here) == 0
        found = json.loads((copy / "out").read_text())
        assert found == json.loads(references[kind, n_trials])
        assert {path.name for path in copy.iterdir()} == {"search.db", "out"}
    assert len(kept) > 5
