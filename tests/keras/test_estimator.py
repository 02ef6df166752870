"""The Keras estimators: targets, inputs, weights, reproducibility."""

from __future__ import annotations

import random

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras import layers, ops  # noqa: E402
from scipy import sparse  # noqa: E402
from sklearn.base import is_classifier, is_regressor  # noqa: E402
from sklearn.datasets import load_digits  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_validate  # noqa: E402
from sklearn.utils import get_tags  # noqa: E402

from sktune.exceptions import ModelError  # noqa: E402
from sktune.keras import Inputs, KerasClassifier, KerasRegressor  # noqa: E402

NAMES = np.array(["setosa", "versicolor", "virginica"])


def assert_same_weights(own, other):
    pairs = zip(own.model_.get_weights(), other.model_.get_weights(), strict=True)
    for a, b in pairs:
        np.testing.assert_array_equal(a, b)


# -- Targets -------------------------------------------------------------------


@pytest.mark.core
def test_multiclass(classifier, flowers):
    X, y = flowers
    estimator = classifier(epochs=15).fit(X, NAMES[y])
    p = estimator.predict_proba(X)
    assert p.shape == (60, 3)
    np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-12)
    assert estimator.classes_.tolist() == NAMES.tolist()
    np.testing.assert_array_equal(estimator.predict(X), NAMES[p.argmax(axis=1)])
    np.testing.assert_allclose(estimator.decision_function(X), np.log(p))
    assert estimator.score(X, NAMES[y]) > 0.9
    assert estimator.training_path_ in ("compiled", "fit: the backend is torch")


@pytest.mark.core
@pytest.mark.parametrize(
    "labels", [["no", "yes"], [False, True], [-1, 1], [2.0, 3.0]], ids=str
)
def test_binary(labels, classifier, flowers):
    X, y = flowers
    y = np.array(labels)[(y == 0).astype(int)]
    estimator = classifier(epochs=10).fit(X, y)
    p = estimator.predict_proba(X)
    assert p.shape == (60, 2)
    np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-12)
    decision = estimator.decision_function(X)
    assert decision.shape == (60,)
    predicted = estimator.predict(X)
    assert predicted.dtype == y.dtype
    np.testing.assert_array_equal(predicted == labels[1], decision > 0)
    assert estimator.score(X, y) > 0.9
    assert estimator.model_.output_shape == (None, 1)


@pytest.mark.core
def test_multilabel(classifier, flowers):
    X, y = flowers
    labels = np.column_stack([y == 0, X[:, 0] > 0, X[:, 1] > 0]).astype(int)
    estimator = classifier(epochs=30, metrics="accuracy").fit(X, labels)
    p = estimator.predict_proba(X)
    assert p.shape == labels.shape
    predicted = estimator.predict(X)
    np.testing.assert_array_equal(predicted, p > 0.5)
    assert (predicted == labels).mean() > 0.9
    assert estimator.history_["accuracy"][-1] > 0.5
    two_labels = estimator.fit(X, labels[:, :2])
    assert two_labels.predict(X).shape == (60, 2)
    sparse_labels = classifier(epochs=30, metrics="accuracy").fit(
        X, sparse.csr_array(labels)
    )
    np.testing.assert_array_equal(sparse_labels.predict(X), predicted)


@pytest.mark.core
def test_regression(regressor, numbers):
    X, y = numbers
    estimator = regressor(epochs=60).fit(X, y)
    assert estimator.predict(X).shape == (60,)
    assert estimator.score(X, y) > 0.9
    assert estimator.predict(X).dtype == np.float64


@pytest.mark.core
def test_multi_output_regression(regressor, numbers):
    X, y = numbers
    both = np.column_stack([y, -2 * y])
    estimator = regressor(epochs=60).fit(X, both)
    assert estimator.predict(X).shape == both.shape
    assert estimator.score(X, both) > 0.9


