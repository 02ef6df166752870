"""How busy Hyperband keeps eight workers, and what a step costs besides training.

Every pass over the rows sleeps. How long depends on the candidate (log-normal, sigma
0.5) and a little on the fold. Sleeping needs no core, so eight threads fit on any
machine. The fraction of ideal use is the time slept, divided by eight times the wall
time of the search; the end, where workers run out of tasks, counts. Beside it stands
what the schedule alone permits: the same search with imaginary workers, for whom asking
and passing on results takes no time.

From the root of the repository::

    python benchmarks/hyperband_workers.py
"""

from __future__ import annotations

import _environment  # isort: skip  (limits threads before numpy is loaded)

import argparse
import heapq
import time
from typing import Any

import joblib
import numpy as np
from _report import table, with_error
from hyperband_curves import bayes
from sklearn.base import BaseEstimator
from sklearn.model_selection import KFold

from sktune import HyperbandSearchCV, Space
from sktune._protocol import Outcome, Status, Suggestion
from sktune.optimizers import (
    AsyncHyperbandOptimizer,
    HyperbandOptimizer,
    make_brackets,
)

WORKERS = 8
SIGMA = 0.5
# Name in the table -> promotion, whether the search has a seed.
SETTINGS = {
    'promotion="sync", seed': ("sync", True),
    'promotion="sync", no seed': ("sync", False),
    'promotion="async"': ("async", False),
}
X = np.arange(60).reshape(-1, 1)


class Sleeper(BaseEstimator):
    """Sleeps in each pass; scores better the nearer `x` is to 0.3."""

    slept = 0.0

    def __init__(self, x: float = 0.5, mean: float = 0.05) -> None:
        self.x = x
        self.mean = mean

    def partial_fit(self, X: Any, y: Any = None) -> Sleeper:
        """Sleep."""
        rng = np.random.default_rng([int(self.x * 2**40), int(np.sum(X))])
        shared = np.random.default_rng(int(self.x * 2**40)).standard_normal()
        log = SIGMA * shared + 0.1 * rng.standard_normal()
        seconds = self.mean * np.exp(log - SIGMA**2 / 2)
        self.passes_ = getattr(self, "passes_", 0) + 1
        if self.mean:
            started = time.perf_counter()
            time.sleep(seconds)
            Sleeper.slept += time.perf_counter() - started
        return self

    def fit(self, X: Any, y: Any = None) -> Sleeper:
        """Never called."""
        raise NotImplementedError

    def score(self, X: Any, y: Any = None) -> float:
        """Largest at x = 0.3, and after many passes."""
        return float(-((self.x - 0.3) ** 2) - 1 / self.passes_)


def utilisation(n_splits: int, seed: int, mean: float, setting: str) -> float:
    """Run a search with eight threads; return how much of their time they slept."""
    promotion, is_seeded = SETTINGS[setting]
    search = HyperbandSearchCV(
        Sleeper(mean=mean),
        {"x": (0.0, 1.0)},
        max_resource=81,
        cv=KFold(n_splits),
        n_jobs=WORKERS,
        refit=False,
        promotion=promotion,
        random_state=seed if is_seeded else None,
    )
    Sleeper.slept = 0.0
    with joblib.parallel_config("threading"):
        started = time.perf_counter()
        search.fit(X + seed)
        seconds = time.perf_counter() - started
    return Sleeper.slept / (WORKERS * seconds)


def permitted(n_splits: int, seed: int, setting: str) -> float:
    """How much of their time imaginary workers train."""
    promotion, is_seeded = SETTINGS[setting]
    plan = make_brackets(81)
    sampler = bayes(Space({"x": (0.0, 1.0)}), plan, seed)
    optimizer: Any
    if promotion == "async":
        optimizer = AsyncHyperbandOptimizer(sampler, plan, learns=True)
    else:
        optimizer = HyperbandOptimizer(
            sampler,
            plan,
            learns=True,
            repeatable=is_seeded,
            n_abreast=-(-WORKERS // n_splits),
        )
    waiting: list[tuple[int, int]] = []  # trial, fold
    running: list[tuple[float, int, int]] = []  # end, number of the task, trial
    asked: dict[int, Suggestion] = {}
    units: dict[int, int] = {}  # of a trial, told so far
    left: dict[int, int] = {}  # folds of a trial that are not through
    now, busy, number = 0.0, 0.0, 0
    while True:
        while len(running) < WORKERS:
            if not waiting:
                suggestion = optimizer.ask()
                if suggestion is None:
                    break
                asked[suggestion.trial] = suggestion
                left[suggestion.trial] = n_splits
                waiting += [(suggestion.trial, fold) for fold in range(n_splits)]
            trial, fold = waiting.pop(0)
            n_passes = (asked[trial].budget or 0) - units.get(trial, 0)
            shared = np.random.default_rng([seed, trial]).standard_normal()
            own = np.random.default_rng([seed, trial, fold, n_passes]).standard_normal()
            log = SIGMA * shared + 0.1 * own / np.sqrt(n_passes)
            seconds = n_passes * float(np.exp(log))
            busy += seconds
            heapq.heappush(running, (now + seconds, number, trial))
            number += 1
        if not running:
            return busy / (WORKERS * now)
        now, _, trial = heapq.heappop(running)
        left[trial] -= 1
        if not left[trial]:
            budget = units[trial] = asked[trial].budget or 0
            score = -((asked[trial].params["x"] - 0.3) ** 2) - 1 / budget
            optimizer.tell(Outcome(trial, Status.OK, score))


def overhead(sampler: str) -> float:
    """Milliseconds of the processor a step and fold, the optimizer's among them."""
    search = HyperbandSearchCV(
        Sleeper(mean=0.0),
        {"x": (0.0, 1.0), "mean": [0.0]},
        max_resource=81,
        cv=KFold(3),
        sampler=sampler,
        random_state=0,
        refit=False,
    )
    started = time.process_time()
    search.fit(X)
    seconds = time.process_time() - started
    return 1000 * seconds / len(search.history_["fold"])


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--mean", type=float, default=0.05, help="seconds a pass")
    options = parser.parse_args()
    print(_environment.describe(), "\n")
    lines = []
    for name in SETTINGS:
        cells = []
        for n_splits in (3, 5):
            values = [
                utilisation(n_splits, s, options.mean, name)
                for s in range(options.seeds)
            ]
            cells.append(with_error(values, 2))
            print(f"  {name}, {n_splits} folds: {cells[-1]}", flush=True)
        lines.append([name, *cells])
    for name in SETTINGS:
        cells = [
            with_error([permitted(n_splits, s, name) for s in range(20)], 2)
            for n_splits in (3, 5)
        ]
        lines.append([f"permitted by the schedule, {name}", *cells])
    print(table(["fraction of ideal use, 8 workers", "3 folds", "5 folds"], lines))
    print()
    lines = []
    for sampler in ("random", "bayes"):
        lines.append([f'sampler="{sampler}"', f"{overhead(sampler):.1f}"])
    print(table(["besides training", "CPU ms a step and fold"], lines))


if __name__ == "__main__":
    main()
