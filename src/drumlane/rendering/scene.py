"""Scene: one training item, from material and a seed to sound with exact labels.

Flow: material, casting, mixing, production -> **scene** -> training.items

``draw_scene`` makes every decision, ``render_scene`` applies them: the same material and seed give the same
samples. The hits of a scene are its labels, exact to the sample.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from drumlane.performance import Hit
from drumlane.rendering.accompaniment import AS_RECORDED, VARIED, draw_bed
from drumlane.rendering.casting import Extras, draw_extras, draw_voices
from drumlane.rendering.kits import SAMPLE_RATE
from drumlane.rendering.live_band import LiveBand, draw_live_band, play_live_band
from drumlane.rendering.material import Material, draw_hits, draw_response
from drumlane.rendering.mixing import at_loudness, with_band, with_hum, with_noise, with_sweep
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
    equalise,
    in_room,
)
from drumlane.rendering.scene_options import LEAD_SECONDS, SceneOptions
from drumlane.rendering.separation import Separation, draw_separation, separate
from drumlane.rendering.stage import CURVE_DB, Voice, play, strongest_stroke
from drumlane.vocabulary import Drum

_HUM = (np.log(45.0), np.log(260.0))  # Hz
_BAND_ALONE = 0.3  # share of live bands with nothing else beside them
_MOST_COLOUR = 10 ** (10 / 20)  # linear; a hat without any highs is still struck
_KEPT = 31 << 20  # bytes; glibc's threshold rises no further than 32 MB


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Every decision of one item."""

    seconds: float
    hits: tuple[Hit, ...]  # including the lead; times from the start of the lead
    voices: Mapping[Drum, Voice]
    extras: Extras
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
    hum: tuple[float, float] | None = None  # Hz, dB against the loud parts


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """A rendered scene."""

    samples: NDArray[np.float32]  # (n,), mono, 44.1 kHz
    hits: tuple[Hit, ...]  # labels; times from the first sample


