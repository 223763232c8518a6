"""Samples that tests of kit readers write: decaying tones whose first peak says which file they are."""

from pathlib import Path

import numpy as np
import soundfile

from drumlane.rendering.kits import SAMPLE_RATE, Layer, Piece

SILENT = 100  # samples before the attack of every sample written here


def write_sound(
    path: Path, level: float = 0.5, rate: int = SAMPLE_RATE, channels: int = 1, hz: float = 200.0
) -> Path:
    """Write silence, then a decaying cosine of peak ``level``; the attack is one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    t = np.arange(round(0.1 * rate)) / rate
    sound = np.concatenate([np.zeros(SILENT), level * np.exp(-t / 0.02) * np.cos(2 * np.pi * hz * t)])
    soundfile.write(path, np.repeat(sound[:, None], channels, axis=1), rate, subtype="FLOAT")
    return path


def peaks(layer: Layer, piece: Piece) -> list[float]:
    """Return the peak of each sample of a layer as it is played at full velocity, rounded."""
    return [round(float(np.abs(sample.samples).max()) * piece.gain, 3) for sample in layer.samples]


def bands(piece: Piece) -> list[tuple[int, int, int]]:
    """Return lowest and highest velocity and the number of samples of each layer."""
    return [(layer.low, layer.high, len(layer.samples)) for layer in piece.layers]
