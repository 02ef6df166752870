"""Four tuning problems on scikit-learn's bundled data, and a memo of their scores.

A problem is a model, a data set, five folds, a score and a space. The space is written
once, in neutral words, and translated for each contender, so that all search the same
ranges on the same scales. Contenders without conditional parameters search the flat
space: the models ignore a value that has no meaning for them.

What a search tunes is `Memoised`, a thin wrapper. It remembers the score of a
configuration on a fold, so that a benchmark can be repeated in minutes. It measures the
time spent in the models, so that the rest of the wall time can be told apart. All
contenders search the same wrapper.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import scipy.stats
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from sklearn.utils.fixes import parse_version

CACHE = Path(__file__).parent / ".cache"
# Part of the name of the memo files: raise it when a problem changes.
REVISION = 1
N_SPLITS = 5


@dataclass(frozen=True)
class Range:
    """A numeric parameter between two ends, both included."""

    low: float
    high: float
    log: bool = False
    when: tuple[str, tuple[Any, ...]] | None = None

    @property
    def is_integer(self) -> bool:
        """Whether the values are integers."""
        return isinstance(self.low, int)


@dataclass(frozen=True)
class Choice:
    """A parameter without an order."""

    values: tuple[Any, ...]
    when: tuple[str, tuple[Any, ...]] | None = None


Dimension = Range | Choice


class LogInteger:
    """Integers spread evenly on a log scale: a distribution scipy does not have."""

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high

    def rvs(self, size: int | None = None, random_state: Any = None) -> Any:
        """Draw integers; each has half a step on either side."""
        draw = scipy.stats.loguniform(self.low - 0.5, self.high + 0.5)
        values = np.rint(draw.rvs(size=size, random_state=random_state))
        return np.clip(values, self.low, self.high).astype(int)


class SizedMLP(ClassifierMixin, BaseEstimator):
    """A perceptron whose layers are two integers, so that each peer can tune them."""

    def __init__(
        self,
        n_layers: int = 1,
        n_units: int = 100,
        activation: str = "relu",
        alpha: float = 1e-4,
        learning_rate_init: float = 1e-3,
        batch_size: int = 64,
    ) -> None:
        self.n_layers = n_layers
        self.n_units = n_units
        self.activation = activation
        self.alpha = alpha
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size

    def fit(self, X: Any, y: Any) -> SizedMLP:
        """Train for a few epochs."""
        self.network_ = MLPClassifier(
            hidden_layer_sizes=(int(self.n_units),) * int(self.n_layers),
            activation=self.activation,
            alpha=self.alpha,
            learning_rate_init=self.learning_rate_init,
            batch_size=int(self.batch_size),
            max_iter=8,
            random_state=0,
        ).fit(X, y)
        self.classes_ = self.network_.classes_
        return self

    def predict_proba(self, X: Any) -> Any:
        """Probabilities of the classes."""
        return self.network_.predict_proba(X)

    def predict(self, X: Any) -> Any:
        """The likeliest class."""
        return self.network_.predict(X)


class PenalisedLogistic(ClassifierMixin, BaseEstimator):
    """Logistic regression whose penalty has a name.

    scikit-learn 1.8 gave up the argument `penalty`; a name is what makes the share of
    the L1 penalty conditional.
    """

    def __init__(
        self,
        penalty: str = "l2",
        l1_ratio: float = 0.5,
        C: float = 1.0,
        balanced: bool = False,
        max_iter: int = 100,
    ) -> None:
        self.penalty = penalty
        self.l1_ratio = l1_ratio
        self.C = C
        self.balanced = balanced
        self.max_iter = max_iter

    def fit(self, X: Any, y: Any) -> PenalisedLogistic:
        """Train with a solver that knows all three penalties."""
        share = {"l2": 0.0, "l1": 1.0, "elasticnet": float(self.l1_ratio)}
        old = parse_version(sklearn.__version__) < parse_version("1.8")
        self.model_ = LogisticRegression(
            **({"penalty": "elasticnet"} if old else {}),
            l1_ratio=share[self.penalty],
            C=self.C,
            class_weight="balanced" if self.balanced else None,
            max_iter=int(self.max_iter),
            solver="saga",
            random_state=0,
        ).fit(X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X: Any) -> Any:
        """Probabilities of the classes."""
        return self.model_.predict_proba(X)

    def predict(self, X: Any) -> Any:
        """The likeliest class."""
        return self.model_.predict(X)


@dataclass(frozen=True)
class Problem:
    """A tuning problem.

    Attributes
    ----------
    name : str
        Model and data set.
    load : callable
        Returns X and y.
    model : estimator
        What is tuned, with its own defaults.
    scoring : str
        A scorer's name.
    space : dict of str to Range or Choice
        Conditional parameters come after the one they depend on.
    """

    name: str
    load: Callable[[], tuple[Any, Any]]
    model: BaseEstimator
    scoring: str
    space: Mapping[str, Dimension]
    _memo: dict[tuple[str, int], float] = field(default_factory=dict)
    _clock: dict[str, float] = field(default_factory=lambda: {"seconds": 0.0})

    @cached_property
    def data(self) -> tuple[Any, Any]:
        """X and y."""
        return self.load()

    @cached_property
    def rows(self) -> Any:
        """What searches get for X: the numbers of the rows."""
        return np.arange(len(self.data[1])).reshape(-1, 1)

    @cached_property
    def folds(self) -> list[tuple[Any, Any]]:
        """The same five folds for all contenders and seeds."""
        X, y = self.data
        kind = KFold if self.scoring == "r2" else StratifiedKFold
        return list(kind(N_SPLITS, shuffle=True, random_state=0).split(X, y))

    @cached_property
    def fold_of_row(self) -> Any:
        """The fold in which each row is tested."""
        numbers = np.empty(len(self.rows), dtype=int)
        for number, (_, test) in enumerate(self.folds):
            numbers[test] = number
        return numbers

    @property
    def estimator(self) -> Memoised:
        """What searches tune. The names of its parameters begin with ``model__``."""
        return Memoised(clone(self.model), self.name)

    @property
    def seconds_in_models(self) -> float:
        """Time spent in the models and in the memo, in this process."""
        return self._clock["seconds"]

    def active(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters that have a meaning, as plain Python values, in order."""
        values: dict[str, Any] = {}
        for name, dimension in self.space.items():
            if dimension.when is not None:
                parent, allowed = dimension.when
                if values.get(parent) not in allowed:
                    continue
            value = params[name]
            values[name] = value.item() if isinstance(value, np.generic) else value
        return values

    def mean_score(self, params: Mapping[str, Any]) -> float:
        """The mean over the folds for a configuration."""
        return float(np.mean(self.fold_scores(params)))

    def fold_scores(self, params: Mapping[str, Any]) -> list[float]:
        """The score of a configuration on each fold."""
        active = self.active(params)
        return [self.fold_score(active, fold) for fold in range(N_SPLITS)]

    def fold_score(self, active: Mapping[str, Any], fold: int) -> float:
        """The score on one fold, from the memo where it is known."""
        started = time.perf_counter()
        key = (json.dumps(active, sort_keys=True), fold)
        self._read()
        if key not in self._memo:
            score = self._fit_and_score(active, fold)
            self._write(key, score)
        self._clock["seconds"] += time.perf_counter() - started
        return self._memo[key]

    def _fit_and_score(self, active: Mapping[str, Any], fold: int) -> float:
        X, y = self.data
        train, test = self.folds[fold]
        model = clone(self.model).set_params(**active)
        with warnings.catch_warnings():
            # Models are not given the time to converge.
            warnings.simplefilter("ignore")
            model.fit(X[train], y[train])
            return float(get_scorer(self.scoring)(model, X[test], y[test]))

    @property
    def _file(self) -> Path:
        return CACHE / f"{self.name}-{sklearn.__version__}-r{REVISION}.jsonl"

    def _read(self) -> None:
        if "read" in self._clock:
            return
        self._clock["read"] = 1.0
        if self._file.exists():
            for line in self._file.read_text().splitlines():
                config, fold, score = json.loads(line)
                self._memo[config, fold] = score

    def _write(self, key: tuple[str, int], score: float) -> None:
        self._memo[key] = score
        CACHE.mkdir(exist_ok=True)
        # Lines this short are appended whole, also when two processes write.
        with self._file.open("a") as file:
            file.write(json.dumps([*key, score]) + "\n")


