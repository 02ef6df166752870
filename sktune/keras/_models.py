"""Ready-made models: ``"mlp"``, ``"cnn"`` and ``"rnn"``.

Each is made of Keras' own layers, so that a saved model needs no custom objects.
Layers have fixed names: equal arguments give models of equal configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from ..exceptions import ModelError
from ._meta import ModelMeta
from ._model_checks import (
    check_choice,
    check_known,
    is_list,
    is_number,
    lengths_of,
    n_layers,
    read_rates,
    read_whole,
    read_widths,
    wrong_shape,
    wrong_value,
)

__all__ = ["READY_MADE", "build_cnn", "build_mlp", "build_rnn"]

_EMBEDDING_DIM = 32  # of integer sequences, unless given

_CONVOLUTIONS = {1: keras.layers.Conv1D, 2: keras.layers.Conv2D}

_POOLING = {
    ("max", 1): keras.layers.MaxPooling1D,
    ("max", 2): keras.layers.MaxPooling2D,
    ("average", 1): keras.layers.AveragePooling1D,
    ("average", 2): keras.layers.AveragePooling2D,
}

_CELLS = {
    "lstm": keras.layers.LSTM,
    "gru": keras.layers.GRU,
    "simple": keras.layers.SimpleRNN,
}


def build_mlp(
    meta: ModelMeta,
    *,
    layers: int | None = None,
    units: int | Sequence[int] = 64,
    activation: str | Callable[..., Any] | None = "relu",
    dropout: float | Sequence[float] = 0.0,
    normalization: str | None = None,
    kernel_initializer: Any = "glorot_uniform",
    kernel_regularizer: Any = None,
) -> keras.Model:
    """Build a multi-layer perceptron: dense layers, one after the other.

    Samples of more than one axis are flattened.

    Parameters
    ----------
    meta : ModelMeta
        The shape of the input and of the output.
    layers : int, default=None
        Number of hidden layers, 0 or more. None stands for the length of `units`
        or `dropout` when one of them is a sequence, else for 2.
    units : int or sequence of int, default=64
        Width of the hidden layers, or one width a layer. ``()`` is a model
        without a hidden layer.
    activation : str, callable or None, default="relu"
        Any Keras name, such as ``"relu"``, ``"leaky_relu"``, ``"gelu"``,
        ``"selu"`` or ``"tanh"``; a function; or a Keras layer, of which each
        hidden layer gets a copy. None is linear.
    dropout : float or sequence of float, default=0.0
        Fraction of the activations of a hidden layer dropped in training, at
        least 0 and less than 1, or one a layer. 0 adds no dropout layer.
    normalization : {"batch", "layer"} or None, default=None
        What stands between a hidden layer and its activation.
    kernel_initializer : str or keras.initializers.Initializer, \
default="glorot_uniform"
        How the weights of the hidden layers start: any Keras name, such as
        ``"glorot_uniform"``, ``"glorot_normal"``, ``"he_uniform"``,
        ``"he_normal"``, ``"lecun_uniform"`` or ``"lecun_normal"``; or an
        initializer, of which each layer gets a copy.
    kernel_regularizer : float, str, keras.regularizers.Regularizer or None, \
