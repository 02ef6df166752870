"""How busy a search keeps eight workers, and what each window costs in score.

Usage::

    python benchmarks/utilisation.py              # both parts, about 15 minutes
    python benchmarks/utilisation.py --quick
    python benchmarks/utilisation.py --part workers
    python benchmarks/utilisation.py --part windows

Workers: every fit sleeps for a log-normal time of sigma 1, five fits a trial that last
about as long as each other. Another table has fits whose times are independent, also
within a trial; there a window of four trials holds back the workers much more. Sleeping
needs no core, so eight workers fit on any machine. The fraction of ideal use is the
time slept, divided by eight times the wall time of the search. The end of a search,
where workers run out of tasks, counts; "greedy" is what a scheduler would reach that
knows all tasks of that search from the start.

Windows: proposal t waits for the results up to t - n_points. The score that this costs
is measured on the problems of `bayes.py`, on the same scale.
"""

from __future__ import annotations

import _environment  # isort: skip  (limits threads before numpy is loaded)

import argparse
import heapq
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import joblib
import numpy as np
import scipy.stats
from _peers import Run, run_random, run_sktune
from _problems import PROBLEMS
from _report import (
    best_known,
    mean_and_error,
    scales,
    search_pool,
    table,
    update_best_known,
    with_error,
)
from _sleeper import SIGMA, SIGMA_OF_FOLDS, Sleeper, duration
from sklearn.model_selection import KFold

WORKERS = 8
N_SPLITS = 5
ROWS = np.arange(50).reshape(-1, 1)
FOLDS = list(KFold(N_SPLITS).split(ROWS))
# What is asked of the search, and at least how busy it must keep the workers.
SETTINGS: dict[str, tuple[dict[str, Any], float | None]] = {
    "n_points=4, seed": ({"n_points": 4, "random_state": 0}, 0.88),
    "no seed": ({}, 0.95),
    'n_points="async"': ({"n_points": "async", "random_state": 0}, 0.95),
    "seed (default)": ({"random_state": 0}, None),
}
# How far the folds of a trial differ; see `_sleeper.duration`.
SPREADS = {"alike within a trial": SIGMA_OF_FOLDS, "independent": SIGMA}
WINDOWS: tuple[int | str, ...] = (1, 2, 3, 4, 8, "auto")


# --- workers ------------------------------------------------------------------------


def greedy_wall(durations: Sequence[float]) -> float:
    """Wall time when each worker takes the next task as soon as it is free."""
    free = [0.0] * WORKERS
    for seconds in durations:
        heapq.heappush(free, heapq.heappop(free) + seconds)
    return max(free)


def _search(sleeper: Sleeper, n_iter: int, arguments: dict[str, Any]) -> Any:
    from sktune import BayesSearchCV

    return BayesSearchCV(
        sleeper,
        {"x": scipy.stats.uniform(0.0, 1.0)},
        n_iter=n_iter,
        n_jobs=WORKERS,
        cv=FOLDS,
        refit=False,
        **arguments,
    )


def measure_workers(
    backend: str, sleeper: Sleeper, n_iter: int, arguments: dict[str, Any]
) -> tuple[float, float, float]:
    """Use of the workers, use by the greedy scheduler, wall seconds."""
    with joblib.parallel_config(backend, n_jobs=WORKERS), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Starts the workers, which is not part of what is measured.
        _search(Sleeper(mean=0.01), WORKERS, arguments).fit(ROWS)
        search = _search(sleeper, n_iter, arguments)
        started = time.perf_counter()
        search.fit(ROWS)
        wall = time.perf_counter() - started
    slept = [
        duration(
            params["x"], int(np.sum(ROWS[train])), sleeper.mean, sleeper.fold_sigma
        )
        for params in search.cv_results_["params"]
        for train, _ in FOLDS
    ]
    ideal = sum(slept) / WORKERS
    return ideal / wall, ideal / greedy_wall(slept), wall


