"""The state of a training as bytes, without pickled code.

What is written, integers little-endian::

    magic word    8 bytes
    version       4 bytes
    SHA-256       32 bytes, of all that follows
    header size   8 bytes
    header        JSON: the meta data, and name, dtype and shape of each array
    arrays        their values one after the other, C order, little-endian

A file can be damaged, or forged: `unpack` checks every number before it uses it,
and nothing that it reads can run.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import json
import math
import re
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..exceptions import CheckpointError

__all__ = ["pack", "unpack"]

_MAGIC = b"sktune\x1a\n"
_VERSION = 1
_PREFIX = struct.Struct("<8sI32s")
_SIZE = struct.Struct("<Q")

# Those of numpy that mean the same on every machine (longdouble does not).
_NUMPY_DTYPES = re.compile(r"bool|u?int(8|16|32|64)|float(16|32|64)|complex(64|128)")
_ML_DTYPES = re.compile(r"bfloat16|float8_\w+")


def pack(meta: Mapping[str, Any], arrays: Mapping[str, Any]) -> bytes:
    """Write meta data and arrays as bytes.

    The same input, in the same order, gives the same bytes.

    Parameters
    ----------
    meta : mapping of str to object
        What JSON can hold. Tuples come back as lists.
    arrays : mapping of str to array-like
        Of booleans or numbers, any shape; ``bfloat16`` and ``float8`` too.

    Returns
    -------
    bytes

    Raises
    ------
    CheckpointError
        When something among them cannot be written without pickling it.

    Examples
    --------
    >>> import numpy as np
    >>> from sktune.keras._state import pack, unpack
    >>> data = pack({"epoch": 3}, {"kernel": np.eye(2)})
    >>> meta, arrays = unpack(data)
    >>> meta["epoch"], arrays["kernel"].shape
    (3, (2, 2))
    """
    entries: list[dict[str, Any]] = []
    parts: list[bytes] = []
    for name, values in arrays.items():
        array = np.asarray(values)
        dtype_name = _name_of(array.dtype)
        if dtype_name is None:
            raise CheckpointError(
                f"the array {name!r} of dtype {array.dtype} cannot be saved; "
                "convert it to booleans or numbers of at most 64 bits a part"
            )
        entries.append({"name": name, "dtype": dtype_name, "shape": list(array.shape)})
        parts.append(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    try:
        header = json.dumps({"meta": dict(meta), "arrays": entries}).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"the state holds what JSON cannot ({error}); use plain Python numbers, "
            "strings, lists and dicts, and pass arrays as arrays"
        ) from error
    payload = b"".join([_SIZE.pack(len(header)), header, *parts])
    digest = hashlib.sha256(payload).digest()
    return _PREFIX.pack(_MAGIC, _VERSION, digest) + payload


def unpack(
    data: bytes | bytearray | memoryview,
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what `pack` wrote.

    Parameters
    ----------
    data : bytes
        What `pack` returned.

    Returns
    -------
    meta : dict
        The meta data.
    arrays : dict of str to ndarray
        The arrays, bit for bit; they can be written to.

    Raises
    ------
    CheckpointError
        When the bytes are no state of sktune, are damaged, or were written by a
        newer sktune.
    """
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise CheckpointError(f"a state is bytes, got {type(data).__name__}")
    payload = _checked_payload(memoryview(data).cast("B"))
    try:
        (size,) = _SIZE.unpack_from(payload)
        start = _SIZE.size + size
        header = json.loads(bytes(payload[_SIZE.size : start]))
        meta, entries = header["meta"], header["arrays"]
        if not isinstance(meta, dict) or start > len(payload):
            raise ValueError("its header is malformed")
        return meta, _read_arrays(entries, payload[start:])
    # What a header of the right checksum and the wrong content can cause.
    except (
        struct.error,
        ValueError,
        TypeError,
        KeyError,
        OverflowError,
        RecursionError,
    ) as error:
        raise CheckpointError(f"the state cannot be read: {error}") from error


def _checked_payload(data: memoryview) -> memoryview:
    """Return what follows the prefix once the prefix says that it is whole."""
    if len(data) < _PREFIX.size:
        raise CheckpointError(
            f"a state has at least {_PREFIX.size} bytes, got {len(data)}"
        )
    magic, version, digest = _PREFIX.unpack_from(data)
    if magic != _MAGIC:
        raise CheckpointError(
            f"this is no state of a training: it begins with {magic!r} instead of "
            f"{_MAGIC!r}"
        )
    if version != _VERSION:
        raise CheckpointError(
            f"the state has version {version}, and this sktune reads version "
            f"{_VERSION}; use the sktune that wrote it"
        )
    payload = data[_PREFIX.size :]
    if hashlib.sha256(payload).digest() != digest:
        raise CheckpointError(
            "the state is damaged: its checksum is wrong; it may be cut short"
        )
    return payload


def _read_arrays(
    entries: list[dict[str, Any]], data: memoryview
) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    offset = 0
    for entry in entries:
        name, shape = entry["name"], entry["shape"]
        dtype = _dtype_named(entry["dtype"])
        if dtype is None:
            raise ValueError(f"{entry['dtype']!r} is no dtype of a state")
        if not isinstance(name, str) or name in arrays:
            raise ValueError(f"{name!r} does not name one array")
        if any(type(length) is not int or length < 0 for length in shape):
            raise ValueError(f"{shape!r} is no shape")
        end = offset + math.prod(shape) * dtype.itemsize
        if end > len(data):
            raise ValueError(f"the array {name!r} is longer than the data")
        stored: NDArray[Any] = np.ndarray(
            shape, dtype.newbyteorder("<"), data, offset=offset
        )
        arrays[name] = stored.astype(dtype)
        offset = end
    if offset != len(data):
        raise ValueError(f"{len(data) - offset} bytes belong to no array")
    return arrays


@functools.lru_cache(maxsize=64)
def _name_of(dtype: np.dtype[Any]) -> str | None:
    """Return the name of a dtype that a state may hold, None for all others."""
    return dtype.name if _dtype_named(dtype.name) == dtype.newbyteorder("=") else None


@functools.lru_cache(maxsize=64)
def _dtype_named(name: str) -> np.dtype[Any] | None:
    """Return a dtype that a state may hold, None for all other names."""
    if _NUMPY_DTYPES.fullmatch(name):
        return np.dtype(name)
    if _ML_DTYPES.fullmatch(name):
        try:
            ml_dtypes = importlib.import_module("ml_dtypes")  # comes with Keras
        except ModuleNotFoundError:
            return None
        scalar = getattr(ml_dtypes, name, None)
        return None if scalar is None else np.dtype(scalar)
    return None
