"""StepMania's timing: tempos, stops, delays and warps of .sm and .ssc files as seconds of the audio.

Used by ``stepmania``. Beat 0 is at minus OFFSET seconds. A stop holds the music after the notes of its
beat, a delay before them; the beats of a warp take no time and its notes are never struck.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drumlane.formats.tempo_knots import Knot, map_from_seconds
from drumlane.formats.text_lines import number
from drumlane.timing import DEFAULT_BPM, TempoMap

_LATEST = 1e7  # beats and seconds
_FASTEST = 1e7  # beats a minute; more is a warp in disguise, which old files need 9999999 for
_SHORTEST = 0.0005  # seconds: a pause of less does not shift the beat

Pair = tuple[float, float]


@dataclass(frozen=True, slots=True)
class StepTiming:
    """Knots between which beats pass evenly, and the pauses between them."""

    beats: NDArray[np.float64]  # (knots,), ascending
    seconds: NDArray[np.float64]  # (knots,), of the audio, when the beat's notes are struck
    delays: NDArray[np.float64]  # (knots,), seconds that the music stands still before them
    stops: NDArray[np.float64]  # (knots,), and after them
    bpms: NDArray[np.float64]  # (knots,), from there on; infinite in a warp
    signatures: tuple[tuple[float, int, int], ...] = ()  # beat, numerator, denominator

    def seconds_at(self, beats: ArrayLike) -> NDArray[np.float64]:
        """Return the times of ``beats``; those in a warp have the time at which it is jumped."""
        wanted = np.asarray(beats, dtype=np.float64)
        i = self._knots_before(wanted)
        after = wanted - self.beats[i]
        stopped = np.where(after > 0, self.stops[i], 0.0)
        return np.asarray(self.seconds[i] + stopped + after * 60 / self.bpms[i])

    def struck_at(self, beats: ArrayLike) -> NDArray[np.float64]:
        """Return when notes on ``beats`` are struck, NaN in a warp."""
        wanted = np.asarray(beats, dtype=np.float64)
        warped = np.isinf(self.bpms[self._knots_before(wanted)])
        return np.where(warped, np.nan, self.seconds_at(wanted))

    def _knots_before(self, beats: NDArray[np.float64]) -> NDArray[np.int64]:
        return np.clip(np.searchsorted(self.beats, beats, side="right") - 1, 0, None)

    def tempo_map(self) -> TempoMap:
        """Return the map of the audio; pauses are whole beats at a tempo of their own."""
        tempos: list[Knot] = []
        columns = (self.seconds, self.delays, self.stops, self.bpms)
        for second, delay, stop, bpm in zip(*(column.tolist() for column in columns), strict=True):
            if np.isinf(bpm):
                continue
            tempos += _pause(second - delay, delay, bpm) + _pause(second, stop, bpm)
            tempos.append((second + stop, bpm))
        bar_lines = [(float(self.seconds_at(beat)), n, d) for beat, n, d in self.signatures]
        return map_from_seconds(tempos, bar_lines)


def timing_of(tags: Mapping[str, str]) -> StepTiming:
    """Return the timing that the tags of a file, or of one of its charts, say.

    Raises:
        ValueError: a number is none, out of range or negative where it must not be; or there is no tempo.
    """
    bpms = dict(sorted(_pairs(tags.get("BPMS", ""), 1e-3, _FASTEST))) or {0.0: DEFAULT_BPM}
    stops = _sums(_pairs(tags.get("STOPS", "") or tags.get("FREEZES", ""), 0.0, _LATEST))
    delays = _sums(_pairs(tags.get("DELAYS", ""), 0.0, _LATEST))
    warps = _pairs(tags.get("WARPS", ""), 0.0, _LATEST)
    offset = number(tags.get("OFFSET", "").strip() or "0", -_LATEST, _LATEST)
    ends = [beat + length for beat, length in warps]
    beats = np.array(sorted({0.0, *bpms, *stops, *delays, *(beat for beat, _ in warps), *ends}))
    changes = sorted(bpms)  # what the first one says also holds before it
    in_force = np.clip(np.searchsorted(changes, beats, side="right") - 1, 0, None)
    tempos = np.where(_warped(beats, warps), np.inf, np.array([bpms[beat] for beat in changes])[in_force])
    before = np.array([delays.get(beat, 0.0) for beat in beats.tolist()])
    after = np.array([stops.get(beat, 0.0) for beat in beats.tolist()])
    steps = after[:-1] + np.diff(beats) * 60 / tempos[:-1] + before[1:]
    seconds = before[0] - offset + np.concatenate([[0.0], np.cumsum(steps)])
    return StepTiming(beats, seconds, before, after, tempos, _signatures(tags.get("TIMESIGNATURES", "")))


def _warped(beats: NDArray[np.float64], warps: list[Pair]) -> NDArray[np.bool_]:
    """Say of each beat whether it lies in a warp."""
    ends = np.full(len(beats), -1.0)
    for start, length in warps:
        place = int(np.searchsorted(beats, start))
        ends[place] = max(ends[place], start + length)
    return np.asarray(beats < np.maximum.accumulate(ends))


def _pause(second: float, length: float, bpm: float) -> list[Knot]:
    """Return the tempo at which a pause is whole beats."""
    return [(second, 60 * max(1, round(length * bpm / 60)) / length)] if length > _SHORTEST else []


def _pairs(text: str, low: float, high: float) -> list[Pair]:
    """Return ``beat=value`` pairs; a beat with an r at its end is a row."""
    pairs = []
    for item in text.split(","):
        beat, equals, value = item.strip().partition("=")
        if not equals:
            continue
        rows_per_beat = 48 if beat.strip().lower().endswith("r") else 1
        place = number(beat.strip().rstrip("rR"), -_LATEST, _LATEST) / rows_per_beat
        pairs.append((max(0.0, place), number(value.strip(), low, high)))
    return pairs


def _sums(pairs: list[Pair]) -> dict[float, float]:
    sums: dict[float, float] = {}
    for beat, value in pairs:
        sums[beat] = sums.get(beat, 0.0) + value
    return sums


def _signatures(text: str) -> tuple[tuple[float, int, int], ...]:
    """Return the time signatures that are ones; the game takes others for 4/4 too."""
    found = []
    for item in text.split(","):
        beat, _, rest = item.strip().partition("=")
        numerator, _, denominator = rest.partition("=")
        if not rest:
            continue
        n, d = round(number(numerator, 0, 1e4)), round(number(denominator, 0, 1e4))
        if n >= 1 and d >= 1 and d & (d - 1) == 0:
            found.append((max(0.0, number(beat, -_LATEST, _LATEST)), n, d))
    return tuple(found) or ((0.0, 4, 4),)
