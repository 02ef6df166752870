"""What the tests of the Keras estimators share.

XLA takes a second for an architecture: `test_compiled.py` and `test_in_searches.py`
pay for it. The estimators made here do without, and agree in all that is traced, so
that they share what was traced for the test before.
"""

from __future__ import annotations

import os

import numpy as np
import pytest


def pytest_collection_modifyitems(items):
    """Skip what trains in compiled epochs where there are none."""
    if os.environ.get("KERAS_BACKEND") != "torch":
        return
    for item in items:
        params = getattr(item, "callspec", None)
        path = params.params.get("path") if params else None
        if path == "compiled" or item.get_closest_marker("compiled"):
            item.add_marker(pytest.mark.skip("torch trains by model.fit"))


@pytest.fixture
def classifier():
    """Return a function that makes a small classifier; it takes other parameters."""
    return lambda **changes: _estimator("KerasClassifier", changes)


@pytest.fixture
def regressor():
    """Return a function that makes a small regressor; it takes other parameters."""
    return lambda **changes: _estimator("KerasRegressor", changes)


def _estimator(name, changes):
    from sktune import keras

    small = {
        "model__units": 8,
        "learning_rate": 0.05,
        "epochs": 3,
        "batch_size": 16,
        "random_state": 0,
        "jit_compile": False,
    }
    if "model" in changes:
        del small["model__units"]
    return getattr(keras, name)(**{**small, **changes})


@pytest.fixture(scope="session")
def flowers(iris):
    """Three classes: 60 samples of 4 features, scaled and shuffled."""
    X, y = iris
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    X.flags.writeable = False
    return X[:60], y[:60]


@pytest.fixture(scope="session")
def numbers(flowers):
    """A number to predict from the same features."""
    X, _ = flowers
    y = X @ np.array([1.0, -2.0, 0.5, 1.5]) + 3.0
    y.flags.writeable = False
    return X, y
