"""Run scikit-learn's ``test_search.py``, as it lies in the wheel, in a child process.

From the root of the repository::

    python -m tests.sklearn_suite.upstream             # BayesSearchCV
    python -m tests.sklearn_suite.upstream --plain     # scikit-learn's own classes
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SUITE = Path(__file__).parent
ROOT = SUITE.parents[1]
ADAPTERS = "adapters:GridSearchCV,RandomizedSearchCV"
TIMEOUT = 1800  # seconds; the suite takes 20 with scikit-learn's own classes


@dataclass(frozen=True)
class SuiteRun:
    """What the suite did.

    Attributes
    ----------
    outcomes : dict of str to str
        Test id (without the file) to ``"passed"``, ``"skipped"``, ``"failed"``, ...
    messages : dict of str to str
        Test id to the first line of what went wrong, empty where nothing did.
    output : str
        What pytest printed.
    """

    outcomes: dict[str, str]
    messages: dict[str, str]
    output: str

    def ids(self, *outcomes: str) -> set[str]:
        """The tests that ended in one of these outcomes."""
        return {test for test, outcome in self.outcomes.items() if outcome in outcomes}

    @property
    def failed(self) -> set[str]:
        """The tests that failed, in any phase."""
        return self.ids("failed", "error")

    @property
    def summary(self) -> str:
        """Counts, in words."""
        counts = Counter(self.outcomes.values())
        return ", ".join(f"{n} {outcome}" for outcome, n in sorted(counts.items()))


def upstream_file() -> Path:
    """Where the installed scikit-learn keeps the tests."""
    spec = importlib.util.find_spec("sklearn.model_selection.tests.test_search")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("this scikit-learn was installed without its tests")
    return Path(spec.origin)


def run_upstream(rebind: str = ADAPTERS, *, select: Sequence[str] = ()) -> SuiteRun:
    """Run the suite in a child process and collect its outcomes.

    A child process, because the names must be rebound before the tests are imported,
    and because scikit-learn's ``conftest.py`` and warning filters are not ours.

    Parameters
    ----------
    rebind : str, default=ADAPTERS
        ``module:GridName,RandomName``; empty to run scikit-learn's own classes.
    select : sequence of str, default=()
        More arguments for pytest, such as ``-k expression``.

    Returns
    -------
    SuiteRun
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        # The folder itself, not the root of the tests: a distribution that installs
        # a package called `tests` would be found first.
        paths = [str(SUITE), str(ROOT), os.environ.get("PYTHONPATH", "")]
        environment = os.environ | {
            "SKLEARN_SUITE_REBIND": rebind,
            "SKLEARN_SUITE_REPORT": str(report),
            "PYTHONPATH": os.pathsep.join(path for path in paths if path),
            # Threads that wait for a busy core make small fits many times slower.
            "OMP_NUM_THREADS": "1",
            # What our own run was started with must not reach the child.
            "PYTEST_ADDOPTS": "",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        }
        for name in ("PYTEST_CURRENT_TEST", "PYTEST_XDIST_WORKER"):
            environment.pop(name, None)
        command = [sys.executable, "-m", "pytest", "-q", "--tb=short"]
        command += ["-p", "plugin", "-p", "no:cacheprovider"]
        command += ["-c", os.devnull, "--rootdir", str(upstream_file().parent)]
        done = subprocess.run(
            [*command, str(upstream_file()), *select],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        output = done.stdout + done.stderr
        if not report.exists():
            raise RuntimeError(f"the suite did not start:\n{output}")
        seen = json.loads(report.read_text())
    return SuiteRun(
        outcomes={test: outcome for test, (outcome, _) in seen.items()},
        messages={test: message for test, (_, message) in seen.items()},
        output=output,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the outcomes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plain", action="store_true", help="scikit-learn's classes")
    parser.add_argument("--verbose", action="store_true", help="print the tracebacks")
    parser.add_argument("-k", dest="expression", help="as in pytest")
    options = parser.parse_args(arguments)
    select = ["-k", options.expression] if options.expression else []
    run = run_upstream("" if options.plain else ADAPTERS, select=select)
    if options.verbose:
        print(run.output)
    for test in sorted(run.failed):
        print(f"{run.outcomes[test]:7} {test}: {run.messages[test]}")
    print(run.summary)


if __name__ == "__main__":
    main()
