"""An estimator that sleeps, in a module of its own so that worker processes find it."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

SIGMA = 1.0  # Of the logarithm of the durations.
# The part of it that differs between the folds of a trial. How long a fit lasts is
# mostly a matter of its configuration.
SIGMA_OF_FOLDS = 0.1


def duration(x: float, rows: int, mean: float, fold_sigma: float) -> float:
    """How long a fit lasts, in seconds: log-normal, the same whoever asks.

    Parameters
    ----------
    x : float
        The configuration.
    rows : int
        Sum of the numbers of the rows trained on; tells the folds apart.
    mean : float
        Mean of the durations in seconds.
    fold_sigma : float
        Standard deviation of the logarithm within a trial, at most `SIGMA`. The rest
        is shared by the folds of a trial.
    """
    seed = int(x * 2**40)
    shared = np.random.default_rng(seed).standard_normal()
    own = np.random.default_rng([seed, rows]).standard_normal()
    log = np.sqrt(SIGMA**2 - fold_sigma**2) * shared + fold_sigma * own
    return float(mean * np.exp(log - SIGMA**2 / 2))


class Sleeper(BaseEstimator):
    """Sleeps in `fit`, and scores a smooth function of its parameter."""

    def __init__(
        self, x: float = 0.5, mean: float = 0.1, fold_sigma: float = SIGMA_OF_FOLDS
    ) -> None:
        self.x = x
        self.mean = mean
        self.fold_sigma = fold_sigma

    def fit(self, X: Any, y: Any = None) -> Sleeper:
        """Sleep."""
        time.sleep(duration(self.x, int(np.sum(X)), self.mean, self.fold_sigma))
        return self

    def score(self, X: Any, y: Any = None) -> float:
        """Largest at x = 0.3."""
        return float(-((self.x - 0.3) ** 2))