default=None
        Penalty on the weights of the hidden layers: the strength of an L2 penalty,
        any Keras name, such as ``"l1"``, or a regularizer.

    Returns
    -------
    keras.Model
        A functional model, not compiled.

    Raises
    ------
    ModelError
        When a parameter has a wrong value, or parameters give different numbers of
        layers.

    Examples
    --------
    >>> from sktune.keras import ModelMeta, build_mlp
    >>> meta = ModelMeta(
    ...     input_shape=(4,),
    ...     input_dtype="float32",
    ...     target_type="multiclass",
    ...     n_classes=3,
    ...     n_outputs=3,
    ...     output_activation="softmax",
    ... )
    >>> [layer.name for layer in build_mlp(meta, units=(32,), dropout=0.1).layers]
    ['input', 'dense_1', 'dense_1_activation', 'dense_1_dropout', 'output']
    """
    style = _Style(
        "mlp", kernel_initializer, kernel_regularizer, activation, normalization
    )
    style.check()
    depth = n_layers("mlp", layers, 2, 0, lengths_of(units=units, dropout=dropout))
    widths = read_widths("mlp", "units", units, depth)
    rates = read_rates("mlp", dropout, depth)

    shape = _shape_of_input(meta, "mlp")
    x = inputs = keras.Input(shape, name="input")
    if len(shape) > 1:
        x = keras.layers.Flatten(name="flatten")(x)
    return _finish(meta, "mlp", inputs, _dense(x, style, widths, rates))


def build_cnn(
    meta: ModelMeta,
    *,
    layers: int | None = None,
    filters: int | Sequence[int] = 32,
    kernel_size: int = 3,
    pooling: str | None = "max",
    units: int | Sequence[int] = 64,
    activation: str | Callable[..., Any] | None = "relu",
    dropout: float | Sequence[float] = 0.0,
    normalization: str | None = None,
    kernel_initializer: Any = "glorot_uniform",
    kernel_regularizer: Any = None,
    dimensions: int = 2,
) -> keras.Model:
    """Build a convolutional network: convolutions with pooling, then dense layers.

    Parameters
    ----------
    meta : ModelMeta
        The shape of the input and of the output. Samples are images of shape
        (h, w) or (h, w, channels), or with ``dimensions=1`` sequences of shape
        (length, channels).
    layers : int, default=None
        Number of convolutions, 1 or more. None stands for the length of `filters`
        or `dropout` when one of them is a sequence, else for 2.
    filters : int or sequence of int, default=32
        Number of filters of the convolutions, or one a convolution.
    kernel_size : int, default=3
        Side of the window of the convolutions. Maps keep their size.
    pooling : {"max", "average"} or None, default="max"
        What halves the map after each convolution, as long as its sides are 2 or
        more.
    units : int or sequence of int, default=64
        Width of one dense layer after the convolutions, or the widths of several;
        0 or ``()`` for none.
    activation : str, callable or None, default="relu"
        As in `build_mlp`; for the convolutions and the dense layers.
    dropout : float or sequence of float, default=0.0
        As in `build_mlp`. A sequence has one rate a convolution, then one a dense
        layer.
    normalization : {"batch", "layer"} or None, default=None
        As in `build_mlp`.
    kernel_initializer : str or keras.initializers.Initializer, \
default="glorot_uniform"
        As in `build_mlp`.
    kernel_regularizer : float, str, keras.regularizers.Regularizer or None, \
default=None
        As in `build_mlp`.
    dimensions : {1, 2}, default=2
        Axes that the windows move along.

    Returns
    -------
    keras.Model
        A functional model, not compiled.

    Raises
    ------
    ModelError
        When a parameter has a wrong value, parameters give different numbers of
        layers, or the samples have another number of axes.

    Examples
    --------
    >>> from sktune.keras import ModelMeta, build_cnn
    >>> meta = ModelMeta(
    ...     input_shape=(8, 8),
    ...     input_dtype="float32",
    ...     target_type="multiclass",
    ...     n_classes=10,
    ...     n_outputs=10,
    ...     output_activation="softmax",
    ... )
    >>> model = build_cnn(meta, filters=(16, 32), units=0)
    >>> model.get_layer("flatten").input.shape
    (None, 2, 2, 32)
    """
    style = _Style(
        "cnn", kernel_initializer, kernel_regularizer, activation, normalization
    )
    style.check()
    check_choice("cnn", "pooling", pooling, ("max", "average", None))
    side = read_whole("cnn", "kernel_size", kernel_size, 1)
    dense = units if is_list(units) else [units] if units else []
    n_dense = len(dense)
    lengths = lengths_of(filters=filters, dropout=dropout)
    if "dropout" in lengths:
        lengths["dropout without the dense layers"] = lengths.pop("dropout") - n_dense
    depth = n_layers("cnn", layers, 2, 1, lengths)
    numbers = read_widths("cnn", "filters", filters, depth)
    widths = read_widths("cnn", "units", dense, n_dense)
    rates = read_rates("cnn", dropout, depth + n_dense)

    inputs, x = _image_input(meta, dimensions)
    for number, (n_filters, rate) in enumerate(zip(numbers, rates, strict=False), 1):
        layer = _CONVOLUTIONS[dimensions](
            n_filters, side, padding="same", name=f"conv_{number}", **style.kernel()
        )
        x = style.apply(layer, x, rate)
        if pooling is not None and min(x.shape[1:-1]) >= 2:
            pool = _POOLING[pooling, dimensions]
            x = pool(2, name=f"pooling_{number}")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    return _finish(meta, "cnn", inputs, _dense(x, style, widths, rates[depth:]))


def build_rnn(
    meta: ModelMeta,
    *,
    layers: int | None = None,
    units: int | Sequence[int] = 64,
    cell: str = "lstm",
    bidirectional: bool = False,
    embedding_dim: int | None = None,
    vocabulary_size: int | None = None,
    dropout: float | Sequence[float] = 0.0,
    kernel_initializer: Any = "glorot_uniform",
    kernel_regularizer: Any = None,
) -> keras.Model:
    """Build a recurrent network: recurrent layers, one after the other.

    Parameters
    ----------
    meta : ModelMeta
        The shape of the input and of the output. Samples are sequences of shape
        (length, channels) or (length,). Integers of shape (length,) are tokens,
        which are embedded.
    layers : int, default=None
        Number of recurrent layers, 1 or more. None stands for the length of
        `units` or `dropout` when one of them is a sequence, else for 1.
    units : int or sequence of int, default=64
        Width of the recurrent layers, in each direction; or one width a layer.
    cell : {"lstm", "gru", "simple"}, default="lstm"
        Kind of the recurrent layers.
    bidirectional : bool, default=False
        Whether each layer reads the sequence from both ends.
    embedding_dim : int, default=None
        Length of the vector that stands for a token; None is 32. Only for tokens.
    vocabulary_size : int, default=None
        Number of tokens with a vector of their own: those from 0 to one less. All
        larger ones share one vector more. None is one more than the largest token
        in the training data. Only for tokens.
    dropout : float or sequence of float, default=0.0
        As in `build_mlp`; after each recurrent layer.
    kernel_initializer : str or keras.initializers.Initializer, \
