"""A schedule of hyperparameters for ``model.fit``."""

from __future__ import annotations

from typing import Any

import keras

from .._schedule import params_at, read_schedule
from ..exceptions import ModelError
from ._compiled import all_layers

__all__ = ["ScheduleCallback"]

# What belongs to the optimizer, by its name there.
_OF_OPTIMIZER = ("weight_decay", "clipnorm", "momentum")


class ScheduleCallback(keras.callbacks.Callback):
    """Train any Keras model by a schedule that `PBTSearchCV` has found.

    It sets learning rate, weight decay, clipnorm, momentum and the rates of
    dropout when an epoch begins. A batch size cannot change within
    ``model.fit``: a schedule that changes it needs `ScheduledEstimator`.

    Parameters
    ----------
    schedule : list of dict, str or path-like
        ``PBTSearchCV.best_schedule_``, its JSON, or the path of such a file.
        Names may have the steps of a pipeline before them.

    Raises
    ------
    ModelError
        When the schedule changes what a callback cannot.

    Examples
    --------
    >>> import numpy as np
    >>> import keras
    >>> from sktune.keras import ScheduleCallback
    >>> schedule = [
    ...     {"start": 0, "end": 2, "params": {"learning_rate": 0.1}},
    ...     {"start": 2, "end": 3, "params": {"learning_rate": 0.01}},
    ... ]
    >>> model = keras.Sequential([keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> _ = model.fit(
    ...     np.ones((4, 1)),
    ...     np.ones(4),
    ...     epochs=3,
    ...     callbacks=[ScheduleCallback(schedule)],
    ...     verbose=0,
    ... )
    >>> round(float(model.optimizer.learning_rate), 4)
    0.01
    """

    def __init__(self, schedule: Any) -> None:
        super().__init__()
        self.schedule = [
            {**segment, "params": _own_names(segment["params"])}
            for segment in read_schedule(schedule)
        ]
        changed = {
            name
            for segment in self.schedule
            for name, value in segment["params"].items()
            if value != self.schedule[0]["params"].get(name)
        }
        known = {"learning_rate", *_OF_OPTIMIZER}
        strange = sorted(n for n in changed if n not in known and "dropout" not in n)
        if strange:
            raise ModelError(
                f"the schedule changes {strange}, which a callback of model.fit "
                "cannot: use sktune.ScheduledEstimator"
            )

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Set what the epoch is trained with.

        Parameters
        ----------
        epoch : int
            Counted from 0.
        logs : dict, default=None
            Not used.
        """
        params = params_at(self.schedule, epoch)
        optimizer = self.model.optimizer
        if "learning_rate" in params:
            optimizer.learning_rate = params["learning_rate"]
        traced = False
        for name in _OF_OPTIMIZER:
            if name in params and getattr(optimizer, name, None) != params[name]:
                setattr(optimizer, name, params[name])
                traced = True
        for name, rate in params.items():
            if "dropout" in name:
                traced |= _set_dropout(self.model, float(rate))
        if traced:
            # these are constants of the function that was compiled
            self.model.make_train_function(force=True)


def _own_names(params: dict[str, Any]) -> dict[str, Any]:
    """Return parameters by the last part of their names."""
    return {name.rpartition("__")[2]: value for name, value in params.items()}


def _set_dropout(model: Any, rate: float) -> bool:
    """Set the rate of all dropout layers; return whether one has changed."""
    changed = False
    for layer in all_layers(model):
        if isinstance(layer, keras.layers.Dropout) and layer.rate != rate:
            layer.rate = rate
            changed = True
    return changed
