"""What `KerasClassifier` and `KerasRegressor` of `sktune.compat.scikeras` share."""

from __future__ import annotations

import contextlib
import copy
import difflib
import inspect
import numbers
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Self

import keras
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .._compat import Interval
from ..exceptions import ModelError, SktuneWarning
from ..keras._routing import accepts_any, parameters_of
from ._scikeras import (
    SPECIAL,
    Adapted,
    CopyOf,
    compile_arguments,
    data_facts,
    optimizer_class,
    read_callbacks,
    routed_to,
)

__all__ = ["Wrapper"]

# What may follow a prefix; None: that is for the objects to say.
_ROUTED: dict[str, frozenset[str] | None] = {
    "model": None,
    "optimizer": None,
    "loss": None,
    "metrics": None,
    "callbacks": None,
    "fit": frozenset(
        [
            "batch_size",
            "callbacks",
            "class_weight",
            "epochs",
            "shuffle",
            "validation_batch_size",
            "validation_split",
            "verbose",
        ]
    ),
    "compile": frozenset(
        [
            "jit_compile",
            "loss",
            "metrics",
            "optimizer",
            "run_eagerly",
            "steps_per_execution",
        ]
    ),
    "predict": frozenset({"batch_size", "steps", "verbose"}),
}

# What subclasses write for scikeras, and sktune does not call.
_NOT_CALLED = ("feature_encoder", "target_encoder", "scorer")

_BATCH_SIZE = 32  # Keras' own


