"""Optimizers: what to try next. They ask, are told, and always maximise."""

from __future__ import annotations

from ._base import Optimizer
from ._bayes import BayesOptimizer
from ._grid import GridOptimizer
from ._random import RandomOptimizer
from ._sequential import SequentialOptimizer

__all__ = [
    "BayesOptimizer",
    "GridOptimizer",
    "Optimizer",
    "RandomOptimizer",
    "SequentialOptimizer",
]
