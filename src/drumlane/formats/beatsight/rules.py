"""Rules: what BeatSight asks of a map beyond its having all fields.

Flow: Beatmap -> **rules** -> read (a warning), write (mended), tests (an error)

BeatSight's loader refuses some of these maps and takes others; drumlane reads them all, because nothing that
it needs is missing. What it writes keeps the rules: a value of the map that was read is left out if it breaks
one.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from itertools import pairwise
from pathlib import PurePosixPath, PureWindowsPath
from types import MappingProxyType
from typing import Any

from drumlane.formats.beatsight.beatmap import (
    LATEST,
    NOT_BLANK,
    SEMVER,
    SHA256,
    UTC,
    UUID,
    Beatmap,
    HitObject,
)


def problems_of(beatmap: Beatmap) -> list[str]:
    """Return what is wrong with a map, each in a few words that begin with the field."""
    return [*_head(beatmap), *_audio(beatmap), *_strokes(beatmap), *_generation(beatmap)]


def _head(beatmap: Beatmap) -> Iterator[str]:
    metadata = beatmap.metadata
    if not re.fullmatch(SEMVER, beatmap.version):
        yield f"version: {beatmap.version[:20]!r} is no version like 1.0.0"
    for name, value in (("title", metadata.title), ("artist", metadata.artist)):
        if not re.search(NOT_BLANK, value):
            yield f"metadata.{name}: is empty"
    if not 0 <= metadata.difficulty <= 10:
        yield f"metadata.difficulty: {metadata.difficulty:g} is outside 0 to 10"
    if not re.fullmatch(UUID, metadata.beatmap_id):
        yield f"metadata.beatmapId: {metadata.beatmap_id[:40]!r} is no UUID"
    for name, value in (("createdAt", metadata.created_at), ("modifiedAt", metadata.modified_at)):
        if not re.fullmatch(UTC, value):
            yield f"metadata.{name}: {value[:40]!r} is no time like 2026-01-01T00:00:00Z"


def _audio(beatmap: Beatmap) -> Iterator[str]:
    audio = beatmap.audio
    if not re.search(NOT_BLANK, audio.filename):
        yield "audio.filename: is empty"
    if PurePosixPath(audio.filename).is_absolute() or PureWindowsPath(audio.filename).drive:
        yield "audio.filename: is not relative to the map"
    for name, value in (("hash", audio.hash), ("drumStemHash", audio.drum_stem_hash)):
        if value is not None and not re.fullmatch(SHA256, value):
            yield f"audio.{name}: {value[:20]!r} is not sha256: and 64 digits"
    if audio.sample_rate < 1:
        yield "audio.sampleRate: is 0"


def _strokes(beatmap: Beatmap) -> Iterator[str]:
    strokes = beatmap.hit_objects
    if not strokes:
        yield "hitObjects: is empty"
    if any(later.time < earlier.time for earlier, later in pairwise(strokes)):
        yield "hitObjects: are not in order of time"
    if _negative_lane(strokes):
        yield "hitObjects: a lane is negative"
    listed = {name.casefold() for name in beatmap.drum_kit.components}
    if missing := sorted({s.component for s in strokes if s.component.casefold() not in listed}):
        names = ", ".join(repr(name[:20]) for name in missing[:3])
        yield f"drumKit.components: {len(missing)} of the strokes' are missing ({names})"


def _negative_lane(strokes: list[HitObject]) -> bool:
    return any(stroke.lane is not None and stroke.lane < 0 for stroke in strokes)


def _generation(beatmap: Beatmap) -> Iterator[str]:
    made = beatmap.editor.ai_generation_metadata if beatmap.editor else None
    if made is None:
        return
    for name, value in (("confidence", made.confidence), ("metadataConfidence", made.metadata_confidence)):
        if value is not None and not 0 <= value <= 1:
            yield f"editor.aiGenerationMetadata.{name}: {value:g} is outside 0 to 1"
    if made.processed_at is not None and not re.fullmatch(UTC, made.processed_at):
        yield f"editor.aiGenerationMetadata.processedAt: {made.processed_at[:40]!r} is no time in UTC"


def _fits(pattern: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _between(low: float, high: float) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, (int, float)) and low <= value <= high


# Values that are left out of what is written again, and made anew where they are required.
_SOUND: Mapping[tuple[str, ...], Callable[[Any], bool]] = MappingProxyType(
    {
        ("version",): _fits(SEMVER),
        ("metadata", "difficulty"): _between(0, 10),
        ("metadata", "beatmapId"): _fits(UUID),
        ("metadata", "createdAt"): _fits(UTC),
        ("audio", "hash"): _fits(SHA256),
        ("audio", "drumStemHash"): _fits(SHA256),
        ("audio", "sampleRate"): _between(1, LATEST),
        ("editor", "aiGenerationMetadata", "confidence"): _between(0, 1),
        ("editor", "aiGenerationMetadata", "metadataConfidence"): _between(0, 1),
        ("editor", "aiGenerationMetadata", "processedAt"): _fits(UTC),
    }
)


def mended(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document, as JSON has it, without the values that break a rule."""
    sound = deepcopy(dict(document))
    for (*parts, last), is_sound in _SOUND.items():
        place: Any = sound
        for part in parts:
            place = place.get(part) if isinstance(place, dict) else None
        if isinstance(place, dict) and place.get(last) is not None and not is_sound(place[last]):
            del place[last]
    return sound
