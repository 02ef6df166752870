"""Schedules against settings: final scores at equal total epochs.

Each contender trains a population of networks on the same rows, sees their scores on
the same validation rows, and gives the model that was best there at the end. That
model's accuracy and log loss on rows that nobody has seen are what counts. All of them
train by `sktune.keras.KerasClassifier`, Ray's too.

Random search trains constants; Hyperband stops bad ones early; PBT changes them.
Hyperband takes the plan whose total is nearest to that of the population.

From the root of the repository::

    python benchmarks/pbt.py                            # all but Ray
    python benchmarks/pbt.py --contenders ray-pbt ray-pb2 perturb --seeds 2
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import _environment

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from _report import table, with_error
from sklearn.datasets import load_digits, make_classification
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sktune import HyperbandSearchCV, PBTSearchCV, ScheduledEstimator, Space
from sktune.keras import KerasClassifier
from sktune.optimizers import make_brackets, n_units

SIZE = 8
EPOCHS = 30
GENERATIONS = 10
SCORING = "neg_log_loss"


@dataclass(frozen=True)
class Task:
    """Rows to train on, to validate on and to test on; a network and its space."""

    name: str
    rows: tuple[np.ndarray, ...]
    model: Any
    space: dict[str, Any]
    note: str

    @property
    def search_data(self) -> dict[str, Any]:
        """What a search with one fold takes."""
        X_train, X_valid, _, y_train, y_valid, _ = self.rows
        n = len(X_train)
        fold = (np.arange(n), np.arange(n, n + len(X_valid)))
        return {
            "X": np.concatenate([X_train, X_valid]),
            "y": np.concatenate([y_train, y_valid]),
            "cv": [fold],
        }


@dataclass(frozen=True)
class Result:
    """The model that a contender ends with, and what it took."""

    model: Any
    epochs: int
    seconds: float
    more: dict[str, Any] = field(default_factory=dict)


def _split(X: Any, y: Any, n_train: int, n_valid: int) -> tuple[np.ndarray, ...]:
    X = X.astype("float32")
    X_rest, X_test, y_rest, y_test = train_test_split(
        X, y, train_size=n_train + n_valid, random_state=0, stratify=y
    )
    X_train, X_valid, y_train, y_valid = train_test_split(
        X_rest, y_rest, train_size=n_train, random_state=0, stratify=y_rest
    )
    return X_train, X_valid, X_test, y_train, y_valid, y_test


SPACE: dict[str, Any] = {
    "learning_rate": (1e-4, 1e0, "log-uniform"),
    "weight_decay": (1e-6, 1e-1, "log-uniform"),
    "model__dropout": (0.05, 0.5),
}


def noisy() -> Task:
    """Plain SGD on noisy labels: a rate that falls has much to average out."""
    X, y = make_classification(
        4000,
        20,
        n_informative=10,
        n_redundant=0,
        n_classes=4,
        flip_y=0.2,
        class_sep=1.5,
        random_state=0,
    )
    X = StandardScaler().fit_transform(X)
    model = KerasClassifier(
        optimizer="sgd", momentum=0.9, batch_size=16, model__units=64
    )
    return Task("mlp, noisy", _split(X, y, 1000, 1000), model, SPACE, "a schedule pays")


def digits_mlp() -> Task:
    """Adam on clean digits: nearly any rate will do."""
    X, y = load_digits(return_X_y=True)
    model = KerasClassifier(optimizer="adam", batch_size=32, model__units=64)
    return Task("mlp, digits", _split(X / 16.0, y, 700, 400), model, SPACE, "it hardly")


def digits_cnn() -> Task:
    """A small convolutional network."""
    X, y = load_digits(return_X_y=True)
    X = (X / 16.0).reshape(-1, 8, 8, 1)
    model = KerasClassifier("cnn", optimizer="sgd", momentum=0.9, batch_size=32)
    return Task("cnn, digits", _split(X, y, 700, 400), model, SPACE, "a schedule pays")


TASKS: dict[str, Callable[[], Task]] = {
    "noisy": noisy,
    "digits": digits_mlp,
    "cnn": digits_cnn,
}

# -- Contenders ------------------------------------------------------------------


def _seeded(task: Task, seed: int) -> Any:
    from sklearn.base import clone

    return clone(task.model).set_params(random_state=seed, epochs=EPOCHS)


def _repeated(task: Task, seed: int, schedule: Any) -> Any:
    """The model of a member: training is repeated bit by bit, and not counted."""
    scheduled = ScheduledEstimator(_seeded(task, seed), schedule)
    return scheduled.fit(task.rows[0], task.rows[3]).estimator_


def random_constants(task: Task, seed: int) -> Result:
    """As many members, each with constants."""
    space = Space(task.space)
    points = space.sample(np.random.default_rng(seed), SIZE)
    X_train, X_valid, _, y_train, y_valid, _ = task.rows
    started, best = time.perf_counter(), (-np.inf, None)
    for point in points:
        model = _seeded(task, seed).set_params(**space.from_unit(point))
        try:
            model.fit(X_train, y_train)
            score = -log_loss(y_valid, model.predict_proba(X_valid))
        except ValueError:  # it diverged
            continue
        if score > best[0]:
            best = (score, model)
    return Result(best[1], SIZE * EPOCHS, time.perf_counter() - started)


def hyperband(task: Task, seed: int) -> Result:
    """Brackets of about as many epochs."""
    max_resource = 27
    sizes = {
        n: n_units(make_brackets(max_resource, n_candidates=n), continues=True)
        for n in range(4, 40)
    }
    n_candidates = min(sizes, key=lambda n: abs(sizes[n] - SIZE * EPOCHS))
    search = HyperbandSearchCV(
        _seeded(task, seed),
        task.space,
        max_resource=max_resource,
        n_candidates=n_candidates,
        refit=False,
        scoring=SCORING,
        random_state=seed,
        cv=task.search_data["cv"],
    )
    started = time.perf_counter()
    search.fit(task.search_data["X"], task.search_data["y"])
    seconds = time.perf_counter() - started
    end = int(search.cv_results_["n_resources"][search.best_index_])
    schedule = [{"start": 0, "end": end, "params": search.best_params_}]
    return Result(_repeated(task, seed, schedule), sizes[n_candidates], seconds)


def population(task: Task, seed: int, **options: Any) -> Result:
    """Our population."""
    search = PBTSearchCV(
        _seeded(task, seed),
        task.space,
        population_size=SIZE,
        n_generations=GENERATIONS,
        max_resource=EPOCHS,
        refit=False,
        scoring=SCORING,
        random_state=seed,
        cv=task.search_data["cv"],
        **options,
    )
    started = time.perf_counter()
    search.fit(task.search_data["X"], task.search_data["y"])
    seconds = time.perf_counter() - started
    rates = [s["params"]["learning_rate"] for s in search.best_schedule_]
    model = _repeated(task, seed, search.best_schedule_)
    return Result(model, SIZE * EPOCHS, seconds, {"rates": rates})


def perturb(task: Task, seed: int) -> Result:
    """Our population, perturbed."""
    return population(task, seed)


def bayes(task: Task, seed: int) -> Result:
    """Our population, led by a Gaussian process."""
    return population(task, seed, explore="bayes")


def frequencies(task: Task, seed: int) -> Result:
    """Our population with two intervals."""
    interval = EPOCHS // GENERATIONS
    return population(task, seed, interval=[interval, 5 * interval])


def _ray(task: Task, seed: int, scheduler: Any, config: dict[str, Any]) -> Result:
    import ray
    from ray import tune

    rows, model_of = task.rows, _seeded(task, seed)

    class Member(tune.Trainable):
        """One member: an interval a step."""

        def setup(self, config: dict[str, Any]) -> None:
            os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
            from sklearn.base import clone

            self.model = clone(model_of).set_params(**config)

        def step(self) -> dict[str, float]:
            try:
                self.model.train_more(rows[0], rows[3], EPOCHS // GENERATIONS)
                loss = log_loss(rows[4], self.model.predict_proba(rows[1]))
            except ValueError:
                loss = 100.0
            return {"score": -float(min(loss, 100.0))}

        def save_checkpoint(self, checkpoint_dir: str) -> None:
            state = b""
            if hasattr(self.model, "history_"):
                state = self.model.get_training_state()
            (Path(checkpoint_dir) / "state").write_bytes(state)

        def load_checkpoint(self, checkpoint_dir: str) -> None:
            state = (Path(checkpoint_dir) / "state").read_bytes()
            if state:
                self.model.set_training_state(state)

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            self.model.set_params(**new_config)
            return True

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
            ignore_reinit_error=True,
        )
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002 (Ray draws from it)
        started = time.perf_counter()
        tuner = tune.Tuner(
            Member,
            param_space=config,
            tune_config=tune.TuneConfig(
                scheduler=scheduler,
                num_samples=SIZE,
                metric="score",
                mode="max",
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                stop={"training_iteration": GENERATIONS},
                storage_path=folder,
                verbose=0,
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=True),
            ),
        )
        results = tuner.fit()
        seconds = time.perf_counter() - started
        # the best at the end, as ours
        best = results.get_best_result(scope="last")
        model = _seeded(task, seed).set_params(**best.config)
        with best.checkpoint.as_directory() as directory:
            model.set_training_state((Path(directory) / "state").read_bytes())
        ray.shutdown()
    return Result(model, SIZE * EPOCHS, seconds)


def _ray_space(task: Task) -> dict[str, Any]:
    from ray import tune

    def distribution(spec: Any) -> Any:
        if spec[-1] == "log-uniform":
            return tune.loguniform(*spec[:2])
        return tune.uniform(*spec)

    return {name: distribution(spec) for name, spec in task.space.items()}


def ray_pbt(task: Task, seed: int) -> Result:
    """Ray Tune's PBT with its default factors and probabilities."""
    from ray.tune.schedulers import PopulationBasedTraining

    space = _ray_space(task)
    scheduler = PopulationBasedTraining(
        time_attr="training_iteration",
        perturbation_interval=1,
        hyperparam_mutations=space,
        synch=True,
        log_config=False,
    )
    return _ray(task, seed, scheduler, space)


