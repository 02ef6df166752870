"""What the journal of a search costs: time, space and memory.

Usage::

    python benchmarks/journal.py [--trials 1000] [--folder .]

The estimator does nothing and candidates are drawn, so that a search is little but its
own machinery. It runs with and without ``storage`` by turns; the difference is divided
by the number of folds. ``fsync`` is what the disk itself takes: with
``synchronous=FULL`` each finished fold waits for it.
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

N_SPLITS = 5


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


def memory_per_trial(folder: Path, n_trials: int) -> tuple[float, float]:
    """Bytes a trial that a search holds at its peak: without a journal, and with."""
    found = []
    for storage in (None, folder / "memory.db"):
        peaks = []
        for n in (n_trials // 10, n_trials):
            if storage is not None:
                storage.unlink(missing_ok=True)
            tracemalloc.start()
            fit(n, storage)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        found.append((peaks[1] - peaks[0]) / (n_trials - n_trials // 10))
    return found[0], found[1]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--memory-trials", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", default=None, help="on the disk to measure")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    n_folds = options.trials * N_SPLITS
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        fit(5, None)
        fit(5, folder / "first.db")
        without, with_ = [], []
        for repeat in range(options.repeats):
            without.append(fit(options.trials, None))
            with_.append(fit(options.trials, folder / f"{repeat}.db"))
        path = folder / "0.db"
        again = fit(options.trials, path)
        started = time.perf_counter()
        load_search(path)
        loading = time.perf_counter() - started
        extra = (np.median(with_) - np.median(without)) / n_folds * 1000
        fsync = fsync_ms(folder)
        memory = memory_per_trial(folder, options.memory_trials)
        size = (folder / "1.db").stat().st_size if options.repeats > 1 else None
        size = size or path.stat().st_size
    print(f"# The journal of a search\n\n{_environment.describe()}")
    print(f"- {options.trials} trials, {N_SPLITS} folds, n_jobs=1\n")
    rows = [
        [
            "search without a journal, ms a fold",
            f"{np.median(without) / n_folds * 1e3:.2f}",
        ],
        ["journal, ms a fold", f"{extra:.2f}"],
        [
            "fsync of 4 kB on this disk, ms: median, 95 %",
            "{:.2f}, {:.2f}".format(*fsync),
        ],
        ["file, bytes a fold", f"{size / n_folds:.0f}"],
        [
            "going on when all is finished, ms a trial",
            f"{again / options.trials * 1e3:.2f}",
        ],
        ["load_search, ms a trial", f"{loading / options.trials * 1e3:.2f}"],
        ["peak memory without a journal, bytes a trial", f"{memory[0]:.0f}"],
        ["peak memory with a journal, bytes a trial", f"{memory[1]:.0f}"],
    ]
    print(table(["measure", ""], rows))


if __name__ == "__main__":
    main()
