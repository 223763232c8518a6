"""Miniature E-GMD: its tree, table and names, small and rendered, to try the whole chain without 90 GB.

Flow: grooves or composition + kits -> miniature_plan -> **miniature** -> egmd

What a MIDI file says is what was rendered, to the sample: the recording is made from the file that was
written. The same options give the same bytes. A run that was interrupted goes on: pairs that are whole stay,
everything is written whole or not at all, and the table comes last: a folder with a table is a finished one.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from drumlane.audio.io import probe, write_audio
from drumlane.data.egmd import COLUMNS, EGMD_TABLE
from drumlane.data.miniature_plan import MiniatureOptions, PlannedTake, kit_name, plan_takes
from drumlane.data.workers import each
from drumlane.errors import ConfigError, DatasetError, DrumlaneError
from drumlane.files import shown, whole_file
from drumlane.formats.midi import read_midi, write_midi
from drumlane.performance import Performance
from drumlane.rendering.kits import SAMPLE_RATE, Kit
from drumlane.rendering.render import ROOMS, RenderOptions, named_kit, render
from drumlane.vocabulary import TD17, TD17_NOTE_OF_DRUM

MARK = "miniature.json"  # in the output folder: that it is one of ours, and made of what
TAIL = 1.0  # seconds that ring after the performance


@dataclass(frozen=True, slots=True)
class MadeTake:
    """A row of the table."""

    row: Mapping[str, str]
    was_there: bool  # already, and whole


def make_miniature(root: Path, options: MiniatureOptions, num_workers: int = 1) -> Iterator[MadeTake]:
    """Make a miniature, or finish one; yield its takes as they get done, then write the table.

    Args:
        root: a folder that does not exist, is empty, or holds a miniature of the same options.
        options: what to make.
        num_workers: processes that render.

    Raises:
        ConfigError: the folder holds something else, or the options do not go together.
        DatasetError: the grooves cannot be read, or a file cannot be written.
        AudioError: a sample of a kit cannot be decoded.
    """
    takes = plan_takes(options)
    if _continues(root, options):
        _clear_left_overs(root)
    else:
        for kit in options.kits:  # a kit that cannot be opened shows before anything is written
            _kit(kit)
        _claim(root, options)
    # By kit, so that a worker rarely has to load another one.
    ordered = sorted(takes, key=lambda take: (take.kit_index, take.stem))
    rows: list[Mapping[str, str]] = []
    for take in each(partial(make_take, root=root), ordered, num_workers):
        rows.append(take.row)
        yield take
    _write_table(root / EGMD_TABLE, rows)


def n_takes(options: MiniatureOptions) -> int:
    """Return how many pairs a miniature of these options has."""
    return options.performances * options.kits_per_performance


def make_take(take: PlannedTake, root: Path) -> MadeTake:
    """Write one pair, unless it is there and whole, and return its row.

    Raises:
        DatasetError: a file cannot be written.
        AudioError: a sample of the kit cannot be decoded.
    """
    midi, recording = root / f"{take.stem}.midi", root / f"{take.stem}.wav"
    was_there = _is_whole(midi, recording)
    if not was_there:
        _make_folder(midi.parent)
        write_midi(take.performance, midi, note_of_drum=TD17_NOTE_OF_DRUM)
        room = tuple(ROOMS)[take.kit_index % len(ROOMS)]
        played = RenderOptions(room=room, seed=take.seed, tail=TAIL)
        write_audio(recording, render(read_midi(midi, TD17), _kit(take.kit), played))
    return MadeTake(_row(take, read_midi(midi, TD17)), was_there)


def _continues(root: Path, options: MiniatureOptions) -> bool:
    """Whether the folder holds a miniature of these options, and not nothing.

    Raises:
        ConfigError: it holds something else.
    """
    mark = root / MARK
    if mark.is_file() and _read_mark(mark) == _mark_of(options):
        return True
    holds = (
        {path.name for path in root.iterdir()} if root.is_dir() else {root.name} if root.exists() else set()
    )
    if holds - {MARK}:
        what = f"a miniature of other options (see {MARK})" if MARK in holds else "something else"
        raise ConfigError(f"{shown(root)}: holds {what}; choose a new or an empty folder")
    return False


def _claim(root: Path, options: MiniatureOptions) -> None:
    """Mark the folder as a miniature of these options."""
    _make_folder(root)
    with whole_file(root / MARK, DatasetError) as partial_file:
        partial_file.write_text(json.dumps(_mark_of(options), indent=2) + "\n", encoding="utf-8")


def _clear_left_overs(root: Path) -> None:
    """Remove what a run that was killed in the middle of a file left of it."""
    for left_over in root.rglob(".drumlane-*"):
        left_over.unlink(missing_ok=True)


def _mark_of(options: MiniatureOptions) -> Any:
    return {
        "what": "A miniature in the form of E-GMD, rendered by drumlane; not the dataset itself.",
        "options": json.loads(json.dumps(asdict(options), default=str)),
        "grooves": options.attribution,
    }


def _read_mark(mark: Path) -> Any:
    try:
        return json.loads(mark.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatasetError(
            f"{shown(folder)}: the folder cannot be made ({error.strerror}); give another"
        ) from None


@lru_cache(maxsize=2)
def _kit(name: str) -> Kit:
    return named_kit(name)


def _n_samples(performance: Performance) -> int:
    return round((performance.duration + TAIL) * SAMPLE_RATE)


def _is_whole(midi: Path, recording: Path) -> bool:
    """Whether both files are there and as long as they must be; a file cut short by others is made again."""
    if not (midi.is_file() and recording.is_file()):
        return False
    try:
        expected = _n_samples(read_midi(midi, TD17)) / SAMPLE_RATE
        header = probe(recording)
    except DrumlaneError:
        return False
    return header.sample_rate == SAMPLE_RATE and abs((header.duration or 0.0) - expected) * SAMPLE_RATE < 0.5


def _row(take: PlannedTake, performance: Performance) -> dict[str, str]:
    return {
        "drummer": take.drummer,
        "session": take.session,
        "id": take.id,
        "style": take.style,
        "bpm": f"{take.bpm:g}",
        "beat_type": take.beat_type,
        "time_signature": take.time_signature,
        "midi_filename": f"{take.stem}.midi",
        "audio_filename": f"{take.stem}.wav",
        "duration": f"{_n_samples(performance) / SAMPLE_RATE:.6f}",
        "split": take.split,
        "kit_name": kit_name(take.kit),
    }


def _write_table(table: Path, rows: list[Mapping[str, str]]) -> None:
    with (
        whole_file(table, DatasetError) as partial_file,
        partial_file.open("w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.DictWriter(stream, fieldnames=COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda row: row["midi_filename"]))
