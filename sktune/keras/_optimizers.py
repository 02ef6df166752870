"""Optimizers, losses and metrics from what users write."""

from __future__ import annotations

import difflib
import functools
import inspect
import re
from collections.abc import Mapping
from typing import Any

import keras

from ..exceptions import ModelError
from ._routing import check_routed, optimizer_parameters

__all__ = [
    "has_own_schedule",
    "make_loss",
    "make_metrics",
    "make_optimizer",
    "optimizer_class",
    "wants_one_hot",
]

# Their targets are one column a class, not class numbers.
_ONE_HOT_LOSSES = (
    keras.losses.CategoricalCrossentropy,
    keras.losses.CategoricalFocalCrossentropy,
    keras.losses.CategoricalHinge,
    keras.losses.KLDivergence,
)


# -- Optimizers ----------------------------------------------------------------


def optimizer_class(optimizer: Any) -> type:
    """Return the class of an optimizer given as name, class or instance.

    Raises
    ------
    ModelError
        When it is none of these.
    """
    if isinstance(optimizer, str):
        optimizer = _known_optimizers().get(optimizer.lower(), optimizer)
    if inspect.isclass(optimizer) and issubclass(optimizer, keras.optimizers.Optimizer):
        return optimizer
    if isinstance(optimizer, keras.optimizers.Optimizer):
        return type(optimizer)
    hint = ""
    if isinstance(optimizer, str):
        close = difflib.get_close_matches(optimizer.lower(), _known_optimizers(), n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
    raise ModelError(
        "optimizer must be 'auto', the name of a Keras optimizer, its class or an "
        f"instance, got {optimizer!r}{hint}"
    )


def _known_optimizers() -> dict[str, type]:
    """Return Keras' optimizers by the names that Keras gives them."""
    return {
        name.lower(): value
        for name, value in vars(keras.optimizers).items()
        if inspect.isclass(value)
        and issubclass(value, keras.optimizers.Optimizer)
        and name not in ("Optimizer", "LossScaleOptimizer")
    }


def make_optimizer(
    optimizer: Any,
    *,
    learning_rate: float | None = None,
    momentum: float | None = None,
    weight_decay: float | None = None,
    routed: Mapping[str, Any] | None = None,
) -> Any:
    """Return a new optimizer.

    Parameters
    ----------
    optimizer : str, type or keras.optimizers.Optimizer
        An instance serves as a template.
    learning_rate, weight_decay : float or None
        None leaves the optimizer's own.
    momentum : float or None
        Taken by optimizers that have one; the others do without.
    routed : mapping of str to object
        Further arguments of the optimizer's class.

    Returns
    -------
    keras.optimizers.Optimizer

    Raises
    ------
    ModelError
        When the optimizer is unknown or has no such argument.
    """
    cls = optimizer_class(optimizer)
    known = optimizer_parameters(cls)
    routed = dict(routed or {})
    check_routed(routed, "optimizer__", known, f"the optimizer {cls.__name__}")
    given = {"learning_rate": learning_rate, "weight_decay": weight_decay}
    if "momentum" in known and "momentum" not in routed:
        given["momentum"] = momentum
    config = {name: value for name, value in given.items() if value is not None}
    config |= routed
    try:
        if isinstance(optimizer, keras.optimizers.Optimizer):
            return cls.from_config({**optimizer.get_config(), **config})  # type: ignore[attr-defined]
        return cls(**config)
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"the optimizer {cls.__name__} refuses {config}: {error}"
        ) from error


def has_own_schedule(optimizer: Any) -> bool:
    """Whether an optimizer works its learning rate out itself."""
    return isinstance(optimizer.get_config()["learning_rate"], dict)


# -- Losses and metrics ----------------------------------------------------------


class FunctionLoss(keras.losses.Loss):
    """A user's function of target and output, as a loss.

    Parameters
    ----------
    function : callable
        Returns a loss for each row, or one for the batch.
    """

    def __init__(self, function: Any) -> None:
        super().__init__(name=name_of(function))
        self._function = function

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self._function(y_true, y_pred)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "function": repr(self._function)}


def name_of(function: Any) -> str | None:
    """Return a name that TensorFlow accepts: none for a lambda."""
    name = getattr(function, "__name__", "")
    return name if name.isidentifier() else None


