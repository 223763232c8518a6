"""High, middle and low toms are told by their order in the recording."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from drumlane.models.loading import Activations
from drumlane.performance import Hit
from drumlane.training.thresholds import MINIMUM_GAPS, best_joint_threshold
from drumlane.training.tom_positions import fit_positions
from drumlane.transcription.activations import PRESENCE_STEP, PieceActivations
from drumlane.transcription.decoding import Decoder, decode
from drumlane.transcription.toms import (
    TOM_LANES,
    TomPositions,
    TomSounds,
    heights_near,
    positions,
    toms_of,
)
from drumlane.vocabulary import ARTICULATIONS, DRUM_OF_LANE, LANES, Lane

MODEL = TomPositions((0.9, -0.15, -1.05), shared=0.85, own=1.1, stroke=0.64)
FPS = 100.0


def kit(
    sizes: tuple[int, int, int], centres: tuple[float, float, float], seed: int
) -> tuple[NDArray, NDArray]:
    """Return which toms were struck, and where the network hears them."""
    rng = np.random.default_rng(seed)
    struck = rng.permutation(np.repeat([0, 1, 2], sizes))
    return struck, np.array(centres)[struck] + rng.normal(0, 0.35, len(struck))


@pytest.mark.parametrize("off", [-2.0, -1.0, 0.0, 1.0, 1.5])
def test_three_toms_are_in_order_wherever_the_kit_lies(off: float) -> None:
    struck, where = kit((9, 7, 11), (1.9 + off, off, -1.9 + off), seed=1)
    assert (toms_of(where, MODEL) == struck).mean() > 0.95


def test_one_by_one_the_same_kit_is_heard_wrongly() -> None:
    struck, where = kit((9, 7, 11), (0.1, -1.8, -3.7), seed=1)  # what the network holds for low and lower
    alone = np.abs(where[:, None] - np.array(MODEL.means)).argmin(axis=1)
    assert (alone == struck).mean() < 0.6


def test_two_toms_far_apart_are_high_and_low() -> None:
    struck, where = kit((6, 0, 6), (1.4, 0, -1.4), seed=2)
    assert np.array_equal(toms_of(where, MODEL), struck)


@pytest.mark.parametrize(("where", "tom"), [(2.5, 0), (-2.5, 2)])
@pytest.mark.parametrize("n", [1, 2, 12])
def test_one_tom_is_what_it_sounds_like(where: float, tom: int, n: int) -> None:
    assert set(toms_of(np.full(n, where), MODEL).tolist()) == {tom}


def test_no_toms_are_none() -> None:
    assert toms_of(np.zeros(0), MODEL).tolist() == []


@given(st.lists(st.floats(-13, 13), min_size=1, max_size=200), st.randoms())
def test_a_higher_stroke_is_never_on_a_lower_tom_and_order_of_time_does_not_matter(
    where: list[float], random: object
) -> None:
    values = np.array(where)
    toms = toms_of(values, MODEL)
    order = np.argsort(-values, kind="stable")
    assert (np.diff(toms[order]) >= 0).all()
    shuffled = np.random.default_rng(len(where)).permutation(len(where))
    again = toms_of(values[shuffled], MODEL)
    assert sorted(zip(values[shuffled], again, strict=True)) == sorted(zip(values, toms, strict=True))


def test_thousands_of_strokes_take_no_time() -> None:
    struck, where = kit((3000, 2000, 3000), (1.9, 0.0, -1.9), seed=4)
    assert (toms_of(where, MODEL) == struck).mean() > 0.95


def test_deviations_must_be_positive() -> None:
    with pytest.raises(ValueError, match="above 0"):
        replace(MODEL, own=0.0)


# Sounds -------------------------------------------------------------------------------------------

SOUNDING = replace(MODEL, sound_own=1.5, sound_stroke=0.6)


def sounding_kit(sizes: tuple[int, int, int], seed: int) -> tuple[NDArray, NDArray, NDArray]:
    """Return which toms were struck, where the network hears them, and how they sound."""
    rng = np.random.default_rng(seed)
    struck = rng.permutation(np.repeat([0, 1, 2], sizes))
    centres = np.array([0.5, -0.4, -1.2]) + rng.normal(0, MODEL.shared)
    sounds = rng.normal(0, SOUNDING.sound_own, (3, 8))[struck]
    n = len(struck)
    return (
        struck,
        centres[struck] + rng.normal(0, 0.9, n),  # the axis alone tells little
        sounds + rng.normal(0, SOUNDING.sound_stroke, (n, 8)),
    )


def test_toms_that_sound_alike_are_one_whatever_they_are_heard_as() -> None:
    right = {"by position": 0.0, "by sound": 0.0}
    for seed in range(20):
        struck, where, sounds = sounding_kit((9, 7, 8), seed)
        right["by position"] += (toms_of(where, SOUNDING) == struck).mean() / 20
        right["by sound"] += (toms_of(where, SOUNDING, sounds) == struck).mean() / 20
    assert right["by sound"] > 0.85 > right["by position"] + 0.1


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_order_of_time_does_not_matter_with_sounds_either(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    where, sounds = rng.normal(0, 2, n), rng.normal(0, 1.5, (n, 8))
    toms = toms_of(where, SOUNDING, sounds)
    assert set(toms.tolist()) <= {0, 1, 2}
    heaps = [where[toms == tom].mean() for tom in range(3) if (toms == tom).any()]
    assert heaps == sorted(heaps, reverse=True)
    shuffled = rng.permutation(n)
    assert np.array_equal(toms_of(where[shuffled], SOUNDING, sounds[shuffled]), toms[shuffled])


def test_an_hour_of_toms_takes_no_time() -> None:
    struck, where, sounds = sounding_kit((3000, 2000, 3000), 3)
    assert (toms_of(where, SOUNDING, sounds) == struck).mean() > 0.95


def test_sounds_are_found_by_their_times() -> None:
    sounds = TomSounds(np.array([1.0, 2.0, 2.5]), np.arange(6.0).reshape(3, 2))
    found = sounds.at(np.array([0.0, 1.02, 2.26, 2.49, 9.0]))
    assert found is not None
    assert found[:, 0].tolist() == [0, 0, 4, 4, 4]
    assert sounds.at(np.zeros(0)).shape == (0, 2)  # type: ignore[union-attr]
    one = TomSounds(np.array([1.0]), np.ones((1, 2))).at(np.array([0.5, 3.0]))
    assert one is not None
    assert one.tolist() == [[1, 1], [1, 1]]
    assert TomSounds.joined([]).at(np.array([1.0])) is None


def test_sounds_are_cut_moved_and_joined() -> None:
    sounds = TomSounds(np.array([1.0, 2.0, 2.5]), np.arange(6.0).reshape(3, 2))
    parts = [sounds.between(0, 2), sounds.between(2, 2.5), sounds.between(2.5, 9)]
    assert [len(part.times) for part in parts] == [1, 1, 1]
    again = TomSounds.joined(parts).later(3)
    assert again.times.tolist() == [4, 5, 5.5]
    assert np.array_equal(again.vectors, sounds.vectors)


# Decoding -----------------------------------------------------------------------------------------


def heard(strokes: list[tuple[float, tuple[float, float, float]]]) -> PieceActivations:
    """Return activations of tom strokes: seconds, and heights in the three tom lanes."""
    n_frames = 1200
    onset = np.zeros((n_frames, len(LANES)), np.float16)
    velocity = np.zeros_like(onset)
    for time, heights in strokes:
        frame = round(time * FPS)
        onset[frame, list(TOM_LANES)] = heights
        velocity[frame, TOM_LANES[int(np.argmax(heights))]] = 0.8
    articulation = np.zeros((n_frames, len(ARTICULATIONS)), np.float16)
    presence = np.ones((n_frames // PRESENCE_STEP, len(LANES)), np.float16)
    return PieceActivations(onset, velocity, articulation, presence, FPS, n_frames / FPS)


def decoder(toms: TomPositions | None) -> Decoder:
    return Decoder((0.5,) * len(LANES), MINIMUM_GAPS, (0.0,) * len(LANES), toms=toms)


# A dark kit: its high tom is heard as a middle one, its middle and low toms as low ones.
DARK = [
    (1.0, (0.5, 0.6, 0.3)),
    (1.5, (0.3, 0.3, 0.7)),
    (2.0, (0.05, 0.2, 0.9)),
    (3.0, (0.5, 0.6, 0.25)),
    (3.5, (0.3, 0.25, 0.7)),
    (4.0, (0.04, 0.1, 0.9)),
    (5.0, (0.45, 0.6, 0.3)),
    (5.5, (0.28, 0.3, 0.7)),
    (6.0, (0.05, 0.1, 0.9)),
]


def test_a_dark_kits_toms_are_told_by_their_order_and_keep_their_velocities() -> None:
    plain, ordered = decode(heard(DARK), decoder(None)).hits, decode(heard(DARK), decoder(MODEL)).hits
    assert [h.drum.lane for h in plain[:3]] == [Lane.MID_TOM, Lane.LOW_TOM, Lane.LOW_TOM]
    assert [h.drum for h in ordered] == [DRUM_OF_LANE[lane] for lane in TOM_LANES] * 3
    assert [h.velocity for h in ordered] == [h.velocity for h in plain] == [102] * 9
    assert [h.time for h in ordered] == [h.time for h in plain]


def test_heights_are_the_greatest_of_the_frames_around() -> None:
    onset = np.zeros((10, len(LANES)))
    onset[4, Lane.HI_TOM], onset[7, Lane.LOW_TOM] = 0.5, 0.25
    assert heights_near(onset, np.array([0.05]), FPS).tolist() == [[0.5, 0.0, 0.25]]
    assert heights_near(onset, np.zeros(0), FPS).shape == (0, 3)
    assert positions(np.array([[0.5, 0.0, 0.5]])).tolist() == [0.0]


def test_toms_that_are_heard_alike_are_told_by_their_sounds() -> None:
    alike = [(time, (0.5, 0.55, 0.5)) for time, _ in DARK]
    vectors = np.zeros((9, 8))
    vectors[::3, 0], vectors[1::3, 1], vectors[2::3, 2] = 4.0, 4.0, 4.0
    nudged = [
        (time, (0.5 + 0.01 * (n % 3 == 0), 0.55, 0.5 + 0.01 * (n % 3 == 2)))
        for n, (time, _) in enumerate(alike)
    ]
    activations = replace(heard(nudged), tom_sounds=TomSounds(np.array([t for t, _ in alike]), vectors))
    model = replace(SOUNDING, sound_stroke=0.3)
    toms = [hit.drum.lane for hit in decode(activations, decoder(model)).hits]
    assert toms[:3] * 3 == toms
    assert len(set(toms)) == 3


# Calibration --------------------------------------------------------------------------------------


def items(n: int, model: TomPositions, seed: int) -> tuple[list[Activations], list[tuple[Hit, ...]]]:
    """Return what a network hears of n kits drawn from a model, and what was struck."""
    rng = np.random.default_rng(seed)
    activations, references = [], []
    for _ in range(n):
        centres = np.array(model.means) + rng.normal(0, model.shared) + rng.normal(0, model.own, 3)
        onset, hits = np.zeros((1000, len(LANES)), np.float32), []
        for k in range(30):
            lane, where = TOM_LANES[k % 3], centres[k % 3] + rng.normal(0, model.stroke)
            onset[20 + 30 * k, Lane.HI_TOM] = 1 / (1 + np.exp(-where / 2))
            onset[20 + 30 * k, Lane.LOW_TOM] = 1 / (1 + np.exp(where / 2))
            hits.append(Hit((20 + 30 * k) / FPS, DRUM_OF_LANE[lane], 64))
        activations.append(Activations(onset, onset, np.zeros((1000, len(ARTICULATIONS)), np.float32), onset))
        references.append(tuple(hits))
    return activations, references


def test_positions_are_found_again_in_what_was_drawn_from_them() -> None:
    found = fit_positions(*items(400, MODEL, seed=5), FPS)
    assert found is not None
    assert found.means == pytest.approx(MODEL.means, abs=0.2)
    assert found.shared == pytest.approx(MODEL.shared, rel=0.15)
    assert found.own == pytest.approx(MODEL.own, rel=0.15)
    assert found.stroke == pytest.approx(MODEL.stroke, rel=0.15)


def test_deviations_of_sounds_are_found_again() -> None:
    heard_items, references = items(60, MODEL, seed=6)
    rng = np.random.default_rng(7)
    sounds = []
    for hits in references:
        drums = rng.normal(0, SOUNDING.sound_own, (3, 8))
        tom = np.array([TOM_LANES.index(hit.drum.lane) for hit in hits])  # type: ignore[arg-type]
        vectors = drums[tom] + rng.normal(0, SOUNDING.sound_stroke, (len(hits), 8))
        times = np.array([hit.time + 0.01 for hit in hits])
        sounds.append(TomSounds(np.append(times, 11.0), np.append(vectors, np.full((1, 8), 50.0), axis=0)))
    found = fit_positions(heard_items, references, FPS, sounds)
    assert found is not None
    assert found.sound_own == pytest.approx(SOUNDING.sound_own, rel=0.1)
    assert found.sound_stroke == pytest.approx(SOUNDING.sound_stroke, rel=0.05)
    assert fit_positions(heard_items, references, FPS).sound_own == 1  # type: ignore[union-attr]


def test_too_few_kits_say_nothing() -> None:
    assert fit_positions(*items(7, MODEL, seed=5), FPS) is None
    assert fit_positions([], [], FPS) is None


def test_a_joint_threshold_does_not_mind_which_tom_it_was() -> None:
    onset = np.zeros((1000, len(LANES)), np.float32)
    hits = []
    for k in range(20):
        onset[20 + 40 * k, Lane.HI_TOM] = 0.45  # heard as high, struck low
        onset[20 + 40 * k, Lane.LOW_TOM] = 0.42
        onset[40 + 40 * k, Lane.MID_TOM] = 0.2  # nothing
        hits.append(Hit((20 + 40 * k) / FPS, DRUM_OF_LANE[Lane.LOW_TOM], 64))
    threshold = best_joint_threshold(TOM_LANES, [onset], [hits], FPS, MINIMUM_GAPS)
    assert 0.2 < threshold <= 0.45
