"""Compiled epochs: what TensorFlow's and JAX's engine have in common.

``model.fit`` spends its time between the steps of a small model. Here an epoch
is one compiled function: the data stays on the device, a table of row numbers
says which rows form which batch, and what may change from one candidate to the
next (learning rate, weight decay, clipping, dropout rates, the weights) is an
input. Candidates that differ in nothing else share the function.

The last batch of an epoch is short. Where no layer mixes the rows of a batch,
it is filled up with rows of weight 0, and one function serves any number of
rows. Elsewhere (batch normalization) it is a step of its own.

Glossary
--------
B : rows of a batch.
S : steps of an epoch, at most; fewer may be taken without compiling again.
r : rows of the last batch.
"""

from __future__ import annotations

import contextlib
import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from ._engine import Engine, Recipe, Rows, Settings, predict_batch
from ._optimizers import has_own_schedule

__all__ = [
    "MAX_BYTES",
    "CompilationError",
    "CompiledEngine",
    "dropout_layers",
    "why_not_compiled",
]

# Beyond this many bytes the data is left to `model.fit`, batch by batch.
MAX_BYTES = 2 * 1024**3

# In these a row of the output depends on the same row of the input alone.
_ROW_WISE = (
    layers.Activation,
    layers.Add,
    layers.Average,
    layers.AveragePooling1D,
    layers.AveragePooling2D,
    layers.Bidirectional,
    layers.Concatenate,
    layers.Conv1D,
    layers.Conv2D,
    layers.Conv3D,
    layers.Dense,
    layers.DepthwiseConv2D,
    layers.Dropout,
    layers.ELU,
    layers.Embedding,
    layers.Flatten,
    layers.GRU,
    layers.GlobalAveragePooling1D,
    layers.GlobalAveragePooling2D,
    layers.GlobalMaxPooling1D,
    layers.GlobalMaxPooling2D,
    layers.InputLayer,
    layers.LSTM,
    layers.LayerNormalization,
    layers.LeakyReLU,
    layers.MaxPooling1D,
    layers.MaxPooling2D,
    layers.Maximum,
    layers.Multiply,
    layers.PReLU,
    layers.Permute,
    layers.ReLU,
    layers.Rescaling,
    layers.Reshape,
    layers.SeparableConv1D,
    layers.SeparableConv2D,
    layers.SimpleRNN,
    layers.Softmax,
    layers.SpatialDropout1D,
    layers.SpatialDropout2D,
    layers.Subtract,
    layers.TimeDistributed,
    layers.UpSampling2D,
    layers.ZeroPadding2D,
)


class CompilationError(Exception):
    """A model cannot be trained in compiled epochs after all."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Rows on the device.

    Attributes
    ----------
    inputs : list of tensor
    target, weight : tensor
    n_rows : int
        How many rows there are; the tensors may hold more, of weight 0.
    """

    inputs: list[Any]
    target: Any
    weight: Any
    n_rows: int


@dataclass(frozen=True, slots=True)
class Table:
    """The batches of an epoch as row numbers.

    Attributes
    ----------
    rows : ndarray of shape (S, B)
        Row numbers of the full steps.
    scale : ndarray of shape (S, B)
        1, and in a batch that was filled up: 0 for what fills it, and for the
        others what makes up for that in a mean.
    counts : ndarray of shape (S,)
        Rows of each step that count.
    n_steps : int
        How many steps to take.
    rest : ndarray of shape (r,)
        Row numbers of a last step of another size, empty if there is none.
    """

    rows: NDArray[np.int32]
    scale: NDArray[np.float32]
    counts: NDArray[np.float32]
    n_steps: int
    rest: NDArray[np.int32]


