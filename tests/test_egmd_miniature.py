"""The miniature E-GMD: tree, table and names, exact to the sample, the same from its seed, resumable."""

import csv
import json
import re
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drumlane.audio.io import probe, read_audio
from drumlane.data.egmd import COLUMNS, EGMD_TABLE, load_takes
from drumlane.data.egmd_check import read_takes, summarise, take_inventory
from drumlane.data.gmd import SPLITS
from drumlane.data.miniature import MARK, TAIL, make_miniature, n_takes
from drumlane.data.miniature_plan import MiniatureOptions, plan_takes, splits_of
from drumlane.data.splits import official_split
from drumlane.errors import ConfigError, DatasetError
from drumlane.formats.midi import read_midi
from drumlane.performance import Performance
from drumlane.rendering.composition import STYLES, compose, compose_fill
from drumlane.rendering.kits import SAMPLE_RATE
from drumlane.rendering.render import RenderOptions, named_kit, render
from drumlane.vocabulary import LANES, TD17
from material import write_grooves, write_kits

STEM = re.compile(r"drummer\d+/session\d+/\d+_[a-z]+_\d+_(beat|fill)_\d-\d_\d+")


@pytest.fixture(scope="module")
def kits(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    manifest = tmp_path_factory.mktemp("kits") / "kits.csv"
    write_kits(manifest)
    return tuple(f"{manifest}:{name}" for name in ("alpha", "beta", "becks"))


@pytest.fixture(scope="module")
def options(kits: tuple[str, ...]) -> MiniatureOptions:
    return MiniatureOptions(kits=kits, performances=7, kits_per_performance=2, seconds=9.0)


@pytest.fixture(scope="module")
def made(options: MiniatureOptions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("mini") / "e-gmd"
    assert [take.was_there for take in make_miniature(root, options)] == [False] * n_takes(options)
    return root


def contents(root: Path) -> dict[str, bytes]:
    """Return every file by name."""
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


# What is made --------------------------------------------------------------------------------------------


def test_tree_names_and_table_are_those_of_e_gmd(made: Path, options: MiniatureOptions) -> None:
    with (made / EGMD_TABLE).open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == n_takes(options) == 14
    for row in rows:
        stem = row["midi_filename"].removesuffix(".midi")
        assert STEM.fullmatch(stem)
        assert row["audio_filename"] == f"{stem}.wav"
        assert stem.startswith(f"{row['session']}/{row['id'].rsplit('/', 1)[1]}_{row['style']}_{row['bpm']}_")
        assert row["session"].startswith(f"{row['drummer']}/")
        kit = int(stem.rsplit("_", 1)[1]) - 1
        assert row["kit_name"] == ("alpha", "beta", "becks")[kit]
    named = {name for row in rows for name in (row["midi_filename"], row["audio_filename"])}
    assert set(contents(made)) == named | {EGMD_TABLE, MARK}


def test_a_miniature_passes_its_own_check(made: Path) -> None:
    inventory = take_inventory(made)
    found = summarise(inventory, read_takes(inventory, tolerance=1e-3))
    assert (found.findings, found.n_sound, found.torn) == ((), 14, ())
    assert {share.name for share in found.splits} == set(SPLITS)
    assert found.sample_rates == {SAMPLE_RATE: 14}
    assert (found.hits.sum(axis=1) > 0).all()
    # What it writes is a TD-17's: the documents' maps lose of it what they lose of the dataset.
    assert {48, 45, 43, 55, 26} <= found.notes.keys()


def test_the_recording_is_what_the_midi_says_to_the_sample(made: Path, kits: tuple[str, ...]) -> None:
    for take in load_takes(made):
        assert take.midi is not None
        assert take.audio is not None
        performance = read_midi(take.midi)
        assert performance == read_midi(
            take.midi, TD17
        )  # not signed as one of ours: the default map is right
        assert probe(take.audio).sample_rate == SAMPLE_RATE
        sound = read_audio(take.audio).samples
        assert len(sound) == round((performance.duration + TAIL) * SAMPLE_RATE)
        assert take.duration == pytest.approx(len(sound) / SAMPLE_RATE, abs=1e-6)
        first = performance.hits[0].time
        assert np.abs(sound[: round(first * SAMPLE_RATE)]).max(initial=0.0) < 1e-3
    take = next(one for one in plan_takes(MiniatureOptions(kits=kits, performances=3, seconds=4.0)))
    assert take.performance.hits


def test_the_rendering_can_be_repeated_from_the_midi_alone(made: Path, options: MiniatureOptions) -> None:
    planned = next(take for take in plan_takes(options) if take.kit_index == 1)
    performance = read_midi(made / f"{planned.stem}.midi")
    again = render(
        performance, named_kit(planned.kit), RenderOptions("booth", planned.seed, tail=TAIL)
    ).samples
    recorded = read_audio(made / f"{planned.stem}.wav").samples
    assert np.abs(again - recorded).max() <= 1 / 32768


def test_the_midi_is_the_performance_that_was_planned(made: Path, options: MiniatureOptions) -> None:
    for planned in plan_takes(options):
        written = read_midi(made / f"{planned.stem}.midi")
        assert written.counts() == planned.performance.counts()
        for lane in LANES:
            assert written.lane_times(lane) == pytest.approx(planned.performance.lane_times(lane), abs=1e-3)
        assert written.tempo.changes[0].bpm == pytest.approx(planned.bpm, rel=1e-5)
        assert max(hit.time for hit in written) < options.seconds


# Seed, resumption, refusal -------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bytes_with_any_number_of_workers(
    made: Path, options: MiniatureOptions, tmp_path: Path
) -> None:
    assert len(list(make_miniature(tmp_path / "again", options, num_workers=2))) == 14
    assert contents(tmp_path / "again") == contents(made)


def test_an_interrupted_run_goes_on_and_ends_the_same(
    made: Path, options: MiniatureOptions, tmp_path: Path
) -> None:
    root = tmp_path / "mini"
    run = make_miniature(root, options)
    for _ in range(5):
        next(run)
    run.close()
    assert not (root / EGMD_TABLE).exists()
    cut, lonely, *_ = sorted(root.rglob("*.wav"))
    cut.write_bytes(cut.read_bytes()[:30_000])
    lonely.with_suffix(".midi").unlink()
    left_over = cut.with_name(".drumlane-0123456789ab.wav")
    left_over.write_bytes(b"half")
    times = {path: path.stat().st_mtime_ns for path in root.rglob("*_?.wav") if path not in (cut, lonely)}
    assert sum(take.was_there for take in make_miniature(root, options)) == 3
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert contents(root) == contents(made)


def test_a_folder_with_something_else_is_refused_and_left_alone(
    made: Path, options: MiniatureOptions, tmp_path: Path, kits: tuple[str, ...]
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(ConfigError, match="holds something else"):
        next(make_miniature(tmp_path, options))
    assert contents(tmp_path) == {"thesis.txt": b"years of work"}
    with pytest.raises(ConfigError, match="holds something else"):
        next(make_miniature(tmp_path / "thesis.txt", options))
    other = MiniatureOptions(kits=kits, performances=7, kits_per_performance=2, seconds=9.0, seed=1)
    with pytest.raises(ConfigError, match="holds a miniature of other options"):
        next(make_miniature(made, other))


def test_a_run_that_made_nothing_does_not_bind_the_folder(kits: tuple[str, ...], tmp_path: Path) -> None:
    wrong = MiniatureOptions(kits=(kits[0], "nosuch"), performances=3, kits_per_performance=1, seconds=2.0)
    with pytest.raises(ConfigError, match="kit 'nosuch' is unknown"):
        list(make_miniature(tmp_path / "mini", wrong))
    assert not (tmp_path / "mini").exists()
    right = MiniatureOptions(kits=kits[:1], performances=3, kits_per_performance=1, seconds=2.0)
    assert len(list(make_miniature(tmp_path / "mini", right))) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"performances": 2}, "2 performances do not fill 3 splits"),
        ({"seconds": 0.5}, "0.5 seconds of each performance must be 1 to 3600"),
        ({"seconds": float("nan")}, "nan seconds"),
        ({"seed": -1}, "seed -1 must be 0 or more"),
        ({"kits": ("procedural:1", "procedural:1")}, "two kits are called procedural:1"),
        ({"kits": ("a/Kit.sfz", "b/Kit.sfz")}, "two kits are called Kit"),
        ({"kits": ("procedural:1",)}, "3 kits for each performance, but there are 1; name more"),
        ({"kits_per_performance": 0}, "0 kits for each performance"),
    ],
)
def test_options_that_do_not_go_together_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MiniatureOptions(**changes)  # type: ignore[arg-type]


