"""Rescoring: sound parted among strokes, candidates, what is told of them, and verdicts written back."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drumlane.audio.features import FeatureSpec, log_mel
from drumlane.models.loading import SHIPPED, Activations, load_model
from drumlane.models.rescorer_model import N_SOUND, RescorerModel, Verdicts
from drumlane.transcription import judging, rescoring
from drumlane.transcription.candidates import DRUMS, Candidates, Proposing, find_candidates
from drumlane.transcription.energies import FLOOR_DB, N_BANDS, N_ENERGIES, N_LOW_BANDS, band_energies
from drumlane.transcription.heard import Heard
from drumlane.transcription.peaks import pick_peaks
from drumlane.transcription.rescoring import (
    features_of_candidates,
    levels_of_candidates,
    rescored,
)
from drumlane.transcription.stroke_balance import N_BALANCE, N_INPUTS, with_balance
from drumlane.transcription.stroke_features import (
    ALL_HEIGHTS,
    LEVEL,
    LEVEL_SCALE,
    N_FEATURES,
    OWN_HEIGHTS,
    SPECTRA,
    VELOCITY,
    stroke_features,
)
from drumlane.transcription.stroke_levels import N_GROUPS, stroke_levels
from drumlane.transcription.stroke_spectra import LOW_BANDS, N_SPECTRA, STRUCK_BANDS, stroke_spectra
from drumlane.transcription.toms import heights_near, positions
from drumlane.vocabulary import ARTICULATIONS, DRUM_OF_LANE, LANES, Drum, Lane

FPS = 100.0
PROPOSING = Proposing((0.4,) * len(LANES), (0.03,) * len(LANES), (0.5,) * len(ARTICULATIONS))
seeds = st.integers(0, 2**32 - 1)


# Energies -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_energies_are_the_squared_magnitudes_that_librosa_hears() -> None:
    librosa = pytest.importorskip("librosa")
    spec, rng = FeatureSpec(), np.random.default_rng(1)
    sound = (rng.normal(0, 0.1, 44100) * np.linspace(0, 1, 44100)).astype(np.float32)
    mel = librosa.feature.melspectrogram(
        y=sound, sr=44100, n_fft=2048, hop_length=441, n_mels=80, fmin=30, fmax=16000,
        power=1, htk=True, center=True, pad_mode="constant",
    )  # fmt: skip
    edges = librosa.mel_frequencies(82, fmin=30, fmax=16000, htk=True)
    energy = np.square(mel.T) * (edges[2:] - edges[:-2]) / 2
    expected = 10 * np.log10(energy.reshape(len(energy), N_BANDS, 4).sum(axis=2) + 1e-16)
    assert np.abs(band_energies(log_mel(sound, spec), spec)[:, :N_BANDS] - expected).max() < 0.02


def test_twice_as_loud_is_six_decibels_and_silence_is_the_floor() -> None:
    spec = FeatureSpec()
    sound = np.random.default_rng(2).normal(0, 0.05, 22050).astype(np.float32)
    once, twice = (band_energies(log_mel(sound * gain, spec), spec) for gain in (1, 2))
    assert np.allclose(twice - once, 6.02, atol=0.01)
    silence = band_energies(np.zeros((5, spec.n_bands), np.float32), spec)
    assert silence.shape == (5, N_ENERGIES)
    assert np.allclose(silence, FLOOR_DB)


def test_low_bands_are_kept_as_they_are_or_brought_to_as_many() -> None:
    spec, rng = FeatureSpec(), np.random.default_rng(3)
    magnitudes = rng.uniform(0.001, 0.1, (7, spec.n_bands))
    features = np.log1p(spec.log_gain * magnitudes).astype(np.float32)
    low = band_energies(features, spec)[:, N_BANDS:]
    assert np.allclose(low, 20 * np.log10(magnitudes[:, spec.n_mels :]), atol=0.01)
    fewer = replace(spec, n_low=12)
    low = band_energies(features[:, : fewer.n_bands], fewer)[:, N_BANDS:]
    assert low.shape == (7, N_LOW_BANDS)
    assert np.allclose(low[:, [0, -1]], 20 * np.log10(magnitudes[:, [80, 91]]), atol=0.01)
    none = band_energies(features[:, :80], replace(spec, n_low=0))
    assert np.allclose(none[:, N_BANDS:], FLOOR_DB)


# Spectra of strokes ---------------------------------------------------------------------------------


@given(seeds)
@settings(max_examples=15)
def test_spectra_do_not_depend_on_level_or_colour_of_the_recording(seed: int) -> None:
    rng = np.random.default_rng(seed)
    energies = rng.uniform(-60, 0, (400, N_ENERGIES))
    frames = np.sort(rng.integers(0, 400, 30))
    colour_db = np.concatenate([rng.uniform(-12, 12, N_BANDS), np.full(N_LOW_BANDS, rng.uniform(-12, 12))])
    plain, coloured = (stroke_spectra(e, frames) for e in (energies, energies + colour_db))
    assert plain.shape == (30, N_SPECTRA)
    assert np.abs(plain).max() <= 3
    assert np.allclose(plain, coloured, atol=1e-4)


def test_strokes_on_one_drum_look_alike_and_harder_ones_louder() -> None:
    frames, drums = np.arange(20, 920, 30), np.tile([0, 1, 2], 10)
    level_db = np.where(np.arange(30) < 15, 0.0, -12.0)
    energies = whole(played(frames - 2, drums, level_db, 1000))
    found = stroke_spectra(energies, frames)
    struck = found[:, STRUCK_BANDS]
    assert np.allclose(struck[0], struck[3], atol=0.02)
    assert np.allclose(found[:15][drums[:15] == 1], found[1], atol=0.02)
    bands = np.flatnonzero(np.abs(struck[1]) < 2.9)  # not cut
    assert np.median(struck[1, bands] - struck[16, bands]) == pytest.approx(1.2, abs=0.1)


def test_a_tone_shows_its_low_band_and_spectra_of_silence_are_finite() -> None:
    energies = np.full((100, N_ENERGIES), -80.0)
    energies[50:70, N_BANDS + 7] = -10.0
    found = stroke_spectra(energies, np.array([50]))[0]
    shape = found[LOW_BANDS.stop :]
    assert shape.argmax() == 7
    assert np.allclose(np.delete(shape, 7), -1)
    silence = stroke_spectra(np.full((1, N_ENERGIES), FLOOR_DB), np.array([0, 0]))
    assert np.isfinite(silence).all()
    assert stroke_spectra(energies, np.zeros(0, np.intp)).shape == (0, N_SPECTRA)


# Levels of strokes ----------------------------------------------------------------------------------


def played(
    frames: NDArray[np.intp], drums: NDArray[np.intp], level_db: NDArray[np.float64], n_frames: int
) -> NDArray[np.float32]:
    """Return energies of strokes on drums whose sounds overlap in bands and in time, over a steady floor."""
    rng = np.random.default_rng(5)
    sound = np.full((n_frames + 20, N_BANDS), 1e-6)
    for drum in range(int(drums.max()) + 1):
        colour = np.exp(-0.5 * ((np.arange(N_BANDS) - 4 - 5 * drum) / 3) ** 2) + 0.02 * rng.random(N_BANDS)
        shape = np.exp(-np.arange(8) / 2.5)[:, None] * colour
        for frame, db in zip(frames[drums == drum], level_db[drums == drum], strict=True):
            sound[frame : frame + 8] += shape / shape.sum() * 10 ** (db / 10)
    return np.asarray(10 * np.log10(sound[:n_frames]), dtype=np.float32)


def whole(energies: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return energies with low bands, which are as the lowest of the others."""
    return np.concatenate([energies, np.repeat(energies[:, :1], N_LOW_BANDS, axis=1)], axis=1)


