"""Activations in parts, and packed."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from drumlane.models.loading import Activations
from drumlane.transcription.dynamics import around_peaks
from drumlane.transcription.heard import Heard, PackedHeard
from drumlane.vocabulary import ARTICULATIONS, LANES, LANES_OF_ARTICULATIONS

STEP, FPS = 10, 100.0


def some(n_frames: int, seed: int, share: float = 0.05) -> Heard:
    """Return noise with an onset in some frames, as half floats."""
    rng = np.random.default_rng(seed)
    heard = Heard.nothing(n_frames, STEP, FPS)
    for values in heard.arrays:
        values[:] = rng.uniform(0.01, 1.0, values.shape)
    heard.onset[rng.uniform(size=heard.onset.shape) > share] = 0.0
    return heard


@given(st.integers(0, 400), st.integers(0, 2**32 - 1), st.lists(st.integers(0, 40), max_size=4))
def test_packed_parts_come_back_as_they_were(n_frames: int, seed: int, cuts: list[int]) -> None:
    heard = some(n_frames, seed).near_onsets()
    packed = PackedHeard(STEP, FPS)
    edges = [0, *sorted(min(cut * STEP, n_frames // STEP * STEP) for cut in cuts), n_frames]
    for first, stop in pairwise(edges):
        packed.append(heard.part(first, stop))
    back = packed.unpacked()
    assert (back.step, back.fps, len(back)) == (STEP, FPS, n_frames)
    for values, before in zip(back.arrays, heard.arrays, strict=True):
        assert values.dtype == np.float16
        assert np.array_equal(values, before)
    assert len(packed.unpacked()) == 0


@given(st.integers(3, 200), st.integers(0, 2**32 - 1))
def test_what_is_read_around_peaks_stays(n_frames: int, seed: int) -> None:
    """A peak lies in an onset's frame or, of two that run together, beside it."""
    heard = some(n_frames, seed)
    kept = heard.near_onsets()

    def read(of: Heard, values: NDArray[np.float16], lane: int) -> NDArray[np.float64]:
        struck = np.flatnonzero(heard.onset[:, lane] > 0)
        peaks = np.clip(struck[:, None] + np.array([-1, 0, 1]), 0, n_frames - 1).ravel()
        return around_peaks(values, of.onset[:, lane], peaks)

    for lane in LANES:
        assert np.array_equal(*(read(of, of.velocity[:, lane], lane) for of in (heard, kept)))
    for i, lane in enumerate(LANES_OF_ARTICULATIONS):
        assert np.array_equal(*(read(of, of.articulation[:, i], lane) for of in (heard, kept)))


def test_what_no_decoder_reads_is_let_go() -> None:
    heard = some(300, 1, share=0.0)
    heard.onset[100, 2] = 0.5
    kept = heard.near_onsets()
    assert np.flatnonzero(kept.velocity[:, 2]).tolist() == [98, 99, 100, 101, 102]
    assert not np.delete(kept.velocity, 2, axis=1).any()
    assert np.array_equal(kept.presence, heard.presence)
    assert heard.velocity.all()  # as it was


def test_frames_are_written_where_they_belong() -> None:
    heard = Heard.nothing(25, STEP, FPS).longer(10)
    assert [len(values) for values in heard.arrays] == [35, 35, 35, 4]
    frames = np.array([5, 20, 30, 31])
    lanes, articulations = (np.full((4, n), 0.5) for n in (len(LANES), len(ARTICULATIONS)))
    heard.write(Activations(lanes, lanes, articulations, lanes), frames)
    for values in heard.arrays[:3]:
        assert np.flatnonzero(values.any(axis=1)).tolist() == frames.tolist()
    assert np.flatnonzero(heard.presence.any(axis=1)).tolist() == [2, 3]
    with pytest.raises(ValueError, match="first=5 must be a multiple of step=10"):
        heard.part(5, 20)
