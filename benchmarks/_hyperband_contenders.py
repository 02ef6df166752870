"""The contenders of ``hyperband.py``: each spends a budget and says what it saw."""

from __future__ import annotations

import itertools
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from _hyperband_problems import FOLDS, Problem
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.metrics import get_scorer
from sklearn.model_selection import HalvingRandomSearchCV, ParameterSampler

from sktune import HyperbandSearchCV, Space
from sktune._execution import (
    FoldContext,
    FoldData,
    ResourceRequest,
    find_resource,
    with_total,
)
from sktune._execution._fold import run_fold
from sktune._protocol import FoldTask, Outcome, Status
from sktune.optimizers import BayesOptimizer, make_brackets, n_units

RANDOM_TIMES = 10


@dataclass(frozen=True)
class Event:
    """A candidate that has been compared at a budget.

    Attributes
    ----------
    cost : float
        Units of all folds that the contender had spent by then.
    params : dict
    budget : int
    score : float
    """

    cost: float
    params: dict[str, Any]
    budget: int
    score: float


class Trainer:
    """Trains folds of a candidate to a budget; remembers full scores."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        X, y = problem.data
        folds = list(problem.cv.split(X, y))
        n_train = min(len(train) for train, _ in folds)
        request = ResourceRequest(problem.resource, y, n_train, None, 0)
        found = find_resource(problem.model, request)
        self.resource = with_total(found.resource, problem.max_resource)
        self._data = FoldData(X, y, folds, {}, {})
        scorer = get_scorer(problem.scoring)
        self._context = FoldContext(problem.model, scorer, resource=self.resource)
        self._full: dict[str, float] = {}

    def advance(
        self, params: dict[str, Any], budget: int, checkpoints: list[Any]
    ) -> tuple[float, list[Any]]:
        """Train all folds to a budget; return the mean score and the new states."""
        keep = self.resource.continues
        results = [
            run_fold(
                self._context,
                self._data,
                FoldTask(0, fold, params, budget, checkpoints[fold], keep),
            )
            for fold in range(FOLDS)
        ]
        scores = [np.nan if r.test_scores is None else r.test_scores for r in results]
        return float(np.mean(scores)), [r.checkpoint for r in results]

    def full(self, params: dict[str, Any]) -> float:
        """The score after a full training."""
        key = repr(sorted(params.items()))
        if key not in self._full:
            score, _ = self.advance(params, self.problem.max_resource, [None] * FOLDS)
            self._full[key] = score
        return self._full[key]


def sklearn_space(problem: Problem) -> dict[str, Any]:
    """The space as scipy distributions, on the same ranges and scales."""
    return {name: _Drawn(problem.space, name) for name in problem.space}


class _Drawn:
    """A scipy-like distribution over one dimension of ours."""

    def __init__(self, space: dict[str, Any], name: str) -> None:
        self._space = Space({name: space[name]})
        self._name = name

    def rvs(self, random_state: Any = None) -> Any:
        rng = np.random.default_rng(random_state.randint(2**31 - 1))
        return self._space.from_unit(self._space.sample(rng, 1)[0])[self._name]


def run_random(
    problem: Problem, trainer: Trainer, budget: float, seed: int
) -> list[Event]:
    """Random search: every candidate in full."""
    events, cost = [], 0.0
    n = int(RANDOM_TIMES * budget / (FOLDS * problem.max_resource))
    for params in ParameterSampler(sklearn_space(problem), n, random_state=seed):
        cost += FOLDS * problem.max_resource
        score = trainer.full(params)
        events.append(Event(cost, params, problem.max_resource, score))
    return events


def run_halving(
    problem: Problem, trainer: Trainer, budget: float, seed: int
) -> list[Event]:
    """``HalvingRandomSearchCV``, again and again until the budget is spent."""
    events: list[Event] = []
    cost = 0.0
    whole = len(problem.data[1])
    for repetition in range(100):
        # Rows there count those of the test folds, too.
        scale = whole / problem.max_resource if problem.halving == "n_samples" else 1
        search = HalvingRandomSearchCV(
            clone(problem.model),
            sklearn_space(problem),
            resource=problem.halving,
            min_resources=int(problem.min_resource * scale),
            max_resources=int(problem.max_resource * scale),
            n_candidates=27,
            factor=3,
            cv=problem.cv,
            scoring=problem.scoring,
            random_state=1000 * repetition + seed,
            refit=False,
        )
        search.fit(*problem.data)
        results = search.cv_results_
        for params, n, score in zip(
            results["params"],
            results["n_resources"],
            results["mean_test_score"],
            strict=True,
        ):
            spent = round(n / scale)
            cost += FOLDS * spent
            plain = {k: v for k, v in params.items() if k != problem.halving}
            events.append(Event(cost, plain, spent, score))
            if cost >= budget:
                return events
    return events


def run_optuna(
    problem: Problem, trainer: Trainer, budget: float, seed: int
) -> list[Event]:
    """TPE with the Hyperband pruner; training continues from rung to rung."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    pruner = optuna.pruners.HyperbandPruner(
        min_resource=problem.min_resource,
        max_resource=problem.max_resource,
        reduction_factor=3,
    )
    sampler = optuna.samplers.TPESampler(seed=seed)
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
    rungs = [problem.max_resource]
    while rungs[0] // 3 >= problem.min_resource:
        rungs.insert(0, rungs[0] // 3)
    events: list[Event] = []
    spent = [0.0]

    def objective(trial: Any) -> float:
        params = {n: _suggest(trial, n, s) for n, s in problem.space.items()}
        checkpoints: list[Any] = [None] * FOLDS
        before, score = 0, np.nan
        for rung in rungs:
            score, checkpoints = trainer.advance(params, rung, checkpoints)
            spent[0] += FOLDS * (rung - before)
            before = rung if trainer.resource.continues else 0
            events.append(Event(spent[0], params, rung, score))
            if not np.isfinite(score):
                raise optuna.TrialPruned
            trial.report(score, rung)
            if trial.should_prune():
                raise optuna.TrialPruned
        return score

    while spent[0] < budget:
        study.optimize(objective, n_trials=1)
    return events


def _suggest(trial: Any, name: str, spec: Any) -> Any:
    if isinstance(spec, list):
        return trial.suggest_categorical(name, spec)
    low, high, *scale = spec
    log = scale == ["log-uniform"]
    suggest = trial.suggest_int if isinstance(low, int) else trial.suggest_float
    return suggest(name, low, high, log=log)


def run_keras_tuner(
    problem: Problem, trainer: Trainer, budget: float, seed: int
) -> list[Event]:
    """keras-tuner's Hyperband, again and again; it decides what is trained.

    Its own loop trains one model on one split. Here all folds of a candidate are
    trained by what trains them for ours: the same compiled model and, in its favour,
    with the optimizer's state, which its own loop loses at each promotion.
    """
    import keras_tuner

    space = keras_tuner.HyperParameters()
    for name, spec in problem.space.items():
        _declare(space, name, spec)
    events: list[Event] = []
    cost = 0.0
    states: dict[str, list[Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        oracle = keras_tuner.oracles.HyperbandOracle(
            keras_tuner.Objective("score", "max"),
            max_epochs=problem.max_resource,
            factor=3,
            hyperband_iterations=100,
            seed=seed + 1,  # 0 means none there
            hyperparameters=space,
            max_consecutive_failed_trials=10**6,
        )
        oracle.verbose = 0
        oracle._set_project_dir(folder, "benchmark")
        while cost < budget:
            trial = oracle.create_trial("tuner")
            values = trial.hyperparameters.values
            params = {name: values[name] for name in problem.space}
            parent = states.get(values.get("tuner/trial_id", ""), [None] * FOLDS)
            epochs = values["tuner/epochs"]
            score, states[trial.trial_id] = trainer.advance(params, epochs, parent)
            cost += FOLDS * (epochs - values["tuner/initial_epoch"])
            events.append(Event(cost, params, epochs, score))
            oracle.update_trial(trial.trial_id, {"score": score})
            trial.status = "COMPLETED"
            oracle.end_trial(trial)
    return events


def _declare(space: Any, name: str, spec: Any) -> None:
    if isinstance(spec, list):
        space.Choice(name, spec)
        return
    low, high, *scale = spec
    declare = space.Int if isinstance(low, int) else space.Float
    declare(name, low, high, sampling="log" if scale == ["log-uniform"] else "linear")


def run_ours(
    sampler: str,
    problem: Problem,
    trainer: Trainer,
    budget: float,
    seed: int,
    **options: Any,
) -> list[Event]:
    """``HyperbandSearchCV``, one worker, so that the order is that of the plan."""
    search = search_of(problem, sampler, seed).set_params(**options)
    order: list[tuple[int, int]] = []
    search._on_step = lambda step: order.append(  # type: ignore[method-assign]
        (step.suggestion.trial, step.suggestion.budget)
    )
    search.fit(*problem.data)
    events, cost = [], 0.0
    before: dict[tuple[int, int], int] = {}
    history = search.history_
    for trial, reached in order:
        rows = (history["candidate"] == trial) & (history["n_resources"] == reached)
        for fold in history["fold"][rows]:
            cost += reached - before.get((trial, fold), 0)
            if trainer.resource.continues:
                before[trial, fold] = reached
        score = float(np.mean(history["test_score"][rows]))
        params = search.cv_results_["params"][trial]
        events.append(Event(cost, params, reached, score))
    return events


def run_on_one_fold(
    problem: Problem, trainer: Trainer, budget: float, seed: int
) -> list[Event]:
    """Ours with one fold below the largest budget, and as many more candidates."""
    continues = trainer.resource.continues

    def cost(n_candidates: int) -> int:
        brackets = make_brackets(
            problem.max_resource, problem.min_resource, n_candidates=n_candidates
        )
        total = n_units(brackets, continues=continues)
        # The other folds begin at the last rung.
        n_last = sum(bracket.rungs[-1].n_candidates for bracket in brackets)
        return total + (FOLDS - 1) * n_last * problem.max_resource

    n = next(n for n in itertools.count(27) if cost(n + 1) > budget)
    options = {"rung_folds": 1, "n_candidates": n}
    return run_ours("bayes", problem, trainer, budget, seed, **options)


def run_bayes(
    problem: Problem, trainer: Trainer, budget: float, seed: int
) -> list[Event]:
    """The optimizer of ``BayesSearchCV``: every candidate is trained in full."""
    n = int(budget / (FOLDS * problem.max_resource))
    space = Space(problem.space)
    rng = np.random.default_rng(seed)
    optimizer = BayesOptimizer(space, rng=rng, budget=n)
    events = []
    for number in range(n):
        suggestion = optimizer.ask()
        score = trainer.full(suggestion.params)
        failed = not np.isfinite(score)
        status = Status.FAILED if failed else Status.OK
        optimizer.tell(Outcome(suggestion.trial, status, None if failed else score))
        cost = (number + 1) * FOLDS * problem.max_resource
        events.append(Event(cost, suggestion.params, problem.max_resource, score))
    return events


def search_of(problem: Problem, sampler: str, seed: int) -> HyperbandSearchCV:
    """Ours."""
    return HyperbandSearchCV(
        clone(problem.model),
        problem.space,
        resource=problem.resource,
        min_resource=problem.min_resource,
        max_resource=problem.max_resource,
        sampler=sampler,
        cv=problem.cv,
        scoring=problem.scoring,
        random_state=seed,
        refit=False,
    )


CONTENDERS: dict[str, Callable[..., list[Event]]] = {
    "random": run_random,
    "HalvingRandomSearchCV": run_halving,
    "Optuna, Hyperband pruner": run_optuna,
    "keras-tuner Hyperband": run_keras_tuner,
    "sktune's optimizer, in full": run_bayes,
    'sktune, sampler="random"': partial(run_ours, "random"),
    'sktune, sampler="bayes"': partial(run_ours, "bayes"),
    "sktune, rung_folds=1": run_on_one_fold,
}
