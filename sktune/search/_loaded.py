"""What a journal knows of a search, without what was searched."""

from __future__ import annotations

import math
import os
from types import SimpleNamespace
from typing import Any

from .._compat import BaseSearchCV
from .._protocol import FoldResult
from ..exceptions import JournalError
from ..persistence import Event, decoded, fold_from, journal_path, read_events
from ..results import Candidate, HistoryRow, history_table, merged
from ._table import results_table

__all__ = ["LoadedSearch", "load_search"]


class LoadedSearch:
    """The results of a search as its journal has them. Made by `sktune.load_search`.

    Parameters
    ----------
    path : str
        The journal.
    events : list of (kind, payload)
        What is in it.

    Attributes
    ----------
    path : str
        The journal.
    cv_results_ : dict of str -> ndarray
        That of the search, of the candidates that are finished. A value that
        JSON cannot hold is an object that is printed like it.
    history_ : dict of str -> ndarray
        A row for each fold and each time that it was trained.
    best_index_ : int or None
        The best row of ``cv_results_``; None when there is none.
    best_params_ : dict or None
        Its parameters.
    best_score_ : float
        Its mean test score, NaN when there is none.
    n_splits_ : int
        Number of folds.
    n_trials_ : int
        Number of trials that were proposed, unfinished ones among them.
    search_ : str
        Name of the class of the search.
    began_ : str
        When it began.
    stop_reason_ : str or None
        What ended the last run, None while it runs and when it was killed.
    versions_ : dict of str -> str
        The versions with which it began.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from sktune import BayesSearchCV, load_search
    >>> X, y = load_iris(return_X_y=True)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     search = BayesSearchCV(
    ...         SVC(), {"C": [0.1, 1, 10]}, n_iter=3, storage=f"{folder}/search.db"
    ...     ).fit(X, y)
    ...     loaded = load_search(f"{folder}/search.db")
    >>> loaded.search_, loaded.n_trials_, loaded.stop_reason_
    ('BayesSearchCV', 3, 'n_iter')
    """

    def __init__(self, path: str, events: list[Event]) -> None:
        self.path = path
        begun = events[0][1]
        facts = begun["facts"]
        self.search_ = str(facts["class"])
        self.n_splits_ = int(facts["n_splits"])
        self.began_ = str(begun["began"])
        self.versions_ = dict(begun["versions"])
        error_score = facts["error_score"]
        error_score = math.nan if error_score is None else float(error_score)
        trials = _read_trials(events, self.n_splits_)
        self.n_trials_ = len(trials)
        ends = [payload for kind, payload in events if kind in ("session", "end")]
        self.stop_reason_: str | None = ends[-1].get("by") if ends else None
        standing: dict[int, tuple[int, str]] = {}
        for _, payload in events:
            for trial, level, status in payload.get("standing", ()):
                standing[trial] = (level, status)
        rows, candidates = _rows(trials, standing)
        self.history_: dict[str, Any] = {}
        self.cv_results_: dict[str, Any] = {}
        self.best_index_: int | None = None
        self.best_params_: dict[str, Any] | None = None
        self.best_score_ = math.nan
        if not candidates:
            return
        metrics = facts["metrics"]
        self.history_ = history_table(rows, error_score, metrics)
        kind = SimpleNamespace(return_train_score=facts["return_train_score"])
        self.cv_results_, metrics = results_table(
            candidates,
            self.n_splits_,
            error_score,
            metrics,
            lambda *parts: BaseSearchCV._format_results(kind, *parts),
        )
        name = facts["metric"] if metrics and facts["metric"] in metrics else "score"
        name = metrics[0] if metrics and name == "score" else name
        best = int(self.cv_results_[f"rank_test_{name}"].argmin())
        self.best_index_ = best
        self.best_params_ = self.cv_results_["params"][best]
        self.best_score_ = float(self.cv_results_[f"mean_test_{name}"][best])

    def __repr__(self) -> str:
        n_rows = len(self.cv_results_.get("params", ()))
        return (
            f"<{self.search_} in {self.path}: {n_rows} candidates, "
            f"best score {self.best_score_:.6g}>"
        )


class _Step:
    """A step of a trial and the results of its folds."""

    def __init__(self, payload: dict[str, Any], n_splits: int) -> None:
        self.payload = payload
        self.results: list[FoldResult | None] = [None] * payload.get("folds", n_splits)

    @property
    def is_finished(self) -> bool:
        return None not in self.results


def _read_trials(events: list[Event], n_splits: int) -> dict[int, list[_Step]]:
    """Return the steps of each trial."""
    trials: dict[int, list[_Step]] = {}
    for kind, payload in events:
        if kind == "step":
            trials.setdefault(payload["trial"], []).append(_Step(payload, n_splits))
        elif kind == "fold":
            result = fold_from(payload)
            trials[result.trial][-1].results[result.fold] = result
    return trials


def _rows(
    trials: dict[int, list[_Step]], standing: dict[int, tuple[int, str]]
) -> tuple[list[HistoryRow], list[Candidate]]:
    rows: list[HistoryRow] = []
    candidates: list[Candidate] = []
    for trial in sorted(trials):
        steps = [step for step in trials[trial] if step.is_finished]
        if not steps:
            continue
        results = [[r for r in step.results if r is not None] for step in steps]
        last = steps[-1].payload
        params = {name: decoded(value) for name, value in last["params"].items()}
        level, columns = 0, {}
        if "budget" in last:
            bracket, rung = last["place"]
            level, status = standing.get(trial, (last["budget"], "unfinished"))
            columns = {
                "n_resources": last["budget"],
                "bracket": bracket,
                "rung": rung,
                "status": status,
            }
        seconds = sum(step.payload["seconds"] for step in steps)
        number = len(candidates)
        candidates.append(Candidate(params, merged(results), seconds, level, columns))
        for step, of_step in zip(steps, results, strict=True):
            bracket, rung = step.payload.get("place", (0, 0))
            units = step.payload.get("budget", 0)
            rows += [
                HistoryRow(number, bracket, rung, units, result) for result in of_step
            ]
    return rows, candidates


def load_search(storage: str | os.PathLike[str]) -> LoadedSearch:
    """Read what the journal of a search knows, while it runs or later.

    Nothing is unpickled, imported or run, and nothing is written: neither the
    estimator's code nor the data are needed.

    Parameters
    ----------
    storage : str or path-like
        What `storage` was in the search.

    Returns
    -------
    LoadedSearch
        With ``cv_results_``, ``history_``, ``best_params_`` and ``best_score_``,
        as they are now.

    Raises
    ------
    JournalError
        When there is no journal, or it is damaged.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from sktune import BayesSearchCV, load_search
    >>> X, y = load_iris(return_X_y=True)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     search = BayesSearchCV(
    ...         SVC(), {"C": [0.1, 1, 10]}, n_iter=3, storage=f"{folder}/search.db"
    ...     ).fit(X, y)
    ...     loaded = load_search(f"{folder}/search.db")
    >>> loaded.best_params_ == search.best_params_
    True
    """
    path = journal_path(storage)
    events = read_events(path)
    if events[0][0] != "search":
        raise JournalError(f"{path} is damaged: row 0 is no search")
    try:
        return LoadedSearch(str(path), events)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        if isinstance(error, JournalError):
            raise
        raise JournalError(
            f"{path} is no journal that this version reads: {error!r}"
        ) from error
