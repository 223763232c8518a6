"""Scene: one seed gives one item, and its labels say exactly what is heard."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drumlane.errors import AudioError, DatasetError
from drumlane.performance import Hit
from drumlane.rendering.accompaniment import VARIED, Clip, draw_bed, load_bands, load_clips, load_rooms
from drumlane.rendering.casting import TOM_LANES, draw_extras, draw_voices
from drumlane.rendering.kits import SAMPLE_RATE
from drumlane.rendering.material import Material, draw_kit, draw_piece
from drumlane.rendering.mixing import with_hum
from drumlane.rendering.procedural import embedded_kit
from drumlane.rendering.scene import draw_scene, render_scene
from drumlane.rendering.scene_options import LEAD_SECONDS, SceneOptions
from drumlane.rendering.stage import COLOUR_HZ
from drumlane.vocabulary import Drum
from material import chord, click_kit, rock_beat, write_backing

PLAIN = SceneOptions(
    accompanied=0.0,
    drumless=0.0,
    percussion=0.0,
    mixed_kit=0.0,
    noise=0.0,
    buzz=0.0,
    soft_sticks=0.0,
    sweep=0.0,
    hum=0.0,
    layered=0.0,
    rattle=0.0,
    mastered=0.0,
    band_limited=0.0,
    arranged=False,
    joined=False,
    coloured=False,
)
BUSY = SceneOptions(seconds=1.5, percussion=0.5, noise=0.7, buzz=0.7, soft_sticks=0.5, sweep=0.5)
BEAT = rock_beat(12.0, 120).hits
seeds = st.integers(0, 2**32 - 1)


def music(seconds: float = 4.0) -> Clip:
    return Clip("chord", "band", chord(220.0, seconds).astype(np.float32))


def material(grooves: Sequence[Sequence[Hit]] = (BEAT,), clips: Sequence[Clip] = ()) -> Material:
    rooms = (np.full(500, 500**-0.5, dtype=np.float32),)
    kits = (click_kit(), click_kit(name="other", onset=60))
    return Material(kits=kits, grooves=tuple(grooves), clips=tuple(clips), rooms=rooms)


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_one_seed_gives_one_item_and_its_labels_lie_inside(seed: int) -> None:
    made = material(clips=[music()])
    first, second = (render_scene(draw_scene(made, BUSY, seed)) for _ in range(2))
    np.testing.assert_array_equal(first.samples, second.samples)
    assert first.hits == second.hits
    assert first.samples.shape == (round(BUSY.seconds * SAMPLE_RATE),)
    assert first.samples.dtype == np.float32
    assert np.isfinite(first.samples).all()
    assert all(0 <= h.time < BUSY.seconds and h.drum.lane is not None for h in first.hits)
    assert all(a.time <= b.time for a, b in pairwise(first.hits))


def test_different_seeds_give_different_items() -> None:
    made = material()
    levels = {float(render_scene(draw_scene(made, BUSY, seed)).samples.std()) for seed in range(8)}
    assert len(levels) == 8


def rises(samples: NDArray[np.float32], times: Sequence[float]) -> NDArray[np.float64]:
    """Return where, near each time, energy rises most: 2 ms from a sample on against the 10 ms before."""
    power = np.concatenate([np.zeros(441), np.cumsum(samples.astype(np.float64) ** 2)])
    found = []
    for time in times:
        around = np.arange(round((time - 0.2) * SAMPLE_RATE), round((time + 0.2) * SAMPLE_RATE))
        around = around[(around > 0) & (around + 88 < len(samples))] + 440  # the last sum before the sample
        ratio = (power[around + 88] - power[around]) / (power[around] - power[around - 441] + 1e-5)
        found.append((around[np.argmax(ratio)] - 439) / SAMPLE_RATE)
    return np.array(found)


def errors_of_labels(coloured: bool, n_items: int) -> NDArray[np.float64]:
    """Return how many seconds the independent detector is from the labels, drum by drum."""
    drums = [d for d in Drum if d.lane is not None]
    groove = tuple(Hit(LEAD_SECONDS + 0.5 + k, drum, 100) for k, drum in enumerate(drums))
    made = Material(kits=(embedded_kit(),), grooves=(groove,))
    options = replace(PLAIN, seconds=len(drums) + 1.0, coloured=coloured)
    found = []
    for seed in range(n_items):
        item = render_scene(draw_scene(made, options, seed))
        assert [h.drum for h in item.hits] == drums
        labels = np.array([h.time for h in item.hits])
        found.append(np.abs(rises(item.samples, labels.tolist()) - labels))
    return np.concatenate(found)


def test_an_onset_detector_agrees_with_the_labels() -> None:
    assert errors_of_labels(coloured=False, n_items=6).max() < 0.002


# What loses its stick to a dark colour, or blooms as crashes do, rises most a little after it is struck.
def test_an_onset_detector_agrees_with_the_labels_of_most_coloured_strokes() -> None:
    errors = errors_of_labels(coloured=True, n_items=10)
    assert np.median(errors) < 0.0015
    assert np.quantile(errors, 0.9) < 0.005


def test_a_lane_that_the_desk_raises_is_labelled_as_struck_harder_by_as_much() -> None:
    groove = tuple(
        Hit(LEAD_SECONDS + 0.5 * k, drum, 60) for k, drum in enumerate([Drum.KICK, Drum.SNARE, Drum.RIDE] * 3)
    )
    scene = draw_scene(material([groove]), replace(PLAIN, seconds=5.0), 0)
    assert {h.velocity for h in render_scene(scene).hits} == {60}
    gains = {Drum.KICK: 0.5, Drum.SNARE: 1.0, Drum.RIDE: 1.5}
    desk = {drum: replace(scene.voices[drum], gain=gain) for drum, gain in gains.items()}
    moved = render_scene(replace(scene, voices=desk))
    labelled = {h.drum: h.velocity for h in moved.hits}
    for drum, gain in gains.items():
        as_loud = 20 * np.log10(gain)
        assert scene.curve_db * np.log10(labelled[drum] / 60) == pytest.approx(as_loud, abs=0.2)
    loud = render_scene(replace(scene, voices={**desk, Drum.RIDE: replace(desk[Drum.RIDE], gain=50.0)}))
    assert {h.velocity for h in loud.hits if h.drum is Drum.RIDE} == {127}


def test_a_lane_that_its_colour_makes_quieter_is_labelled_as_struck_softer() -> None:
    groove = tuple(
        Hit(LEAD_SECONDS + 0.5 * k, drum, 90) for k, drum in enumerate([Drum.KICK, Drum.SNARE, Drum.RIDE] * 3)
    )
    scene = draw_scene(material([groove]), replace(PLAIN, seconds=5.0), 0)
    quiet = np.full(len(COLOUR_HZ), 0.5, dtype=np.float32)
    coloured = {**scene.voices, Drum.RIDE: replace(scene.voices[Drum.RIDE], colour=quiet)}
    labelled = {h.drum: h.velocity for h in render_scene(replace(scene, voices=coloured)).hits}
    assert labelled[Drum.KICK] == labelled[Drum.SNARE] == 90
    lower = scene.curve_db * np.log10(labelled[Drum.RIDE] / 90)
    assert lower == pytest.approx(-6.0, abs=0.3)
    silent = {**coloured, Drum.RIDE: replace(coloured[Drum.RIDE], colour=quiet * 1e-3)}
    labelled = {h.drum: h.velocity for h in render_scene(replace(scene, voices=silent)).hits}
    lower = scene.curve_db * np.log10(labelled[Drum.RIDE] / 90)
    assert lower == pytest.approx(-10.0, abs=0.3), "at most"


def test_hits_of_the_lead_ring_into_the_item_without_a_label() -> None:
    ringing = (Hit(LEAD_SECONDS - 0.01, Drum.CRASH, 127), Hit(LEAD_SECONDS + 1.0, Drum.KICK, 100))
    item = render_scene(draw_scene(material([ringing]), replace(PLAIN, seconds=1.5), 0))
    assert [(h.drum, round(h.time, 6)) for h in item.hits] == [(Drum.KICK, 1.0)]
    assert np.abs(item.samples[:2000]).max() > 0.01


def test_a_drum_that_no_kit_has_is_neither_heard_nor_labelled() -> None:
    made = Material(kits=(click_kit([Drum.KICK]),), grooves=(BEAT,))
    item = render_scene(draw_scene(made, replace(PLAIN, seconds=3.0), 0))
    assert {h.drum for h in item.hits} == {Drum.KICK}


@given(seeds)
@settings(max_examples=10, deadline=None)
@example(4945)  # a separator would leave nothing of its chord
def test_an_item_without_drums_has_no_labels(seed: int) -> None:
    options = replace(BUSY, drumless=1.0, separated=0.0, band_limited=0.0)
    item = render_scene(draw_scene(material(clips=[music()]), options, seed))
    assert item.hits == ()
    assert np.abs(item.samples).max() > 0.01


def test_percussion_beside_the_drums_is_heard_and_not_labelled() -> None:
    quiet = (Hit(LEAD_SECONDS + 5.9, Drum.KICK, 1), Hit(LEAD_SECONDS + 5.95, Drum.KICK, 1))
    with_it, without = (
        render_scene(draw_scene(material([quiet]), replace(PLAIN, seconds=6.0, percussion=p), 3))
        for p in (1.0, 0.0)
    )
    assert with_it.hits == without.hits
    early = slice(0, 5 * SAMPLE_RATE)
    assert np.abs(without.samples[early]).max() < 1e-6
    assert np.abs(with_it.samples[early]).max() > 0.01


@pytest.mark.parametrize("level_db", [-8.0, 0.0, 12.0])
def test_drums_are_as_loud_against_the_music_as_asked(level_db: float) -> None:
    options = replace(PLAIN, seconds=4.0, accompanied=1.0, level_db=(level_db, level_db))
    scene = draw_scene(material(clips=[music()]), options, 5)
    assert scene.bed is not None
    drums = render_scene(scene).samples - scene.bed
    blocks = np.sort(np.mean(drums.reshape(-1, 2205) ** 2, axis=1))  # 50 ms
    loud = np.sqrt(blocks[len(blocks) // 2 :].mean())
    bed = np.sqrt(np.mean(scene.bed.astype(np.float64) ** 2))
    assert 20 * np.log10(loud / bed) == pytest.approx(level_db, abs=0.1)


def test_noise_lies_as_far_below_the_loud_parts_as_drawn() -> None:
    scene = replace(
        draw_scene(material(), replace(PLAIN, seconds=2.0, noise=1.0), 2), hits=(), noise_db=-30.0
    )
    heard = render_scene(replace(scene, bed=np.full(2 * SAMPLE_RATE, 0.1, dtype=np.float32)))
    assert np.std(heard.samples) == pytest.approx(0.1 * 10 ** (-30 / 20), rel=0.05)


@given(seeds)
def test_toms_come_from_one_kit_and_share_a_pitch(seed: int) -> None:
    made = material()
    options = replace(BUSY, mixed_kit=1.0, tom_sets=0.0)
    voices = draw_voices(made, options, np.random.default_rng(seed))
    toms = [v for drum, v in voices.items() if drum.lane in TOM_LANES]
    assert len({v.pitch for v in toms}) == 1
    assert any({id(v.piece) for v in toms} <= {id(p) for p in kit.pieces.values()} for kit in made.kits)


@given(seeds)
def test_a_set_of_toms_is_one_tom_tuned_in_order(seed: int) -> None:
    made = material()
    voices = draw_voices(made, replace(BUSY, mixed_kit=1.0, tom_sets=1.0), np.random.default_rng(seed))
    high, mid, low = (voices[drum] for drum in (Drum.TOM_HIGH, Drum.TOM_MID, Drum.TOM_LOW))
    assert high.piece is mid.piece is low.piece
    steps = 12 * np.log2([high.pitch / mid.pitch, mid.pitch / low.pitch])
    assert np.all((steps >= 2.0) & (steps <= 7.0))


@pytest.mark.parametrize(("even", "share"), [(False, 1 / 10), (True, 1 / 4)])
def test_a_large_family_is_drawn_by_the_root_of_its_size(even, share) -> None:
    kits = [
        click_kit(name="lone"),
        *(replace(click_kit(name=f"one of nine {i}"), family="nine") for i in range(9)),
    ]
    made = Material(kits=tuple(kits), grooves=(BEAT,))
    rng = np.random.default_rng(0)
    lone = kits[0].pieces[Drum.KICK]
    kit_draws = [draw_kit(kits, even, rng) is kits[0] for _ in range(4000)]
    piece_draws = [draw_piece(made, Drum.KICK, True, even, rng) is lone for _ in range(4000)]
    assert np.mean(kit_draws) == pytest.approx(share, abs=0.03)
    assert np.mean(piece_draws) == pytest.approx(share, abs=0.03)


def test_a_kit_s_gaps_are_filled_from_the_others() -> None:
    made = Material(kits=(click_kit([Drum.KICK]), click_kit([Drum.RIDE], name="other")), grooves=(BEAT,))
    voices = draw_voices(made, PLAIN, np.random.default_rng(0))
    assert voices.keys() >= {Drum.KICK, Drum.RIDE}


@pytest.mark.parametrize(
    ("field", "value"), [("accompanied", 1.5), ("sweep", -0.1), ("seconds", 0.0), ("level_db", (3.0, 1.0))]
)
def test_impossible_options_are_refused(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        replace(PLAIN, **{field: value})


# Accompaniment -----------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(1000, 60_000))
def test_a_bed_has_its_length_and_level_and_is_a_function_of_its_seed(seed: int, n_samples: int) -> None:
    layers = [
        Clip(kind, kind, chord(330.0, 0.4).astype(np.float32))
        for kind in ("guitar", "voice", "synth", "bass")
    ]
    first, second = (draw_bed([music(), *layers], n_samples, np.random.default_rng(seed)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (n_samples,)
    assert np.sqrt(np.mean(first.astype(np.float64) ** 2)) == pytest.approx(0.1, rel=1e-3)


def test_held_out_clips_and_rooms_are_apart_and_nothing_is_lost(tmp_path: Path) -> None:
    write_backing(tmp_path)
    training, held_out = ({clip.name for clip in load_clips(tmp_path, held_out=h)} for h in (False, True))
    assert training == {"music/0.wav", "real/ev_1_synth.wav"}
    assert held_out == {"music/1.wav", "real/ev_7_voice.wav"}
    rooms = load_rooms(tmp_path)
    assert (len(rooms), len(load_rooms(tmp_path, held_out=True))) == (4, 1)
    for room in rooms:
        assert float(np.sum(room**2)) == pytest.approx(1.0, rel=1e-4)
        assert not room[:44].any()


def test_broken_tables_and_missing_clips_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"music\.csv: cannot read the table of clips"):
        load_clips(tmp_path)
    write_backing(tmp_path)
    (tmp_path / "music" / "0.wav").unlink()
    with pytest.raises(AudioError, match=r"0\.wav"):
        load_clips(tmp_path)
    (tmp_path / "real.csv").write_text("file,sort\na.wav,voice\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"real\.csv: not a table of clips: column kind is missing"):
        load_clips(tmp_path)
    (tmp_path / "ir.csv").write_bytes(b"file\n\xff\xfe\n")
    with pytest.raises(DatasetError, match=r"ir\.csv: not a table of clips"):
        load_rooms(tmp_path)


@pytest.mark.slow
@pytest.mark.shared
def test_no_training_clip_has_a_copyleft_licence(shared_data: Path) -> None:
    import csv

    licences: dict[str, str] = {}
    for name in ("music", "real", "ir"):
        with (shared_data / "backing" / f"{name}.csv").open(newline="", encoding="utf-8") as stream:
            licences |= {row["file"]: row["licence"] for row in csv.DictReader(stream)}
    used = [clip.name for clip in load_clips(shared_data / "backing")]
    assert len(used) > 100
    assert not [name for name in used if "GPL" in licences[name] or "BY-SA" in licences[name]]


def test_short_grooves_are_joined_until_they_fill_the_item() -> None:
    fill = tuple(Hit(0.2 * i, Drum.SNARE, 90) for i in range(8))
    scene = draw_scene(material([fill]), replace(PLAIN, seconds=9.0, joined=True), 0)
    times = [0.0, *(hit.time for hit in scene.hits), 10.0]
    assert times == sorted(times)
    assert max(b - a for a, b in pairwise(times)) < 1.0
    assert len(draw_scene(material([fill]), replace(PLAIN, seconds=9.0), 0).hits) == len(fill)


def test_grooves_are_drawn_by_their_length() -> None:
    made = material([rock_beat(40.0, 120).hits, (Hit(0.0, Drum.COWBELL, 90), Hit(0.5, Drum.COWBELL, 90))])
    scenes = [draw_scene(made, replace(PLAIN, seconds=2.0), seed) for seed in range(200)]
    short = sum(scene.hits[0].drum is Drum.COWBELL for scene in scenes if scene.hits)
    assert 1 <= short <= 20  # 1.5 of 42.5 shares: seven expected


@pytest.mark.parametrize(("hertz", "level_db"), [(50.0, -20.0), (240.0, 0.0)])
def test_a_hum_is_a_steady_tone_at_its_level_against_the_loud_parts(hertz: float, level_db: float) -> None:
    samples = np.random.default_rng(0).standard_normal(SAMPLE_RATE, dtype=np.float32) * np.float32(0.1)
    added = with_hum(samples, (hertz, level_db)) - samples
    spectrum = np.abs(np.fft.rfft(added))
    assert int(np.argmax(spectrum)) == round(hertz)
    assert 2 * spectrum.max() / len(added) == pytest.approx(0.1 * 10 ** (level_db / 20), rel=0.03)
    assert added[:22050].std() == pytest.approx(added[22050:].std(), rel=0.02)


def test_a_hum_under_silence_is_faint() -> None:
    assert 0 < np.abs(with_hum(np.zeros(4410, dtype=np.float32), (100.0, 0.0))).max() < 0.002


def test_cymbals_tremble_under_strong_strokes_of_other_drums_softer_than_they_are_struck() -> None:
    made, options = material(), replace(PLAIN, coloured=True, rattle=1.0)
    seen = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        voices = draw_voices(made, options, rng)
        for hits, voice in draw_extras(made, BEAT, voices, options, rng):
            seen += 1
            assert {h.drum for h in hits} == {Drum.CLAP}
            under = {h.time for h in BEAT if h.drum is not Drum.HIHAT_CLOSED and h.velocity > 50}
            assert {h.time for h in hits} <= under
            assert voice.softening > 0
            cymbals = (Drum.HIHAT_CLOSED, Drum.HIHAT_OPEN, Drum.RIDE, Drum.CRASH)
            assert any(voice.gain < 0.51 * voices[d].gain for d in cymbals if d in voices)
    assert seen >= 8


def test_a_varied_bed_differs_and_a_plain_one_stays_as_it_was() -> None:
    clips = [music(), Clip("noise", "band", np.random.default_rng(1).normal(size=90_000).astype(np.float32))]
    plain = [draw_bed(clips, 30_000, np.random.default_rng(n)) for n in range(4)]
    varied = [draw_bed(clips, 30_000, np.random.default_rng(n), VARIED) for n in range(4)]
    assert all(np.isfinite(bed).all() and abs(float(np.std(bed)) - 0.1) < 0.01 for bed in varied)
    assert any(not np.array_equal(a, b) for a, b in zip(plain, varied, strict=True))


def test_a_folder_of_bands_needs_no_more_than_its_table(tmp_path: Path) -> None:
    write_backing(tmp_path)
    (tmp_path / "real.csv").unlink()
    names = {clip.name for clip in load_bands(tmp_path)}
    assert names
    assert all(clip.kind == "band" for clip in load_bands(tmp_path))
    with pytest.raises(DatasetError, match=r"music\.csv"):
        load_bands(tmp_path / "nothing")