class CompiledEngine(Engine):
    """Trains with one compiled function an epoch. Abstract."""

    path = "compiled"

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self.dropouts = dropout_layers(self.model)
        self._metrics = [keras.metrics.Mean(name="loss"), *recipe.metrics]
        self._fills_up = is_row_wise(self.model) and _has_known_mean(recipe.loss)
        # In a mean over B rows, r of them real, each counts too little.
        self._rescales = recipe.loss.reduction in ("mean", "sum_over_batch_size")

    def announce_metrics(self, target: NDArray[Any]) -> None:
        shape = (1, *self.model.output_shape[1:])
        output = ops.convert_to_tensor(np.full(shape, 0.5, dtype=np.float32))
        self.model.compute_metrics(None, ops.convert_to_tensor(target), output)

    # -- Data --------------------------------------------------------------------

    def place(self, rows: Rows) -> Placed:
        n_rows = len(rows)
        n_padded = padded_length(n_rows)
        weight = rows.weight
        if weight is None:
            weight = np.ones(n_rows, dtype=np.float32)
        weight = weight.astype(np.float32)
        return Placed(
            [self._put(pad_rows(x, n_padded)) for x in rows.inputs],
            self._put(pad_rows(rows.target, n_padded)),
            self._put(pad_rows(weight, n_padded)),
            n_rows,
        )

    @abstractmethod
    def _put(self, array: NDArray[Any]) -> Any:
        """Bring an array to the device."""

    def _table(self, order: NDArray[np.int32], n_padded: int) -> Table:
        size = min(self.recipe.batch_size, len(order))
        n_full, n_rest = divmod(len(order), size)
        n_most = math.ceil(n_padded / size)
        rows = np.zeros(n_most * size, dtype=np.int32)
        scale = np.ones((n_most, size), dtype=np.float32)
        counts = np.full(n_most, size, dtype=np.float32)
        if n_rest and self._fills_up:
            rows[: len(order)] = order
            scale[n_full] = 0.0
            scale[n_full, :n_rest] = size / n_rest if self._rescales else 1.0
            counts[n_full] = n_rest
            n_full, rest = n_full + 1, order[:0]
        else:
            rows[: n_full * size] = order[: n_full * size]
            rest = order[n_full * size :]
        return Table(rows.reshape(n_most, size), scale, counts, n_full, rest)

    # -- Training ------------------------------------------------------------------

    def train_epoch(
        self,
        placed: Placed,
        order: NDArray[np.int32],
        settings: Settings,
        hooks: Any = None,
    ) -> dict[str, float]:
        table = self._table(order, int(placed.target.shape[0]))
        decay = settings.weight_decay or 0.0
        # Without clipping there is one knob less, and a function of its own: one
        # that can clip takes longer to compile, and longer for each step.
        limits = [] if settings.clipnorm is None else [settings.clipnorm]
        knobs = np.array([decay, *settings.dropout_rates, *limits], dtype=np.float32)
        rate = settings.learning_rate
        assert rate is not None  # see `why_not_compiled`
        try:
            return self._train_epoch(placed, table, rate, knobs)
        except Exception as error:
            raise CompilationError(f"{type(error).__name__}: {error}") from error

    @abstractmethod
    def _train_epoch(
        self,
        placed: Placed,
        table: Table,
        learning_rate: float,
        knobs: NDArray[np.float32],
    ) -> dict[str, float]: ...

    @contextlib.contextmanager
    def knobs_in_place(self, knobs: Any) -> Iterator[None]:
        """Let the model and the optimizer take knobs from a traced tensor."""
        decay = self.optimizer.weight_decay
        if decay is not None:
            self.optimizer.weight_decay = knobs[0]
        for number, layer in enumerate(self.dropouts):
            layer.call = _dropout(layer, knobs[1 + number])
        try:
            yield
        finally:
            self.optimizer.weight_decay = decay
            for layer in self.dropouts:
                del layer.call

    def clipped(self, gradients: Sequence[Any], knobs: Any) -> list[Any]:
        """Scale gradients down to the limit on their norm, where the knobs hold one."""
        limits = knobs[1 + len(self.dropouts) :]
        if not limits.shape[0]:
            return list(gradients)
        return [g if g is None else _clipped(g, limits[0]) for g in gradients]

    # -- Prediction ------------------------------------------------------------------

    def evaluate(self, placed: Placed) -> dict[str, float]:
        # Nothing is filled up here: a loss of the user's own may not know weights.
        size = predict_batch(placed.inputs)
        totals = self._no_totals()
        for start in range(0, placed.n_rows, size):
            part = slice(start, min(start + size, placed.n_rows))
            inputs = [x[part] for x in placed.inputs]
            totals = self._test(
                totals, inputs, placed.target[part], placed.weight[part]
            )
        return self._logs(totals)

    @abstractmethod
    def _no_totals(self) -> Any:
        """Return what metrics add up, at its beginning."""

    @abstractmethod
    def _test(self, totals: Any, inputs: list[Any], target: Any, weight: Any) -> Any:
        """Return the totals with a batch added."""

    @abstractmethod
    def _logs(self, totals: Any) -> dict[str, float]:
        """Return loss and metrics."""

    def _named(self, results: list[Any]) -> dict[str, float]:
        pairs = zip(self._metrics, results, strict=True)
        return {metric.name: float(result) for metric, result in pairs}

    def predict(self, inputs: list[NDArray[Any]]) -> list[NDArray[Any]]:
        n_rows = len(inputs[0])
        size = min(predict_batch(inputs), padded_length(max(32, n_rows), steps=8))
        parts = []
        for start in range(0, n_rows, size):
            batch = [pad_rows(x[start : start + size], size) for x in inputs]
            parts.append(self._forward([self._put(x) for x in batch]))
        return [
            np.concatenate([np.asarray(part[i]) for part in parts])[:n_rows]
            for i in range(len(parts[0]))
        ]

    @abstractmethod
    def _forward(self, inputs: list[Any]) -> list[Any]:
        """Return the outputs on one batch."""


