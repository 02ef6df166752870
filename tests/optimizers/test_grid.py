"""Tests of `GridOptimizer`."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import ParameterGrid

from sktune.optimizers import GridOptimizer
from sktune.space import Float, Space

from .contract import FINITE_SPACES, OptimizerContract


class TestGrid(OptimizerContract):
    @pytest.fixture(params=FINITE_SPACES)
    def space(self, request: pytest.FixtureRequest) -> Space:
        return Space(FINITE_SPACES[request.param])

    def make(self, space: Space, seed: int = 0, **kwargs: object) -> GridOptimizer:
        return GridOptimizer(space, rng=np.random.default_rng(seed), **kwargs)

    def test_order_of_parameter_grid(self) -> None:
        grid = {"C": [10, 0.1, 1], "kernel": ["rbf", "linear"], "shrinking": [True]}
        asked = self.run(self.make(Space(grid)), 10)
        assert [s.params for s in asked] == list(ParameterGrid(grid))
        assert {s.origin for s in asked} == {"grid"}

    def test_refuses_infinite_spaces(self) -> None:
        with pytest.raises(ValueError, match="infinite"):
            self.make(Space({"x": Float(0.0, 1.0)}))
