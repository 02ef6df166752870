"""A crash before and after every transaction, and at every operation on a file."""

from __future__ import annotations

import json

import pytest

CRASHED = 77


def crash_everywhere(nursery, reference, folder, request, crash):
    """Crash at the first point, the second and so on; return how many there were."""
    for k in range(1, 500):
        of_k = folder / str(k)
        of_k.mkdir()
        storage, out = of_k / "search.db", of_k / "out"
        here = request | {"storage": str(storage), "out": str(out)}
        code = nursery.run(**here, **crash(k, of_k))
        assert code in (0, CRASHED)
        if code == CRASHED:
            assert not out.exists()
            assert nursery.run(**here) == 0
        assert json.loads(out.read_text()) == json.loads(reference)
        left = {path.name for path in of_k.iterdir()}
        assert left == {"search.db", "out"}, f"left behind by a crash at {k}"
        if code == 0:
            return k - 1
    raise AssertionError("it never ended")


REQUESTS = {"bayes": ("bayes", 5), "hyperband": ("hyperband", 9)}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "name", ["bayes", pytest.param("hyperband", marks=pytest.mark.slow)]
)
def test_crash_at_every_transaction(nursery, references, tmp_path, name, when):
    kind, n_trials = REQUESTS[name]
    n = crash_everywhere(
        nursery,
        references[kind, n_trials],
        tmp_path,
        {"kind": kind, "n_trials": n_trials},
        lambda k, folder: {"crash_at_commit": [k, when]},
    )
    assert n > 3 * n_trials if kind == "bayes" else n > 2 * n_trials


@pytest.mark.parametrize(
    "name", ["bayes", pytest.param("hyperband", marks=pytest.mark.slow)]
)
def test_crash_at_every_operation_on_a_file(nursery, references, tmp_path, name):
    kind, n_trials = REQUESTS[name]
    n = crash_everywhere(
        nursery,
        references[kind, n_trials],
        tmp_path,
        {"kind": kind, "n_trials": n_trials},
        lambda k, folder: {"crash_at_file": [k, str(folder)]},
    )
    print(f"{name}: {n} operations")
    assert n > (3 if kind == "bayes" else 50)
