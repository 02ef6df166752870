"""Keras estimators pickled, copied and cloned, before and after fitting."""

from __future__ import annotations

import copy
import io
import pickle
import subprocess
import sys
import textwrap
import threading

import joblib
import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras import layers  # noqa: E402
from sklearn.base import clone  # noqa: E402

from sktune._compat import cloudpickle  # noqa: E402
from sktune.exceptions import ModelError  # noqa: E402
from sktune.keras import KerasClassifier  # noqa: E402

QUICK = {"epochs": 1, "jit_compile": False, "random_state": 0}


def by_joblib(estimator):
    file = io.BytesIO()
    joblib.dump(estimator, file)
    file.seek(0)
    return joblib.load(file)


COPIES = {
    "pickle": lambda estimator: pickle.loads(pickle.dumps(estimator)),
    "cloudpickle": lambda estimator: pickle.loads(cloudpickle.dumps(estimator)),
    "joblib": by_joblib,
    "deepcopy": copy.deepcopy,
}


class Doubled(layers.Layer):
    """A layer of the user's own, that Keras has not been told of."""

    def call(self, x):
        return 2 * x

    def compute_output_shape(self, shape):
        return shape


def doubled(x):
    return 2 * x


def build(meta, *, units=3):
    inputs = keras.Input(meta.input_shape)
    x = Doubled()(layers.Dense(units, activation=doubled)(inputs))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


def own_loss(y_true, y_pred):
    return keras.losses.sparse_categorical_crossentropy(y_true, y_pred) * 2


class OwnLoss(keras.losses.Loss):
    """Of the user's own, that Keras has not been told of. It has no configuration."""

    def __init__(self, factor=1.0):
        super().__init__()
        self.factor = factor

    def call(self, y_true, y_pred):
        return own_loss(y_true, y_pred) * self.factor


class OwnSGD(keras.optimizers.SGD):
    pass


class OwnMean(keras.metrics.MeanMetricWrapper):
    """A metric of the user's own."""

    def __init__(self, name="own"):
        super().__init__(own_loss, name=name)

    def get_config(self):
        return {"name": self.name}


@keras.saving.register_keras_serializable("sktune_tests")
class RegisteredLoss(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return own_loss(y_true, y_pred)


def template():
    return keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax")])


def own_template():
    inputs = keras.Input((4,))
    return keras.Model(inputs, build_on(inputs))


def build_on(inputs):
    x = Doubled()(layers.Dense(3, activation=doubled)(inputs))
    return layers.Dense(3, activation="softmax")(x)


TEMPLATES = {"template": template, "own template": own_template}


PARAMS = {
    "ready-made": {"model__units": 8},
    "own layers": {"model": build},
    "own loss function": {"loss": own_loss},
    "own loss class": {"loss": OwnLoss},
    "own loss": {"loss": OwnLoss(2.0)},
    "registered loss": {"loss": RegisteredLoss()},
    "own optimizer": {"optimizer": OwnSGD(0.5)},
    "own metric": {"metrics": ["accuracy", OwnMean()]},
    "optimizer": {"optimizer": keras.optimizers.SGD(0.5)},
    "metric": {"metrics": [keras.metrics.SparseCategoricalAccuracy(name="a")]},
    "callback": {"callbacks": [keras.callbacks.TerminateOnNaN()]},
    "template": {},
    "own template": {},
}


def estimator_with(name):
    params = dict(PARAMS[name])
    if name in TEMPLATES:
        params["model"] = TEMPLATES[name]()
    return KerasClassifier(**QUICK, **params)


@pytest.mark.core
@pytest.mark.parametrize(
    "how",
    [
        "pickle",
        "deepcopy",
        pytest.param("cloudpickle", marks=pytest.mark.slow),
        pytest.param("joblib", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("name", PARAMS)
def test_a_copy_predicts_the_same_and_goes_on_the_same(name, how, flowers):
    X, y = flowers
    estimator = COPIES[how](estimator_with(name))  # before fitting
    estimator.fit(X, y)
    duplicate = COPIES[how](estimator)
    expected = estimator.predict_proba(X)
    np.testing.assert_array_equal(duplicate.predict_proba(X), expected)
    assert duplicate.history_ == estimator.history_
    duplicate.train_more(X, y, amount=1)
    np.testing.assert_array_equal(estimator.predict_proba(X), expected)
    estimator.train_more(X, y, amount=1)
    assert duplicate.get_training_state() == estimator.get_training_state()


@pytest.mark.parametrize("name", PARAMS)
def test_a_clone_is_not_fitted_and_fits_the_same(name, flowers):
    X, y = flowers
    estimator = estimator_with(name).fit(X, y)
    duplicate = clone(estimator)
    assert not hasattr(duplicate, "history_")
    assert clone(duplicate).fit(X, y).history_ == estimator.history_


@pytest.mark.core
def test_a_pickle_holds_no_keras_objects(flowers):
    estimator = estimator_with("ready-made").fit(*flowers)
    assert estimator.model_ is estimator.model_
    assert b"keras.src" not in pickle.dumps(estimator)


def test_a_pickle_is_small(flowers):
    estimator = estimator_with("ready-made")
    estimator.set_params(model__units=64).fit(*flowers)
    n_weights = estimator.model_.count_params()
    # Weights and Adam's two moments, of 4 bytes each.
    assert len(pickle.dumps(estimator)) < 3 * 4 * n_weights + 20_000


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ready-made", "own layers"])
def test_a_pickle_is_read_in_another_process(name, flowers, tmp_path):
    X, y = flowers
    estimator = estimator_with(name).fit(X, y)
    module = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(module)
    try:
        (tmp_path / "estimator").write_bytes(cloudpickle.dumps(estimator))
    finally:
        cloudpickle.unregister_pickle_by_value(module)
    np.savez(tmp_path / "data.npz", X=X, y=y)
    script = """
        import pickle, sys, numpy as np
        from pathlib import Path
        folder = Path(sys.argv[1])
        data = np.load(folder / "data.npz")
        estimator = pickle.loads((folder / "estimator").read_bytes())
        np.save(folder / "first.npy", estimator.predict_proba(data["X"]))
        estimator.train_more(data["X"], data["y"], amount=1)
        np.save(folder / "second.npy", estimator.predict_proba(data["X"]))
    """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)], check=True
    )
    first, second = (np.load(tmp_path / f"{n}.npy") for n in ("first", "second"))
    np.testing.assert_array_equal(first, estimator.predict_proba(X))
    estimator.train_more(X, y, amount=1)
    np.testing.assert_array_equal(second, estimator.predict_proba(X))


def test_a_lambda_layer_of_a_template_is_named(flowers):
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Lambda(lambda x: 2 * x, name="twice"),
            layers.Dense(3, activation="softmax"),
        ]
    )
    with pytest.raises(ValueError, match="Lambda layer, 'twice'"):
        KerasClassifier(model, **QUICK).fit(*flowers)


