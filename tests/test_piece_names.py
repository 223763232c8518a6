"""Names of samples: what makers of public kits call their drums is understood, and nothing is made up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drumlane.rendering.kits import DRUM_OF_PIECE
from drumlane.rendering.piece_names import drums_named, is_one_stroke, notes_agree, settle
from drumlane.rendering.piece_words import tokens_of
from drumlane.vocabulary import GENERAL_MIDI, Drum

# Instruments, labels and samples of public kits: Hydrogen's GMkit, GMRockKit, TR-808 and Colombo kits,
# Salamander, Muldjord, DRS, Virtuosity, Rogers, Jazz Funk, Yamaha 9000, and the names of General MIDI.
KNOWN = {
    Drum.KICK: """
        Kick | Kick 0.9.3 | Kick2 | BassDrum | Bass Drum 1 | Acoustic Bass Drum | bd_01 | 808_Kick_Long
        | KdrumL | kick drum | Kickdrum front | kick_OH_P_1 | SMM_KICK_K68_V01_R01 | 20x14 Gretsch Kick
        Center V1 | kick - snares off - 1 | 36 Kick | bassdrum-4mics-br-stereo-soft4 |
        kickmic_kick_snon_vl1_rr1 | kickdrum
    """,
    Drum.SNARE: """
        Snare | Snare-1 | Snare Jazz | Snare1-non | sn_Jazz_c | SN | sd14x08tama-mp-tsn-rm | Acoustic
        Snare | Snare_038 | Electric Snare | SML Snare 1-L | snare_center | oh_snare_center | Ludwig 400
        Snare Centre Undamped | snarehit | Snare Snares Off
    """,
    Drum.SNARE_RIM: """
        Snare Rimshot | SnareRimshot-Soft | Rimshot | snare_rim | rim | rs_01 | RIM_001 |
        snare_stickshot1
    """,
    Drum.SIDE_STICK: """
        Stick | SideStick-Hard | Side Stick | sidestick | Cross-stick | Snare Cross-stick | xstick -
        snares on - 1 | snare_xstick | Snare4_Xstick_v2_rr1_Mid | Rim Click | stick-rim-9 |
        snare_crossstick
    """,
    Drum.HIHAT_CLOSED: """
        Hat Closed | HatClosed-Hard | HiHat Closed | Hi-Hat Closed | hihat closed | hihat_closed |
        hh_closed | Closed HH | Closed Hi Hat | CHH | hhc_Dry_a | Hat1-Closed | CL Tip Hat 1 |
        SMM_HAT14_CLH_V01 | closedhat | closed hihat 7 | Hihat Tip Closed Full V1 | CH | HihatClosed |
        hh c | Hi-Hat | HH1-02 01 | high hats (1)
    """,
    Drum.HIHAT_OPEN: """
        Hat Open | Open HH | Open Hi-Hat | HiHatOpen | hh_open | OHH | hho1 OPEN 21 | OP SH Hat 2 | OH |
        open hihat | hihatopen | Hat Semi-Open | HatSemiOpen-Soft | hihat-semi-open-2 | hh_half |
        kickmic_hh_half_vl1_rr1 | hh_splash | Hihat Tip Open Three Quarters V1 | high hats open (3) |
        loose hat
    """,
    Drum.HIHAT_PEDAL: """
        Hat Pedal | Hat-Pedal | Pedal HH | Pedal Hi-Hat | HiHat Foot | hh_pedal | hhp_Dry_a | STMP Hat 1
        | hh_chik | hihat foot chick | SMM_HAT14_FCH_V01_PUBLIC_05
    """,
    Drum.TOM_HIGH: """
        Tom 1 | Tom1-Med | T1_005 | Tom Hi | tom-hi-1 | tomhi2 | High Tom | Hi-Mid Tom | htom_center |
        hitom | Tom-H | HT | Rack Tom | RGRS_RTOM_CNFL_HT_01 | rack tom - snares off - 1 | SMM_TOM10 |
        tom_hi | 808_Tom_Hi
    """,
    Drum.TOM_MID: """
        Tom 2 | Tom2-Softest | Mid Tom | Low-Mid Tom | Tom Mid | tom_Rock_mid | M Tom 1 L | Tom 12 | Tom
        (4) | MT | Rack Tom 2
    """,
    Drum.TOM_LOW: """
        Floor Tom | floor tom | TomFloor-Hard | Low Floor Tom | High Floor Tom | Tom Low | tom_Rock_lo |
        Tom-L | Tom 3 | Tom4 | T4_009 | F Tom 4 L | ltom_center | RGRS_FTOM_CNFL_HT_01 | Tom16 | lowtom
        | LT | floor tom Center | Tom3 (Floor tom)
    """,
    Drum.CRASH: """
        Crash | crash 1 | Crash-Hard | CrashFlink-Hard | Crash Cymbal 1 | crash16inch | SMM_CRASH15 |
        cra_Rock_a | CrashL | Crash Jazz | crash_crash | Cymbal | CY
    """,
    Drum.CRASH2: """
        Crash 2 | Crash Cymbal 2 | crash2_004 | CrashR | Crash Right
    """,
    Drum.SPLASH: """
        Splash | Splash-Med | Splash Cymbal | splash_005 | Splash Crash
    """,
    Drum.CHINA: """
        China | Chinese Cymbal | 1-China-OHL | china 18 | China Crash
    """,
    Drum.RIDE: """
        Ride | Ride 2 | 24Ride-1 | Ride Jazz | Ride Cymbal 1 | PL MID Tip ride 1 | RideL | flatride_ride
        | ride edge | flatride_crash | rides (4)
    """,
    Drum.RIDE_BELL: """
        Ride Bell | Bell-Hard | Bell | CUP_043 | PL BELL ride 1 | ride_bell | ridebell | ride cup
    """,
    Drum.CLAP: """
        Hand Clap | HandClap | Claps | Clap_rr5 | CP | clap_Dry_c
    """,
    Drum.COWBELL: """
        Cowbell | Cow Bell | misc_Cowbell | 808_Cowbell | Cowbell1_Hit_v2_rr1_Mid | CB
    """,
    Drum.TAMBOURINE: """
        Tambourine | Tamb1_Hit_v1_rr1_Mid | tamb
    """,
    Drum.SHAKER: """
        Shaker | Maracas | Cabasa | 808_Shaker
    """,
}
PERCUSSION = """
    Bongo | BongoH_Hit1_v1_rr1_Mid | Hi Bongo | Mute Hi Conga | Low Conga | Quinto_HitN_v1_rr1_Sum |
    High Timbale | Low Agogo | Short Guiro | Claves | 808_Clave | Hi Wood Block | woodblock | Mute
    Cuica | Open Triangle | Vibraslap | Jingle Bell | Short Whistle | ltom_crossstick
