"""MIDI: drums as notes on channel 10.

Flow: Performance <-> **midi** (midi_file) <-> .mid

Drums are on channel 10 (index 9). A file with notes but none there is read from its other channels if every
note has a meaning in the map, and refused otherwise, because a bass line would pass for drums. Ticks become
seconds over all tempo changes of all tracks. Confidences are not kept.

The notes of ``NOTE_OF_DRUM`` are not all what a TD-17 kit or General MIDI means by them: 45 is the low tom
here and a mid tom there. So a file of ours carries the text ``drumlane``; unless the caller names a map, a
file with it is read by ``DRUMLANE_MIDI`` and any other by ``TD17``.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

import mido

from drumlane.errors import FormatError
from drumlane.files import AnyPath, shown, whole_file
from drumlane.formats.clone_hero.notes_midi import has_chart, read_notes_midi
from drumlane.formats.midi_file import (
    DRUM_CHANNEL,
    MAX_DELTA,
    META,
    OFF,
    ON,
    Event,
    absolute,
    as_midi_holds_it,
    load_midi,
    metas,
    refinement,
    tempo_events,
    timing_of,
    track_of,
    until_the_end,
)
from drumlane.performance import Hit, Performance
from drumlane.timing import TICKS_PER_BEAT, TempoMap
from drumlane.vocabulary import DRUMLANE_MIDI, NOTE_OF_DRUM, TD17, Drum

SIGNATURE = "drumlane"  # text event at the start of the files written here
NOTE_TICKS = 50  # length of a written note, 26 ms at 960 ticks a beat and 120 bpm

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MidiReading:
    """A MIDI file's performance, and what of it could not be used."""

    performance: Performance
    unknown_notes: Mapping[int, int]  # note number -> strokes that the map has no drum for
    notes: Mapping[int, int]  # note number -> strokes, known and unknown


def read_midi(path: AnyPath, note_map: Mapping[int, Drum] | None = None) -> Performance:
    """Read the drums of a MIDI file; notes without a drum in the map are counted in one logged warning.

    Unless the caller names a map, a file with a track ``PART DRUMS`` is a chart, whatever it is called.

    Args:
        path: the file.
        note_map: what the notes mean; None for ``DRUMLANE_MIDI`` if drumlane wrote the file, else ``TD17``.

    Raises:
        FormatError: as ``read_midi_report``.
    """
    midi = load_midi(path)
    if note_map is None and has_chart(midi):
        return read_notes_midi(path)
    reading = _report(midi, path, note_map)
    if reading.unknown_notes:
        counts = ", ".join(f"{n} of note {note}" for note, n in sorted(reading.unknown_notes.items()))
        _log.warning("%s: left out %s, which the note map has no drum for", shown(path), counts)
    return reading.performance


def read_midi_report(path: AnyPath, note_map: Mapping[int, Drum] | None = None) -> MidiReading:
    """Read the drums of a MIDI file, and count the notes that the map has no drum for.

    Args:
        path: the file.
        note_map: as for ``read_midi``.

    Raises:
        FormatError: the file is missing, not MIDI, damaged, holds independent sequences (type 2), or has
            notes but none on channel 10 and some of them mean no drum.
    """
    return _report(load_midi(path), path, note_map)


def _report(midi: mido.MidiFile, path: AnyPath, note_map: Mapping[int, Drum] | None) -> MidiReading:
    note_map = _map_of(midi) if note_map is None else note_map
    tempo, ticks_per_beat = timing_of(midi, path)
    tracks = [_strokes_of(track) for track in midi.tracks]
    strokes = _drum_strokes(tracks, midi, note_map, path)
    times = tempo.beats_to_seconds([stroke.tick / ticks_per_beat for stroke in strokes]).tolist()
    hits = tuple(
        Hit(time, note_map[stroke.note], stroke.velocity)
        for time, stroke in zip(times, strokes, strict=True)
        if stroke.note in note_map
    )
    notes = Counter(stroke.note for stroke in strokes)
    unknown = {note: n for note, n in notes.items() if note not in note_map}
    last_tick = max((sum(message.time for message in track) for track in midi.tracks), default=0)
    duration = float(tempo.beats_to_seconds(last_tick / ticks_per_beat))
    performance = Performance(hits, tempo, duration)
    return MidiReading(performance, MappingProxyType(unknown), MappingProxyType(notes))


