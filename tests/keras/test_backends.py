"""The Keras estimators on the other backends, and on a device beside the first.

Keras chooses its backend once in a process: each gets one of its own.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

keras = pytest.importorskip("keras")

HERE = Path(__file__).parent


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_core_tests_pass_on_other_backends(backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    if backend == keras.backend.backend():
        pytest.skip(f"{backend} is the backend of this very process")
    command = ["-m", "pytest", str(HERE), "-q", "-m", "core", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, *command],
        env={**os.environ, "KERAS_BACKEND": backend},
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr[-2_000:]


# The processor as two devices, as two GPUs would be.
ON_THE_SECOND = """
import numpy as np
import keras
from sktune.keras import KerasClassifier

def places(model):
    for variable in model.variables:
        value = variable.value
        where = value.devices() if hasattr(value, "devices") else [value.device]
        yield from (str(getattr(device, "id", device))[-1] for device in where)

built = []

def build(units=8):
    layers = [keras.Input((4,)), keras.layers.Dense(units), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    built.extend(places(model))
    return model

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    [processor] = tf.config.list_physical_devices("CPU")
    halves = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(processor, halves)
X = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
y = (X[:, 0] > 0).astype(int)
outputs = []
for device in (None, "cpu:1"):
    network = KerasClassifier(model__units=8, epochs=3, random_state=0, device=device)
    outputs.append(network.fit(X, y).predict_proba(X))
    assert network.training_path_ == "compiled"
assert set(places(network.model_)) == {"1"}
np.testing.assert_array_equal(*outputs)
network = KerasClassifier(build, epochs=3, random_state=0, device="cpu:1").fit(X, y)
taken_up = KerasClassifier(build, device="cpu:1", model__units=8, random_state=1)
taken_up.set_training_state(network.get_training_state())
wider = KerasClassifier(build, device="cpu:1", model__units=9, random_state=1)
wider.inherit_training_state(network.get_training_state())
assert len(built) == 12 and set(built) == {"1"}, built
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_a_device_beside_the_first(backend):
    flags = "--xla_force_host_platform_device_count=2"
    done = subprocess.run(
        [sys.executable, "-c", ON_THE_SECOND],
        env={**os.environ, "KERAS_BACKEND": backend, "XLA_FLAGS": flags},
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    # What TensorFlow says when a session has no such device, before it takes another.
    assert "Failed to place" not in done.stderr, done.stderr[:2_000]
