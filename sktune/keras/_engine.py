"""What trains a model, one epoch at a time; and the way that always works.

An engine holds a Keras model and its optimizer. Training is cut into epochs
outside of it (`sktune.keras._session`), so that every engine has the same
schedules, early stopping, callbacks and history.
"""

from __future__ import annotations

import contextlib
import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from ..exceptions import ModelError
from ._data import as_dense

__all__ = ["Engine", "FitEngine", "Recipe", "Rows", "Settings", "Variables"]

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Recipe:
    """A model and how it is trained.

    Attributes
    ----------
    model : keras.Model
        Built, not compiled; that of `engine` where there is one.
    optimizer : keras.optimizers.Optimizer
        Not built.
    loss : keras.losses.Loss
        Of the model's one output, or whatever ``compile`` takes.
    metrics : list of keras.metrics.Metric
        Reported in each epoch.
    output_activation : {"sigmoid", "softmax", "linear"}
        Of the model's last layer.
    fresh : Variables
        Those of the model before it is trained.
    settings : Settings
        What an epoch is trained with, unless a schedule says otherwise.
    batch_size : int
        Rows a step.
    jit_compile : bool or "auto"
        Whether XLA compiles.
    steps_per_execution : int
        Of ``model.fit``.
    identity : object
        Tells apart what the configuration of the model may not: see
        `sktune.keras._engines.recipe_key`.
    device : str or None
        Where it is trained.
    name : object
        Equal in recipes for the same data and seed that differ in their settings at
        most; None where that cannot be told.
    engine : Engine or None
        What has trained a model of this name, and owns this one.
    """

    model: Any
    optimizer: Any
    loss: Any
    metrics: list[Any]
    output_activation: str
    fresh: Variables
    settings: Settings
    batch_size: int
    jit_compile: bool | str = "auto"
    steps_per_execution: int = 1
    identity: object = None
    device: str | None = None
    name: Hashable = None
    engine: Any = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What may differ from epoch to epoch without compiling again.

    Attributes
    ----------
    learning_rate : float or None
        Of this epoch; None leaves it to the optimizer.
    weight_decay : float or None
        None is none.
    clipnorm : float or None
        Largest norm of the gradient of a variable.
    dropout_rates : tuple of float
        Of the model's dropout layers, in their order.
    seed : int
        Of what draws from a global generator in this epoch.
    """

    learning_rate: float | None
    weight_decay: float | None = None
    clipnorm: float | None = None
    dropout_rates: tuple[float, ...] = ()
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows to train on or to evaluate.

    Attributes
    ----------
    inputs : list of ndarray or sparse matrix
        One array for each input of the model.
    target : ndarray
        Encoded target.
    weight : ndarray of shape (n_rows,) or None
        Weights of the rows.
    """

    inputs: list[Array]
    target: Array
    weight: Array | None = None

    def __len__(self) -> int:
        return len(self.target)

    def take(self, rows: Array) -> Rows:
        """Return some of the rows."""
        weight = None if self.weight is None else self.weight[rows]
        return Rows([x[rows] for x in self.inputs], self.target[rows], weight)


@dataclass(slots=True)
class Variables:
    """The state of a training as arrays.

    Attributes
    ----------
    trainable, fixed, seeds : list of ndarray
        The model's: what gradients change, what else it keeps (moving means),
        and the states of its random number generators.
    optimizer : list of ndarray
        The optimizer's, empty before the first step.
    """

    trainable: list[Array] = field(default_factory=list)
    fixed: list[Array] = field(default_factory=list)
    seeds: list[Array] = field(default_factory=list)
    optimizer: list[Array] = field(default_factory=list)

    @staticmethod
    def of(model: Any, optimizer: Any = None) -> Variables:
        """Return copies of a model's and an optimizer's variables."""
        groups = model_variables(model)
        own = [] if optimizer is None else optimizer.variables
        return Variables(*(as_arrays(group) for group in (*groups, own)))

    def groups(self) -> tuple[list[Array], ...]:
        """Return all arrays, in the order of the attributes."""
        return self.trainable, self.fixed, self.seeds, self.optimizer

    def shapes(self) -> list[list[tuple[int, ...]]]:
        """Return the shapes of the weights: the trainable ones, then the fixed."""
        return [[a.shape for a in group] for group in (self.trainable, self.fixed)]

    def outline(self) -> Variables:
        """Return variables of the same shapes that hold the seeds alone."""

        def outlines(arrays: list[Array]) -> list[Array]:
            return [np.broadcast_to(a.dtype.type(0), a.shape) for a in arrays]

        return Variables(outlines(self.trainable), outlines(self.fixed), self.seeds)

    def for_model_of(self, fresh: Variables) -> Variables:
        """Return these weights for a model that may differ in its dropout.

        Parameters
        ----------
        fresh : Variables
            Those of the new model.

        Raises
        ------
        ModelError
            When its weights have other shapes.
        """
        own, new = self.shapes(), fresh.shapes()
        if own != new:
            raise ModelError(
                "a training cannot go on with other layers: its weights have the "
                f"shapes {own}, those of the model {new}"
            )
        # A layer without dropout has no generator of random numbers.
        alike = len(self.seeds) == len(fresh.seeds)
        seeds = self.seeds if alike else fresh.seeds
        return Variables(self.trainable, self.fixed, seeds, self.optimizer)

    def assign(self, model: Any, optimizer: Any = None) -> None:
        """Set the variables of a model, and of an optimizer that is built."""
        *of_model, of_optimizer = self.groups()
        for variables, values in zip(model_variables(model), of_model, strict=True):
            assign_arrays(variables, values)
        if optimizer is not None:
            assign_arrays(optimizer.variables, of_optimizer)


