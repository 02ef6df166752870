"""Tests of scipy's distributions as dimensions."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sktune import Space
from sktune.exceptions import SpaceError
from sktune.space._distributions import Distribution

CONTINUOUS = {
    "uniform": stats.uniform(2, 3),
    "loguniform": stats.loguniform(1e-4, 1e4),
    "narrow loguniform": stats.loguniform(1, 1 + 1e-9),
    "norm": stats.norm(10, 2),
    "truncnorm": stats.truncnorm(-1, 2, loc=1),
    "expon": stats.expon(scale=0.1),
    "cauchy": stats.cauchy(),
    "beta": stats.beta(0.5, 0.5),
    "triang": stats.triang(0.3),
    "lognorm": stats.lognorm(3.0),
    "gap": stats.rv_histogram(np.histogram([1, 2, 9, 9.5], bins=5)),
    "frozen gap": stats.rv_histogram(np.histogram([1, 2, 9, 9.5], bins=5))(),
    "unfrozen": stats.norm,
}
DISCRETE = {
    "randint": (stats.randint(-2, 7), range(-2, 7)),
    "shifted": (stats.randint(0, 3, loc=10), range(10, 13)),
    "one value": (stats.randint(3, 4), [3]),
    "binom": (stats.binom(8, 0.3), range(9)),
    "listed": (
        stats.rv_discrete(values=([0.1, 0.5, 2], [0.2, 0.3, 0.5])),
        [0.1, 0.5, 2],
    ),
    "frozen listed": (stats.rv_discrete(values=([7, 3], [0.5, 0.5]))(), [3, 7]),
    "holes": (stats.rv_discrete(values=([1, 2, 9], [0.5, 0.0, 0.5])), [1, 9]),
}
if hasattr(stats, "Normal"):  # scipy >= 1.15
    CONTINUOUS["new normal"] = stats.Normal(mu=1.0, sigma=2.0)
    CONTINUOUS["new uniform"] = stats.Uniform(a=1.0, b=3.0)
if hasattr(stats, "Binomial"):  # scipy >= 1.16
    DISCRETE["new binomial"] = (stats.Binomial(n=5, p=0.4), range(6))


class OnlyQuantiles:
    """The least that is understood."""

    def ppf(self, q):
        return 2 * np.asarray(q)

    def cdf(self, x):
        return np.asarray(x) / 2


CONTINUOUS["ppf and cdf alone"] = OnlyQuantiles()


@pytest.mark.parametrize("name", CONTINUOUS)
@given(unit=st.floats(0.0, 1.0))
def test_continuous_values_come_back(name, unit):
    space = Space({"x": CONTINUOUS[name]})
    value = space.from_unit([unit])["x"]
    assert type(value) is float
    assert math.isfinite(value)
    point = space.to_unit({"x": value})
    assert 0.0 <= point[0] <= 1.0
    again = space.from_unit(point)["x"]
    assert again == pytest.approx(value, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_continuous_axes_have_no_levels(name):
    space = Space({"x": CONTINUOUS[name]})
    assert space.size is None
    units = np.linspace(0, 1, 11)[:, np.newaxis]
    np.testing.assert_array_equal(space.snap(units), units)


@pytest.mark.parametrize("name", DISCRETE)
def test_discrete_distributions_are_their_values(name):
    distribution, expected = DISCRETE[name]
    space = Space({"x": distribution})
    values = [space.from_unit(point)["x"] for point in space.enumerate()]
    assert values == list(expected)
    assert {type(v) for v in values} == {type(v) for v in expected}
    assert space.size == len(values)
    for value in values:
        assert space.from_unit(space.to_unit({"x": value})) == {"x": value}


@pytest.mark.parametrize("name", DISCRETE)
@given(unit=st.floats(0.0, 1.0))
def test_discrete_coordinates_snap_to_centres(name, unit):
    space = Space({"x": DISCRETE[name][0]})
    point = space.snap([[unit]])
    assert point[0, 0] in space.levels(0)
    np.testing.assert_array_equal(space.snap(point), point)
    assert space.from_unit(point[0]) == space.from_unit([unit])


def test_cells_are_as_wide_as_the_values_are_likely():
    distribution = stats.binom(4, 0.3)
    dimension = Distribution(distribution)
    units = (np.arange(100_000) + 0.5) / 100_000
    counts = np.bincount(dimension.level(units), minlength=5)
    np.testing.assert_allclose(counts / 100_000, distribution.pmf(range(5)), atol=1e-4)


def test_infinite_tails_are_cut():
    space = Space({"x": stats.norm(), "n": stats.poisson(5)})
    least, most = space.from_unit([0, 0]), space.from_unit([1, 1])
    assert least["n"] == 0
    assert 15 < most["n"] < 25
    assert -5 < least["x"] < -4 < 4 < most["x"] < 5
    with pytest.raises(SpaceError, match=r"10\.0 is not in"):
        Space({"x": stats.norm()}).to_unit({"x": 10.0})


def test_values_too_rare_to_be_met_are_no_levels():
    space = Space({"x": stats.binom(1000, 0.5)})
    assert 200 < space.size < 1001
    centres = space.levels(0)
    assert np.all(np.diff(centres) > 0)
    np.testing.assert_array_equal(space.snap(centres[:, np.newaxis])[:, 0], centres)


@pytest.mark.parametrize("distribution", [stats.randint(0, 10**7), stats.geom(1e-7)])
def test_wide_discrete_distributions(distribution):
    space = Space({"x": distribution})
    assert space.size is None
    units = np.linspace(0, 1, 101)[:, np.newaxis]
    points = space.snap(units)
    np.testing.assert_allclose(space.snap(points), points, rtol=1e-9)
    for point in points:
        value = space.from_unit(point)["x"]
        assert type(value) is int
        assert space.from_unit(space.to_unit({"x": value})) == {"x": value}


@pytest.mark.parametrize(
    ("distribution", "value"),
    [
        (stats.uniform(0, 1), 1.5),
        (stats.uniform(0, 1), "0.5"),
        (stats.uniform(0, 1), math.nan),
        (stats.uniform(0, 1), True),
        (stats.randint(0, 5), 5),
        (stats.randint(0, 5), 2.5),
        (stats.randint(0, 10**7), 2.5),
        (CONTINUOUS["gap"], 5.0),
        (DISCRETE["holes"][0], 2),
    ],
)
def test_values_outside_the_support_are_refused(distribution, value):
    with pytest.raises(SpaceError, match=r"'x': .* is not in"):
        Space({"x": distribution}).to_unit({"x": value})


@pytest.mark.parametrize(
    ("distribution", "pattern"),
    [
        (stats.randint(5, 2), "randint.5, 2. has no finite median"),
        (stats.uniform(loc=[0, 1]), "not one-dimensional, got shape .2,."),
        (stats.norm(scale=-1), "norm.scale=-1. has no finite median"),
        (stats.gamma, "has it all its arguments"),
    ],
)
def test_malformed_distributions(distribution, pattern):
    with pytest.raises(SpaceError, match=f"'x': .*{pattern}"):
        Space({"x": distribution})


class Draws:
    """A distribution of which nothing is known but its draws."""

    def rvs(self, random_state=None):
        return np.float64(random_state.choice([3.0, 1.0, 2.0]))


def test_what_can_only_be_drawn_from_becomes_its_draws():
    space = Space({"x": Draws()})
    assert space.size == 3
    values = sorted(space.from_unit(p)["x"] for p in space.enumerate())
    assert values == [1.0, 2.0, 3.0]
    assert {type(v) for v in values} == {float}


def test_draws_that_are_not_numbers_are_categories():
    class Labels:
        def rvs(self, random_state=None):
            return random_state.choice(["a", "b"])

    assert Space({"x": Labels()}).axes[0].is_categorical


def test_what_raises_when_drawn_from_is_told():
    class Broken:
        def rvs(self):
            return 1

    with pytest.raises(SpaceError, match=r"'x': rvs.* raised TypeError"):
        Space({"x": Broken()})


# scipy 1.17 restores Normal(mu=1, sigma=2) as a standard normal
@pytest.mark.parametrize("name", sorted({*CONTINUOUS, *DISCRETE} - {"new normal"}))
def test_distributions_survive_pickling(name):
    distribution = CONTINUOUS.get(name) or DISCRETE[name][0]
    space = Space({"x": distribution})
    again = pickle.loads(pickle.dumps(space))
    assert again.from_unit([0.3]) == space.from_unit([0.3])
    assert again.size == space.size
