"""The file of a journal: a SQLite database with one row an event.

Each row has a number, a kind, a JSON object and a digest of all three and of the
digest before it. A row that was changed, or is gone from between others, is thus
found. SQLite itself sees to it that a transaction is there in whole or not at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from ..exceptions import JournalError, JournalLockedError

__all__ = [
    "Event",
    "JournalFile",
    "checkpoint_folder",
    "create",
    "journal_path",
    "move_aside",
    "read_events",
    "timestamp",
]

_APPLICATION_ID = 0x736B7475  # "sktu"
_SCHEMA_VERSION = 1
_SCHEMA = (
    "CREATE TABLE event (seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, "
    "payload TEXT NOT NULL, digest BLOB NOT NULL)"
)
_MAX_PAYLOAD = 16 << 20  # bytes
_BUSY_SECONDS = 10.0

Event = tuple[str, dict[str, Any]]


def journal_path(storage: str | os.PathLike[str]) -> Path:
    """Return the absolute path of a journal.

    Parameters
    ----------
    storage : str or path-like
        As the user gave it.

    Returns
    -------
    Path

    Raises
    ------
    JournalError
        When nothing of that name can be a journal.
    """
    text = os.fspath(storage) if isinstance(storage, os.PathLike) else storage
    if not isinstance(text, str) or not text or "\0" in text or ":memory:" in text:
        raise JournalError(f"storage must be the name of a file, got {storage!r}")
    if "://" in text:
        raise JournalError(
            f"storage must be the name of a file such as 'search.db', got {text!r}: "
            "there is no other kind of storage"
        )
    path = Path(os.path.realpath(Path(text).parent)) / Path(text).name
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise JournalError(
                f"there is no folder {path.parent} for {path.name}"
            ) from None
        return path
    except OSError as error:
        raise JournalError(f"{path} cannot be opened: {error}") from error
    if stat.S_ISLNK(mode):
        raise JournalError(
            f"{path} is a symbolic link: give the file it stands for, "
            f"{os.path.realpath(path)}"
        )
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "no ordinary file"
        raise JournalError(f"{path} is {kind}: storage must be the name of a file")
    return path


def create(path: Path, kind: str, payload: dict[str, Any]) -> None:
    """Make a journal with its first event; it is there in whole or not at all.

    Parameters
    ----------
    path : Path
        Must not exist.
    kind : str
    payload : dict

    Raises
    ------
    JournalError
        When it cannot be written.
    """
    temporary = path.with_name(f"{path.name}.new")
    try:
        # One that a crash left behind, with what SQLite keeps beside it.
        for suffix in ("", "-journal"):
            temporary.with_name(f"{temporary.name}{suffix}").unlink(missing_ok=True)
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with contextlib.closing(_connect(temporary, read_only=False)) as database:
            database.execute("PRAGMA synchronous=FULL")
            database.execute(f"PRAGMA application_id={_APPLICATION_ID}")
            database.execute(f"PRAGMA user_version={_SCHEMA_VERSION}")
            database.execute(_SCHEMA)
            text = _to_json(payload)
            digest = _digest(b"", 0, kind, text)
            row = (0, kind, text.decode(), digest)
            database.execute("INSERT INTO event VALUES (?, ?, ?, ?)", row)
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except (OSError, sqlite3.Error) as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise JournalError(f"{path} cannot be written: {error}") from error


class JournalFile:
    """A journal that is open for writing, by the holder of its lock.

    Parameters
    ----------
    path : Path
        Must exist.

    Raises
    ------
    JournalError
        When it is damaged, or no journal.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._unwritten: list[tuple[int, str, str, bytes]] = []
        self._is_unsure = False  # whether the last transaction was made
        with _told_errors(path):
            if not os.access(path, os.W_OK):
                raise JournalError(f"{path} cannot be written: it is read-only")
            self._database = _connect(path, read_only=False)
        try:
            with _told_errors(path):
                _check(self._database, path)
                self._database.execute("PRAGMA synchronous=FULL")
                self._last = (-1, b"")  # number and digest of the last row
        except BaseException:
            self._database.close()
            raise

    def events(self) -> Iterator[Event]:
        """Yield the events so far; all of them, before any is added.

        Yields
        ------
        kind : str
        payload : dict

        Raises
        ------
        JournalError
            At the first row that is damaged or missing.
        """
        with _told_errors(self.path):
            for seq, kind, payload, digest in _rows(self._database, self.path):
                self._last = (seq, digest)
                yield kind, payload
            # Writing begins; a search that is refused has changed nothing.
            self._database.execute("PRAGMA journal_mode=WAL")

    def add(self, kind: str, payload: dict[str, Any]) -> None:
        """Note an event; it is written by the next `commit`."""
        text = _to_json(payload)
        seq, previous = self._last
        if self._unwritten:
            seq, _, _, previous = self._unwritten[-1]
        digest = _digest(previous, seq + 1, kind, text)
        # The only change: Ctrl-C comes before it or after it.
        self._unwritten.append((seq + 1, kind, text.decode(), digest))

    @property
    def is_written(self) -> bool:
        """Whether all that was added is in the file."""
        return not self._unwritten

    def commit(self) -> None:
        """Write what was added. When it returns, a power cut loses none of it.

        Raises
        ------
        OSError, sqlite3.Error
            When it cannot be written: it is kept for the next time.
        JournalLockedError
            When another writer was there.
        """
        if not self._unwritten:
            return
        if self._is_unsure:
            self._forget_written()
            if not self._unwritten:
                self._is_unsure = False
                return
        self._is_unsure = True
        self._database.execute("BEGIN IMMEDIATE")
        try:
            self._database.executemany(
                "INSERT INTO event VALUES (?, ?, ?, ?)", self._unwritten
            )
        except sqlite3.IntegrityError:
            self._refuse()
        self._database.execute("COMMIT")
        self._last = (self._unwritten[-1][0], self._unwritten[-1][3])
        self._unwritten = []
        self._is_unsure = False

    def _forget_written(self) -> None:
        """Find out how the last transaction ended, that Ctrl-C or an error cut."""
        if self._database.in_transaction:
            self._database.execute("ROLLBACK")
        query = "SELECT seq, digest FROM event ORDER BY seq DESC LIMIT 1"
        [last] = self._database.execute(query)
        if last not in [self._last, *((row[0], row[3]) for row in self._unwritten)]:
            self._refuse()
        self._last = last
        self._unwritten = [row for row in self._unwritten if row[0] > last[0]]

    def _refuse(self) -> NoReturn:
        """Give up: rows of another writer stand where this one's belong."""
        self.forget()
        raise JournalLockedError(
            f"{self.path} was written to by another search meanwhile: a journal has "
            "one writer. Begin this one again, when the other has ended"
        )

    def forget(self) -> None:
        """Forget what was added and is not written."""
        self._unwritten = []

    def close(self) -> None:
        """Close it, as one file where no reader has it open."""
        with contextlib.suppress(sqlite3.Error):
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            self._database.execute("PRAGMA busy_timeout=100")
            self._database.execute("PRAGMA journal_mode=DELETE")
        with contextlib.suppress(sqlite3.Error):
            self._database.close()


