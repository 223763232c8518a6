"""``drumlane process``: a recording becomes a BeatSight map, and every flag does what it says."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

import strategies
from conftest import SAMPLE_RATE, tones
from drumlane import formats
from drumlane.audio.io import Audio, write_audio
from drumlane.charting.quantisation import Grid
from drumlane.errors import AudioError, ConfigError
from drumlane.formats.beatsight.audio_block import sha256_of
from drumlane.models.loading import SHIPPED, load_model
from drumlane.performance import Hit, Performance
from drumlane.pipeline.names import named
from drumlane.pipeline.process import ProcessOptions, process, stem_beside
from drumlane.pipeline.sensitivity import thresholds_at
from drumlane.pipeline.snapping import SnapOptions, even_grid, snap
from drumlane.song import Song
from drumlane.timing import TempoMap
from drumlane.transcription.beats import BeatOptions
from drumlane.transcription.transcribe import transcribe
from drumlane.vocabulary import Drum, Lane
from test_beatsight import check

pytestmark = pytest.mark.skipif(not SHIPPED.is_file(), reason="this checkout has no shipped model")
GROOVE = Path(__file__).resolve().parents[1] / "examples" / "groove.ogg"
Command = Callable[..., tuple[int, list[str], list[str]]]


@pytest.fixture
def command(
    detector_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Command:
    """Return ``drumlane process``: arguments to exit code, lines printed, lines of errors.

    The example is heard by the shipped network, everything else by the hand-made one.
    """
    from drumlane.cli.app import main

    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, list[str], list[str]]:
        model = () if GROOVE in arguments else ("--model", str(detector_path))
        monkeypatch.setattr(sys, "argv", ["drumlane", "process", *map(str, arguments), *model])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out.splitlines(), err.splitlines()

    return call


@pytest.fixture
def beat(tmp_path: Path) -> Path:
    """Return six seconds of kick and snare at 120 bpm, one stroke 40 ms late, for the hand-made network."""
    hits = [(0.5 * k + (0.04 if k == 6 else 0.0), Lane.KICK if k % 2 else Lane.SNARE) for k in range(1, 13)]
    write_audio(tmp_path / "beat.wav", Audio(tones(hits, 7.0), SAMPLE_RATE))
    return tmp_path / "beat.wav"


def close(left: Performance, right: Performance, within: float = 0.001) -> bool:
    """Whether two performances have the same hits."""
    if len(left) != len(right):
        return False

    def key(hit: Hit) -> tuple[str, float]:
        return hit.drum.value, hit.time

    pairs = zip(sorted(left, key=key), sorted(right, key=key), strict=True)
    return all(
        a.drum is b.drum and a.velocity == b.velocity and abs(a.time - b.time) <= within for a, b in pairs
    )


# End to end ---------------------------------------------------------------------------------------


def test_the_example_becomes_a_map_with_what_transcribe_hears(command: Command, tmp_path: Path) -> None:
    code, out, err = command("--input", GROOVE, "--output", "groove.bsm")
    assert (code, err) == (0, [])
    document = check(tmp_path / "groove.bsm")
    heard = transcribe(GROOVE)
    back = formats.read(tmp_path / "groove.bsm")
    assert len(heard) > 100
    assert close(back, heard, 0.0005001)
    assert back.tempo == heard.tempo
    made = document["editor"]["aiGenerationMetadata"]
    mean = sum(hit.confidence for hit in heard) / len(heard)
    assert made["confidence"] == pytest.approx(mean, abs=0.0006)
    assert made["usedFallback"] is False
    assert made["modelVersion"] == f"{load_model().card.name} {load_model().card.version}"
    assert document["audio"]["hash"] == sha256_of(GROOVE)
    assert (tmp_path / document["audio"]["filename"]).resolve() == GROOVE
    assert document["metadata"]["title"] == "groove"
    assert out[0].startswith(f"{GROOVE}: {len(heard)} hits (crash ")
    assert out[1] == f"confidence {mean:.2f}"
    assert out[-1] == "-> groove.bsm"


def test_a_later_read_write_changes_nothing_but_the_date(tmp_path: Path) -> None:
    process(GROOVE, tmp_path / "a.bsm")
    formats.write(formats.read(tmp_path / "a.bsm"), tmp_path / "b.bsm")
    first, second = check(tmp_path / "a.bsm"), check(tmp_path / "b.bsm")
    first["metadata"].pop("modifiedAt")
    second["metadata"].pop("modifiedAt")
    assert first == second


def test_silence_is_a_map_without_strokes_and_no_invented_groove(
    command: Command, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_audio(tmp_path / "s.wav", Audio(np.zeros(3 * SAMPLE_RATE, np.float32), SAMPLE_RATE))
    code, out, _ = command("-i", "s.wav", "-o", "s.bsm", "--debug", "d.json")
    assert code == 0
    assert out[0] == "s.wav: 0 hits"
    assert check(tmp_path / "s.bsm")["hitObjects"] == []
    assert "BeatSight refuses to load such a map" in caplog.text
    debug = json.loads((tmp_path / "d.json").read_text())
    assert debug["generation"]["used_fallback"] is False
    assert debug["detection"]["peaks"] == []


# Flags --------------------------------------------------------------------------------------------


def test_forced_bpm_and_offset_are_written_exactly(command: Command, beat: Path, tmp_path: Path) -> None:
    arguments = ("--force-bpm", 113.5, "--force-offset", 0.25, "--time-signature", "3/4")
    assert command("-i", beat, "-o", "a.bsm", *arguments)[0] == 0
    timing = check(tmp_path / "a.bsm")["timing"]
    assert timing == {"bpm": 113.5, "offset": 250, "timeSignature": "3/4"}


def test_tempo_candidates_decide_between_a_tempo_and_its_double(
    command: Command, beat: Path, tmp_path: Path
) -> None:
    for bpm in (60, 120):
        command("-i", beat, "-o", f"{bpm}.bsm", "--tempo-candidates", f"{bpm},{bpm + 13}")
        assert check(tmp_path / f"{bpm}.bsm")["timing"]["bpm"] == pytest.approx(bpm, rel=0.01)


def times(path: Path) -> list[int]:
    return [stroke["time"] for stroke in check(path)["hitObjects"]]


def test_a_grid_takes_what_is_near_it_and_force_takes_all(
    command: Command, beat: Path, tmp_path: Path
) -> None:
    known = ("-i", beat, "--force-bpm", 120, "--force-offset", 0)
    command(*known, "-o", "free.bsm")
    command(*known, "-o", "near.bsm", "--quantization", "eighth")
    command(*known, "-o", "wide.bsm", "--quantization", "eighth", "--max-snap-error", 60)
    _, out, _ = command(*known, "-o", "all.bsm", "--quantization", "quarter", "--force-quantization")
    late = next(t for t in times(tmp_path / "free.bsm") if 3020 < t < 3060)
    on_grid = [500 * k for k in range(1, 13)]
    assert times(tmp_path / "free.bsm") != on_grid
    assert times(tmp_path / "near.bsm") == sorted([*on_grid[:5], *on_grid[6:], late])
    assert times(tmp_path / "wide.bsm") == times(tmp_path / "all.bsm") == on_grid
    assert out[2].startswith("grid quarter: 92 % near it, ")


def test_force_alone_takes_sixteenths_as_beatsight_does(command: Command, beat: Path, tmp_path: Path) -> None:
    known = ("-i", beat, "--force-bpm", 120, "--force-offset", 0)
    command(*known, "-o", "a.bsm", "--force-quantization")
    assert all(time % 125 == 0 for time in times(tmp_path / "a.bsm"))


def test_a_forced_step_is_a_grid_from_the_offset_on(command: Command, beat: Path, tmp_path: Path) -> None:
    arguments = ("--force-step", 0.3, "--force-offset", 0.1, "--force-bpm", 120, "--force-quantization")
    command("-i", beat, "-o", "a.bsm", *arguments)
    # Not all: strokes of one drum that want one place stay apart.
    assert {(time - 100) % 300 for time in times(tmp_path / "a.bsm")} == {0}
    assert check(tmp_path / "a.bsm")["timing"]["bpm"] == 120


def test_confidence_leaves_out_what_is_less_sure(command: Command, tmp_path: Path) -> None:
    _, out, _ = command("-i", GROOVE, "-o", "a.bsm", "--confidence", 0.7)
    heard = transcribe(GROOVE)
    sure = heard.filter(lambda hit: hit.confidence >= 0.7)
    assert 0 < len(sure) < len(heard)
    assert close(formats.read(tmp_path / "a.bsm"), sure)
    assert out[1].endswith(f", {len(heard) - len(sure)} hits below 0.7 left out")


def test_more_sensitivity_finds_more(command: Command, tmp_path: Path) -> None:
    counts = []
    for sensitivity in (0, 40, 60, 80, 100):
        command("-i", GROOVE, "-o", f"{sensitivity}.bsm", "--sensitivity", sensitivity)
        counts.append(len(check(tmp_path / f"{sensitivity}.bsm")["hitObjects"]))
    assert counts == sorted(counts)
    assert counts[0] < counts[2] < counts[-1]


def test_lanes_and_names_are_written(command: Command, beat: Path, tmp_path: Path) -> None:
    names = ("--title", "T", "--artist", "A", "--creator", "C", "--lanes", "beatsight7")
    command("-i", beat, "-o", "a.bsm", *names)
    document = check(tmp_path / "a.bsm")
    assert [document["metadata"][name] for name in ("title", "artist", "creator")] == ["T", "A", "C"]
    assert {stroke["lane"] for stroke in document["hitObjects"]} == {2, 3}
    assert document["editor"]["visualLanes"] == 7


def test_separated_drums_are_saved_linked_and_heard(
    command: Command, beat: Path, detector_path: Path, tmp_path: Path
) -> None:
    code, out, _ = command("-i", beat, "-o", "a.bsm", "--separation", "hpss")
    assert code == 0
    audio = check(tmp_path / "a.bsm")["audio"]
    assert audio["filename"] == "beat.wav"
    assert audio["drumStem"] == "a.drums.wav"
    assert audio["drumStemHash"] == sha256_of(tmp_path / "a.drums.wav")
    assert out[-1] == "-> a.bsm, a.drums.wav"
    assert close(formats.read(tmp_path / "a.bsm"), transcribe(tmp_path / "a.drums.wav", model=detector_path))
    assert command("-i", beat, "-o", "b.bsm", "--no-separation")[0] == 0
    assert "drumStem" not in check(tmp_path / "b.bsm")["audio"]


def test_the_debug_file_tells_what_was_heard(command: Command, tmp_path: Path) -> None:
    flags = ("--tempo-candidates", "101", "--quantization", "triplet", "--lanes", "generator")
    command("-i", GROOVE, "-o", "a.bsm", "--debug", "d.json", "--confidence", 0.5, *flags)
    debug = json.loads((tmp_path / "d.json").read_text())
    assert set(debug) == {"input", "generated_at", "settings", "detection", "generation"}
    assert debug["settings"]["quantization_grid"] == "triplet"
    assert debug["settings"]["tempo_candidates_hint"] == [101]
    peaks, generation = debug["detection"]["peaks"], debug["generation"]
    document = check(tmp_path / "a.bsm")
    assert generation["hits"] == len(document["hitObjects"]) == len(peaks) - generation["left_out"]
    thresholds = load_model().card.thresholds
    for peak in peaks:
        assert peak["activation"] >= thresholds[peak["lane"]] - 1e-3
    assert sum(debug["detection"]["counts"].values()) == len(peaks)
    assert sum(section["count"] for section in generation["sections"]) == generation["hits"]
    assert sum(generation["lane_stats"]["counts"].values()) == generation["hits"]
    quantization = generation["quantization"]
    assert quantization["grid"] == "triplet"
    assert quantization["step"] == pytest.approx(0.2)
    assert 0 < quantization["coverage"] < 1
    by_tempo = {round(c["bpm"]): c for c in quantization["candidates"]}
    assert set(by_tempo) == {101, 50, 100, 200}
    assert by_tempo[101]["hint"] is True
    assert by_tempo[100]["coverage"] > by_tempo[50]["coverage"]


# Wrong use ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--separation", "hpps"), "--separation: separation 'hpps' is unknown; methods: hpss, "),
        (("--separation", "hpss", "--no-separation"), "--separation: contradicts --no-separation"),
        (("--quantization", "sixtenth"), "--quantization: grid 'sixtenth' is unknown; grids: sixteenth, "),
        (("--quantization", "auto"), "--quantization: grid 'auto' is unknown"),
        (("--quantization", "eighth", "--force-step", "1"), "--quantization: contradicts --force-step"),
        (("--force-step", "0"), "--quantization: step 0 must be 0.001 to 10 seconds"),
        (("--max-snap-error", "-1"), "--quantization: snap error -1 must be 0 to 1000 milliseconds"),
        (("--force-bpm", "0"), "0 bpm is outside 20 to 480"),
        (("--force-offset", "-1"), "-1 must be seconds"),
        (("--tempo-candidates", "90;180"), "'90;180' must be numbers with commas"),
        (("--time-signature", "4-4"), "time signature '4-4'"),
        (("--lanes", "beatsigt7"), "--lanes: lanes 'beatsigt7' are unknown; tables: beatsight7, "),
    ],
)
def test_wrong_use_ends_with_two_and_one_line(
    arguments: tuple[str, ...], message: str, command: Command, beat: Path, tmp_path: Path
) -> None:
    code, out, err = command("-i", beat, "-o", "a.bsm", *arguments)
    assert (code, out) == (2, [])
    assert len(err) == 1
    assert message in err[0]
    assert not (tmp_path / "a.bsm").exists()


@pytest.mark.parametrize("option", [("--sensitivity", "101"), ("--confidence", "1.5"), ("--ml",)])
def test_values_out_of_range_and_flags_of_a_later_version_are_wrong_use(
    option: tuple[str, ...], command: Command, beat: Path
) -> None:
    assert command("-i", beat, "-o", "a.bsm", *option)[0] == 2


def test_another_suffix_is_wrong_use(command: Command, beat: Path) -> None:
    code, _, err = command("-i", beat, "-o", "a.mid")
    assert (code, err) == (2, ["drumlane: -o: a.mid: a BeatSight map is a .bsm file"])


def test_nothing_is_replaced_unasked(command: Command, beat: Path, tmp_path: Path) -> None:
    for name in ("a.bsm", "d.json", "b.drums.wav"):
        (tmp_path / name).write_text("mine")
        output = "b.bsm" if name == "b.drums.wav" else "a.bsm" if name == "a.bsm" else "c.bsm"
        code, _, err = command("-i", beat, "-o", output, "--debug", "d.json", "--separation", "hpss")
        assert (code, err) == (1, [f"drumlane: {name}: already there; pass --force to replace it"])
        assert (tmp_path / name).read_text() == "mine"
        (tmp_path / name).unlink()
    assert command("-i", beat, "-o", beat.with_suffix(".bsm"), "-q") == (0, [], [])
    assert command("-i", beat, "-o", beat.with_suffix(".bsm"), "-q", "--force") == (0, [], [])


def test_what_cannot_be_read_says_so_and_leaves_nothing(command: Command, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF----WAVE")
    for arguments in ((), ("--separation", "hpss"), ("--debug", "d.json")):
        code, _, err = command("-i", "a.wav", "-o", "a.bsm", *arguments)
        assert code == 1
        assert len(err) == 1
        assert err[0].startswith("drumlane: a.wav: ")
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_a_stem_does_not_stay_when_the_map_cannot_be_written(beat: Path, tmp_path: Path) -> None:
    (tmp_path / "a.bsm").mkdir()
    with pytest.raises(Exception, match=r"a\.bsm: cannot be written"):
        process(beat, tmp_path / "a.bsm", ProcessOptions(separation="hpss"))
    assert not stem_beside(tmp_path / "a.bsm").exists()


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv=['drumlane','process','--help']\n"
        "from drumlane.cli.app import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print({'onnxruntime', 'soundfile', 'torch', 'drumlane.pipeline'} & set(sys.modules))"
    )
    out = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert out.splitlines()[-1] == "set()"
    assert "--max-snap-error" in out


# Parts --------------------------------------------------------------------------------------------


@given(thresholds=st.lists(st.floats(0.01, 0.99), min_size=8, max_size=8), at=st.floats(0, 100))
def test_thresholds_fall_with_sensitivity_and_stay_thresholds(thresholds: list[float], at: float) -> None:
    calibrated = {str(number): value for number, value in enumerate(thresholds)}
    assert thresholds_at(60.0, calibrated) == calibrated
    there, more = thresholds_at(at, calibrated), thresholds_at(min(100.0, at + 1), calibrated)
    assert all(0 < value < 1 for value in there.values())
    assert all(more[lane] <= value for lane, value in there.items())


@pytest.mark.parametrize("sensitivity", [-1.0, 100.5, float("nan")])
def test_what_is_no_sensitivity_is_refused(sensitivity: float) -> None:
    with pytest.raises(ConfigError, match="must be 0 to 100"):
        thresholds_at(sensitivity, {})


@given(performance=strategies.performances(longest=60.0), grid=st.sampled_from([Grid.EIGHTH, Grid.TRIPLET]))
def test_snapping_loses_no_stroke_and_moves_none_too_far(performance: Performance, grid: Grid) -> None:
    snapped, fit = snap(performance, 0.0, SnapOptions(grid, max_error=0.012))
    assert snapped.tempo == performance.tempo
    for drum in Drum:
        before = sorted(hit.time for hit in performance if hit.drum is drum)
        after = sorted(hit.time for hit in snapped if hit.drum is drum)
        assert len(before) == len(after)
        assert all(abs(a - b) <= 0.0120001 for a, b in zip(after, before, strict=True))
    assert 0 <= fit.coverage <= 1
    assert fit.mean_error <= fit.max_error + 1e-12


def test_without_a_wish_nothing_moves_and_sixteenths_are_measured() -> None:
    performance = Performance.of(
        [Hit(0.003, Drum.KICK, 90), Hit(0.5, Drum.SNARE, 90), Hit(0.56, Drum.RIDE, 9)]
    )
    same, fit = snap(performance, 0.0, SnapOptions())
    assert same == performance
    assert (fit.grid, fit.step, fit.n_moved) == ("sixteenth", 0.125, 0)
    assert fit.coverage == pytest.approx(2 / 3)
    assert fit.max_error == pytest.approx(0.06)


@given(step=st.floats(0.01, 2.0), offset=st.floats(0.0, 100.0))
def test_an_even_grid_has_a_line_at_its_offset(step: float, offset: float) -> None:
    grid = even_grid(step, offset)
    beats = grid.seconds_to_beats([offset, offset + step, offset + 10 * step])
    np.testing.assert_allclose(beats, np.rint(beats), atol=1e-3)
    np.testing.assert_allclose(np.diff(beats), [1, 9], atol=1e-3)


def test_names_come_from_the_user_then_from_tags_then_from_the_file_name(tmp_path: Path) -> None:
    path = tmp_path / "Some Band - Some Song.flac"
    sound = np.zeros((4410, 1), np.float32)
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1, "PCM_16", format="FLAC") as file:
        file.write(sound)
    assert named(path, Song()) == (Song("Some Song", "Some Band", audio=path), "file name")
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1, "PCM_16", format="FLAC") as file:
        file.title, file.artist, file.album, file.genre = "Tag", "Tagged", "Disc", "Jazz"
        file.write(sound)
    tagged, origin = named(path, Song())
    assert (tagged, origin) == (Song("Tag", "Tagged", "Disc", "Jazz", audio=path), "file tags")
    given, origin = named(path, Song(title="Mine"))
    assert (given.title, given.artist, origin) == ("Mine", "Tagged", "given")
    plain = path.rename(tmp_path / "plain.flac")
    assert named(plain, Song())[0].title == "Tag"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"confidence": 1.5}, "confidence 1.5 must be 0 to 1"),
        ({"sensitivity": -3}, "sensitivity -3 must be 0 to 100"),
        ({"lanes": "nine"}, "lanes 'nine' are unknown"),
        ({"separation": "magic"}, "separation 'magic' is unknown"),
    ],
)
def test_options_are_checked_when_they_are_made(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ProcessOptions(**options)


def test_process_is_a_python_call_with_a_frozen_result(
    beat: Path, detector_path: Path, tmp_path: Path
) -> None:
    fractions: list[float] = []
    model = load_model(detector_path)
    options = ProcessOptions(beats=BeatOptions(bpm=120, offset=0.0), snapping=SnapOptions(Grid.SIXTEENTH))
    result = process(
        str(beat), str(tmp_path / "a.bsm"), options, tmp_path / "d.json", model, fractions.append
    )
    assert result.output == tmp_path / "a.bsm"
    assert result.debug == tmp_path / "d.json"
    assert result.n_heard == len(result.performance) == 12
    assert result.performance.tempo == TempoMap.constant(120)
    assert close(formats.read(tmp_path / "a.bsm"), replace(result.performance, song=Song()))
    assert 0 < result.confidence <= 1
    assert fractions[-1] == 1.0
    with pytest.raises(AttributeError):
        result.confidence = 1.0  # type: ignore[misc]


def test_a_damaged_recording_is_used_as_far_as_it_goes_only_when_asked(
    beat: Path, detector_path: Path, tmp_path: Path
) -> None:
    model = load_model(detector_path)
    short = tmp_path / "short.wav"
    short.write_bytes(beat.read_bytes()[:150_000])
    with pytest.raises(AudioError, match=r"short\.wav"):
        process(short, tmp_path / "a.bsm")
    for method in ("none", "hpss"):
        result = process(
            short, tmp_path / "a.bsm", ProcessOptions(partial=True, separation=method), model=model
        )
        assert 3 <= len(result.performance) <= 6
