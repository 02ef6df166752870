"""Tests of `RandomOptimizer`."""

from __future__ import annotations

import numpy as np

from sktune.optimizers import RandomOptimizer
from sktune.space import Float, Integer, Space

from .contract import OptimizerContract


class TestRandom(OptimizerContract):
    def make(self, space: Space, seed: int = 0, **kwargs: object) -> RandomOptimizer:
        return RandomOptimizer(space, rng=np.random.default_rng(seed), **kwargs)

    def test_uniform(self) -> None:
        space = Space({"x": Float(0.0, 1.0), "n": Integer(1, 4)})
        asked = [s.params for s in self.run(self.make(space), 400)]
        x = np.array([p["x"] for p in asked])
        counts = np.bincount([p["n"] for p in asked])[1:]
        assert abs(x.mean() - 0.5) < 0.05
        assert abs(np.var(x) - 1 / 12) < 0.01
        assert counts.min() > 70

    def test_finds_the_last_of_many(self) -> None:
        space = Space({"a": Integer(1, 60), "b": Integer(1, 60)})
        asked = self.run(self.make(space), 4000)
        assert len(asked) == 3600
        assert {s.origin for s in asked} == {"random"}
