"""Data: grooves by split, kits by family, and a card that names all a model learnt from."""

import csv
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from drumlane.data.families import (
    TEST_FAMILIES,
    VALIDATION_FAMILIES,
    in_test,
    in_training,
    in_validation,
)
from drumlane.data.gmd import SPLITS, load_grooves
from drumlane.errors import DatasetError, FormatError
from drumlane.rendering.kits import STRICT_LICENCES, ManifestRow, read_manifest
from drumlane.vocabulary import NOTE_OF_DRUM, TD17
from material import KITS, rock_beat, write_grooves, write_kits

COPYLEFT = ("gpl", "cc-by-sa")


@pytest.fixture
def grooves(tmp_path: Path) -> Path:
    write_grooves(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def real_rows(shared_data: Path) -> list[ManifestRow]:
    return read_manifest(shared_data / "kits" / "kits.csv")


# Grooves -------------------------------------------------------------------------------------------------


def test_each_split_has_its_grooves_in_the_table_s_order(grooves: Path) -> None:
    ids = {split: [g.id.rsplit("/", 1)[1] for g in load_grooves(grooves, split)] for split in SPLITS}
    assert ids == {"train": ["0", "1"], "validation": ["2"], "test": ["3"]}
    assert len(load_grooves(grooves, "train", max_grooves=1)) == 1


def test_a_groove_is_what_was_played(grooves: Path) -> None:
    groove = load_grooves(grooves, "train")[0]
    expected = rock_beat(12.0, 100)
    assert [h.velocity for h in groove.performance] == [h.velocity for h in expected]
    # Read as the kit that GMD was played on means it: there our low tom's note is a mid tom.
    meant = [TD17[NOTE_OF_DRUM[h.drum]] for h in expected]
    assert groove.performance.counts() == Counter(meant)
    times = [h.time for h in groove.performance]
    assert times == pytest.approx([h.time for h in expected], abs=1e-3)
    assert (groove.style, groove.bpm, groove.beat_type, groove.split) == ("rock", 100.0, "beat", "train")


def test_missing_files_are_left_out_as_long_as_some_are_there(grooves: Path) -> None:
    first, second = sorted(grooves.rglob("*.mid"))[:2]
    first.unlink()
    assert len(load_grooves(grooves, "train")) == 1
    second.unlink()
    with pytest.raises(DatasetError, match="none of the 2 MIDI files of split 'train' can be read"):
        load_grooves(grooves, "train")


def test_a_broken_file_is_not_mistaken_for_a_missing_one(grooves: Path) -> None:
    first = sorted(grooves.rglob("*.mid"))[0]
    first.write_bytes(b"not MIDI")
    with pytest.raises(FormatError, match=first.name):
        load_grooves(grooves, "train")


def test_a_missing_table_an_unknown_split_and_a_strange_table_are_one_line(grooves: Path) -> None:
    with pytest.raises(DatasetError, match=r"info\.csv: cannot read the groove table"):
        load_grooves(grooves / "nowhere", "train")
    with pytest.raises(DatasetError, match="split 'dev' is unknown; splits: train, validation, test"):
        load_grooves(grooves, "dev")
    table = grooves / "info.csv"
    good = table.read_text(encoding="utf-8")
    table.write_text(good.replace("midi_filename", "file"), encoding="utf-8")
    with pytest.raises(DatasetError, match="column midi_filename is missing"):
        load_grooves(grooves, "train")
    table.write_text(good.replace(",100,", ",fast,"), encoding="utf-8")
    with pytest.raises(DatasetError, match="bpm 'fast' is no number"):
        load_grooves(grooves, "train")
    table.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match="not a groove table"):
        load_grooves(grooves, "train")


@pytest.mark.shared
def test_real_grooves_of_one_split_are_in_no_other(shared_data: Path) -> None:
    ids = {split: {g.id for g in load_grooves(shared_data / "grooves", split, 40)} for split in SPLITS}
    assert all(len(chosen) == 40 for chosen in ids.values())
    assert len(set.union(*ids.values())) == 120


