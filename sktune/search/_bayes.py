"""Bayesian optimisation behind the interface of ``GridSearchCV``."""

from __future__ import annotations

import contextlib
import numbers
import os
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .._compat import BaseSearchCV, Interval, StrOptions
from .._execution import FoldData
from .._protocol import AskTell
from ..exceptions import SearchChangedError, SearchError, SktuneWarning, SpaceError
from ..optimizers import (
    BayesOptimizer,
    GridOptimizer,
    Optimizer,
    SequentialOptimizer,
)
from ..results import earlier_results
from ..space import Space, split_budgets
from ._base import BaseTuneSearchCV
from ._checks import read_space
from ._earlier import EarlierResults, learn
from ._proposals import Proposals

__all__ = ["BayesSearchCV"]


class BayesSearchCV(BaseTuneSearchCV):
    """Search hyperparameters by Bayesian optimisation with cross-validation.

    A drop-in for `sklearn.model_selection.GridSearchCV` and
    `~sklearn.model_selection.RandomizedSearchCV`: the results of earlier
    candidates decide which are tried next. A Gaussian process models the score
    over the space; each candidate maximises the expected improvement [1]_ [2]_.

    Parameters
    ----------
    estimator : estimator object
        Cloned and trained for each candidate and fold. Needs a ``score``
        method, or `scoring`.
    param_distributions : dict or list of dict, default=None
        Names of parameters and what values they may take:

        - a list or array: exactly these values; numbers are taken to be
          ordered, other values are not;
        - ``(low, high)`` or ``(low, high, "uniform" | "log-uniform")``: a range,
          of whole numbers if both bounds are ints. Any other tuple is a list;
        - a frozen scipy distribution;
        - `sktune.Float`, `sktune.Integer`, `sktune.Categorical`,
          `sktune.Ordinal`, `sktune.Sequence`, which can be conditional.

        A list of dicts is the union of their spaces. In a list of ``(dict, n_iter)``
        pairs each space has a number of candidates of its own, searched one
        after the other; `n_iter` is that of the dicts that stand alone.
    n_iter : int, default=50
        Number of candidates. A finite space that they cover is tried whole, in
        the order of `~sklearn.model_selection.ParameterGrid`.
    n_points : int, "auto" or "async", default="auto"
        How many candidates may be under way: candidate t is proposed from the
        results of the candidates up to ``t - n_points``, whichever finished
        first. Small values learn faster, large ones keep more workers busy.

        - ``"auto"``: with `random_state`, a rule that does not depend on
          `n_jobs`: 2, growing to 4 with the number of candidates. Without it,
          as ``"async"``.
        - ``"async"``: each candidate is proposed from all results that are
          there, whenever a worker is free. Not repeatable with several workers.
    initial_params : dict or list of dict, default=None
        Candidates to try first. Parameters that a dict does not name keep the
        estimator's value, or the middle of their range if that lies outside.
    warm_start_from : object, default=None
        A fitted search of any library with ``cv_results_``, that dict, or a data
        frame of it. What it found is learnt before the search begins; those of
        its candidates that lie outside the space are left out.
    time_budget : float, default=None
        Seconds for the whole of ``fit``, the refit included. No candidate is
        begun that would probably not finish. At least one is finished.
    max_no_improvement : int, default=None
        Number of candidates in a row without a better score after which the
        search ends.
    on_interrupt : {"raise", "return"}, default="raise"
        What to do on Ctrl-C, SIGTERM or SIGHUP after ``cv_results_`` and
        ``best_params_`` are set from the candidates that are finished: raise
        `KeyboardInterrupt` again (of the other two, `SystemExit`), or refit and
        return.
    trial_timeout : float, default=None
        Seconds that a fold may be trained and scored. One that takes longer is
        killed, also inside native code, and its candidate has failed.
    memory_limit : int or str, default=None
        Bytes that a fold may take, or a size such as ``"2GB"``. One that takes
        more is killed, and its candidate has failed. With either limit folds are
        trained in processes of their own: see :ref:`faults`.
    storage : str or path-like, default=None
        Name of a file, such as ``"search.db"``, to which every finished fold is
        written. The same search with the same file goes on where it stopped,
        whatever stopped it: see :ref:`resuming`.
    on_change : {"error", "new"}, default="error"
        What to do when that file holds a search of other data, another space,
        estimator and so on: raise an error that names what differs, or begin
        anew and give the old file another name.
    scoring : str, callable, list, tuple or dict, default=None
        As in `~sklearn.model_selection.GridSearchCV`. Of several metrics, the
        one that `refit` names is optimised, else the first.
    n_jobs : int, default=None
        Number of folds trained at a time; -1 uses all processors. Runs on the
        active joblib backend.
    refit : bool, str or callable, default=True
        As in `~sklearn.model_selection.GridSearchCV`.
    cv : int, cross-validation generator or iterable, default=None
        As in `~sklearn.model_selection.GridSearchCV`. It is asked to split
        once: all candidates see the same folds.
    verbose : int, default=0
        As in `~sklearn.model_selection.GridSearchCV`.
    pre_dispatch : int or str, default="2*n_jobs"
        Number of folds handed to the workers at a time: a number, ``"all"`` or
        an expression such as ``"2*n_jobs"``.
    random_state : int, RandomState instance or None, default=None
        With an int, ``cv_results_`` (times aside) is the same for any `n_jobs`
        and backend.
    error_score : "raise" or float, default=np.nan
        What stands for the score of a fold that failed. The optimizer learns of
        failures whatever the value.
    return_train_score : bool, default=False
        Whether ``cv_results_`` has the scores on the training folds.
    param_grid : dict or list of dict, default=None
        Synonym of `param_distributions` for code written for
        `~sklearn.model_selection.GridSearchCV`: here all tuples are lists.

    Attributes
    ----------
    cv_results_ : dict of str -> ndarray
        With the keys of `~sklearn.model_selection.GridSearchCV`, and two more.
        ``status`` is ``"completed"`` or how the candidate failed: ``"failed"``,
        ``"timeout"``, ``"out_of_memory"`` or ``"crashed"``. ``error`` is a line
        that says why, empty where nothing went wrong.
    best_estimator_ : estimator
        Trained on all data. Only if `refit` is not False.
    best_score_ : float
        Mean test score of the best candidate.
    best_params_ : dict
        Its parameters.
    best_index_ : int
        Its row in ``cv_results_``.
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
        ``"n_iter"``, ``"exhausted"``, ``"time_budget"``,
        ``"max_no_improvement"``, ``"callback"``, ``"interrupt"`` or ``"error"``.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if the estimator has them.
    classes_ : ndarray of shape (n_classes,)
        Labels, if the estimator is a classifier.

    See Also
    --------
    sklearn.model_selection.GridSearchCV : Tries all of a grid.
    sklearn.model_selection.RandomizedSearchCV : Tries candidates at random.

    Notes
    -----
    A candidate has failed when one of its folds could not be trained or scored,
    or its score is not finite. It is never the best one while another has a
    finite score.

    References
    ----------
    .. [1] D. R. Jones, M. Schonlau, W. J. Welch, "Efficient Global Optimization
       of Expensive Black-Box Functions", Journal of Global Optimization 13, 1998.
    .. [2] S. Ament, S. Daulton, D. Eriksson, M. Balandat, E. Bakshy, "Unexpected
       Improvements to Expected Improvement for Bayesian Optimization", NeurIPS
       2023.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from sktune import BayesSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> space = {"C": (1e-2, 1e3, "log-uniform"), "kernel": ["linear", "rbf"]}
    >>> search = BayesSearchCV(SVC(), space, n_iter=15, random_state=0).fit(X, y)
    >>> search.best_score_ > 0.97
    True
    """

    _deciding = (*BaseTuneSearchCV._deciding, "n_points")

    _parameter_constraints: dict[str, list[Any]] = {
        **BaseSearchCV._parameter_constraints,
        "param_distributions": [dict, list, tuple, None],
        "param_grid": [dict, list, tuple, None],
        "n_iter": [Interval(numbers.Integral, 1, None, closed="left")],
        "n_points": [
            Interval(numbers.Integral, 1, None, closed="left"),
            StrOptions({"auto", "async"}),
        ],
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
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any,
        param_distributions: Any = None,
        *,
        n_iter: int = 50,
        n_points: int | str = "auto",
        initial_params: Any = None,
        warm_start_from: Any = None,
        time_budget: float | None = None,
        max_no_improvement: int | None = None,
        on_interrupt: str = "raise",
        trial_timeout: float | None = None,
        memory_limit: int | str | None = None,
        storage: str | os.PathLike[str] | None = None,
        on_change: str = "error",
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
        self.n_iter = n_iter
        self.n_points = n_points
        self.initial_params = initial_params
        self.warm_start_from = warm_start_from
        self.time_budget = time_budget
        self.max_no_improvement = max_no_improvement
        self.on_interrupt = on_interrupt
        self.trial_timeout = trial_timeout
        self.memory_limit = memory_limit
        self.storage = storage
        self.on_change = on_change
        self.random_state = random_state
        self.param_grid = param_grid

    # -- the space and what proposes candidates ----------------------------------

    def _propose(self, metric: str, data: FoldData) -> Proposals:
        optimizer, n_trials = self._make_optimizer(metric)
        return Proposals(
            optimizer,
            n_trials,
            n_trials,
            f"Fitting {self.n_splits_} folds for each of {n_trials} candidates, "
            f"totalling {n_trials * self.n_splits_} fits",
            window=lambda n_workers: self._window(n_workers, n_trials),
            max_no_improvement=self.max_no_improvement,
        )

    def _make_optimizer(self, metric: str) -> tuple[AskTell, int]:
        """Return what proposes the candidates, and how many there will be."""
        spec, as_grid = self._spec()
        parts = split_budgets(spec)
        union = [part for part, _ in parts] if len(parts) > 1 else parts[0][0]
        self.space_ = read_space(self.estimator, union, as_grid=as_grid)
        spaces = [self.space_]
        if len(parts) > 1:
            spaces = [Space(part, as_grid=as_grid) for part, _ in parts]
        budgets = [self._budget_of(n_iter) for _, n_iter in parts]
        # The first candidates depend on how many were to come.
        planned = self._keep("n_iter", budgets)
        if len(parts) > 1 and planned != budgets:
            raise SearchChangedError(
                f"n_iter of the parts of the space was {planned} when the search "
                f"began, and is {budgets}: only one space can be gone on with for more"
            )
        can_end_early = self._keep(
            "can_end_early", bool(self.time_budget or self.max_no_improvement)
        )
        n_trials = _n_trials(spaces, budgets)
        if n_trials < sum(budgets) and not as_grid:
            warnings.warn(
                f"The total space of parameters {n_trials} is smaller than "
                f"n_iter={sum(budgets)}. Each configuration is tried once.",
                SktuneWarning,
                stacklevel=2,
            )
        given = self._given_params()
        earlier = None
        if self.warm_start_from is not None:
            earlier = earlier_results(self.warm_start_from, metric)
        rngs = self._generator().spawn(len(parts))
        legs: list[tuple[AskTell, int]] = [
            (
                self._optimizer_of(space, first, rng, given, earlier, can_end_early),
                n_iter,
            )
            for space, n_iter, first, rng in zip(
                spaces, budgets, planned, rngs, strict=True
            )
        ]
        return legs[0][0] if len(legs) == 1 else SequentialOptimizer(legs), n_trials

    def _budget_of(self, n_iter: Any) -> int:
        """Return the number of candidates of a part of the space."""
        if n_iter is None:
            return int(self.n_iter)
        if not isinstance(n_iter, numbers.Integral) or n_iter < 1:
            raise SearchError(
                "the n_iter of a (dict, n_iter) pair must be at least 1, got "
                f"{n_iter!r}"
            )
        return int(n_iter)

    def _optimizer_of(
        self,
        space: Space,
        n_iter: int,
        rng: np.random.Generator,
        given: list[dict[str, Any]],
        earlier: EarlierResults | None,
        can_end_early: bool,
    ) -> Optimizer:
        """Return what proposes the candidates of one space."""
        current = self.estimator.get_params()
        initial = []
        for params in given:
            # In a space that is searched in parts it belongs to one of them.
            with contextlib.suppress(SpaceError):
                initial.append(space.guess({**current, **params}, required=params))
        size = space.size
        if size is not None and size <= n_iter and not can_end_early:
            # All of it will be tried: nothing is gained by choosing the order.
            return GridOptimizer(space, rng=rng, initial=initial)
        if space.n_held(current):
            initial.append(space.guess(current))
        optimizer = BayesOptimizer(space, rng=rng, initial=initial, budget=n_iter)
        if earlier is not None:
            learn(optimizer, space, earlier)
        return optimizer

    # -- how many candidates are under way ------------------------------------------

    def _window(self, n_workers: int, n_trials: int) -> Callable[[int], int] | None:
        """Return the window, see `sktune._execution.run_search`."""
        if isinstance(self.n_points, numbers.Integral):
            n_points = int(self.n_points)
            return lambda t: n_points
        if self.n_points == "async" or self.random_state is None:
            return None
        busy = _seeded_window(n_trials) * self.n_splits_
        if n_workers > busy:
            warnings.warn(
                f"Only {busy} of {n_workers} workers will be busy: with random_state "
                "the number of candidates under way does not depend on n_jobs. Set "
                "n_points higher, or random_state=None.",
                SktuneWarning,
                stacklevel=2,
            )
        return _seeded_window


def _n_trials(spaces: list[Space], budgets: list[int]) -> int:
    """Return how many candidates there will be: a finite space may hold fewer."""
    sizes = [space.size for space in spaces]
    return sum(
        n if size is None else min(n, size)
        for n, size in zip(budgets, sizes, strict=True)
    )


def _seeded_window(t: int) -> int:
    """Return how many candidates may be under way at candidate t.

    A wide window costs more score early than late: ``benchmarks/utilisation.py``
    prints how much, beside the workers it keeps busy.
    """
    return min(max(2, 1 + t // 16), 4)
