"""How dimensions become the axes of the unit cube.

Each scalar dimension is one axis; a `Sequence` is an axis for its length and
one for each item; a list of dicts adds a root axis that chooses the dict.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ._choices import Categorical
from ._conditions import Condition, condition_on
from ._dimensions import Dimension, ScalarDimension, Sequence
from ._parse import Branch
from ._ranges import Integer

__all__ = ["Axis", "Layout", "Parameter", "lay_out"]

_ROOT_LABEL = "<sub-space>"


@dataclass(frozen=True, eq=False)
class Axis:
    """One coordinate of the unit cube.

    Attributes
    ----------
    label : str
        Name of the parameter, with the item's number for a `Sequence`.
    dimension : ScalarDimension
        The values along the axis.
    conditions : tuple of Condition
        All must hold for the axis to be active. They depend on axes before it.

    Examples
    --------
    >>> from sktune import Space
    >>> axis = Space({"depth": (1, 9)}).axes[0]
    >>> axis.label, axis.n_levels, axis.is_categorical
    ('depth', 9, False)
    """

    label: str
    dimension: ScalarDimension
    conditions: tuple[Condition, ...] = ()

    @property
    def is_categorical(self) -> bool:
        """Whether distances along the axis mean nothing."""
        return self.dimension.is_categorical

    @property
    def n_levels(self) -> int | None:
        """Number of distinct values; None for a continuum."""
        return self.dimension.n_levels


@dataclass(frozen=True, eq=False)
class Parameter:
    """A parameter and the axes it has.

    Attributes
    ----------
    name : str
    dimension : Dimension
    branches : frozenset of int
        Numbers of the dicts of the union in which it stands.
    first : int
        Its first axis.
    """

    name: str
    dimension: Dimension
    branches: frozenset[int]
    first: int

    @property
    def n_axes(self) -> int:
        """Number of its axes, which follow each other."""
        if isinstance(self.dimension, Sequence):
            return 1 + int(self.dimension.max_length)
        return 1


@dataclass(frozen=True, eq=False)
class Layout:
    """The axes of a space, and what they mean.

    Attributes
    ----------
    axes : list of Axis
        Conditions look back only.
    parameters : list of Parameter
        In the order of their axes.
    branches : list of list of Parameter
        Those of each dict of the union: parents first, else by name.
    """

    axes: list[Axis]
    parameters: list[Parameter]
    branches: list[list[Parameter]]


def lay_out(branches: list[Branch]) -> Layout:
    """Return the layout of a union of dicts.

    A parameter that several dicts hold alike becomes one: what is learnt of it
    in one dict then counts in the others.
    """
    layout = Layout([], [], [[] for _ in branches])
    if len(branches) > 1:
        layout.axes.append(Axis(_ROOT_LABEL, Categorical(list(range(len(branches))))))
    for number, branch in enumerate(branches):
        for name in _parents_first(branch):
            if any(number in p.branches for p in layout.parameters if p.name == name):
                continue  # shared with an earlier dict
            alike = [
                other
                for other, others in enumerate(branches)
                if other >= number and name in others and _alike(branch, others, name)
            ]
            _append(layout, name, branch[name], frozenset([number, *alike]))
    for number, branch in enumerate(branches):
        own = {p.name: p for p in layout.parameters if number in p.branches}
        layout.branches[number].extend(own[name] for name in _parents_first(branch))
    return layout


def _alike(branch: Branch, other: Branch, name: str) -> bool:
    # What a condition means depends on the dict it is in.
    return (
        not branch[name].when
        and not other[name].when
        and branch[name].same_as(other[name])
    )


def _parents_first(branch: Branch) -> list[str]:
    ordered: dict[str, None] = {}

    def visit(name: str) -> None:
        if name not in ordered:
            for parent in sorted(branch[name].when or {}):
                visit(parent)
            ordered[name] = None

    for name in sorted(branch):
        visit(name)
    return list(ordered)


def _append(
    layout: Layout, name: str, dimension: Dimension, branches: frozenset[int]
) -> None:
    """Append a parameter and its axes."""
    axes = layout.axes
    first = len(axes)
    conditions: list[Condition] = []
    if len(branches) < len(layout.branches):
        conditions.append(condition_on(0, axes[0].dimension, sorted(branches)))
    for parent, allowed in sorted((dimension.when or {}).items()):
        index = next(
            p.first
            for p in layout.parameters
            if p.name == parent and branches <= p.branches
        )
        conditions.append(condition_on(index, axes[index].dimension, allowed))
    layout.parameters.append(Parameter(name, dimension, branches, first))
    if isinstance(dimension, ScalarDimension):
        axes.append(Axis(name, dimension, tuple(conditions)))
    elif isinstance(dimension, Sequence):
        axes.extend(_sequence_axes(name, dimension, tuple(conditions), first))


def _sequence_axes(
    name: str, sequence: Sequence, conditions: tuple[Condition, ...], first: int
) -> Iterable[Axis]:
    """Yield the axis of a sequence's length and those of its items."""
    shortest, longest = int(sequence.min_length), int(sequence.max_length)
    length = Integer(shortest, longest)
    yield Axis(f"{name}.length", length, conditions)
    for position in range(longest):
        longer = Condition(first, np.arange(shortest, longest + 1) > position)
        yield Axis(f"{name}[{position}]", sequence.item, (longer,))
