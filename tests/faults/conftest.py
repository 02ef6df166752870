"""A process that starts searches to be killed."""

from __future__ import annotations

import pytest

from .searches import Nursery


@pytest.fixture(scope="module")
def nursery(tmp_path_factory):
    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest.fixture(scope="module")
def references(nursery, tmp_path_factory):
    """The results of each kind of search that nothing happens to."""
    folder = tmp_path_factory.mktemp("reference")
    found = {}
    for kind, n_trials in (("bayes", 8), ("hyperband", 9), ("bayes", 5)):
        out = folder / f"{kind}{n_trials}"
        assert nursery.run(kind=kind, n_trials=n_trials, out=str(out)) == 0
        found[kind, n_trials] = out.read_text()
    return found
