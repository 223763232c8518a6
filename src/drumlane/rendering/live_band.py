"""Live band: accompaniment played to the hits of one item, so that it falls together with the drums.

Flow: live_sounds -> **live_band** -> scene

A bass that locks to the kick, chords on and between the snares, consonants, and noises that are struck but
are not drums. None of it is labelled: recordings laid under a groove by chance never teach what coincides
with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from drumlane.performance import Hit
from drumlane.rendering.kits import SAMPLE_RATE
from drumlane.rendering.live_sounds import BANK_SIZE, Burst, Grain, Tones
from drumlane.rendering.procedural_sources import Sound
from drumlane.vocabulary import Lane

LOOSENESS = 0.015  # s, the furthest a player is from the drummer
LOWEST_HZ, HIGHEST_BASS_HZ = 35.0, 120.0
_SAME_STROKE = 0.03  # s; hits closer than this are one moment
_LONGEST_PAUSE = 0.6  # s; longer ones are halved, so that something plays in them
_BASS_STEPS = (0, 0, 3, 5, 7, 10, 12)  # semitones
_CHORDS = ((0,), (0, 12), (0, 7, 12), (0, 4, 7), (0, 3, 7), (0, 3, 7, 10), (0, 4, 7, 11))
_CONSONANTS = ("s", "s", "sh", "t", "t", "k", "p")


@dataclass(frozen=True, slots=True)
class Strike:
    """One grain of a part at one time."""

    time: float  # s from the start of the item
    grain: int  # index among the part's grains
    length: float  # s after which it is damped
    level: float  # linear


@dataclass(frozen=True, slots=True)
class Part:
    """One player: what can be heard of them and when."""

    grains: tuple[Grain, ...]
    strikes: tuple[Strike, ...]


@dataclass(frozen=True, slots=True)
class LiveBand:
    """All players of one item."""

    parts: tuple[Part, ...]
    echoes: tuple[tuple[float, float], ...] = ()  # (s, linear): walls, or a delay


@dataclass(frozen=True, slots=True)
class Moments:
    """When a band may play, in seconds and in order."""

    seconds: float  # length of the item
    kicks: tuple[float, ...]
    snares: tuple[float, ...]
    pulse: tuple[float, ...]  # every stroke and the middles of long pauses


def draw_live_band(hits: Sequence[Hit], seconds: float, rng: np.random.Generator) -> LiveBand:
    """Draw a band that plays to ``hits`` (times from the start of the item) for ``seconds``.

    Without hits it plays to moments of its own.
    """
    moments = moments_of(hits, seconds, rng)
    players = [draw for draw, chance in PLAYERS if rng.random() < chance]
    if not {draw_bass, draw_chords} & set(players):
        players.append(draw_bass if rng.random() < 0.5 else draw_chords)
    parts = tuple(draw(moments, rng) for draw in players)
    echoes = [
        (float(rng.uniform(0.007, 0.06)), float(rng.uniform(-0.4, 0.4))) for _ in range(rng.integers(1, 4))
    ]
    return LiveBand(parts, tuple(echoes) if rng.random() < 0.5 else ())


def play_live_band(band: LiveBand, n_samples: int) -> NDArray[np.float32]:
    """Return the band, shape (n_samples,), its bass at an RMS near 1 while it plays."""
    out = np.zeros(n_samples, dtype=np.float32)
    for part in band.parts:
        _play_part(part, out)
    dry = out.copy() if band.echoes else out
    for delay, gain in band.echoes:
        n = round(delay * SAMPLE_RATE)
        out[n:] += np.float32(gain) * dry[: max(0, n_samples - n)]
    return out


def moments_of(hits: Sequence[Hit], seconds: float, rng: np.random.Generator) -> Moments:
    """Return the moments of a groove, or of a steady pulse when there is none."""
    times = sorted(h.time for h in hits if 0 <= h.time < seconds)
    if len(times) < 2:
        step = float(rng.uniform(0.15, 0.5))
        times = [float(t) for t in np.arange(0.0, seconds, step)]
        return Moments(seconds, tuple(times[::4]), tuple(times[2::4]), tuple(times))
    pulse = [times[0]]
    for time in times[1:]:
        gap = time - pulse[-1]
        if gap > _LONGEST_PAUSE:
            n = int(gap / _LONGEST_PAUSE) + 1
            pulse += [pulse[-1] + gap * k / n for k in range(1, n)]
        if gap > _SAME_STROKE:
            pulse.append(time)
    return Moments(seconds, _times(hits, Lane.KICK, seconds), _times(hits, Lane.SNARE, seconds), tuple(pulse))


def draw_bass(moments: Moments, rng: np.random.Generator) -> Part:
    """Draw a bass line: most kicks have a note, and some moments without a kick."""
    instrument = str(rng.choice(["sine bass", "synth bass", "plucked bass", "plucked bass", "slap bass"]))
    root = float(np.exp(rng.uniform(np.log(LOWEST_HZ), np.log(75.0))))
    steps = rng.choice(_BASS_STEPS, int(rng.integers(2, 5)))
    pitches = [min(root * 2 ** (int(step) / 12), HIGHEST_BASS_HZ) for step in steps]
    between = _apart(moments.pulse, moments.kicks)
    times = _loose(
        [*_some(moments.kicks, rng.uniform(0.7, 1.0), rng), *_some(between, rng.uniform(0.0, 0.5), rng)], rng
    )
    timbre, shade, drive = int(rng.integers(BANK_SIZE)), float(rng.uniform(-0.3, 0.9)), _draw_drive(rng)
    slides = rng.random() < 0.35
    grains = tuple(
        Tones(
            instrument,
            timbre,
            (hz,),
            length=0.8,
            glide=float(rng.uniform(-7, 5)) if slides and k else 0.0,
            shade=shade,
            drive=drive,
        )
        for k, hz in enumerate(pitches)
    )
    return Part(grains, _strikes(times, len(grains), 0.0, float(rng.uniform(0.3, 1.0)), rng))


def draw_chords(moments: Moments, rng: np.random.Generator) -> Part:
    """Draw stabs, strums, plucks or hammers on, between or regardless of the snares."""
    instrument = str(
        rng.choice(["plucked", "piano", "piano", "muted", "muted", "synth", "distorted", "patch", "patch"])
    )
    times = _loose(_pattern(moments, rng), rng)
    shape = np.array(_CHORDS[int(rng.integers(len(_CHORDS)))])
    roots = np.exp(rng.uniform(np.log(90), np.log(500), int(rng.integers(2, 6))))
    length = float(np.exp(rng.uniform(np.log(0.06), np.log(0.9))))
    spread = float(rng.uniform(0.004, 0.022)) if rng.random() < 0.4 else 0.0
    timbre, shade, drive = int(rng.integers(BANK_SIZE)), float(rng.uniform(-0.6, 0.5)), _draw_drive(rng)
    grains = tuple(
        Tones(
            instrument,
            timbre,
            tuple(float(hz) for hz in root * 2 ** (shape / 12)),
            length,
            spread=spread,
            shade=shade,
            drive=drive,
        )
        for root in roots
    )
    return Part(grains, _strikes(times, len(grains), float(rng.normal(-2, 4)), 1.0, rng))


def draw_sequence(moments: Moments, rng: np.random.Generator) -> Part:
    """Draw a sequencer's line: single notes of one patch in even steps, some of them with echoes."""
    step = float(np.median(np.diff(moments.pulse))) if len(moments.pulse) > 2 else 0.25
    step = float(np.clip(step * rng.choice([0.5, 1.0, 1.0, 2.0]), 0.08, 0.6))
    pattern = rng.random(int(rng.choice([8, 16]))) < rng.uniform(0.3, 0.9)
    first = moments.pulse[0] % step if moments.pulse else 0.0
    times = np.arange(first, moments.seconds, step)
    played = [float(t) for k, t in enumerate(times) if pattern[k % len(pattern)]]
    if rng.random() < 0.3:
        delay = float(rng.uniform(0.03, 0.4))
        played += [t + delay * n for t in _some(played, 0.5, rng) for n in (1, 2, 3)]
    root = float(np.exp(rng.uniform(np.log(60), np.log(900))))
    timbre, drive = int(rng.integers(BANK_SIZE)), _draw_drive(rng)
    shade, length = float(rng.uniform(-0.6, 0.5)), float(rng.uniform(0.08, 0.5))
    grains = tuple(
        Tones("patch", timbre, (root * 2 ** (int(up) / 12),), length, shade=shade, drive=drive)
        for up in rng.choice([0, 0, 3, 5, 7, 10, 12, -12], 5)
    )
    return Part(grains, _strikes(played, len(grains), float(rng.normal(-2, 4)), 1.0, rng))


