"""scikit-optimize's ``BayesSearchCV``, searched by sktune.

Change ``from skopt import BayesSearchCV`` and ``from skopt.space import Real,
Integer, Categorical`` to imports from this module. scikit-optimize itself is
not needed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult
from scipy.stats import rankdata
from sklearn.utils.metadata_routing import UNUSED

from .._compat import BaseSearchCV
from .._protocol import AskTell, Outcome, Suggestion
from ..exceptions import SearchError, SktuneWarning
from ..search import BayesSearchCV as _BayesSearchCV
from ._skopt_space import Categorical, Integer, Real, ResultSpace, read_dimension

__all__ = ["BayesSearchCV", "Categorical", "Integer", "Real"]

_Callback = Callable[[Any], Any]

_CONSTRAINTS: dict[str, list[Any]] = {
    **BaseSearchCV._parameter_constraints,
    "search_spaces": [dict, list],
    "optimizer_kwargs": [dict, None],
    "n_iter": _BayesSearchCV._parameter_constraints["n_iter"],
    "fit_params": [dict, None],
    "n_points": _BayesSearchCV._parameter_constraints["n_points"][:1],  # ints
    "iid": [object],
    "random_state": ["random_state"],
}

# Arguments of `fit` that are no metadata of the estimator's.
_NOT_ROUTED = {"groups": UNUSED, "callback": UNUSED}


class BayesSearchCV(_BayesSearchCV):
    """Search hyperparameters, with the signature of ``skopt.BayesSearchCV``.

    For code written for scikit-optimize. The search is that of
    `sktune.BayesSearchCV`, which new code should use.

    Parameters
    ----------
    estimator : estimator object
        Cloned and trained for each candidate and fold.
    search_spaces : dict, list of dict, or list of (dict, int)
        Names of parameters and what values they may take:

        - `Real`, `Integer`, `Categorical`, or scikit-optimize's own;
        - two numbers, also in a list: a range, of whole numbers if both are
          ints. A prior and a base may follow, as in
          ``(1e-6, 1e6, "log-uniform")``;
        - any other list, tuple or array: exactly these values;
        - whatever else `sktune.BayesSearchCV` accepts.

        Several dicts are searched one after the other, each with `n_iter`
        candidates, or the number in its pair.
    optimizer_kwargs : dict, default=None
        Without effect, and the search says so: the settings of
        scikit-optimize's optimizer have no counterpart.
    n_iter : int, default=50
        Number of candidates for each dict. None is tried twice: a finite space
        may end earlier.
    scoring : str, callable, list, tuple or dict, default=None
        As in `~sklearn.model_selection.GridSearchCV`. Of several metrics, the
        one that `refit` names is optimised.
    fit_params : dict, default=None
        Parameters for the estimator's ``fit``; those given to `fit` prevail.
    n_jobs : int, default=1
        Number of folds trained at a time; -1 uses all processors.
    n_points : int, default=1
        How many candidates may be under way.
    iid : object, default="deprecated"
        Without effect, as in scikit-optimize.
    refit : bool, str or callable, default=True
        As in `~sklearn.model_selection.GridSearchCV`.
    cv : int, cross-validation generator or iterable, default=None
        As in `~sklearn.model_selection.GridSearchCV`.
    verbose : int, default=0
        As in `~sklearn.model_selection.GridSearchCV`.
    pre_dispatch : int or str, default="2*n_jobs"
        Number of folds handed to the workers at a time.
    random_state : int, RandomState instance or None, default=None
        With an int, ``cv_results_`` (times aside) is the same for any `n_jobs`.
    error_score : "raise" or float, default="raise"
        What stands for the score of a fold that failed.
    return_train_score : bool, default=False
        Whether ``cv_results_`` has the scores on the training folds, and their
        ranks.

    Attributes
    ----------
    optimizer_results_ : list of scipy.optimize.OptimizeResult
        For each dict of `search_spaces`:

        - ``x_iters``, the candidates as lists of values in the order of the
          sorted names of the parameters, and ``func_vals``, their negated
          scores, infinite where a candidate failed;
        - ``x`` and ``fun``, the best of them;
        - ``space``, with ``dimensions``, ``dimension_names``, ``bounds`` and
          ``distance(a, b)``;
        - ``models``, always empty, ``specs`` and ``random_state``.
    total_iterations : int
        Number of candidates of all dicts together.
    cv_results_, best_params_, best_score_, best_index_, best_estimator_
        These and all others as in `sktune.BayesSearchCV`.

    See Also
    --------
    sktune.BayesSearchCV : The same search without scikit-optimize's names.

    Notes
    -----
    Other than in scikit-optimize, `fit` reports what is wrong with the
    arguments, not the constructor; `refit` may be a function; and after each
    candidate the callbacks are called, also where `n_points` is more than one.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from sktune.compat.skopt import BayesSearchCV, Categorical, Real
    >>> X, y = load_iris(return_X_y=True)
    >>> opt = BayesSearchCV(
    ...     SVC(),
    ...     {
    ...         "C": Real(1e-2, 1e3, prior="log-uniform"),
    ...         "kernel": Categorical(["linear", "rbf"]),
    ...     },
    ...     n_iter=10,
    ...     random_state=0,
    ... )
    >>> opt.fit(X, y).score(X, y) > 0.95
    True
    >>> len(opt.optimizer_results_[0].x_iters)
    10
    """

    _parameter_constraints = _CONSTRAINTS
    __metadata_request__fit = _NOT_ROUTED

    # What the main class has and scikit-optimize has not.
    param_distributions = None
    param_grid = None
    initial_params = None
    warm_start_from = None
    time_budget = None
    max_no_improvement = None
    on_interrupt = "raise"
    trial_timeout = None
    memory_limit = None

    def __init__(
        self,
        estimator: Any,
        search_spaces: Any,
        optimizer_kwargs: dict[str, Any] | None = None,
        n_iter: int = 50,
        scoring: Any = None,
        fit_params: dict[str, Any] | None = None,
        n_jobs: int | None = 1,
        n_points: int = 1,
        iid: Any = "deprecated",
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        random_state: Any = None,
        error_score: Any = "raise",
        return_train_score: bool = False,
    ) -> None:
        # Not through the main class, which would store its own parameters.
        BaseSearchCV.__init__(
            self,
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
        self.search_spaces = search_spaces
        self.optimizer_kwargs = optimizer_kwargs
        self.n_iter = n_iter
        self.fit_params = fit_params
        self.n_points = n_points
        self.iid = iid
        self.random_state = random_state

    @property
    def total_iterations(self) -> int:
        """Number of candidates of all dicts together."""
        return sum(n_iter for _, n_iter in self._pairs())

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        groups: Any = None,
        callback: Any = None,
        **fit_params: Any,
    ) -> BayesSearchCV:
        """Search, then refit with the best parameters found.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), \
