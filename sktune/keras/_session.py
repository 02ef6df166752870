"""The loop over epochs: the same for every engine.

Schedules, validation, early stopping, callbacks and history live here, so that
a training means the same whichever way it is computed.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..exceptions import ModelError
from ._batches import epoch_order
from ._callbacks import Hooks
from ._engine import Engine, Rows, Settings, Variables

__all__ = ["EarlyStopping", "Progress", "run_epochs"]


@dataclass(frozen=True, slots=True)
class EarlyStopping:
    """When to stop.

    Attributes
    ----------
    patience : int
        Epochs without a better loss.
    min_delta : float
        What counts as better.
    """

    patience: int
    min_delta: float = 0.0


@dataclass(slots=True)
class Progress:
    """How far a training has come; all that is not in the variables.

    Attributes
    ----------
    seed : int
        Of the weights, the batches and the validation rows.
    epoch : int
        Epochs trained so far.
    history : dict of str -> list of float
        Loss and metrics of each epoch.
    best_loss : float
        Lowest watched loss so far.
    n_worse : int
        Epochs since then.
    best : Variables or None
        The variables of that epoch.
    is_over : bool
        Whether early stopping or a callback has ended the training.
    """

    seed: int
    epoch: int = 0
    history: dict[str, list[float]] = field(default_factory=dict)
    best_loss: float = math.inf
    n_worse: int = 0
    best: Variables | None = None
    is_over: bool = False

    def copy(self) -> Progress:
        """Return a copy with a history of its own."""
        history = {name: list(values) for name, values in self.history.items()}
        return dataclasses.replace(self, history=history)

    def note(self, logs: dict[str, float]) -> None:
        """Append the logs of an epoch to the history."""
        for name, value in logs.items():
            past = self.history.setdefault(name, [math.nan] * self.epoch)
            past.append(value)
        self.epoch += 1


def run_epochs(
    engine: Engine,
    train: Rows,
    validation: Rows | None,
    progress: Progress,
    *,
    n_epochs: int,
    n_planned: int,
    settings_of: Callable[[int], Settings],
    shuffle: bool = True,
    early_stopping: EarlyStopping | None = None,
    callbacks: Sequence[Any] = (),
    verbose: int = 0,
) -> Variables:
    """Train some epochs more.

    Parameters
    ----------
    engine : Engine
        With the variables of the training loaded.
    train, validation : Rows
        What to train on, and what to watch the training with.
    progress : Progress
        Updated in place.
    n_epochs : int
        Epochs to train now.
    n_planned : int
        Epochs that are planned altogether.
    settings_of : callable
        Returns the settings of an epoch.
    shuffle : bool
        Whether each epoch visits the rows in another order.
    early_stopping : EarlyStopping or None
        None trains all epochs.
    callbacks : sequence of keras.callbacks.Callback
        Of this segment alone.
    verbose : int
        Above 0, a line for each epoch is printed.

    Returns
    -------
    Variables
        At the end: those of the best epoch where early stopping watches and the
        training is over.

    Raises
    ------
    ModelError
        When the loss is not finite.
    """
    placed = engine.place(train)
    watched = None if validation is None else engine.place(validation)
    engine.loaded = None
    if callbacks:
        engine.announce_metrics(train.target[:1])
    hooks = Hooks(callbacks, engine, n_planned)
    hooks.begin()
    logs: dict[str, float] = {}
    for _ in range(n_epochs):
        if progress.is_over:
            break
        started = time.perf_counter()
        epoch = progress.epoch
        settings = hooks.begin_epoch(epoch, settings_of(epoch))
        settings = dataclasses.replace(settings, seed=progress.seed + epoch)
        order = epoch_order(
            len(train), seed=progress.seed, epoch=epoch, shuffle=shuffle
        )
        logs = engine.train_epoch(placed, order, settings, hooks.list)
        if watched is not None:
            logs |= {f"val_{n}": v for n, v in engine.evaluate(watched).items()}
        _check_finite(logs["loss"], epoch, settings)
        if settings.learning_rate is not None:
            logs["learning_rate"] = settings.learning_rate
        progress.note(logs)
        if verbose:
            _print_epoch(progress, n_planned, logs, time.perf_counter() - started)
        if early_stopping is not None:
            _watch(engine, progress, logs, early_stopping)
        if hooks.end_epoch(epoch, logs):
            progress.is_over = True
    hooks.end(logs)
    if progress.best is not None and (progress.is_over or progress.epoch >= n_planned):
        return progress.best
    engine.loaded = engine.read()
    return engine.loaded


# -- Watching the loss -----------------------------------------------------------


def _check_finite(loss: float, epoch: int, settings: Settings) -> None:
    if not math.isfinite(loss):
        raise ModelError(
            f"the training diverged: the loss became {loss} in epoch {epoch + 1}. "
            f"Lower learning_rate (it was {settings.learning_rate}), set clipnorm, or "
            "scale the data"
        )


def _watch(
    engine: Engine,
    progress: Progress,
    logs: dict[str, float],
    early_stopping: EarlyStopping,
) -> None:
    loss = logs.get("val_loss", logs["loss"])
    if loss < progress.best_loss - early_stopping.min_delta:
        progress.best_loss = loss
        progress.n_worse = 0
        progress.best = engine.read()
        return
    progress.n_worse += 1
    progress.is_over = progress.n_worse >= early_stopping.patience


def _print_epoch(
    progress: Progress, n_planned: int, logs: dict[str, float], seconds: float
) -> None:
    values = " - ".join(f"{name}: {value:.4g}" for name, value in logs.items())
    print(f"Epoch {progress.epoch}/{n_planned} - {seconds:.2f}s - {values}")
