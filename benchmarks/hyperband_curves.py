"""What proposes candidates for Hyperband, on functions whose optimum is known.

Six functions of a configuration and a budget. In five of them what is best after little
training is not best in the end. Printed is how good the incumbent is when it is trained
in full: log10 of one in how many drawn configurations is as good. The incumbent is the
best of those at the largest budget so far, after a share of what the plan spends.

From the root of the repository::

    python benchmarks/hyperband_curves.py
"""

from __future__ import annotations

import _environment  # isort: skip  (limits threads before numpy is loaded)

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import joblib
import numpy as np
from _report import table, with_error

from sktune import Space
from sktune._protocol import Outcome, Status
from sktune.optimizers import (
    BayesOptimizer,
    HyperbandOptimizer,
    RandomOptimizer,
    make_brackets,
)

SHARES = (0.25, 0.5, 1.0)  # of the budget
POOL = 20_000
N_ABREAST = 3  # what a search with three folds has

Array = np.ndarray


class Curves:
    """Scores of configurations at budgets. Abstract."""

    max_resource = 81
    min_resource = 1
    continues = True
    noise = 0.003
    spec: dict[str, Any]

    def __init__(self, seed: int) -> None:
        self.space = Space(self.spec)
        self.rng = np.random.default_rng([11, seed])
        self.seed = seed
        self.bowl = Bowl(self.space.n_axes, [7, seed])
        self.set_up()

    def set_up(self) -> None:
        """Draw what differs between seeds."""

    def __call__(self, points: Array, budget: int) -> Array:
        """Scores without noise, of points without missing coordinates."""
        raise NotImplementedError

    def measured(self, point: Array, budget: int) -> float:
        """A score with noise, half of it the configuration's own."""
        key = (point * 2**30).astype(np.int64)
        own = np.random.default_rng([self.seed, *key]).standard_normal()
        here = np.random.default_rng([self.seed, budget, *key]).standard_normal()
        exact = float(self(point[None], budget)[0])
        return exact + self.noise * np.sqrt(0.5) * (own + here)

    def axis(self, points: Array, name: str) -> Array:
        """Coordinates of a parameter."""
        return points[:, list(self.spec).index(name)]

    def without(self, points: Array, *names: str) -> Array:
        """The distance from the optimum of all parameters but these."""
        rest = points.copy()
        rest[:, [list(self.spec).index(name) for name in names]] = 0.5
        return self.bowl(rest)


class Bowl:
    """A distance from a point, with axes that matter more and less."""

    def __init__(self, n_axes: int, seed: Sequence[int]) -> None:
        rng = np.random.default_rng(seed)
        self.centre = rng.uniform(0.15, 0.85, n_axes)
        weights = np.exp(rng.normal(0, 1.0, n_axes))
        self.weights = weights / weights.sum()
        self.rotation = np.eye(n_axes) + rng.normal(0, 0.15, (n_axes, n_axes))

    def __call__(self, points: Array) -> Array:
        offsets = (points - self.centre) @ self.rotation
        return np.sqrt((self.weights * offsets**2).sum(axis=1))


class Rate(Curves):
    """Large learning rates win early, small ones late."""

    min_resource = 3
    spec = {
        "rate": (1e-3, 1e0, "log-uniform"),
        "a": (0.0, 1.0),
        "b": (0.0, 1.0),
        "c": (0.0, 1.0),
        "kind": ["x", "y", "z"],
    }

    def set_up(self) -> None:
        self.speed = self.rng.uniform(1.0, 3.0)
        self.of_kind = self.rng.uniform(0, 0.1, 3)
        self.floor = self.rng.uniform(0.15, 0.4)

    def __call__(self, points: Array, budget: int) -> Array:
        rate, kind = self.axis(points, "rate"), self.axis(points, "kind")
        final = 0.25 * self.without(points, "rate", "kind") + self.floor * rate**2.5
        final += self.of_kind[np.minimum((kind * 3).astype(int), 2)]
        return -(final + np.exp(-self.speed * 10 ** (3 * rate - 3) * budget))


class Capacity(Curves):
    """The more capacity, the more rows it needs; each time a new fit."""

    max_resource = 600
    min_resource = 22
    continues = False
    spec = {
        "capacity": (0.0, 1.0),
        "penalty": (1e-4, 1e2, "log-uniform"),
        "a": (0.0, 1.0),
        "n": (5, 100, "log-uniform"),
        "kind": ["x", "y"],
    }

    def set_up(self) -> None:
        self.power = self.rng.uniform(0.5, 1.2)
        self.variance = self.rng.uniform(3, 12)

    def __call__(self, points: Array, budget: int) -> Array:
        penalty = self.axis(points, "penalty")
        capacity = (self.axis(points, "capacity") + self.axis(points, "n")) / 2
        bias = 0.5 * np.exp(-3 * capacity) + 0.15 * penalty**2
        variance = self.variance * np.exp(2 * capacity) * (1 - 0.6 * penalty)
        other = 0.05 * (self.axis(points, "kind") > 0.5)
        other += 0.3 * self.without(points, "capacity", "n")
        return -(bias + variance / budget**self.power + other)


class Alike(Curves):
    """Training helps all alike."""

    spec = dict.fromkeys("abcd", (0.0, 1.0))

    def __call__(self, points: Array, budget: int) -> Array:
        return -(self.bowl(points) + 0.5 * budget**-0.5)


