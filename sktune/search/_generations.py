"""What a search by population based training is going to do."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .._execution import FoundResource, Resource, with_total
from ..exceptions import SearchError
from ..optimizers import SubPopulation, make_population

__all__ = ["GenerationPlan", "plan_generations"]


@dataclass(frozen=True)
class GenerationPlan:
    """A population, and when its members meet.

    Attributes
    ----------
    resource : Resource
        How the budget is spent.
    max_resource : int
        Units that each member is trained for.
    intervals : tuple of int
        Units between two exchanges, of each sub-population.
    parts : list of SubPopulation
    """

    resource: Resource
    max_resource: int
    intervals: tuple[int, ...]
    parts: list[SubPopulation]

    @property
    def population_size(self) -> int:
        """Number of members."""
        return sum(len(part.members) for part in self.parts)

    @property
    def n_steps(self) -> int:
        """Number of segments."""
        return sum(len(part.members) * len(part.ends) for part in self.parts)

    def to_text(self, n_folds: int | None) -> str:
        """Return the plan in a few lines.

        Parameters
        ----------
        n_folds : int or None
            Number of folds, if it is known.
        """
        name = self.resource.name
        lines = [f"Resource: {self.resource.description}."]
        for part in self.parts:
            n = len(part.members)
            members = "1 member" if n == 1 else f"{n} members"
            lines.append(
                f"{members}, {len(part.ends)} generations of {part.interval} {name}"
            )
        each = "a fold" if n_folds is None else f"each of {n_folds} folds"
        units = self.population_size * self.max_resource
        lines.append(f"{units} {name} for {each}")
        return "\n".join(lines)


def plan_generations(
    found: FoundResource,
    *,
    population_size: int,
    n_generations: int,
    interval: int | str | Sequence[int],
    max_resource: int | str,
    inherits: bool,
) -> GenerationPlan:
    """Return the plan that a user asked for.

    Parameters
    ----------
    found : FoundResource
        What the estimator has.
    population_size, n_generations : int
    interval : int, "auto" or sequence of int
        Units of a generation, or one for each sub-population.
    max_resource : int or "auto"
        Units that each member is trained for.
    inherits : bool
        Whether models of other layers take over weights.

    Returns
    -------
    GenerationPlan

    Raises
    ------
    SearchError
        Names all that does not fit together.
    """
    if not found.resource.continues:
        raise SearchError(
            "PBTSearchCV trains models in parts, with parameters that change, and "
            f"this estimator cannot go on: its resource is {found.resource.name!r}, "
            f"{found.resource.description}{found.note}. Estimators that can: those of "
            "sktune.keras, those with partial_fit, skorch nets, XGBoost, LightGBM, "
            "CatBoost, and with resource='n_estimators' or 'max_iter' those with "
            "warm_start; also pipelines that end in one of them"
        )
    given: list[Any] = [interval]
    if isinstance(interval, (list, tuple)):
        given = list(interval)
    total = _total(found, max_resource, given, n_generations)
    if given == ["auto"]:
        given = [-(-total // n_generations)]
    problems = _problems(given, total, population_size, found)
    if problems:
        raise SearchError("; ".join(problems))
    intervals = tuple(int(i) for i in given)
    resource = with_total(found.resource, total, inherits=inherits)
    parts = make_population(population_size, total, intervals)
    return GenerationPlan(resource, total, intervals, parts)


def _total(
    found: FoundResource,
    max_resource: int | str,
    given: Sequence[Any],
    n_generations: int,
) -> int:
    if not isinstance(max_resource, str):
        return int(max_resource)
    whole = len(given) == 1 and isinstance(given[0], numbers.Integral)
    return int(given[0]) * n_generations if whole else found.usual


def _problems(
    given: Sequence[Any], total: int, population_size: int, found: FoundResource
) -> list[str]:
    whole = all(
        isinstance(i, numbers.Integral) and not isinstance(i, bool) and int(i) >= 1
        for i in given
    )
    if not given or not whole:
        return [
            "interval must be 'auto', an int or a list of ints, all at least 1, got "
            f"{given!r}"
        ]
    problems = []
    if max(given) > total:
        problems.append(
            f"interval={max(given)} is longer than the whole training of {total} "
            f"{found.resource.name}"
        )
    if len(given) > population_size:
        problems.append(
            f"{len(given)} intervals need as many members at least, got "
            f"population_size={population_size}"
        )
    return problems
