"""Keras estimators inside scikit-learn's meta-estimators, and ours."""

from __future__ import annotations

import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
import sklearn

keras = pytest.importorskip("keras")

from sklearn.base import clone  # noqa: E402
from sklearn.calibration import CalibratedClassifierCV  # noqa: E402
from sklearn.ensemble import StackingClassifier, VotingClassifier  # noqa: E402
from sklearn.exceptions import FitFailedWarning  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.metrics import get_scorer  # noqa: E402
from sklearn.model_selection import (  # noqa: E402
    GridSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    cross_validate,
)
from sklearn.multioutput import MultiOutputClassifier  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

from sktune import BayesSearchCV  # noqa: E402
from sktune.exceptions import SearchChangedError, SktuneError  # noqa: E402

NAMES = np.array(["setosa", "versicolor", "virginica"])
RATES = {"learning_rate": [1e-6, 0.05], "model__dropout": [0.1, 0.2]}


def grid(classifier):
    return GridSearchCV(classifier, RATES, cv=2, error_score="raise")


def randomized(classifier):
    return RandomizedSearchCV(
        classifier, RATES, n_iter=3, cv=2, random_state=0, error_score="raise"
    )


def bayes(classifier):
    space = {"learning_rate": (1e-3, 0.1, "log-uniform"), "model__dropout": (0.1, 0.3)}
    return BayesSearchCV(
        classifier, space, n_iter=3, cv=2, random_state=0, error_score="raise"
    )


def pipeline(classifier):
    return make_pipeline(StandardScaler(), classifier)


def search_of_a_pipeline(classifier):
    space = {
        "standardscaler__with_std": [True, False],
        "kerasclassifier__learning_rate": [1e-6, 0.05],
    }
    return GridSearchCV(pipeline(classifier), space, cv=2, error_score="raise")


def calibrated(classifier):
    return CalibratedClassifierCV(classifier, cv=2)


def stacking(classifier):
    return StackingClassifier(
        [("keras", classifier), ("linear", LogisticRegression())], cv=2
    )


def voting(classifier):
    return VotingClassifier(
        [("keras", classifier), ("linear", LogisticRegression())], voting="soft"
    )


WRAPPERS = [
    bayes,
    calibrated,
    grid,
    pipeline,
    randomized,
    search_of_a_pipeline,
    stacking,
    voting,
]


@pytest.fixture(scope="module", params=WRAPPERS, ids=lambda wrap: wrap.__name__)
def fitted(request, iris):
    """An estimator around a KerasClassifier, fitted on names of flowers."""
    from sktune.keras import KerasClassifier

    X, y = iris
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    classifier = KerasClassifier(
        model__units=8,
        model__dropout=0.1,
        learning_rate=0.05,
        epochs=12,
        batch_size=16,
        random_state=0,
    )
    return request.param(classifier).fit(X[:60], NAMES[y[:60]]), X[60:], NAMES[y[60:]]


def test_classes_are_predicted(fitted):
    estimator, X, y = fitted
    predicted = estimator.predict(X)
    assert predicted.shape == y.shape
    assert set(predicted) <= set(NAMES)
    assert estimator.classes_.tolist() == NAMES.tolist()


def test_probabilities_are_predicted(fitted):
    estimator, X, _ = fitted
    p = estimator.predict_proba(X)
    assert p.shape == (len(X), 3)
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    np.testing.assert_array_equal(NAMES[p.argmax(axis=1)], estimator.predict(X))


def test_it_learned_something(fitted):
    estimator, X, y = fitted
    assert estimator.score(X, y) > 0.8
    assert get_scorer("neg_log_loss")(estimator, X, y) > -0.7
    assert get_scorer("roc_auc_ovr")(estimator, X, y) > 0.9


def test_it_is_pickled(fitted):
    estimator, X, _ = fitted
    duplicate = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(
        duplicate.predict_proba(X), estimator.predict_proba(X)
    )


def test_a_clone_fits_the_same(fitted, flowers):
    estimator, X, _ = fitted
    known, y = flowers
    again = clone(estimator).fit(known, NAMES[y])
    np.testing.assert_array_equal(again.predict_proba(X), estimator.predict_proba(X))


# -- Searches ----------------------------------------------------------------------


