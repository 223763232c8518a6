"""Beat scores: the numbers are those of mir_eval."""

import mir_eval
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drumlane.evaluation.beats import beat_scores, beats_of, f_measure
from drumlane.timing import TempoChange, TempoMap, TimeSignature


def beats(draw: st.DrawFn) -> np.ndarray:
    interval, start = draw(st.floats(0.25, 1.2)), draw(st.floats(0, 2))
    n = draw(st.integers(2, 60))
    seed = draw(st.integers(0, 2**32 - 1))
    spread = draw(st.sampled_from([0.0, 0.02, 0.1]))
    wavering = spread * interval * np.random.default_rng(seed).standard_normal(n)
    return np.sort(np.maximum(0.0, start + interval * np.arange(n) + wavering))


pieces = st.composite(beats)()


@given(pieces, pieces)
def test_scores_of_unlike_beats_are_mir_evals(reference: np.ndarray, estimate: np.ndarray) -> None:
    ours = beat_scores(reference, estimate)
    _, cmlt, _, amlt = mir_eval.beat.continuity(reference, estimate)
    theirs = (mir_eval.beat.f_measure(reference, estimate), cmlt, amlt)
    assert (ours.f, ours.cmlt, ours.amlt) == pytest.approx(theirs, abs=1e-12)


@given(pieces, st.sampled_from(["same", "double", "half", "off"]), st.floats(-0.06, 0.06))
def test_scores_of_other_levels_are_mir_evals(reference: np.ndarray, level: str, late: float) -> None:
    doubled = np.interp(np.arange(0, len(reference) - 0.5, 0.5), np.arange(len(reference)), reference)
    estimate = {"same": reference, "double": doubled, "half": reference[::2], "off": doubled[1::2]}[level]
    estimate = np.maximum(0.0, estimate + late)
    ours = beat_scores(reference, estimate)
    if min(len(reference), len(estimate)) < 2:
        assert (ours.cmlt, ours.amlt) == (0.0, 0.0)
        return
    _, cmlt, _, amlt = mir_eval.beat.continuity(reference, estimate)
    theirs = (mir_eval.beat.f_measure(reference, estimate), cmlt, amlt)
    assert (ours.f, ours.cmlt, ours.amlt) == pytest.approx(theirs, abs=1e-12)


def test_golden_numbers() -> None:
    reference = np.arange(0, 10, 0.5)
    scores = beat_scores(reference, reference[::2])
    assert (scores.f, scores.cmlt, scores.amlt) == (pytest.approx(2 / 3), 0.0, 1.0)


def test_nothing_scores_nothing() -> None:
    assert f_measure(np.zeros(0), np.ones(1)) == 0
    assert beat_scores(np.arange(5.0), np.zeros(0)).amlt == 0


def test_a_tempo_map_has_its_beats_and_bar_lines() -> None:
    tempo = TempoMap(
        (TempoChange(0, 60), TempoChange(2, 120)),
        (TimeSignature(0, 2, 4), TimeSignature(2, 3, 4), TimeSignature(8, 6, 8)),
    )
    found, bars = beats_of(tempo, 8.0)
    assert found.tolist() == [0, 1, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.75, 6.5, 7.25]
    assert bars.tolist() == [0, 2, 3.5, 5, 6.5]