def without_a_name(units):
    def local(meta):
        return keras.Sequential([keras.Input((4,)), *layers_of(units)])

    return local


def layers_of(units):
    return [layers.Dense(units), layers.Dense(3, activation="softmax")]


NAMELESS = {
    "lambda": {"model": lambda meta: template()},
    "local function": {"model": without_a_name(5)},
    "lambda in a list": {"callbacks": [lambda: keras.callbacks.TerminateOnNaN()]},
    "lambda as a schedule": {"schedule": lambda epoch, n_epochs: 0.5},
}


@pytest.mark.core
@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("name", NAMELESS)
def test_functions_without_a_name_are_pickled_with_their_code(name, how, flowers):
    X, y = flowers
    estimator = KerasClassifier(**QUICK, **NAMELESS[name])
    expected = estimator.fit(X, y).predict_proba(X)
    duplicate = COPIES[how](estimator)
    np.testing.assert_array_equal(duplicate.predict_proba(X), expected)
    np.testing.assert_array_equal(clone(duplicate).fit(X, y).predict_proba(X), expected)


@pytest.mark.parametrize("dump", [pickle.dumps, cloudpickle.dumps])
def test_a_lambda_that_cannot_be_pickled_is_named(dump):
    lock = threading.Lock()
    estimator = KerasClassifier(lambda meta: (lock, template())[1])
    with pytest.raises(pickle.PicklingError, match=r"'model'.*<lambda>.*lock"):
        dump(estimator)
    assert copy.deepcopy(estimator).model is estimator.model


def test_the_code_of_a_lambda_is_read_by_its_own_python_alone(monkeypatch):
    data = pickle.dumps(KerasClassifier(lambda meta: template()))
    monkeypatch.setattr(sys, "version_info", (3, 99, 0))
    with pytest.raises(ModelError, match=r"'model'.*<lambda>, which Python 3\.\d+ "):
        pickle.loads(data)


@pytest.mark.core
def test_a_saved_model_is_read_back(flowers, classifier, tmp_path):
    X, y = flowers
    estimator = classifier().fit(X, np.array(["a", "b", "c"])[y])
    estimator.model_.save(tmp_path / "model.keras")
    loaded = KerasClassifier.from_keras(
        tmp_path / "model.keras", classes=estimator.classes_
    )
    np.testing.assert_allclose(
        loaded.predict_proba(X), estimator.predict_proba(X), atol=1e-6
    )
    np.testing.assert_array_equal(loaded.predict(X), estimator.predict(X))


def test_code_in_a_file_is_not_run_unless_asked(flowers, tmp_path):
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Lambda(lambda x: 2 * x, output_shape=(4,)),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match=r"safe_mode|[Ll]ambda"):
        KerasClassifier.from_keras(tmp_path / "model.keras")
