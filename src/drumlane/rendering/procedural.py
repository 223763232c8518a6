"""Procedural kits: complete drum kits from a seed, without a single recording.

Flow: procedural_drums, procedural_cymbals -> **procedural** -> stage

Each seed is another kit, and another family: acoustic, machine or a mixture. Every sample starts with
``ONSET`` zeros, so the attack is known to the sample.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Protocol

import numpy as np

from drumlane.rendering.kits import LEVEL_SECONDS, SAMPLE_RATE, Kit, Layer, Piece, Sample
from drumlane.rendering.procedural_cymbals import draw_china, draw_crash, draw_hats, draw_rides, draw_splash
from drumlane.rendering.procedural_drums import (
    draw_brushed_snare,
    draw_clap,
    draw_cowbell,
    draw_kick,
    draw_shaker,
    draw_side_stick,
    draw_snare,
    draw_tambourine,
    draw_toms,
    with_rim,
)
from drumlane.rendering.procedural_sources import Sound
from drumlane.vocabulary import Drum

ONSET = 22  # samples of silence before the attack, half a millisecond
EMBEDDED_SEED = 68  # chosen by measure: docs/rendering.md
EMBEDDED_NAME = "procedural"
DYNAMICS = 1.75  # level ∝ strength ** DYNAMICS, that is 35·log10(velocity / 127) dB
_PEAK = 10 ** (-2 / 20)  # of a piece's loudest sample

# RMS of the first 120 ms of a full stroke beside the kick's, in dB: the balance of the kit.
BALANCE_DB: Mapping[Drum, float] = MappingProxyType(
    {
        Drum.KICK: 0.0,
        Drum.SNARE: -1.0,
        Drum.SNARE_RIM: -1.0,
        Drum.SIDE_STICK: -7.0,
        Drum.HIHAT_CLOSED: -12.0,
        Drum.HIHAT_OPEN: -11.0,
        Drum.HIHAT_PEDAL: -15.0,
        Drum.TOM_HIGH: -2.0,
        Drum.TOM_MID: -2.0,
        Drum.TOM_LOW: -2.0,
        Drum.CRASH: -6.0,
        Drum.CRASH2: -6.0,
        Drum.CHINA: -7.0,
        Drum.SPLASH: -8.0,
        Drum.RIDE: -12.0,
        Drum.RIDE_BELL: -10.0,
        Drum.CLAP: -5.0,
        Drum.COWBELL: -9.0,
        Drum.TAMBOURINE: -12.0,
        Drum.SHAKER: -15.0,
    }
)


class Voice(Protocol):
    """What a piece is drawn as: it can be struck."""

    def strike(self, strength: float, rng: np.random.Generator) -> Sound:
        """Return one stroke, its attack at index 0; ``strength`` in 0..1."""
        ...


def procedural_kit(
    rng: np.random.Generator, n_layers: int = 3, n_round_robin: int = 2, name: str = EMBEDDED_NAME
) -> Kit:
    """Draw a kit with every drum of the vocabulary; the same generator state gives the same kit.

    Args:
        rng: source of every choice.
        n_layers: velocity layers of each piece, equal bands of MIDI velocity.
        n_round_robin: samples of each layer.
        name: of the kit and of its family.

    Raises:
        ValueError: no layers, or layers without samples.
    """
    bands = _bands(n_layers, n_round_robin)
    character = rng.choice([0.05, 0.5, 0.95], p=[0.55, 0.2, 0.25])  # chance that a voice is a machine's
    recording = _Recording.draw(rng, machine=character > 0.5)
    pieces = {
        drum: _piece(drum, voice, recording, bands, rng)
        for drum, voice in _draw_voices(rng, float(character)).items()
    }
    balanced = _balanced(pieces, rng)
    auxiliaries = tuple(piece for drum, piece in balanced.items() if drum.lane is None)
    return Kit(name, name, MappingProxyType(balanced), acoustic=bool(character < 0.5), percussion=auxiliaries)


def brushed_snare(rng: np.random.Generator, n_layers: int = 3, n_round_robin: int = 3) -> Kit:
    """Draw a kit of one piece: a snare struck, slapped or tapped with brushes."""
    snare = _piece(Drum.SNARE, draw_brushed_snare(rng), _Recording(), _bands(n_layers, n_round_robin), rng)
    return Kit("brushes", EMBEDDED_NAME, MappingProxyType({Drum.SNARE: snare}))


@lru_cache(maxsize=1)
def embedded_kit() -> Kit:
    """Return the kit that is used when none is named: always the same."""
    return procedural_kit(np.random.default_rng(EMBEDDED_SEED), n_layers=4, n_round_robin=3)


@dataclass(frozen=True, slots=True)
class _Recording:
    """What a kit's samples were kept in: full resolution, or an early sampler's few bits and low rate."""

    bits: int | None = None
    hold: int = 1  # each value is held for this many samples

    @classmethod
    def draw(cls, rng: np.random.Generator, machine: bool) -> "_Recording":
        if rng.random() > (0.3 if machine else 0.05):
            return cls()
        return cls(bits=int(rng.integers(8, 13)), hold=int(rng.integers(1, 3)))

    def keep(self, sound: Sound) -> Sound:
        held = np.repeat(sound[:: self.hold], self.hold)[: len(sound)]
        if self.bits is None:
            return held
        steps = np.float32(2 ** (self.bits - 1))
        return np.asarray(np.round(held * steps) / steps, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class _Bands:
    """Velocity bands of every piece, softest first, and the strokes in each."""

    edges: tuple[tuple[int, int], ...]
    n_round_robin: int


def _bands(n_layers: int, n_round_robin: int) -> _Bands:
    if not 1 <= n_layers <= 127 or n_round_robin < 1:
        raise ValueError(f"n_layers={n_layers} (1..127), n_round_robin={n_round_robin} (>= 1)")
    highs = [round(127 * (i + 1) / n_layers) for i in range(n_layers)]
    return _Bands(tuple(zip([1, *(h + 1 for h in highs[:-1])], highs, strict=True)), n_round_robin)


def _draw_voices(rng: np.random.Generator, character: float) -> dict[Drum, Voice]:
    def electronic() -> bool:
        return bool(rng.random() < character)

    snare = draw_snare(rng, electronic())
    return {
        Drum.KICK: draw_kick(rng, electronic()),
        Drum.SNARE: snare,
        Drum.SNARE_RIM: with_rim(snare, rng),
        Drum.SIDE_STICK: draw_side_stick(rng, electronic()),
        **draw_hats(rng, electronic()),
        **draw_toms(rng, electronic()),
        Drum.CRASH: draw_crash(rng, electronic()),
        Drum.CRASH2: draw_crash(rng, electronic()),
        Drum.CHINA: draw_china(rng, electronic()),
        Drum.SPLASH: draw_splash(rng, electronic()),
        **draw_rides(rng, electronic()),
        Drum.CLAP: draw_clap(rng, electronic()),
        Drum.COWBELL: draw_cowbell(rng, electronic()),
        Drum.TAMBOURINE: draw_tambourine(rng, electronic()),
        Drum.SHAKER: draw_shaker(rng, electronic()),
    }


def _piece(drum: Drum, voice: Voice, recording: _Recording, bands: _Bands, rng: np.random.Generator) -> Piece:
    strokes = [
        [_stroke(voice, high / 127, rng) for _ in range(bands.n_round_robin)] for _, high in bands.edges
    ]
    loudest = max(float(np.abs(stroke).max()) for strokes_of_band in strokes for stroke in strokes_of_band)
    layers = tuple(
        Layer(low, high, tuple(_sample(recording.keep(stroke * (_PEAK / loudest))) for stroke in band))
        for (low, high), band in zip(bands.edges, strokes, strict=True)
    )
    return Piece(drum, layers, natural=True)


def _stroke(voice: Voice, strength: float, rng: np.random.Generator) -> Sound:
    """Strike ``voice``; return a sound that fades out, of a level that follows the strength."""
    sound = voice.strike(strength, rng)
    fade = len(sound) // 5
    sound[len(sound) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32) ** 2
    level = np.sqrt(np.mean(sound[: round(LEVEL_SECONDS * SAMPLE_RATE)] ** 2) + 1e-12)
    return np.asarray(sound * np.float32(strength**DYNAMICS / level), dtype=np.float32)


def _sample(stroke: Sound) -> Sample:
    return Sample(np.concatenate([np.zeros(ONSET, dtype=np.float32), stroke]), ONSET)


def _balanced(pieces: Mapping[Drum, Piece], rng: np.random.Generator) -> dict[Drum, Piece]:
    """Set the gains so that full strokes stand in ``BALANCE_DB``, each up to 2 dB off."""
    kick = pieces[Drum.KICK].level
    wanted = {drum: kick * 10 ** ((BALANCE_DB[drum] + rng.uniform(-2, 2)) / 20) for drum in pieces}
    return {drum: replace(piece, gain=wanted[drum] / piece.level) for drum, piece in pieces.items()}
