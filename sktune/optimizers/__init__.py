"""Optimizers: what to try next. They ask, are told, and always maximise."""

from __future__ import annotations

from ._base import Optimizer
from ._bayes import BayesOptimizer
from ._brackets import Bracket, Rung, make_brackets, n_units
from ._grid import GridOptimizer
from ._hyperband import HyperbandOptimizer, Patience
from ._random import RandomOptimizer
from ._sequential import SequentialOptimizer

__all__ = [
    "BayesOptimizer",
    "Bracket",
    "GridOptimizer",
    "HyperbandOptimizer",
    "Optimizer",
    "Patience",
    "RandomOptimizer",
    "Rung",
    "SequentialOptimizer",
    "make_brackets",
    "n_units",
]
