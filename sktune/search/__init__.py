"""The search estimators that users import."""

from __future__ import annotations

from ._bayes import BayesSearchCV

__all__ = ["BayesSearchCV"]
