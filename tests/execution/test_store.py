"""Where the data lies."""

from __future__ import annotations

import mmap
import subprocess
import sys
import tempfile
import threading
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from sktune._execution._fold import FoldData
from sktune._execution._store import DataStore, PlacedData, load
from sktune.exceptions import NotPicklableError, SktuneWarning


def data(**fit_params):
    X = np.arange(12.0).reshape(6, 2)
    folds = [(np.arange(3), np.arange(3, 6))]
    return FoldData(X, np.arange(6), folds, fit_params, {})


def is_mapped(array):
    """Whether the numbers of an array lie in a file."""
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(memoryview(array).obj, mmap.mmap)


def test_processes_map_one_file():
    given = data(sample_weight=np.ones(6))
    with DataStore(given, as_file=True) as store:
        assert isinstance(store.placed, PlacedData)
        first = load(store.placed)
        np.testing.assert_array_equal(first.X, given.X)
        np.testing.assert_array_equal(first.fit_params["sample_weight"], np.ones(6))
        assert load(store.placed) is first


@pytest.mark.parametrize(
    "kind", ["C", "F", "strided", "memmap", "empty", "structured", "frame", "sparse"]
)
def test_arrays_stay_in_the_file(kind, tmp_path):
    numbers = np.arange(24.0).reshape(6, 4)
    mapped = np.memmap(tmp_path / "numbers", mode="w+", shape=(6, 4), dtype=float)
    mapped[:] = numbers
    X = {
        "C": numbers,
        "F": np.asfortranarray(numbers),
        "strided": numbers[::-2, ::2],
        "memmap": mapped,
        "empty": numbers[:0],
        "structured": numbers.view([(name, float) for name in "abcd"]),
        "frame": pd.DataFrame(numbers),
        "sparse": scipy.sparse.csr_array(numbers),
    }[kind]
    with DataStore(replace(data(), X=X), as_file=True) as store:
        got = load(store.placed).X
    as_array = {"frame": pd.DataFrame.to_numpy, "sparse": lambda X: X.data}
    before, after = (as_array.get(kind, np.asarray)(x) for x in (X, got))
    np.testing.assert_array_equal(before, after)
    assert before.dtype == after.dtype
    assert is_mapped(after)
    assert not after.flags.writeable
    assert after.ctypes.data % 64 == 0


def test_threads_share_the_object():
    given = data()
    with DataStore(given, as_file=False) as store:
        assert load(store.placed) is given


def test_what_only_this_process_knows_is_placed_too():
    given = data(note=lambda: 7)
    with DataStore(given, as_file=True) as store:
        assert load(store.placed).fit_params["note"]() == 7


def test_without_room_for_a_file_data_goes_with_the_tasks(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    given = data()
    with pytest.warns(SktuneWarning, match="temporary file .*missing.*set TMPDIR"):
        store = DataStore(given, as_file=True)
    assert store.placed is given


def test_what_cannot_be_placed_is_named():
    given = data(locks=[threading.Lock()])
    with pytest.raises(NotPicklableError, match=r"fit_params\['locks'\]\[0\]"):
        DataStore(given, as_file=True)


OF_MAIN = """
import sys
import joblib
import numpy as np
from sklearn.dummy import DummyClassifier
from sktune import BayesSearchCV

class Rows:
    def __init__(self, values):
        self.values = values
        self.shape = values.shape
    def __len__(self):
        return len(self.values)
    def __getitem__(self, i):
        return Rows(self.values[i])

class Weight:
    def __init__(self, factor):
        self.factor = factor

class Model(DummyClassifier):
    def fit(self, X, y, weight):
        assert isinstance(X, Rows)
        self.weight_ = weight.factor
        return super().fit(X.values, y)
    def score(self, X, y):
        return self.weight_ * len(X)

if __name__ == "__main__":
    search = BayesSearchCV(
        Model(), {"strategy": ["prior", "uniform"]}, cv=2, n_jobs=2, **eval(sys.argv[2])
    )
    with joblib.parallel_config(sys.argv[1]):
        search.fit(Rows(np.zeros((8, 2))), np.arange(8) % 2, weight=Weight(2.0))
    print(search.cv_results_["mean_test_score"].tolist())
"""


@pytest.mark.parametrize(
    ("backend", "options"),
    [("loky", {}), ("loky", {"trial_timeout": 60}), ("multiprocessing", {})],
)
def test_data_and_metadata_may_be_of_classes_of_the_script(backend, options, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(OF_MAIN)
    out = subprocess.run(
        [sys.executable, str(script), backend, repr(options)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert out.stdout == "[8.0, 8.0]\n", out.stderr


def test_dask_is_told_the_size_of_the_data():
    large = replace(data(), X=np.zeros((1000, 2)))
    assert large.__sizeof__() >= large.X.nbytes
