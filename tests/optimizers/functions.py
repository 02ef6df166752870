"""Functions whose best value is known, as scores to maximise."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sktune.space import Categorical, Float, Integer, Space


@dataclass(frozen=True)
class Function:
    """A space, a score, its best value, and how many trials to spend."""

    spec: Any
    score: Callable[..., float]
    best: float
    n_trials: int

    @property
    def space(self) -> Space:
        return Space(self.spec)


def branin(x: float, y: float) -> float:
    x, y = 15 * x - 5, 15 * y
    bent = y - 5.1 / (4 * np.pi**2) * x**2 + 5 / np.pi * x - 6
    return -float(bent**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10)


def hartmann6(**params: float) -> float:
    weights = np.array([1.0, 1.2, 3.0, 3.2])
    curvature = np.array(
        [
            [10, 3, 17, 3.5, 1.7, 8],
            [0.05, 10, 17, 0.1, 8, 14],
            [3, 3.5, 1.7, 10, 17, 8],
            [17, 8, 0.05, 10, 0.1, 14],
        ]
    )
    centres = 1e-4 * np.array(
        [
            [1312, 1696, 5569, 124, 8283, 5886],
            [2329, 4135, 8307, 3736, 1004, 9991],
            [2348, 1451, 3522, 2883, 3047, 6650],
            [4047, 8828, 8732, 5743, 1091, 381],
        ]
    )
    x = np.array([params[name] for name in "abcdef"])
    return float(weights @ np.exp(-(curvature * (x - centres) ** 2).sum(axis=1)))


def mixed(kind: str, n: int, x: float, rate: float) -> float:
    base = {"p": 0.0, "q": -0.3, "r": -0.6}[kind]
    slopes = 4 * (x - 0.3) ** 2 + 3 * ((n - 7) / 12) ** 2
    return base - slopes - 0.25 * (math.log10(rate) + 2) ** 2


def conditional(model: str, **params: float) -> float:
    if model == "a":
        return -0.2 - (params["x"] - 0.7) ** 2
    if model == "b":
        return -4 * (params["y"] - 0.2) ** 2 - 2 * (params["z"] - 0.8) ** 2
    return -0.5


def crossing(x: float, budget: int, largest: int = 27) -> float:
    """Large x is the best at budget 1, small x at the largest."""
    place = math.log(budget) / math.log(largest)
    return -((x - (0.9 - 0.8 * place)) ** 2)


FUNCTIONS = {
    "branin": Function(
        {"x": Float(0.0, 1.0), "y": Float(0.0, 1.0)}, branin, -0.397887, 30
    ),
    "hartmann6": Function(
        {name: Float(0.0, 1.0) for name in "abcdef"}, hartmann6, 3.32237, 60
    ),
    "mixed": Function(
        {
            "kind": Categorical(["r", "q", "p"]),
            "n": Integer(1, 12),
            "x": Float(0.0, 1.0),
            "rate": Float(1e-5, 1.0, "log-uniform"),
        },
        mixed,
        0.0,
        40,
    ),
    "conditional": Function(
        {
            "model": Categorical(["a", "b", "c"]),
            "x": Float(0.0, 1.0, when={"model": "a"}),
            "y": Float(0.0, 1.0, when={"model": "b"}),
            "z": Float(0.0, 1.0, when={"model": "b"}),
        },
        conditional,
        0.0,
        35,
    ),
}
