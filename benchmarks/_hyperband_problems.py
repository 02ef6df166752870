"""The problems of ``hyperband.py``: a model, its data, a space and a resource."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FOLDS = 3


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
    seed: int = 0

    @property
    def cv(self) -> StratifiedKFold:
        """The folds."""
        return StratifiedKFold(FOLDS, shuffle=True, random_state=self.seed)

    def drawn_anew(self, seed: int) -> Problem:
        """The same problem with other folds, and another seed of the model."""
        model = clone(self.model)
        names = [n for n in model.get_params() if n.endswith("random_state")]
        return replace(
            self, model=model.set_params(**dict.fromkeys(names, seed)), seed=seed
        )


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
        _digits(600),
        {
            "kerasclassifier__learning_rate": (1e-5, 1e0, "log-uniform"),
            "kerasclassifier__weight_decay": (1e-6, 1e0, "log-uniform"),
            "kerasclassifier__model__dropout": (0.01, 0.8),
            # Few architectures: compiling them takes the same time for all contenders.
            "kerasclassifier__batch_size": [32, 128],
            "kerasclassifier__model__units": [16, 96],
            "kerasclassifier__model__layers": [1, 3],
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
