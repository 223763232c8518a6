"""Augmentation: an excerpt of a recording at another tempo, pitch, level, in an echo or in noise.

Flow: data.feature_store -> **augmentation** -> recorded_items

Done on magnitudes, which log-mel features give back exactly: decibels are never added up and mel bands never
rolled. Drawing is apart from doing, so that every augmentation can be replayed. Hits move with the tempo;
nothing else moves an attack.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from drumlane.audio.features import FeatureSpec, hz_to_mel, mel_to_hz
from drumlane.performance import Hit
from drumlane.training.sections import AugmentationConfig

_ECHO_FRAMES = (1, 3)
_ECHO_GAIN = (0.2, 0.4)  # of each echo against the one before
_N_ECHOES = 8  # the last is 30 dB below the stroke, or more
_NOISE_FREEDOM = 4.0  # of a band's noise: the spectrum of one frame is rough

Frames = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Augmentation:
    """What is done to one excerpt."""

    tempo: float = 1.0  # 1.1: a tenth faster
    semitones: float = 0.0
    gain_db: float = 0.0
    echo_frames: int = 0  # from echo to echo; 0: none
    echo_gain: float = 0.0
    noise_level: float = 0.0  # root mean square, as a share of the excerpt's
    noise_tilt_db: float = 0.0  # from the lowest to the highest band
    noise_seed: int = 0


def draw_augmentation(config: AugmentationConfig, rng: np.random.Generator) -> Augmentation:
    """Decide what is done to one excerpt."""
    if not config.enabled:
        return Augmentation()
    chances = rng.random(5)
    semitones, gain_db = config.pitch_shift_semitones, config.volume_scale_db
    drawn = Augmentation(
        tempo=float(rng.uniform(*config.time_stretch_range)),
        semitones=float(rng.uniform(-semitones, semitones)),
        gain_db=float(rng.uniform(-gain_db, gain_db)),
        echo_frames=int(rng.integers(_ECHO_FRAMES[0], _ECHO_FRAMES[1] + 1)),
        echo_gain=float(rng.uniform(*_ECHO_GAIN)),
        noise_level=float(rng.uniform(*config.noise_level)),
        noise_tilt_db=float(rng.uniform(-20, 10)),
        noise_seed=int(rng.integers(2**31)),
    )
    return replace(
        drawn,
        tempo=drawn.tempo if chances[0] < config.time_stretch_prob else 1.0,
        semitones=drawn.semitones if chances[1] < config.pitch_shift_prob else 0.0,
        gain_db=drawn.gain_db if chances[2] < config.volume_scale_prob else 0.0,
        echo_frames=drawn.echo_frames if chances[3] < config.reverb_prob else 0,
        noise_level=drawn.noise_level if chances[4] < config.noise_prob else 0.0,
    )


def frames_needed(n_frames: int, augmentation: Augmentation) -> int:
    """Return how many frames of the recording become ``n_frames`` frames."""
    return int(np.ceil((n_frames - 1) * augmentation.tempo)) + 1


def augment(
    features: Frames, hits: Sequence[Hit], augmentation: Augmentation, spec: FeatureSpec, n_frames: int
) -> tuple[Frames, tuple[Hit, ...]]:
    """Return features (n_frames, bands) and hits of an augmented excerpt.

    Args:
        features: (``frames_needed``, bands); missing frames at the end are silence.
        hits: of the excerpt, seconds from its first frame.
        augmentation: what is done.
        spec: of the features.
        n_frames: of the result.
    """
    if augmentation == Augmentation():
        return _padded(features, n_frames), tuple(hits)
    played = _padded(features, frames_needed(n_frames, augmentation))
    magnitudes = _at_tempo(_magnitudes(played, spec), augmentation.tempo, n_frames)
    if augmentation.semitones:
        magnitudes = _transposed(magnitudes, augmentation.semitones, spec)
    power = np.square(magnitudes * np.float32(10 ** (augmentation.gain_db / 20)))
    if augmentation.echo_frames:
        power = _echoed(power, augmentation.echo_frames, augmentation.echo_gain)
    if augmentation.noise_level:
        power += _noise(power, augmentation)
    moved = tuple(replace(hit, time=hit.time / augmentation.tempo) for hit in hits)
    return np.log1p(spec.log_gain * np.sqrt(power)).astype(np.float32), moved


def _magnitudes(features: Frames, spec: FeatureSpec) -> Frames:
    return np.asarray(np.expm1(features) / spec.log_gain, dtype=np.float32)


def _padded(features: Frames, n_frames: int) -> Frames:
    missing = n_frames - len(features)
    return np.pad(features, ((0, missing), (0, 0))) if missing > 0 else features[:n_frames]


def _at_tempo(magnitudes: Frames, tempo: float, n_frames: int) -> Frames:
    """Return frames read at ``tempo`` frames a frame, between two of them their weighted mean."""
    if tempo == 1.0:
        return magnitudes[:n_frames]
    places = np.arange(n_frames) * tempo
    before = np.minimum(places.astype(np.intp), len(magnitudes) - 1)
    after = np.minimum(before + 1, len(magnitudes) - 1)
    share = (places - before).astype(np.float32)[:, None]
    return np.asarray((1 - share) * magnitudes[before] + share * magnitudes[after])


def _transposed(magnitudes: Frames, semitones: float, spec: FeatureSpec) -> Frames:
    """Return every band as what lay ``semitones`` below it; at the ends the last band that is known."""
    ratio = 2 ** (semitones / 12)
    mels = np.linspace(hz_to_mel(spec.fmin), hz_to_mel(spec.fmax), spec.n_mels + 2)[1:-1]
    sources = hz_to_mel(mel_to_hz(mels) / ratio)
    transposed = np.empty_like(magnitudes)
    transposed[:, : spec.n_mels] = _read_bands(magnitudes[:, : spec.n_mels], mels, sources)
    if spec.n_low:
        octaves = np.linspace(np.log2(spec.low_fmin), np.log2(spec.low_fmax), spec.n_low)
        low = magnitudes[:, spec.n_mels :]
        transposed[:, spec.n_mels :] = _read_bands(low, octaves, octaves - np.log2(ratio))
    return transposed


def _read_bands(magnitudes: Frames, centres: NDArray[np.float64], wanted: NDArray[np.float64]) -> Frames:
    places = np.interp(wanted, centres, np.arange(len(centres)))
    before = np.minimum(places.astype(np.intp), len(centres) - 1)
    after = np.minimum(before + 1, len(centres) - 1)
    share = (places - before).astype(np.float32)
    return np.asarray((1 - share) * magnitudes[:, before] + share * magnitudes[:, after])


def _echoed(power: Frames, frames: int, gain: float) -> Frames:
    echoed = power.copy()
    for n in range(1, _N_ECHOES + 1):
        if n * frames >= len(power):
            break
        echoed[n * frames :] += np.float32(gain ** (2 * n)) * power[: -n * frames]
    return echoed


def _noise(power: Frames, augmentation: Augmentation) -> Frames:
    rng = np.random.default_rng(augmentation.noise_seed)
    rough = rng.gamma(_NOISE_FREEDOM, 1 / _NOISE_FREEDOM, power.shape)
    tilt = 10 ** (np.linspace(0.0, augmentation.noise_tilt_db, power.shape[1]) / 10)
    level = augmentation.noise_level**2 * float(power.mean())
    return np.asarray(level * rough * (tilt / tilt.mean()), dtype=np.float32)
