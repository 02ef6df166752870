"""What all members of a population have in common.

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
    last_step,
)
from .._protocol import Adjustable
from ..exceptions import SearchError
from ..space import Space

__all__ = ["common_resource", "drawn_estimators", "inherited_parameters"]

_N_DRAWS = 32


def drawn_estimators(estimator: Any, space: Space) -> list[Any]:
    """Return estimators as members may be."""
    points = space.sample(np.random.default_rng(0), _N_DRAWS)
    params = [clone(space.from_unit(point), safe=False) for point in points]
    return [clone(estimator).set_params(**p) for p in params]


def common_resource(
    drawn: Sequence[Any], space: Space, request: ResourceRequest
) -> FoundResource:
    """Return the resource that every member can be trained by.

    Parameters
    ----------
    drawn : sequence of estimator
        From `drawn_estimators`.
    space : Space
    request : ResourceRequest
        What the user asked for.

    Raises
    ------
    SearchError
        When they have no resource in common, or it is a parameter of the space.
    """
    tried = [find_resource(model, request) for model in drawn]
    kinds = {type(found.resource): found.resource for found in tried}
    if len(kinds) > 1:
        names = sorted(repr(resource.name) for resource in kinds.values())
        raise SearchError(
            "the estimators of the space have no resource in common: "
            f"{', '.join(names)}. A population needs one"
        )
    found = tried[0]
    if found.resource.name in space.names:
        raise SearchError(
            f"{found.resource.name!r} is the resource, and cannot be a parameter "
            "of the space too: remove it there, or choose another resource"
        )
    return found


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
    if mutates and not all(isinstance(last_step(m)[0], Adjustable) for m in drawn):
        raise SearchError(
            "mutate_architecture=True needs an estimator that can take over "
            "weights of other layers, as those of sktune.keras, got "
            f"{type(last_step(drawn[0])[0]).__name__}"
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
