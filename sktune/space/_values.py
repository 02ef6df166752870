"""What it means for two values of a hyperparameter to be one."""

from __future__ import annotations

import numbers
from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = [
    "is_identical",
    "is_nan",
    "is_number",
    "plain",
    "same_value",
    "shortened",
    "shown",
    "without_repeats",
]

_MAX_SHOWN = 120


def is_number(value: object) -> bool:
    """Whether `value` is a real number; booleans are not."""
    return isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_))


def is_nan(value: object) -> bool:
    """Whether `value` is the float NaN."""
    return isinstance(value, (float, np.floating)) and bool(value != value)


def plain(value: Any) -> Any:
    """Return a numpy scalar as the Python value it stands for, all else untouched."""
    if isinstance(value, np.floating):
        return float(value)
    if isinstance(value, (np.bool_, np.number, np.str_, np.bytes_)):
        return value.item()
    return value


def shortened(number: float) -> float:
    """Return a number without its last digits, which rounding errors reach."""
    return float(f"{number:.10g}")


def same_value(a: Any, b: Any) -> bool:
    """Whether `a` and `b` are equal, whatever their ``==`` returns.

    1 and 1.0 are, as a data frame may have turned one into the other. True and
    1 are not.
    """
    if a is b or (is_nan(a) and is_nan(b)):
        return True
    if isinstance(a, (bool, np.bool_)) != isinstance(b, (bool, np.bool_)):
        return False
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return type(a) is type(b) and np.array_equal(a, b)
    try:
        return bool(a == b)
    except Exception:  # a choice may define == in any way
        return False


def is_identical(a: Any, b: Any) -> bool:
    """Whether `a` and `b` are equal and of one type, their items too.

    For many estimators 1 is a number and 1.0 a share.
    """
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and same_value(a, b)
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(map(is_identical, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(is_identical(a[key], b[key]) for key in a)
    return same_value(a, b)


def without_repeats(values: Iterable[Any]) -> list[Any]:
    """Return the first of all values that are identical, in their order."""
    distinct = []
    buckets: dict[int | None, list[Any]] = {}
    for value in values:
        try:
            # The hash of NaN depends on the object.
            key = None if is_nan(value) else hash(value)
        except Exception:  # unhashable, or a choice that defines it in any way
            key = None
        bucket = buckets.setdefault(key, [])
        if not any(is_identical(value, other) for other in bucket):
            bucket.append(value)
            distinct.append(value)
    return distinct


def shown(value: object) -> str:
    """Return the representation of a value on one line of limited length."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a choice may define it in any way
        text = object.__repr__(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 3]}..."