def make_loss(loss: Any) -> Any:
    """Return a loss object from a name, class, instance or function.

    Raises
    ------
    ModelError
        When it is none of these.
    """
    if inspect.isclass(loss) and issubclass(loss, keras.losses.Loss):
        return loss()
    if isinstance(loss, keras.losses.Loss):
        return loss
    if isinstance(loss, str):
        try:
            loss = keras.losses.get(loss)
        except (TypeError, ValueError) as error:
            raise _unknown_loss(loss) from error
        if isinstance(loss, keras.losses.Loss):
            return loss
        cls = _classes_of_functions().get(loss)
        return FunctionLoss(loss) if cls is None else cls()
    if callable(loss):
        return FunctionLoss(loss)
    raise _unknown_loss(loss)


@functools.cache
def _classes_of_functions() -> dict[Any, type]:
    """Return Keras' loss classes by the functions that they wrap."""
    classes = {}
    for value in vars(keras.losses).values():
        if inspect.isclass(value) and value is not keras.losses.Loss:
            function = getattr(value(), "fn", None)
            classes[function] = value
    return classes


def _unknown_loss(loss: Any) -> ModelError:
    return ModelError(
        "loss must be 'auto', the name of a Keras loss, its class, an instance or a "
        f"function of target and output, got {loss!r}"
    )


def wants_one_hot(loss: Any) -> bool:
    """Whether a loss compares with one column a class."""
    return isinstance(loss, _ONE_HOT_LOSSES)


def make_metrics(metrics: Any, *, kind: str, logits: bool) -> list[Any]:
    """Return new metric objects.

    Parameters
    ----------
    metrics : None, str, class, instance, function, or list of these
        ``"accuracy"`` and ``"crossentropy"`` are those that suit the target.
    kind : {"binary", "sparse", "categorical", "regression"}
        How target and output look.
    logits : bool
        Whether outputs are logits.

    Returns
    -------
    list of keras.metrics.Metric

    Raises
    ------
    ModelError
        When Keras knows no such metric.
    """
    if metrics is None:
        return []
    given = metrics if isinstance(metrics, (list, tuple)) else [metrics]
    return [_make_metric(metric, kind, logits) for metric in given]


def _make_metric(metric: Any, kind: str, logits: bool) -> Any:
    if isinstance(metric, str) and kind != "regression":
        suited = _suited_metric(metric, kind, logits)
        if suited is not None:
            return suited
    if isinstance(metric, keras.metrics.Metric):
        return type(metric).from_config(metric.get_config())
    if inspect.isclass(metric) and issubclass(metric, keras.metrics.Metric):
        made: Any = metric()
        another: Any = metric()
        if another.name != made.name:  # numbered by Keras: a history needs one name
            made.name = re.sub(r"_\d+$", "", made.name)
        return made
    if callable(metric):
        return keras.metrics.MeanMetricWrapper(metric, name=name_of(metric))
    try:
        found = keras.metrics.get(metric)
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"metrics: Keras knows no metric {metric!r}; give the name of a Keras "
            "metric, its class, an instance or a function"
        ) from error
    if isinstance(found, keras.metrics.Metric):  # called what the user called it
        return type(found).from_config({**found.get_config(), "name": str(metric)})
    return keras.metrics.MeanMetricWrapper(found, name=str(metric))


def _suited_metric(name: str, kind: str, logits: bool) -> Any:
    """Return the accuracy or cross-entropy that suits the target."""
    if name in ("accuracy", "acc"):
        if kind == "binary":
            threshold = 0.0 if logits else 0.5
            return keras.metrics.BinaryAccuracy(name=name, threshold=threshold)
        if kind == "sparse":
            return keras.metrics.SparseCategoricalAccuracy(name=name)
        return keras.metrics.CategoricalAccuracy(name=name)
    if name in ("crossentropy", "ce"):
        if kind == "binary":
            return keras.metrics.BinaryCrossentropy(name=name, from_logits=logits)
        if kind == "sparse":
            return keras.metrics.SparseCategoricalCrossentropy(
                name=name, from_logits=logits
            )
        return keras.metrics.CategoricalCrossentropy(name=name, from_logits=logits)
    return None
