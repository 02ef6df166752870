"""Hyperband goes on with Keras models, fold by fold."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

pytest.importorskip("keras")

from sktune import HyperbandSearchCV
from sktune._execution import (
    FoldContext,
    FoldData,
    ResourceRequest,
    find_resource,
    with_total,
)
from sktune._execution._fold import run_fold
from sktune._protocol import FoldTask
from sktune.keras import KerasClassifier, KerasRegressor

X, y = load_digits(return_X_y=True)
X, y = X[:400], y[:400]

SPACE = {
    "kerasclassifier__learning_rate": (1e-4, 1e-1, "log-uniform"),
    "kerasclassifier__batch_size": [32, 64],
}


def net():
    model = KerasClassifier(epochs=4, batch_size=64, random_state=0)
    return make_pipeline(StandardScaler(), model)


def of_target():
    model = KerasRegressor(epochs=4, batch_size=64, random_state=0)
    return TransformedTargetRegressor(
        make_pipeline(StandardScaler(), model), transformer=StandardScaler()
    )


def output(estimator, X):
    method = getattr(estimator, "predict_proba", estimator.predict)
    return method(X)


@pytest.mark.parametrize(
    ("net", "prefix"),
    [(net, "kerasclassifier__"), (of_target, "regressor__kerasregressor__")],
)
def test_segments_are_one_training(net, prefix):
    found = find_resource(net(), ResourceRequest("auto", y, 300, None, 0))
    resource = with_total(found.resource, 9)
    assert (resource.name, found.usual, resource.continues) == ("epochs", 4, True)
    seen = []

    def score(estimator, X, y):
        seen.append(output(estimator, X))
        return 0.0

    data = FoldData(X, y, [(np.arange(300), np.arange(300, 400))], {}, {})
    context = FoldContext(net(), score, raise_errors=True, resource=resource)
    checkpoint = None
    for stop in (1, 4, 9):
        task = FoldTask(0, 0, {}, stop, checkpoint, keep=True)
        result = run_fold(context, data, task)
        checkpoint = result.checkpoint
    run_fold(context, data, FoldTask(0, 0, {}, 9))
    np.testing.assert_array_equal(seen[-2], seen[-1])
    alone = net().set_params(**{f"{prefix}epochs": 9}).fit(X[:300], y[:300])
    np.testing.assert_array_equal(output(alone, X[300:]), seen[-1])


def test_search():
    found = HyperbandSearchCV(
        net(), SPACE, max_resource=4, factor=2, brackets=2, cv=2, random_state=0
    ).fit(X, y)
    assert found.resource_ == "epochs"
    assert found.cv_results_["n_resources"].max() == 4
    assert found.best_score_ > 0.7
    assert found.best_estimator_[-1].epochs == 4
    assert found.checkpoint_use_.largest_bytes > 1000
