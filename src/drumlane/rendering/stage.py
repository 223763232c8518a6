"""Stage: hits become a dry track and what of it is sent to the room.

Flow: kits -> **stage** -> room -> scene / render

A hit at ``time`` puts its sample's attack on sample ``round(time · 44100)`` exactly. Loudness follows
velocity by a curve in dB; a piece recorded in one dynamic also gets darker when struck softly. A closed or
pedal hat silences the open hat that still rings.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drumlane.performance import Hit
from drumlane.rendering.kits import LEVEL_SECONDS, SAMPLE_RATE, Kit, Piece, Sample
from drumlane.vocabulary import Drum

CURVE_DB = 35.0  # loudness at velocity v is CURVE_DB · log10(v / 127) below the loudest
CHOKERS = (Drum.HIHAT_CLOSED, Drum.HIHAT_PEDAL)
COLOUR_HZ = np.geomspace(40.0, 18_000.0, 128)
_COARSE = 441  # samples between the points of a gain that changes slowly
_DARK_TAPS = 16  # samples of the moving average that a soft stroke blends into (first zero at 2.8 kHz)


@dataclass(frozen=True, slots=True)
class Voice:
    """How one drum is played on this stage."""

    piece: Piece
    gain: float = 1.0  # linear, beside the piece's own
    pitch: float = 1.0  # playback speed
    damping: float = 0.0  # dB a second of extra decay
    send: float = 1.0  # linear, into the room
    darkening: float = 0.0  # 0..1, how much the softest stroke loses its highs
    softening: float = 0.0  # s over which the attack rises, as with brushes, rods and mallets
    wobble: float = 0.0  # 0..1, how deep the ringing swells and fades, as of two cymbals that touch
    wobble_rate: float = 5.0  # Hz
    colour: NDArray[np.float32] | None = None  # linear gains at COLOUR_HZ: another head, alloy, microphone
    shade: float = 0.0  # -1..1: highs lost (1: all) or gained (-1: 6 dB), whatever the stroke
    shade_taps: int = _DARK_TAPS  # samples of the running mean: highs begin above 44100 / (2 · taps) Hz

    @property
    def as_recorded(self) -> bool:
        """Whether a stroke sounds as its sample does, but for its level and softness."""
        shaped = self.damping or self.softening or self.wobble or self.shade
        return self.colour is None and self.pitch == 1.0 and not shaped


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """What the stage gives to the room; both (n,) float32."""

    dry: NDArray[np.float32]
    send: NDArray[np.float32]


def voices_of(kit: Kit, drums: Iterable[Drum]) -> dict[Drum, Voice]:
    """Return a plain voice for each of ``drums`` that the kit has."""
    pieces = {drum: kit.piece(drum) for drum in drums}
    return {
        drum: Voice(piece, darkening=0.0 if piece.natural else 0.6) for drum, piece in pieces.items() if piece
    }


def play(
    hits: Iterable[Hit],
    voices: Mapping[Drum, Voice],
    n_samples: int,
    rng: np.random.Generator,
    curve_db: float = CURVE_DB,
) -> Tracks:
    """Lay the samples of all hits; drums without a voice are silent.

    Args:
        hits: in order of time.
        voices: how each drum sounds.
        n_samples: length of the result; later hits and tails are cut.
        rng: chooses the round robin.
        curve_db: the velocity curve.
    """
    dry = np.zeros(n_samples, dtype=np.float32)
    send = np.zeros(n_samples, dtype=np.float32)
    shaped: dict[tuple[int, Drum], _Stroke] = {}  # drums may share a piece, not its pitch
    played = [hit for hit in hits if hit.drum in voices]
    chokes = [round(hit.time * SAMPLE_RATE) for hit in played if hit.drum in CHOKERS]
    for hit in played:
        voice = voices[hit.drum]
        sample = _choose(voice.piece, hit.velocity, rng)
        key = (id(sample), hit.drum)
        if key not in shaped:
            shaped[key] = _Stroke(_shape(sample, voice))
        sound = shaped[key].at(voice.darkening * (1.0 - hit.velocity / 127.0))
        attack = round(sample.onset / voice.pitch)
        start = round(hit.time * SAMPLE_RATE) - attack
        if hit.drum is Drum.HIHAT_OPEN:
            sound = _choke(sound, attack, start, chokes)
        gain = voice.gain * voice.piece.gain * _loudness(voice.piece, sample, hit.velocity, curve_db)
        _add(dry, send, start, sound, (gain, gain * voice.send))
    return Tracks(dry, send)


def strongest_stroke(voice: Voice) -> tuple[NDArray[np.float32], float]:
    """Return the attack of the piece's strongest stroke as this voice shapes it, and its RMS as recorded.

    The attack is shape (n,), ``LEVEL_SECONDS`` long at most, without the voice's gain.
    """
    sample = voice.piece.layers[-1].samples[0]
    length = round(LEVEL_SECONDS * SAMPLE_RATE)
    enough = sample.onset + round(length * max(1.0, voice.pitch)) + _DARK_TAPS
    shaped = _shape(Sample(sample.samples[:enough], sample.onset), voice)
    return shaped[round(sample.onset / voice.pitch) :][:length], sample.rms


class _Stroke:
    """One shaped sample at any darkness; what all its strokes share is computed once."""

    def __init__(self, sound: NDArray[np.float32]) -> None:
        self.sound = sound
        self._sums: NDArray[np.float64] | None = None

    def at(self, dark: float) -> NDArray[np.float32]:
        """Return the stroke with ``dark`` (0..1) of its highs lost."""
        if dark <= 0.05 or len(self.sound) <= _DARK_TAPS:
            return self.sound
        if self._sums is None:
            self._sums = _running_sums(self.sound, _DARK_TAPS)
        return _blended(self.sound, self._sums, dark, _DARK_TAPS)


def _choose(piece: Piece, velocity: int, rng: np.random.Generator) -> Sample:
    samples = piece.layer_for(velocity).samples
    return samples[int(rng.integers(len(samples)))]


def _loudness(piece: Piece, sample: Sample, velocity: int, curve_db: float) -> float:
    return float(10 ** (curve_db * np.log10(velocity / 127.0) / 20.0) * piece.level / max(sample.rms, 1e-5))


def _shape(sample: Sample, voice: Voice) -> NDArray[np.float32]:
    """Return the sample with the voice's pitch and damping; its attack moves to onset / pitch."""
    sound = sample.samples
    if voice.colour is not None:
        sound = _coloured(sound, voice.colour)
    if voice.pitch != 1.0:
        # Both grids are anchored at the attack, so it falls on a whole sample again.
        attack = round(sample.onset / voice.pitch)
        n_after = int((len(sound) - 1 - sample.onset) / voice.pitch)
        at = sample.onset + (np.arange(attack + n_after + 1) - attack) * voice.pitch
        sound = np.interp(at, np.arange(len(sound)), sound, left=0.0).astype(np.float32)
    if voice.damping > 0:
        seconds = np.arange(len(sound), dtype=np.float32) / SAMPLE_RATE
        sound = sound * np.exp(-voice.damping * np.float32(np.log(10) / 20) * seconds)
    if voice.shade and len(sound) > voice.shade_taps:
        sums = _running_sums(sound, voice.shade_taps)
        sound = _blended(sound, sums, voice.shade, voice.shade_taps)
    if voice.wobble > 0:
        sound = sound * _swelling(len(sound), round(sample.onset / voice.pitch), voice)
    if voice.softening > 0:
        attack, rise = round(sample.onset / voice.pitch), int(voice.softening * SAMPLE_RATE)
        sound = sound.copy()
        sound[attack : attack + rise] *= np.linspace(0.1, 1.0, rise, dtype=np.float32)[: len(sound) - attack]
    return sound