def test_logits_are_turned_into_probabilities(flowers):
    X, y = flowers

    def logits(meta):
        inputs = keras.Input(meta.input_shape)
        return keras.Model(inputs, layers.Dense(meta.n_outputs)(inputs))

    for target in (y, y == 0):
        estimator = KerasClassifier(
            logits,
            learning_rate=0.1,
            epochs=15,
            metrics=["accuracy", "crossentropy"],
            jit_compile=False,
        ).fit(X, target)
        p = estimator.predict_proba(X)
        np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-12)
        assert estimator.score(X, target) > 0.8
        # The loss knew that they are logits, and so did the metrics.
        history = estimator.history_
        np.testing.assert_allclose(history["loss"], history["crossentropy"], rtol=1e-4)
        assert history["accuracy"][-1] > 0.8


def test_two_softmax_units_for_two_classes(flowers):
    X, y = flowers

    def build(meta):
        inputs = keras.Input(meta.input_shape)
        return keras.Model(inputs, layers.Dense(2, activation="softmax")(inputs))

    estimator = KerasClassifier(
        build, learning_rate=0.1, epochs=15, metrics="accuracy", jit_compile=False
    ).fit(X, y == 0)
    assert estimator.score(X, y == 0) > 0.9
    assert estimator.history_["accuracy"][-1] > 0.9


def test_a_target_of_the_wrong_kind_is_refused(classifier, regressor, flowers):
    X, y = flowers
    with pytest.raises(ValueError, match="Unknown label type"):
        classifier().fit(X, X[:, 0])
    with pytest.raises(ModelError, match="one class"):
        classifier().fit(X, np.zeros(60))
    with pytest.raises(ValueError, match="requires y"):
        classifier().fit(X, None)
    with pytest.raises(ValueError, match=r"convert|dtype"):
        regressor().fit(X, NAMES[y])


# -- Inputs --------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    X = (X[:200] / 16).astype("float32")
    return X.reshape(-1, 8, 8, 1), y[:200]


@pytest.mark.core
def test_images(digits):
    X, y = digits
    estimator = KerasClassifier(
        "cnn",
        model__layers=1,
        model__filters=8,
        model__units=(),
        learning_rate=0.02,
        jit_compile=False,
        epochs=15,
        random_state=0,
    ).fit(X, y)
    assert estimator.score(X, y) > 0.8
    assert estimator.model_.input_shape == (None, 8, 8, 1)
    assert not hasattr(estimator, "feature_names_in_")
    with pytest.raises(ValueError, match="fitted on samples of shape"):
        estimator.predict(X[:, :, :7])


@pytest.mark.core
def test_sequences_of_integers(rng):
    X = rng.integers(1, 9, (120, 6))
    y = (X == 3).any(axis=1)
    estimator = KerasClassifier(
        "rnn",
        model__cell="simple",
        model__units=8,
        model__embedding_dim=4,
        learning_rate=0.02,
        jit_compile=False,
        epochs=25,
        random_state=0,
    ).fit(X, y)
    assert estimator.score(X, y) > 0.8
    unseen = np.full((1, 6), 1000)  # one token for all that are unknown
    assert estimator.predict(unseen).shape == (1,)


@pytest.mark.slow
def test_sequences_of_numbers(rng):
    X = rng.normal(size=(60, 5, 2)).astype("float32")
    y = X[:, :, 0].sum(axis=1)
    estimator = KerasRegressor(
        "rnn", model__cell="gru", model__units=4, epochs=2, jit_compile=False
    ).fit(X, y)
    assert estimator.predict(X).shape == (60,)


def two_inputs(meta, *, units=4, first="left", second="right"):
    left = keras.Input(meta.input_shape[first], name=first)
    right = keras.Input(meta.input_shape[second], name=second)
    x = layers.Dense(units, activation="tanh")(left)
    x = layers.Concatenate()([x, layers.Dense(1)(right)])
    last = layers.Dense(meta.n_outputs, activation=meta.output_activation)
    return keras.Model([left, right], last(x))


BOTH = {
    "epochs": 10,
    "learning_rate": 0.05,
    "batch_size": 16,
    "random_state": 0,
    "jit_compile": False,
}


