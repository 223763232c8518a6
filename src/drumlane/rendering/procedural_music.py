"""Procedural music: drumless accompaniment from a seed, without a single recording.

Flow: procedural_instruments -> **procedural_music** -> accompaniment, render

A song is a tempo, a key and a chord for each bar; each part writes notes for it and an instrument plays them.
Parts are what drums are mistaken for: basses on the kick's beats, hissing consonants, picked strings and
palm-muted guitars.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from drumlane.rendering.kits import SAMPLE_RATE
from drumlane.rendering.procedural_instruments import DistortedGuitar, Instrument, Note, Pluck, Singer, Synth
from drumlane.rendering.procedural_sources import Sound
from drumlane.rendering.room import Equaliser, Room, in_room
from drumlane.rendering.stage import Tracks

LOUDNESS = 0.1  # RMS of the result, -20 dB below full scale
SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 3, 5, 7, 9, 10), (0, 1, 3, 5, 7, 8, 10))
BEATS_PER_BAR = 4
_LOOSENESS = 0.003  # s, standard deviation of a player's timing


@dataclass(frozen=True, slots=True)
class Song:
    """What the parts agree on."""

    seconds: float
    bpm: float
    tonic: int  # MIDI pitch, in the bass
    scale: tuple[int, ...]  # semitones above the tonic
    chords: tuple[int, ...]  # scale degree of each bar, repeated
    kick_times: tuple[float, ...]  # s, where a bass may lock; empty for none

    @property
    def beat(self) -> float:
        """Seconds of a beat."""
        return 60.0 / self.bpm

    def hz(self, degree: int, octave: int = 0) -> float:
        """Return the frequency of a scale degree (any integer) ``octave`` octaves above the bass."""
        turns, step = divmod(degree, len(self.scale))
        pitch = self.tonic + 12 * (turns + octave) + self.scale[step]
        return float(440.0 * 2 ** ((pitch - 69) / 12))

    def chord(self, time: float) -> int:
        """Return the degree of the chord at ``time``."""
        return self.chords[int(time / (self.beat * BEATS_PER_BAR)) % len(self.chords)]

    def grid(self, beats: float) -> list[float]:
        """Return the times of a grid of ``beats`` in seconds."""
        return [float(t) for t in np.arange(0.0, self.seconds, self.beat * beats)]


def procedural_accompaniment(
    rng: np.random.Generator,
    seconds: float,
    bpm: float | None = None,
    kick_times: Sequence[float] = (),
) -> Sound:
    """Return drumless music at 44.1 kHz, shape (n,), at an RMS of 0.1 and peaks below 1.

    Args:
        rng: source of every choice; the same state gives the same music.
        seconds: length of the result.
        bpm: tempo; drawn if None.
        kick_times: onsets in seconds that some bass notes fall on.
    """
    song = draw_song(rng, seconds, bpm, kick_times)
    mix = np.zeros(round(seconds * SAMPLE_RATE), dtype=np.float32)
    for part in _draw_parts(rng):
        mix += _levelled(part(song, len(mix), rng)) * np.float32(10 ** (rng.normal(0, 3) / 20))
    room = Room(wet=rng.uniform(0.0, 0.4), rt60=rng.uniform(0.2, 1.5), seed=int(rng.integers(2**31)))
    wet = _levelled(in_room(Tracks(mix, mix), room, Equaliser())) * np.float32(LOUDNESS)
    peak = float(np.abs(wet).max(initial=0.0))
    return np.asarray(wet * np.float32(min(1.0, 0.99 / max(peak, 1e-9))), dtype=np.float32)


def draw_song(
    rng: np.random.Generator, seconds: float, bpm: float | None, kick_times: Sequence[float]
) -> Song:
    """Draw key, chords and, unless given, the tempo."""
    return Song(
        seconds,
        bpm=bpm if bpm is not None else float(rng.uniform(65, 180)),
        tonic=int(rng.integers(28, 40)),
        scale=SCALES[int(rng.integers(len(SCALES)))],
        chords=tuple(int(d) for d in rng.choice([0, 0, 2, 3, 4, 5], int(rng.choice([2, 4, 4, 8])))),
        kick_times=tuple(kick_times),
    )


Part = Callable[[Song, int, np.random.Generator], Sound]


def bass(song: Song, n_samples: int, rng: np.random.Generator) -> Sound:
    """Play roots and fifths, some of them with the kick."""
    instrument: Instrument = Pluck.draw(rng) if rng.random() < 0.5 else Synth.draw(rng, (0.001, 0.01))
    return play_part(bass_notes(song, rng), instrument, n_samples, rng)


def bass_notes(song: Song, rng: np.random.Generator) -> list[Note]:
    """Write a bass line: with kick times, most of them have a note and no note crowds them."""
    times = song.grid(rng.choice([0.5, 0.5, 1.0, 0.25]))
    times = [t for t in times if rng.random() < rng.uniform(0.5, 1.0)]
    locked = [t for t in song.kick_times if t < song.seconds and rng.random() < 0.8]
    if locked:
        times = sorted({*locked, *(t for t in times if min(abs(t - k) for k in locked) > 0.1)})
    degrees = [song.chord(t) + int(rng.choice([0, 0, 0, 4, 7])) for t in times]
    return _line(song, times, degrees, 0, rng)


def pad(song: Song, n_samples: int, rng: np.random.Generator) -> Sound:
    """Hold a chord for each bar."""
    bars = song.grid(BEATS_PER_BAR)
    return play_part(
        _chords(song, bars, song.beat * BEATS_PER_BAR, rng), Synth.draw(rng, (0.02, 0.6)), n_samples, rng
    )


def stabs(song: Song, n_samples: int, rng: np.random.Generator) -> Sound:
    """Strike short chords, on or off the beat."""
    offset = rng.choice([0.0, 0.5]) * song.beat
    times = [t + offset for t in song.grid(rng.choice([0.5, 1.0, 2.0])) if rng.random() < 0.7]
    instrument: Instrument = Pluck.draw(rng) if rng.random() < 0.5 else Synth.draw(rng, (0.002, 0.02))
    return play_part(_chords(song, times, song.beat * rng.uniform(0.2, 0.9), rng), instrument, n_samples, rng)


def arpeggio(song: Song, n_samples: int, rng: np.random.Generator) -> Sound:
    """Run through the notes of the chord."""
    times = song.grid(rng.choice([0.25, 0.5, 1 / 3]))
    shape = rng.choice([0, 2, 4, 7, 9], int(rng.integers(3, 9)))
    degrees = [song.chord(t) + int(shape[i % len(shape)]) for i, t in enumerate(times)]
    return play_part(
        _line(song, times, degrees, int(rng.integers(1, 4)), rng), Pluck.draw(rng), n_samples, rng
    )


def lead(song: Song, n_samples: int, rng: np.random.Generator) -> Sound:
    """Wander through the scale."""
    instrument: Instrument = (
        Synth.draw(rng, (0.003, 0.08)) if rng.random() < 0.7 else DistortedGuitar.draw(rng)
    )
    return play_part(_melody(song, int(rng.integers(2, 4)), rng), instrument, n_samples, rng)


def voice(song: Song, n_samples: int, rng: np.random.Generator) -> Sound:
    """Sing a melody."""
    return play_part(_melody(song, int(rng.integers(1, 3)), rng), Singer.draw(rng), n_samples, rng)


def riff(song: Song, n_samples: int, rng: np.random.Generator) -> Sound:
    """Repeat a bar of distorted power chords, muted between accents."""
    step = rng.choice([0.25, 0.5])
    n_steps = int(BEATS_PER_BAR / step)
    struck, accents = rng.random(n_steps) < rng.uniform(0.5, 1.0), rng.random(n_steps) < 0.3
    moves = rng.choice([0, 0, 0, 1, 2, 3, 4], n_steps)
    notes = []
    for i, time in enumerate(song.grid(step)):
        at = i % n_steps
        if struck[at]:
            length = song.beat * (rng.uniform(0.6, 2.0) if accents[at] else step * 0.7)
            notes.append(Note(time, length, song.hz(song.chord(time) + int(moves[at])), 1.0))
    return play_part(notes, DistortedGuitar.draw(rng), n_samples, rng)


PARTS: tuple[tuple[Part, float], ...] = (
    (bass, 0.8),
    (pad, 0.4),
    (stabs, 0.35),
    (arpeggio, 0.35),
    (lead, 0.3),
    (voice, 0.4),
    (riff, 0.35),
)  # with their chances


def play_part(
    notes: Sequence[Note], instrument: Instrument, n_samples: int, rng: np.random.Generator
) -> Sound:
    """Return the notes on one instrument, shape (n_samples,)."""
    track = np.zeros(n_samples, dtype=np.float32)
    for note in notes:
        start = round(max(0.0, note.start + rng.normal(0, _LOOSENESS)) * SAMPLE_RATE)
        if start >= n_samples:
            continue
        sound = instrument.sound(note, rng)[: n_samples - start]
        track[start : start + len(sound)] += sound * np.float32(note.level)
    return instrument.finish(track)


def _draw_parts(rng: np.random.Generator) -> list[Part]:
    parts = [part for part, chance in PARTS if rng.random() < chance]
    return parts or [PARTS[int(rng.integers(len(PARTS)))][0]]


def _line(
    song: Song, times: Sequence[float], degrees: Sequence[int], octave: int, rng: np.random.Generator
) -> list[Note]:
    """One note after the other, each at most until the next."""
    ends = [*times, song.seconds][1:]
    held = rng.uniform(0.4, 1.0)
    return [
        Note(time, max(0.05, min(end - time, 2.0) * held), song.hz(degree, octave), rng.uniform(0.6, 1.0))
        for time, end, degree in zip(times, ends, degrees, strict=True)
    ]


def _chords(song: Song, times: Sequence[float], length: float, rng: np.random.Generator) -> list[Note]:
    shape = [0, 2, 4, 6][: int(rng.integers(2, 5))]
    octave = int(rng.integers(1, 3))
    return [Note(time, length, song.hz(song.chord(time) + s, octave)) for time in times for s in shape]


def _melody(song: Song, octave: int, rng: np.random.Generator) -> list[Note]:
    """Phrases of a random walk, with rests."""
    notes, time, degree = [], 0.0, int(rng.integers(0, 7))
    while time < song.seconds:
        length = song.beat * float(rng.choice([0.25, 0.5, 0.5, 1.0, 1.5, 2.0]))
        if rng.random() < 0.8:
            degree = int(np.clip(degree + rng.integers(-3, 4), -2, 9))
            notes.append(Note(time, length * 0.9, song.hz(degree, octave), rng.uniform(0.6, 1.0)))
        time += length
    return notes


def _levelled(sound: Sound) -> Sound:
    """Scale to RMS 1; silence stays silent."""
    rms = float(np.sqrt(np.mean(sound**2))) if len(sound) else 0.0
    return np.asarray(sound / np.float32(rms), dtype=np.float32) if rms > 1e-6 else sound
