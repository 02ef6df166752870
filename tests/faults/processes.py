"""Scripts that run a search in a process of its own, and what became of it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

# What runs until it is stopped: `make_search(name, **options)` and data. Each fold
# writes its process's number into a file.
ENDLESS = """
import os, signal, sys, time, warnings
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sktune import BayesSearchCV, HyperbandSearchCV, PBTSearchCV

# Whoever started the tests may ignore them, as nohup does, and that is inherited.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

class Slow(ClassifierMixin, BaseEstimator):
    def __init__(self, a=0.5):
        self.a = a
    def fit(self, X, y):
        return self.partial_fit(X, y)
    def partial_fit(self, X, y, classes=None):
        time.sleep(0.02)
        with open(LOG, "a") as file:
            file.write(f"{os.getpid()}\\n")
        self.classes_ = np.unique(y) if classes is None else classes
        return self
    def score(self, X, y):
        return self.a

LOG = sys.argv[1]
X, y = np.zeros((30, 2)), np.arange(30) % 2

def make_search(name, **options):
    space = {"a": (0.0, 1.0)}
    options = {"cv": 2, "random_state": 0} | options
    if name == "bayes":
        return BayesSearchCV(Slow(), space, n_iter=10_000, **options)
    if name == "hyperband":
        return HyperbandSearchCV(
            Slow(), space, n_candidates=10_000, max_resource=9, brackets=1,
            sampler="random", **options,
        )
    return PBTSearchCV(
        Slow(), space, population_size=2, n_generations=10_000, max_resource=10_000,
        **options,
    )
"""


class Script:
    """A script in a process, and in a group, of its own.

    Parameters
    ----------
    code : str
        What it runs.
    log : path
        Its first argument: folds write the numbers of their processes there.
    """

    def __init__(self, code, log, *, environment=None):
        self.log = Path(log)
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", code, str(log)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what workers say when they are interrupted
            text=True,
            start_new_session=True,
            env={**os.environ, **(environment or {})},
        )

    def wait_for_folds(self, n):
        """Wait until so many folds were trained."""
        deadline = time.monotonic() + 120
        while not self.log.exists() or self.log.read_text().count("\n") < n:
            assert self.process.poll() is None, self.process.stdout.read()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def workers(self):
        """Return the numbers of all processes that have trained a fold."""
        numbers = {int(line) for line in self.log.read_text().split()}
        return numbers - {self.process.pid}

    def output(self):
        """Wait for its end; return what it printed."""
        try:
            return self.process.communicate(timeout=60)[0]
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, 9)


def is_alive(pid):
    """Whether a process runs; one that nobody has asked after has ended too."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with contextlib.suppress(OSError):
        return (
            Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        )
    return True


def still_alive(pids, seconds):
    """Return which of them run, as soon as none does, or after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        alive = [pid for pid in pids if is_alive(pid)]
        if not alive or time.monotonic() > deadline:
            return alive
        time.sleep(0.05)
