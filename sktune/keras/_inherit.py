"""What a model takes over from one with other layers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._engine import Variables

__all__ = ["can_change", "inherited"]

Array = NDArray[Any]

# Of the estimator's own parameters, those that decide what there is to train, or
# what the state of the optimizer means.
_FIXED = frozenset(
    {
        "epochs",
        "loss",
        "metrics",
        "model",
        "optimizer",
        "random_state",
        "validation_fraction",
    }
)

# In the names of a model's parameters: what changes no weight and no activation.
_OF_LAYERS = ("dropout", "regulari", "__l1", "__l2", "noise")


def can_change(name: str, *, inherits: bool) -> bool:
    """Whether a parameter can be set between two segments of a training.

    With `inherits`, another model may take over the weights.
    """
    if name.startswith("model__"):
        return inherits or any(word in name for word in _OF_LAYERS)
    return name not in _FIXED


def inherited(old: Variables, fresh: Variables) -> Variables:
    """Return the weights of a new model with those of an old one in them.

    Parameters
    ----------
    old, fresh : Variables
        Those of the model to inherit from, and of the new one.

    Returns
    -------
    Variables
        Of the shapes of `fresh`. The state of the optimizer is the old one where
        no shape differs, else empty: it begins anew.
    """
    trainable = _inherited(old.trainable, fresh.trainable)
    fixed = _inherited(old.fixed, fresh.fixed)
    same = [a.shape for a in old.trainable] == [a.shape for a in fresh.trainable]
    seeds = old.seeds if len(old.seeds) == len(fresh.seeds) else fresh.seeds
    return Variables(trainable, fixed, seeds, old.optimizer if same else [])


def _inherited(old: list[Array], fresh: list[Array]) -> list[Array]:
    partners = _partners([a.ndim for a in old], [a.ndim for a in fresh])
    result = []
    for position, new in enumerate(fresh):
        if position in partners:
            result.append(_overlaid(old[partners[position]], new))
        elif new.ndim == 2:
            # a layer more should change little of what the others have learnt
            result.append(np.eye(*new.shape, dtype=new.dtype))
        else:
            result.append(new)
    return result


def _partners(old: list[int], new: list[int]) -> dict[int, int]:
    """Return which old weights become which new ones, by their dimensions.

    The last layer's come last in both; the others are matched in their order, as
    long as their numbers of dimensions agree.
    """
    n_last = 0
    if len(old) != len(new):
        for one, two in zip(old[::-1], new[::-1], strict=False):
            if one != two or n_last == 2:
                break
            n_last += 1
    partners = {len(new) - 1 - i: len(old) - 1 - i for i in range(n_last)}
    for i in range(min(len(old), len(new)) - n_last):
        if old[i] != new[i]:
            break
        partners[i] = i
    return partners


def _overlaid(old: Array, new: Array) -> Array:
    """Return the new array with the old values where both have some."""
    result = new.copy()
    common = tuple(slice(min(a, b)) for a, b in zip(old.shape, new.shape, strict=True))
    result[common] = old[common]
    return result