class Memoised(BaseEstimator):
    """A model whose scores are looked up, and computed once.

    Parameters
    ----------
    model : estimator
        The model of the problem. It carries the parameters; it is not fitted here.
    problem : str
        The problem's name.
    """

    def __init__(self, model: BaseEstimator, problem: str) -> None:
        self.model = model
        self.problem = problem

    def fit(self, X: Any, y: Any = None) -> Memoised:
        """Find out which fold this is, and learn its score."""
        problem = PROBLEMS[self.problem]
        seen = np.bincount(problem.fold_of_row[X[:, 0]], minlength=N_SPLITS)
        (fold,) = np.flatnonzero(seen == 0)
        params = self.model.get_params()
        active = problem.active({name: params[name] for name in problem.space})
        self.score_ = problem.fold_score(active, int(fold))
        return self

    def score(self, X: Any, y: Any = None) -> float:
        """The score of the fold."""
        return self.score_


def _digits() -> tuple[Any, Any]:
    X, y = load_digits(return_X_y=True)
    return X[:600], y[:600]


@cache
def scaler(name: str) -> Any:
    """A scaler by name: peers disagree on estimators as values, not on strings."""
    scalers = {"standard": StandardScaler, "minmax": MinMaxScaler}
    return (scalers | {"robust": RobustScaler})[name]()


