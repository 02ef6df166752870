"""Coordinates in which the kernel measures distance.

One squared distance serves numbers, categories and conditional axes, because
every axis becomes columns of a Euclidean feature matrix:

- a number is one column, its place in the unit interval;
- a number that can be inactive has a second column that says whether it is
  active; an inactive number sits at 0.5 in the first one;
- a category is one column a choice, scaled so that two different choices are
  at distance 1; an inactive category is the zero vector.

Euclidean features keep the kernel positive definite by construction, which a
distance "constant if one of the two is active" does not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["INACTIVE", "FeatureMap"]

Array = NDArray[np.float64]

INACTIVE = 0.5
"""Where an inactive number sits among the (warped) active ones."""


class FeatureMap:
    """Feature columns of the points of a unit cube.

    Parameters
    ----------
    n_choices : ndarray of int, shape (n_axes,)
        Number of choices of each categorical axis, 0 for a numerical axis.
    conditional : ndarray of bool, shape (n_axes,)
        Whether an axis can be inactive (NaN).

    Attributes
    ----------
    numeric : ndarray of int, shape (n_numeric,)
        The numerical axes; their values are the first columns, unwarped.
    axis_of : ndarray of int, shape (n_features,)
        The axis of each column; its lengthscale scales the column.

    Examples
    --------
    >>> import numpy as np
    >>> from sktune.optimizers._features import FeatureMap
    >>> features = FeatureMap(np.array([0, 2]), np.array([False, False]))
    >>> features(np.array([[0.3, 0.25], [0.3, 0.75]])).round(2)
    array([[0.3 , 0.71, 0.  ],
           [0.3 , 0.  , 0.71]])
    """

    def __init__(
        self, n_choices: NDArray[np.int64], conditional: NDArray[np.bool_]
    ) -> None:
        self.n_axes = len(n_choices)
        self.numeric = np.flatnonzero(n_choices == 0)
        self.switched = np.flatnonzero((n_choices == 0) & conditional)
        self.categorical = np.flatnonzero(n_choices)
        self.n_choices = n_choices[self.categorical]
        self._offsets = (
            len(self.numeric) + len(self.switched) + np.cumsum(self.n_choices)
        ) - self.n_choices
        self.axis_of = np.concatenate(
            [
                self.numeric,
                self.switched,
                np.repeat(self.categorical, self.n_choices),
            ]
        )

    @property
    def n_features(self) -> int:
        """Number of columns."""
        return len(self.axis_of)

    def __call__(self, points: Array) -> Array:
        """Feature matrix of points.

        Parameters
        ----------
        points : ndarray of shape (n, n_axes)
            Snapped points, NaN where inactive.

        Returns
        -------
        ndarray of shape (n, n_features)
            NaN in the value column of an inactive number.
        """
        n, m = len(points), len(self.numeric)
        out = np.zeros((n, self.n_features))
        out[:, :m] = points[:, self.numeric]
        if len(self.switched):
            # half apart: what the warped values are from 0.5 at the most
            out[:, m : m + len(self.switched)] = np.where(
                np.isnan(points[:, self.switched]), 0.0, 0.5
            )
        if len(self.categorical):
            units = points[:, self.categorical]
            active = ~np.isnan(units)
            choice = np.minimum(
                np.where(active, units, 0.0) * self.n_choices, self.n_choices - 1
            ).astype(np.intp)
            rows, cols = np.nonzero(active)
            out[rows, (self._offsets + choice)[rows, cols]] = np.sqrt(0.5)
        return out
