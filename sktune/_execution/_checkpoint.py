"""The states of models that are trained in part.

They stay in memory up to a limit. What exceeds it goes to files of a folder
that only this user can read, and that is gone when the search is.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .._protocol import Checkpoint

__all__ = ["CheckpointStore", "CheckpointUse", "read_checkpoint"]


def read_checkpoint(checkpoint: Checkpoint) -> bytes:
    """Return the state, from memory or from its file."""
    if checkpoint.data is not None:
        return checkpoint.data
    assert checkpoint.path is not None
    return Path(checkpoint.path).read_bytes()


@dataclass(slots=True)
class CheckpointUse:
    """What the checkpoints of a search took.

    Attributes
    ----------
    n_written : int
        Number of checkpoints.
    memory_bytes, disk_bytes : int
        What is held now.
    peak_memory_bytes, peak_disk_bytes : int
        The most that was held at a time.
    largest_bytes : int
        Size of the largest one.
    """

    n_written: int = 0
    memory_bytes: int = 0
    disk_bytes: int = 0
    peak_memory_bytes: int = 0
    peak_disk_bytes: int = 0
    largest_bytes: int = 0

    def to_text(self) -> str:
        """Return what was taken as a sentence."""
        return (
            f"Checkpoints: {self.n_written} written, the largest "
            f"{_size(self.largest_bytes)}; at most {_size(self.peak_memory_bytes)} in "
            f"memory and {_size(self.peak_disk_bytes)} on disk at a time"
        )


def _size(n_bytes: float) -> str:
    """Return a number of bytes with the unit that makes it short."""
    for unit in ("bytes", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.3g} GB"


class CheckpointStore:
    """Keeps one checkpoint for each fold of a trial, the latest.

    Parameters
    ----------
    max_memory : int
        Bytes to hold in memory at most; more goes to disk.
    folder : str or None
        Where to make the folder of the files; None is the system's place for
        temporary files.

    Attributes
    ----------
    use : CheckpointUse
        What it holds and held.
    """

    def __init__(self, max_memory: int, folder: str | None = None) -> None:
        self.use = CheckpointUse()
        self._max_memory = max_memory
        self._parent = folder
        self._folder: Path | None = None
        self._held: dict[tuple[int, int], tuple[Checkpoint, int]] = {}

    def put(self, trial: int, fold: int, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint in place of the fold's earlier one."""
        self._drop((trial, fold))
        data = read_checkpoint(checkpoint)
        size, use = len(data), self.use
        use.n_written += 1
        use.largest_bytes = max(use.largest_bytes, size)
        if use.memory_bytes + size <= self._max_memory:
            use.memory_bytes += size
            use.peak_memory_bytes = max(use.peak_memory_bytes, use.memory_bytes)
        else:
            path = self._write(f"{trial:06d}-{fold:03d}-{use.n_written}", data)
            checkpoint = replace(checkpoint, data=None, path=path)
            use.disk_bytes += size
            use.peak_disk_bytes = max(use.peak_disk_bytes, use.disk_bytes)
        self._held[trial, fold] = (checkpoint, size)

    def get(self, trial: int, fold: int, *, as_file: bool) -> Checkpoint | None:
        """Return the latest checkpoint of a fold.

        Parameters
        ----------
        trial, fold : int
            Their numbers.
        as_file : bool
            Whether the reader sees the files of this machine.

        Returns
        -------
        Checkpoint or None
            None when there is none.
        """
        if (trial, fold) not in self._held:
            return None
        checkpoint, _ = self._held[trial, fold]
        if checkpoint.path is None or as_file:
            return checkpoint
        return replace(checkpoint, data=read_checkpoint(checkpoint), path=None)

    def discard(self, trial: int) -> None:
        """Delete the checkpoints of a trial."""
        for key in [key for key in self._held if key[0] == trial]:
            self._drop(key)

    def _drop(self, key: tuple[int, int]) -> None:
        if key not in self._held:
            return
        checkpoint, size = self._held.pop(key)
        if checkpoint.path is None:
            self.use.memory_bytes -= size
        else:
            self.use.disk_bytes -= size
            Path(checkpoint.path).unlink(missing_ok=True)

    def _write(self, name: str, data: bytes) -> str:
        if self._folder is None:
            # mkdtemp lets nobody else in
            self._folder = Path(tempfile.mkdtemp(prefix="sktune-", dir=self._parent))
        path = self._folder / name
        number = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(number, "wb") as file:
            file.write(data)
        return str(path)

    def close(self) -> None:
        """Delete all of them."""
        self._held.clear()
        self.use.memory_bytes = self.use.disk_bytes = 0
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def __enter__(self) -> CheckpointStore:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.close()
