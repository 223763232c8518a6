"""Write: a performance becomes a BeatSight map, with what was kept of the map that it came from.

Flow: Performance -> **write** (timing_block, audio_block, lanes, stroke_fields, kept) -> .bsm

Strokes, tempo and names are the performance's; all else is that of the map it was read from, if it was.
"""

import json
import logging
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from drumlane import __version__
from drumlane.charting.density import difficulty_of
from drumlane.errors import FormatError
from drumlane.files import AnyPath, shown, whole_file
from drumlane.formats.beatsight.audio_block import audio_fields
from drumlane.formats.beatsight.beatmap import DEFAULT_VELOCITY, UUID, VERSION, Beatmap, Timing
from drumlane.formats.beatsight.components import IN_ORDER
from drumlane.formats.beatsight.kept import Kept, Stroke, kept_in
from drumlane.formats.beatsight.lanes import DRUMLANE, lane_table
from drumlane.formats.beatsight.read import UNKNOWN_ARTIST, UNKNOWN_CREATOR, UNKNOWN_TITLE
from drumlane.formats.beatsight.stroke_fields import midi_velocity, written_fields
from drumlane.formats.beatsight.timing_block import tempo_map_of, timing_fields
from drumlane.performance import Performance

LAYOUT = "standard_5piece"
SNAP_DIVISOR = 4  # sixteenths
_IDS = uuid.uuid5(uuid.NAMESPACE_URL, "urn:drumlane:beatsight")
_OWN_TIMING = ("bpm", "offset", "timeSignature", "timingPoints")
Fields = dict[str, Any]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Generation:
    """What made the hits; its confidence is the mean of theirs."""

    model_version: str = f"drumlane {__version__}"
    metadata_provider: str | None = None  # where title and artist are from
    exact_tempo: bool = False  # what is before the first bar line is only counted back, strokes or not
    used_fallback: bool = False  # BeatSight invents a groove where it hears nothing; drumlane never does


