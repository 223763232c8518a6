"""An hour of dense drums: written and read within seconds and within bounds of memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

N_HITS = 40_000
# In a process of its own: the peak of memory is that of the whole process.
_SCRIPT = """
import json, sys, time
sys.path.insert(0, sys.argv[3])
import numpy as np
from memory_material import peak_mb
from drumlane.formats import read, write
from drumlane.performance import Hit, Performance
from drumlane.timing import TempoChange, TempoMap
from drumlane.vocabulary import Drum

rng = np.random.default_rng(0)
tempo = TempoMap(tuple(TempoChange(float(b), 120 + float(rng.normal(0, 1))) for b in range(7200)))
drums = [Drum.HIHAT_CLOSED, Drum.SNARE, Drum.KICK, Drum.TOM_LOW, Drum.RIDE]
sixteenths = rng.choice(7200 * 4 * len(drums), int(sys.argv[2]), replace=False)
times = tempo.beats_to_seconds(sixteenths // len(drums) / 4) + np.abs(rng.normal(0, 0.006, len(sixteenths)))
song = Performance.of(
    (Hit(float(t), drums[i % len(drums)], int(rng.integers(20, 127))) for t, i in zip(times, sixteenths)),
    tempo=tempo,
)
start = time.perf_counter()
write(song, sys.argv[1])
written = time.perf_counter()
peak = peak_mb()
back = read(sys.argv[1])
done = time.perf_counter()
print(json.dumps([written - start, done - written, peak, len(back)]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".musicxml", ".mxl", ".tab"])
def test_an_hour_of_forty_thousand_hits_takes_three_seconds_and_300_mb(suffix: str, tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="memory is measured on Unix only")
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", _SCRIPT, str(tmp_path / f"a{suffix}"), str(N_HITS), here]
    measured = json.loads(subprocess.check_output(command, text=True, stderr=subprocess.DEVNULL))
    writing, reading, megabytes, n_back = measured
    assert n_back >= 0.999 * N_HITS  # a few fall on one another when they are moved to the grid
    assert writing <= 3.0
    assert reading <= 6.0
    assert megabytes <= 300
