"""Which hyperparameters gain most in the next interval, by a Gaussian process.

Parker-Holder, Nguyen, Roberts 2020 (PB2): the score gained per unit of the resource
is a function of hyperparameters, time and score so far; the next point maximises an
upper confidence bound of it. Their kernel forgets by a factor of the time between
two results; here time is an axis of the kernel with a lengthscale of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from . import _transform
from ._explore import Explorer, Perturb, Situation
from ._features import FeatureMap
from ._gp import GaussianProcess, Posterior
from ._population import Segment
from ._threads import single_blas_thread

if TYPE_CHECKING:
    from ..space import Space

__all__ = ["Gain"]

Array = NDArray[np.float64]

_MIN_RESULTS = 4
"""With fewer gains to learn from, hyperparameters are perturbed."""

_MAX_RESULTS = 300
"""Older ones are dropped: they say little of what comes next."""

_N_UNIFORM, _N_NEAR = 256, 128
"""Points looked at all over the space, and near the donor's."""

_ROUNDS = (0.1, 0.03, 0.01)
"""Standard deviations of steps away from the best point so far."""


@final
class Gain(Explorer):
    """Chooses the point with the largest upper confidence bound of its gain.

    Parameters
    ----------
    space : Space
        What is searched.
    fixed : sequence of int
        Axes that keep the donor's values.
    perturb : Perturb
        What to do while there is too little to learn from.
    """

    learns: ClassVar[bool] = True

    def __init__(
        self, space: Space, fixed: Sequence[int] = (), *, perturb: Perturb
    ) -> None:
        super().__init__(space, fixed)
        self._perturb = perturb

    def __call__(
        self, donor: Segment, situation: Situation, rng: np.random.Generator
    ) -> tuple[Array, str]:
        assert donor.point is not None
        rows = self._gains(situation)
        if len(rows) < _MIN_RESULTS:
            return self._perturb(donor, situation, rng)
        with single_blas_thread():
            return self._best(donor, situation, rows, rng), "model"

    def _gains(self, situation: Situation) -> list[tuple[Segment, float, float]]:
        """Return segments, the scores they began with, and what they gained a unit."""
        rows = []
        for segment in situation.known:
            if segment.parent is None or segment.score is None:
                continue
            before = situation.segments[segment.parent].score
            if before is not None:
                units = segment.end - segment.start
                rows.append((segment, before, (segment.score - before) / units))
        rows.sort(key=lambda row: (row[0].end, row[0].trial))
        return rows[-_MAX_RESULTS:]

    def _best(
        self,
        donor: Segment,
        situation: Situation,
        rows: list[tuple[Segment, float, float]],
        rng: np.random.Generator,
    ) -> Array:
        assert donor.point is not None
        assert donor.score is not None
        ladder = np.sort([score for _, score, _ in rows])
        end = situation.time / situation.share

        def context(times: Array, scores: Array) -> Array:
            # scores by their ranks: one that diverged must not flatten the others
            ranks = np.searchsorted(ladder, scores) / len(ladder)
            return np.column_stack([times / end, ranks])

        points = np.array([segment.point for segment, _, _ in rows])
        times = np.array([float(segment.start) for segment, _, _ in rows])
        before = np.array([score for _, score, _ in rows])
        targets = _transform.power(np.array([gain for _, _, gain in rows]))
        gp = GaussianProcess(_feature_map(self.space), warped=False)
        gp.fit(np.hstack([points, context(times, before)]), targets)
        posterior = gp.posterior()
        now = float(situation.time)
        if situation.siblings:
            siblings = np.array(situation.siblings)
            at = context(
                np.full(len(siblings), now), np.array(situation.siblings_scores)
            )
            posterior = posterior.append(gp.features(np.hstack([siblings, at])))
        here = context(np.array([now]), np.array([donor.score]))
        # eq. 4 there, with c1 = 0.2 and c2 = 0.4; times the standard deviation:
        # Ray multiplies the variance
        beta = 0.2 + math.log(max(0.4 * len(rows), 1.0))
        return self._climb(donor.point, gp, posterior, here, math.sqrt(beta), rng)

    def _climb(
        self,
        start: Array,
        gp: GaussianProcess,
        posterior: Posterior,
        here: Array,
        kappa: float,
        rng: np.random.Generator,
    ) -> Array:
        """Return the best of many points, then of many near it."""

        def bound(candidates: Array) -> Array:
            at = np.repeat(here, len(candidates), axis=0)
            mean, variance = posterior.predict(gp.features(np.hstack([candidates, at])))
            return np.asarray(mean + kappa * np.sqrt(variance))

        d = self.space.n_axes
        uniform = rng.random((_N_UNIFORM, d))
        near = np.nan_to_num(start, nan=0.5) + 0.1 * rng.standard_normal((_N_NEAR, d))
        near = np.where(rng.random(near.shape) < 0.5, start, near)
        candidates = self._admissible(start, np.concatenate([uniform, near]), rng)
        values = bound(candidates)
        best, value = candidates[np.argmax(values)], float(values.max())
        for step in _ROUNDS:
            moved = best + step * rng.standard_normal((_N_NEAR, d))
            moved = np.where(rng.random(moved.shape) < 0.5, best, moved)
            candidates = self._admissible(start, moved, rng)
            values = bound(candidates)
            if values.max() > value:
                best, value = candidates[np.argmax(values)], float(values.max())
        return np.asarray(best, dtype=np.float64)

    def _admissible(
        self, donor: Array, units: Array, rng: np.random.Generator
    ) -> Array:
        """Return snapped points that have the donor's values where they must."""
        values = np.where(self.free, np.clip(units, 0.0, 1.0), donor)
        drawn = rng.random(values.shape)
        return self.space.snap(np.where(np.isnan(values), drawn, values))


def _feature_map(space: Space) -> FeatureMap:
    """Return the features of the axes, then of time and score."""
    n_choices = [
        (axis.n_levels or 0) if axis.is_categorical or axis.n_levels == 1 else 0
        for axis in space.axes
    ]
    conditional = [bool(axis.conditions) for axis in space.axes]
    return FeatureMap(
        np.array([*n_choices, 0, 0], dtype=np.int64),
        np.array([*conditional, False, False]),
    )
