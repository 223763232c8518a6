"""Scene: one training item, from material and a seed to sound with exact labels.

Flow: kits + grooves + clips -> **scene** -> training.items

``draw_scene`` makes every decision, ``render_scene`` applies them: the same material and seed give the same
samples. The hits of a scene are its labels, exact to the sample.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from drumlane.performance import Hit
from drumlane.rendering.accompaniment import Clip, draw_bed
from drumlane.rendering.arrangement import arrange, excerpt
from drumlane.rendering.kits import SAMPLE_RATE, Kit, Piece
from drumlane.rendering.live_band import LiveBand, draw_live_band, play_live_band
from drumlane.rendering.production import (
    BandLimit,
    Ducking,
    Mastering,
    draw_band_limit,
    draw_ducking,
    draw_mastering,
    duck,
    limit_band,
    master,
)
from drumlane.rendering.room import (
    Compressor,
    Equaliser,
    Room,
    compress,
    draw_compressor,
    draw_equaliser,
    draw_room,
    in_room,
)
from drumlane.rendering.separation import Separation, draw_separation, separate
from drumlane.rendering.stage import COLOUR_HZ, CURVE_DB, Voice, play
from drumlane.vocabulary import Drum, Lane

TOM_LANES = (Lane.HI_TOM, Lane.MID_TOM, Lane.LOW_TOM)
CYMBAL_LANES = (Lane.HIHAT, Lane.CRASH, Lane.RIDE)
_LONGEST_SHARE = 60.0  # s; a groove of ten minutes is not drawn more often than one of a minute
_BAND_ALONE = 0.3  # share of live bands with nothing else beside them
LEAD_SECONDS = 1.0  # played before the item so that it starts among ringing tails


@dataclass(frozen=True, slots=True)
class SceneOptions:
    """How often things happen; every field is a chance unless it says otherwise."""

    seconds: float = 5.0  # length of an item
    accompanied: float = 0.6
    drumless: float = 0.1
    level_db: tuple[float, float] = (-10.0, 20.0)  # drums against accompaniment
    percussion: float = 0.12  # unlabelled claps, shakers … beside the drums
    mixed_kit: float = 0.4  # every piece from another kit
    acoustic: float = 0.72  # share of acoustic kits
    noise: float = 0.3
    buzz: float = 0.45  # the snare's wires answer to kick and toms
    soft_sticks: float = 0.18  # brushes, rods or mallets
    layered: float = 0.15  # of each drum: a second piece sounds with every stroke
    sweep: float = 0.06  # brushes stirring on the snare, unlabelled
    live: float = 0.5  # of accompanied items: a band that plays to the groove
    ducked: float = 0.15  # of accompanied items: the music gives way to the drums
    separated: float = 0.08  # of accompanied items: only what a separator takes for drums
    mastered: float = 0.1  # limited or clipped as a whole
    band_limited: float = 0.1  # old files, small loudspeakers, telephones
    arranged: bool = True  # False: the grooves as they are
    joined: bool = True  # False: a groove that ends before the item is followed by nothing
    coloured: bool = True  # False: kits as they are, in a plain room, and nothing of the five above

    def __post_init__(self) -> None:
        for name in _CHANCES:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}={getattr(self, name)} is a chance and must lie in 0..1")
        if not 0 < self.seconds <= 600:
            raise ValueError(f"seconds={self.seconds} must be in 0..600")
        if not self.level_db[0] <= self.level_db[1]:
            raise ValueError(f"level_db={self.level_db} must be (lowest, highest)")


_CHANCES = (
    "accompanied",
    "drumless",
    "percussion",
    "mixed_kit",
    "acoustic",
    "noise",
    "buzz",
    "soft_sticks",
    "layered",
    "sweep",
    "live",
    "ducked",
    "separated",
    "mastered",
    "band_limited",
)


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What scenes are made from; loaded once."""

    kits: tuple[Kit, ...]
    grooves: tuple[Sequence[Hit], ...]
    clips: tuple[Clip, ...] = ()
    rooms: tuple[NDArray[np.float32], ...] = ()  # recorded impulse responses without their direct sound
    by_drum: Mapping[bool, Mapping[Drum, Sequence[Piece]]] = field(init=False)  # [acoustic][drum]
    groove_ends: NDArray[np.float64] = field(init=False)  # where each groove's share of the draws ends

    def __post_init__(self) -> None:
        table: dict[bool, dict[Drum, list[Piece]]] = {True: defaultdict(list), False: defaultdict(list)}
        for kit in self.kits:
            for piece in (*kit.pieces.values(), *kit.alternates):
                if piece.drum is not None:
                    table[kit.acoustic][piece.drum].append(piece)
        object.__setattr__(self, "by_drum", table)
        shares = [1.0 + min(hits[-1].time, _LONGEST_SHARE) if hits else 1.0 for hits in self.grooves]
        object.__setattr__(self, "groove_ends", np.cumsum(shares))


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Every decision of one item."""

    seconds: float
    hits: tuple[Hit, ...]  # including the lead; times from the start of the lead
    voices: Mapping[Drum, Voice]
    extras: tuple[tuple[tuple[Hit, ...], Voice], ...]  # unlabelled percussion
    curve_db: float
    room: Room
    response: NDArray[np.float32] | None
    equaliser: Equaliser
    compressor: Compressor
    bed: NDArray[np.float32] | None
    drums_db: float  # against the bed
    noise_db: float | None  # against the loud parts
    sweep: tuple[float, float] | None  # dB against the loud parts, strokes a second
    gain_db: float
    seed: int
    cues: tuple[Hit, ...] = ()  # what the music follows: the hits, or a groove that nobody plays
    live: LiveBand | None = None
    live_db: float = 0.0  # against the bed
    ducking: Ducking | None = None
    separation: Separation | None = None
    mastering: Mastering | None = None
    band_limit: BandLimit | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """A rendered scene."""

    samples: NDArray[np.float32]  # (n,), mono, 44.1 kHz
    hits: tuple[Hit, ...]  # labels; times from the first sample


def draw_scene(material: Material, options: SceneOptions, seed: int | Sequence[int]) -> Scene:
    """Decide everything about one item."""
    rng = np.random.default_rng(seed)
    total = options.seconds + LEAD_SECONDS
    drumless = bool(material.clips) and rng.random() < options.drumless
    hits = [] if drumless else _draw_hits(material, total, options, rng)
    with_bed = bool(material.clips) and (drumless or rng.random() < options.accompanied)
    n_samples = round(options.seconds * SAMPLE_RATE)
    coloured = options.coloured
    voices = draw_voices(material, options, rng) if hits else {}
    extras = _draw_percussion(material, total, rng) if rng.random() < options.percussion else ()
    if coloured and rng.random() < options.buzz:
        extras += _draw_buzz(hits, voices, rng)
    if coloured:
        extras += _draw_layers(material, hits, voices, options, rng)
    response = None
    if coloured and material.rooms and rng.random() < 0.25:
        response = material.rooms[int(rng.integers(len(material.rooms)))]
    scene = Scene(
        seconds=options.seconds,
        hits=tuple(hits),
        voices=voices,
        extras=extras,
        curve_db=float(rng.uniform(25, 42)) if coloured else CURVE_DB,
        room=draw_room(rng) if coloured else Room(),
        response=response,
        equaliser=draw_equaliser(rng) if coloured else Equaliser(),
        compressor=draw_compressor(rng) if coloured else Compressor(),
        bed=draw_bed(material.clips, n_samples, rng) if with_bed else None,
        drums_db=float(rng.uniform(*options.level_db)),
        noise_db=float(rng.uniform(-70, -25)) if rng.random() < options.noise else None,
        sweep=(float(rng.uniform(-30, -10)), float(rng.uniform(0.7, 4)))
        if rng.random() < options.sweep
        else None,
        gain_db=float(rng.normal(0, 3)),
        seed=int(rng.integers(2**31)),
    )
    return _produced(scene, material, options, rng) if coloured else scene


def render_scene(scene: Scene) -> Item:
    """Apply the decisions; the drums are levelled by their loud parts before the bed is added."""
    rng = np.random.default_rng(scene.seed)
    n_samples = round(scene.seconds * SAMPLE_RATE)
    mix = _drums_and_music(scene, n_samples, rng)
    if scene.noise_db is not None:
        level = np.float32(max(_loud_rms(mix), 1e-3) * 10 ** (scene.noise_db / 20))
        mix = mix + level * rng.standard_normal(n_samples, dtype=np.float32)
    if scene.sweep is not None:
        mix = mix + _sweep(scene.sweep, max(_loud_rms(mix), 1e-3), n_samples, rng)
    if scene.mastering is not None:
        mix = master(mix, scene.mastering)
    if scene.band_limit is not None:
        mix = limit_band(mix, scene.band_limit)
    labels = tuple(
        Hit(h.time - LEAD_SECONDS, h.drum, h.velocity)
        for h in scene.hits
        if h.drum in scene.voices and LEAD_SECONDS <= h.time < LEAD_SECONDS + scene.seconds
    )
    return Item(samples=np.asarray(mix, dtype=np.float32), hits=labels)


def _produced(scene: Scene, material: Material, options: SceneOptions, rng: np.random.Generator) -> Scene:
    """Decide how music and drums come together; drawn last, so nothing else depends on these chances."""
    mastering = draw_mastering(rng) if rng.random() < options.mastered else None
    band_limit = draw_band_limit(rng) if rng.random() < options.band_limited else None
    scene = replace(scene, mastering=mastering, band_limit=band_limit)
    if scene.bed is None:
        return scene
    separation = draw_separation(rng) if rng.random() < options.separated else None
    ducking = draw_ducking(rng) if rng.random() < options.ducked else None
    with_band = rng.random() < options.live
    cues: Sequence[Hit] = scene.hits
    if not cues and (ducking or with_band):
        cues = _draw_hits(material, scene.seconds + LEAD_SECONDS, options, rng)
    cues = tuple(replace(hit, time=hit.time - LEAD_SECONDS) for hit in cues if hit.time >= LEAD_SECONDS)
    scene = replace(scene, separation=separation, ducking=ducking, cues=cues)
    if not with_band:
        return scene
    band = draw_live_band(cues, scene.seconds, rng)
    alone = rng.random() < _BAND_ALONE
    bed = np.zeros_like(scene.bed) if alone else scene.bed
    return replace(scene, live=band, live_db=float(rng.normal(-3, 5)), bed=bed)


def _drums_and_music(scene: Scene, n_samples: int, rng: np.random.Generator) -> NDArray[np.float32]:
    lead = round(LEAD_SECONDS * SAMPLE_RATE)
    drums = np.zeros(n_samples, dtype=np.float32)
    if scene.hits or scene.extras:
        drums = _render_drums(scene, n_samples + lead, rng)[lead:]
        scale = 0.1 * 10 ** (scene.drums_db / 20) if scene.bed is not None else 0.1
        drums = drums * np.float32(scale / max(_loud_rms(drums), 1e-4))
    if scene.bed is None:
        return drums
    music = _music(scene, scene.bed)
    return drums + music if scene.separation is None else separate(drums, music, scene.separation)


def _music(scene: Scene, bed: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the bed with the live band, as loud together as the bed was alone, and ducked."""
    if scene.live is not None:
        band = play_live_band(scene.live, len(bed))
        bed = bed + band * np.float32(0.1 * 10 ** (scene.live_db / 20) / max(_loud_rms(band), 1e-4))
        bed = bed * np.float32(0.1 / max(_loud_rms(bed), 1e-4))
    return bed if scene.ducking is None else duck(bed, scene.cues, scene.ducking)


