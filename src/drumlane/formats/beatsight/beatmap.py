"""Beatmap: what a BeatSight map holds, field by field, as format 1.0.0 tables it.

Flow: .bsm <-> **beatmap** <-> read, write; ``schema.json`` is made from it

A field that is missing but required, or of a value that no performance can have, is refused with its name.
What BeatSight asks for beyond that (a UUID, a hash, a title) stands here for the schema alone and is checked
by ``rules``: its own examples break it. Unknown fields are kept at every level. Names may be in any case, as
BeatSight's loader takes them: ``.bs`` writes ``HitObjects``.

Times are whole milliseconds.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

VERSION = "1.0.0"
DEFAULT_VELOCITY = 0.8
LATEST = 10**9  # ms, eleven days: no recording is longer
SEMVER = r"^\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?$"
UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
SHA256 = r"^sha256:[0-9a-f]{64}$"
UTC = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|\+00:00)$"
SIGNATURE = r"^[1-9][0-9]{0,2}/(1|2|4|8|16|32|64|128)$"
NOT_BLANK = r"\S"
SLOWEST, FASTEST = 0.01, 100_000.0  # bpm


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _signature(text: str) -> str:
    if not re.match(SIGNATURE, text) or "\n" in text:
        raise ValueError(f"{text[:20]!r} is no time signature; write it like 4/4 or 6/8")
    return text


def _matches(pattern: str, **more: Any) -> Any:
    """For the schema alone: ``rules`` says the same to people."""
    return Field(json_schema_extra={"pattern": pattern, **more})


Whole = Annotated[int, BeforeValidator(_whole)]
Milliseconds = Annotated[Whole, Field(ge=0, le=LATEST)]
AnyMilliseconds = Annotated[Whole, Field(ge=-LATEST, le=LATEST)]
Bpm = Annotated[float, Field(ge=SLOWEST, le=FASTEST)]
Signature = Annotated[str, AfterValidator(_signature), _matches(SIGNATURE)]
NotBlank = Annotated[str, _matches(NOT_BLANK)]
Moment = Annotated[str, _matches(UTC, format="date-time")]
Hash = Annotated[str, _matches(SHA256)]
Share = Annotated[float, Field(json_schema_extra={"minimum": 0, "maximum": 1})]


class Part(BaseModel):
    """Every part keeps unknown fields, and refuses numbers in quotes and numbers that are not finite."""

    model_config = ConfigDict(
        extra="allow",
        strict=True,
        allow_inf_nan=False,
        frozen=True,
        alias_generator=to_camel,
        protected_namespaces=(),
    )

    @model_validator(mode="before")
    @classmethod
    def _names_in_any_case(cls, fields: object) -> object:
        if not isinstance(fields, Mapping):
            return fields
        names = [field.alias or name for name, field in cls.model_fields.items()]
        known = {name.casefold(): name for name in names}
        return {
            name
            if name in names or known.get(name.casefold()) in fields
            else known.get(name.casefold(), name): v
            for name, v in fields.items()
        }


class Metadata(Part):
    """What a list of songs shows."""

    title: NotBlank
    artist: NotBlank
    creator: str
    source: str | None = None
    tags: list[str] | None = None
    difficulty: Annotated[float, Field(json_schema_extra={"minimum": 0, "maximum": 10})]
    preview_time: AnyMilliseconds | None = None
    beatmap_id: Annotated[str, _matches(UUID, format="uuid")]
    created_at: Moment
    modified_at: Moment
    description: str | None = None
    background_file: str | None = None


class AudioFile(Part):
    """The recording, and its drums alone where there are such."""

    filename: NotBlank
    hash: Hash
    duration: Milliseconds
    sample_rate: Annotated[Whole, Field(ge=0, le=LATEST, json_schema_extra={"minimum": 1})]
    drum_stem: str | None = None
    drum_stem_hash: Hash | None = None


class TimingPoint(Part):
    """From ``time`` on, another tempo, or another time signature."""

    time: AnyMilliseconds
    bpm: Bpm
    time_signature: Signature | None = None


class Timing(Part):
    """Tempo; ``offset`` is a bar line."""

    bpm: Bpm
    offset: AnyMilliseconds
    time_signature: Signature
    timing_points: list[TimingPoint] | None = None


class DrumKit(Part):
    """Which drums there are."""

    components: list[str]
    layout: str | None = None
    custom_samples: dict[str, str] | None = None


class HitObject(Part):
    """One stroke."""

    time: Milliseconds
    component: Annotated[str, Field(min_length=1)]
    velocity: Annotated[float, Field(ge=0, le=1)] | None = None  # DEFAULT_VELOCITY
    lane: Annotated[Whole, Field(json_schema_extra={"minimum": 0})] | None = None
    duration: AnyMilliseconds | None = None


class AiGeneration(Part):
    """How a machine made the map."""

    model_version: str | None = None
    confidence: Share | None = None
    processed_at: Moment | None = None
    manual_edits: bool | None = None
    metadata_provider: str | None = None
    metadata_confidence: Share | None = None
    used_fallback: bool | None = None  # ours: the original tells it in its debug file only


class Editor(Part):
    """What the editor remembers."""

    snap_divisor: Whole | None = None
    visual_lanes: Whole | None = None
    bookmarks: list[AnyMilliseconds] | None = None
    timeline_zoom: float | None = None
    waveform_scale: float | None = None
    beat_grid_visible: bool | None = None
    ai_generation_metadata: AiGeneration | None = None


class Beatmap(Part):
    """A BeatSight map."""

    version: Annotated[str, _matches(SEMVER)]
    metadata: Metadata
    audio: AudioFile
    timing: Timing
    drum_kit: DrumKit
    hit_objects: list[HitObject]
    editor: Editor | None = None


def beatmap_schema() -> dict[str, Any]:
    """Return the JSON schema of a map, as ``schema.json`` holds it."""
    schema = _without_titles(Beatmap.model_json_schema(by_alias=True))
    assert isinstance(schema, dict)
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"BeatSight map {VERSION}",
    }
    return head | schema


def _without_titles(schema: object) -> object:
    """Leave out the titles that pydantic makes of names; a field may be called title, too."""
    if isinstance(schema, list):
        return [_without_titles(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: _without_titles(part)
        for name, part in schema.items()
        if not (name == "title" and isinstance(part, str))
    }