@pytest.mark.core
def test_several_inputs(flowers):
    X, y = flowers
    named = {"left": X[:, 2:], "right": X[:, :2]}
    estimator = KerasClassifier(two_inputs, **BOTH).fit(named, y)
    assert estimator.score(Inputs(named), y) > 0.8
    turned = {"right": named["right"], "left": named["left"]}
    np.testing.assert_array_equal(
        estimator.predict_proba(turned), estimator.predict_proba(named)
    )
    with pytest.raises(ModelError, match=r"'lefft', .*; did you mean 'left'\?"):
        estimator.predict({"lefft": X[:, 2:], "right": X[:, :2]})
    with pytest.raises(ModelError, match="one X without a name"):
        estimator.predict(X)


def test_several_inputs_in_searches(flowers):
    X, y = flowers
    both = Inputs(left=X[:, 2:], right=X[:, :2])
    estimator = KerasClassifier(two_inputs, **BOTH)
    scores = cross_validate(estimator, both, y, cv=2, error_score="raise")
    assert scores["test_score"].mean() > 0.6
    search = GridSearchCV(
        estimator, {"learning_rate": [1e-6, 0.05]}, cv=2, error_score="raise"
    ).fit(both, y)
    assert search.best_params_ == {"learning_rate": 0.05}
    assert search.predict(both).shape == (60,)


def test_columns_of_a_data_frame_are_inputs(flowers):
    pd = pytest.importorskip("pandas")
    X, y = flowers
    frame = pd.DataFrame(X, columns=["length", "width", "left", "right"])

    def build(meta):
        left = keras.Input((1,), name="left")
        right = keras.Input((1,), name="right")
        x = layers.Concatenate()([left, right])
        return keras.Model([left, right], layers.Dense(3, activation="softmax")(x))

    estimator = KerasClassifier(build, **BOTH).fit(frame, y)
    assert estimator.score(frame, y) > 0.7
    assert list(estimator.feature_names_in_) == ["length", "width", "left", "right"]
    changed = frame.assign(length=0.0)
    np.testing.assert_array_equal(
        estimator.predict_proba(changed), estimator.predict_proba(frame)
    )
    changed = frame.assign(right=0.0)
    assert (estimator.predict_proba(changed) != estimator.predict_proba(frame)).any()
    with pytest.raises(ModelError, match="has no 'left'"):
        KerasClassifier(build).fit(frame.drop(columns="left"), y)
    with pytest.raises(ValueError, match="feature names"):
        estimator.predict(frame.rename(columns={"left": "l"}))


def test_inputs_of_a_list(flowers):
    X, y = flowers
    build = two_inputs
    estimator = KerasClassifier(build, model__first="0", model__second="1", **BOTH).fit(
        [X[:, 2:], X[:, :2]], y
    )
    assert estimator.predict([X[:5, 2:], X[:5, :2]]).shape == (5,)


@pytest.mark.parametrize("path", ["compiled", "fit"])
@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_array])
def test_sparse_input_is_as_good_as_dense(path, kind, classifier, flowers):
    X, y = flowers
    X = np.where(X > 0, X, 0)
    dense = classifier(training=path, epochs=1).fit(X, y)
    estimator = classifier(training=path, epochs=1).fit(kind(X), y)
    assert_same_weights(estimator, dense)
    np.testing.assert_array_equal(estimator.predict(kind(X)), dense.predict(X))


def test_rows_that_are_not_contiguous(classifier, flowers):
    X, y = flowers
    wide = np.repeat(X, 2, axis=1).astype("float64")
    assert_same_weights(
        classifier(epochs=1).fit(np.asfortranarray(wide)[:, ::2], y),
        classifier(epochs=1).fit(X, y),
    )


# -- Weights ---------------------------------------------------------------------


@pytest.mark.core
def test_rows_of_weight_zero_teach_nothing(classifier, flowers):
    X, y = flowers
    wrong = np.where(np.arange(60) < 30, y, (y + 1) % 3)
    weight = (np.arange(60) < 30).astype(float)
    plain = classifier(epochs=20).fit(X, wrong)
    weighted = classifier(epochs=20).fit(X, wrong, sample_weight=weight)
    assert weighted.score(X, y) > plain.score(X, y) + 0.2


