"""Training state as bytes."""

from __future__ import annotations

import hashlib
import json
import math
import pickle
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

keras = pytest.importorskip("keras")

from sktune.exceptions import CheckpointError, SktuneError  # noqa: E402
from sktune.keras._state import pack, unpack  # noqa: E402

PREFIX = 8 + 4 + 32  # magic word, version, checksum


def assert_same(left, right):
    assert left.dtype == right.dtype
    assert left.shape == right.shape
    assert left.tobytes() == right.tobytes()


def forged(header, data=b"", *, size=None, version=1):
    """A state with a right checksum around any content."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    payload = struct.pack("<Q", len(text) if size is None else size) + text + data
    digest = hashlib.sha256(payload).digest()
    return b"sktune\x1a\n" + struct.pack("<I", version) + digest + payload


def entry(dtype="float32", shape=(2,), name="w"):
    return {"name": name, "dtype": dtype, "shape": list(shape)}


# -- What comes back --------------------------------------------------------------


@pytest.mark.parametrize(
    "array",
    [
        np.float32(1.5),
        np.array(7),
        np.array([True, False]),
        np.zeros((0, 3)),
        np.zeros((3, 0), np.int8),
        np.array([np.nan, -np.nan, np.inf, -0.0]),
        np.array([2**64 - 1], np.uint64),
        np.array([[1 + 2j]], np.complex64),
        np.arange(6, dtype=np.float16).reshape(1, 2, 3),
    ],
    ids=repr,
)
def test_arrays_come_back_bit_for_bit(array):
    _, arrays = unpack(pack({}, {"w": array}))
    assert_same(arrays["w"], np.asarray(array))
    assert arrays["w"].flags.writeable
    assert arrays["w"].flags.aligned


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        st.one_of(hnp.boolean_dtypes(), hnp.integer_dtypes(), hnp.floating_dtypes()),
        hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    )
)
def test_any_array_of_any_byte_order(array):
    _, arrays = unpack(pack({}, {"before": np.int8(1), "w": array}))
    assert_same(arrays["w"], array.astype(array.dtype.newbyteorder("=")))


@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_small_floats_of_accelerators(name):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    array = np.arange(4).astype(getattr(ml_dtypes, name)).reshape(2, 2)
    _, arrays = unpack(pack({}, {"odd": np.int8(1), "w": array}))
    assert_same(arrays["w"], array)


def test_arrays_that_are_no_plain_ones():
    square = np.arange(16.0).reshape(4, 4)
    views = {"t": square.T, "step": square[::2, 1::2], "back": square[::-1]}
    _, arrays = unpack(pack({}, views))
    for name, view in views.items():
        np.testing.assert_array_equal(arrays[name], view)
    square.flags.writeable = False
    unpack(pack({}, {"w": square}))[1]["w"][0, 0] = 1.0


def test_meta_data_and_order():
    meta = {"z": [1, None, True], "a": {"é": 1e-308}, "n": 2**70, "s": "\ud800 \x00"}
    arrays = {name: np.int32(i) for i, name in enumerate(["b", "a", "10", "9", ""])}
    meta_back, arrays_back = unpack(pack(meta, arrays))
    assert meta_back == meta
    assert list(meta_back) == list(meta)
    assert list(arrays_back) == list(arrays)


def test_a_loss_that_is_not_finite_can_be_kept():
    meta, _ = unpack(pack({"loss": [math.nan, math.inf]}, {}))
    assert math.isnan(meta["loss"][0])
    assert meta["loss"][1] == math.inf


def test_nothing_at_all():
    assert unpack(pack({}, {})) == ({}, {})


def test_equal_input_gives_equal_bytes():
    w = np.arange(6.0).reshape(2, 3)
    expected = pack({"epoch": 1}, {"w": w})
    assert pack({"epoch": 1}, {"w": np.asfortranarray(w)}) == expected
    assert pack({"epoch": 1}, {"w": w.astype(">f8")}) == expected
    assert pack({"epoch": 2}, {"w": w}) != expected


def test_other_bytes_likes_are_read():
    data = pack({"epoch": 1}, {"w": np.ones(3)})
    for kind in (bytearray, memoryview):
        meta, arrays = unpack(kind(data))
        assert meta == {"epoch": 1}
        np.testing.assert_array_equal(arrays["w"], np.ones(3))


# -- What is refused --------------------------------------------------------------


@pytest.mark.parametrize(
    "array",
    [
        np.array([object()]),
        np.array(["a"]),
        np.array([b"a"]),
        np.array(["2020-01-01"], "datetime64[D]"),
        np.zeros(2, [("a", "f4")]),
        np.zeros(2, np.longdouble),
        None,
    ],
    ids=lambda array: str(getattr(array, "dtype", array)),
)
def test_what_numbers_cannot_hold_is_not_written(array):
    with pytest.raises(CheckpointError, match="the array 'w' of dtype"):
        pack({}, {"w": array})


@pytest.mark.parametrize("value", [len, np.float32(1), {1, 2}, b"x", np.ones(2)])
def test_what_json_cannot_hold_is_not_written(value):
    with pytest.raises(CheckpointError, match="what JSON cannot"):
        pack({"config": [value]}, {})


def test_damage_at_every_byte_is_seen():
    data = pack({"epoch": 3}, {"w": np.arange(3, dtype=np.float32), "b": np.int8(1)})
    for position in range(len(data)):
        for flip in (0x01, 0x80, 0xFF):
            damaged = bytearray(data)
            damaged[position] ^= flip
            with pytest.raises(CheckpointError):
                unpack(bytes(damaged))


def test_every_shortened_or_lengthened_state_is_seen():
    data = pack({"epoch": 3}, {"w": np.arange(3, dtype=np.float32)})
    for size in range(len(data)):
        with pytest.raises(CheckpointError):
            unpack(data[:size])
    with pytest.raises(CheckpointError, match="damaged"):
        unpack(data + b"\x00")


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_do_harm(content):
    for data in (content, forged(content), forged(content, size=2**64 - 1)):
        with pytest.raises(CheckpointError):
            unpack(data)


@pytest.mark.parametrize(
    ("header", "data", "message"),
    [
        ([], b"", "cannot be read"),
        ({"meta": {}}, b"", "arrays"),
        ({"meta": [], "arrays": []}, b"", "malformed"),
        ({"meta": {}, "arrays": 3}, b"", "cannot be read"),
        ({"meta": {}, "arrays": [{}]}, b"", "name"),
        ({"meta": {}, "arrays": [entry("object")]}, bytes(16), "no dtype"),
        ({"meta": {}, "arrays": [entry("O")]}, bytes(16), "no dtype"),
        ({"meta": {}, "arrays": [entry("U4")]}, bytes(32), "no dtype"),
        ({"meta": {}, "arrays": [entry("float8_none")]}, bytes(2), "no dtype"),
        ({"meta": {}, "arrays": [entry(3)]}, bytes(8), "cannot be read"),
        ({"meta": {}, "arrays": [entry(shape=(-1,))]}, bytes(8), "no shape"),
        ({"meta": {}, "arrays": [entry(shape=(2.0,))]}, bytes(8), "no shape"),
        ({"meta": {}, "arrays": [entry(shape=(True,))]}, bytes(4), "no shape"),
        ({"meta": {}, "arrays": [entry(shape=(2**62,))]}, bytes(8), "longer"),
        ({"meta": {}, "arrays": [entry(shape=(2**80, 0))]}, b"", "cannot be read"),
        ({"meta": {}, "arrays": [entry(shape=[1] * 99)]}, bytes(4), "cannot be read"),
        ({"meta": {}, "arrays": [entry(), entry()]}, bytes(16), "one array"),
        ({"meta": {}, "arrays": [entry(name=1)]}, bytes(8), "one array"),
        ({"meta": {}, "arrays": [entry()]}, bytes(7), "longer"),
        ({"meta": {}, "arrays": [entry()]}, bytes(9), "1 bytes belong to no"),
        (b"[" * 100_000, b"", "cannot be read"),
        (b"\xff\xfe", b"", "cannot be read"),
    ],
)
def test_a_forged_header_is_refused(header, data, message):
    with pytest.raises(CheckpointError, match=message):
        unpack(forged(header, data))


def test_a_header_that_reaches_beyond_the_end():
    with pytest.raises(CheckpointError, match="malformed"):
        unpack(forged({"meta": {}, "arrays": []}, size=1000))


def test_a_newer_version_says_so():
    with pytest.raises(CheckpointError, match="has version 2, and this sktune reads"):
        unpack(forged({"meta": {}, "arrays": []}, version=2))


def test_a_pickle_is_not_loaded():
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was loaded",))

    with pytest.raises(CheckpointError, match="no state of a training"):
        unpack(pickle.dumps(Bomb()) + bytes(PREFIX))


@pytest.mark.parametrize("data", ["text", None, 3, [1]])
def test_what_is_no_bytes(data):
    with pytest.raises(CheckpointError, match="a state is bytes, got"):
        unpack(data)


def test_users_can_catch_it_as_a_value_error():
    with pytest.raises(ValueError, match="at least 44 bytes, got 0") as caught:
        unpack(b"")
    assert isinstance(caught.value, SktuneError)
