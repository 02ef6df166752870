"""Bayesian optimisation with a Gaussian process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from sktune.optimizers import _transform
from sktune.optimizers._acquisition import LogEI, Maximizer
from sktune.optimizers._base import Optimizer, Results
from sktune.optimizers._features import FeatureMap
from sktune.optimizers._gp import GaussianProcess, Posterior, Prior
from sktune.optimizers._threads import single_blas_thread

if TYPE_CHECKING:
    from sktune.space import Space

__all__ = ["BayesOptimizer"]

Array = NDArray[np.float64]

_TRANSFORMS = {
    "standard": _transform.standardize,
    "power": _transform.power,
    "rank": _transform.half_rank_log,
}


@dataclass(frozen=True)
class Settings:
    """Choices inside `BayesOptimizer`, each backed by a measurement.

    Not for users: they exist so that the alternatives can be measured again.
    """

    transform: str = "power"
    warp: bool = True
    warp_from: float = 4.0
    incumbent: str = "mean"
    noise: str = "relative"
    prior: Prior = field(default_factory=Prior)
    n_uniform: int = 512
    n_local: int = 512
    n_starts: int = 8
    n_iter: int = 25
    n_sweeps: int = 3
    fit_iter: int = 30
    restart_every: int = 8
    max_points: int = 500
    max_listed: int = 2048
    n_anchors: int = 5


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
        settings: Settings | None = None,
    ) -> None:
        super().__init__(space, rng=rng, initial=initial)
        self._settings = Settings() if settings is None else settings
        self._n_initial = (
            _default_n_initial(space, budget) if n_initial == "auto" else n_initial
        )
        self._design: list[Array] | None = None
        self._listed: Array | None = None
        self._fitted: tuple[int, int] = (-1, 0)  # results, fits so far
        self._gp = GaussianProcess(
            _feature_map(space), self._settings.prior, warped=False
        )
        self._maximizer = Maximizer(
            space,
            qmc.Sobol(space.n_axes, scramble=False).random(self._settings.n_uniform),
            n_local=self._settings.n_local,
            n_starts=self._settings.n_starts,
            n_iter=self._settings.n_iter,
            n_sweeps=self._settings.n_sweeps,
        )

    # -- the start ---------------------------------------------------------

    @property
    def n_independent(self) -> int:
        """Number of suggestions, from the first, that depend on no outcome."""
        return max(self._n_initial - len(self._observed), 0)

    def _propose(self) -> tuple[Array, str] | None:
        n_known = len(self._told) + len(self._observed)
        if self._n_asked + len(self._observed) < self._n_initial or not n_known:
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
        results = self._subset(self._results())
        targets, weights = self._targets(results)
        self._fit(results.points, targets, weights)
        features = self._gp.features
        observed = self._gp.posterior()
        posterior = observed
        if self._pending:
            pending = np.array([self._pending[t] for t in sorted(self._pending)])
            posterior = observed.append(features(pending))
        best, order = self._incumbent(observed, results, targets)
        acquisition = LogEI(posterior, best)
        if self._size is not None and self._size <= self._settings.max_listed:
            return self._best_listed(acquisition)
        anchors = np.nan_to_num(results.points[order], nan=0.5)
        for point in self._maximizer(acquisition, anchors, self._rng):
            if not self._is_taken(point):
                return point
        return None

    def _targets(self, results: Results) -> tuple[Array, Array]:
        """Transformed scores, and relative noise variances."""
        failed = np.isnan(results.scores)
        targets = np.zeros(len(failed))
        if not failed.all():
            good = _TRANSFORMS[self._settings.transform](results.scores[~failed])
            targets[~failed] = good
            # worse than everything seen, but no outlier that bends the model
            targets[failed] = good.min() - 0.5
        weights = np.ones(len(failed))
        if self._settings.noise == "relative":
            weights = _relative_noise(results.variances)
        return targets, weights

    def _fit(self, points: Array, targets: Array, weights: Array) -> None:
        n, (n_before, n_fits) = len(targets), self._fitted
        settings, gp = self._settings, self._gp
        gp.warped = settings.warp and n >= settings.warp_from * self.space.n_axes
        # hyperparameters move little once there are many results
        due = n - n_before >= max(1, n // 50)
        max_iter = 0
        starts: tuple[Array, ...] = ()
        if due:
            max_iter = settings.fit_iter if n < 200 else 8
            restart = n < 200 and n_fits % settings.restart_every == 0
            starts = (gp.prior_mode,) if restart else ()
            self._fitted = (n, n_fits + 1)
        gp.fit(points, targets, weights, starts=starts, max_iter=max_iter)

    def _incumbent(
        self, posterior: Posterior, results: Results, targets: Array
    ) -> tuple[float, NDArray[np.intp]]:
        """What to improve upon, and the best results' rows."""
        mean, _ = posterior.predict(self._gp.features(results.points))
        order = np.argsort(-mean, kind="stable")[: self._settings.n_anchors]
        if self._settings.incumbent == "mean":
            return float(mean[order[0]]), order
        return float(targets.max()), order

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

    def _subset(self, results: Results) -> Results:
        """The better half and as many random others, when there are too many."""
        n, limit = len(results.scores), self._settings.max_points
        if n <= limit:
            return results
        order = np.argsort(-results.scores, kind="stable")  # failures (NaN) last
        others = self._rng.choice(order[limit // 2 :], limit - limit // 2, False)
        rows = np.sort(np.concatenate([order[: limit // 2], others]))
        return Results(
            results.points[rows], results.scores[rows], results.variances[rows]
        )


def _sobol(d: int, n: int, rng: np.random.Generator) -> Array:
    """Sobol points with a random digital shift, which keeps them a net."""
    # scipy's own scrambling takes its seed by another name since version 1.15
    bits = qmc.Sobol(d, scramble=False).random(n) * 2.0**30
    shift = rng.integers(1 << 30, size=d)
    return np.asarray(((bits.astype(np.int64) ^ shift) + 0.5) / 2.0**30)


def _default_n_initial(space: Space, budget: int | None) -> int:
    n = max(8, 2 * (space.n_axes + 1))
    return n if budget is None else max(3, min(n, budget // 4))


def _feature_map(space: Space) -> FeatureMap:
    # a numerical axis with one level says nothing: no column to climb along
    n_choices = [
        (axis.n_levels or 0) if axis.is_categorical or axis.n_levels == 1 else 0
        for axis in space.axes
    ]
    conditional = [bool(axis.conditions) for axis in space.axes]
    return FeatureMap(np.array(n_choices, dtype=np.int64), np.array(conditional))


def _relative_noise(variances: Array) -> Array:
    """Noise variances relative to their median, pulled half-way to 1."""
    known = np.isfinite(variances) & (variances > 0)
    if not known.any():
        return np.ones(len(variances))
    typical = np.median(variances[known])
    ratio = np.where(known, variances, typical) / typical
    return np.clip(np.sqrt(ratio), 0.25, 4.0)
