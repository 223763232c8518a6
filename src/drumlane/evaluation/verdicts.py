"""Verdicts: what became of every single hit, and what stood around it.

Flow: references -> matching -> **verdicts** -> error_table, worst_seconds, error_pictures

Hits are compared lane by lane with ``match_onsets``, exactly as in ``metrics`` with the class set ``lanes``,
so the verdicts add up to its counts. What is left over is matched across lanes, first among toms and among
cymbals, then all with all: a missed hit and a false one within the tolerance of each other are one stroke
written in a wrong lane. Hits without a lane are ignored on both sides.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from math import inf

import numpy as np
from numpy.typing import NDArray

from drumlane.evaluation.counts import Counts
from drumlane.evaluation.matching import match_onsets
from drumlane.evaluation.references import LoadedTrack, Track
from drumlane.performance import Hit, Performance
from drumlane.vocabulary import FIVE_CLASS_OF_LANE, FIVE_CLASSES, LANES, Lane

TOGETHER = 0.03  # seconds; strokes no further apart are meant to be simultaneous
_LANES_ALONE = tuple(frozenset({lane}) for lane in LANES)
_KINDS = tuple(frozenset(lane for lane in LANES if FIVE_CLASS_OF_LANE[lane] == name) for name in FIVE_CLASSES)


class Verdict(StrEnum):
    """What became of a hit."""

    FOUND = "found"  # a reference hit with its estimate
    MISSED = "missed"  # a reference hit without one
    FALSE = "false"  # an estimated hit without a reference


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The reference hits around a moment, the judged hit itself left out; ``inf`` where there is none."""

    n_lanes: int  # lanes struck within TOGETHER; for a reference hit its own lane too
    gap: float  # seconds to the nearest stroke of any lane that is not simultaneous
    lane_gap: float  # seconds to the nearest stroke of the same lane
    lanes: tuple[Lane, ...]  # struck within the tolerance


@dataclass(frozen=True, slots=True)
class JudgedHit:
    """A hit of the reference, or a false hit of the estimate."""

    hit: Hit
    lane: Lane
    verdict: Verdict
    partner: Hit | None  # found: its estimate; missed and false: each other, when in a wrong lane only
    around: Surroundings

    @property
    def confused_with(self) -> Lane | None:
        """The lane that was written instead, or that a false hit stands for."""
        known = self.partner if self.verdict is not Verdict.FOUND else None
        return known.drum.lane if known else None


@dataclass(frozen=True)
class JudgedTrack:
    """A track with the verdicts on its hits."""

    track: Track
    hits: tuple[JudgedHit, ...]  # in order of time
    duration: float  # seconds
    has_velocities: bool  # the reference tells loud from quiet
    has_estimate: bool = True  # False: there was none, or it could not be had

    @cached_property
    def counts(self) -> Counts:
        """Counts over all lanes."""
        return count(self.hits)


def judge_track(loaded: LoadedTrack, tolerance: float) -> JudgedTrack:
    """Judge the hits of a track; ``tolerance`` is in seconds."""
    velocities = {hit.velocity for hit in loaded.reference if hit.drum.lane is not None}
    return JudgedTrack(
        track=loaded.track,
        hits=judge(loaded.reference, loaded.estimate, tolerance),
        duration=max(loaded.reference.duration, loaded.estimate.duration),
        has_velocities=len(velocities) > 1,
        has_estimate=loaded.track.estimate is not None and not loaded.failure,
    )


def judge(reference: Performance, estimate: Performance, tolerance: float) -> tuple[JudgedHit, ...]:
    """Return the reference hits and the false hits with their verdicts, in order of time."""
    truth, written = _in_lanes(reference), _in_lanes(estimate)
    found = _matched_in(_LANES_ALONE, truth, written, tolerance)
    crossed = _crossed(truth, written, found, tolerance)
    instead_of = {e: r for r, e in crossed.items()}
    false = sorted(set(range(len(written))) - set(found.values()))
    scene = _Scene.of(truth, tolerance)
    judged = [
        _judged(hit, Verdict.FOUND if i in found else Verdict.MISSED, partner, scene.around(hit, i))
        for i, hit in enumerate(truth)
        for partner in [_pick(written, found.get(i, crossed.get(i)))]
    ]
    judged += [
        _judged(hit, Verdict.FALSE, _pick(truth, instead_of.get(e)), scene.around(hit, None))
        for e, hit in ((e, written[e]) for e in false)
    ]
    return tuple(sorted(judged, key=lambda j: (j.hit, j.verdict)))


