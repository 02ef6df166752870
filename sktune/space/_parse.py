"""From what a user writes to dimensions."""

from __future__ import annotations

import copy
import difflib
import math
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Sequence as AbstractSequence
from typing import Any

import numpy as np

from ..exceptions import SpaceError, SpaceTypeError
from ._choices import Categorical, NumberList
from ._conditions import condition_problems
from ._dimensions import Dimension, ScalarDimension, Sequence
from ._distributions import Distribution
from ._ranges import PRIORS, Float, Integer
from ._values import is_number, plain, shown, without_repeats

__all__ = ["Branch", "parse_dimension", "read_branches", "split_budgets"]

# The dimensions of one dict of a space.
Branch = dict[str, Dimension]

# How many values are drawn from an object that can be sampled but not inverted.
_N_DRAWS = 256


# -- Spaces -----------------------------------------------------------------------


def read_branches(spec: Any, as_grid: bool) -> tuple[list[Branch], list[SpaceError]]:
    """Return the dimensions of each dict, and all that is wrong with them."""
    parts = [spec] if isinstance(spec, Mapping) else spec
    whole = _problem_of_parts(spec, parts, as_grid)
    if whole is not None:
        return [], [whole]
    branches: list[Branch] = []
    problems: list[SpaceError] = []
    for part in parts:
        branch: Branch = {}
        for name, value in part.items():
            if not isinstance(name, str):
                problems.append(
                    SpaceError(
                        f"a parameter's name must be a string, got {shown(name)}"
                    )
                )
                continue
            try:
                branch[name] = parse_dimension(value, as_grid=as_grid)
            except SpaceError as error:
                told = _in_words_of_grids(name, value) if as_grid else None
                problems.append(type(error)(told or f"{name!r}: {error}"))
                continue
            problems.extend(
                SpaceError(f"{name!r}: {problem}")
                for problem in _problems(branch[name])
            )
        problems.extend(map(SpaceError, condition_problems(branch, part)))
        branches.append(branch)
    # once if in several dicts
    return branches, list({str(problem): problem for problem in problems}.values())


def _problem_of_parts(spec: Any, parts: Any, as_grid: bool) -> SpaceError | None:
    if not isinstance(parts, (list, tuple)):
        return SpaceTypeError(f"expected a dict or a list of dicts, got {shown(spec)}")
    strays = [part for part in parts if not isinstance(part, Mapping)]
    if strays:
        return SpaceTypeError(f"expected a list of dicts, got {shown(strays[0])} in it")
    if not parts or not (as_grid or any(len(part) for part in parts)):
        return SpaceError("there is no parameter in it: name at least one")
    return None


def _in_words_of_grids(name: str, spec: Any) -> str | None:
    """Return what scikit-learn says to the same grid: its words are known.

    None for what it has no words for.
    """
    if isinstance(spec, str) or not hasattr(spec, "__len__"):
        return (
            f"Parameter grid for parameter {name!r} needs to be a list or a numpy "
            f"array, but got {shown(spec)} (of type {type(spec).__name__}) instead. "
            "Single values need to be wrapped in a list with one element."
        )
    if isinstance(spec, AbstractSequence) and not spec:
        return (
            f"Parameter grid for parameter {name!r} need to be a non-empty sequence, "
            f"got: {shown(spec)}"
        )
    return None


def _problems(dimension: Dimension) -> Iterator[str]:
    yield from dimension.problems()
    if isinstance(dimension, Sequence):
        item = dimension.item
        if not isinstance(item, ScalarDimension):
            yield "the items of a Sequence must not be Sequences"
        if item.when is not None:
            yield "the items of a Sequence must have no when; give it to the Sequence"
        yield from (f"item: {problem}" for problem in item.problems())


def split_budgets(spec: Any) -> list[tuple[Any, int | None]]:
    """Return the parts of a space that have an ``n_iter`` of their own.

    Parameters
    ----------
    spec : dict, list of dict, or list of (dict, n_iter)
        A space as the user wrote it.

    Returns
    -------
    list of (spec, n_iter)
        One item with None for a space without budgets of its own.

    Examples
    --------
    >>> from sktune.space import split_budgets
    >>> split_budgets([({"C": [1, 10]}, 2), {"C": (1.0, 10.0)}])
    [({'C': [1, 10]}, 2), ({'C': (1.0, 10.0)}, None)]
    """
    parts = spec if isinstance(spec, list) else [spec]
    if not any(_has_budget(part) for part in parts):
        return [(spec, None)]
    return [part if _has_budget(part) else (part, None) for part in parts]


def _has_budget(part: Any) -> bool:
    return (
        isinstance(part, tuple)
        and len(part) == 2
        and isinstance(part[0], Mapping)
        and not isinstance(part[1], Mapping)
    )


# -- Dimensions -------------------------------------------------------------------


