"""X, y and metadata, placed once for all workers.

Sending the data with every task costs a copy and a pickling each time. Threads
share the object itself. Processes of this machine load it from a file, its
arrays memory-mapped, and keep it. Workers elsewhere get the object through
their backend (dask scatters it once).
"""

from __future__ import annotations

import shutil
import tempfile
import warnings
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..exceptions import SktuneWarning
from ._fold import FoldData
from ._mapped_file import map_file, write_file
from ._pickling import check_picklable

__all__ = ["DataStore", "PlacedData", "load", "loaded_folder"]


@dataclass(frozen=True, slots=True)
class PlacedData:
    """Where a worker finds the data.

    Attributes
    ----------
    path : str
        A file written by this process.
    """

    path: str


# The data a worker loaded last: searches follow each other in reused workers,
# so more than one would only hold memory.
_loaded: tuple[str, FoldData] | None = None


def load(data: FoldData | PlacedData) -> FoldData:
    """Return the data, reading its file at most once in a process."""
    global _loaded
    if isinstance(data, FoldData):
        return data
    if _loaded is None or _loaded[0] != data.path:
        _loaded = (data.path, map_file(Path(data.path)))
    return _loaded[1]


def loaded_folder() -> str | None:
    """Return the temporary folder of the data that was loaded last, if any."""
    return None if _loaded is None else str(Path(_loaded[0]).parent)


class DataStore:
    """Places data where the workers of a pool can reach it.

    Parameters
    ----------
    data : FoldData
        What to place.
    as_file : bool
        Whether the workers are other processes of this machine.
    knows_script : bool, default=False
        Whether they have the classes and functions of the script.

    Raises
    ------
    NotPicklableError
        When the data cannot be sent to other processes.
    """

    def __init__(
        self, data: FoldData, *, as_file: bool, knows_script: bool = False
    ) -> None:
        self.placed: FoldData | PlacedData = data
        self._folder: str | None = None
        if as_file:
            self._write(data, knows_script)

    def _write(self, data: FoldData, knows_script: bool) -> None:
        try:
            self._folder = tempfile.mkdtemp(prefix="sktune-")
            path = Path(self._folder) / "data.pickle"
            write_file(path, data, by_name=knows_script)
        except OSError as error:
            self.close()
            warnings.warn(
                f"the data could not be written to a temporary file ({error}), so it "
                "is sent to the workers with each fold, which takes long; set TMPDIR "
                "to a folder with enough room",
                SktuneWarning,
                stacklevel=2,
            )
            return
        except BaseException as error:
            self.close()
            if isinstance(error, Exception):
                check_picklable({f.name: getattr(data, f.name) for f in fields(data)})
            raise
        self.placed = PlacedData(str(path))

    def close(self) -> None:
        """Delete the file; workers that mapped it keep what they have."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def __enter__(self) -> DataStore:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.close()
