"""What XLA does for an epoch of a network on TensorFlow, and what it costs.

Usage::

    python benchmarks/keras_xla.py

Each network trains on 500 rows, in batches of 32, with and without XLA. The first epoch
is traced and compiled; the next ones are what is left.
"""

from __future__ import annotations

import _environment  # isort: skip  (limits threads before numpy is loaded)

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from _report import table
from keras import layers

from sktune.keras import KerasClassifier

N_ROWS = 500
N_REPEATS = 5
SHAPES = {
    "rows": (50,),
    "sequences": (20, 4),
    "images": (8, 8, 3),
    "volumes": (6, 6, 6, 2),
}

Builder = Callable[..., Any]


def chain(*parts: Callable[[], Any]) -> Builder:
    """A function that builds a network of these layers and a last one."""

    def build(meta: Any) -> Any:
        output = layers.Dense(meta.n_outputs, activation=meta.output_activation)
        hidden = [part() for part in parts]
        inputs = keras.Input(meta.input_shape)
        return keras.Sequential([inputs, *hidden, layers.Flatten(), output])

    return build


def dense(units: int) -> Callable[[], Any]:
    return lambda: layers.Dense(units, activation="relu")


def convolution(kind: Any, filters: int, side: int = 3) -> Callable[[], Any]:
    return lambda: kind(filters, side, padding="same", activation="relu")


def attention(meta: Any) -> Any:
    """A network of one layer of attention."""
    x = inputs = keras.Input(meta.input_shape)
    x = layers.MultiHeadAttention(2, 16)(x, x)
    x = layers.Flatten()(x)
    output = layers.Dense(meta.n_outputs, activation=meta.output_activation)
    return keras.Model(inputs, output(x))


# Name -> kind of data, function that builds the network.
NETWORKS: dict[str, tuple[str, Builder]] = {
    "dense 64": ("rows", chain(dense(64), dense(64))),
    "dense 512": ("rows", chain(dense(512), dense(512))),
    "lstm 32": ("sequences", chain(lambda: layers.LSTM(32))),
    "lstm 128": ("sequences", chain(lambda: layers.LSTM(128))),
    "attention": ("sequences", attention),
    "conv1d 16, lstm 32": (
        "sequences",
        chain(convolution(layers.Conv1D, 16), lambda: layers.LSTM(32)),
    ),
    "conv1d 16": ("sequences", chain(*[convolution(layers.Conv1D, 16)] * 2)),
    "conv1d 64": ("sequences", chain(*[convolution(layers.Conv1D, 64)] * 2)),
    "conv2d 4": ("images", chain(*[convolution(layers.Conv2D, 4)] * 2)),
    "conv2d 16": ("images", chain(*[convolution(layers.Conv2D, 16)] * 2)),
    "conv2d 32": ("images", chain(*[convolution(layers.Conv2D, 32)] * 2)),
    "conv2d 32, 1 x 1": ("images", chain(*[convolution(layers.Conv2D, 32, 1)] * 2)),
    "separable 16": ("images", chain(*[convolution(layers.SeparableConv2D, 16)] * 2)),
    "transposed 16": ("images", chain(*[convolution(layers.Conv2DTranspose, 16)] * 2)),
    "depthwise": (
        "images",
        chain(lambda: layers.DepthwiseConv2D(3, depth_multiplier=8, padding="same")),
    ),
    "conv3d 8": ("volumes", chain(*[convolution(layers.Conv3D, 8)] * 2)),
}


def epochs_of(build: Builder, X: Any, y: Any, *, xla: bool) -> tuple[float, float]:
    """Seconds of the first epoch, and the median of the milliseconds of the others."""
    model = KerasClassifier(
        build, jit_compile=xla, training="compiled", epochs=1 + N_REPEATS
    )
    seconds = []
    for _ in range(1 + N_REPEATS):
        started = time.perf_counter()
        model.train_more(X, y, 1)
        seconds.append(time.perf_counter() - started)
    return seconds[0], 1000.0 * float(np.median(seconds[1:]))


def main() -> None:
    print(_environment.describe(["sktune", "keras", "tensorflow"]), flush=True)
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, N_ROWS)
    rows = []
    for name, (kind, build) in NETWORKS.items():
        X = rng.normal(size=(N_ROWS, *SHAPES[kind])).astype("float32")
        (first, by_xla), (other, plain) = (
            epochs_of(build, X, y, xla=xla) for xla in (True, False)
        )
        numbers = (f"{first:.1f}", f"{other:.1f}", f"{by_xla:.1f}", f"{plain:.1f}")
        rows.append([name, *numbers, f"{by_xla / plain:.2f}"])
    header = ["network", "first epoch with XLA, s", "without", "ms an epoch with XLA"]
    print()
    print(table([*header, "without", "with / without"], rows))


if __name__ == "__main__":
    main()
