"""Metrics: what a transcription got right, per track and over tracks.

Flow: references -> matching -> **metrics** -> report

Times are seconds, offsets are estimate minus reference. A ratio with nothing below the line is ``nan``: the
precision of no estimate, the F of a class without reference and estimate. Micro scores add up hits over
classes and tracks; the macro F is the mean over classes with support; ``track_mean_f`` the mean over tracks
with hits.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import nan

import numpy as np
from numpy.typing import NDArray

from drumlane.evaluation.bootstrap import RESAMPLES, micro_f_interval
from drumlane.evaluation.classes import ClassSet
from drumlane.evaluation.counts import Counts, HatCounts, ratio
from drumlane.evaluation.matching import match_onsets
from drumlane.evaluation.reliability import Reliability, reliability
from drumlane.evaluation.velocity import VelocityScore, close_in_velocity, correlation
from drumlane.performance import Hit, Performance
from drumlane.vocabulary import Drum, Lane


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """The matched pairs of a track, class after class."""

    class_index: NDArray[np.int64]  # (pairs,)
    offset: NDArray[np.float64]  # (pairs,) seconds, estimate - reference
    reference_velocity: NDArray[np.float64]  # (pairs,) MIDI
    estimate_velocity: NDArray[np.float64]  # (pairs,) MIDI


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """The estimated hits of a track, class after class."""

    confidence: NDArray[np.float64]  # (hits,) 0..1
    right: NDArray[np.bool_]  # (hits,) matched with a reference hit


@dataclass(frozen=True, slots=True, eq=False)
class TrackScore:
    """One estimate against one reference."""

    name: str
    tolerance: float  # seconds
    classes: ClassSet
    duration: float  # seconds, the longer of the two
    counts: tuple[Counts, ...]  # one per class
    matches: Matches
    judged: Judged
    velocity_tp: int | None  # pairs that agree in velocity; None: the reference has a single velocity
    hats: HatCounts

    @property
    def micro(self) -> Counts:
        """Counts over all classes."""
        return sum(self.counts, Counts())


@dataclass(frozen=True, slots=True)
class Timing:
    """Offsets of matched pairs, estimate - reference, seconds; nan without pairs."""

    n_pairs: int
    median: float
    mean_absolute: float


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class over all tracks."""

    label: str
    counts: Counts
    timing: Timing


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """All tracks of a group."""

    tracks: tuple[TrackScore, ...] = field(repr=False)
    classes: tuple[ClassScore, ...]
    micro: Counts
    macro_f: float
    track_mean_f: float
    interval: tuple[float, float] | None  # 95 % of micro F, bootstrapped by track
    timing: Timing
    velocity: VelocityScore | None  # None: no reference has more than one velocity
    hats: HatCounts | None  # None: no open hat was found, or no reference tells
    reliability: Reliability | None  # None: no hits, or all of them said to be certain
    false_hits_per_minute: float  # on tracks whose reference has no hits; nan without such tracks

    @property
    def class_set(self) -> ClassSet:
        """The classes compared."""
        return self.tracks[0].classes

    @property
    def tolerance(self) -> float:
        """The matching window, seconds."""
        return self.tracks[0].tolerance


def score_track(
    reference: Performance, estimate: Performance, tolerance: float, classes: ClassSet, name: str = ""
) -> TrackScore:
    """Compare an estimate with its reference, class by class.

    Args:
        reference: the truth; drums without a class are ignored.
        estimate: the transcription; drums without a class are ignored.
        tolerance: the largest distance of a matched pair, seconds.
        classes: what counts as the same drum.
        name: of the track, for reports.
    """
    pairs = [
        _match_class(_of_class(reference, classes, i), _of_class(estimate, classes, i), tolerance)
        for i in range(len(classes.labels))
    ]
    matches = _matches([matched for matched, _, _ in pairs])
    return TrackScore(
        name=name,
        tolerance=tolerance,
        classes=classes,
        duration=max(reference.duration, estimate.duration),
        counts=tuple(counts for _, counts, _ in pairs),
        matches=matches,
        judged=Judged(
            *(np.concatenate(column) for column in zip(*(judged for _, _, judged in pairs), strict=True))
        ),
        velocity_tp=_velocity_tp(reference, classes, matches),
        hats=_hat_counts(reference, estimate, tolerance),
    )


def score(tracks: Iterable[TrackScore], seed: int = 0, resamples: int = RESAMPLES) -> Scores:
    """Sum up tracks that were scored alike.

    Raises:
        ValueError: there is no track, or tracks differ in tolerance or classes.
    """
    scored = tuple(tracks)
    if len({(t.tolerance, t.classes.name) for t in scored}) != 1:
        raise ValueError(
            f"{len(scored)} tracks: scores need at least one, all of one tolerance and class set"
        )
    classes = _class_scores(scored)
    micros = [t.micro for t in scored]
    table = np.array([(c.tp, c.fp, c.fn) for c in micros], dtype=np.int64)
    return Scores(
        tracks=scored,
        classes=classes,
        micro=sum(micros, Counts()),
        macro_f=_mean(c.counts.f for c in classes if c.counts.support),
        track_mean_f=_mean(c.f for c in micros if c.support + c.estimated),
        interval=micro_f_interval(table, seed, resamples),
        timing=_timing(np.concatenate([t.matches.offset for t in scored])),
        velocity=_velocity_score([t for t in scored if t.velocity_tp is not None]),
        hats=_hat_score(scored),
        reliability=_reliability(scored),
        false_hits_per_minute=_false_hits_per_minute(scored),
    )


