"""What is known of the trials at the rungs of all brackets."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from .._protocol import Outcome, Status

__all__ = ["RungResult", "comparable", "ranked"]


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


def comparable(results: Sequence[RungResult]) -> list[Outcome]:
    """Return one outcome a trial, as if all had spent the largest budget.

    The last score of a trial is what is known best of it. To that comes what
    longer training has brought other trials: the median gain from each budget
    to the next, of the trials that were scored at both. Gains are taken one
    after the other, because nearly all trials stop early.

    Parameters
    ----------
    results : sequence of RungResult
        Those of a trial in the order of their budgets; one may be there twice.

    Returns
    -------
    list of Outcome
        In the order of the trials' numbers.
    """
    by_trial: dict[int, list[RungResult]] = {}
    for result in results:
        by_trial.setdefault(result.trial, []).append(result)
    gains: dict[int, list[tuple[int, float]]] = {}
    for history in by_trial.values():
        for one, two in itertools.pairwise(history):
            if one.score is None or two.score is None:
                continue
            # A trial that was spared training has the same result at two rungs.
            if two.budget > one.budget:
                gain = (two.budget, two.score - one.score)
                gains.setdefault(one.budget, []).append(gain)
    # From the largest budget down: what a trial of that budget has before it.
    ahead: dict[int, float] = {}
    for budget in sorted({r.budget for r in results}, reverse=True):
        steps = [gain + ahead[above] for above, gain in gains.get(budget, ())]
        ahead[budget] = float(np.median(steps)) if steps else 0.0
    outcomes = []
    for trial in sorted(by_trial):
        last = by_trial[trial][-1]
        if last.score is None:
            outcomes.append(Outcome(trial, Status.FAILED, None))
        else:
            score = last.score + ahead[last.budget]
            outcomes.append(Outcome(trial, Status.OK, score, last.variance))
    return outcomes
