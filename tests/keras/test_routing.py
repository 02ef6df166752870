"""Tests of `sktune.keras._routing`."""

from __future__ import annotations

import functools
import inspect

import pytest

keras = pytest.importorskip("keras")

from sktune.exceptions import ModelError  # noqa: E402
from sktune.keras._models import READY_MADE  # noqa: E402
from sktune.keras._routing import (  # noqa: E402
    accepts_any,
    check_routed,
    optimizer_parameters,
    parameters_of,
    wants_meta,
)

REQUIRED = inspect.Parameter.empty


def plain(meta, *, units=64, dropout=0.0): ...


def positional(units, meta, rate=0.1): ...


def without_meta(units=8): ...


def anything(meta, units=8, **kwargs): ...


def only_by_position(rate=0.5, /, *layers, units=8): ...


@functools.wraps(plain)
def wrapped(*args, **kwargs):
    return plain(*args, **kwargs)


class Net(keras.Model):
    def __init__(self, meta, units=8, **kwargs):
        super().__init__(**kwargs)


class Bare(keras.Model):
    pass


class Builder:
    def __call__(self, meta, depth=2): ...

    def build(self, meta, width=3): ...


@pytest.mark.parametrize(
    ("build", "parameters", "meta", "any_name"),
    [
        (plain, {"units": 64, "dropout": 0.0}, True, False),
        (positional, {"units": REQUIRED, "rate": 0.1}, True, False),
        (without_meta, {"units": 8}, False, False),
        (anything, {"units": 8}, True, True),
        (only_by_position, {"units": 8}, False, False),
        (wrapped, {"units": 64, "dropout": 0.0}, True, False),
        (lambda meta, n=1: None, {"n": 1}, True, False),
        (functools.partial(plain, units=2), {"units": 2, "dropout": 0.0}, True, False),
        (functools.partial(positional, 16), {"rate": 0.1}, True, False),
        (functools.partial(anything, meta=0), {"units": 8}, False, True),
        (Net, {"units": 8}, True, True),
        (Bare, {}, False, True),
        (Builder(), {"depth": 2}, True, False),
        (Builder().build, {"width": 3}, True, False),
    ],
)
def test_signatures(build, parameters, meta, any_name):
    assert parameters_of(build) == parameters
    assert wants_meta(build) is meta
    assert accepts_any(build) is any_name


@pytest.mark.parametrize("build", READY_MADE.values(), ids=READY_MADE)
def test_ready_made_models_take_all_by_name(build):
    parameters = parameters_of(build)
    assert parameters["units"] == 64
    assert REQUIRED not in parameters.values()
    assert wants_meta(build)
    assert not accepts_any(build)


@pytest.mark.parametrize("read", [parameters_of, accepts_any, wants_meta])
def test_no_signature(read):
    with pytest.raises(ModelError) as caught:
        read(dict)
    assert str(caught.value).startswith("the parameters of dict cannot be found: ")
    assert str(caught.value).endswith("wrap it in a function that names them")
    with pytest.raises(ModelError, match=r"the parameters of 3 cannot be found"):
        read(3)


def test_required_parameters_must_have_a_name():
    def build(meta, /, units=8): ...

    with pytest.raises(ModelError) as caught:
        wants_meta(build)
    assert str(caught.value) == (
        "parameter 'meta' of build cannot be given by name; move it behind the '/' of "
        "the signature, or give it a default"
    )


def test_known_parameters_pass():
    check_routed({"units": 3}, "model__", ["units", "dropout"], "Owner")
    check_routed({}, "model__", [], "Owner")
    check_routed({"whatever": 3}, "model__", None, "Owner")


@pytest.mark.parametrize(
    ("given", "known", "message"),
    [
        (
            {"unts": 3},
            {"units": 64, "dropout": 0.0},
            "KerasClassifier(model=build) has no parameter model__unts; did you mean "
            "model__units? Its parameters: model__units, model__dropout",
        ),
        (
            {"zzz": 3},
            ["units"],
            "KerasClassifier(model=build) has no parameter model__zzz. Its parameters: "
            "model__units",
        ),
        (
            {"units": 3},
            [],
            "KerasClassifier(model=build) has no parameter model__units. Its "
            "parameters: none",
        ),
        (
            {"unts": 3, "dropout": 0.1, "zzz": 1},
            ["units", "dropout"],
            "KerasClassifier(model=build) does not have 2 of the parameters given:\n"
            "- model__unts; did you mean model__units?\n"
            "- model__zzz.\n"
            "Its parameters: model__units, model__dropout",
        ),
    ],
)
def test_unknown_parameters_are_told_at_once(given, known, message):
    with pytest.raises(ModelError) as caught:
        check_routed(given, "model__", known, "KerasClassifier(model=build)")
    assert str(caught.value) == message
    assert isinstance(caught.value, ValueError)


def test_parameters_of_optimizers():
    assert optimizer_parameters(keras.optimizers.SGD) == {
        "momentum": 0.0,
        "nesterov": False,
    }
    assert set(optimizer_parameters(keras.optimizers.Adam)) == {
        "beta_1",
        "beta_2",
        "epsilon",
        "amsgrad",
    }


def test_parameters_of_an_own_optimizer():
    class Own(keras.optimizers.SGD):
        def __init__(self, learning_rate=0.1, *, cooling=0.5, clipnorm=None, **kwargs):
            super().__init__(learning_rate, clipnorm=clipnorm, **kwargs)

    class Inherited(Own):
        pass

    assert optimizer_parameters(Own) == {"cooling": 0.5}
    assert optimizer_parameters(Inherited) == {"cooling": 0.5}


@pytest.mark.parametrize(
    "name", ["Adadelta", "Adafactor", "Adagrad", "AdamW", "Adamax", "Ftrl"]
)
def test_what_all_optimizers_share_is_left_out(name):
    kind = getattr(keras.optimizers, name)
    own = optimizer_parameters(kind)
    assert own
    shared = optimizer_parameters(keras.optimizers.SGD).keys() | parameters_of(
        keras.optimizers.RMSprop
    ).keys() & parameters_of(keras.optimizers.Adagrad).keys() - {"epsilon"}
    assert own.keys().isdisjoint(shared)
