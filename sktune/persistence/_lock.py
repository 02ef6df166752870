"""One writer at a time, by a lock that the operating system releases."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import time
import weakref
from pathlib import Path

from ..exceptions import JournalLockedError

__all__ = ["WriterLock"]

# Windows locks bytes against reading too: one that lies behind the owner's name.
_LOCKED_BYTE = 1 << 30


class WriterLock:
    """Holds the lock file of a journal until it is released, or the process dies.

    Parameters
    ----------
    journal : Path
        The lock file stands beside it.

    Raises
    ------
    JournalLockedError
        When another search holds it.
    """

    def __init__(self, journal: Path) -> None:
        self._path = journal.with_name(f"{journal.name}.lock")
        self._file: int | None = None
        while self._file is None:
            self._file = self._try_to_lock(journal)
        _held.add(self)
        owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": _now()}
        self._text = json.dumps(owner).encode()
        os.ftruncate(self._file, 0)
        os.write(self._file, self._text)

    def _try_to_lock(self, journal: Path) -> int | None:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        file = os.open(self._path, flags, 0o600)
        try:
            _lock(file)
        except OSError:
            with contextlib.closing(os.fdopen(file, "rb")) as reader:
                text = reader.read(1000)
            raise JournalLockedError(
                f"{journal} is in use by another search ({_owner(text)}): a journal "
                "has one writer. Wait for it, or give another storage="
            ) from None
        except BaseException:
            os.close(file)
            raise
        # Its holder deletes the file when it ends: this may be a deleted one.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file), os.stat(self._path)):
                return file
        os.close(file)
        return None

    def taken_by(self) -> str | None:
        """Return who has the lock instead of this process, None if nobody has.

        It is taken where somebody deletes the file, or another host writes to it and
        the file system does not share locks between hosts.
        """
        if self._file is None:
            return None
        try:
            found = self._path.read_bytes()[:1000]
        except FileNotFoundError:
            return "its lock file was deleted"
        return None if found == self._text else _owner(found)

    def release(self) -> None:
        """Let others in. The file goes, too, where files in use can be deleted."""
        if self._file is not None:
            if sys.platform != "win32" and self.taken_by() is None:
                self._path.unlink(missing_ok=True)
            self.close()

    def close(self) -> None:
        """Close the file. In a forked child that leaves the lock to its parent."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _lock(file: int) -> None:
    """Lock an open file, without waiting."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(file, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        os.lseek(file, 0, os.SEEK_SET)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _owner(text: bytes) -> str:
    try:
        owner = json.loads(text)
        pid, host, since = (owner[name] for name in ("pid", "host", "since"))
    except (ValueError, TypeError, KeyError, RecursionError):
        return "which has not written its process id yet"
    return f"process {pid!r} on {host!r}, since {since!r}"


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S")


_held: weakref.WeakSet[WriterLock] = weakref.WeakSet()


def _close_in_child() -> None:
    # A child that lives on must not hold the lock of a parent that was killed.
    for lock in list(_held):
        lock.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)
