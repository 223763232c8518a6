"""Arrangement: a human groove becomes another plausible one.

Flow: grooves -> **arrangement** -> stage

Every function takes hits in order of time and returns new ones; randomness comes as a generator. Human
grooves hold few hats, crashes, toms and floor-tom patterns, so these are written in; timing and velocities
stay human.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from drumlane.performance import Hit
from drumlane.vocabulary import Drum, Lane

TOMS = (Drum.TOM_HIGH, Drum.TOM_MID, Drum.TOM_LOW)
CRASHES = (Drum.CRASH, Drum.CRASH2, Drum.SPLASH, Drum.CHINA)
TIMEKEEPERS = (
    Drum.HIHAT_CLOSED,
    Drum.HIHAT_OPEN,
    Drum.RIDE,
    Drum.RIDE_BELL,
    Drum.CRASH,
    Drum.TOM_LOW,
    Drum.SNARE,
)
_SHORTEST_STEP = 0.045  # s
Arranger = Callable[[list[Hit], float, np.random.Generator], list[Hit]]


def excerpt(hits: Sequence[Hit], start: float, seconds: float, stretch: float = 1.0) -> list[Hit]:
    """Cut ``seconds`` of stretched time from ``start`` (s, unstretched) and move it to zero."""
    end = start + seconds / stretch
    return [replace(h, time=(h.time - start) * stretch) for h in hits if start <= h.time < end]


def humanise(hits: list[Hit], rng: np.random.Generator) -> list[Hit]:
    """Vary timing by a few milliseconds and the dynamics by a common gain and spread."""
    sigma = rng.choice([0.0, 0.003, 0.008])
    gain, spread = rng.uniform(0.8, 1.3), rng.uniform(0.6, 1.2)
    flat = rng.random() < 0.1  # programmed drums: all strokes alike
    out = []
    for hit in hits:
        velocity = 100 if flat else 80 + (hit.velocity - 80) * spread + 40 * np.log2(gain) + rng.normal(0, 4)
        time = max(0.0, hit.time + (rng.normal(0, sigma) if sigma else 0.0))
        out.append(replace(hit, time=float(time), velocity=int(np.clip(velocity, 1, 127))))
    return sorted(out)


def reorchestrate(hits: list[Hit], rng: np.random.Generator) -> list[Hit]:
    """Move the pattern of one drum to another: hat, ride, crash and floor tom, snare and side stick."""
    hats = (Drum.HIHAT_CLOSED, Drum.HIHAT_OPEN)
    swaps: list[tuple[float, Mapping[Drum, Drum]]] = [
        (0.15, dict.fromkeys(hats, Drum.RIDE)),
        (0.15, {Drum.RIDE: Drum.HIHAT_CLOSED, Drum.RIDE_BELL: Drum.HIHAT_OPEN}),
        (0.06, dict.fromkeys(hats, CRASHES[int(rng.integers(4))])),
        (0.05, {**dict.fromkeys(hats, Drum.TOM_LOW), Drum.RIDE: Drum.TOM_LOW}),
        (0.16, {Drum.HIHAT_CLOSED: Drum.HIHAT_OPEN}),
        (0.06, {Drum.RIDE: Drum.RIDE_BELL}),
        (0.06, {Drum.SNARE: Drum.SIDE_STICK}),
        (0.06, {Drum.SNARE: TOMS[int(rng.integers(3))]}),
        (0.06, {Drum.SIDE_STICK: Drum.SNARE, Drum.SNARE_RIM: Drum.SNARE}),
    ]
    for chance, swap in swaps:
        if rng.random() < chance:
            hits = [replace(h, drum=swap.get(h.drum, h.drum)) for h in hits]
    if rng.random() < 0.3:  # tom permutation: the groove's tom choice is not the only one
        order = dict(zip(TOMS, rng.permutation(np.array(TOMS, dtype=object)), strict=True))
        hits = [replace(h, drum=order.get(h.drum, h.drum)) for h in hits]
    return hits


def thin_pedals(hits: list[Hit], rng: np.random.Generator) -> list[Hit]:
    """Drop or turn many pedal hats: 60 % of the hats of an electronic kit's player, few of a real mix's."""
    drop, turn = rng.uniform(0.2, 0.9), rng.uniform(0.0, 0.4)
    out = []
    for hit in hits:
        if hit.drum is Drum.HIHAT_PEDAL:
            u = rng.random()
            if u < drop or hit.velocity < 25:  # nobody hears a pedal that soft
                continue
            hit = replace(hit, drum=Drum.HIHAT_CLOSED) if u < drop + turn else hit
        out.append(hit)
    return out


def add_fill(hits: list[Hit], seconds: float, rng: np.random.Generator) -> list[Hit]:
    """Replace the hands' strokes of a beat or more by a run over snare and toms, often into a crash."""
    beat = float(rng.uniform(0.3, 0.75))
    step = beat / float(rng.choice([2, 3, 4, 6, 8], p=[0.2, 0.2, 0.4, 0.15, 0.05]))
    n = int(rng.integers(3, 17))
    start = float(rng.uniform(0, max(0.1, seconds - n * step)))
    end = start + n * step
    kept = [h for h in hits if not start - 0.03 <= h.time < end or h.drum.lane is Lane.KICK]
    voices = [Drum.SNARE, *TOMS] if rng.random() < 0.6 else list(TOMS)
    run = int(rng.integers(1, 5))  # strokes on one drum before moving on
    descending = rng.random() < 0.6
    level = rng.uniform(70, 120)
    for i in range(n):
        at = (i // run) % len(voices) if descending else int(rng.integers(len(voices)))
        accent = 12 if i % run == 0 else -8
        kept.append(_stroke(start + i * step + rng.normal(0, 0.004), voices[at], level + accent, rng))
    if rng.random() < 0.6:
        kept.append(_stroke(end, CRASHES[int(rng.integers(4))], 110, rng))
        kept.append(_stroke(end, Drum.KICK, 105, rng))
    return sorted(h for h in kept if h.time < seconds)


def add_timekeeper(hits: list[Hit], seconds: float, rng: np.random.Generator) -> list[Hit]:
    """Lay a steady hat, ride, crash, tom or snare over the groove, in step with its kicks and snares."""
    anchors = [h.time for h in hits if h.drum.lane in (Lane.KICK, Lane.SNARE) and h.velocity > 50]
    if len(anchors) < 2:
        return hits
    step = float(np.median(np.diff(anchors)))
    if step < _SHORTEST_STEP:  # kick and snare in unison: the gaps are their flams
        return hits
    while step > 0.2 + 0.2 * rng.random():
        step /= 2.0
    if step < 0.09:
        step *= 2.0
    drum = TIMEKEEPERS[int(rng.choice(len(TIMEKEEPERS), p=[0.5, 0.16, 0.2, 0.03, 0.04, 0.03, 0.04]))]
    level, accent, every = rng.uniform(50, 110), rng.uniform(0, 35), int(rng.integers(2, 5))
    opened = rng.uniform(0, 0.12) if drum is Drum.HIHAT_CLOSED else 0.0
    off_beat = drum is Drum.HIHAT_CLOSED and rng.random() < 0.2  # the disco hat opens between the beats
    replaced = (Lane.SNARE,) if drum is Drum.SNARE else (Lane.HIHAT, Lane.RIDE)
    kept = [h for h in hits if h.drum.lane not in replaced or h.drum is Drum.HIHAT_PEDAL]
    first = -round(anchors[0] / step)
    for k in range(first, int((seconds - anchors[0]) / step) + 1):
        time = anchors[0] + k * step + rng.normal(0, 0.005)
        if time < 0 or rng.random() < 0.03:
            continue
        is_open = rng.random() < opened or (off_beat and k % every == every // 2)
        struck = Drum.HIHAT_OPEN if is_open else drum
        kept.append(_stroke(time, struck, level - (accent if k % every else 0.0), rng))
    return sorted(kept)


def add_crashes(hits: list[Hit], _seconds: float, rng: np.random.Generator) -> list[Hit]:
    """Strike a crash with some of the kicks, in place of the hat."""
    chance = rng.uniform(0.05, 0.5)
    crash = CRASHES[int(rng.choice(4, p=[0.5, 0.3, 0.1, 0.1]))]
    struck = [h.time for h in hits if h.drum is Drum.KICK and rng.random() < chance]
    kept = [h for h in hits if h.drum.lane is not Lane.HIHAT or all(abs(h.time - t) > 0.04 for t in struck)]
    return sorted([*kept, *(_stroke(t + rng.normal(0, 0.004), crash, 105, rng) for t in struck)])


def add_four_on_floor(hits: list[Hit], seconds: float, rng: np.random.Generator) -> list[Hit]:
    """Strike the kick on every beat, under the snare too."""
    beats = [h.time for h in hits if h.drum is Drum.SNARE and h.velocity > 60]
    gaps = [b - a for a, b in pairwise(beats) if 0.5 < b - a < 1.4]  # from backbeat to backbeat
    if not gaps:
        return hits
    beat, level = float(np.median(gaps)) / 2, rng.uniform(80, 115)
    first = beats[0] - beat * int(beats[0] / beat)
    kept = [h for h in hits if h.drum is not Drum.KICK]
    times = np.arange(first, seconds, beat) + rng.normal(0, 0.003)
    return sorted([*kept, *(_stroke(float(t), Drum.KICK, level, rng) for t in times)])


def add_tom_groove(hits: list[Hit], _seconds: float, rng: np.random.Generator) -> list[Hit]:
    """Play what the hands play on toms: mallet and afro grooves, solos."""
    hands = (Lane.SNARE, Lane.HIHAT, Lane.RIDE)
    moved, main = rng.uniform(0.4, 1.0), TOMS[int(rng.integers(3))]
    out = []
    for hit in hits:
        if hit.drum.lane in hands and hit.drum is not Drum.HIHAT_PEDAL and rng.random() < moved:
            tom = main if rng.random() < 0.6 else TOMS[int(rng.integers(3))]
            hit = replace(hit, drum=tom, velocity=min(127, hit.velocity + 15))
        out.append(hit)
    return out


def part_unisons(hits: list[Hit], _seconds: float, rng: np.random.Generator) -> list[Hit]:
    """Leave out many cymbals that fall together with kick or snare, so that none is heard out of habit."""
    drums = np.array([h.time for h in hits if h.drum.lane in (Lane.KICK, Lane.SNARE)])
    chance = rng.uniform(0.3, 1.0)

    def stays(hit: Hit) -> bool:
        if hit.drum.lane not in (Lane.HIHAT, Lane.RIDE, Lane.CRASH) or not len(drums):
            return True
        return bool(np.abs(drums - hit.time).min() > 0.04 or rng.random() >= chance)

    return [hit for hit in hits if stays(hit)]


def add_unisons(hits: list[Hit], _seconds: float, rng: np.random.Generator) -> list[Hit]:
    """Strike another drum together with some strokes of one: every pair of drums falls together somewhere."""
    drums = [d for d in Drum if d.lane is not None]
    for _ in range(int(rng.integers(1, 3))):
        leading = sorted({h.drum for h in hits})
        if not leading:
            break
        leader, other = leading[int(rng.integers(len(leading)))], drums[int(rng.integers(len(drums)))]
        taken = np.array([h.time for h in hits if h.drum.lane is other.lane])
        chance, level = rng.uniform(0.2, 1.0), rng.uniform(50, 115)
        hits = hits + [
            _stroke(h.time + rng.normal(0, 0.005), other, level, rng)
            for h in hits
            if h.drum is leader
            and rng.random() < chance
            and (not len(taken) or np.abs(taken - h.time).min() > 0.05)
        ]
    return sorted(hits)


def add_double_kick(hits: list[Hit], seconds: float, rng: np.random.Generator) -> list[Hit]:
    """Run the kick in sixteenths for a while."""
    step = float(rng.uniform(0.07, 0.16))
    start = float(rng.uniform(0, seconds * 0.7))
    n = int(rng.integers(4, 24))
    kept = [h for h in hits if h.drum is not Drum.KICK or not start - step < h.time < start + n * step]
    level = rng.uniform(80, 115)
    run = [_stroke(start + i * step, Drum.KICK, level, rng) for i in range(n) if start + i * step < seconds]
    return sorted([*kept, *run])


def keep_few_lanes(hits: list[Hit], _seconds: float, rng: np.random.Generator) -> list[Hit]:
    """Keep one to three lanes: a stem, an intro, a practice take."""
    lanes = set(rng.permutation(8)[: int(rng.integers(1, 4))].tolist())
    return [h for h in hits if h.drum.lane in lanes]


def scattered(_hits: list[Hit], seconds: float, rng: np.random.Generator) -> list[Hit]:
    """Strike random drums at random times: no groove to lean on."""
    drums = [d for d in Drum if d.lane is not None]
    rate = rng.uniform(1.0, 6.0)
    times = np.sort(rng.uniform(0, seconds, int(rate * seconds)))
    chosen = rng.choice(len(drums), size=len(times))
    return [
        _stroke(float(t), drums[int(c)], rng.uniform(30, 127), rng)
        for t, c in zip(times, chosen, strict=True)
    ]


ENRICHMENTS: tuple[tuple[float, Arranger], ...] = (
    (0.40, add_timekeeper),
    (0.35, add_fill),
    (0.20, add_crashes),
    (0.07, add_double_kick),
    (0.07, add_four_on_floor),
    (0.16, add_tom_groove),
    (0.25, part_unisons),
    (0.20, add_unisons),
    (0.06, keep_few_lanes),
    (0.06, scattered),
)


def arrange(hits: list[Hit], seconds: float, rng: np.random.Generator) -> list[Hit]:
    """Return a new part for ``seconds`` of music from a human one."""
    hits = reorchestrate(thin_pedals(humanise(hits, rng), rng), rng)
    for chance, enrich in ENRICHMENTS:
        if rng.random() < chance:
            hits = enrich(hits, seconds, rng)
    return hits


def _stroke(time: float, drum: Drum, velocity: float, rng: np.random.Generator) -> Hit:
    return Hit(max(0.0, float(time)), drum, int(np.clip(velocity + rng.normal(0, 8), 1, 127)))
