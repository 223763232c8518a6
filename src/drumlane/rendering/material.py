"""Material: what scenes are made from, and what is drawn of it for one item.

Flow: kits, grooves, accompaniment -> **material** -> casting, scene
"""

from collections import Counter, defaultdict
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
class Pieces:
    """Pieces for one drum."""

    pieces: tuple[Piece, ...]
    ends: NDArray[np.float64]  # where each one's share of the draws ends, by family

    @classmethod
    def of(cls, found: Sequence[tuple[Piece, str]]) -> "Pieces":
        """Return pieces with their shares, from pieces and the families of their kits."""
        pieces, families = zip(*found, strict=True)
        return cls(tuple(pieces), _family_shares(families))


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What scenes are made from; loaded once."""

    kits: tuple[Kit, ...]
    grooves: tuple[Sequence[Hit], ...]
    clips: tuple[Clip, ...] = ()
    rooms: tuple[NDArray[np.float32], ...] = ()  # recorded impulse responses without their direct sound
    by_drum: Mapping[bool, Mapping[Drum, "Pieces"]] = field(init=False)  # [acoustic][drum]
    groove_ends: NDArray[np.float64] = field(init=False)  # where each groove's share of the draws ends

    def __post_init__(self) -> None:
        table: dict[bool, dict[Drum, list[tuple[Piece, str]]]] = {
            True: defaultdict(list),
            False: defaultdict(list),
        }
        for kit in self.kits:
            for piece in (*kit.pieces.values(), *kit.alternates):
                if piece.drum is not None:
                    table[kit.acoustic][piece.drum].append((piece, kit.family))
        by_drum = {
            acoustic: {drum: Pieces.of(found) for drum, found in of_drum.items()}
            for acoustic, of_drum in table.items()
        }
        object.__setattr__(self, "by_drum", by_drum)
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


def draw_kit(kits: Sequence[Kit], even: bool, rng: np.random.Generator) -> Kit:
    """Draw a kit; ``even`` as in ``draw_piece``."""
    ends = _family_shares([kit.family for kit in kits]) if even else None
    return kits[_draw_number(len(kits), ends, rng)]


def draw_piece(
    material: Material, drum: Drum, acoustic: bool, even: bool, rng: np.random.Generator
) -> Piece | None:
    """Draw a piece for ``drum`` of any kit, of the other sort if there is none of this one.

    Where ``even``, a family of n kits is drawn as often as sqrt(n) families of one: the eighteen kits of one
    collection of snares do not teach eighteen times as much as another kit.
    """
    found = material.by_drum[acoustic].get(drum) or material.by_drum[not acoustic].get(drum)
    if found is None:
        return None
    return found.pieces[_draw_number(len(found.pieces), found.ends if even else None, rng)]


def _family_shares(families: Sequence[str]) -> NDArray[np.float64]:
    """Return where each member's share of the draws ends."""
    sizes = Counter(families)
    return np.cumsum([1.0 / np.sqrt(sizes[family]) for family in families])


def _draw_number(n: int, ends: NDArray[np.float64] | None, rng: np.random.Generator) -> int:
    if ends is None:
        return int(rng.integers(n))
    return min(n - 1, int(np.searchsorted(ends, rng.random() * ends[-1], side="right")))


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