default="glorot_uniform"
        As in `build_mlp`; for what a recurrent layer reads from its input.
    kernel_regularizer : float, str, keras.regularizers.Regularizer or None, \
default=None
        As in `build_mlp`; for the same weights.

    Returns
    -------
    keras.Model
        A functional model, not compiled.

    Raises
    ------
    ModelError
        When a parameter has a wrong value, parameters give different numbers of
        layers, or the samples have another number of axes.

    Examples
    --------
    >>> from sktune.keras import ModelMeta, build_rnn
    >>> meta = ModelMeta(
    ...     input_shape=(20,),
    ...     input_dtype="int32",
    ...     target_type="binary",
    ...     n_classes=2,
    ...     n_outputs=1,
    ...     output_activation="sigmoid",
    ...     n_tokens=1000,
    ... )
    >>> model = build_rnn(meta, cell="gru", embedding_dim=8)
    >>> model.get_layer("embedding").output.shape
    (None, 20, 8)
    """
    style = _Style("rnn", kernel_initializer, kernel_regularizer)
    style.check()
    check_choice("rnn", "cell", cell, tuple(_CELLS))
    check_choice("rnn", "bidirectional", bidirectional, (True, False))
    depth = n_layers("rnn", layers, 1, 1, lengths_of(units=units, dropout=dropout))
    widths = read_widths("rnn", "units", units, depth)
    rates = read_rates("rnn", dropout, depth)

    inputs, x = _sequence_input(meta, embedding_dim, vocabulary_size)
    for number, (width, rate) in enumerate(zip(widths, rates, strict=True), 1):
        name = f"{cell}_{number}"
        layer = _CELLS[cell](
            width, return_sequences=number < depth, name=name, **style.kernel()
        )
        if bidirectional:
            layer = keras.layers.Bidirectional(layer, name=f"{name}_both")
        x = style.apply(layer, x, rate)
    return _finish(meta, "rnn", inputs, x)


#: The models that have a name.
READY_MADE: dict[str, Callable[..., keras.Model]] = {
    "mlp": build_mlp,
    "cnn": build_cnn,
    "rnn": build_rnn,
}


@dataclass(frozen=True, slots=True)
class _Style:
    """What the hidden layers of a model have in common."""

    model: str
    kernel_initializer: Any
    kernel_regularizer: Any
    activation: Any = None
    normalization: str | None = None

    def check(self) -> None:
        """Raise a ModelError when Keras would not know a value."""
        check_choice(
            self.model, "normalization", self.normalization, ("batch", "layer", None)
        )
        for name, module in (
            ("activation", keras.activations),
            ("kernel_initializer", keras.initializers),
            ("kernel_regularizer", keras.regularizers),
        ):
            value = getattr(self, name)
            if name != "kernel_regularizer" or not is_number(value):
                check_known(self.model, name, value, module)
            elif not 0 <= value < np.inf:
                raise wrong_value(
                    self.model, name, "a finite strength of at least 0", value
                )

    def kernel(self) -> dict[str, Any]:
        """Return the arguments of a layer that are about its kernel."""
        start, penalty = self.kernel_initializer, self.kernel_regularizer
        if isinstance(start, keras.initializers.Initializer):
            start = start.clone()  # used twice, it would draw the same weights twice
        if is_number(penalty):
            penalty = keras.regularizers.L2(float(penalty)) if penalty else None
        return {"kernel_initializer": start, "kernel_regularizer": penalty}

    def apply(self, layer: keras.Layer, x: Any, rate: float) -> Any:
        """Return the output of a hidden layer and of what follows it."""
        name = layer.name
        x = layer(x)
        if self.normalization == "batch":
            x = keras.layers.BatchNormalization(name=f"{name}_normalization")(x)
        elif self.normalization == "layer":
            x = keras.layers.LayerNormalization(name=f"{name}_normalization")(x)
        if isinstance(self.activation, keras.Layer):
            config = {**self.activation.get_config(), "name": f"{name}_activation"}
            x = type(self.activation).from_config(config)(x)
        elif self.activation is not None:
            x = keras.layers.Activation(self.activation, name=f"{name}_activation")(x)
        if rate > 0:
            x = keras.layers.Dropout(rate, name=f"{name}_dropout")(x)
        return x


def _dense(x: Any, style: _Style, widths: list[int], rates: list[float]) -> Any:
    for number, (width, rate) in enumerate(zip(widths, rates, strict=True), 1):
        layer = keras.layers.Dense(width, name=f"dense_{number}", **style.kernel())
        x = style.apply(layer, x, rate)
    return x


def _finish(meta: ModelMeta, model: str, inputs: Any, x: Any) -> keras.Model:
    output = keras.layers.Dense(
        meta.n_outputs, activation=meta.output_activation, name="output"
    )
    built = keras.Model(inputs, output(x), name=model)
    for operation in built.operations:
        if not isinstance(operation, keras.Layer):
            # Keras numbers these over the life of the process.
            operation.name = "known_tokens"
    return built


def _shape_of_input(meta: ModelMeta, model: str) -> tuple[int, ...]:
    shape = meta.input_shape
    if isinstance(shape, dict):
        names = ", ".join(map(repr, shape))
        raise ModelError(
            f"the model {model!r} has one input, got the inputs {names}; give as model "
            "a function that builds a keras.Model with these inputs"
        )
    return shape


def _image_input(meta: ModelMeta, dimensions: int) -> tuple[Any, Any]:
    check_choice("cnn", "dimensions", dimensions, (1, 2))
    shape = _shape_of_input(meta, "cnn")
    if dimensions == 1 and len(shape) != 2:
        raise wrong_shape(
            "cnn", "sequences of shape (length, channels) for dimensions=1", shape
        )
    if len(shape) not in (2, 3):
        raise wrong_shape("cnn", "images of shape (h, w) or (h, w, channels)", shape)
    inputs = keras.Input(shape, name="input")
    if dimensions == 1 or len(shape) == 3:
        return inputs, inputs
    return inputs, keras.layers.Reshape((*shape, 1), name="channel")(inputs)


def _sequence_input(
    meta: ModelMeta, embedding_dim: int | None, vocabulary_size: int | None
) -> tuple[Any, Any]:
    shape = _shape_of_input(meta, "rnn")
    if len(shape) not in (1, 2):
        raise wrong_shape(
            "rnn", "sequences of shape (length,) or (length, channels)", shape
        )
    if len(shape) == 1 and meta.input_dtype == "int32":
        return _token_input(meta, shape, embedding_dim, vocabulary_size)
    if embedding_dim is not None or vocabulary_size is not None:
        raise ModelError(
            "the model 'rnn' has embedding_dim and vocabulary_size for integers of "
            f"shape (length,) only, got {meta.input_dtype} of shape {shape}; convert "
            "X to integers or leave these parameters out"
        )
    inputs = keras.Input(shape, name="input")
    if len(shape) == 2:
        return inputs, inputs
    return inputs, keras.layers.Reshape((*shape, 1), name="channel")(inputs)


def _token_input(
    meta: ModelMeta,
    shape: tuple[int, ...],
    embedding_dim: int | None,
    vocabulary_size: int | None,
) -> tuple[Any, Any]:
    size = meta.n_tokens if vocabulary_size is None else vocabulary_size
    size = read_whole("rnn", "vocabulary_size", size, 1)
    width = _EMBEDDING_DIM if embedding_dim is None else embedding_dim
    width = read_whole("rnn", "embedding_dim", width, 1)
    inputs = keras.Input(shape, dtype="int32", name="input")
    known = keras.ops.minimum(inputs, size)  # `size` itself is every unknown token
    return inputs, keras.layers.Embedding(size + 1, width, name="embedding")(known)
