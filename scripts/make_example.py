"""Make the bundled example: a groove composed here, played on a procedural kit with a procedural band.

    python scripts/make_example.py [FOLDER]

writes ``groove.mid`` (what is played) and ``groove.ogg`` (how it sounds) into FOLDER, by default
``examples``. Every choice has a fixed seed. The kit is not the one that drumlane plays by default.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from drumlane import formats
from drumlane.audio.io import write_audio
from drumlane.performance import Hit, Performance
from drumlane.rendering.kits import SAMPLE_RATE
from drumlane.rendering.procedural import procedural_kit
from drumlane.rendering.procedural_music import procedural_accompaniment
from drumlane.rendering.render import RenderOptions, render
from drumlane.timing import TempoMap
from drumlane.vocabulary import Drum, Lane

BPM = 100.0
STEPS_PER_BAR = 16
KIT_SEED, BAND_SEED, PLAYER_SEED = 113, 31, 1
TAIL = 1.5  # seconds
BACKING_DB = -5.0
LOOSENESS = 0.004  # seconds, standard deviation of the player's timing

VELOCITY = {"o": 34, "x": 84, "X": 112}  # ghost note, stroke, accent; anything else is a rest

Bar = Mapping[Drum, str]
KICK, SNARE, RIDE = Drum.KICK, Drum.SNARE, Drum.RIDE
CLOSED, OPEN, PEDAL = Drum.HIHAT_CLOSED, Drum.HIHAT_OPEN, Drum.HIHAT_PEDAL
HIGH, MID, LOW = Drum.TOM_HIGH, Drum.TOM_MID, Drum.TOM_LOW

VERSE: Bar = {
    CLOSED: "X.x.X.x.X.x.X.x.",
    SNARE: "....X..o.o..X..o",
    KICK: "X.....x.x.x.....",
}
VERSE_OPEN: Bar = {
    CLOSED: "X.x.X.x.X.x.X...",
    OPEN: "..............X.",
    SNARE: "....X..o.o..X...",
    KICK: "X..x....x.x...x.",
}
FILL: Bar = {
    CLOSED: "X.x.X.x.........",
    SNARE: "....X..oX.x.....",
    HIGH: "...........xX...",
    MID: ".............xX.",
    LOW: "...............X",
    KICK: "X.....x.X...X...",
}
CHORUS_IN: Bar = {
    Drum.CRASH: "X...............",
    RIDE: "..x.x.x.x.x.x.x.",
    SNARE: "....X..o....X...",
    PEDAL: "....x.......x...",
    KICK: "X.x.....x.x...x.",
}
CHORUS: Bar = {
    RIDE: "x.x...x.x.x...x.",
    Drum.RIDE_BELL: "....X.......X...",
    SNARE: "....X....o..X.oo",
    PEDAL: "........x.......",
    KICK: "X.x..x..x.x.....",
}
TOM_GROOVE: Bar = {
    LOW: "X.xxX.xxX.x.....",
    MID: "............X.x.",
    SNARE: "....X.......X...",
    KICK: "X...X...X...X...",
}
LAST_FILL: Bar = {
    SNARE: "X.xxX...........",
    HIGH: "....x.xxX.......",
    MID: "........x.xx....",
    LOW: "............X.xx",
    KICK: "X...X...X...X...",
}
SONG = (VERSE, VERSE_OPEN, VERSE, FILL, CHORUS_IN, CHORUS, TOM_GROOVE, LAST_FILL)
ENDING: Bar = {Drum.CRASH2: "X", KICK: "X"}


def main() -> None:
    """Write the example into the folder named on the command line."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1] / "examples"
    folder.mkdir(exist_ok=True)
    performance = perform(np.random.default_rng(PLAYER_SEED))
    kit = procedural_kit(np.random.default_rng(KIT_SEED), n_layers=4, n_round_robin=3)
    band = procedural_accompaniment(
        np.random.default_rng(BAND_SEED),
        performance.duration + TAIL,
        bpm=BPM,
        kick_times=performance.lane_times(Lane.KICK).tolist(),
    )
    fade = 2 * SAMPLE_RATE
    band[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    options = RenderOptions(room="studio", seed=PLAYER_SEED, tail=TAIL, backing_db=BACKING_DB)
    formats.write(performance, folder / "groove.mid")
    write_audio(folder / "groove.ogg", render(performance, kit, options, band))
    print(f"{len(performance)} hits, {performance.duration + TAIL:.1f} s -> {folder}")


def perform(rng: np.random.Generator) -> Performance:
    """Play the song as a person would: a little early or late, never twice equally hard."""
    hits = [hit for i, bar in enumerate((*SONG, ENDING)) for hit in play_bar(bar, i * STEPS_PER_BAR, rng)]
    length = 60.0 / BPM * 4 * (len(SONG) + 1)
    return Performance.of(hits, duration=length, tempo=TempoMap.constant(BPM))


def play_bar(bar: Bar, first_step: int, rng: np.random.Generator) -> Iterator[Hit]:
    """Yield the hits of a bar that begins ``first_step`` sixteenths into the song."""
    for drum, pattern in bar.items():
        for step, stroke in enumerate(pattern):
            if stroke in VELOCITY:
                time = (first_step + step) * 60.0 / BPM / 4 + rng.normal(0, LOOSENESS)
                velocity = round(VELOCITY[stroke] + rng.normal(0, 4))
                yield Hit(max(0.0, float(time)), drum, int(np.clip(velocity, 1, 127)))


if __name__ == "__main__":
    main()