def write_bsm(
    performance: Performance,
    path: AnyPath,
    lanes: str | None = None,
    written_at: datetime | None = None,
    generation: Generation | None = None,
    stem: Path | None = None,
) -> None:
    """Write a map that BeatSight loads; times are rounded to the millisecond.

    Args:
        performance: hits, tempo, names; without hits BeatSight refuses the map, and the log says so.
        path: the file.
        lanes: a name of ``lanes.LANE_TABLES``; None keeps the lanes of the map that was read, and writes this
            package's own (0 kick … 7 ride) where there are none.
        written_at: when; None is now.
        generation: what made the hits; None tells it by their confidences: below 1 a machine heard them.
        stem: a recording of the drums alone, to be named in the map.

    Raises:
        FormatError: something does not fit into the format, or the file cannot be written.
        ConfigError: there is no such lane table.
    """
    moment = (written_at or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    writing = _Writing(performance, Path(path), kept_in(performance.song), lanes, moment)
    try:
        document = Beatmap.model_validate(_document(writing, generation, stem))
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        place = ".".join(map(str, fault["loc"]))
        raise FormatError(f"{shown(path)}: does not fit into .bsm ({place}: {fault['msg']})") from error
    if not document.hit_objects:
        _log.warning("%s: has no hits; BeatSight refuses to load such a map", shown(path))
    with whole_file(path, FormatError) as partial:
        partial.write_bytes(_text(document).encode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class _Writing:
    performance: Performance
    path: Path
    kept: Kept
    lanes: str | None
    moment: str

    @property
    def strokes(self) -> list[Stroke]:
        """Return the hits as ``Kept`` has them."""
        return [(round(h.time * 1000), h.drum.value, h.velocity) for h in self.performance]


def _document(writing: _Writing, generation: Generation | None, stem: Path | None) -> Fields:
    kept, performance = writing.kept, writing.performance
    strokes = _hit_objects(writing)
    audio = kept.part("audio") | audio_fields(performance, writing.path.parent, stem, kept.part("audio"))
    timing = _timing(writing, exact=generation is not None and generation.exact_tempo)
    content = [_names(performance), audio["hash"], timing, strokes]
    editor = _editor(writing, generation)
    return {
        "version": VERSION,
        **kept.document,
        "metadata": _metadata(writing, str(uuid.uuid5(_IDS, json.dumps(content, sort_keys=True)))),
        "audio": audio,
        "timing": timing,
        "drumKit": {"layout": LAYOUT, **kept.part("drumKit"), "components": _components(kept, strokes)},
        "hitObjects": strokes,
        "editor": editor,
    }


def _names(performance: Performance) -> dict[str, str]:
    song = performance.song
    return {
        "title": song.title if song.title.strip() else UNKNOWN_TITLE,
        "artist": song.artist if song.artist.strip() else UNKNOWN_ARTIST,
        "creator": song.charter if song.charter.strip() else UNKNOWN_CREATOR,
    }


def _metadata(writing: _Writing, identity: str) -> Fields:
    kept, song = writing.kept.part("metadata"), writing.performance.song
    ours: Fields = {"difficulty": round(difficulty_of(writing.performance), 2), "createdAt": writing.moment}
    if song.genre:
        ours["tags"] = [song.genre]
    merged = ours | kept | _names(writing.performance) | {"modifiedAt": writing.moment}
    if not re.fullmatch(UUID, str(merged.get("beatmapId"))):
        merged["beatmapId"] = identity
    if song.preview is not None:
        merged["previewTime"] = round(song.preview * 1000)
    elif (kept.get("previewTime") or -1) >= 0:
        del merged["previewTime"]
    return merged


def _timing(writing: _Writing, exact: bool) -> Fields:
    """Return the timing that was read if it means the performance's tempo still, else a new one."""
    kept, performance = writing.kept.part("timing"), writing.performance
    if kept and _means(kept, performance):
        return kept
    first = inf if exact or not performance.hits else performance.hits[0].time
    unknown = {name: value for name, value in kept.items() if name not in _OWN_TIMING}
    return timing_fields(performance.tempo, first) | unknown


def _means(timing: Fields, performance: Performance) -> bool:
    try:
        return tempo_map_of(Timing.model_validate(timing)) == performance.tempo
    except ValueError:
        return False


def _hit_objects(writing: _Writing) -> list[Fields]:
    """Return the strokes in order of time, those of one millisecond as they stood in the file."""
    table = DRUMLANE if writing.lanes is None else lane_table(writing.lanes)
    strokes = writing.strokes
    placed = list(writing.kept.unknown_among(strokes).items())
    for hit, (place, own) in zip(writing.performance, writing.kept.fields_of(strokes), strict=True):
        ours = written_fields(hit, table)
        placed.append((place, _merged(ours, own, hit.velocity, keep_lane=writing.lanes is None)))
    return [entry for _, entry in sorted(placed, key=lambda pair: (pair[1]["time"], pair[0]))]


def _merged(ours: Fields, own: Fields, velocity: int, keep_lane: bool) -> Fields:
    own = dict(own)
    if not keep_lane:
        own.pop("lane", None)
    loud = own.get("velocity", ours["velocity"])
    if midi_velocity(DEFAULT_VELOCITY if loud is None else loud) != velocity:
        own.pop("velocity", None)  # it has been changed since
    merged = ours | own
    return {name: v for name, v in merged.items() if v is not None or name not in ("lane", "velocity")}


def _components(kept: Kept, strokes: list[Fields]) -> list[str]:
    """Return the ids that the map listed, then the others in the vocabulary's order, then custom ones."""
    listed = [name for name in kept.part("drumKit").get("components", []) if isinstance(name, str)]
    used = {str(stroke["component"]) for stroke in strokes} - set(listed)
    ours = [name for name in IN_ORDER if name in used]
    return [*listed, *ours, *sorted(used - set(ours))]


def _editor(writing: _Writing, generation: Generation | None) -> Fields:
    kept, sections = writing.kept.part("editor"), writing.performance.song.sections
    table = DRUMLANE if writing.lanes is None else lane_table(writing.lanes)
    editor: Fields = {"snapDivisor": SNAP_DIVISOR, "visualLanes": table.n_lanes, **kept}
    if writing.lanes is not None:
        editor["visualLanes"] = table.n_lanes
    if sections:
        editor["bookmarks"] = [round(section.time * 1000) for section in sections]
    elif editor.get("bookmarks"):
        del editor["bookmarks"]
    made = _ai_generation(writing, generation)
    return editor | ({"aiGenerationMetadata": made} if made else {})


def _ai_generation(writing: _Writing, generation: Generation | None) -> Fields:
    confidences = [hit.confidence for hit in writing.performance]
    kept = writing.kept.part("editor").get("aiGenerationMetadata")
    if generation is None and all(confidence == 1 for confidence in confidences):
        edited = sorted(writing.strokes) != sorted(writing.kept.strokes)
        return kept | ({"manualEdits": True} if edited else {}) if isinstance(kept, dict) else {}
    made = generation or Generation()
    fields: Fields = {
        "modelVersion": made.model_version,
        "processedAt": writing.moment,
        "manualEdits": False,
        "usedFallback": made.used_fallback,
    }
    if confidences:
        fields["confidence"] = round(sum(confidences) / len(confidences), 3)
    if made.metadata_provider:
        fields["metadataProvider"] = made.metadata_provider
    return fields


def _text(beatmap: Beatmap) -> str:
    """Return the document, a line for each stroke: an edit is a small difference."""
    document = beatmap.model_dump(by_alias=True, exclude_unset=True)
    strokes = [json.dumps(stroke, ensure_ascii=False) for stroke in document["hitObjects"]]
    text = json.dumps({**document, "hitObjects": []}, ensure_ascii=False, indent=2)
    lines = ",\n    ".join(strokes)
    block = f'\n  "hitObjects": [\n    {lines}\n  ]' if strokes else '\n  "hitObjects": []'
    return text.replace('\n  "hitObjects": []', block, 1) + "\n"
