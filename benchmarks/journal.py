"""What the journal of a search costs: time, space and memory.

Usage::

    python benchmarks/journal.py [--trials 10000] [--folder .] [--measure time]

The estimator does nothing and candidates are drawn, so that a search is little but its
own machinery. It runs without ``storage``, with a journal on the disk, and with one in
memory, where there is such a file system: the differences are divided by the number of
folds. With ``synchronous=FULL`` each finished fold waits for the disk once; what that
takes is measured, too. What is left is ours.
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
MEMORY = Path("/dev/shm")


def fit(n_trials: int, storage: Path | None) -> float:
    """Wall seconds of a search without a model."""
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
    started = time.perf_counter()
    search.fit(X, y)
    return time.perf_counter() - started


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
    without = fit(n_trials, None)
    on_disk = fit(n_trials, path)
    size = path.stat().st_size
    again = fit(n_trials, path)
    started = time.perf_counter()
    load_search(path)
    loading = time.perf_counter() - started
    rows = [
        ["search without a journal, ms a fold", f"{without / n_folds * 1e3:.2f}"],
        ["journal on disk, ms a fold", f"{(on_disk - without) / n_folds * 1e3:.2f}"],
        [
            "of that, fsync of 4 kB: median, 95 %",
            "{:.2f}, {:.2f}".format(*fsync_ms(folder)),
        ],
    ]
    if MEMORY.is_dir():
        with tempfile.TemporaryDirectory(dir=MEMORY) as name:
            in_memory = fit(n_trials, Path(name) / "search.db")
        ours = (in_memory - without) / n_folds * 1e3
        rows.append(["journal in memory, ms a fold", f"{ours:.2f}"])
    return [
        *rows,
        ["file, bytes a fold", f"{size / n_folds:.0f}"],
        ["going on when all is finished, ms a trial", f"{again / n_trials * 1e3:.2f}"],
        ["load_search, ms a trial", f"{loading / n_trials * 1e3:.2f}"],
    ]


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
