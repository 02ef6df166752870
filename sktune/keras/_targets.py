"""What users pass as y, as a network learns it; its outputs, as users want them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import special
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from ..exceptions import ModelError

__all__ = ["ClassTarget", "RegressionTarget"]

FloatArray = NDArray[np.float64]

# log(0) would be infinite, and scorers refuse infinity.
_SMALLEST = np.finfo(np.float64).tiny

# How far a probability in half precision may lie outside [0, 1].
_SLACK = 1e-2


class ClassTarget:
    """Classes or labels, and how a network tells them.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes, sorted; the columns' numbers when there are several labels.
    target_type : str
        ``"binary"``, ``"multiclass"`` or ``"multilabel-indicator"``.

    Examples
    --------
    >>> import numpy as np
    >>> from sktune.keras._targets import ClassTarget
    >>> target = ClassTarget().fit(["no", "yes", "no"])
    >>> target.encode(["yes", "no"])
    array([1, 0], dtype=int32)
    >>> p = target.probabilities(np.array([[0.75], [0.25]]), "sigmoid")
    >>> p
    array([[0.25, 0.75],
           [0.75, 0.25]])
    >>> target.decode(p)
    array(['yes', 'no'], dtype='<U3')
    """

    classes_: NDArray[Any]
    target_type: str

    def fit(self, y: Any, classes: Any = None) -> Self:
        """Learn the classes.

        Parameters
        ----------
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Classes, or 0 and 1 for each label.
        classes : array-like of shape (n_classes,), default=None
            All classes, when y may lack some; None takes those of y.

        Raises
        ------
        ModelError
            When there is one class only, or several columns of classes.
        ValueError
            scikit-learn's, when y is no target of a classifier.
        """
        y = _read(y, warn=True)
        if y.dtype == object:
            _distinct(y)  # scikit-learn says of mixed types only that "<" fails
        kind = type_of_target(y, input_name="y")
        # It also warns of many classes in few samples: no wonder in part of the data.
        if classes is None or not kind.startswith(("binary", "multi")):
            check_classification_targets(y)
        if kind == "multiclass-multioutput":
            raise ModelError(
                f"y has {y.shape[1]} columns of classes (multiclass-multioutput); "
                "wrap the classifier in sklearn.multioutput.MultiOutputClassifier"
            )
        if kind == "multilabel-indicator":
            self.target_type = kind
            self.classes_ = np.arange(y.shape[1])
            if classes is not None and len(classes) != self.n_classes:
                raise ModelError(
                    f"y has {self.n_classes} labels, but classes has {len(classes)}"
                )
        else:
            self._fit_classes(_distinct(y if classes is None else classes))
        self.encode(y)
        return self

    def _fit_classes(self, classes: NDArray[Any]) -> None:
        if len(classes) < 2:
            raise ModelError(
                "a classifier needs samples of at least 2 classes, but there is only "
                f"one class: {classes.tolist()}"
            )
        if classes.dtype.kind not in "biufUO":
            raise ModelError(
                f"classes must be strings, numbers or booleans, got {classes.dtype}"
            )
        self.target_type = "binary" if len(classes) == 2 else "multiclass"
        self.classes_ = classes

    @property
    def n_classes(self) -> int:
        """Number of classes, or of labels."""
        return len(self.classes_)

    @property
    def n_outputs(self) -> int:
        """Units of the output layer: 1 for two classes, else `n_classes`."""
        return 1 if self.target_type == "binary" else self.n_classes

    @property
    def output_activation(self) -> str:
        """``"sigmoid"`` for two classes and for labels, else ``"softmax"``."""
        return "softmax" if self.target_type == "multiclass" else "sigmoid"

    @property
    def _has_labels(self) -> bool:
        return self.target_type == "multilabel-indicator"

    def encode(self, y: Any) -> NDArray[np.int32] | NDArray[np.float32]:
        """Return the target as a network learns it.

        Parameters
        ----------
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Classes or labels.

        Returns
        -------
        ndarray
            The classes' numbers, of shape (n_samples,) and type int32; or the
            labels, of shape (n_samples, n_labels) and type float32.

        Raises
        ------
        ModelError
            When y holds what `fit` did not see.
        """
        y = _read(y)
        _check_columns(y, self.n_classes if self._has_labels else 1)
        if self._has_labels:
            if not np.isin(y, (0, 1)).all():
                raise ModelError(
                    f"labels must be 0 or 1, got {np.unique(y).tolist()[:10]}"
                )
            return np.asarray(y, dtype=np.float32)
        found, places = _distinct(y, return_inverse=True)
        # In a dict, 1, 1.0 and True are one key.
        numbers = {label: i for i, label in enumerate(self.classes_.tolist())}
        unseen = [label for label in found.tolist() if label not in numbers]
        if unseen:
            raise ModelError(
                f"y holds classes that fit did not see: {_some(unseen)}; the classes "
                f"are {_some(self.classes_.tolist())}"
            )
        codes = np.array([numbers[label] for label in found.tolist()], dtype=np.int32)
        return np.asarray(codes[places])

    def probabilities(self, outputs: Any, output_activation: str) -> FloatArray:
        """Return the probabilities that the outputs of a model mean.

        Parameters
        ----------
        outputs : array-like of shape (n_samples, n_outputs)
            What the model returned. Two classes may have one unit or two.
        output_activation : str
            ``"linear"`` when the outputs are logits; anything else when they are
            probabilities.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows sum to 1, except for labels, which are independent.

        Raises
        ------
        ModelError
            When the outputs are not finite, not as many as classes, or no
            probabilities.
        """
        p, rest = self._unit_probabilities(outputs, output_activation)
        if self._has_labels:
            return p
        return _normalised(np.hstack([rest, p]) if p.shape[1] == 1 else p)

    def _unit_probabilities(
        self, outputs: Any, activation: str
    ) -> tuple[FloatArray, FloatArray]:
        """Return the probabilities of what each unit tells, and of the contrary."""
        values = _read_outputs(outputs)
        self._check_units(values.shape[1])
        if activation == "linear":
            if self._has_labels or values.shape[1] == 1:
                return special.expit(values), special.expit(-values)
            values = special.softmax(values, axis=1)
        low, high = values.min(initial=0.0), values.max(initial=1.0)
        if low < -_SLACK or high > 1.0 + _SLACK:
            raise ModelError(
                f"the outputs of the model are no probabilities: they reach from "
                f"{low:.3g} to {high:.3g}; end the model with "
                f"{self.output_activation!r}, or with no activation for logits"
            )
        values = np.clip(values, 0.0, 1.0)
        return values, 1.0 - values

    def decode(self, probabilities: Any) -> NDArray[Any]:
        """Return the most probable classes, or the labels more likely than not.

        Parameters
        ----------
        probabilities : array-like of shape (n_samples, n_classes)
            From `probabilities`, or one column: that of the second of two classes.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
            Of the type of `classes_`; of integers for labels.
        """
        likely = _read_outputs(probabilities)
        self._check_units(likely.shape[1])
        if self._has_labels:
            return np.asarray(likely > 0.5, dtype=np.int64)
        if likely.shape[1] == 1:
            likely = np.hstack([1.0 - likely, likely])
        return np.asarray(self.classes_[likely.argmax(axis=1)])

    def decision(self, outputs: Any, output_activation: str) -> FloatArray:
        """Return finite scores that agree with `decode`.

        Parameters
        ----------
        outputs : array-like of shape (n_samples, n_outputs)
            What the model returned.
        output_activation : str
            As in `probabilities`.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Log-odds of the second of two classes, or of each label; else the
            logarithms of the probabilities.
        """
        if self._has_labels:
            p, rest = self._unit_probabilities(outputs, output_activation)
            return np.asarray(_log(p) - _log(rest))
        logs = _log(self.probabilities(outputs, output_activation))
        if self.target_type == "binary":
            return np.asarray(logs[:, 1] - logs[:, 0])
        return logs

    def default_loss(self, n_model_outputs: int, logits: bool) -> Any:
        """Return the `keras.losses.Loss` that suits the target.

        Parameters
        ----------
        n_model_outputs : int
            Units of the model's last layer.
        logits : bool
            Whether its outputs are logits instead of probabilities.

        Raises
        ------
        ModelError
            When the model has not as many outputs as there are classes.
        """
        import keras

        self._check_units(n_model_outputs)
        if self._has_labels or n_model_outputs == 1:
            return keras.losses.BinaryCrossentropy(from_logits=logits)
        return keras.losses.SparseCategoricalCrossentropy(from_logits=logits)

    def _check_units(self, n_units: int) -> None:
        if n_units not in (self.n_outputs, self.n_classes):
            units = "1 or 2" if self.target_type == "binary" else self.n_outputs
            what = "labels" if self._has_labels else "classes"
            raise ModelError(
                f"the model has {n_units} outputs, but y has {self.n_classes} {what}; "
                f"give its last layer {units} units (meta.n_outputs)"
            )

    def to_json(self) -> dict[str, Any]:
        """Return the target as what JSON can hold."""
        dtype = self.classes_.dtype
        return {
            "target_type": self.target_type,
            "dtype": "object" if dtype.kind == "O" else dtype.str,
            "classes": self.classes_.tolist(),
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Self:
        """Return the target that `to_json` wrote."""
        target = cls()
        target.target_type = saved["target_type"]
        target.classes_ = np.array(saved["classes"], dtype=saved["dtype"])
        return target


class RegressionTarget:
    """Numbers to predict, one or several a sample.

    Attributes
    ----------
    target_type : str
        ``"continuous"`` or ``"continuous-multioutput"``.
    n_outputs : int
        Units of the output layer.

    Examples
    --------
    >>> import numpy as np
    >>> from sktune.keras._targets import RegressionTarget
    >>> target = RegressionTarget().fit([0.5, 1.5])
    >>> target.encode([0.5, 1.5])
    array([[0.5],
           [1.5]], dtype=float32)
    >>> target.decode(np.array([[0.25], [2.0]]))
    array([0.25, 2.  ])
    """

    target_type: str
    n_classes: None = None
    n_outputs: int
    output_activation: str = "linear"

    def fit(self, y: Any) -> Self:
        """Learn how many numbers there are, and their precision.

        Parameters
        ----------
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The target.

        Raises
        ------
        ModelError
            When float32 cannot hold the target.
        ValueError
            scikit-learn's, when y holds no finite numbers.
        """
        y = _read(y, warn=True, numeric=True)
        self.n_outputs = 1 if y.ndim == 1 else y.shape[1]
        self.target_type = "continuous" if y.ndim == 1 else "continuous-multioutput"
        single = y.dtype in (np.float16, np.float32)
        self._dtype = np.dtype(np.float32 if single else np.float64)
        self.encode(y)
        return self

    def encode(self, y: Any) -> NDArray[np.float32]:
        """Return the target as a network learns it.

        Parameters
        ----------
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The target.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)

        Raises
        ------
        ModelError
            When y has another number of columns than that of `fit`, or numbers
            that float32 cannot hold.
        """
        y = _read(y, numeric=True)
        _check_columns(y, self.n_outputs)
        with np.errstate(over="ignore"):
            encoded = np.asarray(y, dtype=np.float32).reshape(len(y), self.n_outputs)
        if not np.isfinite(encoded).all():
            raise ModelError(
                f"y reaches from {y.min():.3g} to {y.max():.3g}, more than float32 can "
                "hold; scale it (sklearn.compose.TransformedTargetRegressor)"
            )
        return encoded

    def decode(self, outputs: Any) -> NDArray[Any]:
        """Return the outputs of a model as predictions.

        Parameters
        ----------
        outputs : array-like of shape (n_samples, n_outputs)
            What the model returned.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Of type float32 when y was in single or half precision, else float64.

        Raises
        ------
        ModelError
            When the outputs are not finite, or another number than in y.
        """
        values = np.asarray(_read_outputs(outputs), dtype=self._dtype)
        self._check_units(values.shape[1])
        return values[:, 0] if self.target_type == "continuous" else values

    def default_loss(self, n_model_outputs: int, logits: bool = False) -> Any:
        """Return the mean squared error; as `ClassTarget.default_loss`."""
        import keras

        self._check_units(n_model_outputs)
        return keras.losses.MeanSquaredError()

    def _check_units(self, n_units: int) -> None:
        if n_units != self.n_outputs:
            raise ModelError(
                f"the model has {n_units} outputs, but y has {self.n_outputs} columns; "
                f"give its last layer {self.n_outputs} units (meta.n_outputs)"
            )

    def to_json(self) -> dict[str, Any]:
        """Return the target as what JSON can hold."""
        return {
            "target_type": self.target_type,
            "n_outputs": self.n_outputs,
            "dtype": self._dtype.name,
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Self:
        """Return the target that `to_json` wrote."""
        target = cls()
        target.target_type = saved["target_type"]
        target.n_outputs = saved["n_outputs"]
        target._dtype = np.dtype(saved["dtype"])
        return target


def _read(y: Any, *, warn: bool = False, numeric: bool = False) -> Any:
    """Return y as an array, one column as 1-D."""
    y = y.toarray() if hasattr(y, "toarray") else y  # sparse labels
    dtype = "numeric" if numeric else None
    y = check_array(y, dtype=dtype, ensure_2d=False, input_name="y")
    if y.ndim == 2 and y.shape[1] > 1:
        return y
    return column_or_1d(y, warn=warn)


def _check_columns(y: NDArray[Any], n_columns: int) -> None:
    found = 1 if y.ndim == 1 else y.shape[1]
    if found != n_columns:
        raise ModelError(f"y has {found} columns, but that of fit had {n_columns}")


def _distinct(y: Any, **options: Any) -> Any:
    """Return `numpy.unique` of labels."""
    try:
        return np.unique(y, **options)
    except TypeError as error:  # labels that cannot be sorted
        kinds = sorted({type(label).__name__ for label in np.ravel(y).tolist()})
        raise ModelError(
            f"labels must be all strings or all numbers, got {', '.join(kinds)}"
        ) from error


def _some(labels: list[Any]) -> str:
    more = ", ..." if len(labels) > 10 else ""
    return f"[{', '.join(map(repr, labels[:10]))}{more}]"


def _read_outputs(outputs: Any) -> FloatArray:
    values = np.asarray(outputs, dtype=np.float64)
    if values.ndim == 1:
        values = values[:, np.newaxis]
    if values.ndim != 2:
        raise ModelError(
            "a model must return one row a sample, but its outputs have shape "
            f"{values.shape}; end it with a Flatten or a pooling layer and a Dense one"
        )
    if not np.isfinite(values).all():
        raise ModelError(
            "the outputs of the model are not finite: its training diverged; lower "
            "the learning rate, or set clipnorm"
        )
    return values


def _normalised(p: FloatArray) -> FloatArray:
    total = p.sum(axis=1, keepdims=True)
    p = np.where(total > 0, p, 1.0)  # no class is likely: all are alike
    return np.asarray(p / p.sum(axis=1, keepdims=True))


def _log(p: FloatArray) -> FloatArray:
    return np.asarray(np.log(np.maximum(p, _SMALLEST)))