def test_the_better_candidate_is_found(classifier, flowers):
    search = grid(classifier(epochs=8)).fit(*flowers)
    assert search.best_params_["learning_rate"] == 0.05
    assert search.best_estimator_.get_params()["learning_rate"] == 0.05
    scores = search.cv_results_["mean_test_score"]
    assert scores.max() > scores.min() + 0.2


def test_bayes_search_of_layers_units_and_activation(classifier, flowers):
    space = {
        "model__layers": (0, 1),
        "model__units": (4, 5),
        "model__activation": ["relu", "tanh"],
        "batch_size": [16, 30],
    }
    search = BayesSearchCV(
        classifier(jit_compile=False),
        space,
        n_iter=4,
        cv=2,
        random_state=0,
        error_score="raise",
    ).fit(*flowers)
    assert set(search.best_params_) == set(space)
    assert search.best_score_ > 0.5


def test_folds_are_stratified(classifier, flowers):
    X, y = flowers
    order = np.argsort(y, kind="stable")  # plain folds would lack a class
    scores = cross_validate(classifier(epochs=8), X[order], y[order], cv=3)
    assert scores["test_score"].min() > 0.6


def test_cross_validate_of_several_metrics(classifier, flowers):
    metrics = ["accuracy", "neg_log_loss", "roc_auc_ovr"]
    scores = cross_validate(
        classifier(epochs=8),
        *flowers,
        cv=2,
        scoring=metrics,
        return_train_score=True,
        error_score="raise",
    )
    for metric in metrics:
        assert np.isfinite(scores[f"test_{metric}"]).all()


def test_cross_val_predict_of_probabilities(classifier, flowers):
    p = cross_val_predict(classifier(), *flowers, cv=2, method="predict_proba")
    assert p.shape == (60, 3)


def test_a_regressor_in_a_search(regressor, numbers):
    search = GridSearchCV(
        regressor(epochs=20), {"learning_rate": [1e-6, 0.05]}, cv=2, error_score="raise"
    ).fit(*numbers)
    assert search.best_params_ == {"learning_rate": 0.05}


def test_multi_output_classifier(classifier, flowers):
    X, y = flowers
    both = np.column_stack([y, (y + 1) % 3])
    estimator = MultiOutputClassifier(classifier(epochs=8)).fit(X, both)
    assert estimator.score(X, both) > 0.5


def test_a_misspelt_parameter_of_a_space_is_told(classifier, flowers):
    for search in (
        GridSearchCV(classifier(), {"model__unts": [3]}, cv=2, error_score="raise"),
        BayesSearchCV(classifier(), {"model__unts": (3, 5)}, n_iter=2, cv=2),
    ):
        with pytest.raises(SktuneError, match="model__units"):
            search.fit(*flowers)


def test_a_candidate_that_diverges_is_a_failed_fit(regressor, numbers):
    search = GridSearchCV(
        regressor(optimizer="sgd", epochs=9),
        {"learning_rate": [1e6, 0.01]},
        cv=2,
        error_score=-99.0,
    )
    with pytest.warns(FitFailedWarning, match="diverged"):
        search.fit(*numbers)
    assert search.cv_results_["mean_test_score"][0] == -99.0
    assert search.best_params_ == {"learning_rate": 0.01}


# -- Metadata ----------------------------------------------------------------------


def test_sample_weight_reaches_a_step_of_a_pipeline(classifier, flowers):
    X, y = flowers
    weight = np.arange(60) % 2
    wrong = np.where(weight, y, (y + 1) % 3)
    steps = pipeline(classifier(epochs=20))
    steps.fit(X, wrong, kerasclassifier__sample_weight=weight)
    assert steps.score(X, y) > clone(steps).fit(X, wrong).score(X, y) + 0.2


@pytest.mark.parametrize("search", [GridSearchCV, BayesSearchCV])
def test_sample_weight_is_routed(search, classifier, flowers):
    X, y = flowers
    weight = np.arange(60) % 2
    wrong = np.where(weight, y, (y + 1) % 3)
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = classifier(epochs=20)
        estimator.set_fit_request(sample_weight=True)
        estimator.set_score_request(sample_weight=True)
        found = search(
            estimator,
            param_grid={"learning_rate": [0.05]},
            cv=2,
            error_score="raise",
        ).fit(X, wrong, sample_weight=weight)
    # Scores count the rows that were right, and those alone.
    assert found.best_score_ > 0.8
    assert found.score(X, y) > 0.7


