"""Process: a recording becomes a BeatSight map: separate, hear, find the beat, snap, write.

Flow: song -> separation -> transcription -> **process** (sensitivity, snapping, names) -> .bsm, debug

    >>> from drumlane.pipeline.process import process
    >>> result = process("song.mp3", "song.bsm")  # doctest: +SKIP
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from statistics import fmean
from typing import Any

from drumlane.errors import ConfigError
from drumlane.files import AnyPath
from drumlane.formats.beatsight.lanes import DRUMLANE, lane_table
from drumlane.formats.beatsight.timing_block import timing_fields
from drumlane.formats.beatsight.write import Generation, write_bsm
from drumlane.models.loading import Model, load_model
from drumlane.performance import Performance
from drumlane.pipeline.debug import Trace, write_debug
from drumlane.pipeline.names import named
from drumlane.pipeline.sensitivity import CALIBRATED, check_sensitivity, thresholds_at
from drumlane.pipeline.snapping import GridFit, SnapOptions, snap
from drumlane.separation.stems import NONE, STEM_SUFFIX, check_method, write_stem
from drumlane.song import Song
from drumlane.transcription.activations import PieceActivations
from drumlane.transcription.beats import BeatOptions
from drumlane.transcription.decoding import decode, with_repetition
from drumlane.transcription.transcribe import Transcriber, TranscriptionOptions

Progress = Callable[[float], None]  # called with a fraction, 0..1


@dataclass(frozen=True, slots=True)
class ProcessOptions:
    """What is done on the way to a map; the defaults give what ``drumlane transcribe`` hears."""

    separation: str = NONE  # of ``separation.stems.METHODS``
    confidence: float = 0.0  # 0..1; hits that are right with less probability are left out
    sensitivity: float = CALIBRATED  # 0..100
    snapping: SnapOptions = field(default_factory=SnapOptions)
    beats: BeatOptions = field(default_factory=BeatOptions)
    lanes: str = DRUMLANE.name  # of ``formats.beatsight.lanes.LANE_TABLES``
    song: Song = field(default_factory=Song)  # what is known; the rest is from tags and the file's name
    partial: bool = False  # use a recording that is cut off as far as it goes

    def __post_init__(self) -> None:
        check_method(self.separation)
        check_sensitivity(self.sensitivity)
        lane_table(self.lanes)
        if not 0 <= self.confidence <= 1:
            raise ConfigError(f"confidence {self.confidence:g} must be 0 to 1")


@dataclass(frozen=True, slots=True)
class ProcessResult:
    """What was made."""

    output: Path
    performance: Performance  # as the map holds it
    n_heard: int  # hits before ``confidence`` left some out
    confidence: float  # mean of the hits'; 0 where there are none
    seconds: float  # that it took
    model: str
    fit: GridFit  # of the grid: the one that was asked for, or sixteenths
    stem: Path | None = None  # the drums alone, if they were separated
    debug: Path | None = None


def process(
    song: AnyPath,
    output: AnyPath,
    options: ProcessOptions | None = None,
    debug: AnyPath | None = None,
    model: Model | None = None,
    progress: Progress | None = None,
) -> ProcessResult:
    """Write the map of a recording; what is there is replaced.

    Args:
        song: a sound file.
        output: the ``.bsm`` file; separated drums are written beside it.
        options: what to do differently.
        debug: a file for what was heard and why, if wanted.
        model: a loaded network; None takes the shipped one.
        progress: called with the fraction that is heard.

    Raises:
        AudioError: the recording cannot be read.
        FormatError: a file cannot be written.
        DrumlaneError: Demucs was asked for and is not installed.
    """
    began, moment = time.perf_counter(), datetime.now(UTC)
    source, target, chosen = Path(song), Path(output), options or ProcessOptions()
    network = model or load_model()
    name = f"{network.card.name} {network.card.version}"
    with _sound_of(source, target, chosen) as (sound, stem):
        activations, heard = _heard(sound, network, chosen, progress)
        made, fit, origin = _made(heard, source, chosen)
        write_bsm(made, target, chosen.lanes, moment, _generation(name, origin, chosen), stem)
        if debug is not None:
            write_debug(Trace(source, moment, _settings(chosen), activations, heard, made, fit), Path(debug))
    confidence = fmean(hit.confidence for hit in made) if len(made) else 0.0
    seconds = time.perf_counter() - began
    asked = None if debug is None else Path(debug)
    return ProcessResult(target, made, len(heard), confidence, seconds, name, fit, stem, asked)


def stem_beside(output: Path) -> Path:
    """Return where the separated drums of a map are written."""
    return output.with_name(output.stem + STEM_SUFFIX)


@contextmanager
def _sound_of(source: Path, target: Path, options: ProcessOptions) -> Iterator[tuple[Path, Path | None]]:
    """Yield what is listened to, and the stem if there is one; it does not stay when something goes wrong."""
    if options.separation == NONE:
        yield source, None
        return
    stem = stem_beside(target)
    write_stem(source, stem, options.separation, options.partial)
    try:
        yield stem, stem
    except BaseException:
        stem.unlink(missing_ok=True)
        raise


def _heard(
    sound: Path, network: Model, options: ProcessOptions, progress: Progress | None
) -> tuple[PieceActivations, Performance]:
    """Return what the decoder is told, and the hits in it with their tempo."""
    thresholds = thresholds_at(options.sensitivity, network.card.thresholds)
    wish = TranscriptionOptions(thresholds, partial=options.partial, beats=options.beats)
    transcriber = Transcriber(network, options=wish)
    activations = transcriber.activations(sound, progress=progress)
    told = with_repetition(activations, transcriber.decoder.repetition)
    hits = decode(told, replace(transcriber.decoder, repetition=0.0))
    return told, transcriber.with_tempo(hits, sound)


def _made(heard: Performance, source: Path, options: ProcessOptions) -> tuple[Performance, GridFit, str]:
    """Return what the map is to hold, how well a grid fits it, and where its title is from."""
    sure = heard.filter(lambda hit: hit.confidence >= options.confidence)
    first = inf if _exact(options) or not sure.hits else sure.hits[0].time
    offset = timing_fields(heard.tempo, first)["offset"]
    assert isinstance(offset, int)
    snapped, fit = snap(sure, offset / 1000, options.snapping)
    song, origin = named(source, options.song)
    return replace(snapped, song=song), fit, origin


def _generation(model: str, origin: str, options: ProcessOptions) -> Generation:
    return Generation(model, origin, exact_tempo=_exact(options))


def _exact(options: ProcessOptions) -> bool:
    """Whether the user has said where all beats are."""
    return options.beats.bpm is not None and options.beats.offset is not None


def _settings(options: ProcessOptions) -> dict[str, Any]:
    """Return the options as a debug file tells them."""
    snapping, beats = options.snapping, options.beats
    return {
        "separation": options.separation,
        "confidence_threshold": options.confidence,
        "sensitivity": options.sensitivity,
        "quantization_grid": snapping.grid,
        "max_snap_error_ms": 1000 * snapping.max_error,
        "forced_bpm": beats.bpm,
        "forced_offset": beats.offset,
        "forced_step": snapping.step,
        "force_quantization": snapping.force,
        "tempo_candidates_hint": list(beats.tempo_candidates),
        "lanes": options.lanes,
    }
