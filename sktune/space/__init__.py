"""Search spaces: dimensions, how users write them, and the unit cube.

In the order in which they build on each other: `_values` says when two values
are one; `_dimensions` says what all dimensions do, and `_ranges`, `_choices` and
`_distributions` are the kinds of values one hyperparameter may take;
`_conditions` says when it is active; `_parse` reads what users write;
`_layout` makes axes of dimensions; `_snap` moves points to configurations;
`_space` is what the rest of sktune uses.
"""

from __future__ import annotations

from ._choices import Categorical, Ordinal
from ._dimensions import Dimension, Sequence
from ._layout import Axis, Parameter
from ._messages import did_you_mean, one_message
from ._parse import split_budgets
from ._ranges import Float, Integer
from ._space import Space
from ._values import shown

__all__ = [
    "Axis",
    "Categorical",
    "Dimension",
    "Float",
    "Integer",
    "Ordinal",
    "Parameter",
    "Sequence",
    "Space",
    "did_you_mean",
    "one_message",
    "shown",
    "split_budgets",
]
