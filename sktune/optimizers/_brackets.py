"""The brackets of Hyperband, and an order in which to work them off.

Glossary
--------
R : the largest budget of a trial.
r : the smallest one.
eta : the factor; a rung promotes one in eta, to eta times the budget.
s : number of a bracket, that of its rungs but one. The largest s begins with the
    most candidates and the smallest budget.

References
----------
L. Li, K. Jamieson, G. DeSalvo, A. Rostamizadeh, A. Talwalkar, "Hyperband: A Novel
Bandit-Based Approach to Hyperparameter Optimization", JMLR 18(185), 2018.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Bracket", "Rung", "Slot", "make_brackets", "n_units", "schedule"]


@dataclass(frozen=True, slots=True)
class Rung:
    """A level of the resource at which candidates are compared.

    Attributes
    ----------
    budget : int
        Units of the resource that a candidate has spent there.
    n_candidates : int
        How many get there.
    """

    budget: int
    n_candidates: int


@dataclass(frozen=True, slots=True)
class Bracket:
    """One run of successive halving.

    Attributes
    ----------
    number : int
        s, as in the paper.
    rungs : tuple of Rung
        From the lowest.
    """

    number: int
    rungs: tuple[Rung, ...]


def make_brackets(
    max_resource: int,
    min_resource: int = 1,
    factor: int = 3,
    *,
    n_brackets: int | None = None,
    n_candidates: int | None = None,
    n_configurations: int | None = None,
) -> list[Bracket]:
    """Return the brackets, the one with the most candidates first.

    All numbers come from multiplying and dividing integers: a logarithm would
    lose a rung where the budgets are exact powers.

    Parameters
    ----------
    max_resource : int
        R.
    min_resource : int, default=1
        r.
    factor : int, default=3
        eta.
    n_brackets : int or None, default=None
        How many of them; None is all.
    n_candidates : int or None, default=None
        Candidates of the first bracket, those of the others in proportion; None
        is what makes its last rung have one.
    n_configurations : int or None, default=None
        Size of a finite space: no configuration is in two brackets.

    Returns
    -------
    list of Bracket

    Examples
    --------
    >>> from sktune.optimizers import make_brackets
    >>> for bracket in make_brackets(max_resource=9):
    ...     print([(rung.n_candidates, rung.budget) for rung in bracket.rungs])
    [(9, 1), (3, 3), (1, 9)]
    [(5, 3), (1, 9)]
    [(3, 9)]
    """
    s_max = 0
    while min_resource * factor ** (s_max + 1) <= max_resource:
        s_max += 1
    left = n_configurations
    brackets = []
    for s in range(s_max, -1, -1)[:n_brackets]:
        # Li et al. 2018, Alg. 1, line 2: n = ceil((s_max + 1) / (s + 1) * eta^s)
        parts, whole = (s_max + 1) * factor**s, s + 1
        if n_candidates is not None:
            parts, whole = parts * n_candidates, whole * factor**s_max
        n = -(-parts // whole)
        available = n if left is None else min(n, left)
        if not available:
            break
        rungs = [
            Rung(
                max_resource // factor ** (s - i),
                min(max(n // factor**i, 1), available),
            )
            for i in range(s + 1)  # lines 5 to 8
        ]
        # a rung that would promote everybody compares nobody
        rungs = [
            rung
            for i, rung in enumerate(rungs)
            if i == s or rungs[i + 1].n_candidates < rung.n_candidates
        ]
        brackets.append(Bracket(s, tuple(rungs)))
        if left is not None:
            left -= available
    return brackets


def n_units(brackets: Sequence[Bracket], *, continues: bool) -> int:
    """Return the units of the resource that all candidates spend together.

    Parameters
    ----------
    brackets : sequence of Bracket
    continues : bool
        Whether training goes on from one rung to the next, or begins anew.

    Returns
    -------
    int
        Of one fold.

    Examples
    --------
    >>> from sktune.optimizers import make_brackets, n_units
    >>> brackets = make_brackets(max_resource=81)
    >>> n_units(brackets, continues=True), n_units(brackets, continues=False)
    (1581, 1902)
    """
    total = 0
    for bracket in brackets:
        before = 0
        for rung in bracket.rungs:
            total += rung.n_candidates * (rung.budget - before)
            before = rung.budget if continues else 0
    return total


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for a candidate at a rung, in logical time.

    Attributes
    ----------
    bracket : int
        Position in the list of brackets.
    rung, place : int
        Its rung, and its number there.
    start, end : int
        When it is worked off, in units of the resource.
    """

    bracket: int
    rung: int
    place: int
    start: int
    end: int

    @property
    def key(self) -> tuple[int, int, int]:
        """Bracket, rung and place."""
        return self.bracket, self.rung, self.place


def schedule(brackets: Sequence[Bracket], n_abreast: int) -> list[Slot]:
    """Return the places of all brackets in the order to begin with them.

    It is that of so many imaginary workers, for whom a unit of the resource
    takes one unit of time. They finish a bracket before they begin the next,
    and begin with the next while a rung of the first waits for its last
    candidate. The order, and what is known at each of its moments, thus depend
    on no real worker.

    Parameters
    ----------
    brackets : sequence of Bracket
    n_abreast : int
        Number of imaginary workers.

    Returns
    -------
    list of Slot
        In the order of their starts.
    """
    n_begun = [[0] * len(bracket.rungs) for bracket in brackets]
    n_ended = [[0] * len(bracket.rungs) for bracket in brackets]
    running: list[tuple[int, int, int]] = []  # end, bracket, rung
    slots: list[Slot] = []
    now = 0

    def next_place() -> tuple[int, int] | None:
        for b, bracket in enumerate(brackets):
            for i in range(len(bracket.rungs) - 1, -1, -1):
                open_ = i == 0 or n_ended[b][i - 1] == bracket.rungs[i - 1].n_candidates
                if open_ and n_begun[b][i] < bracket.rungs[i].n_candidates:
                    return b, i
        return None

    while True:
        while len(running) < n_abreast and (found := next_place()) is not None:
            b, i = found
            rungs = brackets[b].rungs
            end = now + rungs[i].budget - (rungs[i - 1].budget if i else 0)
            slots.append(Slot(b, i, n_begun[b][i], now, end))
            n_begun[b][i] += 1
            heapq.heappush(running, (end, b, i))
        if not running:
            return slots
        now = running[0][0]
        while running and running[0][0] == now:
            _, b, i = heapq.heappop(running)
            n_ended[b][i] += 1