class Diverging(Curves):
    """Steps as long as possible are best; longer ones diverge, ever worse."""

    max_resource = 27
    spec = {
        "rate": (1e-4, 1e1, "log-uniform"),
        "momentum": (0.0, 1.0),
        "a": (1e-5, 1e0, "log-uniform"),
        "b": (0.0, 1.0),
        "kind": [True, False],
    }

    def set_up(self) -> None:
        self.longest = self.rng.uniform(0.6, 0.8)

    def __call__(self, points: Array, budget: int) -> Array:
        step = self.axis(points, "rate") + 0.3 * (self.axis(points, "momentum") - 0.5)
        left = 2 * (1 + 3 * budget * 10 ** (4 * (step - self.longest))) ** -0.7
        too_long = np.minimum(20 * np.maximum(step - self.longest, 0), 6)
        diverged = np.expm1(too_long) * (1 + np.log(budget))
        return -(0.2 + 0.4 * self.without(points, "rate") + left + diverged)


class Late(Curves):
    """A penalty hurts early and pays late."""

    max_resource = 27
    spec = {
        "penalty": (0.0, 1.0),
        "rate": (1e-4, 1e-1, "log-uniform"),
        "a": (0.0, 1.0),
        "b": (0.0, 1.0),
        "units": (8, 256, "log-uniform"),
    }

    def set_up(self) -> None:
        self.overfit = self.rng.uniform(0.2, 0.5)

    def __call__(self, points: Array, budget: int) -> Array:
        penalty, units = self.axis(points, "penalty"), self.axis(points, "units")
        time = np.log(budget) / np.log(self.max_resource)
        speed = 10 ** (1.6 * self.axis(points, "rate") - 0.8 * penalty - 1.2)
        over = self.overfit * units * (1 - penalty) * time**2
        under = 0.8 * np.exp(-budget * speed) + 0.1 * (1 - units)
        return -(0.3 * self.without(points, "penalty", "rate") + over + under)


class Unlike(Curves):
    """Small budgets say little: they have an optimum of their own."""

    min_resource = 3
    noise = 0.01
    spec = dict.fromkeys("abc", (0.0, 1.0))

    def set_up(self) -> None:
        self.early = Bowl(self.space.n_axes, [7, self.seed + 500])

    def __call__(self, points: Array, budget: int) -> Array:
        time = np.log(budget / 3) / np.log(27)
        late = self.bowl(points) * time
        return -(late + (self.early(points) + 0.3) * (1 - time))


FUNCTIONS = {c.__name__: c for c in (Rate, Capacity, Alike, Diverging, Late, Unlike)}


def random(space: Space, plan: Any, seed: int) -> RandomOptimizer:
    return RandomOptimizer(space, rng=np.random.default_rng(seed))


def bayes(space: Space, plan: Any, seed: int, **options: Any) -> BayesOptimizer:
    budgets = [rung.budget for bracket in plan for rung in bracket.rungs]
    return BayesOptimizer(
        space,
        rng=np.random.default_rng(seed),
        budget=sum(bracket.rungs[0].n_candidates for bracket in plan),
        budgets=(min(budgets), max(budgets)),
        **options,
    )


SAMPLERS: dict[str, Callable[..., Any]] = {
    "random": random,
    # led by the model from the first results on
    "bayes, at once": partial(bayes, far=-1.0),
    "bayes": bayes,
}


def run_one(name: str, sampler: str, seed: int) -> list[float]:
    """How good the incumbent is after each share of the budget."""
    curves = FUNCTIONS[name](seed)
    plan = make_brackets(curves.max_resource, curves.min_resource)
    optimizer = HyperbandOptimizer(
        SAMPLERS[sampler](curves.space, plan, seed),
        plan,
        learns=sampler != "random",
        n_abreast=N_ABREAST,
    )
    seen, spent, before = [], 0, {}
    while (suggestion := optimizer.ask()) is not None:
        assert suggestion.point is not None
        assert suggestion.budget is not None
        start = before.get(suggestion.trial, 0) if curves.continues else 0
        spent += suggestion.budget - start
        before[suggestion.trial] = suggestion.budget
        score = curves.measured(suggestion.point, suggestion.budget)
        optimizer.tell(Outcome(suggestion.trial, Status.OK, score, 1e-4))
        seen.append((spent, suggestion.budget, score, suggestion.point))
    pool = curves.space.sample(np.random.default_rng(99), POOL)
    everyone = np.sort(curves(pool, curves.max_resource))
    found = []
    for share in SHARES:
        here = [event for event in seen if event[0] <= share * spent]
        best = max(here, key=lambda event: (event[1], event[2]))
        exact = curves(best[3][None], curves.max_resource)[0]
        n_better = POOL - np.searchsorted(everyone, exact)
        found.append(float(np.log10(POOL / (1 + n_better))))
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--first-seed", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args()
    print(_environment.describe(), "\n")
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    lines = []
    for sampler in SAMPLERS:
        tasks = [(name, sampler, seed) for name in FUNCTIONS for seed in seeds]
        found = joblib.Parallel(options.jobs)(
            joblib.delayed(run_one)(*t) for t in tasks
        )
        values = np.array(found)
        means = [with_error(column, 2) for column in values.T]
        final = values[:, -1].reshape(len(FUNCTIONS), -1).mean(axis=1)
        lines.append([sampler, *means, *(f"{value:.1f}" for value in final)])
    shares = [f"{100 * share:g} %" for share in SHARES]
    print(table(["sampler", *shares, *FUNCTIONS], lines))


if __name__ == "__main__":
    main()
