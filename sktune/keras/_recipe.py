"""Between the parameters of an estimator, its data and its model."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from ..exceptions import ModelError
from ._build import build_model, metrics_of, output_activation
from ._compiled import dropout_layers
from ._engine import Recipe, Settings, Variables
from ._model_checks import is_list, is_rate
from ._optimizers import (
    has_own_schedule,
    make_loss,
    make_metrics,
    make_optimizer,
    wants_one_hot,
)
from ._parameters import PREFIXES, Parameters
from ._purity import state_of
from ._training import Target, Training

__all__ = [
    "encoded",
    "make_recipe",
    "model_inputs",
    "output_shape",
    "recipe_name",
    "with_settings_of",
]


def make_recipe(
    estimator: Parameters, training: Training, name: Hashable = None
) -> Recipe:
    """Return model, optimizer, loss and metrics for a training.

    A model that its builder has compiled brings what the estimator leaves open.

    Parameters
    ----------
    estimator : Parameters
        Says what to build and how to train it.
    training : Training
        Knows the data and the seed.
    name : Hashable, default=None
        From `recipe_name`, where the recipe is to be known again.

    Returns
    -------
    Recipe
        Its model has fresh weights.
    """
    routed = estimator.routed("model__")
    model = build_model(
        estimator.model,
        training.meta,
        routed,
        seed=training.progress.seed,
        owner=type(estimator).__name__,
    )
    activation = output_activation(model)
    logits = activation == "linear"
    n_units = int(output_shape(model)[-1])
    optimizer, loss, metrics = estimator.optimizer, estimator.loss, estimator.metrics
    if isinstance(optimizer, str) and optimizer == "auto":
        optimizer = model.optimizer if model.compiled else "adam"
    if isinstance(loss, str) and loss == "auto":
        loss = model.loss if model.compiled else None
        if loss is None:
            loss = training.target.default_loss(n_units, logits)
    loss = make_loss(loss)
    if metrics is None:
        metrics = metrics_of(model)
    optimizer = make_optimizer(
        optimizer,
        learning_rate=estimator.learning_rate,
        momentum=estimator.momentum,
        weight_decay=estimator.weight_decay,
        routed=estimator.routed("optimizer__"),
    )
    return Recipe(
        model,
        optimizer,
        loss,
        make_metrics(
            metrics, kind=_metric_kind(training.target, n_units, loss), logits=logits
        ),
        output_activation=activation,
        fresh=Variables.of(model),
        settings=_settings(model, optimizer, estimator.clipnorm),
        batch_size=estimator.batch_size,
        jit_compile=estimator.jit_compile,
        steps_per_execution=estimator.steps_per_execution,
        identity=_identity(
            estimator.model, {**routed, "metrics": _functions_of(metrics)}
        ),
        device=estimator.device,
        name=name,
    )


def _settings(model: Any, optimizer: Any, clipnorm: float | None) -> Settings:
    config = optimizer.get_config()
    own = has_own_schedule(optimizer)
    rate = None if own else _single(config["learning_rate"])
    dropout = tuple(float(layer.rate) for layer in dropout_layers(model))
    return Settings(rate, config.get("weight_decay"), clipnorm, dropout)


def _single(rate: float) -> float:
    """Return a number of single precision: 0.001, not 0.0010000000474974513."""
    return float(str(np.float32(rate)))


def with_settings_of(estimator: Parameters, recipe: Recipe) -> Recipe:
    """Return what `make_recipe` would, from a recipe of the same name.

    To build a model takes as long as to train a small one for some epochs.
    """
    known = recipe.settings
    rate, decay = estimator.learning_rate, estimator.weight_decay
    dropout = _own_dropout(estimator)
    if dropout is None:
        rates = known.dropout_rates
    elif is_list(dropout):
        rates = tuple(float(rate) for rate in dropout if rate > 0)
    else:
        rates = (float(dropout),) * len(known.dropout_rates)
    settings = Settings(
        known.learning_rate if rate is None else _single(rate),
        known.weight_decay if decay is None else decay,
        estimator.clipnorm,
        rates,
    )
    return replace(recipe, settings=settings)


def _own_dropout(estimator: Parameters) -> Any:
    """Return the dropout of a ready-made model; None if it is another, or wrong."""
    dropout = estimator.routed("model__").get("dropout")
    rates = dropout if is_list(dropout) else [dropout]
    ready_made = isinstance(estimator.model, str)
    return dropout if ready_made and all(map(is_rate, rates)) else None


# -- What makes two recipes the same -----------------------------------------------

# The parameters that `make_recipe` reads, besides those of model and optimizer.
_READ = (
    "model",
    "optimizer",
    "learning_rate",
    "momentum",
    "weight_decay",
    "clipnorm",
    "loss",
    "metrics",
    "batch_size",
    "jit_compile",
    "steps_per_execution",
    "device",
)
# Of these, the numbers that are inputs of a compiled epoch.
_INPUTS = ("learning_rate", "weight_decay", "clipnorm")


def recipe_name(estimator: Parameters, training: Training) -> Hashable:
    """Return what two trainings share that `make_recipe` does the same for.

    Their recipes differ in the settings at most, see `with_settings_of`.

    Returns
    -------
    Hashable
        None where a parameter may have changed without a trace.
    """
    values = {name: getattr(estimator, name) for name in _READ}
    for prefix in PREFIXES:
        values |= {prefix + n: v for n, v in estimator.routed(prefix).items()}
    values |= {name: values[name] is None for name in _INPUTS}
    dropout = _own_dropout(estimator)
    if dropout is not None:
        # a rate of 0 is no layer
        values["model__dropout"] = (
            [bool(rate > 0) for rate in dropout]
            if is_list(dropout)
            else bool(dropout > 0)
        )
    states = {name: state_of(value) for name, value in values.items()}
    if None in states.values():
        return None
    of_data = (repr(training.meta), training.progress.seed)
    of_keras = (
        keras.config.dtype_policy().name,
        keras.config.epsilon(),
        keras.config.floatx(),
        keras.config.image_data_format(),
    )
    return (type(estimator), of_data, of_keras, *sorted(states.items()))


def _identity(model: Any, routed: dict[str, Any]) -> Hashable:
    """Return what tells two models of one configuration apart.

    Objects themselves where they can be hashed, so that they stay alive: the
    address of one that is gone may be that of another.
    """

    def hashable(value: Any) -> Hashable:
        try:
            hash(value)
        except TypeError:
            return repr(value)
        return value  # type: ignore[no-any-return]

    values = [(name, hashable(value)) for name, value in sorted(routed.items())]
    return (model, *values)


def _functions_of(metrics: Any) -> tuple[Any, ...]:
    """Return the metrics that are functions: their names do not tell them apart."""
    given = metrics if isinstance(metrics, (list, tuple)) else [metrics]
    known = (type, keras.metrics.Metric)
    return tuple(m for m in given if callable(m) and not isinstance(m, known))


def output_shape(model: Any) -> tuple[int, ...]:
    """Return the shape of a model's one output."""
    shape = getattr(model, "output_shape", None)
    if not isinstance(shape, tuple) or len(shape) < 2 or shape[-1] is None:
        raise ModelError(
            f"the model must have one output of shape (units,), got {shape}"
        )
    return tuple(shape)


