"""Which rows form which batch: numbers alone, the same on every path."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

__all__ = ["epoch_order", "validation_rows"]


def epoch_order(
    n_rows: int, *, seed: int, epoch: int, shuffle: bool
) -> NDArray[np.int32]:
    """Return the rows in the order in which an epoch visits them.

    It depends on the seed and the number of the epoch alone: a training that
    goes on needs no generator to be saved.

    Parameters
    ----------
    n_rows : int
        Number of training rows.
    seed : int
        Seed of the training.
    epoch : int
        Number of the epoch, counted from 0.
    shuffle : bool
        Whether the rows are shuffled.

    Returns
    -------
    ndarray of shape (n_rows,)
    """
    if not shuffle:
        return np.arange(n_rows, dtype=np.int32)
    rng = np.random.default_rng([seed, epoch])
    return rng.permutation(n_rows).astype(np.int32)


def validation_rows(
    n_rows: int, fraction: float, *, seed: int, labels: NDArray[np.int32] | None
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Split rows into those to train on and those to watch the training with.

    Parameters
    ----------
    n_rows : int
        Number of rows.
    fraction : float
        Share of the rows to hold out, in (0, 1).
    seed : int
        Seed of the training.
    labels : ndarray of shape (n_rows,) or None
        Classes by which to stratify. A class of a single row, or fewer held out
        rows than classes, makes that impossible: the split is then plain.

    Returns
    -------
    train, validation : ndarray of int
    """
    rows = np.arange(n_rows)
    if labels is not None:
        counts = np.bincount(labels)
        counts = counts[counts > 0]
        n_held_out = int(np.ceil(fraction * n_rows))
        smallest = min(n_held_out, n_rows - n_held_out)
        if counts.min() < 2 or smallest < len(counts):
            labels = None
    train, held_out = train_test_split(
        rows, test_size=fraction, random_state=seed, stratify=labels
    )
    return np.sort(train), np.sort(held_out)
