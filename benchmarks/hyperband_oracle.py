"""What could be reached on a problem of ``hyperband.py`` with perfect foresight.

Scores of full trainings are a smooth function of the configuration and chance: of the
rows that a tree draws, say. Chance is not to be foreseen, and the best of many random
configurations has been lucky. Here a Gaussian process learns from a thousand full
trainings, and then picks as many configurations as the plan of ours trains in full.
What the best of these reaches is next to what random search reaches with ten times the
budget of the plan: log10 of one in how many drawn configurations is as good.

From the root of the repository::

    python benchmarks/hyperband_oracle.py
"""

from __future__ import annotations

import _environment  # isort: skip  (limits threads before numpy is loaded)

import argparse
import warnings

import joblib
import numpy as np
from _hyperband_contenders import RANDOM_TIMES, Trainer, search_of
from _hyperband_problems import PROBLEMS, Problem
from _report import table, with_error
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from sktune import Space

POOL = 1000  # drawn configurations from which the model picks the best
REPEATS = 20

Array = np.ndarray


def full_scores(problem: Problem, points: Array, jobs: int) -> Array:
    """Scores of full trainings."""

    def some(part: Array) -> list[float]:
        warnings.simplefilter("ignore")
        trainer, space = Trainer(problem), Space(problem.space)
        return [trainer.full(space.from_unit(point)) for point in part]

    parts = np.array_split(points, 8 * jobs)
    found = joblib.Parallel(jobs)(joblib.delayed(some)(part) for part in parts)
    return np.nan_to_num(np.concatenate(found), nan=-np.inf)


def fitted(points: Array, scores: Array) -> GaussianProcessRegressor:
    """A model of the better half: the rest would tell it of slopes far away."""
    better = scores >= np.median(scores)
    kernel = ConstantKernel() * Matern(np.ones(points.shape[1]), nu=2.5)
    model = GaussianProcessRegressor(kernel + WhiteKernel(0.1), normalize_y=True)
    return model.fit(points[better], scores[better])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problem", choices=PROBLEMS, default="boosting")
    parser.add_argument("--trainings", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print(_environment.describe(), "\n")
    problem = PROBLEMS[options.problem]()
    space, rng = Space(problem.space), np.random.default_rng(0)
    plan = search_of(problem, "random", 0)._make_plan(space, problem.data[1], 10**9, 0)
    n_full = sum(bracket.rungs[-1].n_candidates for bracket in plan.brackets)
    n_random = int(RANDOM_TIMES * plan.n_units / problem.max_resource)

    points = space.sample(rng, 2 * options.trainings)
    scores = full_scores(problem, points, options.jobs)
    known, others = np.split(scores, 2)
    model = fitted(points[: options.trainings], known)
    pools = (space.sample(rng, POOL) for _ in range(REPEATS * n_full))
    picks = np.array([pool[model.predict(pool).argmax()] for pool in pools])
    picked = full_scores(problem, picks, options.jobs)

    def row(label: str, among: Array, n: int) -> list[str]:
        best = among[: len(among) // n * n].reshape(-1, n).max(axis=1)
        n_better = np.sum(others > best[:, None], axis=1)
        values = np.log10(len(others) / (1 + n_better))
        return [label, str(n), with_error(values, 2)]

    rows = [
        row("drawn, the budget of the plan", others, n_random // RANDOM_TIMES),
        row(f"drawn, {RANDOM_TIMES} times the budget", others, n_random),
        row("picked", picked, 1),
        row("picked, as many as the plan trains in full", picked, n_full),
    ]
    print(f"{options.problem}; the model knows {options.trainings} full trainings\n")
    print(table(["configurations", "trained", "log10"], rows))


if __name__ == "__main__":
    main()
