"""Tests of the output transforms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sktune.optimizers import _transform

TRANSFORMS = [_transform.standardize, _transform.power]


@pytest.mark.parametrize("transform", TRANSFORMS)
class TestEvery:
    def test_keeps_order(self, transform: object) -> None:
        y = np.random.default_rng(0).standard_t(2, 60)
        out = transform(y)
        assert (np.argsort(out, kind="stable") == np.argsort(y, kind="stable")).all()

    def test_standardised(self, transform: object) -> None:
        out = transform(np.random.default_rng(0).gamma(1.0, size=50))
        assert abs(out.mean()) < 1e-12
        assert out.std() == pytest.approx(1.0)

    @pytest.mark.parametrize("shift", [0.0, 5.0, -3.0])
    @pytest.mark.parametrize("scale", [1.0, 1e-8, 1e200])
    def test_blind_to_scale(
        self, transform: object, shift: float, scale: float
    ) -> None:
        y = np.random.default_rng(0).standard_normal(20)
        np.testing.assert_allclose(
            transform(scale * (y + shift)), transform(y), atol=1e-6
        )

    @pytest.mark.parametrize("value", [0.0, 0.1, -1e300, 1e-300])
    def test_constant(self, transform: object, value: float) -> None:
        np.testing.assert_array_equal(transform(np.full(5, value)), 0.0)
        np.testing.assert_array_equal(transform(np.full(1, value)), 0.0)

    def test_ties_stay_ties(self, transform: object) -> None:
        out = transform(np.array([0.0, 1.0, 1.0, 1.0, 2.0, 0.0]))
        assert out[1] == out[2] == out[3]
        assert out[0] == out[5]


def test_yeo_johnson_against_scipy() -> None:
    y = np.random.default_rng(0).standard_normal(30)
    powers = np.array([-0.5, 0.0, 1.0, 2.0, 3.0])
    rows = _transform.yeo_johnson(y, powers)
    for row, power in zip(rows, powers, strict=True):
        np.testing.assert_allclose(row, stats.yeojohnson(y, power), atol=1e-12)


def test_power_removes_skew() -> None:
    y = -np.random.default_rng(0).gamma(0.7, size=100)
    assert abs(stats.skew(_transform.power(y))) < 0.4 < abs(stats.skew(y))
