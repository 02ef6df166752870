"""Compiled epochs on TensorFlow."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ._compiled import CompiledEngine, Placed, Table
from ._engine import Recipe, Variables, model_variables, packed

__all__ = ["TensorflowEngine"]


class TensorflowEngine(CompiledEngine):
    """Trains with a ``tf.function`` an epoch."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self._compiled: dict[Hashable, Any] = {}
        groups = (*model_variables(self.model), self.optimizer.variables)
        self._groups = [
            [(v.value.handle, v.value.dtype) for v in group] for group in groups
        ]

    # By TensorFlow's operations: the methods of Keras' variables take ten times as
    # long, those of its own four times.

    def _load(self, variables: Variables) -> None:
        for group, values in zip(self._groups, variables.groups(), strict=True):
            for (handle, dtype), value in zip(group, values, strict=True):
                # a constant is a copy: what is trained must not be the array itself
                constant = tf.constant(value, dtype=dtype)
                tf.raw_ops.AssignVariableOp(resource=handle, value=constant)

    def read(self) -> Variables:
        def array(handle: Any, dtype: Any) -> NDArray[Any]:
            tensor = tf.raw_ops.ReadVariableOp(resource=handle, dtype=dtype)
            return np.array(tensor.numpy())  # a copy: the next step may write there

        return Variables(*([array(*v) for v in group] for group in self._groups))

    def _put(self, array: NDArray[Any]) -> Any:
        return tf.constant(array)

    def _run(self, function: Any, *args: Any, jit: bool) -> Any:
        """Call a function of tensors, compiled for their shapes.

        Traced here once for each shape: a ``tf.function`` would warn of retracing,
        and look at all arguments in each call.
        """
        flat = [tf.convert_to_tensor(x) for x in keras.tree.flatten(args)]
        key = (function.__name__, *((tuple(t.shape), t.dtype) for t in flat))
        if key not in self._compiled:

            def traced(*flat: Any) -> Any:
                return function(*keras.tree.pack_sequence_as(args, flat))

            self._compiled[key] = tf.function(
                traced, jit_compile=jit, autograph=False
            ).get_concrete_function(*flat)
        return self._compiled[key](*flat)

    # -- Training ------------------------------------------------------------------

    def _train_epoch(
        self,
        placed: Placed,
        table: Table,
        learning_rate: float,
        knobs: NDArray[np.float32],
    ) -> dict[str, float]:
        self.optimizer.learning_rate = learning_rate
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
            knobs,
            jit=self.recipe.jit_compile is not False,
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
        knobs: Any,
    ) -> list[Any]:
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
        self.optimizer.apply(self.clipped(gradients, knobs), variables)
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

    def _no_totals(self) -> None:
        self._reset_metrics()

    def _test(self, totals: None, inputs: list[Any], target: Any, weight: Any) -> None:
        jit = self.recipe.jit_compile is not False
        self._run(self._traced_test, inputs, target, weight, jit=jit)

    def _traced_test(self, inputs: list[Any], target: Any, weight: Any) -> None:
        output = self._call(inputs, training=False)
        loss = self.recipe.loss(target, output, sample_weight=weight)
        loss += sum(self.model.losses)
        ones = tf.ones_like(weight)
        self._update_metrics(loss, target, output, ones, tf.reduce_sum(ones))

    def _logs(self, totals: None = None) -> dict[str, float]:
        return self._named(self._results())

    def _forward(self, inputs: list[Any]) -> list[Any]:
        # Predictions are too few to pay for XLA, unless it is asked for.
        jit = self.recipe.jit_compile is True
        return self._run(self._traced_forward, inputs, jit=jit)  # type: ignore[no-any-return]

    def _traced_forward(self, inputs: list[Any]) -> list[Any]:
        return list(keras.tree.flatten(self._call(inputs, training=False)))
