"""What every optimizer must do, whatever it proposes."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from sktune._protocol import Outcome, Status
from sktune.optimizers import Optimizer
from sktune.space import Categorical, Float, Integer, Ordinal, Sequence, Space

FINITE_SPACES = {
    "mixed grid": {
        "depth": Integer(1, 4),
        "kernel": Categorical(["linear", "rbf", "poly"]),
        "weight": Ordinal([1, 10]),
    },
    "conditional grid": {
        "kernel": Categorical(["linear", "rbf"]),
        "degree": Integer(1, 5, when={"kernel": "rbf"}),
    },
    "one point": {"kernel": Categorical(["linear"]), "depth": Integer(3, 3)},
    "sequence grid": {"layers": Sequence(Ordinal([8, 16]), 1, 2)},
}

INFINITE_SPACES = {
    "floats": {"C": Float(1e-3, 1e3, "log-uniform"), "alpha": Float(-1.0, 1.0)},
    "mixed": {
        "C": Float(1e-3, 1e3, "log-uniform"),
        "n": Integer(1, 1_000_000, "log-uniform"),
        "depth": Integer(1, 12),
        "kernel": Categorical(["linear", "rbf", "poly"]),
        "fixed": Categorical(["only"]),
        "constant": Float(2.0, 2.0),
    },
    "conditional": {
        "kernel": Categorical(["linear", "rbf", "poly"]),
        "gamma": Float(1e-3, 1e3, "log-uniform", when={"kernel": ["rbf", "poly"]}),
        "degree": Integer(2, 5, when={"kernel": "poly"}),
        "shrink": Categorical([True, False], when={"kernel": "linear"}),
    },
    "union": [
        {"C": Float(0.1, 10.0, "log-uniform")},
        {"C": Float(0.1, 10.0, "log-uniform"), "depth": Integer(1, 9)},
    ],
    "sequence": {
        "layers": Sequence(Integer(4, 64, "log-uniform"), 1, 3),
        "rate": Float(1e-4, 1e-1, "log-uniform"),
    },
    "one category": {"which": Categorical(["a", "b"]), "x": Float(0.0, 1.0)},
}


def score_of(point: np.ndarray) -> float:
    """A smooth function of the active coordinates, best at 0.6."""
    active = point[~np.isnan(point)]
    return -float(np.mean((active - 0.6) ** 2)) if len(active) else 0.0


class OptimizerContract:
    """Inherit it and say how an optimizer is made."""

    n_trials = 24

    def make(self, space: Space, seed: int = 0, **kwargs: object) -> Optimizer:
        raise NotImplementedError

    @pytest.fixture(params=[*FINITE_SPACES, *INFINITE_SPACES])
    def space(self, request: pytest.FixtureRequest) -> Space:
        return Space((FINITE_SPACES | INFINITE_SPACES)[request.param])

    @pytest.fixture
    def big(self) -> Space:
        """A space that no test exhausts."""
        spec = {"a": Integer(1, 30), "b": Categorical(list("xyz")), "c": Integer(1, 9)}
        return Space(spec)

    def run(self, optimizer: Optimizer, n: int, window: int = 1) -> list:
        """Ask n times, `window - 1` results behind; return the suggestions."""
        asked: list = []
        for _ in range(n):
            suggestion = optimizer.ask()
            if suggestion is None:
                break
            asked.append(suggestion)
            if len(asked) >= window:
                done = asked[len(asked) - window]
                optimizer.tell(Outcome(done.trial, Status.OK, score_of(done.point)))
        return asked

    def test_stays_in_bounds(self, space: Space) -> None:
        for i, suggestion in enumerate(self.run(self.make(space), self.n_trials)):
            assert suggestion.trial == i
            point = suggestion.point
            active = point[~np.isnan(point)]
            assert ((active >= 0) & (active <= 1)).all()
            filled = np.nan_to_num(point, nan=0.5)
            np.testing.assert_array_equal(space.snap(filled[None])[0], point)
            assert suggestion.params == space.from_unit(point)
            np.testing.assert_allclose(space.to_unit(suggestion.params), point)

    def test_never_repeats(self, space: Space) -> None:
        asked = self.run(self.make(space), self.n_trials)
        keys = {space.key(s.point) for s in asked}
        assert len(keys) == len(asked)
        expected = self.n_trials
        if space.size is not None:
            expected = min(expected, space.size)
        assert len(asked) == expected

    @pytest.mark.parametrize("name", FINITE_SPACES)
    @pytest.mark.parametrize("window", [1, 3])
    def test_exhausts_finite_space(self, name: str, window: int) -> None:
        space = Space(FINITE_SPACES[name])
        optimizer = self.make(space)
        asked = self.run(optimizer, 1000, window)
        assert len(asked) == space.size
        assert {space.key(s.point) for s in asked} == {
            space.key(p) for p in space.enumerate()
        }
        assert optimizer.ask() is None
        assert optimizer.ask() is None

    def test_asking_without_telling(self, big: Space) -> None:
        optimizer = self.make(big)
        asked = [optimizer.ask() for _ in range(20)]
        assert len({big.key(s.point) for s in asked}) == 20

    def test_many_pending_after_results(self, big: Space) -> None:
        optimizer = self.make(big)
        self.run(optimizer, 20)
        asked = [optimizer.ask() for _ in range(8)]
        assert len({big.key(s.point) for s in asked}) == 8

    def test_order_of_telling_does_not_matter(self, big: Space) -> None:
        left, right = self.make(big), self.make(big)
        for n in (12, 6, 6):
            asked = [left.ask() for _ in range(n)]
            again = [right.ask() for _ in range(n)]
            assert [s.params for s in asked] == [s.params for s in again]
            outcomes = [
                Outcome(s.trial, Status.OK, score_of(s.point), 1e-4) for s in asked
            ]
            for outcome in outcomes:
                left.tell(outcome)
            for outcome in outcomes[::-1]:
                right.tell(outcome)
        assert left.ask().params == right.ask().params

    def test_same_seed_same_suggestions(self, space: Space) -> None:
        one = self.run(self.make(space, 3), 16, window=2)
        two = self.run(self.make(space, 3), 16, window=2)
        assert [s.params for s in one] == [s.params for s in two]

    @pytest.mark.parametrize("duplicate", [copy.deepcopy, "pickle"])
    def test_copy_continues_identically(self, big: Space, duplicate: object) -> None:
        optimizer = self.make(big)
        self.run(optimizer, 15, window=2)
        if callable(duplicate):
            twin = duplicate(optimizer)
        else:
            twin = pickle.loads(pickle.dumps(optimizer))
        for _ in range(3):
            one, two = optimizer.ask(), twin.ask()
            assert one.params == two.params
            for each in (optimizer, twin):
                each.tell(Outcome(one.trial, Status.OK, score_of(one.point)))

    @pytest.mark.parametrize("every", [1, 2, 5])
    def test_failures(self, big: Space, every: int) -> None:
        optimizer = self.make(big)
        keys = set()
        for i in range(self.n_trials):
            suggestion = optimizer.ask()
            keys.add(big.key(suggestion.point))
            if i % every == 0:
                optimizer.tell(Outcome(suggestion.trial, Status.FAILED, None))
            else:
                score = score_of(suggestion.point)
                optimizer.tell(Outcome(suggestion.trial, Status.OK, score))
        assert len(keys) == self.n_trials

    @pytest.mark.parametrize(
        "scale",
        [
            lambda s: 0.0,
            lambda s: 0.1,  # equal, but not exactly so once averaged
            lambda s: 1e-300 * s,
            lambda s: 1e300 * s,
            lambda s: 1e6 + 1e-9 * s,
            lambda s: -1e12 if s < -0.1 else s,
            lambda s: round(s, 1),
        ],
        ids=["zero", "constant", "tiny", "huge", "offset", "outliers", "steps"],
    )
    def test_score_scales(self, big: Space, scale: object) -> None:
        optimizer = self.make(big)
        keys = set()
        for _ in range(self.n_trials):
            suggestion = optimizer.ask()
            keys.add(big.key(suggestion.point))
            score = scale(score_of(suggestion.point))
            optimizer.tell(Outcome(suggestion.trial, Status.OK, score, 0.0))
        assert len(keys) == self.n_trials

    @pytest.mark.parametrize("variance", [None, 0.0, 1e-4, 1e10, 1e-320])
    def test_score_variances(self, big: Space, variance: float | None) -> None:
        optimizer = self.make(big)
        for i in range(self.n_trials):
            suggestion = optimizer.ask()
            score = score_of(suggestion.point)
            some = variance if i % 3 else None
            optimizer.tell(Outcome(suggestion.trial, Status.OK, score, some))

    def test_initial_points_come_first(self, big: Space) -> None:
        points = list(big.sample(np.random.default_rng(5), 3))
        optimizer = self.make(big, initial=[points[0], *points])
        asked = [optimizer.ask() for _ in range(4)]
        for suggestion, point in zip(asked, points, strict=False):
            np.testing.assert_array_equal(suggestion.point, point)
            assert suggestion.origin == "initial"
        assert asked[3].origin != "initial"

    def test_observed_results(self, big: Space) -> None:
        optimizer = self.make(big)
        points = big.sample(np.random.default_rng(5), 30)
        outcomes = [
            Outcome(i, Status.OK if i % 7 else Status.FAILED, s if i % 7 else None)
            for i, s in enumerate(map(score_of, points))
        ]
        optimizer.observe(points, outcomes)
        assert optimizer.ask().trial == 0
        assert len(self.run(optimizer, 4)) == 4

    def test_draws_when_asked_to(self, big: Space) -> None:
        optimizer = self.make(big)
        asked = [optimizer.ask(at_random=i % 2 == 1) for i in range(12)]
        assert {s.origin for s in asked[1::2]} == {"random"}
        assert len({big.key(s.point) for s in asked}) == 12

    def test_refuses_unknown_trials(self, big: Space) -> None:
        optimizer = self.make(big)
        with pytest.raises(ValueError, match="trial 0 is not pending: it was never"):
            optimizer.tell(Outcome(0, Status.OK, 1.0))
        suggestion = optimizer.ask()
        optimizer.tell(Outcome(suggestion.trial, Status.OK, 1.0))
        with pytest.raises(ValueError, match="trial 0 is not pending: it was told"):
            optimizer.tell(Outcome(0, Status.OK, 1.0))
