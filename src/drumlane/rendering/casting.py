"""Casting: which piece plays each drum of an item, how it sounds, and what is struck beside the drums.

Flow: kits, material -> **casting** -> stage -> scene

Extras are struck and heard like drums and have no label: percussion, the buzz of the snare's wires, and
second pieces that sound with every stroke of a drum.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drumlane.performance import Hit
from drumlane.rendering.kits import Kit, Piece
from drumlane.rendering.material import Material, draw_kit, draw_piece
from drumlane.rendering.scene_options import SceneOptions
from drumlane.rendering.stage import COLOUR_HZ, Voice
from drumlane.vocabulary import Drum, Lane

TOM_LANES = (Lane.HI_TOM, Lane.MID_TOM, Lane.LOW_TOM)
_TOMS = dict.fromkeys((Drum.TOM_HIGH, Drum.TOM_MID, Drum.TOM_LOW))  # in order of pitch
_TOM_STEP_SEMITONES = (2.0, 7.0)  # from one tom of a set to the next
CYMBAL_LANES = (Lane.HIHAT, Lane.CRASH, Lane.RIDE)
Extras = tuple[tuple[tuple[Hit, ...], Voice], ...]  # strokes, all of them Drum.CLAP, and what they sound like


def draw_voices(material: Material, options: SceneOptions, rng: np.random.Generator) -> dict[Drum, Voice]:
    """Choose a piece for every drum: one kit with its gaps filled, or a different kit for each piece."""
    acoustic = bool(rng.random() < options.acoustic)
    mixed = rng.random() < options.mixed_kit
    pool = [kit for kit in material.kits if kit.acoustic == acoustic] or list(material.kits)
    kit = draw_kit(pool, options.coloured, rng)
    toms = _kit_with_toms(pool, kit, options.coloured, rng)
    tuned = _tom_set(toms, rng) if toms and options.coloured and rng.random() < options.tom_sets else {}
    voices: dict[Drum, Voice] = {}
    sends: dict[Lane, float] = {}
    for drum in Drum:
        if drum.lane is None:
            continue
        own = toms if toms and drum.lane in TOM_LANES else None if mixed else kit
        piece = (own.piece(drum) if own else None) or draw_piece(
            material, drum, acoustic, options.coloured, rng
        )
        if drum in tuned:
            piece = tuned[drum].piece
        if piece is None:
            continue
        sends.setdefault(drum.lane, float(rng.uniform(0.3, 1.5)))
        voices[drum] = _draw_voice(piece, sends[drum.lane], options, rng)
    if not options.coloured:
        return voices
    intervals = {drum: tom.interval for drum, tom in tuned.items()}
    return _balanced(voices, intervals, rng, options.soft_sticks)


def draw_extras(
    material: Material,
    hits: Sequence[Hit],
    voices: Mapping[Drum, Voice],
    options: SceneOptions,
    rng: np.random.Generator,
) -> Extras:
    """Draw what sounds beside the drums ``voices`` that strike ``hits``, without a label."""
    percussion = rng.random() < options.percussion
    extras = _draw_percussion(material, options.played_seconds, rng) if percussion else ()
    if not options.coloured:
        return extras
    if rng.random() < options.buzz:
        extras += _draw_buzz(hits, voices, rng)
    if rng.random() < options.rattle:
        extras += _draw_rattle(hits, voices, rng)
    return extras + _draw_layers(material, hits, voices, options, rng)


def _kit_with_toms(pool: Sequence[Kit], kit: Kit, even: bool, rng: np.random.Generator) -> Kit | None:
    """Toms come from one kit, so that high, mid and low keep their order."""
    if kit.pieces.keys() >= _TOMS.keys():
        return kit
    complete = [k for k in pool if k.pieces.keys() >= _TOMS.keys()]
    return draw_kit(complete, even, rng) if complete else None


class _TunedTom(NamedTuple):
    piece: Piece
    interval: float  # factor of its pitch


def _tom_set(kit: Kit, rng: np.random.Generator) -> dict[Drum, _TunedTom]:
    """Tune one tom of a kit into three: few recorded kits have toms, and only the order tells their lanes."""
    steps = rng.uniform(*_TOM_STEP_SEMITONES, 2)
    heights = np.array([steps[0], 0.0, -steps[1]])  # of high, mid and low
    source = int(rng.integers(len(_TOMS)))
    piece = kit.pieces[tuple(_TOMS)[source]]
    return {
        drum: _TunedTom(piece, float(2 ** (height / 12)))
        for drum, height in zip(_TOMS, heights - heights[source], strict=True)
    }


def _draw_voice(piece: Piece, send: float, options: SceneOptions, rng: np.random.Generator) -> Voice:
    if not options.coloured:
        return Voice(piece, darkening=0.0 if piece.natural else 0.6)
    cymbal = piece.drum is not None and piece.drum.lane in CYMBAL_LANES
    return Voice(
        piece=piece,
        gain=float(10 ** (rng.normal(0, 1) / 20)),
        pitch=_draw_pitch(piece, rng),
        damping=_draw_damping(piece, rng),
        send=send,
        colour=_draw_colour(rng) if rng.random() < (0.6 if cymbal else 0.3) else None,
        wobble=float(rng.uniform(0.1, 0.8)) if cymbal and rng.random() < 0.4 else 0.0,
        wobble_rate=float(np.exp(rng.uniform(np.log(2), np.log(14)))),
        shade=float(rng.uniform(-0.4, 0.95)) if rng.random() < 0.5 else 0.0,
        shade_taps=int(np.exp(rng.uniform(np.log(5), np.log(40)))),  # from 4.4 kHz down to 550 Hz
        darkening=float(rng.uniform(0.2, 0.9)) if not piece.natural else float(rng.uniform(0, 0.3)),
    )


def _draw_pitch(piece: Piece, rng: np.random.Generator) -> float:
    """Cymbals differ in size more than drums in tuning; kicks may be dead, or small and ringing like toms."""
    if piece.drum is Drum.KICK:
        return float(2 ** (rng.normal(1.0, 3.0) / 12)) if rng.random() < 0.7 else 1.0
    semitones = 2.5 if piece.drum is not None and piece.drum.lane in CYMBAL_LANES else 1.5
    return float(2 ** (rng.normal(0, semitones) / 12)) if rng.random() < 0.7 else 1.0


def _draw_damping(piece: Piece, rng: np.random.Generator) -> float:
    """Return dB a second; hats are open to any degree, from nearly closed to free."""
    if piece.drum is Drum.HIHAT_OPEN and rng.random() < 0.5:
        return float(rng.uniform(10, 130))
    return float(rng.uniform(5, 60)) if rng.random() < 0.2 else 0.0


def _draw_colour(rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw narrow peaks and dips: no two cymbals have their modes in the same places."""
    octaves = np.log2(COLOUR_HZ)[:, None]
    n = int(rng.integers(3, 9))
    centres, widths = rng.uniform(np.log2(80), np.log2(15_000), n), rng.uniform(0.1, 0.8, n)
    peaks_db = np.exp(-0.5 * ((octaves - centres) / widths) ** 2) @ rng.normal(0, 5.0, n)
    return np.asarray(10 ** (np.clip(peaks_db, -18, 15) / 20), dtype=np.float32)


