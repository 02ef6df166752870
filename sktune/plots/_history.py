"""The scores of a search in the order of its candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._drawing import BEST, PLAIN, axes_for, count_along, mark_failed
from ._reading import Scores, read_scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["OptimizationHistoryDisplay"]


class OptimizationHistoryDisplay:
    """The score of each candidate in order, and the best so far.

    Made by `from_search`. Candidates that failed are marked at the lower edge.

    Parameters
    ----------
    scores : Scores
        Those of the candidates, as `from_search` reads them.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        What it was drawn on.
    figure_ : matplotlib.figure.Figure
        Whose axes they are.
    points_ : matplotlib.collections.PathCollection
        The candidates with a score.
    best_line_ : matplotlib.lines.Line2D
        The best so far.
    failed_ : matplotlib.lines.Line2D or None
        The candidates that failed, if any did.

    See Also
    --------
    TrainingCurvesDisplay : How the scores came about.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from sktune import BayesSearchCV
    >>> from sktune.plots import OptimizationHistoryDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> space = {"C": (1e-2, 1e2, "log-uniform")}
    >>> search = BayesSearchCV(SVC(), space, n_iter=5, random_state=0).fit(X, y)
    >>> display = OptimizationHistoryDisplay.from_search(search)
    >>> display.best_line_.get_ydata()[-1] == search.best_score_
    True
    """

    def __init__(self, scores: Scores) -> None:
        self.scores = scores

    @classmethod
    def from_search(
        cls, search: Any, *, metric: str | None = None, ax: Axes | None = None
    ) -> OptimizationHistoryDisplay:
        """Read the scores of a search and draw them.

        Parameters
        ----------
        search : object
            A fitted search with ``cv_results_``, or what `sktune.load_search`
            returns.
        metric : str, default=None
            Which of several metrics; None is the one that the search maximised.
        ax : matplotlib.axes.Axes, default=None
            What to draw on; None makes a figure.

        Returns
        -------
        OptimizationHistoryDisplay
            Drawn.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            When the search is not fitted.
        SearchError
            When there is no such metric, or no candidate has a finite score.
        """
        return cls(read_scores(search, metric)).plot(ax)

    def plot(self, ax: Axes | None = None) -> OptimizationHistoryDisplay:
        """Draw the scores.

        The best so far is that of the search's own ranks: candidates that were
        trained longer come before others, so the line may also step down.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            What to draw on; None makes a figure.

        Returns
        -------
        OptimizationHistoryDisplay
            Itself.
        """
        ax = axes_for(ax, "OptimizationHistoryDisplay.plot")
        scores = self.scores
        rows, failed = np.arange(len(scores.values)), scores.is_failed
        self.points_ = ax.scatter(
            rows[~failed], scores.values[~failed], color=PLAIN, label="candidate"
        )
        (self.best_line_,) = ax.step(
            rows, _best_so_far(scores), where="post", color=BEST, label="best so far"
        )
        self.failed_ = mark_failed(ax, rows[failed])
        ax.set(xlabel="candidate", ylabel=scores.label)
        count_along(ax)
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _best_so_far(scores: Scores) -> Any:
    """Return a score for each row, NaN before the first one."""
    of_rank = dict(zip(scores.ranks, scores.values, strict=True)) | {np.inf: np.nan}
    return np.array([of_rank[rank] for rank in np.minimum.accumulate(scores.ranks)])
