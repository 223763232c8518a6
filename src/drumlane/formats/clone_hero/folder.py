"""Folder: a song as Clone Hero, YARG and Rock Band converters take it: chart, song.ini and the recording.

Flow: Performance + recording -> charting.lead_in -> **folder** -> notes.mid / notes.chart, song.ini, song.ogg

Games ask for two seconds before the first note. Where there are less, whole bars of silence are put before
the recording and the chart alike; ``delay`` stays 0. A folder is written whole or not at all.
"""

import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from drumlane.audio.io import Audio, read_audio, write_audio
from drumlane.charting.lead_in import with_lead_in
from drumlane.charting.level import Level
from drumlane.errors import FormatError
from drumlane.files import AnyPath, shown
from drumlane.formats.clone_hero.chart_text import read_chart, write_chart
from drumlane.formats.clone_hero.notes_midi import read_notes_midi, write_notes_midi
from drumlane.formats.clone_hero.song_ini import audio_beside, read_song_ini, write_song_ini
from drumlane.performance import Performance

WRITERS = {"notes.mid": write_notes_midi, "notes.chart": write_chart}
READERS = {"notes.chart": read_chart, "notes.mid": read_notes_midi}
AUDIO = "song.ogg"
_PLAYED_SUFFIXES = (".ogg", ".opus", ".mp3", ".wav")  # by the games, as they are
_MOST_RATE = 48_000  # Hz


def write_folder(
    performance: Performance,
    folder: AnyPath,
    audio: AnyPath | None = None,
    charts: Sequence[str] = ("notes.mid",),
    replace_it: bool = False,
) -> Performance:
    """Write a song folder, whole or not at all; return the performance as it is charted.

    Args:
        performance: what Expert plays.
        folder: where; it must not exist unless ``replace_it``.
        audio: the recording; without it the folder cannot be played.
        charts: of ``notes.mid`` and ``notes.chart``, which to write; games take the first they find.
        replace_it: replace the files of this song in a folder that is there; other files stay.

    Raises:
        FormatError: the folder is there, or cannot be written.
        AudioError: the recording cannot be read.
    """
    delayed, silence = with_lead_in(performance)
    with new_folder(folder, replace_it) as partial:
        song = delayed.song
        if audio is not None:
            song = replace(song, audio=Path(write_recording(Path(audio), partial, silence)))
        charted = replace(delayed, song=song)
        for name in charts:
            WRITERS[name](charted, partial / name)
        write_song_ini(charted, partial / "song.ini")
    return charted


@contextmanager
def new_folder(folder: AnyPath, replace_it: bool = False) -> Iterator[Path]:
    """Yield a temporary folder beside ``folder``; it takes that place when the block succeeds.

    Raises:
        FormatError: the folder is there and nothing in it may be replaced, or it cannot be written.
    """
    target = Path(folder)
    if target.exists() and not (replace_it and target.is_dir()):
        raise FormatError(f"{shown(folder)}: already there; pass --force to replace the song in it")
    partial = target.absolute().with_name(f".drumlane-{secrets.token_hex(6)}")
    try:
        partial.mkdir(parents=True)
        yield partial
        _move(partial, target)
    except OSError as error:
        raise FormatError(f"{shown(folder)}: cannot be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def read_folder(folder: AnyPath, level: Level = Level.EXPERT) -> Performance:
    """Read a level of a song folder: its chart, the names of its song.ini, and where its recording is.

    Raises:
        FormatError: there is no chart in it, or a file is broken.
    """
    root = Path(folder)
    try:
        names = {path.name.lower(): path for path in root.iterdir()}
    except OSError as error:
        raise FormatError(f"{shown(folder)}: cannot be read ({error.strerror or error})") from error
    chart = next((name for name in READERS if name in names), None)
    if chart is None:
        raise FormatError(f"{shown(folder)}: no {' or '.join(READERS)} in this folder")
    performance = READERS[chart](names[chart], level)
    song = performance.song
    if "song.ini" in names:
        song = replace(read_song_ini(names["song.ini"]), sections=song.sections)
    return replace(performance, song=replace(song, audio=audio_beside(root)))


def write_recording(recording: Path, folder: Path, silence: float) -> str:
    """Write a recording after ``silence`` seconds and return its name; one that needs none is copied.

    Raises:
        AudioError: the recording cannot be read.
    """
    if not silence and recording.suffix.lower() in _PLAYED_SUFFIXES:
        name = f"song{recording.suffix.lower()}"
        shutil.copyfile(recording, folder / name)
        return name
    audio = read_audio(recording, mono=False)
    if audio.sample_rate > _MOST_RATE:
        audio = read_audio(recording, sample_rate=_MOST_RATE, mono=False)
    samples = audio.samples.reshape(len(audio.samples), -1)[:, :2]
    before = np.zeros((round(silence * audio.sample_rate), samples.shape[1]), dtype=np.float32)
    write_audio(folder / AUDIO, Audio(np.concatenate([before, samples]), audio.sample_rate))
    return AUDIO


def _move(partial: Path, target: Path) -> None:
    if not target.exists():
        partial.rename(target)
        return
    for file in partial.iterdir():
        file.replace(target / file.name)
