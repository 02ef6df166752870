"""Hyperparameter search for scikit-learn and Keras."""

from __future__ import annotations

import importlib
from types import ModuleType

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


def __getattr__(name: str) -> ModuleType:
    """Load a room that ``import sktune`` leaves alone, when it is first named."""
    if name == "plots":
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
