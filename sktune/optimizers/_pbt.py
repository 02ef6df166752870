"""Population based training: members that train, copy the best, and change.

A *segment* is a member between two exchanges; it is what is asked and told. It
goes on from a checkpoint of its own member or of a donor.

References
----------
M. Jaderberg et al., "Population Based Training of Neural Networks",
arXiv:1711.09846, 2017.
W. Doulazmi et al., "Multiple-Frequencies Population-Based Training",
arXiv:2506.03225, 2025: sub-populations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, final

import numpy as np
from numpy.typing import NDArray

from .._protocol import Outcome, Suggestion
from ._explore import Explorer, Situation
from ._population import Segment, SubPopulation, make_segments

if TYPE_CHECKING:
    from ..space import Space

__all__ = ["PBTOptimizer"]

Array = NDArray[np.float64]


@final
class PBTOptimizer:
    """Proposes the segments of a population, each as soon as it is decided.

    What is proposed depends on the scores at the exchanges and on no clock: the
    numbers of segments are planned, and each decision has a random generator of
    its own. A member does not wait for others whose scores cannot change what
    becomes of it.

    Parameters
    ----------
    space : Space
        What is searched.
    parts : sequence of SubPopulation
        Members, and when they meet. A member may take over the weights of its
        own sub-population, or of a slower one.
    rng : numpy.random.Generator
        Drawn from once.
    initial : sequence of ndarray of shape (n_axes,)
        Points of the first members; the others are drawn.
    explorer : Explorer
        What hyperparameters a member gets with another one's weights.
    exploit : {"truncation", "tournament"}, default="truncation"
        Whether the last of a sub-population copy the first, or each member
        copies a rival that is better.
    quantile : float, default=0.25
        With truncation, which share are the last, and which the first.
    keeps_last : bool, default=False
        Whether the checkpoints that the training ends in are needed.
    """

    n_independent = 0

    def __init__(
        self,
        space: Space,
        parts: Sequence[SubPopulation],
        *,
        rng: np.random.Generator,
        explorer: Explorer,
        initial: Sequence[Array] = (),
        exploit: Literal["truncation", "tournament"] = "truncation",
        quantile: float = 0.25,
        keeps_last: bool = False,
    ) -> None:
        self.space = space
        self.segments = make_segments(parts)
        self._parts = list(parts)
        self._seed = int(rng.integers(2**63))
        self._explorer = explorer
        self._exploit = exploit
        self._quantile = quantile
        self._keeps_last = keeps_last
        self._end = max(part.ends[-1] for part in parts)
        self._ending = {(s.member, s.end): s for s in self.segments}
        self._starting: dict[int, list[Segment]] = {}
        for segment in self.segments:
            self._starting.setdefault(segment.start, []).append(segment)
        self._waiting = list(self.segments)
        self._pending: set[int] = set()
        self._held: list[Segment] = []
        self._released: list[int] = []
        self._first = self._design(initial, rng)

    def _design(
        self, initial: Sequence[Array], rng: np.random.Generator
    ) -> list[tuple[Array, str]]:
        """Return the points of the first generation, one for each member."""
        n = sum(len(part.members) for part in self._parts)
        points = [(np.asarray(p, dtype=np.float64), "initial") for p in initial[:n]]
        # spread over each axis, as in a Latin square
        strata = rng.permuted(np.tile(np.arange(n), (self.space.n_axes, 1)), axis=1).T
        units = (strata + rng.random((n, self.space.n_axes))) / n
        drawn = self.space.snap(units)[len(points) :]
        points += [(np.asarray(p, dtype=np.float64), "design") for p in drawn]
        # of several sub-populations, each gets its share of those given
        order = np.argsort([member for _, member in self._alternating()])
        return [points[i] for i in order]

    def _alternating(self) -> list[tuple[int, int]]:
        """Return the members, taking one of each sub-population in turn."""
        turns = [
            (turn, member)
            for part in self._parts
            for turn, member in enumerate(part.members)
        ]
        return sorted(turns)

    # -- the interface -----------------------------------------------------

    def ask(self) -> Suggestion | None:
        """Propose a segment; None before the next tell, or when all is done."""
        for segment in self._waiting:
            if self._decide(segment):
                self._waiting.remove(segment)
                if segment.point is None:
                    return self.ask()  # nobody to go on from
                return self._suggest(segment)
        return None

    def tell(self, outcome: Outcome) -> None:
        """Report how a segment ended."""
        if outcome.trial not in self._pending:
            raise ValueError(f"trial {outcome.trial} is not pending")
        self._pending.remove(outcome.trial)
        segment = self.segments[outcome.trial]
        score = outcome.score
        if score is not None and math.isfinite(score):
            segment.score = score
        segment.is_told = True
        self._held.append(segment)

    def released(self) -> list[int]:
        """Return the segments whose weights nobody needs any more, each once."""
        kept = []
        for segment in self._held:
            if self._is_needed(segment):
                kept.append(segment)
            else:
                self._released.append(segment.trial)
        self._held = kept
        released, self._released = self._released, []
        return released

    # -- checkpoints -------------------------------------------------------

    def _is_needed(self, segment: Segment) -> bool:
        """Whether a segment that is told may still be gone on from."""
        if segment.score is None:
            return False
        after = self._starting.get(segment.end, [])
        if any(not s.is_decided for s in after):
            return True
        if any(s.parent == segment.trial and not s.is_told for s in after):
            return True
        if not self._keeps_last:
            return False
        # Should the search end now, this one may be the best.
        return all(s.end <= segment.end for s in self.segments if s.score is not None)

    # -- decisions ---------------------------------------------------------

    def _suggest(self, segment: Segment) -> Suggestion:
        assert segment.point is not None
        params = self.space.from_unit(segment.point)
        changed: tuple[str, ...] = ()
        if segment.parent is not None:
            point = self.segments[segment.parent].point
            assert point is not None
            before = self.space.from_unit(point)
            changed = _differences(before, params)
        self._pending.add(segment.trial)
        return Suggestion(
            segment.trial,
            segment.point,
            params,
            segment.origin,
            budget=segment.end,
            parent=segment.parent,
            bracket=segment.part,
            rung=segment.generation,
            is_last=segment.end == self._end and not self._keeps_last,
            changed=changed,
        )

    def _decide(self, segment: Segment) -> bool:
        """Find out what a segment trains; false when that is not known yet."""
        if segment.generation == 0:
            segment.point, segment.origin = self._first[segment.member]
            return True
        before = self._ending[segment.member, segment.start]
        if not before.is_told:
            return False
        rng = np.random.default_rng([self._seed, segment.trial])
        choose = self._truncate if self._exploit == "truncation" else self._compete
        donor = choose(before, *self._peers(before), rng)
        if donor == "wait":
            return False
        if donor is None:
            # All have failed. Somebody slower may be copied later on.
            segment.was_trained = False
            segment.is_told = True
            return True
        assert isinstance(donor, Segment)
        if donor is before:
            segment.point, segment.origin = before.point, "kept"
            segment.parent = before.trial
            return True
        situation = self._situation(segment)
        if situation is None:
            return False
        segment.point, segment.origin = self._explorer(donor, situation, rng)
        segment.parent = donor.trial
        return True

    def _peers(self, segment: Segment) -> tuple[list[Segment], list[Segment]]:
        """Return who meets at a segment's end: of its own, and of slower parts."""
        own = self._parts[segment.part]
        of_own: list[Segment] = []
        of_slower: list[Segment] = []
        for p, part in enumerate(self._parts):
            if p != segment.part and part.interval <= own.interval:
                continue
            for member in part.members:
                peer = self._ending.get((member, segment.end))
                if peer is not None:
                    (of_own if p == segment.part else of_slower).append(peer)
        return of_own, of_slower

    def _truncate(
        self,
        segment: Segment,
        own: list[Segment],
        slower: list[Segment],
        rng: np.random.Generator,
    ) -> Segment | Literal["wait"] | None:
        """Return whose weights the next segment takes; None is nobody's."""
        everybody = own + slower
        n_last = min(self._n_of(own) or 1, len(everybody) - 1)
        known = [s for s in own if s.is_told]
        n_worse = sum(s.rank_key < segment.rank_key for s in known)
        if segment.score is not None and n_worse >= n_last:
            return segment  # whatever the others turn out to be
        if not all(s.is_told for s in everybody):
            return "wait"
        order = sorted(everybody, key=lambda s: s.rank_key, reverse=True)
        n_first = max(1, self._n_of(everybody))
        first = [s for s in order if s.score is not None][:n_first]
        if segment in first:
            return segment
        return first[rng.integers(len(first))] if first else None

    def _n_of(self, peers: list[Segment]) -> int:
        """Return how many are the first, or the last, of so many."""
        return max(1, int(self._quantile * len(peers))) if len(peers) > 1 else 0

    def _compete(
        self,
        segment: Segment,
        own: list[Segment],
        slower: list[Segment],
        rng: np.random.Generator,
    ) -> Segment | Literal["wait"] | None:
        """Return the winner of a member and a rival drawn for it."""
        rivals = [s for s in own + slower if s is not segment]
        for i in rng.permutation(len(rivals)):
            rival: Segment = rivals[i]
            if not rival.is_told:
                return "wait"
            if segment.score is not None:
                return rival if rival.rank_key > segment.rank_key else segment
            if rival.score is not None:
                return rival
        return segment if segment.score is not None else None

    def _situation(self, segment: Segment) -> Situation | None:
        """Return what an explorer may know, None while that is not all there."""
        time = segment.start
        share = time / self._end
        if not self._explorer.learns:
            return Situation(time, share, [], self.segments)
        interval = self._parts[segment.part].interval
        visible = [
            s
            for s in self.segments
            if s.end <= time
            and (s.part == segment.part or self._parts[s.part].interval > interval)
        ]
        earlier = [
            s
            for s in self._starting[time]
            if s.part == segment.part and s.member < segment.member
        ]
        if not all(s.is_told for s in visible):
            return None
        if not all(s.is_decided for s in earlier):
            return None
        explored = [s for s in earlier if s.origin not in ("", "kept")]
        parents = [self.segments[s.parent or 0] for s in explored]
        return Situation(
            time,
            share,
            visible,
            self.segments,
            [s.point for s in explored if s.point is not None],
            [s.score or 0.0 for s in parents],
        )


def _differences(
    before: dict[str, object], after: dict[str, object]
) -> tuple[str, ...]:
    """Return the names of parameters that two configurations do not share."""
    missing = object()
    names = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name, missing), after.get(name, missing)
        if old is new:
            continue
        plain = isinstance(old, (int, float, str, tuple)) and type(old) is type(new)
        if not plain or old != new:
            names.append(name)
    return tuple(names)
