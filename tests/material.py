"""Material that tests make themselves: a few kits, grooves and clips, enough for a whole training run.

Run ``python tests/material.py FOLDER`` to write it where ``configs/tiny.yaml`` can find it.
"""

import csv
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drumlane.audio.io import Audio, write_audio
from drumlane.formats import write
from drumlane.performance import Hit, Performance
from drumlane.rendering.kits import SAMPLE_RATE, Kit, Layer, Piece, Sample
from drumlane.timing import TempoMap
from drumlane.vocabulary import Drum

ONSET = 22  # samples before the attack in every sample written here
PIECES = {
    "kick": 60.0,
    "snare": 190.0,
    "hh_closed": 9000.0,
    "hh_open": 7000.0,
    "tom_hi": 300.0,
    "tom_mid": 220.0,
    "tom_low": 140.0,
    "crash1": 5000.0,
    "ride": 4000.0,
}
# kit, family, licence class: two for training, one copyleft one, one held out for validation, one for test.
KITS = (
    ("alpha", "alpha", "cc0"),
    ("beta", "beta", "cc-by"),
    ("copyleft", "copyleft", "gpl"),
    ("becks", "becks", "cc-by-sa"),
    ("millo1", "millo", "gpl"),
)
SPLITS = ("train", "train", "validation", "test")


def write_material(folder: Path) -> dict[str, str]:
    """Write kits, grooves and clips; return the ``data`` section of a configuration."""
    kits, grooves, backing = folder / "kits" / "kits.csv", folder / "grooves", folder / "backing"
    write_kits(kits)
    write_grooves(grooves)
    write_backing(backing)
    return {"kits": str(kits), "grooves": str(grooves), "backing": str(backing)}


def write_kits(manifest: Path, kits: Iterable[tuple[str, str, str]] = KITS) -> None:
    """Write a manifest and its samples: each piece a decaying tone with a hard attack."""
    rows = []
    for number, (kit, family, licence_class) in enumerate(kits):
        for piece, hz in PIECES.items():
            file = manifest.parent / kit / piece / "1_1.wav"
            file.parent.mkdir(parents=True, exist_ok=True)
            write_audio(file, Audio(stroke(hz * (1 + 0.07 * number)), SAMPLE_RATE))
            rows.append(
                {
                    "kit": kit,
                    "kit_type": "acoustic",
                    "family": family,
                    "piece": piece,
                    "vel_layer": 1,
                    "vel_lo": 0,
                    "vel_hi": 127,
                    "level_mode": "single",
                    "file": file.relative_to(manifest.parent.parent).as_posix(),
                    "onset_sample": ONSET,
                    "source": f"made for tests: {kit}",
                    "licence": licence_class.upper(),
                    "licence_class": licence_class,
                }
            )
    _write_table(manifest, rows)


def stroke(hz: float, seconds: float = 0.15, onset: int = ONSET) -> NDArray[np.float32]:
    """Return silence up to ``onset``, then a decaying cosine, so that the attack is one step."""
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    sound = 0.5 * np.exp(-t / 0.03) * np.cos(2 * np.pi * hz * t)
    return np.concatenate([np.zeros(onset), sound]).astype(np.float32)


def write_grooves(root: Path, splits: Sequence[str] = SPLITS) -> None:
    """Write a Groove MIDI Dataset of rock beats, 12 seconds each."""
    rows = []
    for number, split in enumerate(splits):
        name = f"drummer1/session1/{number}_rock_120_beat_4-4.mid"
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        write(rock_beat(12.0, 100 + 10 * number), root / name)
        rows.append(
            {
                "drummer": "drummer1",
                "session": "drummer1/session1",
                "id": f"drummer1/session1/{number}",
                "style": "rock",
                "bpm": 100 + 10 * number,
                "beat_type": "beat",
                "time_signature": "4-4",
                "midi_filename": name,
                "audio_filename": "",
                "duration": 12.0,
                "split": split,
            }
        )
    _write_table(root / "info.csv", rows)


def rock_beat(seconds: float, bpm: float) -> Performance:
    """Return hats in eighths, kick on one and three, snare on two and four, a tom and a crash a bar."""
    eighth, hits = 30.0 / bpm, []
    for k in range(int(seconds / eighth)):
        time = k * eighth
        hits.append(Hit(time, Drum.HIHAT_OPEN if k % 8 == 7 else Drum.HIHAT_CLOSED, 80))
        if k % 4 == 0:
            hits.append(Hit(time, Drum.KICK, 110))
        if k % 4 == 2:
            hits.append(Hit(time, Drum.SNARE, 100))
        if k % 8 == 0:
            hits.append(Hit(time, Drum.CRASH, 90))
        if k % 8 == 7:
            hits.append(Hit(time, (Drum.TOM_HIGH, Drum.TOM_MID, Drum.TOM_LOW)[k // 8 % 3], 90))
            hits.append(Hit(time, Drum.RIDE, 90))
    return Performance.of(hits, duration=seconds, tempo=TempoMap.constant(bpm))


def write_backing(folder: Path) -> None:
    """Write bands and layers, some of them held out, and impulse responses."""
    rng = np.random.default_rng(0)
    music = [{"file": f"music/{i}.wav", "soundfont": font} for i, font in enumerate(("fluidr3", "timgm"))]
    real = [
        {"file": "real/ev_1_synth.wav", "kind": "synth"},
        {"file": "real/ev_7_voice.wav", "kind": "voice"},
    ]
    rooms = [{"file": f"ir/{i}.wav"} for i in range(5)]
    for number, row in enumerate([*music, *real]):
        _write_sound(folder / row["file"], chord(110.0 * (number + 1), 3.0))
    for row in rooms:
        tail = rng.standard_normal(4000) * np.exp(-np.arange(4000) / 800)
        _write_sound(folder / row["file"], 0.1 * tail)
    for name, rows in (("music", music), ("real", real), ("ir", rooms)):
        _write_table(folder / f"{name}.csv", rows)


def chord(hz: float, seconds: float) -> NDArray[np.float64]:
    """Return three steady tones: music without any attack."""
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return np.asarray(0.1 * sum(np.sin(2 * np.pi * hz * ratio * t) for ratio in (1.0, 1.25, 1.5)))


def click_kit(drums: Iterable[Drum] = Drum, onset: int = ONSET, name: str = "click") -> Kit:
    """Return a kit in memory whose strokes start with one step, in two layers of two samples each."""
    pieces = {}
    for number, drum in enumerate(drums):
        samples = [Sample(stroke(150.0 + 60 * number + 7 * k, onset=onset), onset) for k in range(4)]
        layers = (Layer(1, 63, tuple(samples[:2])), Layer(64, 127, tuple(samples[2:])))
        pieces[drum] = Piece(drum, layers)
    in_lanes = {drum: piece for drum, piece in pieces.items() if drum.lane is not None}
    percussion = tuple(piece for drum, piece in pieces.items() if drum.lane is None)
    return Kit(name, name, in_lanes, percussion=percussion)


def _write_sound(path: Path, samples: NDArray[np.floating]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_audio(path, Audio(samples.astype(np.float32), SAMPLE_RATE))


def _write_table(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    write_material(Path(sys.argv[1]))
