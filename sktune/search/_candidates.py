"""Rows of ``cv_results_`` and ``history_`` out of the steps of a search."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .._execution import Step
from ..results import Candidate, HistoryRow, merged, verdict

__all__ = ["candidate_rows"]


def candidate_rows(
    steps: Iterable[Step], standing: Callable[[int], tuple[int, str] | None]
) -> tuple[list[Candidate], list[HistoryRow]]:
    """Return a row for each candidate, and one for each time a fold was trained.

    Parameters
    ----------
    steps : iterable of Step
        The finished ones.
    standing : callable
        Takes the number of a trial; returns the budget that its score stands for and
        its status, see `RungOptimizer.standing`, or None where that is not known.

    Returns
    -------
    candidates : list of Candidate
        In the order of the trials' numbers.
    rows : list of HistoryRow
        In the same order, those of a candidate by rung and fold.
    """
    of_trial: dict[int, list[Step]] = {}
    for step in steps:
        of_trial.setdefault(step.suggestion.trial, []).append(step)
    candidates: list[Candidate] = []
    rows: list[HistoryRow] = []
    for number, trial in enumerate(sorted(of_trial)):
        own = of_trial[trial]
        results = [[r for r in step.results if r is not None] for step in own]
        last = own[-1].suggestion
        level, columns = 0, {}
        if last.budget is None:
            outcome = own[-1].outcome
            is_scored = outcome is not None and outcome.score is not None
            status = "completed" if is_scored else "failed"
        else:
            level, status = standing(trial) or (last.budget, "unfinished")
            columns = _place(own[-1])
        columns |= verdict(results[-1], status)
        seconds = sum(step.optimizer_time for step in own)
        candidates.append(
            Candidate(last.params, merged(results), seconds, level, columns)
        )
        for step, of_step in zip(own, results, strict=True):
            s = step.suggestion
            place = (number, s.bracket, s.rung, s.budget or 0)
            rows += [HistoryRow(*place, result) for result in of_step]
    return candidates, rows


def _place(step: Step) -> dict[str, Any]:
    suggestion = step.suggestion
    return {
        "n_resources": suggestion.budget,
        "bracket": suggestion.bracket,
        "rung": suggestion.rung,
    }
