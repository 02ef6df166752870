"""A soft dependency that is missing is named, with the extra that brings it."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest

from sktune._optional import EXTRAS, require

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


def test_an_installed_package_is_imported():
    assert require("pandas", "A test") is sys.modules["pandas"]


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # as if it were not installed
    expected = (
        "SearchDisplay.plot needs matplotlib, which is not installed. "
        "Install it with: pip install 'sktune[plots]'"
    )
    with pytest.raises(ImportError, match=re.escape(expected)) as caught:
        require("matplotlib", "SearchDisplay.plot")
    assert caught.value.name == "matplotlib"


def test_a_broken_package_tells_its_own_error(monkeypatch, tmp_path):
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    (tmp_path / "keras.py").write_text("import a_package_that_keras_needs\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="a_package_that_keras_needs"):
        require("keras", "KerasClassifier")


def test_extras_are_those_of_the_distribution():
    extras = tomllib.loads(PYPROJECT.read_text())["project"]["optional-dependencies"]
    for package, extra in EXTRAS.items():
        names = {re.match(r"[\w-]+", line).group() for line in extras[extra]}
        assert package in names
