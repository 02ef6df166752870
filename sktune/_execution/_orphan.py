"""Worker processes that end when the process that started them is gone."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable

__all__ = ["LOOK_SECONDS", "end_with_parent"]

LOOK_SECONDS = 1.0  # between two looks

_watched = False


def end_with_parent(
    parent: int, folder: Callable[[], str | None], *, leads_group: bool = False
) -> None:
    """End this process soon after another one, if that is the parent.

    A process that is killed cannot end its workers, and they would wait for work
    for minutes. Does nothing where this process is not a child of that other one,
    as on a cluster, nor on Windows, which does not tell.

    Parameters
    ----------
    parent : int
        Number of the process that runs the search.
    folder : callable
        Returns the temporary folder of the search, if there is one: it is deleted
        on the way.
    leads_group : bool
        Whether all processes of the group end with this one.
    """
    global _watched
    if _watched or os.name != "posix" or os.getppid() != parent:
        return
    _watched = True
    threading.Thread(
        target=_watch, args=(parent, folder, leads_group), daemon=True
    ).start()


def _watch(parent: int, folder: Callable[[], str | None], leads_group: bool) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    name = folder()
    if name is not None:
        shutil.rmtree(name, ignore_errors=True)
    if leads_group:
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)  # what runs in the main thread may never return
