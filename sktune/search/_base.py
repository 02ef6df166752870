"""What all searches share: `fit` as a handful of named steps."""

from __future__ import annotations

import contextlib
import math
import numbers
import time
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils import check_random_state, get_tags, indexable

from .._compat import (
    BaseSearchCV,
    FitCallbacks,
    fit_context,
    is_multimetric,
    n_samples,
    scorer_names,
    slice_params,
    unwrap_scorers,
    warn_or_raise_about_fit_failures,
)
from .._execution import (
    FoldContext,
    FoldData,
    Interrupts,
    Limits,
    SearchRun,
    Step,
    check_picklable,
    noted_interrupts,
    open_executor,
    read_fold_limits,
    run_search,
)
from .._protocol import FoldResult
from ..exceptions import AllFitsFailedError, JournalError, SearchError, SpaceError
from ..persistence import Journal
from ..results import (
    Candidate,
    fold_rows,
    verdict,
    warn_about_failed_scores,
)
from ._checks import check_folds, check_lengths, max_tasks, read_initial_params
from ._identity import describe_search, encoded_score
from ._proposals import Proposals
from ._table import results_table

__all__ = ["BaseTuneSearchCV"]

# What a fit leaves behind only when it refits: an earlier fit's must not stay.
_REFITTED = ("best_estimator_", "refit_time_", "feature_names_in_", "best_score_")


class BaseTuneSearchCV(BaseSearchCV):
    """Base of the searches. Abstract: subclasses say what proposes candidates.

    It inherits from `sklearn.model_selection.BaseSearchCV` what users of a
    fitted search touch, and owns `fit`: candidates are evaluated without a
    barrier between them.
    """

    # Where a subclass has no such parameters.
    storage: Any = None
    on_change: str = "error"

    # Of the parameters, those that decide what is proposed or measured, besides
    # the space: a search goes on only with the same.
    _deciding: tuple[str, ...] = (
        "random_state",
        "initial_params",
        "return_train_score",
    )

    # What the journal keeps of the beginning of the search, during `fit`.
    _kept_values: dict[str, Any] | None = None

    @abstractmethod
    def _propose(self, metric: str, data: FoldData) -> Proposals:
        """Check the space and return what proposes the candidates.

        Parameters
        ----------
        metric : str
            Name of the metric that is maximised.
        data : FoldData
            Data and folds.

        Returns
        -------
        Proposals
        """

    def _on_step(self, step: Step) -> bool:
        """Take note of a finished step; a true return ends the search."""
        return False

    def _after_search(
        self, run: SearchRun, plan: Proposals, context: FoldContext, data: FoldData
    ) -> None:
        """Take what is needed of the checkpoints before they are deleted."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # scikit-learn forgets these: a search over a regressor of several targets
        # takes several, too.
        tags.target_tags = deepcopy(get_tags(self.estimator).target_tags)
        return tags

    # -- fit -------------------------------------------------------------------

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, **params: Any) -> BaseTuneSearchCV:
        """Search, then refit with the best parameters found.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data: arrays, sparse matrices, data frames or lists.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), \
