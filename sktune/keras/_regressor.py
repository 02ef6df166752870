"""`KerasRegressor`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin

from ..exceptions import ModelError
from ._estimator import KerasEstimator
from ._targets import RegressionTarget

__all__ = ["KerasRegressor"]


class KerasRegressor(RegressorMixin, KerasEstimator):
    """Tunable Keras model."""

    def _new_target(self, y: Any, classes: Any) -> RegressionTarget:
        if classes is not None:
            raise ModelError("a regressor has no classes, got classes=...")
        return RegressionTarget().fit(y)

    def _target_of_outputs(self, n_outputs: int, classes: Any) -> RegressionTarget:
        shape = 2 if n_outputs == 1 else (2, n_outputs)
        return self._new_target(np.zeros(shape), classes)

    def _weights_of_classes(self, y: Any) -> NDArray[Any] | None:
        if self.class_weight is not None:
            raise ModelError(
                f"class_weight is for classifiers, got {self.class_weight!r} in a "
                "KerasRegressor; use sample_weight"
            )
        return None

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict the target of each sample.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or Inputs
            Samples, as for ``fit``.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        outputs = self._outputs(X)
        return self._training.target.decode(outputs)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = True
        return tags
