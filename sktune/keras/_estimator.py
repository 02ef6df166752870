"""What `KerasClassifier` and `KerasRegressor` share: training and prediction."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self, TypeVar, cast

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .._compat import fit_context
from ..exceptions import ModelError
from ._callbacks import fresh_callbacks, wants_batches
from ._compiled import MAX_BYTES, CompilationError, why_not_compiled
from ._data import InputLayout, as_dense, dense_bytes, layout_of, names_of, read_inputs
from ._devices import on_device
from ._engine import Engine, FitEngine, Recipe, Rows, Variables
from ._engines import engine_for, known_recipe
from ._inherit import can_change
from ._parameters import Parameters
from ._recipe import (
    encoded,
    make_recipe,
    model_inputs,
    output_shape,
    recipe_name,
    with_settings_of,
)
from ._rows import row_weights, split_rows
from ._schedule import scheduled
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


def _as_reason(error: CompilationError) -> str:
    return f"compilation failed ({str(error).splitlines()[0]})"


class KerasEstimator(Parameters):
    """A Keras model as an estimator. Abstract: subclasses know the target."""

    training_resource = "epochs"

    _target_class: type[ClassTarget | RegressionTarget]
    _engine: Engine | None
    _restored: Recipe
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
        weight = row_weights(
            sample_weight, self._weights_of_classes(checked_y), arrays[0].shape[0]
        )
        if begins:
            layout = layout_of(arrays, names)
            target = self._new_target(checked_y, classes)
            seed = check_random_state(self.random_state).randint(2**31 - 1)
            progress = Progress(seed=int(seed))
            training = Training(layout, target, progress, self._features())
        else:
            training = self._training.copy()
            arrays = training.layout.match(arrays, names)
        recipe = self._recipe(training, begins=begins)
        training.set_model(recipe.fresh)
        rows = Rows(
            model_inputs(recipe.model, arrays, training),
            encoded(training.target, checked_y, recipe),
            weight,
        )
        return self._run(training, recipe, rows, n_epochs, n_planned)

    def _recipe(self, training: Training, *, begins: bool = False) -> Recipe:
        """Return the recipe of a training, with a new model if need be."""
        name = recipe_name(self, training)
        restored: Recipe | None = self.__dict__.pop("_restored", None)
        if begins or restored is None or restored.name is None or restored.name != name:
            restored = known_recipe(name, begins=begins)
        if restored is not None:
            recipe = with_settings_of(self, restored)
            # `model.fit` knows settings by the model that it is given
            if recipe.engine is not None or recipe.settings == restored.settings:
                return recipe
        return make_recipe(self, training, name)

    def _run(
        self,
        training: Training,
        recipe: Recipe,
        rows: Rows,
        n_epochs: int,
        n_planned: int,
    ) -> Self:
        callbacks = fresh_callbacks(self.callbacks)
        engine, path = self._choose_engine(recipe, training, rows, callbacks)
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
            path = f"fit: {_as_reason(error)}"
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
        fraction = self.validation_fraction
        if fraction is None:
            fraction = _VALIDATION_FRACTION if self.early_stopping else 0.0
        train, validation = split_rows(rows, training, fraction)
        watch = EarlyStopping(self.patience, self.min_delta)
        with engine.lock:
            engine.load(training.variables)
            training.variables = run_epochs(
                engine,
                train,
                validation,
                training.progress,
                n_epochs=n_epochs,
                n_planned=n_planned,
                settings_of=scheduled(recipe.settings, self.schedule, n_planned),
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
        self, recipe: Recipe, training: Training, rows: Rows, callbacks: list[Any]
    ) -> tuple[Engine, str]:
        reason = None
        if self.training == "fit":
            reason = "asked for"
        elif wants_batches(callbacks):
            reason = "a callback has a hook for batches"
        else:
            n_bytes = dense_bytes([*rows.inputs, rows.target])
            if recipe.engine is None or n_bytes > MAX_BYTES:
                reason = why_not_compiled(recipe, n_bytes)
        engine, reason = self._new_engine(recipe, training, reason)
        if reason is None:
            return engine, "compiled"
        if self.training == "compiled":
            raise ModelError(
                f"training='compiled' is not possible: {reason}; use training='auto'"
            )
        return engine, f"fit: {reason}"

    def _new_engine(
        self, recipe: Recipe, training: Training, reason: str | None
    ) -> tuple[Engine, str | None]:
        """Return an engine, and why it does not compile epochs."""
        if reason is None:
            try:
                return engine_for(recipe), None
            except CompilationError as error:
                reason = _as_reason(error)
        # around a model of its own
        own = recipe if recipe.engine is None else make_recipe(self, training)
        return FitEngine(own), reason

    # -- Prediction ----------------------------------------------------------------

    @_on_own_device
    def _outputs(self, X: Any) -> NDArray[Any]:
        """Return what the model's last layer says."""
        check_is_fitted(self)
        arrays, _ = read_inputs(self, X, reset=False)
        arrays = self._training.layout.match(as_dense(arrays, MAX_BYTES), names_of(X))
        engine = self._ready_engine()
        inputs = model_inputs(engine.model, arrays, self._training)
        with engine.lock:
            if engine.loaded is not self._training.variables:
                engine.load(self._training.variables)
            outputs = engine.predict(inputs)
        return outputs[0].reshape(inputs[0].shape[0], -1)

    def _ready_engine(self) -> Engine:
        """Return an engine for the model of this estimator."""
        engine: Engine | None = getattr(self, "_engine", None)
        if engine is None:
            recipe = self._recipe(self._training)
            reason = "asked for" if self.training == "fit" else None
            reason = reason or why_not_compiled(recipe, 0)
            engine, _ = self._new_engine(recipe, self._training, reason)
            self._engine = engine
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

    @_on_own_device
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
        recipe = self._recipe(training)
        if recipe.fresh.shapes() != training.variables.shapes() and recipe.engine:
            recipe = make_recipe(self, training, recipe.name)  # with fresh weights
        training.inherit(recipe.fresh)
        return self._restore(training, recipe)

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

    @_on_own_device
    def _restore(self, training: Training, recipe: Recipe | None = None) -> Self:
        recipe = self._recipe(training) if recipe is None else recipe
        training.set_model(recipe.fresh)
        self._training = training
        self._activation = recipe.output_activation
        self._engine = None
        self._model = None
        self.training_path_ = "restored"
        self._restored = recipe
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
