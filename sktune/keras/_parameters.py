"""The parameters of the Keras estimators, those of the model included."""

from __future__ import annotations

import contextlib
import copy
import difflib
import inspect
import numbers
from abc import abstractmethod
from typing import Any, Self

from sklearn.base import BaseEstimator

from .._compat import Interval, StrOptions, parameter_names
from ..exceptions import ModelError
from ._build import builder_parameters
from ._objects import picklable, shared, taken_out
from ._optimizers import optimizer_class
from ._routing import optimizer_parameters
from ._schedule import SCHEDULES

__all__ = ["Parameters"]

PREFIXES = ("model__", "optimizer__")


class Parameters(BaseEstimator):
    """An estimator whose model and optimizer have parameters too. Abstract.

    ``model__units`` is the argument ``units`` of the function that builds the
    model, ``optimizer__beta_1`` one of the optimizer's class. Those that were
    given are attributes of their full names.
    """

    _parameter_constraints: dict[str, list[Any]] = {
        "learning_rate": [Interval(numbers.Real, 0, None, closed="neither"), None],
        "schedule": [StrOptions(set(SCHEDULES)), callable],
        "momentum": [Interval(numbers.Real, 0, 1, closed="left"), None],
        "weight_decay": [Interval(numbers.Real, 0, None, closed="left"), None],
        "clipnorm": [Interval(numbers.Real, 0, None, closed="neither"), None],
        "batch_size": [Interval(numbers.Integral, 1, None, closed="left")],
        "epochs": [Interval(numbers.Integral, 1, None, closed="left")],
        "validation_fraction": [Interval(numbers.Real, 0, 1, closed="left"), None],
        "early_stopping": ["boolean"],
        "patience": [Interval(numbers.Integral, 1, None, closed="left")],
        "min_delta": [Interval(numbers.Real, 0, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "jit_compile": ["boolean", StrOptions({"auto"})],
        "steps_per_execution": [Interval(numbers.Integral, 1, None, closed="left")],
        "training": [StrOptions({"auto", "compiled", "fit"})],
        "device": [str, None],
    }

    @abstractmethod
    def __init__(
        self,
        model: Any = "mlp",
        *,
        optimizer: Any = "auto",
        learning_rate: float | None = None,
        schedule: Any = "constant",
        momentum: float | None = None,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        loss: Any = "auto",
        metrics: Any = None,
        batch_size: int = 32,
        epochs: int = 20,
        validation_fraction: float | None = None,
        early_stopping: bool = False,
        patience: int = 5,
        min_delta: float = 0.0,
        callbacks: Any = None,
        class_weight: Any = None,
        shuffle: bool = True,
        random_state: Any = None,
        warm_start: bool = False,
        verbose: int = 0,
        jit_compile: bool | str = "auto",
        steps_per_execution: int = 1,
        training: str = "auto",
        device: str | None = None,
        **routed: Any,
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.loss = loss
        self.metrics = metrics
        self.batch_size = batch_size
        self.epochs = epochs
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.patience = patience
        self.min_delta = min_delta
        self.callbacks = callbacks
        self.class_weight = class_weight
        self.shuffle = shuffle
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.jit_compile = jit_compile
        self.steps_per_execution = steps_per_execution
        self.training = training
        self.device = device
        strange = [name for name in routed if not name.startswith(PREFIXES)]
        if strange:
            taken = inspect.signature(type(self)).parameters.values()
            known = [p.name for p in taken if p.kind is not p.VAR_KEYWORD]
            raise TypeError(unknown_argument(type(self).__name__, strange[0], known))
        for name, value in routed.items():
            setattr(self, name, value)

    # -- Copies ----------------------------------------------------------------

    def __sklearn_clone__(self) -> Self:
        original = copy.copy(self)
        for name, value in self.get_params(deep=False).items():
            setattr(original, name, shared(value))
        clone: Self = super(Parameters, original).__sklearn_clone__()
        for name, value in clone.get_params(deep=False).items():
            setattr(clone, name, taken_out(value))
        return clone

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        own = self.get_params(deep=False)
        return {n: picklable(v, n) if n in own else v for n, v in state.items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({name: taken_out(v) for name, v in state.items()})

    # -- Parameters ------------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of this estimator, of its model and optimizer.

        Parameters
        ----------
        deep : bool, default=True
            Whether those of the model and the optimizer that were not given are
            listed too, with their defaults.

        Returns
        -------
        dict of str to object
        """
        # None of them is an estimator with parameters of its own.
        params = {name: getattr(self, name) for name in self._own_names()}
        if deep:
            params |= self._routed_defaults("model__", self._known("model__"))
            params |= self._routed_defaults("optimizer__", self._known("optimizer__"))
        return params | self._given()

    def set_params(self, **params: Any) -> Self:
        """Set parameters of this estimator, of its model or optimizer.

        Parameters
        ----------
        **params : dict
            ``model`` and ``optimizer`` are set before the parameters that belong
            to them.

        Returns
        -------
        self : object

        Raises
        ------
        ModelError
            When a parameter is unknown; the nearest valid name is in the message.
        """
        own = self._own_names()
        routed = {n: v for n, v in params.items() if n.startswith(PREFIXES)}
        unknown = [n for n in params if n not in own and n not in routed]
        if unknown:
            raise ModelError(
                unknown_argument(type(self).__name__, unknown[0], self.get_params())
            )
        for name, value in params.items():
            if name not in routed:
                setattr(self, name, value)
        for name in routed:
            prefix = next(p for p in PREFIXES if name.startswith(p))
            known = self._known(prefix)
            if known is not None and name.removeprefix(prefix) not in known:
                names = [f"{prefix}{n}" for n in known]
                raise ModelError(unknown_argument(type(self).__name__, name, names))
        for name, value in routed.items():
            setattr(self, name, value)
        return self

    def _own_names(self) -> tuple[str, ...]:
        """Return the names of the parameters that are in the signature."""
        cls: Any = type(self)
        return parameter_names(cls)

    def _given(self) -> dict[str, Any]:
        """Return the routed parameters that were given, by their full names."""
        return {n: v for n, v in vars(self).items() if n.startswith(PREFIXES)}

    def routed(self, prefix: str) -> dict[str, Any]:
        """Return the parameters of one prefix that were given, without it."""
        return {
            name.removeprefix(prefix): value
            for name, value in self._given().items()
            if name.startswith(prefix)
        }

    def _known(self, prefix: str) -> dict[str, Any] | None:
        """Return names and defaults of a prefix; None when any name will do.

        A model or optimizer that is itself wrong is refused by ``fit``.
        """
        with contextlib.suppress(ModelError):
            if prefix == "model__":
                return builder_parameters(self.model)
            name = "adam" if self.optimizer == "auto" else self.optimizer
            return optimizer_parameters(optimizer_class(name))
        return None

    @staticmethod
    def _routed_defaults(prefix: str, known: dict[str, Any] | None) -> dict[str, Any]:
        return {
            f"{prefix}{name}": None if default is inspect.Parameter.empty else default
            for name, default in (known or {}).items()
        }


def unknown_argument(owner: str, name: str, known: Any) -> str:
    """Say that a parameter does not exist, and which one may be meant."""
    close = difflib.get_close_matches(name, list(known), n=1)
    hint = f"; did you mean {close[0]}?" if close else "."
    return (
        f"Invalid parameter {name!r} for estimator {owner}{hint} Valid parameters are: "
        f"{', '.join(sorted(known))}"
    )
