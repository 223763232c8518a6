"""Compose drumless music and let FluidSynth play it: accompaniment for training items, as much as wanted.

    python scripts/make_backing.py build/backing --clips 360 \
        --soundfont FluidR3_GM.sf2 --soundfont MuseScore_General_Lite.sf3

Needs the program ``fluidsynth`` and General MIDI soundfonts, whose licence reaches the clips: FluidR3 and
MuseScore_General are MIT. The folder is named as ``data.more_backing`` in a configuration. Clips that are
there are kept, so that an interrupted run goes on; clip N is the same whenever it is made with the same
soundfonts.

A clip is a tempo, a key, a chord for each bar and three to eight parts. A part repeats a rhythm of its own,
with its own density and accents: what drums are mistaken for is struck, plucked, stabbed and hissed in time.
"""

import argparse
import csv
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import mido
import numpy as np

from drumlane.audio.io import Audio, read_audio, write_audio

TICKS = 480
SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 3, 5, 7, 9, 10), (0, 1, 3, 5, 7, 8, 10))


@dataclass(frozen=True)
class Role:
    """What a part does."""

    name: str
    chance: float
    programs: tuple[int, ...]  # General MIDI, from 0
    octaves: tuple[int, int]  # lowest and highest start, MIDI pitch of the tonic
    steps: tuple[float, ...]  # beats of its grid
    density: tuple[float, float]  # share of the grid that is played
    held: tuple[float, float]  # share of the time to the next note
    voices: tuple[int, ...]  # notes at once


ROLES = (
    Role("bass", 0.85, tuple(range(32, 40)), (28, 40), (0.25, 0.5, 0.5, 1.0), (0.4, 1.0), (0.3, 1.0), (1,)),
    Role(
        "pad",
        0.5,
        (*range(48, 55), *range(88, 96), *range(16, 22)),
        (48, 60),
        (4.0, 2.0),
        (0.9, 1.0),
        (0.9, 1.0),
        (3, 4),
    ),
    Role(
        "comp", 0.6, (*range(8), *range(24, 29)), (48, 60), (0.25, 0.5, 1.0), (0.2, 0.7), (0.1, 0.8), (3, 4)
    ),
    Role("riff", 0.4, (28, 29, 30, 30, 29), (36, 48), (0.25, 0.25, 0.5), (0.4, 1.0), (0.2, 1.0), (2, 3)),
    Role(
        "arpeggio",
        0.4,
        (*range(16), 24, 25, 45, 46, *range(80, 88), 104, 105, 106, 107, 108),
        (48, 72),
        (0.25, 0.5, 1 / 3),
        (0.6, 1.0),
        (0.3, 1.0),
        (1,),
    ),
    Role(
        "stabs",
        0.35,
        (*range(55, 64), 48, 49, 5, 7, 17, 18, 62, 63),
        (48, 60),
        (0.25, 0.5),
        (0.08, 0.35),
        (0.1, 0.5),
        (3, 4),
    ),
    Role(
        "melody",
        0.6,
        (*range(40, 45), *range(56, 88), *range(26, 31), 52, 53, 54, 109, 110, 111),
        (60, 72),
        (0.25, 0.5, 1.0),
        (0.2, 0.6),
        (0.5, 1.0),
        (1,),
    ),
    Role("mallets", 0.2, tuple(range(8, 16)), (60, 84), (0.25, 0.5), (0.2, 0.8), (0.2, 0.6), (1, 2)),
    Role(
        "pizzicato",
        0.12,
        (45, 46, 15, 104, 105, 106, 107),
        (48, 72),
        (0.25, 0.5),
        (0.3, 0.8),
        (0.1, 0.4),
        (1, 2),
    ),
    Role(
        "noise",
        0.12,
        (120, 121, 122, 123, 126, 96, 97, 98, 99, 100, 101, 102, 103),
        (48, 72),
        (1.0, 2.0, 4.0),
        (0.3, 0.8),
        (0.3, 1.0),
        (1,),
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", type=int, default=400)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--soundfont", type=Path, action="append", required=True)
    options = parser.parse_args()
    folder: Path = options.folder
    (folder / "music").mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(options.clips):
        rng = np.random.default_rng((options.seed, number))
        soundfont = options.soundfont[int(rng.integers(len(options.soundfont)))]
        name = f"music/{number:04d}.ogg"
        bpm = float(rng.uniform(65, 190))
        if not (folder / name).exists():
            clip = play(compose(rng, bpm, options.seconds), soundfont, options.seconds, rng)
            write_audio(folder / name, Audio(clip, 44100))
        rows.append(
            {"file": name, "bpm": f"{bpm:.2f}", "dur_s": options.seconds, "soundfont": soundfont.stem}
        )
        if number % 20 == 19:
            print(f"{number + 1} of {options.clips}", flush=True)
    with (folder / "music.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def compose(rng: np.random.Generator, bpm: float, seconds: float) -> mido.MidiFile:
    """Return a song of three to eight parts."""
    scale = SCALES[int(rng.integers(len(SCALES)))]
    tonic = int(rng.integers(12))
    chords = [int(d) for d in rng.choice([0, 0, 2, 3, 4, 5], int(rng.choice([2, 4, 4, 8])))]
    n_beats = int(seconds * bpm / 60) + 1
    midi = mido.MidiFile(ticks_per_beat=TICKS)
    midi.tracks.append(mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=round(60e6 / bpm))]))
    roles = [role for role in ROLES if rng.random() < role.chance]
    while len(roles) < 3:
        roles.append(ROLES[int(rng.integers(len(ROLES)))])
    channels = [c for c in range(16) if c != 9]
    for channel, role in zip(channels, roles[:8], strict=False):
        midi.tracks.append(part(role, channel, (scale, tonic, chords, n_beats), rng))
    return midi


