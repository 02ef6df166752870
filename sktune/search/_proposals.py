"""What a search is going to try."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .._execution import CheckpointStore, Resource, WholeFit
from .._protocol import AskTell

__all__ = ["Proposals"]


@dataclass(frozen=True)
class Proposals:
    """What a search is going to try, and how.

    Attributes
    ----------
    optimizer : AskTell
        Proposes the steps.
    n_candidates : int
        Number of rows of ``cv_results_`` at most.
    n_steps : int
        Number of steps at most.
    message : str
        What `verbose` says before anything is trained.
    window : callable
        Takes the number of workers; returns the window or None, see
        `sktune._execution.run_search`.
    ask_ahead : bool
        See `sktune._execution.run_search`.
    max_no_improvement : int or None
        Steps in a row without a better score after which the search ends.
    resource : Resource
        How a budget is spent.
    checkpoints : CheckpointStore or None
        Where trials are kept that are trained in part.
    design : dict
        What the order of proposals depends on besides, by name; JSON. A search
        goes on only with the same. A journal has it for its readers, too.
    growing : dict of str to int
        What of `design` may be larger when a search goes on, if what it was is a
        multiple of this.
    advice : str
        What to do where `design` differs, as a sentence without its end.
    """

    optimizer: AskTell
    n_candidates: int
    n_steps: int
    message: str
    window: Callable[[int], Callable[[int], int] | None] = lambda n_workers: None
    ask_ahead: bool = False
    max_no_improvement: int | None = None
    resource: Resource = field(default_factory=WholeFit)
    checkpoints: CheckpointStore | None = None
    design: dict[str, Any] = field(default_factory=dict)
    growing: dict[str, int] = field(default_factory=dict)
    advice: str = ""
