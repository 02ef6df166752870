"""The search estimators that users import."""

from __future__ import annotations

from ._bayes import BayesSearchCV
from ._hyperband import HyperbandSearchCV

__all__ = ["BayesSearchCV", "HyperbandSearchCV"]
