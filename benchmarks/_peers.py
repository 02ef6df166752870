"""The contenders: each tunes a problem for a number of trials with a seed.

All get the same folds and the same estimator, run in one thread, and keep their own
defaults. Nobody refits.
"""

from __future__ import annotations

import importlib.util
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.stats
from _problems import Choice, Dimension, LogInteger, Problem
from sklearn.model_selection import RandomizedSearchCV, cross_val_score

PREFIX = "model__"


@dataclass(frozen=True)
class Run:
    """What one contender did with one seed.

    Attributes
    ----------
    problem, contender : str
    seed : int
    scores : list of float
        Mean score of each trial, in the order in which they were proposed.
    overhead : float
        Seconds of the whole search besides the models, per trial.
    optimizer : float or None
        Seconds the optimizer took to propose a trial, where the contender tells.
    """

    problem: str
    contender: str
    seed: int
    scores: list[float]
    overhead: float
    optimizer: float | None = None

    def best_after(self, n_trials: int) -> float:
        """The best score among the first trials."""
        return max(self.scores[:n_trials])


# --- spaces -------------------------------------------------------------------------


def scipy_space(problem: Problem) -> dict[str, Any]:
    """Distributions and lists, for scikit-learn."""

    def translate(dimension: Dimension) -> Any:
        if isinstance(dimension, Choice):
            return list(dimension.values)
        low, high = dimension.low, dimension.high
        if dimension.is_integer:
            if dimension.log:
                return LogInteger(int(low), int(high))
            return scipy.stats.randint(low, high + 1)
        if dimension.log:
            return scipy.stats.loguniform(low, high)
        return scipy.stats.uniform(low, high - low)

    return {PREFIX + name: translate(dim) for name, dim in problem.space.items()}


def skopt_space(problem: Problem) -> dict[str, Any]:
    """Dimensions of scikit-optimize."""
    from skopt.space import Categorical, Integer, Real

    def translate(dimension: Dimension) -> Any:
        if isinstance(dimension, Choice):
            return Categorical(list(dimension.values))
        kind = Integer if dimension.is_integer else Real
        prior = "log-uniform" if dimension.log else "uniform"
        return kind(dimension.low, dimension.high, prior=prior)

    return {PREFIX + name: translate(dim) for name, dim in problem.space.items()}


def sktune_space(problem: Problem) -> dict[str, Any]:
    """Dimensions of sktune, with their conditions."""
    from sktune import Categorical, Float, Integer

    def translate(dimension: Dimension) -> Any:
        when = None
        if dimension.when is not None:
            parent, allowed = dimension.when
            when = {PREFIX + parent: list(allowed)}
        if isinstance(dimension, Choice):
            return Categorical(list(dimension.values), when=when)
        kind = Integer if dimension.is_integer else Float
        prior = "log-uniform" if dimension.log else "uniform"
        return kind(dimension.low, dimension.high, prior, when=when)

    return {PREFIX + name: translate(dim) for name, dim in problem.space.items()}


def optuna_params(problem: Problem, trial: Any) -> dict[str, Any]:
    """Ask an Optuna trial for a value of each active parameter."""
    values: dict[str, Any] = {}
    for name, dimension in problem.space.items():
        if dimension.when is not None:
            parent, allowed = dimension.when
            if values.get(parent) not in allowed:
                continue
        if isinstance(dimension, Choice):
            values[name] = trial.suggest_categorical(name, dimension.values)
        else:
            kind = trial.suggest_int if dimension.is_integer else trial.suggest_float
            values[name] = kind(name, dimension.low, dimension.high, log=dimension.log)
    return {PREFIX + name: value for name, value in values.items()}


# --- contenders ---------------------------------------------------------------------


def _timed(
    name: str, problem: Problem, seed: int, search: Callable[[], tuple[Any, Any]]
) -> Run:
    """Run a search that returns its scores and its optimizer times, or None."""
    problem.fold_score(problem.active(_any_params(problem)), 0)  # Loads data and memo.
    before = problem.seconds_in_models
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores, optimizer = search()
    wall = time.perf_counter() - started
    in_models = problem.seconds_in_models - before
    return Run(
        problem=problem.name,
        contender=name,
        seed=seed,
        scores=[float(score) for score in scores],
        overhead=(wall - in_models) / len(scores),
        optimizer=None if optimizer is None else float(np.mean(optimizer)),
    )


