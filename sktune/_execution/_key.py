"""A secret of this user, by which checkpoints are known to be their own."""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import sys
from pathlib import Path

__all__ = ["user_key"]

_N_BYTES = 32


@functools.cache
def user_key() -> bytes | None:
    """Return the key, made where there is none.

    Returns
    -------
    bytes or None
        None where it can be neither read nor written: then no checkpoint of an
        earlier run is believed.
    """
    try:
        path = _folder() / "checkpoint-key"
        with contextlib.suppress(FileExistsError):
            _make(path)
        key = path.read_bytes()
    except (OSError, RuntimeError):  # no such folder, or no home
        return None
    return key if len(key) == _N_BYTES else None


def _folder() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home()) / "sktune"
    given = os.environ.get("XDG_CONFIG_HOME")
    return (Path(given) if given else Path.home() / ".config") / "sktune"


def _make(path: Path) -> None:
    """Write a new key, unless there is one."""
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    number = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(secrets.token_bytes(_N_BYTES))
        # Fails where another process was faster.
        os.link(temporary, path)
    finally:
        temporary.unlink()
