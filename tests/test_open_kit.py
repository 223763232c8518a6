"""One door for kits: what lies at a path says what it is, and the command plays it."""

import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from drumlane import formats
from drumlane.audio.io import read_audio
from drumlane.cli.app import main
from drumlane.errors import DatasetError
from drumlane.performance import Hit, Performance
from drumlane.rendering.kit_folder import read_kit_folder
from drumlane.rendering.open_kit import open_kit
from drumlane.vocabulary import Drum
from kit_material import bands, write_sound
from material import write_kits

Maker = Callable[[Path], Path]


def sfz_file(folder: Path) -> Path:
    path = folder / "kit.sfz"
    write_sound(folder / "a.wav")
    path.write_text("<region> key=36 sample=a.wav\n<region> key=38 sample=a.wav", encoding="utf-8")
    return path


def sfz_folder(folder: Path) -> Path:
    return sfz_file(folder).parent


def sfz_in_a_sub_folder(folder: Path) -> Path:
    (folder / "Programs").mkdir(parents=True)
    sfz_file(folder / "Programs")
    return folder


def hydrogen_folder(folder: Path) -> Path:
    write_sound(folder / "a.wav")
    instruments = "".join(
        f"<instrument><name>{name}</name><filename>a.wav</filename></instrument>"
        for name in ("Kick", "Snare")
    )
    (folder / "drumkit.xml").write_text(f"<drumkit_info>{instruments}</drumkit_info>", encoding="utf-8")
    return folder


def hydrogen_description(folder: Path) -> Path:
    return hydrogen_folder(folder) / "drumkit.xml"


def hydrogen_archive(folder: Path) -> Path:
    archive = folder.parent / "kit.h2drumkit"
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(hydrogen_folder(folder), "MyKit")
    return archive


def sample_folder(folder: Path) -> Path:
    write_sound(folder / "Kick.wav")
    write_sound(folder / "snare" / "1_1.wav")
    return folder


def manifest(folder: Path) -> Path:
    write_kits(folder / "kits" / "kits.csv", [("alpha", "alpha", "cc0")])
    return Path(f"{folder / 'kits' / 'kits.csv'}:alpha")


KINDS = (
    sfz_file,
    sfz_folder,
    sfz_in_a_sub_folder,
    hydrogen_folder,
    hydrogen_description,
    hydrogen_archive,
    sample_folder,
    manifest,
)


@pytest.mark.parametrize("make", KINDS)
def test_a_kit_of_every_kind_is_opened_by_its_path(tmp_path: Path, make: Maker) -> None:
    assert open_kit(make(tmp_path / "kit")).pieces.keys() >= {Drum.KICK, Drum.SNARE}


@pytest.mark.parametrize("make", KINDS)
def test_the_command_renders_with_a_kit_of_every_kind(
    tmp_path: Path, make: Maker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    groove, output = tmp_path / "groove.mid", tmp_path / "groove.wav"
    formats.write(Performance.of([Hit(0.25, Drum.KICK, 100), Hit(0.5, Drum.SNARE, 100)]), groove)
    arguments = ["render", groove, output, "--kit", make(tmp_path / "kit"), "--room", "none", "--tail", "0.5"]
    monkeypatch.setattr(sys, "argv", ["drumlane", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert (stop.value.code or 0, capsys.readouterr().err) == (0, "")
    sound = np.abs(read_audio(output).samples)
    assert sound[: round(0.25 * 44100) - 50].max() < 0.01
    assert sound[round(0.25 * 44100) :][:50].max() > 0.2


def test_a_kit_that_stands_in_the_folder_above_is_found_by_the_program(tmp_path: Path) -> None:
    write_sound(tmp_path / "Samples" / "a.wav")
    program = tmp_path / "Programs" / "kit.sfz"
    program.parent.mkdir()
    program.write_text("<region> key=36 sample=../Samples/a.wav", encoding="utf-8")
    for path in (program, program.parent, tmp_path):
        assert list(open_kit(path).pieces) == [Drum.KICK]


def test_the_nearest_sfz_file_is_the_kit_and_deeper_ones_are_its_parts(tmp_path: Path) -> None:
    sfz_in_a_sub_folder(tmp_path)
    parts = tmp_path / "Programs" / "mappings" / "part.sfz"
    parts.parent.mkdir()
    parts.write_text("<region>", encoding="utf-8")
    assert open_kit(tmp_path).name == "kit"


def test_of_several_sfz_files_none_is_taken_and_all_are_named(tmp_path: Path) -> None:
    sfz_file(tmp_path)
    (tmp_path / "brushes.SFZ").write_text("", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"several SFZ files; pass one of them: brushes\.SFZ, kit\.sfz"):
        open_kit(tmp_path)


def broken(folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "song.txt").write_text("", encoding="utf-8")
    write_kits(folder / "kits.csv", [("alpha", "alpha", "cc0")])
    return folder / name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none", "none: no such kit; a kit is an .sfz file"),
        ("none.sfz", r"none\.sfz: no such kit"),
        ("song.txt", r"song\.txt: is not a kit; a kit is"),
        ("kits.csv", r"kits\.csv: say which of its kits, as in .*kits\.csv:NAME"),
        ("kits.csv:alhpa", r"kit 'alhpa' is not in .*kits\.csv; kits: alpha"),
        ("none.csv:a", r"none\.csv: cannot read the kit manifest"),
        ("", "nothing in it is named like a drum"),
    ],
)
def test_what_is_no_kit_is_one_line(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message) as caught:
        open_kit(broken(tmp_path / "folder", name))
    assert "\n" not in str(caught.value)


def test_a_folder_with_names_as_people_give_them_is_a_kit(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = [
        "kick drum",
        "Snare-1",
        "Snare-2",
        "HiHat Closed",
        "HH Open",
        "floor tom",
        "Tom 1",
        "crash 1",
        "crash 2",
    ]
    files += ["Ride Cymbal", "Bongo hi", "Snare Roll", "readme"]
    for number, name in enumerate(files):
        write_sound(tmp_path / f"{name}.wav", 0.2 + 0.05 * number)
    write_sound(tmp_path / "Hand Claps" / "one.wav")
    write_sound(tmp_path / "kick 22 alternate" / "1_1.wav")
    kit = read_kit_folder(tmp_path)
    assert set(kit.pieces) == {
        Drum.KICK,
        Drum.SNARE,
        Drum.HIHAT_CLOSED,
        Drum.HIHAT_OPEN,
        Drum.TOM_LOW,
        Drum.TOM_HIGH,
        Drum.CRASH,
        Drum.CRASH2,
        Drum.RIDE,
        Drum.CLAP,
    }
    assert bands(kit.pieces[Drum.SNARE]) == [(1, 64, 1), (65, 127, 1)]
    assert [piece.drum for piece in kit.alternates] == [Drum.KICK]
    assert {piece.drum for piece in kit.percussion} == {None, Drum.CLAP}
    assert "left out Snare Roll.wav, readme.wav" in caplog.text


def test_exact_names_come_before_guesses(tmp_path: Path) -> None:
    write_sound(tmp_path / "acoustic snare.wav", hz=100)
    write_sound(tmp_path / "snare" / "1_1.wav", hz=900)
    write_sound(tmp_path / "snare" / "1_2.wav", hz=900)
    kit = read_kit_folder(tmp_path)
    assert bands(kit.pieces[Drum.SNARE]) == [(1, 127, 2)]
    assert [bands(piece) for piece in kit.alternates] == [[(1, 127, 1)]]