def count(hits: Iterable[JudgedHit]) -> Counts:
    """Return how many hits were found, missed and false."""
    verdicts = [hit.verdict for hit in hits]
    return Counts(*(verdicts.count(v) for v in (Verdict.FOUND, Verdict.FALSE, Verdict.MISSED)))


@dataclass(frozen=True, slots=True, eq=False)
class _Scene:
    """The reference hits of a track."""

    times: NDArray[np.float64]  # (hits,) seconds
    lanes: NDArray[np.int64]  # (hits,)
    tolerance: float  # seconds

    @classmethod
    def of(cls, hits: Sequence[Hit], tolerance: float) -> "_Scene":
        lanes = np.array([hit.drum.lane for hit in hits], dtype=np.int64)
        return cls(_times(hits), lanes, tolerance)

    def around(self, hit: Hit, own: int | None) -> Surroundings:
        """Describe the moment of a hit; ``own`` is its index in the reference, None for a false hit."""
        distances = np.abs(self.times - hit.time)
        if own is not None:
            distances[own] = inf
        struck = set(self.lanes[distances <= TOGETHER].tolist())
        struck |= set() if own is None else {int(self.lanes[own])}
        within = set(self.lanes[distances <= self.tolerance].tolist())
        return Surroundings(
            n_lanes=len(struck),
            gap=float(np.min(distances[distances > TOGETHER], initial=inf)),
            lane_gap=float(np.min(distances[self.lanes == hit.drum.lane], initial=inf)),
            lanes=tuple(lane for lane in LANES if lane in within),
        )


def _in_lanes(performance: Performance) -> list[Hit]:
    return [hit for hit in performance if hit.drum.lane is not None]


def _times(hits: Iterable[Hit]) -> NDArray[np.float64]:
    return np.array([hit.time for hit in hits], dtype=np.float64)


def _crossed(
    truth: Sequence[Hit], written: Sequence[Hit], found: dict[int, int], tolerance: float
) -> dict[int, int]:
    """Return the false hit in another lane for each missed hit that has one, as indices."""
    crossed: dict[int, int] = {}
    for parts in (_KINDS, (frozenset(LANES),)):
        known = found | crossed
        missed = [i for i in range(len(truth)) if i not in known]
        false = sorted(set(range(len(written))) - set(known.values()))
        left = [truth[i] for i in missed], [written[e] for e in false]
        crossed |= {missed[r]: false[e] for r, e in _matched_in(parts, *left, tolerance).items()}
    return crossed


def _matched_in(
    parts: Iterable[frozenset[Lane]], truth: Sequence[Hit], written: Sequence[Hit], tolerance: float
) -> dict[int, int]:
    """Match the hits of each set of lanes; return the estimate of each matched reference hit, as indices."""
    found: dict[int, int] = {}
    for part in parts:
        of_truth = [i for i, hit in enumerate(truth) if hit.drum.lane in part]
        of_written = [e for e, hit in enumerate(written) if hit.drum.lane in part]
        times = _times(truth[i] for i in of_truth), _times(written[e] for e in of_written)
        found |= {of_truth[r]: of_written[e] for r, e in match_onsets(*times, tolerance)}
    return found


def _pick(hits: Sequence[Hit], index: int | None) -> Hit | None:
    return None if index is None else hits[index]


def _judged(hit: Hit, verdict: Verdict, partner: Hit | None, around: Surroundings) -> JudgedHit:
    assert hit.drum.lane is not None  # others were left out
    return JudgedHit(hit, hit.drum.lane, verdict, partner, around)
