"""Stroke fields: a hit as an entry of ``hitObjects``, and what an entry says beyond it.

Flow: **stroke_fields** <- read, write

A velocity is written in the fewest digits that give the same MIDI velocity again, two or three: so what
others wrote in two digits comes back as it was.
"""

from collections.abc import Mapping
from typing import Any

from drumlane.formats.beatsight.lanes import DRUMLANE, LaneTable
from drumlane.performance import Hit

LOUDEST = 127


def midi_velocity(share: float) -> int:
    """Return the MIDI velocity of a velocity in 0..1; 0 is the softest stroke, not silence.

    >>> midi_velocity(0.8), midi_velocity(0.0)
    (102, 1)
    """
    return max(1, round(share * LOUDEST))


def velocity_share(velocity: int) -> float:
    """Return a velocity in 0..1 from which ``midi_velocity`` makes the same one.

    >>> velocity_share(102), velocity_share(127), velocity_share(100)
    (0.8, 1.0, 0.79)
    """
    short = round(velocity / LOUDEST, 2)
    return short if midi_velocity(short) == velocity else round(velocity / LOUDEST, 3)


def written_fields(hit: Hit, table: LaneTable = DRUMLANE) -> dict[str, Any]:
    """Return an entry of ``hitObjects`` for a hit."""
    fields: dict[str, Any] = {
        "time": round(hit.time * 1000),
        "component": hit.drum.value,
        "velocity": velocity_share(hit.velocity),
    }
    if hit.drum in table.lanes:
        fields["lane"] = table.lanes[hit.drum]
    return fields


def own_fields(entry: Mapping[str, Any], hit: Hit) -> dict[str, Any]:
    """Return what an entry says otherwise than ``written_fields`` would; a lane that is missing is None."""
    ours = written_fields(hit)
    own = {name: value for name, value in entry.items() if name not in ours or ours[name] != value}
    return own | {name: None for name in ("lane", "velocity") if name in ours and entry.get(name) is None}
