"""Search spaces: dimensions, how users write them, and the unit cube.

`_dimensions` holds the values one hyperparameter may take, `_parse` reads what
users write, `_space` lays dimensions out as axes of the unit cube.
"""

from __future__ import annotations

from ._dimensions import Categorical, Dimension, Float, Integer, Ordinal, Sequence
from ._parse import did_you_mean
from ._space import Axis, Space, one_message, split_budgets

__all__ = [
    "Axis",
    "Categorical",
    "Dimension",
    "Float",
    "Integer",
    "Ordinal",
    "Sequence",
    "Space",
    "did_you_mean",
    "one_message",
    "split_budgets",
]
