"""Trees of CatBoost, which is too large for the tests that are run often."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktune import HyperbandSearchCV, PBTSearchCV, ScheduledEstimator
from sktune._execution import with_total
from sktune.exceptions import SearchError

from .test_resource import TEST, TRAIN, X, found_for, train, y

pytestmark = pytest.mark.slow


def make_model(kind="Classifier", **options):
    """A model that writes nothing. CatBoost is loaded here."""
    catboost = pytest.importorskip("catboost")
    quiet = {"verbose": 0, "allow_writing_files": False, "thread_count": 1}
    return getattr(catboost, f"CatBoost{kind}")(random_seed=0, **quiet, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"iterations": 12},  # with a rate of its own choice
        {"n_estimators": 12, "learning_rate": 0.1},
        {"num_trees": 12, "boosting_type": "Ordered"},
        {"num_boost_round": 12, "bootstrap_type": "Bernoulli", "subsample": 0.5},
    ],
)
@pytest.mark.parametrize("wrap", [clone, lambda m: make_pipeline(StandardScaler(), m)])
def test_continued_is_uninterrupted(options, wrap):
    model = wrap(make_model(**options))
    found = found_for(model)
    assert found.resource.continues
    assert found.resource.name.endswith(next(iter(options)))
    assert found.usual == 12
    resource = with_total(found.resource, 12)
    whole = train(model, resource, [12])
    np.testing.assert_array_equal(train(model, resource, [1, 5, 12]), whole)
    assert not np.array_equal(train(model, resource, [5]), whole)
    alone = model.fit(X[TRAIN], y[TRAIN]).predict_proba(X[TEST])
    np.testing.assert_array_equal(alone, whole)


def test_a_regressor_on_transformed_targets():
    model = TransformedTargetRegressor(
        make_model("Regressor", iterations=9), transformer=StandardScaler()
    )
    target = y * 100.0
    resource = with_total(found_for(model, target=target).resource, 9)
    continued = train(model, resource, [1, 3, 9], target=target)
    alone = model.fit(X[TRAIN], target[TRAIN]).predict(X[TEST])
    np.testing.assert_array_equal(continued, alone)


def test_a_part_of_a_training_is_a_model():
    model = make_model(learning_rate=0.1)
    resource = with_total(found_for(model).resource, 1000)
    resource.train(model, X, y, {}, range(5))
    whole = clone(model).set_params(iterations=5).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), whole.predict(X))
    importances = whole.feature_importances_
    np.testing.assert_array_equal(model.feature_importances_, importances)
    assert model.get_params() == whole.get_params() | {"iterations": 1000}


def test_names_of_the_number_of_trees():
    model = make_model(n_estimators=12)
    for name in ("iterations", "n_estimators", "num_trees", "num_boost_round"):
        assert found_for(model, name).resource.name == "n_estimators"
    assert found_for(make_model()).usual == 1000


def test_a_gpu_begins_anew():
    found = found_for(make_model(task_type="GPU"))
    assert found.resource.name == "n_samples"
    assert found.note.endswith("task_type='GPU'")
    assert not found_for(make_model(task_type="GPU"), "iterations").resource.continues


def test_callbacks_of_the_user_are_called():
    class Count:
        n = 0

        def after_iteration(self, info):
            Count.n += 1
            return True

    model = make_model(iterations=9)
    resource = with_total(found_for(model).resource, 9)
    train(model, resource, [3, 9], fit_params={"callbacks": [Count()]})
    assert Count.n == 9


SPACE = {"learning_rate": (0.01, 0.5, "log-uniform"), "depth": (2, 6)}


def test_hyperband():
    model = make_model(iterations=9)
    search = HyperbandSearchCV(model, SPACE, cv=2, random_state=0).fit(X, y)
    assert search.resource_ == "iterations"
    best = search.best_estimator_
    assert best.tree_count_ == 9
    alone = clone(model).set_params(**search.best_params_).fit(X, y)
    np.testing.assert_array_equal(best.predict_proba(X), alone.predict_proba(X))
    np.testing.assert_array_equal(best.feature_importances_, alone.feature_importances_)
    again = pickle.loads(pickle.dumps(search))
    np.testing.assert_array_equal(again.predict(X), search.predict(X))
    parallel = clone(search).set_params(n_jobs=2).fit(X, y)
    np.testing.assert_array_equal(
        parallel.cv_results_["mean_test_score"], search.cv_results_["mean_test_score"]
    )


def test_a_refit_does_not_go_on_from_a_fold():
    model = make_model(iterations=9)
    search = HyperbandSearchCV(model, SPACE, refit_from="fold")
    with pytest.raises(SearchError, match="use refit_from='scratch'"):
        search.fit(X, y)


@pytest.mark.parametrize("refit", [True, "ensemble"])
def test_a_population_changes_its_learning_rate_alone(refit):
    common = {"population_size": 4, "max_resource": 9, "cv": 2, "random_state": 0}
    model = make_model()
    search = PBTSearchCV(model, SPACE, refit=refit, **common).fit(X, y)
    values = [segment["params"] for segment in search.best_schedule_]
    assert len({v["learning_rate"] for v in values}) > 1
    assert len({v["depth"] for v in values}) == 1
    assert search.predict(X).shape == (len(X), 1)
    assert np.isfinite(search.history_["test_score"]).all()


def test_a_schedule_of_the_learning_rate():
    def trained(*rates):
        schedule = [
            {"start": 4 * i, "end": 4 * i + 4, "params": {"learning_rate": rate}}
            for i, rate in enumerate(rates)
        ]
        scheduled = ScheduledEstimator(make_model(iterations=8), schedule)
        return scheduled.fit(X, y).predict_proba(X)

    np.testing.assert_allclose(trained(0.3, 1e-6), trained(0.3), atol=1e-4)
    assert np.abs(trained(0.3, 0.3) - trained(0.3)).max() > 0.01
