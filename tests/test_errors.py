"""The error table: every error is counted once, in every breakdown, and drawn where it is."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import example, given
from hypothesis import strategies as st

from conftest import SAMPLE_RATE, tones
from drumlane import formats
from drumlane.cli.app import main
from drumlane.errors import DatasetError
from drumlane.evaluation.classes import CLASS_SETS
from drumlane.evaluation.corpus import Group, groups_by_column
from drumlane.evaluation.counts import Counts
from drumlane.evaluation.error_folder import explain, prepare
from drumlane.evaluation.error_report import markdown, to_json
from drumlane.evaluation.error_table import NOT_TOLD, ErrorTable, error_table, judge_tracks
from drumlane.evaluation.evidence import Evidence, Listener
from drumlane.evaluation.heldout import render_heldout
from drumlane.evaluation.metrics import score_track
from drumlane.evaluation.oracle import GRID, oracle
from drumlane.evaluation.references import LoadedTrack, Track
from drumlane.evaluation.verdicts import Verdict, judge, judge_track
from drumlane.evaluation.worst_seconds import LENGTH, worst_seconds
from drumlane.performance import Hit, Performance
from drumlane.transcription.decoding import decode
from drumlane.transcription.transcribe import Transcriber
from drumlane.vocabulary import DRUM_OF_LANE, LANE_NAMES, LANES, Drum, Lane
from material import click_kit, rock_beat, write_material
from strategies import drums, velocities

LANE_SET = CLASS_SETS["lanes"]
TOLERANCE = 0.05
GROOVE = rock_beat(3.0, 120)
# Steps of 10 ms within two seconds: many hits near each other and exactly one window apart.
CROWDED = st.lists(
    st.builds(Hit, st.integers(0, 200).map(lambda n: n * 0.01), drums, velocities), max_size=40
)
PERFORMANCES = CROWDED.map(Performance.of)
PAIRS = st.lists(st.tuples(PERFORMANCES, PERFORMANCES), min_size=1, max_size=3)


def loaded_tracks(pairs: list[tuple[Performance, Performance]]) -> list[LoadedTrack]:
    return [
        LoadedTrack(Track(str(i), Path("r"), Path("e"), {"part": "ab"[i % 2]}), reference, estimate)
        for i, (reference, estimate) in enumerate(pairs)
    ]


def table_of(*pairs: tuple[Performance, Performance]) -> ErrorTable:
    return error_table(judge_tracks(loaded_tracks(list(pairs)), TOLERANCE), TOLERANCE)


def breakdown(table: ErrorTable, name: str) -> dict[str, Counts]:
    return dict(next(b.rows for b in table.breakdowns if b.name == name))


def in_lane(performance: Performance, lane: Lane, other: Lane) -> Performance:
    """Return the performance with one lane played on another."""
    return replace(
        performance,
        hits=tuple(
            replace(hit, drum=DRUM_OF_LANE[other]) if hit.drum.lane is lane else hit for hit in performance
        ),
    )


# Counts ---------------------------------------------------------------------------------------------


@given(PAIRS, st.sampled_from([0.01, 0.025, 0.05]))
def test_every_breakdown_adds_up_to_the_counts_of_the_report(pairs, tolerance):
    tracks = loaded_tracks(pairs)
    scores = [score_track(t.reference, t.estimate, tolerance, LANE_SET) for t in tracks]
    groups = groups_by_column([t.track for t in tracks], "part")
    table = error_table(judge_tracks(tracks, tolerance), tolerance, groups, ("part", "absent"))
    assert table.counts == sum((score.micro for score in scores), Counts())
    for each in table.breakdowns:
        assert sum(each.rows.values(), Counts()) == table.counts
    by_lane = breakdown(table, "lane")
    for i, name in enumerate(LANE_NAMES):
        assert by_lane.get(name, Counts()) == sum((score.counts[i] for score in scores), Counts())
    if len(groups) > 1:
        by_group = {name: counts for name, counts in breakdown(table, "group").items() if counts != Counts()}
        assert by_group == breakdown(table, "part")


@given(PAIRS)
def test_confusions_add_up_to_the_misses_and_kinds_of_false_hits_to_the_false_hits(pairs):
    table = table_of(*pairs)
    by_lane = breakdown(table, "lane")
    false = table.false_hits
    for lane in LANES:
        counts = by_lane.get(lane.label, Counts())
        assert table.confusions[lane].sum() == counts.fn
        assert false.instead[lane] + false.beside[lane] + false.alone[lane] == counts.fp
        assert table.confusions[lane, lane] == 0  # within a lane nothing that fits is left over
        assert table.confusions[:, lane].sum() == false.instead[lane]
        assert false.struck[lane].max() <= false.beside[lane] <= false.struck[lane].sum()


@given(PERFORMANCES)
def test_a_perfect_estimate_has_no_errors(performance):
    table = table_of((performance, performance))
    assert table.counts.fn == table.counts.fp == 0
    assert not table.confusions.any()
    assert worst_seconds(judge_tracks(loaded_tracks([(performance, performance)]), TOLERANCE)) == ()


@given(st.lists(st.integers(0, 30), unique=True), st.sampled_from(LANES), st.sampled_from(LANES))
@example([0, 1, 2], Lane.HI_TOM, Lane.LOW_TOM)
def test_a_lane_written_as_another_shows_in_the_confusions(beats, lane, other):
    if lane is other:
        return
    reference = Performance.of([Hit(0.1 * beat, DRUM_OF_LANE[lane], 90) for beat in beats])
    table = table_of((reference, in_lane(reference, lane, other)))
    expected = np.zeros_like(table.confusions)
    expected[lane, other] = len(beats)
    np.testing.assert_array_equal(table.confusions, expected)
    assert table.false_hits.instead[other] == len(beats)


def test_two_strokes_at_once_in_wrong_lanes_are_paired_by_their_kind():
    reference = Performance.of([Hit(1.0, Drum.TOM_HIGH, 90), Hit(1.0, Drum.CRASH, 90)])
    estimate = Performance.of([Hit(1.01, Drum.RIDE, 90), Hit(1.01, Drum.TOM_LOW, 90)])
    table = table_of((reference, estimate))
    assert table.confusions[Lane.HI_TOM, Lane.LOW_TOM] == table.confusions[Lane.CRASH, Lane.RIDE] == 1


def test_false_hits_tell_what_was_struck_beside_them():
    reference = Performance.of([Hit(1.0, Drum.KICK, 90), Hit(1.02, Drum.SNARE, 90), Hit(3.0, Drum.KICK, 90)])
    extra = [Hit(1.01, Drum.HIHAT_OPEN, 90), Hit(2.0, Drum.HIHAT_CLOSED, 90), Hit(3.04, Drum.KICK, 90)]
    false = table_of((reference, Performance.of([*reference, *extra]))).false_hits
    assert (false.beside[Lane.HIHAT], false.alone[Lane.HIHAT], false.instead.sum()) == (1, 1, 0)
    assert [LANES[i] for i in np.flatnonzero(false.struck[Lane.HIHAT])] == [Lane.KICK, Lane.SNARE]
    assert false.struck[Lane.KICK, Lane.KICK] == 1  # written twice


# What hits are sorted by ----------------------------------------------------------------------------


def test_hits_are_sorted_by_velocity_gaps_polyphony_and_articulation():
    reference = Performance.of(
        [
            Hit(1.0, Drum.KICK, 100),
            Hit(1.02, Drum.HIHAT_CLOSED, 30),  # together with the kick
            Hit(1.1, Drum.SNARE, 19),
            Hit(1.14, Drum.SNARE, 20),
            Hit(2.0, Drum.SIDE_STICK, 127),
        ]
    )
    estimate = Performance.of([Hit(1.0, Drum.KICK, 100), Hit(1.5, Drum.RIDE, 50)])
    table = table_of((reference, estimate))
    missed, false = Counts(fn=1), Counts(fp=1)
    assert breakdown(table, "velocity") == {
        "1-19": missed,
        "20-39": missed + missed,
        "40-59": false,
        "100-127": Counts(tp=1) + missed,
    }
    assert breakdown(table, "gap") == {
        "below 50 ms": missed + missed,  # the two snares
        "50-100 ms": missed,  # hat to snare
        "100-200 ms": Counts(tp=1),  # kick to snare; the hat is simultaneous
        "200-400 ms": false,  # ride to the second snare
        "400 ms or more": missed,
    }
    assert breakdown(table, "gap in lane") == {
        "below 50 ms": missed + missed,
        "400 ms or more": Counts(tp=1, fn=2, fp=1),
    }
    assert breakdown(table, "polyphony") == {"0": false, "1": Counts(fn=3), "2": Counts(tp=1, fn=1)}
    assert breakdown(table, "articulation")["side_stick"] == missed


def test_references_without_velocities_and_articulations_have_no_such_breakdown():
    flat = Performance.of([Hit(0.5 * i, Drum.KICK, 100) for i in range(4)])
    assert {"velocity", "articulation"}.isdisjoint(b.name for b in table_of((flat, flat)).breakdowns)
    loud = Performance.of([Hit(0.5 * i, Drum.KICK, 100 + i) for i in range(4)])
    assert breakdown(table_of((flat, loud), (loud, loud)), "velocity") == {
        "100-127": Counts(tp=4),
        NOT_TOLD: Counts(tp=4),
    }


def test_a_column_that_a_track_lacks_is_not_told():
    table = error_table(judge_tracks(loaded_tracks([(GROOVE, GROOVE)]), TOLERANCE), TOLERANCE, (), ("kit",))
    assert list(breakdown(table, "kit")) == [NOT_TOLD]


@given(PERFORMANCES, PERFORMANCES)
def test_partners_of_errors_point_at_each_other(reference, estimate):
    judged = judge(reference, estimate, TOLERANCE)
    missed = [(j.hit, j.partner) for j in judged if j.verdict is Verdict.MISSED and j.partner]
    false = [(j.partner, j.hit) for j in judged if j.verdict is Verdict.FALSE and j.partner]
    assert sorted(missed) == sorted(false)
    for found in (j for j in judged if j.verdict is Verdict.FOUND):
        assert found.partner.drum.lane is found.lane


# Worst seconds --------------------------------------------------------------------------------------


@given(PAIRS, st.integers(1, 5), st.integers(1, 3))
def test_the_worst_seconds_do_not_overlap_and_come_worst_first(pairs, number, per_track):
    tracks = judge_tracks(loaded_tracks(pairs), TOLERANCE)
    worst = worst_seconds(tracks, number, per_track)
    assert len(worst) <= number
    sizes = [second.counts.fn + second.counts.fp for second in worst]
    assert sizes == sorted(sizes, reverse=True)
    assert all(size > 0 for size in sizes)
    for track in tracks:
        starts = sorted(second.start for second in worst if second.track is track)
        assert all(gap >= LENGTH for gap in np.diff(starts))
    if any(t.counts.fn + t.counts.fp for t in tracks):
        assert worst


def test_the_worst_second_is_the_one_with_most_errors():
    reference = Performance.of([Hit(t, Drum.KICK, 90) for t in (1.0, 1.9, 5.0, 5.2, 5.4, 9.0)])
    first, second, third, *rest = worst_seconds(
        [judge_track(track, TOLERANCE) for track in loaded_tracks([(reference, Performance())])]
    )
    assert (first.start, first.counts.fn) == (pytest.approx(4.95), 3)
    assert (second.start, second.counts.fn) == (pytest.approx(0.95), 2)
    assert (third.counts.fn, rest) == (1, [])


def test_a_track_without_estimate_is_counted_but_not_among_the_worst_seconds():
    tracks = [
        LoadedTrack(Track("none", Path("r"), None), GROOVE, Performance()),
        LoadedTrack(Track("broken", Path("r"), Path("e")), GROOVE, Performance(), "no sound"),
    ]
    report = explain(tracks, {}, TOLERANCE, [Group("all")])
    assert report.table.counts.fn == 2 * len(GROOVE)
    assert report.worst == ()


# Oracle ---------------------------------------------------------------------------------------------


def test_the_oracle_is_never_worse_than_what_is_in_use_and_the_grid_contains_it(detector_path):
    listener = Listener(Transcriber(detector_path, threads=1))
    quiet = 0.2 * tones([(0.5, Lane.KICK), (1.0, Lane.SNARE)], 2.0)
    sound = tones([(0.5, Lane.CRASH), (1.5, Lane.KICK)], 2.0) + quiet
    reference = Performance.of([Hit(0.5, Drum.CRASH, 90), Hit(1.0, Drum.SNARE, 90), Hit(1.5, Drum.KICK, 90)])
    estimate = listener.transcribe_samples(sound, SAMPLE_RATE, Path("a"))
    heard = listener.evidence(Path("a"))
    lanes = oracle([(reference, heard)], TOLERANCE)
    in_use = score_track(reference, estimate, TOLERANCE, LANE_SET).counts
    assert [lane.now for lane in lanes] == list(in_use)
    for lane in lanes:
        best = replace(heard.decoder, thresholds=(lane.best_threshold,) * len(LANES))
        again = score_track(reference, decode(heard.activations, best), TOLERANCE, LANE_SET)
        assert lane.best == again.counts[lane.lane]
        if lane.now.support + lane.now.estimated:
            assert not lane.best.f < lane.now.f  # no hits at all are best where nothing was struck
        assert lane.best == lane.best_by_track  # there is only one track
        assert lane.best_threshold in (*GRID, lane.threshold)


def test_without_activations_there_is_no_oracle():
    assert oracle([(GROOVE, Evidence(lambda: np.zeros((1, 80)), 100.0))], TOLERANCE) == ()


# Report ---------------------------------------------------------------------------------------------


@given(PAIRS)
def test_the_report_can_be_written_whatever_was_found(pairs):
    tracks = loaded_tracks(pairs)
    report = explain(tracks, {}, TOLERANCE, groups_by_column([t.track for t in tracks], "part"), ("part",))
    content = json.loads(json.dumps(to_json(report), allow_nan=False))
    assert sum(sum(row.values()) for row in content["missed"].values()) == content["fn"]
    text = markdown(report, ["worst-01.png"])
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count(" | ") for line in tables if line.startswith("| lane |")} == {8}
    assert "![worst-01.png](worst-01.png)" in text


# The commands ---------------------------------------------------------------------------------------


@pytest.fixture
def run(monkeypatch, capsys):
    """Return a function that runs a command and gives exit code, stdout and stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["drumlane", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return call


@pytest.fixture
def two_files(tmp_path):
    """Return an estimate whose snares are all written as high toms, and its reference."""
    formats.write(in_lane(GROOVE, Lane.SNARE, Lane.HI_TOM), tmp_path / "estimate.csv")
    formats.write(GROOVE, tmp_path / "reference.csv")
    return tmp_path / "estimate.csv", tmp_path / "reference.csv"


def lane_scores(report: dict) -> list[dict]:
    return [s for g in report["groups"] for s in g["scores"] if s["class_set"] == "lanes"]


def test_the_errors_of_two_files_are_explained_and_drawn(run, two_files, tmp_path):
    folder = tmp_path / "new" / "errors"
    code, out, err = run("evaluate", *two_files, "--errors", folder, "--json", tmp_path / "scores.json")
    assert (code, err) == (0, "")
    assert "missed hits, and what was written" in out
    errors = json.loads((folder / "errors.json").read_text())
    n_snares = GROOVE.counts()[Drum.SNARE]
    assert errors["missed"]["snare"]["hi_tom"] == n_snares == errors["false"]["hi_tom"]["instead"]
    assert errors["oracle"] == []  # nobody listened
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert {k: errors[k] for k in ("tp", "fp", "fn")} == {
        k: lane_scores(scores)[0]["micro"][k] for k in ("tp", "fp", "fn")
    }
    assert scores["errors"]["missed"] == errors["missed"]
    pictures = [second["picture"] for second in errors["worst_seconds"]]
    assert 1 <= len(pictures) <= 10
    assert sorted(p.name for p in folder.iterdir()) == sorted([*pictures, "errors.json", "errors.md"])
    heights = {png_size(folder / name) for name in pictures}
    assert heights == {(1400, 740)}  # no sound, no spectrogram
    for name in pictures:
        assert f"]({name})" in (folder / "errors.md").read_text()


def test_the_same_command_writes_the_same_files_and_leaves_no_older_pictures(run, two_files, tmp_path):
    folder = tmp_path / "errors"
    folder.mkdir()
    (folder / "worst-99.png").write_bytes(b"of an earlier run")
    (folder / "mine.png").write_bytes(b"not ours")
    contents = []
    for _ in range(2):
        assert run("evaluate", *two_files, "--errors", folder)[0] == 0
        contents.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert contents[0] == contents[1]
    assert "worst-99.png" not in contents[0]
    assert contents[0]["mine.png"] == b"not ours"


def test_markdown_holds_the_error_tables_too(run, two_files, tmp_path):
    code, out, _ = run("evaluate", *two_files, "--markdown", "--errors", tmp_path / "errors")
    assert code == 0
    assert "## by polyphony" in out
    n_snares = GROOVE.counts()[Drum.SNARE]
    assert f"| snare | {n_snares} | 0 | {n_snares} | 0 | 0.000 | - |" in out


def test_recordings_of_a_manifest_are_drawn_with_what_the_network_heard(run, tmp_path, detector_path):
    hits = [(0.5, Lane.KICK), (1.0, Lane.SNARE), (1.5, Lane.CRASH), (2.0, Lane.KICK)]
    rows = ["file,annotation,room,player"]
    for name, room in (("a", "hall"), ("b", "cellar")):
        soundfile.write(tmp_path / f"{name}.wav", tones(hits, 3.0), SAMPLE_RATE)
        truth = "".join(f"{t},{lane.label},,\n" for t, lane in [*hits[:3], (2.5, Lane.RIDE)])
        (tmp_path / f"{name}.csv").write_text(f"onset_s,lane,label,note\n{truth}")
        rows.append(f"{name}.wav,{name}.csv,{room},{name}")
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    rows.append("broken.wav,a.csv,hall,c")
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("\n".join(rows) + "\n")
    folder = tmp_path / "errors"
    arguments = ("--group-by", "room", "--group-by", "player", "--threads", 1, "--errors", folder)
    code, _, err = run("evaluate", "--manifest", manifest, "--model", detector_path, *arguments)
    assert code == 1
    assert [line.split(":")[1] for line in err.splitlines() if line] == [" broken"]
    errors = json.loads((folder / "errors.json").read_text())
    groups = next(b["rows"] for b in errors["breakdowns"] if b["by"] == "group")
    assert [g["value"] for g in groups] == [
        "room hall",
        "room cellar",
        "player a",
        "player b",
        "player c",
    ]
    assert [(g["tp"], g["fp"], g["fn"]) for g in groups] == [
        (3, 1, 5),
        (3, 1, 1),
        (3, 1, 1),
        (3, 1, 1),
        (0, 0, 4),
    ]
    assert len(errors["oracle"]) == len(LANES)
    assert {second["track"] for second in errors["worst_seconds"]} == {"a", "b"}
    assert {png_size(folder / s["picture"]) for s in errors["worst_seconds"]} == {(1400, 960)}


def test_predictions_of_another_program_are_drawn_over_the_sound_of_the_manifest(run, tmp_path):
    soundfile.write(tmp_path / "a.wav", tones([(0.5, Lane.KICK)], 2.0), SAMPLE_RATE)
    formats.write(Performance.of([Hit(0.5, Drum.KICK, 90)]), tmp_path / "a.csv")
    (tmp_path / "manifest.csv").write_text("file,annotation\na.wav,a.csv\n")
    (tmp_path / "theirs").mkdir()
    formats.write(Performance.of([Hit(0.9, Drum.KICK, 90)]), tmp_path / "theirs" / "a.mid")
    folder = tmp_path / "errors"
    code, _, _ = run(
        "evaluate", tmp_path / "theirs", "--manifest", tmp_path / "manifest.csv", "--errors", folder
    )
    assert code == 0
    assert png_size(folder / "worst-01.png") == (1400, 960)


def test_recordings_in_a_folder_are_explained(run, tmp_path, detector_path):
    soundfile.write(tmp_path / "a.wav", tones([(0.5, Lane.KICK), (1.0, Lane.SNARE)], 2.0), SAMPLE_RATE)
    formats.write(Performance.of([Hit(0.5, Drum.KICK, 90)], duration=2.0), tmp_path / "a.csv")
    folder = tmp_path / "errors"
    arguments = ("--audio", tmp_path / "a.wav", tmp_path / "a.csv", "--model", detector_path)
    assert run("evaluate", *arguments, "--errors", folder)[0] == 0
    errors = json.loads((folder / "errors.json").read_text())
    assert errors["false"]["snare"]["alone"] == 1


def test_rendered_grooves_are_broken_down_by_kit_family_and_accompaniment(run, tmp_path, detector_path):
    write_material(tmp_path)
    folder = tmp_path / "errors"
    material = ("--kits", tmp_path / "kits" / "kits.csv", "--grooves", tmp_path / "grooves")
    levels = ("--backing", tmp_path / "backing", "--level-db", "-10,20", "--seconds", 4)
    report = tmp_path / "scores.json"
    arguments = (*material, *levels, "--model", detector_path, "--errors", folder, "--json", report)
    code, out, err = run("evaluate-kits", *arguments, "--threads", 1)
    assert (code, err.strip()) == (0, "")
    assert "accompaniment at -10 dB" in out
    errors = json.loads((folder / "errors.json").read_text())
    by = {b["by"]: b["rows"] for b in errors["breakdowns"]}
    assert [row["value"] for row in by["accompaniment"]] == ["-10 dB", "20 dB"]
    assert [row["value"] for row in by["family"]] == ["millo"]
    assert [row["value"] for row in by["kit type"]] == ["acoustic"]
    scores = json.loads(report.read_text())
    of_level = [s["micro"] for s in lane_scores(scores) if s["tolerance"] == TOLERANCE]
    for row, micro in zip(by["accompaniment"], of_level, strict=True):
        assert {k: row[k] for k in ("tp", "fp", "fn")} == {k: micro[k] for k in ("tp", "fp", "fn")}
    assert png_size(folder / "worst-01.png") == (1400, 960)


def test_only_acoustic_kits_are_played_when_asked(run, tmp_path, detector_path):
    write_material(tmp_path)
    manifest = tmp_path / "kits" / "kits.csv"
    arguments = ("evaluate-kits", "--kits", manifest, "--grooves", tmp_path / "grooves", "--seconds", 4)
    code, out, _ = run(*arguments, "--model", detector_path, "--acoustic")
    assert code == 0
    assert "unseen acoustic kits, drums only" in out
    manifest.write_text(manifest.read_text().replace(",acoustic,", ",electronic,"))
    code, _, err = run(*arguments, "--model", detector_path, "--acoustic")
    assert code == 1
    assert "no acoustic kit is in the test families" in " ".join(err.split())


@pytest.mark.parametrize("level", ["loud", "0,", "nan", "1000"])
def test_levels_that_are_none_are_refused(run, tmp_path, level):
    code, _, err = run(
        "evaluate-kits", "--kits", "k", "--grooves", "g", "--backing", "b", "--level-db", level
    )
    assert code == 2
    assert "must be numbers of decibels" in " ".join(err.replace("│", " ").split())


def test_the_family_of_an_item_is_that_of_the_kit_that_plays_most_of_it():
    kits = [click_kit(name="whole"), click_kit([Drum.KICK], name="small")]
    beats = {str(i): Performance.of([Hit(0.3 * k, Drum.SNARE, 90) for k in range(4)]) for i in range(8)}
    families = {item.conditions["family"] for item in render_heldout(beats, kits)}
    assert families == {"whole"}  # the small kit has no snare: the other one's was played


def test_a_folder_that_is_a_file_is_refused_before_anything_is_done(run, two_files, tmp_path):
    (tmp_path / "taken").write_text("mine")
    code, out, err = run("evaluate", *two_files, "--errors", tmp_path / "taken")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "taken: is a file; give a folder for the errors" in err
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_folder_that_cannot_be_made_or_written_into_is_refused(tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(DatasetError, match=r"errors: the folder cannot be made \(Not a directory\)"):
        prepare(tmp_path / "taken" / "errors")
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write everywhere
    with pytest.raises(DatasetError, match="cannot be written into; give another folder"):
        prepare(tmp_path)


def test_without_matplotlib_the_extra_is_named_before_anything_is_done(run, two_files, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    code, out, err = run("evaluate", *two_files, "--errors", tmp_path / "errors")
    assert (code, out) == (1, "")
    assert "pip install 'drumlane[plot]'" in err
    assert not (tmp_path / "errors").exists()


def png_size(path: Path) -> tuple[int, int]:
    """Return width and height, after decoding every pixel."""
    from matplotlib.image import imread

    picture = imread(path)
    assert picture[..., :3].std() > 0.05  # something is drawn
    return picture.shape[1], picture.shape[0]
