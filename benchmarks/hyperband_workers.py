"""How busy Hyperband keeps eight workers, and what a step costs besides training.

Every pass over the rows sleeps. How long depends on the candidate (log-normal, sigma
0.5) and a little on the fold. Sleeping needs no core, so eight threads fit on any
machine. The fraction of ideal use is the time slept, divided by eight times the wall
time of the search; the end, where workers run out of tasks, counts.

From the root of the repository::

    python benchmarks/hyperband_workers.py
"""

from __future__ import annotations

import _environment  # isort: skip  (limits threads before numpy is loaded)

import argparse
import time
from typing import Any

import joblib
import numpy as np
from _report import table, with_error
from sklearn.base import BaseEstimator
from sklearn.model_selection import KFold

from sktune import HyperbandSearchCV

WORKERS = 8
SIGMA = 0.5
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


def utilisation(n_splits: int, seed: int, **options: Any) -> float:
    """Run a search with eight threads; return how much of their time they slept."""
    search = HyperbandSearchCV(
        Sleeper(),
        {"x": (0.0, 1.0)},
        max_resource=81,
        cv=KFold(n_splits),
        n_jobs=WORKERS,
        refit=False,
        **options,
    )
    Sleeper.slept = 0.0
    with joblib.parallel_config("threading"):
        started = time.perf_counter()
        search.fit(X + seed)
        seconds = time.perf_counter() - started
    return Sleeper.slept / (WORKERS * seconds)


def overhead(sampler: str) -> tuple[float, float]:
    """Milliseconds a step and fold, with the optimizer and without."""
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
    n = len(search.history_["fold"])
    return 1000 * seconds / n, 1000 * (seconds - search.optimizer_time_.sum()) / n


SETTINGS: dict[str, dict[str, Any]] = {
    'promotion="sync", seed': {"random_state": 0},
    'promotion="sync", no seed': {},
    'promotion="async"': {"promotion": "async"},
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    print(_environment.describe(), "\n")
    lines = []
    for name, setting in SETTINGS.items():
        cells = []
        for n_splits in (3, 5):
            values = [utilisation(n_splits, s, **setting) for s in range(options.seeds)]
            cells.append(with_error(values, 2))
        lines.append([name, *cells])
    print(table(["fraction of ideal use, 8 workers", "3 folds", "5 folds"], lines))
    print()
    lines = []
    for sampler in ("random", "bayes"):
        lines.append([sampler, *(f"{ms:.1f}" for ms in overhead(sampler))])
    print(table(["CPU ms a step and fold", "all", "without optimizer"], lines))


if __name__ == "__main__":
    main()
