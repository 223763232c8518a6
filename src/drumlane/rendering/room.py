"""Room and bus: what happens to a dry track between the drum and the listener.

Flow: stage -> **room** -> scene / render

Every effect is a frozen set of parameters with a ``draw_…`` that makes it from a generator and a function
that applies it, so that any item can be rendered again. Equalisation and reverberation share one transform.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drumlane.rendering.kits import SAMPLE_RATE
from drumlane.rendering.stage import Tracks


@dataclass(frozen=True, slots=True)
class Equaliser:
    """A tilt, a few bells and a band limit."""

    tilt_db: float = 0.0  # dB from 100 Hz to 10 kHz
    bells: tuple[tuple[float, float, float], ...] = ()  # (Hz, dB, octaves)
    low_cut: float = 0.0  # Hz, 12 dB an octave; 0: none
    high_cut: float = 0.0  # Hz, 24 dB an octave; 0: none
    shelf: tuple[float, float] = (8000.0, 0.0)  # (Hz, dB): highs above, as far microphones lose them


@dataclass(frozen=True, slots=True)
class Room:
    """A synthetic room: early reflections and a decaying diffuse tail."""

    wet: float = 0.0  # linear, energy of the impulse response against the direct sound
    rt60: float = 0.3  # s
    predelay: float = 0.005  # s
    damping: float = 0.5  # 0..1, how much faster highs die
    seed: int = 0
    ringing: tuple[
        tuple[float, float, float], ...
    ] = ()  # shells that answer to every stroke: (Hz, rt60 s, gain)


@dataclass(frozen=True, slots=True)
class Compressor:
    """A bus compressor with soft saturation."""

    threshold_db: float = 0.0  # against the loudest 10 ms; 0: off
    ratio: float = 1.0
    release: float = 0.1  # s
    drive: float = 0.0  # 0: clean; 1: peaks 6 dB into tanh


def draw_equaliser(rng: np.random.Generator, strength: float = 1.0) -> Equaliser:
    """Draw a plausible microphone or mixing-desk colour; ``strength`` scales every gain."""
    bells = tuple(
        (
            float(np.exp(rng.uniform(np.log(50), np.log(12000)))),
            float(rng.normal(0, 4.5) * strength),
            float(rng.uniform(0.4, 2.0)),
        )
        for _ in range(int(rng.integers(1, 5)))
    )
    return Equaliser(
        tilt_db=float(rng.normal(-2.0, 6.0) * strength),
        bells=bells,
        low_cut=float(rng.uniform(30, 120)) if rng.random() < 0.3 * strength else 0.0,
        high_cut=float(np.exp(rng.uniform(np.log(3000), np.log(16000))))
        if rng.random() < 0.2 * strength
        else 0.0,
        shelf=(
            float(np.exp(rng.uniform(np.log(2500), np.log(11000)))),
            float(rng.uniform(-16, 3) * strength) if rng.random() < 0.6 else 0.0,
        ),
    )


def draw_room(rng: np.random.Generator) -> Room:
    """Draw a room from a dry booth to a hall."""
    return Room(
        wet=float(
            rng.choice([0.0, 0.15, 0.3, 0.6, 1.0], p=[0.15, 0.25, 0.3, 0.2, 0.1]) * rng.uniform(0.5, 1.3)
        ),
        rt60=float(np.exp(rng.uniform(np.log(0.12), np.log(1.4)))),
        predelay=float(rng.uniform(0.001, 0.02)),
        damping=float(rng.uniform(0.2, 0.9)),
        seed=int(rng.integers(2**31)),
        ringing=_draw_ringing(rng) if rng.random() < 0.45 else (),
    )


def _draw_ringing(rng: np.random.Generator) -> tuple[tuple[float, float, float], ...]:
    """Draw one to four shells that nobody dampens: drums that sound on under all that is played."""
    return tuple(
        (
            float(np.exp(rng.uniform(np.log(55), np.log(260 if rng.random() < 0.7 else 900)))),
            float(np.exp(rng.uniform(np.log(0.3), np.log(2.5)))),
            float(10 ** (rng.uniform(-40, -16) / 20)),
        )
        for _ in range(int(rng.integers(1, 5)))
    )


def draw_compressor(rng: np.random.Generator) -> Compressor:
    """Draw a clean bus, a glued one or a crushed one."""
    kind = rng.random()
    if kind < 0.5:
        return Compressor()
    return Compressor(
        threshold_db=float(-rng.uniform(6, 24)),
        ratio=float(rng.uniform(1.5, 6.0)),
        release=float(np.exp(rng.uniform(np.log(0.03), np.log(0.3)))),
        drive=float(rng.uniform(0, 1.5)) if kind > 0.75 else 0.0,
    )


def equaliser_response(equaliser: Equaliser, frequencies: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the linear gain at ``frequencies`` in Hz; zero phase, so nothing moves in time."""
    octaves = np.log2(np.maximum(frequencies, 10.0))
    gain_db = equaliser.tilt_db * (octaves - np.log2(1000.0)) / np.log2(100.0)
    for centre, peak_db, width in equaliser.bells:
        gain_db = gain_db + peak_db * np.exp(-0.5 * ((octaves - np.log2(centre)) / width) ** 2)
    corner, shelf_db = equaliser.shelf
    gain_db = gain_db + shelf_db / (1.0 + np.exp(-4.0 * (octaves - np.log2(corner))))  # over an octave
    gain = 10.0 ** (np.clip(gain_db, -36, 24) / 20.0)
    if equaliser.low_cut:
        gain = gain / np.sqrt(1.0 + (equaliser.low_cut / np.maximum(frequencies, 1.0)) ** 4)
    if equaliser.high_cut:
        gain = gain / np.sqrt(1.0 + (frequencies / equaliser.high_cut) ** 8)
    return np.asarray(gain, dtype=np.float32)