"""
NOTHING = """
    32 | V1 | 1 | StandardKit1 036 | loop_17 | redo super opaco | kick+snare | snare clap |
    12-KdrumL-Snare_bottom | bagpipe | Tip Closed | Cassa debole | Cymbal3 | soft | Center | RR2 |
    high hit 16 | Roland-SC-88-High-Q
"""


def names_in(text: str) -> list[str]:
    return " ".join(text.split()).split(" | ")


def known_names() -> list[tuple[str, Drum]]:
    """Return the names of the table with their drums."""
    return [(name, drum) for drum, names in KNOWN.items() for name in names_in(names)]


@pytest.mark.parametrize(("name", "drum"), known_names())
def test_a_name_from_a_public_kit_is_understood(name: str, drum: Drum) -> None:
    assert drums_named(name)[:1] == (drum,)


@pytest.mark.parametrize("name", names_in(PERCUSSION))
def test_percussion_without_a_drum_is_known_as_such(name: str) -> None:
    assert drums_named(name) == (None,)


@pytest.mark.parametrize("name", ["", *names_in(NOTHING)])
def test_a_name_that_says_nothing_or_two_things_means_nothing(name: str) -> None:
    assert drums_named(name) == ()


@pytest.mark.parametrize(
    "name", ["Snare Roll", "snare_flam_vl2", "Cymbal3-Choke", "crash swell", "snare buzz"]
)
def test_what_is_not_one_stroke_is_told(name: str) -> None:
    assert not is_one_stroke(name)
    assert is_one_stroke("snare_center_vl2_rr1")


def test_own_names_and_those_of_manifests_mean_what_the_tables_say() -> None:
    # What a manifest calls brushed or edged is its own drum's; a guess may only be less exact.
    for name, drum in {**DRUM_OF_PIECE, **{drum.value: drum for drum in Drum}}.items():
        assert drum in drums_named(name), name


def test_every_drum_of_general_midi_is_found_by_its_name() -> None:
    names = {37: "Side Stick", 39: "Hand Clap", 44: "Pedal Hi-Hat", 52: "Chinese Cymbal", 53: "Ride Bell"}
    for note, name in names.items():
        assert drums_named(name) == (GENERAL_MIDI[note],)


@given(st.text(max_size=40))
def test_no_text_breaks_the_guesser(name: str) -> None:
    meanings = drums_named(name)
    assert len(set(meanings)) == len(meanings)
    assert not meanings or None not in meanings or meanings == (None,)


@given(
    st.sampled_from([name for name, _ in known_names()]),
    st.sampled_from(["", " v3", "_rr2", "-Hard", " (7)", "_V01_RR02"]),
)
def test_numbers_of_layers_and_takes_do_not_change_the_lane(name: str, ending: str) -> None:
    if tokens_of(name)[-1] in ("crash", "tom", "cymbal", "cy", "t"):
        ending = ""  # there a number has a meaning
    assert drums_named(name + ending)[0] is drums_named(name)[0]


def test_a_note_decides_what_the_name_leaves_open_and_which_of_the_toms() -> None:
    assert settle(drums_named("hihat"), Drum.HIHAT_OPEN, trust_note=True) == (Drum.HIHAT_OPEN,)
    assert settle(drums_named("M Tom 1"), Drum.TOM_HIGH, trust_note=True) == (Drum.TOM_HIGH,)
    assert settle((), Drum.RIDE, trust_note=True) == (Drum.RIDE,)
    assert settle(drums_named("Snare Rimshot"), Drum.SNARE, trust_note=True)[0] is Drum.SNARE_RIM
    assert settle(drums_named("snare_offcenter"), Drum.CLAP, trust_note=True)[0] is Drum.SNARE


def test_a_note_that_is_not_trusted_decides_nothing() -> None:
    assert settle(drums_named("hihat"), Drum.HIHAT_OPEN, trust_note=False)[0] is Drum.HIHAT_CLOSED
    assert settle((), Drum.RIDE, trust_note=False) == ()


def test_a_kit_is_on_general_midi_notes_if_half_of_its_named_pieces_are() -> None:
    right = (drums_named("kick"), Drum.KICK)
    wrong = (drums_named("hat"), Drum.TOM_HIGH)
    assert notes_agree([right, wrong, ((), Drum.RIDE), (drums_named("snare"), None)])
    assert not notes_agree([right, wrong, wrong])
    assert notes_agree([])
