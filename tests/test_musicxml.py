"""MusicXML: what is written comes back on its grid; strangers' files are understood, broken ones refused."""

import base64
import io
import logging
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import mido
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import notation_material
import strategies
from drumlane.errors import FormatError
from drumlane.formats import read, write
from drumlane.formats.notation.instruments import drum_named
from drumlane.formats.notation.ornaments import GRACE_SECONDS
from drumlane.formats.notation.staff import NAMES, POSITIONS
from drumlane.formats.notation.strokes import place
from drumlane.performance import Hit, Performance
from drumlane.song import Song
from drumlane.timing import TempoChange, TempoMap, TimeSignature
from drumlane.vocabulary import NOTE_OF_DRUM, Drum
from notation_material import page, stroke

in_one_folder = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
# Drums of which a stroke never leads to another: kick and cymbals.
DISTINCT = (Drum.KICK, Drum.HIHAT_CLOSED, Drum.RIDE, Drum.CRASH, Drum.COWBELL, Drum.TAMBOURINE)


def there_and_back(performance: Performance, folder: Path, name: str = "a.musicxml") -> Performance:
    write(performance, folder / name)
    return read(folder / name)


def saved(folder: Path, text: str | bytes, name: str = "a.musicxml") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def hits_of(folder: Path, *bars: str, **more: str) -> list[tuple[float, Drum]]:
    """Return (quarter, drum) of what a document says at 120 bpm."""
    text = page("".join(f"<measure>{bar}</measure>" for bar in bars), **more)
    return [(hit.time * 2, hit.drum) for hit in read(saved(folder, text))]


# There and back -----------------------------------------------------------------------------------


@in_one_folder
@given(performance=notation_material.music(drums=DISTINCT))
def test_what_is_played_near_a_grid_comes_back_on_it_with_drum_and_velocity(
    performance: Performance, tmp_path: Path
) -> None:
    back = there_and_back(performance, tmp_path)
    assert Counter((h.drum, h.velocity) for h in back) == Counter((h.drum, h.velocity) for h in performance)
    if place(performance).swing is None:
        far = [h for h in performance if _distance(h, back) > notation_material.HUMAN + 1e-3]
        assert len(far) <= max(4, 0.1 * len(performance))  # a beat may read as well in another row
    assert back.tempo == performance.tempo


def _distance(hit: Hit, performance: Performance) -> float:
    return min((abs(hit.time - other.time) for other in performance if other.drum is hit.drum), default=1e9)


@in_one_folder
@given(hits=st.lists(strategies.hits(30.0), max_size=40), bpm=st.floats(40.0, 300.0))
def test_no_stroke_is_invented_and_none_is_lost_but_in_rolls(
    hits: list[Hit], bpm: float, tmp_path: Path
) -> None:
    performance = Performance.of(hits, tempo=TempoMap.constant(bpm))
    back = there_and_back(performance, tmp_path)
    allowed = 0.1 + 60 / bpm / 8 + 2 * GRACE_SECONDS
    assert all(_distance(hit, performance) <= allowed for hit in back)
    assert all(_distance(hit, back) <= allowed for hit in performance)
    strokes = place(performance).strokes
    if not any(stroke.roll or len(stroke.graces) == 2 for stroke in strokes):
        assert back.counts() == performance.counts()


@pytest.mark.parametrize("drum", Drum)
@pytest.mark.parametrize("velocity", [1, 40, 64, 90, 127])
def test_every_drum_and_velocity_comes_back(drum: Drum, velocity: int, tmp_path: Path) -> None:
    back = there_and_back(Performance((Hit(0.5, drum, velocity),)), tmp_path)
    assert list(back) == [Hit(0.5, drum, velocity)]


def test_an_hour_with_a_tempo_for_every_beat_stays_within_a_millisecond(tmp_path: Path) -> None:
    changes = tuple(TempoChange(float(beat), 118.0 + (beat * 7919 % 1000) / 250) for beat in range(7200))
    tempo = TempoMap(changes)
    times = tempo.beats_to_seconds(list(range(7200))).tolist()
    performance = Performance(tuple(Hit(time, Drum.KICK, 90) for time in times), tempo)
    back = there_and_back(performance, tmp_path)
    assert [hit.time for hit in back] == pytest.approx(times, abs=1e-3)


