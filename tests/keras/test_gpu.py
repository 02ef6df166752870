"""Keras estimators on a GPU, which several workers share. Skipped where there is none.

Keras chooses its backend once in a process::

    KERAS_BACKEND=jax python -m pytest tests/keras/test_gpu.py
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import cross_validate

keras = pytest.importorskip("keras")

from sktune import BayesSearchCV, HyperbandSearchCV  # noqa: E402
from sktune.keras import KerasClassifier  # noqa: E402
from sktune.keras._devices import n_gpus, own_gpu  # noqa: E402

needs_gpu = pytest.mark.skipif(n_gpus() == 0, reason="needs a GPU")


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:600].astype("float32") / 16, y[:600]


@pytest.fixture
def network():
    return KerasClassifier(
        model__units=32, learning_rate=0.01, epochs=6, random_state=0
    )


def memory_in_use():
    """MiB of the first GPU that are taken, and all of them."""
    if shutil.which("nvidia-smi") is None:
        pytest.skip("nvidia-smi is not installed")
    query = ["--query-gpu=memory.used,memory.total", "--format=csv,noheader,nounits"]
    done = subprocess.run(
        ["nvidia-smi", *query], capture_output=True, text=True, check=True
    )
    used, total = done.stdout.splitlines()[0].split(",")
    return int(used), int(total)


def platforms(model):
    """Where the weights of a model are: ``{"gpu"}`` or ``{"cpu"}``."""
    found = set()
    for variable in model.variables:
        value = variable.value
        if hasattr(value, "devices"):  # JAX
            found |= {device.platform for device in value.devices()}
        else:  # TensorFlow names the device, torch has an object
            name = str(value.device).lower()
            found.add("cpu" if "cpu" in name else "gpu")
    return found


@needs_gpu
def test_a_gpu_is_used_unless_another_device_is_named(network, digits):
    assert platforms(network.fit(*digits).model_) == {"gpu"}
    assert network.score(*digits) > 0.8
    network.set_params(device="cpu")
    assert platforms(network.fit(*digits).model_) == {"cpu"}
    assert network.score(*digits) > 0.8
    network.set_params(device="gpu:0")
    assert platforms(network.fit(*digits).model_) == {"gpu"}


@needs_gpu
@pytest.mark.parametrize("cell", ["lstm", "gru", "simple"])
def test_recurrent_layers_are_compiled(cell, digits):
    X, y = digits
    network = KerasClassifier("rnn", model__cell=cell, epochs=6, random_state=0)
    network.fit(X.reshape(-1, 8, 8), y)
    is_torch = keras.backend.backend() == "torch"
    path = "fit: the backend is torch" if is_torch else "compiled"
    assert network.training_path_ == path
    assert network.score(X.reshape(-1, 8, 8), y) > 0.5


@needs_gpu
def test_workers_share_a_gpu(network, digits):
    space = {
        "learning_rate": (1e-4, 0.1, "log-uniform"),
        "model__dropout": (0.0, 0.5),
    }
    found = {}
    for n_jobs in (1, 4):
        search = BayesSearchCV(
            network, space, n_iter=8, cv=3, n_jobs=n_jobs, random_state=0, n_points=2
        )
        started = time.perf_counter()
        with joblib.parallel_config("loky"):
            search.fit(*digits)
        seconds = time.perf_counter() - started
        found[n_jobs] = search.cv_results_
        print(f"n_jobs={n_jobs}: {seconds:.1f} s, best {search.best_score_:.3f}")
        assert set(search.cv_results_["status"]) == {"completed"}
    # A GPU may add up in another order each time: the first candidates are the same.
    same = slice(0, 4)
    np.testing.assert_allclose(
        found[1]["mean_test_score"][same], found[4]["mean_test_score"][same], atol=0.05
    )


@needs_gpu
def test_training_goes_on_in_other_workers(network, digits):
    search = HyperbandSearchCV(
        network,
        {"learning_rate": (1e-4, 0.1, "log-uniform")},
        max_resource=9,
        cv=2,
        n_jobs=2,
        random_state=0,
    ).fit(*digits)
    assert set(search.cv_results_["status"]) <= {"completed", "stopped"}
    assert search.best_score_ > 0.8


@needs_gpu
def test_workers_leave_memory_to_others(network, digits):
    results = cross_validate(network, *digits, cv=4, n_jobs=4)
    assert np.all(results["test_score"] > 0.8)
    used, total = memory_in_use()  # the workers are still there
    print(f"{used} of {total} MiB in use by five processes")
    assert used < total / 4


@needs_gpu
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_candidate_that_is_out_of_memory_fails_alone(network, digits, n_jobs):
    sizes = [16, 2_000_000_000, 32]  # the second one takes 500 GB
    with pytest.warns(FitFailedWarning):
        search = BayesSearchCV(
            network, {"model__units": sizes}, cv=2, n_jobs=n_jobs, random_state=0
        ).fit(*digits)
    results = search.cv_results_
    of_size = dict(zip(results["param_model__units"], results["status"], strict=True))
    assert of_size[16] == of_size[32] == "completed"
    assert of_size[2_000_000_000] == "failed"
    assert search.best_params_["model__units"] in (16, 32)


# One GPU as two, in every process that loads this.
DIVIDED = """
import os
import tensorflow as tf

