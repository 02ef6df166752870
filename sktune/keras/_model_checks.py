"""Parameters of the ready-made models: read, or refused with what would do."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from numbers import Integral, Real
from types import ModuleType
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from ..exceptions import ModelError
from ..space import did_you_mean

__all__ = [
    "check_choice",
    "check_known",
    "is_list",
    "is_number",
    "is_rate",
    "lengths_of",
    "n_layers",
    "read_rates",
    "read_whole",
    "read_widths",
    "wrong_shape",
    "wrong_value",
]


def is_list(
    value: object,
) -> TypeGuard[list[Any] | tuple[Any, ...] | NDArray[Any]]:
    """Return whether a parameter has one value a layer."""
    return isinstance(value, (list, tuple, np.ndarray))


def is_number(value: object) -> bool:
    """Return whether a value is a real number, and not a bool."""
    return isinstance(value, Real) and not isinstance(value, bool)


def is_rate(value: Any) -> bool:
    """Return whether a value is a rate of dropout."""
    return is_number(value) and bool(0 <= value < 1)


def lengths_of(**given: Any) -> dict[str, int]:
    """Return the lengths of those parameters that are given per layer."""
    return {name: len(value) for name, value in given.items() if is_list(value)}


def n_layers(
    model: str, layers: int | None, default: int, at_least: int, lengths: dict[str, int]
) -> int:
    """Return the number of layers on which all parameters agree."""
    if layers is not None:
        lengths = {"layers": read_whole(model, "layers", layers, at_least), **lengths}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{length} by {name}" for name, length in lengths.items())
        raise ModelError(
            f"the model {model!r} got different numbers of layers: {told}; leave "
            "layers out, or make them equal"
        )
    depth = next(iter(lengths.values()), default)
    if depth < at_least:
        name = next(iter(lengths))
        raise ModelError(
            f"the model {model!r} needs at least {at_least} layer, got {depth} by "
            f"{name}"
        )
    return depth


def _spread(values: Any, depth: int) -> list[Any]:
    return list(values) if is_list(values) else [values] * depth


def read_widths(model: str, name: str, values: Any, depth: int) -> list[int]:
    """Return a number of units or filters for each layer."""
    return [read_whole(model, name, value, 1) for value in _spread(values, depth)]


def read_rates(model: str, values: Any, depth: int) -> list[float]:
    """Return a dropout rate for each layer."""
    rates = _spread(values, depth)
    for rate in rates:
        if not is_rate(rate):
            raise wrong_value(
                model, "dropout", "a number of at least 0 and less than 1", rate
            )
    return [float(rate) for rate in rates]


def read_whole(model: str, name: str, value: Any, at_least: int) -> int:
    """Return a whole number."""
    if not is_number(value) or not isinstance(value, Integral) or value < at_least:
        raise wrong_value(model, name, f"a whole number of at least {at_least}", value)
    return int(value)


def check_choice(model: str, name: str, value: Any, choices: Collection[Any]) -> None:
    """Refuse a value that is none of a few."""
    # Arrays and the like must not be compared: the answer has no truth value.
    is_scalar = isinstance(value, (str, int, np.integer, np.bool_, type(None)))
    if not is_scalar or value not in choices:
        wanted = "one of " + ", ".join(map(repr, choices))
        names = [choice for choice in choices if isinstance(choice, str)]
        raise wrong_value(model, name, wanted, value, names)


def check_known(model: str, name: str, value: Any, module: ModuleType) -> None:
    """Refuse what a module of Keras, such as `keras.activations`, does not know."""
    try:
        module.get(value)
    except (TypeError, ValueError) as error:
        functions = {"get", "serialize", "deserialize"}
        names = [n for n in dir(module) if n[0] != "_" and n not in functions]
        wanted = f"a name or an object that {module.__name__}.get knows"
        raise wrong_value(model, name, wanted, value, names) from error


def wrong_value(
    model: str, name: str, wanted: str, value: object, names: Iterable[str] = ()
) -> ModelError:
    """Return the error of a parameter."""
    hint = did_you_mean(value, names) if isinstance(value, str) else ""
    return ModelError(
        f"the model {model!r}: {name} must be {wanted}, got {value!r}{hint}"
    )


def wrong_shape(model: str, wanted: str, shape: tuple[int, ...]) -> ModelError:
    """Return the error of samples with too many axes, or too few."""
    return ModelError(
        f"the model {model!r} needs {wanted}, got samples of shape {shape}; reshape X "
        "or use model='mlp'"
    )
