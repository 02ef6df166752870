"""What a search costs besides its optimizer and the fits, and what an import costs.

Usage::

    python benchmarks/overhead.py

The estimator does nothing, so that the wall time of a search at ``n_jobs=1`` is its
own. From it the time of the optimizer and the fit and score times in ``cv_results_``
are subtracted; the rest is divided by the number of fits. Imports are timed in fresh
processes, by turns, so that a busy moment of the machine hits both.
"""

from __future__ import annotations

import _environment  # isort: skip  (limits threads before numpy is loaded)

import argparse
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.stats
from _peers import available
from _report import table
from sklearn.base import BaseEstimator
from sklearn.model_selection import RandomizedSearchCV

N_SPLITS = 5
SPACE = {
    "a": scipy.stats.loguniform(1e-4, 1.0),
    "b": scipy.stats.uniform(0.0, 1.0),
    "c": ["x", "y", "z"],
}
IMPORTS = ("sklearn.model_selection", "sktune")


class Trivial(BaseEstimator):
    """Fits nothing and scores a smooth function of its parameters."""

    def __init__(self, a: float = 0.1, b: float = 0.5, c: str = "x") -> None:
        self.a = a
        self.b = b
        self.c = c

    def fit(self, X: Any, y: Any = None) -> Trivial:
        """Do nothing."""
        return self

    def score(self, X: Any, y: Any = None) -> float:
        """Larger near a = 0.01, b = 0.3."""
        return float(-((np.log10(self.a) + 2) ** 2) - (self.b - 0.3) ** 2)


class Stopwatch:
    """Adds up the time spent in functions, not twice where one calls another."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._running = False

    def watch(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, timed."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            if self._running:
                return function(*args, **kwargs)
            self._running = True
            started = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds += time.perf_counter() - started
                self._running = False

        return timed


def _fit(make: Callable[[], Any]) -> tuple[Any, float]:
    """A fitted search and its wall time."""
    X = np.zeros((100, 2))
    y = np.arange(100) % 2
    search = make()
    started = time.perf_counter()
    search.fit(X, y)
    return search, time.perf_counter() - started


def _in_fits(search: Any) -> float:
    results = search.cv_results_
    fits = np.sum(results["mean_fit_time"]) + np.sum(results["mean_score_time"])
    return float(fits) * N_SPLITS


def time_random(n_iter: int, seed: int) -> tuple[float, float]:
    """Overhead and optimizer time of scikit-learn's random search, in seconds."""
    search, wall = _fit(
        lambda: RandomizedSearchCV(
            Trivial(), SPACE, n_iter=n_iter, cv=N_SPLITS, random_state=seed, refit=False
        )
    )
    return wall - _in_fits(search), 0.0


def time_skopt(n_iter: int, seed: int) -> tuple[float, float]:
    """Overhead and optimizer time of scikit-optimize, in seconds."""
    import skopt
    from skopt.space import Categorical, Real

    space = {
        "a": Real(1e-4, 1.0, prior="log-uniform"),
        "b": Real(0.0, 1.0),
        "c": Categorical(SPACE["c"]),
    }
    watch = Stopwatch()
    kept = skopt.Optimizer.ask, skopt.Optimizer.tell
    skopt.Optimizer.ask, skopt.Optimizer.tell = map(watch.watch, kept)
    try:
        search, wall = _fit(
            lambda: skopt.BayesSearchCV(
                Trivial(),
                space,
                n_iter=n_iter,
                cv=N_SPLITS,
                random_state=seed,
                refit=False,
            )
        )
    finally:
        skopt.Optimizer.ask, skopt.Optimizer.tell = kept
    return wall - _in_fits(search) - watch.seconds, watch.seconds


def time_sktune(n_iter: int, seed: int) -> tuple[float, float]:
    """Overhead and optimizer time of this library, in seconds."""
    from sktune import BayesSearchCV

    search, wall = _fit(
        lambda: BayesSearchCV(
            Trivial(), SPACE, n_iter=n_iter, cv=N_SPLITS, random_state=seed, refit=False
        )
    )
    optimizer = float(np.sum(search.optimizer_time_))
    return wall - _in_fits(search) - optimizer, optimizer


SEARCHES = {
    "random": time_random,
    "scikit-optimize": time_skopt,
    "sktune": time_sktune,
}


def overhead_table(n_iter: int, repeats: int) -> str:
    """Milliseconds per trial and fold."""
    rows = []
    for name, measure in SEARCHES.items():
        if not available(name):
            rows.append([name, "not installed", ""])
            continue
        measure(5, 0)  # First calls import and compile.
        pairs = [measure(n_iter, seed) for seed in range(repeats)]
        per_fit, per_trial = 1000 / (n_iter * N_SPLITS), 1000 / n_iter
        rest = np.median([pair[0] for pair in pairs]) * per_fit
        optimizer = np.median([pair[1] for pair in pairs]) * per_trial
        rows.append([name, f"{rest:.2f}", f"{optimizer:.1f}"])
    return table(["search", "overhead ms per fit", "optimizer ms per trial"], rows)


def import_seconds(module: str) -> tuple[float, float]:
    """Wall and CPU seconds that a fresh process needs to import a module."""
    code = (
        "import time; wall, cpu = time.perf_counter(), time.process_time(); "
        f"import {module}; "
        "print(time.perf_counter() - wall, time.process_time() - cpu)"
    )
    # An installed package has its bytecode: compiling it each time is no import.
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    wall, cpu = map(float, done.stdout.split())
    return wall, cpu


def import_table(repeats: int) -> str:
    """Import times, and the median of their ratio within each turn."""
    for module in IMPORTS:
        import_seconds(module)  # Fills the caches of the disk and of byte code.
    times = np.array([[import_seconds(m) for m in IMPORTS] for _ in range(repeats)])
    rows = []
    for j, module in enumerate(IMPORTS):
        cells = [f"`import {module}`"]
        for kind in range(2):
            own, base = times[:, j, kind], times[:, 0, kind]
            cells.append(f"{np.median(own) * 1000:.0f}")
            cells.append(f"{np.median(own / base):.3f}")
        rows.append(cells)
    header = ["import", "wall ms", "wall ratio", "CPU ms", "CPU ratio"]
    return table(header, rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--imports", type=int, default=20, help="turns of importing")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    print(f"# Overhead of a search\n\n{_environment.describe()}")
    print(f"- {options.trials} trials, {N_SPLITS} folds, n_jobs=1\n")
    print(overhead_table(options.trials, options.repeats), end="\n\n")
    print(import_table(options.imports))


if __name__ == "__main__":
    main()
