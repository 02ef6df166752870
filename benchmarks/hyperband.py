"""Score against training spent, for searches that stop candidates early.

Each contender searches the same space on the same folds and gets the budget that the
plan of ours takes; random search, which trains every candidate in full, gets ten times
that. A unit of training is a unit of the resource on the rows of a fold, whoever spends
it: a contender that begins anew at each rung pays for it.

What counts at any moment is the score that the contender's incumbent has when it is
trained in full. The incumbent is the best candidate of those at the largest budget so
far. Its full training is not charged: the score is looked up for the table.

A score by which a candidate was chosen flatters it, the more so the more were compared.
So the incumbents are also trained on other folds with other seeds, which no contender
has seen, and there are tables of both.

From the root of the repository::

    python benchmarks/hyperband.py                        # four problems, eight seeds
    python benchmarks/hyperband.py --problems keras --seeds 3
"""

from __future__ import annotations

import _environment  # isort: skip  (limits threads before numpy is loaded)

import argparse
import json
import os
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Before TensorFlow is loaded: no lines of its own between those of the tables.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import joblib
import numpy as np
from _hyperband_contenders import (
    CONTENDERS,
    RANDOM_TIMES,
    Event,
    Trainer,
    search_of,
)
from _hyperband_problems import FOLDS, PROBLEMS, Problem
from _report import table, with_error

POINTS = (0.25, 0.5, 1.0)  # of the budget
OTHER_SEEDS = (1, 2, 3)
KINDS = {"seen": "on the folds of the search", "unseen": "on other folds, other seeds"}

Row = dict[str, Any]


def budget_of(problem: Problem) -> float:
    """What the plan of ours spends, of all folds."""
    search = search_of(problem, "random", 0)
    plan = search._make_plan(search._read_space(), problem.data[1], 10**9, 0)
    return float(plan.n_units * FOLDS)


def incumbent_at(events: Sequence[Event], cost: float) -> Event | None:
    """The best candidate once so much was spent."""
    known = [e for e in events if e.cost <= cost + 1e-9 and np.isfinite(e.score)]
    return max(known, key=lambda e: (e.budget, e.score), default=None)


def full_score(event: Event | None, trainers: Sequence[Trainer]) -> float:
    """Score of a candidate after a full training, the mean of what these train on."""
    if event is None:
        return np.nan
    return float(np.mean([trainer.full(event.params) for trainer in trainers]))


def run_one(name: str, seed: int, contenders: Sequence[str], save: Any) -> list[Row]:
    """All contenders on one problem with one seed."""
    warnings.simplefilter("ignore")
    problem = PROBLEMS[name]()
    trainer = Trainer(problem)
    others = [Trainer(problem.drawn_anew(other)) for other in OTHER_SEEDS]
    budget = budget_of(problem)
    rows = []
    for contender in contenders:
        started = time.process_time()
        events = CONTENDERS[contender](problem, trainer, budget, seed)
        points = [*POINTS, RANDOM_TIMES] if contender == "random" else POINTS
        of_contender = []
        for point in points:
            best = incumbent_at(events, point * budget)
            row = {
                "problem": name,
                "seed": seed,
                "contender": contender,
                "point": point,
                "seen": full_score(best, [trainer]),
                "unseen": full_score(best, others),
            }
            of_contender.append(row)
        rows += of_contender
        if save is not None:
            with save.open("a") as file:
                file.writelines(json.dumps(row) + "\n" for row in of_contender)
        seconds = time.process_time() - started
        print(f"  {name} {seed} {contender}: {seconds:.0f} s", flush=True)
    return rows


def takes_part(contender: str, problem: str) -> bool:
    """Whether a contender knows the resource of a problem."""
    return problem == "keras" or not contender.startswith("keras-tuner")


def collect(options: argparse.Namespace) -> list[Row]:
    """All rows, from files where they are there."""
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    lines = [line for path in options.reuse for line in path.read_text().splitlines()]
    old = {}
    for row in map(json.loads, lines):
        key = (row["problem"], row["seed"], row["contender"])
        old.setdefault(key, {})[row["point"]] = row
    rows: list[Row] = []
    tasks = []
    for name in options.problems:
        for seed in seeds:
            here = [c for c in options.contenders if takes_part(c, name)]
            for contender in here:
                rows += old.get((name, seed, contender), {}).values()
            left = [c for c in here if (name, seed, c) not in old]
            if left:
                tasks.append((name, seed, left, options.save))
    found = joblib.Parallel(n_jobs=options.jobs)(
        joblib.delayed(run_one)(*task) for task in tasks
    )
    return [*rows, *(row for some in found for row in some)]


def normalised(rows: list[Row], kind: str) -> None:
    """0 is random search with the same budget, 100 the best of all runs."""
    for name in {row["problem"] for row in rows}:
        here = [row for row in rows if row["problem"] == name]
        zero = np.mean(
            [r[kind] for r in here if r["contender"] == "random" and r["point"] == 1]
        )
        best = np.nanmax([r[kind] for r in here])
        for row in here:
            value = row[kind] if np.isfinite(row[kind]) else np.nan
            row["value"] = 100 * (value - zero) / (best - zero)
            # Before the first incumbent, and where it diverges: no worse than this.
            row["value"] = float(np.nan_to_num(max(row["value"], -100.0), nan=-100.0))


def print_tables(rows: list[Row], kind: str, options: argparse.Namespace) -> None:
    """One for each problem, and one of all that have all contenders."""
    normalised(rows, kind)
    points = [*POINTS, RANDOM_TIMES]
    names = [*options.problems, "all problems"]
    for name in names if len(options.problems) > 1 else names[:1]:
        here = [r for r in rows if name in (r["problem"], "all problems")]
        lines = []
        for contender in options.contenders:
            own = [r for r in here if r["contender"] == contender]
            # A mean over other problems than those of the others says nothing.
            if {r["problem"] for r in own} != {r["problem"] for r in here}:
                continue
            cells = []
            for point in points:
                values = [r["value"] for r in own if r["point"] == point]
                cells.append(with_error(values, 0) if values else "")
            lines.append([contender, *cells])
        shares = [f"{100 * point:g} %" for point in points]
        print(f"\n{name}: score at a share of the budget, {KINDS[kind]}\n")
        print(table(["", *shares], lines))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--problems", nargs="+", choices=PROBLEMS, default=list(PROBLEMS)
    )
    parser.add_argument(
        "--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS)
    )
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--save", type=Path, help="add the rows to this file (jsonl)")
    parser.add_argument(
        "--reuse",
        type=Path,
        nargs="+",
        default=[],
        help="take rows from these files, where they are there",
    )
    options = parser.parse_args()
    packages = (*_environment.PACKAGES, "keras", "keras-tuner", "tensorflow")
    print(_environment.describe(packages), "\n")
    if options.reuse:
        print("Rows are reused from", *(path.name for path in options.reuse), "\n")
    rows = collect(options)
    if "random" not in options.contenders:
        print("\nNo tables: the zero of their scale is random search.")
        return
    for kind in KINDS:
        print_tables(rows, kind, options)


if __name__ == "__main__":
    main()
