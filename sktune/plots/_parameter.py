"""The scores of a search against one hyperparameter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..exceptions import SearchError
from ._drawing import BEST, PLAIN, axes_for, mark_failed
from ._reading import (
    Scores,
    has_log_scale,
    is_number,
    known_name,
    read_results,
    read_scores,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ParameterScoresDisplay", "text_of"]

_MAX_CHARACTERS = 24  # of a choice beside an axis
_WIDTH = 0.15  # of a strip, to either side


class ParameterScoresDisplay:
    """The score of each candidate against one of its hyperparameters.

    Made by `from_search`. Candidates that failed are marked at the lower edge;
    those that do not have the parameter are left out.

    Parameters
    ----------
    param : str
        Name of the hyperparameter.
    values : list
        Its value in each candidate.
    scores : Scores
        Those of the same candidates.
    is_log : bool, default=False
        Whether the scale of numbers is logarithmic.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        What it was drawn on.
    figure_ : matplotlib.figure.Figure
        Whose axes they are.
    points_ : matplotlib.collections.PathCollection
        The candidates with a score.
    best_ : matplotlib.collections.PathCollection
        The best of them.
    failed_ : matplotlib.lines.Line2D or None
        The candidates that failed, if any did.

    See Also
    --------
    OptimizationHistoryDisplay : The scores in the order of the candidates.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from sktune import BayesSearchCV
    >>> from sktune.plots import ParameterScoresDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> space = {"C": (1e-2, 1e2, "log-uniform"), "kernel": ["rbf", "linear"]}
    >>> search = BayesSearchCV(SVC(), space, n_iter=5, random_state=0).fit(X, y)
    >>> display = ParameterScoresDisplay.from_search(search, "C")
    >>> display.ax_.get_xscale()
    'log'
    """

    def __init__(
        self, param: str, values: list[Any], scores: Scores, *, is_log: bool = False
    ) -> None:
        self.param = param
        self.values = values
        self.scores = scores
        self.is_log = is_log

    @classmethod
    def from_search(
        cls,
        search: Any,
        param: str,
        *,
        metric: str | None = None,
        ax: Axes | None = None,
    ) -> ParameterScoresDisplay:
        """Read the scores of a search and draw them.

        Numbers have the scale of their space. Where that is not known, as with a
        journal, it is logarithmic if they span more than a factor of 20.

        Parameters
        ----------
        search : object
            A fitted search with ``cv_results_``, or what `sktune.load_search`
            returns.
        param : str
            Name of the hyperparameter.
        metric : str, default=None
            Which of several metrics; None is the one that the search maximised.
        ax : matplotlib.axes.Axes, default=None
            What to draw on; None makes a figure.

        Returns
        -------
        ParameterScoresDisplay
            Drawn.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            When the search is not fitted.
        SearchError
            When there is no such parameter or metric, or no candidate that has the
            parameter has a finite score.
        """
        rows = read_results(search)["params"]
        known_name(param, sorted({name for row in rows for name in row}), "parameter")
        scores = read_scores(search, metric)
        has = np.array([param in row for row in rows])
        if scores.is_failed[has].all():
            raise SearchError(f"no candidate with {param!r} has a finite score")
        values = [row[param] for row in rows if param in row]
        is_log = all(map(is_number, values)) and has_log_scale(search, param, values)
        own = Scores(
            scores.metric, scores.values[has], scores.is_failed[has], scores.ranks[has]
        )
        return cls(param, values, own, is_log=is_log).plot(ax)

    def plot(self, ax: Axes | None = None) -> ParameterScoresDisplay:
        """Draw the scores.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            What to draw on; None makes a figure.

        Returns
        -------
        ParameterScoresDisplay
            Itself.
        """
        ax = axes_for(ax, "ParameterScoresDisplay.plot")
        if all(map(is_number, self.values)):
            places = np.array([float(value) for value in self.values])
            if self.is_log:
                ax.set_xscale("log")
        else:
            places, labels = _strips(self.values)
            ax.set_xticks(range(len(labels)), labels)
            ax.set_xlim(-0.5, len(labels) - 0.5)
        scores, failed = self.scores, self.scores.is_failed
        self.points_ = ax.scatter(
            places[~failed],
            scores.values[~failed],
            color=PLAIN,
            alpha=0.7,
            label="candidate",
        )
        row = scores.best_row
        self.best_ = ax.scatter(
            places[[row]], scores.values[[row]], color=BEST, label="best", zorder=3
        )
        self.failed_ = mark_failed(ax, places[failed])
        ax.set(xlabel=self.param, ylabel=scores.label)
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self


def text_of(value: Any) -> str:
    """Return a choice as a short text."""
    text = value if isinstance(value, str) else repr(value)
    text = " ".join(text.split())
    if len(text) > _MAX_CHARACTERS:
        text = text[: _MAX_CHARACTERS - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return text


def _strips(values: list[Any]) -> tuple[NDArray[np.float64], list[str]]:
    """Return where each value lies, and the labels of the whole numbers."""
    kinds = {repr(value): value for value in values}
    # Numbers by their size, before names.
    order = sorted(
        kinds, key=lambda key: (not is_number(kinds[key]), _size(kinds[key]), key)
    )
    strip = {key: number for number, key in enumerate(order)}
    numbers = np.array([float(strip[repr(value)]) for value in values])
    # Equal scores of one choice would hide each other. The seed keeps plots alike.
    noise = np.random.default_rng(0).uniform(-_WIDTH, _WIDTH, len(values))
    return numbers + noise, [text_of(kinds[key]) for key in order]


def _size(value: Any) -> float:
    return float(value) if is_number(value) else 0.0
