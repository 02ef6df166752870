"""The states of models that are trained in part.

They stay in memory up to a limit. What exceeds it goes to files of a folder
that only this user can read, and that is gone when the search is. Beside a
journal all of them go to files, which a search that goes on takes up again.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import shutil
import stat
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .._protocol import Checkpoint
from ..exceptions import SktuneWarning
from ._key import user_key

__all__ = ["CheckpointStore", "CheckpointUse", "read_checkpoint"]

_NAME = re.compile(r"\d{6,}-\d{3,}-\d+(\.tmp)?")


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
    n_lost : int
        Number of files that were missing or damaged when they were needed.
    n_units_again : int
        Units of the resource that were trained again for that.
    """

    n_written: int = 0
    memory_bytes: int = 0
    disk_bytes: int = 0
    peak_memory_bytes: int = 0
    peak_disk_bytes: int = 0
    largest_bytes: int = 0
    n_lost: int = 0
    n_units_again: int = 0

    def to_text(self) -> str:
        """Return what was taken as a sentence."""
        return (
            f"Checkpoints: {self.n_written} written, the largest "
            f"{_size(self.largest_bytes)}; at most {_size(self.peak_memory_bytes)} in "
            f"memory and {_size(self.peak_disk_bytes)} on disk at a time"
        )


