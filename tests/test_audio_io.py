"""Sound files: every rate and format lands on the right sample, every broken file is one clear line."""

import logging
import os
import shutil
import tracemalloc
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import strategies
from drumlane.audio.blocks import cut, mono_blocks_of_array, resampled
from drumlane.audio.io import Audio, probe, read_audio, stream_audio, write_audio
from drumlane.audio.libsndfile import ENCODINGS
from drumlane.errors import AudioError, DamagedAudioError

RATE = 44100
CLICKS = (0.0, 0.5, 1.25, 1.9)  # seconds
LOSSLESS = {".wav", ".flac"}
MP3_RATES = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000}
OPUS_RATES = {8000, 12000, 16000, 24000, 48000}


def clicks(rate: int, seconds: float = 2.0) -> NDArray[np.float32]:
    samples = np.zeros(round(rate * seconds), np.float32)
    samples[[round(time * rate) for time in CLICKS]] = 0.5
    return samples


def tone(rate: int = RATE, seconds: float = 1.0, hz: float = 440.0) -> NDArray[np.float32]:
    return np.asarray(0.5 * np.sin(2 * np.pi * hz * np.arange(round(rate * seconds)) / rate), np.float32)


def joined(blocks: Iterator[NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.concatenate(list(blocks))


def supported(suffix: str, rate: int) -> bool:
    return rate in {".mp3": MP3_RATES, ".opus": OPUS_RATES}.get(suffix, {rate})


# Times and lengths --------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 192000])
@pytest.mark.parametrize("suffix", ENCODINGS)
def test_clicks_stay_on_their_samples_at_every_rate_and_format(
    suffix: str, rate: int, tmp_path: Path
) -> None:
    path = tmp_path / f"clicks{suffix}"
    if not supported(suffix, rate):
        with pytest.raises(AudioError, match=rf"clicks{suffix}: {rate} Hz with 1 channels cannot be written"):
            write_audio(path, Audio(clicks(rate), rate))
        return
    write_audio(path, Audio(clicks(rate), rate))
    samples = joined(stream_audio(path, RATE, block_seconds=0.3))
    assert len(samples) == 2 * RATE
    for time in CLICKS:
        near = slice(max(0, round((time - 0.1) * RATE)), round((time + 0.1) * RATE))
        found = near.start + int(np.abs(samples[near]).argmax())
        # A lossy codec at a low rate smears a click; its peak stays within the length of one source sample.
        tolerance = 0 if suffix in LOSSLESS and rate >= RATE else 1 + RATE // rate
        assert abs(found - round(time * RATE)) <= tolerance


@given(st.integers(1, 30_000), st.sampled_from([8000, 11025, 22050, 48000, 96000, 192000]))
@settings(deadline=None, max_examples=40)
def test_the_length_after_resampling_is_the_rounded_ratio(n_samples: int, rate: int) -> None:
    blocks = resampled([np.zeros(n_samples, np.float32)], rate, RATE)
    assert sum(map(len, blocks)) == max(1, round(n_samples * RATE / rate))


@given(strategies.signals(), strategies.cut_points)
@settings(deadline=None, max_examples=40)
def test_resampling_in_blocks_gives_what_the_whole_gives(
    signal: NDArray[np.float32], cuts: list[float]
) -> None:
    if len(signal) == 0:
        return
    pieces = joined(resampled(strategies.pieces_of(signal, cuts), 48000, RATE))
    np.testing.assert_allclose(pieces, joined(resampled([signal], 48000, RATE)), atol=1e-6)


@given(strategies.signals(), strategies.cut_points, st.integers(1, 3000))
def test_cutting_keeps_every_sample_and_makes_equal_blocks(
    signal: NDArray[np.float32], cuts: list[float], length: int
) -> None:
    blocks = list(cut(strategies.pieces_of(signal, cuts), length))
    assert {len(block) for block in blocks[:-1]} <= {length}
    assert all(0 < len(block) <= length for block in blocks)
    if len(signal):
        np.testing.assert_array_equal(np.concatenate(blocks), signal)


@pytest.mark.parametrize("rate", [8000, 48000, 96000])
def test_a_tone_keeps_its_level_and_pitch(rate: int, tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", Audio(tone(rate), rate))
    middle = slice(RATE // 4, 3 * RATE // 4)
    samples = read_audio(tmp_path / "a.wav", RATE).samples
    np.testing.assert_allclose(samples[middle], tone(RATE)[middle], atol=2e-3)


def test_blocks_have_the_asked_length_but_the_last(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", Audio(tone(RATE, 2.5), RATE))
    assert [len(block) for block in stream_audio(tmp_path / "a.wav", RATE, 1.0)] == [RATE, RATE, RATE // 2]


def test_memory_does_not_grow_with_the_length_of_the_file(tmp_path: Path) -> None:
    def peak(seconds: int) -> int:
        path = tmp_path / f"{seconds}.wav"
        soundfile.write(path, np.zeros((seconds * 48000, 2), np.int16), 48000)
        tracemalloc.start()
        for _ in stream_audio(path, RATE, block_seconds=1.0):
            pass
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(1)
    assert peak(60) < 1.5 * peak(6)


# Channels, rates, ends ----------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 2, 10])
def test_channels_are_averaged(channels: int, tmp_path: Path) -> None:
    levels = np.linspace(-0.5, 0.9, channels, dtype=np.float32)
    soundfile.write(tmp_path / "a.wav", np.tile(levels, (1000, 1)), RATE, subtype="FLOAT")
    np.testing.assert_allclose(joined(stream_audio(tmp_path / "a.wav", RATE)), levels.mean(), atol=1e-6)
    assert read_audio(tmp_path / "a.wav", mono=False).samples.shape == (1000, channels)


def test_channels_can_be_kept_while_resampling(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", Audio(np.stack([tone(48000), 0 * tone(48000)], axis=1), 48000))
    kept = read_audio(tmp_path / "a.wav", RATE, mono=False)
    assert kept.samples.shape == (RATE, 2)
    assert np.abs(kept.samples[:, 0]).max() == pytest.approx(0.5, abs=0.02)
    assert np.abs(kept.samples[:, 1]).max() == 0.0


def test_a_single_sample_is_a_sound(tmp_path: Path) -> None:
    for rate in (8000, RATE, 192000):
        write_audio(tmp_path / "a.wav", Audio(np.array([0.5], np.float32), rate))
        assert len(joined(stream_audio(tmp_path / "a.wav", RATE))) == max(1, round(RATE / rate))


@pytest.mark.parametrize("suffix", ENCODINGS)
def test_probe_says_what_is_in_the_header(suffix: str, tmp_path: Path) -> None:
    stereo = np.stack([tone(48000), tone(48000)], axis=1)
    write_audio(tmp_path / f"a{suffix}", Audio(stereo, 48000))
    header = probe(tmp_path / f"a{suffix}")
    assert (header.sample_rate, header.channels) == (48000, 2)
    assert header.duration == pytest.approx(1.0, abs=0.001)


@pytest.mark.parametrize(
    "name",
    [
        "two words.wav",
        "schön 太鼓 🥁.wav",
        "two\nlines.wav",
        "-o.wav",
        "a:b.wav",
        "%s.wav",
        os.fsdecode(b"caf\xe9/caf\xe9.wav"),
    ],
)
def test_names_may_hold_anything(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).parent.mkdir(exist_ok=True)
    write_audio(name, Audio(tone(), RATE))
    assert probe(name).duration == 1.0
    assert list(Path(name).parent.iterdir()) == [Path(name)]


# Writing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suffix", "tolerance"), [(".wav", 4e-5), (".flac", 4e-5), (".ogg", 0.02), (".mp3", 0.02)]
)
@pytest.mark.parametrize("channels", [1, 2])
def test_what_is_written_is_read_back(suffix: str, tolerance: float, channels: int, tmp_path: Path) -> None:
    samples = np.stack([tone(hz=330.0 * (i + 1)) for i in range(channels)], axis=1)
    write_audio(tmp_path / f"a{suffix}", Audio(samples, RATE))
    back = read_audio(tmp_path / f"a{suffix}", mono=False)
    assert (back.sample_rate, back.samples.shape) == (RATE, samples.shape)
    middle = slice(2000, -2000)
    np.testing.assert_allclose(back.samples[middle], samples[middle], atol=tolerance)


@pytest.mark.parametrize("suffix", ENCODINGS)
def test_a_file_read_in_blocks_is_the_file_read_whole(suffix: str, tmp_path: Path) -> None:
    # soundfile's own blocks are not: it seeks after each, which breaks mp3.
    path = tmp_path / f"a{suffix}"
    write_audio(path, Audio(np.random.default_rng(1).uniform(-0.5, 0.5, 5 * 48000).astype(np.float32), 48000))
    whole, _ = soundfile.read(path, dtype="float32")
    # Optimised mp3 decoders round differently from call to call, in the last bit.
    np.testing.assert_allclose(joined(stream_audio(path, 48000, block_seconds=0.3)), whole, atol=1e-6)


@pytest.mark.parametrize("suffix", ENCODINGS)
def test_a_sound_beyond_full_scale_is_written_quieter_and_never_wraps(
    suffix: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    loud = 8.0 * tone(48000)
    with caplog.at_level(logging.WARNING):
        write_audio(tmp_path / f"a{suffix}", Audio(loud, 48000))
    back = read_audio(tmp_path / f"a{suffix}").samples
    np.testing.assert_allclose(back[2000:-2000], (loud / np.abs(loud).max())[2000:-2000], atol=0.05)
    assert "12.0 dB above full scale; written quieter by that much" in caplog.text


def test_full_scale_itself_is_kept_as_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_audio(tmp_path / "a.wav", Audio(np.array([1.0, -1.0, 0.5], np.float32), RATE))
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav").samples, [1.0, -1.0, 0.5], atol=4e-5)
    assert caplog.records == []


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_not_finite_are_not_written(value: float, tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"a\.wav: some samples are not finite; nothing was written"):
        write_audio(tmp_path / "a.wav", Audio(np.array([0.0, value], np.float32), RATE))
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_suffix_lists_the_known_nearest_first(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"a\.wave: cannot write '\.wave'; suffixes: \.wav, "):
        write_audio(tmp_path / "a.wave", Audio(tone(), RATE))


def test_nothing_to_write_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="there are none"):
        write_audio(tmp_path / "a.wav", Audio(np.zeros(0, np.float32), RATE))


def test_a_write_that_fails_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(b"old")
    with pytest.raises(AudioError, match=r"a\.mp3: 96000 Hz with 1 channels cannot be written as \.mp3"):
        write_audio(tmp_path / "a.mp3", Audio(tone(96000), 96000))
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.mp3", b"old")]


def test_writing_into_a_missing_folder_or_onto_a_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="its folder does not exist"):
        write_audio(tmp_path / "none" / "a.wav", Audio(tone(), RATE))
    (tmp_path / "a.wav").mkdir()
    with pytest.raises(AudioError, match=r"a\.wav: cannot be written \(Is a directory\)"):
        write_audio(tmp_path / "a.wav", Audio(tone(), RATE))
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


# Broken files -------------------------------------------------------------------------------------


def refused(path: Path) -> str:
    with pytest.raises(AudioError) as caught:
        joined(stream_audio(path, RATE))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_missing_file_a_folder_and_an_empty_file_say_so(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    assert refused(path) == f"{path}: no such file"
    path.touch()
    assert refused(path) == f"{path}: is empty (0 bytes)"
    path.unlink()
    path.mkdir()
    assert refused(path) == f"{path}: is a folder; pass a sound file"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.wav")
    assert "is not a regular file" in refused(tmp_path / "a.wav")


def test_a_name_with_a_null_byte_is_refused() -> None:
    assert "cannot be read (embedded null byte)" in refused(Path("a\0.wav"))


@pytest.fixture
def forbidden(tmp_path: Path) -> Iterator[Path]:
    """Yield a file that may not be read, not even by root, whose right to it is given up meanwhile."""
    path = tmp_path / "secret.wav"
    write_audio(path, Audio(tone(), RATE))
    path.chmod(0)
    user = os.geteuid()
    os.seteuid(user or 65534)
    yield path
    os.seteuid(user)


def test_a_file_without_permission_says_so(forbidden: Path) -> None:
    assert refused(forbidden) == f"{forbidden}: cannot be read (Permission denied)"


def test_a_header_without_samples_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros((0, 2)), RATE)
    assert refused(tmp_path / "a.wav") == f"{tmp_path / 'a.wav'}: holds no samples"


@pytest.mark.parametrize("suffix", [*ENCODINGS, ".m4a", ".raw", ".txt", ""])
def test_text_under_the_name_of_a_sound_is_refused(suffix: str, tmp_path: Path, capfd) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_text("this is no sound at all\n" * 100)
    assert refused(path).startswith(f"{path}: ")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("suffix", ENCODINGS)
@pytest.mark.parametrize("kept", [1, 10, 60])
def test_a_file_cut_inside_its_header_is_refused(suffix: str, kept: int, tmp_path: Path) -> None:
    write_audio(tmp_path / f"whole{suffix}", Audio(np.stack([tone(48000)] * 2, axis=1), 48000))
    path = tmp_path / f"cut{suffix}"
    path.write_bytes((tmp_path / f"whole{suffix}").read_bytes()[: min(kept, 44)])
    assert refused(path).startswith(f"{path}: ")


@pytest.mark.parametrize("suffix", ENCODINGS)
def test_a_file_cut_in_the_middle_is_refused_or_used_as_far_as_it_goes(
    suffix: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, 4 * 48000).astype(np.float32)
    path = tmp_path / f"cut{suffix}"
    write_audio(path, Audio(noise, 48000))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DamagedAudioError) as refusal:
        joined(stream_audio(path, RATE))
    with caplog.at_level(logging.WARNING):
        samples = joined(stream_audio(path, RATE, partial=True))
    assert 0.5 < len(samples) / RATE < 2.5
    said = f"{path}: damaged or cut off after {len(samples) / RATE:.2f} s; "
    assert str(refusal.value) == said + "get it again, or use that part with --partial"
    assert [record.getMessage() for record in caplog.records] == [said + "only that part is used"]


def test_a_whole_file_gives_no_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for suffix in ENCODINGS:
            write_audio(tmp_path / f"a{suffix}", Audio(tone(48000, 3.0), 48000))
            joined(stream_audio(tmp_path / f"a{suffix}", RATE))
    assert caplog.records == []


def test_a_wav_from_a_pipe_whose_header_promises_everything_gives_no_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_audio(tmp_path / "a.wav", Audio(tone(), RATE))
    content = bytearray((tmp_path / "a.wav").read_bytes())
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"
    (tmp_path / "a.wav").write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert len(joined(stream_audio(tmp_path / "a.wav", RATE))) == RATE
    assert caplog.records == []


@pytest.mark.parametrize(("value", "name"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")])
def test_a_sample_that_is_not_finite_names_its_time(value: float, name: str, tmp_path: Path) -> None:
    stereo = np.zeros((3 * RATE, 2), np.float32)
    stereo[2 * RATE + RATE // 4, 1] = value
    soundfile.write(tmp_path / "a.wav", stereo, RATE, subtype="FLOAT")
    assert f"a.wav: the sample at 2.250 s is {name}; repair or export the sound again" in refused(
        tmp_path / "a.wav"
    )


def test_a_header_with_an_impossible_rate_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(), 3)
    assert "its header says 3 Hz, which no sound has" in refused(tmp_path / "a.wav")


def test_a_name_with_a_newline_stays_on_one_line(tmp_path: Path) -> None:
    assert r"two\nlines.wav" in refused(tmp_path / "two\nlines.wav")


@given(st.binary(min_size=1, max_size=400), st.sampled_from([*ENCODINGS, ".aiff", ".m4a"]))
@settings(deadline=None, max_examples=60)
def test_any_bytes_give_samples_or_an_audio_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"bytes{suffix}"
    path.write_bytes(content)
    try:
        assert len(joined(stream_audio(path, RATE))) > 0
    except AudioError as error:
        message = str(error)
    else:
        return
    assert message.startswith(str(path))
    assert "\n" not in message


# Arrays -------------------------------------------------------------------------------------------


def of_array(samples: object, rate: int = RATE) -> NDArray[np.float32]:
    return joined(mono_blocks_of_array(samples, rate, RATE))


def test_an_array_gives_what_its_file_gives(tmp_path: Path) -> None:
    stereo = np.stack([tone(48000), 0.5 * tone(48000, hz=900.0)], axis=1)
    soundfile.write(tmp_path / "a.wav", stereo, 48000, subtype="FLOAT")
    np.testing.assert_array_equal(of_array(stereo, 48000), joined(stream_audio(tmp_path / "a.wav", RATE)))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_are_taken_as_they_are(dtype: type) -> None:
    np.testing.assert_array_equal(of_array(np.array([0.5, -1.0, 2.0], dtype)), np.float32([0.5, -1.0, 2.0]))


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.uint8, np.uint16])
def test_integers_are_scaled_to_full_scale(dtype: type) -> None:
    limits = np.iinfo(dtype)
    samples = of_array(
        np.array([limits.min, (int(limits.min) + int(limits.max) + 1) // 2, limits.max], dtype)
    )
    np.testing.assert_allclose(samples, [-1.0, 0.0, 1.0], atol=2.0 / 2**limits.bits + 1e-7)


def test_a_plain_list_is_an_array() -> None:
    np.testing.assert_array_equal(of_array([0.25, -0.25]), np.float32([0.25, -0.25]))


@pytest.mark.parametrize("dtype", [np.int64, np.bool_, np.complex64, np.str_])
def test_numbers_without_full_scale_are_refused(dtype: type) -> None:
    with pytest.raises(TypeError, match="has no full scale; pass floats within"):
        of_array(np.zeros(4).astype(dtype))


def test_channels_first_is_refused_with_the_way_out() -> None:
    with pytest.raises(
        ValueError, match=r"\(2, 1000\) looks like \(channels, n\); pass \(n, channels\), .*samples\.T"
    ):
        of_array(np.zeros((2, 1000), np.float32))


@pytest.mark.parametrize("shape", [(), (2, 3, 4)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"must be \(n,\) or \(n, channels\)"):
        of_array(np.zeros(shape, np.float32))


def test_an_array_with_a_nan_names_its_time() -> None:
    samples = tone()
    samples[RATE // 2] = np.nan
    with pytest.raises(AudioError, match=r"samples: the sample at 0\.500 s is nan"):
        of_array(samples)


def test_an_empty_array_is_refused() -> None:
    with pytest.raises(AudioError, match="samples: there are none"):
        of_array(np.zeros(0, np.float32))


@pytest.mark.parametrize("rate", [0, -44100, 10_000_000])
def test_a_rate_that_no_sound_has_is_refused(rate: int) -> None:
    with pytest.raises(ValueError, match=f"sample_rate={rate} must be in"):
        of_array(tone(), rate)


# Media --------------------------------------------------------------------------------------------

MEDIA = {".m4a": ("aac", 44100), ".mp4": ("aac", 48000), ".mka": ("aac", 44100), ".webm": ("libopus", 48000)}


def write_media(path: Path, codec: str, samples: NDArray[np.float32], rate: int) -> Path:
    """Encode mono samples with PyAV."""
    av = pytest.importorskip("av", reason="needs the media extra (PyAV) to make the file")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        fitted = av.AudioResampler(
            format=stream.codec_context.format.name,
            layout="mono",
            rate=rate,
            frame_size=stream.codec_context.frame_size,
        )
        for piece in [*fitted.resample(frame), *fitted.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(params=["PyAV", "ffmpeg"])
def media_decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Leave one way to decode media."""
    if request.param == "ffmpeg":
        if shutil.which("ffmpeg") is None:
            pytest.skip("needs an ffmpeg program on PATH")
        monkeypatch.setattr("drumlane.audio.media._av_installed", lambda: False)
    return str(request.param)


@pytest.mark.parametrize("suffix", MEDIA)
@pytest.mark.usefixtures("media_decoder")
def test_clicks_in_media_stay_where_they_are(suffix: str, tmp_path: Path) -> None:
    codec, rate = MEDIA[suffix]
    path = write_media(tmp_path / f"a{suffix}", codec, clicks(rate), rate)
    samples = joined(stream_audio(path, RATE))
    assert len(samples) / RATE == pytest.approx(2.0, abs=0.05)  # codecs fill up their last frame
    for time in CLICKS[1:]:
        near = slice(round((time - 0.1) * RATE), round((time + 0.1) * RATE))
        assert abs(near.start + int(np.abs(samples[near]).argmax()) - round(time * RATE)) <= 1
    assert probe(path).sample_rate == rate


@pytest.mark.usefixtures("media_decoder")
def test_media_that_is_no_media_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "song.m4a"
    path.write_text("this is no sound at all\n" * 100)
    assert refused(path).startswith(f"{path}: not a sound that can be decoded (")


@pytest.mark.usefixtures("media_decoder")
def test_media_cut_off_gives_its_beginning(tmp_path: Path) -> None:
    path = write_media(tmp_path / "a.mka", "aac", tone(seconds=4.0), RATE)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert 0.3 < len(joined(stream_audio(path, RATE))) / RATE < 3.0


@pytest.mark.usefixtures("media_decoder")
def test_reading_media_can_be_given_up_early(tmp_path: Path) -> None:
    path = write_media(tmp_path / "a.m4a", "aac", tone(seconds=20.0), RATE)
    blocks = stream_audio(path, RATE, block_seconds=0.5)
    assert len(next(blocks)) == RATE // 2
    blocks.close()  # type: ignore[attr-defined]


@pytest.mark.usefixtures("media_decoder")
def test_a_video_without_sound_says_so(tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="needs the media extra (PyAV) to make the file")
    path = tmp_path / "silent.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=24)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
        container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    assert refused(path).startswith(f"{path}: ")


@pytest.fixture
def no_media_decoder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("drumlane.audio.media._av_installed", lambda: False)
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("no_media_decoder")
def test_without_pyav_and_ffmpeg_the_error_names_both(tmp_path: Path) -> None:
    (tmp_path / "a.m4a").write_bytes(b"something")
    assert refused(tmp_path / "a.m4a") == (
        f"{tmp_path / 'a.m4a'}: .m4a needs PyAV or ffmpeg; "
        "run: pip install 'drumlane[media]', or put an ffmpeg program on PATH"
    )


@pytest.mark.usefixtures("no_media_decoder")
def test_without_pyav_and_ffmpeg_a_broken_wav_is_just_broken(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"something")
    assert refused(tmp_path / "a.wav") == (
        f"{tmp_path / 'a.wav'}: not a sound that can be decoded (Format not recognised); check the file"
    )


def test_blocks_are_contiguous_in_time(tmp_path: Path) -> None:
    ramp = np.linspace(-0.9, 0.9, 3 * RATE, dtype=np.float32)
    soundfile.write(tmp_path / "a.wav", ramp, RATE, subtype="FLOAT")
    blocks = list(stream_audio(tmp_path / "a.wav", RATE, block_seconds=0.7))
    assert all(before[-1] < after[0] for before, after in pairwise(blocks))
    np.testing.assert_array_equal(np.concatenate(blocks), ramp)
