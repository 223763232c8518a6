"""Procedural drums: kicks, snares, toms and small percussion, drawn at random within what drums do.

Flow: procedural_sources -> **procedural_drums** -> procedural

A voice is drawn once for a kit and then struck at any strength (0..1). ``electronic`` voices follow the drum
machines of the 1980s: pure swept oscillators and plain noise instead of heads, shells and wires. Ratios of
the modes of a circular membrane: Rossing, Science of Percussion Instruments, ch. 2.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from drumlane.rendering.kits import SAMPLE_RATE
from drumlane.rendering.procedural_sources import Membrane, Noise, Sound, saturate, without_rumble
from drumlane.vocabulary import Drum

MEMBRANE_RATIOS = np.array([1.0, 1.59, 2.14, 2.30, 2.65, 2.92, 3.16, 3.50])
_SILENT_AFTER = 7.0  # time constants: -61 dB


@dataclass(frozen=True, slots=True)
class Drumhead:
    """A membrane and the noises of the stroke, mixed and saturated."""

    membrane: Membrane
    noises: tuple[Noise, ...]
    drive: float  # of the soft clipper, 0 for none
    longest: float  # s, the sound is cut there

    def strike(self, strength: float, rng: np.random.Generator) -> Sound:
        """Return one stroke; ``strength`` in 0..1."""
        n_samples = round(min(self.longest, self._ringing()) * SAMPLE_RATE)
        sound = self.membrane.render(n_samples, strength, rng)
        for noise in self.noises:
            sound += noise.render(n_samples, strength, rng)
        return without_rumble(saturate(sound, self.drive * strength))

    def _ringing(self) -> float:
        noises = [noise.delay + _SILENT_AFTER * (noise.attack + noise.decay) for noise in self.noises]
        return float(max([_SILENT_AFTER * self.membrane.decays.max(), *noises, 0.05]))


DrawDrum = Callable[[np.random.Generator, bool], Drumhead]


def draw_kick(rng: np.random.Generator, electronic: bool) -> Drumhead:
    """Draw a kick: a head with a beater, or a swept oscillator between 808 and 909."""
    fundamental = rng.uniform(38, 62) if electronic else rng.uniform(44, 78)
    n_modes = 2 if electronic else int(rng.integers(3, 6))
    decay = _log_uniform(rng, 0.025, 0.3 if electronic else 0.12)
    fade = rng.uniform(0.35, 0.65)
    membrane = Membrane(
        fundamental,
        ratios=MEMBRANE_RATIOS[:n_modes] * rng.normal(1.0, 0.02, n_modes),
        levels=np.power(rng.uniform(0.15, 0.45), np.arange(n_modes)),
        decays=decay * np.power(fade, np.arange(n_modes)),
        glide=rng.uniform(1.0, 3.2) if electronic else rng.uniform(0.4, 1.8),
        glide_time=rng.uniform(0.008, 0.05) if electronic else rng.uniform(0.004, 0.02),
    )
    beater = Noise(
        rng.uniform(800, 2500), rng.uniform(3500, 9000), rng.uniform(0.05, 0.5), rng.uniform(0.001, 0.004)
    )
    thump = Noise(
        rng.uniform(90, 250), rng.uniform(400, 900), rng.uniform(0.1, 0.35), rng.uniform(0.006, 0.02)
    )
    shell = Noise(
        rng.uniform(200, 500), rng.uniform(1500, 5000), rng.uniform(0.01, 0.08), rng.uniform(0.02, 0.08)
    )
    drive = rng.choice([0.0, rng.uniform(0.3, 1.5), rng.uniform(1.5, 6.0)], p=[0.5, 0.3, 0.2])
    return Drumhead(membrane, (beater,) if electronic else (beater, thump, shell), float(drive), longest=1.2)


def draw_snare(rng: np.random.Generator, electronic: bool) -> Drumhead:
    """Draw a snare: a short head with wires rattling under it."""
    membrane = _snare_head(rng, n_modes=2 if electronic else int(rng.integers(2, 7)))
    wires = _log_uniform(rng, 0.018, 0.14)
    rattle = _log_uniform(rng, 0.05, 0.5)
    noises = (
        Noise(rng.uniform(1200, 3500), rng.uniform(4500, 15000), rattle, wires, tilt=0.35),
        Noise(rng.uniform(400, 1200), rng.uniform(2500, 5000), rng.uniform(0.1, 0.4), wires * 0.6, tilt=0.5),
        Noise(
            rng.uniform(2000, 4000),
            rng.uniform(7000, 14000),
            rng.uniform(0.2, 0.7),
            rng.uniform(0.001, 0.004),
        ),
    )
    drive = rng.uniform(0.3, 2.0) if rng.random() < 0.4 else 0.0
    return Drumhead(membrane, noises, float(drive), longest=0.9)


def draw_brushed_snare(rng: np.random.Generator) -> Drumhead:
    """Draw a snare under brushes: a spread slap of wires on the head and hardly any head."""
    head = _snare_head(rng, n_modes=int(rng.integers(2, 5)))
    membrane = replace(head, levels=head.levels * _log_uniform(rng, 0.03, 0.5))
    slap = _log_uniform(rng, 0.012, 0.09)
    noises = (
        Noise(
            rng.uniform(500, 2500),
            rng.uniform(4500, 13000),
            rng.uniform(0.4, 1.0),
            slap,
            attack=_log_uniform(rng, 0.0005, 0.012),
            tilt=0.2,
        ),
        Noise(
            rng.uniform(250, 700),
            rng.uniform(1500, 4000),
            rng.uniform(0.1, 0.6),
            slap * rng.uniform(0.4, 1.2),
        ),
        Noise(
            rng.uniform(1500, 3500),
            rng.uniform(6000, 14000),
            _log_uniform(rng, 0.02, 0.3),
            _log_uniform(rng, 0.05, 0.2),
            attack=rng.uniform(0.002, 0.02),
        ),
    )
    return Drumhead(membrane, noises, 0.0, longest=0.7)


def with_rim(snare: Drumhead, rng: np.random.Generator) -> Drumhead:
    """Return ``snare`` struck on head and rim at once: the same wires under a ringing hoop."""
    hoop = _woody_modes(rng.uniform(380, 620), rng.uniform(0.02, 0.06), rng)
    head = snare.membrane
    membrane = Membrane(
        head.fundamental,
        ratios=np.concatenate([head.ratios, hoop.ratios * hoop.fundamental / head.fundamental]),
        levels=np.concatenate([head.levels * 0.7, hoop.levels * rng.uniform(0.5, 1.0)]),
        decays=np.concatenate([head.decays, hoop.decays]),
        glide=head.glide * 0.5,
        glide_time=head.glide_time,
    )
    crack = Noise(2500, rng.uniform(9000, 15000), rng.uniform(0.4, 0.8), 0.002)
    return Drumhead(membrane, (*snare.noises, crack), snare.drive, snare.longest)


def draw_side_stick(rng: np.random.Generator, electronic: bool) -> Drumhead:
    """Draw a cross-stick: short woody modes, hardly any wires."""
    pitch = rng.uniform(420, 900) if electronic else rng.uniform(240, 600)
    click = Noise(
        rng.uniform(1500, 2500), rng.uniform(5000, 9000), rng.uniform(0.2, 0.6), rng.uniform(0.001, 0.003)
    )
    wires = Noise(1500, 7000, rng.uniform(0.0, 0.05), rng.uniform(0.02, 0.06))
    return Drumhead(_woody_modes(pitch, rng.uniform(0.008, 0.045), rng), (click, wires), 0.0, longest=0.4)


def draw_toms(rng: np.random.Generator, electronic: bool) -> dict[Drum, Drumhead]:
    """Draw three toms of one make, tuned apart by a third to a fifth, high above mid above low."""
    low = rng.uniform(62, 112)
    mid = low * rng.uniform(1.2, 1.5)
    high = mid * rng.uniform(1.2, 1.5)
    decay = _log_uniform(rng, 0.05, 0.3)
    make = _TomMake(
        electronic,
        n_modes=2 if electronic else int(rng.integers(3, 8)),
        overtone=rng.uniform(0.1, 0.6) if electronic else rng.uniform(0.3, 0.8),
        glide=rng.uniform(0.4, 1.6) if electronic else rng.uniform(0.05, 0.5),
        glide_time=rng.uniform(0.02, 0.12) if electronic else rng.uniform(0.02, 0.07),
        attack=rng.uniform(0.05, 0.5),
    )
    pitches = {Drum.TOM_HIGH: high, Drum.TOM_MID: mid, Drum.TOM_LOW: low}
    return {drum: make.tom(pitch, decay * (low / pitch) ** 0.4, rng) for drum, pitch in pitches.items()}


@dataclass(frozen=True, slots=True)
class _TomMake:
    """What the toms of one kit have in common."""

    electronic: bool
    n_modes: int
    overtone: float
    glide: float
    glide_time: float
    attack: float

    def tom(self, pitch: float, decay: float, rng: np.random.Generator) -> Drumhead:
        order = np.arange(self.n_modes)
        membrane = Membrane(
            pitch,
            MEMBRANE_RATIOS[: self.n_modes] * rng.normal(1.0, 0.015, self.n_modes),
            levels=np.power(self.overtone, order),
            decays=decay * np.power(rng.uniform(0.5, 0.8), order),
            glide=self.glide,
            glide_time=self.glide_time,
        )
        stick = Noise(rng.uniform(900, 2000), rng.uniform(4000, 8000), self.attack, rng.uniform(0.002, 0.006))
        skin = Noise(
            pitch * 1.5, pitch * rng.uniform(8, 30), rng.uniform(0.05, 0.45), rng.uniform(0.015, 0.06)
        )
        return Drumhead(membrane, (stick,) if self.electronic else (stick, skin), 0.0, longest=1.5)


def draw_clap(rng: np.random.Generator, electronic: bool) -> Drumhead:
    """Draw a clap: a few hands within 30 ms, then the room."""
    low, high = rng.uniform(600, 1100), rng.uniform(2000, 5000)
    gaps = np.cumsum(np.append(0.0, rng.uniform(0.006, 0.013, int(rng.integers(2, 4)))))
    hands = [Noise(low, high, 0.8, rng.uniform(0.002, 0.004), delay=float(gap)) for gap in gaps]
    tail = Noise(low, high, rng.uniform(0.3, 0.6), rng.uniform(0.012, 0.07), delay=float(gaps[-1]))
    quiet = _woody_modes(900.0, 0.004, rng)
    drive = 0.8 if electronic else 0.0
    return Drumhead(_scaled(quiet, 0.05), (*hands, tail), drive, longest=0.8)


def draw_cowbell(rng: np.random.Generator, electronic: bool) -> Drumhead:
    """Draw a cowbell: two clashing tones with odd harmonics."""
    pitch = rng.uniform(520, 760)
    second = rng.uniform(1.44, 1.52)
    odd = np.array([1.0, 3.0, 5.0])
    decay = rng.uniform(0.015, 0.08)
    bell = Membrane(
        pitch,
        ratios=np.concatenate([odd, odd * second]),
        levels=np.tile(1.0 / odd, 2) * 0.6,
        decays=np.full(6, decay),
        glide=0.0,
        glide_time=0.01,
    )
    stick = Noise(2000, 8000, 0.1 if electronic else rng.uniform(0.2, 0.5), 0.002)
    return Drumhead(bell, (stick,), drive=0.0, longest=0.9)


def draw_tambourine(rng: np.random.Generator, electronic: bool) -> Drumhead:
    """Draw a tambourine: jingles that bounce a few times."""
    low, high = rng.uniform(5000, 7000), rng.uniform(12000, 17000)
    bounces = [0.0, *np.cumsum(rng.uniform(0.012, 0.03, int(rng.integers(1, 4))))]
    jingles = [
        Noise(low, high, 0.6 * 0.6**i, rng.uniform(0.02, 0.06), delay=float(bounce))
        for i, bounce in enumerate(bounces)
    ]
    metal = Membrane(
        rng.uniform(4500, 6500),
        ratios=1.0 + np.sort(rng.uniform(0, 1.4, 8)),
        levels=rng.uniform(0.02, 0.1, 8),
        decays=rng.uniform(0.02, 0.08, 8),
        glide=0.0,
        glide_time=0.01,
    )
    return Drumhead(metal, tuple(jingles[:1] if electronic else jingles), drive=0.0, longest=0.6)


def draw_shaker(rng: np.random.Generator, electronic: bool) -> Drumhead:
    """Draw a shaker: grains that arrive over some milliseconds."""
    low, high = rng.uniform(3500, 6000), rng.uniform(10000, 15000)
    rise = 0.002 if electronic else rng.uniform(0.004, 0.02)
    grains = Noise(low, high, 0.8, rng.uniform(0.015, 0.05), attack=float(rise))
    first = Noise(low, high, 0.4, 0.003)
    return Drumhead(_scaled(_woody_modes(1200.0, 0.003, rng), 0.02), (grains, first), 0.0, longest=0.5)


def _snare_head(rng: np.random.Generator, n_modes: int) -> Membrane:
    ratios = np.append([1.0, rng.uniform(1.5, 1.9)], MEMBRANE_RATIOS[2:n_modes] * rng.normal(1.0, 0.03))[
        :n_modes
    ]
    return Membrane(
        rng.uniform(150, 280),
        ratios,
        levels=rng.uniform(0.5, 1.0) * np.power(rng.uniform(0.4, 0.8), np.arange(n_modes)),
        decays=rng.uniform(0.02, 0.09) * np.power(rng.uniform(0.7, 1.0), np.arange(n_modes)),
        glide=rng.uniform(0.05, 0.6),
        glide_time=rng.uniform(0.006, 0.025),
    )


def _woody_modes(pitch: float, decay: float, rng: np.random.Generator) -> Membrane:
    """A struck stick or hoop: a few inharmonic modes of nearly equal level."""
    ratios = np.concatenate([[1.0], np.sort(rng.uniform(1.5, 6.0, 4))])
    decays = decay * rng.uniform(0.4, 1.0, 5)
    return Membrane(pitch, ratios, rng.uniform(0.3, 1.0, 5), decays, glide=0.0, glide_time=0.01)


def _scaled(membrane: Membrane, gain: float) -> Membrane:
    return replace(membrane, levels=membrane.levels * gain)


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
