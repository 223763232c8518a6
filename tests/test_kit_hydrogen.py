"""Hydrogen kits: every structure since 2003, in folders and archives; what is broken is one line."""

import io
import tarfile
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drumlane.errors import AudioError, DatasetError, DrumlaneError
from drumlane.rendering import hydrogen_archive
from drumlane.rendering.kit_hydrogen import read_hydrogen
from drumlane.vocabulary import Drum
from kit_material import SILENT, bands, peaks, write_sound

NEW = '<?xml version="1.0" encoding="UTF-8"?>\n<drumkit_info xmlns="http://www.hydrogen-music.org/drumkit">'
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def layer(file: str, low: float = 0, high: float = 1, more: str = "") -> str:
    return f"<layer><filename>{file}</filename><min>{low}</min><max>{high}</max>{more}</layer>"


def write_kit(folder: Path, instruments: str, head: str = "<drumkit_info>") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    text = f"{head}<name>Test</name><instrumentList>{instruments}</instrumentList></drumkit_info>"
    (folder / "drumkit.xml").write_text(text, encoding="utf-8")
    return folder


def instrument(name: str, content: str) -> str:
    return f"<instrument><name>{name}</name>{content}</instrument>"


def pack(path: Path, members: Mapping[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture
def members(tmp_path: Path) -> dict[str, bytes]:
    """Return the files of a small kit as an archive holds them."""
    folder = write_kit(tmp_path / "files", instrument("Snare", layer("snare.wav")))
    write_sound(folder / "snare.wav")
    return {f"Kit/{path.name}": path.read_bytes() for path in folder.iterdir()}


def test_the_oldest_structure_has_one_file_for_each_instrument(tmp_path: Path) -> None:
    text = instrument("Kick", "<id>0</id><filename>/kick.wav</filename><volume>0.5</volume>")
    text += instrument("Closed HH", "<filename>sub/hat.wav</filename><volume>0.25</volume>")
    text += instrument("32", "<volume>0.8</volume>")
    write_sound(tmp_path / "kick.wav", 0.8)
    write_sound(tmp_path / "sub" / "hat.wav", 0.8)
    kit = read_hydrogen(write_kit(tmp_path, text))
    assert (kit.name, set(kit.pieces)) == ("Test", {Drum.KICK, Drum.HIHAT_CLOSED})
    hat = kit.pieces[Drum.HIHAT_CLOSED]
    assert bands(hat) == [(1, 127, 1)]
    np.testing.assert_allclose(peaks(hat.layers[0], hat), [0.5], atol=1e-3)
    assert hat.layers[0].samples[0].onset == SILENT


def test_layers_are_bands_of_velocity_and_the_first_of_two_is_played(tmp_path: Path) -> None:
    # Neighbours overlap a little, as in GMRockKit.
    layers = layer("1.wav", 0, 0.376812) + layer("2.wav", 0.369565, 0.731884) + layer("3.wav", 0.731884, 1)
    for number in (1, 2, 3):
        write_sound(tmp_path / f"{number}.wav", 0.2 * number)
    kit = read_hydrogen(write_kit(tmp_path, instrument("Kick", layers), NEW))
    assert bands(kit.pieces[Drum.KICK]) == [(1, 47, 1), (48, 92, 1), (93, 127, 1)]


def test_layers_that_take_turns_are_a_round_robin(tmp_path: Path) -> None:
    layers = layer("1.wav", 0, 0.5) + layer("2.wav", 0, 0.5) + layer("3.wav", 0.5, 1)
    for number in (1, 2, 3):
        write_sound(tmp_path / f"{number}.wav", 0.2 * number)
    turns = "<sampleSelectionAlgo>ROUND_ROBIN</sampleSelectionAlgo>"
    kit = read_hydrogen(write_kit(tmp_path, instrument("Crash", turns + layers)))
    assert bands(kit.pieces[Drum.CRASH]) == [(1, 63, 2), (64, 127, 1)]


def test_gains_and_volumes_multiply_and_components_are_added(tmp_path: Path) -> None:
    write_sound(tmp_path / "near.wav", 0.5)
    write_sound(tmp_path / "far.wav", 0.25)
    parts = "<volume>0.5</volume><gain>2</gain>"
    near = layer("near.wav", more="<gain>0.5</gain>")
    parts += f"<instrumentComponent><gain>0.8</gain>{near}</instrumentComponent>"
    parts += f"<instrumentComponent><gain>1.2</gain>{layer('far.wav')}</instrumentComponent>"
    text = instrument("Snare Rock", parts) + instrument("Kick", layer("near.wav", more="<gain>2</gain>"))
    kit = read_hydrogen(write_kit(tmp_path, text, NEW))
    snare = kit.pieces[Drum.SNARE]
    np.testing.assert_allclose(peaks(snare.layers[0], snare), [0.5], atol=1e-3)


def test_pitch_is_in_semitones(tmp_path: Path) -> None:
    write_sound(tmp_path / "tom.wav")
    text = instrument("Tom Hi", layer("tom.wav")) + instrument(
        "Tom Low", layer("tom.wav", more="<pitch>-12</pitch>")
    )
    kit = read_hydrogen(write_kit(tmp_path, text))
    high, low = (kit.pieces[drum].layers[0].samples[0] for drum in (Drum.TOM_HIGH, Drum.TOM_LOW))
    assert len(low.samples) == pytest.approx(2 * len(high.samples), abs=2)
    assert low.onset == pytest.approx(2 * SILENT, abs=8)  # resampling rings a little before the attack


def test_names_say_what_an_instrument_is_whatever_its_note(tmp_path: Path) -> None:
    # GMRockKit: numbered from 36 on, so that toms and cymbals are on strange notes.
    names = [
        "Kick",
        "Stick",
        "Snare",
        "Hand Clap",
        "Snare Rimshot",
        "Floor Tom",
        "Hat Closed",
        "Tom 2",
        "Hat Pedal",
    ]
    names += [
        "Tom 1",
        "Hat Open",
        "Cowbell",
        "Ride",
        "Crash",
        "Ride 2",
        "Splash",
        "Hat Semi-Open",
        "Bell",
        "Thing",
    ]
    text = "".join(
        instrument(name, f"<midiOutNote>{36 + number}</midiOutNote>" + layer("a.wav"))
        for number, name in enumerate(names)
    )
    write_sound(tmp_path / "a.wav")
    kit = read_hydrogen(write_kit(tmp_path, text, NEW))
    assert set(kit.pieces) == set(Drum) - {Drum.CRASH2, Drum.CHINA, Drum.TAMBOURINE, Drum.SHAKER}
    assert [piece.drum for piece in kit.alternates] == [Drum.RIDE, Drum.HIHAT_OPEN]
    assert {piece.drum for piece in kit.percussion} == {Drum.CLAP, Drum.COWBELL}


def test_a_note_helps_where_a_name_says_nothing_and_the_other_notes_are_general_midis(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.wav")
    known = instrument("Kick", "<midiOutNote>36</midiOutNote>" + layer("a.wav"))
    odd = instrument("Cassa", "<midiOutNote>51</midiOutNote>" + layer("a.wav"))
    wrong = instrument("Snare", "<midiOutNote>60</midiOutNote>" + layer("a.wav"))
    strange = instrument("Hat Open", "<midiOutNote>41</midiOutNote>" + layer("a.wav"))
    assert Drum.RIDE in read_hydrogen(write_kit(tmp_path, known + odd + wrong)).pieces
    assert Drum.RIDE not in read_hydrogen(write_kit(tmp_path, known + odd + strange)).pieces


def test_muted_empty_and_nameless_instruments_are_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_sound(tmp_path / "a.wav")
    write_sound(tmp_path / "silent.wav", 0.0)
    text = instrument("Kick", layer("a.wav")) + instrument(
        "Snare", "<isMuted>true</isMuted>" + layer("a.wav")
    )
    text += (
        instrument("Ride", "")
        + instrument("Crash", layer("silent.wav"))
        + instrument("Thing", layer("a.wav"))
    )
    text += instrument("Snare Roll", layer("a.wav"))
    kit = read_hydrogen(write_kit(tmp_path, text))
    assert list(kit.pieces) == [Drum.KICK]
    assert "left out Crash, Thing, Snare Roll" in caplog.text


EDGES = st.lists(st.integers(1, 126), min_size=1, max_size=5, unique=True)


@QUICK
@given(edges=EDGES, new=st.booleans())
def test_the_layers_written_are_the_layers_read(tmp_path: Path, edges: list[int], new: bool) -> None:
    ends = [0, *sorted(edges), 127]
    text, levels = "", []
    for number, (below, high) in enumerate(pairwise(ends)):
        levels.append(0.1 + 0.1 * number)
        write_sound(tmp_path / f"{number}.wav", levels[-1])
        text += layer(f"{number}.wav", (below + 0.5) / 127, (high + 0.4) / 127)
    component = f"<instrumentComponent><component_id>0</component_id>{text}</instrumentComponent>"
    folder = write_kit(
        tmp_path, instrument("Snare", component if new else text), NEW if new else "<drumkit_info>"
    )
    piece = read_hydrogen(folder).pieces[Drum.SNARE]
    assert bands(piece) == [(low + 1, high, 1) for low, high in pairwise(ends)]
    played = [peak for each in piece.layers for peak in peaks(each, piece)]
    np.testing.assert_allclose(played, np.array(levels) / max(levels), atol=2e-3)


@pytest.mark.parametrize("mode", ["w:gz", "w", "w:bz2", "w:xz"])
def test_an_archive_is_the_kit_that_was_packed(tmp_path: Path, members: dict[str, bytes], mode: str) -> None:
    archive = pack(tmp_path / "kit.h2drumkit", {**members, "Kit/picture.png": b"x"}, mode)
    unpacked, packed = read_hydrogen(tmp_path / "files"), read_hydrogen(archive)
    assert packed.name == unpacked.name == "Test"
    for each in (Drum.SNARE,):
        ours, theirs = (kit.pieces[each].layers[0].samples[0].samples for kit in (packed, unpacked))
        np.testing.assert_array_equal(ours, theirs)


BOMB = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10 if i else "lol"}">' for i in range(9))
XML = {
    f"<!DOCTYPE x [{BOMB}]><drumkit_info><name>&e8;</name></drumkit_info>": "declares a document type",
    '<!DOCTYPE x SYSTEM "file:///etc/passwd"><drumkit_info/>': "declares a document type",
    "<drumkit_info><name>": "not XML",
    "": "0 bytes are too few",
    "no xml at all": "not XML",
    "<song/>": "is not a Hydrogen drum kit but <song>",
    "<drumkit_info/>": "none of its instruments is named like a drum",
    instrument("Kick", layer("none.wav")): "is not a Hydrogen drum kit but <instrument>",
}
INSTRUMENTS = {
    instrument("Kick", layer("none.wav")): r"none\.wav is missing below",
    instrument("Kick", layer("../../secret.wav")): "leads out of the kit's folder",
    instrument("Kick", layer("text.wav")): r"text\.wav: not a sound",
    instrument("Kick", layer("a.wav", more="<gain>loud</gain>")): "<gain>loud</gain> is not a usual number",
    instrument("Kick", layer("a.wav", more="<pitch>nan</pitch>")): "<pitch>nan</pitch> is not a usual number",
    instrument("Thing", layer("a.wav")): "none of its instruments is named like a drum",
}


@pytest.mark.parametrize("text", XML)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_broken_or_unsafe_description_is_one_line(tmp_path: Path, text: str, encoding: str) -> None:
    (tmp_path / "drumkit.xml").write_bytes(text.encode(encoding) if text else b"")
    with pytest.raises(DatasetError, match=XML[text]) as caught:
        read_hydrogen(tmp_path)
    assert "\n" not in str(caught.value)
    assert "root:" not in str(caught.value)


@pytest.mark.parametrize("text", INSTRUMENTS)
def test_a_broken_instrument_is_one_line(tmp_path: Path, text: str) -> None:
    write_sound(tmp_path / "a.wav")
    (tmp_path / "text.wav").write_text("no sound", encoding="utf-8")
    with pytest.raises((DatasetError, AudioError), match=INSTRUMENTS[text]) as caught:
        read_hydrogen(write_kit(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_document_type_that_is_only_quoted_does_no_harm(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.wav")
    info = "<info>&lt;!DOCTYPE HTML&gt;</info><info><![CDATA[<!DOCTYPE html><!ENTITY a>]]></info>"
    assert read_hydrogen(write_kit(tmp_path, info + instrument("Kick", layer("a.wav")))).pieces


@pytest.mark.parametrize(
    "name", ["../evil.wav", "/evil.wav", "Kit/../../evil.wav", "..\\evil.wav", "C:\\evil.wav"]
)
def test_an_archive_that_would_write_elsewhere_is_refused(
    tmp_path: Path, members: dict[str, bytes], name: str
) -> None:
    archive = pack(tmp_path / "kit.h2drumkit", {**members, name: b"evil"})
    with pytest.raises(DatasetError, match="would be unpacked outside of the kit; not opened"):
        read_hydrogen(archive)
    assert not list(tmp_path.rglob("evil.wav"))


def test_links_in_an_archive_are_not_followed(tmp_path: Path, members: dict[str, bytes]) -> None:
    archive = tmp_path / "kit.h2drumkit"
    with tarfile.open(archive, "w:gz") as packed:
        link = tarfile.TarInfo("Kit/snare.wav")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        packed.addfile(link)
        description = tarfile.TarInfo("Kit/drumkit.xml")
        description.size = len(members["Kit/drumkit.xml"])
        packed.addfile(description, io.BytesIO(members["Kit/drumkit.xml"]))
    with pytest.raises(DatasetError, match=r"snare\.wav is missing below") as caught:
        read_hydrogen(archive)
    assert str(caught.value).startswith(str(archive))


@given(cut=st.floats(0, 0.98))
@QUICK
def test_a_cut_archive_is_one_line(tmp_path: Path, members: dict[str, bytes], cut: float) -> None:
    whole = pack(tmp_path / "whole.h2drumkit", members).read_bytes()
    archive = tmp_path / "cut.h2drumkit"
    archive.write_bytes(whole[: int(cut * len(whole))])
    with pytest.raises(DrumlaneError) as caught:
        read_hydrogen(archive)
    assert "\n" not in str(caught.value)
    assert str(archive) in str(caught.value)


def test_archives_that_unpack_to_too_much_are_stopped(
    tmp_path: Path, members: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = pack(tmp_path / "kit.h2drumkit", {**members, "Kit/zeros.bin": bytes(10**6)})
    monkeypatch.setattr(hydrogen_archive, "MAX_BYTES", 10**6)
    with pytest.raises(DatasetError, match="unpacks to more than"):
        read_hydrogen(archive)
    monkeypatch.setattr(hydrogen_archive, "MAX_BYTES", 10**9)
    monkeypatch.setattr(hydrogen_archive, "MAX_MEMBERS", 2)
    with pytest.raises(DatasetError, match="unpacks to more than"):
        read_hydrogen(archive)


def test_a_header_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 2**33 - 1
    (tmp_path / "kit.h2drumkit").write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(10**4))
    with pytest.raises(DatasetError, match=r"has a header of \d+ bytes"):
        read_hydrogen(tmp_path / "kit.h2drumkit")


def test_what_is_no_archive_or_holds_no_kit_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.h2drumkit").write_text("hello", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"text\.h2drumkit: not a whole Hydrogen drum kit"):
        read_hydrogen(tmp_path / "text.h2drumkit")
    with pytest.raises(DatasetError, match=r"holds no drumkit\.xml"):
        read_hydrogen(pack(tmp_path / "empty.h2drumkit", {"readme.txt": b"hello"}))
    with pytest.raises(DatasetError, match="cannot be read"):
        read_hydrogen(tmp_path)
