"""What users pass as X, as arrays that Keras takes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import is_regressor
from sklearn.utils import assert_all_finite, check_array
from sklearn.utils.validation import validate_data

from ..exceptions import ModelError
from ..space import did_you_mean

__all__ = ["InputLayout", "Inputs", "as_dense", "layout_of", "names_of", "read_inputs"]

_INT32 = np.iinfo(np.int32)


class Inputs:
    """Several inputs of a model, as one X that scikit-learn can index and split.

    A dict of arrays can be fitted directly. A search or a cross-validation must
    take rows from all of its arrays, and for that it needs this class.

    Parameters
    ----------
    inputs : mapping of str to array-like, or data frame, default=None
        Arrays, data frames or sparse matrices with as many rows each. A 1-D
        array is a column. Each column of a data frame is an input.
    **named : array-like
        More of them.

    Attributes
    ----------
    arrays : dict of str to ndarray or sparse matrix
        The inputs.

    Raises
    ------
    ModelError
        When there is none, or their numbers of rows differ.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import train_test_split
    >>> from sktune.keras import Inputs
    >>> X = Inputs(image=np.zeros((10, 8, 8)), age=np.arange(10))
    >>> X_train, X_test = train_test_split(X, test_size=0.3)
    >>> X_test
    Inputs(image=(3, 8, 8), age=(3, 1))
    """

    arrays: dict[str, Any]

    def __init__(self, inputs: Any = None, /, **named: Any) -> None:
        given: dict[Any, Any] = {}
        if inputs is not None:
            columns = inputs if isinstance(inputs, Mapping) else _columns(inputs)
            given.update((name, inputs[name]) for name in columns)
        given.update(named)
        self.arrays = {str(name): _as_array(name, given[name]) for name in given}
        lengths = {name: array.shape[0] for name, array in self.arrays.items()}
        if not lengths:
            raise ModelError("Inputs needs at least one array, got none")
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name!r} has {n}" for name, n in lengths.items())
            raise ModelError(f"all inputs must have as many samples, but {told}")

    @property
    def names(self) -> tuple[str, ...]:
        """The inputs' names."""
        return tuple(self.arrays)

    @property
    def shape(self) -> tuple[int]:
        """The number of samples, where scikit-learn looks for it."""
        return (next(iter(self.arrays.values())).shape[0],)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> Inputs:
        """Return some of the samples; a number gives one sample, still as Inputs."""
        if isinstance(index, tuple):  # scikit-learn asks for X[rows, ...]
            index, *others = index
            if any(other is not Ellipsis for other in others):
                raise IndexError("Inputs have samples only: index them with one index")
        if not isinstance(index, slice):
            index = np.atleast_1d(index)
            index = index if index.size else index.astype(np.intp)
        return Inputs({name: array[index] for name, array in self.arrays.items()})

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name}={a.shape}" for name, a in self.arrays.items())
        return f"Inputs({shapes})"


def _columns(frame: Any) -> Any:
    if not hasattr(frame, "columns"):
        raise ModelError(
            f"Inputs takes a dict or a data frame, got {type(frame).__name__}; name "
            "an array: Inputs(x=array)"
        )
    return frame.columns


def _as_array(name: str, values: Any) -> Any:
    array = check_array(
        values,
        accept_sparse="csr",
        dtype=None,
        ensure_all_finite=False,  # asked by `read_inputs`, once
        ensure_2d=False,
        allow_nd=True,
        ensure_min_samples=0,
        ensure_min_features=0,
        input_name=f"X[{name!r}]",
    )
    if array.ndim == 0:
        raise ModelError(f"the input {name!r} must be an array, got {values!r}")
    return array[:, np.newaxis] if array.ndim == 1 else array


