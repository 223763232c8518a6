"""Chart: a recording becomes a song folder, in one step: hear, name, quantise if asked, write every format.

Flow: song -> transcription -> names -> charting -> **chart** -> formats, the recording

Everything in the folder lies on its ``song.ogg``, which begins with whole bars of silence where the first
stroke comes too early for a game. Games get chords at one time, those for two hands and a kick pedal no pedal
hats; the other formats get what was heard.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from drumlane import formats
from drumlane.charting.chords import for_two_hands, gather, without_doubles
from drumlane.charting.lead_in import with_lead_in
from drumlane.charting.quantisation import QuantisationOptions, Statistics, quantise
from drumlane.charting.sections import sections_of
from drumlane.files import AnyPath
from drumlane.formats.clone_hero.folder import new_folder, write_recording
from drumlane.formats.clone_hero.song_ini import write_song_ini
from drumlane.formats.registry import Format, format_named
from drumlane.performance import Performance
from drumlane.pipeline.names import named
from drumlane.song import Song
from drumlane.transcription.transcribe import Transcriber

STEM = "song"  # of every file in the folder that has no name of its own
DEFAULT_FORMATS = ("clonehero",)
Progress = Callable[[float], None]  # called with a fraction, 0..1


@dataclass(frozen=True, slots=True)
class ChartOptions:
    """What is written, and how."""

    formats: tuple[str, ...] = DEFAULT_FORMATS  # by name
    quantisation: QuantisationOptions | None = None  # None: times as they were played
    song: Song = field(default_factory=Song)  # what is known; the rest is from tags and the file's name


@dataclass(frozen=True, slots=True)
class Charted:
    """What was made."""

    folder: Path
    performance: Performance  # as the folder holds it
    files: tuple[str, ...]
    silence: float  # seconds before the recording
    moved: Statistics | None  # by quantisation


def chart(
    recording: AnyPath,
    folder: AnyPath,
    transcriber: Transcriber,
    options: ChartOptions | None = None,
    replace_it: bool = False,
    progress: Progress | None = None,
) -> Charted:
    """Write the song folder of a recording, whole or not at all.

    Args:
        recording: a sound file.
        folder: where; it must not exist unless ``replace_it``.
        transcriber: with its model and options, those of beats among them.
        options: what to write.
        replace_it: replace the files of this song in a folder that is there.
        progress: called with the fraction that is heard.

    Raises:
        AudioError: the recording cannot be read.
        ConfigError: a format is unknown.
        FormatError: the folder is there, or a file cannot be written.
    """
    chosen = options or ChartOptions()
    wanted = [format_named(name) for name in chosen.formats]
    source = Path(recording)
    heard = transcriber.transcribe(source, progress=progress)
    played = replace(heard, song=named(source, chosen.song)[0])
    moved = None
    if chosen.quantisation is not None:
        done = quantise(played, chosen.quantisation)
        played, moved = done.performance, done.statistics
    if not played.song.sections:
        played = replace(played, song=replace(played.song, sections=sections_of(played)))
    return _written(source, Path(folder), played, wanted, replace_it, moved)


def _written(
    source: Path,
    folder: Path,
    played: Performance,
    wanted: Sequence[Format],
    replace_it: bool,
    moved: Statistics | None,
) -> Charted:
    delayed, silence = with_lead_in(played)
    with new_folder(folder, replace_it) as partial:
        name = write_recording(source, partial, silence)
        whole = replace(delayed, song=replace(delayed.song, audio=Path(name)))
        for found in wanted:
            formats.write(_for(found, whole), partial / file_name(found))
        if any(found.name in ("clonehero", "chart") for found in wanted):
            write_song_ini(whole, partial / "song.ini")
        files = tuple(sorted(path.name for path in partial.iterdir()))
    return Charted(folder, whole, files, silence, moved)


def _for(found: Format, performance: Performance) -> Performance:
    if found.chords:
        performance = gather(without_doubles(performance))
    return for_two_hands(performance) if found.hands else performance


def file_name(found: Format) -> str:
    """Return what a format's file is called in a song folder."""
    if found.name == "chart":
        return "notes.chart"
    return found.file_names[0] if found.file_names else STEM + found.suffixes[0]