def _metric_kind(target: Target, n_units: int, loss: Any) -> str:
    """Return how target and output look to a metric."""
    if target.n_classes is None:
        return "regression"
    if n_units == 1 or target.target_type == "multilabel-indicator":
        return "binary"
    return "categorical" if wants_one_hot(loss) else "sparse"


def encoded(target: Target, y: Any, recipe: Recipe) -> NDArray[Any]:
    """Return a target as the loss takes it."""
    codes = target.encode(y)
    if codes.ndim == 1 and wants_one_hot(recipe.loss):
        return np.eye(target.n_classes or 0, dtype=np.float32)[codes]
    if codes.ndim == 1 and output_shape(recipe.model)[-1] == 1:
        return codes[:, np.newaxis]  # or a user's loss would pair each with all
    return codes


def model_inputs(model: Any, arrays: list[Any], training: Training) -> list[Any]:
    """Return arrays in the order and of the types of a model's inputs."""
    inputs = getattr(model, "inputs", None)
    if not inputs:
        return arrays
    names = training.layout.names
    wanted = [tensor.name for tensor in inputs]
    if len(inputs) > 1 and names is None:
        arrays, names = _columns(arrays[0], wanted, training)
    if len(inputs) != len(arrays):
        raise ModelError(
            f"the model has {len(inputs)} inputs {wanted}, X has {len(arrays)}"
        )
    if names is not None and set(names) == set(wanted):
        by_name = dict(zip(names, arrays, strict=True))
        arrays = [by_name[name] for name in wanted]
    return [
        array.astype(tensor.dtype, copy=False)
        for array, tensor in zip(arrays, inputs, strict=True)
    ]


def _columns(
    array: NDArray[Any], wanted: list[str], training: Training
) -> tuple[list[NDArray[Any]], tuple[str, ...]]:
    """Take the columns of a data frame as the inputs of those names."""
    known = training.features.get("feature_names_in_", [])
    missing = [name for name in wanted if name not in known]
    if missing:
        raise ModelError(
            f"the model has the inputs {wanted}; X must be a data frame with these "
            f"columns, or sktune.keras.Inputs, and has no {missing[0]!r}"
        )
    return [array[:, [known.index(name)]] for name in wanted], tuple(wanted)
