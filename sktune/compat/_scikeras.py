"""What scikeras makes of its arguments: objects from classes, builders, metadata."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from ..exceptions import ModelError
from ..keras import ModelMeta

__all__ = [
    "SPECIAL",
    "Adapted",
    "CopyOf",
    "assemble",
    "compile_arguments",
    "data_facts",
    "optimizer_class",
    "read_callbacks",
    "routed_to",
]

#: Arguments of a builder that are no parameters of the model.
SPECIAL = ("meta", "compile_kwargs", "params")

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


# -- Classes and their arguments ---------------------------------------------------


def routed_to(params: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Return the parameters of one owner, without the prefix."""
    prefix = f"{owner}__"
    return {
        n.removeprefix(prefix): v for n, v in params.items() if n.startswith(prefix)
    }


def assemble(
    item: Any, params: Mapping[str, Any], shared: Mapping[str, Any] | None = None
) -> Any:
    """Make objects of the classes in a structure.

    Parameters
    ----------
    item : object
        A class, something else, or a list, tuple or dict of these.
    params : mapping of str to object
        Arguments of the classes. ``"0__name"`` or ``"key__name"`` is one of the
        item at that place, ``"name"`` one of all of them; a number stands for an
        argument that has no name.
    shared : mapping of str to object, default=None
        Arguments that the structure around has for all its items.

    Returns
    -------
    object
        The same structure with an instance for each class.

    Raises
    ------
    ModelError
        When a class refuses its arguments, or something that is no class has
        any.
    """
    own = {name: value for name, value in params.items() if "__" not in name}
    if isinstance(item, Mapping):
        return {k: assemble(v, routed_to(params, str(k)), own) for k, v in item.items()}
    if isinstance(item, (list, tuple)):
        return [assemble(v, routed_to(params, str(i)), own) for i, v in enumerate(item)]
    given = {**(shared or {}), **own}
    if not inspect.isclass(item):
        if given:
            raise ModelError(
                f"{item!r} is no class and takes no arguments, got {given}; give the "
                "class instead"
            )
        return item
    named = {n: assemble(v, routed_to(params, n)) for n, v in given.items()}
    numbers = sorted((n for n in named if n.isdigit()), key=int)
    unnamed = [named.pop(number) for number in numbers]
    try:
        return item(*unnamed, **named)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{item.__name__} refuses {given}: {error}") from error


def optimizer_class(optimizer: Any) -> Any:
    """Return the class of an optimizer that has a name; others as they are."""
    if isinstance(optimizer, str):
        return type(keras.optimizers.get(optimizer))
    return optimizer


def read_optimizer(params: Mapping[str, Any]) -> Any:
    """Return a new optimizer from the parameters of an estimator."""
    item = optimizer_class(params["optimizer"])
    return assemble(item, routed_to(params, "optimizer"))


def read_loss(params: Mapping[str, Any]) -> Any:
    """Return the one loss that the parameters of an estimator name, or None."""
    loss, routed = params["loss"], routed_to(params, "loss")
    if isinstance(loss, str) and routed:
        loss = type(keras.losses.get(loss))
    losses = _flat(assemble(loss, routed))
    if len(losses) > 1:
        raise ModelError(
            f"a model must have one output, and one loss; got {len(losses)} losses"
        )
    return losses[0] if losses else None


def read_metrics(params: Mapping[str, Any]) -> list[Any] | None:
    """Return the metrics that the parameters of an estimator name."""
    metrics = _metric_of_name(params["metrics"])
    return _flat(assemble(metrics, routed_to(params, "metrics"))) or None


def _metric_of_name(item: Any) -> Any:
    """Replace names by functions and classes, which have one name each.

    ``history_`` knows ``"mae"`` as ``"mean_absolute_error"``, as in scikeras.
    """
    if isinstance(item, Mapping):
        return {key: _metric_of_name(value) for key, value in item.items()}
    if isinstance(item, (list, tuple)):
        return [_metric_of_name(value) for value in item]
    if not isinstance(item, str) or item in ("acc", "accuracy", "ce", "crossentropy"):
        return item  # what these are depends on the target
    found = keras.metrics.get(item)
    return type(found) if isinstance(found, keras.metrics.Metric) else found


