"""How a suggestion becomes an outcome.

`_driver` asks, submits and tells; `_executor` runs tasks on any joblib
backend; `_store` places the data once; `_fold` trains and scores one fold;
`_resource` says how it spends a budget; `_checkpoint` keeps what is trained in
part.
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
from ._pickling import check_picklable
from ._resource import Resource, WholeFit, last_step

__all__ = [
    "CheckpointStore",
    "CheckpointUse",
    "FoldContext",
    "FoldData",
    "FoundResource",
    "Limits",
    "Resource",
    "ResourceRequest",
    "SearchRun",
    "Step",
    "WholeFit",
    "check_picklable",
    "find_resource",
    "last_step",
    "open_executor",
    "read_checkpoint",
    "run_search",
    "with_total",
]
