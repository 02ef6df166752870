"""``HyperbandSearchCV`` with the signature and the names of dask-ml.

dask-ml's own class does not run on dask from 2025.3 on. This one needs no dask:
it runs on whichever joblib backend is active, dask's among them.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.model_selection import ShuffleSplit

from ..exceptions import SktuneWarning
from ..search import HyperbandSearchCV as _HyperbandSearchCV

__all__ = ["HyperbandSearchCV"]


class HyperbandSearchCV(_HyperbandSearchCV):
    """Hyperband as ``dask_ml.model_selection.HyperbandSearchCV`` is called.

    Change the import, and old code runs. As there, candidates are drawn at
    random, each is trained by ``partial_fit``, and they are compared on one part
    of the data that is held out.

    Parameters
    ----------
    estimator : estimator object
        Trained by ``partial_fit``.
    parameters : dict
        Names of parameters, and lists or scipy distributions of their values.
    max_iter : int, default=81
        Calls of ``partial_fit`` at most for a model.
    aggressiveness : int, default=3
        One in so many models goes on.
    patience : bool or int, default=False
        Calls of ``partial_fit`` over which a score has to improve by `tol`; true
        is a third of `max_iter`.
    tol : float, default=0.001
        See `patience`.
    test_size : float or int, default=None
        Share or number of rows held out; None is 0.15, as in dask-ml.
    random_state : int, RandomState instance or None, default=None
        Seed of the search and of the rows held out.
    scoring : str, callable, list or dict, default=None
        As in `~sklearn.model_selection.GridSearchCV`.
    verbose : bool, float or int, default=False
        Anything true says what is planned.
    prefix : str, default=""
        Accepted, without effect.
    predict_meta, predict_proba_meta, transform_meta : object, default=None
        Accepted, without effect: results are arrays of numpy.
    n_jobs : int, default=None
        Number of models trained at a time; not in dask-ml.

    Attributes
    ----------
    cv_results_ : dict of str -> ndarray
        As in `sktune.HyperbandSearchCV`, and with ``model_id``,
        ``partial_fit_calls`` and ``test_score``.
    metadata : dict
        What is planned: ``n_models``, ``partial_fit_calls`` and ``brackets``.
    metadata_ : dict
        The same of what was done.
    model_history_ : dict of str -> list of dict
        The scores of each model.
    history_ : list of dict
        The scores of all models, in the order of their numbers.
    best_estimator_ : estimator
        The best model, trained by as many calls on all rows.
    best_score_ : float
        Its score on the rows held out.
    best_params_ : dict
        Its parameters.
    best_index_ : int
        Its row in ``cv_results_``.

    See Also
    --------
    sktune.HyperbandSearchCV : With real cross-validation and a model-based
        sampler.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import SGDClassifier
    >>> from sktune.compat.dask_ml import HyperbandSearchCV
    >>> X, y = load_digits(return_X_y=True)
    >>> params = {"alpha": loguniform(1e-6, 1e0), "penalty": ["l1", "l2"]}
    >>> search = HyperbandSearchCV(
    ...     SGDClassifier(random_state=0), params, max_iter=9, random_state=0
    ... )
    >>> search.metadata["partial_fit_calls"]
    69
    >>> search.fit(X, y).best_score_ > 0.9
    True
    """

    _parameter_constraints: dict[str, list[Any]] = {}

    def __init__(
        self,
        estimator: Any,
        parameters: Any,
        max_iter: int = 81,
        aggressiveness: int = 3,
        patience: bool | int = False,
        tol: float = 1e-3,
        test_size: float | None = None,
        random_state: Any = None,
        scoring: Any = None,
        verbose: bool | float = False,
        prefix: str = "",
        predict_meta: Any = None,
        predict_proba_meta: Any = None,
        transform_meta: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.parameters = parameters
        self.max_iter = max_iter
        self.aggressiveness = aggressiveness
        self.patience = patience
        self.tol = tol
        self.test_size = test_size
        self.random_state = random_state
        self.scoring = scoring
        self.verbose = verbose
        self.prefix = prefix
        self.predict_meta = predict_meta
        self.predict_proba_meta = predict_proba_meta
        self.transform_meta = transform_meta
        self.n_jobs = n_jobs

    # -- What the main class reads, in its own words -------------------------------

    min_resource = 1
    n_candidates = "auto"
    brackets = "all"
    sampler = "random"
    promotion = "sync"
    rung_folds = None
    initial_params = warm_start_from = param_grid = None
    time_budget = None
    max_no_improvement = None
    on_interrupt = "raise"
    trial_timeout = None
    memory_limit = None
    refit_from = "scratch"
    checkpoint_memory = 1_000_000_000
    checkpoint_folder = None
    refit = True
    pre_dispatch = "2*n_jobs"
    error_score = np.nan
    return_train_score = False
    # Rows of a chunk while a dask array is fitted: there, a call takes one chunk.
    batch_size: int | None = None

    @property
    def resource(self) -> str:  # type: ignore[override]
        """What a call of ``partial_fit`` takes."""
        return "passes" if self.batch_size is None else "batches"

    @property
    def max_resource(self) -> int:  # type: ignore[override]
        """Synonym of `max_iter`."""
        return self.max_iter

    @property
    def factor(self) -> int:  # type: ignore[override]
        """Synonym of `aggressiveness`."""
        return self.aggressiveness

    @property
    def param_distributions(self) -> Any:
        """Synonym of `parameters`."""
        return self.parameters

    @property
    def cv(self) -> ShuffleSplit:
        """The rows held out."""
        size = 0.15 if self.test_size is None else self.test_size
        return ShuffleSplit(1, test_size=size, random_state=self.random_state)

    def _units_of_patience(self) -> int | None:
        if self.patience is True:
            return max(self.max_iter // self.aggressiveness, 1)
        return int(self.patience or 0) or None

    # -- fit -----------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None, **fit_params: Any) -> HyperbandSearchCV:
        """Search, then train the best model on all rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data. A dask array is loaded, and a call of ``partial_fit``
            takes as many rows as one of its chunks.
        y : array-like of shape (n_samples,), default=None
            Target.
        **fit_params : dict of str -> object
            Parameters for ``partial_fit``.

        Returns
        -------
        self : object
            The fitted search.
        """
        ignored = [
            name
            for name in ("predict_meta", "predict_proba_meta", "transform_meta")
            if getattr(self, name) is not None
        ]
        if self.prefix:
            ignored.append("prefix")
        if ignored:
            warnings.warn(
                f"Accepted, but without effect in sktune: {', '.join(ignored)}.",
                SktuneWarning,
                stacklevel=2,
            )
        chunks = getattr(X, "chunks", None)
        if chunks:
            self.batch_size = max(chunks[0])
        try:
            super().fit(_loaded(X), _loaded(y), **fit_params)
        finally:
            self.__dict__.pop("batch_size", None)
        self._add_names_of_dask_ml()
        return self

    @property
    def metadata(self) -> dict[str, Any]:
        """What is planned."""
        plan = self._make_plan(self._read_space(), None, None, seed=0)
        return _metadata(
            {
                bracket.number: [
                    (rung.n_candidates, rung.budget) for rung in bracket.rungs
                ]
                for bracket in plan.brackets
            }
        )

    def _history_columns(self) -> dict[str, Any]:
        return self._columns

    def _add_names_of_dask_ml(self) -> None:
        results, columns = self.cv_results_, self.history_
        calls = results["n_resources"]
        numbers: dict[int, int] = {}
        names = []
        for bracket in results["bracket"]:
            number = numbers.setdefault(int(bracket), 0)
            names.append(f"bracket={bracket}-{number}")
            numbers[int(bracket)] += 1
        results["model_id"] = np.array(names)
        results["partial_fit_calls"] = calls
        metric = next(name for name in columns if name.startswith("test_"))
        results["test_score"] = results[f"mean_{metric}"]
        self._columns = columns
        records = [
            {
                "model_id": names[candidate],
                "params": results["params"][candidate],
                "bracket": int(columns["bracket"][row]),
                "partial_fit_calls": int(columns["n_resources"][row]),
                "partial_fit_time": float(columns["fit_time"][row]),
                "score": float(columns[metric][row]),
                "score_time": float(columns["score_time"][row]),
            }
            for row, candidate in enumerate(columns["candidate"])
        ]
        self.history_ = records  # type: ignore[assignment]  # so it is there
        self.model_history_: dict[str, list[dict[str, Any]]] = {}
        for record in records:
            self.model_history_.setdefault(record["model_id"], []).append(record)
        reached: dict[int, list[tuple[int, int]]] = {}
        for bracket in self.brackets_:
            of_bracket = calls[results["bracket"] == bracket.number]
            reached[bracket.number] = [
                (int(np.sum(of_bracket >= rung.budget)), rung.budget)
                for rung in bracket.rungs
            ]
        self.metadata_ = _metadata(reached)


def _loaded(data: Any) -> Any:
    """Return data of dask as what it holds."""
    return data.compute() if hasattr(data, "compute") else data


def _metadata(brackets: dict[int, list[tuple[int, int]]]) -> dict[str, Any]:
    """Return dask-ml's description of brackets: (models, calls) at each rung."""
    described = []
    for number, rungs in brackets.items():
        calls = before = 0
        for n_models, budget in rungs:
            calls += n_models * (budget - before)
            before = budget
        described.append(
            {
                "bracket": number,
                "n_models": rungs[0][0],
                "partial_fit_calls": calls,
                "decisions": [budget for _, budget in rungs],
            }
        )
    return {
        "n_models": sum(bracket["n_models"] for bracket in described),
        "partial_fit_calls": sum(bracket["partial_fit_calls"] for bracket in described),
        "brackets": described,
    }
