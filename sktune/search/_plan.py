"""What a search by Hyperband is going to do."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from .._execution import (
    FoundResource,
    Resource,
    ResourceRequest,
    find_resource,
    with_total,
)
from ..exceptions import SearchError
from ..optimizers import Bracket, make_brackets, n_units
from ..space import Space
from ._in_common import drawn_estimators, resources_of

__all__ = ["Plan", "common_resource", "folds_by_budget", "make_plan"]

# With `min_resource="auto"`, a bracket has so many rungs at most.
_MAX_RUNGS = 5


@dataclass(frozen=True)
class Plan:
    """Brackets of a resource.

    Attributes
    ----------
    resource : Resource
        How the budget is spent.
    min_resource, max_resource : int
        The smallest and the largest budget.
    brackets : list of Bracket
    note : str
        Why it is this resource, where that is not plain.
    """

    resource: Resource
    min_resource: int
    max_resource: int
    brackets: list[Bracket]
    note: str

    @property
    def n_candidates(self) -> int:
        """Number of candidates."""
        return sum(bracket.rungs[0].n_candidates for bracket in self.brackets)

    @property
    def n_steps(self) -> int:
        """Number of times that a candidate is trained."""
        return sum(r.n_candidates for b in self.brackets for r in b.rungs)

    @property
    def n_units(self) -> int:
        """Units of the resource, of one fold."""
        return n_units(self.brackets, continues=self.resource.continues)

    @property
    def budgets(self) -> list[int]:
        """All budgets at which candidates are compared, the smallest first."""
        return sorted({r.budget for b in self.brackets for r in b.rungs})

    def to_text(self, n_folds: int | None) -> str:
        """Return the plan as a table.

        Parameters
        ----------
        n_folds : int or None
            Number of folds, if it is known.
        """
        name = self.resource.name
        lines = [f"Resource: {self.resource.description}{self.note}."]
        for bracket in self.brackets:
            rungs = ", ".join(f"{r.n_candidates} to {r.budget}" for r in bracket.rungs)
            lines.append(f"Bracket {bracket.number}: {rungs} {name}")
        each = "a fold" if n_folds is None else f"each of {n_folds} folds"
        full = self.n_units / self.max_resource
        lines.append(
            f"{self.n_candidates} candidates, {self.n_units} {name} for {each}: as "
            f"much as {full:.1f} candidates trained to {self.max_resource}"
        )
        return "\n".join(lines)


def common_resource(
    estimator: Any, space: Space, request: ResourceRequest
) -> FoundResource:
    """Return a resource that all candidates have.

    Parameters
    ----------
    estimator : estimator
        Itself, or what decides its abilities, may be searched.
    space : Space
        What is searched.
    request : ResourceRequest
        What was asked for.

    Returns
    -------
    FoundResource
    """
    found = find_resource(estimator, request)
    if request.name == "n_samples":
        return found
    found_in_space = resources_of(drawn_estimators(estimator, space), request)
    if len(found_in_space) == 1:
        return found_in_space[0]
    samples = ResourceRequest(
        "n_samples", request.y, request.n_train, None, request.seed
    )
    note = "; the candidates have no other resource in common"
    return replace(find_resource(estimator, samples), note=note)


def make_plan(
    found: FoundResource,
    *,
    min_resource: int | str,
    max_resource: int | str,
    factor: int,
    brackets: int | str,
    n_candidates: int | str,
    n_configurations: int | None,
) -> Plan:
    """Return the plan that a user asked for.

    Parameters
    ----------
    found : FoundResource
        What the estimator has.
    min_resource, max_resource : int or "auto"
        The smallest and the largest budget.
    factor : int
        From one rung to the next.
    brackets : int or "all"
        How many.
    n_candidates : int or "auto"
        Those of the first bracket.
    n_configurations : int or None
        Size of a finite space.

    Returns
    -------
    Plan

    Raises
    ------
    SearchError
        Names all that does not fit together.
    """
    name, factor = found.resource.name, int(factor)
    largest = found.usual if isinstance(max_resource, str) else int(max_resource)
    if isinstance(min_resource, str):
        smallest = max(found.smallest, largest // factor ** (_MAX_RUNGS - 1))
        smallest = min(smallest, largest)
    else:
        smallest = int(min_resource)
    problems = []
    if found.limit is not None and largest > found.limit:
        problems.append(
            f"max_resource={largest} is more than there is: a fold has {found.limit} "
            f"{name} to train on"
        )
    if smallest > largest:
        problems.append(
            f"min_resource={smallest} is larger than max_resource={largest}"
        )
    if problems:
        raise SearchError("; ".join(problems))
    made = make_brackets(
        largest,
        smallest,
        factor,
        n_brackets=None if isinstance(brackets, str) else int(brackets),
        n_candidates=None if isinstance(n_candidates, str) else int(n_candidates),
        n_configurations=n_configurations,
    )
    single = sum(bracket.rungs[0].n_candidates for bracket in made) == 1
    # Few rows may leave no more, where nobody said how many there are to be.
    chosen = not (isinstance(min_resource, str) and isinstance(max_resource, str))
    if single and chosen and isinstance(n_candidates, str) and n_configurations != 1:
        raise SearchError(
            f"the plan has a single candidate: from min_resource={smallest} to "
            f"max_resource={largest} {name} there is no second rung with "
            f"factor={factor}. Raise max_resource, lower min_resource, or say by "
            f"n_candidates how many to train in full{found.note}"
        )
    resource = with_total(found.resource, largest)
    return Plan(resource, smallest, largest, made, found.note)


def folds_by_budget(
    rung_folds: int | Sequence[int] | None, budgets: Sequence[int], n_splits: int
) -> dict[int, int]:
    """Return the number of folds at each budget that has fewer than all.

    Parameters
    ----------
    rung_folds : int, sequence of int or None
        As the user gave it.
    budgets : sequence of int
        From the smallest.
    n_splits : int
        Number of folds.

    Returns
    -------
    dict of int to int

    Raises
    ------
    SearchError
        When a number makes no sense.
    """
    if rung_folds is None:
        return {}
    single = not isinstance(rung_folds, Sequence)
    given: list[Any] = [rung_folds]
    if isinstance(rung_folds, Sequence):
        given = list(rung_folds)
    whole = all(isinstance(n, numbers.Integral) and int(n) >= 1 for n in given)
    if not given or not whole or sorted(given) != given:
        raise SearchError(
            "rung_folds must be an int or a list of ints, at least 1 and none smaller "
            f"than the one before, got {rung_folds!r}"
        )
    if given[-1] > n_splits:
        raise SearchError(f"rung_folds={rung_folds!r} is more than {n_splits} folds")
    chosen = {}
    # An incumbent has all folds: the largest budget is never cut.
    for level, budget in enumerate(budgets[:-1]):
        if single or level < len(given):
            n = int(given[0 if single else level])
            if n < n_splits:
                chosen[budget] = n
    return chosen
