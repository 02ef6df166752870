"""Cross-validated trials of a Keras model per minute, and what they leave in memory.

Usage::

    python benchmarks/keras_trials.py
    python benchmarks/keras_trials.py --skip-memory

Digits, two layers of 48 or 64 units, 15 epochs, batches of 32 rows, three folds, 12
candidates that differ in units, learning rate and dropout rate: the same model and
candidates for all. Each contender runs in a process of its own, all by turns in one
run. The clock runs from the call of the search to its end; imports are timed apart.

Memory is what the process holds after five and after 50 trials: of candidates as
above, and of candidates that all have other numbers of units, so that nothing compiled
can be used again. Beside it stands what a trial takes after the fifth.
"""

from __future__ import annotations

import _environment  # isort: skip  (limits threads before numpy is loaded)

import argparse
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from _report import mean_and_error, table

PACKAGES = ("sktune", "scikit-learn", "keras", "jax", "scikeras", "keras-tuner")
# Name in the tables -> contender, backend of Keras.
CONTENDERS = {
    "scikeras + RandomizedSearchCV, TensorFlow": ("scikeras", "tensorflow"),
    "keras-tuner RandomSearch, TensorFlow": ("keras-tuner", "tensorflow"),
    "sktune, TensorFlow": ("sktune", "tensorflow"),
    "sktune, JAX": ("sktune", "jax"),
}
BASELINE = next(iter(CONTENDERS))
N_MEMORY = 50
# Kind of candidates -> name in the table, backends of Keras.
MEMORY = {
    "candidates": ("two architectures", ("tensorflow", "jax")),
    "architectures": ("50 architectures", ("tensorflow", "jax")),
    # JAX has nothing but XLA.
    "architectures-without-xla": (
        "50 architectures, jit_compile=False",
        ("tensorflow",),
    ),
}
BETWEEN = (5, N_MEMORY)  # trials after which memory is compared
TARGET_SPEED = 15.0
TARGET_MEMORY = 1.2

Outcome = dict[str, Any]


def in_process(backend: str, *arguments: str) -> Any:
    """What a fresh process of ``_keras_contenders.py`` prints."""
    here = Path(__file__).parent
    paths = [str(here.parent), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }
    done = subprocess.run(
        [sys.executable, str(here / "_keras_contenders.py"), *arguments],
        capture_output=True,
        text=True,
        env=environment,
    )
    if done.returncode:
        raise RuntimeError(f"{backend} {arguments} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def speed_table(outcomes: dict[str, list[Outcome]]) -> str:
    """Trials per minute, and how much faster than the first contender."""
    rows = []
    for name, runs in outcomes.items():
        wall = np.median([run["wall"] for run in runs])
        pairs = zip(outcomes[BASELINE], runs, strict=True)
        # The ratio within each turn: a busy moment of the machine hits its neighbours.
        ratios = [base["wall"] / run["wall"] for base, run in pairs]
        rows.append(
            [
                name,
                f"{np.median([run['import'] for run in runs]):.1f}",
                f"{wall:.1f}",
                f"{np.median([run['cpu'] for run in runs]):.1f}",
                f"{60 * len(runs[0]['scores']) / wall:.1f}",
                f"{np.median(ratios):.1f}",
                f"{np.mean([run['scores'] for run in runs]):.4f}",
                _difference(outcomes[BASELINE], runs) if name != BASELINE else "",
            ]
        )
    header = ["contender", "import s", "search s", "CPU s", "trials/min", "speed-up"]
    return table([*header, "mean accuracy", "difference"], rows)


def _difference(base: list[Outcome], runs: list[Outcome]) -> str:
    """Mean difference of the candidates' scores, and its standard error."""
    scores = [
        np.mean([run["scores"] for run in group], axis=0) for group in (runs, base)
    ]
    mean, error = mean_and_error(scores[0] - scores[1])
    return f"{mean:+.4f} ± {error:.4f}"


def phases_table(outcomes: dict[str, list[Outcome]]) -> str:
    """Where the time of ours goes: seconds of the median turn, and number of calls."""
    own = {name: runs for name, runs in outcomes.items() if "phases" in runs[0]}
    chosen = {
        name: sorted(runs, key=lambda run: run["wall"])[len(runs) // 2]
        for name, runs in own.items()
    }
    phases = list(dict.fromkeys(p for run in chosen.values() for p in run["phases"]))
    rows = [
        [phase, *(_phase(run, phase) for run in chosen.values())] for phase in phases
    ]
    rest = [run["wall"] - sum(run["phases"].values()) for run in chosen.values()]
    rows.append(
        ["all else: search, folds, checks of data", *(f"{r:.2f}" for r in rest)]
    )
    rows.append(["search", *(f"{run['wall']:.2f}" for run in chosen.values())])
    return table(["seconds (calls)", *chosen], rows)


def _phase(run: Outcome, phase: str) -> str:
    return f"{run['phases'].get(phase, 0.0):.2f} ({run['counts'].get(phase, 0)})"


def memory_table() -> str:
    """Megabytes after few and after many trials."""
    own = {n: backend for n, (kind, backend) in CONTENDERS.items() if kind == "sktune"}
    rows = []
    for kind, (name, backend) in itertools.product(MEMORY, own.items()):
        what, backends = MEMORY[kind]
        if backend not in backends:
            continue
        held = in_process(backend, "memory", kind, str(N_MEMORY))
        (few, start), (many, end) = (held[n - 1] for n in BETWEEN)
        seconds = (end - start) / (BETWEEN[1] - BETWEEN[0])
        cells = [f"{few:.0f}", f"{many:.0f}", f"{many / few:.2f}", f"{seconds:.2f}"]
        rows.append([what, name, *cells])
    header = ["candidates", "contender", *(f"MB after {n}" for n in BETWEEN), "ratio"]
    return table([*header, "s a trial"], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--repeats", type=int, default=1, help="turns of all contenders"
    )
    parser.add_argument("--only", nargs="+", choices=[*CONTENDERS], metavar="NAME")
    parser.add_argument("--skip-memory", action="store_true")
    parser.add_argument("--only-memory", action="store_true")
    options = parser.parse_args(arguments)
    print(f"# Trials of a Keras model\n\n{_environment.describe(PACKAGES)}")
    print(f"- {options.repeats} turns; refit=False, n_jobs=1\n", flush=True)
    if not options.only_memory:
        compare_speed(options)
    if not options.skip_memory:
        print(memory_table())
        print(f"\nWanted: a ratio below {TARGET_MEMORY}.")


def compare_speed(options: argparse.Namespace) -> None:
    """Run all contenders by turns and print their times."""
    chosen = [
        BASELINE,
        *(name for name in options.only or CONTENDERS if name != BASELINE),
    ]
    outcomes: dict[str, list[Outcome]] = {name: [] for name in chosen}
    for _ in range(options.repeats):
        for name in chosen:
            contender, backend = CONTENDERS[name]
            outcomes[name].append(in_process(backend, "run", contender))
    print(speed_table(outcomes))
    print(f"\nWanted: a speed-up of {TARGET_SPEED:.0f} for both of ours.\n")
    print(phases_table(outcomes), flush=True)
    print()


if __name__ == "__main__":
    main()
