"""Preprocessing: each take once, again when anything it was made of changed, and a bad one stops no other."""

import csv
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile

from drumlane.audio.features import FeatureSpec, log_mel
from drumlane.audio.io import read_audio
from drumlane.audio.level import level_gain
from drumlane.cli.app import main
from drumlane.data.egmd import load_takes
from drumlane.data.gmd import SPLITS
from drumlane.data.prepare_take import Job, Outcome, Preparation, prepare
from drumlane.data.prepared import LISTS, check_spec, load_prepared
from drumlane.data.preprocessing import ERRORS, Report, finish, local_engine, run_plan
from drumlane.data.preprocessing_plan import Selection, plan_preprocessing
from drumlane.data.workers import each_done
from drumlane.errors import DatasetError
from drumlane.formats.midi import read_midi, write_midi
from drumlane.performance import Hit, Performance
from drumlane.vocabulary import DOCUMENT_A, LANE_NAMES, TD17, TD17_NOTE_OF_DRUM, Drum
from egmd_material import HITS, KITS, row, write_egmd, write_table
from process_material import die_of

pytest.importorskip("h5py", reason="the default storage needs the train extra")

SPEC = FeatureSpec(n_mels=24, n_low=0, n_fft=1024)
NAME = "drummer1/session1/1_rock_120_beat_4-4_1"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_egmd(tmp_path / "egmd")
    return tmp_path / "egmd"


@pytest.fixture
def preparation(tmp_path: Path) -> Preparation:
    return Preparation(tmp_path / "processed", "hdf5", SPEC, TD17)


def preprocess(selection: Selection, preparation: Preparation, num_workers: int = 1) -> Report:
    plan = plan_preprocessing(selection)
    outcomes = list(run_plan(plan, preparation, local_engine(num_workers)))
    return finish(plan, preparation, outcomes, selection, preparation.processed_root)


def egmd(root: Path, **changes: object) -> Selection:
    return replace(Selection(root, "egmd"), **changes)  # type: ignore[arg-type]


def done_again(report: Report) -> list[str]:
    """Return the takes that were not there already."""
    return [one.name for one in report.prepared if not one.was_there]


def problems(report: Report) -> dict[str, str]:
    return {one.name: one.problem or "" for one in report.problems}


# What is written -----------------------------------------------------------------------------------------


def test_the_tree_is_mirrored_and_every_take_is_in_its_part(root: Path, preparation: Preparation) -> None:
    report = preprocess(egmd(root), preparation)
    processed = preparation.processed_root
    stored = {path.relative_to(processed).as_posix().removesuffix(".h5") for path in processed.rglob("*.h5")}
    table = {take.audio_filename.removesuffix(".wav"): take for take in load_takes(root)}
    assert stored == set(table)
    assert report.n_of_part == {"train": 2, "validation": 2, "test": 2}
    for part in SPLITS:
        names = (processed / LISTS[part]).read_text(encoding="utf-8").splitlines()
        assert names == sorted(name for name, take in table.items() if take.split == part)
        for take in load_prepared(processed, processed, part):
            source = table[take.name]
            assert (take.split, take.performance, take.drummer) == (part, source.id, source.drummer)
            assert (take.kit_name, take.style) == (source.kit_name, source.style)
            assert (take.audio, take.midi) == (source.audio_filename, source.midi_filename)
            assert dict(zip(LANE_NAMES, take.lane_counts, strict=True)) == {
                name: int(name in ("kick", "snare", "hi_tom", "crash")) for name in LANE_NAMES
            }
            assert (take.n_frames, take.duration) == (201, 2.01)
    assert not (processed / ERRORS).exists()


def test_features_are_those_of_the_whole_recording_at_the_common_loudness(
    root: Path, preparation: Preparation
) -> None:
    preprocess(egmd(root), preparation)
    samples = read_audio(root / f"{NAME}.wav").samples
    expected = log_mel(samples * np.float32(level_gain(samples, 44100)), SPEC)
    assert np.array_equal(preparation.store.read(NAME), expected.astype(np.float16).astype(np.float32))
    assert preparation.store.describe(NAME).hits == read_midi(root / f"{NAME}.midi", TD17).hits
    assert [hit.drum for hit in preparation.store.describe(NAME).hits] == [hit.drum for hit in HITS]


