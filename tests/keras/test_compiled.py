"""Compiled epochs compute what ``model.fit`` does, given the same batches."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras import layers, ops  # noqa: E402
from sklearn.datasets import load_digits  # noqa: E402

from sktune.exceptions import ModelError  # noqa: E402
from sktune.keras import Inputs, KerasClassifier, KerasRegressor  # noqa: E402
from sktune.keras._batches import validation_rows  # noqa: E402

BACKEND = keras.backend.backend()
pytestmark = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax"), reason="no compiled epochs on this backend"
)

N_ROWS, BATCH, EPOCHS = 70, 16, 3  # the last batch has 6 rows


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    rows = np.flatnonzero(y < 3)[:N_ROWS]
    return (X[rows] / 16).astype("float32").reshape(-1, 8, 8, 1), y[rows]


# -- Models --------------------------------------------------------------------


def ends(meta, inputs, x):
    last = layers.Dense(meta.n_outputs, activation=meta.output_activation)
    return keras.Model(inputs, last(x))


def dense(meta):
    inputs = keras.Input(meta.input_shape)
    x = layers.Dense(8, activation="relu")(layers.Flatten()(inputs))
    return ends(meta, inputs, x)


def regularized(meta):
    inputs = keras.Input(meta.input_shape)
    x = layers.Dense(8, "relu", kernel_regularizer="l2")(layers.Flatten()(inputs))
    return ends(meta, inputs, x)


def active(meta):
    inputs = keras.Input(meta.input_shape)
    x = layers.Dense(8, "relu", activity_regularizer="l2")(layers.Flatten()(inputs))
    return ends(meta, inputs, x)


def normalized(meta):
    inputs = keras.Input(meta.input_shape)
    # A bias would have no gradient but rounding errors, which Adam blows up.
    x = layers.Dense(8, use_bias=False)(layers.Flatten()(inputs))
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.5)(x))
    return ends(meta, inputs, x)


def layer_normalized(meta):
    inputs = keras.Input(meta.input_shape)
    x = layers.LayerNormalization()(layers.Dense(8)(layers.Flatten()(inputs)))
    return ends(meta, inputs, layers.Activation("gelu")(x))


def convolution(meta):
    inputs = keras.Input(meta.input_shape)
    x = layers.Conv2D(4, 3, activation="relu")(inputs)
    x = layers.GlobalAveragePooling2D()(layers.MaxPooling2D()(x))
    return ends(meta, inputs, x)


def nested(meta):
    """A model in a model, and a layer that is used twice."""
    inputs = keras.Input(meta.input_shape)
    square = layers.Dense(8, activation="tanh")
    inner = keras.Sequential([keras.Input((8,)), square, square])
    x = inner(layers.Dense(8)(layers.Flatten()(inputs)))
    return ends(meta, inputs, x)


def lstm(meta):
    inputs = keras.Input(meta.input_shape)
    x = layers.LSTM(4)(layers.Reshape((8, 8))(inputs))
    return ends(meta, inputs, x)


def bidirectional(meta):
    inputs = keras.Input(meta.input_shape)
    x = layers.Bidirectional(layers.GRU(3))(layers.Reshape((8, 8))(inputs))
    return ends(meta, inputs, x)


def embedded(meta):
    inputs = keras.Input(meta.input_shape, dtype=meta.input_dtype)
    x = layers.Embedding(meta.n_tokens, 4, mask_zero=True)(inputs)
    return ends(meta, inputs, layers.LSTM(4)(x))


# -- Compared with plain Keras ---------------------------------------------------


def untrained(estimator, X, y):
    """Return the model with which the training of an estimator begins."""
    return estimator.train_more(X, y, amount=0).model_


def plain_keras(model, X, y, *, optimizer="adam", loss=None, callbacks=(), **options):
    """Return history and weights of ``model.fit`` on the rows as they come."""
    model.compile(
        optimizer=optimizer,
        loss=loss or "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        run_eagerly=True,  # nothing to compile
    )
    history = model.fit(
        X,
        y,
        batch_size=BATCH,
        epochs=EPOCHS,
        shuffle=False,
        verbose=0,
        callbacks=list(callbacks),
        **options,
    )
    return history.history, model.get_weights()


def compiled(model, **params):
    return KerasClassifier(
        model,
        **{
            "metrics": "accuracy",
            "batch_size": BATCH,
            "epochs": EPOCHS,
            "shuffle": False,
            "random_state": 0,
            "training": "compiled",
            **params,
        },
    )


def assert_same(estimator, expected, *, rtol=2e-5):
    history, weights = expected
    for name, values in history.items():
        np.testing.assert_allclose(estimator.history_[name], values, rtol=rtol)
    for own, other in zip(estimator.model_.get_weights(), weights, strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-3, atol=2e-5)


def check(X, y, estimator, *, sample_weight=None, **options):
    """Compare the training of an estimator with that of plain Keras."""
    if sample_weight is not None:
        options["sample_weight"] = sample_weight.astype("float32")
    model = untrained(estimator, X, y)
    before = model.get_weights()
    estimator.train_more(X, y, amount=EPOCHS, sample_weight=sample_weight)
    assert estimator.training_path_ == "compiled"
    expected = plain_keras(model, X, y, **options)
    moved = [np.abs(a - b).max() for a, b in zip(before, expected[1], strict=True)]
    assert max(moved) > 1e-3  # there was something to get wrong
    assert_same(estimator, expected)


@pytest.mark.parametrize("build", [dense, normalized, convolution])
def test_architectures(build, digits):
    check(*digits, compiled(build))


@pytest.mark.slow
@pytest.mark.parametrize(
    "build", [regularized, active, layer_normalized, nested, lstm, bidirectional]
)
def test_more_architectures(build, digits):
    check(*digits, compiled(build))


@pytest.mark.slow
def test_an_embedding_with_a_mask(rng):
    X = rng.integers(0, 6, (N_ROWS, 5))
    X[:, 0] = np.maximum(X[:, 0], 1)  # no sequence is empty
    check(X, np.arange(N_ROWS) % 3, compiled(embedded))


@pytest.mark.parametrize(
    "build", [pytest.param(dense, marks=pytest.mark.slow), normalized]
)
def test_sample_weight(build, digits, rng):
    weight = rng.uniform(0, 3, N_ROWS)
    check(*digits, compiled(build), sample_weight=weight)


def test_class_weight(digits):
    weights = {0: 0.5, 1: 3.0, 2: 1.0}
    check(*digits, compiled(dense, class_weight=weights), class_weight=weights)


@pytest.mark.parametrize(
    "build", [dense, pytest.param(normalized, marks=pytest.mark.slow)]
)
def test_validation(build, digits):
    X, y = digits
    estimator = compiled(build, validation_fraction=0.3)
    model = untrained(estimator, X, y)
    train, held_out = validation_rows(
        len(y), 0.3, seed=estimator._training.progress.seed, labels=y
    )
    estimator.train_more(X, y, amount=EPOCHS)
    expected = plain_keras(
        model, X[train], y[train], validation_data=(X[held_out], y[held_out])
    )
    assert {"val_loss", "val_accuracy"} <= expected[0].keys()
    assert_same(estimator, expected)


def test_weight_decay_and_clipping_and_learning_rate(digits):
    # The optimizer's own clipping and decay, against ours as inputs.
    params = {"weight_decay": 0.1, "clipnorm": 0.05, "learning_rate": 0.01}
    adam = keras.optimizers.AdamW(**params)
    check(*digits, compiled(dense, optimizer="adamw", **params), optimizer=adam)


@pytest.mark.slow
def test_momentum(digits):
    sgd = keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True)
    params = {"momentum": 0.9, "learning_rate": 0.1, "optimizer__nesterov": True}
    check(*digits, compiled(dense, optimizer="sgd", **params), optimizer=sgd)


def test_schedule(digits):
    scheduler = keras.callbacks.LearningRateScheduler(
        lambda epoch: 0.02 * (0.5 + 0.5 * np.cos(np.pi * epoch / EPOCHS))
    )
    estimator = compiled(dense, schedule="cosine", learning_rate=0.02)
    check(*digits, estimator, callbacks=[scheduler])
    assert estimator.history_["learning_rate"] == pytest.approx([0.02, 0.015, 0.005])


def own_loss(y_true, y_pred):
    chosen = ops.one_hot(ops.reshape(ops.cast(y_true, "int32"), (-1,)), 3)
    return ops.mean(ops.square(chosen - y_pred), axis=-1)


def own_loss_of_a_batch(y_true, y_pred):
    return ops.max(own_loss(y_true, y_pred))


class OwnLoss(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return own_loss(y_true, y_pred)


@pytest.mark.slow
@pytest.mark.parametrize("loss", [own_loss, own_loss_of_a_batch, OwnLoss, OwnLoss()])
def test_losses_of_ones_own(loss, digits):
    given = loss() if isinstance(loss, type) else loss
    check(*digits, compiled(dense, loss=loss), loss=given)


@pytest.mark.slow
@pytest.mark.parametrize("reduction", ["sum", "mean_with_sample_weight"])
def test_other_means(reduction, digits, rng):
    weight = rng.uniform(0.5, 3, N_ROWS)
    loss = keras.losses.SparseCategoricalCrossentropy(reduction=reduction)
    check(
        *digits,
        compiled(dense, loss=loss, learning_rate=0.001),
        sample_weight=weight,
        loss=loss,
    )


@pytest.mark.slow
def test_losses_of_one_hot_targets(digits):
    X, y = digits
    estimator = compiled(dense, loss="categorical_crossentropy")
    model = untrained(estimator, X, y)
    estimator.train_more(X, y, amount=EPOCHS)
    expected = plain_keras(model, X, np.eye(3)[y], loss="categorical_crossentropy")
    assert_same(estimator, expected)


@pytest.mark.slow
def test_regression(digits):
    X, _ = digits
    y = X.sum(axis=(1, 2, 3)) / 10
    estimator = KerasRegressor(
        dense,
        batch_size=BATCH,
        epochs=EPOCHS,
        metrics=["mae"],
        shuffle=False,
        random_state=0,
        training="compiled",
    )
    model = untrained(estimator, X, y)
    estimator.train_more(X, y, amount=EPOCHS)
    model.compile("adam", "mse", metrics=["mae"], run_eagerly=True)
    history = model.fit(X, y, BATCH, EPOCHS, shuffle=False, verbose=0).history
    for name, values in history.items():
        np.testing.assert_allclose(estimator.history_[name], values, rtol=1e-5)


# -- Compared with the other path ------------------------------------------------


@pytest.mark.core
def test_both_paths_draw_the_same_batches(digits):
    params = {"shuffle": True, "validation_fraction": 0.2}
    own = compiled(normalized, **params).fit(*digits)
    other = compiled(normalized, training="fit", **params).fit(*digits)
    assert (own.training_path_, other.training_path_) == ("compiled", "fit: asked for")
    for name, values in other.history_.items():
        np.testing.assert_allclose(own.history_[name], values, rtol=2e-5)
    X, _ = digits
    np.testing.assert_allclose(
        own.predict_proba(X), other.predict_proba(X), rtol=1e-3, atol=1e-5
    )


@pytest.mark.slow
@pytest.mark.parametrize("n_rows", [BATCH, BATCH + 1, 3 * BATCH, 5])
def test_any_number_of_rows(n_rows, digits):
    X, y = digits
    rows = np.r_[np.flatnonzero(y == 0)[:2], np.flatnonzero(y > 0)][:n_rows]
    own = compiled(normalized, shuffle=True).fit(X[rows], y[rows])
    other = compiled(normalized, shuffle=True, training="fit").fit(X[rows], y[rows])
    np.testing.assert_allclose(own.history_["loss"], other.history_["loss"], rtol=2e-5)


def test_several_inputs(digits):
    X, y = digits

    def build(meta):
        shape = meta.input_shape
        image = keras.Input(shape["image"], name="image")
        extra = keras.Input(shape["extra"], name="extra")
        x = layers.Concatenate()([layers.Flatten()(image), extra])
        return ends(meta, [image, extra], x)

    extra = np.linspace(0, 1, N_ROWS, dtype="float32")
    both = Inputs(extra=extra, image=X)
    own = compiled(build).fit(both, y)
    other = compiled(build, training="fit").fit(both, y)
    np.testing.assert_allclose(own.history_["loss"], other.history_["loss"], rtol=2e-5)


def test_predictions_are_those_of_the_model(digits):
    X, y = digits
    estimator = compiled(normalized).fit(X, y)
    expected = estimator.model_.predict(X, verbose=0)
    np.testing.assert_allclose(estimator.predict_proba(X), expected, atol=1e-6)
    np.testing.assert_allclose(estimator.predict_proba(X[:1]), expected[:1], atol=1e-6)


# -- What is compiled, and what is not -------------------------------------------


class OwnStep(keras.Model):
    def train_step(self, *args):
        return super().train_step(*args)


def with_own_step(meta):
    model = dense(meta)
    return OwnStep(model.input, model.output)


def half_precision(meta):
    inputs = keras.Input(meta.input_shape)
    x = layers.Dense(4, dtype="mixed_bfloat16")(layers.Flatten()(inputs))
    return ends(meta, inputs, x)


BATCH_HOOK = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)
OWN_SCHEDULE = keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 10))


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"model": with_own_step}, "the model brings its own training step"),
        ({"model": half_precision}, "another precision than float32"),
        ({"optimizer": OWN_SCHEDULE}, "its own schedule"),
        (
            {
                "callbacks": keras.callbacks.LambdaCallback(
                    on_train_batch_end=lambda batch, logs: None
                )
            },
            "a callback has a hook for batches",
        ),
    ],
)
def test_the_path_tells_why_nothing_was_compiled(params, reason, digits):
    model = params.pop("model", dense)
    estimator = compiled(
        model, **{"epochs": 1, "training": "auto", "jit_compile": False, **params}
    )
    estimator.fit(*digits)
    assert estimator.training_path_.startswith("fit: ")
    assert reason in estimator.training_path_
    assert estimator.predict(digits[0]).shape == (N_ROWS,)
    estimator.set_params(training="compiled")
    with pytest.raises(ModelError, match=f"not possible: .*{reason}"):
        estimator.fit(*digits)


class Spelled(layers.Layer):
    """Adds nothing, by way of strings, which XLA does not know."""

    def call(self, inputs):
        import tensorflow as tf

        length = tf.strings.length(tf.strings.as_string(inputs))
        return inputs + 0.0 * tf.cast(length, tf.float32)


def spelled(meta):
    inputs = keras.Input(meta.input_shape)
    x = layers.Dense(8, activation="relu")(layers.Flatten()(inputs))
    return ends(meta, inputs, Spelled()(x))


@pytest.mark.skipif(BACKEND != "tensorflow", reason="of TensorFlow's operations")
def test_what_xla_does_not_know_is_compiled_without_it(digits):
    params = {"shuffle": True, "validation_fraction": 0.2}
    own = compiled(spelled, jit_compile="auto", **params).fit(*digits)
    assert own.training_path_ == "compiled"
    other = compiled(spelled, training="fit", jit_compile=False, **params)
    other.fit(*digits)
    for name, values in other.history_.items():
        np.testing.assert_allclose(own.history_[name], values, rtol=2e-5)
    again = compiled(spelled, jit_compile="auto", **params).fit(*digits)
    assert again.history_ == own.history_
    with pytest.raises(ModelError, match="not possible: Invalid"):
        compiled(spelled, jit_compile=True).fit(*digits)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="JAX has nothing but XLA")
@pytest.mark.parametrize(
    ("hidden", "expected"),
    [
        ([layers.Conv2D(2, 3), layers.Flatten()], True),
        ([layers.TimeDistributed(layers.Conv1D(2, 3)), layers.Flatten()], True),
        ([keras.Sequential([layers.Conv2D(2, 3)]), layers.Flatten()], True),
        ([layers.Flatten()], False),
        ([layers.Conv2D(2, 3), layers.Reshape((-1, 2)), layers.LSTM(2)], False),
        (
            [
                layers.Reshape((-1, 1)),
                layers.Conv1D(2, 3),
                layers.Bidirectional(layers.GRU(2)),
            ],
            False,
        ),
    ],
)
def test_where_convolutions_are_most_of_it(hidden, expected):
    from sktune.keras._tensorflow import has_convolutions

    model = keras.Sequential([keras.Input((8, 8, 1)), *hidden, layers.Dense(2)])
    assert has_convolutions(model) is expected


@pytest.mark.skipif(BACKEND != "tensorflow", reason="JAX has nothing but XLA")
def test_convolutions_on_a_cpu_do_without_xla(digits):
    own = compiled(convolution, jit_compile="auto", device="cpu").fit(*digits)
    other = compiled(convolution, jit_compile=False, device="cpu").fit(*digits)
    assert own.training_path_ == "compiled"
    np.testing.assert_array_equal(
        own.predict_proba(digits[0]), other.predict_proba(digits[0])
    )


@pytest.mark.skipif(BACKEND != "tensorflow", reason="of TensorFlow's sessions")
def test_a_refused_session_leaves_the_training_to_keras(digits, monkeypatch):
    import tensorflow as tf

    from sktune.keras import _tf_session

    def refuse():
        raise tf.errors.InvalidArgumentError(None, None, "no such device\nat all")

    monkeypatch.setattr(_tf_session, "_config", refuse)
    X, y = digits
    options = {"model__units": (5,), "epochs": 1, "random_state": 0}
    estimator = KerasClassifier(**options).fit(X, y)
    assert "no such device" in estimator.training_path_
    assert estimator.training_path_.startswith("fit: compilation failed (Invalid")
    copy = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(copy.predict(X), estimator.predict(X))
    with pytest.raises(ModelError, match=r"not possible: .*no such device"):
        KerasClassifier(training="compiled", **options).fit(X, y)
