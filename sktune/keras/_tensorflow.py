"""Compiled epochs on TensorFlow."""

from __future__ import annotations

from collections.abc import Hashable
from itertools import islice
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from ._compiled import CompilationError, CompiledEngine, Placed, Table, all_layers
from ._engine import Recipe, Variables, model_variables, packed
from ._tf_session import TensorflowSession

__all__ = ["TensorflowEngine"]

_REFUSALS = (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError)

# On a CPU, XLA takes up to fourteen times as long as TensorFlow for these,
_CONVOLUTIONS = (
    layers.Conv1D,
    layers.Conv1DTranspose,
    layers.Conv2D,
    layers.Conv2DTranspose,
    layers.Conv3D,
    layers.Conv3DTranspose,
    layers.DepthwiseConv1D,
    layers.DepthwiseConv2D,
    layers.SeparableConv1D,
    layers.SeparableConv2D,
)
# and half the time for these: benchmarks/keras_xla.py.
_OF_SMALL_STEPS = (layers.RNN, layers.MultiHeadAttention)


class TensorflowEngine(CompiledEngine):
    """Trains with a ``tf.function`` an epoch."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self._compiled: dict[Hashable, Any] = {}
        groups = (*model_variables(self.model), self.optimizer.variables)
        self._sizes = [len(group) for group in groups]
        self._variables = [v.value for group in groups for v in group]
        self._jit = recipe.jit_compile is not False
        if recipe.jit_compile == "auto" and "CPU" in self._variables[0].device:
            self._jit = not has_convolutions(self.model)
        try:
            self._session = TensorflowSession(self._variables)
        except tf.errors.OpError as error:  # a device that it cannot have, say
            raise CompilationError(f"{type(error).__name__}: {error}") from error

    # -- State ---------------------------------------------------------------------

    # It is in the session; the model is brought up to date for callbacks alone.

    def _load(self, variables: Variables) -> None:
        self._session.load([a for group in variables.groups() for a in group])

    def read(self) -> Variables:
        values = iter(self._session.read())
        return Variables(*(list(islice(values, size)) for size in self._sizes))

    # By TensorFlow's operations: the methods of Keras' variables take ten times as
    # long, those of its own four times.

    def sync_model(self) -> None:
        for v, value in zip(self._variables, self._session.read(), strict=True):
            constant = tf.constant(value, dtype=v.dtype)
            tf.raw_ops.AssignVariableOp(resource=v.handle, value=constant)

    def adopt_model(self) -> None:
        self._session.load(
            [
                tf.raw_ops.ReadVariableOp(resource=v.handle, dtype=v.dtype).numpy()
                for v in self._variables
            ]
        )

    def _put(self, array: NDArray[Any]) -> Any:
        return array

    def _run(self, function: Any, *args: Any, jit: bool) -> Any:
        """Call a function of tensors on arrays, compiled for their shapes."""
        flat = [np.asarray(x) for x in keras.tree.flatten(args)]
        key = (function.__name__, *((a.shape, a.dtype) for a in flat))
        if key in self._compiled:
            return self._compiled[key](*flat)

        def traced(*flat: Any) -> Any:
            return function(*keras.tree.pack_sequence_as(args, flat))

        self._compiled[key] = self._session.function(traced, flat, jit=jit)
        try:
            return self._compiled[key](*flat)
        except _REFUSALS:
            # XLA compiles when it is called. What it does not know (cuDNN's LSTM,
            # strings) it refuses then, before anything has changed.
            if not jit or self.recipe.jit_compile is True:
                raise
        self._compiled[key] = self._session.function(traced, flat, jit=False)
        return self._compiled[key](*flat)

    # -- Training ------------------------------------------------------------------

    def _train_epoch(
        self,
        placed: Placed,
        table: Table,
        learning_rate: float,
        knobs: NDArray[np.float32],
    ) -> dict[str, float]:
        results = self._run(
            self._traced_epoch,
            placed.inputs,
            placed.target,
            placed.weight,
            table.rows,
            table.scale,
            table.counts,
            np.int32(table.n_steps),
            table.rest,
            np.float32(learning_rate),
            knobs,
            jit=self._jit,
        )
        return self._named(results)

    def _traced_epoch(
        self,
        inputs: Any,
        target: Any,
        weight: Any,
        rows: Any,
        scale: Any,
        counts: Any,
        n_steps: Any,
        rest: Any,
        learning_rate: Any,
        knobs: Any,
    ) -> list[Any]:
        self.optimizer.learning_rate = learning_rate
        self._reset_metrics()

        def step(chosen: Any, scale: Any, count: Any) -> None:
            self._step(
                [tf.gather(x, chosen) for x in inputs],
                tf.gather(target, chosen),
                tf.gather(weight, chosen) * scale,
                scale,
                count,
                knobs,
            )

        def body(i: Any) -> tuple[Any]:
            step(rows[i], scale[i], counts[i])
            return (i + 1,)

        with self.knobs_in_place(knobs):
            tf.while_loop(lambda i: i < n_steps, body, (tf.constant(0),))
            if rest.shape[0]:
                n_rest = float(rest.shape[0])
                step(rest, tf.ones([rest.shape[0]]), tf.constant(n_rest))
        return self._results()

    def _step(
        self,
        inputs: list[Any],
        target: Any,
        weight: Any,
        scale: Any,
        count: Any,
        knobs: Any,
    ) -> None:
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            output = self._call(inputs, training=True)
            loss = self.recipe.loss(target, output, sample_weight=weight)
            loss += sum(self.model.losses)
        gradients = tape.gradient(loss, [v.value for v in variables])
        clipped = self.clipped(gradients, knobs)

        # As if there were replicas, and this their common part: else Keras sums up
        # gradients by a function that TensorFlow registers until the process ends.
        def apply(_: Any) -> None:
            self.optimizer.apply(clipped, variables)

        tf.distribute.get_replica_context().merge_call(apply)
        self._update_metrics(
            loss, target, output, tf.cast(scale > 0, tf.float32), count
        )

    def _call(self, inputs: list[Any], *, training: bool) -> Any:
        return self.model(packed(self.model, inputs), training=training)

    # -- Metrics -------------------------------------------------------------------

    def _reset_metrics(self) -> None:
        for metric in self._metrics:
            metric.reset_state()

    def _update_metrics(
        self, loss: Any, target: Any, output: Any, valid: Any, count: Any
    ) -> None:
        mean, *metrics = self._metrics
        mean.update_state(loss, sample_weight=count)
        for metric in metrics:
            metric.update_state(target, output, sample_weight=valid)

    def _results(self) -> list[Any]:
        return [metric.result() for metric in self._metrics]

    # -- Prediction ------------------------------------------------------------------

    def _no_totals(self) -> list[Any]:
        return self._run(self._traced_beginning, jit=False)  # type: ignore[no-any-return]

    def _traced_beginning(self) -> list[Any]:
        self._reset_metrics()
        return self._results()

    def _test(
        self, totals: list[Any], inputs: list[Any], target: Any, weight: Any
    ) -> list[Any]:
        # The totals are in the metrics; what is passed on is their result.
        function = self._traced_test
        return self._run(function, inputs, target, weight, jit=self._jit)  # type: ignore[no-any-return]

    def _traced_test(self, inputs: list[Any], target: Any, weight: Any) -> list[Any]:
        output = self._call(inputs, training=False)
        loss = self.recipe.loss(target, output, sample_weight=weight)
        loss += sum(self.model.losses)
        ones = tf.ones_like(weight)
        self._update_metrics(loss, target, output, ones, tf.reduce_sum(ones))
        return self._results()

    def _logs(self, totals: list[Any]) -> dict[str, float]:
        return self._named(totals)

    def _forward(self, inputs: list[Any]) -> list[Any]:
        # Predictions are too few to pay for XLA, unless it is asked for.
        jit = self.recipe.jit_compile is True
        return self._run(self._traced_forward, inputs, jit=jit)  # type: ignore[no-any-return]

    def _traced_forward(self, inputs: list[Any]) -> list[Any]:
        return list(keras.tree.flatten(self._call(inputs, training=False)))


def has_convolutions(model: Any) -> bool:
    """Whether convolutions are most of what a model computes, as far as is known."""
    found = list(all_layers(model))
    for name in ("layer", "forward_layer"):  # of wrappers
        found += [getattr(wrapper, name, None) for wrapper in found]
    return any(isinstance(layer, _CONVOLUTIONS) for layer in found) and not any(
        isinstance(layer, _OF_SMALL_STEPS) for layer in found
    )
