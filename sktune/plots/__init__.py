"""Plots of a search, in the manner of scikit-learn's displays.

Each takes a fitted search, or what `sktune.load_search` reads from its journal.
Matplotlib is loaded when something is drawn.
"""

from __future__ import annotations

from ._curves import TrainingCurvesDisplay
from ._history import OptimizationHistoryDisplay
from ._parameter import ParameterScoresDisplay
from ._schedule import ScheduleDisplay

__all__ = [
    "OptimizationHistoryDisplay",
    "ParameterScoresDisplay",
    "ScheduleDisplay",
    "TrainingCurvesDisplay",
]