def _any_params(problem: Problem) -> dict[str, Any]:
    return {
        name: dim.values[0] if isinstance(dim, Choice) else dim.low
        for name, dim in problem.space.items()
    }


def run_random(problem: Problem, seed: int, n_trials: int) -> Run:
    """``RandomizedSearchCV`` of scikit-learn."""

    def search() -> tuple[Any, Any]:
        fitted = RandomizedSearchCV(
            problem.estimator,
            scipy_space(problem),
            n_iter=n_trials,
            cv=problem.folds,
            refit=False,
            random_state=seed,
        ).fit(problem.rows, problem.data[1])
        return fitted.cv_results_["mean_test_score"], None

    return _timed("random", problem, seed, search)


def run_skopt(problem: Problem, seed: int, n_trials: int) -> Run:
    """``BayesSearchCV`` of scikit-optimize."""
    from skopt import BayesSearchCV

    def search() -> tuple[Any, Any]:
        fitted = BayesSearchCV(
            problem.estimator,
            skopt_space(problem),
            n_iter=n_trials,
            cv=problem.folds,
            refit=False,
            random_state=seed,
        ).fit(problem.rows, problem.data[1])
        return fitted.cv_results_["mean_test_score"], None

    return _timed("scikit-optimize", problem, seed, search)


def _run_optuna(
    name: str, sampler: Callable[[], Any], problem: Problem, seed: int, n_trials: int
) -> Run:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial: Any) -> float:
        model = problem.estimator.set_params(**optuna_params(problem, trial))
        y = problem.data[1]
        return float(cross_val_score(model, problem.rows, y, cv=problem.folds).mean())

    def search() -> tuple[Any, Any]:
        study = optuna.create_study(direction="maximize", sampler=sampler())
        study.optimize(objective, n_trials=n_trials)
        return [trial.value for trial in study.trials], None

    return _timed(name, problem, seed, search)


def run_tpe(problem: Problem, seed: int, n_trials: int) -> Run:
    """Optuna with its default sampler."""
    import optuna

    def sampler() -> Any:
        return optuna.samplers.TPESampler(seed=seed)

    return _run_optuna("optuna-tpe", sampler, problem, seed, n_trials)


def run_optuna_gp(problem: Problem, seed: int, n_trials: int) -> Run:
    """Optuna with its Gaussian process; it needs torch."""
    import optuna

    def sampler() -> Any:
        return optuna.samplers.GPSampler(seed=seed)

    return _run_optuna("optuna-gp", sampler, problem, seed, n_trials)


def run_sktune(
    problem: Problem, seed: int, n_trials: int, *, name: str = "sktune", **options: Any
) -> Run:
    """``BayesSearchCV`` of this library, with more of its arguments where given."""
    from sktune import BayesSearchCV

    def search() -> tuple[Any, Any]:
        fitted = BayesSearchCV(
            problem.estimator,
            sktune_space(problem),
            n_iter=n_trials,
            cv=problem.folds,
            refit=False,
            random_state=seed,
            **options,
        ).fit(problem.rows, problem.data[1])
        return fitted.cv_results_["mean_test_score"], fitted.optimizer_time_

    return _timed(name, problem, seed, search)


CONTENDERS: dict[str, Callable[[Problem, int, int], Run]] = {
    "random": run_random,
    "scikit-optimize": run_skopt,
    "optuna-tpe": run_tpe,
    "optuna-gp": run_optuna_gp,
    "sktune": run_sktune,
}
_NEEDS = {
    "scikit-optimize": ("skopt",),
    "optuna-tpe": ("optuna",),
    "optuna-gp": ("optuna", "torch"),
    "sktune": ("sktune",),
}


def available(name: str) -> bool:
    """Whether what a contender needs is installed."""
    return all(importlib.util.find_spec(module) for module in _NEEDS.get(name, ()))
