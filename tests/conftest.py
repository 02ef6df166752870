"""What all tests share."""

from __future__ import annotations

import os

# Beside other processes, threads that wait for one that has no processor only spin.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import tempfile
from pathlib import Path

import numpy as np
import pytest
import sklearn
from sklearn.datasets import load_iris


@pytest.fixture(autouse=True)
def _keeps_configuration():
    """Fail a test that leaves scikit-learn's configuration changed."""
    config = sklearn.get_config()
    yield
    assert sklearn.get_config() == config


@pytest.fixture(autouse=True, scope="session")
def _own_configuration_folder(tmp_path_factory):
    """Keep the key of checkpoints out of the home of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture(scope="session")
def memory_folder():
    """A folder that no disk must be waited for, where the system has one."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="sktune-tests-", dir=place) as name:
        yield Path(name)


@pytest.fixture
def rng():
    """A generator with a fixed seed."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def iris():
    """Three classes, 150 samples of 4 features, shuffled and read-only."""
    X, y = load_iris(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    X, y = X[order], y[order]
    X.flags.writeable = y.flags.writeable = False
    return X, y
