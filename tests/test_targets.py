"""Targets: decoding undoes encoding, below the frame."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drumlane.performance import Hit
from drumlane.training.targets import encode
from drumlane.transcription.peaks import pick_peaks
from drumlane.vocabulary import ARTICULATIONS, LANES, LANES_OF_ARTICULATIONS, Drum, Lane

FPS = 100.0
N_FRAMES = 201
moments = st.floats(0.03, 1.97)
in_lanes = st.sampled_from([drum for drum in Drum if drum.lane is not None])
hits = st.builds(Hit, moments, in_lanes, st.integers(1, 127))


def apart(times: list[float], gap: float) -> list[float]:
    """Return those times that keep a gap to the one before."""
    kept: list[float] = []
    for time in sorted(times):
        if not kept or time - kept[-1] >= gap:
            kept.append(time)
    return kept


@given(st.lists(moments, max_size=20), in_lanes, st.sampled_from([50.0, 86.1328125, 100.0]))
def test_decoding_undoes_encoding_to_a_millisecond(times: list[float], drum: Drum, fps: float) -> None:
    times = apart(times, 6 / fps)
    assert drum.lane is not None
    onset = encode([Hit(t, drum, 100) for t in times], round(2 * fps) + 1, fps).onset
    found, heights = pick_peaks(onset[:, drum.lane], 0.5, 0.02, fps)
    assert found == pytest.approx(times, abs=1e-3)
    assert (heights > 0.79).all()  # half a frame off, exp(-2/9)


@given(st.lists(hits, max_size=30))
def test_velocities_and_articulations_are_told_at_the_peaks(played: list[Hit]) -> None:
    targets = encode(played, N_FRAMES, FPS)
    for lane in LANES:
        mine = [h for h in played if h.drum.lane is lane]
        for hit in mine:
            if any(abs(h.time - hit.time) < 0.06 for h in mine if h is not hit):
                continue
            frame = round(hit.time * FPS)
            assert 1 + 126 * targets.velocity[frame, lane] == pytest.approx(hit.velocity, abs=1e-3)
            for i, (drum, owner) in enumerate(zip(ARTICULATIONS, LANES_OF_ARTICULATIONS, strict=True)):
                if owner is lane:
                    assert targets.articulation[frame, i] == (hit.drum is drum)


@given(st.lists(hits, max_size=30))
def test_targets_lie_in_0_to_1_whatever_is_played_and_the_order_does_not_matter(played: list[Hit]) -> None:
    targets = encode(played, N_FRAMES, FPS)
    for values in (targets.onset, targets.velocity, targets.articulation):
        assert values.dtype == np.float32
        assert values.min() >= 0
        assert values.max() <= 1
    np.testing.assert_array_equal(targets.onset, encode(reversed(played), N_FRAMES, FPS).onset)


def test_of_two_close_strokes_each_frame_follows_the_nearer() -> None:
    targets = encode([Hit(0.5, Drum.SNARE, 127), Hit(0.53, Drum.SNARE, 1)], N_FRAMES, FPS)
    snare = targets.velocity[:, Lane.SNARE]
    assert snare[48:55].tolist() == [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    times, _ = pick_peaks(targets.onset[:, Lane.SNARE], 0.5, 0.02, FPS)
    assert times == pytest.approx([0.5, 0.53], abs=2e-3)


def test_auxiliaries_and_hits_behind_the_end_leave_no_trace() -> None:
    targets = encode([Hit(0.5, Drum.COWBELL, 99), Hit(7.0, Drum.KICK, 99)], N_FRAMES, FPS)
    assert not targets.onset.any()
    assert not targets.velocity.any()


def test_hits_at_the_edges_are_cut_and_do_not_wrap() -> None:
    onset = encode([Hit(0.0, Drum.KICK, 99), Hit(2.0, Drum.KICK, 99)], N_FRAMES, FPS).onset[:, Lane.KICK]
    assert onset[0] == onset[-1] == 1.0
    assert np.count_nonzero(onset) == 6
    assert encode([Hit(0.0, Drum.KICK, 99)], 0, FPS).onset.shape == (0, 8)


def test_no_hits_are_no_targets() -> None:
    targets = encode([], 10, FPS)
    assert (targets.onset.shape, targets.velocity.shape, targets.articulation.shape) == (
        (10, 8),
        (10, 8),
        (10, 6),
    )
    assert not any(values.any() for values in (targets.onset, targets.velocity, targets.articulation))