def part(
    role: Role,
    channel: int,
    song: tuple[tuple[int, ...], int, list[int], int],
    rng: np.random.Generator,
) -> mido.MidiTrack:
    """Return one part: a rhythm of one or two bars, repeated with small changes, on the bars' chords."""
    scale, tonic, chords, n_beats = song
    step = float(rng.choice(role.steps))
    n_steps = max(1, round(4 * int(rng.integers(1, 3)) / step))
    density = rng.uniform(*role.density)
    struck = rng.random(n_steps) < density
    struck[0] |= rng.random() < 0.7
    accents = np.where(rng.random(n_steps) < 0.3, 18, 0) + rng.normal(0, 6, n_steps)
    degrees = rng.choice([0, 0, 2, 4, 4, 6, 7, 1, 3, 5], n_steps)
    held, n_voices = rng.uniform(*role.held), int(rng.choice(role.voices))
    base, level = int(rng.integers(role.octaves[0], role.octaves[1] + 1)) // 12 * 12, rng.uniform(60, 110)
    swing = rng.uniform(0, 0.2) * step if rng.random() < 0.2 else 0.0
    entry = 4.0 * int(rng.integers(0, 3)) if rng.random() < 0.3 else 0.0
    events: list[tuple[int, int, mido.Message]] = [
        (0, 0, mido.Message("program_change", channel=channel, program=int(rng.choice(role.programs)))),
        (0, 0, mido.Message("control_change", channel=channel, control=7, value=int(rng.uniform(60, 127)))),
    ]
    for k in range(int(n_beats / step)):
        beat, at = k * step, k % n_steps
        if beat < entry or struck[at] == (rng.random() < 0.06):
            continue
        chord = chords[int(beat / 4) % len(chords)]
        velocity = int(np.clip(level + accents[at] + rng.normal(0, 5), 1, 127))
        start = beat + (swing if k % 2 else 0.0) + rng.normal(0, 0.012)
        length = step * held * float(rng.choice([1, 1, 1, 2]))
        pitches = [chord + 2 * v for v in range(n_voices)]
        if n_voices == 1:
            pitches = [chord + int(degrees[at])]
        elif role.name == "riff":
            pitches = [
                chord + (0 if rng.random() < 0.6 else int(degrees[at])) + 4 * v for v in range(n_voices)
            ]
        for degree in pitches:
            turns, within = divmod(degree, len(scale))
            pitch = int(np.clip(base + tonic + 12 * turns + scale[within], 20, 108))
            first = max(0, round(start * TICKS))
            last = first + max(20, round(length * TICKS))
            events.append((first, 2, mido.Message("note_on", channel=channel, note=pitch, velocity=velocity)))
            events.append((last, 1, mido.Message("note_off", channel=channel, note=pitch)))
    track, now = mido.MidiTrack(), 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    return track


def play(midi: mido.MidiFile, soundfont: Path, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Return the song as FluidSynth plays it, mono, its peak at -1 dB."""
    with tempfile.TemporaryDirectory() as folder:
        song, sound = Path(folder) / "song.mid", Path(folder) / "song.wav"
        midi.save(song)
        room = [f"-R{int(rng.random() < 0.6)}", f"-C{int(rng.random() < 0.3)}"]
        subprocess.run(
            ["fluidsynth", "-ni", "-q", *room, "-g", "0.5", "-r", "44100", "-F", sound, soundfont, song],
            check=True,
            capture_output=True,
        )
        samples = read_audio(sound, sample_rate=44100).samples[: round(seconds * 44100)]
    return np.asarray(samples * (0.89 / max(1e-6, float(np.abs(samples).max()))), dtype=np.float32)


if __name__ == "__main__":
    main()
