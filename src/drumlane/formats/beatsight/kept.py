"""Kept: what a map says that a performance has no place for, so that writing it again loses nothing.

Flow: read -> **kept** (JSON text in ``Song.foreign["bsm"]``) -> write

It holds the document without its strokes, the strokes with what is not a drum's own (a charter's lane, a
length, fields of other programs), and the strokes that mean no drum. A stroke gets its fields back while a
hit of the same drum stands in the same millisecond; strokes that mean no drum come back while at least half
of the others stand where they stood: after a shift of everything they would be at wrong times.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from drumlane.formats.beatsight.beatmap import HitObject
from drumlane.song import Song

FORMAT = "bsm"  # the key in ``Song.foreign``
_log = logging.getLogger(__name__)

Fields = dict[str, Any]
Stroke = tuple[int, str, int]  # milliseconds, drum, MIDI velocity


class Kept(BaseModel):
    """All that is kept of a map."""

    model_config = ConfigDict(extra="forbid")

    document: Fields = {}  # without hitObjects
    strokes: list[Stroke] = []
    fields: dict[int, Fields] = {}  # number of the stroke -> its own fields, those of them that are not ours
    unknown: dict[int, Fields] = {}  # place among the hitObjects -> one that means no drum

    @field_validator("unknown")
    @classmethod
    def _are_strokes(cls, unknown: dict[int, Fields]) -> dict[int, Fields]:
        for entry in unknown.values():
            HitObject.model_validate(entry)
        return unknown

    @field_validator("fields")
    @classmethod
    def _are_fields_of_strokes(cls, fields: dict[int, Fields]) -> dict[int, Fields]:
        for own in fields.values():
            HitObject.model_validate({"time": 0, "component": "any", **own})
        return fields

    def part(self, name: str) -> Fields:
        """Return the fields of a part of the document."""
        part = self.document.get(name)
        return dict(part) if isinstance(part, dict) else {}

    def fields_of(self, strokes: Sequence[Stroke]) -> list[tuple[int, Fields]]:
        """Return for each stroke its place in the file and its fields, matched by time and drum, each once.

        Of several, the one of its velocity is its own. One that the file has not gets a place behind all.
        """
        alike, same = self._numbers(3), self._numbers(2)
        numbers = [alike[stroke].pop() if alike.get(stroke) else None for stroke in strokes]
        taken, places = set(numbers), self._places()
        for at, stroke in enumerate(strokes):
            while numbers[at] is None and same.get(stroke[:2]):
                number = same[stroke[:2]].pop()
                numbers[at] = None if number in taken else number
        behind = (len(self.strokes) + len(self.unknown), Fields())
        return [behind if n is None else (places[n], self.fields.get(n, {})) for n in numbers]

    def _numbers(self, n_parts: int) -> dict[tuple[object, ...], list[int]]:
        """Return the numbers of the strokes by time and drum, or by velocity as well; the first one last."""
        numbers: dict[tuple[object, ...], list[int]] = defaultdict(list)
        for number in range(len(self.strokes) - 1, -1, -1):
            numbers[self.strokes[number][:n_parts]].append(number)
        return numbers

    def _places(self) -> list[int]:
        """Return the place of every stroke among the hitObjects."""
        n_all = len(self.strokes) + len(self.unknown)
        return [place for place in range(n_all) if place not in self.unknown][: len(self.strokes)]

    def unknown_among(self, strokes: Iterable[Stroke]) -> dict[int, Fields]:
        """Return the strokes that mean no drum, or nothing where the map has been moved away from them."""
        there = {stroke[:2] for stroke in strokes}
        n_there = sum(stroke[:2] in there for stroke in self.strokes)
        if 2 * n_there >= len(self.strokes):
            return self.unknown
        if self.unknown:
            _log.warning("left out %d strokes that mean no drum: all others have moved", len(self.unknown))
        return {}


NOTHING = Kept()


def kept_in(song: Song) -> Kept:
    """Return what is kept in a song; nothing where there is nothing, or not what was put there."""
    text = song.foreign.get(FORMAT)
    if text is None:
        return NOTHING
    try:
        return Kept.model_validate_json(text)
    except (ValidationError, ValueError):
        _log.warning("left out what %r keeps of another file: it is not what drumlane put there", FORMAT)
        return NOTHING


def as_foreign(kept: Kept) -> Mapping[str, str]:
    """Return ``Song.foreign``."""
    text = json.dumps(kept.model_dump(exclude_defaults=True), ensure_ascii=True, separators=(",", ":"))
    return MappingProxyType({FORMAT: text})
