"""A process that trains folds and can be killed without harm to anything else.

Code that hangs, in Python or below it, ends only with its process. So where a
search has limits, each worker has a child that trains for it. Parent and child
talk through a pipe. What goes through it is written by cloudpickle.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from multiprocessing import Pipe, connection, current_process
from typing import Any

from .._compat import cloudpickle, nested_in_threads, worker_settings
from .._protocol import FoldResult, FoldTask, Status
from ._fold import FoldContext, FoldData, run_fold
from ._limits import FoldLimits, memory_of
from ._orphan import LOOK_SECONDS, end_with_parent
from ._store import PlacedData, load, loaded_folder

__all__ = [
    "START_SECONDS",
    "Child",
    "ChildEndedError",
    "ChildSetup",
    "exit_text",
    "main",
]

# Seconds to load Python and what the estimator needs. It is no part of a fold.
START_SECONDS = 300.0

# One without work ends itself: a worker elsewhere is not told when a search is over.
_IDLE_SECONDS = 300.0

_MEMORY_SECONDS = 0.05  # between two looks at its memory
_ALIVE_SECONDS = 1.0  # between two looks whether it is alive

_CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]); "
    "from sktune._execution._child import main; main(int(sys.argv[1]))"
)


@dataclass(frozen=True, slots=True)
class ChildSetup:
    """What is alike in all folds that a child trains.

    Attributes
    ----------
    settings : tuple
        scikit-learn's configuration and the warning filters.
    context : FoldContext
    placed : FoldData or PlacedData
    threads_only : bool
        Whether what a fold runs in parallel runs in threads.
    """

    settings: tuple[dict[str, Any], list[Any]]
    context: FoldContext
    placed: FoldData | PlacedData
    threads_only: bool


class ChildEndedError(Exception):
    """The child died, or was killed at a limit.

    Attributes
    ----------
    status : Status
        TIMEOUT, OUT_OF_MEMORY or CRASHED.
    seconds : float or None
        How long the fold ran; None if it had not begun.
    """

    def __init__(self, reason: str, status: Status) -> None:
        super().__init__(reason)
        self.status = status
        self.seconds: float | None = None


class Child:
    """The process, seen from its parent.

    Parameters
    ----------
    environment : dict of str to str
        Variables besides those of this process.

    Attributes
    ----------
    n_folds : int
        Number of folds that it has begun.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.n_folds = 0
        self._setup: bytes | None = None
        self._is_ready = False
        self._lock = threading.Lock()
        self._channel, theirs = Pipe()
        with theirs:
            self._process = _start(theirs.fileno(), {**os.environ, **environment})

    @property
    def memory(self) -> int:
        """Bytes of memory that it holds."""
        return memory_of(self._process.pid)

    def run(
        self, setup: bytes, job: tuple[FoldTask, Any], limits: FoldLimits
    ) -> FoldResult:
        """Train a fold in it.

        Parameters
        ----------
        setup : bytes
            A `ChildSetup`, pickled.
        job : tuple
            The task and its callback.
        limits : FoldLimits
            What the fold may take.

        Returns
        -------
        FoldResult

        Raises
        ------
        ChildEndedError
            When it died or was killed. It is used no more then.
        """
        begun: float | None = None
        try:
            if not self._is_ready:
                self._receive(START_SECONDS, "its process did not start")
                self._send(pickle.dumps((os.getpid(), bytes(_authkey()))))
                self._is_ready = True
            self._send(b"" if setup == self._setup else setup)
            self._setup = setup
            self._send(cloudpickle.dumps(job))
            self._receive(START_SECONDS, "its estimator could not be loaded")
            begun = time.monotonic()
            self.n_folds += 1
            answer = self._receive(limits.seconds, None, limits.memory)
        except ChildEndedError as error:
            if begun is not None:
                error.seconds = time.monotonic() - begun
            raise
        raised, value = pickle.loads(answer)
        if raised:
            raise value
        assert isinstance(value, FoldResult)
        return value

    def _send(self, data: bytes) -> None:
        try:
            self._channel.send_bytes(data)
        except OSError:
            raise self._died() from None

    def _receive(
        self, seconds: float | None, too_late: str | None, memory: int | None = None
    ) -> bytes:
        """Wait for a message; kill the child if it takes too long or too much.

        Parameters
        ----------
        seconds : float or None
            How long to wait.
        too_late : str or None
            What it means if nothing came; None is that the fold hangs.
        memory : int or None
            Bytes that it may hold meanwhile.
        """
        started = time.monotonic()
        before = 0 if memory is None else self.memory
        while True:
            if memory is not None and self.memory > memory:
                self.kill()
                text = f"MemoryError: the fold took more than {memory} bytes"
                if before > memory:
                    text += f", of which {before} were taken before it began"
                raise ChildEndedError(text, Status.OUT_OF_MEMORY)
            left = None
            if seconds is not None:
                left = max(0.0, started + seconds - time.monotonic())
            step = _ALIVE_SECONDS if memory is None else _MEMORY_SECONDS
            step = step if left is None else min(step, left)
            # What it has forked may hold the pipe open after it died.
            has_ended = self._has_ended()
            try:
                if self._channel.poll(step):
                    return self._channel.recv_bytes()
            except (OSError, EOFError):
                raise self._died() from None
            if has_ended:
                raise self._died()
            if left == 0:
                self.kill()
                if too_late is None:
                    text = (
                        f"TimeoutError: the fold took longer than {seconds:g} seconds"
                    )
                    raise ChildEndedError(text, Status.TIMEOUT)
                text = f"the worker died: {too_late} within {seconds:g} seconds"
                raise ChildEndedError(text, Status.CRASHED)

    def _died(self) -> ChildEndedError:
        """Return what a broken pipe means."""
        self.kill()
        cause = exit_text(self._process.returncode)  # the pipe closed as it ended
        return ChildEndedError(f"the worker died: {cause}", Status.CRASHED)

    def _has_ended(self) -> bool:
        if not hasattr(os, "waitid"):
            return self._process.poll() is not None
        # It stays a zombie: until `kill` its number, and its group, are its own.
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        try:
            return os.waitid(os.P_PID, self._process.pid, options) is not None
        except ChildProcessError:  # killed by another thread
            return True

    def kill(self) -> None:
        """End it at once, with all processes that it has started.

        Any thread may call it.
        """
        with self._lock:
            if self._process.returncode is not None:
                return  # its number may be another one's by now
            with contextlib.suppress(OSError):
                if os.name == "posix":
                    os.killpg(self._process.pid, signal.SIGKILL)
                else:
                    self._process.kill()
            self._process.wait()


