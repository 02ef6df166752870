"""Parameters of the Keras estimators, those of the model and optimizer included."""

from __future__ import annotations

import functools

import pytest

keras = pytest.importorskip("keras")

from sklearn.base import clone  # noqa: E402

from sktune.exceptions import ModelError  # noqa: E402
from sktune.keras import KerasClassifier, KerasRegressor  # noqa: E402

ESTIMATORS = [KerasClassifier, KerasRegressor]


def build(meta, *, width=4, activation="relu"):
    inputs = keras.Input(meta.input_shape)
    x = keras.layers.Dense(width, activation=activation)(inputs)
    x = keras.layers.Dense(meta.n_outputs, activation=meta.output_activation)(x)
    return keras.Model(inputs, x)


def build_required(meta, width):
    return build(meta, width=width)


def build_any(meta, **options):
    return build(meta, width=options["width"])


# -- get_params ----------------------------------------------------------------


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_parameters_of_a_ready_made_model_are_listed_with_their_defaults(cls):
    params = cls().get_params()
    assert params["model__units"] == 64
    assert params["model__dropout"] == 0.0
    assert "model__meta" not in params


def test_parameters_of_a_function_are_found_from_its_signature():
    params = KerasClassifier(build).get_params()
    routed = {n: v for n, v in params.items() if n.startswith("model__")}
    assert routed == {"model__width": 4, "model__activation": "relu"}


def test_parameters_of_a_partial_have_its_values():
    assert KerasClassifier(functools.partial(build, width=9)).get_params()[
        "model__width"
    ] == (9)


def test_parameters_of_the_optimizer_are_listed():
    params = KerasClassifier(optimizer="sgd").get_params()
    assert params["optimizer__nesterov"] is False
    assert "optimizer__beta_1" not in params
    assert KerasClassifier().get_params()["optimizer__beta_1"] == 0.9


def test_shallow_parameters_are_the_own_ones_and_those_given():
    params = KerasClassifier(model__units=3).get_params(deep=False)
    assert [n for n in params if "__" in n] == ["model__units"]


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_clone_keeps_what_was_given(cls):
    estimator = cls(build, model__width=7, optimizer__beta_1=0.5, epochs=2)
    copy = clone(estimator)
    assert copy.get_params() == estimator.get_params()
    assert copy.get_params()["model__width"] == 7


def test_repr_shows_what_was_given():
    assert "model__units=3" in repr(KerasClassifier(model__units=3))


# -- set_params ----------------------------------------------------------------


def test_set_params_takes_a_model_and_its_parameters_at_once():
    estimator = KerasClassifier().set_params(model__width=5, model=build)
    assert estimator.get_params()["model__width"] == 5


def test_set_params_takes_an_optimizer_and_its_parameters_at_once():
    estimator = KerasClassifier().set_params(optimizer__nesterov=True, optimizer="sgd")
    assert estimator.get_params()["optimizer__nesterov"] is True


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("learning_rat", "learning_rate"),
        ("model__unts", "model__units"),
        ("optimizer__beta1", "optimizer__beta_1"),
    ],
)
def test_set_params_tells_what_may_be_meant(name, meant):
    with pytest.raises(ModelError, match=f"{name}.*did you mean {meant}[?]"):
        KerasClassifier().set_params(**{name: 1})


def test_set_params_refuses_what_the_function_does_not_take():
    with pytest.raises(ModelError, match=r"did you mean model__width\?"):
        KerasClassifier(build).set_params(model__widht=3)


def test_a_function_with_any_keywords_takes_any_parameter(flowers):
    estimator = KerasClassifier(build_any, epochs=1, jit_compile=False)
    estimator.set_params(model__width=6).fit(*flowers)
    assert estimator.model_.layers[1].units == 6


def test_a_callable_object_is_a_model(flowers):
    class Builder:
        def __call__(self, meta, *, width=2):
            return build(meta, width=width)

    estimator = KerasClassifier(
        Builder(), model__width=3, epochs=1, jit_compile=False
    ).fit(*flowers)
    assert estimator.model_.layers[1].units == 3


