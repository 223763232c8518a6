"""The bundled example is what its script makes, and small enough to be bundled."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from drumlane import formats
from drumlane.audio.io import read_audio
from drumlane.vocabulary import LANES, Drum

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
LARGEST = 600_000  # bytes


def test_the_script_makes_the_bundled_example_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["make_example.py", str(tmp_path)])
    runpy.run_path(str(ROOT / "scripts" / "make_example.py"), run_name="__main__")
    assert (tmp_path / "groove.mid").read_bytes() == (EXAMPLES / "groove.mid").read_bytes()
    made, bundled = (read_audio(folder / "groove.ogg").samples for folder in (tmp_path, EXAMPLES))
    assert made.shape == bundled.shape
    # Encoders differ between libraries and the last bits of a matrix product between processors.
    assert np.corrcoef(made, bundled)[0, 1] > 0.99


def test_the_example_has_every_lane_with_ghosts_and_accents_and_is_small() -> None:
    groove = formats.read(EXAMPLES / "groove.mid")
    assert all(len(groove.lane_times(lane)) for lane in LANES)
    snares = [hit.velocity for hit in groove if hit.drum is Drum.SNARE]
    assert min(snares) < 45
    assert max(snares) > 100
    assert (EXAMPLES / "groove.ogg").stat().st_size <= LARGEST
    assert read_audio(EXAMPLES / "groove.ogg").duration == pytest.approx(groove.duration + 1.5, abs=0.1)
