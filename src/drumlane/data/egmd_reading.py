"""Reading of one take: what its recording and its MIDI hold, and what is wrong with them.

Flow: egmd -> **egmd_reading** -> egmd_check

A fault is found, named and counted; it never stops the check.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from drumlane.audio.io import probe, stream_audio
from drumlane.data.egmd import Take
from drumlane.data.gmd import SPLITS
from drumlane.errors import AudioError, FormatError
from drumlane.formats.midi import read_midi_report
from drumlane.performance import Performance
from drumlane.vocabulary import LANES, TD17

TOLERANCE = 0.5  # seconds between two durations that should be one
LONGEST_TAIL = 10.0  # seconds; no drum rings longer after the last stroke
VELOCITY_BINS = tuple((max(1, low), low + 15) for low in range(0, 128, 16))  # first and last velocity


class Fault(StrEnum):
    """What can be wrong with a take; the values are what a user reads."""

    ROW = "the table's row makes no sense"
    AUDIO = "recording cannot be read"
    SILENT = "recording is silent"
    MIDI = "MIDI cannot be read"
    EMPTY = "MIDI has no notes"
    TABLE_DURATION = "recording is not as long as the table says"
    EARLY_END = "recording ends before the MIDI's last note"
    LATE_END = "recording goes on long after the MIDI's last note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of one take."""

    take: str
    fault: Fault
    text: str  # one line with the numbers or the reader's message


@dataclass(frozen=True, slots=True, eq=False)
class TakeReading:
    """What a take holds."""

    take: Take
    seconds: float | None = None  # of the recording, else of the table
    sample_rate: int | None = None  # Hz
    hits: NDArray[np.int64] = field(  # (lanes, velocity bins), by the TD-17's note map
        default_factory=lambda: np.zeros((len(LANES), len(VELOCITY_BINS)), dtype=np.int64)
    )
    notes: Mapping[int, int] = field(default_factory=dict)  # MIDI note -> strokes
    findings: tuple[Finding, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.findings


def read_take(take: Take, quick: bool = False, tolerance: float = TOLERANCE) -> TakeReading:
    """Read one take.

    Args:
        take: a row and its files; those that are missing are not read and are no fault.
        quick: read the recording's header only, and no MIDI.
        tolerance: seconds by which durations may differ.
    """
    reading = TakeReading(take, seconds=take.duration, findings=tuple(_row_findings(take)))
    reading = _with_recording(reading, quick)
    last_note = None
    if take.midi is not None and not quick:
        reading, last_note = _with_midi(reading)
    heard = take.audio is not None and not _has(reading, Fault.AUDIO)
    found = _duration_findings(reading, last_note, tolerance) if heard else ()
    return replace(reading, findings=(*reading.findings, *found))


def _row_findings(take: Take) -> Iterator[Finding]:
    wrong = {
        "bpm is no number": take.bpm is None,
        "duration is no number >= 0": take.duration is None,
        f"split {take.split!r} is not {', '.join(SPLITS)}": take.split not in SPLITS,
        "id is empty": not take.id,
        "no MIDI file is named": not take.midi_filename,
    }
    for text, applies in wrong.items():
        if applies:
            yield Finding(take.name, Fault.ROW, text)


def _with_recording(reading: TakeReading, quick: bool) -> TakeReading:
    path = reading.take.audio
    if path is None:
        return reading
    try:
        header = probe(path)
        seconds, peak = header.duration, None
        if not quick:
            n_samples, peak = 0, 0.0
            for block in stream_audio(path, header.sample_rate):
                n_samples, peak = n_samples + len(block), max(peak, float(np.abs(block).max()))
            seconds = n_samples / header.sample_rate
    except AudioError as error:
        return _with_fault(reading, Fault.AUDIO, str(error))
    reading = replace(reading, seconds=seconds, sample_rate=header.sample_rate)
    return _with_fault(reading, Fault.SILENT, "all samples are zero") if peak == 0 else reading


def _with_midi(reading: TakeReading) -> tuple[TakeReading, float | None]:
    """Return the reading with the MIDI's notes, and the time of the last one in seconds."""
    assert reading.take.midi is not None
    try:
        midi = read_midi_report(reading.take.midi, TD17)
    except FormatError as error:
        return _with_fault(reading, Fault.MIDI, str(error)), None
    reading = replace(reading, notes=dict(midi.notes), hits=_hits(midi.performance))
    if not midi.performance.hits:
        return _with_fault(reading, Fault.EMPTY, "there is nothing to learn from it"), None
    return reading, midi.performance.hits[-1].time


def _hits(performance: Performance) -> NDArray[np.int64]:
    """Return hits by lane and velocity, shape (lanes, bins)."""
    counts = np.zeros((len(LANES), len(VELOCITY_BINS)), dtype=np.int64)
    for hit in performance:
        if hit.drum.lane is not None:
            counts[hit.drum.lane, hit.velocity // 16] += 1
    return counts


def _duration_findings(reading: TakeReading, last_note: float | None, tolerance: float) -> Iterator[Finding]:
    seconds, said = reading.seconds, reading.take.duration
    if seconds is None:
        return
    if said is not None and abs(seconds - said) > tolerance:
        text = f"{seconds:.2f} s, the table says {said:.2f} s"
        yield Finding(reading.take.name, Fault.TABLE_DURATION, text)
    if last_note is None:
        return
    text = f"{seconds:.2f} s, last note at {last_note:.2f} s"
    if seconds < last_note - tolerance:
        yield Finding(reading.take.name, Fault.EARLY_END, text)
    if seconds > last_note + LONGEST_TAIL + tolerance:
        yield Finding(reading.take.name, Fault.LATE_END, text)


def _with_fault(reading: TakeReading, fault: Fault, text: str) -> TakeReading:
    return replace(reading, findings=(*reading.findings, Finding(reading.take.name, fault, text)))


def _has(reading: TakeReading, fault: Fault) -> bool:
    return any(finding.fault is fault for finding in reading.findings)
