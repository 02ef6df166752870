"""How a suggestion becomes an outcome.

`_driver` asks, submits and tells; `_steps` is what came of it; `_executor` runs
tasks on any joblib backend; `_store` places the data once; `_fold` trains and
scores one fold; `_child` and `_guard` stop it at the limits of `_limits`;
`_resource` says how it spends a budget, `_wrappers` what is around the model that
does; `_checkpoint` keeps what is trained in part; `_live` knows what can change on
the way, `_replay` trains by a schedule.
"""

from __future__ import annotations

from ._checkpoint import CheckpointStore, CheckpointUse, read_checkpoint
from ._driver import run_search
from ._executor import open_executor
from ._find_resource import (
    FoundResource,
    ResourceRequest,
    find_resource,
    with_total,
)
from ._fold import FoldContext, FoldData, regained
from ._interrupt import Interrupts, noted_interrupts
from ._limits import FoldLimits, read_fold_limits
from ._live import fixed_parameters
from ._pickling import check_picklable
from ._replay import replay
from ._resource import Resource, WholeFit
from ._steps import Limits, SearchRun, Step, Steps, n_units, outcome_of
from ._wrappers import inner_model

__all__ = [
    "CheckpointStore",
    "CheckpointUse",
    "FoldContext",
    "FoldData",
    "FoldLimits",
    "FoundResource",
    "Interrupts",
    "Limits",
    "Resource",
    "ResourceRequest",
    "SearchRun",
    "Step",
    "Steps",
    "WholeFit",
    "check_picklable",
    "find_resource",
    "fixed_parameters",
    "inner_model",
    "n_units",
    "noted_interrupts",
    "open_executor",
    "outcome_of",
    "read_checkpoint",
    "read_fold_limits",
    "regained",
    "replay",
    "run_search",
    "with_total",
]