def draw_scene(material: Material, options: SceneOptions, seed: int | Sequence[int]) -> Scene:
    """Decide everything about one item."""
    rng = np.random.default_rng(seed)
    coloured = options.coloured
    drumless = bool(material.clips) and rng.random() < options.drumless
    hits = [] if drumless else draw_hits(material, options, rng)
    with_bed = bool(material.clips) and (drumless or rng.random() < options.accompanied)
    voices = draw_voices(material, options, rng) if hits else {}
    scene = Scene(
        seconds=options.seconds,
        hits=tuple(hits),
        voices=voices,
        extras=draw_extras(material, hits, voices, options, rng),
        response=draw_response(material, rng) if coloured else None,
        curve_db=float(rng.uniform(30, 42)) if coloured else CURVE_DB,
        room=draw_room(rng) if coloured else Room(),
        equaliser=draw_equaliser(rng) if coloured else Equaliser(),
        compressor=draw_compressor(rng) if coloured else Compressor(),
        bed=draw_bed(
            material.clips,
            round(options.seconds * SAMPLE_RATE),
            rng,
            VARIED if coloured else AS_RECORDED,
        )
        if with_bed
        else None,
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
    _keep_freed_memory()
    rng = np.random.default_rng(scene.seed)
    mix = _drums_and_music(scene, rng)
    if scene.noise_db is not None:
        mix = with_noise(mix, scene.noise_db, rng)
    if scene.sweep is not None:
        mix = with_sweep(mix, scene.sweep, rng)
    if scene.hum is not None:
        mix = with_hum(mix, scene.hum)
    if scene.mastering is not None:
        mix = master(mix, scene.mastering)
    if scene.band_limit is not None:
        mix = limit_band(mix, scene.band_limit)
    return Item(samples=np.asarray(mix, dtype=np.float32), hits=_labels(scene))


def _produced(scene: Scene, material: Material, options: SceneOptions, rng: np.random.Generator) -> Scene:
    """Decide how music and drums come together; drawn last, so nothing else depends on these chances."""
    mastering = draw_mastering(rng) if rng.random() < options.mastered else None
    band_limit = draw_band_limit(rng) if rng.random() < options.band_limited else None
    hum = None
    if rng.random() < options.hum:
        hum = (float(np.exp(rng.uniform(*_HUM))), float(rng.uniform(-28, 0)))
    scene = replace(scene, mastering=mastering, band_limit=band_limit, hum=hum)
    if scene.bed is None:
        return scene
    separation = draw_separation(rng) if rng.random() < options.separated else None
    ducking = draw_ducking(rng) if rng.random() < options.ducked else None
    with_live = rng.random() < options.live
    cues: Sequence[Hit] = scene.hits
    if not cues and (ducking or with_live):
        cues = draw_hits(material, options, rng)
    cues = tuple(replace(hit, time=hit.time - LEAD_SECONDS) for hit in cues if hit.time >= LEAD_SECONDS)
    scene = replace(scene, separation=separation, ducking=ducking, cues=cues)
    if not with_live:
        return scene
    band = draw_live_band(cues, scene.seconds, rng)
    alone = rng.random() < _BAND_ALONE
    bed = np.zeros_like(scene.bed) if alone else scene.bed
    return replace(scene, live=band, live_db=float(rng.normal(-3, 5)), bed=bed)


def _drums_and_music(scene: Scene, rng: np.random.Generator) -> NDArray[np.float32]:
    drums = _drums(scene, rng)
    if scene.bed is None:
        return drums
    music = _music(scene, scene.bed)
    return drums + music if scene.separation is None else separate(drums, music, scene.separation)


def _drums(scene: Scene, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the drums and what is struck beside them, without the lead."""
    lead, n_samples = round(LEAD_SECONDS * SAMPLE_RATE), round(scene.seconds * SAMPLE_RATE)
    if not scene.hits and not scene.extras:
        return np.zeros(n_samples, dtype=np.float32)
    tracks = play(scene.hits, scene.voices, n_samples + lead, rng, scene.curve_db)
    for hits, voice in scene.extras:
        extra = play(hits, {Drum.CLAP: voice}, n_samples + lead, rng, scene.curve_db)
        tracks.dry[:] += extra.dry
        tracks.send[:] += extra.send
    wet = in_room(tracks, scene.room, scene.equaliser, scene.response)
    heard = compress(wet, scene.compressor)[lead:]
    return at_loudness(heard, scene.drums_db if scene.bed is not None else 0.0)


def _music(scene: Scene, bed: NDArray[np.float32]) -> NDArray[np.float32]:
    if scene.live is not None:
        bed = with_band(bed, play_live_band(scene.live, len(bed)), scene.live_db)
    return bed if scene.ducking is None else duck(bed, scene.cues, scene.ducking)


def _labels(scene: Scene) -> tuple[Hit, ...]:
    """Return the hits of the item that are heard, their times from its first sample.

    A lane that the desk raises against the others, by its level or its colour, is labelled as struck harder
    by as much: nothing in the sound tells the one from the other, and a velocity is of use when it plays
    back as loud as it was heard.
    """
    played = [
        h
        for h in scene.hits
        if h.drum in scene.voices and LEAD_SECONDS <= h.time < LEAD_SECONDS + scene.seconds
    ]
    heard = {drum: _heard_gain(scene.voices[drum], scene.equaliser) for drum in {h.drum for h in played}}
    gains = np.array([heard[h.drum] for h in played])
    stronger = (gains / np.median(gains)) ** (20.0 / scene.curve_db) if played else gains
    return tuple(
        Hit(h.time - LEAD_SECONDS, h.drum, round(min(127.0, max(1.0, h.velocity * strength))))
        for h, strength in zip(played, stronger.tolist(), strict=True)
    )


def _heard_gain(voice: Voice, equaliser: Equaliser) -> float:
    """Return how much louder a piece is heard than as recorded, linear; its colour counts up to 10 dB."""
    if equaliser == Equaliser() and voice.as_recorded:
        return voice.gain
    attack, recorded = strongest_stroke(voice)
    heard = float(np.sqrt(np.mean(np.square(equalise(attack, equaliser))))) if len(attack) else recorded
    colour = heard / max(recorded, 1e-6)
    return voice.gain * float(np.clip(colour, 1 / _MOST_COLOUR, _MOST_COLOUR))


@cache
def _keep_freed_memory() -> None:
    """Let what one item frees be used by the next: getting it anew from the system is a fifth of the time.

    glibc gives back what lies above a threshold, which rises with the largest block freed so far. Elsewhere
    this does nothing.
    """
    np.empty(_KEPT, dtype=np.uint8)
