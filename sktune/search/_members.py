"""The results of a population: a row for each member, lineages, the history."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._execution import (
    CheckpointStore,
    FoldContext,
    FoldData,
    SearchRun,
    Step,
    Steps,
    n_units,
    regained,
)
from .._protocol import Checkpoint
from ..exceptions import SktuneWarning
from ..optimizers import Segment
from ..results import Candidate, HistoryRow, history_table, merged, verdict

__all__ = ["kept_models", "lineage", "member_history", "member_rows"]


def member_rows(
    steps: Sequence[Step], segments: Sequence[Segment], max_resource: int
) -> tuple[list[Candidate], list[int]]:
    """Return the rows of ``cv_results_``, and the segments that they show.

    Parameters
    ----------
    steps : sequence of Step
        The finished ones.
    segments : sequence of Segment
        All that were planned, by their numbers.
    max_resource : int
        Units that each member is trained for.

    Returns
    -------
    candidates : list of Candidate
    shown : list of int
    """
    of_member: dict[int, list[Step]] = {}
    for step in sorted(steps, key=lambda step: step.suggestion.trial):
        member = segments[step.suggestion.trial].member
        of_member.setdefault(member, []).append(step)
    candidates, shown = [], []
    for member in sorted(of_member):
        candidate, number = _row(of_member[member], segments, max_resource)
        candidates.append(candidate)
        shown.append(number)
    return candidates, shown


def _row(
    steps: Sequence[Step], segments: Sequence[Segment], max_resource: int
) -> tuple[Candidate, int]:
    scored = [s for s in steps if s.outcome and s.outcome.score is not None]
    shown = (scored or steps)[-1]
    segment = segments[shown.suggestion.trial]
    status = "completed" if segment.end == max_resource else "unfinished"
    if not scored or shown is not steps[-1]:
        status = "failed"
    columns = {
        "n_resources": segment.end,
        "generation": segment.generation,
        "population": segment.part,
        **verdict([r for r in steps[-1].results if r is not None], status),
    }
    until = steps[: steps.index(shown) + 1]
    results = [[r for r in step.results if r is not None] for step in until]
    seconds = sum(step.optimizer_time for step in steps)
    params = shown.suggestion.params
    candidate = Candidate(params, merged(results), seconds, segment.end, columns)
    return candidate, segment.trial


def lineage(
    steps: Sequence[Step], segments: Sequence[Segment], last: int
) -> list[dict[str, Any]]:
    """Return what is said of the segments that led to one, the first of them first.

    Parameters
    ----------
    steps : sequence of Step
        The finished ones.
    segments : sequence of Segment
        All that were planned, by their numbers.
    last : int
        Number of the last segment.

    Returns
    -------
    list of dict
    """
    params = {step.suggestion.trial: step.suggestion.params for step in steps}
    line = []
    number: int | None = last
    while number is not None:
        segment = segments[number]
        line.append(
            {
                "segment": segment.trial,
                "member": segment.member,
                "generation": segment.generation,
                "start": segment.start,
                "end": segment.end,
                "origin": segment.origin,
                "score": segment.score,
                "params": params[number],
            }
        )
        number = segment.parent
    return line[::-1]


def member_history(
    steps: Sequence[Step],
    segments: Sequence[Segment],
    error_score: float,
    metrics: list[str] | None,
) -> dict[str, Any]:
    """Return ``history_``: a row for each segment and fold.

    Parameters
    ----------
    steps : sequence of Step
        The finished ones.
    segments : sequence of Segment
        All that were planned, by their numbers.
    error_score : float
        What stands for a score that is missing.
    metrics : list of str or None
        As in `history_table`.

    Returns
    -------
    dict of str -> ndarray
    """
    rows, of_row, params = [], [], []
    for step in sorted(steps, key=lambda step: step.suggestion.trial):
        segment = segments[step.suggestion.trial]
        for result in step.results:
            assert result is not None
            place = (segment.member, segment.part, segment.generation, segment.end)
            rows.append(HistoryRow(*place, result))
            of_row.append(segment)
            params.append(step.suggestion.params)
    table = history_table(rows, error_score, metrics)
    names = {"candidate": "member", "bracket": "population", "rung": "generation"}
    column = np.empty(len(params), dtype=object)
    column[:] = params
    more = {
        "segment": np.array([s.trial for s in of_row]),
        "parent": np.array([-1 if s.parent is None else s.parent for s in of_row]),
        "origin": np.array([s.origin for s in of_row]),
        "params": column,
    }
    return {names.get(key, key): values for key, values in table.items()} | more


def kept_models(
    run: SearchRun,
    store: CheckpointStore | None,
    context: FoldContext,
    data: FoldData,
) -> dict[int, list[Checkpoint | None]]:
    """Return the models of the best member's folds, by its last segment.

    Parameters
    ----------
    run : SearchRun
    store : CheckpointStore or None
        Where they are; those that are not are trained again.
    context : FoldContext
    data : FoldData

    Returns
    -------
    dict of int to list of Checkpoint or None
        Empty where no segment has a score.
    """
    scored = [s for s in run.steps if s.outcome and s.outcome.score is not None]
    if store is None or not scored:
        return {}
    steps = Steps(run.steps)
    best = steps.latest(max(scored, key=_rank).suggestion.trial)
    states, n_again = [], 0
    for fold in range(len(steps[best].results)):
        state, lost = steps.training_until(
            best, fold, lambda trial, fold: store.get(trial, fold, as_file=False)
        )
        n_again += n_units(state, lost)
        states.append(regained(context, data, state, lost))
    if n_again:
        # A run that had another refit did not keep it, or it was deleted.
        warnings.warn(
            f"The best member was not kept: it is trained again, {n_again} units "
            "of the resource in all folds",
            SktuneWarning,
            stacklevel=3,
        )
        store.use.n_units_again += n_again
    return {steps[best].suggestion.trial: states}


def _rank(step: Step) -> tuple[int, float, int]:
    """Return what orders the segments that were scored, the best last."""
    assert step.outcome is not None
    assert step.outcome.score is not None
    return step.suggestion.budget or 0, step.outcome.score, -step.suggestion.trial