def test_both_storages_hold_the_same(root: Path, preparation: Preparation) -> None:
    preprocess(egmd(root), preparation)
    other = replace(preparation, storage="npy")
    assert len(done_again(preprocess(egmd(root), other))) == 6
    for take in load_prepared(other.processed_root, other.processed_root, "train"):
        assert np.array_equal(preparation.store.read(take.name), other.store.read(take.name))
        assert preparation.store.describe(take.name) == other.store.describe(take.name)
    assert check_spec(other.processed_root, SPEC.digest).storage == "npy"


def test_several_workers_write_what_one_writes(root: Path, preparation: Preparation, tmp_path: Path) -> None:
    other = replace(preparation, processed_root=tmp_path / "other")
    preprocess(egmd(root), preparation)
    preprocess(egmd(root), other, num_workers=2)
    assert contents(other.processed_root) == contents(preparation.processed_root)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


# Once, and again when it must be -------------------------------------------------------------------------


@pytest.mark.parametrize("storage", ["hdf5", "npy"])
def test_what_is_there_is_not_done_again(root: Path, preparation: Preparation, storage: str) -> None:
    preparation = replace(preparation, storage=storage)  # type: ignore[arg-type]
    assert len(done_again(preprocess(egmd(root), preparation))) == 6
    before = {path: path.stat().st_mtime_ns for path in preparation.processed_root.rglob("*_*.*")}
    again = preprocess(egmd(root), preparation)
    assert done_again(again) == []
    stored = {path: time for path, time in before.items() if "split" not in path.name}
    assert {path: path.stat().st_mtime_ns for path in stored} == stored
    assert len(done_again(preprocess(egmd(root), replace(preparation, force=True)))) == 6


def test_another_spec_or_another_map_does_all_again(root: Path, preparation: Preparation) -> None:
    preprocess(egmd(root), preparation)
    for changed in ({"features": replace(SPEC, n_mels=25)}, {"note_map": DOCUMENT_A}):
        assert len(done_again(preprocess(egmd(root), replace(preparation, **changed)))) == 6


