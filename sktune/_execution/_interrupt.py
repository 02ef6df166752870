"""Ctrl-C that is not lost."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

__all__ = ["noted_interrupts"]


@contextlib.contextmanager
def noted_interrupts() -> Iterator[Callable[[], None]]:
    """Yield a function that raises an interrupt again that was lost.

    Python drops a `KeyboardInterrupt` that is raised while C code calls back,
    as it does inside ctypes, or while an object is destroyed. Nothing is
    changed outside the main thread, or where Ctrl-C has a handler already.

    Yields
    ------
    callable
        Raises `KeyboardInterrupt` if there was one.
    """
    seen = False

    def note(signum: int, frame: FrameType | None) -> None:
        nonlocal seen
        seen = True
        signal.default_int_handler(signum, frame)

    def raise_again() -> None:
        if seen:
            raise KeyboardInterrupt

    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield raise_again
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield raise_again
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