default=None
            Target, None for unsupervised learning.
        groups : array-like of shape (n_samples,), default=None
            Groups of the samples, for the splitter.
        callback : callable or list of callable, default=None
            Called after each candidate with the results of its dict so far, see
            `optimizer_results_`. A true return ends the search of the dict.
        **fit_params : dict of str -> object
            Parameters for the estimator's ``fit``, the scorer and the splitter.

        Returns
        -------
        self : object
            The fitted search.
        """
        self._callbacks_of_fit = _check_callback(callback)
        params = {**(self.fit_params or {}), **fit_params}
        if groups is not None:
            params["groups"] = groups
        try:
            super().fit(X, y, **params)
        finally:
            # Callbacks need not be picklable: nothing of them stays.
            del self._callbacks_of_fit
            steps = self.__dict__.pop("_steps", None)
            if steps is not None and steps.results:
                self.optimizer_results_ = steps.results
        self._rank_train_scores()
        return self

    # -- what the main class asks for ---------------------------------------------

    def _pairs(self) -> list[tuple[Any, Any]]:
        """Return each part of the search spaces and its number of candidates."""
        spaces = self.search_spaces
        parts = spaces if isinstance(spaces, list) else [spaces]
        return [
            part if isinstance(part, tuple) and len(part) == 2 else (part, self.n_iter)
            for part in parts
        ]

    def _spec(self) -> tuple[Any, bool]:
        spec = [
            # What is malformed is left for the space to report.
            (_read_space(space), n_iter) if isinstance(space, Mapping) else space
            for space, n_iter in self._pairs()
        ]
        self._warn_of_ignored()
        self._warn_of_lists()
        return spec, False

    def _make_optimizer(self, metric: str) -> tuple[AskTell, int]:
        optimizer, n_trials = super()._make_optimizer(metric)
        spaces = [ResultSpace(_read_space(space)) for space, _ in self._pairs()]
        self._steps = _Steps(
            optimizer, spaces, metric, self._callbacks_of_fit, self.random_state
        )
        return self._steps, n_trials

    def _on_step(self, trial: Any) -> bool:
        scores = [self._score_of(r, self._steps.metric) for r in trial.results]
        # As in cv_results_, to the last digit: the best must be the same.
        failed = trial.outcome.score is None
        value = np.inf if failed else -np.mean(np.array(scores, dtype=np.float64))
        return self._steps.record(trial.suggestion, float(value))

    def _dimensions(self) -> list[tuple[Any, Any]]:
        """Return name and dimension of each parameter, as the user wrote them."""
        spaces = [space for space, _ in self._pairs() if isinstance(space, Mapping)]
        return [item for space in spaces for item in space.items()]

    def _warn_of_ignored(self) -> None:
        ignored = [f"optimizer_kwargs[{n!r}]" for n in self.optimizer_kwargs or ()]
        if not (isinstance(self.iid, str) and self.iid == "deprecated"):
            ignored.append("iid")
        for name, dimension in self._dimensions():
            has_weights = getattr(dimension, "prior", None) is not None
            if hasattr(dimension, "categories") and has_weights:
                ignored.append(f"the prior of {name!r}")
        if ignored:
            warnings.warn(
                f"Accepted, but without effect in sktune: {', '.join(ignored)}.",
                SktuneWarning,
                stacklevel=2,
            )

    def _warn_of_lists(self) -> None:
        lists = {
            name: dimension
            for name, dimension in self._dimensions()
            if isinstance(dimension, list)
            and len(dimension) == 2
            and not isinstance(read_dimension(dimension), list)
        }
        if lists:
            warnings.warn(
                f"A list of two numbers is a range, as in scikit-optimize: {lists}. "
                "Write a tuple for a range, Categorical for the two values.",
                SktuneWarning,
                stacklevel=2,
            )

    def _rank_train_scores(self) -> None:
        # scikit-learn has no such key, scikit-optimize has.
        prefix = "mean_train_"
        for key in [key for key in self.cv_results_ if key.startswith(prefix)]:
            ranks = rankdata(-self.cv_results_[key], method="min").astype(np.int32)
            self.cv_results_[f"rank_train_{key.removeprefix(prefix)}"] = ranks


def _read_space(space: Mapping[Any, Any]) -> dict[Any, Any]:
    return {name: read_dimension(value) for name, value in space.items()}


def _check_callback(callback: Any) -> list[_Callback]:
    callbacks = callback if isinstance(callback, list) else [callback]
    if callback is None:
        return []
    if not all(map(callable, callbacks)):
        raise SearchError(
            f"callback must be a callable or a list of callables, got {callback!r}"
        )
    return callbacks


class _Steps:
    """What proposes candidates, with the record that scikit-optimize keeps.

    There each dict has an optimizer and a result of its own, callbacks are
    called after each step, and a true return ends the search of that dict.

    Parameters
    ----------
    optimizer : object
        What proposes; a `SequentialOptimizer` if there are several spaces.
    spaces : list of ResultSpace
        In the order in which they are searched.
    metric : str
        Name of the metric that is maximised.
    callbacks : list of callable
        Called with the result so far.
    random_state : object
        Reported in the results.
    """

    def __init__(
        self,
        optimizer: Any,
        spaces: list[ResultSpace],
        metric: str,
        callbacks: list[_Callback],
        random_state: Any,
    ) -> None:
        self.metric = metric
        self._optimizer = optimizer
        self._spaces = spaces
        self._callbacks = callbacks
        self._random_state = random_state
        self._points: list[list[list[Any]]] = [[] for _ in spaces]
        self._values: list[list[float]] = [[] for _ in spaces]
        self._ended: set[int] = set()

    @property
    def n_independent(self) -> int:
        """Number of suggestions that need not wait for any outcome."""
        # A callback may end the search after any step: none runs ahead.
        return 0 if self._callbacks else int(self._optimizer.n_independent)

    def ask(self) -> Suggestion | None:
        """Propose a configuration."""
        suggestion: Suggestion | None = self._optimizer.ask()
        return suggestion

    def tell(self, outcome: Outcome) -> None:
        """Report how a trial ended."""
        self._optimizer.tell(outcome)

    def record(self, suggestion: Suggestion, value: float) -> bool:
        """Take note of a step and call back; true when the search is to end."""
        part = 0
        if len(self._spaces) > 1:
            part = self._optimizer.part_of(suggestion.trial)
        names = self._spaces[part].dimension_names
        self._points[part].append([suggestion.params.get(name) for name in names])
        self._values[part].append(value)
        # One in `_ended` was under way when a callback ended its part.
        if part in self._ended or not self._call_back(part):
            return False
        self._ended.add(part)
        if part == len(self._spaces) - 1:
            return True
        self._optimizer.end_part(part)
        return False

    def _call_back(self, part: int) -> bool:
        if not self._callbacks:
            return False
        result = self._result(part)
        # All of them are called, whatever the first one returns.
        verdicts = [bool(callback(result)) for callback in self._callbacks]
        return any(verdicts)

    @property
    def results(self) -> list[Any]:
        """One for each space of which a candidate was finished."""
        return [self._result(p) for p, values in enumerate(self._values) if values]

    def _result(self, part: int) -> Any:
        values = np.array(self._values[part])
        best = int(np.argmin(values))
        result: Any = OptimizeResult()
        result.update(
            x=self._points[part][best],
            fun=float(values[best]),
            func_vals=values,
            x_iters=list(self._points[part]),
            models=[],
            space=self._spaces[part],
            random_state=self._random_state,
            specs={"args": {}, "function": "BayesSearchCV"},
        )
        return result