def draw_consonants(moments: Moments, rng: np.random.Generator) -> Part:
    """Draw what is heard of a singer who is close to the microphone: s, sh, t, k and p."""
    grains = tuple(_draw_consonant(rng) for _ in range(6))
    n_syllables = rng.poisson(moments.seconds * rng.uniform(1.0, 4.0))
    free = rng.uniform(0, moments.seconds, n_syllables)
    in_time = rng.choice(moments.pulse, n_syllables) + rng.normal(0, 0.02, n_syllables)
    times = np.where(rng.random(n_syllables) < rng.random(), in_time, free)
    return Part(grains, _strikes(times.tolist(), len(grains), float(rng.normal(-9, 5)), 1.0, rng))


def draw_noises(moments: Moments, rng: np.random.Generator) -> Part:
    """Draw muted strings that are scratched, finger snaps, or the clicks of a record."""
    kind = str(rng.choice(["scratch", "snap", "click"]))
    timbre = int(rng.integers(BANK_SIZE))
    longest, most_strokes = {"scratch": (0.09, 3), "snap": (0.11, 4), "click": (0.006, 1)}[kind]
    grains = tuple(
        Burst(
            kind,
            (timbre + (k if kind == "click" else 0)) % BANK_SIZE,
            start=float(rng.random()),
            length=float(rng.uniform(0.3, 1.0) * longest),
            swelling=False,
            strokes=int(rng.integers(1, most_strokes + 1)),
        )
        for k in range(4)
    )
    if kind == "click":
        times = rng.uniform(0, moments.seconds, rng.poisson(moments.seconds * rng.uniform(1, 12))).tolist()
    else:
        times = _loose(_pattern(moments, rng), rng)
    return Part(grains, _strikes(times, len(grains), float(rng.normal(-8, 5)), 1.0, rng))


