"""Loops: a recording of any length, made by repeating a short one block by block.

python benchmarks/loops.py examples/groove.ogg song.flac 180
"""

import sys
from pathlib import Path

import soundfile


def write_loop(source: Path, target: Path, seconds: float) -> None:
    """Write ``source`` over and over until ``seconds`` are full; memory does not depend on the length."""
    samples, rate = soundfile.read(source, dtype="float32", always_2d=True)
    left = round(seconds * rate)
    with soundfile.SoundFile(target, "w", samplerate=rate, channels=samples.shape[1]) as file:
        while left > 0:
            file.write(samples[:left])
            left -= min(left, len(samples))


if __name__ == "__main__":
    write_loop(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
