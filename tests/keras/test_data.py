"""X as arrays that Keras takes."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    cross_validate,
    train_test_split,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.utils import indexable, resample, shuffle
from sklearn.utils.validation import check_is_fitted

keras = pytest.importorskip("keras")

from sktune.exceptions import ModelError  # noqa: E402
from sktune.keras._data import (  # noqa: E402
    InputLayout,
    Inputs,
    as_dense,
    layout_of,
    names_of,
    read_inputs,
)


class Classifier(ClassifierMixin, BaseEstimator):
    """The least that reads its X as our estimators do."""

    def __init__(self, smoothing=1e-9):
        self.smoothing = smoothing

    def _flat(self, X, *, y="no_validation", reset=False):
        arrays, y = read_inputs(self, X, y, reset=reset)
        if reset:
            self.layout_ = layout_of(arrays, names_of(X))
        arrays = as_dense(self.layout_.match(arrays, names_of(X)))
        return np.hstack([array.reshape(len(array), -1) for array in arrays]), y

    def fit(self, X, y):
        flat, y = self._flat(X, y=y, reset=True)
        self.inner_ = GaussianNB(var_smoothing=self.smoothing).fit(flat, y)
        self.classes_ = self.inner_.classes_
        return self

    def predict(self, X):
        check_is_fitted(self)
        return self.inner_.predict(self._flat(X)[0])


class Regressor(RegressorMixin, BaseEstimator):
    pass


def read(X, y="no_validation", *, estimator=None, reset=True):
    estimator = Classifier() if estimator is None else estimator
    return read_inputs(estimator, X, y, reset=reset)


def read_one(X):
    (array,), y = read(X)
    assert y is None
    assert array.flags.c_contiguous
    return array


@pytest.fixture
def named():
    return {"image": np.arange(80.0).reshape(10, 4, 2), "age": np.arange(10)}


# -- Inputs -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (3, [3]),
        (-1, [9]),
        (np.int64(2), [2]),
        ([1, 5], [1, 5]),
        (np.array([5, 1, 1]), [5, 1, 1]),
        (np.arange(10) > 7, [8, 9]),
        ([True] + [False] * 9, [0]),
        (pd.Series(np.arange(10) == 4), [4]),
        (slice(None, 2), [0, 1]),
        (slice(None, None, -5), [9, 4]),
        (([2, 3], ...), [2, 3]),
        ((slice(8, None), ...), [8, 9]),
        ([], []),
        (range(2), [0, 1]),
    ],
)
def test_rows_of_all_inputs_are_taken_together(named, index, expected):
    some = Inputs(named, text=sparse.eye(10, format="coo"))[index]
    assert isinstance(some, Inputs)
    assert len(some) == len(expected)
    np.testing.assert_array_equal(some.arrays["image"], named["image"][expected])
    np.testing.assert_array_equal(some.arrays["age"][:, 0], expected)
    np.testing.assert_array_equal(some.arrays["text"].toarray(), np.eye(10)[expected])


@pytest.mark.parametrize("index", [10, [0, 10], "image", (0, 1), np.array([True])])
def test_an_index_that_is_none(named, index):
    with pytest.raises(IndexError):
        Inputs(named)[index]


def test_shape_names_and_iteration(named):
    X = Inputs(named)
    assert X.shape == (10,)
    assert len(X) == 10
    assert X.names == ("image", "age")
    assert repr(X) == "Inputs(image=(10, 4, 2), age=(10, 1))"
    assert [sample.arrays["age"].item() for sample in X] == [*range(10)]


def test_frames_and_lists_become_arrays():
    frame = pd.DataFrame({"a": [1, 2], "b": [0.5, None]})
    X = Inputs(
        table=frame, column=frame["a"], listed=[[1], [2]], polars=pl.Series([3, 4])
    )
    assert {name: type(array) for name, array in X.arrays.items()} == dict.fromkeys(
        X.names, np.ndarray
    )
    assert X.arrays["column"].shape == (2, 1)


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
def test_each_column_of_a_frame_is_an_input(library):
    X = Inputs(library.DataFrame({"age": [1, 2, 3], "size": [0.5, 1.5, 2.5]}))
    assert repr(X) == "Inputs(age=(3, 1), size=(3, 1))"
    assert X.arrays["age"].dtype == np.int64


def test_lengths_must_agree():
    with pytest.raises(ModelError, match="'a' has 3, 'b' has 2"):
        Inputs(a=np.zeros((3, 1)), b=[1, 2])


def test_what_is_no_inputs():
    with pytest.raises(ModelError, match="at least one array"):
        Inputs()
    with pytest.raises(ModelError, match=r"got ndarray; name an array: Inputs\(x="):
        Inputs(np.zeros((3, 1)))
    with pytest.raises(ModelError, match="'a' must be an array, got 3"):
        Inputs(a=3)


def test_copies_and_pickles(named):
    X = Inputs(named, text=sparse.eye(10))
    for other in (pickle.loads(pickle.dumps(X)), copy.deepcopy(X)):
        assert other.names == X.names
        np.testing.assert_array_equal(other.arrays["image"], X.arrays["image"])


# -- Inputs in scikit-learn -------------------------------------------------------


@pytest.fixture
def labelled(rng):
    y = np.repeat(["a", "b"], 20)
    X = Inputs(
        image=rng.normal(size=(40, 3, 2)) + 3 * (y == "b")[:, None, None],
        age=rng.integers(0, 9, 40),
        text=sparse.random(40, 5, density=0.2, random_state=0),
    )
    return X, y


def test_split_shuffle_and_resample(labelled):
    X, y = labelled
    X_train, X_test, y_train, _ = train_test_split(X, y, stratify=y, random_state=0)
    assert (len(X_train), len(X_test), len(y_train)) == (30, 10, 30)
    assert len(shuffle(X)) == len(resample(X)) == 40
    assert indexable(X, y)[0] is X
    assert [len(test) for _, test in KFold(4).split(X)] == [10] * 4


def test_cross_validation_and_search(labelled):
    X, y = labelled
    scores = cross_validate(Classifier(), X, y, error_score="raise")["test_score"]
    assert scores.mean() > 0.7
    search = GridSearchCV(Classifier(), {"smoothing": [1e-9, 0.1]}).fit(X, y)
    assert search.predict(X[:3]).shape == (3,)
    assert search.score(X, y) > 0.7


# -- What is read -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (np.float64([[0.1], [2.0]]), "float32"),
        (np.float16([[0.1], [2.0]]), "float32"),
        (np.longdouble([[0.1], [2.0]]), "float32"),
        (np.int64([[-1], [2]]), "int32"),
        (np.uint8([[0], [255]]), "int32"),
        (np.array([[True], [False]]), "int32"),
        (np.int64([[-(2**31)], [2**31 - 1]]), "int32"),
        (np.int64([[0], [2**31]]), "float32"),
        (np.int64([[0], [-(2**40)]]), "float32"),
        (np.uint64([[0], [2**64 - 1]]), "float32"),
        ([[1, 2], [3, 4]], "int32"),
        ([[1, 2.5], [3, 4]], "float32"),
        (np.array([[1], [2**70]], dtype=object), "float32"),
        (np.array([["1.5"], ["2"]], dtype=object), "float32"),
        (np.float64([[0.0], [1.0]]), "float32"),
        (np.zeros((2, 8, 8, 3), np.uint8), "int32"),
    ],
)
def test_types(values, dtype):
    array = read_one(values)
    assert array.dtype == dtype
    expected = np.asarray(values, dtype=np.float64)
    np.testing.assert_allclose(array, expected, rtol=1e-3)


def test_what_needs_no_conversion_is_not_copied():
    X = np.zeros((3, 4), np.float32)
    assert np.shares_memory(read_one(X), X)
    assert not np.shares_memory(read_one(X.T), X)  # Keras wants rows


def test_memory_maps_are_read(tmp_path):
    X = np.memmap(tmp_path / "X", dtype="float64", mode="w+", shape=(4, 2))
    X.flush()
    X = np.memmap(tmp_path / "X", dtype="float64", mode="r", shape=(4, 2))
    np.testing.assert_array_equal(read_one(X), np.zeros((4, 2)))


def test_frames_have_feature_names():
    estimator = Classifier()
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    (array,), _ = read(frame, estimator=estimator)
    np.testing.assert_array_equal(array, [[1, 3], [2, 4]])
    assert estimator.n_features_in_ == 2
    assert list(estimator.feature_names_in_) == ["a", "b"]
    with pytest.raises(ValueError, match="feature names should match"):
        read(frame[["b", "a"]], estimator=estimator, reset=False)


@pytest.mark.parametrize(
    ("frame", "dtype"),
    [
        (pd.DataFrame({"a": [1, 2], "b": [3, 4]}), "int32"),
        (pd.DataFrame({"a": [1, 2], "b": [0.5, 1]}), "float32"),
        (pd.DataFrame({"a": [1, 2]}, dtype="Int64"), "float32"),  # scikit-learn's way
        (pd.DataFrame({"a": [True, False]}), "int32"),
        (pd.DataFrame({"a": [True, False], "b": [1, 2]}), "int32"),
        (pl.DataFrame({"a": [1, 2], "b": [3, 4]}), "int32"),
        (pl.DataFrame({"a": [1, 2], "b": [0.5, 1]}), "float32"),
    ],
)
def test_types_of_frames(frame, dtype):
    assert read_one(frame).dtype == dtype


@pytest.mark.parametrize("kind", ["csr_matrix", "csc_matrix", "coo_array"])
@pytest.mark.parametrize("dtype", ["float64", "int64", "bool"])
def test_sparse_stays_sparse(kind, dtype):
    values = np.eye(3, 4, dtype=dtype)
    (array,), _ = read(getattr(sparse, kind)(values))
    assert sparse.issparse(array)
    assert array.format == "csr"
    assert array.dtype == np.float32
    (dense,) = as_dense([array])
    assert type(dense) is np.ndarray
    np.testing.assert_array_equal(dense, values)


@pytest.mark.parametrize(
    "X",
    [
        {"a": np.zeros((4, 3)), "b": np.arange(4)},
        Inputs(a=np.zeros((4, 3)), b=np.arange(4)),
        Inputs({"a": np.zeros((4, 3))}, b=pd.Series(np.arange(4))),
    ],
)
def test_named_inputs(X):
    arrays, y = read(X, [0, 1, 0, 1])
    assert names_of(X) == ("a", "b")
    assert [(a.shape, a.dtype.name) for a in arrays] == [
        ((4, 3), "float32"),
        ((4, 1), "int32"),
    ]
    np.testing.assert_array_equal(y, [0, 1, 0, 1])


@pytest.mark.parametrize("kind", [list, tuple])
def test_a_list_of_arrays_is_several_inputs(kind):
    X = kind([np.zeros((4, 3)), np.zeros((4, 2, 2))])
    assert names_of(X) == ("0", "1")
    arrays, _ = read(X)
    assert [array.shape for array in arrays] == [(4, 3), (4, 2, 2)]


@pytest.mark.parametrize(
    ("X", "shape"),
    [
        ([[1.0, 2.0], [3.0, 4.0]], (2, 2)),
        ([np.zeros(3), np.ones(3)], (2, 3)),
        ([np.zeros((2, 3))], (1, 2, 3)),
        (((1, 2), (3, 4)), (2, 2)),
    ],
)
def test_other_lists_are_one_input(X, shape):
    assert names_of(X) is None
    assert read_one(X).shape == shape


def test_a_list_of_images_is_told_how_to_be_one_input():
    images = [np.zeros((8, 8)) for _ in range(5)]
    with pytest.raises(ModelError, match=r"5 inputs of 8 samples .* pass np.stack"):
        read(images, np.arange(5))
    (array,), _ = read(np.stack(images), np.arange(5))
    assert array.shape == (5, 8, 8)


def test_several_inputs_forget_the_features_of_an_earlier_fit(named):
    estimator = Classifier()
    frame = pd.DataFrame({"a": [1.0, 2.0]})
    read(frame, [0, 1], estimator=estimator)
    read(named, np.arange(10), estimator=estimator)
    assert not hasattr(estimator, "n_features_in_")
    assert not hasattr(estimator, "feature_names_in_")


def test_y_is_checked_as_scikit_learn_does():
    X = np.zeros((3, 2))
    for given in (X, {"a": X}):
        assert read(given, ["b", "a", "b"])[1].tolist() == ["b", "a", "b"]
        assert read(given, [[1, 0]] * 3)[1].shape == (3, 2)
        assert sparse.issparse(read(given, sparse.eye(3, format="csr"))[1])
        as_objects = np.array([1, 2, 3], dtype=object)
        assert read(given, as_objects, estimator=Regressor())[1].dtype == np.float64
        with pytest.raises(ValueError, match="requires y to be passed"):
            read(given, None)
        with pytest.raises(ValueError, match="Input y contains NaN"):
            read(given, [0, np.nan, 1])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        read(X, [0, 1])


def test_y_may_be_none_where_no_target_is_required():
    X = np.zeros((3, 2))
    assert read(X, None, estimator=BaseEstimator())[1] is None


# -- What is refused --------------------------------------------------------------


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.array([[1.0], [np.nan]]), "contains NaN"),
        (np.array([[1.0], [np.inf]]), "contains infinity"),
        (np.array([[1.0], [1e300]]), r"too large for dtype\('float32'\)"),
        (sparse.csr_matrix([[1.0], [1e300]]), r"too large for dtype\('float32'\)"),
        (sparse.csr_matrix([[1.0], [np.nan]]), "contains NaN"),
        (np.array([["a"], ["b"]]), "arrays of bytes/strings"),
        (np.array([["a"], [1]], dtype=object), "could not convert string"),
        (pd.DataFrame({"a": ["x", "y"]}), "could not convert string"),
        (np.array([[1j], [2]]), "Complex data not supported"),
        (np.zeros((0, 2)), "0 sample"),
        (np.zeros((3, 0)), "0 feature"),
    ],
)
def test_bad_values(X, message):
    with pytest.raises(ValueError, match=message):
        read(X)
    if len(np.shape(X)) == 2 and np.shape(X)[1] and np.shape(X)[0]:
        with pytest.raises(ValueError, match=message):
            read({"good": np.zeros((2, 1)), "bad": X})


@pytest.mark.parametrize("X", [np.zeros(3), [1.0, 2.0], pd.Series([1, 2]), []])
def test_one_dimension_is_refused(X):
    with pytest.raises(ValueError, match=r"Expected (2D array|a 2-dim)"):
        read(X)


@pytest.mark.parametrize("X", [3.0, "text", None])
def test_what_is_no_array(X):
    with pytest.raises(ValueError, match=r"Expected 2D|dtype='numeric'|could not"):
        read(X)


def test_the_message_names_the_input():
    with pytest.raises(ValueError, match=r"Input X\['age'\] contains NaN"):
        read({"size": [[1.0]], "age": [[np.nan]]})


# -- Layouts ----------------------------------------------------------------------


def test_layout_of_one_input():
    layout = layout_of(*read(np.zeros((5, 8, 8)))[:1])
    assert layout == InputLayout(None, ((8, 8),), ("float32",), None)
    assert layout.input_shape == (8, 8)
    assert layout.input_dtype == "float32"


def test_layout_of_several(named):
    arrays, _ = read(named)
    layout = layout_of(arrays, names_of(named))
    assert layout.input_shape == {"image": (4, 2), "age": (1,)}
    assert layout.input_dtype == {"image": "float32", "age": "int32"}
    assert layout.n_tokens == 10


@pytest.mark.parametrize("X", [{"a": np.eye(3), "b": [[1], [2], [3]]}, np.eye(3)])
def test_layouts_go_through_json(X):
    layout = layout_of(read(X)[0], names_of(X))
    saved = json.loads(json.dumps(layout.to_json()))
    assert InputLayout.from_json(saved) == layout


def test_inputs_in_another_order_are_put_right(named):
    layout = layout_of(read(named)[0], names_of(named))
    other = dict(reversed(named.items()))
    image, age = layout.match(read(other)[0], names_of(other))
    assert image.shape == (10, 4, 2)
    assert age.shape == (10, 1)


def matched(fitted, given):
    layout = layout_of(read(fitted)[0], names_of(fitted))
    return layout.match(read(given)[0], names_of(given))


@pytest.mark.parametrize(
    ("fitted", "given", "dtype"),
    [
        (np.eye(2), np.eye(2, dtype=int), "float32"),
        (np.eye(2), sparse.eye(2), "float32"),
        (sparse.eye(2), np.eye(2, dtype=bool), "float32"),
        (np.eye(2, dtype=int), np.eye(2), "int32"),
        (np.eye(2, dtype=int), np.eye(2, dtype=bool), "int32"),
        (np.eye(2, dtype=int), sparse.eye(2), "int32"),
    ],
)
def test_types_of_the_fit_are_kept(fitted, given, dtype):
    (array,) = as_dense(matched(fitted, given))
    assert array.dtype == dtype
    np.testing.assert_array_equal(array, np.eye(2))


@pytest.mark.parametrize("given", [[[0.5]], [[2**40]], sparse.csr_matrix([[0.5]])])
def test_integers_must_stay_integers(given):
    with pytest.raises(ModelError, match="fitted on integers, but X has other"):
        matched(np.array([[1], [2]]), given)


@pytest.mark.parametrize(
    ("fitted", "given", "message"),
    [
        (np.zeros((2, 8, 8)), np.zeros((2, 8, 8, 1)), r"\(8, 8, 1\), but .* \(8, 8\)"),
        ({"a": [[1]]}, {"a": [[1, 2]]}, r"the input 'a' has samples of shape \(2,\)"),
        ({"a": [[1]]}, [[1]], "on the inputs 'a', got one X without a name"),
        ([[1]], {"a": [[1]]}, "on one X without a name, got the inputs 'a'"),
        ({"image": [[1]]}, {"imgae": [[1]]}, "'imgae'; did you mean 'image'"),
        ({"a": [[1]], "b": [[1]]}, {"a": [[1]]}, "the inputs 'a', 'b', got the"),
    ],
)
def test_another_layout_is_refused(fitted, given, message):
    with pytest.raises(ModelError, match=message):
        matched(fitted, given)
