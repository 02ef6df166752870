"""Learning rates over the planned epochs.

A schedule multiplies the learning rate, once an epoch. It runs over all the
epochs that are planned, however the training is cut into segments: a candidate
stopped early has seen the beginning of its schedule, not a short one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from ..exceptions import ModelError
from ._engine import Settings

__all__ = ["SCHEDULES", "Schedule", "learning_rate_at", "scheduled"]

Schedule = Callable[[int, int], float]

_WARM_UP_SHARE = 0.1  # of the epochs, at least one


def _constant(epoch: int, n_epochs: int) -> float:
    return 1.0


def _cosine(epoch: int, n_epochs: int) -> float:
    # Loshchilov & Hutter 2017, eq. 5, without restarts
    return 0.5 * (1.0 + math.cos(math.pi * epoch / n_epochs))


def _exponential(epoch: int, n_epochs: int) -> float:
    return float(0.01 ** (epoch / n_epochs))


def _step(epoch: int, n_epochs: int) -> float:
    return float(0.1 ** (3 * epoch // n_epochs))


def _warmup(epoch: int, n_epochs: int) -> float:
    n_warm = max(1, round(_WARM_UP_SHARE * n_epochs))
    if epoch < n_warm:
        return (epoch + 1) / (n_warm + 1)
    return _cosine(epoch - n_warm, max(1, n_epochs - n_warm))


#: Name: what it multiplies the learning rate with in an epoch of so many.
SCHEDULES: dict[str, Schedule] = {
    "constant": _constant,
    "cosine": _cosine,
    "exponential": _exponential,
    "step": _step,
    "warmup": _warmup,
}


def learning_rate_at(
    epoch: int, n_epochs: int, learning_rate: float, schedule: str | Schedule
) -> float:
    """Return the learning rate of an epoch.

    Parameters
    ----------
    epoch : int
        Number of the epoch, counted from 0. From `n_epochs` on the rate stays
        that of the last planned epoch.
    n_epochs : int
        Number of planned epochs.
    learning_rate : float
        What the schedule multiplies.
    schedule : str or callable
        A key of `SCHEDULES`, or a function of the epoch and the number of
        epochs.

    Returns
    -------
    float

    Raises
    ------
    ModelError
        When a schedule of the user's own fails.

    Examples
    --------
    >>> from sktune.keras._schedule import learning_rate_at
    >>> [learning_rate_at(epoch, 4, 1.0, "cosine") for epoch in (0, 2)]
    [1.0, 0.5]
    """
    function = SCHEDULES[schedule] if isinstance(schedule, str) else schedule
    try:
        factor = float(function(min(epoch, n_epochs - 1), n_epochs))
    except Exception as error:  # the user's code
        raise ModelError(
            "schedule must be a function of the epoch and of the number of epochs that "
            f"returns a number; {schedule!r} raised {type(error).__name__}: {error}"
        ) from error
    return learning_rate * factor


def scheduled(
    settings: Settings, schedule: str | Schedule, n_epochs: int
) -> Callable[[int], Settings]:
    """Return a function of the epoch: what it is trained with.

    Parameters
    ----------
    settings : Settings
        Those of a training without a schedule. Where the optimizer has one of its
        own, that counts.
    schedule : str or callable
        As `learning_rate_at` takes it.
    n_epochs : int
        Number of planned epochs.
    """
    base = settings.learning_rate

    def settings_of(epoch: int) -> Settings:
        if base is None:
            return settings
        rate = learning_rate_at(epoch, n_epochs, base, schedule)
        return replace(settings, learning_rate=rate)

    return settings_of
