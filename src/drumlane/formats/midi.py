"""MIDI files: the only user of mido.

Flow: Performance <-> **midi** <-> .mid

Drums are on channel 10 (index 9). A file with notes but none there is read from its other channels if every
note has a meaning in the map, and refused otherwise, because a bass line would pass for drums. Ticks become
seconds over all tempo changes of all tracks. Confidences are not kept.

The notes of ``NOTE_OF_DRUM`` are not all what a TD-17 kit or General MIDI means by them: 45 is the low tom
here and a mid tom there. So a file of ours carries the text ``drumlane``; unless the caller names a map, a
file with it is read by ``DRUMLANE_MIDI`` and any other by ``TD17``.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from math import ceil
from operator import itemgetter
from pathlib import Path
from types import MappingProxyType

import mido
from mido.midifiles.meta import KeySignatureError

from drumlane.errors import FormatError
from drumlane.files import AnyPath, shown, whole_file
from drumlane.performance import Hit, Performance
from drumlane.timing import TICKS_PER_BEAT, TempoMap, tempo_map_from_events
from drumlane.vocabulary import DRUMLANE_MIDI, NOTE_OF_DRUM, TD17, Drum

DRUM_CHANNEL = 9  # counted from 0
SIGNATURE = "drumlane"  # text event at the start of the files written here
NOTE_TICKS = 50  # length of a written note, 26 ms at 960 ticks a beat and 120 bpm
MAX_TICK_SECONDS = 0.0015  # slow tempos get more ticks a beat, so that half a tick stays below a millisecond
_MAX_TICKS_PER_BEAT = 32767
_MAX_DELTA = 2**28 - 1  # ticks; the longest time between two events

# What mido raises on files that are not MIDI, cut off or altered (found by fuzzing).
_MIDO_ERRORS = (EOFError, OSError, ValueError, TypeError, LookupError, AttributeError, KeySignatureError)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MidiReading:
    """A MIDI file's performance, and what of it could not be used."""

    performance: Performance
    unknown_notes: Mapping[int, int]  # note number -> strokes that the map has no drum for
    notes: Mapping[int, int]  # note number -> strokes, known and unknown


def read_midi(path: AnyPath, note_map: Mapping[int, Drum] | None = None) -> Performance:
    """Read the drums of a MIDI file; notes without a drum in the map are counted in one logged warning.

    Args:
        path: the file.
        note_map: what the notes mean; None for ``DRUMLANE_MIDI`` if drumlane wrote the file, else ``TD17``.

    Raises:
        FormatError: as ``read_midi_report``.
    """
    reading = read_midi_report(path, note_map)
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
    midi = _load(path)
    note_map = _map_of(midi) if note_map is None else note_map
    tempo, ticks_per_beat = _timing_of(midi, path)
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
    tempo = _until_the_end(performance)
    ticks_per_beat *= _refinement(tempo, ticks_per_beat, path)
    try:
        tempo = _as_midi_holds_it(tempo, ticks_per_beat)
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