@dataclass(slots=True)
class _Held:
    """A checkpoint and what it takes.

    Attributes
    ----------
    checkpoint : Checkpoint
    in_memory, on_disk : int
        Bytes.
    """

    checkpoint: Checkpoint
    in_memory: int = 0
    on_disk: int = 0


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
    folder : Path or None
        Where its files are, None while there are none.
    """

    def __init__(self, max_memory: int, folder: str | None = None) -> None:
        self.use = CheckpointUse()
        self._max_memory = max_memory
        self._parent = folder
        self.folder: Path | None = None
        self._held: dict[tuple[int, int], _Held] = {}
        self._is_kept = False
        self._may_delete: Callable[[], bool] = lambda: True
        self._superfluous: list[Path] = []
        self._lost: list[tuple[int, int, int, str]] = []

    def keep_in(self, folder: Path, may_delete: Callable[[], bool]) -> None:
        """Write every checkpoint to a folder, durably, and leave it there.

        Parameters
        ----------
        folder : Path
            Made when the first one is written.
        may_delete : callable
            Whether all that makes checkpoints superfluous is noted for good.
        """
        self.folder = folder
        self._is_kept = True
        self._may_delete = may_delete

    def put(self, trial: int, fold: int, checkpoint: Checkpoint) -> Checkpoint:
        """Keep a checkpoint in place of the fold's earlier one.

        Parameters
        ----------
        trial, fold : int
            Their numbers.
        checkpoint : Checkpoint

        Returns
        -------
        Checkpoint
            Where it is kept, without the state itself.
        """
        self._drop((trial, fold))
        data = read_checkpoint(checkpoint)
        size, use = len(data), self.use
        use.n_written += 1
        use.largest_bytes = max(use.largest_bytes, size)
        held = _Held(replace(checkpoint, data=data, path=None))
        if use.memory_bytes + size <= self._max_memory:
            held.in_memory = size
            use.memory_bytes += size
            use.peak_memory_bytes = max(use.peak_memory_bytes, use.memory_bytes)
        if self._is_kept or not held.in_memory:
            name = f"{trial:06d}-{fold:03d}-{checkpoint.units}"
            held.checkpoint = self._write(name, held)
            if held.checkpoint.path is not None:
                held.on_disk = size
                use.disk_bytes += size
                use.peak_disk_bytes = max(use.peak_disk_bytes, use.disk_bytes)
        self._held[trial, fold] = held
        return replace(held.checkpoint, data=None)

    def adopt(self, trial: int, fold: int, checkpoint: Checkpoint) -> None:
        """Take up a checkpoint that was kept before the search went on.

        Parameters
        ----------
        trial, fold : int
            Their numbers.
        checkpoint : Checkpoint
            As `put` returned it, with the name of its file for a path.
        """
        self._drop((trial, fold))
        name = checkpoint.path or ""
        if self.folder is None or not _NAME.fullmatch(name):
            return  # no name that this class gives
        path = self.folder / name
        size = 0  # missing: known to be lost when it is asked for
        with contextlib.suppress(OSError):
            size = path.lstat().st_size
        self.use.disk_bytes += size
        self._held[trial, fold] = _Held(replace(checkpoint, path=str(path)), 0, size)

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
            None when there is none, or it is lost.
        """
        if not self._is_sound((trial, fold)):
            return None
        checkpoint = self._held[trial, fold].checkpoint
        if checkpoint.data is not None:
            return replace(checkpoint, path=None)
        if as_file:
            return checkpoint
        return replace(checkpoint, data=read_checkpoint(checkpoint), path=None)

    def check(self) -> None:
        """Look at all files, to have `newly_lost` tell of them at once."""
        for key in list(self._held):
            self._is_sound(key)

    def newly_lost(self) -> list[tuple[int, int, int, str]]:
        """Return which checkpoints were found to be lost since the last call.

        Returns
        -------
        list of (trial, fold, units, reason)
        """
        lost, self._lost = self._lost, []
        return lost

    def _is_sound(self, key: tuple[int, int]) -> bool:
        """Whether there is a checkpoint that can be used; forget it if not."""
        held = self._held.get(key)
        if held is None:
            return False
        if held.in_memory:
            return True
        reason = self._problem(held.checkpoint)
        if reason is None:
            return True
        self.use.n_lost += 1
        name = Path(held.checkpoint.path or "").name
        self._lost.append((*key, held.checkpoint.units, f"{name} {reason}"))
        self._drop(key)
        return False

    def _problem(self, checkpoint: Checkpoint) -> str | None:
        """Return why a file is not to be believed.

        A checkpoint is a pickle: loading it runs what it says. Only what this
        user wrote is loaded, and nobody else could have written since.
        """
        assert checkpoint.path is not None
        path = Path(checkpoint.path)
        try:
            about = path.lstat()
            if not stat.S_ISREG(about.st_mode):
                return "is no ordinary file"
            for known in (about, path.parent.lstat()):
                if os.name != "nt" and (
                    known.st_uid != os.getuid() or known.st_mode & 0o022
                ):
                    return "can be written by others"
            data = path.read_bytes()
        except OSError as error:
            return f"cannot be read ({error.strerror})"
        if hashlib.sha256(data).hexdigest() != checkpoint.sha256:
            return "is damaged"
        if not self._is_kept:  # made by this process, and known to it alone
            return None
        expected = _mac(data)
        if expected is None or not hmac.compare_digest(
            expected, str(checkpoint.mac or "")
        ):
            return "was not written by this user on this machine"
        return None

    def discard(self, trial: int) -> None:
        """Delete the checkpoints of a trial."""
        for key in [key for key in self._held if key[0] == trial]:
            self._drop(key)

    def _drop(self, key: tuple[int, int]) -> None:
        held = self._held.pop(key, None)
        if held is None:
            return
        self.use.memory_bytes -= held.in_memory
        self.use.disk_bytes -= held.on_disk
        if held.checkpoint.path is not None:
            self._superfluous.append(Path(held.checkpoint.path))
            if not self._is_kept:
                self.sweep()

    def sweep(self) -> None:
        """Delete the files that are needed no more.

        Beside a journal they stay until it says so too: who goes on from it may
        need what was just replaced.
        """
        if not self._superfluous or not self._may_delete():
            return
        used = {held.checkpoint.path for held in self._held.values()}
        for path in self._superfluous:
            if str(path) not in used:
                _delete(path)
        self._superfluous = []

    def sweep_strays(self) -> None:
        """Delete what a search that was killed left half-written, or unnoted."""
        if self.folder is None or not self._is_kept or not self.folder.is_dir():
            return
        used = {held.checkpoint.path for held in self._held.values()}
        for path in self.folder.iterdir():
            if _NAME.fullmatch(path.name) and str(path) not in used:
                _delete(path)

    def _write(self, name: str, held: _Held) -> Checkpoint:
        """Write a state; return it with its file, and from memory if it is held."""
        data = held.checkpoint.data
        assert data is not None
        if not self._is_kept:
            path = self._temporary_folder() / f"{name}-{self.use.n_written}"
            _write_private(path, data)
            digest = hashlib.sha256(data).hexdigest()
            return replace(held.checkpoint, data=None, path=str(path), sha256=digest)
        assert self.folder is not None
        path = self.folder / name
        temporary = path.with_name(f"{name}.tmp")
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            temporary.unlink(missing_ok=True)
            _write_private(temporary, data, sync=True)
            os.replace(temporary, path)
            _sync_folder(self.folder)
        except OSError as error:
            if not held.in_memory:  # over the limit, rather than the end of the search
                held.in_memory = len(data)
                self.use.memory_bytes += held.in_memory
            warnings.warn(
                f"The checkpoint {name} cannot be written ({error}): it is kept in "
                "memory only, and trained again if the search is killed",
                SktuneWarning,
                stacklevel=2,
            )
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            return held.checkpoint
        return replace(
            held.checkpoint,
            data=data if held.in_memory else None,
            path=str(path),
            sha256=hashlib.sha256(data).hexdigest(),
            mac=_mac(data),
        )

    def _temporary_folder(self) -> Path:
        if self.folder is None:
            # mkdtemp lets nobody else in
            self.folder = Path(tempfile.mkdtemp(prefix="sktune-", dir=self._parent))
        return self.folder

    def close(self) -> None:
        """Delete all of them, unless they are kept for the search to go on."""
        if self._is_kept:
            self.sweep()
            if self.folder is not None:
                with contextlib.suppress(OSError):
                    self.folder.rmdir()  # if nothing is left in it
        elif self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None
        self._held.clear()
        self.use.memory_bytes = self.use.disk_bytes = 0

    def __enter__(self) -> CheckpointStore:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.close()


def _delete(path: Path) -> None:
    # What cannot be deleted is not ours, or is no harm.
    with contextlib.suppress(OSError):
        path.unlink()


def _mac(data: bytes) -> str | None:
    key = user_key()
    return None if key is None else hmac.new(key, data, hashlib.sha256).hexdigest()


def _write_private(path: Path, data: bytes, *, sync: bool = False) -> None:
    number = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(number, "wb") as file:
        file.write(data)
        if sync:
            file.flush()
            os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return  # folders cannot be opened there
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
