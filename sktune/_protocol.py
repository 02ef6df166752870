"""The frozen vocabulary between the layers.

Everything that passes between the optimizers, the execution and the search
is one of these classes.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Adjustable",
    "AskTell",
    "Checkpoint",
    "Continuing",
    "FoldResult",
    "FoldTask",
    "Outcome",
    "Resumable",
    "Status",
    "Suggestion",
]


class Status(enum.Enum):
    """How a fold or a trial ended."""

    OK = "ok"
    FAILED = "failed"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A configuration that an optimizer proposes.

    Attributes
    ----------
    trial : int
        Number of the trial, counted from 0 in the order of proposals.
    point : ndarray of shape (n_axes,)
        Its place in the unit cube; NaN where an axis is inactive.
    params : dict
        Its hyperparameters as plain Python values; inactive ones are absent.
    origin : str
        Why it was proposed: ``"initial"``, ``"design"``, ``"model"``,
        ``"random"`` or ``"grid"``; in a population also ``"kept"`` or
        ``"perturbed"``.
    budget : int or None
        How many units of the resource the trial will have spent when this is
        done; None is a whole fit.
    parent : int or None
        The trial whose checkpoints the training goes on from, None to begin
        with an untrained model. Hyperband continues the trial itself.
    bracket, rung : int
        Where it is compared; both 0 without rungs.
    n_folds : int or None
        How many of the folds, from the first, are trained; None is all.
    is_last : bool
        Whether the trial is not going to be continued: no checkpoint is made.
    changed : tuple of str
        Parameters that differ from those that the checkpoints of `parent` were
        trained with.
    """

    trial: int
    point: NDArray[np.float64]
    params: dict[str, Any]
    origin: str
    budget: int | None = None
    parent: int | None = None
    bracket: int = 0
    rung: int = 0
    n_folds: int | None = None
    is_last: bool = True
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an optimizer learns of a trial.

    Attributes
    ----------
    trial : int
        Number of the suggestion's trial.
    status : Status
        FAILED when any fold failed or the score is not finite.
    score : float or None
        Mean over the folds, higher is better; None when the trial failed.
    score_variance : float or None
        Estimated variance of that mean, None when there is one fold.
    """

    trial: int
    status: Status
    score: float | None
    score_variance: float | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a model that is trained in part, on its way.

    Attributes
    ----------
    units : int
        Units of the resource that it was trained for.
    data : bytes or None
        The state itself.
    path : str or None
        A file that holds it instead, written by the search.
    """

    units: int
    data: bytes | None = field(default=None, repr=False)
    path: str | None = None


@dataclass(frozen=True, slots=True)
class FoldTask:
    """One configuration to be trained and scored on one fold.

    Attributes
    ----------
    trial : int
        Number of the trial.
    fold : int
        Number of the fold, counted from 0.
    params : dict
        Hyperparameters to set on a clone of the estimator.
    budget : int or None
        Units of the resource to which it is trained; None is a whole fit.
    checkpoint : Checkpoint or None
        What the training goes on from.
    keep : bool
        Whether to hand back a checkpoint.
    changed : tuple of str
        Parameters that the checkpoint was trained with other values of.
    """

    trial: int
    fold: int
    params: dict[str, Any]
    budget: int | None = None
    checkpoint: Checkpoint | None = None
    keep: bool = False
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FoldResult:
    """What came of a `FoldTask`; failures are data, never exceptions.

    Attributes
    ----------
    trial, fold : int
        The task's numbers.
    status : Status
        FAILED when the fit or the scorer raised; TIMEOUT or OUT_OF_MEMORY when it
        was stopped at a limit; CRASHED when its worker died.
    test_scores, train_scores : dict, float or None
        What the scorer returned; None in place of what failed.
    fit_time, score_time : float
        Seconds.
    fit_error, score_error : str or None
        The formatted traceback of the fit, or of the scorer, that failed.
    exception : BaseException or None
        The exception itself, carried only when it is to be raised again.
    checkpoint : Checkpoint or None
        The state that the training ended in, if it was asked for.
    """

    trial: int
    fold: int
    status: Status
    test_scores: Mapping[str, float | None] | float | None = None
    train_scores: Mapping[str, float | None] | float | None = None
    fit_time: float = 0.0
    score_time: float = 0.0
    fit_error: str | None = None
    score_error: str | None = None
    exception: BaseException | None = field(default=None, repr=False)
    checkpoint: Checkpoint | None = field(default=None, repr=False)


class AskTell(Protocol):
    """What the execution needs of an optimizer.

    Attributes
    ----------
    n_independent : int
        Number of suggestions, counted from the first, that depend on no
        outcome: they need not wait for any.
    """

    @property
    def n_independent(self) -> int: ...

    def ask(self) -> Suggestion | None:
        """Propose a configuration.

        None says that there is none before another outcome is told; when none
        is outstanding, that there is none left.
        """

    def tell(self, outcome: Outcome) -> None:
        """Report how a trial ended."""


@runtime_checkable
class Continuing(AskTell, Protocol):
    """An optimizer that proposes to go on with trials."""

    def released(self) -> list[int]:
        """Return the trials whose checkpoints are needed no more.

        Each of them is returned once.
        """


@runtime_checkable
class Resumable(Protocol):
    """An estimator whose training can stop, travel and go on.

    Trained in any number of segments, in any processes, it ends with the same
    weights as trained at once.

    Attributes
    ----------
    training_resource : str
        Name of the parameter that says how long ``fit`` trains: ``"epochs"``.
        Schedules run over the whole of it, however the training is cut.
    """

    training_resource: str

    def train_more(self, X: Any, y: Any, amount: int, **fit_params: Any) -> Self:
        """Train `amount` units of the resource more; the first call begins."""

    def get_training_state(self) -> bytes:
        """Return weights, optimizer state and progress, without pickled code."""

    def set_training_state(self, state: bytes) -> Self:
        """Take up a training where `get_training_state` left it."""


@runtime_checkable
class Adjustable(Resumable, Protocol):
    """One whose parameters can be set while it is trained, but for some."""

    def fixed_parameters(
        self, names: Iterable[str], *, inherits: bool = False
    ) -> list[str]:
        """Return those that a model in training cannot change.

        With `inherits`, those that not even `inherit_training_state` can.
        """

    def inherit_training_state(self, state: bytes) -> Self:
        """Take up a training of other layers as far as the weights fit."""