# The plan ------------------------------------------------------------------------------------------------


@given(st.integers(3, 2000))
def test_every_part_has_a_performance_and_most_train(n: int) -> None:
    n_train, n_validation, n_test = splits_of(n)
    assert n_train + n_validation + n_test == n
    assert min(n_train, n_validation, n_test) >= 1
    assert n < 6 or n_train > 0.7 * n - 1


@settings(max_examples=20)
@given(st.integers(3, 30), st.integers(1, 8), st.integers(0, 1000))
def test_a_plan_is_by_performance_with_every_kit_equally_often(n: int, per: int, seed: int) -> None:
    options = MiniatureOptions(performances=n, kits_per_performance=per, seconds=1.0, seed=seed)
    takes = plan_takes(options)
    assert len({take.stem for take in takes}) == len(takes) == n_takes(options) == n * per
    splits, kits = defaultdict(set), defaultdict(set)
    for take in takes:
        splits[take.id].add(take.split)
        kits[take.id].add(take.kit)
    assert len(splits) == n
    assert all(len(names) == 1 for names in splits.values())
    assert all(len(names) == per for names in kits.values())
    assert Counter(*[[next(iter(names)) for names in splits.values()]]).keys() == set(SPLITS)
    n_played = Counter(take.kit for take in takes)
    assert max(n_played.values()) - min(n_played.get(kit, 0) for kit in options.all_kits) <= 1
    assert plan_takes(options) == takes


