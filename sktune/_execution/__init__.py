"""How a suggestion becomes an outcome.

`_driver` asks, submits and tells; `_executor` runs tasks on any joblib
backend; `_store` places the data once; `_fold` trains and scores one fold;
`_child` and `_guard` stop it at the limits of `_limits`;
`_resource` says how it spends a budget; `_checkpoint` keeps what is trained in
part; `_live` knows what can change on the way, `_replay` trains by a schedule.
"""

from __future__ import annotations

from ._checkpoint import CheckpointStore, CheckpointUse, read_checkpoint
from ._driver import Limits, SearchRun, Step, run_search
from ._executor import open_executor
from ._find_resource import (
    FoundResource,
    ResourceRequest,
    find_resource,
    with_total,
)
from ._fold import FoldContext, FoldData
from ._interrupt import Interrupts, noted_interrupts
from ._limits import FoldLimits, read_fold_limits
from ._live import fixed_parameters
from ._pickling import check_picklable
from ._replay import replay
from ._resource import Resource, WholeFit, last_step

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
    "WholeFit",
    "check_picklable",
    "find_resource",
    "fixed_parameters",
    "last_step",
    "noted_interrupts",
    "open_executor",
    "read_checkpoint",
    "read_fold_limits",
    "replay",
    "run_search",
    "with_total",
]
