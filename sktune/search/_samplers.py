"""What proposes the candidates of a search by Hyperband."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..exceptions import SpaceError
from ..optimizers import (
    BayesOptimizer,
    GridOptimizer,
    Optimizer,
    RandomOptimizer,
    SharesOptimizer,
)
from ..space import Space
from ._earlier import EarlierResults, learn
from ._plan import Plan

__all__ = ["Beginning", "make_sampler"]


@dataclass(frozen=True)
class Beginning:
    """What is known before a search begins.

    Attributes
    ----------
    current : dict
        Parameters that the estimator has.
    given : list of dict
        Candidates to try first.
    earlier : list of (params, score) or None
        Results of another search.
    """

    current: Mapping[str, Any]
    given: Sequence[Mapping[str, Any]]
    earlier: EarlierResults | None


def make_sampler(
    kind: str,
    parts: Sequence[tuple[Space, int]],
    plan: Plan,
    beginning: Beginning,
    rng: np.random.Generator,
) -> tuple[Optimizer | SharesOptimizer, bool]:
    """Return what proposes the candidates, and whether it learns from results.

    Parameters
    ----------
    kind : {"bayes", "random"}
        As the user chose it. Finite spaces of which all will be tried need neither.
    parts : sequence of (Space, share)
        What is searched, each with its share of the candidates.
    plan : Plan
        How many candidates there are, and their budgets.
    beginning : Beginning
        What is known.
    rng : numpy.random.Generator
        The only source of randomness.

    Returns
    -------
    sampler : Optimizer or SharesOptimizer
    learns : bool
    """
    sizes = [space.size or np.inf for space, _ in parts]
    if sum(sizes) <= plan.n_candidates:
        kind = "grid"
    if len(parts) == 1:
        n = plan.n_candidates
        return _one(kind, parts[0][0], n, plan, beginning, rng), kind == "bayes"
    total = sum(share for _, share in parts)
    optimizers = [
        _one(kind, space, plan.n_candidates * share // total, plan, beginning, own)
        for (space, share), own in zip(parts, rng.spawn(len(parts)), strict=True)
    ]
    shares = [share for _, share in parts]
    sampler = SharesOptimizer(list(zip(optimizers, shares, strict=True)))
    return sampler, kind == "bayes"


def _one(
    kind: str,
    space: Space,
    n_candidates: int,
    plan: Plan,
    beginning: Beginning,
    rng: np.random.Generator,
) -> Optimizer:
    """Return the optimizer of one space."""
    current = dict(beginning.current)
    initial = []
    for params in beginning.given:
        # In a space that is searched in parts it belongs to one of them.
        with contextlib.suppress(SpaceError):
            initial.append(space.guess({**current, **params}, required=params))
    if kind == "grid":
        return GridOptimizer(space, rng=rng, initial=initial)
    if kind == "random":
        return RandomOptimizer(space, rng=rng, initial=initial)
    if space.n_held(current):
        initial.append(space.guess(current))
    sampler = BayesOptimizer(
        space,
        rng=rng,
        initial=initial,
        budget=n_candidates,
        budgets=(plan.budgets[0], plan.budgets[-1]),
    )
    if beginning.earlier is not None:
        learn(sampler, space, beginning.earlier)
    return sampler
