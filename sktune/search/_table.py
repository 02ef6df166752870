"""``cv_results_`` from the candidates of a search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..results import Candidate, fold_rows, mend_partial_rows, padded, rank

__all__ = ["results_table"]


def results_table(
    candidates: Sequence[Candidate],
    n_splits: int,
    error_score: float,
    metrics: list[str] | None,
    format_results: Callable[..., dict[str, Any]],
) -> tuple[dict[str, Any], list[str] | None]:
    """Return ``cv_results_`` and the metrics in it.

    Parameters
    ----------
    candidates : sequence of Candidate
        Its rows, at least one.
    n_splits : int
        Number of folds.
    error_score : float
        What stands for a score that is missing.
    metrics : list of str or None
        As in `fold_rows`.
    format_results : callable
        That of scikit-learn's ``BaseSearchCV``.

    Returns
    -------
    table : dict of str -> ndarray
    metrics : list of str or None
        None when there is a single one without a name.
    """
    results = [r for c in candidates for r in padded(c, n_splits)]
    rows = fold_rows(results, error_score, metrics)
    more = {
        name: np.array([candidate.columns[name] for candidate in candidates])
        for name in candidates[0].columns
    }
    with np.errstate(invalid="ignore"):  # the deviation of infinite scores
        table = format_results([c.params for c in candidates], n_splits, rows, more)
    mend_partial_rows(table, candidates, n_splits)
    rank(table, [candidate.level for candidate in candidates])
    scores = rows[0]["test_scores"]
    return table, list(scores) if isinstance(scores, dict) else None
