"""The search estimators that users import."""

from __future__ import annotations

from ._bayes import BayesSearchCV
from ._hyperband import HyperbandSearchCV
from ._loaded import LoadedSearch, load_search
from ._pbt import PBTSearchCV
from ._scheduled import ScheduledEstimator

__all__ = [
    "BayesSearchCV",
    "HyperbandSearchCV",
    "LoadedSearch",
    "PBTSearchCV",
    "ScheduledEstimator",
    "load_search",
]
