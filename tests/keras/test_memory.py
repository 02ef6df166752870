"""What is left of models of TensorFlow when nobody needs them any more."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

keras = pytest.importorskip("keras")

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="JAX keeps and frees its own way"
)


def train_elsewhere(estimator, X, y):
    """Train in a thread of its own: what is kept for the next goes with it."""

    def train():
        estimator.fit(X, y).predict(X)
        assert estimator.training_path_ == "compiled"

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()


def test_graphs_and_sessions_go_with_the_estimator(classifier, flowers):
    import tensorflow as tf

    def alive():
        gc.collect()
        kinds = (tf.Graph, tf.compat.v1.Session)
        return sum(isinstance(thing, kinds) for thing in gc.get_objects())

    train_elsewhere(classifier(epochs=1), *flowers)
    before = alive()
    for units in (5, 6, 7):
        train_elsewhere(
            classifier(model__units=units, validation_fraction=0.2), *flowers
        )
    assert alive() == before


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")
def test_what_xla_compiled_goes_with_the_estimator():
    # TensorFlow would keep some 15 MB for each of them.
    script = """
        import gc, os, threading
        from pathlib import Path
        import numpy as np
        from sktune.keras import KerasClassifier

        rng = np.random.default_rng(0)
        X, y = rng.normal(size=(64, 8)).astype("float32"), np.arange(64) % 3

        def train(units):
            KerasClassifier(
                model__units=units, epochs=1, training="compiled", jit_compile=True
            ).fit(X, y)

        def resident_after(numbers):
            for units in numbers:
                thread = threading.Thread(target=train, args=(units,))
                thread.start()
                thread.join()
                gc.collect()
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

        few = resident_after(range(10, 13))
        print(resident_after(range(20, 26)) - few)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert float(done.stdout) < 45  # megabytes, for six
