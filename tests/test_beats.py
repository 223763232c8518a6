"""Beats: the tempo map of a piece follows its hits, whatever their tempo, and leaves them where they are."""

import logging
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import drumlane
from beat_material import groove, usual_bpm, usual_signature
from conftest import SAMPLE_RATE, drums
from drumlane.errors import ConfigError, DrumlaneError
from drumlane.evaluation.beats import beats_of, f_measure
from drumlane.performance import Hit, Performance
from drumlane.timing import TempoMap
from drumlane.transcription import trackers
from drumlane.transcription.beats import BeatOptions, BeatTracker
from drumlane.transcription.meters import Meter
from drumlane.transcription.transcribe import TranscriptionOptions
from drumlane.vocabulary import Drum


@pytest.fixture(scope="module")
def tracker() -> BeatTracker:
    return BeatTracker()


def known(**options: object) -> BeatTracker:
    return BeatTracker(BeatOptions(**options))  # type: ignore[arg-type]


def nearest(times: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the distance of each wanted time from the nearest of ``times``."""
    return np.abs(wanted[:, None] - times[np.newaxis]).min(axis=1)


# Tempos and bars ------------------------------------------------------------------------------------


@pytest.mark.parametrize("bpm", [60, 72, 85, 100, 113, 128, 140, 155, 170, 185, 200])
def test_a_steady_rock_beat_has_its_tempo_and_its_bar_lines(tracker: BeatTracker, bpm: int) -> None:
    tempo = tracker.tempo(groove("rock", bpm, 40.0, start=1.234, waver=0.004))
    _, downbeats = beats_of(tempo, 39.0)
    assert usual_bpm(tempo, 40.0) == pytest.approx(bpm, abs=0.1)
    assert usual_signature(tempo, 40.0) == "4/4"
    bars = np.arange(1.234, 38.5, 240.0 / bpm)
    assert nearest(downbeats, bars).max() < 0.01
    assert f_measure(bars, downbeats[downbeats > 1.0]) > 0.9


@pytest.mark.parametrize("bpm", [90, 120, 150, 180])
def test_a_waltz_has_three_beats_a_bar(tracker: BeatTracker, bpm: int) -> None:
    tempo = tracker.tempo(groove("waltz", bpm, 40.0, start=0.8))
    assert (usual_signature(tempo, 40.0), usual_bpm(tempo, 40.0)) == ("3/4", pytest.approx(bpm, abs=0.1))
    assert nearest(beats_of(tempo, 39.0)[1], np.arange(0.8, 38.0, 180.0 / bpm)).max() < 0.01


@pytest.mark.parametrize("dotted", [52, 60, 70])
def test_six_eighths_are_two_dotted_quarters(tracker: BeatTracker, dotted: int) -> None:
    tempo = tracker.tempo(groove("six", dotted, 40.0, start=1.5))
    assert usual_signature(tempo, 40.0) == "6/8"
    assert usual_bpm(tempo, 40.0) == pytest.approx(1.5 * dotted, abs=0.1)


def test_the_first_bar_line_of_the_music_is_on_a_whole_beat(tracker: BeatTracker) -> None:
    tempo = tracker.tempo(groove("rock", 120, 30.0, start=20.3))
    first = float(tempo.seconds_to_beats(20.3))
    assert first == pytest.approx(round(first), abs=0.01)
    assert nearest(beats_of(tempo, 29.0)[1], np.array([20.3, 22.3])).max() < 0.01
    assert tempo.changes[-1].bpm == pytest.approx(120, abs=0.1)


def test_a_song_to_a_click_drifts_by_less_than_5_ms_in_ten_minutes(tracker: BeatTracker) -> None:
    bpm = 123.45
    tempo = tracker.tempo(groove("rock", bpm, 600.0, start=2.0, waver=0.008))
    click = 2.0 + np.arange(int(597.0 * bpm / 60.0)) * 60.0 / bpm
    assert nearest(beats_of(tempo, 601.0)[0], click).max() < 0.005
    assert len(tempo.changes) <= 2  # the lead-in and the song


def test_a_tempo_that_drifts_is_followed(tracker: BeatTracker) -> None:
    def seconds_of(beats: np.ndarray) -> np.ndarray:
        return np.asarray(beats * 0.55 + 0.03 * np.sin(beats / 15.0) * 15.0)

    tempo = tracker.tempo(groove("rock", 109.0, 90.0, waver=0.004, seconds_of=seconds_of))
    played = seconds_of(np.arange(150.0))
    played = played[(played > 2.0) & (played < 85.0)]
    assert nearest(beats_of(tempo, 90.0)[0], played).max() < 0.035
    assert len(tempo.changes) < len(played) / 4


def test_a_new_tempo_begins_where_it_begins(tracker: BeatTracker) -> None:
    def seconds_of(beats: np.ndarray) -> np.ndarray:
        return np.where(beats < 64, beats * 0.5, 32.0 + (beats - 64) * 0.4)

    tempo = tracker.tempo(groove("rock", 120.0, 64.0, waver=0.003, seconds_of=seconds_of))
    assert [round(c.bpm, 1) for c in tempo.changes if c.beat > 3 or c.beat == 0] == pytest.approx(
        [120, 150], abs=0.3
    )


def test_a_long_break_is_counted_through(tracker: BeatTracker) -> None:
    whole = groove("rock", 100, 60.0)
    broken = whole.filter(lambda hit: not 19.1 < hit.time < 38.3)
    beats, _ = beats_of(tracker.tempo(broken), 59.0)
    assert nearest(beats, np.arange(0.0, 58.0, 0.6)).max() < 0.02


# What comes out where two answers are possible; the tables of docs/beats.md name them.
@pytest.mark.parametrize(
    ("kind", "bpm", "heard"),
    [("half", 140, (70, 140)), ("half", 80, (80, 160)), ("double", 90, (90, 180)), ("shuffle", 120, (120,))],
)
def test_half_and_double_feels_are_heard_at_one_of_their_two_levels(
    tracker: BeatTracker, kind: str, bpm: int, heard: tuple[int, ...]
) -> None:
    found = usual_bpm(tracker.tempo(groove(kind, bpm, 40.0)), 40.0)
    assert min(abs(found - level) for level in heard) < 0.2


# Properties -----------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(st.floats(0.0, 20.0), st.sampled_from([80, 120, 170]))
def test_later_hits_have_later_beats(late: float, bpm: int) -> None:
    hits = groove("rock", bpm, 25.0, start=0.5)
    moved = Performance.of((replace(hit, time=hit.time + late) for hit in hits), 25.0 + late)
    here, there = TRACKER.tempo(hits), TRACKER.tempo(moved)
    clicks = np.arange(0.5, 24.0, 60.0 / bpm)
    assert nearest(beats_of(here, 26.0)[0], clicks).max() < 0.005
    assert nearest(beats_of(there, 26.0 + late)[0], clicks + late).max() < 0.005
    assert usual_bpm(there, 25.0 + late) == pytest.approx(usual_bpm(here, 25.0), abs=0.1) or late > 12


@settings(max_examples=15, deadline=None)
@given(st.floats(0.75, 1.4))
def test_stretched_hits_have_a_stretched_tempo(stretch: float) -> None:
    hits = groove("rock", 110, 30.0, start=0.5)
    slower = Performance.of((replace(hit, time=hit.time * stretch) for hit in hits), 30.0 * stretch)
    assert usual_bpm(TRACKER.tempo(slower), 30.0 * stretch) == pytest.approx(110 / stretch, abs=0.1)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.builds(Hit, st.floats(0, 60), st.sampled_from(list(Drum)), st.integers(1, 127)), max_size=60)
)
def test_any_hits_have_a_tempo_map(hits: list[Hit]) -> None:
    tempo = TRACKER.tempo(Performance.of(hits, 60.0))
    assert all(10 < change.bpm < 2000 for change in tempo.changes)
    assert tempo.signatures[0].beat == 0


TRACKER = BeatTracker()  # for properties, which take no fixture of a module


# No beat --------------------------------------------------------------------------------------------


def test_without_hits_it_is_120_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert BeatTracker().tempo(Performance.of([], 30.0)) == TempoMap()
    assert "no beat found in 0 hits; the tempo is written as 120 bpm" in caplog.text


def test_many_hits_without_a_beat_are_worth_a_warning_that_names_the_file(
    caplog: pytest.LogCaptureFixture,
) -> None:
    at_once = Performance.of([Hit(1.0 + 0.03 * n, Drum.KICK, 90) for n in range(20)], 60.0)
    with caplog.at_level(logging.WARNING):
        assert BeatTracker().tempo(at_once, Path("a.wav")) == TempoMap()
        assert BeatTracker().tempo(Performance.of([Hit(1.0, Drum.KICK, 90)]), Path("b.wav")) == TempoMap()
    assert "a.wav: no beat found in 20 hits" in caplog.text
    assert "b.wav" not in caplog.text


# What the user knows --------------------------------------------------------------------------------


def test_bpm_and_offset_are_taken_exactly() -> None:
    tempo = known(bpm=93.7, offset=1.9, time_signature=Meter(3, 4)).tempo(groove("rock"))
    bars = 1.9 + np.arange(20) * 180.0 / 93.7
    beats, downbeats = beats_of(tempo, 60.0)
    assert nearest(downbeats, bars).max() < 1e-9
    assert nearest(beats, 1.9 + np.arange(60) * 60.0 / 93.7).max() < 1e-9
    assert [s.numerator for s in tempo.signatures if s.beat > 0 or len(tempo.signatures) == 1] == [3]


@given(st.floats(20, 400), st.one_of(st.just(0.0), st.floats(0, 100)), st.sampled_from(["4/4", "6/8", "7/8"]))
def test_an_exact_map_has_a_bar_line_at_its_offset(bpm: float, offset: float, signature: str) -> None:
    top, bottom = map(int, signature.split("/"))
    tempo = known(bpm=bpm, offset=offset, time_signature=Meter(top, bottom)).tempo(Performance())
    _, downbeats = beats_of(tempo, offset + 60.0)
    # Right at the start there is no room for a lead-in: the first bar begins with the recording.
    first = 1 if offset < 0.06 else 0
    bars = offset + np.arange(first, 4) * 240.0 * top / bottom / bpm
    bars = bars[bars < offset + 59.0]
    assert not len(bars) or nearest(downbeats, bars).max() < 1e-6


def test_a_named_tempo_is_laid_where_the_strokes_are(tracker: BeatTracker) -> None:
    tempo = known(bpm=104.0).tempo(groove("rock", 104.2, 20.0, start=0.7, waver=0.005))
    assert usual_bpm(tempo, 20.0) == 104.0
    assert nearest(beats_of(tempo, 19.0)[0], np.arange(0.7, 18.0, 60 / 104.2)).max() < 0.03


def test_an_offset_alone_moves_the_bar_lines() -> None:
    tempo = known(offset=1.0).tempo(groove("rock", 120, 30.0))
    assert nearest(beats_of(tempo, 29.0)[1], np.arange(1.0, 28.0, 2.0)).max() < 0.005


def test_a_named_time_signature_is_written() -> None:
    tempo = known(time_signature=Meter(3, 4)).tempo(groove("rock", 120, 30.0))
    assert usual_signature(tempo, 30.0) == "3/4"
    tempo = known(time_signature=Meter(6, 8)).tempo(groove("six", 60, 30.0))
    assert (usual_signature(tempo, 30.0), usual_bpm(tempo, 30.0)) == ("6/8", pytest.approx(90, abs=0.1))


@pytest.mark.parametrize("candidates", [(65.0,), (130.0,), (130.0, 40.0)])
def test_the_tempo_is_near_a_candidate(candidates: tuple[float, ...]) -> None:
    tempo = known(tempo_candidates=candidates).tempo(groove("rock", 130, 40.0))
    assert usual_bpm(tempo, 40.0) == pytest.approx(candidates[0], abs=0.2)


def test_no_tracker_writes_120(caplog: pytest.LogCaptureFixture) -> None:
    assert known(tracker="none").tempo(groove("rock", 90)) == TempoMap()
    assert not caplog.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tracker": "drumlan"}, "unknown; trackers: drumlane, "),
        ({"bpm": 0.0}, "0 bpm is outside 20 to 480"),
        ({"bpm": float("nan")}, "nan bpm is outside"),
        ({"offset": -1.0}, "-1 must be seconds"),
        ({"offset": float("inf")}, "inf must be seconds"),
        ({"tempo_candidates": (90.0, 1e9)}, "outside"),
        ({"bpm": 90.0, "tempo_candidates": (90.0,)}, "contradict"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        BeatOptions(**options)  # type: ignore[arg-type]


# Other trackers -------------------------------------------------------------------------------------


def test_another_tracker_needs_its_package(tmp_path: Path) -> None:
    with pytest.raises(DrumlaneError, match="beat_this, which is not installed"):
        known(tracker="beat_this").tempo(groove("rock"), tmp_path / "song.wav")


def test_another_tracker_needs_a_file() -> None:
    with pytest.raises(ConfigError, match="hears sound files only"):
        known(tracker="beat_this").tempo(groove("rock"))


def test_another_trackers_beats_are_laid_out_like_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def listens(path: Path) -> tuple[np.ndarray, np.ndarray]:
        assert path == Path("song.wav")
        beats = np.arange(1.0, 29.0, 0.5) + 0.01 * np.cos(np.arange(56))
        return beats, beats[2::3]

    monkeypatch.setattr(trackers, "AUDIO_TRACKERS", {"beat_this": listens})
    monkeypatch.setattr("drumlane.transcription.beats.AUDIO_TRACKERS", {"beat_this": listens})
    tempo = known(tracker="beat_this").tempo(Performance.of([], 30.0), Path("song.wav"))
    assert (usual_bpm(tempo, 30.0), usual_signature(tempo, 30.0)) == (pytest.approx(120, abs=0.1), "3/4")
    assert nearest(beats_of(tempo, 29.0)[1], np.array([2.0, 3.5])).max() < 0.02


# In a transcription ---------------------------------------------------------------------------------


def test_a_transcription_carries_its_tempo_and_its_hits_stay() -> None:
    played = [
        (hit.time, hit.drum.lane) for hit in groove("rock", 100, 20.0, start=0.6) if hit.drum.lane is not None
    ]
    samples = drums(played, 20.0)
    none = TranscriptionOptions(beats=BeatOptions(tracker="none"))
    plain = drumlane.transcribe(samples, SAMPLE_RATE, options=none)
    heard = drumlane.transcribe(samples, SAMPLE_RATE)
    assert plain.tempo == TempoMap()
    assert heard.hits == plain.hits
    assert usual_bpm(heard.tempo, 20.0) == pytest.approx(100, abs=0.2)


@pytest.mark.slow
def test_an_hour_of_40000_hits_takes_seconds(tracker: BeatTracker) -> None:
    hour = groove("rock", 205, 3600.0, start=2.0, waver=0.006)
    assert len(hour) > 36000
    start = time.process_time()
    tempo = tracker.tempo(hour)
    assert time.process_time() - start < 10.0
    assert usual_bpm(tempo, 3600.0) == pytest.approx(205, abs=0.01)