default=None
            Target, None for unsupervised learning.
        **params : dict of str -> object
            Parameters for the estimator's ``fit``, the scorer and the splitter.
            Those as long as `X` are sliced for each fold; ``groups`` goes to
            the splitter.

        Returns
        -------
        self : object
            The fitted search.

        Raises
        ------
        SpaceError
            When the space is malformed; before anything is trained.
        AllFitsFailedError
            When no candidate could be trained.
        """
        started = time.monotonic()
        if callable(self.scoring):  # a metric is not yet a scorer
            check_scoring(self.estimator, scoring=self.scoring)
        scorer, metric = self._get_scorers()
        if y is None and get_tags(self).target_tags.required:
            raise SearchError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                f"None: {type(self.estimator).__name__} cannot be trained without it"
            )
        base_estimator = self._clone_estimator()
        X, y = indexable(X, y)
        check_lengths(params, n_samples(X))
        params = slice_params(X, params=params)
        routed = self._get_routed_params_for_fit(params)
        callbacks = FitCallbacks(self, X, y, params.get("sample_weight"))
        data = FoldData(
            X,
            y,
            self._make_folds(X, y, routed.splitter.split),
            routed.estimator.fit,
            routed.scorer.score,
            routed.splitter.split.get("groups"),
        )
        name = self._metric_name(scorer, metric)
        with self._open_journal() as journal:
            plan = self._plan_search(name, data, scorer, journal)
            with plan.checkpoints or contextlib.nullcontext():
                with noted_interrupts() as interrupts:
                    run = self._search(
                        started,
                        plan,
                        base_estimator,
                        scorer,
                        data,
                        callbacks,
                        journal,
                        interrupts,
                    )
                    try:
                        is_kept = self._keep_results(run, plan, scorer, metric)
                    finally:
                        if journal is not None:
                            journal.ended(run.ended_by, self._standings(run, plan))
                    self._raise_what_ended(run, interrupts, is_kept)
                if self.refit:
                    self._refit(base_estimator, plan, data, callbacks)
        callbacks.end()
        return self

    # -- the journal -----------------------------------------------------------

    @contextlib.contextmanager
    def _open_journal(self) -> Iterator[Journal | None]:
        """Yield the journal, if there is to be one."""
        if self.storage is None:
            yield None
            return
        try:
            with Journal(self.storage) as journal:
                self._kept_values = journal.kept
                try:
                    yield journal
                except JournalError:
                    raise
                except BaseException as error:
                    error.add_note(
                        f"What is finished is in {journal.path}: the same search, run "
                        "again, goes on from there."
                    )
                    raise
        finally:
            self.__dict__.pop("_kept_values", None)

    def _keep(self, name: str, value: Any) -> Any:
        """Return what a value was when the search began that is gone on with.

        Parameters
        ----------
        name : str
        value : object
            What it is now; JSON.
        """
        if self._kept_values is None:
            return value
        return self._kept_values.setdefault(name, value)

    def _plan_search(
        self, metric: str, data: FoldData, scorer: Any, journal: Journal | None
    ) -> Proposals:
        """Return what is going to be tried; begin the journal, or go on with it."""
        plan = self._propose(metric, data)
        if journal is None:
            return plan
        identity = describe_search(self, metric, data, plan)
        if self.on_change == "new" and journal.changes(identity, plan.growing):
            journal.forget()
            self._kept_values = journal.kept
            plan = self._propose(metric, data)
        facts = {
            "class": type(self).__name__,
            "n_splits": self.n_splits_,
            "metric": metric,
            "error_score": encoded_score(self.error_score),
            "metrics": scorer_names(scorer) if is_multimetric(scorer) else None,
            "return_train_score": self.return_train_score,
            "design": plan.design,
        }
        advice = dict.fromkeys(plan.design, plan.advice)
        journal.begin(self.space_, identity, facts, plan.growing, advice)
        if plan.checkpoints is not None:
            plan.checkpoints.keep_in(
                journal.checkpoint_folder, lambda: journal.is_written
            )
        return plan

    def _standings(self, run: SearchRun, plan: Proposals) -> dict[int, tuple[int, str]]:
        """Return how far each trial has come, where there are rungs."""
        return {}

    def _clone_estimator(self) -> Any:
        try:
            return clone(self.estimator)
        except TypeError:
            # A parameter cannot be copied: say which.
            check_picklable({"estimator": self.estimator})
            raise

    def _make_folds(self, X: Any, y: Any, params: Any) -> list[tuple[Any, Any]]:
        """Split once: all candidates are compared on the same folds."""
        cv = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        self.n_splits_ = cv.get_n_splits(X, y, **params)
        try:
            folds = list(cv.split(X, y, **params))
        except (TypeError, ValueError) as error:
            if isinstance(self.cv, Iterable) and not hasattr(self.cv, "split"):
                raise SearchError(f"cv must yield pairs of indices: {error}") from error
            raise
        if not folds:
            raise ValueError(
                "No fits were performed. Was the CV iterator empty? "
                "Were there no candidates?"
            )
        if len(folds) != self.n_splits_:
            raise ValueError(
                "cv.split and cv.get_n_splits return inconsistent results. "
                f"Expected {self.n_splits_} splits, got {len(folds)}"
            )
        check_folds(folds, n_samples(X))
        return folds

    def _metric_name(self, scorer: Any, metric: Any) -> str:
        """Return the name of the metric to maximise.

        It is the one that `refit` names. Where `refit` names none of several,
        it is the first.
        """
        if is_multimetric(scorer) and not isinstance(metric, str):
            return scorer_names(scorer)[0]
        if callable(self.scoring) and isinstance(self.refit, str):
            return self.refit  # the scorer may turn out to return a dict
        return metric if isinstance(metric, str) else "score"

    def _search(
        self,
        started: float,
        plan: Proposals,
        estimator: Any,
        scorer: Any,
        data: FoldData,
        callbacks: FitCallbacks,
        journal: Journal | None,
        interrupts: Interrupts,
    ) -> SearchRun:
        """Evaluate candidates until a limit is reached."""
        if self.verbose > 0:
            print(plan.message)
        context = FoldContext(
            estimator,
            scorer,
            raise_errors=self.error_score == "raise",
            return_train_score=self.return_train_score,
            verbose=self.verbose,
            n_trials=plan.n_candidates,
            resource=plan.resource,
        )
        limits = Limits(
            plan.n_steps,
            None if self.time_budget is None else started + self.time_budget,
            plan.max_no_improvement,
            self._refit_share(data) if self.refit else 0.0,
        )
        metric = self._metric_name(scorer, self.refit)
        callbacks.begin_search(plan.n_steps * self.n_splits_)
        fold_limits = read_fold_limits(self.trial_timeout, self.memory_limit)
        with open_executor(self.n_jobs, context, data, fold_limits) as executor:
            run = run_search(
                plan.optimizer,
                executor,
                lambda result: self._score_of(result, metric),
                self.n_splits_,
                limits,
                window=plan.window(executor.n_workers),
                ask_ahead=plan.ask_ahead,
                max_tasks=max_tasks(self.pre_dispatch, executor.n_workers),
                checkpoints=plan.checkpoints,
                record=journal,
                fold_callback=callbacks.fold,
                on_step=self._on_step,
            )
            interrupts.hold()  # results are never lost on the way out
            self._after_search(run, plan, context, data)
        callbacks.end_search()
        return run

    def _score_of(self, result: FoldResult, metric: str) -> float | None:
        """Return the score that the optimizer maximises."""
        scores = result.test_scores
        if not isinstance(scores, Mapping):
            return scores
        if metric in scores:
            return scores[metric]
        # Only now is it known that a callable scorer returns several.
        self._check_refit_for_multimetric(scores)
        return next(iter(scores.values()))

    @staticmethod
    def _refit_share(data: FoldData) -> float:
        """Return the cost of the refit, as a multiple of the fit of a fold."""
        trains = [np.asarray(train) for train, _ in data.folds]
        sizes = [t.sum() if t.dtype == bool else len(t) for t in trains]
        return float(n_samples(data.X) / np.mean(sizes))

    # -- what the user wrote ---------------------------------------------------

    def _spec(self) -> tuple[Any, bool]:
        """Return the space as the user wrote it, and whether it is a grid."""
        given = [self.param_distributions is not None, self.param_grid is not None]
        if sum(given) != 1:
            raise SearchError(
                "give the space as either param_distributions or param_grid, got "
                + ("both" if all(given) else "neither")
            )
        return (
            (self.param_distributions, False) if given[0] else (self.param_grid, True)
        )

    def _generator(self) -> np.random.Generator:
        """Return the only source of randomness of the search."""
        seed = self.random_state
        if not isinstance(seed, numbers.Integral):
            seed = check_random_state(seed).randint(2**31 - 1)
        # A search that goes on draws from the stream it began with.
        return np.random.default_rng(self._keep("seed", int(seed)))

    def _given_params(self) -> list[dict[str, Any]]:
        """Return `initial_params`, which must lie in the space."""
        given = read_initial_params(self.initial_params)
        problems = []
        for params in given:
            try:
                self.space_.guess(params, required=params)
            except SpaceError as error:
                problems.append(str(error))
        if problems:
            raise SpaceError("initial_params: " + "; ".join(problems))
        return given

    # -- results ---------------------------------------------------------------

    def _keep_results(
        self, run: SearchRun, plan: Proposals, scorer: Any, metric: Any
    ) -> bool:
        """Set ``cv_results_``, if possible also when the search was broken off."""
        if run.interrupt is None:
            self._store_results(run, plan, scorer, metric)
            return True
        # What ended the search is to be seen, and no error that follows from it.
        with contextlib.suppress(Exception):
            self._store_results(run, plan, scorer, metric)
            run.interrupt.add_note(
                f"The results so far, of {len(self.cv_results_['params'])} candidates, "
                "are kept: see cv_results_ and best_params_ of the search."
            )
            return True
        return False

    def _raise_what_ended(
        self, run: SearchRun, interrupts: Interrupts, is_kept: bool
    ) -> None:
        """Raise the error or the interrupt, unless the user wants a model."""
        ended = run.interrupt or interrupts.first
        can_go_on = is_kept and isinstance(ended, KeyboardInterrupt)
        wants_model = self.on_interrupt == "return" and interrupts.n < 2
        if ended is not None and not (can_go_on and wants_model):
            raise ended

    def _store_results(
        self, run: SearchRun, plan: Proposals, scorer: Any, metric: Any
    ) -> None:
        """Set ``cv_results_`` and what is derived from it."""
        if not run.steps:
            raise AllFitsFailedError("No candidate was finished: there are no results.")
        history = [r for step in run.steps for r in step.results if r is not None]
        error_score = math.nan if self.error_score == "raise" else self.error_score
        names = scorer_names(scorer) if is_multimetric(scorer) else None
        try:
            warn_or_raise_about_fit_failures(
                fold_rows(history, error_score, names), self.error_score
            )
        except ValueError as error:
            raise AllFitsFailedError(str(error)) from None
        warn_about_failed_scores(history, error_score)
        candidates = self._candidates(run, plan)
        table, metrics = results_table(
            candidates, self.n_splits_, error_score, names, self._format_results
        )
        for name in _REFITTED:
            self.__dict__.pop(name, None)
        self.multimetric_ = metrics is not None
        if callable(self.scoring) and metrics is not None:
            self._check_refit_for_multimetric(dict.fromkeys(metrics))
            metric = self.refit
        self.cv_results_ = table
        self.optimizer_time_ = np.array([c.optimizer_time for c in candidates])
        self.stop_reason_ = run.ended_by
        self.scorer_ = unwrap_scorers(scorer)
        if self.refit or not self.multimetric_:
            self._select_best(metric)

    def _candidates(self, run: SearchRun, plan: Proposals) -> list[Candidate]:
        """Return the rows of ``cv_results_``: here, the steps."""
        candidates = []
        for step in run.steps:
            results = [result for result in step.results if result is not None]
            is_scored = step.outcome is not None and step.outcome.score is not None
            columns = verdict(results, "completed" if is_scored else "failed")
            candidates.append(
                Candidate(
                    step.suggestion.params,
                    results,
                    step.optimizer_time,
                    columns=columns,
                )
            )
        return candidates

    def _select_best(self, metric: Any) -> None:
        results = self.cv_results_
        self.best_index_ = self._select_best_index(self.refit, metric, results)
        if not callable(self.refit):
            self.best_score_ = results[f"mean_test_{metric}"][self.best_index_]
        self.best_params_ = results["params"][self.best_index_]

    def _refit(
        self,
        estimator: Any,
        plan: Proposals,
        data: FoldData,
        callbacks: FitCallbacks,
    ) -> None:
        """Train the best candidate on all data."""
        best, start = self._start_refit(estimator, plan)
        with callbacks.around_refit(best):
            started = time.perf_counter()
            best = self._train_best(best, start, plan, data)
            self.refit_time_ = time.perf_counter() - started
        self.best_estimator_ = best
        if hasattr(best, "feature_names_in_"):
            self.feature_names_in_ = best.feature_names_in_

    def _start_refit(self, estimator: Any, plan: Proposals) -> tuple[Any, int]:
        """Return the estimator to train, and the units that it was trained for."""
        # Parameters may be estimators: those in cv_results_ stay unfitted.
        params = clone(self.best_params_, safe=False)
        return clone(estimator).set_params(**params), 0

    def _train_best(
        self, best: Any, start: int, plan: Proposals, data: FoldData
    ) -> Any:
        """Return the best candidate, trained from so many units on all data."""
        units = range(start, self._refit_units())
        plan.resource.train(best, data.X, data.y, data.fit_params, units)
        return best

    def _refit_units(self) -> int:
        """Return how many units of the resource the refit spends."""
        return 0
