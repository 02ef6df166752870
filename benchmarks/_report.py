"""Normalised scores and markdown tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from _peers import Run, scipy_space
from _problems import Problem
from sklearn.model_selection import ParameterSampler

BEST_KNOWN = Path(__file__).parent / "best_known.json"
# Far from the seeds of the runs, so that the pool is other draws than theirs.
POOL_SEED = 1_000_003


@dataclass(frozen=True)
class Scale:
    """What counts as 0 and as 100 on one problem."""

    zero: float
    hundred: float

    def normalise(self, score: float) -> float:
        """A score on this scale; above 100 is not possible, below 0 is."""
        return 100.0 * (score - self.zero) / (self.hundred - self.zero)


def best_known() -> dict[str, dict[str, Any]]:
    """What the file of best scores says of this version of scikit-learn."""
    if not BEST_KNOWN.exists():
        return {}
    stored: dict[str, dict[str, Any]] = json.loads(BEST_KNOWN.read_text())
    return {
        name: entry
        for name, entry in stored.items()
        # Models change between versions, so scores of another one mean nothing.
        if entry["scikit-learn"] == sklearn.__version__
    }


def search_pool(problem: Problem, size: int) -> tuple[str, float]:
    """The best of a long random search."""
    best = -np.inf
    for params in ParameterSampler(scipy_space(problem), size, random_state=POOL_SEED):
        plain = {name.partition("__")[2]: value for name, value in params.items()}
        best = max(best, problem.mean_score(plain))
    return problem.name, float(best)


def update_best_known(
    runs: Sequence[Run], pools: dict[str, float], pool_size: int
) -> dict[str, float]:
    """Raise the best known scores to what was seen, and write them down.

    Parameters
    ----------
    runs : sequence of Run
        All runs of all contenders.
    pools : dict of str to float
        Per problem, the best of a long random search of this run; may lack problems
        whose pool is known from an earlier run.
    pool_size : int
        Configurations in each pool.

    Returns
    -------
    dict of str to float
        The best known score of each problem.
    """
    known = best_known()
    for name in {run.problem for run in runs}:
        old = known.get(name, {"best": -np.inf, "by": None, "pool": None, "size": 0})
        entry = dict(old)
        if name in pools:
            entry["pool"], entry["size"] = pools[name], pool_size
            if pools[name] > entry["best"]:
                entry["best"], entry["by"] = pools[name], "long random search"
        for run in runs:
            if run.problem == name and max(run.scores) > entry["best"]:
                entry["best"], entry["by"] = max(run.scores), run.contender
        known[name] = entry | {"scikit-learn": sklearn.__version__}
    BEST_KNOWN.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")
    return {name: entry["best"] for name, entry in known.items()}


def scales(
    runs: Sequence[Run], best: dict[str, float], n_trials: int
) -> dict[str, Scale]:
    """Per problem: random search's mean after all trials is 0, the best known 100."""
    found = {}
    for name in {run.problem for run in runs}:
        random = [
            run.best_after(n_trials)
            for run in runs
            if run.problem == name and run.contender == "random"
        ]
        found[name] = Scale(zero=float(np.mean(random)), hundred=best[name])
    return found


def mean_and_error(values: Iterable[float]) -> tuple[float, float]:
    """Mean and standard error of the mean; the error of a single value is nan."""
    numbers = np.asarray(list(values), dtype=float)
    if len(numbers) < 2:
        return float(numbers.mean()), float("nan")
    return float(numbers.mean()), float(numbers.std(ddof=1) / np.sqrt(len(numbers)))


def with_error(values: Iterable[float], digits: int = 1) -> str:
    """Mean and standard error, for a table; the mean alone of a single value."""
    mean, error = mean_and_error(values)
    if error != error:  # nan
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} ± {error:.{digits}f}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A markdown table whose columns are aligned in plain text too."""
    lines = [list(header), *[list(row) for row in rows]]
    widths = [max(len(line[j]) for line in lines) for j in range(len(header))]
    # The first column is a name, the others are numbers.
    rule = ["-" * widths[0], *["-" * (width - 1) + ":" for width in widths[1:]]]

    def render(cells: Sequence[str]) -> str:
        first = cells[0].ljust(widths[0])
        others = [cell.rjust(w) for cell, w in zip(cells[1:], widths[1:], strict=True)]
        return "| " + " | ".join([first, *others]) + " |"

    return "\n".join([render(lines[0]), render(rule), *map(render, lines[1:])])