def compile_arguments(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return new arguments for ``Model.compile``."""
    compiled = {**params, **routed_to(params, "compile")}
    return {
        "optimizer": read_optimizer(compiled),
        "loss": read_loss(compiled),
        "metrics": read_metrics(compiled),
        "run_eagerly": compiled["run_eagerly"],
    }


def read_callbacks(params: Mapping[str, Any], options: Mapping[str, Any]) -> list[Any]:
    """Return the callbacks of a fit.

    Parameters
    ----------
    params : mapping of str to object
        Parameters of an estimator.
    options : mapping of str to object
        What was given to ``fit``. Callbacks among them replace all others.
    """
    if "callbacks" in options:
        return _flat(options["callbacks"])
    made = []
    for name in ("callbacks", "fit__callbacks"):
        made += _flat(assemble(params.get(name), routed_to(params, name)))
    return made


def _flat(item: Any) -> list[Any]:
    """Return the items of a structure in one list; None is no item."""
    if item is None:
        return []
    if isinstance(item, Mapping):
        item = list(item.values())
    if not isinstance(item, (list, tuple)):
        return [item]
    return [inner for outer in item for inner in _flat(outer)]


# -- Builders ------------------------------------------------------------------------


class Adapted:
    """A builder for `sktune.keras` that calls one written for scikeras.

    Its signature is that of `build` without what only scikeras knows. Its models
    have an optimizer. It can be pickled if `build` can.

    Parameters
    ----------
    build : callable
        May ask for ``meta``, ``compile_kwargs`` and ``params``.
    facts : mapping of str to object
        What ``meta`` holds besides what `sktune.keras.ModelMeta` tells.
    params : mapping of str to object
        All parameters of the estimator.
    owner : object, default=None
        Whose method `build` is: it finds the metadata in its attributes.

    Attributes
    ----------
    told : dict of str to object
        The metadata of the last call.
    """

    def __init__(
        self,
        build: Callable[..., Any],
        facts: Mapping[str, Any],
        params: Mapping[str, Any],
        owner: Any = None,
    ) -> None:
        self.build = build
        self.facts = dict(facts)
        self.params = dict(params)
        self.owner = owner
        self.told: dict[str, Any] = {}

    @property
    def __name__(self) -> str:
        return getattr(self.build, "__name__", type(self.build).__name__)

    @property
    def __signature__(self) -> inspect.Signature:
        signature = inspect.signature(self.build)
        by_name = inspect.Parameter.KEYWORD_ONLY
        kept = [p for n, p in signature.parameters.items() if n not in SPECIAL]
        parameters = [
            inspect.Parameter("meta", by_name),
            *(p.replace(kind=by_name) for p in kept if p.kind in _BY_NAME),
            *(p for p in kept if p.kind is p.VAR_KEYWORD),
        ]
        return signature.replace(parameters=parameters)

    def __call__(self, *, meta: ModelMeta, **given: Any) -> Any:
        self.told = read_meta(meta, self.facts)
        if self.owner is not None:
            vars(self.owner).update(self.told)
        arguments = compile_arguments(self.params)
        special = {
            "meta": self.told,
            "compile_kwargs": arguments,
            "params": self.params,
        }
        asked = inspect.signature(self.build).parameters
        takes_any = any(p.kind is p.VAR_KEYWORD for p in asked.values())
        given |= {n: v for n, v in special.items() if takes_any or n in asked}
        model = self.build(**given)
        if isinstance(model, keras.Model) and not model.compiled:
            # The loss and the metrics are the estimator's business.
            model.compile(optimizer=arguments["optimizer"])
        return model


class CopyOf:
    """A builder of copies of a model, its weights included.

    Parameters
    ----------
    template : keras.Model
        Stays as it is.
    """

    def __init__(self, template: Any) -> None:
        self.template = template

    def __call__(self) -> Any:
        """Return a copy."""
        copy = keras.models.clone_model(self.template)
        copy.set_weights(self.template.get_weights())
        if self.template.compiled:
            copy.compile_from_config(self.template.get_compile_config())
        return copy


# -- Metadata ----------------------------------------------------------------------


def data_facts(X: Any, y: Any, classes: Any) -> dict[str, Any]:
    """Return what scikeras notes of the data before a model is built.

    Parameters
    ----------
    X, y : array-like
        As the user gave them. Whether they are any good is for ``fit`` to say.
    classes : array-like or None
        All classes that may come; those of `y` by default.
    """
    facts: dict[str, Any] = {}
    with contextlib.suppress(IndexError, TypeError, ValueError):
        X = X if hasattr(X, "shape") else np.asarray(X)
        facts["X_shape_"] = tuple(X.shape)
        facts["X_dtype_"] = getattr(X, "dtype", None) or np.asarray(X[:1]).dtype
        if len(X.shape) > 1:
            facts["n_features_in_"] = int(X.shape[1])
    with contextlib.suppress(IndexError, TypeError, ValueError):
        y = y if hasattr(y, "ndim") else np.asarray(y)
        facts["y_ndim_"] = int(y.ndim)
        facts["y_dtype_"] = getattr(y, "dtype", None) or np.asarray(y).dtype
        is_column = y.ndim == 1 or y.shape[1] == 1
        if classes is not None or is_column:
            facts["classes_"] = np.unique(y if classes is None else classes)
        else:
            facts["classes_"] = np.arange(y.shape[1])
    return facts


def read_meta(meta: ModelMeta, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what scikeras tells a builder.

    A training that was restored from its state knows the shape of a sample, and
    not the number of samples: there ``X_shape_`` begins with None.
    """
    told: dict[str, Any] = {
        "target_type_": meta.target_type,
        "n_outputs_": 1,  # of a classifier always
        "n_outputs_expected_": 1,
    }
    if not isinstance(meta.input_shape, dict):
        told["X_shape_"] = (None, *meta.input_shape)
        told["X_dtype_"] = np.dtype(str(meta.input_dtype))
        told["n_features_in_"] = meta.input_shape[0] if meta.input_shape else 1
    told |= facts
    if meta.n_classes is None:
        told["n_outputs_"] = meta.n_outputs
        told.pop("classes_", None)
    else:
        told["n_classes_"] = meta.n_classes
    return told