def parse_dimension(spec: Any, *, as_grid: bool = False) -> Dimension:
    """Return the dimension that a user's notation stands for.

    Parameters
    ----------
    spec : object
        A dimension, distribution, list, array, tuple, or a dimension of
        Optuna or scikit-optimize.
    as_grid : bool, default=False
        Whether ``(1, 10)`` is two values instead of a range, as in scikit-learn.

    Returns
    -------
    Dimension

    Raises
    ------
    SpaceError
        When the notation stands for nothing.
    """
    if isinstance(spec, Sequence):
        return _with_parsed_item(spec)
    if isinstance(spec, Dimension):
        # Dimensions keep what they compute; the user's own must stay as it is.
        return copy.copy(spec)
    if isinstance(spec, type) and issubclass(spec, Dimension):
        raise SpaceTypeError(f"got the class {spec.__name__}; give it its arguments")
    library = type(spec).__module__.partition(".")[0]
    if library == "optuna":
        return _from_optuna(spec)
    if library == "skopt":
        return _from_skopt(spec)
    if hasattr(spec, "cdf") and (hasattr(spec, "ppf") or hasattr(spec, "icdf")):
        return Distribution(spec)
    if hasattr(spec, "rvs"):
        return _from_draws(spec)
    if isinstance(spec, tuple) and not as_grid and _looks_like_range(spec):
        return _range(*spec)
    if isinstance(spec, (str, bytes)) or not (
        isinstance(spec, AbstractSequence) or hasattr(spec, "__array__")
    ):
        raise SpaceTypeError(_not_a_dimension(spec))
    return _from_values(spec)


def _with_parsed_item(sequence: Sequence) -> Sequence:
    try:
        item = parse_dimension(sequence.item)
    except SpaceError as error:
        raise type(error)(f"item: {error}") from None
    return Sequence(item, sequence.min_length, sequence.max_length, when=sequence.when)


def _from_values(spec: Any) -> Dimension:
    """Return the dimension of a list: ordinal for numbers, else categorical."""
    if hasattr(spec, "__array__") and np.ndim(spec) != 1:
        raise SpaceError(
            f"an array of values must be one-dimensional, got shape {np.shape(spec)}; "
            "for values that are arrays give a list of them"
        )
    choices = without_repeats(
        map(plain, np.asarray(spec) if hasattr(spec, "__array__") else spec)
    )
    if not choices:
        raise SpaceError("the list is empty: give at least one value")
    if all(is_number(value) and value == value for value in choices):
        return NumberList(choices)
    return Categorical(choices)


def _looks_like_range(spec: tuple[Any, ...]) -> bool:
    if len(spec) not in (2, 3) or not (is_number(spec[0]) and is_number(spec[1])):
        return False
    if len(spec) == 2:
        return True
    if not isinstance(spec[2], str):
        return False
    if spec[2] not in PRIORS and difflib.get_close_matches(
        spec[2].lower(), [*PRIORS, "log", "loguniform"], cutoff=0.7
    ):
        raise SpaceError(
            f"the third item of a range must be one of {PRIORS}, got {spec[2]!r}; "
            "for three values to choose from write a list"
        )
    return spec[2] in PRIORS


def _range(low: Any, high: Any, prior: str = "uniform") -> Float | Integer:
    low, high = plain(low), plain(high)
    if isinstance(low, int) and isinstance(high, int):
        return Integer(low, high, prior)
    return Float(low, high, prior)


def _not_a_dimension(spec: Any) -> str:
    if isinstance(spec, (set, frozenset)):
        return f"got a set, which has no order; write the list {shown(list(spec))}"
    if isinstance(spec, Iterable) and not hasattr(spec, "__getitem__"):
        return f"got {shown(spec)}, which is no list; write list(...) around it"
    return (
        f"got the single value {shown(spec)}; to keep it fixed write [{shown(spec)}], "
        "else give a list, a (low, high) range, a scipy distribution or a dimension"
    )


# -- Other libraries' objects -------------------------------------------------------


def _from_draws(spec: Any) -> Dimension:
    """Return the values drawn from an object that has only ``rvs``."""
    rng = np.random.RandomState(0)
    try:
        draws = [spec.rvs(random_state=rng) for _ in range(_N_DRAWS)]
    except Exception as error:  # the user's code
        raise SpaceError(
            f"rvs(random_state=...) of {shown(spec)} raised "
            f"{type(error).__name__}: {error}"
        ) from error
    return _from_values(draws)


def _from_optuna(spec: Any) -> Dimension:
    """Return the dimension of an Optuna distribution, known by its attributes."""
    if hasattr(spec, "choices"):
        return Categorical(list(spec.choices))
    prior = "log-uniform" if getattr(spec, "log", False) else "uniform"
    is_integer = type(spec).__name__.startswith("Int")
    step = getattr(spec, "step", None)
    if step is not None and not (is_integer and step == 1):
        n_steps = math.floor((spec.high - spec.low) / step + 1e-9)
        return NumberList([spec.low + step * i for i in range(n_steps + 1)])
    return (Integer if is_integer else Float)(spec.low, spec.high, prior)


def _from_skopt(spec: Any) -> Dimension:
    """Return the dimension of a scikit-optimize one, known by its attributes."""
    if hasattr(spec, "categories"):
        return Categorical(list(spec.categories))
    kind = Integer if type(spec).__name__ == "Integer" else Float
    return kind(plain(spec.low), plain(spec.high), spec.prior)