_Pair = tuple[Hit, Hit]
_Judged = tuple[NDArray[np.float64], NDArray[np.bool_]]


def _of_class(performance: Performance, classes: ClassSet, index: int) -> list[Hit]:
    return [hit for hit in performance if classes.index_of_drum[hit.drum] == index]


def _match_class(
    reference: list[Hit], estimate: list[Hit], tolerance: float
) -> tuple[list[_Pair], Counts, _Judged]:
    indices = match_onsets([h.time for h in reference], [h.time for h in estimate], tolerance)
    matched = [(reference[r], estimate[e]) for r, e in indices]
    confidence = np.array([h.confidence for h in estimate], dtype=np.float64)
    right = np.isin(np.arange(len(estimate)), indices[:, 1])
    counts = Counts(len(matched), len(estimate) - len(matched), len(reference) - len(matched))
    return matched, counts, (confidence, right)


def _matches(pairs_of_class: list[list[_Pair]]) -> Matches:
    pairs = [pair for pairs in pairs_of_class for pair in pairs]
    return Matches(
        class_index=np.repeat(np.arange(len(pairs_of_class)), [len(pairs) for pairs in pairs_of_class]),
        offset=np.array([est.time - ref.time for ref, est in pairs], dtype=np.float64),
        reference_velocity=np.array([ref.velocity for ref, _ in pairs], dtype=np.float64),
        estimate_velocity=np.array([est.velocity for _, est in pairs], dtype=np.float64),
    )


def _velocity_tp(reference: Performance, classes: ClassSet, matches: Matches) -> int | None:
    known = [hit.velocity for hit in reference if classes.index_of_drum[hit.drum] is not None]
    if len(set(known)) < 2:
        return None
    velocities = np.array(known, dtype=np.float64)
    close = close_in_velocity(velocities, matches.reference_velocity, matches.estimate_velocity)
    return int(close.sum())


def _hat_counts(reference: Performance, estimate: Performance, tolerance: float) -> HatCounts:
    """Compare open and closed on hats matched as one lane, whatever the class set."""
    hats = [[h for h in p if h.drum.lane is Lane.HIHAT] for p in (reference, estimate)]
    pairs, _, _ = _match_class(hats[0], hats[1], tolerance)
    table = np.zeros((2, 2), dtype=np.int64)  # (reference open, estimate open)
    for ref, est in pairs:
        table[int(ref.drum is Drum.HIHAT_OPEN), int(est.drum is Drum.HIHAT_OPEN)] += 1
    return HatCounts(int(table[1, 1]), int(table[1, 0]), int(table[0, 0]), int(table[0, 1]))


def _hat_score(tracks: Sequence[TrackScore]) -> HatCounts | None:
    """Sum up hats; a group without an open one is taken for one whose references do not tell."""
    total = sum((t.hats for t in tracks), HatCounts())
    return total if total.open_right + total.open_wrong else None


def _class_scores(tracks: Sequence[TrackScore]) -> tuple[ClassScore, ...]:
    indices = np.concatenate([t.matches.class_index for t in tracks])
    offsets = np.concatenate([t.matches.offset for t in tracks])
    return tuple(
        ClassScore(label, sum((t.counts[i] for t in tracks), Counts()), _timing(offsets[indices == i]))
        for i, label in enumerate(tracks[0].classes.labels)
    )


def _timing(offsets: NDArray[np.float64]) -> Timing:
    if len(offsets) == 0:
        return Timing(0, nan, nan)
    return Timing(len(offsets), float(np.median(offsets)), float(np.mean(np.abs(offsets))))


def _velocity_score(tracks: Sequence[TrackScore]) -> VelocityScore | None:
    if not tracks:
        return None
    reference = np.concatenate([t.matches.reference_velocity for t in tracks])
    estimate = np.concatenate([t.matches.estimate_velocity for t in tracks])
    micro = sum((t.micro for t in tracks), Counts())
    tp = sum(t.velocity_tp or 0 for t in tracks)
    right = Counts(tp, micro.estimated - tp, micro.support - tp)
    return VelocityScore(
        n_tracks=len(tracks),
        n_pairs=len(reference),
        mean_absolute_error=_mean(np.abs(estimate - reference).tolist()),
        correlation=correlation(reference, estimate),
        precision=right.precision,
        recall=right.recall,
        f=right.f,
    )


def _reliability(tracks: Sequence[TrackScore]) -> Reliability | None:
    confidence = np.concatenate([t.judged.confidence for t in tracks])
    return reliability(confidence, np.concatenate([t.judged.right for t in tracks]))


def _false_hits_per_minute(tracks: Sequence[TrackScore]) -> float:
    silent = [t for t in tracks if t.micro.support == 0]
    return ratio(60 * sum(t.micro.fp for t in silent), sum(t.duration for t in silent))


def _mean(values: Iterable[float]) -> float:
    known = list(values)
    return sum(known) / len(known) if known else nan
