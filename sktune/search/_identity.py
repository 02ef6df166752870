"""What has to be the same when a search goes on."""

from __future__ import annotations

import math
from typing import Any

from .._execution import FoldData
from ..persistence import describe, describe_data, describe_space
from ..results import earlier_results
from ._proposals import Proposals

__all__ = ["describe_search", "encoded_score"]


def describe_search(
    search: Any, metric: str, data: FoldData, plan: Proposals
) -> dict[str, Any]:
    """Return descriptions of all that decides the results of a search.

    Parameters
    ----------
    search : BaseTuneSearchCV
        With its ``space_``.
    metric : str
        What is maximised.
    data : FoldData
    plan : Proposals

    Returns
    -------
    dict of str to object
        JSON, by the names that users know.
    """
    identity: dict[str, Any] = {
        "search": type(search).__name__,
        "estimator": describe(search.estimator),
        "space": describe_space(search.space_),
        "X": describe_data(data.X),
        "y": describe_data(data.y),
        "scoring": describe(search.scoring),
        "metric": metric,
        "cv": _describe_folds(search.cv, data.folds),
    }
    if data.groups is not None:
        identity["groups"] = describe_data(data.groups)
    for kind, params in (("fit", data.fit_params), ("score", data.score_params)):
        for name, value in params.items():
            identity[f"{name} ({kind})"] = describe(value)
    for name in search._deciding:
        identity[name] = describe(getattr(search, name))
    earlier = getattr(search, "warm_start_from", None)
    if earlier is not None:
        earlier = earlier_results(earlier, metric)
        identity["warm_start_from"] = describe(earlier)
    identity.update(plan.design)
    return identity


def _describe_folds(cv: Any, folds: list[tuple[Any, Any]]) -> dict[str, Any]:
    indices = [describe_data(part)["sha256"] for fold in folds for part in fold]
    name = "folds"
    if getattr(cv, "shuffle", False) and getattr(cv, "random_state", 0) is None:
        name = "folds, drawn anew by a splitter without a random_state,"
    is_splitter = cv is None or isinstance(cv, int) or hasattr(cv, "split")
    return {
        "splitter": describe(cv) if is_splitter else "an iterable",
        name: [len(folds), describe(indices)],
    }


def encoded_score(error_score: Any) -> Any:
    """Return ``error_score`` as a journal keeps it: None is NaN."""
    if error_score == "raise" or not math.isfinite(error_score):
        return None
    return float(error_score)