def test_tempo_meter_and_pickup_come_back(tmp_path: Path) -> None:
    tempo = TempoMap(
        (TempoChange(0.0, 100.0), TempoChange(1.0, 123.456789), TempoChange(5.5, 90.0)),
        (TimeSignature(0.0, 1, 4), TimeSignature(1.0, 4, 4), TimeSignature(9.0, 6, 8)),
    )
    hits = tuple(Hit(float(tempo.beats_to_seconds(beat)), Drum.SNARE, 90) for beat in range(12))
    back = there_and_back(Performance(hits, tempo), tmp_path)
    assert back.tempo == tempo
    assert [hit.time for hit in back] == pytest.approx([hit.time for hit in hits])


def test_compound_time_is_counted_in_dotted_quarters(tmp_path: Path) -> None:
    tempo = TempoMap((TempoChange(0.0, 90.0),), (TimeSignature(0.0, 6, 8),))
    back = there_and_back(Performance((Hit(1.0, Drum.KICK, 90),), tempo), tmp_path)
    text = (tmp_path / "a.musicxml").read_text()
    assert "<beat-unit-dot/><per-minute>60</per-minute>" in text
    assert back.tempo == tempo


def test_names_come_back_and_control_characters_do_not(tmp_path: Path) -> None:
    song = Song(title="A & B <c>\x00", artist="Ü 東京", charter="me")
    back = there_and_back(replace(Performance(), song=song), tmp_path)
    assert back.song == Song(title="A & B <c>", artist="Ü 東京", charter="me")


@pytest.mark.parametrize("name", ["a.xml", "a.mxl", "a.musicxml", "A.MXL"])
def test_every_suffix_is_read_and_written(name: str, tmp_path: Path) -> None:
    performance = Performance((Hit(0.5, Drum.RIDE_BELL, 90),))
    assert list(there_and_back(performance, tmp_path, name)) == list(performance)
    assert zipfile.is_zipfile(tmp_path / name) == name.lower().endswith(".mxl")


def test_flams_drags_and_rolls_are_played_back(tmp_path: Path) -> None:
    drag = ((0.41, 40), (0.455, 42), (0.5, 100))
    flam = ((0.97, 30), (1.0, 99))
    roll = tuple((1.5 + n * 0.03125, 70) for n in range(16))
    performance = Performance(tuple(Hit(t, Drum.SNARE, v) for t, v in (*drag, *flam, *roll)))
    back = there_and_back(performance, tmp_path)
    assert [hit.time for hit in back] == pytest.approx(
        [0.44, 0.47, 0.5, 0.97, 1.0, *(1.5 + n * 0.03125 for n in range(16))]
    )
    assert [hit.velocity for hit in back][:5] == [40, 42, 100, 30, 99]


def test_swing_is_played_back(tmp_path: Path) -> None:
    times = [beat * 0.5 + at for beat in range(32) for at in (0.0, 1 / 3)]
    back = there_and_back(Performance(tuple(Hit(t, Drum.RIDE, 90) for t in times)), tmp_path)
    assert '<words font-weight="bold">Swing 8ths</words>' in (tmp_path / "a.musicxml").read_text()
    assert [hit.time for hit in back] == pytest.approx(times)


def test_a_bar_is_written_like_this(tmp_path: Path) -> None:
    hits = (Hit(0.0, Drum.KICK, 90), Hit(0.0, Drum.HIHAT_OPEN, 90), Hit(0.25, Drum.SNARE, 45))
    write(Performance(hits), tmp_path / "a.musicxml")
    golden = Path(__file__).parent / "golden" / "bar.musicxml"
    assert (tmp_path / "a.musicxml").read_text() == golden.read_text().replace("VERSION", _version())


def _version() -> str:
    import drumlane

    return drumlane.__version__


