"""An hour of drums goes through every format of other games in seconds."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

# A process of its own: what other tests have loaded is not this format's memory.
MEASURE = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
from game_material import long_performance
from memory_material import peak_mb
from drumlane import formats
performance = long_performance()
formats.write(performance.filter(lambda hit: hit.time < 1), sys.argv[2])  # loads the module
begin = time.perf_counter()
formats.write(performance, sys.argv[2])
written = time.perf_counter()
back = formats.read(sys.argv[2])
read = time.perf_counter()
most = peak_mb()
print(json.dumps({"write": written - begin, "read": read - written, "megabytes": most, "hits": len(back)}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".osu", ".sm", ".dtx", ".bjson"])
def test_an_hour_is_written_and_read_in_three_seconds_and_300_megabytes(suffix: str, tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="memory is measured on Unix only")
    command = [sys.executable, "-c", MEASURE, str(Path(__file__).parent), str(tmp_path / f"hour{suffix}")]
    measured = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert measured["hits"] > 30_000  # the others are auxiliaries, or at one moment in one column
    assert measured["write"] + measured["read"] <= 3.0
    assert measured["megabytes"] <= 300