@pytest.mark.core
def test_class_weight(classifier, flowers):
    X, _ = flowers
    rng = np.random.default_rng(0)
    noise = rng.normal(size=X.shape)  # nothing to learn but how frequent classes are
    rare = (np.arange(60) % 6 == 0).astype(int)
    params = {"epochs": 10, "learning_rate": 0.01}
    share = [
        classifier(class_weight=weight, **params).fit(noise, rare).predict(noise).mean()
        for weight in (None, "balanced", {0: 1.0, 1: 50.0})
    ]
    assert share[0] < 0.1 < share[1] < 0.9 < share[2]


def test_class_weight_and_sample_weight_multiply(classifier, flowers):
    X, y = flowers
    by_class = classifier(class_weight={0: 2.0, 1: 1.0, 2: 0.5}).fit(
        X, y, sample_weight=np.full(60, 0.5)
    )
    by_row = classifier().fit(X, y, sample_weight=np.array([1.0, 0.5, 0.25])[y])
    assert_same_weights(by_class, by_row)


def test_sample_weight_is_checked(classifier, flowers):
    X, y = flowers
    with pytest.raises(ValueError, match=r"sample_weight\.shape"):
        classifier().fit(X, y, sample_weight=np.ones(59))
    with pytest.raises(ValueError, match="non-zero"):
        classifier().fit(X, y, sample_weight=np.zeros(60))
    with pytest.raises(ValueError, match="NaN"):
        classifier().fit(X, y, sample_weight=np.full(60, np.nan))


# -- Reproducibility ---------------------------------------------------------------


@pytest.mark.core
@pytest.mark.parametrize("params", [{}, {"model__dropout": 0.3}], ids=str)
def test_same_random_state_same_weights(params, classifier, flowers):
    first = classifier(**params).fit(*flowers)
    assert_same_weights(classifier(**params).fit(*flowers), first)
    other = classifier(random_state=1, **params).fit(*flowers)
    assert (other.model_.get_weights()[0] != first.model_.get_weights()[0]).any()


def test_a_generator_is_a_random_state(classifier, flowers):
    def fitted():
        return classifier(random_state=np.random.RandomState(3)).fit(*flowers)

    assert_same_weights(fitted(), fitted())


def test_without_a_random_state_fits_differ(classifier, flowers):
    first, second = (classifier(random_state=None).fit(*flowers) for _ in range(2))
    assert (first.model_.get_weights()[0] != second.model_.get_weights()[0]).any()


@pytest.mark.core
@pytest.mark.parametrize("path", ["compiled", "fit"])
def test_global_generators_are_left_alone(path, classifier, flowers):
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    expected = random.random(), np.random.rand()  # noqa: NPY002
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    estimator = classifier(model__dropout=0.2, training=path).fit(*flowers)
    estimator.predict(flowers[0])
    assert (random.random(), np.random.rand()) == expected  # noqa: NPY002


def test_global_generators_do_not_matter(classifier, flowers):
    first = classifier(model__dropout=0.2).fit(*flowers)
    keras.utils.set_random_seed(7)
    assert_same_weights(classifier(model__dropout=0.2).fit(*flowers), first)


def test_data_and_parameters_are_left_alone(classifier, flowers):
    X, y = (a.copy() for a in flowers)
    optimizer = keras.optimizers.SGD(0.5)
    estimator = classifier(optimizer=optimizer)
    before = estimator.get_params()
    estimator.fit(X, y)
    np.testing.assert_array_equal(X, flowers[0])
    np.testing.assert_array_equal(y, flowers[1])
    assert estimator.get_params() == before
    assert not optimizer.built


# -- What scikit-learn asks ----------------------------------------------------------


def test_tags():
    assert is_classifier(KerasClassifier())
    assert not is_regressor(KerasClassifier())
    assert is_regressor(KerasRegressor())
    tags = get_tags(KerasClassifier())
    assert tags.classifier_tags.multi_class
    assert tags.classifier_tags.multi_label
    assert tags.input_tags.sparse
    assert get_tags(KerasRegressor()).target_tags.multi_output


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_before_fit_nothing_is_predicted(method, classifier, flowers):
    with pytest.raises(NotFittedError):
        getattr(classifier(), method)(flowers[0])
    with pytest.raises(NotFittedError):
        classifier().get_training_state()


