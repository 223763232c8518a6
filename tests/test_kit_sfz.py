"""SFZ kits: what a sampler would play is what the kit holds; broken files are refused in one line."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drumlane.errors import AudioError, DatasetError, DrumlaneError
from drumlane.performance import Hit, Performance
from drumlane.rendering.kit_sfz import read_sfz
from drumlane.rendering.kits import SAMPLE_RATE
from drumlane.rendering.render import RenderOptions, render
from drumlane.rendering.sfz_text import MAX_FILES, read_regions
from drumlane.vocabulary import NOTE_OF_DRUM, Drum
from kit_material import SILENT, bands, peaks, write_sound

QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def write_sfz(folder: Path, text: str, name: str = "kit.sfz", sounds: str = "") -> Path:
    """Write an SFZ file and the sounds that it names."""
    for sound in sounds.split():
        write_sound(folder / sound)
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def opcodes(folder: Path, text: str) -> list[dict[str, str]]:
    return [dict(region.opcodes) for region in read_regions(write_sfz(folder, text), folder)]


def test_a_simple_kit_on_general_midi_keys(tmp_path: Path) -> None:
    text = """
        // a comment with <region> sample=none.wav in it
        <control> default_path=Samples/
        <global> loop_mode=one_shot /* and <region>
        another */
        <region>key=36 sample=a.wav
        <region> key=d2 sample=b.wav
        <group> group=1 off_by=1
        <region> key=F#2 sample=c c.wav volume=-6
        <region> sample=d.wav key=A#2
        <region> key=Bb4 sample=e.wav
    """
    write_sound(tmp_path / "Samples" / "c c.wav")
    kit = read_sfz(
        write_sfz(tmp_path, text, sounds="Samples/a.wav Samples/b.wav Samples/d.wav Samples/e.wav")
    )
    assert set(kit.pieces) == {Drum.KICK, Drum.SNARE, Drum.HIHAT_CLOSED, Drum.HIHAT_OPEN, Drum.SHAKER}
    assert kit.name == kit.family == "kit"
    assert [piece.drum for piece in kit.percussion] == [Drum.SHAKER]
    sample = kit.pieces[Drum.KICK].layers[0].samples[0]
    assert sample.onset == SILENT


def test_loudness_beside_each_other_is_kept_and_the_loudest_peaks_at_full_scale(tmp_path: Path) -> None:
    write_sound(tmp_path / "kick.wav", 0.4)
    write_sound(tmp_path / "snare.wav", 0.4)
    write_sound(tmp_path / "hat.wav", 0.4)
    text = """
        <global> volume=-3 <group> group_volume=-3
        <region> key=36 sample=kick.wav volume=0
        <region> key=38 sample=snare.wav amplitude=50 volume=0
        <region> key=42 sample=hat.wav volume=-6.0206
    """
    kit = read_sfz(write_sfz(tmp_path, text))
    drums = (Drum.KICK, Drum.SNARE, Drum.HIHAT_CLOSED)
    assert [peaks(kit.pieces[d].layers[0], kit.pieces[d])[0] for d in drums] == [1.0, 0.5, 0.5]


def test_regions_inherit_and_headers_reset_what_is_below_them(tmp_path: Path) -> None:
    text = """
        <global> a=global b=global c=global d=global
        <master> b=master c=master d=master
        <group> c=group d=group
        <region> d=region
        <region>
        <group>
        <region>
        <master>
        <region>
        <effect> a=effect
        <region>
    """
    got = [tuple(region[name] for name in "abcd") for region in opcodes(tmp_path, text)]
    assert got == [
        ("global", "master", "group", "region"),
        ("global", "master", "group", "group"),
        ("global", "master", "master", "master"),
        ("global", "global", "global", "global"),
        ("global", "global", "global", "global"),
    ]


def test_defines_hold_from_where_they_stand_and_the_longest_name_wins(tmp_path: Path) -> None:
    text = """
        #define $HAT 42 #define $HATCV 7
        #define $both $HAT-$HATCV
        <region> key=$HAT locc$HATCV=$HATCVx other=$both.$unknown
        #define $HAT 46
        <region> key=$HAT
    """
    first, second = opcodes(tmp_path, text)
    assert first["lokey"] == first["hikey"] == first["pitch_keycenter"] == "42"
    assert (first["locc7"], first["other"]) == ("7x", "42-7.$unknown")
    assert second["lokey"] == "46"


def test_includes_are_read_from_the_first_files_folder_and_continue_the_header(tmp_path: Path) -> None:
    (tmp_path / "Data" / "deep").mkdir(parents=True)
    (tmp_path / "Data" / "groups.txt").write_text('key=38 #include "Data/deep/snare.txt"', encoding="utf-8")
    (tmp_path / "Data" / "deep" / "snare.txt").write_text(
        '<region> sample=$name.wav #include "beside.txt"', encoding="utf-8"
    )
    (tmp_path / "Data" / "deep" / "beside.txt").write_text("volume=3", encoding="utf-8")
    text = (
        '#define $name one <group> #include "Data/groups.txt" #define $name two\n#include "Data\\groups.txt"'
    )
    got = opcodes(tmp_path, text)
    assert [region["sample"] for region in got] == ["one.wav", "two.wav"]
    assert all(region["lokey"] == "38" and region["volume"] == "3" for region in got)


LAYERS = st.lists(
    st.tuples(st.integers(1, 127), st.integers(1, 4)), min_size=1, max_size=6, unique_by=lambda x: x[0]
)


@QUICK
@given(
    layers=LAYERS,
    drum=st.sampled_from([Drum.KICK, Drum.SNARE, Drum.CRASH, Drum.HIHAT_PEDAL]),
    random=st.booleans(),
)
def test_the_layers_written_are_the_layers_read(
    tmp_path: Path, layers: list[tuple[int, int]], drum: Drum, random: bool
) -> None:
    low, text, expected, levels = 1, f"<group> key={NOTE_OF_DRUM[drum]}\n", [], []
    for number, (high, n_takes) in enumerate(sorted(layers)):
        expected.append((low, high, n_takes))
        for take in range(n_takes):
            level = round(0.05 + 0.09 * number + 0.02 * take, 3)
            levels.append(level)
            write_sound(tmp_path / f"{number}-{take}.wav", level)
            turn = (
                f"lorand={take / n_takes:.4f} hirand={(take + 1) / n_takes:.4f}"
                if random
                else f"seq_length={n_takes} seq_position={take + 1}"
            )
            text += f"<region> lovel={low} hivel={high} sample={number}-{take}.wav {turn}\n"
        low = high + 1
    piece = read_sfz(write_sfz(tmp_path, text)).pieces[drum]
    assert bands(piece) == expected
    played = [peak for layer in piece.layers for peak in peaks(layer, piece)]
    np.testing.assert_allclose(played, np.array(levels) / max(levels), atol=2e-3)


def test_microphones_that_sound_together_are_added_and_round_robins_are_not(tmp_path: Path) -> None:
    write_sound(tmp_path / "near.wav", 0.3)
    write_sound(tmp_path / "far.wav", 0.1)
    write_sound(tmp_path / "other.wav", 0.2)
    text = """
        <global> key=38
        <region> sample=near.wav seq_length=2 seq_position=1
        <region> sample=other.wav seq_length=2 seq_position=2
        <global> key=38
        <region> sample=far.wav
    """
    piece = read_sfz(write_sfz(tmp_path, text)).pieces[Drum.SNARE]
    assert bands(piece) == [(1, 127, 2)]
    np.testing.assert_allclose(peaks(piece.layers[0], piece), [1.0, 0.75], atol=1e-3)


def test_sequence_and_chance_together_make_a_take_of_each(tmp_path: Path) -> None:
    text = "<group> key=42 seq_length=2\n"
    for turn in (1, 2):
        for part in range(3):
            chance = f"lorand={part / 3:.4f} hirand={(part + 1) / 3:.4f}"
            text += f"<region> sample={turn}{part}.wav seq_position={turn} {chance}\n"
            write_sound(tmp_path / f"{turn}{part}.wav", 0.1 * (turn + part))
    assert bands(read_sfz(write_sfz(tmp_path, text)).pieces[Drum.HIHAT_CLOSED]) == [(1, 127, 6)]


def test_a_crossfade_of_velocities_becomes_a_switch_half_way(tmp_path: Path) -> None:
    text = """
        <group> key=36
        <region> sample=soft.wav lovel=1 hivel=82 xfout_lovel=66 xfout_hivel=82
        <region> sample=hard.wav lovel=66 hivel=127 xfin_lovel=66 xfin_hivel=82
    """
    piece = read_sfz(write_sfz(tmp_path, text, sounds="soft.wav hard.wav")).pieces[Drum.KICK]
    assert bands(piece) == [(1, 74, 1), (75, 127, 1)]


def test_controllers_and_keyswitches_stay_where_the_file_starts(tmp_path: Path) -> None:
    for level, name in (
        (0.1, "half.wav"),
        (0.3, "open.wav"),
        (0.5, "dry.wav"),
        (0.7, "mute.wav"),
        (0.9, "other.wav"),
    ):
        write_sound(tmp_path / name, level)
    text = """
        <control> set_cc4=100 set_hdcc20=0.5
        <global> sw_default=12 amplitude_oncc20=200
        <region> key=46 sample=half.wav hicc4=63
        <region> key=46 sample=open.wav locc4=64
        <region> key=36 sample=dry.wav sw_last=12 locc131=100
        <region> key=36 sample=other.wav sw_last=13
        <region> key=36 sample=mute.wav locc30=1
        <region> key=36 sample=mute.wav trigger=release
        <region> key=36 sample=mute.wav end=-1
        <region> key=36 sample=*silence
        <region> hikey=-1 lokey=-1 on_locc64=1 sample=mute.wav
    """
    kit = read_sfz(write_sfz(tmp_path, text))
    opened, kick = kit.pieces[Drum.HIHAT_OPEN], kit.pieces[Drum.KICK]
    assert (peaks(kick.layers[0], kick), peaks(opened.layers[0], opened)) == ([1.0], [0.6])


def test_offset_and_end_are_counted_in_the_files_own_frames(tmp_path: Path) -> None:
    write_sound(tmp_path / "kick.wav", rate=88_200)
    text = "<region> key=36 sample=kick.wav offset=60 end=2259"
    sample = read_sfz(write_sfz(tmp_path, text)).pieces[Drum.KICK].layers[0].samples[0]
    assert len(sample.samples) == 1100
    assert sample.onset == pytest.approx((SILENT - 60) / 2, abs=2)


def test_stereo_at_another_rate_becomes_mono_at_the_kits_rate(tmp_path: Path) -> None:
    write_sound(tmp_path / "kick.flac.wav", rate=48_000, channels=2)
    sample = (
        read_sfz(write_sfz(tmp_path, "<region> key=36 sample=kick.flac.wav"))
        .pieces[Drum.KICK]
        .layers[0]
        .samples[0]
    )
    assert sample.samples.ndim == 1
    assert len(sample.samples) == pytest.approx((SILENT + 4800) * 44.1 / 48, abs=2)
    assert sample.onset == pytest.approx(SILENT * 44.1 / 48, abs=3)


def test_a_sample_on_several_keys_is_transposed_and_on_one_key_it_is_not(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.wav", hz=400)
    write_sound(tmp_path / "b.wav", hz=400)
    text = """
        <region> sample=a.wav lokey=45 hikey=48 pitch_keycenter=47
        <region> sample=b.wav lokey=36 hikey=36 pitch_keycenter=60
        <region> sample=b.wav key=38 transpose=11 tune=100
    """
    kit = read_sfz(write_sfz(tmp_path, text))

    def hz(drum: Drum) -> float:
        sound = kit.pieces[drum].layers[0].samples[0].samples
        return float(np.argmax(np.abs(np.fft.rfft(sound, 1 << 17))) * SAMPLE_RATE / (1 << 17))

    assert hz(Drum.TOM_MID) == pytest.approx(400, rel=0.02)
    assert hz(Drum.TOM_HIGH) == pytest.approx(400 * 2 ** (1 / 12), rel=0.02)
    assert hz(Drum.KICK) == pytest.approx(400, rel=0.02)
    assert hz(Drum.SNARE) == pytest.approx(800, rel=0.02)


def test_a_kit_on_other_keys_is_read_by_its_labels(tmp_path: Path) -> None:
    # Hats where General MIDI has toms and cymbals, as in the Jazz Funk Kit; labels are spread over headers.
    text = """
        <region> key=35 sample=bop kick 1.wav
        <region> key=42 sample=rack tom 1.wav
        <master> master_label=14'' Zildjian Hi-hat
        <group> group_label=Pedal key=48 <region> region_label=V1 sample=h1.wav
        <group> group_label=Closed tip key=49 <region> region_label=V1 sample=h2.wav
        <group> group_label=Open key=51 <region> region_label=V1 sample=h3.wav
        <master> master_label=
        <region> key=41 sample=Snare/12-KdrumL-Snare_bottom.wav
        <region> key=53 sample=snare roll.wav
        <region> key=54 sample=what.wav
    """
    for name in ("bop kick 1.wav", "rack tom 1.wav", "snare roll.wav", "Snare/12-KdrumL-Snare_bottom.wav"):
        write_sound(tmp_path / name)
    kit = read_sfz(write_sfz(tmp_path, text, sounds="h1.wav h2.wav h3.wav what.wav"))
    assert set(kit.pieces) == {
        Drum.KICK,
        Drum.SNARE,
        Drum.TOM_HIGH,
        Drum.HIHAT_PEDAL,
        Drum.HIHAT_CLOSED,
        Drum.HIHAT_OPEN,
    }


def test_general_midi_keys_refine_names_and_names_correct_stray_keys(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = {
        36: "kick",
        37: "Snare_037",
        38: "snare",
        39: "snare_offcenter",
        40: "snare_rimshot",
        42: "Hihat_042",
    }
    names |= {44: "Hihat_044", 48: "M Tom 1 L", 45: "M Tom 1 R", 49: "crash2_004", 60: "bongo", 90: "thing"}
    text = "".join(f"<region> key={key} sample={name}.wav\n" for key, name in names.items())
    for name in names.values():
        write_sound(tmp_path / f"{name}.wav")
    kit = read_sfz(write_sfz(tmp_path, text))
    assert set(kit.pieces) == {
        Drum.KICK,
        Drum.SIDE_STICK,
        Drum.SNARE,
        Drum.SNARE_RIM,
        Drum.HIHAT_CLOSED,
        Drum.HIHAT_PEDAL,
        Drum.TOM_HIGH,
        Drum.TOM_MID,
        Drum.CRASH,
    }
    assert [piece.drum for piece in kit.alternates] == [Drum.SNARE]
    assert [piece.drum for piece in kit.percussion] == [None]
    assert "left out key 90 (thing.wav)" in caplog.text


def test_a_region_without_a_key_is_read_by_its_name_or_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = """
        <region> sample=closed hat.wav
        <region> sample=closed hat.wav volume=-6 lovel=1 hivel=20
        <region> sample=x.wav
    """
    write_sound(tmp_path / "closed hat.wav")
    kit = read_sfz(write_sfz(tmp_path, text, sounds="x.wav"))
    assert list(kit.pieces) == [Drum.HIHAT_CLOSED]
    assert "left out no key (x.wav)" in caplog.text


def test_note_offsets_move_the_keys(tmp_path: Path) -> None:
    text = "<control> note_offset=-2 octave_offset=1 <region> key=26 sample=a.wav"
    assert list(read_sfz(write_sfz(tmp_path, text, sounds="a.wav")).pieces) == [Drum.KICK]


def test_unknown_opcodes_are_named_in_one_line_of_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = "<region> key=36 sample=a.wav cutoff=300 pan=-20 amp_veltrack=50 off_by=2 eq1_gain=3 tune_oncc5=2"
    read_sfz(write_sfz(tmp_path, text, sounds="a.wav"))
    ignored = [record.getMessage() for record in caplog.records if "ignored opcodes" in record.getMessage()]
    assert len(ignored) == 1
    assert ignored[0].endswith("ignored opcodes: cutoff, pan, eq1_gain, tune_onccN")


def test_files_are_found_in_any_case_and_with_either_slash(tmp_path: Path) -> None:
    write_sound(tmp_path / "Samples" / "KICK.WAV")
    assert read_sfz(write_sfz(tmp_path, r"<region> key=36 sample=samples\kick.wav")).pieces
    programs = write_sfz(tmp_path / "Programs", r"<region> key=36 sample=..\Samples\Kick.wav", "p.sfz")
    assert read_sfz(programs).pieces


def test_old_encodings_and_byte_order_marks_are_read(tmp_path: Path) -> None:
    write_sound(tmp_path / "größe.wav")
    for encoding in ("utf-8-sig", "cp1252"):
        path = tmp_path / f"{encoding}.sfz"
        path.write_bytes("<region> key=36 sample=größe.wav\r\n".encode(encoding))
        assert list(read_sfz(path).pieces) == [Drum.KICK]


def test_a_groove_on_an_sfz_kit_has_its_onsets_where_an_energy_detector_hears_them(
    tmp_path: Path,
) -> None:
    text = (
        "<region> key=36 sample=k.wav\n<region> key=38 sample=s.wav offset=40\n<region> key=42 sample=h.wav"
    )
    write_sound(tmp_path / "k.wav", rate=48_000, hz=80)
    write_sound(tmp_path / "s.wav", rate=22_050, hz=300, channels=2)
    write_sound(tmp_path / "h.wav", hz=6000)
    kit = read_sfz(write_sfz(tmp_path, text))
    drums = [Drum.KICK, Drum.HIHAT_CLOSED, Drum.SNARE, Drum.HIHAT_CLOSED]
    times = [0.2 + 0.31 * i for i in range(8)]
    hits = [Hit(time, drums[i % 4], 70 + 7 * i) for i, time in enumerate(times)]
    sound = render(Performance.of(hits), kit, RenderOptions(room="none", tail=0.5)).samples
    heard = energy_onsets(sound)
    assert len(heard) == len(times)
    np.testing.assert_allclose(heard, times, atol=0.002)


def energy_onsets(
    sound: NDArray[np.float32], frame: int = 22, quiet_seconds: float = 0.05
) -> NDArray[np.float64]:
    """Return where half a millisecond is loud (-25 dB of the loudest) after ``quiet_seconds`` without."""
    energy = np.square(sound[: len(sound) // frame * frame].reshape(-1, frame)).mean(axis=1)
    loud = np.flatnonzero(energy > energy.max() * 10**-2.5)
    gaps = np.diff(loud, prepend=-len(energy)) * frame / SAMPLE_RATE
    return loud[gaps > quiet_seconds] * frame / SAMPLE_RATE


BROKEN = {
    "": "holds no <region>",
    "just words": "holds no <region>",
    "<region> key=36 sample=missing.wav": r"missing\.wav is missing below",
    "<region> key=36 sample=../../../secret.wav": r"secret\.wav leads out of the kit's folder",
    "<region> key=36 sample=/etc/secret.wav": "leads out of the kit's folder",
    "<region> sample=a.wav": r"none of its regions is a drum by key or name \(no key \(a\.wav\)\)",
    "<region> key=36 sample=*sine": r"none of its regions is a drum by key or name \(nothing sounds\)",
    "<region> key=36 lovel=loud sample=a.wav": r"lovel='loud' is not a number; correct it",
    "<region> key=H7 sample=a.wav": "key='H7' is not a number",
    "<region> key=36 volume=1e99 sample=a.wav": "volume='1e99' is not a number of a usual size",
    "<region> key=36 sample=text.wav": r"text\.wav: not a sound",
    '#include "kit.sfz"': r"kit\.sfz includes itself; remove the #include",
    '#include "loop.txt"': r"loop\.txt includes itself",
    '#include "none.txt"': r"none\.txt is missing below",
    '#include "../../../etc/passwd"': "leads out of the kit's folder",
    "\0<region>": "is not SFZ, which is text",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_file_is_one_line(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "kits" / "kit"
    path = write_sfz(folder, text, sounds="a.wav")
    (folder / "text.wav").write_text("no sound", encoding="utf-8")
    (folder / "loop.txt").write_text('#include "back.txt"', encoding="utf-8")
    (folder / "back.txt").write_text('#include "loop.txt"', encoding="utf-8")
    with pytest.raises(DrumlaneError, match=BROKEN[text]) as caught:
        read_sfz(path)
    assert isinstance(caught.value, (DatasetError, AudioError))
    assert "\n" not in str(caught.value)


def test_a_link_out_of_the_kit_is_not_followed(tmp_path: Path) -> None:
    write_sound(tmp_path / "outside.wav")
    path = write_sfz(tmp_path / "a" / "kit", "<region> key=36 sample=in.wav")
    (path.parent / "in.wav").symlink_to(tmp_path / "outside.wav")
    with pytest.raises(DatasetError, match="leads out of the kit's folder"):
        read_sfz(path)


def test_includes_and_defines_that_multiply_are_stopped(tmp_path: Path) -> None:
    doubling = "#define $a xxxxxxxxxx\n" + "\n".join(
        f"#define ${chr(98 + i)} ${chr(97 + i)}${chr(97 + i)}" for i in range(24)
    )
    with pytest.raises(DatasetError, match="more than 16 MB of text"):
        read_regions(write_sfz(tmp_path, doubling), tmp_path)
    for depth in range(14):
        include = f'#include "{depth + 1}.txt"\n'
        (tmp_path / f"{depth}.txt").write_text(include * 2, encoding="utf-8")
    (tmp_path / "14.txt").write_text("", encoding="utf-8")
    with pytest.raises(DatasetError, match=f"or {MAX_FILES} in all"):
        read_regions(write_sfz(tmp_path, '#include "0.txt"'), tmp_path)


@QUICK
@given(text=st.text(alphabet='<>region groupkey=36sample.wav#define$include"/*\n -', max_size=200))
def test_no_text_breaks_the_reader_but_with_one_line(tmp_path: Path, text: str) -> None:
    write_sound(tmp_path / "a.wav")
    path = tmp_path / "kit.sfz"
    path.write_text("<region> key=36 sample=a.wav\n" + text, encoding="utf-8")
    complaint = ""
    try:
        read_sfz(path)
    except DrumlaneError as error:
        complaint = str(error)
    assert "\n" not in complaint