def impulse_response(room: Room) -> NDArray[np.float32]:
    """Return the room's response without the direct sound, unit energy, at 44.1 kHz."""
    rng = np.random.default_rng(room.seed)
    n = max(64, int(min(room.rt60, 1.5) * SAMPLE_RATE))
    seconds = np.arange(n, dtype=np.float32) / SAMPLE_RATE
    noise = rng.standard_normal(n, dtype=np.float32)
    # Highs die faster: a bright tail and a dark one (running mean) with different decays.
    dark = np.convolve(noise, np.full(8, 8**-0.5, dtype=np.float32))[:n]
    decay = np.float32(-6.9078 / room.rt60)
    tail = dark * np.exp(decay * seconds) + noise * np.exp(decay / (1.0 - 0.8 * room.damping) * seconds)
    for delay, gain in zip(rng.uniform(0.002, 0.04, 8), rng.uniform(0.3, 1.0, 8), strict=True):
        at = min(n - 1, int(delay * SAMPLE_RATE))
        tail[at] += gain * 8.0 * rng.choice([-1.0, 1.0])
    response = np.concatenate([np.zeros(int(room.predelay * SAMPLE_RATE), dtype=np.float32), tail])
    return np.asarray(response / np.sqrt(np.sum(response**2) + 1e-12), dtype=np.float32)


