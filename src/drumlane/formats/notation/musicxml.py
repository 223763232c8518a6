"""MusicXML, written: a score as MusicXML 4.0, one percussion part of two voices.

Flow: Performance -> layout -> **musicxml** -> .musicxml, .xml, .mxl (packed)

Every note names its instrument, so that programs play it right whatever they think of the staff; its velocity
is the ``dynamics`` of the note, in percent of 90 as the standard has it. ``midi-unpitched`` counts from 1.
"""

from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

import drumlane
from drumlane.errors import FormatError
from drumlane.files import AnyPath, shown, whole_file
from drumlane.formats.notation.layout import bars_of
from drumlane.formats.notation.measures import DOTTED_QUARTER, QUARTER, Measure
from drumlane.formats.notation.model import Bar, Event, Score, TempoMark
from drumlane.formats.notation.musicxml_notes import event_xml, instrument_id
from drumlane.formats.notation.staff import NAMES
from drumlane.formats.notation.swing import Swing
from drumlane.performance import Performance
from drumlane.song import Song
from drumlane.vocabulary import NOTE_OF_DRUM, Drum

SOFTWARE = "drumlane"  # how the reader knows its own files
PACKED_SUFFIX = ".mxl"
MIMETYPE = "application/vnd.recordare.musicxml"
CONTAINER = "META-INF/container.xml"
_DOCTYPE = (
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" '
    '"http://www.musicxml.org/dtds/partwise.dtd">'
)
# A4 with a staff of 6.4 mm, so that a tenth of the space between two lines is 0.16 mm.
_PAGE_LAYOUT = (
    "<defaults><scaling><millimeters>6.4</millimeters><tenths>40</tenths></scaling><page-layout>"
    "<page-height>1856</page-height><page-width>1312</page-width></page-layout></defaults>\n"
)
_ROOTFILE = "score.musicxml"
_CONTAINER_XML = f"""<?xml version="1.0" encoding="UTF-8"?>
<container>
<rootfiles><rootfile full-path="{_ROOTFILE}" media-type="{MIMETYPE}+xml"/></rootfiles>
</container>
"""


def write_musicxml(performance: Performance, path: AnyPath) -> None:
    """Write a performance as sheet music; ``.mxl`` is packed.

    Raises:
        FormatError: the tempo map cannot be written down, or the file cannot be written.
    """
    try:
        score = bars_of(performance)
    except ValueError as error:
        raise FormatError(f"{shown(path)}: cannot be written as notes ({error})") from error
    with whole_file(path, FormatError) as partial:
        if Path(path).suffix.lower() == PACKED_SUFFIX:
            _pack(score, partial)
        else:
            with partial.open("w", encoding="utf-8", newline="\n") as stream:
                stream.writelines(musicxml_of(score))


def musicxml_of(score: Score) -> Iterator[str]:
    """Yield the text of a score, piece by piece."""
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n{_DOCTYPE}\n<score-partwise version="4.0">\n'
    yield from _header(score.song)
    yield '<part-list>\n<score-part id="P1">\n<part-name print-object="no">Drums</part-name>\n'
    yield from (_instrument(drum) for drum in score.drums)
    yield from (_midi_instrument(drum) for drum in score.drums)
    yield '</score-part>\n</part-list>\n<part id="P1">\n'
    meter = (0, 0)
    for number, bar in enumerate(score.bars):
        yield from _bar(score, number, meter)
        meter = meter if bar.is_pickup else (bar.measure.numerator, bar.measure.denominator)
    yield "</part>\n</score-partwise>\n"


def _pack(score: Score, path: Path) -> None:
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", MIMETYPE, compress_type=0)
        archive.writestr(CONTAINER, _CONTAINER_XML)
        archive.writestr(_ROOTFILE, "".join(musicxml_of(score)))


def _text(text: str) -> str:
    """Return text for XML, without the control characters that it cannot hold."""
    return escape("".join(c for c in text if c.isprintable()))


def _header(song: Song) -> Iterator[str]:
    if song.title:
        yield f"<work><work-title>{_text(song.title)}</work-title></work>\n"
    yield "<identification>\n"
    if song.artist:
        yield f'<creator type="composer">{_text(song.artist)}</creator>\n'
    if song.charter:
        yield f'<creator type="arranger">{_text(song.charter)}</creator>\n'
    yield f"<encoding><software>{SOFTWARE} {drumlane.__version__}</software></encoding>\n</identification>\n"
    yield _PAGE_LAYOUT
    for words, kind, looks in (
        (
            song.title,
            "title",
            'default-x="656" default-y="1760" justify="center" font-size="22" font-weight="bold"',
        ),
        (song.artist, "composer", 'default-x="1218" default-y="1700" justify="right" font-size="11"'),
    ):
        if words:
            yield (
                f'<credit page="1"><credit-type>{kind}</credit-type>'
                f'<credit-words {looks} valign="top">{_text(words)}</credit-words></credit>\n'
            )


