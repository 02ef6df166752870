"""What a search is made of, as JSON that can be compared and shown.

Objects are described by their classes and parameters, data by their shape and a
digest of their content. Nothing is made of a description again.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import re
import types
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..space import Dimension, Space, shown
from ._values import encoded_plain

__all__ = ["describe", "describe_data", "describe_space", "differences"]

_MAX_DEPTH = 8
_MAX_TEXT = 4000  # characters of a description that are kept for messages
_CHUNK = 1 << 16  # rows


# -- Objects ---------------------------------------------------------------------


def describe(value: Any) -> Any:
    """Return what an object is, without its address in memory.

    Parameters
    ----------
    value : object

    Returns
    -------
    object
        JSON; a digest where it would be long.
    """
    return _shortened(_described(value, 0))


def _shortened(description: Any) -> Any:
    text = json.dumps(description, sort_keys=True)
    if len(text) <= _MAX_TEXT:
        return description
    if isinstance(description, dict) and len(description) < 100:
        return {key: _shortened(part) for key, part in description.items()}
    return {"sha256": hashlib.sha256(text.encode()).hexdigest()[:32]}


def _described(value: Any, depth: int) -> Any:
    try:
        return encoded_plain(value, depth)
    except TypeError:
        pass
    if isinstance(value, np.generic):
        return {"numpy": str(value.dtype), "value": repr(value.item())}
    if isinstance(value, np.ndarray) or _is_table(value) or _is_sparse(value):
        return describe_data(value)
    if depth >= _MAX_DEPTH:
        return {"class": _name_of(type(value))}
    if isinstance(value, Mapping):
        return {str(k): _described(v, depth + 1) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_described(item, depth + 1) for item in value]
    if isinstance(value, (set, frozenset)):
        items = [json.dumps(_described(item, depth + 1)) for item in value]
        return {"set": sorted(items)}
    if isinstance(value, type):
        return {"class": _name_of(value)}
    code = _code_of(value, depth)
    return _described_object(value, depth) if code is None else code


def _name_of(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _code_of(value: Any, depth: int) -> Any:
    """Describe functions; None is none."""
    if isinstance(value, functools.partial):
        parts = [value.func, list(value.args), value.keywords]
        return {"partial": _described(parts, depth + 1)}
    if isinstance(value, types.MethodType):
        return {"method": value.__name__, "of": _described(value.__self__, depth + 1)}
    if isinstance(value, types.FunctionType):
        code = value.__code__
        content = [code.co_code.hex(), list(code.co_names), _constants(code)]
        parts = [content, _described(value.__defaults__, depth + 1)]
        digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
        name = f"{value.__module__}.{value.__qualname__}"
        return {"function": name, "code": digest.hexdigest()[:16]}
    if isinstance(value, (types.BuiltinFunctionType, np.ufunc)):
        return {"function": str(getattr(value, "__qualname__", value.__name__))}
    return None


def _constants(code: types.CodeType) -> list[Any]:
    return [
        [part.co_code.hex(), _constants(part)]
        if isinstance(part, types.CodeType)
        else repr(part)
        if not isinstance(part, frozenset)
        else sorted(map(repr, part))
        for part in code.co_consts
    ]


def _described_object(value: Any, depth: int) -> Any:
    name = _name_of(type(value))
    if isinstance(value, Dimension):
        return {"class": name, "params": _described(_arguments(value), depth + 1)}
    if hasattr(value, "dist") and hasattr(value, "kwds") and hasattr(value, "args"):
        parts = [list(value.args), dict(value.kwds)]  # a frozen scipy distribution
        law = getattr(value.dist, "name", None) or _name_of(type(value.dist))
        return {"distribution": law, "params": _described(parts, depth + 1)}
    config = _config_of(value)
    if config is not None:
        return {"class": name, "params": _described_config(config, depth + 1)}
    if hasattr(value, "get_params"):
        params = value.get_params(deep=False)
        return {"class": name, "params": _described(params, depth + 1)}
    if isinstance(value, (np.random.RandomState, np.random.Generator)):
        digest = hashlib.sha256(repr(value.__getstate__()).encode())
        return {"class": name, "state": digest.hexdigest()[:16]}
    state = getattr(value, "__dict__", None)
    if not state:
        return {"class": name}
    return {"class": name, "state": _described(dict(state), depth + 1)}


def _config_of(value: Any) -> dict[str, Any] | None:
    """Return what Keras would make an object of again; None is none of its objects."""
    if not callable(getattr(value, "get_config", None)):
        return None
    try:
        config = value.get_config()
    except Exception:  # the user's code, or a class that has no configuration
        return None
    return config if isinstance(config, dict) else None


def _described_config(config: dict[str, Any], depth: int) -> Any:
    """Describe a tree of any depth; names like ``dense_7`` are counted anew.

    Keras counts the objects of a process.
    """
    names: dict[str, str] = {}
    seen: Counter[str] = Counter()

    def collect(part: Any) -> None:
        if isinstance(part, dict):
            if isinstance(name := part.get("name"), str) and name not in names:
                kind = re.sub(r"_\d+$", "", name)
                names[name] = f"{kind}_{seen[kind]}" if seen[kind] else kind
                seen[kind] += 1
            part = list(part.values())
        if isinstance(part, (list, tuple)):
            for item in part:
                collect(item)

    def described(part: Any) -> Any:
        if isinstance(part, dict):
            return {str(key): described(item) for key, item in part.items()}
        if isinstance(part, (list, tuple)):
            return [described(item) for item in part]
        if isinstance(part, str):
            return names.get(part, part)
        return _described(part, depth)

    collect(config)
    return described(config)


def _arguments(value: Any) -> dict[str, Any]:
    """Return what an object was made with, where its constructor stores it."""
    names = inspect.signature(type(value).__init__).parameters
    arguments = {n: getattr(value, n) for n in names if hasattr(value, n)}
    if hasattr(value, "written"):
        arguments["choices"] = value.written  # in the order of the user
    return arguments


def describe_space(space: Space) -> Any:
    """Return the parameters of a space and what values they may take.

    Parameters
    ----------
    space : Space

    Returns
    -------
    dict
    """
    named: dict[str, Any] = {}
    for parameter in space.parameters:
        name = parameter.name
        while name in named:
            name += "'"  # of another dict of the union
        named[name] = {
            "dicts": sorted(parameter.branches),
            "values": _described(parameter.dimension, 0),
        }
    return _shortened(named)


# -- Data ------------------------------------------------------------------------


def _is_table(value: Any) -> bool:
    return hasattr(value, "columns") and hasattr(value, "shape")


def _is_sparse(value: Any) -> bool:
    return hasattr(value, "tocoo") and hasattr(value, "nnz")


def describe_data(value: Any) -> Any:
    """Return shape, type and a digest of the content of some data.

    Parameters
    ----------
    value : array-like, sparse matrix, data frame or None

    Returns
    -------
    dict or None
    """
    if value is None:
        return None
    digest = hashlib.sha256()
    if _is_sparse(value):
        shape, kind = list(value.shape), f"sparse {value.dtype}"
        coordinates = value.tocoo()
        for part in (coordinates.row, coordinates.col, coordinates.data):
            _update(digest, np.asarray(part))
    elif _is_table(value):
        shape, kind = list(value.shape), f"data frame {type(value).__module__}"
        for name in value.columns:
            column = value[name]
            digest.update(f"{name}\n{getattr(column, 'dtype', '')}\n".encode())
            _update(digest, np.asarray(column))
    else:
        array = _as_array(value)
        shape, kind = list(array.shape), str(array.dtype)
        if isinstance(value, np.ma.MaskedArray):
            _update(digest, np.ma.getmaskarray(value))
        _update(digest, array)
    return {"shape": shape, "type": kind, "sha256": digest.hexdigest()[:32]}


def _as_array(value: Any) -> Any:
    try:
        return np.asarray(value)
    except ValueError:  # items of unequal length
        array = np.empty(len(value), dtype=object)
        for position, item in enumerate(value):
            array[position] = item
        return array


def _update(digest: Any, array: Any) -> None:
    """Add the content of an array to a digest, a part at a time."""
    if array.ndim == 0:
        array = array.reshape(1)
    if array.dtype.hasobject:
        for text in _texts(array):
            digest.update(text.encode(errors="surrogatepass"))
        return
    for start in range(0, len(array), _CHUNK):
        part = np.ascontiguousarray(array[start : start + _CHUNK])
        digest.update(part.view(np.uint8) if part.size else b"")


def _texts(array: Any) -> Iterator[str]:
    for item in array.ravel():
        yield json.dumps(_described(item, 1), sort_keys=True) + "\n"


# -- Comparing -------------------------------------------------------------------


# What says nothing to people, and what it stands for.
_DIGESTS = {"sha256": "values", "folds": "folds"}
_UNNAMED = ("params", "values", "state", "config")


def differences(before: Any, now: Any, path: str) -> list[str]:
    """Return a sentence for each difference of two descriptions.

    Parameters
    ----------
    before, now : object
        What `describe` returned.
    path : str
        What to call them.

    Returns
    -------
    list of str
        Empty when they are one.
    """
    if isinstance(before, dict) and isinstance(now, dict):
        found: list[str] = []
        for key in [*before, *(key for key in now if key not in before)]:
            # What an object is called in messages: its parameters, not the word.
            inner = path if key in _UNNAMED else f"{path}: {key}"
            if key not in before:
                found.append(f"{inner} was not there, is {_text(now[key])}")
            elif key not in now:
                found.append(f"{inner} was {_text(before[key])}, is not there")
            elif key in _DIGESTS and before[key] != now[key]:
                found.append(f"{path}: the {_DIGESTS[key]} differ")
            else:
                found += differences(before[key], now[key], inner)
        return found
    if _are_objects(before) and _are_objects(now) and len(before) == len(now):
        pairs = enumerate(zip(before, now, strict=True))
        return [d for k, (b, n) in pairs for d in differences(b, n, f"{path}[{k}]")]
    if type(before) is type(now) and before == now:
        return []
    return [f"{path} was {_text(before)}, is {_text(now)}"]


def _are_objects(description: Any) -> bool:
    return isinstance(description, list) and any(
        isinstance(item, dict) for item in description
    )


def _text(description: Any) -> str:
    return shown(description)
