"""What the displays read from a search, and what they refuse."""

from __future__ import annotations

import difflib
import math
import numbers
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError

from ..exceptions import SearchError

__all__ = [
    "Scores",
    "has_log_scale",
    "is_number",
    "known_name",
    "name_of",
    "read_results",
    "read_scores",
    "spans_magnitudes",
]

# What `status` says of a candidate that has a score.
_SCORED = ("completed", "stopped", "unfinished")

# Largest over smallest value from which a scale that is not known is logarithmic.
_LOG_FACTOR = 20


def name_of(search: Any) -> str:
    """Return the class of a search, also of one that was read from a journal."""
    return str(getattr(search, "search_", type(search).__name__))


def read_results(search: Any) -> Any:
    """Return ``cv_results_``.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        When the search is not fitted.
    SearchError
        When it is no search, or none of its candidates is finished.
    """
    table = getattr(search, "cv_results_", None)
    if table is None:
        if hasattr(search, "fit"):
            raise NotFittedError(
                f"This {name_of(search)} is not fitted yet. Call 'fit' first; while it "
                "runs, sktune.load_search reads its journal"
            )
        raise SearchError(
            "a plot takes a fitted search or what sktune.load_search returns, got "
            f"{type(search).__name__}"
        )
    if "params" not in table or not len(table["params"]):
        raise SearchError("no candidate of this search is finished so far")
    return table


@dataclass(frozen=True, eq=False)
class Scores:
    """The mean scores of the candidates, in the order of ``cv_results_``.

    Attributes
    ----------
    metric : str
        Whose they are.
    values : ndarray of shape (n_candidates,)
        Mean over the folds.
    is_failed : ndarray of shape (n_candidates,)
        Whether a candidate failed or has no finite score.
    ranks : ndarray of shape (n_candidates,)
        Those of the search, infinite where a candidate failed.
    """

    metric: str
    values: NDArray[np.float64]
    is_failed: NDArray[np.bool_]
    ranks: NDArray[np.float64]

    @property
    def best_row(self) -> int:
        """The row of the best candidate."""
        return int(self.ranks.argmin())

    @property
    def label(self) -> str:
        """What to write at an axis."""
        return f"mean test {self.metric}"


def read_scores(search: Any, metric: str | None) -> Scores:
    """Return the scores of a search.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        When the search is not fitted.
    SearchError
        When there is no such metric, or no candidate has a finite score.
    """
    table = read_results(search)
    metric = _metric(search, table, metric)
    values = np.asarray(table[f"mean_test_{metric}"], dtype=np.float64)
    is_failed = ~np.isfinite(values)
    if "status" in table:
        # A number that stands for a score that is missing is none.
        is_failed |= ~np.isin(table["status"], _SCORED)
    if is_failed.all():
        raise SearchError(f"no candidate has a finite {metric!r}: all of them failed")
    ranks = np.where(is_failed, np.inf, table[f"rank_test_{metric}"])
    return Scores(metric, values, is_failed, ranks)


def _metric(search: Any, table: Any, metric: str | None) -> str:
    prefix = "mean_test_"
    known = [str(c).removeprefix(prefix) for c in table if str(c).startswith(prefix)]
    if metric is not None:
        return known_name(metric, known, "metric")
    if len(known) == 1:
        return known[0]
    for name in (getattr(search, "metric_", None), getattr(search, "refit", None)):
        if isinstance(name, str) and name in known:
            return name
    raise SearchError(f"the search has several metrics: give metric=, one of {known}")


def known_name(name: str, known: Iterable[str], kind: str) -> str:
    """Return a name that is among those known.

    Raises
    ------
    SearchError
        Names the nearest, and all.
    """
    known = list(known)
    if name in known:
        return name
    close = difflib.get_close_matches(str(name), known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    raise SearchError(f"there is no {kind} {name!r}{hint} Known: {known}")


def is_number(value: Any) -> bool:
    """Whether a value has a place on a scale."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def spans_magnitudes(values: Iterable[float]) -> bool:
    """Whether values are positive and far apart."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite or min(finite) <= 0:
        return False
    return max(finite) / min(finite) > _LOG_FACTOR


def has_log_scale(search: Any, name: str, values: Sequence[float]) -> bool:
    """Whether a parameter is drawn on a logarithmic scale.

    Its space decides, where the search has one, by what lies in its middle: so any
    distribution and list can tell. Otherwise the values that were tried do.
    """
    if min(values) <= 0:
        return False
    axes = getattr(getattr(search, "space_", None), "axes", ())
    dimensions = [axis.dimension for axis in axes if axis.label == name]
    ends = [[d.value(c) for c in (0.0, 0.5, 1.0)] for d in dimensions]
    ends = [three for three in ends if all(map(is_number, three))]
    if not ends:
        return spans_magnitudes(values)
    return any(_is_logarithmic(*three) for three in ends)


def _is_logarithmic(low: float, middle: float, high: float) -> bool:
    """Whether the middle is nearer to the geometric mean of the ends."""
    if not 0 < low < high < math.inf:
        return False
    geometric, arithmetic = math.sqrt(low) * math.sqrt(high), (low + high) / 2
    return abs(middle - geometric) < abs(middle - arithmetic)