def exit_text(code: int) -> str:
    """Return what the exit code of a process means."""
    if code >= 0:
        return f"exit code {code}"
    cause = signal.Signals(-code).name
    if cause == "SIGKILL":
        cause += ", as when the system runs out of memory"
    return cause


def _authkey() -> bytes:
    # Callbacks of scikit-learn reach the search through a manager process.
    return current_process().authkey


def _start(handle: int, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start the process, which inherits its end of the pipe."""
    command = [sys.executable, "-c", _CODE, str(handle), json.dumps(sys.path)]
    if sys.platform == "win32":
        os.set_handle_inheritable(handle, True)
        info = subprocess.STARTUPINFO(lpAttributeList={"handle_list": [handle]})
        flags = subprocess.CREATE_NEW_PROCESS_GROUP
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            startupinfo=info,
            creationflags=flags,
        )
    # In a session of its own: Ctrl-C is for the search to handle, and what a fold
    # has started is found by its group.
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        pass_fds=[handle],
        start_new_session=True,
    )


# -- In the child ----------------------------------------------------------------


def main(handle: int) -> None:
    """Train what the parent sends until it has no more."""
    if sys.platform == "win32":
        channel = connection.PipeConnection(handle)
    else:
        channel = connection.Connection(handle)
    os.set_inheritable(channel.fileno(), False)
    try:
        channel.send_bytes(b"ready")
        parent, authkey = pickle.loads(channel.recv_bytes())
        current_process().authkey = authkey
        end_with_parent(parent, loaded_folder, leads_group=True)
        setup: ChildSetup | None = None
        while channel.poll(_IDLE_SECONDS):
            news = channel.recv_bytes()
            job = channel.recv_bytes()
            try:
                if news:
                    setup = pickle.loads(news)
                assert setup is not None
                task, callback = pickle.loads(job)
                data = load(setup.placed)
                channel.send_bytes(b"begun")
                answer = _answer_of(setup, data, task, callback)
            except Exception as error:
                error.add_note("A process that was to train a fold could not load it.")
                channel.send_bytes(b"begun")
                answer = _dumps((True, error))
            sys.stdout.flush()
            channel.send_bytes(answer)
    except (OSError, EOFError):
        # The parent is gone: time for what `end_with_parent` does then.
        time.sleep(3 * LOOK_SECONDS)
    os._exit(0)  # libraries loaded by the estimator may have threads that never end


def _answer_of(
    setup: ChildSetup, data: FoldData, task: FoldTask, callback: Any
) -> bytes:
    with contextlib.ExitStack() as stack:
        stack.enter_context(worker_settings(*setup.settings))
        if setup.threads_only:
            stack.enter_context(nested_in_threads())
        try:
            return _dumps((False, run_fold(setup.context, data, task, callback)))
        except KeyboardInterrupt as interrupt:  # raised by the fit itself
            return _dumps((True, interrupt))


def _dumps(answer: tuple[bool, Any]) -> bytes:
    """Return an answer as bytes that the parent can read for sure."""
    raised, value = answer
    try:
        data = bytes(cloudpickle.dumps(answer))
        if raised or value.exception is not None:
            pickle.loads(data)  # not every exception survives
    except Exception:
        text = traceback.format_exc()
        if isinstance(value, FoldResult):
            failed = RuntimeError(f"what the fold returned cannot be pickled: {text}")
            kept = None if value.exception is None else failed
            value = replace(
                value,
                status=Status.FAILED,
                test_scores=None,
                train_scores=None,
                fit_error=value.fit_error or text,
                exception=kept,
                checkpoint=None,
            )
            return bytes(cloudpickle.dumps((raised, value)))
        return bytes(cloudpickle.dumps((True, RuntimeError(str(value)))))
    return data
