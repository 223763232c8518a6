"""A small E-GMD made by hand: tones for recordings, a few strokes for MIDI, rows that tests change."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from drumlane.audio.io import Audio, write_audio
from drumlane.data.egmd import COLUMNS, EGMD_TABLE
from drumlane.formats.midi import write_midi
from drumlane.performance import Hit, Performance
from drumlane.rendering.kits import SAMPLE_RATE
from drumlane.vocabulary import TD17_NOTE_OF_DRUM, Drum
from material import chord

SECONDS = 2.0
HITS = (
    Hit(0.0, Drum.KICK, 100),
    Hit(0.5, Drum.SNARE, 20),
    Hit(1.0, Drum.TOM_HIGH, 90),
    Hit(1.5, Drum.CRASH, 127),
)
# performance -> its part; each on two kits
PERFORMANCES = {
    "drummer1/session1/1": "train",
    "drummer1/session1/2": "validation",
    "drummer2/session1/1": "test",
}
KITS = ("Jazz", "Arena Stage")


def write_egmd(root: Path, table: str = EGMD_TABLE) -> list[dict[str, str]]:
    """Write every pair and the table; return its rows."""
    rows = [row(id_, split, kit) for id_, split in PERFORMANCES.items() for kit in range(len(KITS))]
    for one in rows:
        (root / one["midi_filename"]).parent.mkdir(parents=True, exist_ok=True)
        performance = Performance.of(HITS, SECONDS)
        write_midi(performance, root / one["midi_filename"], note_of_drum=TD17_NOTE_OF_DRUM)
        write_audio(root / one["audio_filename"], Audio(chord(220.0, SECONDS), SAMPLE_RATE))
    write_table(root / table, rows)
    return rows


def row(id_: str, split: str, kit: int, **changes: str) -> dict[str, str]:
    """Return a row of the table."""
    drummer, session, number = id_.split("/")
    stem = f"{drummer}/{session}/{number}_rock_120_beat_4-4_{kit + 1}"
    return {
        "drummer": drummer,
        "session": f"{drummer}/{session}",
        "id": id_,
        "style": "rock",
        "bpm": "120",
        "beat_type": "beat",
        "time_signature": "4-4",
        "midi_filename": f"{stem}.midi",
        "audio_filename": f"{stem}.wav",
        "duration": str(SECONDS),
        "split": split,
        "kit_name": KITS[kit],
        **changes,
    }


def write_table(path: Path, rows: Sequence[Mapping[str, str]], columns: Sequence[str] = COLUMNS) -> None:
    """Write a table with exactly these columns."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
