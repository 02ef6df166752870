"""Where a model is trained, and how much of the machine it may take."""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import re
from collections.abc import Iterator

from ..exceptions import ModelError

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

    Raises
    ------
    ModelError
        When the backend has no such device. TensorFlow would take another.
    """
    import keras

    if device == "spread":
        device = own_gpu(n_gpus())
    if device is None:
        yield None
        return
    kind, _, number = device.lower().replace("cuda", "gpu").partition(":")
    known = _devices()
    if f"{kind}:{number or 0}" not in known:
        raise ModelError(
            f"device={device!r} is not among the devices that Keras on "
            f"{keras.backend.backend()} has here: {', '.join(known)}"
        )
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
    return sum(device.startswith("gpu:") for device in _devices())


@functools.cache  # a backend finds its devices once
def _devices() -> tuple[str, ...]:
    """Return Keras' names of the devices that its backend has."""
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        names = [device.name for device in tf.config.list_logical_devices()]
        return tuple(name.lower().removeprefix("/device:") for name in names)
    if backend == "jax":
        import jax

        found = list(jax.devices())
        with contextlib.suppress(RuntimeError):  # the user may have excluded it
            found += jax.devices("cpu")
        names = [f"{device.platform}:{device.id}" for device in found]
        return tuple(dict.fromkeys(names))
    names = ["cpu:0"]
    if backend == "torch":
        import torch

        names += [f"gpu:{number}" for number in range(torch.cuda.device_count())]
        if torch.backends.mps.is_available():
            names.append("mps:0")
    return tuple(names)