def _load(path: AnyPath) -> mido.MidiFile:
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise FormatError(f"{shown(path)}: no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = getattr(error, "strerror", None) or error
        raise FormatError(f"{shown(path)}: cannot be read ({reason})") from error
    if not content.startswith(b"MThd"):
        what = "is empty (0 bytes)" if not content else "is not a MIDI file (it does not start with MThd)"
        raise FormatError(f"{shown(path)}: {what}")
    try:
        midi = mido.MidiFile(file=BytesIO(content))
    except _MIDO_ERRORS as error:
        reason = "it ends too early" if isinstance(error, EOFError) else error
        raise _damaged(path, reason) from error
    if any(message.time > _MAX_DELTA for track in midi.tracks for message in track):
        raise _damaged(path, f"more than {_MAX_DELTA} ticks between two events")
    return midi


def _damaged(path: AnyPath, reason: object) -> FormatError:
    return FormatError(f"{shown(path)}: damaged MIDI file ({reason}); export it again")


def _timing_of(midi: mido.MidiFile, path: AnyPath) -> tuple[TempoMap, float]:
    """Return the tempo map and the ticks a beat."""
    if midi.type == 2 and len(midi.tracks) > 1:
        raise FormatError(f"{shown(path)}: type 2 (independent sequences); save it as type 0 or 1")
    if midi.ticks_per_beat < 0:  # SMPTE: ticks are fractions of a second, whatever the tempo events say
        return TempoMap(), _smpte_ticks_per_second(midi.ticks_per_beat, path) / 2  # of 120 bpm
    if midi.ticks_per_beat == 0:
        raise _damaged(path, "0 ticks a beat")
    return _tempo_map_of(midi, path), float(midi.ticks_per_beat)


def _smpte_ticks_per_second(division: int, path: AnyPath) -> float:
    frames, ticks_per_frame = -(division >> 8), division & 0xFF
    if frames not in (24, 25, 29, 30) or ticks_per_frame == 0:
        raise _damaged(path, f"time division {division}")
    return (30000 / 1001 if frames == 29 else float(frames)) * ticks_per_frame


def _tempo_map_of(midi: mido.MidiFile, path: AnyPath) -> TempoMap:
    tempos: list[tuple[float, float]] = []
    signatures: list[tuple[float, int, int]] = []
    for tick, message in sorted(_metas(midi), key=itemgetter(0)):
        beat = tick / midi.ticks_per_beat
        if message.type == "time_signature" and message.numerator > 0:
            signatures.append((beat, message.numerator, message.denominator))
        elif message.type == "set_tempo":
            if message.tempo == 0:
                raise _damaged(path, f"0 µs a beat at tick {tick}")
            tempos.append((beat, 60e6 / message.tempo))
    return tempo_map_from_events(tempos, signatures)


def _map_of(midi: mido.MidiFile) -> Mapping[int, Drum]:
    ours = any(message.type == "text" and message.text == SIGNATURE for _, message in _metas(midi))
    return DRUMLANE_MIDI if ours else TD17


def _metas(midi: mido.MidiFile) -> Iterator[tuple[int, mido.MetaMessage]]:
    for track in midi.tracks:
        for tick, message in _absolute(track):
            if message.is_meta:
                yield tick, message


def _absolute(track: mido.MidiTrack) -> Iterator[tuple[int, mido.Message | mido.MetaMessage]]:
    tick = 0
    for message in track:
        tick += message.time
        yield tick, message


def _strokes_of(track: mido.MidiTrack) -> list[_Stroke]:
    return [
        _Stroke(tick, message.channel, message.note, message.velocity)
        for tick, message in _absolute(track)
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

# (tick, rank, message): what ends comes before what begins at the same tick.
_Event = tuple[int, int, mido.Message | mido.MetaMessage]
_META, _OFF, _ON, _END = range(4)


def _until_the_end(performance: Performance) -> TempoMap:
    """Return the tempo map without what comes when the performance is over."""
    tempo = performance.tempo
    end = float(tempo.seconds_to_beats(performance.duration))
    return TempoMap(
        tuple(change for change in tempo.changes if change.beat == 0 or change.beat < end),
        tuple(bar for bar in tempo.signatures if bar.beat == 0 or bar.beat < end),
    )


def _refinement(tempo: TempoMap, ticks_per_beat: int, path: AnyPath) -> int:
    """Return the factor that makes ticks short enough at the slowest tempo."""
    slowest = min(change.bpm for change in tempo.changes)
    factor = max(1, ceil(60.0 / slowest / ticks_per_beat / MAX_TICK_SECONDS))
    if ticks_per_beat * factor > _MAX_TICKS_PER_BEAT:
        raise FormatError(f"{shown(path)}: {slowest:g} bpm does not fit into MIDI (3.6 is the slowest)")
    return factor


def _as_midi_holds_it(tempo: TempoMap, ticks_per_beat: int) -> TempoMap:
    """Return the map with beats on ticks and beats of whole microseconds."""

    def on_tick(beat: float) -> float:
        return round(beat * ticks_per_beat) / ticks_per_beat

    tempos = [(on_tick(change.beat), 60e6 / _microseconds(change.bpm)) for change in tempo.changes]
    signatures = [(on_tick(s.beat), s.numerator, s.denominator) for s in tempo.signatures]
    return tempo_map_from_events(tempos, signatures)


def _microseconds(bpm: float) -> int:
    """Return the length of a beat; set_tempo holds 1 to 2**24 - 1 µs."""
    length = round(60e6 / bpm)
    if not 1 <= length < 2**24:
        raise ValueError(f"{bpm:g} bpm is outside 3.6 to 60000000")
    return length


def _midi_file(
    performance: Performance,
    tempo: TempoMap,
    ticks_per_beat: int,
    note_of_drum: Mapping[Drum, int],
    note_ticks: int,
) -> mido.MidiFile:
    end_tick = float(tempo.seconds_to_beats(performance.duration)) * ticks_per_beat
    if end_tick > _MAX_DELTA:
        raise ValueError(f"more than {_MAX_DELTA} ticks long")
    end = round(end_tick)
    signed = [(0, _META, mido.MetaMessage("text", text=SIGNATURE))] if note_of_drum is NOTE_OF_DRUM else []
    tempo_events = [event for event in _tempo_events(tempo, ticks_per_beat) if event[0] <= end]
    velocities = _velocity_of_tick(performance, tempo, ticks_per_beat, note_of_drum)
    drum_events = _drum_events(velocities, end, note_ticks)
    midi = mido.MidiFile(type=1, ticks_per_beat=ticks_per_beat)
    midi.tracks.extend([_track([*signed, *tempo_events], end), _track(drum_events, end)])
    return midi


def _tempo_events(tempo: TempoMap, ticks_per_beat: int) -> Iterator[_Event]:
    for change in tempo.changes:
        message = mido.MetaMessage("set_tempo", tempo=_microseconds(change.bpm))
        yield round(change.beat * ticks_per_beat), _META, message
    for bar in tempo.signatures:
        message = mido.MetaMessage("time_signature", numerator=bar.numerator, denominator=bar.denominator)
        yield round(bar.beat * ticks_per_beat), _META, message


def _drum_events(velocities: dict[int, dict[int, int]], end: int, note_ticks: int) -> Iterator[_Event]:
    """Yield note-ons and note-offs for note -> tick -> velocity."""
    yield 0, _META, mido.MetaMessage("track_name", name="Drums")
    for note, velocity_of_tick in velocities.items():
        for onset, following in pairwise([*sorted(velocity_of_tick), end]):
            # At least one tick, even at the very end: readers drop notes without length.
            off = max(onset + 1, min(onset + note_ticks, following))
            yield onset, _ON, _note("note_on", note, velocity_of_tick[onset])
            yield off, _OFF, _note("note_off", note, 0)


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


def _track(events: Iterable[_Event], end: int) -> mido.MidiTrack:
    """Return the messages in order, each timed from the one before, up to ``end`` or later."""
    ordered = sorted(events, key=itemgetter(0, 1))
    last = max(end, ordered[-1][0])
    track, now = mido.MidiTrack(), 0
    for tick, _, message in [*ordered, (last, _END, mido.MetaMessage("end_of_track"))]:
        track.append(message.copy(time=tick - now))
        now = tick
    return track
