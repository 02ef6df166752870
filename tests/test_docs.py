"""What the documentation says is so: its code runs, and no docstring lacks a part."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest
from numpydoc.validate import validate

import sktune
import sktune.compat.dask_ml
import sktune.compat.scikeras
import sktune.compat.skopt
import sktune.exceptions
import sktune.keras
import sktune.plots

ROOT = Path(__file__).parents[1]

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

# Of numpydoc's checks, those whose failure a reader would notice.
ENFORCED = {
    "EX01": "an example",
    "GL06": "no unknown section",
    "GL07": "sections in the usual order",
    "GL08": "a docstring",
    "PR01": "every parameter is documented",
    "PR02": "no parameter is documented that does not exist",
    "PR03": "parameters in the order of the signature",
    "PR04": "each has a type",
    "PR07": "and a description",
    "RT01": "what is returned",
    "RT03": "and what it is",
    "SS01": "a summary",
    "SS03": "that ends with a period",
    "YD01": "what is yielded",
}


def public_objects():
    """Name to class or function, for all that users are meant to import."""
    return {
        f"{module.__name__}.{name}": getattr(module, name)
        for module in (
            sktune,
            sktune.exceptions,
            sktune.keras,
            sktune.plots,
            sktune.compat.dask_ml,
            sktune.compat.scikeras,
            sktune.compat.skopt,
        )
        for name in module.__all__
    }


OBJECTS = public_objects()


def own_methods(cls):
    """Public methods that a class documents itself; others inherit their text."""
    for name, member in vars(cls).items():
        if not name.startswith("_") and inspect.isfunction(member):
            assert inspect.getdoc(getattr(cls, name)), f"{cls}.{name} has no docstring"
            if member.__doc__:
                yield name


def test_api_page_lists_all():
    page = (ROOT / "docs" / "api.rst").read_text()
    listed, module = set(), ""
    for line in page.splitlines():
        if found := re.match(r"\.\. currentmodule:: (.*)", line):
            module = found[1]
        elif found := re.match(r"   (\w+)$", line):
            listed.add(f"{module}.{found[1]}")
    assert listed == OBJECTS.keys()


def faults(name, *, ignore=frozenset()):
    errors = validate(name)["errors"]
    wanted = ENFORCED.keys() - ignore
    return [f"{name}: {code} {text}" for code, text in errors if code in wanted]


@pytest.mark.parametrize("name", OBJECTS)
def test_docstring_is_complete(name):
    thing = OBJECTS[name]
    if isinstance(thing, type) and issubclass(thing, BaseException):
        # Users catch these and never make them.
        assert faults(name, ignore={"EX01", "PR01"}) == []
        return
    assert faults(name) == []
    if isinstance(thing, type):
        for method in own_methods(thing):
            assert faults(f"{name}.{method}", ignore={"EX01"}) == []


def doctests():
    """Docstrings of all modules, private ones too, that have an example."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    for info in pkgutil.walk_packages(sktune.__path__, "sktune."):
        module = importlib.import_module(info.name)
        for test in finder.find(module, info.name):
            if test.examples:
                yield pytest.param(test, id=test.name)


@pytest.mark.parametrize("test", list(doctests()))
def test_example_in_docstring_runs(test, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_doctest(test)


@pytest.mark.parametrize(
    "page", sorted((ROOT / "docs").glob("*.rst")), ids=lambda page: page.stem
)
def test_example_in_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    parser = doctest.DocTestParser()
    run_doctest(parser.get_doctest(page.read_text(), {}, page.stem, str(page), 0))


def run_doctest(test):
    report = []
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    # numpy shows the type of a scalar. Examples are written without it.
    with np.printoptions(legacy="1.25"):
        results = runner.run(test, out=report.append)
    assert results.failed == 0, "".join(report)


def readme_blocks(language):
    text = (ROOT / "README.md").read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def test_python_in_the_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = readme_blocks("python")
    assert blocks
    namespace = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), namespace)
    assert namespace["search"].best_score_ > 0.9


def test_readme_has_the_two_commands_that_ci_runs():
    commands = re.findall(r"<!-- command: ([\w ]+) -->\n```bash\n", readme())
    assert commands == ["main job", "tests"]
    for command in commands:
        assert f'run_readme_command "{command}"' in (ROOT / ".ci" / "run").read_text()


def readme():
    return (ROOT / "README.md").read_text()
