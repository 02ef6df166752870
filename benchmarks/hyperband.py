"""Score against training spent, for searches that stop candidates early.

Each contender searches the same space on the same folds and gets the budget that the
plan of ours takes; random search, which trains every candidate in full, gets ten times
that. A unit of training is a unit of the resource on the rows of a fold, whoever spends
it: a contender that begins anew at each rung pays for it.

What counts at any moment is the score that the contender's incumbent has when it is
trained in full. The incumbent is the best candidate of those at the largest budget so
far. Its full training is not charged: the score is looked up for the table.

From the root of the repository::

    python benchmarks/hyperband.py             # all problems but the Keras one
    python benchmarks/hyperband.py --problems keras --seeds 3
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import _environment
import joblib
import numpy as np
from _report import table, with_error
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import get_scorer
from sklearn.model_selection import (
    HalvingRandomSearchCV,
    ParameterSampler,
    StratifiedKFold,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktune import HyperbandSearchCV, Space
from sktune._execution import (
    FoldContext,
    FoldData,
    ResourceRequest,
    find_resource,
    with_total,
)
from sktune._execution._fold import run_fold
from sktune._protocol import FoldTask

FOLDS = 3
POINTS = (0.25, 0.5, 1.0)  # of the budget
RANDOM_TIMES = 10


@dataclass(frozen=True)
class Problem:
    """A model, its data, a space, and the resource that a search may cut."""

    name: str
    model: Any
    data: tuple[Any, Any]
    space: dict[str, Any]
    resource: str
    max_resource: int
    min_resource: int
    # What HalvingRandomSearchCV calls the same resource; it begins anew.
    halving: str
    scoring: str = "neg_log_loss"

    @property
    def cv(self) -> StratifiedKFold:
        """The folds."""
        return StratifiedKFold(FOLDS, shuffle=True, random_state=0)


def _digits(n: int) -> tuple[Any, Any]:
    X, y = load_digits(return_X_y=True)
    return X[:n], y[:n]


def linear() -> Problem:
    """Partial fits of a linear model."""
    model = SGDClassifier(loss="log_loss", learning_rate="invscaling", random_state=0)
    return Problem(
        "linear",
        make_pipeline(StandardScaler(), model.set_params(tol=None)),
        _digits(600),
        {
            "sgdclassifier__alpha": (1e-6, 1e0, "log-uniform"),
            "sgdclassifier__eta0": (1e-4, 1e1, "log-uniform"),
            "sgdclassifier__power_t": (0.05, 0.9),
            "sgdclassifier__penalty": ["l2", "elasticnet"],
            "sgdclassifier__l1_ratio": (0.0, 1.0),
            "sgdclassifier__average": [False, True],
        },
        "passes",
        27,
        1,
        "sgdclassifier__max_iter",
    )


def boosting() -> Problem:
    """Rounds of gradient boosting."""
    return Problem(
        "boosting",
        GradientBoostingClassifier(random_state=0),
        load_breast_cancer(return_X_y=True),
        {
            "learning_rate": (1e-2, 1e0, "log-uniform"),
            "max_depth": (1, 4),
            "min_samples_leaf": (1, 60, "log-uniform"),
            "max_features": (0.05, 1.0),
            "subsample": (0.3, 1.0),
        },
        "n_estimators",
        81,
        3,
        "n_estimators",
    )


def rows() -> Problem:
    """More and more rows for a kernel map and a linear model."""
    return Problem(
        "rows",
        make_pipeline(
            StandardScaler(),
            Nystroem(random_state=0),
            LogisticRegression(max_iter=200, tol=1e-3),
        ),
        _digits(900),
        {
            "nystroem__gamma": (1e-5, 1e1, "log-uniform"),
            "nystroem__kernel": ["rbf", "poly", "sigmoid"],
            "nystroem__coef0": (0.0, 2.0),
            "nystroem__n_components": (5, 100, "log-uniform"),
            "logisticregression__C": (1e-3, 1e4, "log-uniform"),
        },
        "n_samples",
        600,
        22,
        "n_samples",
    )


def keras() -> Problem:
    """Epochs of a network."""
    from sktune.keras import KerasClassifier

    return Problem(
        "keras",
        make_pipeline(StandardScaler(), KerasClassifier(random_state=0)),
        _digits(900),
        {
            "kerasclassifier__learning_rate": (1e-5, 1e0, "log-uniform"),
            "kerasclassifier__batch_size": [16, 32, 64, 128],
            "kerasclassifier__model__units": (8, 128, "log-uniform"),
            "kerasclassifier__model__layers": (1, 3),
        },
        "epochs",
        27,
        1,
        "kerasclassifier__epochs",
    )


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "linear": linear,
    "boosting": boosting,
    "rows": rows,
    "keras": keras,
}


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


# -- Contenders --------------------------------------------------------------------


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


def run_ours(
    sampler: str, problem: Problem, trainer: Trainer, budget: float, seed: int
) -> list[Event]:
    """``HyperbandSearchCV``, one worker, so that the order is that of the plan."""
    search = search_of(problem, sampler, seed)
    order: list[tuple[int, int]] = []
    search._on_step = lambda step: order.append(  # type: ignore[method-assign]
        (step.suggestion.trial, step.suggestion.budget)
    )
    search.fit(*problem.data)
    events, cost = [], 0.0
    before: dict[int, int] = {}
    history = search.history_
    for trial, reached in order:
        rows = (history["candidate"] == trial) & (history["n_resources"] == reached)
        start = before.get(trial, 0) if trainer.resource.continues else 0
        cost += FOLDS * (reached - start)
        before[trial] = reached
        score = float(np.mean(history["test_score"][rows]))
        params = search.cv_results_["params"][trial]
        events.append(Event(cost, params, reached, score))
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
    'sktune, sampler="random"': partial(run_ours, "random"),
    'sktune, sampler="bayes"': partial(run_ours, "bayes"),
}


# -- What comes out ------------------------------------------------------------------


def budget_of(problem: Problem) -> float:
    """What the plan of ours spends, of all folds."""
    search = search_of(problem, "random", 0)
    plan = search._make_plan(search._read_space(), problem.data[1], 10**9, 0)
    return float(plan.n_units * FOLDS)


def score_at(events: Sequence[Event], cost: float, trainer: Trainer) -> float:
    """The full score of the incumbent once so much was spent."""
    seen = [e for e in events if e.cost <= cost + 1e-9 and np.isfinite(e.score)]
    if not seen:
        return np.nan
    best = max(seen, key=lambda e: (e.budget, e.score))
    return trainer.full(best.params)


def run_one(name: str, seed: int, contenders: Sequence[str]) -> list[dict[str, Any]]:
    """All contenders on one problem with one seed."""
    warnings.simplefilter("ignore")
    problem = PROBLEMS[name]()
    trainer = Trainer(problem)
    budget = budget_of(problem)
    rows = []
    for contender in contenders:
        started = time.perf_counter()
        events = CONTENDERS[contender](problem, trainer, budget, seed)
        points = [*POINTS, RANDOM_TIMES] if contender == "random" else POINTS
        for point in points:
            rows.append(
                {
                    "problem": name,
                    "seed": seed,
                    "contender": contender,
                    "point": point,
                    "score": score_at(events, point * budget, trainer),
                }
            )
        seconds = time.perf_counter() - started
        print(f"  {name} {seed} {contender}: {seconds:.0f} s", flush=True)
    return rows


def normalised(rows: list[dict[str, Any]]) -> None:
    """0 is random search with the same budget, 100 the best of all runs."""
    for name in {row["problem"] for row in rows}:
        here = [row for row in rows if row["problem"] == name]
        zero = np.mean(
            [r["score"] for r in here if r["contender"] == "random" and r["point"] == 1]
        )
        best = np.nanmax([r["score"] for r in here])
        for row in here:
            value = row["score"] if np.isfinite(row["score"]) else np.nan
            row["value"] = 100 * (value - zero) / (best - zero)
            # Before the first incumbent, and where it diverges: no worse than this.
            row["value"] = float(np.nan_to_num(max(row["value"], -100.0), nan=-100.0))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", nargs="+", default=["linear", "boosting", "rows"])
    parser.add_argument("--contenders", nargs="+", default=list(CONTENDERS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    print(_environment.describe(), "\n")
    contenders = list(dict.fromkeys(["random", *options.contenders]))
    found = joblib.Parallel(n_jobs=options.jobs)(
        joblib.delayed(run_one)(name, seed, contenders)
        for name in options.problems
        for seed in range(options.seeds)
    )
    rows = [row for some in found for row in some]
    normalised(rows)
    for name in [*options.problems, "all problems"]:
        lines = []
        for contender in contenders:
            cells = []
            for point in [*POINTS, RANDOM_TIMES]:
                values = [
                    r["value"]
                    for r in rows
                    if r["contender"] == contender
                    and r["point"] == point
                    and name in (r["problem"], "all problems")
                ]
                cells.append(with_error(values, 0) if values else "")
            lines.append([contender, *cells])
        shares = [f"{100 * point:g} %" for point in [*POINTS, RANDOM_TIMES]]
        print(f"\n{name}: score at a share of the budget\n")
        print(table(["", *shares], lines))


if __name__ == "__main__":
    main()
