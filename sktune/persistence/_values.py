"""Values of hyperparameters as JSON, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..space import Space, shown

__all__ = ["Choice", "decoded", "encoded_params", "encoded_plain", "is_same"]

_MAX_DEPTH = 20


@dataclass(frozen=True)
class Choice:
    """Stands for a value that JSON cannot hold, where the space is not at hand.

    Attributes
    ----------
    text : str
        How Python wrote it.
    """

    text: str

    def __repr__(self) -> str:
        return self.text


def encoded_plain(value: Any, depth: int = 0) -> Any:
    """Return a value as JSON can hold it.

    Parameters
    ----------
    value : object
    depth : int, default=0
        How deep it is nested.

    Returns
    -------
    object
        What is no JSON of its own is a dict with one key.

    Raises
    ------
    TypeError
        When it cannot be held.
    """
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if type(value) in (tuple, list) and depth < _MAX_DEPTH:
        items = [encoded_plain(item, depth + 1) for item in value]
        return items if type(value) is list else {"tuple": items}
    raise TypeError(f"JSON cannot hold {shown(value)}")


def encoded_params(
    space: Space, point: NDArray[np.float64], params: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the parameters of a suggestion as JSON can hold them.

    A value that it cannot hold is the number of its parameter in the space and
    that of the choice, with its representation for readers.

    Parameters
    ----------
    space : Space
    point : ndarray of shape (n_axes,)
        The suggestion's.
    params : dict
        The suggestion's.

    Returns
    -------
    dict
    """
    encoded = {}
    for name, value in params.items():
        try:
            encoded[name] = encoded_plain(value)
        except TypeError:
            encoded[name] = {
                "choice": space.choice_numbers(point, name),
                "repr": shown(value),
            }
    return encoded


def is_same(one: Any, other: Any) -> bool:
    """Whether two encoded values stand for one; representations do not count."""
    if isinstance(one, dict) and isinstance(other, dict):
        one = {key: value for key, value in one.items() if key != "repr"}
        other = {key: value for key, value in other.items() if key != "repr"}
        return one.keys() == other.keys() and all(
            is_same(one[key], other[key]) for key in one
        )
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    return type(one) is type(other) and bool(one == other)


def decoded(value: Any) -> Any:
    """Return what an encoded value stands for.

    Raises
    ------
    ValueError
        When it is none.
    """
    if isinstance(value, list):
        return [decoded(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"float"} and value["float"] in ("nan", "inf", "-inf"):
        return float(value["float"])
    if value.keys() == {"tuple"} and isinstance(value["tuple"], list):
        return tuple(decoded(item) for item in value["tuple"])
    if value.keys() == {"choice", "repr"} and isinstance(value["repr"], str):
        return Choice(value["repr"])
    raise ValueError(f"{shown(value)} stands for no value")
