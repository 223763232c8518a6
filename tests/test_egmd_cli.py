"""``drumlane egmd`` from end to end: a miniature made, checked and drawn, and one line for what is wrong."""

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from drumlane.cli.app import main
from drumlane.data.egmd import EGMD_TABLE, load_takes
from drumlane.evaluation.take_pictures import SECONDS, view_take
from drumlane.vocabulary import LANE_NAMES
from egmd_material import row, write_egmd, write_table
from material import write_kits

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs ``drumlane egmd`` and returns exit code, stdout and stderr."""

    def command(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["drumlane", "egmd", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        code = stop.value.code
        return (code if isinstance(code, int) else 0, *capsys.readouterr())

    return command


def test_a_miniature_is_made_checked_and_drawn(run: Run, tmp_path: Path) -> None:
    manifest, mini, pictures = tmp_path / "kits.csv", tmp_path / "mini", tmp_path / "pictures"
    write_kits(manifest)
    kits = [f"--kits={manifest}:{name}" for name in ("alpha", "beta")]
    size = ["--performances", 3, "--kits-per-performance", 2, "--seconds", 3]
    code, out, err = run("mini", mini, *kits, *size)
    assert (code, err) == (0, "")
    assert out.startswith(f"{mini}: 6 pairs, 0.0")
    assert "6 pairs (6 were there)" in run("mini", mini, *kits, *size)[1]

    code, out, err = run("check", mini, "--json", tmp_path / "check.json")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "6 of 6 pairs can be used"
    titles = ("what is there", "hours by split", "hours by kit", "hits by lane and velocity", "note maps")
    assert [line.strip() for line in out.splitlines() if line.strip() in titles] == list(titles)
    numbers = json.loads((tmp_path / "check.json").read_text(encoding="utf-8"))
    assert (numbers["counts"]["pairs"], numbers["sound"], numbers["findings"]) == (6, 6, [])
    assert sum(map(sum, numbers["hits"].values())) == sum(numbers["notes"].values())
    assert [one["map"] for one in numbers["coverage"]] == ["td17", "document-a", "document-d"]
    assert numbers["coverage"][0]["share"] == 1.0

    pytest.importorskip("matplotlib", reason="pictures need the plot extra")
    code, out, err = run("explore", mini, "-o", pictures, "--n", 2)
    assert (code, err) == (0, "")
    assert "2 of 2 takes drawn" in out
    with (pictures / "index.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    for one in rows:
        assert (pictures / one["picture"]).read_bytes().startswith(b"\x89PNG")
        assert sum(int(one[name]) for name in LANE_NAMES) == int(one["hits"]) > 0
        assert one["problem"] == ""


def test_a_check_of_a_broken_copy_names_what_is_wrong_and_still_succeeds(run: Run, tmp_path: Path) -> None:
    write_egmd(tmp_path)
    takes = load_takes(tmp_path)
    assert takes[0].audio
    assert takes[1].midi
    takes[0].audio.write_bytes(b"junk")
    takes[1].midi.unlink()
    code, out, err = run("check", tmp_path, "--num-workers", 2)
    assert (code, err) == (0, "")
    assert "recording cannot be read" in out
    assert takes[0].name in out
    assert out.splitlines()[-1] == "4 of 5 pairs can be used; a partial copy, 1 of 6 takes are not there"


def test_a_quick_check_has_hours_but_no_hits(run: Run, tmp_path: Path) -> None:
    write_egmd(tmp_path)
    code, out, _ = run("check", tmp_path, "--quick")
    assert code == 0
    assert "hours by kit" in out
    assert "hits by lane" not in out
    assert "note maps" not in out


def test_names_that_terminals_and_markup_could_take_for_orders_are_printed_as_they_are(
    run: Run, tmp_path: Path
) -> None:
    rows = [one | {"kit_name": "[bold]Kit[/oops]\x1b[2J"} for one in write_egmd(tmp_path)]
    rows.append(row("a/b/1", "[red]", 0, audio_filename="../[/x].wav", midi_filename="x\x07.midi"))
    write_table(tmp_path / EGMD_TABLE, rows)
    code, out, _ = run("check", tmp_path)
    assert code == 0
    assert r"'[bold]Kit[/oops]\x1b[2J'" in out
    assert "[red]" in out
    assert not {"\x1b", "\x07"} & set(out)


def test_a_copy_without_anything_usable_is_one_line_and_exit_code_1(run: Run, tmp_path: Path) -> None:
    write_egmd(tmp_path)
    for path in tmp_path.rglob("*.wav"):
        path.write_bytes(b"junk")
    code, out, err = run("check", tmp_path)
    assert (code, err.count("\n")) == (1, 1)
    assert "what is wrong" in out
    assert "nothing in it can be used: 0 of 6 pairs can be used" in err
    code, _, err = run("explore", tmp_path, "-o", tmp_path / "pictures")
    assert (code, err.count("\n")) == (1, 1)
    assert "none of 6 takes can be read" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("check", "nowhere"), "nowhere: no such folder; pass where E-GMD was unpacked"),
        (("explore", ".", "-o", "x"), "download the table from https://storage.googleapis.com/"),
        (("mini", "x", "--performances", 2), "2 performances do not fill 3 splits; make more"),
        (("mini", "x", "--kits", "nosuch", "--kits-per-performance", 1), "kit 'nosuch' is unknown"),
        (("mini", "x", "--grooves", "nowhere"), "nowhere: no such folder"),
    ],
)
def test_what_is_wrong_is_one_line(
    run: Run, arguments: tuple[object, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*arguments)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("drumlane: ")
    assert message in err


def test_grooves_without_recordings_are_grooves_and_cannot_be_drawn(run: Run, tmp_path: Path) -> None:
    rows = write_egmd(tmp_path, "info.csv")
    write_table(tmp_path / "info.csv", rows, tuple(rows[0])[:-1])
    for path in tmp_path.rglob("*.wav"):
        path.unlink()
    code, out, _ = run("check", tmp_path)
    assert code == 0
    assert out.splitlines()[-1].startswith("6 performances can be used as grooves; there are no recordings")
    assert "whole E-GMD" not in out
    code, _, err = run("explore", tmp_path, "-o", tmp_path / "pictures")
    assert code == 1
    assert "no take has both recording and MIDI" in err
    assert not (tmp_path / "pictures").exists()


def test_the_busiest_seconds_of_a_take_are_shown(tmp_path: Path) -> None:
    write_egmd(tmp_path)
    take = load_takes(tmp_path)[0]
    assert take.audio
    assert take.midi
    whole = view_take(take.audio, take.midi)
    assert (whole.start, whole.end, len(whole.shown)) == (0.0, min(SECONDS, whole.sound.duration), 4)
    part = view_take(take.audio, take.midi, seconds=0.6)
    assert part.end - part.start == pytest.approx(0.6)
    assert len(part.shown) >= 1