[gpu, *_] = tf.config.list_physical_devices("GPU")
half = tf.config.LogicalDeviceConfiguration(memory_limit=4000)
tf.config.set_logical_device_configuration(gpu, [half, half])
import keras

def build(units=8):
    layers = [keras.Input((64,)), keras.layers.Dense(units, "relu")]
    model = keras.Sequential([*layers, keras.layers.Dense(10, "softmax")])
    with open(os.environ["PLACES"], "a") as places:
        for variable in model.weights:
            print(os.getpid(), variable.value.device[-5:], file=places)
    return model
"""
SEARCH = """
import numpy as np
from divided import build
from sklearn.datasets import load_digits
from sktune import BayesSearchCV, HyperbandSearchCV
from sktune.keras import KerasClassifier

X, y = load_digits(return_X_y=True)
network = KerasClassifier(build, epochs=6, random_state=0, device="spread")
space = {"learning_rate": (1e-4, 0.1, "log-uniform"), "model__units": (8, 32)}
options = {"cv": 2, "random_state": 0, "refit": False}
search = BayesSearchCV(network, space, n_iter=6, n_points=2, **options)
results = [search.set_params(n_jobs=n).fit(X, y).cv_results_ for n in (1, 2)]
np.testing.assert_allclose(*(r["mean_test_score"] for r in results))
HyperbandSearchCV(network, space, max_resource=9, n_jobs=2, **options).fit(X, y)
"""


@needs_gpu
@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="TensorFlow alone divides a GPU"
)
def test_workers_are_spread_over_a_divided_gpu(tmp_path):
    (tmp_path / "divided.py").write_text(DIVIDED)
    (tmp_path / "search.py").write_text(SEARCH)
    places = tmp_path / "places"
    root = Path(__file__).parents[2]
    folders = [str(tmp_path), str(root), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "search.py"],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(folders),
            "PLACES": str(places),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    of_process = {}
    for line in places.read_text().splitlines():
        process, place = line.split()
        of_process.setdefault(process, set()).add(place)
    assert all(len(places) == 1 for places in of_process.values()), of_process
    assert set.union(*of_process.values()) == {"GPU:0", "GPU:1"}


@pytest.mark.slow
def test_workers_are_spread_over_gpus():
    def take(_):
        time.sleep(0.2)  # so that no worker does all
        return own_gpu(2)

    with joblib.parallel_config("loky"):
        taken = joblib.Parallel(n_jobs=2)(map(joblib.delayed(take), range(8)))
    assert set(taken) == {"gpu:0", "gpu:1"}
    assert own_gpu(2) == "gpu:0"
    assert own_gpu(1) is None
