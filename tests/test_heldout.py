"""Held-out kits: grooves as they were played, the same items every time."""

import numpy as np
import pytest

from drumlane.evaluation.heldout import render_heldout
from drumlane.performance import Hit, Performance
from drumlane.rendering.accompaniment import Clip
from drumlane.rendering.kits import SAMPLE_RATE
from drumlane.vocabulary import Drum
from material import chord, click_kit, rock_beat

KITS = [click_kit(), click_kit([Drum.KICK, Drum.SNARE], name="small")]
FILL = Performance.of([Hit(0.2 + 0.1 * k, Drum.SNARE, 90) for k in range(8)], duration=1.2)
GROOVES = {"beat": rock_beat(6.0, 120), "fill": FILL}


def test_a_groove_is_played_whole_and_as_it_is() -> None:
    for item in render_heldout(GROOVES, KITS):
        groove = GROOVES[item.name]
        assert [(h.drum, h.velocity) for h in item.reference] == [(h.drum, h.velocity) for h in groove]
        found = [h.time for h in item.reference]
        assert found == pytest.approx([h.time for h in groove], abs=1e-9)
        assert item.reference.duration == pytest.approx(len(item.samples) / SAMPLE_RATE)


def test_every_hit_is_heard_where_the_reference_says() -> None:
    lonely = {"lonely": Performance.of([Hit(t, Drum.SNARE, 100) for t in (0.25, 1.0, 1.75)], duration=2.0)}
    (item,) = render_heldout(lonely, KITS)
    loud = np.flatnonzero(np.abs(item.samples) > 0.5 * np.abs(item.samples).max())
    for hit in item.reference:
        assert np.abs(loud - hit.time * SAMPLE_RATE).min() <= 1


def test_no_more_than_the_asked_seconds_are_played_from_the_start() -> None:
    (item,) = render_heldout({"beat": GROOVES["beat"]}, KITS, seconds=2.5)
    assert len(item.samples) == round(2.5 * SAMPLE_RATE)
    expected = [h.time for h in GROOVES["beat"] if h.time < 2.5]
    assert [h.time for h in item.reference] == pytest.approx(expected, abs=1e-9)


def test_items_are_the_same_every_time_and_grooves_without_hits_are_left_out() -> None:
    grooves = {"empty": Performance.of([], duration=3.0), **GROOVES}
    first, second = (list(render_heldout(grooves, KITS)) for _ in range(2))
    assert [item.name for item in first] == ["beat", "fill"]
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.samples, b.samples)


def test_accompaniment_lies_under_the_drums_at_the_asked_level() -> None:
    clip = Clip("chord", "band", chord(220.0, 9.0).astype(np.float32))
    equal, louder = (
        next(render_heldout({"beat": GROOVES["beat"]}, KITS, [clip], level_db)) for level_db in (0.0, 20.0)
    )
    assert equal.reference == louder.reference
    drums = (louder.samples - equal.samples) / 9.0  # ten times the drums, the same accompaniment
    blocks = np.sort(np.mean(drums[: 120 * 2205].reshape(-1, 2205) ** 2, axis=1))
    assert np.sqrt(blocks[len(blocks) // 2 :].mean()) == pytest.approx(0.1, rel=0.1)
    assert np.std(equal.samples - drums) == pytest.approx(0.1, rel=0.02)


def test_nothing_random_is_mixed_into_plain_items() -> None:
    silence = {"late": Performance.of([Hit(5.0, Drum.KICK, 100)], duration=5.0)}
    for number in range(12):
        padded = {f"empty {i}": Performance() for i in range(number)} | silence
        (item,) = render_heldout(padded, KITS)
        assert np.abs(item.samples[: 4 * SAMPLE_RATE]).max() < 1e-5
