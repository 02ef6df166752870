"""A crash before and after every transaction, and at every operation on a file.

Of the operations, every fifth will do, but where ``SKTUNE_KILLS`` is set.
"""

from __future__ import annotations

import json
import os

import pytest

CRASHED = 77
STEP = 1 if os.environ.get("SKTUNE_KILLS") else 5


def crash_everywhere(nursery, reference, folder, request, crash, step=1):
    """Crash at the first point, the next and so on; return how far they went."""
    for k in range(1, 500, step):
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
            return k - step
    raise AssertionError("it never ended")


REQUESTS = {
    "bayes": ("bayes", 5),
    "hyperband": ("hyperband", 9),
    "population": ("population", 6),
}


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", REQUESTS)
def test_crash_at_every_transaction(nursery, references, tmp_path, name, when):
    kind, n_trials = REQUESTS[name]
    n = crash_everywhere(
        nursery,
        references[kind, n_trials],
        tmp_path,
        {"kind": kind, "n_trials": n_trials},
        lambda k, folder: {"crash_at_commit": [k, when]},
    )
    print(f"{name}: {n} transactions")
    assert n > 2 * n_trials


@pytest.mark.slow
@pytest.mark.parametrize("name", REQUESTS)
def test_crash_at_every_operation_on_a_file(nursery, references, tmp_path, name):
    kind, n_trials = REQUESTS[name]
    n = crash_everywhere(
        nursery,
        references[kind, n_trials],
        tmp_path,
        {"kind": kind, "n_trials": n_trials},
        lambda k, folder: {"crash_at_file": [k, str(folder)]},
        step=1 if kind == "bayes" else STEP,
    )
    print(f"{name}: {n} operations")
    assert n > (3 if kind == "bayes" else 50)
