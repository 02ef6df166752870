"""Ctrl-C and SIGTERM that neither get lost nor lose anything."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

__all__ = ["Interrupts", "noted_interrupts"]

# Who sends so many means now.
_MAX_NOTED = 2


class _Terminated(KeyboardInterrupt):
    """The system asks the process to end; on its way it is an interrupt.

    Attributes
    ----------
    signum : int
        Number of the signal.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.signum = signum


class Interrupts:
    """The signals that came while a search ran.

    Attributes
    ----------
    first : KeyboardInterrupt or None
        What the first one stands for.
    n : int
        How many there were.
    """

    def __init__(self) -> None:
        self.first: KeyboardInterrupt | None = None
        self.n = 0
        self.n_holds = 0
        self._usual: dict[int, Any] = {}

    def listen(self) -> None:
        """Handle the signals that nobody else does."""
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            usual: Any = signal.SIG_DFL
            if name == "SIGINT":
                usual = signal.default_int_handler
            if number is not None and signal.getsignal(number) is usual:
                self._usual[number] = usual
                signal.signal(number, self.note)

    @property
    def signals(self) -> list[int]:
        """Numbers of the signals that are handled."""
        return list(self._usual)

    def ignore(self) -> None:
        """Handle them no more."""
        for number, usual in self._usual.items():
            if signal.getsignal(number) == self.note:
                signal.signal(number, usual)

    def note(self, signum: int, frame: FrameType | None) -> None:
        """Handle a signal: the first one interrupts, the next are noted."""
        self.n += 1
        if self.first is None:
            is_key = signum == signal.SIGINT
            self.first = KeyboardInterrupt() if is_key else _Terminated(signum)
        if (self.n == 1 and not self.n_holds) or self.n > _MAX_NOTED:
            raise self.first

    def raise_again(self) -> None:
        """Raise the interrupt if there was one.

        Python drops what is raised while C code calls back, as it does inside
        ctypes, or while an object is destroyed.
        """
        if self.first is not None:
            raise self.first

    def hold(self) -> None:
        """From here to the end of the block, note what comes and go on."""
        self.n_holds += 1


_active: Interrupts | None = None


@contextlib.contextmanager
def noted_interrupts() -> Iterator[Interrupts]:
    """Yield the interrupts of a search, from here to the end of the block.

    A second Ctrl-C must not break the first one's way out: it is noted only, a
    third one is raised. SIGTERM and SIGHUP take the same way, and leave the
    block as ``SystemExit(128 + number)``: ``finally`` and ``atexit`` get their
    chance, and the exit code is that of a process that the signal ended.

    Nothing is changed outside the main thread, or where a signal has a handler
    already: what that raises ends the search likewise. A block inside another
    shares its interrupts.

    Yields
    ------
    Interrupts
    """
    global _active
    if threading.current_thread() is not threading.main_thread():
        yield Interrupts()
        return
    if _active is not None:
        n_holds = _active.n_holds
        try:
            yield _active
        finally:
            _active.n_holds = n_holds
        return
    interrupts = _active = Interrupts()
    try:
        interrupts.listen()
        yield interrupts
    except _Terminated as error:
        raise SystemExit(128 + error.signum) from error
    finally:
        interrupts.ignore()
        _active = None


# A forked worker is not the search: SIGTERM, which its pool sends, ends it. It may come
# before the worker has run a line, and Python would forget it then: it is held back
# until its handler is the usual one.
_held_back = threading.local()


def _before_fork() -> None:
    if _active is not None:
        signals = _active.signals
        _held_back.before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)


def _after_fork() -> None:
    before = _held_back.__dict__.pop("before", None)
    if before is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _after_fork_in_child() -> None:
    global _active
    if _active is not None:
        _active.ignore()
        _active = None
    _after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork,
        after_in_child=_after_fork_in_child,
    )
