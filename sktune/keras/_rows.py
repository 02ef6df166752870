"""Between a target with its weights and the rows that are trained on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array

from ._batches import validation_rows
from ._engine import Rows
from ._training import Training

__all__ = ["row_weights", "split_rows"]

Array = NDArray[Any]


def split_rows(
    rows: Rows, training: Training, fraction: float
) -> tuple[Rows, Rows | None]:
    """Return rows to train on, and rows to watch the training with.

    Parameters
    ----------
    rows : Rows
        Those of the training fold.
    training : Training
        Has the seed, and knows whether there are classes to stratify by.
    fraction : float
        Share of the rows to hold out; 0 holds out none.
    """
    if fraction == 0.0:
        return rows, None
    labels = None
    if training.target.target_type in ("binary", "multiclass"):
        codes = rows.target.reshape(len(rows), -1)
        labels = codes[:, 0] if codes.shape[1] == 1 else codes.argmax(axis=1)
    train, held_out = validation_rows(
        len(rows), fraction, seed=training.progress.seed, labels=labels
    )
    return rows.take(train), rows.take(held_out)


def row_weights(
    sample_weight: Any, class_weight: Array | None, n_rows: int
) -> NDArray[np.float32] | None:
    """Return the weight of each row in the loss; None where all count alike.

    Parameters
    ----------
    sample_weight : array-like of shape (n_rows,) or None
        As the user gives it.
    class_weight : ndarray of shape (n_rows,) or None
        Weight of the class of each row.
    n_rows : int

    Raises
    ------
    ValueError
        When `sample_weight` has another shape or is 0 everywhere.
    """
    weights = class_weight
    if sample_weight is not None:
        given = check_array(
            sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
        )
        if given.shape != (n_rows,):
            raise ValueError(
                f"sample_weight.shape == {given.shape}, expected {(n_rows,)}!"
            )
        if not given.any():
            raise ValueError(
                "Sample weights must contain at least one non-zero number."
            )
        weights = given if weights is None else given * weights
    return None if weights is None else weights.astype(np.float32)
