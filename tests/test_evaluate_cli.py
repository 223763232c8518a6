"""``drumlane evaluate``: pairing, groups, reports, plots and exit codes, through the command itself."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from conftest import tones
from drumlane import formats
from drumlane.cli.app import main
from drumlane.errors import ConfigError, DatasetError
from drumlane.evaluation.corpus import (
    STANDARD_GROUPS,
    Condition,
    Group,
    choose,
    groups_by_column,
    parse_condition,
    read_manifest,
    standard_groups,
)
from drumlane.evaluation.plots import plot_transcription
from drumlane.evaluation.references import Track, pair
from drumlane.performance import Hit, Performance
from drumlane.vocabulary import Drum, Lane

GROOVE = Performance.of(
    [Hit(0.5 * i, (Drum.KICK, Drum.SNARE)[i % 2], 60 + 5 * i) for i in range(8)]
    + [Hit(0.25 * i, Drum.HIHAT_CLOSED, 90) for i in range(16)]
)
WITHOUT_SNARE = GROOVE.filter(lambda hit: hit.drum is not Drum.SNARE)


@pytest.fixture
def run(monkeypatch, capsys):
    """Return a function that runs the command and gives exit code, stdout and stderr."""

    def run_evaluate(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["drumlane", "evaluate", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run_evaluate


@pytest.fixture
def folders(tmp_path):
    """Return a folder of two predictions, one without snare, and a folder of their references."""
    for name, piece in (("a", GROOVE), ("sub/b", WITHOUT_SNARE)):
        for kind, suffix, content in (("references", ".mid", GROOVE), ("predictions", ".csv", piece)):
            path = (tmp_path / kind / name).with_suffix(suffix)
            path.parent.mkdir(parents=True, exist_ok=True)
            formats.write(content, path)
    return tmp_path / "predictions", tmp_path / "references"


def write_manifest(folder: Path, *rows: dict[str, str]) -> Path:
    columns = list(rows[0])
    lines = [",".join(columns), *(",".join(row[c] for c in columns) for row in rows)]
    path = folder / "manifest.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def scores_of(path: Path) -> dict[str, dict]:
    """Return the first scores of every group in a JSON report."""
    report = json.loads(path.read_text(encoding="utf-8"))
    return {group["group"]: group["scores"][0] for group in report["groups"]}


def test_two_folders_are_scored_by_stem_and_every_number_is_in_the_json(run, folders, tmp_path):
    code, out, err = run(*folders, "--json", tmp_path / "scores.json", "--classes", "five,lanes,three")
    assert (code, err) == (0, "")
    assert "five (5 classes), ±50 ms" in out
    assert "three (3 classes), ±25 ms" in out
    report = json.loads((tmp_path / "scores.json").read_text())
    assert report["command"].startswith("drumlane evaluate ")
    scores = report["groups"][0]["scores"]
    settings = [(s["class_set"], s["tolerance"]) for s in scores]
    assert settings == [(c, t) for c in ("five", "lanes", "three") for t in (0.05, 0.025)]
    assert scores[0]["vocabulary"] == ["kick", "snare", "tom", "hihat", "cymbal"]
    micro = scores[0]["micro"]
    assert (micro["tp"], micro["fp"], micro["fn"]) == (44, 0, 4)
    assert micro["f"] == pytest.approx(2 * 44 / (2 * 44 + 4))
    by_class = {c["class"]: c for c in scores[0]["classes"]}
    assert by_class["snare"]["recall"] == 0.5
    assert by_class["tom"]["f"] is None
    assert [t["track"] for t in scores[0]["tracks"]] == ["a", "sub/b"]
    low, high = scores[0]["micro_f_interval"]
    assert low < micro["f"] <= high


def test_two_files_are_compared_whatever_their_names(run, folders):
    code, out, _ = run(folders[0] / "a.csv", folders[1] / "sub" / "b.mid", "--markdown")
    assert code == 0
    header, _, row, *_ = out.splitlines()
    cells = dict(zip(header.split("|"), row.split("|"), strict=True))
    assert cells[" micro F "].strip() == "1.000"
    assert cells[" classes "].strip() == "five"


def test_a_reference_without_estimate_counts_as_missed_unless_it_is_skipped(run, folders, tmp_path):
    (folders[0] / "a.csv").unlink()
    report = tmp_path / "scores.json"
    code, _, err = run(*folders, "--json", report)
    assert code == 0
    assert "1 (a) without estimate: counted as all missed" in err
    assert scores_of(report)["all"]["micro"]["fn"] == 24 + 4
    _, _, err = run(*folders, "--json", report, "--skip-missing")
    assert "left out" in err
    assert scores_of(report)["all"]["micro"]["fn"] == 4


def test_an_estimate_without_reference_is_reported(run, folders):
    formats.write(GROOVE, folders[0] / "stray.mid")
    code, _, err = run(*folders)
    assert code == 0
    assert "stray.mid) without reference: not scored" in err


def test_of_two_formats_of_one_prediction_the_one_of_the_reference_is_taken(folders):
    formats.write(Performance(), folders[0] / "a.mid")
    tracks = {track.name: track for track in pair(*folders).tracks}
    assert tracks["a"].estimate == folders[0] / "a.mid"


def test_two_predictions_that_fit_equally_well_are_not_guessed_between(run, folders):
    formats.write(GROOVE, folders[0] / "a.json")
    code, _, err = run(*folders)
    assert code == 1
    assert "a.mid: several estimates fit" in err
    assert err.count("\n") == 1


def test_one_prediction_for_two_references_is_refused(folders):
    (folders[1] / "other").mkdir()
    formats.write(GROOVE, folders[1] / "other" / "a.mid")
    with pytest.raises(DatasetError, match=r"a\.csv: fits 2 references"):
        pair(*folders)


def test_names_pair_whichever_way_their_accents_are_written(tmp_path):
    for folder, name in (("predictions", "caf\u00e9"), ("references", "cafe\u0301")):
        (tmp_path / folder).mkdir()
        formats.write(GROOVE, tmp_path / folder / f"{name}.csv")
    assert pair(tmp_path / "predictions", tmp_path / "references").missing == ()


def test_an_unreadable_prediction_counts_as_missed_and_the_exit_code_tells(run, folders, tmp_path):
    (folders[0] / "a.csv").write_text("what,is,this\n1,2,3\n")
    code, _, err = run(*folders, "--json", tmp_path / "scores.json")
    assert code == 1
    assert "a: counted as all missed: " in err
    assert scores_of(tmp_path / "scores.json")["all"]["micro"]["fn"] == 24 + 4


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "ESTIMATES and REFERENCES"),
        (["a", "b", "c"], 2, "ESTIMATES and REFERENCES"),
        (["--audio", "a", "--manifest", "b"], 2, "not both"),
        (["--audio", "a", "b", "c"], 2, "nothing else"),
        (["a", "b", "--where", "x=y"], 2, "--manifest"),
        (["a", "b", "--tolerance-ms", "0"], 2, "must be a number of"),
        (["a", "b", "--tolerance-ms", "wide"], 2, "must be a number of"),
        (["a", "b", "--classes", "fife"], 1, "class set 'fife' is unknown; class sets: five"),
        (["not there", "b"], 1, "not there: no such file or folder"),
        (["--manifest", "none.csv"], 1, "none.csv: cannot be read as a csv manifest"),
    ],
)
def test_wrong_use_ends_with_2_and_wrong_material_with_1(run, arguments, code, message):
    ended, out, err = run(*arguments)
    assert (ended, out) == (code, "")
    assert message in " ".join(err.split())


def test_a_folder_and_a_file_cannot_be_compared(run, folders):
    code, _, err = run(folders[0], folders[1] / "a.mid")
    assert code == 1
    assert "give two files or two folders" in err


def test_an_empty_folder_is_refused(run, folders, tmp_path):
    (tmp_path / "empty").mkdir()
    code, _, err = run(tmp_path / "empty", folders[1])
    assert code == 1
    assert "empty: no files to compare" in err


def test_nothing_left_to_score_is_an_error(run, folders, tmp_path):
    (tmp_path / "others").mkdir()
    formats.write(GROOVE, tmp_path / "others" / "x.mid")
    code, _, err = run(tmp_path / "others", folders[1], "--skip-missing")
    assert code == 1
    assert "nothing to score" in err


def test_a_json_path_that_cannot_be_written_leaves_nothing(run, folders, tmp_path):
    code, _, err = run(*folders, "--json", tmp_path / "no folder" / "scores.json")
    assert code == 1
    assert "scores.json: cannot be written" in err


def test_the_python_example_of_the_documentation_runs(folders, monkeypatch, capsys):
    text = (Path(__file__).parents[1] / "docs" / "evaluation.md").read_text(encoding="utf-8")
    example = text.split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(folders[0].parent)
    exec(compile(example, "docs/evaluation.md", "exec"), {})
    assert capsys.readouterr().out.startswith(f"{2 * 44 / (2 * 44 + 4)}"[:6])


# Audio and manifests --------------------------------------------------------------------------------

HEARD = [(0.5, Lane.KICK), (1.0, Lane.SNARE), (1.5, Lane.KICK), (2.0, Lane.CRASH), (2.5, Lane.KICK)]
TRUTH = "onset_s,lane,label,note\n" + "".join(f"{t},{lane.label},,\n" for t, lane in HEARD)
NOTHING = "onset_s,lane,label,note\n"


@pytest.fixture
def recordings(tmp_path):
    """Return a manifest of a recording alone, one with noise, and one without drums."""
    silence = np.zeros(3 * 44100, dtype=np.float32)
    for name, sound, truth in (
        ("dry", tones(HEARD, 3.0), TRUTH),
        ("again", tones(HEARD, 3.0), TRUTH),
        ("none", silence, NOTHING),
    ):
        soundfile.write(tmp_path / f"{name}.wav", sound, 44100)
        (tmp_path / f"{name}.csv").write_text(truth)
    rows = [
        {"file": "dry.wav", "annotation": "dry.csv", "content": "drums only", "dur_s": "3"},
        {"file": "again.wav", "annotation": "again.csv", "content": "drums + accompaniment", "dur_s": "3"},
        {"file": "none.wav", "annotation": "none.csv", "content": "accompaniment only (none)", "dur_s": "3"},
    ]
    return write_manifest(tmp_path, *rows)


def test_a_manifest_is_transcribed_and_scored_in_its_groups(run, recordings, detector_path, tmp_path):
    report = tmp_path / "scores.json"
    code, out, _ = run("--manifest", recordings, "--model", detector_path, "--json", report)
    assert code == 0
    assert out.startswith("model detector 1")
    scores = scores_of(report)
    assert list(scores) == ["drums, all", "songs, mix", "accompaniment"]
    assert scores["drums, all"]["micro"]["f"] == 1
    assert abs(scores["drums, all"]["timing"]["median"]) < 0.01
    assert scores["accompaniment"]["false_hits_per_minute"] == 0


def test_rows_can_be_chosen_and_grouped(run, recordings, detector_path, tmp_path):
    report = tmp_path / "scores.json"
    arguments = ("--where", "content=drums*", "--group-by", "file", "--json", report)
    assert run("--manifest", recordings, "--model", detector_path, *arguments)[0] == 0
    assert list(scores_of(report)) == ["dry.wav", "again.wav"]


def test_audio_is_transcribed_and_held_against_references(run, recordings, detector_path, tmp_path):
    references = tmp_path / "truth"
    references.mkdir()
    (references / "dry.csv").write_text(TRUTH)
    report = tmp_path / "scores.json"
    code, _, err = run("--audio", tmp_path, references, "--model", detector_path, "--json", report)
    assert code == 0
    assert "2 (" in err  # recordings without reference
    assert scores_of(report)["all"]["micro"]["f"] == 1


def test_broken_audio_counts_as_missed_and_the_others_are_still_scored(
    run, recordings, detector_path, tmp_path
):
    (tmp_path / "dry.wav").write_bytes(b"no sound at all")
    report = tmp_path / "scores.json"
    code, _, err = run("--manifest", recordings, "--model", detector_path, "--json", report)
    assert code == 1
    assert "dry: counted as all missed: " in err
    scores = scores_of(report)
    assert scores["drums, all"]["micro"]["recall"] == 0
    assert scores["songs, mix"]["micro"]["recall"] == 1


def test_predictions_of_another_program_are_scored_in_the_groups_of_a_manifest(run, recordings, tmp_path):
    predictions = tmp_path / "predictions"
    predictions.mkdir()
    estimate = Performance.of([Hit(t, Drum.KICK, 100) for t, _ in HEARD])
    for name in ("dry", "again", "none"):
        formats.write(estimate, predictions / f"{name}.mid")
    report = tmp_path / "scores.json"
    assert run(predictions, "--manifest", recordings, "--json", report)[0] == 0
    scores = scores_of(report)
    assert scores["drums, all"]["micro"]["tp"] == 3
    # MIDI may end later than the recording: the note after the last hit has a length.
    assert scores["accompaniment"]["false_hits_per_minute"] == pytest.approx(100, rel=0.02)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no rows"),
        ("file,truth\na.wav,a.csv\n", r"no column 'annotation' \(columns: file, truth\)"),
        ("file,annotation\nmissing.wav,missing.csv\n", "line 2: .*missing.wav is not there"),
        ("file,annotation,dur_s\nmanifest.csv,manifest.csv,long\n", "line 2: dur_s 'long' is no number"),
    ],
)
def test_a_broken_manifest_is_refused_by_line(tmp_path, text, message):
    path = tmp_path / "manifest.csv"
    path.write_text(text)
    with pytest.raises(DatasetError, match=message):
        read_manifest(path)


def test_conditions_and_columns_that_fit_nothing_are_refused(recordings):
    rows = read_manifest(recordings)
    with pytest.raises(ConfigError, match="column 'contents' is unknown; columns: content"):
        choose(rows, [Condition("contents", "*")])
    with pytest.raises(ConfigError, match="none of the 3 rows fulfils content=nothing"):
        choose(rows, [Condition("content", "nothing")])
    with pytest.raises(ConfigError, match="column 'drummer' is unknown"):
        groups_by_column(rows, "drummer")
    with pytest.raises(ConfigError, match="must be column=pattern"):
        parse_condition("content")


@given(st.lists(st.text("ab*?[]", max_size=4), min_size=1, max_size=6))
def test_grouping_by_a_column_puts_every_row_in_exactly_one_group(values):
    rows = [Track(str(i), Path("r"), None, {"kind": value}) for i, value in enumerate(values)]
    members = [track.name for group in groups_by_column(rows, "kind") for track in group.select(rows)]
    assert sorted(members) == sorted(track.name for track in rows)


def test_rows_outside_the_standard_groups_are_never_lost(tmp_path):
    (tmp_path / "x").write_text("")
    rows = [{"file": "x", "annotation": "x", "content": c} for c in ("drums only", "a whole song")]
    assert standard_groups(read_manifest(write_manifest(tmp_path, *rows))) == (Group("all"),)


# Plots ----------------------------------------------------------------------------------------------


def test_scores_are_drawn_as_a_png(run, folders, tmp_path):
    code, _, _ = run(*folders, "--plot", tmp_path / "scores.png")
    assert code == 0
    assert _png_size(tmp_path / "scores.png")[0] > 500


@pytest.mark.slow
@pytest.mark.parametrize(("seconds", "n_pages"), [(0.5, 1), (50, 1), (380, 2)])
def test_a_transcription_is_drawn_whole_on_as_many_pages_as_it_needs(tmp_path, seconds, n_pages):
    n_frames = int(seconds * 10)
    rng = np.random.default_rng(0)
    pages = plot_transcription(
        rng.random((n_frames, 12)), rng.random((n_frames, 8)), GROOVE, tmp_path / "song.png", 10.0, GROOVE
    )
    assert [page.name for page in pages] == ["song.png", "song-2.png"][:n_pages]
    assert sorted(tmp_path.iterdir()) == sorted(pages)
    width, height = _png_size(pages[0])
    assert width == 2200
    assert height < 6000


def test_activations_of_another_shape_are_refused(tmp_path):
    with pytest.raises(ValueError, match="do not fit"):
        plot_transcription(np.zeros((9, 80)), np.zeros((9, 5)), GROOVE, tmp_path / "song.png", 100.0)


def test_without_matplotlib_the_extra_is_named(run, folders, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    code, _, err = run(*folders, "--plot", tmp_path / "scores.png")
    assert code == 1
    assert "pip install 'drumlane[plot]'" in err
    assert not (tmp_path / "scores.png").exists()


def _png_size(path: Path) -> tuple[int, int]:
    header = path.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")


# The development material ---------------------------------------------------------------------------


@pytest.mark.shared
def test_the_standard_groups_are_those_of_the_development_material(shared_data):
    rows = read_manifest(shared_data / "dev-audio" / "dev.csv")
    sizes = {group.name: len(group.select(rows)) for group in standard_groups(rows)}
    assert sizes == dict(zip((g.name for g in STANDARD_GROUPS), (86, 27, 49, 7, 7, 7), strict=True))


@pytest.mark.shared
def test_its_annotations_shifted_by_30_ms_are_right_within_50_ms_and_late_by_30(shared_data, run, tmp_path):
    manifest = shared_data / "dev-audio" / "dev.csv"
    for row in choose(
        read_manifest(manifest), [Condition("content", "drums*"), Condition("file", "*minus*")]
    ):
        late = [replace(hit, time=hit.time + 0.03) for hit in formats.read(row.reference)]
        formats.write(Performance.of(late), tmp_path / f"{Path(row.name).name}.csv")
    where = ("--where", "content=drums*", "--where", "file=*minus*")
    report = tmp_path / "scores.json"
    assert run(tmp_path, "--manifest", manifest, *where, "--json", report, "--tolerance-ms", 50)[0] == 0
    scores = scores_of(report)
    assert {name: s["n_tracks"] for name, s in scores.items() if "songs" in name} == {
        "songs, drums": 7,
        "songs, mix": 7,
    }
    for group in scores.values():
        assert group["micro"]["f"] == 1
        assert group["timing"]["median"] == pytest.approx(0.03)