def ray_pb2(task: Task, seed: int) -> Result:
    """Ray Tune's PB2; its bounds know no logarithm."""
    from ray.tune.schedulers.pb2 import PB2

    scheduler = PB2(
        time_attr="training_iteration",
        perturbation_interval=1,
        hyperparam_bounds={n: list(spec[:2]) for n, spec in task.space.items()},
        synch=True,
        log_config=False,
    )
    return _ray(task, seed, scheduler, _ray_space(task))


CONTENDERS: dict[str, Callable[[Task, int], Result]] = {
    "random": random_constants,
    "hyperband": hyperband,
    "perturb": perturb,
    "bayes": bayes,
    "frequencies": frequencies,
    "ray-pbt": ray_pbt,
    "ray-pb2": ray_pb2,
}

# -- Tables ----------------------------------------------------------------------


def scores(task: Task, model: Any) -> tuple[float, float, float]:
    """Accuracy and log loss on the test rows, log loss on the validation rows."""
    _, X_valid, X_test, _, y_valid, y_test = task.rows
    proba = model.predict_proba(X_test)
    accuracy = float(np.mean(model.classes_[proba.argmax(axis=1)] == y_test))
    return (
        100.0 * accuracy,
        float(log_loss(y_test, proba)),
        float(log_loss(y_valid, model.predict_proba(X_valid))),
    )


