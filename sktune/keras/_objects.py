"""Keras objects as parameters of an estimator: how they are cloned and pickled.

Keras copies and pickles its objects by their configurations, and can read those
of classes that it was told of alone. Here a clone shares them, since no estimator
changes its parameters; and a pickle takes the user's classes and functions along,
also those without a name in a module, such as a lambda.
"""

from __future__ import annotations

import pickle
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any

import keras

from .._compat import cloudpickle
from ..exceptions import ModelError
from ._compiled import all_layers

__all__ = ["own_objects", "picklable", "shared", "taken_out", "with_own_objects"]

_KERAS = (
    keras.layers.Layer,  # models too
    keras.losses.Loss,
    keras.metrics.Metric,
    keras.optimizers.Optimizer,
)
# What layers are made of.
_PARTS = (
    keras.constraints.Constraint,
    keras.initializers.Initializer,
    keras.regularizers.Regularizer,
)


class _Wrapped:
    """A Keras object in an estimator that is being cloned or pickled."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __sklearn_clone__(self) -> _Wrapped:
        return self

    def __reduce__(self) -> Any:
        own = own_objects(self.value)
        if (
            isinstance(self.value, keras.losses.Loss)
            and type(self.value) in own.values()
        ):
            # It has no variables, and few users write its configuration.
            return _made, (type(self.value), vars(self.value))
        reduced = self.value.__reduce_ex__(4)
        if not own or len(reduced) != 2:
            return reduced
        return with_own_objects, (own, *reduced)


class _ByValue:
    """A function without a name in a module, in an estimator that is being pickled."""

    def __init__(self, value: types.FunctionType, parameter: str) -> None:
        self.value = value
        self.parameter = parameter

    def __deepcopy__(self, memo: Any) -> _ByValue:
        return self

    def __reduce__(self) -> Any:
        name = self.value.__qualname__
        try:
            code = cloudpickle.dumps(self.value)
        except Exception as error:  # what it refers to may raise anything
            raise pickle.PicklingError(
                f"parameter {self.parameter!r} cannot be pickled: the function {name} "
                f"refers to something that cannot ({type(error).__name__}: {error}); "
                "define it with def at the top of a module"
            ) from error
        return _by_value, (self.parameter, name, sys.version_info[:2], code)


def _by_value(
    parameter: str, name: str, python: tuple[int, int], code: bytes
) -> _ByValue:
    """Read a function back. Bytecode is that of one version of Python."""
    if python != sys.version_info[:2]:
        raise ModelError(
            f"parameter {parameter!r} is the function {name}, which Python "
            f"{python[0]}.{python[1]} pickled with its code: no other version can "
            "read it; define it with def at the top of a module, and pickle again"
        )
    return _ByValue(pickle.loads(code), parameter)


def _made(cls: type, attributes: dict[str, Any]) -> Any:
    made: Any = object.__new__(cls)
    vars(made).update(attributes)
    return made


def shared(value: Any) -> Any:
    """Put Keras objects, in lists and dicts too, where they are not copied.

    Examples
    --------
    >>> import keras
    >>> from sklearn.base import clone
    >>> from sktune.keras._objects import shared, taken_out
    >>> loss = keras.losses.Huber()
    >>> taken_out(clone(shared([loss, 1]), safe=False)) == [loss, 1]
    True
    """
    return _mapped(value, lambda v: _Wrapped(v) if isinstance(v, _KERAS) else v)


def picklable(value: Any, parameter: str) -> Any:
    """Put what pickle cannot take, in lists and dicts too, where it can.

    Parameters
    ----------
    value : object
        Of a parameter.
    parameter : str
        Its name, for errors.

    Returns
    -------
    object
        The value itself where it needs nothing.
    """

    def one(v: Any) -> Any:
        if isinstance(v, types.FunctionType) and not _is_importable(v):
            return _ByValue(v, parameter)
        return v

    return _mapped(shared(value), one)


def _is_importable(function: types.FunctionType) -> bool:
    found: Any = sys.modules.get(function.__module__)
    for name in function.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is function


def taken_out(value: Any) -> Any:
    """Undo `shared` and `picklable`."""
    held = (_Wrapped, _ByValue)
    return _mapped(value, lambda v: v.value if isinstance(v, held) else v)


def _mapped(value: Any, function: Callable[[Any], Any]) -> Any:
    if type(value) in (list, tuple):
        parts = [_mapped(part, function) for part in value]
        changed = any(a is not b for a, b in zip(parts, value, strict=True))
        return type(value)(parts) if changed else value
    if type(value) is dict:
        items = {name: _mapped(part, function) for name, part in value.items()}
        changed = any(items[name] is not part for name, part in value.items())
        return items if changed else value
    return function(value)


def with_own_objects(
    own: Mapping[str, Any], function: Callable[..., Any], args: tuple[Any, ...]
) -> Any:
    """Call a function while Keras knows classes and functions of the user's."""
    with keras.saving.custom_object_scope(dict(own)):
        return function(*args)


def own_objects(value: Any) -> dict[str, Any]:
    """Return the classes and functions of a Keras object that Keras lacks, by name."""
    found = [value]
    if isinstance(value, keras.Model):
        found.extend(all_layers(value))
    found.extend(
        part
        for owner in list(found)
        for part in vars(owner).values()
        if isinstance(part, (*_KERAS, *_PARTS, types.FunctionType))
    )
    own = [f if isinstance(f, types.FunctionType) else type(f) for f in found]
    return {
        kind.__name__: kind
        for kind in own
        if not kind.__module__.startswith("keras.") and kind.__name__.isidentifier()
    }
