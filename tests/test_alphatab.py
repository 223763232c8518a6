"""alphaTab reads the MusicXML that we write: notes, voices, lengths and marks are those of the page."""

from dataclasses import replace

import numpy as np
import pytest

import alphatab_material
from drumlane.formats import write
from drumlane.formats.notation.dynamics import Dynamic
from drumlane.formats.notation.layout import bars_of
from drumlane.formats.notation.measures import QUARTER
from drumlane.formats.notation.model import Bar, Event, Score
from drumlane.performance import Hit, Performance
from drumlane.song import Song
from drumlane.timing import TempoChange, TempoMap, TimeSignature
from drumlane.vocabulary import NOTE_OF_DRUM, Drum

N_PERFORMANCES = 120
TICKS = 960 // QUARTER  # alphaTab's to a unit


def performance(seed: int) -> Performance:
    """Return eight bars of random strokes on sixteenths, eighths and triplets of any drum."""
    rng = np.random.default_rng(seed)
    numerator, denominator = [(4, 4), (3, 4), (6, 8), (7, 8)][seed % 4]
    bpm = float(rng.integers(60, 180))
    hits = []
    for quarter in range(8):
        rows = [(0, 0.25, 0.5, 0.75), (0, 0.5)] + ([(0, 1 / 3, 2 / 3)] if denominator == 4 else [])
        for place in rows[rng.integers(len(rows))]:
            for drum in rng.choice(np.array(list(Drum), dtype=object), rng.integers(1, 4), replace=False):
                time = max(0.0, (quarter + place) * 60 / bpm + rng.normal(0, 0.004))
                hits.append(Hit(time, drum, int(rng.integers(1, 128))))
    tempo = TempoMap((TempoChange(0.0, bpm),), (TimeSignature(0.0, numerator, denominator),))
    return Performance.of(hits, tempo=tempo)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory):
    """Return what we laid out beside what alphaTab reads from it."""
    folder = alphatab_material.installed(tmp_path_factory.mktemp("alphatab"))
    laid_out, files = [], []
    for seed in range(N_PERFORMANCES):
        named = replace(performance(seed), song=Song(title=f"Song {seed}", artist="Us"))
        files.append(folder / f"{seed}.musicxml")
        write(named, files[-1])
        laid_out.append(bars_of(named))
    return list(zip(laid_out, alphatab_material.scores(folder, files), strict=True))


def test_names_tempo_and_bars_are_those_of_the_page(pairs) -> None:
    assert len(pairs) == N_PERFORMANCES
    for seed, (score, found) in enumerate(pairs):
        # It makes the spaces of a title such that no line breaks at them.
        assert (found["title"].replace("\xa0", " "), found["artist"]) == (f"Song {seed}", "Us")
        assert found["tempo"] == pytest.approx(score.bars[0].tempos[0].bpm, abs=0.5)
        assert found["bars"] == [[b.measure.start * TICKS, b.measure.length * TICKS] for b in score.bars]


def test_every_note_of_both_voices_is_read_with_its_drum_and_mark(pairs) -> None:
    for score, found in pairs:
        for bar, voices in zip(score.bars, found["voices"], strict=True):
            read = [_read_notes(voice) for voice in voices if _read_notes(voice)]
            assert read == [notes for voice in (bar.hands, bar.feet) if (notes := _notes(voice))]


def _notes(voice: tuple[Event, ...]) -> list[list[tuple[int, bool]]]:
    return [
        sorted((NOTE_OF_DRUM[note.drum], note.dynamic is Dynamic.GHOST) for note in event.notes)
        for event in voice
        if event.notes
    ]


def _read_notes(voice: list[dict]) -> list[list[tuple[int, bool]]]:
    return [
        sorted((note["pitch"], note["ghost"]) for note in beat["notes"])
        for beat in voice
        if beat["notes"] and not beat["grace"]
    ]


def test_notes_begin_and_end_where_the_page_says(pairs) -> None:
    for score, found in pairs:
        if _has_graces(score):
            continue  # it takes their time from the notes beside them
        for bar, voices in zip(score.bars, found["voices"], strict=True):
            expected = [_times(voice, bar) for voice in (bar.hands, bar.feet) if voice]
            read = [[(b["start"], b["length"]) for b in voice if b["notes"]] for voice in voices]
            assert [voice for voice in read if voice] == [voice for voice in expected if voice]


def test_most_pages_have_no_grace_notes_so_that_times_are_compared(pairs) -> None:
    assert sum(not _has_graces(score) for score, _ in pairs) >= 100


def _times(voice: tuple[Event, ...], bar: Bar) -> list[tuple[int, int]]:
    return [
        ((bar.measure.start + event.start) * TICKS, event.length * TICKS) for event in voice if event.notes
    ]


def _has_graces(score: Score) -> bool:
    return any(n.graces for bar in score.bars for event in (*bar.hands, *bar.feet) for n in event.notes)
