"""From the history of a search to ``cv_results_``, and back."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ._optional import require
from ._protocol import FoldResult, Status
from .exceptions import SearchError, SktuneWarning

__all__ = [
    "Candidate",
    "HistoryRow",
    "earlier_results",
    "fold_rows",
    "history_table",
    "learning_curves",
    "mend_partial_rows",
    "merged",
    "padded",
    "rank",
    "verdict",
    "warn_about_failed_scores",
]


@dataclass(frozen=True)
class Candidate:
    """A row of ``cv_results_``.

    Attributes
    ----------
    params : dict
        Its hyperparameters.
    results : list of FoldResult
        One a fold; there may be fewer than folds.
    optimizer_time : float
        Seconds it took to propose.
    level : int
        What it was trained for: candidates compare first by this, then by score.
    columns : dict
        What more is said of it.
    """

    params: dict[str, Any]
    results: list[FoldResult]
    optimizer_time: float
    level: int = 0
    columns: dict[str, Any] = field(default_factory=dict)


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


def padded(candidate: Candidate, n_splits: int) -> list[FoldResult]:
    """Return a result for each fold; the first one stands for those not trained."""
    results = candidate.results
    return results + [
        replace(results[0], fold=fold) for fold in range(len(results), n_splits)
    ]


def mend_partial_rows(
    results: dict[str, Any], candidates: Sequence[Candidate], n_splits: int
) -> None:
    """Leave folds out of the means that were not trained, but filled by `padded`.

    Parameters
    ----------
    results : dict
        ``cv_results_``, changed in place.
    candidates : sequence of Candidate
        Its rows.
    n_splits : int
        Number of folds.
    """
    for row, candidate in enumerate(candidates):
        n = len(candidate.results)
        if n == n_splits:
            continue
        for key in [key for key in results if key.startswith("split0_")]:
            name = key.removeprefix("split0_")
            known = [results[f"split{fold}_{name}"][row] for fold in range(n)]
            for fold in range(n, n_splits):
                results[f"split{fold}_{name}"][row] = np.nan
            results[f"mean_{name}"][row] = np.mean(known)
            results[f"std_{name}"][row] = np.std(known)
        for name in ("fit_time", "score_time"):
            times = [getattr(result, name) for result in candidate.results]
            results[f"mean_{name}"][row] = np.mean(times)
            results[f"std_{name}"][row] = np.std(times)


def rank(results: dict[str, Any], levels: Sequence[int]) -> None:
    """Rank so that a score that is not finite never wins, nor one of a lower level.

    scikit-learn ranks NaN last but +inf first.

    Parameters
    ----------
    results : dict
        ``cv_results_``, changed in place.
    levels : sequence of int
        Level of each row, see `Candidate`.
    """
    for key in [key for key in results if key.startswith("rank_test_")]:
        means = results["mean_test_" + key.removeprefix("rank_test_")]
        is_finite = np.isfinite(means)
        order = np.lexsort(
            (np.where(is_finite, -means, 0), -np.array(levels), ~is_finite)
        )
        ranks = np.empty(len(means), dtype=np.int32)
        previous: tuple[bool, int, float] | None = None
        for position, row in enumerate(order):
            this = (False, 0, 0.0)
            if is_finite[row]:
                this = (True, levels[row], float(means[row]))
            if this != previous:
                place, previous = position + 1, this
            ranks[row] = place
        results[key] = ranks


def merged(steps: Sequence[Sequence[FoldResult]]) -> list[FoldResult]:
    """Return the last results of the folds of a candidate, with all of their times.

    Parameters
    ----------
    steps : sequence of sequence of FoldResult
        Those of each rung, in their order.

    Returns
    -------
    list of FoldResult
    """
    results = []
    for last in steps[-1]:
        all_of_fold = [r for step in steps for r in step if r.fold == last.fold]
        results.append(
            replace(
                last,
                fit_time=sum(r.fit_time for r in all_of_fold),
                score_time=sum(r.score_time for r in all_of_fold),
            )
        )
    return results


@dataclass(frozen=True)
class HistoryRow:
    """A candidate on a fold at a rung.

    Attributes
    ----------
    candidate : int
        Its row in ``cv_results_``.
    bracket, rung : int
        Where it was compared.
    n_resources : int
        Units of the resource that it had spent.
    result : FoldResult
    """

    candidate: int
    bracket: int
    rung: int
    n_resources: int
    result: FoldResult


def history_table(
    rows: Sequence[HistoryRow], error_score: float, metrics: list[str] | None
) -> dict[str, Any]:
    """Return the history of a search as columns.

    Parameters
    ----------
    rows : sequence of HistoryRow
    error_score : float
        What stands for a score that is missing.
    metrics : list of str or None
        As in `fold_rows`.

    Returns
    -------
    dict of str -> ndarray
        ``candidate``, ``fold``, ``bracket``, ``rung``, ``n_resources``,
        ``status``, ``fit_time``, ``score_time`` and ``test_<metric>``, also
        ``train_<metric>`` where it was scored.
    """
    results = [row.result for row in rows]
    table: dict[str, Any] = {
        "candidate": np.array([row.candidate for row in rows]),
        "fold": np.array([r.fold for r in results]),
        "bracket": np.array([row.bracket for row in rows]),
        "rung": np.array([row.rung for row in rows]),
        "n_resources": np.array([row.n_resources for row in rows]),
        "status": np.array([r.status.value for r in results]),
        "fit_time": np.array([r.fit_time for r in results]),
        "score_time": np.array([r.score_time for r in results]),
    }
    filled = fold_rows(results, error_score, metrics)
    kinds = ["test"]
    if any(r.train_scores is not None for r in results):
        kinds.append("train")
    for kind in kinds:
        scores = [row[f"{kind}_scores"] for row in filled]
        if isinstance(scores[0], dict):
            for name in scores[0]:
                table[f"{kind}_{name}"] = np.array([s[name] for s in scores])
        else:
            table[f"{kind}_score"] = np.array(scores)
    return table


def learning_curves(
    history: Mapping[str, Any], metric: str, *, index: str = "candidate"
) -> Any:
    """Return the mean scores of the candidates at each budget.

    Parameters
    ----------
    history : dict of str -> ndarray
        As `history_table` returns it.
    metric : str
        Name of its column.
    index : str, default="candidate"
        Name of the column that tells the rows apart.

    Returns
    -------
    pandas.DataFrame
        A row for each candidate, a column for each budget; NaN where it was not
        trained so far.

    Raises
    ------
    SearchError
        When there is no such column.
    ModuleNotFoundError
        When pandas is not installed.
    """
    pandas = require("pandas", "A data frame of learning curves")
    if metric not in history:
        scores = [name for name in history if name.startswith(("test_", "train_"))]
        raise SearchError(f"there is no {metric!r}, choose one of {scores}")
    columns = {name: history[name] for name in (index, "n_resources", metric)}
    return pandas.DataFrame(columns).pivot_table(
        index=index, columns="n_resources", values=metric, aggfunc="mean"
    )


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


# -- How a candidate ended -------------------------------------------------------

_MAX_CHARACTERS = 200  # of an error in a table


def verdict(results: Sequence[FoldResult], status: str) -> dict[str, str]:
    r"""Return the columns ``status`` and ``error`` of a candidate.

    Parameters
    ----------
    results : sequence of FoldResult
        Those of its last step.
    status : str
        ``"failed"``, or else how far it has come.

    Returns
    -------
    dict of str to str
        Where the candidate failed, the status is that of the first fold that did.
        The error is a line: the type of the exception and what it said; empty
        where nothing went wrong.

    Examples
    --------
    >>> from sktune._protocol import FoldResult, Status
    >>> good = FoldResult(0, 0, Status.OK, 0.5)
    >>> verdict([good], "completed")
    {'status': 'completed', 'error': ''}
    >>> error = "Traceback (most recent call last):\n  File ...\nValueError: no\n"
    >>> verdict([good, FoldResult(0, 1, Status.FAILED, fit_error=error)], "failed")
    {'status': 'failed', 'error': 'ValueError: no'}
    """
    for result in sorted(results, key=lambda result: result.fold):
        if result.status is Status.OK:
            continue
        if status == "failed":
            status = result.status.value
        text = result.fit_error or result.score_error or ""
        return {"status": status, "error": _error_line(text)}
    error = ""
    if status == "failed":
        scores = [result.test_scores for result in results]
        error = _error_line(f"the score is not finite: {scores}")
    return {"status": status, "error": error}


def _error_line(text: str) -> str:
    """Return the line of a traceback that names the exception."""
    lines = text.strip().splitlines() or [""]
    starts = [n for n, line in enumerate(lines) if line.startswith("Traceback (")]
    line = lines[0]
    if starts:  # below the frames, which are indented
        below = lines[starts[-1] + 1 :]
        line = next((line for line in below if not line.startswith(" ")), lines[-1])
    if len(line) > _MAX_CHARACTERS:
        line = line[: _MAX_CHARACTERS - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return line.strip()
