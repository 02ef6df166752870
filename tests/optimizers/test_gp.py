"""Tests of the Gaussian process: gradients, numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from sktune.optimizers import _gp
from sktune.optimizers._features import FeatureMap
from sktune.optimizers._gp import GaussianProcess, Prior

N_CHOICES = np.array([0, 3, 0, 0, 2])
CONDITIONAL = np.array([False, False, True, False, True])


def mixed_points(rng: np.random.Generator, n: int) -> np.ndarray:
    """Points with numbers, categories, and inactive ones of both kinds."""
    points = rng.random((n, 5))
    points[:, 1] = (rng.integers(3, size=n) + 0.5) / 3
    points[:, 4] = (rng.integers(2, size=n) + 0.5) / 2
    points[rng.random(n) < 0.3, 2] = np.nan
    points[rng.random(n) < 0.3, 4] = np.nan
    return points


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture(params=[False, True], ids=["still", "drifting"])
def fitted(rng: np.random.Generator, request: pytest.FixtureRequest) -> GaussianProcess:
    gp = GaussianProcess(FeatureMap(N_CHOICES, CONDITIONAL), drifts=request.param)
    points = mixed_points(rng, 25)
    gp.fit(points, np.sin(5 * points[:, 0]) + points[:, 1], max_iter=10)
    return gp


class TestFeatureMap:
    def test_distances(self) -> None:
        features = FeatureMap(np.array([0, 3, 0]), np.array([False, True, True]))
        nan = np.nan
        x = features(
            np.array(
                [
                    [0.2, 1 / 6, 0.1],
                    [0.7, 5 / 6, 0.9],
                    [0.2, nan, nan],
                    [0.2, 3 / 6, nan],
                ]
            )
        )
        x[:, :2] = np.where(np.isnan(x[:, :2]), 0.5, x[:, :2])
        d2 = _gp.squared_distances(x, x)
        assert d2[0, 1] == pytest.approx(0.5**2 + 1 + 0.8**2)
        # inactive: half a category away; number at 0.5, half a unit aside
        assert d2[0, 2] == pytest.approx(0.5 + 0.4**2 + 0.5**2)
        assert d2[2, 3] == pytest.approx(0.5)
        np.testing.assert_allclose(np.diagonal(d2), 0.0, atol=1e-15)

    def test_no_axes_of_a_kind(self) -> None:
        only = FeatureMap(np.array([2]), np.array([False]))
        assert only(np.array([[0.25], [0.75]])).shape == (2, 2)
        assert len(only.numeric) == 0


class TestKernel:
    def test_matern_against_its_formula(self) -> None:
        r = np.array([0.0, 0.3, 1.0, 4.0])
        s = np.sqrt(5) * r
        corr, _ = _gp.matern52(r**2)
        np.testing.assert_allclose(corr, (1 + s + s**2 / 3) * np.exp(-s))

    def test_matern_slope(self) -> None:
        r2 = np.array([1e-3, 0.2, 1.0, 9.0])
        _, slope = _gp.matern52(r2)
        step = 1e-6
        difference = _gp.matern52(r2 + step)[0] - _gp.matern52(r2 - step)[0]
        np.testing.assert_allclose(slope, difference / (2 * step), rtol=1e-5)

    def test_covariance_is_positive_definite(self, rng: np.random.Generator) -> None:
        features = FeatureMap(N_CHOICES, CONDITIONAL)
        for scale in (0.1, 1.0, 10.0):
            x = features(mixed_points(rng, 80)) / scale
            x[np.isnan(x)] = 0.5 / scale
            corr, _ = _gp.matern52(_gp.squared_distances(x, x))
            assert np.linalg.eigvalsh(corr).min() > -1e-10


class TestWarp:
    X = np.array([[1e-3, 0.2], [0.5, 0.999], [0.77, np.nan]])
    A, B = np.log([0.4, 3.0]), np.log([2.0, 0.5])

    def test_identity(self) -> None:
        x = np.linspace(0, 1, 11)[:, None]
        zero = np.zeros(1)
        np.testing.assert_allclose(_gp.warp(x, zero, zero), x, atol=1e-8)

    def test_monotone_and_in_bounds(self) -> None:
        x = np.linspace(0, 1, 101)[:, None]
        for a in (0.15, 1.0, 7.0):
            for b in (0.15, 1.0, 7.0):
                z = _gp.warp(x, np.log([a]), np.log([b]))[:, 0]
                assert (np.diff(z) >= 0).all()
                assert z[0] >= 0
                assert z[-1] <= 1

    def test_gradients(self) -> None:
        z, dx, da, db = _gp.warp_gradients(self.X, self.A, self.B)
        np.testing.assert_allclose(z, _gp.warp(self.X, self.A, self.B))
        h = 1e-7
        for gradient, up, down in (
            (dx, (self.X + h, self.A, self.B), (self.X - h, self.A, self.B)),
            (da, (self.X, self.A + h, self.B), (self.X, self.A - h, self.B)),
            (db, (self.X, self.A, self.B + h), (self.X, self.A, self.B - h)),
        ):
            difference = (_gp.warp(*up) - _gp.warp(*down)) / (2 * h)
            np.testing.assert_allclose(gradient, difference, rtol=1e-5, atol=1e-8)
        assert z[2, 1] == 0.5
        assert dx[2, 1] == da[2, 1] == db[2, 1] == 0


class TestLoss:
    @pytest.mark.parametrize("drifts", [True, False])
    @pytest.mark.parametrize("warped", [True, False])
    def test_gradient(
        self, rng: np.random.Generator, warped: bool, drifts: bool
    ) -> None:
        features = FeatureMap(N_CHOICES, CONDITIONAL)
        gp = GaussianProcess(features, warped=warped, drifts=drifts)
        x = gp.features(mixed_points(rng, 20))
        y = rng.standard_normal(20)
        weights = rng.uniform(0.5, 2, 20)
        for _ in range(3):
            theta = gp.theta + 0.5 * rng.standard_normal(len(gp.theta))
            _, gradient = gp.loss(theta, x, y, weights)
            numeric = optimize.approx_fprime(
                theta, lambda t: gp.loss(t, x, y, weights)[0], 1e-6
            )
            np.testing.assert_allclose(gradient, numeric, rtol=1e-3, atol=1e-4)

    def test_value_against_dense_algebra(self, rng: np.random.Generator) -> None:
        gp = GaussianProcess(FeatureMap(np.array([0, 0]), np.array([False, False])))
        x, y = rng.random((6, 2)), rng.standard_normal(6)
        theta = gp.theta + 0.1
        lengths, scale, noise = np.exp(theta[:2]), np.exp(theta[2]), np.exp(theta[3])
        z = _gp.warp(x, theta[4:6], theta[6:8]) / lengths
        d2 = ((z[:, None] - z[None]) ** 2).sum(-1)
        s = np.sqrt(5 * d2)
        cov = scale * (1 + s + s**2 / 3) * np.exp(-s) + gp.prior.mean_variance
        cov += (noise + gp.prior.noise_floor) * np.eye(6)
        expected = 0.5 * y @ np.linalg.solve(cov, y)
        expected += 0.5 * np.linalg.slogdet(cov)[1]
        prior = gp.prior
        sds = [prior.lengthscale[1]] * 2 + [prior.outputscale[1], prior.noise[1]]
        sds += [prior.warp[1]] * 4
        expected += 0.5 * sum((0.1 / sd) ** 2 for sd in sds)
        value, _ = gp.loss(theta, x, y, np.ones(6))
        assert value == pytest.approx(expected)

    def test_fit_lowers_the_loss(self, rng: np.random.Generator) -> None:
        gp = GaussianProcess(FeatureMap(N_CHOICES, CONDITIONAL))
        points = mixed_points(rng, 30)
        y = np.sin(6 * points[:, 0])
        data = (gp.features(points), y, np.ones(30))
        before = gp.loss(gp.theta, *data)[0]
        gp.fit(points, y)
        assert gp.loss(gp.theta, *data)[0] < before - 5
        # the axis that matters has the shortest lengthscale
        assert np.argmin(gp.theta[:5]) == 0

    def test_learns_the_noise(self, rng: np.random.Generator) -> None:
        features = FeatureMap(np.array([0]), np.array([False]))
        x = rng.random((80, 1))
        smooth = np.sin(4 * x[:, 0])
        noises = []
        for sd in (0.0, 0.5):
            gp = GaussianProcess(features)
            gp.fit(x, smooth + sd * rng.standard_normal(80))
            noises.append(gp.hyper.noise)
        assert noises[0] < 0.01
        assert 0.12 < noises[1] < 0.4


class TestPosterior:
    def test_one_observation_by_hand(self) -> None:
        gp = GaussianProcess(
            FeatureMap(np.array([0]), np.array([False])),
            Prior(mean_variance=0.0),
            warped=False,
        )
        gp.theta = np.log([0.5, 2.0, 0.1, 1.0, 1.0])
        gp.fit(np.array([[0.2]]), np.array([1.5]), max_iter=0)
        mean, variance = gp.posterior().predict(gp.features(np.array([[0.7]])))
        # r = 0.5 / 0.5 = 1: k = 2 (1 + sqrt 5 + 5/3) exp(-sqrt 5) = 1.0479882
        k = 1.0479882
        noise = 0.1 + 1e-6
        assert mean[0] == pytest.approx(k * 1.5 / (2.0 + noise), rel=1e-6)
        assert variance[0] == pytest.approx(2.0 - k * k / (2.0 + noise), rel=1e-6)

    def test_interpolates_and_reverts(self, rng: np.random.Generator) -> None:
        gp = GaussianProcess(
            FeatureMap(np.array([0, 0]), np.array([False, False])), warped=False
        )
        points = rng.random((20, 2))
        y = points.sum(axis=1)
        gp.theta[3] = np.log(1e-6)
        gp.fit(points, y, max_iter=0)
        mean, variance = gp.posterior().predict(gp.features(points))
        np.testing.assert_allclose(mean, y, atol=1e-3)
        assert (variance < 1e-4).all()
        _, far = gp.posterior().predict(np.array([[40.0, 40.0]]))
        assert far[0] > 1.0

    def test_sees_ahead_what_drifts(self, rng: np.random.Generator) -> None:
        # the best place moves from 0.8 at time 0 to 0.2 at time 1, unseen
        points = np.column_stack([rng.random(40), rng.choice([0.0, 0.25, 0.5], 40)])
        y = -10.0 * (points[:, 0] + 0.6 * points[:, 1] - 0.8) ** 2
        places = np.column_stack([np.linspace(0, 1, 51), np.ones(51)])
        truth = -10.0 * (places[:, 0] - 0.2) ** 2
        errors = []
        for drifts in (True, False):
            features = FeatureMap(np.array([0, 0]), np.array([False, False]))
            gp = GaussianProcess(features, warped=False, drifts=drifts)
            gp.fit(points, y)
            mean, _ = gp.posterior().predict(features(places))
            errors.append(np.abs(mean - truth).mean())
        assert errors[0] < 0.3 * errors[1]

    def test_gradients(self, fitted: GaussianProcess, rng: np.random.Generator) -> None:
        posterior = fitted.posterior()
        points = mixed_points(rng, 6)
        mean, variance, dmean, dvariance = posterior.predict_with_gradient(
            fitted.features(points)
        )
        again = posterior.predict(fitted.features(points))
        np.testing.assert_allclose(mean, again[0])
        np.testing.assert_allclose(variance, again[1], rtol=1e-6)
        h = 1e-6
        for column, axis in enumerate(fitted.features.numeric):
            up, down = points.copy(), points.copy()
            up[:, axis] += h
            down[:, axis] -= h
            high = posterior.predict(fitted.features(up))
            low = posterior.predict(fitted.features(down))
            for gradient, a, b in zip((dmean, dvariance), high, low, strict=True):
                numeric = (a - b) / (2 * h)
                np.testing.assert_allclose(
                    gradient[:, column], numeric, rtol=1e-4, atol=1e-6
                )

    def test_append_equals_a_larger_process(
        self, fitted: GaussianProcess, rng: np.random.Generator
    ) -> None:
        pending, new = mixed_points(rng, 3), mixed_points(rng, 10)
        posterior = fitted.posterior()
        grown = posterior.append(fitted.features(pending))
        believed, _ = posterior.predict(fitted.features(pending))
        x = np.concatenate([fitted.x, fitted.features(pending)])
        full = GaussianProcess(fitted.features, drifts=fitted.drifts)
        full.theta = fitted.theta
        full.x, full.y = x, np.concatenate([fitted.y, believed])
        full.weights = np.ones(len(x))
        expected = full.posterior().predict(fitted.features(new))
        found = grown.predict(fitted.features(new))
        np.testing.assert_allclose(found[0], expected[0], atol=1e-8)
        np.testing.assert_allclose(found[1], expected[1], atol=1e-8)
        before = posterior.predict(fitted.features(new))
        np.testing.assert_allclose(found[0], before[0], atol=1e-8)
        assert (found[1] <= before[1] + 1e-9).all()

    def test_same_point_many_times(self) -> None:
        gp = GaussianProcess(FeatureMap(np.array([0]), np.array([False])))
        gp.fit(np.full((30, 1), 0.3), np.linspace(-1, 1, 30))
        mean, variance = gp.posterior().predict(gp.features(np.array([[0.3]])))
        assert abs(mean[0]) < 0.1
        assert np.isfinite(variance).all()

    def test_noisier_points_weigh_less(self) -> None:
        gp = GaussianProcess(FeatureMap(np.array([0]), np.array([False])))
        gp.theta[2] = np.log(0.5)
        points, y = np.array([[0.3], [0.3]]), np.array([1.0, -1.0])
        gp.fit(points, y, np.array([0.2, 4.0]), max_iter=0)
        mean, _ = gp.posterior().predict(gp.features(points))
        assert mean[0] > 0.3
