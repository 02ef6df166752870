"""What a journal knows of a search, without what was searched."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from .._compat import BaseSearchCV
from .._execution import Step, Steps, outcome_of
from .._protocol import FoldResult, Suggestion
from ..exceptions import JournalError
from ..optimizers import Segment, make_population, make_segments
from ..persistence import Event, decoded, fold_from, journal_path, read_events
from ..results import Candidate, history_table, learning_curves
from ._candidates import candidate_rows
from ._exports import to_mlflow, to_optuna
from ._members import lineage, member_history, member_rows
from ._table import results_table

__all__ = ["LoadedSearch", "load_search"]

_MAX_SEGMENTS = 10_000_000


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
    metric_ : str
        The metric of the best row.
    resource_ : str or None
        What the budget of a candidate counts; None where each is trained at once.
    best_schedule_, lineage_ : list of dict
        Those of a `PBTSearchCV` with results.
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
        self._facts = dict(begun["facts"])
        for kind, payload in events:
            if kind == "session":
                self._facts |= payload.get("facts", {})
        self._space = dict(begun["identity"]["space"])
        self.search_ = str(self._facts["class"])
        self.n_splits_ = int(self._facts["n_splits"])
        self.metric_ = str(self._facts["metric"])
        self.resource_: str | None = self._facts["design"].get("resource")
        self.began_ = str(begun["began"])
        self.versions_ = dict(begun["versions"])
        self._steps = _read_steps(events, self.n_splits_, self.metric_)
        self.n_trials_ = len(self._steps.of_trial)
        ends = [payload for kind, payload in events if kind in ("session", "end")]
        self.stop_reason_: str | None = ends[-1].get("by") if ends else None
        self.history_: dict[str, Any] = {}
        self.cv_results_: dict[str, Any] = {}
        self.best_index_: int | None = None
        self.best_params_: dict[str, Any] | None = None
        self.best_score_ = math.nan
        finished = [step for step in self._steps if step.outcome is not None]
        if not finished:
            return
        if "population_size" in self._facts["design"]:
            self._read_population(finished)
            return
        standing: dict[int, tuple[int, str]] = {}
        for _, payload in events:
            for trial, level, status in payload.get("standing", ()):
                standing[trial] = (level, status)
        candidates, rows = candidate_rows(finished, standing.get)
        self._make_table(candidates)
        self.history_ = history_table(rows, self._error_score, self._facts["metrics"])

    @property
    def _error_score(self) -> float:
        error_score = self._facts["error_score"]
        return math.nan if error_score is None else float(error_score)

    def _make_table(self, candidates: list[Candidate]) -> None:
        facts = self._facts
        kind = SimpleNamespace(return_train_score=facts["return_train_score"])
        self.cv_results_, metrics = results_table(
            candidates,
            self.n_splits_,
            self._error_score,
            facts["metrics"],
            lambda *parts: BaseSearchCV._format_results(kind, *parts),
        )
        names = metrics or ["score"]
        name = self.metric_ = self.metric_ if self.metric_ in names else names[0]
        best = int(self.cv_results_[f"rank_test_{name}"].argmin())
        self.best_index_ = best
        self.best_params_ = self.cv_results_["params"][best]
        self.best_score_ = float(self.cv_results_[f"mean_test_{name}"][best])

    def _read_population(self, finished: list[Step]) -> None:
        design, metrics = self._facts["design"], self._facts["metrics"]
        segments = _segments(self._steps, design)
        end = int(design["max_resource"])
        candidates, shown = member_rows(finished, segments, end)
        self._make_table(candidates)
        self.history_ = member_history(finished, segments, self._error_score, metrics)
        assert self.best_index_ is not None
        self.lineage_ = lineage(finished, segments, shown[self.best_index_])
        self.best_schedule_ = [
            {key: segment[key] for key in ("start", "end", "params")}
            for segment in self.lineage_
        ]

    def learning_curves(self, metric: str = "test_score") -> Any:
        """Return the mean score of each candidate, or member, at each budget.

        Parameters
        ----------
        metric : str, default="test_score"
            A column of ``history_``.

        Returns
        -------
        pandas.DataFrame
            A row for each of them, a column for each budget.
        """
        index = "member" if "member" in self.history_ else "candidate"
        return learning_curves(self.history_, metric, index=index)

    def to_optuna(self, *, study_name: str | None = None, storage: Any = None) -> Any:
        """Return a study of Optuna with a trial for each candidate.

        With `storage`, ``optuna-dashboard`` shows it as a web page. Candidates that
        others were promoted over, or that are unfinished, are pruned trials, with
        their scores on the way. Of a member of a population, the hyperparameters
        are those at its end. A value that Optuna cannot hold is a text. Times are
        those of the export.

        Parameters
        ----------
        study_name : str, default=None
            Name of a new study.
        storage : str or optuna storage, default=None
            Where Optuna keeps it, such as ``"sqlite:///study.db"``; None is in
            memory.

        Returns
        -------
        optuna.Study
            To be maximised.

        Raises
        ------
        ModuleNotFoundError
            When Optuna is not installed: ``pip install 'sktune[optuna]'``.
        """
        return to_optuna(self, study_name, storage)

    def to_mlflow(
        self, experiment_name: str = "sktune", *, tracking_uri: str | None = None
    ) -> str:
        """Write a run of MLflow, with one inside it for each candidate.

        Parameters
        ----------
        experiment_name : str, default="sktune"
            Made if there is none.
        tracking_uri : str, default=None
            Where MLflow keeps it; None is where it usually does.

        Returns
        -------
        str
            Number of the run.

        Raises
        ------
        ModuleNotFoundError
            When MLflow is not installed: ``pip install 'sktune[mlflow]'``.
        """
        return to_mlflow(self, experiment_name, tracking_uri)

    def __repr__(self) -> str:
        n_rows = len(self.cv_results_.get("params", ()))
        return (
            f"<{self.search_} in {self.path}: {n_rows} candidates, "
            f"best score {self.best_score_:.6g}>"
        )


def _read_steps(events: list[Event], n_splits: int, metric: str) -> Steps:
    """Return the steps with the results of their folds, as far as they are there."""
    steps = Steps()
    for kind, payload in events:
        if kind == "step":
            params = {name: decoded(value) for name, value in payload["params"].items()}
            bracket, rung = payload.get("place", (0, 0))
            suggestion = Suggestion(
                int(payload["trial"]),
                np.empty(0),
                params,
                str(payload["origin"]),
                payload.get("budget"),
                payload.get("parent"),
                bracket,
                rung,
            )
            n_folds = payload.get("folds", n_splits)
            steps.add(Step(suggestion, float(payload["seconds"]), [None] * n_folds))
        elif kind == "fold":
            result = fold_from(payload)
            step = steps[steps.latest(result.trial)]
            step.results[result.fold] = result
            of_step = [r for r in step.results if r is not None]
            if len(of_step) == len(step.results):
                scores = [_score(r, metric) for r in of_step]
                step.outcome = outcome_of(result.trial, scores)
    return steps


def _score(result: FoldResult, metric: str) -> float | None:
    scores = result.test_scores
    if not isinstance(scores, Mapping):
        return scores
    return scores[metric] if metric in scores else next(iter(scores.values()))


def _segments(steps: Steps, design: Mapping[str, Any]) -> list[Segment]:
    """Return the segments of a population, with what came of them."""
    size, end = int(design["population_size"]), int(design["max_resource"])
    intervals = [int(interval) for interval in design["interval"]]
    if min(intervals) < 1 or size * end / min(intervals) > _MAX_SEGMENTS:
        raise ValueError(f"a population of {size} that meets every {intervals}")
    segments = make_segments(make_population(size, end, intervals))
    for step in steps:
        suggestion = step.suggestion
        segment = segments[suggestion.trial]
        segment.origin, segment.parent = suggestion.origin, suggestion.parent
        if step.outcome is not None:
            segment.score = step.outcome.score
    return segments


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