Player = Callable[[Moments, np.random.Generator], Part]
PLAYERS: tuple[tuple[Player, float], ...] = (
    (draw_bass, 0.75),
    (draw_chords, 0.65),
    (draw_chords, 0.25),
    (draw_sequence, 0.35),
    (draw_consonants, 0.45),
    (draw_noises, 0.4),
)  # with their chances


def _play_part(part: Part, out: NDArray[np.float32]) -> None:
    sounds: dict[int, Sound] = {}
    fade = np.linspace(1.0, 0.0, 220, dtype=np.float32)  # 5 ms: damped, not cut
    for strike in part.strikes:
        if strike.grain not in sounds:
            sounds[strike.grain] = part.grains[strike.grain].sound()
        start = round(strike.time * SAMPLE_RATE)
        whole = sounds[strike.grain]
        n = min(len(whole), round(strike.length * SAMPLE_RATE), len(out) - start)
        if n <= 0:
            continue
        sound = whole[:n] * np.float32(strike.level)
        if n < len(whole):
            n_fade = min(n, len(fade))
            sound[n - n_fade :] *= fade[:n_fade]
        out[start : start + n] += sound


def _strikes(
    times: Sequence[float], n_grains: int, level_db: float, held: float, rng: np.random.Generator
) -> tuple[Strike, ...]:
    """Give every time a grain, the same for some strokes on end, and damp it before the next."""
    ordered = sorted(t for t in times if t >= 0)
    gaps = [b - a for a, b in pairwise([*ordered, ordered[-1] + 1.0])] if ordered else []
    grain, strikes = 0, []
    for time, gap in zip(ordered, gaps, strict=True):
        if rng.random() < 0.4:
            grain = int(rng.integers(n_grains))
        level = 10 ** ((level_db + rng.normal(0, 3)) / 20)
        length = gap * held * rng.uniform(0.4, 1.0)
        strikes.append(Strike(time, grain, max(0.05, length), float(level)))
    return tuple(strikes)


def _pattern(moments: Moments, rng: np.random.Generator) -> list[float]:
    """Draw times on the snares, beside them, in the middle between strokes, on everything or anywhere."""
    kind, share = rng.random(), float(rng.uniform(0.4, 1.0))
    if kind < 0.25:
        return _some(moments.snares or moments.pulse, share, rng) + _some(moments.pulse, 0.1, rng)
    if kind < 0.5:
        return _some(_apart(moments.pulse, moments.snares), share, rng)
    if kind < 0.65:
        middles = [(a + b) / 2 for a, b in pairwise(moments.pulse)]
        return _some(middles, 0.6 * share, rng)
    if kind < 0.88:
        return _some(moments.pulse, share, rng)
    return [float(t) for t in rng.uniform(0, moments.seconds, rng.poisson(moments.seconds * 4 * share))]


def _draw_consonant(rng: np.random.Generator) -> Burst:
    noise = str(rng.choice(_CONSONANTS))
    long = noise in ("s", "sh")
    return Burst(
        noise,
        timbre=int(rng.integers(BANK_SIZE)),
        start=float(rng.random()),
        length=float(rng.uniform(0.05, 0.12) if long else rng.uniform(0.02, 0.06)),
        swelling=long,
    )


def _draw_drive(rng: np.random.Generator) -> float:
    return float(rng.uniform(0.5, 4.0)) if rng.random() < 0.25 else 0.0


def _some(times: Sequence[float], share: float, rng: np.random.Generator) -> list[float]:
    return [t for t in times if rng.random() < share]


def _loose(times: Sequence[float], rng: np.random.Generator) -> list[float]:
    """Move every time by what this player is early or late; none by more than ``LOOSENESS``."""
    loose = rng.uniform(0, LOOSENESS)
    return [max(0.0, t + float(rng.uniform(-loose, loose))) for t in times]


def _apart(times: Sequence[float], others: Sequence[float]) -> list[float]:
    """Return the times that are not within 60 ms of any of ``others``."""
    if not others:
        return list(times)
    near = np.abs(np.subtract.outer(np.array(times), np.array(others))).min(axis=1)
    return [t for t, distance in zip(times, near, strict=True) if distance > 2 * _SAME_STROKE]


def _times(hits: Sequence[Hit], lane: Lane, seconds: float) -> tuple[float, ...]:
    return tuple(h.time for h in hits if h.drum.lane is lane and 0 <= h.time < seconds)
