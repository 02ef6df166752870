"""From the history of a search to ``cv_results_``, and back."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from scipy.stats import rankdata

from ._protocol import FoldResult
from .exceptions import SearchError, SktuneWarning

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
            scores = np.where(np.isfinite(means), means, -np.inf)
            ranks = rankdata(-scores, method="min")
            results[key] = ranks.astype(np.int32)


def earlier_results(
    source: Any, metric: str
) -> list[tuple[dict[str, Any], float | None]]:
    """Return the configurations and scores of an earlier search.

    Parameters
    ----------
    source : object
        A fitted search with ``cv_results_``, such a dict, or a data frame of
        it.
    metric : str
        Name of the metric; ``mean_test_score`` serves where there is no
        ``mean_test_<metric>``.

    Returns
    -------
    list of (params, score)
        The score is the mean test score, None when it is not finite.

    Raises
    ------
    SearchError
        When `source` is none of these, or lacks what is needed.

    Examples
    --------
    >>> from sktune.results import earlier_results
    >>> table = {"param_C": [1, 10], "mean_test_score": [0.5, float("nan")]}
    >>> earlier_results(table, "score")
    [({'C': 1}, 0.5), ({'C': 10}, None)]
    """
    table = getattr(source, "cv_results_", source)
    if not hasattr(table, "columns") and not isinstance(table, Mapping):
        fitted = ", which is not fitted" if hasattr(source, "fit") else ""
        raise SearchError(
            "warm_start_from must be a fitted search with cv_results_, such a dict, "
            f"or a data frame, got {type(source).__name__}{fitted}"
        )
    columns = [str(c) for c in getattr(table, "columns", table)]
    column = next(
        (c for c in (f"mean_test_{metric}", "mean_test_score") if c in columns), None
    )
    if column is None:
        raise SearchError(
            f"warm_start_from has no column 'mean_test_{metric}', got {columns}"
        )
    try:
        scores = np.asarray(table[column], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise SearchError(
            f"warm_start_from: column {column!r} must hold numbers: {error}"
        ) from error
    configurations = _configurations(table, columns)
    if len(configurations) != len(scores):
        raise SearchError(
            f"warm_start_from has {len(configurations)} configurations but "
            f"{len(scores)} scores in {column!r}"
        )
    known = [float(score) if np.isfinite(score) else None for score in scores]
    return list(zip(configurations, known, strict=True))


def _configurations(table: Any, columns: list[str]) -> list[dict[str, Any]]:
    if "params" in columns and all(isinstance(p, Mapping) for p in table["params"]):
        return [dict(params) for params in table["params"]]
    names = [column for column in columns if column.startswith("param_")]
    if not names:
        raise SearchError(
            "warm_start_from has neither 'params' nor 'param_...' columns, got "
            f"{columns}"
        )
    # Inactive parameters are masked in cv_results_, and NaN in a data frame of it.
    return [
        {
            name.removeprefix("param_"): value
            for name, value in zip(names, row, strict=True)
            if not (value is np.ma.masked or _is_nan(value))
        }
        for row in zip(*(table[name] for name in names), strict=False)
    ]


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