# Other readers ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def schema():
    xmlschema = pytest.importorskip("xmlschema")
    musicxml = pytest.importorskip("musicxml")
    folder = Path(musicxml.__file__).parent / "generate_classes"
    near = {"http://www.w3.org/XML/1998/namespace": str(folder / "xml.xsd")}
    return xmlschema.XMLSchema(str(folder / "musicxml_4_0.xsd"), locations=near, allow="local")


@in_one_folder
@given(performance=notation_material.music() | strategies.performances(longest=10.0), song=strategies.songs())
def test_the_schema_of_musicxml_4_accepts_what_is_written(
    performance: Performance, song: Song, schema, tmp_path: Path
) -> None:
    write(replace(performance, song=song), tmp_path / "a.musicxml")
    assert [str(e.reason) for e in schema.iter_errors(str(tmp_path / "a.musicxml"))] == []


@pytest.mark.slow
@in_one_folder
@given(performance=notation_material.music(off=0.0, drums=DISTINCT))
def test_verovio_reads_the_same_notes_at_the_same_times(performance: Performance, tmp_path: Path) -> None:
    verovio = pytest.importorskip("verovio")
    back = there_and_back(performance, tmp_path)
    placement = place(performance)
    verovio.enableLog(verovio.LOG_WARNING)
    toolkit = verovio.toolkit()
    assert toolkit.loadData((tmp_path / "a.musicxml").read_text())
    assert toolkit.getLog() == ""
    if placement.swing or any(stroke.graces for stroke in placement.strokes):
        return  # it plays both in its own way
    midi = mido.MidiFile(file=io.BytesIO(base64.b64decode(toolkit.renderToMIDI())))
    found, now = [], 0.0
    for message in midi:
        now += message.time
        if message.type == "note_on" and message.velocity > 0:
            found.append((message.note, now))
    expected = sorted((NOTE_OF_DRUM[hit.drum], hit.time) for hit in back)
    assert [note for note, _ in sorted(found)] == [note for note, _ in expected]
    assert [time for _, time in sorted(found)] == pytest.approx([time for _, time in expected], abs=0.01)


# Files of other programs --------------------------------------------------------------------------


def test_instruments_are_known_by_their_midi_note(tmp_path: Path) -> None:
    listed = (
        '<score-part id="P1"><part-name>Drums</part-name>'
        '<score-instrument id="P1-I1"><instrument-name>x</instrument-name></score-instrument>'
        '<midi-instrument id="P1-I1"><midi-channel>10</midi-channel>'
        "<midi-unpitched>46</midi-unpitched></midi-instrument></score-part>"
    )
    note = stroke("C5", instrument="P1-I1")
    assert hits_of(tmp_path, "<first/>" + note, part_list=listed) == [
        (0.0, Drum.TOM_MID)
    ]  # General MIDI's 45


def test_instruments_are_known_by_their_name(tmp_path: Path) -> None:
    listed = (
        '<score-part id="P1"><part-name>Drums</part-name>'
        '<score-instrument id="A"><instrument-name>Acoustic Snare</instrument-name></score-instrument>'
        '<score-instrument id="B"><instrument-name>Ride Bell</instrument-name></score-instrument>'
        "</score-part>"
    )
    notes = stroke("E4", instrument="A") + stroke("E4", instrument="B")
    assert [d for _, d in hits_of(tmp_path, "<first/>" + notes, part_list=listed)] == [
        Drum.SNARE,
        Drum.RIDE_BELL,
    ]


@pytest.mark.parametrize("drum", [d for d in Drum if d is not Drum.HIHAT_OPEN])
def test_without_names_the_place_and_the_head_say_the_drum(drum: Drum, tmp_path: Path) -> None:
    position = POSITIONS[drum]
    head = f"<notehead>{position.head}</notehead>"
    note = stroke(f"{position.step}{position.octave}", more=head)
    assert hits_of(tmp_path, "<first/>" + note) == [(0.0, drum)]


def test_an_open_hat_is_one_with_a_circle(tmp_path: Path) -> None:
    sign = "<notehead>x</notehead><notations><technical><open-string/></technical></notations>"
    assert hits_of(tmp_path, "<first/>" + stroke("G5", more=sign)) == [(0.0, Drum.HIHAT_OPEN)]


