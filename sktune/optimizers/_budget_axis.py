"""One more axis of a Gaussian process: how long a trial was trained.

Which configurations gain from longer training depends on the configuration: small
learning rates gain more, larger models need more rows. With the budget as an axis, with
a lengthscale of its own, results of all rungs are those of one function, whose values
at the largest budget are what a search is after.

Training three times as long is often like a learning rate three times as large. So the
other numbers may drift with the budget: from what large learning rates reach early, the
process learns what smaller ones will reach later, where it has not seen them. On
functions that lack such a relation the drifts stay near 0.

References
----------
M. Poloczek, J. Wang, P. Frazier, "Multi-Information Source Optimization", NeurIPS 2017.
M. Wistuba, A. Kadra, J. Grabocka, "Supervising the Multi-Fidelity Race of
Hyperparameter Configurations", NeurIPS 2022.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._features import FeatureMap
from ._gp import Posterior

__all__ = ["BudgetAxis", "TopPosterior"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BudgetAxis:
    """Budgets as places between 0, the smallest one, and 1, the largest.

    Attributes
    ----------
    low, high : int
        The smallest and the largest budget.
    """

    low: int
    high: int

    def place(self, budget: int) -> float:
        """Return where a budget is, on a logarithmic scale."""
        if self.low == self.high:
            return 1.0
        return math.log(budget / self.low) / math.log(self.high / self.low)

    @staticmethod
    def with_place(points: Array, places: Array | float) -> Array:
        """Return points with one more axis.

        Parameters
        ----------
        points : ndarray of shape (n, n_axes)
        places : ndarray of shape (n,) or float

        Returns
        -------
        ndarray of shape (n, n_axes + 1)
        """
        column = np.broadcast_to(np.asarray(places, dtype=np.float64), len(points))
        return np.column_stack([points, column])


@dataclass(frozen=True, slots=True)
class _TopFeatures:
    """Features of points at the largest budget."""

    features: FeatureMap

    @property
    def numeric(self) -> NDArray[np.intp]:
        # the budget is the last axis, and a number: nobody climbs along it
        return self.features.numeric[:-1]

    def __call__(self, points: Array) -> Array:
        return self.features(BudgetAxis.with_place(points, 1.0))


@dataclass(frozen=True, slots=True)
class TopPosterior:
    """What a Gaussian process with a budget axis believes of the largest budget.

    Attributes
    ----------
    posterior : Posterior
        Of points with the axis.
    """

    posterior: Posterior

    @property
    def features(self) -> _TopFeatures:
        """How points without the axis become columns."""
        return _TopFeatures(self.posterior.features)

    def predict(self, x: Array) -> tuple[Array, Array]:
        """As `Posterior.predict`."""
        return self.posterior.predict(x)

    def predict_with_gradient(self, x: Array) -> tuple[Array, Array, Array, Array]:
        """As `Posterior.predict_with_gradient`, but for the budget."""
        mean, variance, dmean, dvariance = self.posterior.predict_with_gradient(x)
        return mean, variance, dmean[:, :-1], dvariance[:, :-1]
