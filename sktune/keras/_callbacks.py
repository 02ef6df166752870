"""Keras callbacks around epochs that Keras itself may not run."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from typing import Any

import keras

from ..exceptions import ModelError
from ._engine import Engine, Settings

__all__ = ["Hooks", "fresh_callbacks", "wants_batches"]

_BATCH_HOOKS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
)


def fresh_callbacks(callbacks: Any) -> list[Any]:
    """Return callbacks that no other fit has touched.

    Parameters
    ----------
    callbacks : None, callback, class, callable or list of these
        Instances are copied; classes and functions are called.

    Returns
    -------
    list of keras.callbacks.Callback

    Raises
    ------
    ModelError
        When there is something else among them.
    """
    if callbacks is None:
        return []
    given = callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]
    made = []
    for callback in given:
        if isinstance(callback, keras.callbacks.Callback):
            made.append(deepcopy(callback))
        else:
            made.append(callback() if callable(callback) else callback)
        if not isinstance(made[-1], keras.callbacks.Callback):
            raise ModelError(
                "callbacks must hold Keras callbacks, or classes or functions that "
                f"make them, got {callback!r}"
            )
    return made


def wants_batches(callbacks: Sequence[Any]) -> bool:
    """Whether a callback of the user's has a hook for batches."""
    return any(_has_own(callback, n) for callback in callbacks for n in _BATCH_HOOKS)


def _has_own(callback: Any, name: str) -> bool:
    # Keras' own do without: those that count batches do so to save or draw more often.
    kind = type(callback)
    is_lambda = kind is keras.callbacks.LambdaCallback
    if kind.__module__.startswith("keras.") and not is_lambda:
        return False
    return _defines(callback, name)


def _defines(callback: Any, name: str) -> bool:
    """Whether a callback does anything in a hook."""
    hook = getattr(callback, name)
    return getattr(hook, "__func__", hook) is not getattr(
        keras.callbacks.Callback, name
    )


class Hooks:
    """Calls the callbacks of one training segment.

    A callback may stop the training, change the learning rate or set weights, as
    in ``model.fit``.

    Parameters
    ----------
    callbacks : sequence of keras.callbacks.Callback
    engine : Engine
        Whose model and optimizer they see.
    n_epochs : int
        Planned epochs.
    """

    def __init__(self, callbacks: Sequence[Any], engine: Engine, n_epochs: int) -> None:
        self._engine = engine
        self._factor = 1.0
        self.list: Any = None
        if callbacks:
            engine.model.stop_training = False
            self.list = keras.callbacks.CallbackList(
                list(callbacks), model=engine.model, epochs=n_epochs, verbose=0
            )

    def begin(self) -> None:
        """Announce the training."""
        if self.list is not None:
            with self._model_in_place("on_train_begin"):
                self.list.on_train_begin()

    def begin_epoch(self, epoch: int, settings: Settings) -> Settings:
        """Announce an epoch; return its settings as the callbacks left them."""
        if self.list is None:
            return settings
        with self._model_in_place("on_epoch_begin"):
            if settings.learning_rate is None:
                self.list.on_epoch_begin(epoch)
                return settings
            rate = settings.learning_rate * self._factor
            self._engine.optimizer.learning_rate = rate
            self._call(self.list.on_epoch_begin, epoch)
            return dataclasses.replace(settings, learning_rate=self._learning_rate())

    def end_epoch(self, epoch: int, logs: dict[str, float]) -> bool:
        """Report an epoch; return whether a callback stops the training."""
        if self.list is None:
            return False
        with self._model_in_place("on_epoch_end"):
            self._call(self.list.on_epoch_end, epoch, dict(logs))
        return bool(self._engine.model.stop_training)

    def _call(self, hook: Callable[..., None], *args: Any) -> None:
        """Call a hook; what it makes of the learning rate holds from then on."""
        before = self._learning_rate()
        hook(*args)
        after = self._learning_rate()
        if before > 0:
            self._factor *= after / before  # a plateau was met, say

    def end(self, logs: dict[str, float]) -> None:
        """Announce the end of the training."""
        if self.list is not None:
            with self._model_in_place("on_train_end"):
                self.list.on_train_end(logs)

    @contextlib.contextmanager
    def _model_in_place(self, name: str) -> Iterator[None]:
        """Let a hook see the model as it is, and take over what it makes of it."""
        is_heard = any(_defines(callback, name) for callback in self.list.callbacks)
        if is_heard:
            self._engine.sync_model()
        yield
        if is_heard:
            self._engine.adopt_model()

    def _learning_rate(self) -> float:
        rate = keras.ops.convert_to_numpy(self._engine.optimizer.learning_rate)
        return float(rate)