def in_room(
    tracks: Tracks,
    room: Room,
    equaliser: Equaliser,
    response: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Return the tracks in a room through an equaliser, same length; ``response`` replaces the room's own."""
    n = len(tracks.dry)
    heard = _heard(room, response)
    size = fast_size(n + max(len(heard), 2048))
    spectrum = np.fft.rfft(tracks.dry, size)
    if len(heard):
        spectrum += np.fft.rfft(tracks.send, size) * np.fft.rfft(heard, size)
    spectrum *= _fine_response(equaliser, size)
    return np.asarray(np.fft.irfft(spectrum, size)[:n], dtype=np.float32)


def _heard(room: Room, response: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Return all that follows the direct sound: the room's tail and the shells that ring along."""
    tail = np.zeros(0, dtype=np.float32)
    if room.wet > 0:
        tail = np.float32(room.wet) * (impulse_response(room) if response is None else response)
    if not room.ringing:
        return tail
    n = max(len(tail), int(min(1.5, max(rt60 for _, rt60, _ in room.ringing)) * SAMPLE_RATE))
    seconds = np.arange(n, dtype=np.float32) / SAMPLE_RATE
    heard = np.pad(tail, (0, n - len(tail)))
    for frequency, rt60, gain in room.ringing:
        mode = np.sin(np.float32(2 * np.pi * frequency) * seconds) * np.exp(
            np.float32(-6.9078 / rt60) * seconds
        )
        heard += mode * np.float32(gain / np.sqrt(np.sum(mode**2) + 1e-12))
    return np.asarray(heard, dtype=np.float32)


def equalise(samples: NDArray[np.float32], equaliser: Equaliser) -> NDArray[np.float32]:
    """Return ``samples`` through an equaliser, same length."""
    size = fast_size(len(samples) + 2048)
    spectrum = np.fft.rfft(samples, size) * _fine_response(equaliser, size)
    return np.asarray(np.fft.irfft(spectrum, size)[: len(samples)], dtype=np.float32)


def compress(samples: NDArray[np.float32], compressor: Compressor) -> NDArray[np.float32]:
    """Return ``samples`` compressed and saturated, same length; silence stays silent.

    The make-up gain keeps the loudest 10 ms where they were; drive lowers the peak to ``tanh(d) / d`` of it,
    with ``d = 1 + drive``.
    """
    if compressor.threshold_db < 0 and len(samples):
        samples = samples * _gain_curve(samples, compressor)
    if compressor.drive > 0:
        peak = float(np.max(np.abs(samples), initial=1e-9))
        push = np.float32((1.0 + compressor.drive) / peak)
        samples = np.tanh(samples * push) / push
    return np.asarray(samples, dtype=np.float32)


def _gain_curve(samples: NDArray[np.float32], compressor: Compressor) -> NDArray[np.float32]:
    block = 441  # 10 ms
    n_blocks = -(-len(samples) // block)
    padded = np.pad(samples, (0, n_blocks * block - len(samples)))
    level = np.sqrt(np.mean(padded.reshape(n_blocks, block) ** 2, axis=1) + 1e-12)
    fall = np.exp(-block / SAMPLE_RATE / compressor.release)
    for i in range(1, n_blocks):  # a release tail; the attack is one block
        level[i] = max(level[i], level[i - 1] * fall)
    over_db = 20 * np.log10(level / level.max()) - compressor.threshold_db
    gain_db = -np.maximum(over_db, 0.0) * (1.0 - 1.0 / compressor.ratio)
    gain = np.asarray(10 ** ((gain_db - gain_db.min()) / 20), dtype=np.float64)
    return _between_centres(gain, block)[: len(samples)]


def _between_centres(gain: NDArray[np.float64], block: int) -> NDArray[np.float32]:
    """Interpolate from the centres of blocks of odd length to every sample; level before the first."""
    out = np.empty(len(gain) * block, dtype=np.float32)
    edge = block // 2  # samples before the centre, which lies on none
    out[: edge + 1], out[len(out) - edge :] = gain[0], gain[-1]
    rising = (np.diff(gain) / block)[:, None] * (np.arange(block) + 0.5) + gain[:-1, None]
    out[edge + 1 : len(out) - edge] = rising.reshape(-1)
    return out


def fast_size(n: int) -> int:
    """Return the next length that the transform is fast at (2^a · 3^b · 5^c, even)."""
    best = 1 << (n - 1).bit_length()
    for odd in (1, 3, 5, 9, 15, 25, 27, 45, 75, 81, 125):
        size = odd << max(1, (-(-n // odd) - 1).bit_length())
        if n <= size < best:
            best = size
    return best


def _fine_response(equaliser: Equaliser, size: int) -> NDArray[np.float32]:
    """Interpolate a coarse response onto the transform's bins: 30 times cheaper and smooth anyway."""
    coarse = np.concatenate([[0.0], np.geomspace(10.0, SAMPLE_RATE / 2, 256)])
    fine = np.arange(size // 2 + 1) * (SAMPLE_RATE / size)
    return np.asarray(np.interp(fine, coarse, equaliser_response(equaliser, coarse)), dtype=np.float32)