# -- In parallel ---------------------------------------------------------------------

TIMES = ("mean_fit_time", "std_fit_time", "mean_score_time", "std_score_time")


def results_of(search):
    return {n: v for n, v in search.cv_results_.items() if n not in TIMES}


def assert_same_results(own, other):
    assert own.keys() == other.keys()
    for name in own:
        np.testing.assert_array_equal(own[name], other[name], err_msg=name)


def test_threads_do_not_meet(classifier, flowers):
    space = {"learning_rate": [0.01, 0.05], "model__units": [7, 8]}
    alone = GridSearchCV(classifier(), space, cv=2, error_score="raise").fit(*flowers)
    with joblib.parallel_config("threading", n_jobs=2):
        both = GridSearchCV(classifier(), space, cv=2, error_score="raise")
        both.fit(*flowers)
    assert_same_results(results_of(both), results_of(alone))
    np.testing.assert_array_equal(
        both.predict_proba(flowers[0]), alone.predict_proba(flowers[0])
    )


@pytest.mark.slow
@pytest.mark.parametrize("search", [GridSearchCV, BayesSearchCV])
@pytest.mark.parametrize("kind", ["ready-made", "own"])
def test_two_workers_give_the_same_results(search, kind, classifier, flowers):
    params = {}
    if kind == "own":  # a closure with a layer of its own: pickled by value

        class Doubled(keras.layers.Layer):
            def call(self, x):
                return 2 * x

        def build(meta, *, units=8):
            inputs = keras.Input(meta.input_shape)
            x = Doubled()(keras.layers.Dense(units, activation="relu")(inputs))
            last = keras.layers.Dense(meta.n_outputs, activation="softmax")
            return keras.Model(inputs, last(x))

        params["model"] = build
    space = {"learning_rate": [0.01, 0.05], "model__units": [7, 8]}
    results = []
    for n_jobs in (1, 2):
        found = search(
            classifier(jit_compile=False, **params),
            param_grid=space,
            cv=2,
            n_jobs=n_jobs,
            error_score="raise",
        ).fit(*flowers)
        results.append((results_of(found), found.predict_proba(flowers[0])))
    assert_same_results(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])


def template(units):
    inputs = keras.Input((4,))
    left, right = (keras.layers.Dense(n, activation="relu")(inputs) for n in units)
    joined = keras.layers.concatenate([left, right])
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(joined))


def keras_objects(units, rate=0.05):
    return {
        "model": template(units),
        "optimizer": keras.optimizers.Adam(rate),
        "loss": keras.losses.SparseCategoricalCrossentropy(),
        "metrics": [keras.metrics.SparseCategoricalAccuracy()],
        "callbacks": [keras.callbacks.EarlyStopping(monitor="loss")],
    }


def test_keras_objects_made_anew_are_no_other_search(classifier, flowers, tmp_path):
    # A process that goes on makes them again, under other names and addresses.
    def search(**params):
        fixed = keras_objects(**params) | {"learning_rate": None}
        return BayesSearchCV(
            classifier(**fixed, epochs=2),
            {"batch_size": [16, 32, 64]},
            n_iter=2,
            cv=2,
            random_state=0,
            storage=tmp_path / "search.db",
        )

    before = search(units=(5, 5)).fit(*flowers)
    after = search(units=(5, 5)).fit(*flowers)
    first, again = (s.estimator.model.layers[1].name for s in (before, after))
    assert first != again
    times = (s.cv_results_["mean_fit_time"] for s in (before, after))
    np.testing.assert_allclose(*times, atol=1e-6, rtol=0)  # nothing is trained again
    with pytest.raises(SearchChangedError, match=r"model: layers.*units was 5, is 6"):
        search(units=(5, 6)).fit(*flowers)
    with pytest.raises(SearchChangedError, match="optimizer: learning_rate was"):
        search(units=(5, 5), rate=0.04).fit(*flowers)


def test_sktune_does_not_import_keras_by_itself():
    code = "import sys, sktune; assert 'keras' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
