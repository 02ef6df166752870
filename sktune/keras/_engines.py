"""Keeps compiled engines for the next training.

Compiling takes longer than training a small model. An engine is kept for the
next recipe that differs only in what is an input of its functions.
"""

from __future__ import annotations

import gc
import json
import threading
import warnings
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import keras

from ._compiled import CompiledEngine, dropout_layers
from ._engine import Engine, Recipe, Variables

__all__ = ["engine_for", "known_recipe"]

# Each holds a model, its compiled functions and a copy of its weights: some 20 MB.
MAX_ENGINES = 10
# They hold numbers.
MAX_RECIPES = 256


class _Kept(threading.local):
    """What a thread keeps: an engine trains one model at a time.

    Attributes
    ----------
    engines : dict of Hashable -> CompiledEngine
        By what they were compiled for; last those that were used last.
    recipes : dict of Hashable -> Recipe
        By name; the engine of each is among those.
    fresh : dict of Engine -> (Hashable, Variables)
        Name of the last recipe of an engine, and the variables of its model before
        training.
    n_forgotten : int
        How many engines had to make room for others.
    """

    def __init__(self) -> None:
        self.engines: OrderedDict[Hashable, CompiledEngine] = OrderedDict()
        self.recipes: OrderedDict[Hashable, Recipe] = OrderedDict()
        self.fresh: dict[Engine, tuple[Hashable, Variables]] = {}
        self.n_forgotten = 0


_kept = _Kept()


def known_recipe(name: Hashable, *, begins: bool = False) -> Recipe | None:
    """Return the recipe of that name, if a compiled engine has trained its like.

    Building a model takes longer than training a small one for an epoch.

    Parameters
    ----------
    name : Hashable
        None is nobody's.
    begins : bool
        Whether fresh weights are needed: those of an engine's last recipe are at
        hand, for the other folds of a candidate and for candidates that differ in
        settings alone. A training that goes on has its own.

    Returns
    -------
    Recipe or None
        With the model of its engine, to read from.
    """
    recipe = None if name is None else _kept.recipes.get(name)
    if recipe is None or not begins:
        return recipe
    last, fresh = _kept.fresh[recipe.engine]
    return replace(recipe, fresh=fresh) if last == name else None


def engine_for(recipe: Recipe) -> CompiledEngine:
    """Return a compiled engine for a recipe.

    Parameters
    ----------
    recipe : Recipe
        What is to be trained. An engine that is kept from an earlier recipe has
        a model of its own, equal but for its variables.

    Returns
    -------
    CompiledEngine
    """
    engines = _kept.engines
    if recipe.engine is not None:
        key = next((k for k, e in engines.items() if e is recipe.engine), None)
        if key is not None:
            engines.move_to_end(key)
        return recipe.engine  # type: ignore[no-any-return]
    key = recipe_key(recipe)
    engine = engines.get(key)
    if engine is None:
        if len(engines) >= MAX_ENGINES:
            _make_room()
        engine = engines[key] = _compiled_engine(recipe)
    engines.move_to_end(key)
    _note(recipe, engine)
    return engine


def _note(recipe: Recipe, engine: CompiledEngine) -> None:
    """Keep what a recipe says besides what its engine holds."""
    if recipe.name is None:
        return
    recipes = _kept.recipes
    recipes[recipe.name] = replace(
        recipe,
        model=engine.model,
        optimizer=engine.optimizer,
        loss=engine.recipe.loss,
        metrics=engine.recipe.metrics,
        fresh=recipe.fresh.outline(),
        engine=engine,
    )
    _kept.fresh[engine] = (recipe.name, recipe.fresh)
    if len(recipes) > MAX_RECIPES:
        recipes.popitem(last=False)