def _sweep(
    sweep: tuple[float, float], level: float, n_samples: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return noise that swells and fades as brushes do when they stir on a snare."""
    level_db, rate = sweep
    seconds = np.arange(n_samples, dtype=np.float32) / SAMPLE_RATE
    swell = np.sin(np.float32(np.pi * rate) * seconds + np.float32(rng.uniform(0, np.pi))) ** 2
    noise = rng.standard_normal(n_samples, dtype=np.float32)
    noise[1:] -= np.float32(0.7) * noise[:-1].copy()  # wires hiss more than they rumble
    return np.asarray(np.float32(level * 10 ** (level_db / 20)) * swell * noise, dtype=np.float32)


def _render_drums(scene: Scene, n_samples: int, rng: np.random.Generator) -> NDArray[np.float32]:
    tracks = play(scene.hits, scene.voices, n_samples, rng, scene.curve_db)
    for hits, voice in scene.extras:
        extra = play(hits, {Drum.CLAP: voice}, n_samples, rng, scene.curve_db)
        tracks.dry[:] += extra.dry
        tracks.send[:] += extra.send
    wet = in_room(tracks, scene.room, scene.equaliser, scene.response)
    return compress(wet, scene.compressor)


def draw_voices(material: Material, options: SceneOptions, rng: np.random.Generator) -> dict[Drum, Voice]:
    """Choose a piece for every drum: one kit with its gaps filled, or a different kit for each piece."""
    acoustic = bool(rng.random() < options.acoustic)
    mixed = rng.random() < options.mixed_kit
    pool = [kit for kit in material.kits if kit.acoustic == acoustic] or list(material.kits)
    kit = pool[int(rng.integers(len(pool)))]
    toms = _kit_with_toms(pool, kit, rng)
    voices: dict[Drum, Voice] = {}
    sends: dict[Lane, float] = {}
    for drum in Drum:
        if drum.lane is None:
            continue
        own = toms if toms and drum.lane in TOM_LANES else None if mixed else kit
        piece = (own.piece(drum) if own else None) or _any_piece(material, drum, acoustic, rng)
        if piece is None:
            continue
        sends.setdefault(drum.lane, float(rng.uniform(0.3, 1.5)))
        voices[drum] = _draw_voice(piece, sends[drum.lane], options, rng)
    _balance_lanes(voices, options, rng)
    return voices


def _kit_with_toms(pool: Sequence[Kit], kit: Kit, rng: np.random.Generator) -> Kit | None:
    """Toms come from one kit, so that high, mid and low keep their order."""
    toms = {Drum.TOM_HIGH, Drum.TOM_MID, Drum.TOM_LOW}
    if toms <= kit.pieces.keys():
        return kit
    complete = [k for k in pool if toms <= k.pieces.keys()]
    return complete[int(rng.integers(len(complete)))] if complete else None


def _any_piece(material: Material, drum: Drum, acoustic: bool, rng: np.random.Generator) -> Piece | None:
    pieces = material.by_drum[acoustic].get(drum) or material.by_drum[not acoustic].get(drum)
    return pieces[int(rng.integers(len(pieces)))] if pieces else None


def _draw_voice(piece: Piece, send: float, options: SceneOptions, rng: np.random.Generator) -> Voice:
    if not options.coloured:
        return Voice(piece, darkening=0.0 if piece.natural else 0.6)
    cymbal = piece.drum is not None and piece.drum.lane in CYMBAL_LANES
    return Voice(
        piece=piece,
        gain=float(10 ** (rng.normal(0, 2) / 20)),
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


def _draw_colour(rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw narrow peaks and dips: no two cymbals have their modes in the same places."""
    octaves = np.log2(COLOUR_HZ)[:, None]
    n = int(rng.integers(3, 9))
    centres, widths = rng.uniform(np.log2(80), np.log2(15_000), n), rng.uniform(0.1, 0.8, n)
    peaks_db = np.exp(-0.5 * ((octaves - centres) / widths) ** 2) @ rng.normal(0, 5.0, n)
    return np.asarray(10 ** (np.clip(peaks_db, -18, 15) / 20), dtype=np.float32)


def _draw_pitch(piece: Piece, rng: np.random.Generator) -> float:
    """Cymbals differ in size more than drums do in tuning."""
    semitones = 2.5 if piece.drum is not None and piece.drum.lane in CYMBAL_LANES else 1.5
    return float(2 ** (rng.normal(0, semitones) / 12)) if rng.random() < 0.7 else 1.0


def _draw_damping(piece: Piece, rng: np.random.Generator) -> float:
    """Return dB a second; hats are open to any degree, from nearly closed to free."""
    if piece.drum is Drum.HIHAT_OPEN and rng.random() < 0.5:
        return float(rng.uniform(10, 130))
    return float(rng.uniform(5, 60)) if rng.random() < 0.2 else 0.0


def _balance_lanes(voices: dict[Drum, Voice], options: SceneOptions, rng: np.random.Generator) -> None:
    """Give each lane its own level, and all toms one pitch, as a mixing desk and a tuner would."""
    if not options.coloured:
        return
    gains = {lane: float(10 ** (np.clip(rng.normal(0, 4.5), -10, 10) / 20)) for lane in Lane}
    softening = float(rng.uniform(0.002, 0.012)) if rng.random() < options.soft_sticks else 0.0
    tom_pitch = float(2 ** (rng.normal(-0.5, rng.choice([1.5, 4.0], p=[0.7, 0.3])) / 12))
    for drum, voice in voices.items():
        assert drum.lane is not None
        is_tom = drum.lane in TOM_LANES
        voices[drum] = replace(
            voice,
            gain=voice.gain * gains[drum.lane],
            pitch=tom_pitch if is_tom else voice.pitch,
            softening=0.0 if drum.lane is Lane.KICK else softening,
        )


def _draw_hits(
    material: Material, seconds: float, options: SceneOptions, rng: np.random.Generator
) -> list[Hit]:
    stretch = float(np.exp(rng.normal(0, 0.12))) if options.arranged else 1.0
    groove = _draw_groove(material, seconds / stretch if options.joined else 0.0, rng)
    length = groove[-1].time if groove else 0.0
    start = float(rng.uniform(0, max(0.0, length - seconds / stretch)))
    hits = excerpt(groove, start, seconds, stretch)
    return arrange(hits, seconds, rng) if options.arranged else hits


def _draw_groove(material: Material, seconds: float, rng: np.random.Generator) -> Sequence[Hit]:
    """Draw a groove by its length; short ones, which are fills, are joined until they last ``seconds``."""
    joined: list[Hit] = []
    end = 0.0
    while True:
        share = rng.random() * material.groove_ends[-1]
        groove = material.grooves[int(np.searchsorted(material.groove_ends, share, side="right"))]
        joined += [replace(hit, time=hit.time + end) for hit in groove] if end else groove
        end = (joined[-1].time if joined else 0.0) + float(rng.uniform(0.2, 0.6))
        if end >= seconds:
            return joined


def _draw_percussion(
    material: Material, seconds: float, rng: np.random.Generator
) -> tuple[tuple[tuple[Hit, ...], Voice], ...]:
    """Unlabelled percussion in a steady or loose pattern: what a transcriber must not write down."""
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


def _draw_buzz(
    hits: Sequence[Hit], voices: Mapping[Drum, Voice], rng: np.random.Generator
) -> tuple[tuple[tuple[Hit, ...], Voice], ...]:
    """Let the snare sound faintly, with a slow attack, under every kick and tom."""
    snare = voices.get(Drum.SNARE)
    shaken = tuple(h for h in hits if h.drum.lane in (Lane.KICK, *TOM_LANES))
    if snare is None or not shaken:
        return ()
    gain = snare.gain * float(10 ** (rng.uniform(-34, -10) / 20))
    quiet = replace(snare, gain=gain, softening=float(rng.uniform(0.01, 0.04)))
    return ((tuple(replace(h, drum=Drum.CLAP) for h in shaken), quiet),)


def _draw_layers(
    material: Material,
    hits: Sequence[Hit],
    voices: Mapping[Drum, Voice],
    options: SceneOptions,
    rng: np.random.Generator,
) -> tuple[tuple[tuple[Hit, ...], Voice], ...]:
    """Lay a second piece under some drums, stroke by stroke: timbres that no single sample has.

    A closed hat often gets a short open one: hats are seldom shut tight.
    """
    acoustic = bool(rng.random() < options.acoustic)
    layers = []
    for drum in sorted({hit.drum for hit in hits if hit.drum in voices}):
        loose = drum is Drum.HIHAT_CLOSED and rng.random() < options.layered
        if not loose and rng.random() >= options.layered:
            continue
        piece = _any_piece(material, Drum.HIHAT_OPEN if loose else drum, acoustic, rng)
        if piece is None:
            continue
        voice = _draw_voice(piece, voices[drum].send, options, rng)
        damping = float(rng.uniform(60, 250)) if loose else voice.damping
        gain = voices[drum].gain * float(10 ** (rng.uniform(-15, -1) / 20))
        struck = tuple(replace(hit, drum=Drum.CLAP) for hit in hits if hit.drum is drum)
        layers.append((struck, replace(voice, gain=gain, damping=damping, softening=voices[drum].softening)))
    return tuple(layers)


def _loud_rms(samples: NDArray[np.float32]) -> float:
    """Return the RMS of the louder half of 50 ms blocks: pauses do not make a part quiet."""
    block = 2205
    usable = len(samples) // block * block
    if not usable:
        return 0.0
    powers = np.sort(np.mean(samples[:usable].reshape(-1, block) ** 2, axis=1))
    return float(np.sqrt(np.mean(powers[len(powers) // 2 :])))
