"""Held-out kits: human grooves on kits that no model has learnt from, with exact references.

Flow: rendering.scene -> **heldout** -> metrics

Each groove is played as it is, from its start (at most ``seconds`` of it), on one of the kits, whose missing
pieces are filled from the other kits given, in a plain room; with clips, accompaniment lies under it at a
fixed level.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from drumlane.performance import Hit, Performance
from drumlane.rendering.accompaniment import Clip
from drumlane.rendering.kits import SAMPLE_RATE, Kit
from drumlane.rendering.material import Material
from drumlane.rendering.scene import Scene, draw_scene, render_scene
from drumlane.rendering.scene_options import LEAD_SECONDS, SceneOptions

HELDOUT_SEED = 2 * 10**9
DRUMS_ONLY = "drums only"
CONDITIONS = ("family", "kit type", "accompaniment")  # what is known about every item


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutItem:
    """One rendered groove and what was played."""

    name: str
    samples: NDArray[np.float32]  # (n,), mono, SAMPLE_RATE
    reference: Performance
    conditions: Mapping[str, str] = field(default_factory=dict)  # of CONDITIONS: what it was played on


def render_heldout(
    grooves: Mapping[str, Performance],
    kits: Sequence[Kit],
    clips: Sequence[Clip] = (),
    level_db: float = 0.0,
    seconds: float = 30.0,
) -> Iterator[HeldOutItem]:
    """Yield one item per groove, the same ones every time.

    Args:
        grooves: human performances by name.
        kits: kits of held-out families; each groove draws one.
        clips: held-out accompaniment; empty for drums only.
        level_db: loudness of the drums against the accompaniment.
        seconds: the most that is played of a groove, from its start.
    """
    for number, (name, groove) in enumerate(grooves.items()):
        if not groove.hits:
            continue
        length = min(seconds, groove.duration + 1.0)
        hits = _after_lead(groove.hits, length)
        material = Material(kits=tuple(kits), grooves=(hits,), clips=tuple(clips))
        options = SceneOptions(
            seconds=length,
            accompanied=1.0 if clips else 0.0,
            drumless=0.0,
            level_db=(level_db, level_db),
            percussion=0.0,
            mixed_kit=0.0,
            noise=0.0,
            sweep=0.0,
            arranged=False,
            joined=False,
            coloured=False,
        )
        scene = draw_scene(material, options, (HELDOUT_SEED, number))
        item = render_scene(scene)
        reference = Performance.of(item.hits, duration=len(item.samples) / SAMPLE_RATE)
        level = level_name(level_db) if clips else DRUMS_ONLY
        yield HeldOutItem(name, item.samples, reference, _conditions(scene, kits, level))


def level_name(level_db: float) -> str:
    """Return the condition ``accompaniment`` of a level: ``0 dB``, ``-10 dB``."""
    return f"{level_db:g} dB"


def _conditions(scene: Scene, kits: Sequence[Kit], accompaniment: str) -> dict[str, str]:
    """Return what an item is played on: of several kits the one that plays most of the hits."""
    kit_of_piece = {id(piece): kit for kit in kits for piece in (*kit.pieces.values(), *kit.alternates)}
    played = Counter(id(scene.voices[hit.drum].piece) for hit in scene.hits if hit.drum in scene.voices)
    hits_of_kit: Counter[tuple[str, bool]] = Counter()
    for piece, n_hits in played.items():
        if piece in kit_of_piece:
            hits_of_kit[kit_of_piece[piece].family, kit_of_piece[piece].acoustic] += n_hits
    if not hits_of_kit:
        return {"accompaniment": accompaniment}
    (family, acoustic), _ = hits_of_kit.most_common(1)[0]
    kind = "acoustic" if acoustic else "electronic"
    return dict(zip(CONDITIONS, (family, kind, accompaniment), strict=True))


def _after_lead(hits: Sequence[Hit], length: float) -> tuple[Hit, ...]:
    """Return the hits of the first ``length`` seconds, late enough that a scene's lead cuts none of them."""
    return tuple(replace(h, time=h.time + LEAD_SECONDS) for h in hits if h.time < length)
