"""Population based training behind the interface of ``GridSearchCV``."""

from __future__ import annotations

import math
import numbers
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from .._compat import BaseSearchCV, Interval, StrOptions
from .._execution import (
    CheckpointStore,
    FoldContext,
    FoldData,
    ResourceRequest,
    SearchRun,
    replay,
)
from .._protocol import Checkpoint
from .._schedule import write_schedule
from ..exceptions import SearchError
from ..optimizers import Call, Explorer, Gain, PBTOptimizer, Perturb
from ..results import Candidate, learning_curves
from ..space import Space, split_budgets
from ._base import BaseTuneSearchCV
from ._checks import read_space
from ._generations import GenerationPlan, plan_generations
from ._in_common import (
    check_not_searched,
    drawn_estimators,
    inherited_parameters,
    only_resource,
)
from ._members import kept_models, lineage, member_history, member_rows
from ._proposals import Proposals
from ._voting import vote

__all__ = ["PBTSearchCV"]


class PBTSearchCV(BaseTuneSearchCV):
    """Train a population whose members copy the best and change on the way.

    Population based training [1]_ finds schedules of hyperparameters while it
    trains. All members train side by side. After each interval, the last of them
    take over weights and hyperparameters of the first, and change the
    hyperparameters a little. What comes out is a schedule: the learning rate
    that began at 0.1, say, and ended at 0.003.

    A member has a model for each fold. Weights are copied from fold i to fold i
    only, so that no model ever sees the rows that it is scored on.

    Parameters
    ----------
    estimator : estimator object
        Cloned and trained for each member and fold. Its training must be able to
        go on: an estimator of ``sktune.keras``, one with ``partial_fit`` or
        ``warm_start``, a skorch net, XGBoost, LightGBM, CatBoost, or a pipeline that
        ends in one of them, or a `~sklearn.compose.TransformedTargetRegressor` or
        `~sklearn.model_selection.FixedThresholdClassifier` of one.
    param_distributions : dict or list of dict, default=None
        The space, as in `BayesSearchCV`. Parameters that a model in training
        cannot change (its layers, say) are drawn for the first generation and
        inherited from then on, see ``fixed_parameters_``.
    population_size : int, default=8
        Number of members.
    n_generations : int, default=10
        Into how many intervals the training is divided, with
        ``interval="auto"``; fewer where whole units do not divide so.
    interval : int, list of int or "auto", default="auto"
        Units of the resource between two exchanges. A list divides the
        population into sub-populations of their own intervals [2]_: a member
        also learns from those of longer intervals, and not from those of shorter
        ones.
    max_resource : int or "auto", default="auto"
        Units that each member is trained for. ``"auto"`` is `interval` times
        `n_generations`, or what the estimator's own parameter says.
    resource : str, default="auto"
        What a training is measured in, as in `HyperbandSearchCV`; one that
        continues.
    exploit : {"truncation", "tournament"}, default="truncation"
        - ``"truncation"``: the last of the members copy one of the first.
        - ``"tournament"``: each member meets another one, drawn at random, and
          copies it if that is better.
    quantile : float, default=0.25
        With ``"truncation"``, which share of the members are the last, and which
        the first.
    explore : {"perturb", "bayes"} or callable, default="perturb"
        What a copy gets for hyperparameters.

        - ``"perturb"``: those of its donor, each moved a little by one of
          `perturbation_factors`, on the scale of the space, or drawn anew.
        - ``"bayes"``: what a Gaussian process expects to gain most in the next
          interval [3]_. It knows the time, the score so far and the
          hyperparameters.
        - a function of the donor's hyperparameters (a dict) and a
          `numpy.random.Generator`, that returns a dict of those that change.
          Numbers beyond a range become its bounds.
    perturbation_factors : tuple of float, default=(0.8, 1.2)
        A parameter of log-uniform scale is multiplied by one of them. Others
        move by ``(factor - 1) / 2`` of their range; numbers in a list move to
        the next. Whole numbers are rounded up or down at random, so that small
        ones move too.
    resample_probability : float, default=0.25
        Probability that a parameter of a copy is drawn from the whole space.
    fixed_parameters : list of str, default=None
        Parameters to inherit besides those that sktune knows to be fixed.
    mutate_architecture : bool, default=False
        Whether the parameters of the layers of a Keras estimator may change as
        well: a copy of another size inherits the weights that fit.
    batch_size : int, default=None
        Rows a call of ``partial_fit``; None passes all at once.
    initial_params : dict or list of dict, default=None
        Configurations of the first members, as in `BayesSearchCV`.
    time_budget : float, default=None
        Seconds for the whole of ``fit``, the refit included. What is not
        finished by then is stopped.
    on_interrupt : {"raise", "return"}, default="raise"
        As in `BayesSearchCV`.
    trial_timeout : float, default=None
        Seconds that a fold may be trained and scored in one interval, as in
        `BayesSearchCV`.
    memory_limit : int or str, default=None
        Bytes that a fold may take, as in `BayesSearchCV`.
    storage : str or path-like, default=None
        Name of a file to which every finished fold is written, and from which the
        search goes on, as in `BayesSearchCV`. The models of the members lie beside
        it.
    on_change : {"error", "new"}, default="error"
        As in `BayesSearchCV`.
    checkpoint_memory : int, default=1_000_000_000
        Bytes of models in training to hold in memory. More goes to files that
        only this user can read.
    checkpoint_folder : str, default=None
        Where these files are put, until the end of the search; None is the
        system's place for temporary files. With ``storage`` they lie beside it.
    scoring : str, callable, list, tuple or dict, default=None
        As in `BayesSearchCV`.
    n_jobs : int, default=None
        Number of folds trained at a time; -1 uses all processors. Runs on the
        active joblib backend.
    refit : bool, str or callable, default=True
        - True, or the name of a metric: the schedule of the best member is
          replayed on all data.
        - ``"best_member"``: no training; the models of its folds vote.
        - False, or a callable: as in `~sklearn.model_selection.GridSearchCV`.
    cv : int, cross-validation generator or iterable, default=None
        As in `BayesSearchCV`. All folds of a member advance together.
    verbose : int, default=0
        As in `~sklearn.model_selection.GridSearchCV`; from 1 on, it says which
        resource was found and what is planned.
    pre_dispatch : int or str, default="2*n_jobs"
        As in `BayesSearchCV`.
    random_state : int, RandomState instance or None, default=None
        With an int, ``cv_results_`` (times aside) is the same for any `n_jobs`
        and backend: generations are counted, not timed.
    error_score : "raise" or float, default=np.nan
        What stands for the score of a fold that failed. A member that failed is
        replaced by a copy of one that did not.
    return_train_score : bool, default=False
        Whether ``cv_results_`` has the scores on the training folds.
    param_grid : dict or list of dict, default=None
        Synonym of `param_distributions`: here all tuples are lists.

    Attributes
    ----------
    best_schedule_ : list of dict
        How the best member was trained: ``start``, ``end`` and ``params`` of each
        segment, in units of the resource, walked back through all parents.
    lineage_ : list of dict
        The segments behind ``best_schedule_``: whose they were (``member``,
        ``generation``), where their hyperparameters came from (``origin``), and
        their scores.
    cv_results_ : dict of str -> ndarray
        With the keys of `~sklearn.model_selection.GridSearchCV`, a row for each
        member, as it was at its end; ``params`` are those of its last segment.
        Further columns are ``n_resources`` (units trained), ``generation``,
        ``population`` (number of the sub-population), ``status`` and ``error``.
        The status is ``"completed"``, ``"unfinished"``, or one of a failure, as in
        `BayesSearchCV`. Members rank by how far they came, then by score.
    history_ : dict of str -> ndarray
        A row for each segment and fold.
    best_estimator_ : estimator
        Only if `refit` is not False.
    best_score_ : float
        Mean test score of the best member.
    best_params_ : dict
        Its parameters in the last segment.
    best_index_ : int
        Its row in ``cv_results_``.
    n_failed_ : int
        Number of segments that failed.
    n_copied_ : int
        Number of times that a member took over another one's weights.
    fixed_parameters_ : list of str
        Parameters of the space that were inherited.
    resource_ : str
        What the budget was measured in.
    max_resource_ : int
        Units that each member was trained for.
    checkpoint_use_ : CheckpointUse
        What memory and disk the models took.
    scorer_ : callable or dict
        The scorer, or one for each metric.
    n_splits_ : int
        Number of folds.
    refit_time_ : float
        Seconds spent on the refit.
    multimetric_ : bool
        Whether there are several metrics.
    optimizer_time_ : ndarray of shape (population_size,)
        Seconds it took to propose the segments of each member.
    space_ : Space
        The space as it was read.
    stop_reason_ : str
        ``"completed"``, ``"time_budget"``, ``"interrupt"`` or ``"error"``.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if the estimator has them.
    classes_ : ndarray of shape (n_classes,)
        Labels, if the estimator is a classifier.

    See Also
    --------
    HyperbandSearchCV : Finds settings that do not change.
    ScheduledEstimator : Trains by a schedule.

    Notes
    -----
    The exchanges are greedy: what pays in the next interval is kept. Where a
    setting pays late (a learning rate that falls too early looks best for a
    while), give longer intervals, or a list of them.

    References
    ----------
    .. [1] M. Jaderberg et al., "Population Based Training of Neural Networks",
       arXiv:1711.09846, 2017.
    .. [2] W. Doulazmi et al., "Multiple-Frequencies Population-Based Training",
       arXiv:2506.03225, 2025.
    .. [3] J. Parker-Holder, V. Nguyen, S. Roberts, "Provably Efficient Online
       Hyperparameter Optimization with Population-Based Bandits", NeurIPS 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import SGDClassifier
    >>> from sktune import PBTSearchCV
    >>> X, y = load_digits(return_X_y=True)
    >>> search = PBTSearchCV(
    ...     SGDClassifier(learning_rate="constant", eta0=0.1, random_state=0),
    ...     {
    ...         "eta0": (1e-5, 1e0, "log-uniform"),
    ...         "alpha": (1e-6, 1e0, "log-uniform"),
    ...     },
    ...     population_size=4,
    ...     n_generations=4,
    ...     max_resource=8,
    ...     cv=3,
    ...     random_state=0,
    ... ).fit(X, y)
    >>> [(segment["start"], segment["end"]) for segment in search.best_schedule_]
    [(0, 2), (2, 4), (4, 6), (6, 8)]
    >>> search.best_score_ > 0.9
    True
    """

    _deciding = (
        *BaseTuneSearchCV._deciding,
        "exploit",
        "quantile",
        "explore",
        "perturbation_factors",
        "resample_probability",
        "fixed_parameters",
        "mutate_architecture",
        "batch_size",
    )

    _parameter_constraints: dict[str, list[Any]] = {
        **BaseSearchCV._parameter_constraints,
        "param_distributions": [dict, list, tuple, None],
        "param_grid": [dict, list, tuple, None],
        "population_size": [Interval(numbers.Integral, 1, None, closed="left")],
        "n_generations": [Interval(numbers.Integral, 1, None, closed="left")],
        "interval": [
            Interval(numbers.Integral, 1, None, closed="left"),
            list,
            tuple,
            StrOptions({"auto"}),
        ],
        "max_resource": [
            Interval(numbers.Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "resource": [str],
        "exploit": [StrOptions({"truncation", "tournament"})],
        "quantile": [Interval(numbers.Real, 0, 0.5, closed="right")],
        "explore": [StrOptions({"perturb", "bayes"}), callable],
        "perturbation_factors": [list, tuple],
        "resample_probability": [Interval(numbers.Real, 0, 1, closed="both")],
        "fixed_parameters": [list, tuple, None],
        "mutate_architecture": ["boolean"],
        "batch_size": [Interval(numbers.Integral, 1, None, closed="left"), None],
        "initial_params": [dict, list, None],
        "time_budget": [Interval(numbers.Real, 0, None, closed="neither"), None],
        "on_interrupt": [StrOptions({"raise", "return"})],
        "trial_timeout": [Interval(numbers.Real, 0, None, closed="neither"), None],
        "memory_limit": [Interval(numbers.Integral, 1, None, closed="left"), str, None],
        "storage": [str, os.PathLike, None],
        "on_change": [StrOptions({"error", "new"})],
        "checkpoint_memory": [Interval(numbers.Integral, 0, None, closed="left")],
        "checkpoint_folder": [str, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any,
        param_distributions: Any = None,
        *,
        population_size: int = 8,
        n_generations: int = 10,
        interval: Any = "auto",
        max_resource: int | str = "auto",
        resource: str = "auto",
        exploit: str = "truncation",
        quantile: float = 0.25,
        explore: Any = "perturb",
        perturbation_factors: Any = (0.8, 1.2),
        resample_probability: float = 0.25,
        fixed_parameters: Any = None,
        mutate_architecture: bool = False,
        batch_size: int | None = None,
        initial_params: Any = None,
        time_budget: float | None = None,
        on_interrupt: str = "raise",
        trial_timeout: float | None = None,
        memory_limit: int | str | None = None,
        storage: str | os.PathLike[str] | None = None,
        on_change: str = "error",
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
        self.population_size = population_size
        self.n_generations = n_generations
        self.interval = interval
        self.max_resource = max_resource
        self.resource = resource
        self.exploit = exploit
        self.quantile = quantile
        self.explore = explore
        self.perturbation_factors = perturbation_factors
        self.resample_probability = resample_probability
        self.fixed_parameters = fixed_parameters
        self.mutate_architecture = mutate_architecture
        self.batch_size = batch_size
        self.initial_params = initial_params
        self.time_budget = time_budget
        self.on_interrupt = on_interrupt
        self.trial_timeout = trial_timeout
        self.memory_limit = memory_limit
        self.storage = storage
        self.on_change = on_change
        self.checkpoint_memory = checkpoint_memory
        self.checkpoint_folder = checkpoint_folder
        self.random_state = random_state
        self.param_grid = param_grid

    # -- the plan ----------------------------------------------------------------

    def plan(self, X: Any = None, y: Any = None) -> None:
        """Print what ``fit`` is going to do: resource, generations, members.

        Parameters
        ----------
        X, y : array-like, default=None
            Not needed; `HyperbandSearchCV.plan` has them.
        """
        self._validate_params()
        space = self._read_space()
        n_folds = 5 if self.cv is None else None
        if isinstance(self.cv, numbers.Integral):
            n_folds = int(self.cv)
        drawn = drawn_estimators(self.estimator, space)
        print(self._make_plan(drawn, space, y, seed=0).to_text(n_folds))

    def _read_space(self) -> Space:
        spec, as_grid = self._spec()
        parts = split_budgets(spec)
        if any(n_iter is not None for _, n_iter in parts):
            raise SearchError(
                "PBTSearchCV takes no (dict, n_iter) pairs: population_size says how "
                "many members there are. Give a list of dicts"
            )
        union = [part for part, _ in parts] if len(parts) > 1 else parts[0][0]
        return read_space(self.estimator, union, as_grid=as_grid)

    def _make_plan(
        self, drawn: Sequence[Any], space: Space, y: Any, seed: int
    ) -> GenerationPlan:
        # n_samples is not offered: it does not continue
        request = ResourceRequest(self.resource, y, 1, self.batch_size, seed)
        found = only_resource(drawn, request)
        check_not_searched(found, space)
        return plan_generations(
            found,
            population_size=self.population_size,
            n_generations=self.n_generations,
            interval=self.interval,
            max_resource=self.max_resource,
            inherits=self.mutate_architecture,
        )

    # -- what proposes members -----------------------------------------------------

    def _propose(self, metric: str, data: FoldData) -> Proposals:
        factors = list(self.perturbation_factors)
        if not factors or not all(
            isinstance(f, numbers.Real) and 0 < float(f) < math.inf for f in factors
        ):
            raise SearchError(
                "perturbation_factors must be positive numbers, got "
                f"{self.perturbation_factors!r}"
            )
        self.space_ = space = self._read_space()
        rng = self._generator()
        drawn = drawn_estimators(self.estimator, space)
        plan = self._make_plan(drawn, space, data.y, seed=int(rng.integers(2**31)))
        self.resource_ = plan.resource.name
        self.max_resource_ = plan.max_resource
        self.fixed_parameters_ = inherited_parameters(
            drawn,
            space,
            plan.resource,
            list(self.fixed_parameters or ()),
            mutates=self.mutate_architecture,
        )
        fixed = space.axes_of(self.fixed_parameters_)
        optimizer = PBTOptimizer(
            space,
            plan.parts,
            rng=rng,
            explorer=self._make_explorer(space, fixed),
            initial=self._initial_points(),
            exploit=self.exploit,  # type: ignore[arg-type]
            quantile=self.quantile,
            keeps_last=self.refit == "best_member",
        )
        n_fits = plan.n_steps * self.n_splits_
        return Proposals(
            optimizer,
            plan.population_size,
            plan.n_steps,
            f"{plan.to_text(self.n_splits_)}\n"
            f"Fitting {self.n_splits_} folds for each of {plan.population_size} "
            f"candidates, totalling {n_fits} fits",
            ask_ahead=True,
            resource=plan.resource,
            checkpoints=CheckpointStore(self.checkpoint_memory, self.checkpoint_folder),
            design={
                "resource": plan.resource.name,
                "population_size": plan.population_size,
                "interval": list(plan.intervals),
                "max_resource": plan.max_resource,
            },
            growing=self._growing(plan),
            advice=(
                "More generations can be added where interval= is given, but not with "
                "explore='bayes', and not to nets, whose schedules run over the whole "
                "training. Else begin a search with another storage= and "
                "initial_params=load_search(...).best_params_"
            ),
        )

    def _growing(self, plan: GenerationPlan) -> dict[str, int]:
        """Return what may be larger when a search goes on."""
        # A schedule of the learning rate, or a model of the scores, may know of
        # the end of the training from its beginning.
        if plan.resource.knows_end or self.explore == "bayes":
            return {}
        return {"max_resource": math.lcm(*plan.intervals)}

    def _initial_points(self) -> list[Any]:
        current = self.estimator.get_params()
        points = [
            self.space_.guess({**current, **params}, required=params)
            for params in self._given_params()
        ]
        if self.space_.n_held(current):
            points.append(self.space_.guess(current))
        return points

    def _make_explorer(self, space: Space, fixed: list[int]) -> Explorer:
        if callable(self.explore):
            return Call(space, fixed, function=self.explore)
        perturb = Perturb(
            space,
            fixed,
            factors=self.perturbation_factors,
            resample=self.resample_probability,
        )
        return (
            Gain(space, fixed, perturb=perturb) if self.explore == "bayes" else perturb
        )

    # -- results -------------------------------------------------------------------

    def _after_search(
        self, run: SearchRun, plan: Proposals, context: FoldContext, data: FoldData
    ) -> None:
        self._members: dict[int, list[Checkpoint | None]] = {}
        if self.refit == "best_member":
            self._members = kept_models(run, plan.checkpoints, context, data)

    def _candidates(self, run: SearchRun, plan: Proposals) -> list[Candidate]:
        optimizer = plan.optimizer
        assert isinstance(optimizer, PBTOptimizer)
        segments = optimizer.segments
        candidates, shown = member_rows(run.steps, segments, self.max_resource_)
        self._lineages = [lineage(run.steps, segments, number) for number in shown]
        self._note(optimizer, run, plan)
        return candidates

    def _note(self, optimizer: PBTOptimizer, run: SearchRun, plan: Proposals) -> None:
        """Set what is said of the whole population."""
        trained = [optimizer.segments[step.suggestion.trial] for step in run.steps]
        self.n_failed_ = sum(segment.score is None for segment in trained)
        self.n_copied_ = sum(
            s.parent is not None and optimizer.segments[s.parent].member != s.member
            for s in trained
        )
        error_score = np.nan if self.error_score == "raise" else self.error_score
        self.history_ = member_history(run.steps, optimizer.segments, error_score, None)
        assert plan.checkpoints is not None
        self.checkpoint_use_ = plan.checkpoints.use
        if run.ended_by in ("n_iter", "exhausted"):
            run.ended_by = "completed"

    def _select_best(self, metric: Any) -> None:
        super()._select_best(metric)
        self.lineage_ = self._lineages[self.best_index_]
        self.best_schedule_ = [
            {key: segment[key] for key in ("start", "end", "params")}
            for segment in self.lineage_
        ]

    # -- the refit -----------------------------------------------------------------

    def _start_refit(self, estimator: Any, plan: Proposals) -> tuple[Any, int]:
        return clone(estimator), 0  # the schedule says with which parameters

    def _train_best(
        self, best: Any, start: int, plan: Proposals, data: FoldData
    ) -> Any:
        if self.refit == "best_member" and self._members:
            return self._ensemble(plan)
        # also where no member has a score: the error is that of the training
        return replay(
            best, plan.resource, self.best_schedule_, data.X, data.y, data.fit_params
        )

    def _ensemble(self, plan: Proposals) -> Any:
        """Return the models of the best member's folds."""
        states = self._members[self.lineage_[-1]["segment"]]

        def untrained() -> Any:
            params = clone(self.best_params_, safe=False)
            return clone(self.estimator).set_params(**params)

        models = []
        for state in states:
            assert state is not None
            assert state.data is not None
            models.append(plan.resource.restore(state.data, untrained))
        self._members = {}
        return vote(models)

    # -- for users -----------------------------------------------------------------

    def save_schedule(self, path: Any = None) -> str:
        """Return ``best_schedule_`` as JSON, and write it to a file.

        Parameters
        ----------
        path : str or path-like, default=None
            Where to write it; None only returns it.

        Returns
        -------
        str
            A list of segments, as `ScheduledEstimator` takes it.
        """
        check_is_fitted(self, "best_schedule_")
        return write_schedule(self.best_schedule_, path)

    def learning_curves(self, metric: str = "test_score") -> Any:
        """Return the mean score of each member at each exchange.

        Parameters
        ----------
        metric : str, default="test_score"
            A column of ``history_``.

        Returns
        -------
        pandas.DataFrame
            A row for each member, a column for each number of units.
        """
        check_is_fitted(self, "history_")
        return learning_curves(self.history_, metric, index="member")
