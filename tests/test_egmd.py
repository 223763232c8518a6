"""E-GMD: takes as table and folder have them, splits that do not leak, and a check that finds faults."""

import csv
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drumlane.audio.io import Audio, write_audio
from drumlane.data.egmd import COLUMNS, EGMD, EGMD_TABLE, Take, find_table, load_takes, pairs_of, safe_name
from drumlane.data.egmd_check import coverage, faults, read_takes, summarise, take_inventory
from drumlane.data.egmd_reading import VELOCITY_BINS, Fault, read_take
from drumlane.data.gmd import SPLITS
from drumlane.data.splits import official_split, random_split, spread_takes, torn_performances
from drumlane.data.workers import each
from drumlane.errors import DatasetError, FormatError
from drumlane.formats.midi import read_midi, write_midi
from drumlane.performance import Hit, Performance
from drumlane.rendering.kits import SAMPLE_RATE
from drumlane.vocabulary import TD17, TD17_NOTE_OF_DRUM, Drum, Lane
from egmd_material import HITS, KITS, PERFORMANCES, SECONDS, row, write_egmd, write_table
from material import chord

# Notes of 4,211 MIDI files of E-GMD and what the maps make of them, as published.
PUBLISHED_NOTES = {
    36: 387_286, 38: 355_950, 44: 242_152, 42: 216_792, 51: 197_033, 43: 129_908, 40: 128_171, 22: 126_024,
    48: 116_840, 37: 54_221, 26: 45_211, 54: 33_144, 53: 14_315, 46: 12_513, 52: 12_123, 55: 6_714, 59: 6_364,
    50: 5_688, 45: 704, 58: 624, 39: 182, 57: 115, 49: 58, 47: 13, 56: 12,
}  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_egmd(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def grooves(shared_data: Path) -> Path:
    return shared_data / "grooves"


def take(id_: str = "drummer1/session1/1", split: str = "train", kit: int = 0) -> Take:
    """Return a take without files."""
    fields = {**row(id_, split, kit), "bpm": 120.0, "duration": SECONDS}
    return Take(**fields, midi=None, audio=None)  # type: ignore[arg-type]


def fault_names(root: Path, *, quick: bool = False) -> dict[str, list[Fault]]:
    """Return the faults by take."""
    inventory = take_inventory(root)
    found = summarise(inventory, read_takes(inventory, quick), quick).findings
    names = {finding.take for finding in found}
    return {name: [finding.fault for finding in found if finding.take == name] for name in names}


# The card and the table ----------------------------------------------------------------------------------


def test_the_card_s_numbers_agree_with_each_other() -> None:
    assert EGMD.n_takes == EGMD.n_performances * EGMD.n_kits == sum(n for _, n in EGMD.takes_of_split)
    assert all(n % EGMD.n_kits == 0 for _, n in EGMD.takes_of_split)
    assert EGMD.archive_url.endswith(".zip")
    assert EGMD.table_url.endswith(EGMD_TABLE)


def test_a_take_has_every_column_and_its_files(root: Path) -> None:
    takes = load_takes(root)
    assert len(takes) == len(PERFORMANCES) * len(KITS)
    with (root / EGMD_TABLE).open(newline="", encoding="utf-8") as stream:
        for one, expected in zip(takes, csv.DictReader(stream), strict=True):
            assert {name: str(getattr(one, name)) for name in COLUMNS} == expected | {"bpm": "120.0"}
            assert one.midi == root / expected["midi_filename"]
            assert one.audio == root / expected["audio_filename"]


def test_either_midi_suffix_is_found_whatever_the_table_says(root: Path) -> None:
    for path in root.rglob("*.midi"):
        path.rename(path.with_suffix(".mid"))
    assert {one.midi.suffix for one in load_takes(root) if one.midi} == {".mid"}
    assert len(pairs_of(load_takes(root), root)) == 6
    rows = [{**r, "midi_filename": r["midi_filename"].replace(".midi", ".mid")} for r in table_rows(root)]
    for path in root.rglob("*.mid"):
        path.rename(path.with_suffix(".midi"))
    write_table(root / EGMD_TABLE, rows)
    assert len(pairs_of(load_takes(root), root)) == 6


def test_a_missing_partner_is_none_and_no_pair_at_all_is_an_error(root: Path) -> None:
    midi, recording = sorted(root.rglob("*.midi"))[0], sorted(root.rglob("*.wav"))[1]
    midi.unlink()
    recording.unlink()
    takes = load_takes(root)
    assert [one.midi is None for one in takes] == [True, *[False] * 5]
    assert [one.audio is None for one in takes] == [False, True, *[False] * 4]
    assert len(pairs_of(takes, root)) == 4
    for path in root.rglob("*.wav"):
        path.unlink()
    with pytest.raises(DatasetError, match="no take has both recording and MIDI"):
        pairs_of(load_takes(root), root)


def test_numbers_that_are_none_do_not_stop_the_loader(root: Path) -> None:
    words = ("fast", "", "nan", "inf", "-1", "1e999")
    write_table(root / EGMD_TABLE, [row("a/b/1", "train", 0, bpm=word, duration=word) for word in words])
    assert {(one.bpm, one.duration) for one in load_takes(root)} == {(None, None)}


@given(
    st.text(max_size=60)
    | st.sampled_from(["../x.wav", "a/../../x.wav", "/etc/passwd", "c:/x.wav", "a\\..\\x"])
)
def test_a_safe_name_never_leaves_the_folder(name: str) -> None:
    folder = Path("/data/egmd")
    if safe_name(name):
        assert Path(*(folder / name).parts) == folder.joinpath(*name.split("/"))
        assert ".." not in name.split("/")
        assert (folder / name).is_relative_to(folder)
    else:
        assert (
            not name.strip("./") or not name.isprintable() or any(c in name for c in ("..", "\\", ":", "/"))
        )


@pytest.mark.parametrize(
    "name", ["../outside.wav", "/outside.wav", "x" * 300 + ".wav", "a\x00b.wav", ".", ""]
)
def test_hostile_names_count_as_missing_even_if_they_lead_somewhere(tmp_path: Path, name: str) -> None:
    root = tmp_path / "egmd"
    write_egmd(root)
    write_audio(tmp_path / "outside.wav", Audio(chord(220.0, 1.0), SAMPLE_RATE))
    rows = [row("a/b/1", "train", 0, audio_filename=name.replace("\x00", "\x01"), midi_filename=name[:200])]
    write_table(root / EGMD_TABLE, rows)
    assert [(one.audio, one.midi) for one in load_takes(root)] == [(None, None)]


def test_gmd_s_table_has_no_kits_and_a_folder_above_will_do(tmp_path: Path) -> None:
    root = tmp_path / "groove"
    rows = write_egmd(root, "info.csv")
    write_table(root / "info.csv", rows, COLUMNS[:-1])
    assert find_table(tmp_path) == find_table(root) == root / "info.csv"
    assert {one.kit_name for one in load_takes(tmp_path)} == {""}


def test_what_is_no_copy_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such folder"):
        load_takes(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match=f"neither {EGMD_TABLE} nor info.csv is in it; download the table"):
        load_takes(tmp_path)
    write_table(tmp_path / EGMD_TABLE, [])
    with pytest.raises(DatasetError, match="has no rows"):
        load_takes(tmp_path)
    write_table(tmp_path / EGMD_TABLE, [row("a/b/1", "train", 0)], COLUMNS[1:])
    with pytest.raises(DatasetError, match="column drummer is missing"):
        load_takes(tmp_path)
    (tmp_path / EGMD_TABLE).unlink()
    for name in ("one", "two"):
        write_egmd(tmp_path / name)
    with pytest.raises(DatasetError, match="holds 2 tables"):
        load_takes(tmp_path)


# Splits --------------------------------------------------------------------------------------------------

ids = st.sampled_from([f"drummer{d}/session1/{n}" for d in range(3) for n in range(4)])
some_takes = st.lists(st.builds(take, ids, st.sampled_from(SPLITS), st.integers(0, 1)), max_size=40)


@given(some_takes, st.integers(0, 2**32))
def test_a_random_split_loses_nothing_and_counts_what_it_tears(takes: list[Take], seed: int) -> None:
    split = random_split(takes, seed)
    assert Counter(one for part in split.parts.values() for one in part) == Counter(takes)
    sizes = [len(part) for part in split.parts.values()]
    n = round(0.15 * len(takes))
    assert sizes[1:] == [max(n, int(len(takes) >= 2)), n]  # with two, one of them validates
    assert split.warning is not None
    assert (
        f"leaks: {len(torn_performances(split))} of {len({t.id for t in takes})} performances"
        in split.warning
    )
    assert random_split(takes[::-1], seed) == split


@given(some_takes)
def test_the_official_split_refuses_what_a_table_tears_apart(takes: list[Take]) -> None:
    parts_of = {id_: {one.split for one in takes if one.id == id_} for id_ in {one.id for one in takes}}
    if any(len(parts) > 1 for parts in parts_of.values()):
        with pytest.raises(DatasetError, match="are in two parts"):
            official_split(takes)
    else:
        split = official_split(takes)
        assert torn_performances(split) == ()
        assert split.warning is None
        assert all(one.split == name for name, part in split.parts.items() for one in part)


def test_an_unknown_part_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(DatasetError, match="split 'valid' is unknown; splits: validation"):
        official_split([take(split="valid")])


@given(some_takes, st.integers(0, 50), st.integers(0, 100))
def test_spread_takes_are_different_rows_as_many_as_wanted(takes: list[Take], n: int, seed: int) -> None:
    chosen = spread_takes(takes, n, seed)
    assert len(chosen) == min(n, len(takes))
    assert not Counter(chosen) - Counter(takes)


def test_spread_takes_meet_every_drummer_and_kit_before_any_twice() -> None:
    takes = [take(f"drummer{d}/s/{n}", "train", kit) for d in range(2) for n in range(20) for kit in range(2)]
    for seed in range(5):
        chosen = spread_takes(takes, 2, seed)
        assert {one.drummer for one in chosen} == {"drummer0", "drummer1"}
        assert {one.kit_name for one in chosen} == set(KITS)
        assert len({one.id for one in spread_takes(takes, 40, seed)}) == 40


@pytest.mark.shared
def test_no_performance_of_the_real_table_is_in_two_splits(grooves: Path) -> None:
    takes = load_takes(grooves)
    split = official_split(takes)
    assert {name: len(part) for name, part in split.parts.items()} == {
        "train": 897,
        "validation": 124,
        "test": 129,
    }
    assert torn_performances(split) == ()
    assert len({one.id for one in takes}) == 1150
    assert sum(one.duration or 0.0 for one in takes) / 3600 == pytest.approx(13.582, abs=1e-3)
    # Every performance on several kits, as in E-GMD: only the official split keeps them whole.
    on_kits = [take(one.id, one.split, kit) for one in takes for kit in range(2)]
    assert torn_performances(official_split(on_kits)) == ()
    assert len(torn_performances(random_split(on_kits))) > 300


# Check ---------------------------------------------------------------------------------------------------


def test_a_whole_copy_has_no_fault_and_every_number(root: Path) -> None:
    inventory = take_inventory(root)
    found = summarise(inventory, read_takes(inventory))
    assert (found.findings, found.n_sound, found.torn, inventory.unlisted) == ((), 6, (), ())
    assert [(s.name, s.n_takes, s.n_performances) for s in found.splits] == [
        ("test", 2, 1),
        ("train", 2, 1),
        ("validation", 2, 1),
    ]
    assert [(s.name, s.n_takes, s.n_performances) for s in found.kits] == [
        ("Arena Stage", 3, 3),
        ("Jazz", 3, 3),
    ]
    assert sum(s.hours for s in found.kits) == pytest.approx(6 * SECONDS / 3600)
    assert found.sample_rates == {SAMPLE_RATE: 6}
    assert found.notes == {36: 6, 38: 6, 48: 6, 55: 6}
    for hit in HITS:
        low, high = VELOCITY_BINS[int(np.flatnonzero(found.hits[hit.drum.lane])[0])]
        assert low <= hit.velocity <= high
    assert found.hits.sum() == 24


def test_what_is_missing_is_counted_and_is_no_fault(root: Path) -> None:
    takes = load_takes(root)
    for path in (takes[0].midi, takes[1].audio, takes[2].midi, takes[2].audio):
        assert path is not None
        path.unlink()
    (root / "drummer1" / "extra.wav").write_bytes(b"RIFF")
    (root / "drummer1" / "._extra.wav").write_bytes(b"x")  # as macOS leaves them
    inventory = take_inventory(root)
    found = summarise(inventory, read_takes(inventory))
    assert [len(part) for part in (inventory.pairs, inventory.without_midi, inventory.without_audio)] == [
        3,
        1,
        1,
    ]
    assert [one.name for one in inventory.without_files] == [takes[2].name]
    assert inventory.unlisted == ("drummer1/extra.wav",)
    assert (found.findings, found.n_sound) == ((), 3)
    assert sum(share.n_takes for share in found.splits) == 3
    assert not inventory.midi_only


def test_every_kind_of_broken_file_is_found_and_named(root: Path) -> None:
    takes = [one for one in load_takes(root) if one.midi and one.audio]
    cut, junk, silent, short, long = (one.audio for one in takes[:5])
    cut.write_bytes(cut.read_bytes()[:60_000])
    junk.write_bytes(b"not a sound at all")
    write_audio(silent, Audio(np.zeros(round(SECONDS * SAMPLE_RATE), dtype=np.float32), SAMPLE_RATE))
    write_audio(short, Audio(chord(220.0, 0.6), SAMPLE_RATE))
    write_audio(long, Audio(chord(220.0, 13.0), SAMPLE_RATE))
    takes[5].midi.write_bytes(takes[5].midi.read_bytes()[:40])
    assert fault_names(root) == {
        takes[0].name: [Fault.AUDIO],
        takes[1].name: [Fault.AUDIO],
        takes[2].name: [Fault.SILENT],
        takes[3].name: [Fault.TABLE_DURATION, Fault.EARLY_END],
        takes[4].name: [Fault.TABLE_DURATION, Fault.LATE_END],
        takes[5].name: [Fault.MIDI],
    }
    # Headers alone tell what is no sound and what has another length, not what is silent or in the MIDI.
    quick = fault_names(root, quick=True)
    assert quick[takes[1].name] == [Fault.AUDIO]
    assert quick[takes[3].name] == quick[takes[4].name] == [Fault.TABLE_DURATION]
    assert not {takes[2].name, takes[5].name} & quick.keys()


def test_rows_without_sense_and_midi_without_notes_are_faults(root: Path) -> None:
    rows = table_rows(root)
    rows[0] |= {"bpm": "fast", "split": "dev"}
    rows[1] |= {"duration": "long"}
    write_table(root / EGMD_TABLE, rows)
    write_midi(Performance(duration=SECONDS), root / rows[2]["midi_filename"], note_of_drum=TD17_NOTE_OF_DRUM)
    found = fault_names(root)
    assert found == {
        rows[0]["midi_filename"]: [Fault.ROW, Fault.ROW],
        rows[1]["midi_filename"]: [Fault.ROW],
        rows[2]["midi_filename"]: [Fault.EMPTY],
    }


@pytest.mark.parametrize(("off", "n_faults"), [(0.0, 0), (0.4, 0), (0.6, 1), (-0.6, 1)])
def test_durations_may_differ_by_the_tolerance(root: Path, off: float, n_faults: int) -> None:
    write_table(root / EGMD_TABLE, [r | {"duration": str(SECONDS + off)} for r in table_rows(root)[:1]])
    (only,) = load_takes(root)
    assert len(read_take(only, tolerance=0.5).findings) == n_faults
    assert read_take(only, tolerance=0.7).is_sound


def test_a_quick_check_opens_no_midi_and_reads_no_samples(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object) -> None:
        raise AssertionError("opened")

    monkeypatch.setattr("drumlane.data.egmd_reading.read_midi_report", forbidden)
    monkeypatch.setattr("drumlane.data.egmd_reading.stream_audio", forbidden)
    inventory = take_inventory(root)
    found = summarise(inventory, read_takes(inventory, quick=True), quick=True)
    assert found.n_sound == 6
    assert sum(share.hours for share in found.splits) == pytest.approx(6 * SECONDS / 3600)
    assert (found.hits.sum(), dict(found.notes)) == (0, {})


def test_a_performance_in_two_splits_is_reported(root: Path) -> None:
    rows = table_rows(root)
    rows[0]["split"] = "test"
    write_table(root / EGMD_TABLE, rows)
    inventory = take_inventory(root)
    assert summarise(inventory, read_takes(inventory, quick=True)).torn == ("drummer1/session1/1",)


def test_the_maps_cover_what_is_published_of_them() -> None:
    by_name = {one.name: one for one in coverage(PUBLISHED_NOTES)}
    assert {name: f"{100 * one.share:.1f}" for name, one in by_name.items()} == {
        "td17": "98.4",
        "document-a": "55.6",
        "document-d": "80.9",
    }
    assert by_name["document-a"].hits_of_lane[Lane.CRASH] == 58
    assert by_name["td17"].hits_of_lane[Lane.MID_TOM] == 717
    assert by_name["document-d"].hits_of_lane[Lane.MID_TOM] == 116_853
    assert all(math.isnan(one.share) for one in coverage({}))


@given(st.dictionaries(st.integers(0, 127), st.integers(1, 1000), max_size=30))
def test_no_map_finds_more_notes_than_there_are(notes: dict[int, int]) -> None:
    for one in coverage(notes):
        assert 0 <= sum(one.hits_of_lane) <= one.n_notes == sum(notes.values())


def test_several_workers_find_what_one_finds(root: Path) -> None:
    load_takes(root)[0].audio.write_bytes(b"junk")  # type: ignore[union-attr]
    inventory = take_inventory(root)
    alone, together = (summarise(inventory, read_takes(inventory, num_workers=n)) for n in (1, 2))
    assert alone.findings == together.findings
    assert alone.hits.tolist() == together.hits.tolist()
    assert alone.splits == together.splits
    assert faults(alone.findings) == {Fault.AUDIO: 1}


def test_results_of_workers_come_in_the_order_of_the_items() -> None:
    assert list(each(abs, range(-20, 0), num_workers=2)) == list(range(20, 0, -1))
    assert list(each(abs, [], num_workers=2)) == []


@pytest.mark.shared
def test_the_real_grooves_are_whole_and_without_recordings(grooves: Path) -> None:
    inventory = take_inventory(grooves)
    found = summarise(inventory, read_takes(inventory, quick=True), quick=True)
    assert (len(inventory.takes), len(inventory.without_audio), inventory.midi_only) == (1150, 1150, True)
    assert (found.findings, found.torn, inventory.unlisted) == ((), (), ())
    assert found.n_sound == 1150
    hours = {share.name: round(share.hours, 3) for share in found.splits}
    assert hours == {"test": 1.405, "train": 10.808, "validation": 1.370}
    first = next(one for one in inventory.takes if one.id == "drummer1/eval_session/1")
    reading = read_take(first)
    assert reading.is_sound
    assert sum(reading.notes.values()) == 410


@pytest.mark.slow
@pytest.mark.shared
def test_the_real_grooves_hold_these_hits_and_no_broken_file(grooves: Path) -> None:
    inventory = take_inventory(grooves)
    found = summarise(inventory, read_takes(inventory))
    assert (found.findings, found.n_sound) == ((), 1150)
    assert found.hits.sum(axis=1).tolist() == [88_127, 135_269, 133_078, 14_733, 5_278, 12_279, 5_877, 51_671]
    assert {one.name: (one.n_notes, round(one.share, 3)) for one in coverage(found.notes)} == {
        "td17": (446_312, 1.0),
        "document-a": (446_312, 0.615),
        "document-d": (446_312, 0.823),
    }


# Notes ---------------------------------------------------------------------------------------------------


def test_a_td17_note_means_the_drum_s_lane_and_mostly_the_drum() -> None:
    assert set(Drum) - set(TD17_NOTE_OF_DRUM) == {Drum.SHAKER}
    for drum, note in TD17_NOTE_OF_DRUM.items():
        assert TD17[note].lane is drum.lane
        if drum not in (Drum.CHINA, Drum.SPLASH):
            assert TD17[note] is drum


def test_a_drum_without_a_note_is_refused_and_other_notes_are_not_signed_as_ours(tmp_path: Path) -> None:
    shaker = Performance.of([Hit(0.1, Drum.SHAKER, 90)])
    with pytest.raises(FormatError, match=r"a\.mid: does not fit into MIDI \(no note for shaker\)"):
        write_midi(shaker, tmp_path / "a.mid", note_of_drum=TD17_NOTE_OF_DRUM)
    every = Performance.of(Hit(0.1 * i, drum, 90) for i, drum in enumerate(TD17_NOTE_OF_DRUM))
    write_midi(every, tmp_path / "b.mid", note_of_drum=TD17_NOTE_OF_DRUM)
    assert [hit.drum.lane for hit in read_midi(tmp_path / "b.mid")] == [hit.drum.lane for hit in every]


def table_rows(root: Path) -> list[dict[str, str]]:
    with (root / EGMD_TABLE).open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_hits_without_a_lane_are_notes_but_no_hits(root: Path) -> None:
    (only, *_) = load_takes(root)
    assert only.midi is not None
    hits = [Hit(0.1, Drum.COWBELL, 90), Hit(1.5, Drum.KICK, 90)]
    write_midi(Performance.of(hits, SECONDS), only.midi, note_of_drum=TD17_NOTE_OF_DRUM)
    reading = read_take(only)
    assert (reading.notes, reading.hits.sum()) == ({56: 1, 36: 1}, 1)
