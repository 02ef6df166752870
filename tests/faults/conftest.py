"""A process that starts searches to be killed."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from .searches import Nursery


@pytest.fixture
def tmp_path(memory_folder):
    with tempfile.TemporaryDirectory(dir=memory_folder) as name:
        yield Path(name)


@pytest.fixture(scope="session")
def nursery():
    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest.fixture(scope="session")
def references(nursery, memory_folder):
    """The results of each kind of search that nothing happens to."""
    found = {}
    for kind, n_trials in (
        ("bayes", 5),
        ("bayes", 8),
        ("hyperband", 9),
        ("population", 6),
        ("population", 12),
    ):
        out = memory_folder / f"{kind}{n_trials}"
        assert nursery.run(kind=kind, n_trials=n_trials, out=str(out)) == 0
        found[kind, n_trials] = out.read_text()
    return found
