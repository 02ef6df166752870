"""Searches that are made to be killed, in processes of their own.

Run as a script it imports once and forks for every request on its standard input, so
that a search costs no start of an interpreter.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import joblib
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from sktune import BayesSearchCV, HyperbandSearchCV, PBTSearchCV

X = np.arange(60.0).reshape(30, 2)
y = np.arange(30) % 2


class Logged(ClassifierMixin, BaseEstimator):
    """Appends to a file what it trains; its state depends on every call."""

    def __init__(self, a=0.5, b="x", log=None, pause=0.0):
        self.a = a
        self.b = b
        self.log = log
        self.pause = pause

    def _note(self, X, unit):
        # The first row of the training part tells the fold.
        line = f"{self.a!r} {self.b} {int(X.sum())} {unit}\n"
        if self.log is not None:
            with open(self.log, "a") as file:
                file.write(line)
        time.sleep(self.pause)

    def fit(self, X, y):
        self._note(X, 0)
        if self.b == "fails":
            raise ValueError("this choice fails")
        self.classes_ = np.unique(y)
        self.state_ = 0.0
        return self

    def score(self, X, y):
        bonus = {"x": 0.0, "y": 0.1}[self.b]
        return bonus + self.state_ - (self.a - 0.3) ** 2 - 1e-4 * float(X[0, 0])


class Stepwise(Logged):
    """Trained by ``partial_fit``."""

    def partial_fit(self, X, y, classes=None):
        unit = getattr(self, "n_calls_", 0)
        self._note(X, unit)
        self.classes_ = np.unique(y) if classes is None else classes
        self.n_calls_ = unit + 1
        before = getattr(self, "state_", 0.0)
        self.state_ = before * 0.7 + 0.01 * np.sin(self.a * 10 + unit)
        return self


SPACE = {"a": (0.0, 1.0), "b": ["x", "y"]}


def bayes(storage=None, log=None, pause=0.0, n_trials=8, **options):
    options = {"cv": 3, "random_state": 0} | options
    space = {"a": (0.0, 1.0), "b": ["x", "y", "fails"]}
    model = Logged(log=log, pause=pause)
    return BayesSearchCV(model, space, n_iter=n_trials, storage=storage, **options)


def hyperband(storage=None, log=None, pause=0.0, n_trials=9, **options):
    options = {"cv": 2, "random_state": 0} | options
    return HyperbandSearchCV(
        Stepwise(log=log, pause=pause),
        SPACE,
        max_resource=9,
        brackets=1,
        n_candidates=n_trials,
        storage=storage,
        **options,
    )


def population(storage=None, log=None, pause=0.0, n_trials=12, **options):
    options = {"cv": 2, "random_state": 0} | options
    return PBTSearchCV(
        Stepwise(log=log, pause=pause),
        SPACE,
        population_size=n_trials // 3,
        n_generations=3,
        max_resource=6,
        storage=storage,
        **options,
    )


SEARCHES = {"bayes": bayes, "hyperband": hyperband, "population": population}


def table(search) -> str:
    """What must be the same, whatever happened: all but the times."""
    columns = {
        name: [repr(value) for value in np.ma.getdata(column).tolist()]
        if name != "params"
        else [repr(params) for params in column]
        for name, column in search.cv_results_.items()
        if "time" not in name
    }
    columns["best"] = [repr(search.best_params_), repr(search.best_score_)]
    columns["schedule"] = [repr(getattr(search, "best_schedule_", None))]
    return json.dumps(columns, sort_keys=True, indent=1)


# -- In a child process ----------------------------------------------------------------


def exit_at_commit(k: int, when: str) -> None:
    """End the process at the k-th transaction of a journal, before or after it."""
    from sktune.persistence import _file

    done = 0
    commit = _file.JournalFile.commit

    def counted(self):
        nonlocal done
        writes = bool(self._unwritten)
        done += writes
        if writes and done == k and when == "before":
            os._exit(77)
        commit(self)
        if writes and done == k:
            os._exit(77)

    _file.JournalFile.commit = counted


def exit_at_file_operation(k: int, folder: str) -> None:
    """End the process right before its k-th operation on a file of a folder."""
    done = 0
    watched = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link")

    def hook(event, arguments):
        nonlocal done
        if event in watched and folder in str(arguments[0]):
            if str(arguments[0]).endswith("/out"):
                return
            done += 1
            if done == k:
                os._exit(77)

    sys.addaudithook(hook)


def run(request: dict) -> None:
    """Run a search to its end, or to where it is made to crash."""
    warnings.simplefilter("ignore")
    out = request.pop("out")
    if "crash_at_commit" in request:
        exit_at_commit(*request.pop("crash_at_commit"))
    if "crash_at_file" in request:
        exit_at_file_operation(*request.pop("crash_at_file"))
    with joblib.parallel_config(backend=request.pop("backend", "loky")):
        search = SEARCHES[request.pop("kind")](**request).fit(X, y)
    Path(out).write_text(table(search))


def serve() -> None:
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            os.setsid()
            code = 1
            try:
                run(json.loads(line))
                code = 0
            except BaseException as error:
                print(type(error).__name__, error, file=sys.stderr, flush=True)
            finally:
                os._exit(code)
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(status, flush=True)


# -- In the test ----------------------------------------------------------------------


class Nursery:
    """Starts searches in forked processes, and kills them."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.searches"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )

    def start(self, **request) -> int:
        """Return the process id of a search that was begun."""
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        self._pid = int(self._server.stdout.readline())
        return self._pid

    def wait(self) -> int:
        """Return the exit status of the search; negative for a signal."""
        status = int(self._server.stdout.readline())
        deadline = time.monotonic() + 0.2
        while time.monotonic() < deadline:  # until its workers are gone, too
            try:
                os.killpg(self._pid, signal.SIGKILL)
            except ProcessLookupError:
                break
            time.sleep(0.001)
        return os.waitstatus_to_exitcode(status)

    def kill(self) -> None:
        """Kill the search and its workers, as a machine does that stops."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)

    def run(self, **request) -> int:
        self.start(**request)
        return self.wait()

    def close(self) -> None:
        self._server.stdin.close()
        self._server.wait(60)
        self._server.stdout.close()


if __name__ == "__main__":
    serve()
