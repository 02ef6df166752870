"""Schedules against settings: final scores at equal total epochs.

Each contender trains a population of networks on the same rows, sees their scores on
the same validation rows, and gives the model that was best there at the end. That
model's accuracy and log loss on rows that nobody has seen are what counts. All of them
train by `sktune.keras.KerasClassifier`, Ray's too.

Random search trains constants; Hyperband stops bad ones early; PBT changes them.
Random search under a known schedule, a cosine, shows whether a task has something to
gain by one. Hyperband takes the plan whose total is nearest to that of the population.
Ray's PBT and PB2 have their own defaults, and the same intervals.

From the root of the repository::

    python benchmarks/pbt.py --runs runs.json           # Ray, where it is installed
    python benchmarks/pbt.py --contenders random perturb --tasks noisy --seeds 20
    python benchmarks/pbt.py --only times
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import itertools
import json
import os
import random
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Client, Listener
from pathlib import Path
from typing import Any

import _environment

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from _report import mean_and_error, table, with_error
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, make_classification
from sklearn.metrics import get_scorer, log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sktune import HyperbandSearchCV, PBTSearchCV, ScheduledEstimator, Space
from sktune.keras import KerasClassifier
from sktune.optimizers import make_brackets, n_units

SIZE = 8
EPOCHS = 30
GENERATIONS = 10
SCORING = "neg_log_loss"
OURS = "perturb"


@dataclass(frozen=True)
class Task:
    """Rows to train on, to validate on and to test on; a network and its space."""

    name: str
    rows: tuple[np.ndarray, ...]
    model: Any
    space: dict[str, Any]

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
    return Task("mlp, noisy", _split(X, y, 1000, 1000), model, SPACE)


def digits_mlp() -> Task:
    """Adam on clean digits: nearly any rate will do."""
    X, y = load_digits(return_X_y=True)
    model = KerasClassifier(optimizer="adam", batch_size=32, model__units=64)
    return Task("mlp, digits", _split(X / 16.0, y, 700, 400), model, SPACE)


def noisy_cnn() -> Task:
    """A small convolutional network, plain SGD, digits under noise."""
    X, y = load_digits(return_X_y=True)
    X = X / 16.0 + 0.3 * np.random.default_rng(0).normal(size=X.shape)
    model = KerasClassifier(
        "cnn", optimizer="sgd", momentum=0.9, batch_size=32, model__filters=8
    )
    rows = _split(X.reshape(-1, 8, 8, 1), y, 700, 400)
    return Task("cnn, noisy digits", rows, model, SPACE)


def shifted_cnn() -> Task:
    """A larger one on larger images: digits anywhere in them, under noise."""
    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    images = 0.3 * rng.normal(size=(len(X), 12, 12, 1))
    corners = rng.integers(0, 5, size=(len(X), 2))
    for image, digit, (i, j) in zip(images, X, corners, strict=True):
        image[i : i + 8, j : j + 8] += digit.reshape(8, 8, 1) / 16.0
    model = KerasClassifier(
        "cnn", optimizer="sgd", momentum=0.9, batch_size=32, model__filters=16
    )
    return Task("cnn, shifted digits", _split(images, y, 700, 400), model, SPACE)


def cancer() -> Task:
    """Adam on few rows that are easily told apart."""
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    model = KerasClassifier(optimizer="adam", batch_size=32, model__units=32)
    return Task("mlp, breast cancer", _split(X, y, 250, 150), model, SPACE)


def larger() -> Task:
    """A larger network on ten times as many rows."""
    X, y = make_classification(
        14_000, 50, n_informative=20, n_classes=4, flip_y=0.1, random_state=0
    )
    X = StandardScaler().fit_transform(X)
    model = KerasClassifier(optimizer="adam", batch_size=32, model__units=(128, 128))
    return Task("mlp, 10,000 rows", _split(X, y, 10_000, 2000), model, SPACE)


TASKS: dict[str, Callable[[], Task]] = {
    "noisy": noisy,
    "digits": digits_mlp,
    "cancer": cancer,
    "larger": larger,
    "cnn": noisy_cnn,
    "shifted": shifted_cnn,
}

# -- Contenders ------------------------------------------------------------------


def _seeded(task: Task, seed: int) -> Any:
    return clone(task.model).set_params(random_state=seed, epochs=EPOCHS)


def _repeated(task: Task, seed: int, schedule: Any) -> Any:
    """The model of a member: training is repeated bit by bit, and not counted."""
    scheduled = ScheduledEstimator(_seeded(task, seed), schedule)
    return scheduled.fit(task.rows[0], task.rows[3]).estimator_


def random_constants(task: Task, seed: int, **params: Any) -> Result:
    """As many members, each with constants."""
    space = Space(task.space)
    points = space.sample(np.random.default_rng(seed), SIZE)
    X_train, X_valid, _, y_train, y_valid, _ = task.rows
    started, best = time.perf_counter(), (-np.inf, None)
    for point in points:
        model = _seeded(task, seed).set_params(**params, **space.from_unit(point))
        try:
            model.fit(X_train, y_train)
            score = -log_loss(y_valid, model.predict_proba(X_valid))
        except ValueError:  # it diverged
            continue
        if score > best[0]:
            best = (score, model)
    return Result(best[1], SIZE * EPOCHS, time.perf_counter() - started)


def cosine(task: Task, seed: int) -> Result:
    """The same, under a known schedule: what there is to be gained by one."""
    return random_constants(task, seed, schedule="cosine")


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


def _population(
    task: Task, seed: int, epochs: int = EPOCHS, **options: Any
) -> PBTSearchCV:
    return PBTSearchCV(
        _seeded(task, seed),
        task.space,
        population_size=SIZE,
        n_generations=GENERATIONS,
        max_resource=epochs,
        refit=False,
        scoring=SCORING,
        random_state=seed,
        cv=task.search_data["cv"],
        **options,
    )


def population(task: Task, seed: int, **options: Any) -> Result:
    """Our population."""
    search = _population(task, seed, **options)
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


class Trainer:
    """Trains for Ray's actors in this process.

    A population of Ray's is a process for each member. TensorFlow would take longer
    to begin and to compile in each of them than all of the training takes.
    """

    def __init__(self) -> None:
        self.key = os.urandom(16)
        self._listener = Listener(authkey=self.key)
        self.address = self._listener.address
        self.model: Any = None
        self.rows: tuple[np.ndarray, ...] = ()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        warnings.simplefilter("ignore")
        while True:
            with self._listener.accept() as connection:
                connection.send(self._train(*connection.recv()))

    def _train(self, config: dict[str, Any], state: bytes) -> tuple[bytes, float]:
        """One interval of a member: its new state, and its score."""
        X_train, X_valid, _, y_train, y_valid, _ = self.rows
        model = clone(self.model).set_params(**config)
        try:
            if state:
                model.set_training_state(state)
            model.train_more(X_train, y_train, EPOCHS // GENERATIONS)
            loss = log_loss(y_valid, model.predict_proba(X_valid))
        except ValueError:  # it diverged
            return state, -100.0
        return model.get_training_state(), -min(float(loss), 100.0)


@functools.cache
def _trainer() -> Trainer:
    return Trainer()


def _ray(task: Task, seed: int, scheduler: Any, config: dict[str, Any]) -> Result:
    import ray
    from ray import tune

    trainer = _trainer()
    trainer.model, trainer.rows = _seeded(task, seed), task.rows
    address, key = trainer.address, trainer.key

    class Member(tune.Trainable):
        """One member: an interval a step."""

        def setup(self, config: dict[str, Any]) -> None:
            self.params = dict(config)
            self.state = b""

        def step(self) -> dict[str, float]:
            with Client(address, authkey=key) as connection:
                connection.send((self.params, self.state))
                self.state, score = connection.recv()
            return {"score": score}

        def save_checkpoint(self, checkpoint_dir: str) -> None:
            (Path(checkpoint_dir) / "state").write_bytes(self.state)

        def load_checkpoint(self, checkpoint_dir: str) -> None:
            self.state = (Path(checkpoint_dir) / "state").read_bytes()

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            self.setup(new_config)  # the state is loaded next
            return True

    if not ray.is_initialized():
        ray.init(
            num_cpus=SIZE,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
        )
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 (Ray draws from it)
    with tempfile.TemporaryDirectory() as folder:
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
        log_config=False,
    )
    return _ray(task, seed, scheduler, _ray_space(task))


CONTENDERS: dict[str, Callable[[Task, int], Result]] = {
    "random": random_constants,
    "cosine": cosine,
    "hyperband": hyperband,
    "perturb": perturb,
    "bayes": bayes,
    "frequencies": frequencies,
    "ray-pbt": ray_pbt,
    "ray-pb2": ray_pb2,
}

# -- Runs ------------------------------------------------------------------------


def scores(task: Task, model: Any) -> dict[str, float]:
    """Accuracy and log loss on the test rows, log loss on the validation rows."""
    _, X_valid, X_test, _, y_valid, y_test = task.rows
    proba = model.predict_proba(X_test)
    accuracy = float(np.mean(model.classes_[proba.argmax(axis=1)] == y_test))
    return {
        "accuracy": 100.0 * accuracy,
        "loss": float(log_loss(y_test, proba)),
        "valid": float(log_loss(y_valid, model.predict_proba(X_valid))),
    }


def one_run(name: str, contender: str, seed: int) -> dict[str, Any]:
    """What a contender reaches on a task."""
    task = TASKS[name]()
    result = CONTENDERS[contender](task, seed)
    about = {"epochs": result.epochs, "seconds": result.seconds, **result.more}
    return {**scores(task, result.model), **about}


def all_runs(options: argparse.Namespace) -> dict[tuple[str, str, int], dict[str, Any]]:
    """Every run that is asked for; those that a file holds are not made again."""
    path = options.runs
    kept = json.loads(path.read_text()) if path and path.exists() else {}
    wanted = itertools.product(range(options.seeds), options.tasks, options.contenders)
    runs = {}
    for seed, name, contender in wanted:
        if contender.startswith("ray") and seed >= options.ray_seeds:
            continue
        key = f"{name} {contender} {seed}"
        if key not in kept:
            kept[key] = one_run(name, contender, seed)
            print(f"{key}: {kept[key]}", file=sys.stderr, flush=True)
            if path:
                path.write_text(json.dumps(kept, indent=1))
        runs[name, contender, seed] = kept[key]
    return runs


# -- Tables ----------------------------------------------------------------------


def gaps(
    runs: dict[tuple[str, str, int], dict[str, Any]],
    name: str,
    contender: str,
    column: str,
    other: str = OURS,
) -> np.ndarray:
    """What a contender is behind another one on a task, seed by seed."""
    return np.array(
        [
            run[column] - runs[name, other, seed][column]
            for (task, who, seed), run in runs.items()
            if (task, who) == (name, contender)
        ]
    )


def score_rows(
    runs: dict[tuple[str, str, int], dict[str, Any]], name: str
) -> list[list[str]]:
    """A row for each contender: means, and what it is behind ours, seed by seed."""
    seeds: dict[str, list[int]] = {}
    for task, contender, seed in runs:
        if task == name:
            seeds.setdefault(contender, []).append(seed)

    def values(contender: str, column: str) -> np.ndarray:
        return np.array([runs[name, contender, s][column] for s in seeds[contender]])

    def loss_and_gap(contender: str, column: str) -> list[str]:
        loss = with_error(values(contender, column), 3)
        if contender == OURS or OURS not in seeds:
            return [loss, ""]
        return [loss, with_error(gaps(runs, name, contender, column), 3)]

    return [
        [
            contender,
            str(len(own)),
            with_error(values(contender, "accuracy"), 1),
            *loss_and_gap(contender, "loss"),
            *loss_and_gap(contender, "valid"),
            f"{values(contender, 'seconds').mean():.1f}",
        ]
        for contender, own in seeds.items()
    ]


def overall_rows(
    runs: dict[tuple[str, str, int], dict[str, Any]], tasks: Sequence[str], other: str
) -> list[list[str]]:
    """A row for each contender: what it is behind another, the mean of all tasks."""
    contenders = dict.fromkeys(contender for _, contender, _ in runs)
    if other not in contenders:
        return []

    def of_all(contender: str, column: str) -> str:
        found = [mean_and_error(gaps(runs, n, contender, column, other)) for n in tasks]
        means, errors = np.array(found).T
        # of a mean of independent means
        error = np.sqrt((errors**2).sum()) / len(tasks)
        return f"{means.mean():.3f} ± {error:.3f}"

    return [
        [contender, of_all(contender, "loss"), of_all(contender, "valid")]
        for contender in contenders
        if contender != other
    ]


def schedule_rows(
    runs: dict[tuple[str, str, int], dict[str, Any]], tasks: Sequence[str]
) -> list[list[str]]:
    """A row for each task: what random search gains when all of its rates fall."""
    if not {"random", "cosine"} <= {contender for _, contender, _ in runs}:
        return []
    return [
        [
            name,
            *(
                with_error(gaps(runs, name, "random", column, "cosine"), 3)
                for column in ("loss", "valid")
            ),
        ]
        for name in tasks
    ]


@dataclass
class Stopwatch:
    """Adds up seconds, by the clock and by the processor."""

    seconds: np.ndarray = field(default_factory=lambda: np.zeros(2))

    def __enter__(self) -> Stopwatch:
        self._started = self._now()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds += self._now() - self._started

    @staticmethod
    def _now() -> np.ndarray:
        return np.array([time.perf_counter(), time.process_time()])


def times_of(task: Task, interval: int, n_repeats: int = 7) -> np.ndarray:
    """What a population takes, and what it is made of.

    Returns
    -------
    ndarray of shape (n_repeats, 2, 5)
        Milliseconds an epoch, turn by turn, by the clock and by the processor: of the
        population; of the same number of models one after another; of these when their
        training is broken off as often; of predicting as often; of the rest of the
        scorer, which is scikit-learn's.
    """
    # none diverges: all train as many epochs as are counted
    rates = (1e-4, 1e-2, "log-uniform")
    task = replace(task, space=task.space | {"learning_rate": rates})
    scorer = get_scorer(SCORING)
    epochs = interval * GENERATIONS
    X_train, X_valid, _, y_train, y_valid, _ = task.rows

    def plain(seed: int, interval: int) -> tuple[Stopwatch, Stopwatch, Stopwatch]:
        training, predicting, scoring = (Stopwatch() for _ in range(3))
        space = Space(task.space)
        for point in space.sample(np.random.default_rng(seed), SIZE):
            with training:
                model = _seeded(task, seed).set_params(**space.from_unit(point))
            for _ in range(0, epochs, interval):
                with training:
                    model.train_more(X_train, y_train, interval)
                with predicting:
                    model.predict_proba(X_valid)
                with scoring:
                    scorer(model, X_valid, y_valid)
        return training, predicting, scoring

    def turn(seed: int) -> list[np.ndarray]:
        with Stopwatch() as population:
            search = _population(task, seed, epochs)
            search.fit(task.search_data["X"], task.search_data["y"])
        whole, _, _ = plain(seed, epochs)
        parts, predicting, scoring = plain(seed, interval)
        metric = scoring.seconds - predicting.seconds
        return [*(w.seconds for w in (population, whole, parts, predicting)), metric]

    # The first turn compiles. Each has a seed of its own: models that an earlier one
    # has built are kept.
    turns = [turn(seed) for seed in range(n_repeats + 1)][1:]
    return 1000 * np.swapaxes(turns, 1, 2) / (SIZE * epochs)


def print_scores(options: argparse.Namespace) -> None:
    runs = all_runs(options)
    header = ["contender", "seeds", "accuracy"]
    header += ["log loss", f"behind {OURS}", "on validation", f"behind {OURS}", "s"]
    for name in options.tasks:
        print(f"\n{TASKS[name]().name}, {SIZE * EPOCHS} epochs\n")
        print(table(header, score_rows(runs, name)), flush=True)
    for other in (OURS, "bayes"):
        if rows := overall_rows(runs, options.tasks, other):
            print(f"\nBehind {other}, the mean of these tasks\n")
            print(table(["contender", "log loss", "on validation"], rows), flush=True)
    if rows := schedule_rows(runs, options.tasks):
        print("\nWhat a schedule is worth: random behind cosine\n")
        print(table(["task", "log loss", "on validation"], rows), flush=True)


def print_times(tasks: list[str], intervals: list[int]) -> None:
    rows = []
    for name, interval in itertools.product(tasks, intervals):
        task = TASKS[name]()
        turns = times_of(task, interval)
        ours, plain, in_segments, predicting, metric = np.moveaxis(turns, -1, 0)
        more = (
            interval * (ours - plain),
            ours / plain,
            (plain + metric) / plain,
            ours / (in_segments + predicting + metric),
        )
        # of a turn: the machine is not as fast in each
        values = np.median(np.dstack([turns, *more]), axis=0)
        for clock, row in zip(("clock", "processor"), values, strict=True):
            numbers = (f"{value:.2f}" for value in row)
            rows.append([task.name, str(interval), clock, *numbers])
    header = ["task", "interval", "by", "population", "plain", "in segments"]
    header += ["predicting", "metric", "besides plain, an interval"]
    header += ["population / plain", "(plain + metric) / plain"]
    header += ["population / (in segments + predicting + metric)"]
    print("\nMilliseconds an epoch, one core; an interval is in epochs:\n")
    print(table(header, rows), flush=True)


def main() -> None:
    has_ray = importlib.util.find_spec("ray") is not None
    known = [c for c in CONTENDERS if has_ray or not c.startswith("ray")]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=known)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--runs",
        type=Path,
        help="a file that keeps runs: those in it are not made again",
    )
    parser.add_argument("--only", choices=["scores", "times"])
    parser.add_argument(
        "--intervals",
        type=int,
        nargs="+",
        default=[EPOCHS // GENERATIONS],
        help="for the times: epochs between two scores",
    )
    parser.add_argument(
        "--ray-seeds", type=int, help="fewer for Ray, whose runs take minutes"
    )
    options = parser.parse_args()
    if options.ray_seeds is None:
        options.ray_seeds = options.seeds
    warnings.simplefilter("ignore")
    print(_environment.describe([*_environment.PACKAGES, "tensorflow", "ray"]))
    if options.only != "scores":  # first: Ray's threads stay in this process
        print_times(options.tasks, options.intervals)
    if options.only != "times":
        print_scores(options)


if __name__ == "__main__":
    main()
