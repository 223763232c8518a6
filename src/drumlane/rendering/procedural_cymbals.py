"""Procedural cymbals: hats, rides, crashes, chinas and splashes from hundreds of partials and coloured noise.

Flow: procedural_sources -> **procedural_cymbals** -> procedural

A plate is rendered once into four bands, twice with other phases (two striking points). A stroke mixes the
bands: how bright it is, how fast each band dies and how late the high bands bloom depend on the cymbal and on
the strength. So a stroke costs a few multiplications, and no two are alike.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from drumlane.rendering.kits import SAMPLE_RATE
from drumlane.rendering.procedural_sources import (
    Noise,
    Partials,
    Sound,
    band_shape,
    quick_fft_length,
    seconds,
)
from drumlane.vocabulary import Drum

BAND_EDGES = np.array([250.0, 1800.0, 4500.0, 8500.0, 17000.0])  # Hz
N_BANDS = len(BAND_EDGES) - 1
LONGEST = 2.2  # s
_SOFT_EDGE = 0.0004  # s, rise of the plate: the stick's contact


@dataclass(frozen=True, slots=True)
class Plate:
    """A ringing disc of metal: its bands as sound, at two striking points."""

    bands: NDArray[np.float32]  # (2, N_BANDS, samples), RMS 1 over the first 50 ms of each band

    def mix(
        self,
        gains: NDArray[np.float64],
        decays: NDArray[np.float64],
        rises: NDArray[np.float64],
        where: float,
    ) -> Sound:
        """Return bands weighted by ``gains``, damped by ``decays`` and rising in ``rises`` s, all (N_BANDS,).

        ``where``: angle in radians between the two striking points.
        """
        n_samples = min(self.bands.shape[-1], round(7 * float(decays.max()) * SAMPLE_RATE))
        time = seconds(n_samples)
        near, far = np.float32(np.cos(where)), np.float32(np.sin(where))
        out = np.zeros(n_samples, dtype=np.float32)
        for band, (gain, decay, rise) in enumerate(zip(gains, decays, rises, strict=True)):
            envelope = np.exp(time * np.float32(-1 / decay)) * (1 - np.exp(time * np.float32(-1 / rise)))
            struck = near * self.bands[0, band, :n_samples] + far * self.bands[1, band, :n_samples]
            out += struck * (envelope * np.float32(gain))
        return out


@dataclass(frozen=True, slots=True)
class Cymbal:
    """A plate and the way it is struck."""

    plate: Plate
    gains: NDArray[np.float64]  # (N_BANDS,), balance of a full stroke
    decays: NDArray[np.float64]  # (N_BANDS,), s
    bloom: float  # s, rise of the highest band of a full stroke; 0 for none
    stick: tuple[Noise, ...]  # what the stick or the foot adds
    ping: Partials | None = None  # the tone of a ride or a bell

    def strike(self, strength: float, rng: np.random.Generator) -> Sound:
        """Return one stroke; softer strokes are darker and bloom later."""
        order = np.arange(N_BANDS) / (N_BANDS - 1)
        gains = self.gains * strength ** (0.9 * order) * rng.normal(1.0, 0.08, N_BANDS)
        rises = _SOFT_EDGE + self.bloom * order / (0.4 + 0.6 * strength)
        sound = self.plate.mix(gains, self.decays * rng.normal(1.0, 0.04), rises, rng.uniform(0, np.pi / 2))
        for noise in self.stick:
            sound += noise.render(len(sound), strength, rng)
        if self.ping is not None:
            sound += self.ping.struck(strength).render(len(sound), rng) * np.float32(rng.normal(1.0, 0.05))
        return sound


DrawCymbal = Callable[[np.random.Generator, bool], Cymbal]


def draw_hats(rng: np.random.Generator, electronic: bool) -> dict[Drum, Cymbal]:
    """Draw a pair of hats: one plate, closed, open and closed by the foot."""
    plate = draw_plate(
        rng, _square_clusters(rng) if electronic else _hat_partials(rng), rng.uniform(0.2, 1.5)
    )
    gains = np.array(
        [rng.uniform(0.02, 0.5), rng.uniform(0.1, 0.7), rng.uniform(0.5, 1.0), rng.uniform(0.3, 1.5)]
    )
    closed = np.exp(rng.uniform(np.log(0.015), np.log(0.09))) * np.array([0.7, 1.0, 1.0, 0.8])
    ringing = np.exp(rng.uniform(np.log(0.14), np.log(0.55))) * np.array([0.8, 1.1, 1.0, 0.75])
    foot = closed * rng.uniform(0.8, 1.6)
    stick = _stick(rng, 0.2, 0.9)
    dark = gains * np.array([1.5, 1.3, 0.8, 0.5])
    return {
        Drum.HIHAT_CLOSED: Cymbal(plate, gains, closed, 0.0, stick),
        Drum.HIHAT_OPEN: Cymbal(plate, gains, ringing, rng.uniform(0.0, 0.004), stick),
        Drum.HIHAT_PEDAL: Cymbal(plate, dark, foot, rng.uniform(0.001, 0.004), _foot(rng)),
    }


def draw_rides(rng: np.random.Generator, electronic: bool) -> dict[Drum, Cymbal]:
    """Draw a ride, struck on the bow (ping over wash) and on the bell (tones)."""
    plate = draw_plate(rng, _cymbal_partials(rng, rng.uniform(280, 480)), rng.uniform(0.2, 0.8))
    wash = rng.uniform(0.06, 0.25)
    gains = wash * np.array(
        [rng.uniform(0.2, 0.8), rng.uniform(0.4, 1.0), rng.uniform(0.6, 1.4), rng.uniform(0.4, 1.8)]
    )
    decays = rng.uniform(0.35, 1.1) * np.array([1.1, 1.0, 0.85, 0.65])
    ping = _tones(
        rng, (1800, 13000), n=30 if not electronic else 8, decay=(0.04, 0.3), level=rng.uniform(0.08, 0.25)
    )
    bell = _tones(
        rng, (650, 9000), n=int(rng.integers(8, 18)), decay=(0.12, 0.6), level=rng.uniform(0.12, 0.3)
    )
    bow = Cymbal(plate, gains, decays, rng.uniform(0.004, 0.02), _stick(rng, 0.5, 2.5), ping)
    return {
        Drum.RIDE: bow,
        Drum.RIDE_BELL: Cymbal(plate, gains * 0.6, decays, bow.bloom, _stick(rng, 0.4, 2.0), bell),
    }


def draw_crash(rng: np.random.Generator, electronic: bool) -> Cymbal:
    """Draw a crash: low first, highs within some tens of milliseconds, a long fall."""
    plate = draw_plate(rng, _cymbal_partials(rng, rng.uniform(250, 520)), rng.uniform(0.4, 1.6))
    gains = np.array(
        [rng.uniform(0.3, 0.7), rng.uniform(0.7, 1.1), rng.uniform(0.7, 1.1), rng.uniform(0.4, 1.0)]
    )
    decays = rng.uniform(0.3, 0.85) * np.array([1.15, 1.0, 0.8, 0.55])
    bloom = 0.004 if electronic else rng.uniform(0.008, 0.03)
    return Cymbal(plate, gains, decays, float(bloom), _stick(rng, 0.4, 1.1))


def draw_china(rng: np.random.Generator, electronic: bool) -> Cymbal:
    """Draw a china: trashy, strong in the middle, shorter than a crash."""
    plate = draw_plate(rng, _cymbal_partials(rng, rng.uniform(300, 600)), rng.uniform(1.2, 2.5))
    gains = np.array(
        [rng.uniform(0.5, 1.0), rng.uniform(0.9, 1.3), rng.uniform(0.5, 0.9), rng.uniform(0.2, 0.6)]
    )
    decays = rng.uniform(0.15, 0.4) * np.array([0.9, 1.0, 0.8, 0.5])
    return Cymbal(
        plate, gains, decays, 0.003 if electronic else rng.uniform(0.004, 0.015), _stick(rng, 0.3, 0.8)
    )


def draw_splash(rng: np.random.Generator, electronic: bool) -> Cymbal:
    """Draw a splash: a small crash, quick to speak and to die."""
    plate = draw_plate(rng, _cymbal_partials(rng, rng.uniform(600, 1000)), rng.uniform(0.4, 1.4))
    gains = np.array(
        [rng.uniform(0.1, 0.4), rng.uniform(0.6, 1.0), rng.uniform(0.8, 1.2), rng.uniform(0.6, 1.1)]
    )
    decays = rng.uniform(0.1, 0.32) * np.array([1.0, 1.1, 1.0, 0.7])
    return Cymbal(
        plate, gains, decays, 0.001 if electronic else rng.uniform(0.002, 0.008), _stick(rng, 0.3, 0.8)
    )


def draw_plate(rng: np.random.Generator, partials: Partials, noisiness: float) -> Plate:
    """Render ``partials`` and noise (``noisiness`` = its RMS beside the partials') into bands."""
    n_samples = round(LONGEST * SAMPLE_RATE)
    return Plate(np.stack([_striking_point(rng, partials, noisiness, n_samples) for _ in range(2)]))


def _striking_point(
    rng: np.random.Generator, partials: Partials, noisiness: float, n_samples: int
) -> NDArray[np.float32]:
    n_fft = quick_fft_length(n_samples)
    spectrum = np.fft.rfft(rng.standard_normal(n_fft, dtype=np.float32))
    band_of = np.digitize(partials.frequencies, BAND_EDGES[1:-1])
    heard = rng.uniform(0.2, 1.0, len(partials.levels))  # a striking point excites some partials more
    out = np.empty((N_BANDS, n_samples), dtype=np.float32)
    for band, (low, high) in enumerate(pairwise(BAND_EDGES)):
        mine = band_of == band
        tones = Partials(partials.frequencies[mine], (partials.levels * heard)[mine], partials.decays[mine])
        noise = np.fft.irfft(spectrum * band_shape(n_fft, low, high), n_fft)[:n_samples]
        out[band] = _unit(_unit(tones.render(n_samples, rng)) + _unit(noise) * np.float32(noisiness))
    return out


def _unit(sound: NDArray[np.floating]) -> NDArray[np.float32]:
    """Scale to RMS 1 over the first 50 ms."""
    start = sound[: SAMPLE_RATE // 20]
    return np.asarray(sound / max(float(np.sqrt(np.mean(start**2))), 1e-6), dtype=np.float32)


def _cymbal_partials(rng: np.random.Generator, lowest: float) -> Partials:
    """Draw the dense partials of a plate: nearly constant density in Hz, as plates have."""
    n = int(rng.integers(220, 420))
    frequencies = lowest * (1 + np.sort(rng.uniform(0, 1, n)) ** 1.2 * (16000 / lowest - 1))
    return Partials(frequencies, rng.gamma(1.2, 1.0, n), rng.uniform(1.0, 4.0, n))


def _hat_partials(rng: np.random.Generator) -> Partials:
    """Draw the partials of two small plates touching: little below 2 kHz."""
    n = int(rng.integers(120, 300))
    frequencies = np.append(rng.uniform(400, 3000, 16), rng.uniform(2500, 16500, n))
    return Partials(frequencies, rng.gamma(1.0, 1.0, n + 16), rng.uniform(0.8, 3.0, n + 16))


def _square_clusters(rng: np.random.Generator) -> Partials:
    """Draw six square oscillators, the metal of analogue drum machines."""
    roots = rng.uniform(200, 900, 6)
    odd = np.arange(1, 80, 2)
    frequencies = np.outer(roots, odd).reshape(-1)
    levels = np.tile(1.0 / np.sqrt(odd), 6)
    return Partials(frequencies, levels, np.full(len(frequencies), 4.0))


def _tones(
    rng: np.random.Generator, span: tuple[float, float], n: int, decay: tuple[float, float], level: float
) -> Partials:
    """Draw the tones of a ride's bow or bell, the lower ones longer."""
    frequencies = np.exp(np.sort(rng.uniform(np.log(span[0]), np.log(span[1]), n)))
    longest = rng.uniform(*decay)
    decays = longest * (frequencies[0] / frequencies) ** 0.5 * rng.uniform(0.6, 1.0, n)
    return Partials(frequencies, level * rng.gamma(2.0, 0.5, n), decays)


def _stick(rng: np.random.Generator, softest: float, loudest: float) -> tuple[Noise, ...]:
    """Draw the stick's click and its wood; their levels stand beside bands of RMS 1."""
    level = rng.uniform(softest, loudest)
    click = Noise(
        rng.uniform(1500, 4000), rng.uniform(8000, 15000), level, rng.uniform(0.0015, 0.005), tilt=0.9
    )
    wood = Noise(
        rng.uniform(120, 350), rng.uniform(700, 1800), level * rng.uniform(0.0, 0.6), rng.uniform(0.004, 0.03)
    )
    return click, wood


def _foot(rng: np.random.Generator) -> tuple[Noise, ...]:
    """Draw the clap of two plates that meet, and the pedal's thump."""
    chick = Noise(
        rng.uniform(500, 1500), rng.uniform(3000, 7000), rng.uniform(0.1, 0.6), rng.uniform(0.003, 0.01)
    )
    thump = Noise(rng.uniform(60, 200), rng.uniform(400, 900), rng.uniform(0.1, 0.8), rng.uniform(0.01, 0.03))
    return chick, thump
