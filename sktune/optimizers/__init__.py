"""Optimizers: what to try next. They ask, are told, and always maximise."""

from __future__ import annotations

from sktune.optimizers._base import Optimizer
from sktune.optimizers._bayes import BayesOptimizer
from sktune.optimizers._grid import GridOptimizer
from sktune.optimizers._random import RandomOptimizer
from sktune.optimizers._sequential import SequentialOptimizer

__all__ = [
    "BayesOptimizer",
    "GridOptimizer",
    "Optimizer",
    "RandomOptimizer",
    "SequentialOptimizer",
]
