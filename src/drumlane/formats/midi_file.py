"""MIDI files as such: loaded with their faults named, their tempo maps, and tracks written in order.

Flow: **midi_file** <- midi, clone_hero; the door to mido
"""

from collections.abc import Iterable, Iterator
from io import BytesIO
from math import ceil
from operator import itemgetter

import mido
from mido.midifiles.meta import KeySignatureError

from drumlane.errors import FormatError
from drumlane.files import AnyPath, shown
from drumlane.formats.text_file import read_bytes
from drumlane.performance import Performance
from drumlane.timing import TempoMap, tempo_map_from_events

DRUM_CHANNEL = 9  # counted from 0
MAX_TICK_SECONDS = 0.0015  # slow tempos get more ticks a beat, so that half a tick stays below a millisecond
MAX_TICKS_PER_BEAT = 32767
MAX_DELTA = 2**28 - 1  # ticks; the longest time between two events

# What mido raises on files that are not MIDI, cut off or altered (found by fuzzing).
_MIDO_ERRORS = (EOFError, OSError, ValueError, TypeError, LookupError, AttributeError, KeySignatureError)

# (tick, rank, message): what ends comes before what begins at the same tick.
Event = tuple[int, int, mido.Message | mido.MetaMessage]
META, OFF, ON, END = range(4)


def load_midi(path: AnyPath) -> mido.MidiFile:
    """Return what the file holds.

    Raises:
        FormatError: it is missing, not MIDI, or damaged.
    """
    content = read_bytes(path)
    if not content.startswith(b"MThd"):
        raise FormatError(f"{shown(path)}: is not a MIDI file (it does not start with MThd)")
    try:
        midi = mido.MidiFile(file=BytesIO(content))
    except _MIDO_ERRORS as error:
        reason = "it ends too early" if isinstance(error, EOFError) else error
        raise damaged(path, reason) from error
    if any(message.time > MAX_DELTA for track in midi.tracks for message in track):
        raise damaged(path, f"more than {MAX_DELTA} ticks between two events")
    return midi


def damaged(path: AnyPath, reason: object) -> FormatError:
    """Return the error of a file that is MIDI and does not hold together."""
    return FormatError(f"{shown(path)}: damaged MIDI file ({reason}); export it again")


def timing_of(midi: mido.MidiFile, path: AnyPath) -> tuple[TempoMap, float]:
    """Return the tempo map and the ticks a beat."""
    if midi.type == 2 and len(midi.tracks) > 1:
        raise FormatError(f"{shown(path)}: type 2 (independent sequences); save it as type 0 or 1")
    if midi.ticks_per_beat < 0:  # SMPTE: ticks are fractions of a second, whatever the tempo events say
        return TempoMap(), _smpte_ticks_per_second(midi.ticks_per_beat, path) / 2  # of 120 bpm
    if midi.ticks_per_beat == 0:
        raise damaged(path, "0 ticks a beat")
    return tempo_map_of(midi, path), float(midi.ticks_per_beat)


def _smpte_ticks_per_second(division: int, path: AnyPath) -> float:
    frames, ticks_per_frame = -(division >> 8), division & 0xFF
    if frames not in (24, 25, 29, 30) or ticks_per_frame == 0:
        raise damaged(path, f"time division {division}")
    return (30000 / 1001 if frames == 29 else float(frames)) * ticks_per_frame


def tempo_map_of(midi: mido.MidiFile, path: AnyPath) -> TempoMap:
    """Return the tempo and time signature events of all tracks as a map."""
    tempos: list[tuple[float, float]] = []
    signatures: list[tuple[float, int, int]] = []
    for tick, message in sorted(metas(midi), key=itemgetter(0)):
        beat = tick / midi.ticks_per_beat
        if message.type == "time_signature" and message.numerator > 0:
            signatures.append((beat, message.numerator, message.denominator))
        elif message.type == "set_tempo":
            if message.tempo == 0:
                raise damaged(path, f"0 µs a beat at tick {tick}")
            tempos.append((beat, 60e6 / message.tempo))
    return tempo_map_from_events(tempos, signatures)


def metas(midi: mido.MidiFile) -> Iterator[tuple[int, mido.MetaMessage]]:
    """Yield (tick, event) of every meta event of every track."""
    for track in midi.tracks:
        for tick, message in absolute(track):
            if message.is_meta:
                yield tick, message


def absolute(track: mido.MidiTrack) -> Iterator[tuple[int, mido.Message | mido.MetaMessage]]:
    """Yield (tick, message), ticks counted from the start of the track."""
    tick = 0
    for message in track:
        tick += message.time
        yield tick, message


def until_the_end(performance: Performance) -> TempoMap:
    """Return the tempo map without what comes when the performance is over."""
    tempo = performance.tempo
    end = float(tempo.seconds_to_beats(performance.duration))
    return TempoMap(
        tuple(change for change in tempo.changes if change.beat == 0 or change.beat < end),
        tuple(bar for bar in tempo.signatures if bar.beat == 0 or bar.beat < end),
    )


def refinement(tempo: TempoMap, ticks_per_beat: int, path: AnyPath) -> int:
    """Return the factor that makes ticks short enough at the slowest tempo."""
    slowest = min(change.bpm for change in tempo.changes)
    factor = max(1, ceil(60.0 / slowest / ticks_per_beat / MAX_TICK_SECONDS))
    if ticks_per_beat * factor > MAX_TICKS_PER_BEAT:
        raise FormatError(f"{shown(path)}: {slowest:g} bpm does not fit into MIDI (3.6 is the slowest)")
    return factor


def as_midi_holds_it(tempo: TempoMap, ticks_per_beat: int) -> TempoMap:
    """Return the map with beats on ticks and beats of whole microseconds."""
    return tempo.as_held(ticks_per_beat, lambda bpm: 60e6 / microseconds(bpm))


def microseconds(bpm: float) -> int:
    """Return the length of a beat; set_tempo holds 1 to 2**24 - 1 µs."""
    length = round(60e6 / bpm)
    if not 1 <= length < 2**24:
        raise ValueError(f"{bpm:g} bpm is outside 3.6 to 60000000")
    return length


def tempo_events(tempo: TempoMap, ticks_per_beat: int) -> Iterator[Event]:
    """Yield the events of a tempo map that ``as_midi_holds_it``."""
    for change in tempo.changes:
        message = mido.MetaMessage("set_tempo", tempo=microseconds(change.bpm))
        yield round(change.beat * ticks_per_beat), META, message
    for bar in tempo.signatures:
        message = mido.MetaMessage("time_signature", numerator=bar.numerator, denominator=bar.denominator)
        yield round(bar.beat * ticks_per_beat), META, message


def track_of(events: Iterable[Event], end: int) -> mido.MidiTrack:
    """Return the messages in order, each given its time from the one before, up to ``end`` or later."""
    ordered = sorted(events, key=itemgetter(0, 1))
    last = max(end, ordered[-1][0])
    track, now = mido.MidiTrack(), 0
    for tick, _, message in [*ordered, (last, END, mido.MetaMessage("end_of_track"))]:
        message.time = tick - now  # a copy would check every field again, which is half of the time
        track.append(message)
        now = tick
    return track
