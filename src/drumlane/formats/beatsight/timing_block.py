"""Timing block: a tempo map as BeatSight's ``bpm``, ``offset`` and ``timingPoints``, and back.

Flow: timing.TempoMap <-> **timing_block** <-> read, write

``offset`` is the first bar line of the music, ``bpm`` the tempo from there on; beats before it are counted
back. Every later change of tempo or time signature is a timing point. Points are whole milliseconds, so no
beat is further off than half of one, however many changes there are: on reading, a stretch whose beats are a
whole number but for that rounding gets this number, and its tempo is bent (by a millisecond) to end on time.

A lead-in, which is silence that needs a tempo to be laid out, has none of its own in BeatSight: it is counted
anew on reading.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

import numpy as np

from drumlane.formats.beatsight.beatmap import Timing, TimingPoint
from drumlane.timing import TempoChange, TempoMap, TimeSignature

AT_ONCE = 0.06  # s; a first beat nearer to second 0 has no lead-in: it begins there and is longer or shorter
_ROUNDING = 0.00101  # s; two times are off by half a millisecond each
_EARLY = 0.03  # s; a stroke this little before the end of the lead-in belongs to what follows
_HALF_A_BEAT = 0.5
_BPM_DIGITS = 6  # behind the point: 40 microseconds in an hour


@dataclass(frozen=True, slots=True)
class _Anchor:
    """Where BeatSight's grid begins."""

    seconds: float  # may be a little before 0
    beat: float  # of the tempo map; later changes count
    bpm: float


def timing_fields(tempo: TempoMap, first_stroke: float) -> dict[str, object]:
    """Return the fields of ``Timing``.

    Args:
        tempo: of the performance.
        first_stroke: seconds; a lead-in of a bar or more ends before it.
    """
    signatures = tempo.signatures or (TimeSignature(0.0, 4, 4),)
    anchor = _anchor(tempo, signatures, first_stroke)
    root, *points = _points(tempo, signatures, anchor)
    fields: dict[str, object] = {
        "bpm": root["bpm"],
        "offset": root["time"],
        "timeSignature": _text(_signature_at(signatures, anchor.beat)),
    }
    return fields | ({"timingPoints": points} if points else {})


def tempo_map_of(timing: Timing) -> TempoMap:
    """Return the tempo map that a timing block means."""
    points = sorted(timing.timing_points or (), key=lambda point: point.time)
    bpm, text = timing.bpm, timing.time_signature
    while points and points[0].time <= timing.offset:  # says what the map begins with
        point = points.pop(0)
        bpm, text = point.bpm, point.time_signature or text
    first = _signature(0.0, text)
    changes, signatures, seconds, beat = _beginning(timing.offset / 1000, bpm, first)
    tempo = TempoMap(_later_changes(changes, points, seconds, beat), tuple(signatures))
    later = {s.beat: s for s in (*signatures, *_later_signatures(tempo, points, beat))}
    return TempoMap(tempo.changes, _without_repeats(sorted(later.values())))


# Writing ------------------------------------------------------------------------------------------


def _anchor(tempo: TempoMap, signatures: Sequence[TimeSignature], first_stroke: float) -> _Anchor:
    first, *later = tempo.changes
    if later:
        end, interval = later[0].beat, 60.0 / later[0].bpm
        seconds = float(tempo.beats_to_seconds(end))
        one_metre = _signature_at(signatures, 1.0) is signatures[0]
        if end == 1 and abs(seconds - interval) < AT_ONCE and one_metre:
            return _Anchor(seconds - interval, 0.0, later[0].bpm)
        upbeat = _is_short(signatures) and signatures[1].beat == end
        silent = first_stroke >= seconds - _EARLY
        if (upbeat or silent) and _counts_back(end, seconds / interval):
            until = later[1].beat if len(later) > 1 else end + 64.0
            bars = [beat for beat in tempo.bar_starts(until) if beat >= end - 1e-9]
            beat = bars[0] if bars else end
            return _Anchor(float(tempo.beats_to_seconds(beat)), beat, later[0].bpm)
    short = signatures[1].beat if _is_short(signatures) else 0.0
    beat = short if not later or short < later[0].beat else 0.0
    return _Anchor(float(tempo.beats_to_seconds(beat)), beat, first.bpm)


def _counts_back(n_beats: float, at_its_tempo: float) -> bool:
    """Whether a lead-in has the beats that it would have when counted back at the tempo behind it."""
    if n_beats == 1:
        return at_its_tempo <= 1 + _HALF_A_BEAT
    return n_beats > _HALF_A_BEAT and abs(at_its_tempo - n_beats) <= _HALF_A_BEAT + 1e-6


def _bar(signature: TimeSignature) -> float:
    """Return how many quarter notes a bar has."""
    return signature.numerator * 4.0 / signature.denominator


def _is_short(signatures: Sequence[TimeSignature]) -> bool:
    """Whether there is one bar before the second time signature, and it is a shorter one."""
    if len(signatures) < 2:
        return False
    first, second = map(_bar, signatures[:2])
    return abs(signatures[1].beat - first) < 1e-9 and first < second


