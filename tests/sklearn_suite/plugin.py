"""A pytest plugin for the child process: rebinds the searches, records outcomes.

Environment:

``SKLEARN_SUITE_REBIND``
    ``module:GridName,RandomName``, what to put in place of scikit-learn's classes.
    Empty: nothing, which measures scikit-learn itself.
``SKLEARN_SUITE_REPORT``
    The file that receives ``{test id: [outcome, message]}`` as JSON.
"""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path

import sklearn.model_selection

UPSTREAM = "sklearn.model_selection.tests.test_search"
# From the best to the worst. A test has three phases, and the worst one counts.
SEVERITY = ("passed", "skipped", "xfailed", "xpassed", "failed", "error")

_outcomes: dict[str, tuple[str, str]] = {}


def pytest_configure(config) -> None:
    """Replace both names, before the tests import them by name."""
    rebind = os.environ.get("SKLEARN_SUITE_REBIND", "")
    if not rebind:
        return
    module_name, _, names = rebind.partition(":")
    module = importlib.import_module(module_name)
    originals = (
        sklearn.model_selection.GridSearchCV,
        sklearn.model_selection.RandomizedSearchCV,
    )
    grid_name, random_name = names.split(",")
    sklearn.model_selection.GridSearchCV = getattr(module, grid_name)
    sklearn.model_selection.RandomizedSearchCV = getattr(module, random_name)
    try:
        upstream = importlib.import_module(UPSTREAM)
    finally:
        # Only the tests shall see the replacement, not scikit-learn's other modules.
        (
            sklearn.model_selection.GridSearchCV,
            sklearn.model_selection.RandomizedSearchCV,
        ) = originals
    if upstream.GridSearchCV is originals[0]:
        raise RuntimeError(f"{UPSTREAM} was imported before the names were rebound")


def pytest_runtest_logreport(report) -> None:
    """Keep the worst phase of each test."""
    test_id = report.nodeid.partition("::")[2]
    outcome = report.outcome
    if hasattr(report, "wasxfail"):
        outcome = "xfailed" if report.skipped else "xpassed"
    elif report.failed and report.when != "call":
        outcome = "error"
    known = _outcomes.get(test_id, ("passed", ""))
    if SEVERITY.index(outcome) >= SEVERITY.index(known[0]):
        crash = getattr(report.longrepr, "reprcrash", None)
        message = crash.message.splitlines()[0] if crash else ""
        _outcomes[test_id] = (outcome, message)


def pytest_sessionfinish(session) -> None:
    """Write what was seen."""
    Path(os.environ["SKLEARN_SUITE_REPORT"]).write_text(json.dumps(_outcomes))
