"""Parameters of models and optimizers, found from signatures."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any

from ..exceptions import ModelError

__all__ = [
    "accepts_any",
    "check_routed",
    "optimizer_parameters",
    "parameters_of",
    "wants_meta",
]

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)

#: What all Keras optimizers share. The estimators set the name, the learning rate,
#: weight decay and clipping; the rest changes how weights are applied, not found.
_OF_ALL_OPTIMIZERS = frozenset(
    {
        "clipnorm",
        "clipvalue",
        "ema_momentum",
        "ema_overwrite_frequency",
        "global_clipnorm",
        "gradient_accumulation_steps",
        "learning_rate",
        "loss_scale_factor",
        "name",
        "use_ema",
        "weight_decay",
    }
)


def parameters_of(build: Callable[..., Any]) -> dict[str, Any]:
    """Return the parameters that a builder takes by name.

    Parameters
    ----------
    build : callable
        A function, a class, a `functools.partial` or another callable object.

    Returns
    -------
    dict of str to object
        Names and defaults, in the order of the signature and without ``meta``.
        `inspect.Parameter.empty` stands for a default that does not exist: such
        a parameter must be given.

    Raises
    ------
    ModelError
        When Python knows no signature of `build`, or a parameter without a
        default cannot be given by name.

    Examples
    --------
    >>> from sktune.keras._routing import parameters_of
    >>> def build(meta, *, units=64, dropout=0.0): ...
    >>> parameters_of(build)
    {'units': 64, 'dropout': 0.0}
    """
    return {
        name: parameter.default
        for name, parameter in _parameters(build).items()
        if parameter.kind in _BY_NAME and name != "meta"
    }


def accepts_any(build: Callable[..., Any]) -> bool:
    """Return whether a builder has ``**kwargs``, and so takes any parameter.

    Parameters
    ----------
    build : callable
        What builds the model.

    Returns
    -------
    bool

    Raises
    ------
    ModelError
        As in `parameters_of`.

    Examples
    --------
    >>> from sktune.keras._routing import accepts_any
    >>> accepts_any(lambda meta, **kwargs: None)
    True
    """
    kinds = [parameter.kind for parameter in _parameters(build).values()]
    return inspect.Parameter.VAR_KEYWORD in kinds


def wants_meta(build: Callable[..., Any]) -> bool:
    """Return whether a builder asks for ``meta``.

    Parameters
    ----------
    build : callable
        What builds the model. A `functools.partial` that brings its own ``meta``
        does not ask for one.

    Returns
    -------
    bool

    Raises
    ------
    ModelError
        As in `parameters_of`.

    Examples
    --------
    >>> from sktune.keras._routing import wants_meta
    >>> wants_meta(lambda meta, units=64: None), wants_meta(lambda units=64: None)
    (True, False)
    """
    if isinstance(build, functools.partial) and "meta" in build.keywords:
        return False
    meta = _parameters(build).get("meta")
    return meta is not None and meta.kind in _BY_NAME


def check_routed(
    given: Mapping[str, Any],
    prefix: str,
    known: Collection[str] | None,
    owner: str,
) -> None:
    """Refuse parameters that nothing takes, all of them at once.

    Parameters
    ----------
    given : mapping of str to object
        The parameters, by their names without the prefix.
    prefix : str
        What users write before the names, such as ``"model__"``.
    known : collection of str, or None
        The names that are taken; None when any name is.
    owner : str
        Who takes them, for the message.

    Raises
    ------
    ModelError
        When a name is not known.

    Examples
    --------
    >>> from sktune.keras._routing import check_routed
    >>> check_routed(
    ...     {"unts": 8}, "model__", ["units"], "KerasClassifier(model=build_net)"
    ... )
    Traceback (most recent call last):
    sktune.exceptions.ModelError: KerasClassifier(model=build_net) has no parameter
    model__unts; did you mean model__units? Its parameters: model__units
    """
    if known is None:
        return
    unknown = [name for name in given if name not in known]
    if not unknown:
        return
    told = [f"{prefix}{name}{_hint(name, prefix, known)}" for name in unknown]
    takes = ", ".join(f"{prefix}{name}" for name in known) or "none"
    if len(told) == 1:
        problem = f"{owner} has no parameter {told[0]} "
    else:
        lines = "".join(f"- {line}\n" for line in told)
        problem = f"{owner} does not have {len(told)} of the parameters given:\n{lines}"
    raise ModelError(f"{problem}Its parameters: {takes}")


def optimizer_parameters(optimizer_class: type) -> dict[str, Any]:
    """Return what a kind of optimizer takes beyond what all of them share.

    Parameters
    ----------
    optimizer_class : type
        A subclass of `keras.optimizers.Optimizer`.

    Returns
    -------
    dict of str to object
        Names and defaults, as from `parameters_of`. The name, the learning rate,
        weight decay, clipping, moving averages of weights, loss scaling and
        accumulation of gradients are left out.

    Raises
    ------
    ModelError
        As in `parameters_of`.

    Examples
    --------
    >>> import keras
    >>> from sktune.keras._routing import optimizer_parameters
    >>> optimizer_parameters(keras.optimizers.SGD)
    {'momentum': 0.0, 'nesterov': False}
    """
    return {
        name: default
        for name, default in parameters_of(optimizer_class).items()
        if name not in _OF_ALL_OPTIMIZERS
    }


def _parameters(build: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        parameters = inspect.signature(build).parameters
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"the parameters of {_name(build)} cannot be found: {error}; wrap it in a "
            "function that names them"
        ) from error
    for name, parameter in parameters.items():
        is_positional = parameter.kind is inspect.Parameter.POSITIONAL_ONLY
        if is_positional and parameter.default is inspect.Parameter.empty:
            raise ModelError(
                f"parameter {name!r} of {_name(build)} cannot be given by name; move "
                "it behind the '/' of the signature, or give it a default"
            )
    return parameters


def _name(build: object) -> str:
    return getattr(build, "__name__", None) or repr(build)


def _hint(name: str, prefix: str, known: Collection[str]) -> str:
    # Compared without the prefix, which would make any two names look alike.
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {prefix}{close[0]}?" if close else "."
