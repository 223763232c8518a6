"""Error table: hits found, missed and false, broken down by everything that may explain them.

Flow: verdicts -> **error_table** -> error_report

A breakdown sorts every judged hit into one row, so that its rows add up to the totals (only groups of tracks
may overlap or leave tracks out). A reference hit is sorted by what the reference says, a false hit by its own
drum and velocity and by the reference hits around it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from drumlane.evaluation.corpus import Group
from drumlane.evaluation.counts import Counts
from drumlane.evaluation.references import LoadedTrack
from drumlane.evaluation.verdicts import TOGETHER, JudgedHit, JudgedTrack, Verdict, count, judge_track
from drumlane.vocabulary import DRUM_OF_LANE, LANE_NAMES, LANES, Drum

VELOCITY_BANDS = (1, 20, 40, 60, 80, 100, 128)  # MIDI; each band starts at its number
GAP_BANDS = (0.0, 0.05, 0.1, 0.2, 0.4)  # seconds; each band starts at its number, the last has no end
MOST_LANES = 4  # this many at once, or more
NOT_TOLD = "not told"

LabelOf = Callable[[JudgedTrack, JudgedHit], str]


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Counts by one property."""

    name: str
    note: str  # how hits are sorted, for readers
    rows: Mapping[str, Counts]  # label -> counts, in order; rows without any hit are left out


@dataclass(frozen=True, slots=True, eq=False)
class FalseHits:
    """False hits of each lane by what the reference has at that moment; the first three add up to all."""

    instead: NDArray[np.int64]  # (8,) beside a missed hit of another lane: one stroke in a wrong lane
    beside: NDArray[np.int64]  # (8,) not that, but something was struck within the tolerance
    alone: NDArray[np.int64]  # (8,) nothing was struck
    struck: NDArray[np.int64]  # (8, 8) [written, struck lane] of those beside; one may count in several


@dataclass(frozen=True, slots=True, eq=False)
class ErrorTable:
    """Everything that the verdicts add up to."""

    tolerance: float  # seconds
    n_tracks: int
    counts: Counts
    breakdowns: tuple[Breakdown, ...]
    confusions: NDArray[np.int64]  # (8, 9) missed hits [lane, lane written instead; last: nothing]
    false_hits: FalseHits


def judge_tracks(loaded: Iterable[LoadedTrack], tolerance: float) -> tuple[JudgedTrack, ...]:
    """Judge every hit of every track; ``tolerance`` is in seconds."""
    return tuple(judge_track(track, tolerance) for track in loaded)


def error_table(
    tracks: Sequence[JudgedTrack], tolerance: float, groups: Sequence[Group] = (), columns: Sequence[str] = ()
) -> ErrorTable:
    """Add up verdicts.

    Args:
        tracks: judged with the same tolerance.
        tolerance: seconds.
        groups: of tracks, one row each, if there are several.
        columns: of the tracks, one breakdown each.
    """
    hits = [hit for track in tracks for hit in track.hits]
    return ErrorTable(
        tolerance=tolerance,
        n_tracks=len(tracks),
        counts=count(hits),
        breakdowns=(
            _breakdown(tracks, "lane", "the lane itself", LANE_NAMES, lambda _, hit: hit.lane.label),
            *_by_group(tracks, groups),
            *(_by_column(tracks, column) for column in columns),
            *_by_dynamics(tracks),
            *_by_surroundings(tracks),
        ),
        confusions=_confusions(hits),
        false_hits=_false_hits(hits),
    )


def _breakdown(
    tracks: Sequence[JudgedTrack], name: str, note: str, order: Sequence[str], label_of: LabelOf
) -> Breakdown:
    sorted_hits: dict[str, list[JudgedHit]] = defaultdict(list)
    for track in tracks:
        for hit in track.hits:
            sorted_hits[label_of(track, hit)].append(hit)
    rows = {label: count(sorted_hits[label]) for label in order if label in sorted_hits}
    return Breakdown(name, note, MappingProxyType(rows))


def _by_group(tracks: Sequence[JudgedTrack], groups: Sequence[Group]) -> Iterable[Breakdown]:
    if len(groups) < 2:
        return
    counts = {}
    for group in groups:
        chosen = {track.name for track in group.select([judged.track for judged in tracks])}
        members = [judged.counts for judged in tracks if judged.track.name in chosen]
        if members:
            counts[group.name] = sum(members, Counts())
    yield Breakdown("group", "a track may be in several groups or in none", MappingProxyType(counts))


