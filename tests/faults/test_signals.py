"""Ctrl-C, SIGTERM and kill -9: what is finished is kept, and nobody is left behind."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, SGDClassifier

from sktune import BayesSearchCV, HyperbandSearchCV, PBTSearchCV
from sktune.compat.skopt import BayesSearchCV as SkoptSearchCV

from .processes import ENDLESS, Script, still_alive

X = np.random.default_rng(0).normal(size=(60, 3))
y = (X[:, 0] > 0).astype(int)

CAUGHT = """
search = make_search({name!r}, **{options!r})
try:
    search.fit(X, y)
    print("RETURNED", hasattr(search, "best_estimator_"))
except BaseException as error:
    print("RAISED", type(error).__name__, hasattr(search, "best_estimator_"))
    code = error.code if isinstance(error, SystemExit) else 0
else:
    code = 0
finally:
    table = search.cv_results_
    n = len(table["params"])
    ok = np.isfinite(table["mean_test_score"]).all() and n >= 1
    print("KEPT", ok, search.stop_reason_, len(table["status"]) == n)
sys.exit(code)
"""


def caught(name, log, **options):
    script = Script(ENDLESS + CAUGHT.format(name=name, options=options), log)
    script.wait_for_folds(12)
    return script


slow = pytest.mark.slow


@pytest.mark.parametrize(
    ("signum", "name", "options"),
    [
        (signal.SIGTERM, "bayes", {"n_jobs": 2}),
        pytest.param(signal.SIGTERM, "bayes", {"trial_timeout": 60}, marks=slow),
        pytest.param(signal.SIGHUP, "bayes", {"n_jobs": 1}, marks=slow),
        pytest.param(signal.SIGINT, "hyperband", {"n_jobs": 2}, marks=slow),
        pytest.param(signal.SIGTERM, "hyperband", {"n_jobs": 1}, marks=slow),
        pytest.param(signal.SIGTERM, "pbt", {"n_jobs": 1}, marks=slow),
        pytest.param(
            signal.SIGINT, "pbt", {"n_jobs": 2, "trial_timeout": 60}, marks=slow
        ),
    ],
)
def test_a_signal_keeps_what_is_finished(signum, name, options, tmp_path):
    script = caught(name, tmp_path / "log", **options)
    # A terminal sends Ctrl-C to the workers too, a system SIGTERM to the search alone.
    if signum == signal.SIGINT:
        os.killpg(script.process.pid, signum)
    else:
        os.kill(script.process.pid, signum)
    out = script.output()
    kind = "KeyboardInterrupt" if signum == signal.SIGINT else "SystemExit"
    code = 0 if signum == signal.SIGINT else 128 + signum
    assert f"RAISED {kind} False" in out
    assert "KEPT True interrupt True" in out
    assert script.process.returncode == code
    assert not still_alive(script.workers(), 5)


@slow
def test_a_second_signal_loses_nothing(tmp_path):
    script = caught("bayes", tmp_path / "log", n_jobs=2, on_interrupt="return")
    os.kill(script.process.pid, signal.SIGINT)
    time.sleep(0.01)
    os.kill(script.process.pid, signal.SIGTERM)
    out = script.output()
    assert "KEPT True interrupt True" in out
    assert not still_alive(script.workers(), 5)


@slow
def test_sigterm_can_return_a_model(tmp_path):
    script = caught("hyperband", tmp_path / "log", n_jobs=2, on_interrupt="return")
    os.kill(script.process.pid, signal.SIGTERM)
    out = script.output()
    assert "RETURNED True" in out
    assert "KEPT True interrupt True" in out
    assert script.process.returncode == 0


HANDLED = """
def handler(signum, frame):
    raise LookupError("a handler of the user's")

signal.signal(signal.SIGTERM, handler)
"""


@slow
def test_a_handler_of_the_user_is_left_alone(tmp_path):
    code = ENDLESS + HANDLED + CAUGHT.format(name="bayes", options={"n_jobs": 2})
    script = Script(code, tmp_path / "log")
    script.wait_for_folds(12)
    os.kill(script.process.pid, signal.SIGTERM)
    out = script.output()
    assert "RAISED LookupError" in out
    assert "KEPT True error True" in out


@pytest.mark.skipif(os.name != "posix", reason="Windows tells no child of it")
@pytest.mark.parametrize(
    "options", [{}, pytest.param({"trial_timeout": 60}, marks=slow)]
)
def test_workers_of_a_killed_search_end(options, tmp_path):
    folder = tmp_path / "temporary"
    folder.mkdir()
    code = ENDLESS + f"make_search('bayes', n_jobs=2, **{options!r}).fit(X, y)"
    script = Script(code, tmp_path / "log", environment={"TMPDIR": str(folder)})
    script.wait_for_folds(12)
    assert list(folder.glob("sktune-*"))
    os.kill(script.process.pid, signal.SIGKILL)
    script.process.wait()
    alive = still_alive(script.workers(), 10)
    script.output()
    assert not alive
    assert len(script.workers()) == 2
    assert not list(folder.glob("sktune-*"))


# -- In this process -----------------------------------------------------------------


@pytest.fixture
def _default_handlers():
    """Handlers as Python has them: a library may have left its own."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before or signal.default_int_handler)


