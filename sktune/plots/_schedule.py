"""The hyperparameters of a training that change on its way."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from .._optional import require
from ..exceptions import SearchError
from ._drawing import BEST, count_along
from ._parameter import text_of
from ._reading import (
    has_log_scale,
    is_number,
    name_of,
    read_results,
    spans_magnitudes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Polygon, Rectangle, StepPatch

__all__ = ["ScheduleDisplay"]

_KEYS = ("start", "end", "params")
_HEIGHTS = {True: 1.5, False: 0.6}  # inches, of numbers and of spans


class ScheduleDisplay:
    """The hyperparameters of a schedule against the resource.

    Made by `from_search` or `from_schedule`. Numbers are step lines; other values
    are spans with their names. Each hyperparameter has axes of its own.

    Parameters
    ----------
    schedule : list of dict
        Segments with ``start``, ``end`` and ``params``.
    log_params : iterable of str, default=()
        Names of those with a logarithmic scale.
    resource : str, default="resource"
        What ``start`` and ``end`` count.

    Attributes
    ----------
    axes_ : list of matplotlib.axes.Axes
        What it was drawn on, one for each hyperparameter.
    figure_ : matplotlib.figure.Figure
        Whose axes they are.
    steps_ : dict of str to matplotlib.patches.StepPatch
        The lines, by the names of hyperparameters.
    spans_ : dict of str to list of matplotlib.patches.Patch
        The spans, by the names of hyperparameters.

    See Also
    --------
    sktune.PBTSearchCV : Finds schedules.
    sktune.ScheduledEstimator : Trains by one.

    Examples
    --------
    >>> from sktune.plots import ScheduleDisplay
    >>> schedule = [
    ...     {"start": 0, "end": 5, "params": {"eta0": 0.1, "penalty": "l2"}},
    ...     {"start": 5, "end": 9, "params": {"eta0": 0.01, "penalty": "l2"}},
    ... ]
    >>> display = ScheduleDisplay.from_schedule(schedule, resource="passes")
    >>> len(display.axes_), list(display.steps_), list(display.spans_)
    (2, ['eta0'], ['penalty'])
    """

    def __init__(
        self,
        schedule: Sequence[Mapping[str, Any]],
        *,
        log_params: Iterable[str] = (),
        resource: str = "resource",
    ) -> None:
        self.schedule = schedule
        self.log_params = log_params
        self.resource = resource

    @classmethod
    def from_search(cls, search: Any, *, ax: Any = None) -> ScheduleDisplay:
        """Draw ``best_schedule_`` of a search.

        Numbers have the scale of their space. Where that is not known, as with a
        journal, it is logarithmic if they span more than a factor of 20.

        Parameters
        ----------
        search : PBTSearchCV or LoadedSearch
            A fitted search, or what `sktune.load_search` returns.
        ax : matplotlib.axes.Axes or sequence of them, default=None
            What to draw on, one for each hyperparameter; None makes a figure.

        Returns
        -------
        ScheduleDisplay
            Drawn.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            When the search is not fitted.
        SearchError
            When the search has no schedule.
        """
        read_results(search)
        schedule = getattr(search, "best_schedule_", None)
        if schedule is None:
            raise SearchError(
                f"{name_of(search)} trains with constant hyperparameters and has no "
                "schedule: PBTSearchCV has"
            )
        schedule = _checked(schedule)
        log_params = [
            name
            for name, values in _columns(schedule).items()
            if _are_numbers(values) and has_log_scale(search, name, _known(values))
        ]
        resource = getattr(search, "resource_", None) or "resource"
        return cls(schedule, log_params=log_params, resource=resource).plot(ax)

    @classmethod
    def from_schedule(
        cls,
        schedule: Sequence[Mapping[str, Any]],
        *,
        resource: str = "resource",
        ax: Any = None,
    ) -> ScheduleDisplay:
        """Draw a schedule.

        Numbers that span more than a factor of 20 have a logarithmic scale.

        Parameters
        ----------
        schedule : list of dict
            Segments with ``start``, ``end`` and ``params``, as in
            ``PBTSearchCV.best_schedule_``.
        resource : str, default="resource"
            What ``start`` and ``end`` count.
        ax : matplotlib.axes.Axes or sequence of them, default=None
            What to draw on, one for each hyperparameter; None makes a figure.

        Returns
        -------
        ScheduleDisplay
            Drawn.

        Raises
        ------
        SearchError
            When it is no schedule.
        """
        schedule = _checked(schedule)
        log_params = [
            name
            for name, values in _columns(schedule).items()
            if _are_numbers(values) and spans_magnitudes(_known(values))
        ]
        return cls(schedule, log_params=log_params, resource=resource).plot(ax)

    def plot(self, ax: Any = None) -> ScheduleDisplay:
        """Draw the schedule.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or sequence of them, default=None
            What to draw on, one for each hyperparameter; None makes a figure.

        Returns
        -------
        ScheduleDisplay
            Itself.

        Raises
        ------
        SearchError
            When there are more or fewer axes than hyperparameters.
        """
        columns = _columns(self.schedule)
        self.axes_ = _panels(ax, columns)
        self.steps_: dict[str, StepPatch] = {}
        self.spans_: dict[str, list[Polygon | Rectangle]] = {}
        edges = [self.schedule[0]["start"]] + [s["end"] for s in self.schedule]
        for axes, (name, values) in zip(self.axes_, columns.items(), strict=True):
            if _are_numbers(values):
                numbers = [math.nan if v is _ABSENT else float(v) for v in values]
                self.steps_[name] = axes.stairs(
                    numbers, edges, baseline=None, color=BEST, linewidth=2
                )
                if name in self.log_params:
                    axes.set_yscale("log")
            else:
                self.spans_[name] = _draw_spans(axes, values, edges)
            axes.set_title(name, loc="left", fontsize="medium")
            axes.set_xlim(edges[0], edges[-1])
            count_along(axes)
        self.axes_[-1].set_xlabel(self.resource)
        self.figure_ = self.axes_[0].figure
        return self


_ABSENT = object()  # in a segment where a parameter is not active


def _checked(schedule: Any) -> list[Mapping[str, Any]]:
    segments = list(schedule) if isinstance(schedule, Iterable) else []
    good = [isinstance(s, Mapping) and all(key in s for key in _KEYS) for s in segments]
    if not segments or not all(good):
        raise SearchError(
            "a schedule is a list of dicts with 'start', 'end' and 'params', got "
            f"{schedule!r}"
        )
    if not _columns(segments):
        raise SearchError("the schedule has no hyperparameters")
    return segments


def _columns(schedule: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return the values of each hyperparameter, numbers first."""
    names = dict.fromkeys(name for segment in schedule for name in segment["params"])
    columns = {n: [s["params"].get(n, _ABSENT) for s in schedule] for n in names}
    return dict(sorted(columns.items(), key=lambda column: not _are_numbers(column[1])))


