"""Transcription: from sound to hits, and what must not change them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import drumlane
from conftest import SAMPLE_RATE, drums, tones
from drumlane.audio.io import Audio, read_audio, write_audio
from drumlane.errors import AudioError, ConfigError
from drumlane.models.loading import SHIPPED, Activations
from drumlane.performance import Hit, Performance
from drumlane.transcription import recording
from drumlane.transcription.activations import PieceActivations, save_activations
from drumlane.transcription.decoding import Decoder, decode
from drumlane.transcription.dynamics import confidences
from drumlane.transcription.presence import present
from drumlane.transcription.recording import Recording
from drumlane.transcription.sonify import clicks, sonify
from drumlane.transcription.toms import TOM_LANES
from drumlane.transcription.transcribe import Transcriber, TranscriptionOptions
from drumlane.transcription.windows import WindowLayout, WindowStream
from drumlane.vocabulary import ARTICULATIONS, DRUM_OF_LANE, LANES, Drum, Lane

SCORE = [(0.4 + 0.23 * i, LANES[(3 * i) % 8]) for i in range(16)]
SECONDS = 4.5
TOLERANCE = 0.003


@pytest.fixture(scope="module")
def transcriber(detector_path: Path) -> Transcriber:
    return Transcriber(detector_path, threads=1)


@pytest.fixture(scope="module")
def any_transcriber(any_model_path: Path) -> Transcriber:
    return Transcriber(any_model_path, threads=1)


def assert_same_hits(performance: Performance, score: list[tuple[float, Lane]], within: float) -> None:
    assert sorted((h.drum.lane for h in performance), key=str) == sorted((lane for _, lane in score), key=str)
    for lane in LANES:
        expected = [time for time, wanted in score if wanted is lane]
        assert performance.lane_times(lane) == pytest.approx(expected, abs=within)


SURE = 0.7  # confidence


def assert_sure_hits_moved_by(
    seconds: float, original: Performance, moved: Performance, within: float, decoder: Decoder
) -> None:
    """Assert that all sure hits (probably right, no hair above the threshold) are in both, nearly as strong.

    The recurrence remembers seconds of silence: with ten of them before, the shipped one moves by up to 4 %.
    The second hearing chooses between readings of one sound: where it is in doubt, it moves by up to a third,
    and so does the velocity of what sounds at the same time. Confidence is of a stroke in a lane, or on any
    tom: strokes on one stay together, apart from others; two that are heard nearly alike may change names.
    """
    hair = np.array(decoder.thresholds) + 0.04 * (1 - np.array(decoder.thresholds))
    least = [
        max(SURE, *confidences(hair[lane : lane + 1], *decoder.confidence_curves[lane])) for lane in LANES
    ]
    for here, there, delay in ((original, moved, seconds), (moved, original, -seconds)):
        sure = [h for h in here if h.drum.lane is not None and h.confidence > least[h.drum.lane]]
        assert len(sure) > 0.6 * len(here)
        doubtful = [(h.time, h.confidence < SURE) for h in here]
        doubtful += [(h.time - delay, h.confidence < SURE) for h in there]
        names: dict[Lane | None, set[Lane | None]] = {}
        for hit in sure:
            alike = TOM_LANES if hit.drum.lane in TOM_LANES else (hit.drum.lane,)
            partners = [h for h in there if h.drum.lane in alike and abs(h.time - hit.time - delay) <= within]
            assert len(partners) == 1, hit
            names.setdefault(hit.drum.lane, set()).add(partners[0].drum.lane)
            if not any(doubt and abs(time - hit.time) < 0.02 for time, doubt in doubtful):
                assert abs(partners[0].velocity - hit.velocity) <= 4, hit
        assert all(len(called) == 1 for called in names.values()), names
        assert len(set.union(*names.values())) == len(names), names


# Windows -------------------------------------------------------------------------------------------


def running_mean(features: NDArray[np.float32]) -> Activations:
    """Answer with the mean over five frames: a network whose context is two frames."""
    padded = np.pad(features[0], ((2, 2), (0, 0)))
    mean = sum(padded[i : i + features.shape[1]] for i in range(5)) / 5
    return Activations(mean[None, :, :8], mean[None, :, 8:16], mean[None, :, 16:22], mean[None, :, 22:])


def stacked(parts: Iterator[Activations]) -> NDArray[np.float32]:
    return np.concatenate([np.column_stack([p.onset, p.velocity, p.articulation, p.presence]) for p in parts])


def windowed(features: NDArray[np.float32], cuts: list[int], layout: WindowLayout) -> NDArray[np.float32]:
    stream = WindowStream(running_mean, layout)
    blocks = np.split(features, sorted(cut % (len(features) + 1) for cut in cuts))
    return stacked(part for source in (*map(stream.push, blocks), stream.finish()) for part in source)


@given(
    n_frames=st.integers(1, 300),
    cuts=st.lists(st.integers(0, 300), max_size=8),
    core=st.integers(1, 90),
    context=st.integers(2, 30),
)
def test_windows_answer_as_the_whole_would_however_the_features_arrive(
    n_frames: int, cuts: list[int], core: int, context: int
) -> None:
    features = np.random.default_rng(n_frames).random((n_frames, 30)).astype(np.float32)
    answer = running_mean(features[None])
    whole = np.column_stack([answer.onset[0], answer.velocity[0], answer.articulation[0], answer.presence[0]])
    layout = WindowLayout(core, context, minimum=10)
    assert windowed(features, cuts, layout) == pytest.approx(whole, abs=1e-6)
    assert np.array_equal(windowed(features, cuts, layout), windowed(features, [], layout))


def test_windows_hold_one_window_of_features_at_most() -> None:
    longest = 0

    def measure(features: NDArray[np.float32]) -> Activations:
        nonlocal longest
        longest = max(longest, features.shape[1])
        return running_mean(features)

    stream = WindowStream(measure, WindowLayout(core=100, context=20))
    for _ in range(50):
        list(stream.push(np.zeros((30, 17), dtype=np.float32)))
        assert stream.n_held <= 100 + 2 * 20 + 30
    assert longest == 140


def test_a_layout_without_a_core_is_refused() -> None:
    with pytest.raises(ValueError, match="core and minimum must be >= 1"):
        WindowLayout(core=0)


# Recordings ----------------------------------------------------------------------------------------


def test_short_and_long_recordings_are_heard_alike(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    write_audio(path, Audio(tones(SCORE, 25.0), SAMPLE_RATE))
    kept = np.concatenate(list(Recording(path, SAMPLE_RATE).blocks()))
    monkeypatch.setattr(recording, "KEPT_SECONDS", 1.0)
    again = Recording(path, SAMPLE_RATE)
    for _ in range(2):
        assert np.array_equal(np.concatenate(list(again.blocks())), kept)


def test_silence_around_the_music_does_not_change_its_gain() -> None:
    music = tones(SCORE, SECONDS)
    quiet = np.zeros(60 * SAMPLE_RATE, dtype=np.float32)
    alone = Recording(music, SAMPLE_RATE, SAMPLE_RATE)
    framed = Recording(np.concatenate([quiet, music, quiet]), SAMPLE_RATE, SAMPLE_RATE)
    assert framed.gain == pytest.approx(alone.gain, rel=0.05)
    assert not framed.silent


# Sound to hits -------------------------------------------------------------------------------------


def test_the_score_comes_back_from_an_array(transcriber: Transcriber) -> None:
    performance = transcriber.transcribe(tones(SCORE, SECONDS), SAMPLE_RATE)
    assert_same_hits(performance, SCORE, TOLERANCE)
    assert performance.duration == pytest.approx(SECONDS)
    assert all(0.5 <= hit.confidence <= 1 for hit in performance)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_the_score_comes_back_from_a_file(transcriber: Transcriber, tmp_path: Path, suffix: str) -> None:
    # The pre-echo of lossy codecs blurs low tones, which drums are not; the high ones keep their attack.
    high = [(time, lane) for time, lane in SCORE if lane in (Lane.MID_TOM, Lane.LOW_TOM, Lane.CRASH)]
    path = tmp_path / f"song{suffix}"
    write_audio(path, Audio(tones(high, SECONDS), SAMPLE_RATE))
    assert_same_hits(transcriber.transcribe(path), high, 0.005)
    assert_same_hits(transcriber.transcribe(str(path)), high, 0.005)


@pytest.mark.parametrize("rate", [32000, 48000, 96000])
def test_the_score_comes_back_at_any_rate(transcriber: Transcriber, rate: int) -> None:
    assert_same_hits(transcriber.transcribe(tones(SCORE, SECONDS, rate), rate), SCORE, 0.005)


def test_channels_and_integer_samples_make_no_difference(transcriber: Transcriber) -> None:
    mono = tones(SCORE, SECONDS)
    integers = np.rint(mono * 32767).astype(np.int16)
    for samples in (np.stack([mono, mono], axis=1), mono.astype(np.float64), integers):
        assert_same_hits(transcriber.transcribe(samples, SAMPLE_RATE), SCORE, TOLERANCE)


@pytest.fixture(scope="module")
def song(any_model_path: Path) -> NDArray[np.float32]:
    """Return what the model understands: tones for the hand-made one, drums for the shipped one."""
    return tones(SCORE, 6.0) if any_model_path != SHIPPED else drums(SCORE, 6.0)


@pytest.mark.parametrize("gain_db", [-40.0, -12.0, 18.0])
def test_gain_does_not_change_the_hits(
    any_transcriber: Transcriber, song: NDArray[np.float32], gain_db: float
) -> None:
    original = any_transcriber.transcribe(song, SAMPLE_RATE)
    louder = any_transcriber.transcribe(song * np.float32(10 ** (gain_db / 20)), SAMPLE_RATE)
    assert len(original) > 0
    assert_sure_hits_moved_by(0.0, original, louder, 0.001, any_transcriber.decoder)


@pytest.mark.parametrize("n_samples", [441 * 7, 441 * 1000])
def test_shifting_the_audio_by_whole_frames_shifts_the_hits(
    any_transcriber: Transcriber, song: NDArray[np.float32], n_samples: int
) -> None:
    original = any_transcriber.transcribe(song, SAMPLE_RATE)
    late = np.concatenate([np.zeros(n_samples, dtype=np.float32), song])
    shifted = any_transcriber.transcribe(late, SAMPLE_RATE)
    assert len(original) > 0
    assert_sure_hits_moved_by(n_samples / SAMPLE_RATE, original, shifted, 0.002, any_transcriber.decoder)


@pytest.mark.parametrize("n_samples", [100, 219, 1000])
def test_shifting_the_audio_below_the_frame_shifts_the_hits(transcriber: Transcriber, n_samples: int) -> None:
    late = np.concatenate([np.zeros(n_samples, dtype=np.float32), tones(SCORE, SECONDS)])
    shifted = [(time + n_samples / SAMPLE_RATE, lane) for time, lane in SCORE]
    assert_same_hits(transcriber.transcribe(late, SAMPLE_RATE), shifted, TOLERANCE)


@settings(max_examples=10)
@given(n_samples=st.integers(1, 3000))
def test_sounds_of_any_shortness_are_heard(transcriber: Transcriber, n_samples: int) -> None:
    samples = np.random.default_rng(n_samples).normal(size=n_samples).astype(np.float32)
    performance = transcriber.transcribe(samples, SAMPLE_RATE)
    assert performance.duration == pytest.approx(n_samples / SAMPLE_RATE)
    assert all(0 <= hit.time <= performance.duration for hit in performance)


def test_silence_has_no_hits_in_any_model(any_transcriber: Transcriber) -> None:
    activations = any_transcriber.activations(np.zeros(3 * SAMPLE_RATE, dtype=np.float32), SAMPLE_RATE)
    assert activations.silent
    assert activations.onset.shape == (301, 8)
    performance = any_transcriber.decode(activations)
    assert len(performance) == 0
    assert performance.duration == 3.0


def test_progress_rises_to_one(transcriber: Transcriber) -> None:
    seen: list[float] = []
    transcriber.transcribe(tones(SCORE, 60.0), SAMPLE_RATE, progress=seen.append)
    assert len(seen) > 2
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_the_package_offers_the_one_call(detector_path: Path) -> None:
    performance = drumlane.transcribe(tones(SCORE, SECONDS), SAMPLE_RATE, model=detector_path)
    assert_same_hits(performance, SCORE, TOLERANCE)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(transcriber: Transcriber, value: float) -> None:
    samples = tones(SCORE, SECONDS)
    samples[30000] = value
    with pytest.raises(AudioError, match=r"0\.680 s"):
        transcriber.transcribe(samples, SAMPLE_RATE)


def test_arrays_without_a_rate_or_with_swapped_axes_are_refused(transcriber: Transcriber) -> None:
    with pytest.raises(ValueError, match="an array needs its sample_rate"):
        transcriber.transcribe(np.zeros(100))
    with pytest.raises(ValueError, match=r"samples\.T"):
        transcriber.transcribe(np.zeros((2, 1000)), SAMPLE_RATE)


# Options -------------------------------------------------------------------------------------------


def test_a_lanes_threshold_and_gap_change_that_lane_only(detector_path: Path) -> None:
    samples = tones([(0.5, Lane.KICK), (0.9, Lane.KICK), (1.3, Lane.SNARE), (1.7, Lane.SNARE)], 2.5)

    def counts(options: TranscriptionOptions) -> tuple[int, int]:
        performance = Transcriber(detector_path, 1, options).transcribe(samples, SAMPLE_RATE)
        return len(performance.lane_times(Lane.KICK)), len(performance.lane_times(Lane.SNARE))

    assert counts(TranscriptionOptions()) == (2, 2)
    assert counts(TranscriptionOptions(thresholds={"kick": 0.9999})) == (0, 2)
    assert counts(TranscriptionOptions(minimum_gaps={"snare": 0.6})) == (2, 1)
    assert counts(TranscriptionOptions(minimum_gaps=0.6)) == (1, 1)


def test_impossible_options_are_refused(detector_path: Path) -> None:
    with pytest.raises(ValueError, match=r"threshold 1\.5 must lie"):
        TranscriptionOptions(thresholds={"kick": 1.5})
    with pytest.raises(ValueError, match="minimum gap -1"):
        TranscriptionOptions(minimum_gaps=-1)
    with pytest.raises(ConfigError, match="lane 'snar' is unknown; lanes: snare"):
        Transcriber(detector_path, options=TranscriptionOptions(thresholds={"snar": 0.5}))


# Decoding ------------------------------------------------------------------------------------------


def piece(
    onset_at: dict[tuple[int, Lane], float], told: dict[Drum, float] | None = None, n: int = 100
) -> PieceActivations:
    onset = np.zeros((n, 8), dtype=np.float16)
    for (frame, lane), value in onset_at.items():
        onset[frame, lane] = value
    articulation = np.zeros((n, len(ARTICULATIONS)), dtype=np.float16)
    for drum, value in (told or {}).items():
        articulation[:, ARTICULATIONS.index(drum)] = value
    half = np.full((n, 8), 0.5, np.float16)
    return PieceActivations(onset, half, articulation, half, 100.0, (n - 1) / 100)


def decoder(**changes: object) -> Decoder:
    fields = {"thresholds": (0.5,) * 8, "minimum_gaps": (0.05,) * 8, "offsets": (0.0,) * 8}
    return Decoder(**(fields | changes))  # type: ignore[arg-type]


def test_a_peak_becomes_a_hit_with_velocity_and_confidence() -> None:
    (hit,) = decode(piece({(20, Lane.RIDE): 0.75}), decoder())
    assert hit == Hit(0.2, Drum.RIDE, 64, 0.75)


@pytest.mark.parametrize(
    ("open_", "articulations", "drum"),
    [
        (0.9, True, Drum.HIHAT_OPEN),
        (0.1, True, Drum.HIHAT_CLOSED),
        (0.9, False, Drum.HIHAT_CLOSED),
    ],
)
def test_hats_are_open_or_closed_only_with_articulations(
    open_: float, articulations: bool, drum: Drum
) -> None:
    activations = piece({(20, Lane.HIHAT): 0.9, (50, Lane.SNARE): 0.9}, {Drum.HIHAT_OPEN: open_})
    hits = decode(activations, decoder(articulations=articulations))
    assert [hit.drum for hit in hits] == [drum, Drum.SNARE]


def test_each_articulation_belongs_to_its_lane_and_the_surest_one_wins() -> None:
    struck = {(10 * (1 + lane), lane): 0.9 for lane in Lane}
    told = {
        Drum.HIHAT_OPEN: 0.6,
        Drum.HIHAT_PEDAL: 0.7,
        Drum.SIDE_STICK: 0.9,
        Drum.RIDE_BELL: 0.8,
        Drum.CHINA: 0.5,
    }
    drums = {hit.drum.lane: hit.drum for hit in decode(piece(struck, told), decoder())}
    assert drums == {
        **DRUM_OF_LANE,
        Lane.HIHAT: Drum.HIHAT_PEDAL,
        Lane.SNARE: Drum.SIDE_STICK,
        Lane.RIDE: Drum.RIDE_BELL,
        Lane.CRASH: Drum.CHINA,
    }


def test_a_lane_that_seems_absent_has_no_hits() -> None:
    activations = piece({(20, Lane.KICK): 0.9, (50, Lane.LOW_TOM): 0.9})
    least = tuple(0.6 if lane is Lane.LOW_TOM else 0.4 for lane in Lane)
    assert [hit.drum for hit in decode(activations, decoder(presence_thresholds=least))] == [Drum.KICK]


def test_of_toms_and_of_crash_and_ride_only_the_one_that_stands_out_most_is_struck() -> None:
    together = {
        (20, Lane.HI_TOM): 0.6,
        (21, Lane.MID_TOM): 0.8,
        (22, Lane.LOW_TOM): 0.7,
        (20, Lane.SNARE): 0.9,
    }
    cymbals = {(50, Lane.CRASH): 0.7, (50, Lane.RIDE): 0.7, (58, Lane.RIDE): 0.6, (50, Lane.HIHAT): 0.9}
    hits = decode(piece({**together, **cymbals}), decoder())
    assert sorted((round(100 * hit.time), hit.drum.lane) for hit in hits) == [
        (20, Lane.SNARE),
        (21, Lane.MID_TOM),
        (50, Lane.HIHAT),
        (50, Lane.CRASH),
        (58, Lane.RIDE),
    ]


def test_a_rival_stands_out_against_its_own_threshold() -> None:
    thresholds = tuple(0.6 if lane is Lane.RIDE else 0.3 for lane in Lane)
    hits = decode(piece({(50, Lane.CRASH): 0.5, (51, Lane.RIDE): 0.9}), decoder(thresholds=thresholds))
    assert [hit.drum for hit in hits] == [Drum.CRASH]


@given(st.integers(1, 1500), st.integers(0, 2**32 - 1))
def test_presence_is_the_mean_over_eight_seconds_cut_at_the_ends(n: int, seed: int) -> None:
    heard = np.random.default_rng(seed).random((n, 8)).astype(np.float16)
    means = present(heard, 100.0)
    for frame in (0, n // 2, n - 1):
        near = heard[max(0, frame - 400) : frame + 401].astype(np.float64)
        assert means[frame] == pytest.approx(near.mean(axis=0), abs=1e-5)


def test_offsets_move_hits_but_never_out_of_the_recording() -> None:
    activations = piece({(0, Lane.KICK): 0.9, (50, Lane.KICK): 0.9, (99, Lane.KICK): 0.9})
    early = decode(activations, decoder(offsets=(0.012,) * 8))
    late = decode(activations, decoder(offsets=(-0.012,) * 8))
    assert [hit.time for hit in early] == pytest.approx([0.0, 0.488, 0.978])
    assert [hit.time for hit in late] == pytest.approx([0.012, 0.512, 0.99])


# Beside the hits -----------------------------------------------------------------------------------


def test_saved_activations_are_read_back_by_numpy(transcriber: Transcriber, tmp_path: Path) -> None:
    activations = transcriber.activations(tones(SCORE, SECONDS), SAMPLE_RATE)
    save_activations(activations, tmp_path / "song.activations.npz")
    with np.load(tmp_path / "song.activations.npz") as saved:
        assert np.array_equal(saved["onset"], activations.onset)
        assert saved["lanes"].tolist() == [lane.label for lane in LANES]
        assert float(saved["fps"]) == 100.0
        assert float(saved["duration"]) == pytest.approx(SECONDS)


def test_features_are_those_of_the_whole_recording(transcriber: Transcriber) -> None:
    features = transcriber.features(tones(SCORE, SECONDS), SAMPLE_RATE)
    assert features.shape == (1 + round(SECONDS * SAMPLE_RATE) // 441, 80)


def test_clicks_start_on_their_hits_and_grow_with_velocity() -> None:
    hits = Performance.of([Hit(0.1, Drum.KICK, 127), Hit(0.5, Drum.HIHAT_OPEN, 30), Hit(0.99, Drum.RIDE, 64)])
    track = clicks(hits, SAMPLE_RATE)
    assert not track[: round(0.1 * SAMPLE_RATE)].any()
    assert track[round(0.1 * SAMPLE_RATE)] == pytest.approx(0.5)
    assert 0 < np.abs(track[round(0.5 * SAMPLE_RATE) :][:2000]).max() < 0.125
    assert track.shape == (SAMPLE_RATE,)


def test_a_sonified_recording_keeps_its_channels_and_gains_clicks(tmp_path: Path) -> None:
    source, path = tmp_path / "song.wav", tmp_path / "song.clicks.wav"
    mono = tones(SCORE, SECONDS)
    write_audio(source, Audio(np.stack([mono, 0.5 * mono], axis=1), SAMPLE_RATE))
    sonify(source, Performance.of([Hit(0.2, Drum.SNARE, 127)]), path)
    heard = read_audio(path, mono=False)
    assert heard.samples.shape == (len(mono), 2)
    assert np.abs(heard.samples[: round(0.19 * SAMPLE_RATE)]).max() < 1e-3
    assert np.abs(heard.samples[round(0.2 * SAMPLE_RATE) :][:400]).max(axis=0) == pytest.approx(0.5, abs=0.05)
