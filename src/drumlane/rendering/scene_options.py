"""Scene options: how often things happen in training items.

Flow: training.config, evaluation.heldout -> **scene_options** -> material, casting, scene
"""

from dataclasses import dataclass, fields

LEAD_SECONDS = 1.0  # played before the item so that it starts among ringing tails


@dataclass(frozen=True, slots=True)
class SceneOptions:
    """How often things happen; every field is a chance unless it says otherwise."""

    seconds: float = 5.0  # length of an item
    accompanied: float = 0.6
    drumless: float = 0.1
    level_db: tuple[float, float] = (-10.0, 20.0)  # drums against accompaniment
    percussion: float = 0.12  # unlabelled claps, shakers … beside the drums
    mixed_kit: float = 0.4  # every piece from another kit
    acoustic: float = 0.72  # share of acoustic kits
    noise: float = 0.3
    buzz: float = 0.55  # the snare's wires answer to kick and toms
    rattle: float = 0.25  # a cymbal trembles under other drums' strokes
    soft_sticks: float = 0.18  # brushes, rods or mallets
    tom_sets: float = 0.35  # three toms tuned from one
    layered: float = 0.15  # of each drum: a second piece sounds with every stroke
    hum: float = 0.12  # a steady low tone under everything
    sweep: float = 0.06  # brushes stirring on the snare, unlabelled
    live: float = 0.5  # of accompanied items: a band that plays to the groove
    ducked: float = 0.15  # of accompanied items: the music gives way to the drums
    separated: float = 0.08  # of accompanied items: only what a separator takes for drums
    mastered: float = 0.1  # limited or clipped as a whole
    band_limited: float = 0.1  # old files, small loudspeakers, telephones
    arranged: bool = True  # False: the grooves as they are
    joined: bool = True  # False: a groove that ends before the item is followed by nothing
    # False: kits as they are and drawn evenly, in a plain room, no tom sets, no hum, none of the five above
    coloured: bool = True

    def __post_init__(self) -> None:
        for name in _CHANCES:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}={getattr(self, name)} is a chance and must lie in 0..1")
        if not 0 < self.seconds <= 600:
            raise ValueError(f"seconds={self.seconds} must be in 0..600")
        if not self.level_db[0] <= self.level_db[1]:
            raise ValueError(f"level_db={self.level_db} must be (lowest, highest)")

    @property
    def played_seconds(self) -> float:
        """Return how long the drums play: the lead and the item."""
        return self.seconds + LEAD_SECONDS


_CHANCES = tuple(f.name for f in fields(SceneOptions) if f.type is float and f.name != "seconds")
