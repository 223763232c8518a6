"""Rules: what BeatSight asks of a map beyond its having all fields.

Flow: Beatmap -> **rules** -> read (a warning), tests (an error)

BeatSight's loader refuses some of these maps and takes others; drumlane reads them all, because nothing that
it needs is missing.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import PurePosixPath, PureWindowsPath

from drumlane.formats.beatsight.beatmap import NOT_BLANK, SEMVER, SHA256, UTC, UUID, Beatmap, HitObject


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