def write_midi(
    performance: Performance,
    path: AnyPath,
    ticks_per_beat: int = TICKS_PER_BEAT,
    note_of_drum: Mapping[Drum, int] = NOTE_OF_DRUM,
    note_ticks: int = NOTE_TICKS,
) -> None:
    """Write a type 1 file: a tempo track and a drum track on channel 10 that ends with the performance.

    Times are kept to half a tick, at most 1 ms: ``ticks_per_beat`` is multiplied where a tempo is too slow
    for that. set_tempo holds whole microseconds, so the tempo map is rounded to them first and the hits are
    laid on the rounded map: their seconds stay. Of two hits on one note and tick the louder is written; a
    note ends after ``note_ticks``, before it is struck again, or with the performance. What the tempo map
    says beyond the performance's end is left out. Only a file with the notes of ``NOTE_OF_DRUM`` is signed.

    Raises:
        FormatError: tempo or time signature do not fit into MIDI, a drum has no note, or the file cannot be
            written.
    """
    tempo = until_the_end(performance)
    ticks_per_beat *= refinement(tempo, ticks_per_beat, path)
    try:
        tempo = as_midi_holds_it(tempo, ticks_per_beat)
        midi = _midi_file(performance, tempo, ticks_per_beat, note_of_drum, note_ticks)
    except ValueError as error:
        raise FormatError(f"{shown(path)}: does not fit into MIDI ({error})") from error
    with whole_file(path, FormatError) as partial:
        midi.save(partial)


# Reading ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Stroke:
    tick: int
    channel: int
    note: int
    velocity: int


def _map_of(midi: mido.MidiFile) -> Mapping[int, Drum]:
    ours = any(message.type == "text" and message.text == SIGNATURE for _, message in metas(midi))
    return DRUMLANE_MIDI if ours else TD17


def _strokes_of(track: mido.MidiTrack) -> list[_Stroke]:
    return [
        _Stroke(tick, message.channel, message.note, message.velocity)
        for tick, message in absolute(track)
        if message.type == "note_on" and message.velocity > 0  # velocity 0 is a note-off
    ]


def _drum_strokes(
    tracks: list[list[_Stroke]], midi: mido.MidiFile, note_map: Mapping[int, Drum], path: AnyPath
) -> list[_Stroke]:
    strokes = [stroke for track in tracks for stroke in track]
    drums = [stroke for stroke in strokes if stroke.channel == DRUM_CHANNEL]
    if drums or all(stroke.note in note_map for stroke in strokes):
        return drums or strokes
    names = ", ".join(
        repr(track.name or f"track {number}")
        for number, (track, notes) in enumerate(zip(midi.tracks, tracks, strict=True), start=1)
        if notes
    )
    raise FormatError(f"{shown(path)}: no drums on channel 10 (tracks: {names}); put the drums there")


# Writing ------------------------------------------------------------------------------------------


def _midi_file(
    performance: Performance,
    tempo: TempoMap,
    ticks_per_beat: int,
    note_of_drum: Mapping[Drum, int],
    note_ticks: int,
) -> mido.MidiFile:
    end_tick = float(tempo.seconds_to_beats(performance.duration)) * ticks_per_beat
    if end_tick > MAX_DELTA:
        raise ValueError(f"more than {MAX_DELTA} ticks long")
    end = round(end_tick)
    signed = [(0, META, mido.MetaMessage("text", text=SIGNATURE))] if note_of_drum is NOTE_OF_DRUM else []
    timing = [event for event in tempo_events(tempo, ticks_per_beat) if event[0] <= end]
    velocities = _velocity_of_tick(performance, tempo, ticks_per_beat, note_of_drum)
    drum_events = _drum_events(velocities, end, note_ticks)
    midi = mido.MidiFile(type=1, ticks_per_beat=ticks_per_beat)
    midi.tracks.extend([track_of([*signed, *timing], end), track_of(drum_events, end)])
    return midi


def _drum_events(velocities: dict[int, dict[int, int]], end: int, note_ticks: int) -> Iterator[Event]:
    """Yield note-ons and note-offs for note -> tick -> velocity."""
    yield 0, META, mido.MetaMessage("track_name", name="Drums")
    for note, velocity_of_tick in velocities.items():
        for onset, following in pairwise([*sorted(velocity_of_tick), end]):
            # At least one tick, even at the very end: readers drop notes without length.
            off = max(onset + 1, min(onset + note_ticks, following))
            yield onset, ON, _note("note_on", note, velocity_of_tick[onset])
            yield off, OFF, _note("note_off", note, 0)


def _velocity_of_tick(
    performance: Performance, tempo: TempoMap, ticks_per_beat: int, note_of_drum: Mapping[Drum, int]
) -> dict[int, dict[int, int]]:
    """Return note -> tick -> velocity, the louder of two hits at one place."""
    if missing := performance.counts().keys() - note_of_drum.keys():
        raise ValueError(f"no note for {', '.join(sorted(missing))}")
    ticks = tempo.seconds_to_ticks([hit.time for hit in performance], ticks_per_beat).tolist()
    placed: dict[int, dict[int, int]] = {}
    for tick, hit in zip(ticks, performance, strict=True):
        velocities = placed.setdefault(note_of_drum[hit.drum], {})
        velocities[tick] = max(int(hit.velocity), velocities.get(tick, 0))
    return placed


def _note(kind: str, note: int, velocity: int) -> mido.Message:
    return mido.Message(kind, channel=DRUM_CHANNEL, note=note, velocity=velocity)
