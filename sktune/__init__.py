"""Hyperparameter search for scikit-learn and Keras."""

from __future__ import annotations

from .search import (
    BayesSearchCV,
    HyperbandSearchCV,
    LoadedSearch,
    PBTSearchCV,
    ScheduledEstimator,
    load_search,
)
from .space import Categorical, Float, Integer, Ordinal, Sequence, Space

__version__ = "0.1.0.dev0"

__all__ = [
    "BayesSearchCV",
    "Categorical",
    "Float",
    "HyperbandSearchCV",
    "Integer",
    "LoadedSearch",
    "Ordinal",
    "PBTSearchCV",
    "ScheduledEstimator",
    "Sequence",
    "Space",
    "load_search",
]
