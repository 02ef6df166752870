"""scikit-learn's own contract tests, unchanged."""

from __future__ import annotations

import pytest
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier, SGDRegressor
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sktune import (
    BayesSearchCV,
    HyperbandSearchCV,
    PBTSearchCV,
    ScheduledEstimator,
)

C = (1e-2, 1e2, "log-uniform")

SEARCHES = [
    BayesSearchCV(LogisticRegression(), {"C": C}, n_iter=3, cv=2, random_state=0),
    BayesSearchCV(Ridge(), {"alpha": C}, n_iter=3, cv=2, error_score="raise"),
    BayesSearchCV(Ridge(), param_grid={"alpha": [0.1, 1.0]}, cv=2),
    BayesSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression()),
        {"logisticregression__C": C},
        n_iter=3,
        cv=2,
        random_state=0,
    ),
    BayesSearchCV(
        make_pipeline(StandardScaler(), Ridge()),
        {"standardscaler__with_mean": [True, False], "ridge__alpha": C},
        n_iter=4,
        cv=2,
        random_state=0,
        error_score="raise",
    ),
    BayesSearchCV(GaussianMixture(random_state=0), {"n_components": [1, 2]}, cv=2),
    HyperbandSearchCV(Ridge(), {"alpha": C}, n_candidates=4, cv=2, random_state=0),
    HyperbandSearchCV(
        make_pipeline(StandardScaler(), SGDClassifier(random_state=0)),
        {"sgdclassifier__alpha": C},
        max_resource=3,
        cv=2,
        random_state=0,
    ),
    HyperbandSearchCV(
        GaussianMixture(random_state=0),
        {"n_components": [1, 2]},
        resource="max_iter",
        max_resource=4,
        cv=2,
    ),
    PBTSearchCV(
        SGDClassifier(random_state=0),
        {"alpha": C},
        population_size=3,
        n_generations=2,
        max_resource=4,
        cv=2,
        random_state=0,
    ),
    PBTSearchCV(
        make_pipeline(StandardScaler(), SGDRegressor(random_state=0)),
        {"sgdregressor__alpha": C},
        population_size=3,
        n_generations=2,
        max_resource=20,
        cv=2,
        random_state=0,
        refit="best_member",
    ),
    ScheduledEstimator(
        SGDClassifier(random_state=0),
        [{"start": 0, "end": 5, "params": {"alpha": 0.01}}],
    ),
]


# scikit-learn 1.6 hands pytest a generator, which pytest will refuse.
CHECKS = parametrize_with_checks(SEARCHES)


@pytest.mark.filterwarnings("ignore")  # the checks feed warnings on purpose
@pytest.mark.parametrize(CHECKS.args[0], list(CHECKS.args[1]), ids=CHECKS.kwargs["ids"])
def test_sklearn_contract(estimator, check):
    check(estimator)
