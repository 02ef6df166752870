"""Where a model is trained, and how much of the machine it may take."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import re
from collections.abc import Iterator

__all__ = ["n_gpus", "on_device", "own_gpu", "set_default_limits"]


def set_default_limits() -> None:
    """Let several processes share a GPU and the cores; call it before Keras loads.

    Sets environment variables that are not set yet, so that a user's own choice
    stays. TensorFlow and JAX would take a GPU's whole memory for the first
    process, and TensorFlow ignores the number of threads that joblib grants a
    worker.
    """
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    n_threads = os.environ.get("OMP_NUM_THREADS")
    if n_threads:
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", n_threads)
    if n_threads == "1":
        os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")


@contextlib.contextmanager
def on_device(device: str | None) -> Iterator[str | None]:
    """Run on a device.

    Parameters
    ----------
    device : str or None
        A name of Keras, such as ``"cpu"`` or ``"gpu:1"``; ``"spread"`` for one
        GPU a worker process in turn; None for what the backend prefers.

    Yields
    ------
    str or None
        Name of the device, None for what the backend prefers.
    """
    import keras

    if device == "spread":
        device = own_gpu(n_gpus())
    if device is None:
        yield None
        return
    with keras.device(device):
        yield device


def own_gpu(count: int) -> str | None:
    """Return which of so many GPUs is this worker's; None where there is no choice."""
    if count < 2:
        return None
    # Workers are numbered: LokyProcess-1, ForkPoolWorker-2.
    number = re.search(r"(\d+)$", multiprocessing.current_process().name)
    return f"gpu:{(int(number[1]) if number else 0) % count}"


def n_gpus() -> int:
    """Return how many GPUs Keras' backend sees."""
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return len(tf.config.list_physical_devices("GPU"))
    if backend == "jax":
        import jax

        return sum(device.platform == "gpu" for device in jax.devices())
    if backend == "torch":
        import torch

        return int(torch.cuda.device_count())
    return 0
