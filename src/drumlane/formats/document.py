"""Documents: a performance as JSON, with nothing lost.

Flow: Performance <-> **document** <-> .json

The layout is the pydantic model below. ``version`` counts incompatible changes; a document of a later
version, or with a field that is not in the model, is refused and not half understood.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from drumlane.errors import FormatError, nearest_first
from drumlane.files import AnyPath, shown, whole_file
from drumlane.performance import Hit, Performance
from drumlane.song import Section, Song
from drumlane.timing import TempoChange, TempoMap, TimeSignature
from drumlane.vocabulary import Drum

VERSION = 1

_Beat = Annotated[float, Field(ge=0)]


class _Part(BaseModel):
    """Every part refuses unknown fields, numbers in quotes and numbers that are not finite."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class TempoPart(_Part):
    """As ``timing.TempoChange``."""

    beat: _Beat
    bpm: Annotated[float, Field(gt=0)]


class SignaturePart(_Part):
    """As ``timing.TimeSignature``."""

    beat: _Beat
    numerator: Annotated[int, Field(ge=1)]
    denominator: Annotated[int, Field(ge=1)]


class HitPart(_Part):
    """As ``performance.Hit``; ``lane`` follows from the drum and is there for other programs."""

    time: Annotated[float, Field(ge=0)]
    drum: Drum
    lane: str | None = None
    velocity: Annotated[int, Field(ge=1, le=127)]
    confidence: Annotated[float, Field(ge=0, le=1)] = 1.0


class SectionPart(_Part):
    """As ``song.Section``."""

    time: Annotated[float, Field(ge=0)]
    name: str


class SongPart(_Part):
    """As ``song.Song``."""

    title: str = ""
    artist: str = ""
    album: str = ""
    genre: str = ""
    year: str = ""
    charter: str = ""
    audio: str | None = None
    preview: Annotated[float | None, Field(ge=0)] = None
    sections: tuple[SectionPart, ...] = ()
    foreign: dict[str, str] = {}


class Document(_Part):
    """The whole file."""

    format: Literal["drumlane-performance"]
    version: Literal[1]
    duration: Annotated[float, Field(ge=0)]
    tempos: Annotated[tuple[TempoPart, ...], Field(min_length=1)]
    signatures: tuple[SignaturePart, ...]
    hits: tuple[HitPart, ...]
    song: SongPart | None = None  # left out where nothing is known


def read_document(path: AnyPath) -> Performance:
    """Read a JSON document.

    Raises:
        FormatError: the file is missing, not JSON, of another version, or a field is missing, unknown or out
            of range; the message names the field.
    """
    try:
        document = Document.model_validate_json(Path(path).read_bytes())
        return _performance_of(document)
    except ValidationError as error:
        raise FormatError(f"{shown(path)}: {_first_fault(error)}") from error
    except FileNotFoundError:
        raise FormatError(f"{shown(path)}: no such file") from None
    except OSError as error:
        raise FormatError(f"{shown(path)}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:  # what the fields allow one by one but not together
        raise FormatError(f"{shown(path)}: {error}") from error


def write_document(performance: Performance, path: AnyPath) -> None:
    """Write a JSON document from which ``read_document`` makes an equal performance.

    Raises:
        FormatError: the file cannot be written.
    """
    document = _document_of(performance)
    text = document.model_dump_json(indent=1, exclude=None if document.song else {"song"})
    with whole_file(path, FormatError) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def _document_of(performance: Performance) -> Document:
    tempo = performance.tempo
    return Document(
        format="drumlane-performance",
        version=1,
        duration=float(performance.duration),
        tempos=tuple(TempoPart(beat=float(c.beat), bpm=float(c.bpm)) for c in tempo.changes),
        signatures=tuple(
            SignaturePart(beat=float(s.beat), numerator=int(s.numerator), denominator=int(s.denominator))
            for s in tempo.signatures
        ),
        hits=tuple(
            HitPart(
                time=float(hit.time),
                drum=hit.drum,
                lane=_lane_of(hit.drum),
                velocity=int(hit.velocity),
                confidence=float(hit.confidence),
            )
            for hit in performance
        ),
        song=None if performance.song == Song() else _song_part(performance.song),
    )


def _song_part(song: Song) -> SongPart:
    return SongPart(
        title=song.title,
        artist=song.artist,
        album=song.album,
        genre=song.genre,
        year=song.year,
        charter=song.charter,
        audio=None if song.audio is None else song.audio.as_posix(),
        preview=song.preview,
        sections=tuple(SectionPart(time=float(s.time), name=s.name) for s in song.sections),
        foreign=dict(song.foreign),
    )


def _performance_of(document: Document) -> Performance:
    for number, hit in enumerate(document.hits):
        if hit.lane not in (None, _lane_of(hit.drum)):
            raise ValueError(
                f"hits.{number}.lane: {hit.drum.value} is in lane {_lane_of(hit.drum)}, not {hit.lane!r}"
            )
    tempo = TempoMap(
        tuple(TempoChange(c.beat, c.bpm) for c in document.tempos),
        tuple(TimeSignature(s.beat, s.numerator, s.denominator) for s in document.signatures),
    )
    hits = (Hit(hit.time, hit.drum, hit.velocity, hit.confidence) for hit in document.hits)
    return Performance(tuple(hits), tempo, document.duration, _song_of(document.song or SongPart()))


def _song_of(part: SongPart) -> Song:
    return Song(
        title=part.title,
        artist=part.artist,
        album=part.album,
        genre=part.genre,
        year=part.year,
        charter=part.charter,
        audio=None if part.audio is None else Path(part.audio),
        preview=part.preview,
        sections=tuple(Section(section.time, section.name) for section in part.sections),
        foreign=part.foreign,
    )


def _lane_of(drum: Drum) -> str | None:
    return None if drum.lane is None else drum.lane.label


def _first_fault(error: ValidationError) -> str:
    """Say in one line what is wrong first, and where."""
    fault = error.errors(include_url=False)[0]
    place = ".".join(map(str, fault["loc"]))
    if fault["type"] == "extra_forbidden":
        known = _fields_at(fault["loc"])
        return f"unknown field {place!r}; fields: {nearest_first(str(fault['loc'][-1]), known)}"
    if fault["loc"] == ("version",) and fault["type"] == "literal_error":
        return f"version {fault['input']!r} is not {VERSION}; use the drumlane that wrote it, or a newer one"
    return f"{place or 'JSON'}: {fault['msg']}"


def _fields_at(place: tuple[int | str, ...]) -> list[str]:
    parts: dict[str, type[_Part]] = {
        "tempos": TempoPart,
        "signatures": SignaturePart,
        "hits": HitPart,
        "song": SongPart,
        "sections": SectionPart,
    }
    part = parts.get(str(place[0]), Document) if len(place) > 1 else Document
    return list(part.model_fields)