def _points(tempo: TempoMap, signatures: Sequence[TimeSignature], anchor: _Anchor) -> list[dict[str, object]]:
    """Return the anchor and every later change, of several in one millisecond the last."""
    start = round(anchor.seconds * 1000)
    points: dict[int, dict[str, object]] = {start: {"time": start, "bpm": round(anchor.bpm, _BPM_DIGITS)}}
    tempos = {c.beat: c.bpm for c in tempo.changes if c.beat > anchor.beat}
    bars = {s.beat: s for s in signatures if s.beat > anchor.beat}
    bpm = anchor.bpm
    for beat in sorted({*tempos, *bars}):
        bpm = tempos.get(beat, bpm)
        time = max(start, round(float(tempo.beats_to_seconds(beat)) * 1000))
        point = points.setdefault(time, {"time": time})
        point["bpm"] = round(bpm, _BPM_DIGITS)
        if beat in bars:
            point["timeSignature"] = _text(bars[beat])
    kept = list(points.values())
    return [
        kept[0],
        *(now for was, now in pairwise(kept) if now["bpm"] != was["bpm"] or "timeSignature" in now),
    ]


def _signature_at(signatures: Sequence[TimeSignature], beat: float) -> TimeSignature:
    return [signatures[0], *(s for s in signatures if s.beat <= beat + 1e-9)][-1]


def _text(signature: TimeSignature) -> str:
    return f"{signature.numerator}/{signature.denominator}"


# Reading ------------------------------------------------------------------------------------------

_Beginning = tuple[list[TempoChange], list[TimeSignature], float, float]  # … and where the last begins


def _beginning(offset: float, bpm: float, signature: TimeSignature) -> _Beginning:
    """Return what comes before the first bar line, counted back from it."""
    interval = 60.0 / bpm
    bar = _bar(signature)
    if offset <= -AT_ONCE:  # in the middle of a bar that began before the recording
        offset += ceil(-offset / (bar * interval)) * bar * interval
    if abs(offset) < AT_ONCE:
        if offset == 0 or offset + interval < interval / 10:
            return [TempoChange(0.0, bpm)], [signature], 0.0, 0.0
        changes = [TempoChange(0.0, 60.0 / (offset + interval)), TempoChange(1.0, bpm)]
        return changes, [signature], offset + interval, 1.0
    n_beats = max(1.0, float(np.rint(offset / interval)))
    signatures = _counted_back(n_beats, signature)
    if abs(n_beats * interval - offset) <= _ROUNDING / 2:
        return [TempoChange(0.0, bpm)], signatures, 0.0, 0.0
    changes = [TempoChange(0.0, 60.0 * n_beats / offset), TempoChange(n_beats, bpm)]
    return changes, signatures, offset, n_beats


def _counted_back(n_beats: float, signature: TimeSignature) -> list[TimeSignature]:
    """Return the time signatures of a lead-in: what is no whole bar stands first."""
    bar = _bar(signature)
    rest = n_beats % bar
    if not rest:
        return [signature]
    denominator = max(4, signature.denominator)
    short = TimeSignature(0.0, round(rest * denominator / 4), denominator)
    return [short, TimeSignature(rest, signature.numerator, signature.denominator)]


def _later_changes(
    changes: list[TempoChange], points: Sequence[TimingPoint], seconds: float, beat: float
) -> tuple[TempoChange, ...]:
    """Return all changes; ``seconds`` and ``beat`` are where the last of ``changes`` begins."""
    kept = list(changes)
    for point in points:
        bpm, time = kept[-1].bpm, point.time / 1000
        if point.bpm == bpm:
            continue
        if time <= seconds:  # inside the first beat, which begins at second 0 whenever it is played
            kept[-1] = TempoChange(beat, point.bpm)
            continue
        n_beats = _near_whole((time - seconds) * bpm / 60.0, bpm)
        kept[-1] = TempoChange(beat, 60.0 * n_beats / (time - seconds))
        seconds, beat = time, beat + n_beats
        kept.append(TempoChange(beat, point.bpm))
    return tuple(kept)


def _later_signatures(tempo: TempoMap, points: Sequence[TimingPoint], after: float) -> list[TimeSignature]:
    found = []
    for point in points:
        if point.time_signature is not None:
            at = float(tempo.seconds_to_beats(point.time / 1000))
            found.append(_signature(max(after, _near_whole(at, point.bpm)), point.time_signature))
    return found


def _near_whole(n_beats: float, bpm: float) -> float:
    """Return the whole number of beats that is meant, if the difference is only rounding."""
    whole = float(np.rint(n_beats))
    return whole if whole >= 1 and abs(whole - n_beats) * 60.0 / bpm <= _ROUNDING else n_beats


def _signature(beat: float, text: str) -> TimeSignature:
    numerator, _, denominator = text.partition("/")
    return TimeSignature(beat, int(numerator), int(denominator))


def _without_repeats(signatures: Sequence[TimeSignature]) -> tuple[TimeSignature, ...]:
    kept = list(signatures[:1])
    for signature in signatures[1:]:
        if _text(signature) != _text(kept[-1]):
            kept.append(signature)
    return tuple(kept)
