"""Assembly: samples from files, pieces from velocity bands, kits from pieces.

Flow: sound files -> **assembly** -> kits, for kit_folder, kit_sfz and kit_hydrogen
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from drumlane.audio.io import probe, read_audio
from drumlane.audio.libsndfile import ENCODINGS
from drumlane.rendering.kits import SAMPLE_RATE, Kit, Layer, Piece, Sample
from drumlane.vocabulary import Drum

SUFFIXES = (*ENCODINGS, ".aif", ".aiff")  # of the samples of a kit
ONSET_DB = -30.0  # the attack is where a sample first comes this near its peak
_SEMITONES = 24.0  # a sample is played at most this much higher or lower than recorded

Choice = TypeVar("Choice")


def read_sound(
    path: Path, semitones: float = 0.0, start: int = 0, end: int | None = None
) -> NDArray[np.float32]:
    """Decode a sound, mono at ``SAMPLE_RATE``.

    Args:
        path: any format and sample rate.
        semitones: how much higher it is played than recorded.
        start: the first frame played, counted in the file.
        end: the frame after the last one played, counted in the file; None: all of them.

    Raises:
        AudioError: it cannot be decoded.
    """
    ratio = 2.0 ** (float(np.clip(semitones, -_SEMITONES, _SEMITONES)) / 12)
    rate = round(SAMPLE_RATE / ratio)  # at this rate, taken for SAMPLE_RATE, it is as much higher
    samples = read_audio(path, sample_rate=rate).samples
    if not start and end is None:
        return samples
    scale = rate / probe(path).sample_rate
    return samples[round(start * scale) : None if end is None else round(end * scale)]


def mixed(sounds: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the sum of sounds that start together, as long as the longest."""
    total = np.zeros(max((len(sound) for sound in sounds), default=0), dtype=np.float32)
    for sound in sounds:
        total[: len(sound)] += sound
    return total


def sample_of(samples: NDArray[np.float32]) -> Sample | None:
    """Return the stroke with its attack found; None if it is silent."""
    size = np.abs(samples)
    peak = float(size.max(initial=0.0))
    if peak <= 0:
        return None
    return Sample(samples, onset=int(np.argmax(size >= peak * 10 ** (ONSET_DB / 20))))


def velocity_bands(chosen: Callable[[int], Choice]) -> Iterator[tuple[int, int, Choice]]:
    """Yield the bands of MIDI velocity in which ``chosen`` is the same: lowest, highest, what is chosen."""
    for choice, band in groupby(range(1, 128), key=chosen):
        velocities = list(band)
        yield velocities[0], velocities[-1], choice


def layered_piece(
    drum: Drum | None,
    takes_at: Callable[[int], tuple[Choice, ...]],
    play: Callable[[Choice], NDArray[np.float32]],
) -> Piece | None:
    """Return a piece whose layers are the velocity bands with the same takes; None if it never sounds.

    Args:
        drum: what is struck.
        takes_at: the round robin at a MIDI velocity; a band without takes is played by the next harder one.
        play: the sound of a take; called once for each.
    """
    played: dict[Choice, Sample | None] = {}
    layers = []
    for low, high, takes in velocity_bands(takes_at):
        for take in takes:
            if take not in played:
                played[take] = sample_of(play(take))
        heard = tuple(sample for take in takes if (sample := played[take]))
        if heard:
            layers.append(Layer(low, high, heard))
    return Piece(drum, tuple(layers), natural=len(layers) > 1) if layers else None


def kit_of(name: str, pieces: Iterable[Piece]) -> Kit:
    """Return a kit of pieces; of several for a drum the first counts, the others are alternates.

    Auxiliaries are among the percussion as well: they are distractors in training.
    """
    first: dict[Drum, Piece] = {}
    alternates, percussion = [], []
    for piece in pieces:
        if piece.drum is None or piece.drum.lane is None:
            percussion.append(piece)
        if piece.drum is not None and first.setdefault(piece.drum, piece) is not piece:
            alternates.append(piece)
    in_lanes = tuple(p for p in alternates if p.drum is not None and p.drum.lane is not None)
    return Kit(name, name, MappingProxyType(first), alternates=in_lanes, percussion=tuple(percussion))


def in_balance(pieces: Sequence[Piece]) -> list[Piece]:
    """Return the pieces as loud beside each other as they are, the highest peak of all at full scale."""
    peak = max(
        (float(np.abs(s.samples).max()) for p in pieces for layer in p.layers for s in layer.samples),
        default=1.0,
    )
    return [replace(piece, gain=1.0 / peak) for piece in pieces]
