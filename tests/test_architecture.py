"""The layer table of docs/contributing.rst, enforced by reading the imports."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import sktune

ROOT = Path(sktune.__file__).parent

BASE = frozenset({"exceptions", "_optional", "_compat"})
VOCABULARY = BASE | {"space", "_protocol", "_schedule"}
MIDDLE = frozenset({"optimizers", "_execution", "keras", "results", "persistence"})

# Room: the rooms that it may import. A room may always import itself.
MAY_IMPORT: dict[str, frozenset[str]] = {
    **dict.fromkeys(BASE, frozenset()),
    "space": BASE,
    "_protocol": BASE | {"space"},
    "_schedule": BASE | {"space"},
    **dict.fromkeys(MIDDLE, VOCABULARY),
    "search": VOCABULARY | MIDDLE - {"keras"},
    "plots": BASE | {"results"},
    "compat": VOCABULARY | {"search", "keras"},
    "__init__": frozenset({"exceptions", "space", "search"}),
    "__main__": frozenset({"exceptions", "search"}),
}

# `import sktune` must not pay for what a user may never touch.
NEVER_LOADED = ("keras", "tensorflow", "matplotlib", "pandas")

# The packages whose private names only _compat.py may touch.
GUARDED = ("joblib", "sklearn")


@dataclass(frozen=True)
class Import:
    """One imported name: ``from module import name``, or ``import module``."""

    module: str
    name: str | None
    line: int


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def package_of(path: Path) -> list[str]:
    """The package that relative imports in a file start from."""
    return ["sktune", *path.relative_to(ROOT).parent.parts]


def imports(tree: ast.AST, package: list[str]) -> Iterator[Import]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, None, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*start, node.module] if node.module else start)
            for alias in node.names:
                yield Import(module, alias.name, node.lineno)


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported_room(found: Import) -> str | None:
    """The room that an import reaches into; None outside sktune."""
    parts = [*found.module.split("."), *([found.name] if found.name else [])]
    if parts[0] != "sktune":
        return None
    return parts[1] if len(parts) > 1 else "__init__"


def is_private(name: str) -> bool:
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


def layer_violations(path: Path, tree: ast.Module) -> Iterator[str]:
    room = room_of(path)
    for found in imports(tree, package_of(path)):
        reached = imported_room(found)
        if reached is None or reached == room:
            continue
        if reached not in MAY_IMPORT[room]:
            yield f"{path.name}:{found.line}: {room} imports {reached}"


def guarded_names(tree: ast.Module) -> set[str]:
    """Names in a file that stand for a guarded package or for something from it."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            modules = [node.module or ""] * len(node.names)
        else:
            continue
        for alias, module in zip(node.names, modules, strict=True):
            if module.split(".")[0] in GUARDED:
                names.add(alias.asname or alias.name.split(".")[0])
    return names


def private_violations(path: Path, tree: ast.Module) -> Iterator[str]:
    """Private names of the guarded packages, imported or reached through a dot."""
    for found in imports(tree, package_of(path)):
        parts = [*found.module.split("."), *([found.name] if found.name else [])]
        if parts[0] in GUARDED and any(map(is_private, parts)):
            yield f"{path.name}:{found.line}: {'.'.join(parts)} is private"
    names = guarded_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            start: ast.expr = node.value
            while isinstance(start, ast.Attribute):
                start = start.value
            if isinstance(start, ast.Name) and start.id in names:
                yield f"{path.name}:{node.lineno}: {ast.unparse(node)} is private"


FILES = sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_keep_to_the_layers(path):
    assert room_of(path) in MAY_IMPORT, "a new room needs a row in the layer table"
    assert list(layer_violations(path, parse(path))) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_compat_touches_private_names(path):
    if room_of(path) != "_compat":
        assert list(private_violations(path, parse(path))) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from ..search import BayesSearchCV", ["search"]),
        ("from sktune.search._base import BaseTuneSearchCV", ["search"]),
        ("import sktune.search", ["search"]),
        ("from .. import search, exceptions", ["search"]),
        ("from ..space import Float\nfrom ._gp import fit\nimport numpy", []),
        ("def f():\n    from .._execution import run", ["_execution"]),
    ],
)
def test_a_layer_violation_is_seen(source, expected):
    path = ROOT / "optimizers" / "_some.py"
    found = list(layer_violations(path, ast.parse(source)))
    assert [line.split()[-1] for line in found] == expected


@pytest.mark.parametrize(
    ("source", "n_found"),
    [
        ("from sklearn.model_selection._search import BaseSearchCV", 1),
        ("from joblib._parallel_backends import LokyBackend", 1),
        ("from sklearn.utils import _safe_indexing", 1),
        ("import sklearn.utils._tags", 1),
        ("import joblib\njoblib._dask.DaskDistributedBackend", 1),
        ("from sklearn import utils as u\nu._metadata_requests.process_routing", 1),
        ("from joblib.parallel import Parallel\nPlain = Parallel._backend", 1),
        ("from sklearn.base import clone\nimport sklearn\nsklearn.__version__", 0),
        ("class Search:\n    def f(self):\n        self._format_results()", 0),
    ],
)
def test_a_private_name_is_seen(source, n_found):
    path = ROOT / "search" / "_some.py"
    assert len(list(private_violations(path, ast.parse(source)))) == n_found


def loaded_by(statement: str) -> set[str]:
    """Packages that a fresh process has loaded after a statement."""
    code = f"import sys; {statement}; print(*{{n.split('.')[0] for n in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        text=True,
        cwd=ROOT.parent,
    )
    return set(done.stdout.split())


def test_import_loads_no_soft_dependency():
    # scikit-learn loads pandas itself since 1.9, if it is installed.
    more = loaded_by("import sktune") - loaded_by("import sklearn.model_selection")
    assert "sktune" in more
    assert more.isdisjoint(NEVER_LOADED)


def test_table_in_the_documentation_is_this_one():
    page = (ROOT.parent / "docs" / "contributing.rst").read_text()
    table = re.search(r"\.\. list-table:: Layers\n(\n|   .*\n)*", page).group()
    documented = {}
    for row in table.split("   * - ")[2:]:  # what comes before the rows, the header
        _, rooms, reach = (
            re.findall(r"``(\w+)``", cell) for cell in row.split("- ", 2)
        )
        documented |= dict.fromkeys(rooms, frozenset(reach))
    assert documented == MAY_IMPORT
