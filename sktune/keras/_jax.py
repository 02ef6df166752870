"""Compiled epochs on JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from numpy.typing import NDArray

from ._compiled import CompiledEngine, Placed, Table
from ._engine import Recipe, Variables, model_variables, packed

__all__ = ["JaxEngine"]


class JaxEngine(CompiledEngine):
    """Trains with a jitted function an epoch: state in, state out."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self._trainable: list[Any] = []
        self._fixed: list[Any] = []
        self._optimizer: list[Any] = []
        seeds = {id(v) for v in model_variables(self.model)[2]}
        self._are_seeds = [id(v) in seeds for v in self.model.non_trainable_variables]
        self._epoch = jax.jit(self._traced_epoch, donate_argnums=(0, 1, 2))
        self._tested = jax.jit(self._traced_test)
        self._predict = jax.jit(self._traced_forward)

    # -- State ---------------------------------------------------------------------

    def _load(self, variables: Variables) -> None:
        # Not by way of the model, which is brought up to date for callbacks alone.
        self._trainable = [_copy(a) for a in variables.trainable]
        groups = iter(variables.fixed), iter(variables.seeds)
        self._fixed = [_copy(next(groups[is_seed])) for is_seed in self._are_seeds]
        self._optimizer = [_copy(a) for a in variables.optimizer]

    def adopt_model(self) -> None:
        self._load(Variables.of(self.model, self.optimizer))

    def read(self) -> Variables:
        groups: tuple[list[Any], list[Any]] = ([], [])
        for value, is_seed in zip(self._fixed, self._are_seeds, strict=True):
            groups[is_seed].append(np.array(value))
        trainable = [np.array(value) for value in self._trainable]
        optimizer = [np.array(value) for value in self._optimizer]
        return Variables(trainable, *groups, optimizer)

    def sync_model(self) -> None:
        for variables, values in (
            (self.model.trainable_variables, self._trainable),
            (self.model.non_trainable_variables, self._fixed),
            (self.optimizer.variables, self._optimizer),
        ):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(_copy(value))

    def _put(self, array: NDArray[Any]) -> Any:
        return jax.device_put(array)

    # -- Training ------------------------------------------------------------------

    def _train_epoch(
        self,
        placed: Placed,
        table: Table,
        learning_rate: float,
        knobs: NDArray[np.float32],
    ) -> dict[str, float]:
        # Set before the loop: inside, XLA would work out Adam's powers of the
        # step number for each element of each weight.
        position = self._learning_rate_position()
        self._optimizer[position] = jnp.asarray(
            learning_rate, self._optimizer[position].dtype
        )
        self._trainable, self._fixed, self._optimizer, results = self._epoch(
            self._trainable,
            self._fixed,
            self._optimizer,
            (placed.inputs, placed.target, placed.weight),
            (table.rows, table.scale, table.counts, table.rest),
            table.n_steps,
            knobs,
        )
        return self._named(results)

    def _learning_rate_position(self) -> int:
        rate = self.optimizer.learning_rate
        return [v is rate for v in self.optimizer.variables].index(True)

    def _traced_epoch(
        self,
        trainable: list[Any],
        fixed: list[Any],
        optimizer: list[Any],
        data: tuple[list[Any], Any, Any],
        table: tuple[Any, Any, Any, Any],
        n_steps: Any,
        knobs: Any,
    ) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
        inputs, target, weight = data
        rows, scale, counts, rest = table

        def step(state: Any, chosen: Any, scale: Any, count: Any) -> Any:
            batch = ([x[chosen] for x in inputs], target[chosen])
            return self._step(state, batch, weight[chosen] * scale, scale, count, knobs)

        def body(i: Any, state: Any) -> Any:
            return step(state, rows[i], scale[i], counts[i])

        state = (trainable, fixed, optimizer, self._no_totals())
        with self.knobs_in_place(knobs):
            state = jax.lax.fori_loop(0, n_steps, body, state)
            if rest.shape[0]:
                ones = jnp.ones(rest.shape[0], dtype=jnp.float32)
                state = step(state, rest, ones, ones.sum())
        trainable, fixed, optimizer, totals = state
        return trainable, fixed, optimizer, self._results(totals)

    def _step(
        self,
        state: Any,
        batch: tuple[list[Any], Any],
        weight: Any,
        scale: Any,
        count: Any,
        knobs: Any,
    ) -> Any:
        trainable, fixed, optimizer, totals = state
        inputs, target = batch

        def loss_of(trainable: list[Any]) -> tuple[Any, Any]:
            output, new_fixed, losses = self._call(
                trainable, fixed, inputs, training=True
            )
            loss = self.recipe.loss(target, output, sample_weight=weight)
            return loss + sum(losses), (output, new_fixed)

        (loss, (output, fixed)), gradients = jax.value_and_grad(loss_of, has_aux=True)(
            trainable
        )
        trainable, optimizer = self.optimizer.stateless_apply(
            optimizer, self.clipped(gradients, knobs), trainable
        )
        valid = (scale > 0).astype(jnp.float32)
        totals = self._added(totals, loss, target, output, valid, count)
        return trainable, fixed, optimizer, totals

    def _call(
        self,
        trainable: list[Any],
        fixed: list[Any],
        inputs: list[Any],
        *,
        training: bool,
    ) -> Any:
        return self.model.stateless_call(
            trainable,
            fixed,
            packed(self.model, inputs),
            training=training,
            return_losses=True,
        )

    # -- Metrics -------------------------------------------------------------------

    def _no_totals(self) -> list[list[Any]]:
        totals = []
        for metric in self._metrics:
            metric.reset_state()
            totals.append([jnp.copy(v.value) for v in metric.variables])
        return totals

    def _added(
        self,
        totals: list[list[Any]],
        loss: Any,
        target: Any,
        output: Any,
        valid: Any,
        count: Any,
    ) -> list[list[Any]]:
        mean, *metrics = self._metrics
        added = [mean.stateless_update_state(totals[0], loss, sample_weight=count)]
        for metric, total in zip(metrics, totals[1:], strict=True):
            added.append(
                metric.stateless_update_state(
                    total, target, output, sample_weight=valid
                )
            )
        return added

    def _results(self, totals: list[list[Any]]) -> list[Any]:
        pairs = zip(self._metrics, totals, strict=True)
        return [metric.stateless_result(total) for metric, total in pairs]

    def _logs(self, totals: list[list[Any]]) -> dict[str, float]:
        return self._named(self._results(totals))

    # -- Prediction ------------------------------------------------------------------

    def _test(
        self, totals: list[list[Any]], inputs: list[Any], target: Any, weight: Any
    ) -> list[list[Any]]:
        return self._tested(  # type: ignore[no-any-return]
            self._trainable, self._fixed, totals, inputs, target, weight
        )

    def _traced_test(
        self,
        trainable: list[Any],
        fixed: list[Any],
        totals: list[list[Any]],
        inputs: list[Any],
        target: Any,
        weight: Any,
    ) -> list[list[Any]]:
        output, _, losses = self._call(trainable, fixed, inputs, training=False)
        loss = self.recipe.loss(target, output, sample_weight=weight) + sum(losses)
        ones = jnp.ones_like(weight)
        return self._added(totals, loss, target, output, ones, ones.sum())

    def _forward(self, inputs: list[Any]) -> list[Any]:
        return self._predict(self._trainable, self._fixed, inputs)  # type: ignore[no-any-return]

    def _traced_forward(
        self, trainable: list[Any], fixed: list[Any], inputs: list[Any]
    ) -> list[Any]:
        output, *_ = self._call(trainable, fixed, inputs, training=False)
        return list(keras.tree.flatten(output))


def _copy(value: Any) -> Any:
    """Copy by way of the host: JAX compiles a copy on the device for each shape.

    A copy it must be: the compiled epoch takes the memory of its arguments.
    """
    return jax.device_put(np.array(value))
