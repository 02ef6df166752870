"""Pickling, and finding out early what cannot be pickled."""

from __future__ import annotations

import io
import pickle
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .._compat import cloudpickle
from ..exceptions import NotPicklableError

__all__ = ["check_picklable", "dumps", "dumps_net", "loads"]

_MAX_DEPTH = 5


def dumps(value: Any) -> bytes:
    """Return an object as bytes, also if its class exists in this process only."""
    try:
        return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception:  # by value; if that fails too, its error is the one to see
        return bytes(cloudpickle.dumps(value))


def dumps_net(value: Any) -> bytes:
    """Return an object with a skorch net in it as bytes."""
    with io.BytesIO() as file:
        _NetPickler(file, pickle.HIGHEST_PROTOCOL).dump(value)
        return file.getvalue()


class _NetPickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Takes the attributes of skorch nets as they are.

    A net's own way pickles the modules by name, which a worker cannot do where their
    classes are of the script.
    """

    def reducer_override(self, obj: Any) -> Any:
        """Say how an object is pickled."""
        if hasattr(obj, "initialize_module") and not isinstance(obj, type):
            made = object.__new__, (type(obj),)
            return *made, vars(obj), None, None, _set_attributes
        return super().reducer_override(obj)


def _set_attributes(value: Any, attributes: dict[str, Any]) -> None:
    vars(value).update(attributes)


def loads(data: bytes, like: Callable[[], Any]) -> Any:
    """Return the object that was dumped. Only for bytes that this search wrote.

    Parameters
    ----------
    data : bytes
        What `dumps` or `dumps_net` returned.
    like : callable
        Makes an estimator. Where the main process wrote the bytes, they name classes
        of its script that a worker has no module for: it has them from the estimator.

    Returns
    -------
    object
    """
    try:
        return pickle.loads(data)
    except AttributeError:
        return _Unpickler(data, like()).load()


class _Unpickler(pickle.Unpickler):
    """Finds classes and functions among the parts of an estimator, too."""

    def __init__(self, data: bytes, estimator: Any) -> None:
        super().__init__(io.BytesIO(data))
        self._known: dict[tuple[str, str], Any] = {}
        for part in (estimator, *estimator.get_params().values()):
            for known in (part, *type(part).__mro__):
                if isinstance(known, (type, types.FunctionType)):
                    self._known[known.__module__, known.__qualname__] = known

    def find_class(self, module: str, name: str) -> Any:
        """Return a class or a function."""
        known = self._known.get((module, name))
        return super().find_class(module, name) if known is None else known


def check_picklable(objects: Mapping[str, Any]) -> None:
    """Raise when something cannot be pickled, naming the attribute at fault.

    Parameters
    ----------
    objects : dict
        Names and what they stand for.

    Raises
    ------
    NotPicklableError
        Its message has the path to the attribute, such as
        ``estimator.callbacks[0]``.
    """
    for name, value in objects.items():
        error = _pickling_error(value)
        if error is not None:
            path, culprit = _culprit(name, value, 0)
            raise NotPicklableError(
                f"{path} cannot be pickled, so it can be neither copied nor sent to a "
                f"worker: got {culprit!r} ({type(error).__name__}: {error})"
            ) from error


def _pickling_error(value: Any) -> Exception | None:
    try:
        cloudpickle.dumps(value)
    except Exception as error:  # a __reduce__ may raise anything
        return error
    return None


def _culprit(path: str, value: Any, depth: int) -> tuple[str, Any]:
    """Return the innermost part that cannot be pickled, and the way to it."""
    if depth < _MAX_DEPTH:
        for step, part in _parts(value):
            if _pickling_error(part) is not None:
                return _culprit(path + step, part, depth + 1)
    return path, value


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield f"[{key!r}]", part
    elif isinstance(value, (list, tuple)):
        for position, part in enumerate(value):
            yield f"[{position}]", part
    elif hasattr(value, "__dict__"):
        for name, part in vars(value).items():
            yield f".{name}", part