# Families ------------------------------------------------------------------------------------------------


def test_the_sets_of_families_do_not_touch() -> None:
    assert not set(VALIDATION_FAMILIES) & set(TEST_FAMILIES)


def test_copyleft_and_held_out_kits_are_never_in_training(tmp_path: Path) -> None:
    write_kits(tmp_path / "kits.csv")
    chosen = {row.kit for row in read_manifest(tmp_path / "kits.csv") if in_training(row)}
    assert chosen == {name for name, family, licence in KITS if licence in ("cc0", "cc-by")}


@pytest.mark.shared
def test_every_real_file_of_training_is_under_a_strict_licence(real_rows: list[ManifestRow]) -> None:
    chosen = [row for row in real_rows if in_training(row)]
    assert len(chosen) > 1000
    assert {row.licence_class for row in chosen} <= set(STRICT_LICENCES)
    assert not set(STRICT_LICENCES) & set(COPYLEFT)


@pytest.mark.shared
def test_no_real_family_is_in_two_sets(real_rows: list[ManifestRow]) -> None:
    sets = defaultdict(set)
    for row in real_rows:
        sets[row.family] |= {f.__name__ for f in (in_training, in_validation, in_test) if f(row)}
    assert {family: names for family, names in sets.items() if len(names) > 1} == {}
    assert {name for names in sets.values() for name in names} == {"in_training", "in_validation", "in_test"}


@pytest.mark.shared
def test_validation_and_test_have_every_lane(real_rows: list[ManifestRow]) -> None:
    from drumlane.rendering.kits import DRUM_OF_PIECE

    for chosen in (in_training, in_validation, in_test):
        drums = {DRUM_OF_PIECE.get(row.piece) for row in real_rows if chosen(row)}
        assert {drum.lane for drum in drums if drum} >= set(range(8))


# Provenance ----------------------------------------------------------------------------------------------


@pytest.mark.train
def test_the_card_names_every_training_kit_and_no_other(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from drumlane.training.config import DataConfig
    from drumlane.training.provenance import training_sources

    write_kits(tmp_path / "kits.csv")
    data = DataConfig(kits=tmp_path / "kits.csv", grooves=tmp_path, procedural_kits=0, procedural_clips=0)
    sources = training_sources(data)
    assert [(s.name, s.licence, s.attribution) for s in sources[1:]] == [
        ("kits alpha", "CC0", "made for tests: alpha"),
        ("kits beta", "CC-BY", "made for tests: beta"),
    ]
    assert sources[0].licence == "CC BY 4.0"
    made = training_sources(data.model_copy(update={"procedural_kits": 1, "procedural_clips": 1}))
    assert {s.name for s in made} - {s.name for s in sources} == {
        "procedural drum kits",
        "procedural accompaniment",
    }


@pytest.mark.shared
@pytest.mark.train
def test_the_card_s_sources_cover_all_real_material(shared_data: Path) -> None:
    pytest.importorskip("torch")
    from drumlane.training.config import DataConfig
    from drumlane.training.provenance import training_sources

    manifest = shared_data / "kits" / "kits.csv"
    data = DataConfig(kits=manifest, grooves=shared_data / "grooves", backing=shared_data / "backing")
    sources = training_sources(data)
    named = {kit for s in sources if s.name.startswith("kits ") for kit in s.name[5:].split(", ")}
    assert named == {row.kit for row in read_manifest(manifest) if in_training(row)}
    text = " ".join(f"{s.name} {s.licence} {s.attribution}" for s in sources)
    with (shared_data / "backing" / "real.csv").open(newline="", encoding="utf-8") as stream:
        authors = {row["author"].split(" / ")[0] for row in csv.DictReader(stream)}
    assert [author for author in authors if author not in text] == []