class Wrapper(BaseEstimator):
    """An estimator of sktune under scikeras' signature. Abstract.

    A training is that of a twin: an estimator of `sktune.keras` with what the
    parameters amount to.
    """

    _parameter_constraints: dict[str, list[Any]] = {
        "model": [callable, keras.Model, None],
        "build_fn": [callable, keras.Model, None],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "batch_size": [Interval(numbers.Integral, -1, None, closed="left"), None],
        "validation_split": [Interval(numbers.Real, 0, 1, closed="left")],
        "shuffle": ["boolean"],
        "run_eagerly": ["boolean"],
        "epochs": [Interval(numbers.Integral, 1, None, closed="left")],
    }

    _twin_class: type[Any]
    _fitted: Any

    def __init__(
        self,
        model: Any = None,
        *,
        build_fn: Any = None,
        warm_start: bool = False,
        random_state: Any = None,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Any = None,
        batch_size: Any = None,
        validation_batch_size: int | None = None,
        verbose: int = 1,
        callbacks: Any = None,
        validation_split: float = 0.0,
        shuffle: bool = True,
        run_eagerly: bool = False,
        epochs: int = 1,
        **kwargs: Any,
    ) -> None:
        # Not through the main class, which would store its own parameters.
        self.model = model
        self.build_fn = build_fn
        self.warm_start = warm_start
        self.random_state = random_state
        self.optimizer = optimizer
        self.loss = loss
        self.metrics = metrics
        self.batch_size: Any = batch_size
        self.validation_batch_size = validation_batch_size
        self.verbose = verbose
        self.callbacks = callbacks
        self.validation_split = validation_split
        self.shuffle = shuffle
        self.run_eagerly = run_eagerly
        self.epochs = epochs
        self.__dict__.update(kwargs)

    # -- Parameters ----------------------------------------------------------------

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
        params = {n: v for n, v in vars(self).items() if not _is_fitted_name(n)}
        for prefix in ("model__", "optimizer__") if deep else ():
            for name, value in (self._known(prefix) or {}).items():
                if prefix != "model__" or name not in params:
                    is_open = value is inspect.Parameter.empty
                    params.setdefault(prefix + name, None if is_open else value)
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters of this estimator, of its model or optimizer.

        Parameters
        ----------
        **params : dict
            An argument of the builder needs no prefix, and need not have been
            given before.

        Returns
        -------
        self : object

        Raises
        ------
        ModelError
            When a parameter is unknown; the nearest valid name is in the message.
        """
        own = self.get_params(deep=False)
        for name, value in params.items():
            if name in own:
                setattr(self, name, value)
        for name in params.keys() - own.keys():
            self._check_name(name)
        for name in params.keys() - own.keys():
            setattr(self, name, params[name])
        return self

    def _check_name(self, name: str) -> None:
        """Refuse a parameter that was not given before and that nothing takes."""
        prefix, _, rest = name.partition("__")
        known: Any = ()
        if not rest:
            arguments = self._known("model__")
            known = {*self.get_params(deep=False), *(arguments or ())}
            if arguments is None or name in known:
                return
        elif prefix in ("model", "optimizer"):
            arguments = self._known(f"{prefix}__")
            if arguments is None or rest.partition("__")[0] in arguments:
                return
            known = {f"{prefix}__{argument}" for argument in arguments}
        elif prefix in _ROUTED:
            options = _ROUTED[prefix]
            if options is None or rest.partition("__")[0] in options:
                return
            known = {f"{prefix}__{option}" for option in options}
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]}?" if close else "."
        raise ModelError(
            f"Invalid parameter {name!r} for estimator {type(self).__name__}{hint} "
            f"Valid parameters are: {', '.join(sorted(known)) or 'none of this prefix'}"
        )

    def _known(self, prefix: str) -> dict[str, Any] | None:
        """Return names and defaults of a prefix; None when any name will do."""
        with contextlib.suppress(ModelError, ValueError):
            if prefix == "model__":
                build = self._build_function()
                if accepts_any(build):
                    return None
                defaults = parameters_of(build)
                return {n: v for n, v in defaults.items() if n not in SPECIAL}
            cls = optimizer_class(self.optimizer)
            if inspect.isclass(cls):
                return {n: v for n, v in parameters_of(cls).items() if n != "name"}
            return {}
        return None

    # -- Training ------------------------------------------------------------------

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **kwargs: Any) -> Self:
        """Build a model and train it.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or sktune.keras.Inputs
            Samples, of any number of axes; the first counts the samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample in the loss.
        **kwargs : dict
            Parameters that prevail in this call, such as ``epochs``.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        twin = self._begin(X, y, kwargs, goes_on=self.warm_start)
        # As in scikeras, what a warm start was built on is no part of the history.
        before = getattr(twin, "n_epochs_", 0)
        return self._take(twin.fit(X, y, sample_weight=sample_weight), before)

    def train_more(
        self, X: Any, y: Any, amount: int, sample_weight: Any = None
    ) -> Self:
        """Train some epochs more; the first call begins.

        Parameters
        ----------
        X, y : array-like
            As for ``fit``, and the same in each call.
        amount : int
            Number of epochs.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample in the loss.

        Returns
        -------
        self : object
        """
        twin = self._begin(X, y, {}, goes_on=True)
        return self._take(twin.train_more(X, y, amount, sample_weight))

    def initialize(self, X: Any, y: Any) -> Self:
        """Build the model and train nothing.

        For a model that was trained elsewhere: a template keeps its weights.

        Parameters
        ----------
        X, y : array-like
            As for ``fit``; they tell what the data looks like.

        Returns
        -------
        self : object
        """
        twin = self._begin(X, y, {}, goes_on=False)
        return self._take(twin.train_more(X, y, 0))

    @classmethod
    def from_keras(cls, path: Any, **options: Any) -> Self:
        """Return a fitted estimator around a model that Keras saved.

        Parameters
        ----------
        path : str or path-like
            A ``.keras`` file, as ``model_.save`` writes it.
        **options : dict
            As in `sktune.keras.KerasClassifier`.

        Returns
        -------
        KerasClassifier or KerasRegressor
        """
        twin: Any = cls._twin_class.from_keras(path, **options)
        wrapper = cls(model=twin.model)
        twin.set_params(**wrapper._twin({}, {}).get_params(deep=False))
        return wrapper._take(twin)

    def get_training_state(self) -> bytes:
        """Return the training as bytes: weights, optimizer state and progress.

        Returns
        -------
        bytes
            Without pickled code: reading them runs nothing.
        """
        return bytes(self._fitted_twin().get_training_state())

    def set_training_state(self, state: bytes) -> Self:
        """Take up a training where `get_training_state` left it.

        Parameters
        ----------
        state : bytes
            From an estimator of the same kind.

        Returns
        -------
        self : object
        """
        return self._take(self._twin({}, {}).set_training_state(state))

    def inherit_training_state(self, state: bytes) -> Self:
        """Take up a training of other layers as far as the weights fit.

        Parameters
        ----------
        state : bytes
            From an estimator of the same class.

        Returns
        -------
        self : object
        """
        return self._take(self._twin({}, {}).inherit_training_state(state))

    @property
    def current_epoch(self) -> int:
        """Number of epochs since ``fit``."""
        return len(self.history_.get("loss", ())) if self.initialized_ else 0

    def __sklearn_is_fitted__(self) -> bool:
        return self.initialized_

    @property
    def initialized_(self) -> bool:
        """Whether there is a model."""
        return hasattr(self, "_fitted")

    @property
    def model_(self) -> Any:
        """The trained `keras.Model`; a copy that belongs to the caller."""
        return self._fitted_twin().model_

    # -- Prediction ----------------------------------------------------------------

    def predict(self, X: Any, **kwargs: Any) -> NDArray[Any]:
        """Predict the target of each sample.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or sktune.keras.Inputs
            Samples, as for ``fit``.
        **kwargs : dict
            ``batch_size``, ``steps`` or ``verbose``, without effect.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        predictions: NDArray[Any] = self._fitted_twin(kwargs).predict(X)
        return predictions

    # -- The twin ------------------------------------------------------------------

    def _begin(
        self,
        X: Any,
        y: Any,
        options: Mapping[str, Any],
        *,
        goes_on: bool,
        classes: Any = None,
    ) -> Any:
        """Return a twin that trains; the one of the last training if it goes on."""
        self._validate_params()
        self._check(options)
        if goes_on and self.initialized_:
            twin = self._fitted
            now = self._twin(options, twin.model.facts)
            return twin.set_params(**now.get_params(deep=False))
        self._before = 0
        return self._twin(options, data_facts(X, y, classes))

    def _take(self, twin: Any, before: int | None = None) -> Self:
        """Become fitted as a twin is; leave out the epochs before one."""
        before = getattr(self, "_before", 0) if before is None else before
        for name in [n for n in vars(self) if _is_fitted_name(n) and n[0] != "_"]:
            delattr(self, name)
        self._fitted, self._before = twin, before
        public = {n: v for n, v in vars(twin).items() if n[-1] == "_" != n[0]}
        self.__dict__.update(twin.model.told | public)
        self.history_ = {n: v[before:] for n, v in twin.history_.items()}
        return self

    def _fitted_twin(self, options: Mapping[str, Any] | None = None) -> Any:
        """Return the trained twin, asked with options of ``Model.predict``."""
        check_is_fitted(self)
        unknown = (options or {}).keys() - (_ROUTED["predict"] or ())
        if unknown:
            raise ModelError(
                f"{type(self).__name__}: {', '.join(sorted(unknown))} of predict has "
                "no counterpart in sktune"
            )
        return self._fitted

    def _twin(self, options: Mapping[str, Any], facts: Mapping[str, Any]) -> Any:
        """Return an estimator of `sktune.keras` with the same meaning.

        Parameters
        ----------
        options : mapping of str to object
            What was given to ``fit``.
        facts : mapping of str to object
            What is known of the data.
        """
        params = self.get_params(deep=False)
        own = {n: params[n] for n in _ROUTED["fit"] or () if n in params}
        given = {**own, **routed_to(params, "fit"), **options}
        compiled = compile_arguments(params)
        batch_size = given["batch_size"]
        if batch_size == -1:
            batch_size = max(1, facts.get("X_shape_", (_BATCH_SIZE,))[0])
        twin: Any = self._twin_class
        return twin(
            self._adapted(facts, params),
            loss="auto" if compiled["loss"] is None else compiled["loss"],
            metrics=compiled["metrics"],
            batch_size=_BATCH_SIZE if batch_size is None else batch_size,
            epochs=given["epochs"],
            validation_fraction=given["validation_split"],
            callbacks=read_callbacks(params, options),
            class_weight=given.get("class_weight"),
            shuffle=given["shuffle"],
            random_state=self.random_state,
            warm_start=self.warm_start,
            verbose=1 if given["verbose"] == "auto" else given["verbose"],
            jit_compile=params.get("compile__jit_compile", "auto"),
            steps_per_execution=params.get("compile__steps_per_execution", 1),
            **{f"model__{name}": v for name, v in self._arguments(params).items()},
        )

    # -- What the parameters amount to ------------------------------------------------

    def _check(self, options: Mapping[str, Any]) -> None:
        """Refuse what has no counterpart, all at once."""
        problems = [
            f"{name} of the subclass would not be called; use a pipeline, "
            "sktune.keras.Inputs or scoring="
            for name in _NOT_CALLED
            if hasattr(type(self), name)
        ]
        routed = [n for n in self.get_params(deep=False) if "__" in n]
        for name in [*routed, *(f"fit__{option}" for option in options)]:
            prefix, rest = name.split("__")[:2]
            allowed = _ROUTED.get(prefix, frozenset())
            if allowed is not None and rest not in allowed:
                takes = ", ".join(sorted(allowed)) or "nothing"
                problems.append(
                    f"{name} has no counterpart in sktune; {prefix}__ takes {takes}"
                )
        if problems:
            raise ModelError(f"{type(self).__name__}: {'; '.join(problems)}")
        if self.run_eagerly or getattr(self, "compile__run_eagerly", False):
            warnings.warn(
                "Accepted, but without effect in sktune: run_eagerly.",
                SktuneWarning,
                stacklevel=4,
            )

    def _build_function(self) -> Callable[..., Any]:
        """Return what builds the model."""
        model = self.build_fn if self.model is None else self.model
        if isinstance(model, keras.Model):
            return CopyOf(model)
        build: Callable[..., Any] | None = model
        if build is None:
            build = getattr(self, "_keras_build_fn", None)
        if build is None:
            raise ModelError(
                f"{type(self).__name__} needs model=, a function that returns a "
                "keras.Model, or a keras.Model; or a subclass with the method "
                "_keras_build_fn"
            )
        return build

    def _adapted(self, facts: Mapping[str, Any], params: dict[str, Any]) -> Adapted:
        """Return the builder as `sktune.keras` calls it."""
        build, owner = self._build_function(), None
        if getattr(build, "__self__", None) is self:
            # Compiled functions are kept with what built the model: not with the
            # weights of this object.
            owner = copy.copy(self)
            for name in [n for n in vars(owner) if _is_fitted_name(n)]:
                delattr(owner, name)
            build = getattr(owner, build.__name__)
        return Adapted(build, facts, params, owner)

    def _arguments(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the builder is called with, given with a prefix or without."""
        build = self._build_function()
        plain = {n: v for n, v in params.items() if n not in _OWN and "__" not in n}
        if getattr(build, "__self__", None) is self:
            # A method reads the parameters of its object itself.
            plain = {n: v for n, v in plain.items() if n in parameters_of(build)}
        return plain | routed_to(params, "model")


_OWN = frozenset(inspect.signature(Wrapper.__init__).parameters) | {"class_weight"}


def _is_fitted_name(name: str) -> bool:
    return name.startswith("_") or name.endswith("_")
