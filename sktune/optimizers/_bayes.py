"""Bayesian optimisation with a Gaussian process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal, final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from . import _transform
from ._acquisition import LogEI, Maximizer
from ._base import Optimizer, Results
from ._budget_axis import BudgetAxis, TopPosterior
from ._features import FeatureMap
from ._gp import GaussianProcess, Posterior
from ._rungs import RungResult
from ._threads import single_blas_thread

if TYPE_CHECKING:
    from ..space import Space

__all__ = ["BayesOptimizer"]

Array = NDArray[np.float64]

_N_INITIAL = 6
"""Trials before the model takes over, or one for each axis if there are more axes."""

_N_UNIFORM = 512
"""Places all over the space where the acquisition is looked at."""

_WARP_FROM = 4
"""Results an axis before inputs are warped: two shapes an axis must be learnt."""

_MARGIN = 0.003
"""Least improvement worth a trial, in standard deviations of the targets.

Without one, a search can spend all its trials on the last digits of a local optimum. A
larger one costs precision.
"""

_FEW = 200
"""Up to so many results a fit costs little, and is done in full."""

_MAX_POINTS = 500
"""More results are thinned: the algebra grows with the cube."""

_MAX_LISTED = 2048
"""A finite space of up to so many points is looked at as a whole."""

_N_ANCHORS = 5
"""Results near which the acquisition is searched more densely."""


@final
class BayesOptimizer(Optimizer):
    """Log expected improvement under a Gaussian process.

    Parameters
    ----------
    space : Space
        What is searched.
    rng : numpy.random.Generator
        The only source of randomness.
    initial : sequence of ndarray of shape (n_axes,)
        Points proposed first; they count among `n_initial`.
    n_initial : int or "auto", default="auto"
        Number of trials before the model takes over.
    budget : int or None, default=None
        Number of trials that will be asked for, if known.
    budgets : tuple of int or None, default=None
        The smallest and the largest budget of the results that `learn` is given.
        What is told or observed counts as a result at the largest.
    far : float, default=0.5
        Before a result beyond this place between the budgets, 0 to 1 on a logarithmic
        scale, the model does not propose: it does not know what long training brings.

    Examples
    --------
    >>> import numpy as np
    >>> from sktune import Space
    >>> from sktune._protocol import Outcome, Status
    >>> from sktune.optimizers import BayesOptimizer
    >>> space = Space({"x": (0.0, 1.0), "y": (0.0, 1.0)})
    >>> optimizer = BayesOptimizer(space, rng=np.random.default_rng(0))
    >>> best = -np.inf
    >>> for _ in range(25):
    ...     trial = optimizer.ask()
    ...     x, y = trial.params["x"], trial.params["y"]
    ...     score = -((x - 0.3) ** 2) - (y - 0.6) ** 2
    ...     optimizer.tell(Outcome(trial.trial, Status.OK, score))
    ...     best = max(best, score)
    >>> bool(best > -1e-3)
    True
    """

    def __init__(
        self,
        space: Space,
        *,
        rng: np.random.Generator,
        initial: Sequence[Array] = (),
        n_initial: int | Literal["auto"] = "auto",
        budget: int | None = None,
        budgets: tuple[int, int] | None = None,
        far: float = 0.5,
    ) -> None:
        super().__init__(space, rng=rng, initial=initial)
        uniform = qmc.Sobol(space.n_axes, scramble=False).random(_N_UNIFORM)
        # of a union of dicts only one's axes are active at a time
        n_active = float(np.mean(np.sum(~np.isnan(space.snap(uniform)), axis=1)))
        n_auto = max(_N_INITIAL, round(n_active))
        if budget is not None:
            n_auto = max(3, min(n_auto, budget // 4))
        self._n_initial = n_auto if n_initial == "auto" else n_initial
        self._design: list[Array] | None = None
        self._listed: Array | None = None
        self._fitted: tuple[int, int] = (-1, 0)  # results, fits so far
        self._axis = None if budgets is None else BudgetAxis(*budgets)
        self._far = far
        self._learnt: dict[tuple[int, int], RungResult] = {}
        features = _feature_map(space, has_budget=budgets is not None)
        drifts = budgets is not None
        self._new_gp = partial(
            GaussianProcess, features, warped=False, drifts=drifts, n_active=n_active
        )
        self._gp = self._new_gp()
        self._maximizer = Maximizer(space, uniform)

    def learn(self, results: Iterable[RungResult]) -> None:
        """As `Optimizer.learn`; only with `budgets`."""
        if self._axis is None:
            raise ValueError("no budgets were given")
        self._learnt = {(r.trial, r.budget): r for r in results}

    # -- the start ---------------------------------------------------------

    @property
    def n_independent(self) -> int:
        """Number of suggestions, from the first, that depend on no outcome."""
        return max(self._n_initial - len(self._observed), 0)

    def _propose(self) -> tuple[Array, str] | None:
        n_known = len(self._told) + len(self._observed) + len(self._learnt)
        is_start = self._n_asked + len(self._observed) < self._n_initial
        if is_start or not n_known or not self._sees_far():
            point = self._next_of_design()
            if point is not None:
                return point, "design"
        with single_blas_thread():
            point = self._most_promising()
        if point is not None:
            return point, "model"
        point = self._random_point()
        return None if point is None else (point, "random")

    def _next_of_design(self) -> Array | None:
        if self._design is None:
            # one set for the whole start: a Sobol set is balanced as a whole
            n = 1 << (2 * max(self._n_initial, 1) - 1).bit_length()
            units = _sobol(self.space.n_axes, n, self._rng)
            self._design = list(self.space.snap(units)[::-1])
        while self._design:
            point = self._design.pop()
            if not self._is_taken(point):
                return point
        return self._random_point()

    # -- the model ---------------------------------------------------------

    def _most_promising(self) -> Array | None:
        everything = self._known()
        results = _rows(everything, _thinned(everything.scores))
        targets = _targets(results.scores)
        weights = _relative_noise(results.variances)
        iterations = self._fit_iterations(len(everything.scores))
        self._fit(results.points, targets, weights, *iterations)
        observed = self._gp.posterior()
        pending = self._pending_points()
        posterior = observed
        if len(pending):
            posterior = observed.append(self._gp.features(pending))
        points = results.points if self._axis is None else self._configurations()
        at_top = self._at_the_top(observed)
        mean, _ = at_top.predict(at_top.features(points))
        # Not the best posterior mean: a cross-validated score is what the search
        # is judged by, noise and all, and no second draw of it is to be had.
        scored, expected = targets, np.empty(0)
        if self._axis is not None:
            # Most configurations stop early, and at first all do: what is expected
            # of them counts too, of those under way as well.
            scored, expected = targets[results.points[:, -1] >= 1.0], mean
        elif len(pending):
            # One like those under way adds nothing: what is expected of them counts.
            expected, _ = observed.predict(self._gp.features(pending))
        best = max(scored.max(initial=-np.inf), expected.max(initial=-np.inf))
        acquisition = LogEI(self._at_the_top(posterior), best + _MARGIN)
        if self._size is not None and self._size <= _MAX_LISTED:
            return self._best_listed(acquisition)
        order = np.argsort(-mean, kind="stable")[:_N_ANCHORS]
        anchors = np.nan_to_num(points[order], nan=0.5)
        for point in self._maximizer(acquisition, anchors, self._rng):
            if not self._is_taken(point):
                return point
        return None

    # -- budgets -----------------------------------------------------------

    def expected(self, trials: Sequence[int]) -> Array | None:
        """As `Optimizer.expected`; None before the model sees far.

        The model is fitted from its prior: what it says depends on what was learnt
        alone, not on what was proposed or asked before.
        """
        if self._axis is None or not self._sees_far():
            return None
        everything = self._known()
        n_others = len(everything.scores) - len(self._learnt)
        learnt = sorted(self._learnt)
        own = [n_others + i for i, (trial, _) in enumerate(learnt) if trial in trials]
        rows = {*_thinned(everything.scores), *own}
        results = _rows(everything, np.array(sorted(rows)))
        gp = self._new_gp()
        points = np.array([self._pending[trial] for trial in trials])
        with single_blas_thread():
            weights = _relative_noise(results.variances)
            gp.fit(results.points, _targets(results.scores), weights)
            top = TopPosterior(gp.posterior())
            mean, _ = top.predict(top.features(points))
        return mean

    def _sees_far(self) -> bool:
        """Whether the model knows what longer training brings.

        Before, it could only follow the small budgets, where what looks best need not
        win: candidates that are spread evenly do better, and as well where curves do
        not cross. ``benchmarks/hyperband_curves.py`` prints how much.
        """
        if self._axis is None or self._told or self._observed:
            return True
        results = self._learnt.values()
        scored = [r.budget for r in results if r.score is not None]
        return self._axis.place(max(scored, default=self._axis.low)) > self._far

    def _known(self) -> Results:
        """All results, with the budget as the last axis if there are any."""
        told = self._results()
        if self._axis is None:
            return told
        rows = [self._learnt[key] for key in sorted(self._learnt)]
        points = np.array([self._pending[r.trial] for r in rows])
        places = np.array([self._axis.place(r.budget) for r in rows])
        scores = [np.nan if r.score is None else r.score for r in rows]
        variances = [np.nan if r.variance is None else r.variance for r in rows]
        return Results(
            np.concatenate(
                [
                    self._axis.with_place(told.points, 1.0),
                    self._axis.with_place(
                        points.reshape(len(rows), self.space.n_axes), places
                    ),
                ]
            ),
            np.concatenate([told.scores, scores]),
            np.concatenate([told.variances, variances]),
        )

    def _configurations(self) -> Array:
        """Each point that something is known of or that is under way, once."""
        points = [point for point, _ in self._observed]
        points += [self._told[trial][0] for trial in sorted(self._told)]
        points += [self._pending[trial] for trial in sorted(self._pending)]
        return np.array(points)

    def _pending_points(self) -> Array:
        """Points of trials of which nothing is known, as the model takes them."""
        known = {trial for trial, _ in self._learnt}
        points = [self._pending[t] for t in sorted(self._pending) if t not in known]
        if self._axis is None or not points:
            return np.array(points)
        # as if trained in full, so that little is to be gained beside them
        return self._axis.with_place(np.array(points), 1.0)

    def _at_the_top(self, posterior: Posterior) -> Posterior | TopPosterior:
        return posterior if self._axis is None else TopPosterior(posterior)

    # -- fitting -----------------------------------------------------------

    def _fit_iterations(self, n: int) -> tuple[int, bool]:
        """Iterations of the fit to n results, and whether to start afresh too."""
        n_before, n_fits = self._fitted
        # hyperparameters move little once there are many results
        if n - n_before < max(1, n // 50):
            return 0, False
        self._fitted = (n, n_fits + 1)
        if n > _FEW:
            return 8, False
        return 30, n_fits % 8 == 0

    def _fit(
        self, points: Array, targets: Array, weights: Array, n_iter: int, restart: bool
    ) -> None:
        gp = self._gp
        # a drift with the budget is straight where nothing is warped
        gp.warped = not gp.drifts and len(points) >= _WARP_FROM * self.space.n_axes
        starts = (gp.prior_mode,) if restart else ()
        gp.fit(points, targets, weights, starts=starts, max_iter=n_iter)

    def _best_listed(self, acquisition: LogEI) -> Array | None:
        """Best point of a small finite space; all of it is looked at."""
        if self._listed is None:
            self._listed = np.array(list(self.space.enumerate()))
        fresh = np.array([not self._is_taken(p) for p in self._listed])
        if not fresh.any():
            return None
        points = self._listed[fresh]
        best = int(np.argmax(acquisition(points)))
        return np.asarray(points[best], dtype=np.float64)


def _thinned(scores: Array) -> NDArray[np.intp]:
    """Rows of the better half and as many others, when there are too many."""
    n, half = len(scores), _MAX_POINTS // 2
    if n <= _MAX_POINTS:
        return np.arange(n)
    order = np.argsort(-scores, kind="stable")  # failures (NaN) last
    others = np.linspace(half, n - 1, half).round().astype(np.intp)
    return np.sort(order[np.concatenate([np.arange(half), others])])


def _rows(results: Results, rows: NDArray[np.intp]) -> Results:
    return Results(results.points[rows], results.scores[rows], results.variances[rows])


def _sobol(d: int, n: int, rng: np.random.Generator) -> Array:
    """Sobol points with a random digital shift, which keeps them a net."""
    # scipy's own scrambling takes its seed by another name since version 1.15
    bits = qmc.Sobol(d, scramble=False).random(n) * 2.0**30
    shift = rng.integers(1 << 30, size=d)
    return np.asarray(((bits.astype(np.int64) ^ shift) + 0.5) / 2.0**30)


def _feature_map(space: Space, *, has_budget: bool = False) -> FeatureMap:
    # a numerical axis with one level says nothing: no column to climb along
    n_choices = [
        (axis.n_levels or 0) if axis.is_categorical or axis.n_levels == 1 else 0
        for axis in space.axes
    ]
    conditional = [bool(axis.conditions) for axis in space.axes]
    if has_budget:
        n_choices.append(0)
        conditional.append(False)
    return FeatureMap(np.array(n_choices, dtype=np.int64), np.array(conditional))


def _targets(scores: Array) -> Array:
    """Transformed scores; failures are worse than all of them."""
    failed = np.isnan(scores)
    targets = np.zeros(len(scores))
    if not failed.all():
        # not standardised only: one diverged score would flatten all the others
        targets[~failed] = _transform.power(scores[~failed])
        # no outlier that would bend the model
        targets[failed] = targets[~failed].min() - 0.5
    return targets


def _relative_noise(variances: Array) -> Array:
    """Noise variances relative to the usual one.

    The spread over the folds is mostly the folds' own, shared by all trials:
    its size says nothing of the noise, which is fitted, and its ratio from trial
    to trial something. Hence the fourth root.
    """
    known = np.isfinite(variances) & (variances > 0)
    if not known.any():
        return np.ones(len(variances))
    typical = np.median(variances[known])
    ratio = np.where(known, variances, typical) / typical
    return np.clip(ratio, 0.25, 16.0) ** 0.25
