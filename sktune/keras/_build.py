"""From the parameters of an estimator to a model that can be trained."""

from __future__ import annotations

import contextlib
import difflib
import functools
import inspect
import random
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np

from ..exceptions import ModelError
from ._compiled import all_layers
from ._meta import ModelMeta
from ._models import READY_MADE
from ._objects import own_objects, with_own_objects
from ._routing import accepts_any, check_routed, parameters_of, wants_meta

__all__ = [
    "build_model",
    "builder_of",
    "builder_parameters",
    "metrics_of",
    "output_activation",
    "seeded",
]

# Keras draws default seeds from Python's global generator.
_seeding = threading.RLock()


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the global generators for a while; they go on as if nothing was drawn."""
    with _seeding:
        python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(legacy)  # noqa: NPY002


def _quick_random() -> contextlib.AbstractContextManager[Any]:
    """Draw weights by functions that compile fast.

    JAX compiles one for each shape of a weight. Its default kind, for arrays over
    several devices, takes up to five times as long to compile, 0.3 to 0.9 s.
    """
    if keras.backend.backend() == "jax":
        import jax

        if hasattr(jax, "threefry_partitionable"):
            return jax.threefry_partitionable(False)  # type: ignore[no-any-return]
    return contextlib.nullcontext()


# -- Builders --------------------------------------------------------------------


def builder_of(model: Any) -> Callable[..., Any]:
    """Return the function that builds a model.

    Parameters
    ----------
    model : str, callable or keras.Model
        The name of a ready-made model, a function, or a template.

    Returns
    -------
    callable

    Raises
    ------
    ModelError
        When it is none of these.
    """
    if isinstance(model, keras.Model):
        return functools.partial(_copy_of, model)
    if isinstance(model, str):
        if model in READY_MADE:
            return READY_MADE[model]
        close = difflib.get_close_matches(model, READY_MADE, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ModelError(
            f"model must be one of {sorted(READY_MADE)}, a function that returns a "
            f"keras.Model, or a keras.Model, got {model!r}{hint}"
        )
    if callable(model):
        return model  # type: ignore[no-any-return]
    raise ModelError(
        f"model must be one of {sorted(READY_MADE)}, a function that returns a "
        f"keras.Model, or a keras.Model, got {model!r}"
    )


def _copy_of(template: Any, /) -> Any:
    """Return a copy with fresh weights, compiled as the template is."""
    for layer in all_layers(template):
        if isinstance(layer, keras.layers.Lambda):
            raise ModelError(
                f"the template model has a Lambda layer, {layer.name!r}: a copy of it "
                "would need the code of its function; pass a function that builds the "
                "model instead"
            )
    copy = with_own_objects(
        own_objects(template), keras.models.clone_model, (template,)
    )
    if template.compiled:
        copy.compile(template.optimizer, template.loss, metrics=metrics_of(template))
    return copy


def builder_parameters(model: Any) -> dict[str, Any] | None:
    """Return names and defaults of ``model__*``; None when any name will do."""
    build = builder_of(model)
    return None if accepts_any(build) else parameters_of(build)


def build_model(
    model: Any, meta: ModelMeta, routed: Mapping[str, Any], *, seed: int, owner: str
) -> Any:
    """Build a model for the data.

    Parameters
    ----------
    model : str, callable or keras.Model
        As `builder_of` takes it.
    meta : ModelMeta
        What the builder may ask for.
    routed : mapping of str to object
        Its parameters.
    seed : int
        Of the weights and of dropout.
    owner : str
        Name of the estimator, for messages.

    Returns
    -------
    keras.Model

    Raises
    ------
    ModelError
        When a parameter is unknown or missing, or the builder returns something
        else than a model with known shapes.
    """
    build = builder_of(model)
    known = builder_parameters(model)
    name = model if isinstance(model, str) else getattr(model, "__name__", None)
    owner = f"{owner}(model={name or type(model).__name__})"
    check_routed(routed, "model__", known, owner)
    missing = [
        f"model__{name}"
        for name, default in (known or {}).items()
        if default is inspect.Parameter.empty and name not in routed
    ]
    if missing:
        raise ModelError(f"{owner} needs a value for {', '.join(missing)}")
    given = dict(routed)
    if wants_meta(build):
        given["meta"] = meta
    with seeded(seed), _quick_random():
        built = build(**given)
        return _checked_model(built, meta, owner)


def _checked_model(built: Any, meta: ModelMeta, owner: str) -> Any:
    if not isinstance(built, keras.Model):
        raise ModelError(
            f"{owner}: the function must return a keras.Model, got {built!r}"
        )
    if isinstance(built, keras.Sequential):
        if not built.built:
            built.build((None, *_one_shape(meta, owner)))
    elif not hasattr(built, "operations"):
        built = _functional(built, meta, owner)
    return built


def _one_shape(meta: ModelMeta, owner: str) -> tuple[int, ...]:
    if isinstance(meta.input_shape, dict):
        raise ModelError(
            f"{owner}: a sequential model takes one input, X has {meta.input_shape}"
        )
    return meta.input_shape


def _functional(subclassed: Any, meta: ModelMeta, owner: str) -> Any:
    """Return a functional model around one of the user's class.

    Raises
    ------
    ModelError
        When that class trains in a way of its own, which would be lost.
    """
    own = {name for cls in type(subclassed).__mro__ for name in _written(cls)}
    if "train_step" in own or "compute_loss" in own:
        raise ModelError(
            f"{owner}: {type(subclassed).__name__} has a training step of its own; "
            "that works in a functional model only (class ...(keras.Model) with "
            "inputs and outputs given to super().__init__)"
        )
    shapes, types = meta.input_shape, meta.input_dtype
    if isinstance(shapes, dict) and isinstance(types, dict):
        inputs: Any = {
            n: keras.Input(shapes[n], name=n, dtype=types[n]) for n in shapes
        }
    else:
        inputs = keras.Input(shapes, dtype=types)
    model = keras.Model(inputs, subclassed(inputs))
    if subclassed.compiled:
        metrics = metrics_of(subclassed)
        model.compile(subclassed.optimizer, subclassed.loss, metrics=metrics)
    return model


def _written(cls: type) -> list[str]:
    return [] if cls.__module__.startswith("keras.") else list(vars(cls))


# -- What a built model tells ------------------------------------------------------


def output_activation(model: Any) -> str:
    """Return ``"sigmoid"``, ``"softmax"`` or ``"linear"``, by the last layer.

    Any other activation is taken for one that yields probabilities.
    """
    last = model.layers[-1]
    while getattr(last, "layers", None):
        last = last.layers[-1]
    if isinstance(last, keras.layers.Softmax):
        return "softmax"
    activation = getattr(last, "activation", None)
    name = getattr(activation, "__name__", "linear")
    if name == "linear":
        return "linear"
    return "sigmoid" if name in ("sigmoid", "hard_sigmoid") else "softmax"


def metrics_of(model: Any) -> Any:
    """Return the metrics that a builder compiled its model with, None without any.

    Raises
    ------
    ModelError
        When Keras cannot tell which functions they were.
    """
    if not model.compiled:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of lambdas, which are not run
        config = (model.get_compile_config() or {}).get("metrics")
    try:
        return keras.saving.deserialize_keras_object(config)
    except (TypeError, ValueError) as error:
        raise ModelError(
            "the model was compiled with metrics of your own, and Keras does not give "
            "them back; pass them as the estimator's `metrics`"
        ) from error