def test_a_failed_fit_leaves_nothing_fitted(classifier, flowers):
    X, y = flowers
    estimator = classifier().fit(X, y)
    with pytest.raises(ValueError, match="NaN"):
        estimator.fit(np.full_like(X, np.nan), y)
    with pytest.raises(NotFittedError):
        estimator.predict(X)


@pytest.mark.core
def test_history_has_a_value_an_epoch(classifier, flowers):
    estimator = classifier(metrics=["accuracy"], validation_fraction=0.2)
    history = estimator.fit(*flowers).history_
    assert set(history) == {
        "loss",
        "accuracy",
        "val_loss",
        "val_accuracy",
        "learning_rate",
    }
    assert {len(values) for values in history.values()} == {3}
    assert all(type(v) is float for values in history.values() for v in values)


# -- Engines that are shared ---------------------------------------------------------


def engine_of(estimator):
    return estimator._ready_engine()


@pytest.mark.core
@pytest.mark.compiled
@pytest.mark.parametrize(
    "change",
    [
        {"learning_rate": 0.2},
        {"clipnorm": 0.1},
        {"model__dropout": 0.6},
        {"random_state": 5},
        {"epochs": 1},
        {"early_stopping": True},
    ],
    ids=str,
)
def test_candidates_share_an_engine(change, classifier, flowers):
    params = {"model__dropout": 0.2, "jit_compile": False}
    one = classifier(**params).fit(*flowers)
    other = classifier(**{**params, **change}).fit(*flowers)
    assert engine_of(one) is engine_of(other)