@given(seeds)
@settings(max_examples=15)
def test_levels_of_strokes_that_sound_together_are_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frames = np.sort(rng.choice(np.arange(5, 1980, 3), 120, replace=False))
    drums = rng.integers(0, 3, 120)
    wanted = rng.uniform(-30, 0, 120)
    found = stroke_levels(played(frames, drums, wanted, 2000), frames + 2, drums, np.ones(120))
    for drum in range(3):
        mine = drums == drum
        off = found.level[mine] - wanted[mine]
        assert np.median(np.abs(off - np.median(off))) < 1.0  # dB
    assert ((found.share >= 0) & (found.share <= 1 + 1e-6)).all()


def test_levels_follow_the_loudness_of_the_recording() -> None:
    rng = np.random.default_rng(0)
    frames, drums = np.arange(10, 900, 17), rng.integers(0, 3, 53)
    energies = played(frames, drums, rng.uniform(-20, 0, 53), 1000)
    once = stroke_levels(energies, frames, drums, np.ones(53))
    louder = stroke_levels(energies + 12, frames, drums, np.ones(53))
    assert np.allclose(louder.level - once.level, 12, atol=0.05)
    assert np.allclose(louder.share, once.share, atol=1e-3)


def test_a_stroke_that_nobody_played_has_little_share() -> None:
    rng = np.random.default_rng(3)
    frames, drums = np.arange(10, 1900, 20), np.tile([0, 1], 48)[:95]
    energies = played(frames, drums, rng.uniform(-6, 0, 95), 2000)
    # The second drum is said to be struck under some strokes of the first one, too.
    under = frames[drums == 0][::4]
    all_frames, all_drums = np.append(frames, under), np.append(drums, np.ones_like(under))
    belief = np.append(np.ones(len(frames)), np.full(len(under), 0.1))
    order = np.argsort(all_frames, kind="stable")
    found = stroke_levels(energies, all_frames[order], all_drums[order], belief[order])
    invented = order >= len(frames)
    truly = (all_drums[order] == 1) & ~invented
    assert np.median(found.share[invented]) < 0.3 < 0.8 < np.median(found.share[truly])
    assert np.median(found.level[invented]) < np.median(found.level[truly]) - 6