def _instrument(drum: Drum) -> str:
    return (
        f'<score-instrument id="{instrument_id(drum)}">'
        f"<instrument-name>{NAMES[drum]}</instrument-name></score-instrument>\n"
    )


def _midi_instrument(drum: Drum) -> str:
    return (
        f'<midi-instrument id="{instrument_id(drum)}"><midi-channel>10</midi-channel>'
        f"<midi-unpitched>{NOTE_OF_DRUM[drum] + 1}</midi-unpitched></midi-instrument>\n"
    )


# Bars ---------------------------------------------------------------------------------------------


def _bar(score: Score, number: int, meter: tuple[int, int]) -> Iterator[str]:
    bar, has_pickup = score.bars[number], score.bars[0].is_pickup
    implicit = ' implicit="yes"' if bar.measure.is_short or bar.is_pickup else ""
    yield f'<measure number="{number + (not has_pickup)}"{implicit}>\n'
    yield from _attributes(score, number, meter)
    if number == 0 and score.swing:
        yield _swing(score.swing)
    yield from (_tempo(mark, bar.measure) for mark in bar.tempos)
    yield from _voices(bar)
    if number == len(score.bars) - 1:
        yield '<barline location="right"><bar-style>light-heavy</bar-style></barline>\n'
    yield "</measure>\n"


def _attributes(score: Score, number: int, meter: tuple[int, int]) -> Iterator[str]:
    # A pickup stands under the time signature of the music that it leads to.
    measure = score.bars[1 if score.bars[number].is_pickup else number].measure
    shown_meter = (measure.numerator, measure.denominator)
    time = ""
    if shown_meter != meter and (number == 0 or not score.bars[number - 1].is_pickup or meter != (0, 0)):
        time = f"<time><beats>{shown_meter[0]}</beats><beat-type>{shown_meter[1]}</beat-type></time>"
    if number == 0:
        yield (
            f"<attributes><divisions>{QUARTER}</divisions><key><fifths>0</fifths></key>{time}"
            "<clef><sign>percussion</sign></clef></attributes>\n"
        )
    elif time:
        yield f"<attributes>{time}</attributes>\n"


def _swing(swing: Swing) -> str:
    kind = "eighth" if swing.says.endswith("8ths") else "16th"
    return (
        f'<direction placement="above"><direction-type><words font-weight="bold">{swing.says}</words>'
        f"</direction-type><sound><swing><first>{swing.first}</first><second>{swing.second}</second>"
        f"<swing-type>{kind}</swing-type></swing></sound></direction>\n"
    )


def _tempo(mark: TempoMark, measure: Measure) -> str:
    dotted = DOTTED_QUARTER in measure.beats[:1]
    dot, bpm = ("<beat-unit-dot/>", mark.bpm / 1.5) if dotted else ("", mark.bpm)
    sound = f"{mark.bpm:.6f}".rstrip("0").rstrip(".")
    offset = f"<offset>{mark.start}</offset>" if mark.start else ""
    if not mark.printed:
        return f'<sound tempo="{sound}">{offset}</sound>\n'
    moved = f'<offset sound="yes">{mark.start}</offset>' if mark.start else ""
    return (
        '<direction placement="above"><direction-type><metronome><beat-unit>quarter</beat-unit>'
        f"{dot}<per-minute>{bpm:.0f}</per-minute></metronome></direction-type>{moved}"
        f'<sound tempo="{sound}"/></direction>\n'
    )


def _voices(bar: Bar) -> Iterator[str]:
    length = bar.measure.length
    if not bar.hands and not bar.feet:
        yield f'<note><rest measure="yes"/><duration>{length}</duration><voice>1</voice></note>\n'
    for voice, events in ((1, bar.hands), (2, bar.feet)):
        if voice == 2 and bar.hands and bar.feet:
            yield f"<backup><duration>{length}</duration></backup>\n"
        yield from _voice(voice, events)


def _voice(voice: int, events: tuple[Event, ...]) -> Iterator[str]:
    for event in events:
        yield event_xml(voice, event)