@pytest.mark.parametrize(
    "change",
    [
        {"model__units": 9},
        {"batch_size": 8},
        {"model__activation": "tanh"},
        {"optimizer": "sgd"},
        {"optimizer__beta_1": 0.5},
        {"loss": keras.losses.SparseCategoricalCrossentropy(reduction="sum")},
        {"metrics": "accuracy"},
        {"model__kernel_regularizer": 0.1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_others_do_not_share_an_engine(change, classifier, flowers):
    params = {"jit_compile": False, "epochs": 1}
    one = classifier(**params).fit(*flowers)
    other = classifier(**{**params, **change}).fit(*flowers)
    assert engine_of(one) is not engine_of(other)


@pytest.mark.core
@pytest.mark.compiled
def test_estimators_that_share_an_engine_keep_their_weights(classifier, flowers):
    X, _ = flowers
    one = classifier().fit(*flowers)
    expected = one.predict_proba(X)
    other = classifier(random_state=1).fit(*flowers)
    others = other.predict_proba(X)
    assert engine_of(one) is engine_of(other)
    np.testing.assert_array_equal(one.predict_proba(X), expected)
    np.testing.assert_array_equal(other.predict_proba(X), others)
    assert (others != expected).any()
    fresh = classifier(epochs=4).fit(*flowers)
    one.train_more(*flowers, amount=1)
    assert_same_weights(one, fresh)


def scaled(factor):
    """Return an activation function; all of them have the same name."""

    def activation(x):
        return factor * x

    return activation


class Builder:
    """Builds models of equal configurations that do different things."""

    def __init__(self, factor, how):
        self.factor, self.how = factor, how

    def __call__(self, meta):
        inputs = keras.Input(meta.input_shape)
        if self.how == "activation":
            x = layers.Dense(2, activation=scaled(self.factor))(inputs)
        elif self.how == "lambda":
            x = layers.Lambda(scaled(self.factor))(layers.Dense(2)(inputs))
        else:
            x = Scaled(self.factor)(layers.Dense(2)(inputs))
        outputs = layers.Dense(3, activation="softmax")(x)
        return keras.Model(inputs, outputs)


class Scaled(layers.Layer):
    """A layer whose configuration does not tell all."""

    def __init__(self, factor, **options):
        super().__init__(**options)
        self.factor = factor

    def get_config(self):
        return super().get_config()

    def call(self, x):
        return self.factor * x

    def compute_output_shape(self, shape):
        return shape


@pytest.mark.core
@pytest.mark.parametrize("how", ["activation", "lambda", "layer"])
def test_equal_configurations_of_different_functions(how, flowers):
    X, y = flowers
    params = {"epochs": 1, "jit_compile": False, "random_state": 0}
    first, second = (
        KerasClassifier(Builder(factor, how), **params).fit(X, y)
        for factor in (1.0, 5.0)
    )
    assert engine_of(first) is not engine_of(second)
    reference = second.model_.predict(X, verbose=0)
    np.testing.assert_allclose(second.predict_proba(X), reference, atol=1e-5)
    assert first.history_ != second.history_


def activated(meta, *, activation):
    inputs = keras.Input(meta.input_shape)
    x = layers.Dense(2, activation=activation)(inputs)
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


def test_functions_of_one_name_as_parameters(flowers):
    X, y = flowers
    params = {"epochs": 1, "jit_compile": False, "random_state": 0}
    for factor in (1.0, 5.0):
        estimator = KerasClassifier(
            activated, model__activation=scaled(factor), **params
        ).fit(X, y)
        reference = estimator.model_.predict(X, verbose=0)
        np.testing.assert_allclose(estimator.predict_proba(X), reference, atol=1e-5)


def power_loss(power):
    def loss_of_power(y_true, y_pred):
        return ops.mean(ops.power(ops.abs(y_true - y_pred), power), axis=-1)

    return loss_of_power


def test_losses_of_one_name(regressor, numbers):
    X, y = numbers
    losses = []
    for power in (2.0, 4.0):
        estimator = regressor(
            loss=power_loss(power),
            epochs=1,
            learning_rate=1e-9,
        ).fit(X, y)
        predicted = estimator.predict(X)
        expected = np.mean(np.abs(y - predicted) ** power)
        assert estimator.history_["loss"][0] == pytest.approx(expected, rel=1e-4)
        losses.append(estimator.history_["loss"][0])
    assert losses[0] != losses[1]


class PowerLoss(keras.losses.Loss):
    """A loss whose configuration does not tell all."""

    def __init__(self, power, name="power"):
        super().__init__(name=name)
        self.power = power

    def call(self, y_true, y_pred):
        return power_loss(self.power)(y_true, y_pred)


def test_losses_of_one_class(regressor, numbers):
    params = {"epochs": 1, "jit_compile": False}
    first, second, third = (
        regressor(loss=PowerLoss(power), **params).fit(*numbers)
        for power in (2.0, 4.0, 2.0)
    )
    assert first.history_["loss"] != second.history_["loss"]
    assert engine_of(first) is engine_of(third)
    plain = regressor(loss="mse", **params).fit(*numbers)
    np.testing.assert_allclose(plain.history_["loss"], first.history_["loss"])


def test_classes_of_losses_and_metrics_share_an_engine(classifier, flowers):
    class Own(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return power_loss(2.0)(y_true, y_pred)

    X, y = flowers
    params = {"loss": Own, "metrics": [keras.metrics.AUC], "epochs": 1}
    first, second = (classifier(**params).fit(X, y == 0) for _ in range(2))
    assert set(first.history_) == {"loss", "auc", "learning_rate"}
    assert first.history_ == second.history_
    assert engine_of(first) is engine_of(second)


def test_metrics_of_one_name(regressor, numbers):
    X, y = numbers
    for power in (2.0, 4.0):
        estimator = regressor(
            metrics=[power_loss(power)], epochs=1, learning_rate=1e-9
        ).fit(X, y)
        expected = np.mean(np.abs(y - estimator.predict(X)) ** power)
        assert estimator.history_["loss_of_power"][0] == pytest.approx(
            expected, rel=1e-4
        )


@pytest.mark.parametrize("path", ["compiled", "fit"])
def test_a_loss_of_two_classes_pairs_target_and_output(path, classifier, flowers):
    X, y = flowers
    params = {"epochs": 1, "jit_compile": False, "training": path}
    own = classifier(loss=power_loss(2.0), **params).fit(X, y == 0)
    plain = classifier(loss="mse", **params).fit(X, y == 0)
    np.testing.assert_allclose(own.history_["loss"], plain.history_["loss"], rtol=1e-5)


def test_layers_that_are_called_like_their_activations(flowers):
    X, y = flowers

    def build(meta, *, activation="relu"):
        inputs = keras.Input(meta.input_shape)
        x = layers.Dense(4, activation=activation, name=activation)(inputs)
        return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))

    for activation in ("relu", "tanh"):
        estimator = KerasClassifier(
            build, model__activation=activation, epochs=1, jit_compile=False
        ).fit(X, y)
        reference = estimator.model_.predict(X, verbose=0)
        np.testing.assert_allclose(estimator.predict_proba(X), reference, atol=1e-5)


def test_inputs_of_other_names(flowers):
    X, y = flowers
    both = Inputs(left=X[:, 2:], right=X[:, :2])
    for names in (("left", "right"), ("right", "left")):
        estimator = KerasClassifier(
            two_inputs,
            model__first=names[0],
            model__second=names[1],
            epochs=1,
            jit_compile=False,
            random_state=0,
        ).fit(both, y)
        inputs = [both.arrays[name] for name in names]
        reference = estimator.model_.predict(inputs, verbose=0)
        np.testing.assert_allclose(estimator.predict_proba(both), reference, atol=1e-5)


@pytest.mark.slow
def test_many_architectures_in_one_process(flowers):
    X, y = flowers

    def build(meta, *, units):
        inputs = keras.Input(meta.input_shape)
        x = layers.Dense(units)(inputs)
        return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))

    estimators, expected = [], []
    for units in range(1, 19):
        estimator = KerasClassifier(
            build,
            model__units=units,
            epochs=1,
            batch_size=30,
            random_state=0,
            jit_compile=False,
        ).fit(X, y)
        estimators.append(estimator)
        expected.append(estimator.predict_proba(X))
    for estimator, p in zip(estimators, expected, strict=True):
        np.testing.assert_array_equal(estimator.predict_proba(X), p)
    again = estimators[0]
    before = again.model_.get_weights()
    again.fit(X, y)  # its engine is long gone
    for a, b in zip(before, again.model_.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


# -- The model -------------------------------------------------------------------


@pytest.mark.core
def test_the_model_belongs_to_the_caller(classifier, flowers):
    X, _ = flowers
    estimator = classifier().fit(*flowers)
    expected = estimator.predict_proba(X)
    model = estimator.model_
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, atol=1e-6)
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    np.testing.assert_array_equal(estimator.predict_proba(X), expected)