@pytest.mark.parametrize("kind", ["wav", "midi"])
def test_other_content_is_done_again_even_if_it_is_as_old_and_as_long(
    root: Path, preparation: Preparation, kind: str
) -> None:
    preprocess(egmd(root), preparation)
    changed = root / f"{NAME}.{kind}"
    times = changed.stat()
    content = bytearray(changed.read_bytes())
    if kind == "wav":
        content[-100] ^= 1
    else:  # one velocity
        content[content.rindex(bytes([0x99, 55, 127])) + 2] = 126
    changed.write_bytes(content)
    os.utime(changed, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert done_again(preprocess(egmd(root), preparation)) == [NAME]


@pytest.mark.parametrize("storage", ["hdf5", "npy"])
@pytest.mark.parametrize("kept", [0, 1, 100, -2])
def test_a_stored_file_that_was_cut_short_is_done_again(
    root: Path, preparation: Preparation, storage: str, kept: int
) -> None:
    preparation = replace(preparation, storage=storage)  # type: ignore[arg-type]
    preprocess(egmd(root, max_files=3), preparation)
    whole = contents(preparation.processed_root)
    for name in [name for name in whole if name.endswith((".h5", ".npy", ".json")) and "/" in name]:
        path = preparation.processed_root / name
        path.write_bytes(whole[name][:kept])
        assert len(done_again(preprocess(egmd(root, max_files=3), preparation))) == 1, name
        assert path.read_bytes() == whole[name]


def test_a_folder_counts_as_finished_only_at_the_end(root: Path, preparation: Preparation) -> None:
    preprocess(egmd(root), preparation)
    left_over = preparation.processed_root / "drummer1" / ".drumlane-0123456789ab.h5"
    left_over.touch()
    plan = plan_preprocessing(egmd(root))
    running = run_plan(plan, preparation, local_engine(1))
    next(running)
    assert not left_over.exists()
    with pytest.raises(DatasetError, match="or not all of them; run drumlane preprocess --config"):
        check_spec(preparation.processed_root, SPEC.digest)
    with pytest.raises(DatasetError, match="run drumlane preprocess"):
        load_prepared(preparation.processed_root, preparation.processed_root, "train")


# What is wrong -------------------------------------------------------------------------------------------


def break_takes(root: Path) -> dict[str, str]:
    """Add takes that are broken, one for each way; return what is to be said of them."""
    said = {}
    rows = [row(f"drummer9/session1/{n}", "train", 0) for n in range(1, 10)]
    for one in rows:
        (root / one["midi_filename"]).parent.mkdir(parents=True, exist_ok=True)
        (root / one["midi_filename"]).write_bytes((root / f"{NAME}.midi").read_bytes())
        (root / one["audio_filename"]).write_bytes((root / f"{NAME}.wav").read_bytes())
    names = [one["audio_filename"].removesuffix(".wav") for one in rows]
    (root / f"{names[0]}.midi").unlink()
    said[f"{names[0]}.wav"] = "has no MIDI file"
    (root / f"{names[1]}.wav").unlink()
    said[f"{names[1]}.midi"] = "has no recording"
    (root / f"{names[2]}.wav").write_bytes(b"")
    said[names[2]] = "is empty"
    wav = root / f"{names[3]}.wav"
    wav.write_bytes(wav.read_bytes()[:100_000])
    said[names[3]] = "damaged or cut off after 1.13 s; get it again"
    soundfile.write(root / f"{names[4]}.wav", np.full(90_000, np.nan, np.float32), 44100, subtype="FLOAT")
    said[names[4]] = "the sample at 0.000 s is nan"
    write_midi(Performance((), duration=2.0), root / f"{names[5]}.midi", note_of_drum=TD17_NOTE_OF_DRUM)
    said[names[5]] = "has no notes"
    soundfile.write(root / f"{names[6]}.wav", np.zeros(90_000), 44100)
    said[names[6]] = "is silent"
    (root / f"{names[7]}.midi").write_bytes(b"MThd nonsense")
    said[names[7]] = "damaged MIDI file"
    soundfile.write(root / f"{names[8]}.wav", np.full(20_000, 0.1), 44100)
    said[names[8]] = "ends at 0.45 s, before the MIDI's last note at 1.50 s"
    with (root / "e-gmd-v1.0.0.csv").open(newline="", encoding="utf-8") as stream:
        whole = list(csv.DictReader(stream))
    write_table(root / "e-gmd-v1.0.0.csv", [*rows, *whole])
    return said


@pytest.mark.parametrize("num_workers", [1, 2])
def test_bad_files_are_collected_and_stop_no_other(
    root: Path, preparation: Preparation, num_workers: int
) -> None:
    said = break_takes(root)
    report = preprocess(egmd(root), preparation, num_workers)
    assert len(report.prepared) == 6
    found = problems(report)
    assert found.keys() == said.keys()
    for name, text in said.items():
        assert text in found[name]
        assert "\n" not in found[name]
    with (preparation.processed_root / ERRORS).open(newline="", encoding="utf-8") as stream:
        assert {line["name"]: line["problem"] for line in csv.DictReader(stream)} == found
    listed = "".join((preparation.processed_root / name).read_text() for name in LISTS.values())
    assert "drummer9" not in listed


def test_nothing_that_can_be_used_is_an_error_in_one_line(root: Path, preparation: Preparation) -> None:
    for path in root.rglob("*.wav"):
        path.write_bytes(b"")
    with pytest.raises(
        DatasetError, match=r"no take could be prepared; 6 problems, first drummer1/.*is empty"
    ):
        preprocess(egmd(root), preparation)


def test_notes_that_the_map_does_not_know_are_no_labels(root: Path, preparation: Preparation) -> None:
    cowbells = Performance((Hit(0.5, Drum.COWBELL, 90),), duration=2.0)
    write_midi(cowbells, root / f"{NAME}.midi", note_of_drum=TD17_NOTE_OF_DRUM)
    report = preprocess(egmd(root), replace(preparation, note_map=DOCUMENT_A))
    assert "none of its 1 notes is in the note map" in problems(report)[NAME]


def test_a_worker_that_dies_takes_only_its_item_with_it() -> None:
    results = each_done(partial(die_of, fatal=(3,)), range(12), num_workers=2, lost=lambda item: -item)
    assert sorted(results) == sorted(-n if n == 3 else n * n for n in range(12))


def test_a_full_disk_ends_the_run(root: Path, preparation: Preparation) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs a device that is always full")
    job = Job("full", root / f"{NAME}.wav", root / f"{NAME}.midi")

    def refuse(_: Path) -> None:
        with Path("/dev/full").open("w") as device:
            device.write("x" * 100_000)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("drumlane.data.feature_files.Path.write_bytes", lambda path, _: refuse(path))
        with pytest.raises(DatasetError, match="No space left on device"):
            prepare(job, preparation)


# Splits --------------------------------------------------------------------------------------------------


def test_few_files_are_of_every_part_kit_and_performance(root: Path, preparation: Preparation) -> None:
    report = preprocess(egmd(root, max_files=3), preparation)
    assert report.n_of_part == {"train": 1, "validation": 1, "test": 1}
    one = load_takes(root)
    plan = plan_preprocessing(egmd(root, max_files=4))
    assert len(plan.jobs) == 4
    assert len({take.id for take in plan.takes.values()}) == 3
    assert {take.kit_name for take in plan.takes.values()} == set(KITS)
    assert len(plan_preprocessing(egmd(root, max_files=99)).jobs) == len(one)


def test_a_random_split_has_the_shares_and_says_that_it_leaks(root: Path, preparation: Preparation) -> None:
    selection = egmd(root, split="random", shares=(0.5, 0.25, 0.25))
    assert "leaks" in str(plan_preprocessing(selection).warning)
    assert plan_preprocessing(egmd(root)).warning is None
    assert preprocess(selection, preparation).n_of_part == {"train": 2, "validation": 2, "test": 2}
    lists = contents(preparation.processed_root)["train_split.txt"]
    preprocess(replace(selection, seed=1), preparation)
    assert contents(preparation.processed_root)["train_split.txt"] != lists


def test_one_s_own_recordings_are_prepared_and_divided_without_a_warning(
    root: Path, preparation: Preparation, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    wav, midi = ((root / f"{NAME}{suffix}").read_bytes() for suffix in (".wav", ".midi"))
    for name in ("a", "deep/b.2", "c", "d", "two\nlines"):
        (own / name).parent.mkdir(parents=True, exist_ok=True)
        (own / f"{name}.wav").write_bytes(wav)
        (own / f"{name}.mid").write_bytes(midi)
    (own / "a.flac").write_bytes(b"another a")
    (own / "c.mid").unlink()
    (own / "d.wav").write_bytes(b"")
    selection = Selection(own, "folder")
    assert plan_preprocessing(selection).warning is None
    report = preprocess(selection, preparation)
    assert problems(report).keys() == {"a", "a.wav", "c.wav", "d", "'two\\nlines'"}
    assert "a.flac has the same name; rename one of them" in problems(report)["a.wav"]
    assert "cannot stand in a list" in problems(report)["'two\\nlines'"]
    (own / "a.flac").unlink()
    report = preprocess(selection, preparation)  # two are left: one trains, one validates
    assert [one.name for one in report.prepared] == ["a", "deep/b.2"]
    assert report.n_of_part == {"train": 1, "validation": 1, "test": 0}
    processed = preparation.processed_root
    taken = [
        *load_prepared(processed, processed, "train"),
        *load_prepared(processed, processed, "validation"),
    ]
    assert {(one.performance, one.audio, one.midi) for one in taken} == {
        ("a", "a.wav", "a.mid"),
        ("deep/b.2", "deep/b.2.wav", "deep/b.2.mid"),
    }
    with pytest.raises(DatasetError, match=r"test_split.txt: names no take"):
        load_prepared(processed, processed, "test")
    (own / "a.mid").unlink()
    (own / "deep/b.2.mid").unlink()
    for name in ("d.mid", "two\nlines.mid"):
        (own / name).unlink()
    with pytest.raises(DatasetError, match=r"no recording has a MIDI file beside it"):
        plan_preprocessing(selection)


def test_what_is_prepared_otherwise_or_listed_wrongly_is_refused(
    root: Path, preparation: Preparation
) -> None:
    preprocess(egmd(root), preparation)
    processed = preparation.processed_root
    assert check_spec(processed, SPEC.digest).note_map == dict(TD17)
    with pytest.raises(
        DatasetError, match=r"prepared with features .* run drumlane preprocess --config … again"
    ):
        check_spec(processed, FeatureSpec().digest)
    (processed / "val_split.txt").write_text("elsewhere\n", encoding="utf-8")
    with pytest.raises(
        DatasetError, match=r"val_split.txt: elsewhere is not prepared; run drumlane preprocess"
    ):
        load_prepared(processed, processed, "validation")
    (processed / "val_split.txt").unlink()
    with pytest.raises(DatasetError, match=r"val_split.txt: no such list"):
        load_prepared(processed, processed, "validation")
    for text in ("", "[]", "{}", "not json"):
        (processed / "prepared.json").write_text(text, encoding="utf-8")
        with pytest.raises(DatasetError, match=r"is not what preprocessing writes"):
            check_spec(processed, SPEC.digest)


# The command ---------------------------------------------------------------------------------------------

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Run]:
    pytest.importorskip("torch", reason="configurations need the train extra")
    config = tmp_path / "run.yaml"
    audio = {"n_mels": 24, "n_low": 0}
    data = {"egmd_root": str(tmp_path / "egmd"), "processed_root": str(tmp_path / "processed")}
    config.write_text(json.dumps({"data": data, "audio": audio, "model": audio}), encoding="utf-8")

    def command(*arguments: object) -> tuple[int, str, str]:
        words = ["drumlane", "preprocess", "--config", str(config), *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as stop:
            main()
        code = stop.value.code
        return (code if isinstance(code, int) else 0, *capsys.readouterr())

    return command


def test_the_command_prepares_reports_and_goes_on(root: Path, run: Run, tmp_path: Path) -> None:
    break_takes(root)
    code, out, err = run("--max-files", 4, "--storage", "npy")
    assert code == 0
    assert out.startswith(f"{tmp_path / 'processed'}: ")
    assert "takes, 0.00 h" in out
    code, out, err = run("--set", "data.split=random")
    assert code == 0
    assert "leaks" in err.splitlines()[0]
    assert err.splitlines()[-1].startswith("drumlane: 9 of 15 takes cannot be used; all are in ")
    assert out.splitlines()[-1].endswith("train 4, validation 1, test 1")
    assert "6 takes (6 were there)" in run()[1]
    assert run("--set", "data.egmd_root=nowhere")[::2] == (
        1,
        "drumlane: nowhere: no such folder; pass where E-GMD was unpacked\n",
    )


def test_ctrl_c_says_how_to_go_on(root: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> Iterator[Outcome]:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr("drumlane.data.preprocessing.each_done", interrupted)
    monkeypatch.setattr("drumlane.data.preprocessing.local_engine", lambda _: interrupted)
    code, out, err = run()
    assert (code, out) == (130, "")
    assert err == "drumlane: interrupted; what is stored is whole, the same command goes on from there\n"