def hats_and_kicks(rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return energies, and frame, drum, level, and belief of strokes: kicks (0), hats (1) and rides (2).

    Half of the hats fall on kicks. A kick is the brighter, the harder it is struck, and every stroke has a
    colour of its own. At every hat a ride is doubted, which sounds nearly like it.
    """
    hats, kicks, rides = np.arange(10, 1500, 12), np.arange(10, 1500, 18), np.arange(1510, 1990, 12)
    strokes = [
        *((frame, 1, rng.uniform(-24, -6), 1.0) for frame in hats),
        *((frame, 0, rng.uniform(-15, 0), 1.0) for frame in kicks),
        *((frame, 2, rng.uniform(-24, -6), 1.0) for frame in rides),
    ]
    bands = np.arange(N_BANDS)
    hat = np.exp((bands - N_BANDS) / 3.0)
    colours = {0: np.exp(-bands / 3.0) + 0.003, 1: hat, 2: np.exp((bands - N_BANDS) / 4.0)}
    sound = np.full((2020, N_BANDS), 1e-7)
    for frame, drum, db, _ in strokes:
        brighter = np.exp(bands / N_BANDS * (db + 8) / 4) if drum == 0 else 1.0
        colour = colours[drum] * brighter * 10 ** (rng.normal(0, 1, N_BANDS) / 10)
        shape = np.exp(-np.arange(8) / 2.5)[:, None] * colour
        sound[frame : frame + 8] += shape / shape.sum() * 10 ** (db / 10)
    strokes += [(frame, 2, np.nan, 0.05) for frame in hats]
    return np.asarray(10 * np.log10(sound[:2000]), dtype=np.float32), np.array(sorted(strokes))


@given(seeds)
@settings(max_examples=10)
def test_hats_on_kicks_are_told_by_what_is_heard_at_the_top(seed: int) -> None:
    energies, strokes = hats_and_kicks(np.random.default_rng(seed))
    frames, drums, wanted, belief = strokes.T
    found = stroke_levels(energies, frames.astype(int) + 2, drums.astype(int), belief)
    hats = np.flatnonzero(drums == 1)
    under = np.isin(frames[hats], frames[drums == 0])

    def error(levels: NDArray[np.float64]) -> float:
        off = levels[hats] - wanted[hats]
        return float(np.abs(off[under] - np.median(off[~under])).mean())

    assert error(found.group_levels[:, -1]) < error(found.level)
    shares = found.group_shares[hats][under]
    assert (shares[:, -1] > shares[:, 0]).mean() > 0.9


@pytest.mark.parametrize("energies", [np.zeros((1, N_BANDS)), np.full((400, N_BANDS), FLOOR_DB)])
def test_levels_of_silence_are_finite(energies: NDArray[np.float64]) -> None:
    frames = np.array([0, 0, 5, 399])
    found = stroke_levels(energies, frames, np.array([0, 7, 7, 2]), np.array([1.0, 0.0, 0.5, 1.0]))
    assert np.isfinite(found.level).all()
    assert np.isfinite(found.share).all()
    assert np.isfinite(found.group_levels).all()
    assert np.isfinite(found.group_shares).all()
    nothing = stroke_levels(energies, frames[:0], frames[:0], np.zeros(0))
    assert nothing.level.shape == nothing.share.shape == (0,)
    assert nothing.group_levels.shape == nothing.group_shares.shape == (0, N_GROUPS)


# Candidates -----------------------------------------------------------------------------------------


def heard_of(strokes: list[tuple[float, Lane, float]], n_frames: int = 500) -> Heard:
    """Return activations with bumps: seconds, lane, height."""
    onset = np.zeros((n_frames, len(LANES)), np.float32)
    frames = np.arange(n_frames)
    for time, lane, height in strokes:
        bump = height * np.exp(-0.5 * ((frames - time * FPS) / 0.8) ** 2)
        onset[:, lane] = np.maximum(onset[:, lane], bump)
    velocity = np.full_like(onset, 0.5)
    articulation = np.zeros((n_frames, len(ARTICULATIONS)), np.float32)
    return Heard(
        onset, velocity, articulation, np.ones((-(-n_frames // 10), len(LANES)), np.float32), 10, FPS
    )


def test_candidates_lie_far_below_the_thresholds_and_in_order_of_time() -> None:
    heard = heard_of(
        [(1.0, Lane.SNARE, 0.2), (0.5, Lane.KICK, 0.9), (2.0, Lane.HIHAT, 0.1), (2.0, Lane.KICK, 0.3)]
    )
    found = find_candidates(heard, PROPOSING)
    assert [LANES[lane] for lane in found.lanes] == [Lane.KICK, Lane.SNARE, Lane.KICK]
    assert np.allclose(found.times, [0.5, 1.0, 2.0], atol=1e-3)
    assert np.allclose(found.heights, [0.9, 0.2, 0.3], atol=1e-3)
    assert np.allclose(found.activations[2, [Lane.KICK, Lane.HIHAT]], [0.3, 0.1], atol=1e-3)
    assert [DRUMS[drum] for drum in found.drums] == [Drum.KICK, Drum.SNARE, Drum.KICK]


def test_candidates_know_their_articulation() -> None:
    heard = heard_of([(1.0, Lane.HIHAT, 0.8), (2.0, Lane.HIHAT, 0.8)])
    heard.articulation[200, ARTICULATIONS.index(Drum.HIHAT_OPEN)] = 0.9
    proposing = replace(PROPOSING, articulation_thresholds=(0.3,) * len(ARTICULATIONS))
    drums = [DRUMS[drum] for drum in find_candidates(heard, proposing).drums]
    assert drums == [Drum.HIHAT_CLOSED, Drum.HIHAT_OPEN]


def test_nothing_heard_gives_no_candidates_and_no_features() -> None:
    found = find_candidates(heard_of([]), PROPOSING)
    assert len(found) == 0
    known = features_of_candidates(found, np.full((500, N_ENERGIES), FLOOR_DB), PROPOSING)
    assert known.shape == (0, N_FEATURES)


def test_features_do_not_depend_on_the_level_of_the_recording() -> None:
    rng = np.random.default_rng(4)
    lanes = [Lane.KICK, Lane.SNARE, Lane.HIHAT]
    strokes = [(0.3 + 0.2 * n, lanes[n % 3], float(rng.uniform(0.3, 0.95))) for n in range(20)]
    found = find_candidates(heard_of(strokes), PROPOSING)
    frames, drums = found.frames, found.lanes
    energies = whole(played(frames - 2, drums, rng.uniform(-20, 0, len(found)), 500))
    quiet, loud = (features_of_candidates(found, energies + gain, PROPOSING) for gain in (-10, 10))
    assert quiet.shape == (20, N_FEATURES)
    assert np.abs(quiet - loud).max() < 0.02
    assert np.abs(quiet).max() < 6


def test_a_stronger_stroke_has_a_higher_level_column() -> None:
    strokes = [(0.3 + 0.3 * n, Lane.SNARE, 0.9) for n in range(12)]
    found = find_candidates(heard_of(strokes), PROPOSING)
    wanted = np.tile([0.0, -12.0], 6)
    energies = played(found.frames - 2, np.zeros(12, np.intp), wanted, 500)
    levels = stroke_levels(energies, found.frames, found.drums, np.ones(12))
    column = stroke_features(found, levels, np.zeros((12, N_SPECTRA), np.float32), PROPOSING.thresholds)[
        :, LEVEL
    ]
    assert np.allclose(column[::2] - column[1::2], 12 / 8, atol=0.15)


def test_verdicts_take_the_place_of_what_was_heard() -> None:
    found = find_candidates(heard_of([(0.3 + 0.3 * n, Lane.SNARE, 0.9) for n in range(12)]), PROPOSING)
    energies = whole(played(found.frames - 2, np.zeros(12, np.intp), np.tile([0.0, -12.0], 6), 500))
    probability = np.linspace(0.1, 0.95, 12)
    verdicts = Verdicts(probability, np.tile([100.0, 40.0], 6), np.zeros((12, N_SOUND)))
    heard, judged = (features_of_candidates(found, energies, PROPOSING, known) for known in (None, verdicts))
    assert np.allclose(judged[:, OWN_HEIGHTS.start], np.log(probability / (1 - probability)) / 2, atol=1e-5)
    # Velocities are on the network's scale: 100 and 40 steps are those that it would call them.
    assert np.allclose(np.diff(judged[:2, VELOCITY]), -4 * 60 / 164, atol=1e-5)
    assert np.array_equal(judged[:, ALL_HEIGHTS], heard[:, ALL_HEIGHTS])
    assert np.array_equal(judged[:, SPECTRA], heard[:, SPECTRA])


@given(seeds)
@settings(max_examples=10)
def test_levels_are_told_better_when_it_is_known_what_was_not_struck(seed: int) -> None:
    rng = np.random.default_rng(seed)
    strokes = [(0.3 + 0.3 * n, lane, 0.7) for n in range(24) for lane in (Lane.SNARE, Lane.HIHAT)]
    found = find_candidates(heard_of(strokes, 900), PROPOSING)
    snares = found.lanes == Lane.SNARE
    wanted = rng.uniform(-15, 0, 24)
    energies = whole(played(found.frames[snares] - 2, np.zeros(24, np.intp), wanted, 900))
    verdicts = Verdicts(np.where(snares, 0.95, 0.01), np.full(48, 80.0), np.zeros((48, N_SOUND)))
    off = []
    for known in (None, verdicts):
        levels = levels_of_candidates(found, energies, PROPOSING, known).level[snares]
        off.append(float(np.abs(levels - wanted - np.median(levels - wanted)).mean()))
    assert off[1] < 0.3  # dB
    assert off[1] <= off[0] + 0.02


# Balance --------------------------------------------------------------------------------------------


def rows_of(drums: list[Drum], level_db: list[float]) -> NDArray[np.float32]:
    """Return features of strokes that are all believed, where only drum and level are told."""
    rows = np.zeros((len(drums), N_FEATURES), np.float32)
    rows[np.arange(len(drums)), [DRUMS.index(drum) for drum in drums]] = 1
    rows[:, OWN_HEIGHTS.start] = 2.0
    rows[:, LEVEL] = np.array(level_db) / LEVEL_SCALE
    return rows


def test_balance_tells_how_loud_each_lane_is_and_how_evenly_it_is_struck() -> None:
    steady, varied = [-3.0] * 20, [float(db) for db in np.linspace(-20, 0, 21)]
    rows = rows_of([Drum.KICK] * 20 + [Drum.SNARE] * 21, steady + varied)
    balance = with_balance(rows)[:, N_FEATURES:]
    assert balance.shape == (41, N_BALANCE)
    assert np.array_equal(with_balance(rows)[:, :N_FEATURES], rows)
    of_lanes = balance[0, -3 * len(LANES) :].reshape(len(LANES), 3)
    assert of_lanes[Lane.KICK, :2] == pytest.approx([-3 / 8, 0], abs=1e-6)
    assert of_lanes[Lane.SNARE, :2] == pytest.approx([-10 / 8, 16 / 8], abs=0.15)
    assert not of_lanes[[Lane.HIHAT, Lane.RIDE]].any()
    assert np.ptp(balance[:, -3 * len(LANES) :], axis=0).max() == 0
    against_loudest = balance[:, 5]
    assert np.allclose(against_loudest[:20], 0)
    assert against_loudest[20] - against_loudest[40] == pytest.approx(-20 / 8, abs=1e-5)


@given(seeds)
@settings(max_examples=20)
def test_balance_does_not_depend_on_the_order_of_strokes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 60))
    rows = rows_of([DRUMS[i] for i in rng.integers(0, 12, n)], rng.uniform(-30, 10, n).tolist())
    rows[:, OWN_HEIGHTS.start] = rng.normal(0, 1, n)
    order = rng.permutation(n)
    assert np.allclose(with_balance(rows)[order], with_balance(rows[order]), atol=1e-5)
    assert with_balance(rows[:0]).shape == (0, N_INPUTS)


# Verdicts -------------------------------------------------------------------------------------------


@cache
def shipped_rescorer() -> RescorerModel:
    rescorer = load_model(SHIPPED).rescorer
    assert rescorer is not None
    return rescorer


class Judge(RescorerModel):
    """Judges all alike, and remembers how much it was shown at once."""

    def __init__(self, rounds: int = 1) -> None:
        self.card = shipped_rescorer().card.model_copy(update={"rounds": rounds})
        self.seen = list[int]()
        self.shown = list[tuple[int, NDArray[np.float32]]]()

    def run(
        self, strokes: NDArray[np.float32], times: NDArray[np.floating[Any]], number: int = 0
    ) -> Verdicts:
        self.seen.append(len(strokes))
        self.shown.append((number, strokes))
        n = len(times)
        return Verdicts(np.full(n, 0.75), np.full(n, 100.4), np.outer(times, np.ones(N_SOUND)))


@given(st.lists(st.tuples(st.integers(5, 7900), st.floats(-0.45, 0.45)), min_size=1, max_size=60))
@settings(max_examples=30)
def test_verdicts_are_read_back_at_the_times_they_were_heard(places: list[tuple[int, float]]) -> None:
    apart: list[tuple[float, Lane, float]] = []
    for frame, off in sorted(places):
        if not apart or frame / FPS - apart[-1][0] > 0.1:
            apart.append(((frame + off) / FPS, Lane.SNARE, 0.9))
    heard = heard_of(apart, 8000)
    judge = Judge()
    found = rescored(heard, np.full((8000, N_ENERGIES), -40.0, np.float16), judge)
    onset, velocity = found.onset, found.velocity
    times, heights = pick_peaks(onset[:, Lane.SNARE], 0.05, 0.03, FPS)
    proposed = find_candidates(heard, Proposing.of(judge.card)).times
    assert np.allclose(proposed, [time for time, _, _ in apart], atol=5e-3)  # what comes back bends bumps
    assert np.allclose(times, proposed, atol=2e-4)
    assert np.allclose(heights, 0.75, atol=1e-3)
    at = np.rint(times * FPS).astype(int)
    assert np.allclose(velocity[at, Lane.SNARE], (100.4 - 1) / 126, atol=1e-3)
    assert not onset[:, [lane for lane in LANES if lane is not Lane.SNARE]].any()
    assert judge.seen == [len(apart)]


def steady_beat(
    n_eighths: int, seed: int, drums: tuple[Lane, ...] = (Lane.KICK, Lane.SNARE)
) -> tuple[Heard, NDArray[np.float32]]:
    """Return activations and energies of drums by turns and of hats, half a second from stroke to stroke."""
    rng = np.random.default_rng(seed)
    pairs = ((n, lane) for n in range(1, n_eighths) for lane in (drums[n % len(drums)], Lane.HIHAT))
    heard = heard_of([(0.5 * n, lane, 0.9) for n, lane in pairs], 50 * n_eighths + 3)
    found = find_candidates(heard, PROPOSING)
    levels = rng.uniform(-3, 0, len(found))
    return heard, whole(played(found.frames - 2, np.minimum(found.lanes, 2), levels, len(heard.onset)))


@pytest.mark.parametrize("most", [40, 41, 200])
def test_many_strokes_are_judged_some_at_a_time_and_none_twice(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rescoring, "MOST_STROKES", most)
    monkeypatch.setattr(rescoring, "MARGIN_STROKES", 9)
    heard, energies = steady_beat(100, 3)
    judge = Judge()
    found = rescored(heard, energies.astype(np.float16), judge)
    assert max(judge.seen) <= most
    assert len(judge.seen) == (1 if most == 200 else 9)
    assert (len(judge.seen) - 1) * 18 + 198 == sum(judge.seen)  # strokes heard twice are in the margins
    for lane in (Lane.KICK, Lane.SNARE, Lane.HIHAT):
        times, heights = pick_peaks(found.onset[:, lane], 0.05, 0.03, FPS)
        assert len(times) == (99 if lane is Lane.HIHAT else 99 // 2 + (lane is Lane.SNARE))
        assert np.allclose(heights, 0.75, atol=1e-3)


def test_each_round_knows_the_verdicts_of_the_one_before() -> None:
    heard, energies = steady_beat(60, 3)
    judge = Judge(rounds=3)
    rescored(heard, energies.astype(np.float16), judge)
    assert [number for number, _ in judge.shown] == [0, 1, 2]
    first, second, third = (strokes for _, strokes in judge.shown)
    odds = np.log(0.75 / 0.25) / 2
    assert not np.allclose(first[:, OWN_HEIGHTS.start], odds, atol=0.01)
    assert np.allclose(second[:, OWN_HEIGHTS.start], odds, atol=1e-5)
    assert np.array_equal(second, third)  # the verdicts are the same, and nothing else counts
    once = Judge()
    rescored(heard, energies.astype(np.float16), once)
    assert [number for number, _ in once.shown] == [0]


class Hesitant(Judge):
    """Says one thing first and another one then."""

    def run(
        self, strokes: NDArray[np.float32], times: NDArray[np.floating[Any]], number: int = 0
    ) -> Verdicts:
        n = len(super().run(strokes, times, number).probability)
        return Verdicts(
            np.full(n, 0.9 - 0.4 * number), np.full(n, 60.0 + 40 * number), np.zeros((n, N_SOUND))
        )


def test_the_mean_of_all_rounds_counts() -> None:
    heard, energies = steady_beat(20, 3)
    found = rescored(heard, energies.astype(np.float16), Hesitant(rounds=2))
    times, heights = pick_peaks(found.onset[:, Lane.SNARE], 0.05, 0.03, FPS)
    assert np.allclose(heights, 0.75, atol=1e-3)  # odds of 9 and of 1, so of 3
    at = np.rint(times * FPS).astype(int)
    assert np.allclose(found.velocity[at, Lane.SNARE], (80 - 1) / 126, atol=1e-3)


def test_toms_keep_their_odds_to_each_other() -> None:
    """So that ``transcription.toms`` places a stroke where the first hearing had it."""
    heard = heard_of([(1.0, Lane.LOW_TOM, 0.6), (1.0, Lane.MID_TOM, 0.4), (1.0, Lane.HI_TOM, 0.1)])
    onset = rescored(heard, np.full((500, N_ENERGIES), -40.0, np.float16), Judge()).onset
    assert onset[100, Lane.LOW_TOM] == pytest.approx(0.75, abs=1e-3)
    before, after = (positions(heights_near(o, np.array([1.0]), FPS)) for o in (heard.onset, onset))
    assert before == pytest.approx(after, abs=0.01)


def test_sounds_of_strokes_on_toms_are_kept_with_their_times() -> None:
    strokes = [
        (1.0, Lane.KICK, 0.9),
        (2.0, Lane.LOW_TOM, 0.8),
        (2.5, Lane.HIHAT, 0.9),
        (40.0, Lane.HI_TOM, 0.7),
    ]
    found = rescored(heard_of(strokes, 4500), np.full((4500, N_ENERGIES), -40.0, np.float16), Judge())
    assert np.allclose(found.tom_sounds.times, [2.0, 40.0], atol=1e-3)
    assert np.allclose(
        found.tom_sounds.vectors[0], 1.0, atol=1e-3
    )  # seconds from the first stroke of its part
    nothing = rescored(heard_of([]), np.full((500, N_ENERGIES), -40.0, np.float16), Judge())
    assert nothing.tom_sounds.vectors.shape == (0, N_SOUND)


def test_the_shipped_rescorer_judges_alike_however_long_the_recording() -> None:
    """What lies more than a margin away does not change a verdict much, and parts join without a seam."""
    rescorer = shipped_rescorer()
    heard, energies = steady_beat(120, seed=6)
    onset = rescored(heard, energies.astype(np.float16), rescorer).onset
    heights = [pick_peaks(onset[:, lane], 0.05, 0.03, FPS)[1] for lane in (Lane.KICK, Lane.SNARE, Lane.HIHAT)]
    assert min(len(h) for h in heights) >= 59
    assert all(np.ptp(h[4:-4]) < 0.35 for h in heights)


def test_candidates_can_be_parted() -> None:
    found = find_candidates(heard_of([(1.0, Lane.KICK, 0.9), (2.0, Lane.KICK, 0.8)]), PROPOSING)
    part = found.part(slice(1, 2))
    assert isinstance(part, Candidates)
    assert part.times.tolist() == found.times[1:].tolist()
    assert DRUM_OF_LANE[LANES[part.lanes[0]]] is Drum.KICK
    assert Path(SHIPPED).suffix == ".onnx"


def long_beat() -> tuple[Heard, NDArray[np.float16]]:
    """Return activations, as half floats, and energies of three minutes of a beat."""
    heard, energies = steady_beat(360, 8, (Lane.KICK, Lane.SNARE, Lane.KICK, Lane.LOW_TOM))
    halves = (heard.onset, heard.velocity, heard.articulation, heard.presence)
    return Heard(*(values.astype(np.float16) for values in halves), 10, FPS), energies.astype(np.float16)


@given(st.integers(1, 4_000), st.integers(1, 60), st.integers(0, 30), st.integers(1, 10))
def test_parts_of_a_recording_cover_it_and_hold_no_more_than_one_in_its_midst(
    n_frames: int, core: int, context: int, step: int
) -> None:
    core, context = core * step, context * step
    stops = judging.stops_of_parts(n_frames, core, context, step)
    assert stops[-1] == n_frames
    assert all(stop % step == 0 for stop in stops[:-1])
    starts = [0, *stops[:-1]]
    assert all(start < stop for start, stop in zip(starts, stops, strict=True))
    held = [
        min(stop + context, n_frames) - max(0, start - context)
        for start, stop in zip(starts, stops, strict=True)
    ]
    assert max(held) <= core + 2 * context + len(stops) * step  # a step of rounding
    # No more parts than are needed.
    assert len(stops) == 1 or (len(stops) - 2) * core + 2 * (core + context) < n_frames + core + step


@pytest.mark.parametrize("n_block", [700, 18_003])
def test_a_recording_judged_in_parts_has_the_hits_of_one_judged_whole(
    n_block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rescorer = shipped_rescorer()
    heard, energies = long_beat()
    whole = rescored(replace(heard, onset=heard.onset.astype(np.float32)), energies, rescorer)
    monkeypatch.setattr(judging, "CORE_SECONDS", 50.0)
    follower = judging.Judging(len(heard), heard.step, FPS, rescorer)
    for start in range(0, len(energies), n_block):
        frames = np.arange(start, min(start + n_block, len(energies)))
        follower.push(energies[frames])
        slowly = np.repeat(heard.presence, heard.step, axis=0)[frames]
        told = (heard.onset[frames], heard.velocity[frames], heard.articulation[frames], slowly)
        follower.write(Activations(*told), frames)
        follower.advance(int(frames[-1]) + 1 - 200)
        assert follower.n_held <= 5000 + 2 * 4500 + n_block + 200  # frames; not the whole recording
    found, sounds = follower.finish()
    assert [len(values) for values in found.arrays] == [len(values) for values in heard.arrays]
    for lane in (Lane.KICK, Lane.SNARE, Lane.HIHAT):
        parts, one = (
            pick_peaks(onset[:, lane].astype(np.float32), 0.3, 0.03, FPS)
            for onset in (found.onset, whole.onset)
        )
        assert np.allclose(parts[0], one[0], atol=1e-3)
        assert np.abs(parts[1] - one[1]).mean() < 0.05
    assert len(sounds.times) > 60
    assert np.allclose(sounds.times, whole.tom_sounds.times, atol=1e-3)
    assert np.abs(sounds.vectors - whole.tom_sounds.vectors).mean() < 0.05
    # Hardly moved: the squared distance is what it changes in the logit that two strokes are on one drum.
    assert np.square(sounds.vectors - whole.tom_sounds.vectors).sum(axis=1).max() < 0.3
