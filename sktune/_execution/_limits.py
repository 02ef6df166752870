"""What a fold may take: seconds and memory."""

from __future__ import annotations

import contextlib
import importlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..exceptions import SearchError

__all__ = ["FoldLimits", "memory_of", "read_fold_limits"]

_UNITS = {
    "b": 1,
    **{f"{unit}b": 1000**n for n, unit in enumerate("kmgt", 1)},
    **{f"{unit}ib": 1024**n for n, unit in enumerate("kmgt", 1)},
}
_SIZE = re.compile(r"\s*(\d+(?:\.\d*)?)\s*([a-z]+)\s*", re.IGNORECASE)
_HAS_PROC = sys.platform == "linux"


@dataclass(frozen=True, slots=True)
class FoldLimits:
    """What the training and scoring of a fold may take.

    Attributes
    ----------
    seconds : float or None
        From its first line to its score; None is as long as it takes.
    memory : int or None
        Bytes that its process may hold; None is all there is.
    """

    seconds: float | None = None
    memory: int | None = None

    def __bool__(self) -> bool:
        """Whether there is a limit."""
        return self.seconds is not None or self.memory is not None


def read_fold_limits(
    trial_timeout: float | None, memory_limit: int | str | None
) -> FoldLimits:
    """Return the limits that a user gave.

    Parameters
    ----------
    trial_timeout : float or None
        Seconds.
    memory_limit : int, str or None
        Bytes, or a string such as ``"2GB"``.

    Returns
    -------
    FoldLimits

    Raises
    ------
    SearchError
        When the string is no size, or memory cannot be watched on this system.

    Examples
    --------
    >>> read_fold_limits(None, "1.5 GB").memory
    1500000000
    >>> read_fold_limits(None, "1GiB").memory
    1073741824
    """
    if memory_limit is None:
        return FoldLimits(trial_timeout)
    if isinstance(memory_limit, str):
        match = _SIZE.fullmatch(memory_limit)
        unit = None if match is None else _UNITS.get(match[2].lower())
        size = 0 if match is None or unit is None else int(float(match[1]) * unit)
    else:
        size = int(memory_limit)
    if size <= 0:
        raise SearchError(
            "memory_limit must be a number of bytes or a size such as '500MB' or "
            f"'1.5GiB', got {memory_limit!r}"
        )
    if not _HAS_PROC and _psutil() is None:
        raise SearchError(
            f"memory_limit={memory_limit!r} needs psutil on {sys.platform}: install it "
            "with 'pip install psutil', or leave the limit out"
        )
    return FoldLimits(trial_timeout, size)


def _psutil() -> Any:
    try:
        return importlib.import_module("psutil")
    except ModuleNotFoundError:
        return None


def memory_of(pid: int) -> int:
    """Return the bytes of memory that a process holds.

    It is what is resident and its own: data of the search that all workers map
    from one file are not counted, nor is memory that is reserved and not used.
    Where this is not known (outside Linux), all that is resident counts.

    Parameters
    ----------
    pid : int
        Its number.

    Returns
    -------
    int
        0 when it has ended.
    """
    if not _HAS_PROC:
        psutil = _psutil()
        with contextlib.suppress(psutil.Error):
            return int(psutil.Process(pid).memory_info().rss)
        return 0
    with contextlib.suppress(OSError):
        held = 0
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(("RssAnon:", "RssShmem:")):
                held += 1024 * int(line.split()[1])
        return held
    return 0