def read_events(path: Path) -> list[Event]:
    """Return the events of a journal, while another process may write to it.

    Parameters
    ----------
    path : Path

    Returns
    -------
    list of (kind, payload)

    Raises
    ------
    JournalError
        When there is none, or it is damaged.
    """
    if not path.exists():
        raise JournalError(f"there is no file {path}")
    with _told_errors(path):
        try:
            return _read(path, read_only=True)
        except sqlite3.OperationalError:
            # No -shm can be made here. With no -wal either, nobody writes.
            if path.with_name(f"{path.name}-wal").exists():
                raise
            return _read(path, read_only=True, is_immutable=True)


def _read(path: Path, *, read_only: bool, is_immutable: bool = False) -> list[Event]:
    database = _connect(path, read_only=read_only, is_immutable=is_immutable)
    with contextlib.closing(database):
        database.execute("BEGIN")  # one moment, whatever is written meanwhile
        _check(database, path)
        return [(kind, payload) for _, kind, payload, _ in _rows(database, path)]


# -- SQLite ----------------------------------------------------------------------


def _connect(
    path: Path, *, read_only: bool, is_immutable: bool = False
) -> sqlite3.Connection:
    query = f"mode={'ro' if read_only else 'rw'}"
    if is_immutable:
        query += "&immutable=1"
    database = sqlite3.connect(
        f"{path.as_uri()}?{query}",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    # As bytes: what is no UTF-8 is a damaged row, and not SQLite's error.
    database.text_factory = bytes
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 2 * _MAX_PAYLOAD)
    database.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    database.execute("PRAGMA trusted_schema=OFF")
    database.execute("PRAGMA cell_size_check=ON")
    database.execute("PRAGMA mmap_size=0")
    return database


