"""The contenders of ``keras_trials.py``: what runs in the process of each.

All train the same model with the same 12 candidates on the same folds, and refit
nobody. Keras is imported here by whoever needs it, after the clock has started.
"""

from __future__ import annotations

import inspect
import itertools
import json
import logging
import os
import sys
import tempfile
import time
import warnings
import weakref
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score
from sklearn.model_selection import RandomizedSearchCV, StratifiedKFold

EPOCHS = 15
BATCH_SIZE = 32
N_SPLITS = 3

Candidate = dict[str, Any]


def data() -> tuple[Any, Any, list[tuple[Any, Any]]]:
    """Digits, scaled to [0, 1], and the folds."""
    X, y = load_digits(return_X_y=True)
    X = (X / 16.0).astype(np.float32)
    folds = StratifiedKFold(N_SPLITS, shuffle=True, random_state=0)
    return X, y, list(folds.split(X, y))


def candidates(n_trials: int = 12) -> list[Candidate]:
    """Two architectures, each with as many pairs of learning and dropout rate."""
    rng = np.random.default_rng(0)
    return [
        {
            "units": units,
            "learning_rate": float(10 ** rng.uniform(-3.3, -2.0)),
            "dropout": float(rng.uniform(0.05, 0.4)),
        }
        for _, units in itertools.product(range(n_trials // 2), (48, 64))
    ]


def architectures(n_trials: int) -> list[Candidate]:
    """Candidates of as many architectures, by their units alone."""
    rng = np.random.default_rng(0)
    return [
        {"units": int(units), "learning_rate": 2e-3, "dropout": 0.2}
        for units in rng.choice(np.arange(16, 129), size=n_trials, replace=False)
    ]


# Name -> candidates, and what XLA has to do with them.
KINDS = {
    "candidates": (candidates, "auto"),
    "architectures": (architectures, "auto"),
    "architectures-without-xla": (architectures, False),
}


def build(units: int = 64, dropout: float = 0.2) -> Any:
    """The model of all contenders."""
    import keras

    layers: list[Any] = [keras.Input((64,))]
    for _ in range(2):
        layers.append(keras.layers.Dense(units, activation="relu"))
        layers.append(keras.layers.Dropout(dropout))
    return keras.Sequential([*layers, keras.layers.Dense(10, activation="softmax")])


# --- contenders ---------------------------------------------------------------------
# Each returns a function that searches; it returns mean scores and facts by name.

Search = Callable[[], tuple[list[float], dict[str, Any]]]


def scikeras() -> Search:
    """``RandomizedSearchCV`` around scikeras; it draws each candidate once."""
    from scikeras.wrappers import KerasClassifier

    X, y, folds = data()
    # scikeras' random_state would slow TensorFlow: it asks for determinism.
    estimator = KerasClassifier(
        model=build,
        loss="sparse_categorical_crossentropy",
        optimizer="adam",
        epochs=EPOCHS,
        batch_size=BATCH_SIZE,
        verbose=0,
    )
    names = {"learning_rate": "optimizer__learning_rate"}

    def search() -> tuple[list[float], dict[str, Any]]:
        grids = [
            {names.get(name, f"model__{name}"): [value] for name, value in c.items()}
            for c in candidates()
        ]
        fitted = RandomizedSearchCV(
            estimator, grids, n_iter=len(grids), cv=folds, refit=False, random_state=0
        ).fit(X, y)
        results = fitted.cv_results_
        where = [
            results["params"].index({name: v[0] for name, v in grid.items()})
            for grid in grids
        ]
        return [float(results["mean_test_score"][i]) for i in where], {}

    return search


def keras_tuner() -> Search:
    """``RandomSearch`` of keras-tuner, with the loop over folds its users write.

    What it draws counts for nothing: the number of a trial says which candidate it is,
    since of few candidates it gives up before it has drawn the last.
    """
    import keras
    import keras_tuner

    X, y, folds = data()
    scores: list[float] = []

    class CrossValidated(keras_tuner.RandomSearch):  # type: ignore[misc]
        def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> float:
            candidate = candidates()[len(scores)]
            rate = candidate.pop("learning_rate")
            values = []
            for train, test in folds:
                model = build(**candidate)
                model.compile(
                    keras.optimizers.Adam(rate), "sparse_categorical_crossentropy"
                )
                model.fit(
                    X[train], y[train], epochs=EPOCHS, batch_size=BATCH_SIZE, verbose=0
                )
                outputs = model.predict(X[test], verbose=0)
                values.append(accuracy_score(y[test], outputs.argmax(axis=1)))
            scores.append(float(np.mean(values)))
            return scores[-1]

    drawn = keras_tuner.HyperParameters()
    drawn.Float("drawn", 0.0, 1.0)

    def search() -> tuple[list[float], dict[str, Any]]:
        with tempfile.TemporaryDirectory() as folder:
            tuner = CrossValidated(
                hyperparameters=drawn,
                objective=keras_tuner.Objective("score", "max"),
                max_trials=len(candidates()),
                seed=0,
                directory=folder,
            )
            tuner.search(verbose=0)
        return scores, {}

    return search


def _own_search(
    tried: list[Candidate], scoring: Any = None, jit_compile: bool | str = "auto"
) -> Any:
    """Our search and our estimator; the candidates are its first trials."""
    from sktune import BayesSearchCV, Categorical, Float, Integer
    from sktune.keras import KerasClassifier

    names = {"learning_rate": "learning_rate"}
    params = [
        {names.get(name, f"model__{name}"): value for name, value in c.items()}
        for c in tried
    ]
    units = {c["units"] for c in tried}
    _, _, folds = data()
    return BayesSearchCV(
        KerasClassifier(
            build,
            epochs=EPOCHS,
            batch_size=BATCH_SIZE,
            random_state=0,
            jit_compile=jit_compile,
        ),
        {
            "model__units": (
                Categorical(sorted(units)) if len(units) == 2 else Integer(16, 128)
            ),
            "learning_rate": Float(1e-4, 1e-1, "log-uniform"),
            "model__dropout": Float(0.0, 0.5),
        },
        n_iter=len(params),
        initial_params=params,
        cv=folds,
        scoring=scoring,
        refit=False,
        n_jobs=1,
        random_state=0,
    ), params


def sktune() -> Search:
    """``BayesSearchCV`` around `sktune.keras.KerasClassifier`."""
    search, params = _own_search(candidates())
    X, y, _ = data()

    def run() -> tuple[list[float], dict[str, Any]]:
        with Phases() as phases:
            search.fit(X, y)
        results = search.cv_results_
        for tried, wanted in zip(results["params"], params, strict=True):
            # The search keeps numbers on its own scales: the last digit may differ.
            assert all(np.isclose(tried[name], wanted[name]) for name in wanted)
        scores = [float(score) for score in results["mean_test_score"]]
        return scores, {"phases": dict(phases.seconds), "counts": dict(phases.counts)}

    return run


# --- where the time of ours goes ----------------------------------------------------


class Phases:
    """Adds up where the time of our estimator goes, by wrapping its parts.

    The first call of an engine's method on arrays of some shape is what traces and
    compiles; it also trains its epoch, which takes a hundredth of that.

    Attributes
    ----------
    seconds : dict of str to float
        Seconds in each phase, not counted twice where one is inside another.
    counts : dict of str to int
        How often each phase was entered.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.counts: dict[str, int] = defaultdict(int)
        self._seen: Any = weakref.WeakKeyDictionary()
        self._inner = [0.0]
        self._undo: list[tuple[Any, str, Any]] = []

    def __enter__(self) -> Phases:
        from sktune.keras import _build, _engine, _engines
        from sktune.keras._compiled import CompiledEngine

        for owner, name, phase in (
            (_build, "build_model", "building models"),
            (_engines, "engine_for", "finding or making engines"),
            (_engine.Engine, "load", "moving weights and data"),
            (_engine.Variables, "of", "moving weights and data"),
            (CompiledEngine, "place", "moving weights and data"),
        ):
            self._wrap(owner, name, lambda *_, phase=phase: phase)
        for name, phase in (("train_epoch", "stepping"), ("predict", "predicting")):
            self._wrap(CompiledEngine, name, self._first_or(name, phase))
        return self

    def __exit__(self, *_: object) -> None:
        for owner, name, original in reversed(self._undo):
            setattr(owner, name, original)

    def _first_or(self, name: str, phase: str) -> Callable[..., str]:
        def told(engine: Any, data: Any, *_: Any) -> str:
            inputs = getattr(data, "inputs", data)
            key = (name, *(tuple(x.shape) for x in inputs))
            seen = self._seen.setdefault(engine, set())
            first = key not in seen
            seen.add(key)
            return f"tracing and compiling ({phase})" if first else phase

        return told

    def _wrap(self, owner: Any, name: str, phase_of: Callable[..., str]) -> None:
        original = vars(owner)[name]
        function = getattr(original, "__func__", original)

        def timed(*args: Any, **kwargs: Any) -> Any:
            phase = phase_of(*args)
            self._inner.append(0.0)
            started = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                seconds = time.perf_counter() - started
                self.seconds[phase] += seconds - self._inner.pop()
                self.counts[phase] += 1
                self._inner[-1] += seconds

        kind = staticmethod if isinstance(original, staticmethod) else lambda f: f
        owners = [owner]
        if inspect.ismodule(owner):  # other modules have imported it by name
            owners = [m for m in sys.modules.values() if _has(m, name, original)]
        for owner in owners:
            self._undo.append((owner, name, original))
            setattr(owner, name, kind(timed))


def _has(module: Any, name: str, value: object) -> bool:
    own = getattr(module, "__name__", "").startswith("sktune.")
    return own and vars(module).get(name) is value


# --- memory -------------------------------------------------------------------------


def resident() -> float:
    """Megabytes of memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def memory(kind: str, n_trials: int) -> list[tuple[float, float]]:
    """Megabytes, and the time, after each trial of a search of ours."""
    after_fold: list[tuple[float, float]] = []

    def scoring(estimator: Any, X: Any, y: Any) -> float:
        score = accuracy_score(y, estimator.predict(X))
        after_fold.append((resident(), time.perf_counter()))
        return float(score)

    X, y, _ = data()
    make, jit_compile = KINDS[kind]
    search, _ = _own_search(make(n_trials), scoring, jit_compile)
    search.fit(X, y)
    return after_fold[N_SPLITS - 1 :: N_SPLITS]


# --- the process of a contender -----------------------------------------------------

CONTENDERS: dict[str, Callable[[], Search]] = {
    "scikeras": scikeras,
    "keras-tuner": keras_tuner,
    "sktune": sktune,
}


def load_lazy_imports() -> None:
    """Import what Keras imports late, so that it counts as import for everyone.

    To serialize anything, Keras imports TensorFlow where it is installed, also when
    another backend computes.
    """
    import keras

    keras.saving.serialize_keras_object(keras.optimizers.Adam())


def main(task: str, argument: str, n_trials: int = 0) -> None:
    """Run a contender or the memory test; print the outcome as JSON."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    if task == "memory":
        print(json.dumps(memory(argument, int(n_trials))))
        return
    wall = time.perf_counter()
    search = CONTENDERS[argument]()
    load_lazy_imports()
    seconds = {"import": time.perf_counter() - wall}
    wall, cpu = time.perf_counter(), time.process_time()
    scores, facts = search()
    seconds |= {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    print(json.dumps({"scores": scores, **seconds, **facts}))


if __name__ == "__main__":
    main(*sys.argv[1:])