def _coloured(sound: NDArray[np.float32], gains: NDArray[np.float32]) -> NDArray[np.float32]:
    """Filter without moving anything in time."""
    size = -(-(len(sound) + 2048) // 4096) * 4096
    spectrum = np.fft.rfft(sound, size)
    spectrum *= np.interp(np.arange(size // 2 + 1) * (SAMPLE_RATE / size), COLOUR_HZ, gains)
    return np.asarray(np.fft.irfft(spectrum, size)[: len(sound)], dtype=np.float32)


def _swelling(n_samples: int, attack: int, voice: Voice) -> NDArray[np.float32]:
    """Return a gain that wanders around 1 with three unrelated periods; 1 at the attack and before."""
    at = np.arange(attack, n_samples + _COARSE, _COARSE)
    phases = 2 * np.pi * voice.wobble_rate * (at - attack) / SAMPLE_RATE
    wander = (np.sin(phases) + np.sin(1.73 * phases) - np.sin(2.91 * phases)) / 3.0
    return np.interp(np.arange(n_samples), at, 1.0 + voice.wobble * wander).astype(np.float32)


def _running_sums(sound: NDArray[np.float32], taps: int) -> NDArray[np.float64]:
    """Return the sums of ``taps`` samples up to each: of none after it, so the attack keeps its place."""
    sums = np.cumsum(sound, dtype=np.float64)
    sums[taps:] -= sums[:-taps].copy()
    return sums


def _blended(
    sound: NDArray[np.float32], sums: NDArray[np.float64], shade: float, taps: int
) -> NDArray[np.float32]:
    return np.asarray((1.0 - shade) * sound + (shade / taps) * sums, dtype=np.float32)


def _choke(sound: NDArray[np.float32], attack: int, start: int, chokes: list[int]) -> NDArray[np.float32]:
    """Fade the ringing hat within 10 ms of the next closing stroke."""
    following = bisect_right(chokes, start + attack)
    if following == len(chokes) or chokes[following] - start >= len(sound):
        return sound
    at = chokes[following]
    fade = int(0.01 * SAMPLE_RATE)
    kept = sound[: at - start + fade].copy()
    tail = kept[at - start :]
    tail *= np.linspace(1.0, 0.0, len(tail), dtype=np.float32)
    return kept


def _add(
    dry: NDArray[np.float32],
    send: NDArray[np.float32],
    start: int,
    sound: NDArray[np.float32],
    gains: tuple[float, float],
) -> None:
    first, last = max(0, start), min(len(dry), start + len(sound))
    if first >= last:
        return
    part = sound[first - start : last - start]
    dry[first:last] += np.float32(gains[0]) * part
    send[first:last] += np.float32(gains[1]) * part