def overhead(task: Task, seed: int = 0) -> tuple[float, float]:
    """Seconds an epoch of a population, and of the same models one after another."""
    search = population(task, seed)  # compiles
    search = population(task, seed)
    space = Space(task.space)
    started = time.perf_counter()
    for point in space.sample(np.random.default_rng(seed), SIZE):
        model = _seeded(task, seed).set_params(**space.from_unit(point))
        try:
            model.fit(task.rows[0], task.rows[3])
            model.predict_proba(task.rows[1])
        except ValueError:
            continue
    plain = time.perf_counter() - started
    return search.seconds / search.epochs, plain / (SIZE * EPOCHS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument(
        "--contenders",
        nargs="+",
        choices=CONTENDERS,
        default=[name for name in CONTENDERS if not name.startswith("ray")],
    )
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print(_environment.describe() if hasattr(_environment, "describe") else "")
    for name in options.tasks:
        task = TASKS[name]()
        print(f"\n{task.name} ({task.note}): {options.seeds} seeds", flush=True)
        rows = []
        for contender in options.contenders:
            found, epochs, seconds, last = [], 0, 0.0, {}
            for seed in range(options.seeds):
                result = CONTENDERS[contender](task, seed)
                found.append(scores(task, result.model))
                epochs, last = result.epochs, result.more
                seconds += result.seconds / options.seeds
            accuracy, loss, valid = zip(*found, strict=True)
            rows.append(
                [
                    contender,
                    str(epochs),
                    with_error(accuracy, 2),
                    with_error(loss, 4),
                    with_error(valid, 4),
                    f"{seconds:.1f}",
                ]
            )
            print(" ", *rows[-1], flush=True)
            if "rates" in last:
                print("    rates:", " ".join(f"{r:.2g}" for r in last["rates"]))
        header = ["contender", "epochs", "accuracy", "log loss", "on validation", "s"]
        print(table(header, rows))
        ours, plain = overhead(task)
        print(
            f"an epoch of the population: {1000 * ours:.1f} ms, of the same models one "
            f"after another: {1000 * plain:.1f} ms, ratio {ours / plain:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