@dataclass(frozen=True, slots=True)
class InputLayout:
    """What the inputs of a model look like.

    Attributes
    ----------
    names : tuple of str or None
        The inputs' names; None for a single X without a name.
    shapes : tuple of tuple of int
        Shape of one sample of each input.
    dtypes : tuple of str
        ``"float32"`` or ``"int32"`` for each input.
    n_tokens : int or None
        One more than the largest value of the integer inputs; None without any.
    """

    names: tuple[str, ...] | None
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[str, ...]
    n_tokens: int | None

    @property
    def input_shape(self) -> tuple[int, ...] | dict[str, tuple[int, ...]]:
        """Shape of a sample; by name when the inputs have names."""
        if self.names is None:
            return self.shapes[0]
        return dict(zip(self.names, self.shapes, strict=True))

    @property
    def input_dtype(self) -> str | dict[str, str]:
        """Type of the values; by name when the inputs have names."""
        if self.names is None:
            return self.dtypes[0]
        return dict(zip(self.names, self.dtypes, strict=True))

    def match(
        self, arrays: Sequence[Any], names: tuple[str, ...] | None = None
    ) -> list[Any]:
        """Return arrays as a model of this layout takes them.

        Parameters
        ----------
        arrays : list of ndarray or sparse matrix
            From `read_inputs`.
        names : tuple of str or None, default=None
            From `names_of`.

        Returns
        -------
        list of ndarray or sparse matrix
            In the order and of the types of the layout.

        Raises
        ------
        ModelError
            When they do not fit: another set of inputs, other shapes, or
            fractions where the model was fitted on integers.
        """
        if (names is None) != (self.names is None) or set(names or ()) != set(
            self.names or ()
        ):
            raise ModelError(self._told_names(names))
        if names is not None and self.names is not None:
            by_name = dict(zip(names, arrays, strict=True))
            arrays = [by_name[name] for name in self.names]
        return [
            _fit_to(array, shape, dtype, _called(self.names, i))
            for i, (array, shape, dtype) in enumerate(
                zip(arrays, self.shapes, self.dtypes, strict=True)
            )
        ]

    def _told_names(self, names: tuple[str, ...] | None) -> str:
        def told(names: tuple[str, ...] | None) -> str:
            if names is None:
                return "one X without a name"
            return f"the inputs {', '.join(map(repr, names))}"

        unknown = sorted(set(names or ()) - set(self.names or ()))
        hint = did_you_mean(unknown[0], self.names or ()) if unknown else ""
        return f"the model was fitted on {told(self.names)}, got {told(names)}{hint}"

    def to_json(self) -> dict[str, Any]:
        """Return the layout as what JSON can hold."""
        return asdict(self)

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Self:
        """Return the layout that `to_json` wrote, also after a trip through JSON."""
        names = saved["names"]
        return cls(
            names=None if names is None else tuple(names),
            shapes=tuple(tuple(shape) for shape in saved["shapes"]),
            dtypes=tuple(saved["dtypes"]),
            n_tokens=saved["n_tokens"],
        )


def _called(names: tuple[str, ...] | None, i: int) -> str:
    return "X" if names is None else f"the input {names[i]!r}"


def _fit_to(array: Any, shape: tuple[int, ...], dtype: str, called: str) -> Any:
    if array.shape[1:] != shape:
        raise ModelError(
            f"{called} has samples of shape {array.shape[1:]}, but the model was "
            f"fitted on samples of shape {shape}"
        )
    if array.dtype == dtype:
        return array
    if dtype == "int32":
        values: NDArray[Any] = array.data if _is_sparse(array) else array
        if not (_fits_int32(values) and np.all(values == np.floor(values))):
            raise ModelError(
                f"the model was fitted on integers, but {called} has other numbers; "
                "fit it on floats (X.astype('float32')) if they are meant"
            )
    return array.astype(dtype)


def layout_of(
    arrays: Sequence[Any], names: tuple[str, ...] | None = None
) -> InputLayout:
    """Return what arrays look like.

    Parameters
    ----------
    arrays : list of ndarray or sparse matrix
        From `read_inputs`.
    names : tuple of str or None, default=None
        From `names_of`.

    Returns
    -------
    InputLayout
    """
    largest = [int(array.max()) for array in arrays if array.dtype.kind == "i"]
    return InputLayout(
        names=names,
        shapes=tuple(tuple(array.shape[1:]) for array in arrays),
        dtypes=tuple(array.dtype.name for array in arrays),
        n_tokens=1 + max(largest) if largest else None,
    )


def names_of(X: Any) -> tuple[str, ...] | None:
    """Return the names of several inputs, None when X is a single one.

    Several inputs are `Inputs`, a dict, or a list or tuple of more than one
    ndarray, each of at least two dimensions. Those of a list are named by their
    places: ``"0"``, ``"1"``.

    Parameters
    ----------
    X : object
        What a user passed.

    Returns
    -------
    tuple of str or None
    """
    grouped = _grouped(X)
    return grouped.names if isinstance(grouped, Inputs) else None


def _grouped(X: Any) -> Any:
    """Return X as Inputs when it is several inputs, else as it is."""
    if isinstance(X, Mapping) and not _is_sparse(X):  # a DOK matrix is a dict
        return Inputs(X)
    if (
        isinstance(X, (list, tuple))
        and len(X) > 1
        and all(isinstance(array, np.ndarray) and array.ndim > 1 for array in X)
    ):
        return Inputs({str(i): array for i, array in enumerate(X)})
    return X


