"""A training by a schedule, from its beginning to its end."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from sklearn.base import clone

from ..exceptions import SearchError
from ._continued import Segments
from ._live import fixed_parameters
from ._resource import Resource

__all__ = ["replay"]


def replay(
    estimator: Any,
    resource: Resource,
    schedule: Sequence[dict[str, Any]],
    X: Any,
    y: Any,
    params: dict[str, Any],
) -> Any:
    """Train an estimator as the members of a lineage were trained.

    Parameters
    ----------
    estimator : estimator
        Untrained; changed in place.
    resource : Resource
        One that continues.
    schedule : sequence of dict
        With ``start``, ``end`` and ``params``, as `read_schedule` returns it.
    X, y : array-like
        All training rows; `y` may be None.
    params : dict
        Metadata for ``fit``.

    Returns
    -------
    estimator
        Trained: the same one, unless it had to take on other layers.

    Raises
    ------
    SearchError
        When the schedule changes what a model in training cannot change.
    """
    template = clone(estimator)
    usual = template.get_params()
    before: dict[str, Any] = {}
    for segment in schedule:
        start, now = segment["start"], segment["params"]
        changed = [n for n in before | now if _differ(before, now, n)]
        values = {n: now.get(n, usual.get(n)) for n in changed}
        if start == 0:
            estimator.set_params(**clone(values, safe=False))
        elif _needs_other_layers(estimator, resource, changed):
            new = clone(template).set_params(**clone(now, safe=False))
            state = resource.save(estimator)
            estimator = resource.restore(state, functools.partial(_itself, new))
        elif changed:
            resource.adjust(estimator, clone(values, safe=False))
        resource.train(estimator, X, y, params, range(start, segment["end"]))
        before = now
    return estimator


def _itself(estimator: Any) -> Any:
    return estimator


def _needs_other_layers(
    estimator: Any, resource: Resource, changed: Sequence[str]
) -> bool:
    inherits = isinstance(resource, Segments) and resource.inherits
    fixed = fixed_parameters(estimator, resource, changed, inherits=inherits)
    if fixed:
        raise SearchError(
            f"the schedule changes {sorted(fixed)}, which a model in training cannot "
            "change: give each of them one value"
        )
    return bool(fixed_parameters(estimator, resource, changed))


def _differ(before: dict[str, Any], now: dict[str, Any], name: str) -> bool:
    if name not in before or name not in now:
        return True
    old, new = before[name], now[name]
    plain = isinstance(old, (int, float, str, tuple, list))
    return old is not new and not (plain and old == new)
