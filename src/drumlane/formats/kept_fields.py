"""Kept fields: what a game's file says that a ``Song`` has no name for, carried from reading to writing.

Used by osu, stepmania, dtx and bjson: JSON text under the format's name in ``Song.foreign``.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from drumlane.song import Song


def kept(format_name: str, fields: Mapping[str, Any]) -> Mapping[str, str]:
    """Return ``Song.foreign`` for a file's other fields; empty if there are none."""
    if not fields:
        return MappingProxyType({})
    return MappingProxyType({format_name: json.dumps(fields, ensure_ascii=False, sort_keys=True)})


def kept_fields(song: Song, format_name: str) -> dict[str, Any]:
    """Return what ``kept`` put away for a format; nothing where it is not JSON of an object."""
    try:
        fields = json.loads(song.foreign.get(format_name, "{}"))
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def kept_texts(song: Song, format_name: str) -> dict[str, str]:
    """Return the kept fields that are texts."""
    return {name: value for name, value in kept_fields(song, format_name).items() if isinstance(value, str)}