def model_variables(model: Any) -> tuple[list[Any], list[Any], list[Any]]:
    """Return a model's trainable, fixed and seed variables."""
    weights = {id(v) for v in model.weights}
    rest = model.non_trainable_variables
    fixed = [v for v in rest if id(v) in weights]
    seeds = [v for v in rest if id(v) not in weights]
    return model.trainable_variables, fixed, seeds


def as_arrays(variables: Sequence[Any]) -> list[Array]:
    """Return copies of the values of variables."""
    return [np.array(keras.ops.convert_to_numpy(v)) for v in variables]


def assign_arrays(variables: Sequence[Any], values: Sequence[Array]) -> None:
    """Set variables to arrays of the same shapes."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


class Engine(ABC):
    """Trains and applies one model. Abstract.

    Parameters
    ----------
    recipe : Recipe
        Its model and optimizer belong to the engine from now on.

    Attributes
    ----------
    path : str
        What `training_path_` says.
    loaded : Variables or None
        What was loaded last, None once it has been trained on.
    lock : RLock
        Held from loading to the last use of what was loaded: estimators that were
        fitted in one thread share engines, and may be used in several.
    """

    path: str

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.model = recipe.model
        self.optimizer = recipe.optimizer
        self.optimizer.build(self.model.trainable_variables)
        self._fresh_optimizer = as_arrays(self.optimizer.variables)
        self.loaded: Variables | None = None
        self.lock = threading.RLock()
        self.model.compile(
            optimizer=self.optimizer,
            loss=recipe.loss,
            metrics=recipe.metrics,
            jit_compile=recipe.jit_compile,
            steps_per_execution=recipe.steps_per_execution,
        )

    def load(self, variables: Variables) -> None:
        """Take up a training; without optimizer state, begin that anew."""
        state = variables.optimizer
        shapes = [np.shape(a) for a in state]
        if shapes != [a.shape for a in self._fresh_optimizer]:
            state = self._fresh_optimizer
        self._load(
            Variables(variables.trainable, variables.fixed, variables.seeds, state)
        )
        self.loaded = variables

    @abstractmethod
    def _load(self, variables: Variables) -> None: ...

    @abstractmethod
    def read(self) -> Variables:
        """Return copies of all variables."""

    def sync_model(self) -> None:  # noqa: B027 (most engines train the model itself)
        """Bring the variables of `model` up to date, for callbacks."""

    def announce_metrics(self, target: Array) -> None:  # noqa: B027
        """Let `model` list its metrics: callbacks ask which way is better.

        `target` is one row of it. ``model.fit`` does so by itself.
        """

    def adopt_model(self) -> None:  # noqa: B027
        """Take over what callbacks may have set in `model`."""

    @abstractmethod
    def place(self, rows: Rows) -> Any:
        """Bring rows where the engine trains; it takes what this returns."""

    @abstractmethod
    def train_epoch(
        self, placed: Any, order: NDArray[np.int32], settings: Settings, hooks: Any
    ) -> dict[str, float]:
        """Train on all rows once, in that order; return loss and metrics.

        `hooks` is the `keras.callbacks.CallbackList` of the training, or None
        when it has no callback that wants to see batches.
        """

    @abstractmethod
    def evaluate(self, placed: Any) -> dict[str, float]:
        """Return loss and metrics on placed rows, training nothing."""

    @abstractmethod
    def predict(self, inputs: list[Array]) -> list[Array]:
        """Return the model's outputs."""