@pytest.mark.parametrize("drum", Drum)
def test_our_own_names_of_instruments_say_the_drum(drum: Drum) -> None:
    assert drum_named(NAMES[drum]) is drum


def test_places_that_mean_nothing_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert hits_of(tmp_path, "<first/>" + stroke("C9") * 2 + stroke("C5")) == [(2.0, Drum.SNARE)]
    assert "left out notes that mean no drum: 2 at C9" in caplog.text


def test_voices_go_back_and_forward(tmp_path: Path) -> None:
    bar = (
        "<first/>"
        + stroke("C5", 8)
        + stroke("C5", 8)
        + "<backup><duration>16</duration></backup><forward><duration>4</duration></forward>"
        + stroke("F4", 12)
    )
    assert hits_of(tmp_path, bar) == [(0.0, Drum.SNARE), (1.0, Drum.KICK), (2.0, Drum.SNARE)]


def test_chords_sound_together_and_ties_once(tmp_path: Path) -> None:
    chord = "<note><chord/>" + stroke("F4", 4).removeprefix("<note>")
    tied = stroke("C5", 4, '<tie type="start"/>') + stroke("C5", 4, '<tie type="stop"/>')
    assert hits_of(tmp_path, "<first/>" + stroke("C5") + chord + tied) == [
        (0.0, Drum.KICK),
        (0.0, Drum.SNARE),
        (1.0, Drum.SNARE),
    ]


def test_tuplets_and_tremolos_are_played_out(tmp_path: Path) -> None:
    attributes = (
        "<attributes><divisions>12</divisions><time><beats>2</beats><beat-type>4</beat-type></time>"
        "<clef><sign>percussion</sign></clef></attributes>"
    )
    triplet = stroke("C5", 4, "<time-modification><actual-notes>3</actual-notes></time-modification>") * 3
    tremolo = stroke(
        "C5",
        12,
        "<type>quarter</type><notations><ornaments>"
        '<tremolo type="single">2</tremolo></ornaments></notations>',
    )
    times = [t for t, _ in hits_of(tmp_path, "<first/>" + triplet + tremolo, attributes=attributes)]
    assert times == pytest.approx([0, 1 / 3, 2 / 3, 1, 1.25, 1.5, 1.75])


def test_repeats_and_endings_are_unrolled(tmp_path: Path) -> None:
    begin = '<barline location="left"><repeat direction="forward"/></barline>'
    first = (
        '<barline location="left"><ending number="1" type="start"/></barline>',
        '<barline location="right"><ending number="1" type="stop"/><repeat direction="backward"/></barline>',
    )
    second = '<barline location="left"><ending number="2" type="start"/></barline>'
    bars = (
        "<first/>" + begin + stroke("C5", 16),
        first[0] + stroke("F4", 16) + first[1],
        second + stroke("A4", 16),
    )
    assert hits_of(tmp_path, *bars) == [
        (0.0, Drum.SNARE),
        (4.0, Drum.KICK),
        (8.0, Drum.SNARE),
        (12.0, Drum.TOM_LOW),
    ]


def test_jumps_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        hits_of(tmp_path, "<first/>" + stroke("C5") + '<sound dacapo="yes"/>')
    assert "da capo, segno and coda are not followed" in caplog.text


def test_a_pickup_keeps_its_length(tmp_path: Path) -> None:
    text = page(
        f'<measure implicit="yes"><first/>{stroke("C5", 4)}</measure><measure>{stroke("F4", 16)}</measure>'
    )
    back = read(saved(tmp_path, text))
    assert [hit.time for hit in back] == [0.0, 0.5]
    assert [(s.beat, s.numerator) for s in back.tempo.signatures] == [(0.0, 1), (1.0, 4)]


