"""From the history of a search to ``cv_results_``, and back."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from scipy.stats import rankdata

from ._protocol import FoldResult
from .exceptions import SktuneWarning

__all__ = [
    "earlier_results",
    "fold_rows",
    "rank_finite_first",
    "warn_about_failed_scores",
]

Scores = Mapping[str, float | None] | float | None


def fold_rows(
    results: Iterable[FoldResult], error_score: float, metrics: list[str] | None
) -> list[dict[str, Any]]:
    """Return the rows that scikit-learn aggregates into ``cv_results_``.

    Parameters
    ----------
    results : iterable of FoldResult
        Fold by fold, trial by trial.
    error_score : float
        What stands for a score that is missing.
    metrics : list of str or None
        Names of the metrics, None for a single one. A callable scorer reveals
        them only in its results: these decide where there are any.

    Returns
    -------
    list of dict
        One a fold, with the keys ``test_scores``, ``train_scores``,
        ``fit_time``, ``score_time`` and ``fit_error``.
    """
    results = list(results)
    for result in results:
        if isinstance(result.test_scores, Mapping):
            metrics = list(result.test_scores)
            break

    def filled(scores: Scores) -> dict[str, float] | float:
        if metrics is not None:
            known = scores if isinstance(scores, Mapping) else {}
            values = {name: known.get(name) for name in metrics}
            return {n: error_score if v is None else v for n, v in values.items()}
        return scores if isinstance(scores, (int, float)) else error_score

    return [
        {
            "test_scores": filled(result.test_scores),
            "train_scores": filled(result.train_scores),
            "fit_time": result.fit_time,
            "score_time": result.score_time,
            "fit_error": result.fit_error,
        }
        for result in results
    ]


def rank_finite_first(results: dict[str, Any]) -> None:
    """Mend the ranks so that an infinite score never wins.

    scikit-learn ranks NaN last but +inf first.

    Parameters
    ----------
    results : dict
        ``cv_results_``, changed in place.
    """
    for key in [key for key in results if key.startswith("rank_test_")]:
        means = results["mean_test_" + key.removeprefix("rank_test_")]
        if np.isposinf(means).any():
            finite = np.isfinite(means)
            worst = means[finite].min() - 1 if finite.any() else 0.0
            ranks = rankdata(-np.where(finite, means, worst), method="min")
            results[key] = ranks.astype(np.int32)


def earlier_results(
    source: Any, metric: str
) -> Iterator[tuple[dict[str, Any], float | None]]:
    """Yield the configurations and scores of an earlier search.

    Parameters
    ----------
    source : object
        A fitted search with ``cv_results_``, such a dict, or a data frame of
        it.
    metric : str
        Name of the metric; ``mean_test_score`` serves where there is no
        ``mean_test_<metric>``.

    Yields
    ------
    params : dict
    score : float or None
        Mean test score; None when it is not finite.

    Raises
    ------
    TypeError
        When `source` is none of these.
    """
    table = getattr(source, "cv_results_", source)
    if not hasattr(table, "keys"):
        raise TypeError(
            "warm_start_from must be a fitted search with cv_results_, such a dict, "
            f"or a data frame, got {type(source).__name__}"
        )
    columns = list(table.keys())
    column = next(
        (c for c in (f"mean_test_{metric}", "mean_test_score") if c in columns), None
    )
    if column is None:
        raise TypeError(
            f"warm_start_from has no column 'mean_test_{metric}', got {columns}"
        )
    scores = np.asarray(table[column], dtype=np.float64)
    for params, score in zip(_configurations(table, columns), scores, strict=True):
        yield params, float(score) if np.isfinite(score) else None


def _configurations(table: Any, columns: list[str]) -> Iterator[dict[str, Any]]:
    if "params" in columns and all(isinstance(p, Mapping) for p in table["params"]):
        yield from (dict(params) for params in table["params"])
        return
    names = [column for column in columns if column.startswith("param_")]
    for row in zip(*(table[name] for name in names), strict=True):
        yield {
            name.removeprefix("param_"): value
            for name, value in zip(names, row, strict=True)
            if value is not np.ma.masked and not (_is_nan(value))
        }


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and value != value


def warn_about_failed_scores(results: Iterable[FoldResult], error_score: float) -> None:
    """Warn once for all folds whose scorer raised."""
    errors = [r.score_error for r in results if r.score_error is not None]
    if errors:
        warnings.warn(
            f"Scoring failed in {len(errors)} fits. The score on these train-test "
            f"partitions will be set to {error_score}. The first error was:\n"
            f"{errors[0]}",
            SktuneWarning,
            stacklevel=2,
        )
