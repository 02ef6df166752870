"""Compare searches on four tuning problems.

Usage::

    python benchmarks/bayes.py                # four problems, 50 trials, five seeds
    python benchmarks/bayes.py --quick        # two seeds, two problems
    python benchmarks/bayes.py --contenders random sktune

Each score is normalised on its problem: 0 is what random search reaches in the mean
with all trials, 100 the best score that anything has reached (`best_known.json`).
"""

from __future__ import annotations

import _environment  # isort: skip  (limits threads before numpy is loaded)

import argparse
import json
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path

from _peers import CONTENDERS, Run, available
from _problems import PROBLEMS
from _report import (
    Scale,
    best_known,
    mean_and_error,
    scales,
    search_pool,
    table,
    update_best_known,
    with_error,
)

SEEDS = 5
TRIALS = 50
POOL = 1000


def run_one(problem: str, contender: str, seed: int, n_trials: int) -> Run:
    """One search; runs in a worker process."""
    return CONTENDERS[contender](PROBLEMS[problem], seed, n_trials)


def pool_one(problem: str, size: int) -> tuple[str, float]:
    """One long random search; runs in a worker process."""
    return search_pool(PROBLEMS[problem], size)


def collect(options: argparse.Namespace) -> tuple[list[Run], dict[str, float]]:
    """All runs, and the long random searches that are not on file."""
    known = best_known()
    old = [Run(**run) for path in options.reuse for run in json.loads(path.read_text())]
    done = {
        (run.problem, run.contender, run.seed, len(run.scores)): run
        for run in old
        if run.contender != "sktune"
    }
    tasks = [
        (problem, contender, seed, options.trials)
        for seed in range(options.seeds)
        for problem in options.problems
        for contender in options.contenders
    ]
    runs = [done[task] for task in tasks if task in done]
    tasks = [task for task in tasks if task not in done]
    with ProcessPoolExecutor(options.jobs) as executor:
        pools = [
            executor.submit(pool_one, problem, options.pool)
            for problem in options.problems
            if known.get(problem, {}).get("size", 0) < options.pool
        ]
        futures = [executor.submit(run_one, *task) for task in tasks]
        for number, future in enumerate(as_completed(futures), start=1):
            runs.append(future.result())
            last = runs[-1]
            if options.verbose:
                print(
                    f"{number}/{len(tasks)} {last.problem} {last.contender} "
                    f"seed {last.seed}: {max(last.scores):.4f}",
                    flush=True,
                )
        return runs, dict(future.result() for future in pools)


def problem_table(runs: Sequence[Run], scale: Scale, marks: Sequence[int]) -> str:
    """How the contenders did on one problem."""
    header = ["contender", *[f"best at {mark}" for mark in marks]]
    header += [f"normalised at {mark}" for mark in marks]
    rows = []
    for contender in dict.fromkeys(run.contender for run in runs):
        own = [run for run in runs if run.contender == contender]
        cells = [contender]
        cells += [with_error((r.best_after(m) for r in own), 4) for m in marks]
        cells += [
            with_error(scale.normalise(run.best_after(mark)) for run in own)
            for mark in marks
        ]
        rows.append(cells)
    return table(header, rows)


def overall_table(
    runs: Sequence[Run], scaled: dict[str, Scale], marks: Sequence[int]
) -> str:
    """Mean over the problems; the error is that between seeds."""
    header = ["contender", *[f"normalised at {mark}" for mark in marks]]
    header += ["optimizer ms/trial", "all but models ms/trial"]
    rows = []
    for contender in dict.fromkeys(run.contender for run in runs):
        own = [run for run in runs if run.contender == contender]
        seeds = sorted({run.seed for run in own})
        cells = [contender]
        for mark in marks:
            by_seed = [
                mean_and_error(
                    scaled[run.problem].normalise(run.best_after(mark))
                    for run in own
                    if run.seed == seed
                )[0]
                for seed in seeds
            ]
            cells.append(with_error(by_seed))
        told = [run.optimizer * 1000 for run in own if run.optimizer is not None]
        cells.append(with_error(told) if told else "")
        cells.append(with_error(run.overhead * 1000 for run in own))
        rows.append(cells)
    return table(header, rows)


def report(runs: Sequence[Run], options: argparse.Namespace) -> str:
    """All tables."""
    order = list(options.contenders)
    runs = sorted(runs, key=lambda run: (order.index(run.contender), run.seed))
    marks = sorted({(options.trials + 1) // 2, options.trials})
    known = {name: entry["best"] for name, entry in best_known().items()}
    scaled = scales(runs, known, options.trials)
    parts = []
    for problem in options.problems:
        own = [run for run in runs if run.problem == problem]
        scale = scaled[problem]
        parts += [
            f"## {problem}\n",
            f"{len(PROBLEMS[problem].space)} dimensions, {PROBLEMS[problem].scoring}; "
            f"0 is {scale.zero:.4f}, 100 is {scale.hundred:.4f} "
            f"(by {best_known()[problem]['by']})\n",
            problem_table(own, scale, marks) + "\n",
        ]
    parts += ["## Overall\n", overall_table(runs, scaled, marks)]
    return "\n".join(parts)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few minutes")
    parser.add_argument("--problems", nargs="+", choices=PROBLEMS)
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS)
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--pool", type=int, help="size of the long random search")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--save", type=Path, help="write the runs to this file (json)")
    parser.add_argument(
        "--reuse",
        type=Path,
        nargs="+",
        default=[],
        help="take the peers' runs from these files, where they are there",
    )
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args(arguments)
    options.seeds = options.seeds or (2 if options.quick else SEEDS)
    options.pool = options.pool or (100 if options.quick else POOL)
    quick = list(PROBLEMS)[-2:]
    options.problems = options.problems or (quick if options.quick else list(PROBLEMS))
    wanted = options.contenders or list(CONTENDERS)
    # Random search is always there: it is the zero of the scale.
    wanted = [name for name in CONTENDERS if name in {"random", *wanted}]
    options.contenders = [name for name in wanted if available(name)]

    print(f"# Searches compared\n\n{_environment.describe()}")
    for name in wanted:
        if name not in options.contenders:
            print(f"- {name} is left out: what it needs is not installed")
    print(
        f"- {len(options.problems)} problems, {options.seeds} seeds, "
        f"{options.trials} trials, 5 folds, {options.jobs} processes\n",
        flush=True,
    )
    if options.reuse:
        print("Runs of peers are reused: their times are those of another moment.\n")
    started = time.perf_counter()
    runs, pools = collect(options)
    update_best_known(runs, pools, options.pool)
    if options.save:
        options.save.write_text(json.dumps([asdict(run) for run in runs]))
    print(report(runs, options))
    print(f"\nTook {(time.perf_counter() - started) / 60:.1f} minutes.")


if __name__ == "__main__":
    main()
