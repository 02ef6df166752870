"""Tests of `sktune.keras._models` and of what it is told, `ModelMeta`."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from sktune.exceptions import ModelError  # noqa: E402
from sktune.keras._meta import ModelMeta  # noqa: E402
from sktune.keras._models import (  # noqa: E402
    READY_MADE,
    build_cnn,
    build_mlp,
    build_rnn,
)

# Keras makes arrays of its variables in a way that numpy 2 calls outdated.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

LAYERS = keras.layers


def meta(*shape, dtype="float32", n_tokens=None, n_outputs=3):
    return ModelMeta(
        input_shape=shape,
        input_dtype=dtype,
        target_type="binary" if n_outputs == 1 else "multiclass",
        n_classes=max(n_outputs, 2),
        n_outputs=n_outputs,
        output_activation="sigmoid" if n_outputs == 1 else "softmax",
        n_tokens=n_tokens,
    )


FLAT = meta(4)
IMAGES = meta(8, 8, 1)
SERIES = meta(6, 2)
TOKENS = meta(5, dtype="int32", n_tokens=7)

# One model of each kind, with all it can have.
RICH = {
    "mlp": (build_mlp, FLAT, {"dropout": 0.1, "kernel_initializer": "he_normal"}),
    "grey": (build_cnn, meta(8, 8), {"activation": "gelu", "units": ()}),
    "colour": (build_cnn, meta(8, 6, 3), {"normalization": "batch", "dropout": 0.2}),
    "signal": (build_cnn, SERIES, {"dimensions": 1, "pooling": "average"}),
    "series": (build_rnn, SERIES, {"layers": 2, "kernel_regularizer": 0.01}),
    "values": (build_rnn, meta(6), {"cell": "simple"}),
    "tokens": (build_rnn, TOKENS, {"cell": "gru", "bidirectional": True}),
}
rich = pytest.mark.parametrize("name", RICH)


def built(name):
    build, told, parameters = RICH[name]
    return build(told, **parameters)


def some_inputs(told, n=3):
    rng = np.random.default_rng(0)
    if told.input_dtype == "int32":
        return rng.integers(0, told.n_tokens, (n, *told.input_shape), dtype="int32")
    return rng.normal(size=(n, *told.input_shape)).astype("float32")


def outputs(model, inputs):
    return keras.ops.convert_to_numpy(model(inputs))


def of_type(model, *types):
    return [layer for layer in model.layers if isinstance(layer, types)]


def arrays(layer, name):
    return keras.ops.convert_to_numpy(getattr(layer, name))


# What every model does


@rich
def test_a_model_answers_with_the_shape_of_the_target(name):
    model, told = built(name), RICH[name][1]
    assert not model.compiled
    assert model.output_shape == (None, 3)
    assert model.layers[-1].activation is keras.activations.softmax
    answers = outputs(model, some_inputs(told))
    np.testing.assert_allclose(answers.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("build", READY_MADE.values(), ids=READY_MADE)
def test_output_of_two_classes_is_one_sigmoid(build):
    told = meta(6, 4, n_outputs=1)
    model = build(told)
    assert model.output_shape == (None, 1)
    assert model.layers[-1].activation is keras.activations.sigmoid


def test_regression_has_linear_outputs():
    told = dataclasses.replace(FLAT, n_outputs=2, output_activation="linear")
    assert build_mlp(told).layers[-1].activation is keras.activations.linear


@rich
def test_saved_models_load_without_custom_objects(name, tmp_path):
    model, inputs = built(name), some_inputs(RICH[name][1])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(outputs(loaded, inputs), outputs(model, inputs))


@rich
def test_equal_arguments_give_equal_models(name):
    keras.utils.set_random_seed(0)
    first = built(name)
    keras.utils.set_random_seed(0)
    second = built(name)
    assert first.get_config() == second.get_config()
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@rich
def test_every_model_learns(name):
    model, inputs = built(name), some_inputs(RICH[name][1])
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = model.get_weights()
    model.train_on_batch(inputs, np.array([0, 1, 2]))
    after = model.get_weights()
    assert any(not np.array_equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("build", [build_mlp, build_cnn])
def test_integers_are_read_as_numbers(build):
    inputs = np.arange(2 * 64, dtype="int32").reshape(2, 8, 8)
    model = build(meta(8, 8, dtype="int32", n_tokens=128))
    np.testing.assert_array_equal(
        outputs(model, inputs), outputs(model, inputs.astype("float32"))
    )


# Layers and units


@pytest.mark.parametrize(
    ("parameters", "widths"),
    [
        ({}, [64, 64]),
        ({"layers": 3, "units": 5}, [5, 5, 5]),
        ({"units": (9, 7, 5)}, [9, 7, 5]),
        ({"units": [9, 7], "layers": 2}, [9, 7]),
        ({"units": np.array([9, 7])}, [9, 7]),
        ({"units": np.int64(5), "layers": np.int64(1)}, [5]),
        ({"units": ()}, []),
        ({"layers": 0}, []),
        ({"dropout": (0.1, 0.2, 0.3), "units": 5}, [5, 5, 5]),
    ],
)
def test_dense_layers(parameters, widths):
    model = build_mlp(FLAT, **parameters)
    assert [layer.units for layer in of_type(model, LAYERS.Dense)] == [*widths, 3]


def test_images_are_flattened_for_dense_layers():
    model = build_mlp(IMAGES, layers=0)
    assert model.layers[-1].input.shape == (None, 64)


def test_hidden_layers_come_in_the_usual_order():
    model = build_mlp(FLAT, layers=1, normalization="layer", dropout=0.5)
    assert [layer.name for layer in model.layers] == [
        "input",
        "dense_1",
        "dense_1_normalization",
        "dense_1_activation",
        "dense_1_dropout",
        "output",
    ]


@pytest.mark.parametrize(
    ("parameters", "filters", "widths"),
    [
        ({}, [32, 32], [64]),
        ({"filters": (4, 8, 16), "units": (9, 7)}, [4, 8, 16], [9, 7]),
        ({"layers": 1, "filters": 4, "units": 0}, [4], []),
        ({"layers": 1, "units": ()}, [32], []),
        ({"dropout": (0.1, 0.2, 0.3, 0.4), "filters": 4}, [4, 4, 4], [64]),
    ],
)
def test_convolutions_and_the_dense_layers_after_them(parameters, filters, widths):
    model = build_cnn(IMAGES, **parameters)
    convolutions = of_type(model, LAYERS.Conv2D)
    assert [layer.filters for layer in convolutions] == filters
    assert [layer.units for layer in of_type(model, LAYERS.Dense)] == [*widths, 3]


@pytest.mark.parametrize(
    ("parameters", "n_dense", "rates"),
    [
        ({"dropout": 0.25}, 1, [0.25, 0.25, 0.25]),
        ({"dropout": (0.1, 0.2, 0.3)}, 1, [0.1, 0.2, 0.3]),
        ({"dropout": (0.1, 0.0, 0.3), "units": (8,)}, 1, [0.1, 0.3]),
        ({"dropout": (0.1, 0.2), "units": ()}, 0, [0.1, 0.2]),
        ({"dropout": 0}, 1, []),
    ],
)
def test_dropout_after_convolutions_and_dense_layers(parameters, n_dense, rates):
    model = build_cnn(IMAGES, **parameters)
    assert len(of_type(model, LAYERS.Conv2D)) == 2
    assert len(of_type(model, LAYERS.Dense)) == n_dense + 1
    assert [layer.rate for layer in of_type(model, LAYERS.Dropout)] == rates


@pytest.mark.parametrize(
    ("shape", "parameters", "flat"),
    [
        ((8, 8), {}, (None, 2, 2, 32)),
        ((8, 8, 3), {"pooling": "average"}, (None, 2, 2, 32)),
        ((8, 8, 3), {"pooling": None, "kernel_size": 5}, (None, 8, 8, 32)),
        ((4, 4), {"layers": 4}, (None, 1, 1, 32)),
        ((1, 9), {}, (None, 1, 9, 32)),
        ((9, 2), {"dimensions": 1}, (None, 2, 32)),
    ],
)
def test_maps_are_halved_while_they_can_be(shape, parameters, flat):
    model = build_cnn(meta(*shape), **parameters)
    assert model.get_layer("flatten").input.shape == flat


def test_kernel_size():
    convolution = build_cnn(IMAGES, kernel_size=5).get_layer("conv_1")
    assert convolution.kernel_size == (5, 5)


@pytest.mark.parametrize(
    ("cell", "kind"),
    [("lstm", LAYERS.LSTM), ("gru", LAYERS.GRU), ("simple", LAYERS.SimpleRNN)],
)
def test_recurrent_layers(cell, kind):
    model = build_rnn(SERIES, cell=cell, units=(5, 4), dropout=0.1)
    assert [layer.output.shape for layer in of_type(model, kind)] == [
        (None, 6, 5),
        (None, 4),
    ]
    assert len(of_type(model, LAYERS.Dropout)) == 2


def test_one_recurrent_layer_unless_more_are_asked_for():
    assert len(of_type(build_rnn(SERIES), LAYERS.LSTM)) == 1
    assert len(of_type(build_rnn(SERIES, layers=3, units=4), LAYERS.LSTM)) == 3


def test_both_directions_start_from_different_weights():
    layer = build_rnn(SERIES, units=5, bidirectional=True).get_layer("lstm_1_both")
    assert layer.output.shape == (None, 10)
    ahead, back = (
        arrays(one.cell, "kernel")
        for one in (layer.forward_layer, layer.backward_layer)
    )
    assert not np.array_equal(ahead, back)


# Tokens


@pytest.mark.parametrize(
    ("parameters", "n_vectors", "length"),
    [
        ({}, 8, 32),
        ({"embedding_dim": 3}, 8, 3),
        ({"vocabulary_size": 4}, 5, 32),
        ({"vocabulary_size": 100}, 101, 32),
    ],
)
def test_embedding(parameters, n_vectors, length):
    embedding = build_rnn(TOKENS, **parameters).get_layer("embedding")
    assert (embedding.input_dim, embedding.output_dim) == (n_vectors, length)


def test_all_unknown_tokens_are_one():
    model = build_rnn(TOKENS, units=4)
    known = np.array([[0, 1, 2, 3, 6]], dtype="int32")
    unknown, other = known.copy(), known.copy()
    unknown[0, 4], other[0, 4] = 7, 1_000_000
    np.testing.assert_array_equal(outputs(model, unknown), outputs(model, other))
    assert not np.allclose(outputs(model, known), outputs(model, unknown), atol=1e-7)


def test_integers_with_channels_are_not_tokens():
    model = build_rnn(meta(6, 2, dtype="int32", n_tokens=9))
    assert of_type(model, LAYERS.Embedding) == []


# What layers have in common


@pytest.mark.parametrize(
    "activation", ["relu", "leaky_relu", "gelu", "selu", "tanh", keras.ops.sin]
)
def test_activations(activation):
    layer = build_mlp(FLAT, activation=activation).get_layer("dense_1_activation")
    assert layer.activation is keras.activations.get(activation)


def test_no_activation_is_linear():
    assert of_type(build_mlp(FLAT, activation=None), LAYERS.Activation) == []


def test_a_layer_as_activation_is_copied():
    given = LAYERS.PReLU(alpha_initializer="ones")
    model = build_mlp(FLAT, activation=given)
    first, second = of_type(model, LAYERS.PReLU)
    assert not given.built
    assert first.name == "dense_1_activation"
    assert first.alpha is not second.alpha
    np.testing.assert_array_equal(arrays(first, "alpha"), np.ones(64))


@pytest.mark.parametrize(
    ("normalization", "kind"),
    [("batch", LAYERS.BatchNormalization), ("layer", LAYERS.LayerNormalization)],
)
def test_normalization(normalization, kind):
    for model in (
        build_mlp(FLAT, normalization=normalization),
        build_cnn(IMAGES, normalization=normalization, units=()),
    ):
        assert len(of_type(model, kind)) == 2


@pytest.mark.parametrize("dropout", [0, 0.0, (0, 0.0)])
def test_no_dropout_layer_for_a_rate_of_zero(dropout):
    assert of_type(build_mlp(FLAT, dropout=dropout), LAYERS.Dropout) == []


@pytest.mark.parametrize(
    "initializer",
    ["he_uniform", "lecun_normal", keras.initializers.RandomNormal(stddev=0.5)],
)
def test_kernel_initializer(initializer):
    model = build_mlp(meta(64), kernel_initializer=initializer)
    first, second = (arrays(layer, "kernel") for layer in model.layers[1:4:2])
    assert type(model.layers[1].kernel_initializer) is type(
        keras.initializers.get(initializer)
    )
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    ("regularizer", "penalty"),
    [
        (0.5, lambda kernel: 0.5 * np.sum(kernel**2)),
        ("l1", lambda kernel: 0.01 * np.sum(np.abs(kernel))),
        (keras.regularizers.L2(0.1), lambda kernel: 0.1 * np.sum(kernel**2)),
    ],
)
def test_kernel_regularizer(regularizer, penalty):
    model = build_mlp(FLAT, layers=1, kernel_regularizer=regularizer)
    (loss,) = model.losses
    expected = penalty(arrays(model.get_layer("dense_1"), "kernel"))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(loss), expected, rtol=1e-5)


@pytest.mark.parametrize("regularizer", [None, 0, 0.0])
def test_no_penalty(regularizer):
    assert build_mlp(FLAT, kernel_regularizer=regularizer).losses == []


@pytest.mark.parametrize(
    ("build", "told", "n_layers"), [(build_cnn, IMAGES, 3), (build_rnn, SERIES, 1)]
)
def test_kernels_of_all_models_are_initialized_and_penalized(build, told, n_layers):
    model = build(told, kernel_initializer="ones", kernel_regularizer=0.1)
    assert len(model.losses) == n_layers
    layer = model.layers[1]
    assert np.all(arrays(getattr(layer, "cell", layer), "kernel") == 1)


# What is refused


def whole(name, at_least, got):
    return f"{name} must be a whole number of at least {at_least}, got {got}"


A_RATE = "dropout must be a number of at least 0 and less than 1, got "
A_STRENGTH = "kernel_regularizer must be a finite strength of at least 0, got "
UNEQUAL = "got different numbers of layers: "
NOT_TOKENS = (
    "the model 'rnn' has embedding_dim and vocabulary_size for integers of shape "
    "(length,) only, got float32 of shape (6, 2); convert X to integers or leave these "
    "parameters out"
)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"layers": -1}, whole("layers", 0, "-1")),
        ({"layers": 1.0}, whole("layers", 0, "1.0")),
        ({"layers": True}, whole("layers", 0, "True")),
        ({"units": 0}, whole("units", 1, "0")),
        ({"units": "64"}, whole("units", 1, "'64'")),
        ({"units": (8, 2.5)}, whole("units", 1, "2.5")),
        ({"dropout": 1}, A_RATE + "1"),
        ({"dropout": (0.1, -0.1)}, A_RATE + "-0.1"),
        ({"dropout": np.nan}, A_RATE + "nan"),
        ({"dropout": None}, A_RATE + "None"),
        ({"layers": 3, "units": (8, 8)}, UNEQUAL + "3 by layers, 2 by units; leave"),
        ({"units": (8,), "dropout": (0.1, 0.2)}, "1 by units, 2 by dropout"),
        (
            {"normalization": "bach"},
            "normalization must be one of 'batch', 'layer', None, got 'bach'; did you "
            "mean 'batch'?",
        ),
        ({"normalization": ["batch"]}, "None, got ['batch']"),
        ({"activation": "rellu"}, "got 'rellu'; did you mean 'relu'?"),
        (
            {"activation": 3},
            "activation must be a name or an object that keras.activations.get knows, "
            "got 3",
        ),
        ({"kernel_initializer": "he_norml"}, "did you mean 'he_normal'?"),
        ({"kernel_initializer": 1}, "keras.initializers.get knows, got 1"),
        ({"kernel_regularizer": "l3"}, "keras.regularizers.get knows, got 'l3'"),
        ({"kernel_regularizer": -1.0}, A_STRENGTH + "-1.0"),
        ({"kernel_regularizer": np.inf}, A_STRENGTH + "inf"),
    ],
)
def test_wrong_parameters_of_all_models(parameters, message):
    with pytest.raises(ModelError) as caught:
        build_mlp(FLAT, **parameters)
    assert str(caught.value).startswith("the model 'mlp'")
    assert message in str(caught.value)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("build", "told", "parameters", "message"),
    [
        (build_cnn, IMAGES, {"layers": 0}, whole("layers", 1, "0")),
        (build_cnn, IMAGES, {"filters": ()}, "at least 1 layer, got 0 by filters"),
        (build_cnn, IMAGES, {"filters": (8, 0)}, whole("filters", 1, "0")),
        (build_cnn, IMAGES, {"kernel_size": 0}, whole("kernel_size", 1, "0")),
        (build_cnn, IMAGES, {"kernel_size": (3, 3)}, whole("kernel_size", 1, "(3, 3)")),
        (build_cnn, IMAGES, {"units": -1}, whole("units", 1, "-1")),
        (build_cnn, IMAGES, {"pooling": "maxx"}, "got 'maxx'; did you mean 'max'?"),
        (build_cnn, IMAGES, {"dimensions": 3}, "dimensions must be one of 1, 2, got 3"),
        (
            build_cnn,
            IMAGES,
            {"filters": (8, 8), "dropout": (0.1, 0.2)},
            UNEQUAL + "2 by filters, 1 by dropout without the dense layers",
        ),
        (build_rnn, SERIES, {"layers": 0}, whole("layers", 1, "0")),
        (build_rnn, SERIES, {"cell": "ltsm"}, "got 'ltsm'; did you mean 'lstm'?"),
        (build_rnn, SERIES, {"bidirectional": "yes"}, "one of True, False, got 'yes'"),
        (build_rnn, SERIES, {"embedding_dim": 8}, NOT_TOKENS),
        (build_rnn, SERIES, {"vocabulary_size": 8}, NOT_TOKENS),
        (build_rnn, TOKENS, {"embedding_dim": 0}, whole("embedding_dim", 1, "0")),
        (build_rnn, TOKENS, {"vocabulary_size": 0}, whole("vocabulary_size", 1, "0")),
    ],
)
def test_wrong_parameters_of_one_model(build, told, parameters, message):
    with pytest.raises(ModelError) as caught:
        build(told, **parameters)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("build", "told", "parameters", "message"),
    [
        (
            build_cnn,
            meta(64),
            {},
            "the model 'cnn' needs images of shape (h, w) or (h, w, channels), got "
            "samples of shape (64,); reshape X or use model='mlp'",
        ),
        (
            build_cnn,
            IMAGES,
            {"dimensions": 1},
            "the model 'cnn' needs sequences of shape (length, channels) for "
            "dimensions=1, got samples of shape (8, 8, 1); reshape X or use "
            "model='mlp'",
        ),
        (
            build_rnn,
            IMAGES,
            {},
            "the model 'rnn' needs sequences of shape (length,) or (length, channels), "
            "got samples of shape (8, 8, 1); reshape X or use model='mlp'",
        ),
    ],
)
def test_wrong_shapes(build, told, parameters, message):
    with pytest.raises(ModelError) as caught:
        build(told, **parameters)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", READY_MADE)
def test_several_inputs_need_a_function(name):
    told = dataclasses.replace(
        FLAT,
        input_shape={"age": (1,), "text": (9,)},
        input_dtype={"age": "float32", "text": "int32"},
    )
    with pytest.raises(ModelError) as caught:
        READY_MADE[name](told)
    assert str(caught.value) == (
        f"the model '{name}' has one input, got the inputs 'age', 'text'; give as "
        "model a function that builds a keras.Model with these inputs"
    )
