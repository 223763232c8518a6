"""notes.mid: a chart as a MIDI file, as Rock Band and Clone Hero read it.

Flow: track <-> **notes_midi** (midi_file) <-> notes.mid

Yellow, blue and green are cymbals unless a tom marker covers them; markers, star power, fills and flams count
for all levels at once. Velocities mean something only with ``[ENABLE_CHART_DYNAMICS]``: 1 is a ghost, 127 an
accent.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import mido

from drumlane.charting.level import Level
from drumlane.errors import FormatError
from drumlane.files import AnyPath, shown, whole_file
from drumlane.formats.clone_hero.pads import Dynamic, Pad, PadNote
from drumlane.formats.clone_hero.track import ChartTrack, Span, fit, performance_of, track_of
from drumlane.formats.midi_file import (
    META,
    OFF,
    ON,
    Event,
    absolute,
    as_midi_holds_it,
    load_midi,
    microseconds,
    tempo_events,
    timing_of,
)
from drumlane.formats.midi_file import track_of as track_of_events
from drumlane.performance import Performance

DRUMS, EVENTS = "PART DRUMS", "EVENTS"
DYNAMICS = "ENABLE_CHART_DYNAMICS"
FIRST_NOTE: Mapping[Level, int] = MappingProxyType(
    {Level.EASY: 60, Level.MEDIUM: 72, Level.HARD: 84, Level.EXPERT: 96}
)
DOUBLE_KICK = 95
TOM_MARKER: Mapping[Pad, int] = MappingProxyType({Pad.YELLOW: 110, Pad.BLUE: 111, Pad.GREEN: 112})
FLAM_MARKER, STAR_POWER, ACTIVATION = 109, 116, (120, 121, 122, 123, 124)
VELOCITY: Mapping[Dynamic, int] = MappingProxyType(
    {Dynamic.GHOST: 1, Dynamic.NORMAL: 100, Dynamic.ACCENT: 127}
)
_PADS = tuple(Pad)


def write_notes_midi(
    performance: Performance, path: AnyPath, charts: Mapping[Level, Performance] | None = None
) -> None:
    """Write a chart of four levels.

    Args:
        performance: what Expert plays.
        path: the file.
        charts: the performance of each level; made from ``performance`` where not given.

    Raises:
        FormatError: a tempo does not fit, or the file cannot be written.
    """
    try:
        track = track_of(performance, lambda bpm: 60e6 / microseconds(bpm), path, charts)
        midi = midi_of(replace(track, tempo=as_midi_holds_it(track.tempo, track.resolution)))
    except ValueError as error:
        raise FormatError(f"{shown(path)}: does not fit into a chart ({error})") from error
    with whole_file(path, FormatError) as partial:
        midi.save(partial)


def read_notes_midi(path: AnyPath, level: Level = Level.EXPERT) -> Performance:
    """Read a level of a chart; a file may be any MIDI file with a track ``PART DRUMS``.

    Raises:
        FormatError: the file is missing, not MIDI or damaged, or has no drums on that level.
    """
    return performance_of(chart_of(load_midi(path), path), level, path)


def midi_of(track: ChartTrack) -> mido.MidiFile:
    """Return the chart as a type 1 file."""
    midi = mido.MidiFile(type=1, ticks_per_beat=track.resolution)
    midi.tracks.append(track_of_events(tempo_events(track.tempo, track.resolution), 0))
    midi.tracks.append(track_of_events(_drum_events(track), track.end))
    midi.tracks.append(track_of_events(_global_events(track), track.end))
    return midi


def _global_events(track: ChartTrack) -> Iterator[Event]:
    yield 0, META, mido.MetaMessage("track_name", name=EVENTS)
    for tick, name in track.sections:
        yield tick, META, _text(f"[section {name}]")
    yield track.end, META, _text("[end]")


def _drum_events(track: ChartTrack) -> Iterator[Event]:
    yield 0, META, mido.MetaMessage("track_name", name=DRUMS)
    yield 0, META, _text(f"[{DYNAMICS}]")
    for number in range(4):
        yield 0, META, _text(f"[mix {number} drums0]")
    for level, notes in track.notes.items():
        for note in notes:
            number = DOUBLE_KICK if note.double_kick else FIRST_NOTE[level] + note.pad
            yield from _note(number, (note.tick, note.tick + 1), VELOCITY[note.dynamic])
    for number, tick in sorted(_marks(track)):
        yield from _note(number, (tick, tick + 1))
    for span in track.star_power:
        yield from _note(STAR_POWER, span)
    for span in track.activations:
        for number in ACTIVATION:
            yield from _note(number, span)


def _marks(track: ChartTrack) -> set[tuple[int, int]]:
    """Return the markers of toms and flams, which count for all levels: (number, tick)."""
    marks = set()
    for notes in track.notes.values():
        for note in notes:
            if note.pad in TOM_MARKER and not note.cymbal:
                marks.add((TOM_MARKER[note.pad], note.tick))
            if note.flam:
                marks.add((FLAM_MARKER, note.tick))
    return marks


def _note(number: int, span: Span, velocity: int = 100) -> Iterator[Event]:
    # Numbers are of the tables above: unchecked, an hour's chart takes a third less time.
    yield span[0], ON, mido.Message("note_on", skip_checks=True, note=number, velocity=velocity)
    yield span[1], OFF, mido.Message("note_off", skip_checks=True, note=number, velocity=0)


def _text(text: str) -> mido.MetaMessage:
    """MIDI texts are latin-1; what is not is shown as a question mark."""
    return mido.MetaMessage("text", text=text.encode("latin-1", "replace").decode("latin-1"))


# Reading ------------------------------------------------------------------------------------------


def has_chart(midi: mido.MidiFile) -> bool:
    """Whether a MIDI file is a chart with drums."""
    return any(track.name.strip().upper().startswith(DRUMS) for track in midi.tracks)


def chart_of(midi: mido.MidiFile, path: AnyPath) -> ChartTrack:
    """Return the chart of a MIDI file.

    Raises:
        FormatError: it has no track of drums, or its timing cannot be used.
    """
    tempo, ticks_per_beat = timing_of(midi, path)
    drums = next((track for track in midi.tracks if track.name.strip().upper().startswith(DRUMS)), None)
    if drums is None:
        names = ", ".join(repr(track.name) for track in midi.tracks if track.name) or "none has a name"
        raise FormatError(f"{shown(path)}: no track {DRUMS} (tracks: {names}); it is no drum chart")
    spans, texts = _spans(drums), [m.text for _, m in absolute(drums) if m.type == "text"]
    dynamics = any(text.strip(" []").upper() == DYNAMICS for text in texts)
    end = max((sum(message.time for message in track) for track in midi.tracks), default=0)
    levels = {level: notes for level in Level if (notes := _notes_of(level, spans, dynamics))}
    return ChartTrack(
        round(ticks_per_beat),
        tempo,
        MappingProxyType(levels or {Level.EXPERT: ()}),
        end,
        tuple(span for span, _ in spans.get(STAR_POWER, ())),
        tuple(span for span, _ in spans.get(ACTIVATION[0], ())),
        _sections(midi),
    )


def _spans(track: mido.MidiTrack) -> dict[int, list[tuple[Span, int]]]:
    """Return note number -> spans and velocities; a note that never ends lasts a tick."""
    started: dict[int, tuple[int, int]] = {}
    spans: dict[int, list[tuple[Span, int]]] = defaultdict(list)
    for tick, message in absolute(track):
        if message.type not in ("note_on", "note_off"):
            continue
        if message.note in started:
            first, velocity = started.pop(message.note)
            spans[message.note].append(((first, max(first + 1, tick)), velocity))
        if message.type == "note_on" and message.velocity > 0:
            started[message.note] = (tick, message.velocity)
    for number, (first, velocity) in started.items():
        spans[number].append(((first, first + 1), velocity))
    return spans


def _notes_of(
    level: Level, spans: Mapping[int, list[tuple[Span, int]]], dynamics: bool
) -> tuple[PadNote, ...]:
    base = FIRST_NOTE[level]
    covered = {pad: _Cover(spans.get(number, ())) for pad, number in TOM_MARKER.items()}
    flams = _Cover(spans.get(FLAM_MARKER, ()))
    found = [(span[0], pad, velocity, False) for pad in _PADS for span, velocity in spans.get(base + pad, ())]
    if level is Level.EXPERT:
        found += [(span[0], Pad.KICK, velocity, True) for span, velocity in spans.get(DOUBLE_KICK, ())]
    notes = [
        PadNote(
            tick,
            pad,
            cymbal=pad in covered and not covered[pad].holds(tick),
            dynamic=_dynamic(velocity) if dynamics else Dynamic.NORMAL,
            double_kick=double,
            flam=pad is not Pad.KICK and flams.holds(tick),
        )
        for tick, pad, velocity, double in found
    ]
    return fit(notes)


class _Cover:
    """Where a marker lies."""

    def __init__(self, spans: Sequence[tuple[Span, int]]) -> None:
        self._spans = sorted(span for span, _ in spans)
        self._starts = [first for first, _ in self._spans]

    def holds(self, tick: int) -> bool:
        """Whether a span covers the tick."""
        at = bisect_right(self._starts, tick) - 1
        return at >= 0 and tick < self._spans[at][1]


def _dynamic(velocity: int) -> Dynamic:
    return {1: Dynamic.GHOST, 127: Dynamic.ACCENT}.get(velocity, Dynamic.NORMAL)


def _sections(midi: mido.MidiFile) -> tuple[tuple[int, str], ...]:
    found = []
    for track in midi.tracks:
        for tick, message in absolute(track):
            if message.type not in ("text", "marker", "lyrics"):
                continue
            text = message.text.strip().strip("[]").strip()
            for start in ("section ", "prc_"):
                if text.lower().startswith(start):
                    found.append((tick, text[len(start) :].strip() or "section"))
    return tuple(sorted(found))
