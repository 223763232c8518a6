"""convert, inspect and chart: scores by their names, a song folder in one step, faults in a line."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from drumlane import formats
from drumlane.charting.playability import problems
from drumlane.models.loading import SHIPPED
from drumlane.performance import Hit, Performance
from drumlane.vocabulary import DRUM_OF_LANE, Drum

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
Command = Callable[..., tuple[int, str, str]]
needs_model = pytest.mark.skipif(not SHIPPED.is_file(), reason="this checkout has no shipped model")


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Return the command line in an empty folder with the bundled example: exit code, output, errors."""
    from drumlane.cli.app import main

    shutil.copyfile(EXAMPLES / "groove.mid", tmp_path / "groove.mid")
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["drumlane", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return call


# convert ------------------------------------------------------------------------------------------


def test_a_score_becomes_what_the_name_says(command: Command, tmp_path: Path) -> None:
    code, out, err = command("convert", "groove.mid", "groove.chart")
    assert (code, err) == (0, "")
    assert "groove.mid: 141 hits -> groove.chart" in out
    before, after = formats.read("groove.mid"), formats.read("groove.chart")
    assert [h.time for h in after] == pytest.approx(
        [h.time for h in before if h.drum.lane is not None], abs=1e-3
    )


def test_scores_become_files_of_several_formats_in_a_folder(command: Command, tmp_path: Path) -> None:
    shutil.copyfile("groove.mid", "second.mid")
    assert command("convert", "groove.mid", "second.mid", "out", "-f", "csv,json,chart")[0] == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "groove.chart", "groove.csv", "groove.json", "second.chart", "second.csv", "second.json",
    ]  # fmt: skip


def test_a_level_a_grid_and_names_are_applied(command: Command) -> None:
    assert command("convert", "groove.mid", "easy.json", "--difficulty", "easy", "--title", "Ü")[0] == 0
    easy = formats.read("easy.json")
    assert 0 < len(easy) < 100
    assert easy.song.title == "Ü"
    assert (
        command("convert", "groove.mid", "grid.json", "--quantize", "sixteenth", "--max-shift", "60")[0] == 0
    )
    grid = formats.read("grid.json")
    beats = grid.tempo.seconds_to_beats([h.time for h in grid]) * 4
    near = np.abs(beats - np.rint(beats)) < 1e-6
    assert near.mean() > 0.9
    assert command("convert", "groove.mid", "lanes.json", "--lanes")[0] == 0
    assert {h.drum for h in formats.read("lanes.json")} <= set(DRUM_OF_LANE.values())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["groove.mid"], "name what to read and, last, what to write"),
        (["groove.mid", "a.xyz"], r"a.xyz: .xyz cannot be written; suffixes: "),
        (["groove.mid", "out", "-f", "chrt"], "format 'chrt' is unknown; formats: chart"),
        (["groove.mid", "other.mid", "a.chart"], "one file for one score; name a folder"),
        (["groove.mid", "groove.mid"], "is what is read; choose another name"),
        (["groove.mid", "a.csv", "--quantize", "sixtenth"], "grid 'sixtenth' is unknown; grids: sixteenth"),
        (["groove.mid", "a.csv", "--difficulty", "hrad"], "level 'hrad' is unknown; levels: hard"),
        (["groove.mid", "a.csv", "--map", "roland"], "MIDI map 'roland' is unknown; maps: "),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2_or_1(
    command: Command, arguments: list[str], message: str
) -> None:
    code, out, err = command("convert", *arguments)
    assert code in (1, 2)
    assert out == ""
    assert message in err
    assert len(err.splitlines()) == 1