def _check(database: sqlite3.Connection, path: Path) -> None:
    """Raise unless the file is a journal that this version reads, and whole."""
    if path.stat().st_size == 0:
        raise JournalError(
            f"{path} is damaged: it is empty. If there never was a search in it, "
            "delete it"
        )
    [(application,)] = database.execute("PRAGMA application_id")
    if application != _APPLICATION_ID:
        raise JournalError(f"{path} is no journal of sktune, but another database")
    [(version,)] = database.execute("PRAGMA user_version")
    if version > _SCHEMA_VERSION:
        raise JournalError(
            f"{path} was written by a newer sktune: its format is {version}, and this "
            f"version reads formats up to {_SCHEMA_VERSION}"
        )
    [(verdict,)] = database.execute("PRAGMA quick_check(1)")
    if verdict != b"ok":
        raise JournalError(
            f"{path} is damaged: SQLite says {verdict.decode(errors='replace')!r}"
        )
    schema = list(database.execute("SELECT type, name, sql FROM sqlite_master"))
    if version != _SCHEMA_VERSION or schema != [(b"table", b"event", _SCHEMA.encode())]:
        raise JournalError(f"{path} is damaged: its tables are not those of a journal")


def _rows(
    database: sqlite3.Connection, path: Path
) -> Iterator[tuple[int, str, dict[str, Any], bytes]]:
    previous = b""
    query = "SELECT seq, kind, payload, digest FROM event ORDER BY seq"
    expected = 0
    for seq, kind, payload, digest in database.execute(query):
        if seq != expected:
            raise JournalError(f"{path} is damaged: row {expected} is missing")
        read = _read_row(seq, kind, payload, digest, previous)
        if read is None:
            raise JournalError(
                f"{path} is damaged: row {seq} does not agree with its checksum. What "
                "stands behind it cannot be used; restore a copy of the file, or "
                "delete it to begin anew"
            )
        yield seq, *read, digest
        previous = digest
        expected += 1
    if not expected:
        raise JournalError(f"{path} is damaged: row 0 is missing")


def _read_row(
    seq: int, kind: Any, payload: Any, digest: Any, previous: bytes
) -> tuple[str, dict[str, Any]] | None:
    if not all(isinstance(part, bytes) for part in (kind, payload, digest)):
        return None
    try:
        name = kind.decode()
        if digest != _digest(previous, seq, name, payload):
            return None
        read = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return (name, read) if isinstance(read, dict) else None


def _to_json(payload: dict[str, Any]) -> bytes:
    # Surrogates, which UTF-8 cannot hold, stay escapes.
    text = json.dumps(payload, separators=(",", ":"), allow_nan=False)
    return text.encode()


def _digest(previous: bytes, seq: int, kind: str, payload: bytes) -> bytes:
    content = b"%s\n%d\n%s\n%s" % (previous, seq, kind.encode(), payload)
    return hashlib.blake2b(content, digest_size=8).digest()


@contextlib.contextmanager
def _told_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorname", "").startswith("SQLITE_IOERR"):
            raise JournalError(f"{path} is damaged, or its disk is: {error}") from error
        raise JournalError(f"{path} cannot be opened: {error}") from error
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorname", "") == "SQLITE_NOTADB":
            raise JournalError(f"{path} is no journal of sktune: {error}") from error
        raise JournalError(f"{path} is damaged: {error}") from error
    except OSError as error:
        raise JournalError(f"{path} cannot be opened: {error}") from error


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return  # folders cannot be opened there
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def checkpoint_folder(path: Path) -> Path:
    """Return where the checkpoints of a journal lie."""
    return path.with_name(f"{path.name}.checkpoints")


def move_aside(path: Path) -> Path:
    """Give a journal, and its checkpoints, another name, and return it.

    Parameters
    ----------
    path : Path
        Of a journal that nobody has open.

    Returns
    -------
    Path
    """
    number = 1
    while True:
        new = path.with_name(f"{path.name}.{number}")
        if not new.exists() and not checkpoint_folder(new).exists():
            break
        number += 1
    # The folder first: a new search never finds checkpoints of another one.
    with contextlib.suppress(FileNotFoundError):
        os.replace(checkpoint_folder(path), checkpoint_folder(new))
    os.replace(path, new)
    _sync_folder(path.parent)
    return new


def timestamp() -> str:
    """Return the time of day with its zone, for people to read."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
