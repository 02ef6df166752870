"""Objects in files whose arrays other processes map into memory."""

from __future__ import annotations

import io
import mmap
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np

from .._compat import cloudpickle

__all__ = ["map_file", "write_file"]

# Bytes: numbers lie where processors read them fastest.
_ALIGNMENT = 64
# Where the pickle of a file begins, at the end of the file.
_START = struct.Struct("<q")


def _reduced(obj: Any) -> Any:
    """Return what an array is made of: of one with gaps a copy, no memory map."""
    if type(obj) not in (np.ndarray, np.memmap) or obj.dtype.hasobject:
        return NotImplemented
    array = obj.view(np.ndarray)
    if not (array.flags.c_contiguous or array.flags.f_contiguous):
        array = np.ascontiguousarray(array)
    return array.__reduce_ex__(5)


class _ByName(pickle.Pickler):
    """Refers to classes and functions of the script by their names."""

    def reducer_override(self, obj: Any) -> Any:
        """Hand out the numbers of every array."""
        return _reduced(obj)


class _ByValue(cloudpickle.Pickler):  # type: ignore[misc]
    """Takes along the classes and functions that only this process has."""

    def reducer_override(self, obj: Any) -> Any:
        """Hand out the numbers of every array."""
        reduced = _reduced(obj)
        return super().reducer_override(obj) if reduced is NotImplemented else reduced


def write_file(path: Path, value: Any, *, by_name: bool = False) -> None:
    """Write an object to a file for other processes of this machine.

    Its arrays come first, as they are in memory, then the pickle that refers to them.

    Parameters
    ----------
    path : Path
    value : object
    by_name : bool, default=False
        Whether those processes have the classes and functions of the script. If not,
        they come along.
    """
    buffers: list[pickle.PickleBuffer] = []
    head = io.BytesIO()
    kind = _ByName if by_name else _ByValue
    kind(head, protocol=5, buffer_callback=buffers.append).dump(value)
    with path.open("wb") as file:
        places = []
        for buffer in buffers:
            raw = buffer.raw()
            file.write(bytes(-file.tell() % _ALIGNMENT))
            places.append((file.tell(), raw.nbytes))
            file.write(raw)
        start = file.tell()
        pickle.dump((head.getvalue(), places), file)
        file.write(_START.pack(start))


def map_file(path: Path) -> Any:
    """Return the object of `write_file`; its arrays are read-only, and stay there.

    Parameters
    ----------
    path : Path

    Returns
    -------
    object
    """
    with path.open("rb") as file:
        memory = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    (start,) = _START.unpack(memory[-_START.size :])
    head, places = pickle.loads(memory[start : -_START.size])
    buffers = [memory[place : place + size] for place, size in places]
    return pickle.loads(head, buffers=buffers)
