"""Whether a function would do again what it did, given the same arguments."""

from __future__ import annotations

import dis
import functools
import types
from collections.abc import Hashable, Iterator
from typing import Any

import numpy as np

__all__ = ["state_of"]

# What these hold does not change from one call to the next.
_LIBRARIES = frozenset({"jax", "keras", "math", "numpy", "tensorflow", "torch"})
_IMPURE = frozenset({"eval", "exec", "globals", "input", "locals", "open", "vars"})
_PLAIN = (bool, int, float, str, type(None), np.generic)


def state_of(value: Any) -> Hashable:
    """Return what a value is now: equal for two moments if it has not changed.

    A function is what its code, its defaults and the variables that it reads
    from outside are.

    Parameters
    ----------
    value : object

    Returns
    -------
    Hashable
        None where it cannot be told: an object may change without a trace.

    Examples
    --------
    >>> from sktune.keras._purity import state_of
    >>> width = 8
    >>> def build(depth=2):
    ...     return [width] * depth
    >>> before = state_of(build)
    >>> width = 16
    >>> state_of(build) == before
    False
    >>> state_of(lambda: open("widths")) is None
    True
    """
    return _state(value, frozenset())


def _state(value: Any, seen: frozenset[int]) -> Hashable:
    if isinstance(value, _PLAIN):
        return type(value), value
    if isinstance(value, (list, tuple)):
        return _all((type(value), *(_state(part, seen) for part in value)))
    if isinstance(value, types.FunctionType):
        return _function(value, seen)
    if isinstance(value, type):
        return value
    name = value.__name__ if isinstance(value, types.ModuleType) else ""
    return value if name.partition(".")[0] in _LIBRARIES else None


def _function(function: types.FunctionType, seen: frozenset[int]) -> Hashable:
    library = (function.__module__ or "").partition(".")[0]
    if library in _LIBRARIES or id(function) in seen:
        return function
    seen |= {id(function)}
    names = _names(function.__code__)
    if names is None:
        return None
    read = [function.__globals__[n] for n in names if n in function.__globals__]
    try:
        read += [cell.cell_contents for cell in function.__closure__ or ()]
    except ValueError:  # a variable that has no value yet
        return None
    read += [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    return _all((function, *(_state(value, seen) for value in read)))


def _all(parts: tuple[Hashable, ...]) -> Hashable:
    return None if None in parts else parts


@functools.lru_cache(maxsize=256)
def _names(code: types.CodeType) -> tuple[str, ...] | None:
    """Return the names that code may look up outside; None if it may do anything."""
    names: set[str] = set()
    for part in _codes(code):
        names.update(part.co_names)
        for step in dis.get_instructions(part):
            is_import = step.opname == "IMPORT_NAME"
            if is_import and str(step.argval).partition(".")[0] not in _LIBRARIES:
                return None
    return None if names & _IMPURE else tuple(sorted(names))


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """Yield code and that of the functions inside."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)
