"""What all candidates of a space have in common.

What is searched can decide what an estimator is: so estimators are drawn from the
space, and asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import clone

from .._execution import (
    FoundResource,
    Resource,
    ResourceRequest,
    find_resource,
    fixed_parameters,
    inner_model,
)
from .._protocol import Adjustable
from ..exceptions import SearchError
from ..space import Space

__all__ = [
    "check_not_searched",
    "drawn_estimators",
    "inherited_parameters",
    "only_resource",
    "resources_of",
]

# Configurations looked at to learn what all of the space have in common.
_N_DRAWS = 32


def drawn_estimators(estimator: Any, space: Space) -> list[Any]:
    """Return estimators as candidates may be."""
    points = space.sample(np.random.default_rng(0), _N_DRAWS)
    params = [clone(space.from_unit(point), safe=False) for point in points]
    return [clone(estimator).set_params(**p) for p in params]


def resources_of(drawn: Sequence[Any], request: ResourceRequest) -> list[FoundResource]:
    """Return the resources that estimators are trained by, each kind once.

    Parameters
    ----------
    drawn : sequence of estimator
        From `drawn_estimators`.
    request : ResourceRequest
        What the user asked for.
    """
    found = [find_resource(model, request) for model in drawn]
    kinds = {(type(f.resource), f.resource.name): f for f in reversed(found)}
    return list(reversed(kinds.values()))


def only_resource(drawn: Sequence[Any], request: ResourceRequest) -> FoundResource:
    """Return the resource that all estimators are trained by.

    Parameters
    ----------
    drawn : sequence of estimator
        From `drawn_estimators`.
    request : ResourceRequest
        What the user asked for.

    Raises
    ------
    SearchError
        When they have none in common.
    """
    found = resources_of(drawn, request)
    if len(found) > 1:
        names = sorted(repr(f.resource.name) for f in found)
        raise SearchError(
            "the estimators of the space have no resource in common: "
            f"{', '.join(names)}. A population needs one"
        )
    return found[0]


def check_not_searched(found: FoundResource, space: Space) -> None:
    """Raise when a resource is a parameter of the space too."""
    if found.resource.name in space.names:
        raise SearchError(
            f"{found.resource.name!r} is the resource, and cannot be a parameter "
            "of the space too: remove it there, or choose another resource"
        )


def inherited_parameters(
    drawn: Sequence[Any],
    space: Space,
    resource: Resource,
    given: Sequence[str],
    *,
    mutates: bool,
) -> list[str]:
    """Return the parameters of a space that members inherit and cannot change.

    Parameters
    ----------
    drawn : sequence of estimator
        From `drawn_estimators`.
    space : Space
    resource : Resource
        How training goes on.
    given : sequence of str
        Those that the user named.
    mutates : bool
        Whether layers may change.

    Raises
    ------
    SearchError
        When a name is not in the space, or an estimator cannot change its layers.
    """
    if mutates and not all(isinstance(inner_model(m)[0], Adjustable) for m in drawn):
        raise SearchError(
            "mutate_architecture=True needs an estimator that can take over "
            "weights of other layers, as those of sktune.keras, got "
            f"{type(inner_model(drawn[0])[0]).__name__}"
        )
    unknown = [name for name in given if name not in space.names]
    if unknown:
        raise SearchError(
            f"fixed_parameters names {unknown[0]!r}, which is not in the space: "
            f"it has {list(space.names)}"
        )
    fixed = set(given)
    for model in drawn:
        fixed |= fixed_parameters(model, resource, space.names, inherits=mutates)
    return sorted(fixed)
