"""The clock of the system is set while a search runs: no limit is of its time."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from sktune import load_search

DAY = 86_400

# Stands before the C library: once a file is there, the time of day is another one.
SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long shift(void) {
    const char *file = getenv("CLOCK_FILE");
    return file && access(file, F_OK) == 0 ? atol(getenv("CLOCK_SHIFT")) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int code = real(clock, now);
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
        now->tv_sec += shift();
    return code;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec precise;
    int code = clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return code;
}

time_t time(time_t *place) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (place) *place = now.tv_sec;
    return now.tv_sec;
}
"""

SEARCH = """
import json, os, sys, time
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sktune import BayesSearchCV

class Sets(ClassifierMixin, BaseEstimator):
    def __init__(self, a=0.5):
        self.a = a
    def fit(self, X, y):
        time.sleep(0.02)
        if len(open(LOG).read()) == 6:  # the clock is set within a fold
            open(os.environ["CLOCK_FILE"], "w").close()
        with open(LOG, "a") as file:
            file.write(".")
        self.classes_ = np.unique(y)
        return self
    def score(self, X, y):
        return 1 - (self.a - 0.3) ** 2

LOG = sys.argv[1] + "/log"
open(LOG, "w").close()
before = time.time()
X, y = np.zeros((30, 2)), np.arange(30) % 2
search = BayesSearchCV(
    Sets(), {"a": (0.0, 1.0)}, cv=2, random_state=0,
    storage=sys.argv[1] + "/search.db", **json.loads(sys.argv[2]),
).fit(X, y)
table = search.cv_results_
print(json.dumps({
    "shift": time.time() - before,
    "ended": search.stop_reason_,
    "times": [float(t) for t in [*table["mean_fit_time"], *table["mean_score_time"]]],
    "scores": [float(s) for s in table["mean_test_score"]],
}))
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs Linux and a C compiler")
    folder = tmp_path_factory.mktemp("shim")
    (folder / "shim.c").write_text(SHIM)
    library = folder / "shim.so"
    command = [compiler, "-shared", "-fPIC", "-o", library, folder / "shim.c", "-ldl"]
    subprocess.run(command, check=True)
    return library


def run(folder, environment, **options):
    folder.mkdir()
    command = [sys.executable, "-c", SEARCH, str(folder), json.dumps(options)]
    clock = {"CLOCK_FILE": str(folder / "is set")} | environment
    done = subprocess.run(
        ["env", *(f"{k}={v}" for k, v in clock.items()), *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("days", [1, -1])
@pytest.mark.parametrize("limit", [{}, {"trial_timeout": 100}])
def test_a_clock_that_is_set_changes_nothing(shim, days, limit, tmp_path):
    options = {"n_iter": 8, "time_budget": 200} | limit
    clock = {"LD_PRELOAD": str(shim), "CLOCK_SHIFT": str(days * DAY)}
    plain = run(tmp_path / "plain", {}, **options)
    found = run(tmp_path / "set", clock, **options)
    assert abs(plain["shift"]) < 1000
    assert abs(found["shift"] - days * DAY) < 1000, "the clock was set"
    assert found["ended"] == plain["ended"] == "n_iter"
    assert found["scores"] == plain["scores"]
    assert all(0 <= seconds < 100 for seconds in found["times"])
    # Rows are in the order of what happened, whatever the time of day is.
    loaded = load_search(tmp_path / "set" / "search.db")
    assert list(loaded.cv_results_["mean_test_score"]) == found["scores"]


@pytest.mark.slow
def test_a_clock_that_is_set_back_holds_up_no_budget(shim, tmp_path):
    clock = {"LD_PRELOAD": str(shim), "CLOCK_SHIFT": str(-DAY)}
    found = run(tmp_path / "set", clock, n_iter=100_000, time_budget=4)
    assert found["ended"] == "time_budget"
    assert abs(found["shift"] + DAY) < 1000
