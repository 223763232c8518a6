"""Read: a BeatSight map becomes a performance; what it has no place for is kept beside it.

Flow: .bsm, .bs -> **read** (beatmap, components, timing_block, rules, kept) -> Performance
"""

import logging
from collections import Counter
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from drumlane.errors import FormatError
from drumlane.files import AnyPath, shown
from drumlane.formats.beatsight.audio_block import NO_AUDIO
from drumlane.formats.beatsight.beatmap import DEFAULT_VELOCITY, VERSION, Beatmap, HitObject
from drumlane.formats.beatsight.components import drum_of_component
from drumlane.formats.beatsight.kept import Kept, Stroke, as_foreign
from drumlane.formats.beatsight.rules import problems_of
from drumlane.formats.beatsight.stroke_fields import midi_velocity, own_fields
from drumlane.formats.beatsight.timing_block import tempo_map_of
from drumlane.formats.text_file import read_text
from drumlane.performance import Hit, Performance
from drumlane.song import Section, Song
from drumlane.vocabulary import Drum

UNKNOWN_TITLE, UNKNOWN_ARTIST, UNKNOWN_CREATOR = "Unknown title", "Unknown artist", "drumlane"
_MAJOR = int(VERSION.partition(".")[0])
_SHOWN = 3  # problems in one warning
_log = logging.getLogger(__name__)


def read_bsm(path: AnyPath) -> Performance:
    """Read a map; strokes that mean no drum are counted in one logged warning, broken rules in another.

    Raises:
        FormatError: the file is missing, not JSON, of a later version, or lacks a field or has one that no
            performance can have; the message names the field.
    """
    beatmap = read_beatmap(path)
    if problems := problems_of(beatmap):
        more = f" (and {len(problems) - _SHOWN} more)" if len(problems) > _SHOWN else ""
        _log.warning("%s: against BeatSight's rules: %s%s", shown(path), "; ".join(problems[:_SHOWN]), more)
    meant = [drum_of_component(stroke.component) for stroke in beatmap.hit_objects]
    _warn_of_unknown(beatmap, meant, path)
    hits = tuple(
        _hit(stroke, drum)
        for stroke, drum in zip(beatmap.hit_objects, meant, strict=True)
        if drum is not None
    )
    return Performance(
        hits, tempo_map_of(beatmap.timing), beatmap.audio.duration / 1000, _song(beatmap, meant)
    )


def read_beatmap(path: AnyPath) -> Beatmap:
    """Read a map as it is.

    Raises:
        FormatError: as ``read_bsm``.
    """
    text = read_text(path)
    try:
        beatmap = Beatmap.model_validate(from_json(text, allow_inf_nan=False))
    except ValidationError as error:
        raise FormatError(f"{shown(path)}: {_first_fault(error)}") from error
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{shown(path)}: not JSON: {error}") from error
    major = beatmap.version.strip().partition(".")[0]
    if major.isascii() and major.isdigit() and len(major) < 9 and int(major) > _MAJOR:
        raise FormatError(
            f"{shown(path)}: version {beatmap.version[:20]!r}; this drumlane reads {VERSION}, use a newer one"
        )
    return beatmap


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    place = ".".join(map(str, fault["loc"]))
    return " ".join(f"{place or 'JSON'}: {fault['msg'].removeprefix('Value error, ')}".split())


def _hit(stroke: HitObject, drum: Drum) -> Hit:
    velocity = DEFAULT_VELOCITY if stroke.velocity is None else stroke.velocity
    return Hit(stroke.time / 1000, drum, midi_velocity(velocity))


def _warn_of_unknown(beatmap: Beatmap, meant: list[Drum | None], path: AnyPath) -> None:
    strokes = zip(beatmap.hit_objects, meant, strict=True)
    left_out = Counter(stroke.component for stroke, drum in strokes if drum is None)
    if left_out:
        counts = ", ".join(f"{n} of {name[:40]!r}" for name, n in left_out.most_common(10))
        more = f" and {len(left_out) - 10} more" if len(left_out) > 10 else ""
        _log.warning("%s: left out %s%s, which mean no drum", shown(path), counts, more)


def _song(beatmap: Beatmap, meant: list[Drum | None]) -> Song:
    metadata, name, preview = beatmap.metadata, beatmap.audio.filename, beatmap.metadata.preview_time
    bookmarks = sorted(t for t in (beatmap.editor and beatmap.editor.bookmarks) or () if t >= 0)
    return Song(
        title=_known(metadata.title, UNKNOWN_TITLE),
        artist=_known(metadata.artist, UNKNOWN_ARTIST),
        charter=_known(metadata.creator, UNKNOWN_CREATOR),
        audio=None if not name.strip() or name == NO_AUDIO else Path(name),
        preview=None if preview is None or preview < 0 else preview / 1000,
        sections=tuple(Section(t / 1000, f"Part {n}") for n, t in enumerate(bookmarks, start=1)),
        foreign=as_foreign(_kept(beatmap, meant)),
    )


def _known(text: str, unknown: str) -> str:
    return "" if text == unknown or not text.strip() else text


def _kept(beatmap: Beatmap, meant: list[Drum | None]) -> Kept:
    document: dict[str, Any] = beatmap.model_dump(by_alias=True, exclude_unset=True)
    raw = document.pop("hitObjects")
    strokes: list[Stroke] = []
    fields: dict[int, dict[str, Any]] = {}
    for stroke, drum, written in zip(beatmap.hit_objects, meant, raw, strict=True):
        if drum is not None:
            if differing := own_fields(written, _hit(stroke, drum)):
                fields[len(strokes)] = differing
            strokes.append((stroke.time, drum.value, _hit(stroke, drum).velocity))
    unknown = {place: raw[place] for place, drum in enumerate(meant) if drum is None}
    return Kept(document=document, strokes=strokes, fields=fields, unknown=unknown)