def read_inputs(
    estimator: Any, X: Any, y: Any = "no_validation", *, reset: bool
) -> tuple[list[Any], Any]:
    """Check what a user passed, as scikit-learn does.

    Parameters
    ----------
    estimator : estimator
        Gets ``n_features_in_`` and ``feature_names_in_`` when `reset`, or is asked
        for them. Several inputs have neither.
    X : array-like, sparse matrix, data frame, dict or Inputs
        The samples; see `names_of` for what several inputs are.
    y : array-like, default="no_validation"
        The target; left out, there is none.
    reset : bool
        Whether the estimator is fitted anew.

    Returns
    -------
    arrays : list of ndarray or sparse matrix
        One for each input, in the order of `names_of`. Dense integers and booleans
        are of type int32, unless they exceed it. All else is float32: what is
        sparse too, a CSR matrix, and pandas' nullable integers, which scikit-learn
        makes floats of. They may share memory with X.
    y : ndarray, sparse matrix or None
        The target; None when there is none.

    Raises
    ------
    ValueError
        As scikit-learn does: for NaN, infinity, text, an empty or 1-D X.
    """
    X = _grouped(X)
    checks: dict[str, Any] = {}
    has_y = not (y is None or (isinstance(y, str) and y == "no_validation"))
    if has_y:
        checks = {"multi_output": True, "y_numeric": is_regressor(estimator)}
    if isinstance(X, Inputs):
        if reset:
            for name in ("n_features_in_", "feature_names_in_"):
                vars(estimator).pop(name, None)
        if has_y or y is None:
            y = validate_data(estimator, y=y, reset=reset, **checks)
            _check_lengths(X, y)
        X_checks = _X_CHECKS | {"estimator": estimator}
        arrays = [
            _narrow(check_array(array, input_name=f"X[{name!r}]", **X_checks), name)
            for name, array in X.arrays.items()
        ]
        return arrays, y if has_y else None
    checked = validate_data(estimator, X, y, reset=reset, **_X_CHECKS, **checks)
    X, y = checked if has_y else (checked, None)
    return [_narrow(X)], y


_X_CHECKS = {"accept_sparse": "csr", "dtype": "numeric", "allow_nd": True}


def _check_lengths(X: Inputs, y: Any) -> None:
    if len(X) != y.shape[0]:
        raise ModelError(
            f"X has {len(X.names)} inputs of {len(X)} samples each, but y has "
            f"{y.shape[0]} samples. If X is a list with an array for each sample, "
            "pass np.stack(X)"
        )


def _narrow(array: Any, name: str | None = None) -> Any:
    """Return a checked array with 32 bits a value."""
    dense = not _is_sparse(array)
    kind = array.dtype.kind
    if dense and (kind == "b" or (kind in "iu" and _fits_int32(array))):
        return array.astype(np.int32, order="C", copy=False)
    if array.dtype == np.float32:
        return np.ascontiguousarray(array) if dense else array
    with np.errstate(over="ignore"):
        narrow = array.astype(np.float32)
    # Doubles beyond the range of float32 are infinite now.
    assert_all_finite(narrow, input_name="X" if name is None else f"X[{name!r}]")
    return np.ascontiguousarray(narrow) if dense else narrow


def _fits_int32(values: NDArray[Any]) -> bool:
    if not values.size:
        return True
    return bool(_INT32.min <= values.min() and values.max() <= _INT32.max)


def _is_sparse(array: Any) -> bool:
    return bool(sparse.issparse(array))


def dense_bytes(arrays: Sequence[Any]) -> int:
    """Return how many bytes arrays take in full.

    Parameters
    ----------
    arrays : list of ndarray or sparse matrix

    Returns
    -------
    int
    """
    return sum(math.prod(array.shape) * array.dtype.itemsize for array in arrays)


def as_dense(arrays: Sequence[Any], max_bytes: float = math.inf) -> list[Any]:
    """Return arrays in full, the sparse ones among them too.

    Parameters
    ----------
    arrays : list of ndarray or sparse matrix
        From `read_inputs`.
    max_bytes : float, default=inf
        When all of them would take more than this, the sparse ones stay so.

    Returns
    -------
    list of ndarray or sparse matrix
    """
    if dense_bytes(arrays) > max_bytes:
        return list(arrays)
    return [a.toarray() if _is_sparse(a) else a for a in arrays]
