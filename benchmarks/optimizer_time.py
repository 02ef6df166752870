"""Time that optimizers take to propose a trial and to learn from it.

Usage::

    python benchmarks/optimizer_time.py            # next to the peers
    python benchmarks/optimizer_time.py --only sktune
    python benchmarks/optimizer_time.py --cpu      # on a machine that is busy

A space of six dimensions (three floats, two integers, a category) and a function that
costs nothing. Two numbers at each n: the median over the trials near n of the time of
one ask and one tell, and for n = 50 also the median over all 50 trials, of which the
first are the start that no model is asked about.
"""

from __future__ import annotations

import _environment  # isort: skip  (limits threads before numpy is loaded)

import argparse
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from _peers import available
from _report import table

CATEGORIES = ("a", "b", "c", "d")
# Shared by all: name, low, high, log. Ends that are ints mean integers.
NUMBERS: tuple[tuple[str, float, float, bool], ...] = (
    ("rate", 1e-4, 1.0, True),
    ("penalty", 1e-6, 1e2, True),
    ("share", 0.1, 1.0, False),
    ("leaves", 2, 256, True),
    ("depth", 1, 12, False),
)
NEAR = 10  # Trials up to n over which the median is taken.

# All contenders run in one thread, so that the two clocks agree on an idle machine.
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
_clock = CLOCKS["wall"]


def clock() -> float:
    """Seconds on the clock that was chosen."""
    return _clock()


def objective(params: Mapping[str, Any], rng: np.random.Generator) -> float:
    """A noisy bowl on the scale of each parameter."""
    units = []
    for name, low, high, log in NUMBERS:
        value = float(params[name])
        if log:
            value, low, high = np.log(value), np.log(low), np.log(high)
        units.append((value - low) / (high - low))
    bowl = -np.sum((np.array(units) - np.linspace(0.2, 0.8, len(units))) ** 2)
    shift = -0.1 * CATEGORIES.index(params["category"])
    return float(bowl + shift + rng.normal(scale=0.01))


class Timed(Protocol):
    """An optimizer that can be asked and told, and fed with earlier trials."""

    def preload(self, configs: Sequence[Mapping[str, Any]], scores: Any) -> None:
        """Take earlier trials in."""

    def step(self, rng: np.random.Generator) -> float:
        """One ask and one tell; returns their seconds."""


class Sktune:
    """The optimizer of this library."""

    def __init__(self, seed: int) -> None:
        from sktune import Categorical, Float, Integer, Space
        from sktune.optimizers import BayesOptimizer

        dimensions: dict[str, Any] = {}
        for name, low, high, log in NUMBERS:
            kind = Integer if isinstance(low, int) else Float
            dimensions[name] = kind(low, high, "log-uniform" if log else "uniform")
        dimensions["category"] = Categorical(list(CATEGORIES))
        self.space = Space(dimensions)
        self.optimizer = BayesOptimizer(self.space, rng=np.random.default_rng(seed))

    def preload(self, configs: Sequence[Mapping[str, Any]], scores: Any) -> None:
        from sktune._protocol import Outcome, Status

        points = [self.space.to_unit(dict(config)) for config in configs]
        outcomes = [Outcome(i, Status.OK, s, 1e-4) for i, s in enumerate(scores)]
        self.optimizer.observe(points, outcomes)

    def step(self, rng: np.random.Generator) -> float:
        from sktune._protocol import Outcome, Status

        started = clock()
        suggestion = self.optimizer.ask()
        seconds = clock() - started
        assert suggestion is not None
        score = objective(suggestion.params, rng)
        started = clock()
        self.optimizer.tell(Outcome(suggestion.trial, Status.OK, score, 1e-4))
        return seconds + clock() - started


class Skopt:
    """The optimizer of scikit-optimize with the defaults of its BayesSearchCV."""

    def __init__(self, seed: int) -> None:
        from skopt import Optimizer
        from skopt.space import Categorical, Integer, Real

        self.names = [name for name, *_ in NUMBERS] + ["category"]
        dimensions: list[Any] = []
        for _, low, high, log in NUMBERS:
            kind = Integer if isinstance(low, int) else Real
            prior = "log-uniform" if log else "uniform"
            dimensions.append(kind(low, high, prior=prior))
        dimensions.append(Categorical(list(CATEGORIES)))
        self.optimizer = Optimizer(dimensions, random_state=seed)

    def preload(self, configs: Sequence[Mapping[str, Any]], scores: Any) -> None:
        points = [[config[name] for name in self.names] for config in configs]
        self.optimizer.tell(points, [-score for score in scores])

    def step(self, rng: np.random.Generator) -> float:
        started = clock()
        point = self.optimizer.ask()
        seconds = clock() - started
        score = objective(dict(zip(self.names, point, strict=True)), rng)
        started = clock()
        self.optimizer.tell(point, -score)
        return seconds + clock() - started


