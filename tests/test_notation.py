"""Notation: bars add up, beats read as drummers write them, and strokes land where they were meant."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import notation_material
import strategies
from drumlane.formats import read
from drumlane.formats.notation.beams import Beam
from drumlane.formats.notation.dynamics import Dynamic
from drumlane.formats.notation.layout import bars_of
from drumlane.formats.notation.measures import QUARTER, bar_length, beats_of
from drumlane.formats.notation.model import Bar, Event, Mark
from drumlane.formats.notation.rhythm import Slot, rhythm_of
from drumlane.formats.notation.strokes import place
from drumlane.formats.notation.swing import Swing
from drumlane.formats.notation.unrolling import Signs, played_order
from drumlane.performance import Hit, Performance
from drumlane.timing import TempoChange, TempoMap, TimeSignature
from drumlane.vocabulary import Drum

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "groove.mid"
BEAT = 0.5  # seconds at 120 bpm
WIDEST_MOVE = 0.1  # seconds; see test_no_stroke_moves_far


def played(*strokes: tuple[float, Drum], velocity: int = 90, meter: tuple[int, int] = (4, 4)) -> Performance:
    """Return strokes at quarters of 120 bpm."""
    tempo = replace(TempoMap(), signatures=(TimeSignature(0.0, *meter),))
    return Performance(tuple(Hit(at * BEAT, drum, velocity) for at, drum in strokes), tempo)


def written(events: tuple[Event, ...]) -> list[str]:
    """Return values like 8, 16. and r4 (a rest); t in tuplets."""
    return [spelled(event.slot) for event in events]


def spelled(slot: Slot) -> str:
    rest, dots, tuplet = "" if slot.is_note else "r", "." * slot.value.dots, "t" if slot.tuplet else ""
    return f"{rest}{slot.value.kind}{dots}{tuplet}"


def beat(*onsets: int, length: int = QUARTER) -> list[str]:
    return [spelled(slot) for slot in rhythm_of(onsets, length)]


# Rhythm -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("onsets", "values"),
    [
        ((0,), ["4"]),
        ((0, 24), ["8", "8"]),
        ((0, 12, 24, 36), ["16", "16", "16", "16"]),
        ((0, 36), ["8.", "16"]),
        ((0, 12), ["16", "8."]),
        ((0, 12, 36), ["16", "8", "16"]),
        ((24,), ["r8", "8"]),
        ((36,), ["r8", "r16", "16"]),
        ((12,), ["r16", "8."]),
        ((0, 6, 12, 24), ["32", "32", "16", "8"]),
        ((0, 18), ["16.", "32", "r8"]),  # no eighth hides across the middle of the beat
        ((0, 16, 32), ["8t", "8t", "8t"]),
        ((0, 32), ["4t", "8t"]),
        ((16, 32), ["r8t", "8t", "8t"]),
        ((0, 8, 16, 24, 32, 40), ["16t"] * 6),
        ((0, 24, 32, 40), ["8", "16t", "16t", "16t"]),
        ((0, 8, 16, 24), ["16t", "16t", "16t", "8"]),
    ],
)
def test_a_quarter_reads_as_a_drummer_writes_it(onsets: tuple[int, ...], values: list[str]) -> None:
    assert beat(*onsets) == values


@pytest.mark.parametrize(
    ("onsets", "values"),
    [
        ((0,), ["4."]),
        ((0, 24, 48), ["8", "8", "8"]),
        ((0, 48), ["4", "8"]),
        ((), ["r4."]),
        ((0, 36), ["8.", "8."]),
    ],
)
def test_a_dotted_quarter_reads_as_a_drummer_writes_it(onsets: tuple[int, ...], values: list[str]) -> None:
    assert beat(*onsets, length=72) == values


@given(
    onsets=st.sets(st.integers(0, 7).map(lambda n: 6 * n)) | st.sets(st.integers(0, 5).map(lambda n: 8 * n)),
)
def test_a_beat_is_full_whatever_is_struck(onsets: set[int]) -> None:
    slots = rhythm_of(tuple(sorted(onsets)), QUARTER)
    assert [slot.start for slot in slots if slot.is_note] == sorted(onsets)
    assert slots[0].start == 0
    assert slots[-1].start + slots[-1].length == QUARTER
    assert all(a.start + a.length == b.start for a, b in pairwise(slots))
    assert all(slot.length == _units(slot) for slot in slots)


def _units(slot: Slot) -> float:
    """Return what the written value says."""
    units = 4 * QUARTER / slot.value.kind * (2 - 0.5**slot.value.dots)
    return units * slot.tuplet.normal / slot.tuplet.actual if slot.tuplet else units


# Bars ---------------------------------------------------------------------------------------------


@given(performance=strategies.performances(longest=20.0) | notation_material.music())
@settings(max_examples=80)
def test_every_voice_fills_its_bar_with_whole_tuplets_and_closed_beams(performance: Performance) -> None:
    score = bars_of(performance)
    ends = [bar.measure.end for bar in score.bars]
    assert [bar.measure.start for bar in score.bars] == [0, *ends[:-1]]
    for bar in score.bars:
        for voice in (bar.hands, bar.feet):
            _check_voice(voice, bar)


def _check_voice(voice: tuple[Event, ...], bar: Bar) -> None:
    at = 0
    for event in voice:
        assert event.start == at
        assert event.length == _units(event.slot)
        assert bool(event.notes) == event.slot.is_note
        at += event.length
    assert at == (bar.measure.length if voice else 0)
    _check_tuplets([event.slot for event in voice])
    _check_beams([event.slot for event in voice])


def _check_tuplets(slots: list[Slot]) -> None:
    inside = 0.0
    for slot in slots:
        if slot.tuplet is None:
            assert not inside
            continue
        assert bool(inside) != slot.tuplet_starts
        inside += slot.length
        whole = slot.tuplet.normal * 4 * QUARTER / slot.tuplet.value.kind
        assert (inside == whole) == slot.tuplet_stops
        inside = 0.0 if slot.tuplet_stops else inside


def _check_beams(slots: list[Slot]) -> None:
    open_lines: set[int] = set()
    for slot in slots:
        assert len(slot.beams) in (0, slot.value.flags)
        for line, beam in enumerate(slot.beams):
            assert (line in open_lines) == (beam in (Beam.CONTINUE, Beam.END))
            if beam is Beam.BEGIN:
                open_lines.add(line)
            elif beam is Beam.END:
                open_lines.discard(line)
    assert not open_lines


def test_a_bar_of_one_stroke_has_the_rests_a_reader_expects() -> None:
    (bar,) = bars_of(played((0.0, Drum.KICK))).bars
    assert bar.hands == ()
    assert written(bar.feet) == ["4", "r4", "r2"]


def test_rests_never_hide_the_middle_of_a_bar() -> None:
    (bar,) = bars_of(played((3.0, Drum.SNARE), (0.0, Drum.SNARE))).bars
    assert written(bar.hands) == ["4", "r4", "r4", "4"]


def test_three_four_keeps_its_beats() -> None:
    (bar,) = bars_of(played((0.0, Drum.SNARE), meter=(3, 4))).bars
    assert written(bar.hands) == ["4", "r4", "r4"]


def test_empty_bars_before_the_music_are_rests_and_the_music_ends_with_its_last_bar() -> None:
    performance = replace(played((9.0, Drum.KICK)), duration=60.0)
    bars = bars_of(performance).bars
    assert [(bar.hands, bool(bar.feet)) for bar in bars] == [((), False), ((), False), ((), True)]


def test_a_performance_without_hits_is_one_bar() -> None:
    assert len(bars_of(Performance()).bars) == 1


def test_a_short_first_bar_is_a_pickup() -> None:
    signatures = (TimeSignature(0.0, 1, 4), TimeSignature(1.0, 4, 4))
    tempo = replace(TempoMap(), signatures=signatures)
    score = bars_of(Performance((Hit(0.25, Drum.SNARE, 90), Hit(0.5, Drum.KICK, 90)), tempo))
    assert [bar.is_pickup for bar in score.bars] == [True, False]
    assert [bar.measure.length for bar in score.bars] == [48, 192]


@pytest.mark.parametrize(
    ("meter", "beats"),
    [((6, 8), (72, 72)), ((5, 8), (48, 72)), ((7, 8), (48, 48, 72)), ((3, 8), (72,)), ((5, 4), (48,) * 5)],
)
def test_beats_are_grouped_as_drummers_count(meter: tuple[int, int], beats: tuple[int, ...]) -> None:
    assert beats_of(bar_length(*meter), *meter) == beats


def test_a_time_signature_that_no_page_has_is_refused() -> None:
    with pytest.raises(ValueError, match="3/64: 1/32 is the finest"):
        bars_of(played((0.0, Drum.KICK), meter=(3, 64)))


def test_only_changes_that_a_reader_needs_are_printed() -> None:
    changes = (TempoChange(0.0, 100.0), TempoChange(4.0, 101.0), TempoChange(8.0, 130.0))
    hits = tuple(Hit(beat * 0.6, Drum.KICK, 90) for beat in range(12))
    bars = bars_of(Performance(hits, TempoMap(changes))).bars
    assert [mark.printed for bar in bars for mark in bar.tempos] == [True, False, True]


# Grid ---------------------------------------------------------------------------------------------


@given(performance=notation_material.music())
@settings(max_examples=60)
def test_what_is_played_on_a_grid_is_written_there(performance: Performance) -> None:
    placement = place(performance)
    if placement.swing:
        return  # a few bars of triplets are as well read as swing
    bpm = performance.tempo.changes[0].bpm
    meant = Counter((round(_meant(hit.time * bpm / 60 * 48)), hit.drum) for hit in performance)
    found = Counter((stroke.unit, stroke.drum) for stroke in placement.strokes)
    off = meant - found
    # A beat whose strokes all fall together, or are as near to another row, may be read the other way.
    assert sum(off.values()) <= max(4, 0.1 * len(performance)), off


def _meant(unit: float) -> float:
    """Return the sixteenth or triplet that a stroke within 8 ms of it means."""
    return min((step * round(unit / step) for step in (12, 16)), key=lambda place: abs(place - unit))


@pytest.mark.parametrize(("off", "share"), [(0.0, 1.0), (0.005, 0.998), (0.010, 0.995), (0.015, 0.99)])
def test_the_strokes_of_a_drummer_are_written_as_they_are_meant(off: float, share: float) -> None:
    n_right = n_all = 0
    for seed in range(40):
        performance, meant = notation_material.drummer(seed, off)
        found = Counter((stroke.unit, stroke.drum) for stroke in place(performance).strokes)
        n_right += (Counter(meant) & found).total()
        n_all += len(meant)
    assert n_right >= share * n_all


@given(hits=st.lists(strategies.hits(30.0), max_size=40), bpm=st.floats(40.0, 300.0))
def test_no_stroke_moves_far(hits: list[Hit], bpm: float) -> None:
    placement = place(Performance.of(hits, tempo=TempoMap.constant(bpm)))
    times = placement.tempo.beats_to_seconds([stroke.unit / QUARTER for stroke in placement.strokes])
    allowed = WIDEST_MOVE + 60 / bpm / 8  # a swung triplet moves by a thirty-second, and half of one more
    for stroke, time in zip(placement.strokes, times, strict=True):
        nearest = min(abs(hit.time - time) for hit in hits if hit.drum is stroke.drum)
        assert nearest <= allowed


def test_swung_eighths_are_written_even_and_said_above() -> None:
    strokes = [(bar + at, Drum.RIDE) for bar in range(32) for at in (0.0, 0.66)]
    score = bars_of(played(*strokes))
    assert score.swing == Swing(24, 2, 1)
    assert set(written(score.bars[0].hands)) == {"8"}


def test_triplets_alone_are_no_swing() -> None:
    strokes = [(bar + at, Drum.RIDE) for bar in range(32) for at in (0.0, 1 / 3, 2 / 3)]
    score = bars_of(played(*strokes))
    assert score.swing is None
    assert set(written(score.bars[0].hands)) == {"8t"}


def test_even_eighths_of_an_uneven_drummer_are_no_swing() -> None:
    rng = np.random.default_rng(1)
    strokes = [(n / 2 + abs(rng.normal(0, 0.02)), Drum.HIHAT_CLOSED) for n in range(64)]
    assert bars_of(played(*strokes)).swing is None


@given(st.sampled_from([24, 12]), st.integers(1, 9), st.integers(1, 9), st.floats(0.0, 480.0))
def test_swing_is_undone_by_its_inverse(note: int, first: int, second: int, position: float) -> None:
    swing = Swing(note, first, second)
    assert swing.written(swing.played(np.array(position))) == pytest.approx(position, abs=1e-9)


# Strokes ------------------------------------------------------------------------------------------


def strokes_of(*hits: tuple[float, Drum, int]):
    return place(Performance(tuple(Hit(*hit) for hit in hits))).strokes


def test_a_soft_stroke_right_before_a_loud_one_is_a_flam() -> None:
    (stroke,) = strokes_of((0.47, Drum.SNARE, 40), (0.5, Drum.SNARE, 100))
    assert (stroke.unit, stroke.velocity, stroke.graces) == (48, 100, (40,))


def test_two_soft_strokes_right_before_a_loud_one_are_a_drag() -> None:
    (stroke,) = strokes_of((0.41, Drum.SNARE, 40), (0.455, Drum.SNARE, 42), (0.5, Drum.SNARE, 100))
    assert (stroke.unit, stroke.graces) == (48, (40, 42))


def test_strokes_of_a_steady_row_are_no_flams() -> None:
    strokes = strokes_of(*((n * 0.0625, Drum.SNARE, 80 + n % 2 * 20) for n in range(8)))
    assert [stroke.unit for stroke in strokes] == [6 * n for n in range(8)]
    assert not any(stroke.graces for stroke in strokes)


def test_a_roll_denser_than_thirty_seconds_has_strokes_through_its_stem() -> None:
    hits = tuple(Hit(n * 0.5 / 16, Drum.SNARE, 70) for n in range(16))
    (bar,) = bars_of(Performance(hits)).bars
    assert written(bar.hands) == ["4", "r4", "r2"]
    assert [note.roll for note in bar.hands[0].notes] == [True]


def test_a_roll_ends_where_it_was_played_to() -> None:
    hits = tuple(Hit(n * 0.5 / 16, Drum.SNARE, 70) for n in range(8))
    (bar,) = bars_of(Performance(hits)).bars
    assert written(bar.hands)[:3] == ["8", "r8", "r4"]


def test_ghosts_and_accents_are_told_by_the_lane_they_are_in() -> None:
    backbeats = [(n + 0.5, Drum.SNARE, 100) for n in range(8)]
    ghosts = [(n + 0.75, Drum.SNARE, 30) for n in range(8)]
    accent = [(8.0, Drum.SNARE, 127)]
    dynamics = {s.velocity: s.dynamic for s in strokes_of(*backbeats, *ghosts, *accent)}
    assert dynamics == {100: Dynamic.ACCENT, 30: Dynamic.GHOST, 127: Dynamic.ACCENT} or dynamics == {
        100: Dynamic.NORMAL,
        30: Dynamic.GHOST,
        127: Dynamic.ACCENT,
    }


def test_soft_hats_and_kicks_are_not_put_in_parentheses() -> None:
    strokes = strokes_of((0.0, Drum.HIHAT_CLOSED, 20), (0.5, Drum.KICK, 20), (1.0, Drum.HIHAT_CLOSED, 100))
    assert {stroke.dynamic for stroke in strokes} == {Dynamic.NORMAL}


def test_hats_are_marked_where_they_open_and_where_they_close_again() -> None:
    order = (Drum.HIHAT_CLOSED, Drum.HIHAT_OPEN, Drum.HIHAT_CLOSED, Drum.HIHAT_CLOSED)
    (bar,) = bars_of(played(*((n / 2, drum) for n, drum in enumerate(order)))).bars
    marks = [event.notes[0].mark for event in bar.hands if event.notes]
    assert marks == [None, Mark.OPEN, Mark.CLOSED, None]


def test_a_foot_that_closes_the_hat_needs_no_mark_above_the_next_stroke() -> None:
    order = (Drum.HIHAT_OPEN, Drum.HIHAT_PEDAL, Drum.HIHAT_CLOSED)
    (bar,) = bars_of(played(*((n / 2, drum) for n, drum in enumerate(order)))).bars
    assert [event.notes[0].mark for event in bar.hands if event.notes] == [Mark.OPEN, None]
    assert [event.notes[0].drum for event in bar.feet if event.notes] == [Drum.HIHAT_PEDAL]


# Repeats ------------------------------------------------------------------------------------------

END, BEGIN = Signs(times=2), Signs(begins=True)


@pytest.mark.parametrize(
    ("bars", "order"),
    [
        ([Signs(), Signs()], [0, 1]),
        ([Signs(), END, Signs()], [0, 1, 0, 1, 2]),
        ([Signs(), BEGIN, END, Signs()], [0, 1, 2, 1, 2, 3]),
        ([BEGIN, Signs(times=4)], [0, 1] * 4),
        ([Signs(), END, Signs(), END], [0, 1, 0, 1, 2, 3, 2, 3]),
        (
            [BEGIN, Signs(endings=frozenset({1}), times=2), Signs(endings=frozenset({2})), Signs()],
            [0, 1, 0, 2, 3],
        ),
        (
            [BEGIN, Signs(endings=frozenset({1, 2}), times=2), Signs(endings=frozenset({3})), BEGIN, END],
            [0, 1, 0, 1, 0, 2, 3, 4, 3, 4],
        ),
    ],
)
def test_repeats_are_played_as_they_are_written(bars: list[Signs], order: list[int]) -> None:
    assert played_order(bars) == order


def test_repeats_without_end_are_refused() -> None:
    with pytest.raises(ValueError, match="repeats make more than 50000 bars"):
        played_order([Signs(times=1_000_000)])


# Real playing -------------------------------------------------------------------------------------


def test_the_bundled_example_reads_as_it_was_written() -> None:
    score = bars_of(read(EXAMPLE))
    assert len(score.bars) == 9
    assert score.swing is None
    assert written(score.bars[0].hands) == ["8", "8", "8", "16", "16", "16", "16", "8", "8", "16", "16"]
    assert written(score.bars[0].feet) == ["4", "r8", "8", "8", "8", "r4"]
    assert not any(event.slot.tuplet for bar in score.bars for event in (*bar.hands, *bar.feet))


def test_the_tempo_of_a_lead_in_is_not_printed_but_that_of_the_music_is() -> None:
    tempo = TempoMap((TempoChange(0.0, 117.0), TempoChange(4.0, 120.0), TempoChange(8.0, 90.0)))
    start = float(tempo.beats_to_seconds(4.0))
    score = bars_of(Performance((Hit(start, Drum.KICK, 90), Hit(start + 3, Drum.KICK, 90)), tempo, start + 4))
    marks = [mark for bar in score.bars for mark in bar.tempos]
    assert [(round(mark.bpm), mark.printed) for mark in marks] == [(117, False), (120, True), (90, True)]