def _balanced(
    voices: Mapping[Drum, Voice],
    intervals: Mapping[Drum, float],
    rng: np.random.Generator,
    soft_sticks: float,
) -> dict[Drum, Voice]:
    """Give each lane its own level, and all toms one pitch, as a mixing desk and a tuner would."""
    # Half of the kits keep their makers' balance: only there do human velocities tell which lanes are loud.
    spread_db = float(rng.choice([0.5, 5.0]))
    gains = {lane: float(10 ** (np.clip(rng.normal(0, spread_db), -10, 10) / 20)) for lane in Lane}
    softening = float(rng.uniform(0.002, 0.012)) if rng.random() < soft_sticks else 0.0
    # Tuned far enough that one kit's high toms are another one's low: only their order tells.
    tom_pitch = float(2 ** (rng.normal(-1.0, rng.choice([1.8, 4.5])) / 12))
    return {
        drum: replace(
            voice,
            gain=voice.gain * gains[drum.lane],
            pitch=tom_pitch * intervals.get(drum, 1.0) if drum.lane in TOM_LANES else voice.pitch,
            softening=0.0 if drum.lane is Lane.KICK else softening,
        )
        for drum, voice in voices.items()
        if drum.lane is not None
    }


def _draw_percussion(material: Material, seconds: float, rng: np.random.Generator) -> Extras:
    """Draw percussion in a steady or loose pattern: what a transcriber must not write down."""
    pieces = [piece for kit in material.kits for piece in kit.percussion]
    if not pieces:
        return ()
    extras = []
    for _ in range(int(rng.integers(1, 3))):
        step, start = float(rng.uniform(0.15, 0.8)), float(rng.uniform(0, 0.5))
        level, keep = rng.uniform(50, 120), rng.uniform(0.4, 1.0)
        hits = tuple(
            Hit(float(t), Drum.CLAP, int(np.clip(level + rng.normal(0, 10), 1, 127)))
            for t in np.arange(start, seconds, step)
            if rng.random() < keep
        )
        voice = Voice(pieces[int(rng.integers(len(pieces)))], gain=float(10 ** (rng.normal(-4, 4) / 20)))
        extras.append((hits, voice))
    return tuple(extras)