def padded_length(n_rows: int, steps: int = 16) -> int:
    """Round a number of rows up by a few per cent, so that folds share a shape.

    Parameters
    ----------
    n_rows : int
    steps : int, default=16
        A power of two: how many lengths there are from one to its double.

    Examples
    --------
    >>> from sktune.keras._compiled import padded_length
    >>> padded_length(1198), padded_length(1199), padded_length(20)
    (1216, 1216, 20)
    """
    step: int = 2 ** max(0, math.ceil(math.log2(n_rows / steps)) - 1)
    return step * math.ceil(n_rows / step)


def pad_rows(array: NDArray[Any], n_rows: int) -> NDArray[Any]:
    """Append rows of zeros."""
    if len(array) == n_rows:
        return array
    padded = np.zeros((n_rows, *array.shape[1:]), dtype=array.dtype)
    padded[: len(array)] = array
    return padded


def _clipped(gradient: Any, limit: Any) -> Any:
    norm = ops.sqrt(ops.sum(ops.square(gradient)))
    factor = ops.where(norm > limit, limit / norm, ops.ones_like(norm))
    return gradient * factor


# -- Dropout -------------------------------------------------------------------


def dropout_layers(model: Any) -> list[Any]:
    """Return the dropout layers whose rate can be an input."""
    return [
        layer
        for layer in all_layers(model)
        if type(layer) is layers.Dropout and layer.rate > 0 and not layer.noise_shape
    ]


def _dropout(layer: Any, rate: Any) -> Any:
    """Return what stands in for the layer's ``call`` while it is traced."""

    def call(inputs: Any, training: bool = False) -> Any:
        if not training:
            return inputs
        kept = _uniform(layer.seed_generator.next(), inputs.shape) >= rate
        return ops.where(kept, inputs / (1.0 - rate), ops.zeros_like(inputs))

    return call