@pytest.mark.usefixtures("_default_handlers")
def test_an_interrupt_while_results_are_stored_waits_for_them():
    def refit(results):
        signal.raise_signal(signal.SIGINT)
        return 0

    search = BayesSearchCV(
        LogisticRegression(), {"C": (0.1, 1.0)}, n_iter=3, cv=2, refit=refit
    )
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    assert len(search.cv_results_["params"]) == 3
    assert search.best_index_ == 0
    assert not hasattr(search, "best_estimator_")
    search.set_params(on_interrupt="return").fit(X, y)
    assert hasattr(search, "best_estimator_")


def failing_after(n):
    calls = []

    def scoring(estimator, X, y):
        calls.append(estimator)
        if len(calls) > n:
            raise LookupError("the scorer fails")
        return 1.0 / len(calls)

    return scoring


SEARCHES = {
    "bayes": lambda **options: BayesSearchCV(
        SGDClassifier(), {"alpha": (1e-6, 1.0)}, n_iter=9, **options
    ),
    "hyperband": lambda **options: HyperbandSearchCV(
        SGDClassifier(), {"alpha": (1e-6, 1.0)}, max_resource=9, **options
    ),
    "pbt": lambda **options: PBTSearchCV(
        SGDClassifier(), {"alpha": (1e-6, 1.0)}, max_resource=9, **options
    ),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_an_error_of_the_scorer_keeps_what_is_finished(name):
    search = SEARCHES[name](scoring=failing_after(7), error_score="raise", cv=2)
    with pytest.raises(LookupError, match="the scorer fails") as caught:
        search.fit(X, y)
    (note,) = caught.value.__notes__
    assert "3 candidates, are kept: see cv_results_" in note
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_params_ == search.cv_results_["params"][search.best_index_]
    assert search.stop_reason_ == "error"
    assert not hasattr(search, "best_estimator_")


def test_an_error_of_a_callback_keeps_what_is_finished():
    def callback(result):
        if len(result.x_iters) == 4:
            raise LookupError("the callback fails")

    search = SkoptSearchCV(LogisticRegression(), {"C": (0.1, 1.0)}, n_iter=9, cv=2)
    with pytest.raises(LookupError, match="the callback fails"):
        search.fit(X, y, callback=callback)
    assert len(search.cv_results_["params"]) == 4


def test_an_error_of_explore_keeps_what_is_finished():
    def explore(params, rng):
        raise LookupError("explore fails")

    search = SEARCHES["pbt"](explore=explore, cv=2, random_state=0)
    with pytest.raises(LookupError, match="explore fails"):
        search.fit(X, y)
    assert len(search.cv_results_["params"]) == 8
    assert search.stop_reason_ == "error"


def test_an_error_before_any_candidate_is_finished_is_raised_as_it_is():
    search = SEARCHES["bayes"](scoring=failing_after(0), error_score="raise", cv=2)
    with pytest.raises(LookupError) as caught:
        search.fit(X, y)
    assert not hasattr(caught.value, "__notes__")
    assert not hasattr(search, "cv_results_")


class Forks(LogisticRegression):
    """Its score is how processes end that it has forked, and to which SIGTERM comes."""

    def fit(self, X, y):
        self.code_ = max(self._end_of_a_child(late=late) for late in (False, True))
        return super().fit(X, y)

    def _end_of_a_child(self, *, late):
        child = os.fork()
        if child == 0:
            try:
                time.sleep(10)
            finally:
                os._exit(0)
        time.sleep(0.1 * late)
        os.kill(child, signal.SIGTERM)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def score(self, X, y):
        return self.code_


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_process_handles_signals_as_usual():
    search = BayesSearchCV(Forks(), {"C": (0.1, 1.0)}, n_iter=3, cv=2).fit(X, y)
    assert set(search.cv_results_["mean_test_score"]) == {-signal.SIGTERM}
