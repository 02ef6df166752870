"""What the displays draw alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._optional import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["BEST", "FAILED", "PLAIN", "axes_for", "count_along", "mark_failed"]

PLAIN, BEST, FAILED = "C0", "C3", "0.4"


def axes_for(ax: Axes | None, purpose: str) -> Axes:
    """Return the axes to draw on, those of a new figure where there are none."""
    pyplot = require("matplotlib.pyplot", purpose)
    if ax is None:
        _, ax = pyplot.subplots(layout="constrained")
    assert ax is not None
    return ax


def count_along(ax: Axes) -> None:
    """Let the ticks of an axis be whole numbers: it counts something."""
    ticker = require("matplotlib.ticker", "A plot")
    ax.xaxis.set_major_locator(
        ticker.MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True)
    )


def mark_failed(ax: Axes, places: Any) -> Line2D | None:
    """Mark candidates without a score at the lower edge, wherever that is."""
    if not len(places):
        return None
    # Not `scatter`: its offsets do not count for the limits under this transform.
    (marks,) = ax.plot(
        places,
        [0.0] * len(places),
        transform=ax.get_xaxis_transform(),
        clip_on=False,
        color=FAILED,
        linestyle="none",
        marker="x",
        label="failed",
        zorder=3,
    )
    return marks
