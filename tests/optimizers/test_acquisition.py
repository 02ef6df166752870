"""Tests of log expected improvement and its maximisation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from sktune.optimizers import _acquisition
from sktune.optimizers._acquisition import LogEI, Maximizer, log_ei
from sktune.optimizers._bayes import _feature_map
from sktune.optimizers._gp import GaussianProcess
from sktune.space import Categorical, Float, Integer, Space

# log(phi(u) + u Phi(u)), 50 digits of precision, rounded (made with mpmath)
HIGH_PRECISION = {
    3.0: 1.0987396653277078,
    0.0: -0.91893853320467274,
    -0.5: -1.6205162643873199,
    -1.0: -2.4851210257126413,
    -5.0: -16.74430116266099,
    -40.0: -808.29856835661996,
    -1000.0: -500014.73445209116,
    -10000.0: -50000019.339619307,
    -1e7: -50000000000033.155,
}


@pytest.mark.parametrize(("u", "expected"), HIGH_PRECISION.items())
def test_log_h_against_high_precision(u: float, expected: float) -> None:
    found = _acquisition.log_h(np.array([u]))[0]
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-11)


def test_log_h_has_no_seams() -> None:
    for seam in (-1.0, -300.0):
        u = seam + np.linspace(-1e-3, 1e-3, 201) * abs(seam)
        slope = np.diff(_acquisition.log_h(u)) / np.diff(u)
        assert (np.diff(slope) <= 1e-6 * abs(seam)).all()


def test_log_ei_against_quadrature() -> None:
    for mean, sd, best in [(0.3, 0.5, 0.1), (-1.0, 0.7, 0.5), (2.0, 0.1, 1.0)]:
        ei, _ = integrate.quad(
            lambda v, m=mean, s=sd, b=best: (v - b) * stats.norm.pdf(v, m, s),
            best,
            mean + 12 * sd,
        )
        found = log_ei(np.array([mean]), np.array([sd**2]), best)[0]
        assert found == pytest.approx(np.log(ei), rel=1e-6)


@pytest.fixture
def space() -> Space:
    return Space(
        {
            "a": Float(0.0, 1.0),
            "b": Float(0.0, 1.0),
            "kind": Categorical(["p", "q", "r"]),
            "n": Integer(1, 9),
            "c": Float(0.0, 1.0, when={"kind": ["q", "r"]}),
        }
    )


@pytest.fixture
def acquisition(space: Space) -> LogEI:
    rng = np.random.default_rng(3)
    points = space.sample(rng, 30)
    params = [space.from_unit(p) for p in points]
    y = np.array([-((p["a"] - 0.3) ** 2) + (p["kind"] == "q") for p in params])
    gp = GaussianProcess(_feature_map(space))
    gp.fit(points, (y - y.mean()) / y.std())
    return LogEI(gp.posterior(), 1.0)


def test_gradient(space: Space, acquisition: LogEI) -> None:
    points = space.sample(np.random.default_rng(5), 12)
    value, gradient = acquisition.with_gradient(points)
    np.testing.assert_allclose(value, acquisition(points), rtol=1e-6, atol=1e-6)
    h = 1e-6
    for column, axis in enumerate(acquisition.posterior.features.numeric):
        up, down = points.copy(), points.copy()
        up[:, axis] += h
        down[:, axis] -= h
        numeric = (acquisition(up) - acquisition(down)) / (2 * h)
        np.testing.assert_allclose(gradient[:, column], numeric, rtol=1e-3, atol=1e-4)


def test_maximizer_beats_dense_random_search(space: Space, acquisition: LogEI) -> None:
    rng = np.random.default_rng(0)
    maximizer = Maximizer(space, rng.random((256, space.n_axes)))
    found = next(maximizer(acquisition, np.zeros((0, space.n_axes)), rng))
    dense = acquisition(space.sample(rng, 20_000)).max()
    assert acquisition(found[None])[0] > dense - 1e-3


def test_maximizer_yields_by_value(space: Space, acquisition: LogEI) -> None:
    rng = np.random.default_rng(0)
    maximizer = Maximizer(space, rng.random((64, space.n_axes)))
    anchors = rng.random((3, space.n_axes))
    points = np.array(list(maximizer(acquisition, anchors, rng)))
    values = acquisition(points)
    assert (np.diff(values) <= 1e-5).all()
    filled = np.nan_to_num(points, nan=0.5)
    np.testing.assert_allclose(space.snap(filled), points)


def test_sweep_finds_the_best_category() -> None:
    space = Space({"x": Categorical(list("abcdefgh")), "y": Categorical(list("stuv"))})
    points = np.array(list(space.enumerate()))
    y = np.where(points[:, 0] > 0.8, 1.0, 0.0) + np.where(points[:, 1] > 0.7, 1.0, 0.0)
    gp = GaussianProcess(_feature_map(space))
    gp.fit(points[:-1:2], y[:-1:2])
    acquisition = LogEI(gp.posterior(), 2.0)
    rng = np.random.default_rng(0)
    maximizer = Maximizer(space, rng.random((4, 2)), n_local=0)
    found = next(maximizer(acquisition, np.zeros((0, 2)), rng))
    assert acquisition(found[None])[0] == pytest.approx(acquisition(points).max())