def template(units=4):
    return keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(units, activation="relu"),
            layers.Dense(3, activation="softmax"),
        ]
    )


def test_a_template_is_copied_with_fresh_weights(flowers):
    model = template()
    before = model.get_weights()
    params = {"epochs": 2, "random_state": 0, "jit_compile": False}
    first, second = (KerasClassifier(model, **params).fit(*flowers) for _ in range(2))
    assert_same_weights(first, second)
    assert first.model_ is not model
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    other = KerasClassifier(model, **{**params, "random_state": 1}).fit(*flowers)
    assert (other.model_.get_weights()[0] != first.model_.get_weights()[0]).any()


class Subclassed(keras.Model):
    def __init__(self, units):
        super().__init__()
        self.hidden = keras.layers.Dense(units, activation="relu")
        self.out = keras.layers.Dense(3, activation="softmax")

    def call(self, inputs):
        return self.out(self.hidden(inputs))


class WithOwnStep(Subclassed):
    def train_step(self, data):
        return super().train_step(data)


def test_a_model_of_the_users_class():
    X = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
    y = X[:, :3].argmax(axis=1)
    options = {"epochs": 30, "learning_rate": 0.05, "random_state": 0}
    net = KerasClassifier(lambda units=4: Subclassed(units), model__units=8, **options)
    assert net.fit(X, y).training_path_ == "compiled"
    assert net.score(X, y) > 0.8
    with pytest.raises(ModelError, match="training step of its own"):
        KerasClassifier(lambda: WithOwnStep(8)).fit(X, y)