def test_nothing_is_replaced_unasked_and_one_bad_file_stops_no_other(
    command: Command, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("mine", encoding="utf-8")
    assert command("convert", "groove.mid", "a.csv")[0] == 2
    assert (tmp_path / "a.csv").read_text(encoding="utf-8") == "mine"
    assert command("convert", "groove.mid", "a.csv", "--force")[0] == 0
    (tmp_path / "bad.mid").write_bytes(b"MThd")
    code, _, err = command("convert", "bad.mid", "groove.mid", "out", "-f", "json")
    assert code == 1
    assert err.startswith("drumlane: bad.mid: ")
    assert (tmp_path / "out" / "groove.json").exists()


# inspect ------------------------------------------------------------------------------------------


def test_a_score_is_summed_up(command: Command) -> None:
    code, out, _ = command("inspect", "groove.mid")
    assert code == 0
    assert "groove.mid: 141 hits in " in out
    assert "100 bpm, 4/4" in out
    code, out, _ = command("inspect", "groove.mid", "--json")
    summary = json.loads(out)["groove.mid"]
    assert summary["hits"] == 141
    assert sum(summary["lanes"].values()) == 141
    assert list(summary["levels"]) == ["easy", "medium", "hard", "expert"]


def test_a_recording_is_sent_to_transcribe_and_a_missing_file_named(command: Command) -> None:
    code, _, err = command("inspect", "song.mp3", "none.mid")
    assert code == 1
    assert err.splitlines() == [
        "drumlane: song.mp3: is a recording; run drumlane transcribe on it first",
        "drumlane: none.mid: no such file",
    ]


def test_what_nobody_can_play_is_found() -> None:
    three = [Hit(1.0, Drum.SNARE, 90), Hit(1.005, Drum.RIDE, 90), Hit(1.01, Drum.CRASH, 90)]
    twice = [Hit(2.0, Drum.SNARE, 90), Hit(2.004, Drum.SNARE, 90)]
    kicks = [Hit(3.0 + 0.05 * k, Drum.KICK, 90) for k in range(3)]
    blur = [Hit(4.0 + 0.025 * k, [Drum.SNARE, Drum.TOM_LOW][k % 2], 90) for k in range(12)]
    found = problems(Performance.of([*three, *twice, *kicks, *blur]))
    assert [p.what.split(":")[0] for p in found if p.time < 3.9] == [
        "3 hands at once", "two strokes of snare within 10 ms", "kicks 50 ms apart", "kicks 50 ms apart",
    ]  # fmt: skip
    assert any("strokes of the hands within" in p.what for p in found)
    assert problems(formats.read(EXAMPLES / "groove.mid")) == ()


# chart --------------------------------------------------------------------------------------------


@needs_model
def test_a_recording_becomes_a_song_folder_in_one_step(command: Command, tmp_path: Path) -> None:
    shutil.copyfile(EXAMPLES / "groove.ogg", "Someone - A groove.ogg")
    code, out, err = command(
        "chart",
        "Someone - A groove.ogg",
        "-o",
        "song",
        "-f",
        "clonehero,chart,bsm,mid,csv",
        "--quantize",
        "auto",
    )
    assert (code, err) == (0, "")
    names = {"notes.mid", "notes.chart", "song.ini", "song.ogg", "song.bsm", "song.mid", "song.csv"}
    assert {p.name for p in (tmp_path / "song").iterdir()} == names
    assert "of silence before the recording" in out
    expert = formats.read("song")
    assert expert.song.title == "A groove"
    assert expert.song.artist == "Someone"
    assert expert.hits[0].time >= 2.0
    played = formats.read("song/song.mid")
    assert {round(h.time, 2) for h in expert} <= {
        round(h.time + d, 2) for h in played for d in (-0.01, 0, 0.01)
    }
    truth = formats.read("groove.mid")
    assert (
        truth.hits[0].time + (expert.duration - formats.read("song/song.mid").duration) < expert.hits[0].time
    )
    code, _, err = command("chart", "Someone - A groove.ogg", "-o", "song")
    assert code == 2
    assert "already there; pass --force" in err


@needs_model
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["none.ogg", "-o", "s"], 1, "none.ogg"),
        (["groove.mid", "-o", "s"], 1, "groove.mid"),
        (["groove.mid", "-o", "s", "-f", "clonhero"], 2, "format 'clonhero' is unknown; formats: clonehero"),
        (["groove.mid", "-o", "s", "--bpm", "-3"], 2, "--bpm"),
        (["groove.mid", "-o", "s", "--quantize", "no"], 2, "grid 'no' is unknown"),
    ],
)
def test_a_chart_that_cannot_be_made_leaves_nothing(
    command: Command, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    got, out, err = command("chart", *arguments)
    assert (got, out) == (code, "")
    assert message in err
    assert len(err.splitlines()) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["groove.mid"]