# -- Refused -------------------------------------------------------------------


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_an_unknown_keyword_is_a_type_error(cls):
    with pytest.raises(TypeError, match=r"'epoch' for .*did you mean epochs\?") as info:
        cls(epoch=3)
    assert "routed" not in str(info.value)


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"model": "mpl"}, r"model must be one of .*'mpl'; did you mean 'mlp'\?"),
        ({"model": 3}, "model must be one of"),
        ({"optimizer": "adm"}, r"optimizer must be .*'adm'; did you mean 'adam'\?"),
        ({"optimizer": 3}, "optimizer must be"),
        ({"loss": "entropy"}, "loss must be .*'entropy'"),
        ({"loss": 3}, "loss must be .*3"),
        ({"metrics": ["acuracy"]}, "Keras knows no metric 'acuracy'"),
        ({"callbacks": ["EarlyStopping"]}, "callbacks must hold .*'EarlyStopping'"),
        ({"device": "gpu:77"}, "'gpu:77' is not among the devices .* here: .*cpu:0"),
        ({"device": "cpu0"}, "'cpu0' is not among"),
        ({"model__unts": 3}, r"model__unts; did you mean model__units\?"),
        ({"optimizer__beta1": 0.5}, r"did you mean optimizer__beta_1\?"),
        ({"optimizer__nesterov": True}, "no parameter optimizer__nesterov"),
        ({"model": build_required}, "needs a value for model__width"),
        ({"model": lambda meta: 3}, "must return a keras.Model, got 3"),
        ({"schedule": lambda epoch: 1}, "of the epoch and of the number .*TypeError"),
        ({"schedule": lambda epoch, n: "x"}, "returns a number; .* raised ValueError"),
    ],
)
def test_fit_refuses_with_an_error_that_names_it(params, told, flowers):
    with pytest.raises(ModelError, match=told):
        KerasClassifier(**params).fit(*flowers)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch_size", 0),
        ("clipnorm", 0.0),
        ("early_stopping", "yes"),
        ("epochs", 0),
        ("epochs", 2.5),
        ("jit_compile", "always"),
        ("learning_rate", 0.0),
        ("momentum", 1.0),
        ("min_delta", -1.0),
        ("patience", 0),
        ("schedule", "cosin"),
        ("shuffle", None),
        ("steps_per_execution", 0),
        ("training", "fast"),
        ("validation_fraction", 1.0),
        ("warm_start", None),
        ("weight_decay", -0.1),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit", "train_more"])
def test_values_out_of_range_are_refused_by_name(name, value, method, flowers):
    estimator = KerasClassifier(**{name: value})
    amount = {"amount": 1} if method == "train_more" else {}
    with pytest.raises(ValueError, match=f"The '{name}' parameter of KerasClassifier"):
        getattr(estimator, method)(*flowers, **amount)


def test_a_regressor_has_no_class_weight(numbers):
    with pytest.raises(ModelError, match="class_weight is for classifiers"):
        KerasRegressor(class_weight="balanced").fit(*numbers)


def test_a_wrong_number_of_outputs_is_told(flowers):
    def two_outputs(meta):
        inputs = keras.Input(meta.input_shape)
        outputs = keras.layers.Dense(2, activation="softmax")(inputs)
        return keras.Model(inputs, outputs)

    with pytest.raises(ModelError, match="2 outputs, but y has 3 classes"):
        KerasClassifier(two_outputs).fit(*flowers)


# -- Used ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "optimizer",
    ["RMSprop", keras.optimizers.RMSprop, keras.optimizers.RMSprop(rho=0.5)],
    ids=["name", "class", "instance"],
)
def test_an_optimizer_is_a_name_a_class_or_an_instance(optimizer, classifier, flowers):
    estimator = classifier(
        optimizer=optimizer, epochs=1, jit_compile=False, learning_rate=0.125
    ).fit(*flowers)
    used = estimator.model_.optimizer
    assert isinstance(used, keras.optimizers.RMSprop)
    assert used is not optimizer
    assert used.get_config()["learning_rate"] == 0.125
    rho = 0.5 if isinstance(optimizer, keras.optimizers.Optimizer) else 0.9
    assert used.rho == rho


def test_parameters_of_the_optimizer_reach_it(classifier, flowers):
    estimator = classifier(
        optimizer="sgd", momentum=0.5, optimizer__nesterov=True, jit_compile=False
    ).fit(*flowers)
    used = estimator.model_.optimizer
    assert (used.momentum, used.nesterov) == (0.5, True)


def test_momentum_is_left_out_where_the_optimizer_has_none(classifier, flowers):
    plain = classifier().fit(*flowers)
    assert classifier(momentum=0.5).fit(*flowers).history_ == plain.history_