def _draw_buzz(hits: Sequence[Hit], voices: Mapping[Drum, Voice], rng: np.random.Generator) -> Extras:
    """Let the snare sound faintly, with a slow attack, under every kick and tom."""
    snare = voices.get(Drum.SNARE)
    shaken = tuple(h for h in hits if h.drum.lane in (Lane.KICK, *TOM_LANES))
    if snare is None or not shaken:
        return ()
    gain = snare.gain * float(10 ** (rng.uniform(-30, -2) / 20))
    quiet = replace(snare, gain=gain, softening=float(rng.uniform(0.002, 0.03)))
    return ((tuple(replace(h, drum=Drum.CLAP) for h in shaken), quiet),)


def _draw_rattle(hits: Sequence[Hit], voices: Mapping[Drum, Voice], rng: np.random.Generator) -> Extras:
    """Let a loose hat or a cymbal tremble faintly, with a slow attack, under strong strokes."""
    drums = (Drum.HIHAT_CLOSED, Drum.HIHAT_OPEN, Drum.RIDE, Drum.CRASH)
    cymbal = voices.get(drums[int(rng.choice(4, p=[0.4, 0.3, 0.15, 0.15]))])
    lanes = [(Lane.SNARE,), (Lane.SNARE, *TOM_LANES), (Lane.KICK, Lane.SNARE, *TOM_LANES)]
    shaking = lanes[int(rng.integers(len(lanes)))]
    shaken = tuple(h for h in hits if h.drum.lane in shaking and h.velocity > 50)
    if cymbal is None or not shaken:
        return ()
    gain = cymbal.gain * float(10 ** (rng.uniform(-26, -6) / 20))
    faint = replace(cymbal, gain=gain, softening=float(rng.uniform(0.004, 0.03)))
    return ((tuple(replace(h, drum=Drum.CLAP) for h in shaken), faint),)


def _draw_layers(
    material: Material,
    hits: Sequence[Hit],
    voices: Mapping[Drum, Voice],
    options: SceneOptions,
    rng: np.random.Generator,
) -> Extras:
    """Lay a second piece under some drums, stroke by stroke: timbres that no single sample has.

    A closed hat often gets a short open one: hats are seldom shut tight.
    """
    acoustic = bool(rng.random() < options.acoustic)
    layers = []
    for drum in sorted({hit.drum for hit in hits if hit.drum in voices}):
        loose = drum is Drum.HIHAT_CLOSED and rng.random() < options.layered
        # All recorded toms come from few sources: two of them together are a third.
        chance = 2 * options.layered if drum.lane in TOM_LANES else options.layered
        if not loose and rng.random() >= chance:
            continue
        struck_too = Drum.HIHAT_OPEN if loose else drum
        piece = draw_piece(material, struck_too, acoustic, options.coloured, rng)
        if piece is None:
            continue
        voice = _draw_voice(piece, voices[drum].send, options, rng)
        if drum.lane in TOM_LANES:  # of the pitch of the tom that it sounds with, or nearly
            voice = replace(voice, pitch=voices[drum].pitch * float(2 ** (rng.normal(0, 0.7) / 12)))
        damping = float(rng.uniform(60, 250)) if loose else voice.damping
        gain = voices[drum].gain * float(10 ** (rng.uniform(-15, -1) / 20))
        struck = tuple(replace(hit, drum=Drum.CLAP) for hit in hits if hit.drum is drum)
        layers.append((struck, replace(voice, gain=gain, damping=damping, softening=voices[drum].softening)))
    return tuple(layers)
