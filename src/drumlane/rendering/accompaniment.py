"""Accompaniment: drumless music to lay under the drums.

Flow: **accompaniment** -> scene / render

Clips come from a folder with tables (``music.csv``: rendered bands; ``real.csv``: voices, guitars, synths)
and are held in memory. A bed is one rendered band or a few recorded layers, each cut, looped, sped up or
down, equalised and sometimes distorted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drumlane.audio.io import read_audio
from drumlane.files import read_rows
from drumlane.rendering.kits import SAMPLE_RATE
from drumlane.rendering.room import draw_equaliser, equalise

# A soundfont's licence reaches the sound rendered with it: clips of these are for validation only.
COPYLEFT_SOUNDFONTS = ("timgm",)
# Recordings kept away from training: one song's stems, two readers and some riffs.
HELD_OUT_PREFIXES = (
    "ev_7_",
    "ev_5_",
    "speech_8230",
    "speech_198",
    "riff_20",
    "riff_21",
    "riff_22",
    "riff_23",
)
_DIRECT = 44  # samples (1 ms) at the start of a response that are the direct sound
_MAX_ROOM = int(1.5 * SAMPLE_RATE)


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """One drumless recording at 44.1 kHz."""

    name: str
    kind: str  # band, voice, guitar, synth, bass
    samples: NDArray[np.float32]  # (n,)


def load_clips(folder: Path, held_out: bool = False) -> list[Clip]:
    """Decode the clips for training, or the held-out ones.

    Raises:
        DatasetError: a table is missing or not one.
        AudioError: a clip is missing or cannot be decoded.
    """
    bands = read_rows(folder / "music.csv", ("file", "soundfont"), "table of clips")
    names = [(r["file"], "band", r["soundfont"] in COPYLEFT_SOUNDFONTS) for r in bands]
    for row in read_rows(folder / "real.csv", ("file", "kind"), "table of clips"):
        apart = Path(row["file"]).name.startswith(HELD_OUT_PREFIXES)
        names.append((row["file"], row["kind"], apart))
    return [
        Clip(name, kind, read_audio(folder / name, sample_rate=SAMPLE_RATE).samples)
        for name, kind, apart in names
        if apart == held_out
    ]


def load_rooms(folder: Path, held_out: bool = False) -> list[NDArray[np.float32]]:
    """Decode recorded impulse responses without their direct sound, unit energy; every fifth is held out.

    Raises:
        DatasetError: the table is missing or not one.
        AudioError: a response is missing or cannot be decoded.
    """
    rooms = []
    for number, row in enumerate(read_rows(folder / "ir.csv", ("file",), "table of clips")):
        if (number % 5 == 4) == held_out:
            response = read_audio(folder / row["file"], sample_rate=SAMPLE_RATE).samples[:_MAX_ROOM].copy()
            response[:_DIRECT] = 0.0
            rooms.append(response / np.float32(np.sqrt(np.sum(response**2)) + 1e-9))
    return rooms


def load_bands(folder: Path) -> list[Clip]:
    """Decode the rendered bands of a folder with nothing but a ``music.csv``.

    Raises:
        DatasetError: the table is missing or not one.
        AudioError: a clip is missing or cannot be decoded.
    """
    rows = read_rows(folder / "music.csv", ("file",), "table of clips")
    return [
        Clip(row["file"], "band", read_audio(folder / row["file"], sample_rate=SAMPLE_RATE).samples)
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Variety:
    """How far a bed may be from the clips that it is made of."""

    speed: float = 0.08  # standard deviation of the logarithm; pitch follows
    second_band: float = 0.0  # chance
    backwards: float = 0.0  # chance, of each clip


AS_RECORDED = Variety()
VARIED = Variety(speed=0.2, second_band=0.2, backwards=0.08)


def draw_bed(
    clips: Sequence[Clip], n_samples: int, rng: np.random.Generator, variety: Variety = AS_RECORDED
) -> NDArray[np.float32]:
    """Return ``n_samples`` of music at an RMS of 0.1, from bands, recorded layers or both."""
    bands = [c for c in clips if c.kind == "band"]
    layers = [c for c in clips if c.kind != "band"]
    kind = rng.random()
    chosen: list[Clip] = []
    if bands and (kind < 0.65 or not layers):
        chosen.append(bands[int(rng.integers(len(bands)))])
        if variety.second_band and rng.random() < variety.second_band:
            chosen.append(bands[int(rng.integers(len(bands)))])
    if layers and (kind >= 0.4 or not bands):
        n = int(rng.integers(1, 4))
        chosen += [layers[int(i)] for i in rng.choice(len(layers), size=min(n, len(layers)), replace=False)]
    bed = np.zeros(n_samples, dtype=np.float32)
    for clip in chosen:
        sound = _cut(clip.samples, n_samples, float(np.exp(rng.normal(0, variety.speed))), rng)
        if variety.backwards and rng.random() < variety.backwards:
            sound = sound[::-1]
        if clip.kind in ("guitar", "synth", "bass") and rng.random() < 0.3:
            sound = _distort(sound, float(rng.uniform(1, 8)))
        bed += _levelled(sound) * np.float32(10 ** (rng.normal(0, 4) / 20))
    if rng.random() < 0.7:
        bed = equalise(bed, draw_equaliser(rng, 0.8))
    return np.float32(0.1) * _levelled(bed)


def _cut(
    samples: NDArray[np.float32], n_samples: int, speed: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return ``n_samples`` from a random place at another speed; short clips are repeated."""
    needed = int(n_samples * speed) + 2
    if len(samples) < needed:
        samples = np.tile(samples, -(-needed // max(1, len(samples))))
    start = int(rng.integers(0, len(samples) - needed + 1))
    piece = samples[start : start + needed]
    at = np.arange(n_samples, dtype=np.float32) * np.float32(speed)
    left = at.astype(np.int64)
    fraction = at - left
    return np.asarray(piece[left] * (1 - fraction) + piece[left + 1] * fraction, dtype=np.float32)


def _distort(samples: NDArray[np.float32], drive: float) -> NDArray[np.float32]:
    return np.asarray(np.tanh(_levelled(samples) * np.float32(drive)), dtype=np.float32)


def _levelled(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    rms = float(np.sqrt(np.mean(samples**2)))
    return samples / np.float32(rms) if rms > 1e-5 else samples
