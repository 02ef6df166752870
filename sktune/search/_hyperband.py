"""Hyperband behind the interface of ``GridSearchCV``."""

from __future__ import annotations

import numbers
import os
import warnings
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._compat import BaseSearchCV, Interval, StrOptions, n_samples
from .._execution import (
    CheckpointStore,
    FoldData,
    ResourceRequest,
    SearchRun,
    read_checkpoint,
)
from ..exceptions import SearchError, SktuneWarning
from ..optimizers import (
    AsyncHyperbandOptimizer,
    HyperbandOptimizer,
    Patience,
    RungOptimizer,
)
from ..results import Candidate, earlier_results, history_table, learning_curves
from ..space import Space, split_budgets
from ._base import BaseTuneSearchCV
from ._candidates import candidate_rows
from ._checks import read_space
from ._in_common import check_not_searched
from ._plan import Plan, common_resource, folds_by_budget, make_plan
from ._proposals import Proposals
from ._samplers import Beginning, make_sampler

__all__ = ["HyperbandSearchCV"]

# So many workers have folds to train while results come in. The number of candidates
# under way follows from it: fewer learn more from each other.
_N_WORKERS = 8


class HyperbandSearchCV(BaseTuneSearchCV):
    """Stop bad candidates early and go on training the good ones.

    Many candidates are trained a little, the best third of them three times as
    long, and so on: successive halving. Hyperband [1]_ runs it several times,
    in *brackets* that differ in how little the first training is. Training goes
    on from where it stopped, in each fold, for every estimator that can. New
    candidates come from a Gaussian process over what is known so far.

    Parameters
    ----------
    estimator : estimator object
        Cloned and trained for each candidate and fold. Needs a ``score``
        method, or `scoring`.
    param_distributions : dict or list of dict, default=None
        The space, as in `BayesSearchCV`. In a list of ``(dict, n_iter)`` pairs the
        numbers are shares: the brackets say how many candidates there are, and each
        dict gets its part of them, in all brackets.
    resource : str, default="auto"
        What a longer training is measured in.

        - ``"epochs"`` of a Keras estimator of sktune or of a skorch net;
        - ``"passes"`` over the training rows by ``partial_fit``, or
          ``"batches"`` of `batch_size` rows;
        - ``"n_estimators"`` or ``"max_iter"`` of an estimator with
          ``warm_start``, ``"n_estimators"`` of XGBoost and LightGBM, or
          ``"iterations"`` of CatBoost: trees are added to those that are there;
        - any other parameter that is a whole number: each rung is a new fit;
        - ``"n_samples"``: rows of the training part of a fold, each rung a new
          fit. Any estimator has it. Rows are stratified by class, or whole
          groups are taken where ``groups`` is given.

        ``"auto"`` takes the first that goes on as one long training would (only
        XGBoost and LightGBM begin to draw rows and columns anew at each rung),
        else ``"n_samples"``: also for an estimator with ``partial_fit``
        whose own ``early_stopping`` is on, as they exclude each other. In a
        pipeline it is that of the last step; the other steps are fitted once a
        fold. So it is with the regressor of a
        `~sklearn.compose.TransformedTargetRegressor` and its transformer, and
        with the classifier of a
        `~sklearn.model_selection.FixedThresholdClassifier`.
    min_resource, max_resource : int or "auto", default="auto"
        The smallest and the largest budget. ``"auto"`` takes as the largest
        what the estimator's own parameter says, 81 passes, or all rows; as the
        smallest what leaves five rungs at most. A warning says when a number
        means rows that ``resource`` did not ask for.
    factor : int, default=3
        A rung promotes one in so many, to so many times the budget.
    brackets : int or "all", default="all"
        How many brackets, beginning with the one that has the most candidates.
        1 is successive halving.
    n_candidates : int or "auto", default="auto"
        Number of candidates of the first bracket; those of the others are in
        proportion. ``"auto"`` is the number that leaves one at its last rung. A
        finite space that all of them cover is tried whole, in the order of
        `~sklearn.model_selection.ParameterGrid`.
    sampler : {"bayes", "random"}, default="bayes"
        Where new candidates come from. With ``"bayes"``, two of three come from
        a Gaussian process over the results of all rungs, with the budget as one
        more axis, and promise most at the largest; the others are drawn. Once
        it knows what long training brings, what it expects of a candidate also
        counts, as much as its score, when a rung is decided (with
        ``promotion="sync"``, and one space).
    promotion : {"sync", "async"}, default="sync"
        - ``"sync"``: a rung is decided when all of its candidates are through.
          With an integer `random_state` the results are the same for any
          `n_jobs`, and the sampler keeps about eight workers busy; without it,
          any number.
        - ``"async"``: whenever a worker is free, the best of a rung so far is
          promoted [2]_. For many workers whose speed is uneven.
    rung_folds : int or list of int, default=None
        Number of folds at the lower budgets, from the smallest: fewer folds for
        candidates that are about to be dropped. An int is that of all of them.
        The largest budget has all folds always.
    batch_size : int, default=None
        Rows a call of ``partial_fit``; None passes all at once.
    patience : int, default=None
        Units of the resource over which the score of a candidate has to improve
        by more than `tol`. If it does not, the candidate keeps its score and
        its place, but is not trained further.
    tol : float, default=1e-3
        See `patience`.
    initial_params : dict or list of dict, default=None
        Candidates to try first, as in `BayesSearchCV`.
    warm_start_from : object, default=None
        Earlier results to learn from, as in `BayesSearchCV`; with
        ``sampler="bayes"`` only.
    time_budget : float, default=None
        Seconds for the whole of ``fit``, the refit included. What is not
        finished by then is stopped.
    max_no_improvement : int, default=None
        Number of candidates in a row, trained to `max_resource`, without a better
        score, after which nothing more is begun. `patience` looks at the training of
        one candidate, this at what all of the search has found.
    on_interrupt : {"raise", "return"}, default="raise"
        As in `BayesSearchCV`.
    trial_timeout : float, default=None
        Seconds that a fold may be trained and scored at one rung, as in
        `BayesSearchCV`.
    memory_limit : int or str, default=None
        Bytes that a fold may take, as in `BayesSearchCV`.
    storage : str or path-like, default=None
        Name of a file to which every finished fold is written, and from which the
        search goes on, as in `BayesSearchCV`. Models that are trained in part lie
        beside it.
    on_change : {"error", "new"}, default="error"
        As in `BayesSearchCV`.
    refit_from : {"scratch", "fold"}, default="scratch"
        What the refit begins with: an untrained model, or that of the best
        candidate's best fold, as it was before its last rung. It goes on from
        there on all data, to the same budget; what came before has seen the rows
        of one fold only, and the steps of a pipeline that come before the last,
        or the transformer of targets, stay as they are. For training that is too
        long to begin anew. CatBoost goes on with no other rows.
    checkpoint_memory : int, default=1_000_000_000
        Bytes of models, trained in part, to hold in memory. More goes to files
        that only this user can read.
    checkpoint_folder : str, default=None
        Where these files are put, until the end of the search; None is the
        system's place for temporary files. With ``storage`` they lie beside it.
    scoring : str, callable, list, tuple or dict, default=None
        As in `BayesSearchCV`.
    n_jobs : int, default=None
        Number of folds trained at a time; -1 uses all processors. Runs on the
        active joblib backend.
    refit : bool, str or callable, default=True
        As in `~sklearn.model_selection.GridSearchCV`. The best candidate is
        trained on all data, to the budget at which it was the best.
    cv : int, cross-validation generator or iterable, default=None
        As in `BayesSearchCV`. All folds of a candidate advance together.
    verbose : int, default=0
        As in `~sklearn.model_selection.GridSearchCV`; from 1 on, it says which
        resource was found, what is planned, and what memory and disk the
        checkpoints took.
    pre_dispatch : int or str, default="2*n_jobs"
        As in `BayesSearchCV`.
    random_state : int, RandomState instance or None, default=None
        With an int and ``promotion="sync"``, ``cv_results_`` (times aside) is
        the same for any `n_jobs` and backend.
    error_score : "raise" or float, default=np.nan
        What stands for the score of a fold that failed. A candidate that failed
        ranks last and is not promoted, whatever the value.
    return_train_score : bool, default=False
        Whether ``cv_results_`` has the scores on the training folds.
    param_grid : dict or list of dict, default=None
        Synonym of `param_distributions`: here all tuples are lists.

    Attributes
    ----------
    cv_results_ : dict of str -> ndarray
        With the keys of `~sklearn.model_selection.GridSearchCV`, a row for each
        candidate, as it was at its last rung. Further columns are
        ``n_resources`` (units spent), ``bracket``, ``rung``, ``status`` and
        ``error``. The status is ``"completed"``, ``"stopped"``, ``"unfinished"``,
        or one of a failure, as in `BayesSearchCV`.
        Candidates rank by the budget they reached, then by score.
    history_ : dict of str -> ndarray
        A row for each candidate, rung and fold.
    best_estimator_ : estimator
        Trained on all data. Only if `refit` is not False.
    best_score_ : float
        Mean test score of the best candidate.
    best_params_ : dict
        Its parameters.
    best_index_ : int
        Its row in ``cv_results_``.
    resource_ : str
        What the budget was measured in.
    min_resource_, max_resource_ : int
        The smallest and the largest budget.
    brackets_ : list of Bracket
        What was planned.
    checkpoint_use_ : CheckpointUse
        What memory and disk the models took that were trained in part.
    scorer_ : callable or dict
        The scorer, or one for each metric.
    n_splits_ : int
        Number of folds.
    refit_time_ : float
        Seconds spent on the refit.
    multimetric_ : bool
        Whether there are several metrics.
    optimizer_time_ : ndarray of shape (n_candidates,)
        Seconds it took to propose each candidate.
    space_ : Space
        The space as it was read.
    stop_reason_ : str
        ``"completed"``, ``"time_budget"``, ``"max_no_improvement"``,
        ``"callback"``, ``"interrupt"`` or ``"error"``.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if the estimator has them.
    classes_ : ndarray of shape (n_classes,)
        Labels, if the estimator is a classifier.

    See Also
    --------
    BayesSearchCV : Trains every candidate in full.
    sklearn.model_selection.HalvingRandomSearchCV : Successive halving that
        begins each training anew.

    Notes
    -----
    A candidate has failed when one of its folds could not be trained or scored,
    or its score is not finite.

    References
    ----------
    .. [1] L. Li, K. Jamieson, G. DeSalvo, A. Rostamizadeh, A. Talwalkar,
       "Hyperband: A Novel Bandit-Based Approach to Hyperparameter
       Optimization", JMLR 18(185), 2018.
    .. [2] L. Li, K. Jamieson, A. Rostamizadeh, E. Gonina, J. Ben-tzur, M. Hardt,
       B. Recht, A. Talwalkar, "A System for Massively Parallel Hyperparameter
       Tuning", MLSys 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import SGDClassifier
    >>> from sktune import HyperbandSearchCV
    >>> X, y = load_digits(return_X_y=True)
    >>> search = HyperbandSearchCV(
    ...     SGDClassifier(random_state=0),
    ...     {"alpha": (1e-6, 1e0, "log-uniform"), "penalty": ["l1", "l2"]},
    ...     max_resource=9,
    ...     cv=3,
    ...     random_state=0,
    ... )
    >>> search.plan()
    Resource: passes over the training rows, continued by partial_fit.
    Bracket 2: 9 to 1, 3 to 3, 1 to 9 passes
    Bracket 1: 5 to 3, 1 to 9 passes
    Bracket 0: 3 to 9 passes
    17 candidates, 69 passes for each of 3 folds: as much as 7.7 candidates trained to 9
    >>> search.fit(X, y).best_score_ > 0.9
    True
    """

    _deciding = (
        *BaseTuneSearchCV._deciding,
        "sampler",
        "promotion",
        "rung_folds",
        "batch_size",
        "patience",
        "tol",
    )

    _parameter_constraints: dict[str, list[Any]] = {
        **BaseSearchCV._parameter_constraints,
        "param_distributions": [dict, list, tuple, None],
        "param_grid": [dict, list, tuple, None],
        "resource": [str],
        "min_resource": [
            Interval(numbers.Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "max_resource": [
            Interval(numbers.Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "factor": [Interval(numbers.Integral, 2, None, closed="left")],
        "brackets": [
            Interval(numbers.Integral, 1, None, closed="left"),
            StrOptions({"all"}),
        ],
        "n_candidates": [
            Interval(numbers.Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "sampler": [StrOptions({"bayes", "random"})],
        "promotion": [StrOptions({"sync", "async"})],
        "rung_folds": [
            Interval(numbers.Integral, 1, None, closed="left"),
            list,
            tuple,
            None,
        ],
        "batch_size": [Interval(numbers.Integral, 1, None, closed="left"), None],
        "patience": [Interval(numbers.Integral, 1, None, closed="left"), None],
        "tol": [Interval(numbers.Real, 0, None, closed="left")],
        "initial_params": [dict, list, None],
        "warm_start_from": [object],
        "time_budget": [Interval(numbers.Real, 0, None, closed="neither"), None],
        "max_no_improvement": [
            Interval(numbers.Integral, 1, None, closed="left"),
            None,
        ],
        "on_interrupt": [StrOptions({"raise", "return"})],
        "trial_timeout": [Interval(numbers.Real, 0, None, closed="neither"), None],
        "memory_limit": [Interval(numbers.Integral, 1, None, closed="left"), str, None],
        "storage": [str, os.PathLike, None],
        "on_change": [StrOptions({"error", "new"})],
        "refit_from": [StrOptions({"scratch", "fold"})],
        "checkpoint_memory": [Interval(numbers.Integral, 0, None, closed="left")],
        "checkpoint_folder": [str, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any,
        param_distributions: Any = None,
        *,
        resource: str = "auto",
        min_resource: int | str = "auto",
        max_resource: int | str = "auto",
        factor: int = 3,
        brackets: int | str = "all",
        n_candidates: int | str = "auto",
        sampler: str = "bayes",
        promotion: str = "sync",
        rung_folds: Any = None,
        batch_size: int | None = None,
        patience: int | None = None,
        tol: float = 1e-3,
        initial_params: Any = None,
        warm_start_from: Any = None,
        time_budget: float | None = None,
        max_no_improvement: int | None = None,
        on_interrupt: str = "raise",
        trial_timeout: float | None = None,
        memory_limit: int | str | None = None,
        storage: str | os.PathLike[str] | None = None,
        on_change: str = "error",
        refit_from: str = "scratch",
        checkpoint_memory: int = 1_000_000_000,
        checkpoint_folder: str | None = None,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        random_state: Any = None,
        error_score: Any = np.nan,
        return_train_score: bool = False,
        param_grid: Any = None,
    ) -> None:
        super().__init__(
            estimator=estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_distributions = param_distributions
        self.resource = resource
        self.min_resource = min_resource
        self.max_resource = max_resource
        self.factor = factor
        self.brackets = brackets
        self.n_candidates = n_candidates
        self.sampler = sampler
        self.promotion = promotion
        self.rung_folds = rung_folds
        self.batch_size = batch_size
        self.patience = patience
        self.tol = tol
        self.initial_params = initial_params
        self.warm_start_from = warm_start_from
        self.time_budget = time_budget
        self.max_no_improvement = max_no_improvement
        self.on_interrupt = on_interrupt
        self.trial_timeout = trial_timeout
        self.memory_limit = memory_limit
        self.storage = storage
        self.on_change = on_change
        self.refit_from = refit_from
        self.checkpoint_memory = checkpoint_memory
        self.checkpoint_folder = checkpoint_folder
        self.random_state = random_state
        self.param_grid = param_grid

    # -- the plan ----------------------------------------------------------------

    def plan(self, X: Any = None, y: Any = None) -> None:
        """Print what ``fit`` is going to do: resource, brackets, candidates.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), default=None
            Training data. Only a budget of ``"n_samples"`` depends on it.
        y : array-like of shape (n_samples,), default=None
            Target.

        Raises
        ------
        SearchError
            When the plan depends on data that were not given.
        """
        self._validate_params()
        space = self._read_space()
        n_train = None
        n_folds = 5 if self.cv is None else None
        if isinstance(self.cv, numbers.Integral):
            n_folds = int(self.cv)
        if X is not None and n_folds is not None:
            n_train = n_samples(X) * (n_folds - 1) // n_folds
        elif X is not None:
            n_train = n_samples(X)
        plan = self._make_plan(space, y, n_train, seed=0)
        print(plan.to_text(n_folds))

    def _make_plan(self, space: Space, y: Any, n_train: int | None, seed: int) -> Plan:
        request = ResourceRequest(self.resource, y, n_train, self.batch_size, seed)
        found = common_resource(self.estimator, space, request)
        check_not_searched(found, space)
        plan = make_plan(
            found,
            min_resource=self.min_resource,
            max_resource=self.max_resource,
            factor=self.factor,
            brackets=self.brackets,
            n_candidates=self.n_candidates,
            n_configurations=space.size,
        )
        if self.refit_from == "fold" and not plan.resource.takes_other_rows:
            raise SearchError(
                "refit_from='fold' goes on with rows that the models of the folds have "
                f"not seen, which is not possible with {plan.resource.description}: "
                "use refit_from='scratch'"
            )
        # Who gives a number has epochs or trees in mind, unless they say rows.
        unasked = self.resource == "auto" and plan.resource.name == "n_samples"
        if unasked and found.limit is not None and plan.max_resource < found.limit:
            warnings.warn(
                f"max_resource={plan.max_resource} are rows, of {found.limit} in a "
                f"fold: no other resource was found{plan.note}. For all rows leave "
                'max_resource at "auto"; for so many, set resource="n_samples"',
                SktuneWarning,
                stacklevel=2,
            )
        return plan

    def _read_space(self) -> Space:
        spec, as_grid = self._spec()
        union = [part for part, _ in split_budgets(spec)]
        return read_space(
            self.estimator, union if len(union) > 1 else union[0], as_grid=as_grid
        )

    def _parts(self) -> list[tuple[Space, int]]:
        """Return the spaces that are searched, each with its share of candidates."""
        spec, as_grid = self._spec()
        parts = split_budgets(spec)
        if [n_iter for _, n_iter in parts] == [None]:
            return [(self.space_, 1)]
        bad = [n for _, n in parts if not isinstance(n, numbers.Integral) or n < 1]
        if bad:
            raise SearchError(
                "in a list with (dict, n_iter) pairs each dict needs an n_iter of at "
                f"least 1, its share of the candidates, got {bad[0]!r}"
            )
        return [(Space(s, as_grid=as_grid), int(n)) for s, n in parts if n is not None]

    # -- what proposes candidates ------------------------------------------------

    def _propose(self, metric: str, data: FoldData) -> Proposals:
        self.space_ = self._read_space()
        rng = self._generator()
        seed = int(rng.integers(2**31))
        n_train = min(_n_rows(train) for train, _ in data.folds)
        plan = self._make_plan(self.space_, data.y, n_train, seed)
        self.resource_ = plan.resource.name
        self.min_resource_ = plan.min_resource
        self.max_resource_ = plan.max_resource
        self.brackets_ = plan.brackets
        folds = folds_by_budget(self.rung_folds, plan.budgets, self.n_splits_)
        units = self._units_of_patience()
        patience = None if units is None else Patience(units, self.tol)
        earlier = None
        if self.warm_start_from is not None and self.sampler == "bayes":
            earlier = earlier_results(self.warm_start_from, metric)
        parts = self._parts()
        sampler, learns = make_sampler(
            self.sampler,
            parts,
            plan,
            Beginning(self.estimator.get_params(), self._given_params(), earlier),
            rng,
        )
        options: dict[str, Any] = {
            "learns": learns,
            "patience": patience,
            "rung_folds": folds,
            "keep_best": self.refit_from == "fold",
            "max_no_improvement": self.max_no_improvement,
        }
        optimizer: RungOptimizer
        repeatable = self.promotion == "sync" and self.random_state is not None
        n_steps = plan.n_steps
        if self.promotion == "sync":
            optimizer = HyperbandOptimizer(
                sampler,
                plan.brackets,
                repeatable=repeatable,
                n_abreast=-(-_N_WORKERS // min([self.n_splits_, *folds.values()])),
                **options,
            )
        else:
            optimizer = AsyncHyperbandOptimizer(sampler, plan.brackets, **options)
            # A few more are promoted than planned, at most all.
            n_steps = sum(b.rungs[0].n_candidates * len(b.rungs) for b in plan.brackets)
        checkpoints = None
        if plan.resource.continues:
            checkpoints = CheckpointStore(
                self.checkpoint_memory, self.checkpoint_folder
            )
        return Proposals(
            optimizer,
            plan.n_candidates,
            n_steps,
            f"{plan.to_text(self.n_splits_)}\n"
            f"Fitting {self.n_splits_} folds for each of {plan.n_candidates} "
            f"candidates, totalling {plan.n_steps * self.n_splits_} fits",
            ask_ahead=repeatable,
            resource=plan.resource,
            checkpoints=checkpoints,
            design={
                "resource": plan.resource.name,
                "shares": [share for _, share in parts],
                "brackets": [
                    [[rung.n_candidates, rung.budget] for rung in bracket.rungs]
                    for bracket in plan.brackets
                ],
            },
            advice=(
                "Who is promoted depends on all rungs and their sizes: with a larger "
                "max_resource or n_candidates it is another search. To use what was "
                "found, give that another storage= and warm_start_from=load_search(...)"
            ),
        )

    def _units_of_patience(self) -> int | None:
        return self.patience

    # -- results -------------------------------------------------------------------

    def _candidates(self, run: SearchRun, plan: Proposals) -> list[Candidate]:
        optimizer = plan.optimizer
        assert isinstance(optimizer, RungOptimizer)
        candidates, rows = candidate_rows(run.steps, optimizer.standing)
        error_score = np.nan if self.error_score == "raise" else self.error_score
        self.history_ = history_table(rows, error_score, None)
        self.checkpoint_use_ = None
        if plan.checkpoints is not None:
            self.checkpoint_use_ = plan.checkpoints.use
            if self.verbose > 0:
                print(self.checkpoint_use_.to_text())
        if run.ended_by in ("n_iter", "exhausted"):
            run.ended_by = "max_no_improvement" if optimizer.gave_up else "completed"
        return candidates

    def _standings(self, run: SearchRun, plan: Proposals) -> dict[int, tuple[int, str]]:
        optimizer = plan.optimizer
        assert isinstance(optimizer, RungOptimizer)
        trials = sorted({step.suggestion.trial for step in run.steps})
        return {trial: optimizer.standing(trial) for trial in trials}

    def _start_refit(self, estimator: Any, plan: Proposals) -> tuple[Any, int]:
        best, start = super()._start_refit(estimator, plan)
        store, optimizer = plan.checkpoints, plan.optimizer
        assert isinstance(optimizer, RungOptimizer)
        kept = optimizer.kept
        # A callable refit may have chosen another one.
        if store is None or kept is None or kept.params is not self.best_params_:
            return best, start
        rows = (self.history_["candidate"] == self.best_index_) & (
            self.history_["n_resources"] == self._refit_units()
        )
        metric = next(name for name in self.history_ if name.startswith("test_"))
        if isinstance(self.refit, str):
            metric = f"test_{self.refit}"
        order = np.argsort(-self.history_[metric][rows], kind="stable")
        for fold in self.history_["fold"][rows][order]:
            state = store.get(kept.trial, int(fold), as_file=True)
            if state is not None and state.units < self._refit_units():
                trained = plan.resource.restore(read_checkpoint(state), lambda: best)
                return trained, state.units
        return best, start

    def _refit_units(self) -> int:
        return int(self.cv_results_["n_resources"][self.best_index_])

    def learning_curves(self, metric: str = "test_score") -> Any:
        """Return the mean score of each candidate at each budget.

        Parameters
        ----------
        metric : str, default="test_score"
            A column of ``history_``.

        Returns
        -------
        pandas.DataFrame
            A row for each candidate, a column for each budget.
        """
        check_is_fitted(self, "history_")
        return learning_curves(self._history_columns(), metric)

    def _history_columns(self) -> dict[str, Any]:
        return self.history_


def _n_rows(train: Any) -> int:
    train = np.asarray(train)
    return int(train.sum()) if train.dtype == bool else len(train)
