"""Production of scenes: band, ducking, separation, limiting and lost bands come last and disturb nothing."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drumlane.rendering.accompaniment import Clip
from drumlane.rendering.kits import SAMPLE_RATE
from drumlane.rendering.material import Material
from drumlane.rendering.scene import Scene, draw_scene, render_scene
from drumlane.rendering.scene_options import LEAD_SECONDS, SceneOptions
from material import chord, click_kit, rock_beat

CHANCES = ("live", "ducked", "separated", "mastered", "band_limited", "hum")
NEVER = SceneOptions(seconds=1.5, accompanied=1.0, drumless=0.0, **dict.fromkeys(CHANCES, 0.0))
ALWAYS = replace(NEVER, **dict.fromkeys(CHANCES, 1.0))
PRODUCED = ("cues", "live", "live_db", "ducking", "separation", "mastering", "band_limit", "hum")
seeds = st.integers(0, 2**32 - 1)


def material(music: Clip | None = None) -> Material:
    clip = music or Clip("chord", "band", chord(220.0, 4.0).astype(np.float32))
    return Material(kits=(click_kit(),), grooves=(rock_beat(12.0, 120).hits,), clips=(clip,))


def unproduced(scene: Scene) -> dict[str, object]:
    """Return every other decision; pieces hold arrays, so of voices only numbers are compared."""
    apart = {*PRODUCED, "bed", "response", "voices", "extras"}
    kept = {f.name: getattr(scene, f.name) for f in fields(Scene) if f.name not in apart}
    return kept | {"voices": {drum: (v.gain, v.pitch, v.send) for drum, v in scene.voices.items()}}


@settings(max_examples=20, deadline=None)
@given(seeds, st.booleans())
def test_everything_at_once_is_finite_and_the_same_for_the_same_seed(seed: int, drumless: bool) -> None:
    options = replace(ALWAYS, drumless=float(drumless))
    made = material()
    scene = draw_scene(made, options, seed)
    first, second = render_scene(scene), render_scene(draw_scene(made, options, seed))
    np.testing.assert_array_equal(first.samples, second.samples)
    assert first.samples.dtype == np.float32
    assert first.samples.shape == (round(1.5 * SAMPLE_RATE),)
    assert np.isfinite(first.samples).all()
    assert first.samples.any()
    inside = [h for h in scene.hits if LEAD_SECONDS <= h.time < LEAD_SECONDS + 1.5]  # there may be none
    assert bool(first.hits) == bool(inside)
    assert not (drumless and scene.hits)


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_production_changes_no_other_decision_and_no_label(seed: int) -> None:
    made = material()
    plain, produced = (draw_scene(made, options, seed) for options in (NEVER, ALWAYS))
    assert unproduced(plain) == unproduced(produced)
    assert render_scene(plain).hits == render_scene(produced).hits


def test_nothing_is_produced_at_chance_zero_or_without_colour() -> None:
    made = material()
    for options in (NEVER, replace(ALWAYS, coloured=False)):
        for seed in range(10):
            scene = draw_scene(made, options, seed)
            assert (scene.live, scene.ducking, scene.separation) == (None, None, None)
            assert (scene.mastering, scene.band_limit, scene.hum) == (None, None, None)
    plain, asked = (replace(options, coloured=False) for options in (NEVER, ALWAYS))
    for seed in range(3):
        one, other = (render_scene(draw_scene(made, options, seed)).samples for options in (plain, asked))
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("chance", CHANCES)
def test_each_production_is_heard(chance: str) -> None:
    made = material()
    plain, produced = (
        render_scene(draw_scene(made, options, 4)).samples
        for options in (NEVER, replace(NEVER, **{chance: 1.0}))
    )
    assert np.abs(plain - produced).max() > 1e-3


def test_drums_alone_have_no_band_and_no_separator_but_can_be_limited() -> None:
    scene = draw_scene(material(), replace(ALWAYS, accompanied=0.0), 1)
    assert (scene.live, scene.ducking, scene.separation) == (None, None, None)
    assert scene.mastering is not None
    assert scene.band_limit is not None


def test_music_without_drums_follows_a_groove_that_nobody_plays() -> None:
    scene = draw_scene(material(), replace(ALWAYS, drumless=1.0), 3)
    assert scene.hits == ()
    assert len(scene.cues) > 2
    assert all(0 <= hit.time <= 1.5 for hit in scene.cues)


@pytest.mark.parametrize("length", [1, 100, 4 * SAMPLE_RATE])
def test_silent_and_short_music_can_be_produced(length: int) -> None:
    made = material(Clip("silence", "band", np.zeros(length, dtype=np.float32)))
    for seed in range(8):
        assert np.isfinite(render_scene(draw_scene(made, ALWAYS, seed)).samples).all()


@pytest.mark.parametrize("chance", CHANCES)
def test_impossible_chances_are_refused(chance: str) -> None:
    with pytest.raises(ValueError, match=chance):
        replace(NEVER, **{chance: 1.1})
