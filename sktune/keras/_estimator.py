"""What `KerasClassifier` and `KerasRegressor` share: training and prediction."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self, TypeVar, cast

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted

from .._compat import fit_context
from ..exceptions import ModelError
from ._batches import validation_rows
from ._callbacks import fresh_callbacks, wants_batches
from ._compiled import (
    MAX_BYTES,
    CompilationError,
    dropout_layers,
    why_not_compiled,
)
from ._data import InputLayout, as_dense, dense_bytes, layout_of, names_of, read_inputs
from ._devices import on_device
from ._engine import Engine, FitEngine, Recipe, Rows, Settings, Variables
from ._engines import engine_for
from ._inherit import can_change
from ._optimizers import has_own_schedule
from ._parameters import Parameters
from ._recipe import encoded, make_recipe, model_inputs, output_shape
from ._schedule import learning_rate_at
from ._session import EarlyStopping, Progress, run_epochs
from ._targets import ClassTarget, RegressionTarget
from ._training import Target, Training

__all__ = ["KerasEstimator"]

# What belongs to this process alone: neither copied nor pickled.
_TRANSIENT = ("_engine", "_model", "_restored")

_VALIDATION_FRACTION = 0.1  # where early stopping needs one and none is given


_Method = TypeVar("_Method", bound=Callable[..., Any])


def _on_own_device(method: _Method) -> _Method:
    """Run a method on the estimator's device."""

    @functools.wraps(method)
    def on_own_device(self: KerasEstimator, *args: Any, **options: Any) -> Any:
        with on_device(self.device):
            return method(self, *args, **options)

    return cast(_Method, on_own_device)