class NamedScaler(BaseEstimator):
    """A scaler chosen by a string."""

    def __init__(self, kind: str = "standard") -> None:
        self.kind = kind

    def fit(self, X: Any, y: Any = None) -> NamedScaler:
        """Fit the scaler that the name means."""
        self.scaler_ = clone(scaler(self.kind)).fit(X)
        return self

    def transform(self, X: Any) -> Any:
        """Scale."""
        return self.scaler_.transform(X)


def _problems() -> list[Problem]:
    kernel = Pipeline(
        [
            ("scaler", NamedScaler()),
            ("map", Nystroem(random_state=0)),
            ("linear", LogisticRegression(max_iter=50)),
        ]
    )
    return [
        Problem(
            "kernel-digits",
            _digits,
            kernel,
            "neg_log_loss",
            {
                "scaler__kind": Choice(("standard", "minmax")),
                "map__kernel": Choice(("rbf", "laplacian", "polynomial")),
                "map__gamma": Range(1e-4, 1.0, log=True),
                "map__n_components": Range(20, 100),
                "map__degree": Range(2, 5, when=("map__kernel", ("polynomial",))),
                "map__coef0": Range(0.0, 3.0, when=("map__kernel", ("polynomial",))),
                "linear__C": Range(1e-2, 1e4, log=True),
            },
        ),
        Problem(
            "boosting-diabetes",
            lambda: load_diabetes(return_X_y=True),
            HistGradientBoostingRegressor(early_stopping=False, random_state=0),
            "r2",
            {
                "loss": Choice(("squared_error", "absolute_error", "poisson")),
                "learning_rate": Range(1e-2, 1.0, log=True),
                "max_iter": Range(10, 60),
                "max_leaf_nodes": Range(3, 63, log=True),
                "min_samples_leaf": Range(2, 80, log=True),
                "l2_regularization": Range(1e-3, 1e3, log=True),
                "max_features": Range(0.1, 1.0),
            },
        ),
        Problem(
            "mlp-cancer",
            lambda: load_breast_cancer(return_X_y=True),
            make_pipeline(StandardScaler(), SizedMLP()),
            "neg_log_loss",
            {
                "sizedmlp__n_layers": Range(1, 3),
                "sizedmlp__n_units": Range(4, 64, log=True),
                "sizedmlp__activation": Choice(("relu", "tanh", "logistic")),
                "sizedmlp__alpha": Range(1e-6, 10.0, log=True),
                "sizedmlp__learning_rate_init": Range(1e-4, 1e-1, log=True),
                "sizedmlp__batch_size": Range(16, 256, log=True),
            },
        ),
        Problem(
            "logistic-wine",
            lambda: load_wine(return_X_y=True),
            Pipeline(
                [
                    ("scaler", NamedScaler()),
                    ("products", PolynomialFeatures(degree=1, include_bias=False)),
                    ("linear", PenalisedLogistic()),
                ]
            ),
            "neg_log_loss",
            {
                "scaler__kind": Choice(("standard", "minmax", "robust")),
                "products__degree": Range(1, 2),
                "products__interaction_only": Choice(
                    (False, True), when=("products__degree", (2,))
                ),
                "linear__penalty": Choice(("l2", "l1", "elasticnet")),
                "linear__l1_ratio": Range(
                    0.0, 1.0, when=("linear__penalty", ("elasticnet",))
                ),
                "linear__C": Range(1e-4, 1e4, log=True),
                "linear__balanced": Choice((False, True)),
                "linear__max_iter": Range(10, 100, log=True),
            },
        ),
    ]


PROBLEMS = {problem.name: problem for problem in _problems()}


def selected(names: Sequence[str] | None) -> list[Problem]:
    """Problems by name, all of them by default."""
    return [PROBLEMS[name] for name in names or PROBLEMS]
