"""Where the data lies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sktune._execution._fold import FoldData
from sktune._execution._store import DataStore, PlacedData, load


def data(**fit_params):
    X = np.arange(12.0).reshape(6, 2)
    folds = [(np.arange(3), np.arange(3, 6))]
    return FoldData(X, np.arange(6), folds, fit_params, {})


def test_processes_map_one_file():
    given = data(sample_weight=np.ones(6))
    with DataStore(given, as_file=True) as store:
        assert isinstance(store.placed, PlacedData)
        first = load(store.placed)
        assert isinstance(first.X, np.memmap)
        np.testing.assert_array_equal(first.X, given.X)
        np.testing.assert_array_equal(first.fit_params["sample_weight"], np.ones(6))
        assert load(store.placed) is first


def test_threads_share_the_object():
    given = data()
    with DataStore(given, as_file=False) as store:
        assert load(store.placed) is given


def test_what_only_cloudpickle_can_write_goes_with_the_tasks():
    given = data(note=lambda: None)
    with DataStore(given, as_file=True) as store:
        assert store.placed is given


def test_dask_is_told_the_size_of_the_data():
    large = replace(data(), X=np.zeros((1000, 2)))
    assert large.__sizeof__() >= large.X.nbytes
