"""How a suggestion becomes an outcome.

`_driver` asks, submits and tells; `_executor` runs tasks on any joblib
backend; `_store` places the data once; `_fold` trains and scores one fold.
"""

from __future__ import annotations

from ._driver import Limits, SearchRun, Trial, run_search
from ._executor import open_executor
from ._fold import FoldContext, FoldData
from ._pickling import check_picklable

__all__ = [
    "FoldContext",
    "FoldData",
    "Limits",
    "SearchRun",
    "Trial",
    "check_picklable",
    "open_executor",
    "run_search",
]
