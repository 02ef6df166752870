"""How trials do at the rungs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["RungResult", "ranked"]


@dataclass(frozen=True, slots=True)
class RungResult:
    """How a trial did at a rung.

    Attributes
    ----------
    trial : int
    budget : int
        Units that it had spent.
    score : float or None
        None when it failed.
    variance : float or None
        Of the score, if known.
    """

    trial: int
    budget: int
    score: float | None
    variance: float | None = None


def ranked(results: Iterable[RungResult]) -> list[int]:
    """Return the trials that did not fail, the best first; ties by number."""
    scored = [(-r.score, r.trial) for r in results if r.score is not None]
    return [trial for _, trial in sorted(scored)]