def test_marks_and_levels_say_how_loud(tmp_path: Path) -> None:
    level = '<direction><direction-type/><sound dynamics="50"/></direction>'
    accent = "<notations><articulations><accent/></articulations></notations>"
    ghost = '<notehead parentheses="yes">normal</notehead>'
    bar = (
        "<first/>"
        + stroke("C5")
        + level
        + stroke("C5")
        + stroke("C5", more=accent)
        + stroke("C5", more=ghost)
    )
    text = page(f"<measure>{bar}</measure>")
    assert [hit.velocity for hit in read(saved(tmp_path, text))] == [90, 45, 115, 38]


@pytest.mark.parametrize(
    ("direction", "bpm"),
    [
        ('<sound tempo="90"/>', 90.0),
        (
            "<direction><direction-type><metronome><beat-unit>quarter</beat-unit><beat-unit-dot/>"
            "<per-minute>60</per-minute></metronome></direction-type></direction>",
            90.0,
        ),
        (
            "<direction><direction-type><metronome><beat-unit>half</beat-unit>"
            "<per-minute>ca. 60</per-minute></metronome></direction-type></direction>",
            120.0,
        ),
    ],
)
def test_tempo_is_read_from_sound_or_sign(direction: str, bpm: float, tmp_path: Path) -> None:
    text = page(f"<measure><first/>{direction}{stroke('C5')}</measure>")
    assert read(saved(tmp_path, text)).tempo.changes[0].bpm == bpm


def test_drums_are_found_among_other_parts_whose_tempo_counts(tmp_path: Path) -> None:
    guitar = "<note><pitch><step>C</step><octave>5</octave></pitch><duration>16</duration></note>"
    text = page(
        f"<measure><first/>{stroke('C5', 16)}</measure>",
        part_list='<score-part id="P0"><part-name>Guitar</part-name></score-part>'
        '<score-part id="P1"><part-name>Drums</part-name></score-part>',
    ).replace(
        '<part id="P1">',
        f'<part id="P0"><measure><attributes><divisions>4</divisions></attributes><sound tempo="60"/>{guitar}'
        '</measure></part><part id="P1">',
    )
    back = read(saved(tmp_path, text))
    assert (len(back), back.tempo.changes[0].bpm) == (1, 60.0)


# Broken files -------------------------------------------------------------------------------------