class KerasEstimator(Parameters):
    """A Keras model as an estimator. Abstract: subclasses know the target."""

    training_resource = "epochs"

    _target_class: type[ClassTarget | RegressionTarget]
    _engine: Engine | None
    _restored: tuple[dict[str, Any], Recipe]
    _model: Any

    @abstractmethod
    def _new_target(self, y: Any, classes: Any) -> Target:
        """Return what translates a target, fitted."""

    @abstractmethod
    def _weights_of_classes(self, y: Any) -> NDArray[Any] | None:
        """Return the weight of each row by its class; None without any."""

    # -- Training ----------------------------------------------------------------

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Build a model and train it.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or Inputs
            Samples, of any number of axes; the first counts the samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample in the loss.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ModelError
            When the model cannot be built for the data, or the loss stops being
            finite.
        """
        goes_on = self.warm_start and hasattr(self, "history_")
        if goes_on:
            self._training.progress.is_over = False
            self._training.progress.n_worse = 0
        else:
            self._forget()
        done = self._training.progress.epoch if goes_on else 0
        return self._train(X, y, sample_weight, self.epochs, done + self.epochs)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> Self:
        """Train one epoch more.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or Inputs
            Samples; all of them are visited once.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target.
        classes : array-like of shape (n_classes,), default=None
            All classes that may come; by default those of the first `y`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample in the loss.

        Returns
        -------
        self : object
        """
        return self._train(X, y, sample_weight, 1, self.epochs, classes=classes)

    def train_more(
        self, X: Any, y: Any, amount: int, sample_weight: Any = None
    ) -> Self:
        """Train some epochs more; the first call begins.

        `epochs` stays the number of epochs that are planned: schedules run over
        it. Trained in segments, the model is the same as trained by ``fit``.

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
        self._validate_params()
        return self._train(X, y, sample_weight, amount, self.epochs)

    @_on_own_device
    def _train(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        n_epochs: int,
        n_planned: int,
        classes: Any = None,
    ) -> Self:
        begins = not hasattr(self, "history_")
        arrays, checked_y = read_inputs(self, X, y, reset=begins)
        if checked_y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None"
            )
        arrays = as_dense(arrays, MAX_BYTES)
        names = names_of(X)
        weight = self._row_weights(arrays, checked_y, sample_weight)
        if begins:
            layout = layout_of(arrays, names)
            target = self._new_target(checked_y, classes)
            seed = check_random_state(self.random_state).randint(2**31 - 1)
            progress = Progress(seed=int(seed))
            training = Training(layout, target, progress, self._features())
        else:
            training = self._training.copy()
            arrays = training.layout.match(arrays, names)
        kept = self._recipe_of_restored()
        recipe = make_recipe(self, training) if begins or kept is None else kept
        training.set_model(recipe.model)
        rows = Rows(
            model_inputs(recipe.model, arrays, training),
            encoded(training.target, checked_y, recipe),
            weight,
        )
        return self._run(training, recipe, rows, n_epochs, n_planned)

    def _recipe_of_restored(self) -> Recipe | None:
        """Return what was built to restore a training, to go on with it once."""
        params, recipe = self.__dict__.pop("_restored", ({}, None))
        now = self.get_params(deep=False)
        alike = now.keys() == params.keys() and all(
            value is params[name]
            or (type(value) in (int, float, str) and value == params[name])
            for name, value in now.items()
        )
        return recipe if alike else None

    def _run(
        self,
        training: Training,
        recipe: Recipe,
        rows: Rows,
        n_epochs: int,
        n_planned: int,
    ) -> Self:
        callbacks = fresh_callbacks(self.callbacks)
        engine, path = self._choose_engine(recipe, rows, callbacks)
        going = training.copy()
        try:
            self._run_on(engine, recipe, going, rows, callbacks, n_epochs, n_planned)
        except CompilationError as error:
            if self.training == "compiled":
                raise ModelError(
                    f"training='compiled' is not possible: {error}"
                ) from error
            recipe = make_recipe(self, training)
            engine = FitEngine(recipe)
            path = f"fit: compilation failed ({str(error).splitlines()[0]})"
            going = training.copy()
            callbacks = fresh_callbacks(self.callbacks)
            self._run_on(engine, recipe, going, rows, callbacks, n_epochs, n_planned)
        self._training = going
        self._activation = recipe.output_activation
        self._engine = engine
        self._model = None
        self.training_path_ = path
        self._publish()
        return self

    def _run_on(
        self,
        engine: Engine,
        recipe: Recipe,
        training: Training,
        rows: Rows,
        callbacks: list[Any],
        n_epochs: int,
        n_planned: int,
    ) -> None:
        """Train with an engine; the training is updated in place."""
        train, validation = self._split(rows, training)
        watch = EarlyStopping(self.patience, self.min_delta)
        # Before loading: the learning rate is one of the optimizer's variables.
        settings = self._settings(recipe, n_planned)
        engine.load(training.variables)
        training.variables = run_epochs(
            engine,
            train,
            validation,
            training.progress,
            n_epochs=n_epochs,
            n_planned=n_planned,
            settings_of=settings,
            shuffle=self.shuffle,
            early_stopping=watch if self.early_stopping else None,
            callbacks=callbacks,
            verbose=self.verbose,
        )

    def _publish(self) -> None:
        """Set the fitted attributes that tell of the training."""
        self.history_ = self._training.progress.history
        self.n_epochs_ = self._training.progress.epoch
        classes = getattr(self._training.target, "classes_", None)
        if classes is not None:
            self.classes_ = classes

    def _forget(self) -> None:
        for name in ("_training", "history_", "n_epochs_", "training_path_"):
            if hasattr(self, name):
                delattr(self, name)

    def _features(self) -> dict[str, Any]:
        features: dict[str, Any] = {}
        if hasattr(self, "n_features_in_"):
            features["n_features_in_"] = int(self.n_features_in_)
        if hasattr(self, "feature_names_in_"):
            features["feature_names_in_"] = [str(n) for n in self.feature_names_in_]
        return features

    # -- What a training is made of ------------------------------------------------

    def _choose_engine(
        self, recipe: Recipe, rows: Rows, callbacks: list[Any]
    ) -> tuple[Engine, str]:
        reason = None
        if self.training == "fit":
            reason = "asked for"
        elif wants_batches(callbacks):
            reason = "a callback has a hook for batches"
        else:
            n_bytes = dense_bytes([*rows.inputs, rows.target])
            reason = why_not_compiled(recipe, n_bytes)
        if reason is None:
            return engine_for(recipe), "compiled"
        if self.training == "compiled":
            raise ModelError(
                f"training='compiled' is not possible: {reason}; use training='auto'"
            )
        return FitEngine(recipe), f"fit: {reason}"

    def _settings(self, recipe: Recipe, n_planned: int) -> Callable[[int], Settings]:
        """Return a function of the epoch: what it is trained with."""
        config = recipe.optimizer.get_config()
        rates = tuple(float(layer.rate) for layer in dropout_layers(recipe.model))
        base: float | None = None
        if not has_own_schedule(recipe.optimizer):
            # The variable is of single precision: 0.001, not 0.0010000000474974513.
            base = float(str(np.float32(config["learning_rate"])))

        def settings(epoch: int) -> Settings:
            rate = base
            if base is not None:
                rate = learning_rate_at(epoch, n_planned, base, self.schedule)
            return Settings(rate, config.get("weight_decay"), self.clipnorm, rates)

        return settings

    def _split(self, rows: Rows, training: Training) -> tuple[Rows, Rows | None]:
        fraction = self.validation_fraction
        if fraction is None:
            fraction = _VALIDATION_FRACTION if self.early_stopping else 0.0
        if fraction == 0.0:
            return rows, None
        labels = None
        if training.target.target_type in ("binary", "multiclass"):
            codes = rows.target.reshape(len(rows), -1)
            labels = codes[:, 0] if codes.shape[1] == 1 else codes.argmax(axis=1)
        train, held_out = validation_rows(
            len(rows), fraction, seed=training.progress.seed, labels=labels
        )
        return rows.take(train), rows.take(held_out)

    def _row_weights(
        self, arrays: list[Any], y: Any, sample_weight: Any
    ) -> NDArray[np.float32] | None:
        weights = self._weights_of_classes(y)
        if sample_weight is not None:
            given = check_array(
                sample_weight,
                ensure_2d=False,
                dtype=np.float64,
                input_name="sample_weight",
            )
            if given.shape != (arrays[0].shape[0],):
                raise ValueError(
                    f"sample_weight.shape == {given.shape}, expected "
                    f"{(arrays[0].shape[0],)}!"
                )
            if not given.any():
                raise ValueError(
                    "Sample weights must contain at least one non-zero number."
                )
            weights = given if weights is None else given * weights
        return None if weights is None else weights.astype(np.float32)

    # -- Prediction ----------------------------------------------------------------

    @_on_own_device
    def _outputs(self, X: Any) -> NDArray[Any]:
        """Return what the model's last layer says."""
        check_is_fitted(self)
        arrays, _ = read_inputs(self, X, reset=False)
        arrays = self._training.layout.match(as_dense(arrays, MAX_BYTES), names_of(X))
        engine = self._ready_engine()
        inputs = model_inputs(engine.model, arrays, self._training)
        outputs = engine.predict(inputs)
        return outputs[0].reshape(inputs[0].shape[0], -1)

    def _ready_engine(self) -> Engine:
        """Return an engine with the weights of this estimator."""
        engine: Engine | None = getattr(self, "_engine", None)
        if engine is None:
            recipe = make_recipe(self, self._training)
            reason = "asked for" if self.training == "fit" else None
            reason = reason or why_not_compiled(recipe, 0)
            engine = engine_for(recipe) if reason is None else FitEngine(recipe)
            self._engine = engine
        if engine.loaded is not self._training.variables:
            engine.load(self._training.variables)
        return engine

    @property
    @_on_own_device
    def model_(self) -> Any:
        """The trained `keras.Model`; a copy that belongs to the caller."""
        check_is_fitted(self)
        if getattr(self, "_model", None) is None:
            engine = FitEngine(make_recipe(self, self._training))
            engine.load(self._training.variables)
            self._model = engine.model
        return self._model

    @classmethod
    def from_keras(
        cls,
        path: Any,
        *,
        classes: Any = None,
        custom_objects: Mapping[str, Any] | None = None,
        safe_mode: bool = True,
    ) -> Self:
        """Return a fitted estimator around a model that Keras saved.

        Parameters
        ----------
        path : str or path-like
            A ``.keras`` file, as ``model_.save`` writes it.
        classes : array-like of shape (n_classes,), default=None
            Classes in the order of the outputs; 0, 1, ... by default. The file
            does not hold them.
        custom_objects : mapping of str to object, default=None
            Classes and functions of the model that are not Keras' own.
        safe_mode : bool, default=True
            Whether to refuse a file that holds code. Turn it off only for a file
            that you trust as much as a program.

        Returns
        -------
        KerasClassifier or KerasRegressor
        """
        template = keras.saving.load_model(
            path, custom_objects=custom_objects, safe_mode=safe_mode
        )
        estimator = cls(model=template)
        estimator._adopt(template, classes)
        return estimator

    def _adopt(self, template: Any, classes: Any) -> None:
        """Become fitted with the weights of a model."""
        named = len(template.inputs) > 1
        layout = InputLayout(
            names=tuple(t.name for t in template.inputs) if named else None,
            shapes=tuple(tuple(t.shape[1:]) for t in template.inputs),
            dtypes=tuple(str(t.dtype) for t in template.inputs),
            n_tokens=None,
        )
        target = self._target_of_outputs(output_shape(template)[-1], classes)
        features = {} if named else {"n_features_in_": int(layout.shapes[0][0])}
        progress = Progress(seed=0)
        variables = Variables.of(template)
        self._restore(Training(layout, target, progress, features, variables))

    @abstractmethod
    def _target_of_outputs(self, n_outputs: int, classes: Any) -> Target:
        """Return the target of a model with so many outputs."""

    # -- State ---------------------------------------------------------------------

    def get_training_state(self) -> bytes:
        """Return the training as bytes: weights, optimizer state and progress.

        Returns
        -------
        bytes
            Without pickled code: reading them runs nothing.
        """
        check_is_fitted(self)
        return self._training.to_bytes(owner=type(self).__name__)

    def set_training_state(self, state: bytes) -> Self:
        """Take up a training where `get_training_state` left it.

        The parameters are those of this estimator. The learning rate, the batch
        size and other parameters of the training may differ from those that it
        began with; the layers may not.

        Parameters
        ----------
        state : bytes
            From an estimator of the same class.

        Returns
        -------
        self : object

        Raises
        ------
        CheckpointError
            When the state is damaged or belongs to another class.
        """
        owner = type(self).__name__
        return self._restore(
            Training.from_bytes(state, owner=owner, kind=self._target_class)
        )

    def inherit_training_state(self, state: bytes) -> Self:
        """Take up a training of other layers as far as the weights fit.

        Weights that both models have are copied; a layer that is wider, or new,
        keeps its fresh weights for the rest. The optimizer begins anew where the
        shapes differ.

        Parameters
        ----------
        state : bytes
            From an estimator of the same class.

        Returns
        -------
        self : object
        """
        owner = type(self).__name__
        training = Training.from_bytes(state, owner=owner, kind=self._target_class)
        fresh = Variables.of(make_recipe(self, training).model)
        training.inherit(fresh)
        return self._restore(training)

    def fixed_parameters(
        self, names: Iterable[str], *, inherits: bool = False
    ) -> list[str]:
        """Return the parameters that a model in training cannot change.

        Parameters
        ----------
        names : iterable of str
        inherits : bool, default=False
            Whether another model may take over the weights, see
            `inherit_training_state`.

        Returns
        -------
        list of str
            Those of the layers, and what the state of the optimizer depends on.
            Rates of dropout can change.
        """
        return [name for name in names if not can_change(name, inherits=inherits)]

    def _restore(self, training: Training) -> Self:
        recipe = make_recipe(self, training)
        training.set_model(recipe.model)
        self._training = training
        self._activation = recipe.output_activation
        self._engine = None
        self._model = None
        self.training_path_ = "restored"
        self._restored = (self.get_params(deep=False), recipe)
        for name, value in training.features.items():
            is_list = isinstance(value, list)
            setattr(self, name, np.array(value, dtype=object) if is_list else value)
        self._publish()
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_training")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.three_d_array = True
        tags.target_tags.required = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        for name in _TRANSIENT:
            state.pop(name, None)
        return state
