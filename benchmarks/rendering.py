"""Rendering: how many seconds of training items one core makes in a second.

``python benchmarks/rendering.py --config configs/transcriber.yaml`` prints JSON: seconds of sound per second
of processor time, without features (``rendering``) and with features and targets (``items``), and the peak
memory of the process with all its material.
"""

import argparse
import json
import os
import resource
import sys
import time
from pathlib import Path

for library in ("OPENBLAS", "OMP", "MKL"):  # before numpy: waiting threads would be counted as work
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

from drumlane.rendering.kits import SAMPLE_RATE  # noqa: E402
from drumlane.rendering.scene import Item, draw_scene, render_scene  # noqa: E402
from drumlane.training.config import RunConfig, read_config  # noqa: E402
from drumlane.training.items import encode_item, levelled, load_material  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=Path("configs/transcriber.yaml"))
    parser.add_argument("--set", action="append", default=[], metavar="A.B=VALUE")
    parser.add_argument("--items", type=int, default=64)
    arguments = parser.parse_args()
    report = measure(read_config(arguments.config, arguments.set), arguments.items)
    json.dump(report, sys.stdout, indent=2)
    print()


def measure(config: RunConfig, n_items: int) -> dict[str, float]:
    began = time.process_time()
    material = load_material(config.data, "train", config.seed)
    loaded = time.process_time()
    items = [levelled(render_scene(draw_scene(material, config.scene, (1, n)))) for n in range(n_items)]
    rendered = time.process_time()
    for item in items:
        encode_item(item, config.audio)
    encoded = time.process_time()
    seconds = _seconds(items)
    return {
        "items": n_items,
        "seconds_of_sound": round(seconds, 1),
        "loading_cpu_seconds": round(loaded - began, 2),
        "rendering_times_real_time": round(seconds / (rendered - loaded), 1),
        "items_times_real_time": round(seconds / (encoded - loaded), 1),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def _seconds(items: list[Item]) -> float:
    return sum(len(item.samples) for item in items) / SAMPLE_RATE


if __name__ == "__main__":
    main()
