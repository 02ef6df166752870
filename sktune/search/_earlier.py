"""What an earlier search has found."""

from __future__ import annotations

import warnings
from typing import Any

from .._protocol import Outcome, Status
from ..exceptions import SktuneWarning, SpaceError
from ..optimizers import Optimizer
from ..space import Space

__all__ = ["EarlierResults", "learn"]

#: Configurations and their scores, None where one failed.
EarlierResults = list[tuple[dict[str, Any], float | None]]


def learn(optimizer: Optimizer, space: Space, earlier: EarlierResults) -> None:
    """Tell an optimizer the results of `warm_start_from`.

    Parameters
    ----------
    optimizer : Optimizer
    space : Space
        What lies outside it is left out.
    earlier : list of (params, score)
    """
    points, outcomes = [], []
    for params, score in earlier:
        try:
            point = space.to_unit(params)
        except SpaceError:
            continue
        status = Status.FAILED if score is None else Status.OK
        points.append(point)
        outcomes.append(Outcome(-1, status, score))
    if not points:
        warnings.warn(
            "No candidate of warm_start_from lies in the space: nothing is learnt.",
            SktuneWarning,
            stacklevel=2,
        )
    optimizer.observe(points, outcomes)