def _known(values: list[Any]) -> list[Any]:
    return [value for value in values if value is not _ABSENT]


def _are_numbers(values: list[Any]) -> bool:
    return all(map(is_number, _known(values)))


def _panels(ax: Any, columns: Mapping[str, list[Any]]) -> list[Axes]:
    """Return axes for each hyperparameter."""
    pyplot = require("matplotlib.pyplot", "ScheduleDisplay.plot")
    if ax is None:
        heights = [_HEIGHTS[_are_numbers(values)] for values in columns.values()]
        _, ax = pyplot.subplots(
            len(columns),
            sharex=True,
            squeeze=False,
            height_ratios=heights,
            figsize=(6.4, 1.0 + sum(heights) + 0.3 * len(heights)),
            layout="constrained",
        )
    given = list(np.ravel(np.asarray(ax, dtype=object)))
    if len(given) != len(columns):
        raise SearchError(
            f"the schedule has {len(columns)} hyperparameters, {list(columns)}: give "
            f"as many axes, got {len(given)}"
        )
    return given


def _draw_spans(
    axes: Axes, values: list[Any], edges: Sequence[int]
) -> list[Polygon | Rectangle]:
    """Draw a span for each run of equal values."""
    spans: list[Polygon | Rectangle] = []
    colors = {
        key: f"C{n % 10}" for n, key in enumerate(dict.fromkeys(map(repr, values)))
    }
    numbered = groupby(enumerate(values), key=lambda pair: repr(pair[1]))
    for key, run in numbered:
        pairs = list(run)
        if pairs[0][1] is _ABSENT:
            continue
        start, end = edges[pairs[0][0]], edges[pairs[-1][0] + 1]
        spans.append(axes.axvspan(start, end, color=colors[key], alpha=0.3))
        axes.text(
            (start + end) / 2,
            0.5,
            text_of(pairs[0][1]),
            transform=axes.get_xaxis_transform(),
            ha="center",
            va="center",
            clip_on=True,
        )
    axes.set_yticks([])
    return spans
