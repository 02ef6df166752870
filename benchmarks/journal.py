"""What the journal of a search costs: time, space and memory.

Usage::

    python benchmarks/journal.py [--trials 10000] [--folder .] [--measure time]

The estimator does nothing and candidates are drawn, so that a search is little but its
own machinery. It runs with and without ``storage``; the differences are divided by the
number of folds. With ``synchronous=FULL`` each finished fold waits for the disk once,
and what that takes is measured, too. The time of the processor is ours, and hardly
depends on what else the machine does.
"""

from __future__ import annotations

import _environment  # isort: skip  (limits threads before numpy is loaded)

import argparse
import os
import tempfile
import time
import tracemalloc
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from _report import table
from overhead import SPACE, Trivial

from sktune import HyperbandSearchCV, load_search

N_SPLITS = 2


def fit(n_trials: int, storage: Path | None) -> np.ndarray:
    """Seconds of a search without a model, by the clock and of the processor."""
    # A single rung of drawn candidates: a Gaussian process would hide all else.
    search = HyperbandSearchCV(
        Trivial(),
        SPACE,
        resource="n_samples",
        factor=10**9,
        n_candidates=n_trials,
        sampler="random",
        cv=N_SPLITS,
        refit=False,
        random_state=0,
        storage=storage,
    )
    X, y = np.zeros((100, 2)), np.arange(100) % 2
    started = np.array([time.perf_counter(), time.process_time()])
    search.fit(X, y)
    return np.array([time.perf_counter(), time.process_time()]) - started


def fsync_ms(folder: Path, repeats: int = 200) -> tuple[float, float]:
    """Median and 95th percentile of what it takes to append 4 kB durably."""
    seconds = []
    with open(folder / "probe", "wb") as file:
        for _ in range(repeats):
            started = time.perf_counter()
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
            seconds.append(time.perf_counter() - started)
    return float(np.median(seconds)) * 1000, float(np.quantile(seconds, 0.95)) * 1000


def memory_per_trial(folder: Path, n_trials: int) -> list[float]:
    """Bytes a trial that a search holds at its peak: without a journal, and with."""
    found = []
    for number, storage in enumerate((None, folder)):
        peaks = []
        for n in (20, n_trials // 4, n_trials):  # the first one loads and fills caches
            path = None if storage is None else storage / f"memory-{number}-{n}.db"
            tracemalloc.start()
            fit(n, path)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        found.append((peaks[2] - peaks[1]) / (n_trials - n_trials // 4))
    return found


def measure_time(n_trials: int, folder: Path) -> list[list[str]]:
    """Rows on time and space."""
    n_folds = n_trials * N_SPLITS
    path = folder / "search.db"
    fit(20, None)
    without = fit(n_trials, None) / n_folds * 1e3
    journal = fit(n_trials, path) / n_folds * 1e3 - without
    size = path.stat().st_size
    again, _ = fit(n_trials, path)
    started = time.perf_counter()
    load_search(path)
    loading = time.perf_counter() - started
    median, late = fsync_ms(folder)
    return [
        ["search without a journal, ms a fold: clock, processor", _two(*without)],
        ["journal besides, ms a fold: clock, processor", _two(*journal)],
        ["fsync of 4 kB on this disk, ms: median, 95 %", _two(median, late)],
        ["file, bytes a fold", f"{size / n_folds:.0f}"],
        ["going on when all is finished, ms a trial", f"{again / n_trials * 1e3:.2f}"],
        ["load_search, ms a trial", f"{loading / n_trials * 1e3:.2f}"],
    ]


def _two(one: float, other: float) -> str:
    return f"{one:.2f}, {other:.2f}"


def measure_memory(n_trials: int, folder: Path) -> list[list[str]]:
    """Rows on the memory of the driver."""
    kinds = ("without", "with")
    return [
        [f"peak memory of the driver {kind} a journal, bytes a trial", f"{bytes_:.0f}"]
        for kind, bytes_ in zip(kinds, memory_per_trial(folder, n_trials), strict=True)
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--measure", choices=["time", "memory"], default=None)
    parser.add_argument("--folder", default=None, help="on the disk to measure")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    rows = []
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        if options.measure != "memory":
            rows += measure_time(options.trials, Path(name))
        if options.measure != "time":
            rows += measure_memory(options.trials, Path(name))
    print(f"# The journal of a search\n\n{_environment.describe()}")
    print(f"- {options.trials} trials, {N_SPLITS} folds, n_jobs=1\n")
    print(table(["measure", ""], rows))


if __name__ == "__main__":
    main()