def _by_column(tracks: Sequence[JudgedTrack], column: str) -> Breakdown:
    def label_of(track: JudgedTrack, _: JudgedHit) -> str:
        return track.track.columns.get(column) or NOT_TOLD

    order = dict.fromkeys(track.track.columns.get(column) or NOT_TOLD for track in tracks)
    return _breakdown(tracks, column, "the track", tuple(order), label_of)


def _by_dynamics(tracks: Sequence[JudgedTrack]) -> Iterable[Breakdown]:
    """Yield velocity and articulation, if any reference tells them."""
    if any(track.has_velocities for track in tracks):
        order = (*(_velocity_label(low) for low in VELOCITY_BANDS[:-1]), NOT_TOLD)
        note = "velocity in the reference; false hits: the velocity written"
        yield _breakdown(tracks, "velocity", note, order, _velocity_of)
    plain = set(DRUM_OF_LANE.values())
    if any(hit.hit.drum not in plain for track in tracks for hit in track.hits if _in_reference(hit)):
        note = "drum in the reference; false hits: the drum written"
        drums = tuple(drum.value for drum in Drum)
        yield _breakdown(tracks, "articulation", note, drums, lambda _, hit: hit.hit.drum.value)


def _in_reference(hit: JudgedHit) -> bool:
    return hit.verdict is not Verdict.FALSE


def _by_surroundings(tracks: Sequence[JudgedTrack]) -> Iterable[Breakdown]:
    together = f"{1000 * TOGETHER:g} ms"
    gaps = tuple(_gap_label(low) for low in GAP_BANDS)
    yield _breakdown(
        tracks,
        "gap",
        f"time to the nearest reference hit of any lane further than {together} away",
        gaps,
        lambda _, hit: _gap_label(hit.around.gap),
    )
    yield _breakdown(
        tracks,
        "gap in lane",
        "time to the nearest other reference hit of the same lane",
        gaps,
        lambda _, hit: _gap_label(hit.around.lane_gap),
    )
    yield _breakdown(
        tracks,
        "polyphony",
        f"reference lanes struck within {together}; 0: a false hit where nothing is",
        tuple(_lanes_label(n) for n in range(MOST_LANES + 1)),
        lambda _, hit: _lanes_label(hit.around.n_lanes),
    )


def _velocity_of(track: JudgedTrack, hit: JudgedHit) -> str:
    return _velocity_label(hit.hit.velocity) if track.has_velocities else NOT_TOLD


def _velocity_label(velocity: int) -> str:
    band = int(np.searchsorted(VELOCITY_BANDS, velocity, side="right"))
    return f"{VELOCITY_BANDS[band - 1]}-{VELOCITY_BANDS[band] - 1}"


def _gap_label(gap: float) -> str:
    band = int(np.searchsorted(GAP_BANDS, gap, side="right"))
    edges = [f"{1000 * edge:g}" for edge in GAP_BANDS]
    if band == len(edges):
        return f"{edges[-1]} ms or more"
    return f"below {edges[1]} ms" if band == 1 else f"{edges[band - 1]}-{edges[band]} ms"


def _lanes_label(n_lanes: int) -> str:
    return str(n_lanes) if n_lanes < MOST_LANES else f"{MOST_LANES} or more"


def _confusions(hits: Iterable[JudgedHit]) -> NDArray[np.int64]:
    matrix = np.zeros((len(LANES), len(LANES) + 1), dtype=np.int64)
    for hit in hits:
        if hit.verdict is Verdict.MISSED:
            matrix[hit.lane, len(LANES) if hit.confused_with is None else hit.confused_with] += 1
    return matrix


def _false_hits(hits: Iterable[JudgedHit]) -> FalseHits:
    instead, beside, alone = (np.zeros(len(LANES), dtype=np.int64) for _ in range(3))
    struck = np.zeros((len(LANES), len(LANES)), dtype=np.int64)
    for hit in hits:
        if hit.verdict is not Verdict.FALSE:
            continue
        if hit.confused_with is not None:
            instead[hit.lane] += 1
        elif hit.around.lanes:
            beside[hit.lane] += 1
            struck[hit.lane, list(hit.around.lanes)] += 1
        else:
            alone[hit.lane] += 1
    return FalseHits(instead, beside, alone, struck)