def _make_room() -> None:
    """Forget engines, and what the backend would keep of them."""
    if keras.backend.backend() != "jax":
        # TensorFlow's graphs are cycles, which Python by itself finds late. To look
        # for them takes a fifth of a second: not each time.
        _kept.n_forgotten += 1
        if _kept.n_forgotten % (MAX_ENGINES // 2) == 0:
            gc.collect()
        _, oldest = _kept.engines.popitem(last=False)
        for name in [n for n, r in _kept.recipes.items() if r.engine is oldest]:
            del _kept.recipes[name]
        _kept.fresh.pop(oldest, None)
        return
    import jax

    # Keras initializes weights by functions that JAX compiles for each shape, and
    # keeps until it forgets all functions. Those in use are compiled again.
    _kept.engines.clear()
    _kept.recipes.clear()
    _kept.fresh.clear()
    forget: Any = jax.clear_caches  # it has no types
    forget()


def _compiled_engine(recipe: Recipe) -> CompiledEngine:
    if keras.backend.backend() == "jax":
        from ._jax import JaxEngine

        return JaxEngine(recipe)
    from ._tensorflow import TensorflowEngine

    return TensorflowEngine(recipe)


# -- What makes two recipes the same -----------------------------------------------


def recipe_key(recipe: Recipe) -> Hashable:
    """Return what two recipes share that can share compiled functions.

    Where all objects are Keras' own, their configurations say everything. What a
    user wrote may hold more than its configuration shows: there `identity`
    counts too.
    """
    config = _config_of(recipe.model)
    model = None if config is None else _model_config(recipe.model, config)
    optimizer = recipe.optimizer.get_config()
    parts = {
        "model": model,
        "inputs": _input_names(recipe.model),
        "optimizer": {
            name: value
            for name, value in optimizer.items()
            if name not in ("name", "learning_rate", "weight_decay")
        },
        "decays": optimizer.get("weight_decay") is not None,
        "loss": _loss_config(recipe.loss),
        "metrics": [keras.saving.serialize_keras_object(m) for m in recipe.metrics],
    }
    text = json.dumps(parts, sort_keys=True, default=repr)
    own = config is not None and _is_keras_own(recipe, config)
    return (
        # Classes, not their names: a function may make several of one name.
        type(recipe.model),
        type(recipe.optimizer),
        type(recipe.loss),
        tuple(type(metric) for metric in recipe.metrics),
        text,
        tuple(tuple(v.shape) for v in recipe.model.variables),
        recipe.batch_size,
        recipe.jit_compile,
        recipe.device,
        None if own else recipe.identity,
    )


def _config_of(model: Any) -> Any:
    """Return a model's configuration, None where a class does not tell its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of lambdas: nothing is saved
        try:
            return keras.saving.serialize_keras_object(model)
        except (NotImplementedError, TypeError, ValueError):
            return None


# Under these keys a configuration refers to layers by name.
_REFERENCES = ("name", "keras_history", "input_layers", "output_layers")


def _model_config(model: Any, config: Any) -> Any:
    """Return a model's configuration without names and without dropout rates."""
    rates = {layer.name for layer in dropout_layers(model)}
    names: dict[str, str] = {}
    _collect_names(config, names)
    return _neutral(config, names, rates)


def _collect_names(config: Any, names: dict[str, str]) -> None:
    """Number the names of layers and operations in the order of their creation."""
    if isinstance(config, dict):
        name = config.get("name")
        if isinstance(name, str) and "class_name" not in config:
            names.setdefault(name, f"#{len(names)}")
        if config.get("class_name") == "DTypePolicy":
            return  # its name is what it means
        for value in config.values():
            _collect_names(value, names)
    elif isinstance(config, (list, tuple)):
        for value in config:
            _collect_names(value, names)


def _neutral(
    config: Any, names: dict[str, str], rates: set[str], refers: bool = False
) -> Any:
    if isinstance(config, dict):
        neutral = {
            key: _neutral(value, names, rates, refers or key in _REFERENCES)
            for key, value in config.items()
        }
        if config.get("name") in rates and "rate" in config:
            neutral["rate"] = "an input"
        return neutral
    if isinstance(config, (list, tuple)):
        return [_neutral(value, names, rates, refers) for value in config]
    return names.get(config, config) if refers and isinstance(config, str) else config


def _input_names(model: Any) -> list[str | None]:
    """Return the names by which several inputs are told apart, where users chose."""
    names = [tensor.name for tensor in getattr(model, "inputs", None) or ()]
    if len(names) < 2:
        return []
    by_keras = ("keras_tensor", "input_layer")
    return [None if name.startswith(by_keras) else name for name in names]


def _loss_config(loss: Any) -> Any:
    """Return a loss's configuration, and all it holds where a user wrote it."""
    parts = [loss.get_config()]
    if not type(loss).__module__.startswith("keras."):
        parts.append(vars(loss))
    # Keras numbers the names.
    return [{k: v for k, v in part.items() if k != "name"} for part in parts]


def _is_keras_own(recipe: Recipe, config: Any) -> bool:
    """Whether all that is trained is made of Keras' own objects."""
    parts = [recipe.model, recipe.optimizer, recipe.loss, *recipe.metrics]
    if not all(type(part).__module__.startswith("keras.") for part in parts):
        return False
    return not _mentions_own(config) and (
        not _mentions_own([m.get_config() for m in recipe.metrics])
    )


def _mentions_own(config: Any) -> bool:
    """Whether a configuration holds a class or function that Keras lacks."""
    if isinstance(config, dict):
        functions = ("function", "__lambda__")
        is_code = isinstance(config.get("value"), tuple)  # a lambda as activation
        if is_code or config.get("class_name") in functions:
            return True
        is_keras = str(config.get("module")).startswith("keras.")  # Functional, say
        if config.get("registered_name") and not is_keras:
            return True
        return any(_mentions_own(value) for value in config.values())
    if isinstance(config, (list, tuple)):
        return any(_mentions_own(value) for value in config)
    return callable(config)