def _uniform(seed: Any, shape: tuple[int, ...]) -> Any:
    """Return numbers in [0, 1) by hashing their positions.

    The backends' generators take longer than the rest of a small step. To thin
    out activations, two rounds of MurmurHash3's finalizer are random enough.
    """
    seed = ops.cast(seed, "uint32")
    positions = ops.cast(ops.arange(math.prod(shape), dtype="int32"), "uint32")
    positions = ops.reshape(positions, shape)
    bits = _scrambled(_scrambled(positions + seed[0]) ^ _scrambled(seed[1]))
    return ops.cast(ops.right_shift(bits, _word(8)), "float32") * 2.0**-24


def _scrambled(bits: Any) -> Any:
    # Appleby, MurmurHash3, fmix32
    bits = (bits ^ ops.right_shift(bits, _word(16))) * _word(0x85EBCA6B)
    bits = (bits ^ ops.right_shift(bits, _word(13))) * _word(0xC2B2AE35)
    return bits ^ ops.right_shift(bits, _word(16))


def _word(value: int) -> Any:
    return ops.convert_to_tensor(np.uint32(value))


# -- What can be compiled --------------------------------------------------------


def all_layers(model: Any) -> Iterator[Any]:
    """Yield the layers of a model and of models in it; not what wrappers wrap."""
    for layer in model.layers:
        inner = getattr(layer, "layers", None)
        if inner:
            yield from all_layers(layer)
        else:
            yield layer


def is_row_wise(model: Any) -> bool:
    """Whether no layer mixes the rows of a batch, as far as is known."""
    if not type(model).__module__.startswith("keras."):
        return False
    if isinstance(model, keras.Sequential):
        return all(map(_keeps_rows, model.layers))
    return hasattr(model, "operations") and all(map(_keeps_rows, model.operations))


def _keeps_rows(operation: Any) -> bool:
    if isinstance(operation, keras.Model):
        return is_row_wise(operation)
    inner = [
        getattr(operation, name)
        for name in ("layer", "forward_layer", "backward_layer")
        if hasattr(operation, name)
    ]
    return (
        type(operation) in _ROW_WISE
        and not getattr(operation, "activity_regularizer", None)
        and all(map(_keeps_rows, inner))
    )


def _has_known_mean(loss: Any) -> bool:
    return type(loss).__module__.startswith("keras.") and loss.reduction in (
        "sum",
        "mean",
        "sum_over_batch_size",
        "mean_with_sample_weight",
    )


def why_not_compiled(recipe: Recipe, n_bytes: int) -> str | None:
    """Return why a recipe needs ``model.fit``, None when it does not.

    Parameters
    ----------
    recipe : Recipe
        What is to be trained.
    n_bytes : int
        Size of the training data.

    Returns
    -------
    str or None
    """
    model = recipe.model
    if keras.backend.backend() not in ("tensorflow", "jax"):
        return f"the backend is {keras.backend.backend()}"
    if n_bytes > MAX_BYTES:
        return f"the data takes more than {MAX_BYTES / 1024**3:.0f} GiB"
    outputs = getattr(model, "outputs", None)
    if not outputs or len(outputs) != 1:
        return "the model is not a functional one with one output"
    if not isinstance(recipe.loss, keras.losses.Loss) or recipe.loss.reduction is None:
        return "the loss is not a keras.losses.Loss that returns a number"
    custom = {"train_step", "compute_loss", "test_step", "make_train_function"}
    if custom & {name for cls in type(model).__mro__[:-1] for name in _own(cls)}:
        return "the model brings its own training step"
    if any(p.compute_dtype != "float32" for p in _policies(model)):
        return "the model computes in another precision than float32"
    if has_own_schedule(recipe.optimizer):
        return "the optimizer brings its own schedule of the learning rate"
    if isinstance(recipe.optimizer, keras.optimizers.LossScaleOptimizer):
        return "the optimizer scales the loss"
    return None


def _own(cls: type) -> list[str]:
    """Return the attributes of a class that is not Keras' own."""
    return [] if cls.__module__.startswith("keras.") else list(vars(cls))


def _policies(model: Any) -> list[Any]:
    return [layer.dtype_policy for layer in all_layers(model)]
