"""Material: what scenes are made from, and what is drawn of it for one item.

Flow: kits, grooves, accompaniment -> **material** -> casting, scene
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from drumlane.performance import Hit
from drumlane.rendering.accompaniment import Clip
from drumlane.rendering.arrangement import arrange, excerpt
from drumlane.rendering.kits import Kit, Piece
from drumlane.rendering.scene_options import SceneOptions
from drumlane.vocabulary import Drum

_LONGEST_SHARE = 60.0  # s; a groove of ten minutes is not drawn more often than one of a minute
_RECORDED_ROOMS = 0.25  # share of coloured items in a recorded room


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What scenes are made from; loaded once."""

    kits: tuple[Kit, ...]
    grooves: tuple[Sequence[Hit], ...]
    clips: tuple[Clip, ...] = ()
    rooms: tuple[NDArray[np.float32], ...] = ()  # recorded impulse responses without their direct sound
    by_drum: Mapping[bool, Mapping[Drum, Sequence[Piece]]] = field(init=False)  # [acoustic][drum]
    groove_ends: NDArray[np.float64] = field(init=False)  # where each groove's share of the draws ends

    def __post_init__(self) -> None:
        table: dict[bool, dict[Drum, list[Piece]]] = {True: defaultdict(list), False: defaultdict(list)}
        for kit in self.kits:
            for piece in (*kit.pieces.values(), *kit.alternates):
                if piece.drum is not None:
                    table[kit.acoustic][piece.drum].append(piece)
        object.__setattr__(self, "by_drum", table)
        shares = [1.0 + min(hits[-1].time, _LONGEST_SHARE) if hits else 1.0 for hits in self.grooves]
        object.__setattr__(self, "groove_ends", np.cumsum(shares))


def draw_hits(material: Material, options: SceneOptions, rng: np.random.Generator) -> list[Hit]:
    """Draw what is played, in order of time, from the start of the lead to the end of the item."""
    seconds = options.played_seconds
    stretch = float(np.exp(rng.normal(0, 0.12))) if options.arranged else 1.0
    groove = _draw_groove(material, seconds / stretch if options.joined else 0.0, rng)
    length = groove[-1].time if groove else 0.0
    start = float(rng.uniform(0, max(0.0, length - seconds / stretch)))
    hits = excerpt(groove, start, seconds, stretch)
    return arrange(hits, seconds, rng) if options.arranged else hits


def draw_piece(material: Material, drum: Drum, acoustic: bool, rng: np.random.Generator) -> Piece | None:
    """Draw a piece for ``drum`` of any kit, of the other sort if there is none of this one."""
    pieces = material.by_drum[acoustic].get(drum) or material.by_drum[not acoustic].get(drum)
    return pieces[int(rng.integers(len(pieces)))] if pieces else None


def draw_response(material: Material, rng: np.random.Generator) -> NDArray[np.float32] | None:
    """Draw a recorded room, or none."""
    if not material.rooms or rng.random() >= _RECORDED_ROOMS:
        return None
    return material.rooms[int(rng.integers(len(material.rooms)))]


def _draw_groove(material: Material, seconds: float, rng: np.random.Generator) -> Sequence[Hit]:
    """Draw a groove by its length; short ones, which are fills, are joined until they last ``seconds``."""
    joined: list[Hit] = []
    end = 0.0
    while True:
        share = rng.random() * material.groove_ends[-1]
        groove = material.grooves[int(np.searchsorted(material.groove_ends, share, side="right"))]
        joined += [replace(hit, time=hit.time + end) for hit in groove] if end else groove
        end = (joined[-1].time if joined else 0.0) + float(rng.uniform(0.2, 0.6))
        if end >= seconds:
            return joined
