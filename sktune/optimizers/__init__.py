"""Optimizers: what to try next. They ask, are told, and always maximise."""

from __future__ import annotations

from ._asha import AsyncHyperbandOptimizer
from ._base import Optimizer
from ._bayes import BayesOptimizer
from ._brackets import Bracket, Rung, make_brackets, n_units
from ._explore import Call, Explorer, Perturb
from ._grid import GridOptimizer
from ._hyperband import HyperbandOptimizer
from ._pbt import PBTOptimizer
from ._population import Segment, SubPopulation, make_population, make_segments
from ._random import RandomOptimizer
from ._rung_optimizer import Patience, RungOptimizer
from ._sequential import SequentialOptimizer
from ._shares import SharesOptimizer
from ._time_varying import Gain

__all__ = [
    "AsyncHyperbandOptimizer",
    "BayesOptimizer",
    "Bracket",
    "Call",
    "Explorer",
    "Gain",
    "GridOptimizer",
    "HyperbandOptimizer",
    "Optimizer",
    "PBTOptimizer",
    "Patience",
    "Perturb",
    "RandomOptimizer",
    "Rung",
    "RungOptimizer",
    "Segment",
    "SequentialOptimizer",
    "SharesOptimizer",
    "SubPopulation",
    "make_brackets",
    "make_population",
    "make_segments",
    "n_units",
]
