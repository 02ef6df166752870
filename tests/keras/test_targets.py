"""Targets, and what the outputs of a network mean."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse
from sklearn.exceptions import DataConversionWarning

keras = pytest.importorskip("keras")

from sktune.exceptions import ModelError  # noqa: E402
from sktune.keras._targets import ClassTarget, RegressionTarget  # noqa: E402

LABELS = [[1, 0, 1], [0, 0, 1], [1, 1, 0]]


def classes(*labels):
    return ClassTarget().fit(list(labels))


def through_json(target):
    return type(target).from_json(json.loads(json.dumps(target.to_json())))


# -- Classes: fit and encode ------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "expected", "codes"),
    [
        ([1, 0, 1], [0, 1], [1, 0, 1]),
        ([-1, 1, 1], [-1, 1], [0, 1, 1]),
        ([5.0, 3.0, 5.0], [3.0, 5.0], [1, 0, 1]),
        ([True, False, True], [False, True], [1, 0, 1]),
        (["b", "a", "b"], ["a", "b"], [1, 0, 1]),
        (np.array(["b", "a", "b"], dtype=object), ["a", "b"], [1, 0, 1]),
        (np.array([2**62, 1, 1]), [1, 2**62], [1, 0, 0]),
        (np.array([2**64 - 1, 1, 1], np.uint64), [1, 2**64 - 1], [1, 0, 0]),
        (np.float32([1, 2, 3]), [1, 2, 3], [0, 1, 2]),
        (pd.Series(["x", "y", "z"], dtype="category"), ["x", "y", "z"], [0, 1, 2]),
        (pd.Series([1, 2, 1], dtype="Int64"), [1, 2], [0, 1, 0]),
        (pd.Series([True, False], dtype="boolean"), [False, True], [1, 0]),
        (pl.Series(["x", "y", "x"]), ["x", "y"], [0, 1, 0]),
    ],
)
def test_labels_of_any_kind(y, expected, codes):
    target = ClassTarget().fit(y)
    assert target.classes_.tolist() == expected
    assert target.n_classes == len(expected)
    if len(expected) == 2:
        told = target.target_type, target.n_outputs, target.output_activation
        assert told == ("binary", 1, "sigmoid")
    else:
        told = target.target_type, target.n_outputs, target.output_activation
        assert told == ("multiclass", 3, "softmax")
    encoded = target.encode(y)
    assert encoded.dtype == np.int32
    np.testing.assert_array_equal(encoded, codes)
    back = target.decode(np.eye(len(expected))[codes])
    assert back.dtype == target.classes_.dtype
    assert back.tolist() == np.asarray(y).tolist()


@pytest.mark.parametrize(
    "y",
    [LABELS, np.array(LABELS, bool), np.float64(LABELS), sparse.csr_matrix(LABELS)],
)
def test_several_labels(y):
    target = ClassTarget().fit(y)
    assert target.target_type == "multilabel-indicator"
    assert target.output_activation == "sigmoid"
    assert target.n_outputs == target.n_classes == 3
    assert target.classes_.tolist() == [0, 1, 2]
    encoded = target.encode(y)
    assert encoded.dtype == np.float32
    np.testing.assert_array_equal(encoded, LABELS)
    decoded = target.decode(np.where(LABELS, 0.51, 0.5))
    assert decoded.dtype == np.int64
    np.testing.assert_array_equal(decoded, LABELS)


@pytest.mark.parametrize("y", [[0, 1, 1], ["a", "b", "c"]])
def test_a_column_is_read_with_a_warning(y):
    column = np.array(y)[:, np.newaxis]
    with pytest.warns(DataConversionWarning, match="column-vector y was passed"):
        target = ClassTarget().fit(column)
    np.testing.assert_array_equal(target.encode(column), target.encode(y))


def test_all_classes_may_be_told():
    target = ClassTarget().fit([2, 2], classes=[3, 1, 2, 2])
    assert target.classes_.tolist() == [1, 2, 3]
    assert target.encode([2, 1]).tolist() == [1, 0]
    assert ClassTarget().fit(["a"], classes=["b", "a"]).target_type == "binary"
    assert ClassTarget().fit(LABELS, classes=[0, 1, 2]).n_classes == 3


def test_part_of_the_data_may_have_many_of_the_classes():
    with warnings.catch_warnings():
        # From 1.7, scikit-learn asks whether such a y is no regression target.
        warnings.simplefilter("error")
        ClassTarget().fit(np.arange(30), classes=np.arange(40))


@pytest.mark.parametrize(
    ("y", "options", "message"),
    [
        ([1, 1], {}, r"at least 2 classes, but there is only one class: \[1\]"),
        (["a"], {}, "only one class"),
        ([1], {"classes": [1, 1]}, "only one class"),
        ([], {}, "0 sample"),
        ([0.5, 1.5, 0.1], {}, "Unknown label type: continuous"),
        ([0.5, 1.5], {"classes": [0, 1]}, "Unknown label type: continuous"),
        ([[0.5, 1.0], [1.5, 2.0]], {}, "Unknown label type: continuous-multioutput"),
        ([[1, 2], [3, 1]], {}, "MultiOutputClassifier"),
        ([["a", "b"], ["c", "a"]], {}, "MultiOutputClassifier"),
        ([[3, 3], [3, 3]], {}, r"labels must be 0 or 1, got \[3\]"),
        ([[-1, 1], [1, -1]], {}, r"labels must be 0 or 1, got \[-1, 1\]"),
        (LABELS, {"classes": [0, 1]}, "3 labels, but classes has 2"),
        (np.zeros((2, 2, 2)), {}, "dim 3"),
        ([1.0, np.nan], {}, "y contains NaN"),
        (np.array(["a", np.nan], dtype=object), {}, "Input contains NaN"),
        (np.array(["a", None], dtype=object), {}, "numbers, got NoneType, str"),
        (np.array(["a", 1], dtype=object), {}, "numbers, got int, str"),
        (np.array([1, 2], dtype=object), {}, "Unknown label type: unknown"),
        ([1j, 2j], {}, "Complex data not supported"),
        (np.array(["2020", "2021"], "datetime64[Y]"), {}, "got datetime64"),
        ([1, 4], {"classes": [1, 2]}, r"did not see: \[4\]; the classes are \[1, 2\]"),
    ],
)
def test_a_target_that_is_none(y, options, message):
    with pytest.raises(ValueError, match=message):
        ClassTarget().fit(y, **options)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a", "d", "e"], r"did not see: \['d', 'e'\]; the classes are \['a', 'b'\]"),
        ([1, 2], r"did not see: \[1, 2\]"),
        (["A"], "did not see"),
        ([["a", "b"]], "y has 2 columns, but that of fit had 1"),
    ],
)
def test_unseen_labels_are_named(y, message):
    target = classes("a", "b")
    with pytest.raises(ModelError, match=message):
        target.encode(y)


def test_a_message_names_few_of_many_labels():
    target = classes(*"abc")
    with pytest.raises(ModelError, match=r"'l', 'm', \.\.\.\]; the classes"):
        target.encode(list("defghijklmnopqrstuvwxyz"))


def test_equal_labels_of_another_type_are_the_same():
    assert classes(0, 1, 2).encode([2.0, 1.0]).tolist() == [2, 1]
    assert classes(0, 1).encode([True, False]).tolist() == [1, 0]


def test_other_columns_of_labels():
    target = ClassTarget().fit(LABELS)
    with pytest.raises(ModelError, match="y has 2 columns, but that of fit had 3"):
        target.encode([[1, 0]])


# -- Classes: what outputs mean ---------------------------------------------------


def test_one_unit_and_two_say_the_same():
    target = classes("no", "yes")
    one = target.probabilities(np.float32([[0.1], [0.9]]), "sigmoid")
    two = target.probabilities(np.float32([[0.9, 0.1], [0.1, 0.9]]), "softmax")
    np.testing.assert_allclose(one, two, atol=1e-7)
    logits = np.float32([-3.0, 0.5])
    one = target.probabilities(logits, "linear")
    two = target.probabilities(np.c_[[0, 0], logits], "linear")
    np.testing.assert_allclose(one, two)
    np.testing.assert_allclose(target.decision(logits, "linear"), logits)
    assert target.decode(one).tolist() == ["no", "yes"]
    assert target.decode([[0.2], [0.7]]).tolist() == ["no", "yes"]


def test_logits_of_several_classes():
    target = classes(*"abc")
    logits = np.array([[1.0, 2.0, 3.0], [900.0, -900.0, 0.0]])
    p = target.probabilities(logits, "linear")
    np.testing.assert_allclose(p[0], np.exp([1, 2, 3]) / np.exp([1, 2, 3]).sum())
    np.testing.assert_array_equal(p[1], [1, 0, 0])
    assert target.decode(p).tolist() == ["c", "a"]
    assert np.isfinite(target.decision(logits, "linear")).all()


def test_labels_are_independent():
    target = ClassTarget().fit(LABELS)
    outputs = np.float32([[0.0, 0.5, 1.0]])
    np.testing.assert_array_equal(target.probabilities(outputs, "sigmoid"), outputs)
    assert target.decode(outputs).tolist() == [[0, 0, 1]]
    scores = target.decision(outputs, "sigmoid")
    assert scores[0, 0] < scores[0, 1] == 0 < scores[0, 2] < np.inf
    logits = np.float32([[-50.0, 0.0, 50.0]])
    np.testing.assert_allclose(target.decision(logits, "linear"), logits)


def test_sigmoids_of_several_classes_are_normalised():
    p = classes(*"abc").probabilities([[0.9, 0.9, 0.0], [0.0, 0.0, 0.0]], "sigmoid")
    np.testing.assert_allclose(p, [[0.5, 0.5, 0.0], [1 / 3, 1 / 3, 1 / 3]])


TARGETS = {1: classes("a", "b"), 2: classes("a", "b"), 3: classes(*"abc")}


@settings(max_examples=200, deadline=None)
@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 5), st.integers(1, 3)),
        elements=st.floats(-(2.0**80), 2.0**80, width=32)
        | st.floats(-30, 30, width=32, allow_subnormal=False),
    ),
    st.sampled_from(["linear", "sigmoid", "softmax"]),
)
def test_probabilities_decisions_and_predictions_agree(logits, activation):
    target = TARGETS[logits.shape[1]]
    outputs = logits
    if activation != "linear":
        with np.errstate(over="ignore"):
            outputs = 1 / (1 + np.exp(-logits))
    p = target.probabilities(outputs, activation)
    assert p.dtype == np.float64
    assert p.shape == (len(logits), target.n_classes)
    assert ((p >= 0) & (p <= 1)).all()
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=0, atol=3e-16)
    scores = target.decision(outputs, activation)
    assert np.isfinite(scores).all()
    predicted = target.decode(p).tolist()
    if target.target_type == "binary":
        assert scores.shape == (len(logits),)
        assert target.classes_[(scores > 0).astype(int)].tolist() == predicted
    else:
        assert target.classes_[scores.argmax(axis=1)].tolist() == predicted


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_outputs_in_half_precision(dtype):
    pytest.importorskip("ml_dtypes")
    outputs = np.float32([[0.3, 0.3, 0.4]]).astype(np.dtype(dtype))
    p = classes(*"abc").probabilities(outputs, "softmax")
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-15)


@pytest.mark.parametrize(
    ("outputs", "activation", "message"),
    [
        ([[0.1, 0.2]], "softmax", "2 outputs, but y has 3 classes; .* 3 units"),
        ([[0.1]], "softmax", "1 outputs, but y has 3 classes"),
        ([[[0.1, 0.2, 0.7]]], "softmax", r"have shape \(1, 1, 3\); end it with"),
        ([[-0.5, 0.2, 3.0]], "relu", "reach from -0.5 to 3; end the model with 'soft"),
        ([[np.nan, 0.2, 0.8]], "softmax", "training diverged; lower the learning rate"),
        ([[np.inf, 0.2, 0.8]], "linear", "training diverged"),
    ],
)
def test_outputs_that_mean_nothing(outputs, activation, message):
    target = classes(*"abc")
    for read in (target.probabilities, target.decision):
        with pytest.raises(ModelError, match=message):
            read(outputs, activation)


def test_no_samples_have_no_outputs():
    p = classes("a", "b").probabilities(np.zeros((0, 1)), "sigmoid")
    assert p.shape == (0, 2)


# -- Regression -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "dtype"),
    [
        ([0.5, 1.5], "float64"),
        ([1, 2], "float64"),
        ([True, False], "float64"),
        (np.float32([0.5, 1.5]), "float32"),
        (np.float16([0.5, 1.5]), "float32"),
        (np.array([1, 2.5], dtype=object), "float64"),
        (pd.Series([1, 2], dtype="Int64"), "float64"),
        (pl.Series([0.5, 1.5]), "float64"),
        (np.array([2**60, 1]), "float64"),
    ],
)
def test_one_number_a_sample(y, dtype):
    target = RegressionTarget().fit(y)
    assert (target.target_type, target.n_outputs) == ("continuous", 1)
    assert (target.output_activation, target.n_classes) == ("linear", None)
    encoded = target.encode(y)
    assert encoded.dtype == np.float32
    assert encoded.shape == (2, 1)
    decoded = target.decode(encoded)
    assert decoded.dtype == dtype
    np.testing.assert_allclose(decoded, np.asarray(y, dtype="float64"), rtol=1e-6)


def test_several_numbers_a_sample():
    y = pd.DataFrame({"a": [0.5, 1.5, 2.5], "b": [1.0, 2.0, 3.0]})
    target = RegressionTarget().fit(y)
    assert (target.target_type, target.n_outputs) == ("continuous-multioutput", 2)
    np.testing.assert_array_equal(target.decode(target.encode(y)), y)


def test_one_column_is_read_with_a_warning():
    column = [[0.5], [1.5]]
    with pytest.warns(DataConversionWarning, match="column-vector y was passed"):
        target = RegressionTarget().fit(column)
    assert target.decode(target.encode(column)).shape == (2,)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([np.nan, 1.0], "y contains NaN"),
        ([np.inf, 1.0], "y contains infinity"),
        ([1e300, 1.0], "reaches from 1 to 1e[+]300, more than float32"),
        (["a", "b"], "arrays of bytes/strings"),
        (np.array(["a", 1], dtype=object), "could not convert string"),
        ([1j], "Complex data not supported"),
        ([], "0 sample"),
        (np.zeros((2, 0)), "0 feature"),
        (np.zeros((2, 2, 2)), "dim 3"),
    ],
)
def test_numbers_that_are_none(y, message):
    with pytest.raises(ValueError, match=message):
        RegressionTarget().fit(y)


def test_outputs_that_are_no_predictions():
    target = RegressionTarget().fit([[1.0, 2.0], [3.0, 4.5]])
    with pytest.raises(ModelError, match="3 outputs, but y has 2 columns"):
        target.decode(np.zeros((4, 3)))
    with pytest.raises(ModelError, match="training diverged"):
        target.decode([[np.nan, 0.0]])
    with pytest.raises(ModelError, match="y has 1 columns, but that of fit had 2"):
        target.encode([1.0, 2.0])


# -- Losses -----------------------------------------------------------------------


@pytest.mark.parametrize("logits", [False, True])
@pytest.mark.parametrize(
    ("y", "n_outputs", "loss"),
    [
        (["a", "b"], 1, "BinaryCrossentropy"),
        (["a", "b"], 2, "SparseCategoricalCrossentropy"),
        (["a", "b", "c"], 3, "SparseCategoricalCrossentropy"),
        (LABELS, 3, "BinaryCrossentropy"),
    ],
)
def test_losses_of_classes(y, n_outputs, loss, logits):
    target = ClassTarget().fit(y)
    found = target.default_loss(n_outputs, logits)
    assert type(found) is getattr(keras.losses, loss)
    # It is the mean of what probabilities() says of the right answers.
    encoded = target.encode(y)
    outputs = np.linspace(0.1, 0.9, len(y) * n_outputs, dtype="float32")
    outputs = outputs.reshape(len(y), n_outputs)
    if not logits and loss.startswith("Sparse"):
        outputs /= outputs.sum(axis=1, keepdims=True)
    p = target.probabilities(outputs, "linear" if logits else target.output_activation)
    if target.target_type == "multilabel-indicator":
        right = np.where(encoded, p, 1 - p)
    else:
        right = p[np.arange(len(y)), encoded]
    value = float(keras.ops.convert_to_numpy(found(encoded, outputs)))
    assert value == pytest.approx(-np.log(right).mean(), rel=1e-5)


def test_loss_of_numbers():
    target = RegressionTarget().fit([1.0, 2.0])
    loss = target.default_loss(1, logits=True)
    assert isinstance(loss, keras.losses.MeanSquaredError)
    with pytest.raises(ModelError, match="2 outputs, but y has 1 columns"):
        target.default_loss(2, logits=True)


@pytest.mark.parametrize(("y", "units"), [(["a", "b"], "1 or 2"), (LABELS, "3")])
def test_a_model_of_another_size_has_no_loss(y, units):
    with pytest.raises(ModelError, match=f"7 outputs, but .* {units} units"):
        ClassTarget().fit(y).default_loss(7, logits=False)


# -- What is saved ----------------------------------------------------------------


@pytest.mark.parametrize(
    "y",
    [
        [1, 2**62],
        np.array([1, 2**64 - 1], np.uint64),
        np.int8([-1, 1]),
        np.float32([1, 1e15]),
        [True, False],
        ["é", "\x00b", ""],
        np.array(["a", "bc"], dtype=object),
        LABELS,
    ],
    ids=repr,
)
def test_classes_go_through_json(y):
    target = ClassTarget().fit(y)
    back = through_json(target)
    assert back.target_type == target.target_type
    assert back.classes_.dtype == target.classes_.dtype
    np.testing.assert_array_equal(back.classes_, target.classes_)
    np.testing.assert_array_equal(back.encode(y), target.encode(y))


@pytest.mark.parametrize("y", [np.float32([1, 2]), [[1.0, 2.0], [3.0, 4.0]]])
def test_numbers_go_through_json(y):
    target = RegressionTarget().fit(y)
    back = through_json(target)
    assert vars(back) == vars(target)
    assert back.decode(back.encode(y)).dtype == target.decode(target.encode(y)).dtype
