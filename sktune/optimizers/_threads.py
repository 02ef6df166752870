"""One BLAS thread around small algebra."""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager

import numpy as np
import scipy.linalg  # noqa: F401  (its BLAS must be loaded to be limited)
from threadpoolctl import ThreadpoolController

__all__ = ["single_blas_thread"]


@functools.cache
def _controller() -> ThreadpoolController:
    # looking for the libraries takes much longer than limiting them: look once
    np.linalg.norm(np.eye(2))
    return ThreadpoolController()


def single_blas_thread() -> AbstractContextManager[object]:
    """Limit BLAS to one thread; matrices of 50 rows only lose by more."""
    limit: AbstractContextManager[object] = _controller().limit(
        limits=1, user_api="blas"
    )
    return limit
