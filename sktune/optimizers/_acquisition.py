"""Where to look next: log expected improvement and its maximisation.

Glossary: k points, d axes, m numerical axes; `units` are NaN-free places in
the unit cube, `points` are snapped ones (NaN where an axis is inactive).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..space import Space
    from ._budget_axis import TopPosterior
    from ._gp import Posterior

__all__ = ["LogEI", "Maximizer", "log_ei"]

Array = NDArray[np.float64]

_LOG_2PI_HALF = 0.5 * np.log(2.0 * np.pi)
_LOG_PI2_HALF = 0.5 * np.log(0.5 * np.pi)
_FAR = -300.0  # where series and difference are equally good


def log_h(u: Array) -> Array:
    """log(phi(u) + u Phi(u)) to 11 digits for all u.

    The branches of Ament et al. 2023, eq. 9, but with an asymptotic series where
    the difference of two nearly equal numbers would lose its digits.
    """
    out = np.empty_like(u)
    near = u > -1.0
    v = u[near]
    out[near] = np.log(np.exp(-0.5 * v * v - _LOG_2PI_HALF) + v * special.ndtr(v))
    mid = (u <= -1.0) & (u > _FAR)
    v = u[mid]
    # 1 - sqrt(pi/2) |u| erfcx(|u| / sqrt 2)
    tail = np.log(-v * special.erfcx(-v / np.sqrt(2.0))) + _LOG_PI2_HALF
    out[mid] = -0.5 * v * v - _LOG_2PI_HALF + np.log(-np.expm1(tail))
    far = u <= _FAR
    v = u[far]
    inverse = 1.0 / (v * v)
    series = np.log1p(inverse * (15.0 * inverse - 3.0)) + np.log(inverse)
    out[far] = -0.5 * v * v - _LOG_2PI_HALF + series
    return out


def log_ei(mean: Array, variance: Array, best: float) -> Array:
    """Logarithm of the expected improvement over `best`.

    Parameters
    ----------
    mean, variance : ndarray of shape (k,)
        Of the function at k points.
    best : float
        What is to be improved upon.

    Returns
    -------
    ndarray of shape (k,)

    Examples
    --------
    >>> import numpy as np
    >>> from sktune.optimizers._acquisition import log_ei
    >>> log_ei(np.array([0.0, -40.0]), np.array([1.0, 1.0]), 0.0).round(2)
    array([  -0.92, -808.3 ])
    """
    sd = np.sqrt(variance)
    return log_h((mean - best) / sd) + np.log(sd)


@dataclass(frozen=True)
class LogEI:
    """Log expected improvement of a posterior, with its gradient.

    Attributes
    ----------
    posterior : Posterior or TopPosterior
    best : float
        What is to be improved upon.
    """

    posterior: Posterior | TopPosterior
    best: float

    def __call__(self, points: Array) -> Array:
        """Values at snapped points, shape (k,)."""
        mean, variance = self.posterior.predict(self.posterior.features(points))
        return log_ei(mean, variance, self.best)

    def with_gradient(self, points: Array) -> tuple[Array, Array]:
        """Values (k,) and gradients (k, m) to the numerical axes."""
        x = self.posterior.features(points)
        mean, variance, dmean, dvariance = self.posterior.predict_with_gradient(x)
        sd = np.sqrt(variance)
        u = (mean - self.best) / sd
        value = log_h(u)
        # h' = Phi and h = phi + u Phi
        by_mean = np.exp(special.log_ndtr(u) - value) / sd
        by_sd = np.exp(-0.5 * u * u - _LOG_2PI_HALF - value) / sd
        gradient = by_mean[:, None] * dmean
        gradient += (by_sd / (2.0 * sd))[:, None] * dvariance
        return value + np.log(sd), gradient


@dataclass(frozen=True)
class Maximizer:
    """Finds snapped points of high acquisition.

    Random places and perturbed anchors, then L-BFGS-B from the best of them
    along the numerical axes, then sweeps over the levels of discrete axes.

    Attributes
    ----------
    space : Space
    uniform : ndarray of shape (n_uniform, n_axes)
        A low-discrepancy set.
    n_local : int
        Perturbed anchors evaluated besides it before anything is refined.
    n_iter : int
        Iterations of L-BFGS-B.
    n_starts : int
        How many are refined, all in one L-BFGS-B run.
    n_sweeps : int
        Rounds over the discrete axes.
    max_levels : int
        Discrete axes with more levels are moved by steps, not swept wholly.
    max_listed : int
        Discrete axes with more levels are left to L-BFGS-B alone.
    """

    space: Space
    uniform: Array
    n_local: int = 512
    n_starts: int = 8
    n_iter: int = 25
    n_sweeps: int = 3
    max_levels: int = 12
    max_listed: int = 1000

    @functools.cached_property
    def _levels(self) -> dict[int, Array]:
        """Cell centres of the discrete axes that can change."""
        return {
            j: self.space.levels(j)
            for j, axis in enumerate(self.space.axes)
            if axis.n_levels and 1 < axis.n_levels <= self.max_listed
        }

    def __call__(
        self, acquisition: LogEI, anchors: Array, rng: np.random.Generator
    ) -> Iterator[Array]:
        """Yield points, the most promising first.

        Parameters
        ----------
        acquisition : LogEI
        anchors : ndarray of shape (n_anchors, n_axes)
            NaN-free places of good observations, the best first.
        rng : numpy.random.Generator
        """
        units = self._propose(anchors, rng)
        values = acquisition(self.space.snap(units))
        n_uniform = len(self.uniform)
        half = self.n_starts // 2
        chosen = np.concatenate(
            [
                np.argsort(-values[:n_uniform], kind="stable")[:half],
                n_uniform + np.argsort(-values[n_uniform:], kind="stable")[:half],
            ]
        )
        refined = self._climb(acquisition, units[chosen])
        refined_values = acquisition(self.space.snap(refined))
        swept, swept_values = self._sweep(
            acquisition,
            np.concatenate([units[chosen], refined]),
            np.concatenate([values[chosen], refined_values]),
        )
        units = np.concatenate([swept, refined, units])
        values = np.concatenate([swept_values, refined_values, values])
        points = self.space.snap(units)
        for i in np.argsort(-values, kind="stable"):
            yield points[i]

    def _propose(self, anchors: Array, rng: np.random.Generator) -> Array:
        """Uniform places and perturbed anchors."""
        d = self.space.n_axes
        # a random shift modulo 1 keeps a Sobol set uniform, and is cheap
        uniform = (self.uniform + rng.random(d)) % 1.0
        if not len(anchors):
            return uniform
        n = self.n_local
        which = np.minimum(rng.geometric(0.4, n) - 1, len(anchors) - 1)
        # few axes at a time: moving all of them at once seldom helps for large d
        moved = rng.random((n, d)) < np.exp(
            rng.uniform(np.log(min(1.0, 1.5 / d)), 0.0, (n, 1))
        )
        width = np.exp(rng.uniform(np.log(0.005), np.log(0.5), (n, 1)))
        step = width * rng.standard_normal((n, d))
        near = anchors[which] + step
        near = 1.0 - np.abs(1.0 - np.abs(near) % 2.0)  # reflected at the walls
        categorical = [axis.is_categorical for axis in self.space.axes]
        near[:, categorical] = rng.random((n, d))[:, categorical]
        return np.concatenate([uniform, np.where(moved, near, anchors[which])])

    def _climb(self, acquisition: LogEI, units: Array) -> Array:
        """L-BFGS-B along the active numerical axes of all starts at once."""
        features = acquisition.posterior.features
        numeric = features.numeric
        template = self.space.snap(units)
        free = ~np.isnan(template[:, numeric])
        if not free.any():
            return units
        start = units[:, numeric][free]

        def loss(values: Array) -> tuple[float, Array]:
            points = template.copy()
            inner = points[:, numeric]
            inner[free] = values
            points[:, numeric] = inner
            value, gradient = acquisition.with_gradient(points)
            return -float(value.sum()), -gradient[free]

        found = optimize.minimize(
            loss,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=optimize.Bounds(0.0, 1.0),
            options={"maxiter": self.n_iter, "ftol": 1e-6},
        )
        out = units.copy()
        inner = out[:, numeric]
        inner[free] = np.clip(found.x, 0.0, 1.0)
        out[:, numeric] = inner
        return out

    def _sweep(
        self, acquisition: LogEI, units: Array, values: Array, keep: int = 2
    ) -> tuple[Array, Array]:
        """Try every other level of each discrete axis, one axis at a time."""
        order = np.argsort(-values, kind="stable")[:keep]
        units, values = units[order].copy(), values[order].copy()
        if not self._levels:
            return units, values
        for _ in range(self.n_sweeps):
            trials = [self._neighbours(unit) for unit in units]
            tried = acquisition(self.space.snap(np.concatenate(trials)))
            stops = np.cumsum([len(t) for t in trials])
            changed = False
            for i, (stop, near) in enumerate(zip(stops, trials, strict=True)):
                block = tried[stop - len(near) : stop]
                best = int(np.argmax(block))
                if block[best] > values[i] + 1e-9:
                    units[i], values[i], changed = near[best], block[best], True
            if not changed:
                break
        return units, values

    def _neighbours(self, unit: Array) -> Array:
        """Copies of a place with one discrete axis moved, shape (k, d)."""
        rows = []
        for j, levels in self._levels.items():
            if len(levels) > self.max_levels:
                here = int(np.argmin(np.abs(levels - unit[j])))
                near = here + np.array([-5, -3, -2, -1, 1, 2, 3, 5])
                levels = levels[near[(near >= 0) & (near < len(levels))]]
            block = np.tile(unit, (len(levels), 1))
            block[:, j] = levels
            rows.append(block)
        return np.concatenate(rows)