GOOD = page(f"<measure><first/>{stroke('C5', 16)}</measure>")


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def packed(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


LOUD = '<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">'
BROKEN: dict[str, tuple[str | bytes, str]] = {
    "empty": (b"", r"is empty \(0 bytes\)"),
    "text": ("hello", "is not XML"),
    "midi": (b"MThd\0\0\0\6", "is not XML"),
    "cut": (GOOD[: len(GOOD) // 2], "is not XML"),
    "cut by one": (GOOD[:-1], "is not XML"),
    "another root": (changed("score-partwise", "score-timewise"), "is <score-timewise>, not MusicXML's"),
    "html": ("<html></html>", "is <html>, not MusicXML's"),
    "no parts": ('<score-partwise version="4.0"/>', r"no percussion part \(instruments: none named\)"),
    "no bars": (page(""), "no percussion part"),
    "entities": (GOOD.replace("?>", f"?><!DOCTYPE x [{LOUD}]>", 1), "declares XML entities"),
    "outside entity": (
        GOOD.replace("?>", '?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>', 1),
        "declares XML entities",
    ),
    "parameter entity": (
        GOOD.replace("?>", '?><!DOCTYPE x [<!ENTITY % a SYSTEM "x">]>', 1),
        "declares XML entities",
    ),
    "deep": ("<a>" * 1000 + "</a>" * 1000, "is nested or long as no score is"),
    "endless header": (page("", encoding="<x/>" * 300_000), "is nested or long as no score is"),
    "bad encoding": (GOOD.replace("UTF-8", "UTF-99"), "is not XML"),
    "bad bytes": (GOOD.encode().replace(b"Drumset", b"\xff\xfe"), "is not XML"),
    "null byte": (GOOD.replace("Drumset", "\0"), "is not XML"),
    "two roots": (GOOD + "<a/>", "is not XML"),
    "duration of words": (changed("<duration>16", "<duration>long"), "bar 1: 'long' is no number"),
    "duration nan": (changed("<duration>16", "<duration>nan"), "bar 1: 'nan' is no number"),
    "duration endless": (changed("<duration>16", "<duration>inf"), "bar 1: 'inf' is no number"),
    "duration below nothing": (changed("<duration>16", "<duration>-4"), "bar 1: '-4' is no number"),
    "duration of years": (changed("<duration>16", "<duration>900000000"), "a bar of more than 4096 quarter"),
    "long number": (changed("<duration>16", "<duration>" + "9" * 5000), "is no number that can stand"),
    "no divisions": (changed("<divisions>4", "<divisions>0"), "divisions must be positive"),
    "divisions nan": (changed("<divisions>4", "<divisions>nan"), "'nan' is no number"),
    "beats": (changed("<beats>4", "<beats>0"), "time signature 0/4"),
    "beats of words": (changed("<beats>4", "<beats>four"), "'four' is no number"),
    "beat type": (changed("<beat-type>4", "<beat-type>3"), "time signature 4/3"),
    "octave": (changed("<display-octave>5", "<display-octave>high"), "'high' is no number"),
    "tempo": (changed("<note>", '<sound tempo="fast"/><note>'), "'fast' is no number"),
    "tempo below nothing": (changed("<note>", '<sound tempo="-1"/><note>'), "'-1' is no number"),
    "swing of nothing": (
        changed("<note>", "<sound><swing><first>0</first><second>1</second></swing></sound><note>"),
        "both must be positive",
    ),
    "velocity": (changed("<note>", '<note dynamics="loud">'), "'loud' is no number"),
    "endless repeats": (
        page(
            "".join(
                f"<measure>{'<first/>' if i == 0 else ''}{stroke('C5', 16)}"
                '<barline><repeat direction="backward" times="900000000"/></barline></measure>'
                for i in range(2)
            )
        ),
        "cannot be played .repeats make more than 50000 bars",
    ),
    "zip of nothing": (packed(), "is not XML|damaged archive|holds no MusicXML"),
    "zip of text": (packed(readme=b"x"), "the archive holds no MusicXML"),
    "cut zip": (packed(**{"a.xml": GOOD.encode()})[:-30], "damaged archive"),
    "zip that names nothing": (
        packed(**{"META-INF/container.xml": b"<container/>", "x": b""}),
        "the archive holds no MusicXML",
    ),
    "zip of many": (packed(**{f"{i}.txt": b"" for i in range(1001)}), "holds more than 1000 files"),
    "zip of entities": (
        packed(**{"a.xml": GOOD.replace("?>", f"?><!DOCTYPE x [{LOUD}]>", 1).encode()}),
        "declares XML entities",
    ),
    "guitar": (
        GOOD.replace("unpitched", "pitch").replace("display-", "").replace("percussion", "G"),
        "no percussion part",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    content, message = BROKEN[case]
    path = saved(tmp_path, content)
    with pytest.raises(FormatError, match=message) as refused:
        read(path)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


def test_there_are_enough_broken_files() -> None:
    assert len(BROKEN) >= 30


def test_a_document_type_as_most_programs_write_it_is_no_obstacle(tmp_path: Path) -> None:
    declared = (
        '?><!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 3.1 Partwise//EN" "http://x/p.dtd">'
    )
    assert len(read(saved(tmp_path, GOOD.replace("?>", declared, 1)))) == 1


@in_one_folder
@given(cut=st.integers(0, len(GOOD)), put=st.text("<>/&;\"'0123456789-eNote abc", max_size=6))
def test_whatever_is_put_into_a_file_it_is_read_or_refused(cut: int, put: str, tmp_path: Path) -> None:
    message = ""
    try:
        read(saved(tmp_path, GOOD[:cut] + put + GOOD[cut + len(put) :]))
    except FormatError as error:
        message = str(error)
    assert "\n" not in message


def test_a_tempo_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"a\.musicxml: cannot be written as notes \(bpm=0\.0 must be"):
        write(Performance(tempo=TempoMap.constant(1e-9)), tmp_path / "a.musicxml")


def test_a_song_of_days_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="more than 50000 bars"):
        write(Performance((Hit(1e9, Drum.KICK, 90),)), tmp_path / "a.musicxml")