class Optuna:
    """A study of Optuna, in memory."""

    def __init__(self, seed: int, sampler: str) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        kind = getattr(optuna.samplers, sampler)
        self.study = optuna.create_study(direction="maximize", sampler=kind(seed=seed))

    def _distributions(self) -> dict[str, Any]:
        from optuna import distributions

        found: dict[str, Any] = {}
        for name, low, high, log in NUMBERS:
            integer = isinstance(low, int)
            kind = "IntDistribution" if integer else "FloatDistribution"
            found[name] = getattr(distributions, kind)(low, high, log=log)
        found["category"] = distributions.CategoricalDistribution(CATEGORIES)
        return found

    def preload(self, configs: Sequence[Mapping[str, Any]], scores: Any) -> None:
        import optuna

        distributions = self._distributions()
        for config, score in zip(configs, scores, strict=True):
            trial = optuna.trial.create_trial(
                params=dict(config), distributions=distributions, value=score
            )
            self.study.add_trial(trial)

    def step(self, rng: np.random.Generator) -> float:
        started = clock()
        trial = self.study.ask(self._distributions())
        seconds = clock() - started
        score = objective(trial.params, rng)
        started = clock()
        self.study.tell(trial, score)
        return seconds + clock() - started


OPTIMIZERS: dict[str, Callable[[int], Timed]] = {
    "scikit-optimize": Skopt,
    "optuna-tpe": lambda seed: Optuna(seed, "TPESampler"),
    "optuna-gp": lambda seed: Optuna(seed, "GPSampler"),
    "sktune": Sktune,
}


def random_configs(n: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Configurations spread evenly on the scales of the parameters."""
    configs = []
    for _ in range(n):
        config: dict[str, Any] = {}
        for name, low, high, log in NUMBERS:
            ends = np.log([low, high]) if log else np.array([low, high])
            value = float(rng.uniform(*ends))
            value = float(np.clip(np.exp(value) if log else value, low, high))
            config[name] = round(value) if isinstance(low, int) else value
        config["category"] = CATEGORIES[rng.integers(len(CATEGORIES))]
        configs.append(config)
    return configs


def time_search(make: Callable[[int], Timed], n: int, seed: int) -> list[float]:
    """Seconds of each trial of a search of n trials."""
    rng = np.random.default_rng(seed)
    optimizer = make(seed)
    return [optimizer.step(rng) for _ in range(n)]


def time_late(make: Callable[[int], Timed], n: int, seed: int) -> list[float]:
    """Seconds of the trials up to n, after random trials that are given."""
    rng = np.random.default_rng(seed)
    optimizer = make(seed)
    configs = random_configs(n - NEAR, rng)
    optimizer.preload(configs, [objective(config, rng) for config in configs])
    # The first proposal may pay for all that was taken in; the others are the rule.
    return [optimizer.step(rng) for _ in range(NEAR)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=OPTIMIZERS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cpu", action="store_true", help="CPU time, not wall time")
    options = parser.parse_args(arguments)
    global _clock
    _clock = CLOCKS["cpu" if options.cpu else "wall"]
    warnings.simplefilter("ignore")
    print(f"# Optimizer time per trial\n\n{_environment.describe()}")
    kind = "CPU" if options.cpu else "wall"
    print(f"- 6 dimensions, {options.seeds} seeds, {kind} ms of one ask and tell\n")
    rows = []
    for name in options.only or OPTIMIZERS:
        if not available(name):
            rows.append([name, *["not installed"] * 4])
            continue
        make = OPTIMIZERS[name]
        runs = [time_search(make, 50, seed) for seed in range(options.seeds)]
        late = [time_late(make, 500, seed) for seed in range(options.seeds)]
        measured = [
            np.median(runs),
            np.median([run[-NEAR:] for run in runs]),
            np.median(late),
            np.max(late),
        ]
        rows.append([name, *[f"{seconds * 1000:.1f}" for seconds in measured]])
    header = ["optimizer", "trials 1-50, median", "n = 50, median"]
    print(table([*header, "n = 500, median", "n = 500, largest"], rows))


if __name__ == "__main__":
    main()
