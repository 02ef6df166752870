"""The scores of a search against what was spent on its candidates."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ..exceptions import SearchError
from ._drawing import BEST, PLAIN, axes_for, count_along
from ._reading import name_of, read_scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["TrainingCurvesDisplay"]


class TrainingCurvesDisplay:
    """The mean score of each candidate, or member, while it was trained.

    Made by `from_search`. A line ends where its candidate was stopped. The line
    of a member of a population jumps where it copied another member.

    Parameters
    ----------
    curves : pandas.DataFrame
        A row for each candidate, a column for each budget, as ``learning_curves``
        of a search returns it.
    best : int
        Which row to emphasise, by its label.
    resource : str, default="resource"
        What the budget counts.
    score : str, default="mean test score"
        What the scores are.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        What it was drawn on.
    figure_ : matplotlib.figure.Figure
        Whose axes they are.
    lines_ : dict of int to matplotlib.lines.Line2D
        By the labels of `curves`.
    best_line_ : matplotlib.lines.Line2D
        The one that is emphasised.

    See Also
    --------
    ScheduleDisplay : The hyperparameters of the best member.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import SGDClassifier
    >>> from sktune import HyperbandSearchCV
    >>> from sktune.plots import TrainingCurvesDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> space = {"alpha": (1e-6, 1e0, "log-uniform")}
    >>> model = SGDClassifier(random_state=0)
    >>> search = HyperbandSearchCV(model, space, max_resource=9, random_state=0)
    >>> display = TrainingCurvesDisplay.from_search(search.fit(X, y))
    >>> len(display.lines_) == len(search.cv_results_["params"])
    True
    """

    def __init__(
        self,
        curves: Any,
        best: int,
        *,
        resource: str = "resource",
        score: str = "mean test score",
    ) -> None:
        self.curves = curves
        self.best = best
        self.resource = resource
        self.score = score

    @classmethod
    def from_search(
        cls, search: Any, *, metric: str | None = None, ax: Axes | None = None
    ) -> TrainingCurvesDisplay:
        """Read the curves of a search and draw them.

        Parameters
        ----------
        search : HyperbandSearchCV, PBTSearchCV or LoadedSearch
            A fitted search, or what `sktune.load_search` returns.
        metric : str, default=None
            Which of several metrics; None is the one that the search maximised.
        ax : matplotlib.axes.Axes, default=None
            What to draw on; None makes a figure.

        Returns
        -------
        TrainingCurvesDisplay
            Drawn.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            When the search is not fitted.
        SearchError
            When the search trains each candidate at once, there is no such metric,
            or no candidate has a finite score.
        """
        scores = read_scores(search, metric)
        resource = getattr(search, "resource_", None)
        if resource is None:
            raise SearchError(
                f"{name_of(search)} trains each candidate at once and has no training "
                "curves: HyperbandSearchCV and PBTSearchCV have. "
                "OptimizationHistoryDisplay shows its scores"
            )
        curves = search.learning_curves(f"test_{scores.metric}")
        best = scores.best_row
        history = search.history_
        if isinstance(history, Mapping) and "member" in history:
            # While the search runs, not every member has a row.
            best = sorted(set(history["member"]))[best]
        return cls(curves, int(best), resource=resource, score=scores.label).plot(ax)

    def plot(self, ax: Axes | None = None) -> TrainingCurvesDisplay:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            What to draw on; None makes a figure.

        Returns
        -------
        TrainingCurvesDisplay
            Itself.
        """
        ax = axes_for(ax, "TrainingCurvesDisplay.plot")
        self.lines_: dict[int, Line2D] = {}
        for label, row in self.curves.iterrows():
            curve, is_best = row.dropna(), label == self.best
            (self.lines_[label],) = ax.plot(
                curve.index,
                curve,
                marker=".",
                color=BEST if is_best else PLAIN,
                alpha=1.0 if is_best else 0.5,
                markersize=10 if is_best else 6,
                linewidth=2.5 if is_best else 1.0,
                zorder=3 if is_best else 2,
                label="best" if is_best else None,
            )
        self.best_line_ = self.lines_[self.best]
        budgets = [int(budget) for budget in self.curves.columns]
        if _grow_by_factors(budgets):
            ax.set_xscale("log")
            ax.set_xticks(budgets, [str(budget) for budget in budgets])
            ax.set_xticks([], minor=True)
        else:
            count_along(ax)
        ax.set(xlabel=self.resource, ylabel=self.score)
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _grow_by_factors(budgets: list[int]) -> bool:
    """Whether the budgets are those of rungs, rather than at even distances."""
    pairs = list(pairwise(budgets))
    return len(pairs) > 1 and all(0 < 2 * one <= two for one, two in pairs)