def test_by_default_there_are_at_least_sixty_pairs_on_several_kits() -> None:
    options = MiniatureOptions()
    assert n_takes(options) >= 60
    takes = plan_takes(MiniatureOptions(seconds=1.0))
    assert len(takes) == 60
    assert len({take.kit for take in takes}) == 6
    assert {take.style for take in takes} == set(STYLES)


def test_grooves_keep_their_split_and_their_names(tmp_path: Path, kits: tuple[str, ...]) -> None:
    write_grooves(tmp_path / "gmd")
    options = MiniatureOptions(tmp_path / "gmd", kits, performances=4, kits_per_performance=2, seconds=5.0)
    takes = list(make_miniature(tmp_path / "mini", options))
    assert len(takes) == 8
    sources = {take.id: take for take in load_takes(tmp_path / "gmd")}
    for take in load_takes(tmp_path / "mini"):
        source = sources[take.id]
        assert (take.split, take.style, take.bpm) == (source.split, source.style, source.bpm)
        assert take.midi_filename.startswith(source.midi_filename.removesuffix(".mid") + "_")
        assert take.midi is not None
        assert source.midi is not None
        played = [hit for hit in read_midi(source.midi, TD17) if hit.time < 5.0]
        assert [hit.velocity for hit in read_midi(take.midi)] == [hit.velocity for hit in played]
    mark = json.loads((tmp_path / "mini" / MARK).read_text(encoding="utf-8"))
    assert "CC BY 4.0" in mark["grooves"]
    with pytest.raises(DatasetError, match="3 performances of split 'train' are wanted, 2 can be read"):
        plan_takes(MiniatureOptions(tmp_path / "gmd", kits, performances=5))


def test_broken_and_empty_grooves_are_passed_over(tmp_path: Path) -> None:
    write_grooves(tmp_path, ("train", "train", "train", "validation", "test"))
    broken, *_ = sorted(tmp_path.rglob("*.mid"))
    broken.write_bytes(b"junk")
    for seed in range(3):
        takes = plan_takes(MiniatureOptions(tmp_path, performances=3, seconds=2.0, seed=seed))
        assert {take.split for take in takes} == set(SPLITS)
        assert not any(take.stem.startswith(broken.with_suffix("").name) for take in takes)


@pytest.mark.shared
def test_real_grooves_make_a_plan_with_all_parts(shared_data: Path) -> None:
    options = MiniatureOptions(shared_data / "grooves", performances=8, seconds=5.0)
    takes = plan_takes(options)
    real = {take.id: take.split for take in load_takes(shared_data / "grooves")}
    assert {take.id: take.split for take in takes} == {take.id: real[take.id] for take in takes}
    assert Counter({take.id: take.split for take in takes}.values()) == {
        "train": 6,
        "validation": 1,
        "test": 1,
    }
    assert len({take.drummer for take in takes}) >= 4
    assert official_split(load_takes(shared_data / "grooves")).warning is None


# Composition ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STYLES)
def test_the_patterns_of_a_style_fit_each_other(name: str) -> None:
    style = STYLES[name]
    assert {len(pattern) for pattern in style.patterns.values()} == {style.n_steps}
    assert style.n_steps % style.beats == 0
    for step in range(style.n_steps):
        struck = [drum.lane for drum, pattern in style.patterns.items() if pattern[step] != "."]
        assert len(set(struck)) == len(struck), f"step {step} strikes a lane twice"


@given(st.sampled_from(list(STYLES)), st.floats(1.0, 40.0), st.integers(0, 2**32))
def test_a_composed_groove_is_in_time_and_the_same_from_its_seed(
    name: str, seconds: float, seed: int
) -> None:
    style = STYLES[name]
    bpm = float(style.bpm[0])
    groove = compose(style, bpm, seconds, np.random.default_rng(seed))
    assert groove == compose(style, bpm, seconds, np.random.default_rng(seed))
    assert groove.duration == seconds
    step = 60 / bpm * style.beats / style.n_steps
    off = [abs(hit.time - round(hit.time / step) * step) for hit in groove]
    assert max(off) <= 0.02 + 1e-9
    assert all(0 <= hit.time < seconds for hit in groove)
    assert groove.tempo.signatures[0].numerator == style.beats


def test_together_the_styles_play_every_lane_and_a_fill_every_tom() -> None:
    rng = np.random.default_rng(0)
    grooves = [compose(style, 120.0, 20.0, rng) for style in STYLES.values()]
    for lane in LANES:
        assert sum(len(groove.lane_times(lane)) for groove in grooves) >= 10, lane.label
    for style in STYLES.values():
        fill = compose_fill(style, 120.0, rng)
        assert isinstance(fill, Performance)
        assert {"tom_high", "tom_mid", "tom_low", "crash"} <= {hit.drum.value for hit in fill}
