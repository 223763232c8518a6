"""Silence: what is left out of it, and that sounds are heard alike after any length of it."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from drumlane.audio.io import read_audio
from drumlane.transcription.presence import present
from drumlane.transcription.silence import SilenceCutter
from drumlane.transcription.transcribe import Transcriber

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "groove.ogg"
runs = st.lists(st.tuples(st.booleans(), st.integers(1, 60)), min_size=1, max_size=8)
cuts = st.lists(st.integers(1, 80), max_size=8)


def frames_of(stretches: list[tuple[bool, int]]) -> NDArray[np.float32]:
    """Return features whose second band numbers the frames; the first one sounds or does not."""
    sounding = np.concatenate([np.full(n, sounds) for sounds, n in stretches])
    return np.stack([sounding * 1.0, np.arange(len(sounding)) * 1e-6], axis=1).astype(np.float32)


def left_of(features: NDArray[np.float32], cuts: list[int]) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    cutter, parts, start = SilenceCutter(10.0), [], 0  # ten frames a second: ten are kept
    for n in [*cuts, len(features)]:
        parts.append(cutter.push(features[start : start + n]))
        start += n
    return np.concatenate([f for f, _ in parts]), np.concatenate([p for _, p in parts])


@given(runs, cuts)
def test_what_is_left_is_every_sound_and_a_second_of_silence_on_either_side(stretches, cuts) -> None:
    features = frames_of(stretches)
    left, places = left_of(features, cuts)
    np.testing.assert_array_equal(left, features[places])
    sounds = np.flatnonzero(features[:, 0])
    ends = np.concatenate([[-1], sounds])  # the beginning is like the end of a sound
    wanted = {p for p in range(len(features)) if p - ends[np.searchsorted(ends, p, side="right") - 1] <= 10}
    wanted |= {
        p for p in range(len(features)) if len(sounds) and np.any((sounds - p >= 0) & (sounds - p <= 10))
    }
    assert places.tolist() == sorted(wanted)


@given(runs, cuts, cuts)
def test_how_the_features_arrive_changes_nothing(stretches, some, other) -> None:
    features = frames_of(stretches)
    for one, two in zip(left_of(features, some), left_of(features, other), strict=True):
        np.testing.assert_array_equal(one, two)


def test_presence_is_the_mean_of_the_frames_that_were_asked() -> None:
    presence = np.full((40, 8), 0.8, dtype=np.float32)
    presence[:20] = 0.0  # not asked
    assert present(presence, 10.0)[20:] == pytest.approx(0.8)
    assert np.all(present(presence, 1.0)[:10] == 0)


@pytest.mark.parametrize("seconds", [2.0, 10.0, 75.0])
def test_a_song_after_a_long_silence_keeps_its_first_hits(seconds: float) -> None:
    transcriber = Transcriber()
    song = read_audio(EXAMPLE, 44100).samples
    late = np.concatenate([np.zeros(round(seconds * 44100), dtype=np.float32), song])
    now, then = transcriber.transcribe(song, 44100), transcriber.transcribe(late, 44100)
    sure = [hit for hit in now if hit.confidence > 0.6]
    assert len(sure) > 40
    found = [
        h
        for h in sure
        if any(o.drum.lane is h.drum.lane and abs(o.time - seconds - h.time) < 0.01 for o in then)
    ]
    assert len(found) >= 0.97 * len(sure)
    assert found[0] == sure[0]