def workers_table(backends: Sequence[str], n_iter: int, sleeper: Sleeper) -> str:
    """One row a setting and backend."""
    rows = []
    for backend in backends:
        for name, (arguments, wanted) in SETTINGS.items():
            use, greedy, wall = measure_workers(backend, sleeper, n_iter, arguments)
            told = wanted is not None and sleeper.fold_sigma == SIGMA_OF_FOLDS
            target = f"{wanted:.2f}" if told else ""
            numbers = [f"{use:.3f}", target, f"{greedy:.3f}", f"{wall:.1f}"]
            rows.append([name, backend, *numbers])
    header = ["setting", "backend", "ideal use", "wanted", "greedy", "wall s"]
    return table(header, rows)


# --- windows ------------------------------------------------------------------------


def run_window(problem: str, window: int | str, seed: int, n_trials: int) -> Run:
    """One search with a window; its trials do not depend on the workers."""
    name = f"sktune, n_points={window}"
    return run_sktune(PROBLEMS[problem], seed, n_trials, name=name, n_points=window)


def run_zero(problem: str, seed: int, n_trials: int) -> Run:
    """A random search, for the zero of the scale."""
    return run_random(PROBLEMS[problem], seed, n_trials)


def pool_one(problem: str, size: int) -> tuple[str, float]:
    """A long random search, for the top of the scale."""
    return search_pool(PROBLEMS[problem], size)


def windows_table(n_seeds: int, n_trials: int, pool: int, jobs: int) -> str:
    """Normalised scores of each window, mean over the problems."""
    seeds = range(n_seeds)
    known = best_known()
    with ProcessPoolExecutor(jobs) as executor:
        pools = [
            executor.submit(pool_one, name, pool)
            for name in PROBLEMS
            if name not in known
        ]
        futures = [
            executor.submit(run_zero, name, seed, n_trials)
            for name in PROBLEMS
            for seed in seeds
        ]
        futures += [
            executor.submit(run_window, name, window, seed, n_trials)
            for seed in seeds
            for window in WINDOWS
            for name in PROBLEMS
        ]
        runs = [future.result() for future in futures]
        found = dict(future.result() for future in pools)
    scaled = scales(runs, update_best_known(runs, found, pool), n_trials)
    marks = [(n_trials + 1) // 2, n_trials]
    rows = []
    for window in WINDOWS:
        cells = [str(window)]
        for mark in marks:
            by_seed = [
                mean_and_error(
                    scaled[run.problem].normalise(run.best_after(mark))
                    for run in runs
                    if run.contender == f"sktune, n_points={window}"
                    and run.seed == seed
                )[0]
                for seed in seeds
            ]
            cells.append(with_error(by_seed))
        rows.append(cells)
    return table(["n_points", *[f"normalised at {mark}" for mark in marks]], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--part", choices=("workers", "windows"))
    parser.add_argument("--backends", nargs="+", default=["threading", "loky"])
    parser.add_argument("--trials", type=int, help="of the workers part")
    parser.add_argument("--mean", type=float, default=0.5, help="seconds a fit sleeps")
    parser.add_argument("--folds", nargs="+", choices=SPREADS, default=list(SPREADS))
    parser.add_argument("--seeds", type=int, help="of the windows part")
    parser.add_argument("--jobs", type=int, default=2, help="of the windows part")
    options = parser.parse_args(arguments)
    n_iter = options.trials or (40 if options.quick else 100)
    n_seeds = options.seeds or (2 if options.quick else 5)
    print(f"# Use of the workers\n\n{_environment.describe()}")
    if options.part != "windows":
        print(
            f"- {WORKERS} workers, {n_iter} trials, {N_SPLITS} folds, fits of "
            f"{options.mean} s in the mean",
            flush=True,
        )
        for name in options.folds:
            sleeper = Sleeper(mean=options.mean, fold_sigma=SPREADS[name])
            print(f"\n## Fits {name}\n", flush=True)
            print(workers_table(options.backends, n_iter, sleeper), flush=True)
    if options.part != "workers":
        print(f"\n## What a window costs\n\n{n_seeds} seeds, 50 trials\n", flush=True)
        print(windows_table(n_seeds, 50, 1000, options.jobs))


if __name__ == "__main__":
    main()