class FitEngine(Engine):
    """Trains with ``model.fit``: any backend, any model, any callback."""

    path = "fit"

    def _load(self, variables: Variables) -> None:
        variables.assign(self.model, self.optimizer)

    def read(self) -> Variables:
        return Variables.of(self.model, self.optimizer)

    def place(self, rows: Rows) -> Rows:
        return rows

    def train_epoch(
        self,
        placed: Rows,
        order: NDArray[np.int32],
        settings: Settings,
        hooks: Any = None,
    ) -> dict[str, float]:
        if settings.learning_rate is not None:
            self.optimizer.learning_rate = settings.learning_rate
        if settings.clipnorm is not None:
            self.optimizer.clipnorm = settings.clipnorm
        batches = Batches(self.model, placed, order, self.recipe.batch_size)
        callbacks = [] if hooks is None else [BatchHooks(hooks)]
        with _own_torch_generator(settings.seed) as seeding:
            history = self.model.fit(
                batches,
                epochs=1,
                shuffle=False,
                callbacks=[*seeding, *callbacks],
                verbose=0,
            )
        return {name: float(values[-1]) for name, values in history.history.items()}

    def evaluate(self, placed: Rows) -> dict[str, float]:
        order = np.arange(len(placed), dtype=np.int32)
        batches = Batches(self.model, placed, order, predict_batch(placed.inputs))
        logs = self.model.evaluate(batches, verbose=0, return_dict=True)
        return {name: float(value) for name, value in logs.items()}

    def predict(self, inputs: list[Array]) -> list[Array]:
        n_rows = inputs[0].shape[0]
        rows = Rows(inputs, np.zeros(n_rows, dtype=np.float32))
        order = np.arange(n_rows, dtype=np.int32)
        batches = Batches(self.model, rows, order, predict_batch(inputs))
        return list(keras.tree.flatten(self.model.predict(batches, verbose=0)))


@contextlib.contextmanager
def _own_torch_generator(seed: int) -> Iterator[list[Any]]:
    """Keep torch's global generator as it is; Keras' dropout draws from it.

    Yields callbacks that seed it when an epoch begins: what comes before, in a
    first call of ``fit`` alone, draws from it too.
    """
    if keras.backend.backend() != "torch":
        yield []
        return
    import torch

    def seed_torch(epoch: int, logs: Any) -> None:
        torch.manual_seed(seed)

    with torch.random.fork_rng():
        yield [keras.callbacks.LambdaCallback(on_epoch_begin=seed_torch)]


def packed(model: Any, inputs: Sequence[Any]) -> Any:
    """Return inputs in the structure in which a model was defined on them."""
    structure = getattr(model, "input", None)
    if isinstance(structure, (list, tuple)):  # TensorFlow's data sets take no list
        return tuple(keras.tree.pack_sequence_as(structure, list(inputs)))
    if isinstance(structure, dict):
        return keras.tree.pack_sequence_as(structure, list(inputs))
    return inputs[0] if len(inputs) == 1 else tuple(inputs)


def predict_batch(inputs: list[Array]) -> int:
    """Return how many rows to predict at a time, by the size of a row."""
    row = sum(math.prod(x.shape[1:]) for x in inputs)
    return max(32, min(4096, 2**20 // max(1, row)))


class Batches(keras.utils.PyDataset):
    """Hands rows to ``model.fit`` in a given order."""

    def __init__(
        self, model: Any, rows: Rows, order: NDArray[np.int32], batch_size: int
    ) -> None:
        super().__init__()
        self._model = model
        self._rows = rows
        self._order = order
        self._batch_size = batch_size

    def __len__(self) -> int:
        return math.ceil(len(self._order) / self._batch_size)

    def __getitem__(self, number: int) -> tuple[Any, ...]:
        start = number * self._batch_size
        batch = self._rows.take(self._order[start : start + self._batch_size])
        inputs = packed(self._model, as_dense(batch.inputs))
        if batch.weight is None:
            return inputs, batch.target
        return inputs, batch.target, batch.weight


class BatchHooks(keras.callbacks.Callback):
    """Passes on the hooks of batches alone: the session calls the others."""

    def __init__(self, hooks: Any) -> None:
        super().__init__()
        self._hooks = hooks

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._hooks.on_train_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._hooks.on_train_batch_end(batch, logs)
