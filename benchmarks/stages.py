"""Stages: processor seconds of each part of a transcription, and of the least any program must do.

    python benchmarks/stages.py song.wav [model.onnx]

prints JSON, in CPU seconds per minute of audio (median of the repetitions, start excluded, everything on
``THREADS`` threads). ``decode`` and ``fourier`` together are the floor: reading the file and one Fourier
transform per frame, without hearing anything yet.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

from drumlane.audio.features import FeatureSpec, log_mel
from drumlane.audio.io import read_audio, stream_audio
from drumlane.models.loading import load_model
from drumlane.transcription.transcribe import Transcriber
from drumlane.transcription.windows import WindowStream

REPEATS = 5
THREADS = 2
FRAMES_AT_ONCE = 512


def stage_costs(song: Path, model_path: Path | None) -> dict[str, float]:
    """Return CPU seconds per minute of audio by stage."""
    model = load_model(model_path, THREADS)
    spec = model.card.feature_spec
    samples = read_audio(song, spec.sample_rate).samples
    features = log_mel(samples, spec)
    transcriber = Transcriber(model)
    activations = transcriber.activations(song)

    def network() -> None:
        windows = WindowStream(model.run)
        for _ in (*windows.push(features), *windows.finish()):
            pass

    stages: dict[str, Callable[[], object]] = {
        "decode": lambda: sum(len(block) for block in stream_audio(song, spec.sample_rate)),
        "fourier": lambda: fourier(samples, spec),
        "features": lambda: log_mel(samples, spec),
        "network": network,
        "peaks": lambda: transcriber.decode(activations),
        "all": lambda: transcriber.transcribe(song),
    }
    minutes = len(samples) / spec.sample_rate / 60
    return {name: round(cpu_seconds(stage) / minutes, 5) for name, stage in stages.items()}


def fourier(samples: np.ndarray[tuple[int], np.dtype[np.float32]], spec: FeatureSpec) -> None:
    """Transform every frame and throw the result away."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, spec.n_fft)[:: spec.hop_length]
    for start in range(0, len(frames), FRAMES_AT_ONCE):
        np.fft.rfft(frames[start : start + FRAMES_AT_ONCE], axis=1)


def cpu_seconds(stage: Callable[[], object]) -> float:
    """Return the median of the processor time over all threads; the first, cold run does not count."""
    stage()
    times = []
    for _ in range(REPEATS):
        began = time.process_time()
        stage()
        times.append(time.process_time() - began)
    return median(times)


if __name__ == "__main__":
    print(json.dumps(stage_costs(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)))
