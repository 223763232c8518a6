"""Vocabulary: which maps are total, which lose something, and what every number means."""

import pytest

from drumlane.errors import ConfigError
from drumlane.vocabulary import (
    ARTICULATIONS,
    DOCUMENT_A,
    DOCUMENT_D,
    DRUM_OF_LANE,
    DRUMLANE_MIDI,
    FIVE_CLASS_OF_LANE,
    FIVE_CLASSES,
    GENERAL_MIDI,
    LANE_NAMES,
    LANE_OF_DRUM,
    LANES,
    LANES_OF_ARTICULATIONS,
    MIDI_MAPS,
    NOTE_OF_DRUM,
    TD17,
    THREE_CLASS_OF_LANE,
    THREE_CLASSES,
    Drum,
    Lane,
    lane_by_name,
    midi_map,
)

AUXILIARIES = {Drum.CLAP, Drum.COWBELL, Drum.TAMBOURINE, Drum.SHAKER}


def test_lanes_are_indices_in_the_documented_order() -> None:
    assert LANE_NAMES == ("kick", "snare", "hihat", "hi_tom", "mid_tom", "low_tom", "crash", "ride")
    assert [int(lane) for lane in LANES] == list(range(8))


def test_every_drum_has_a_lane_or_is_an_auxiliary() -> None:
    assert set(LANE_OF_DRUM) == set(Drum)
    assert {drum for drum in Drum if drum.lane is None} == AUXILIARIES


@pytest.mark.parametrize("lane", LANES)
def test_the_plain_stroke_of_a_lane_is_in_that_lane(lane: Lane) -> None:
    assert DRUM_OF_LANE[lane].lane is lane


@pytest.mark.parametrize("lane", LANES)
def test_a_lane_comes_back_from_its_name(lane: Lane) -> None:
    assert lane_by_name(lane.label) is lane


def test_every_lane_is_in_one_of_five_classes_and_every_class_is_used() -> None:
    assert set(FIVE_CLASS_OF_LANE) == set(LANES)
    assert set(FIVE_CLASS_OF_LANE.values()) == set(FIVE_CLASSES)


def test_three_classes_leave_out_toms_and_cymbals() -> None:
    kept = {lane for lane, name in THREE_CLASS_OF_LANE.items() if name is not None}
    assert kept == {Lane.KICK, Lane.SNARE, Lane.HIHAT}
    assert {THREE_CLASS_OF_LANE[lane] for lane in kept} == set(THREE_CLASSES)


def test_every_drum_is_written_as_a_note_of_its_own() -> None:
    assert set(NOTE_OF_DRUM) == set(Drum)
    assert len(set(NOTE_OF_DRUM.values())) == len(Drum)


@pytest.mark.parametrize("drum", Drum)
def test_what_drumlane_writes_it_reads_back(drum: Drum) -> None:
    assert DRUMLANE_MIDI[NOTE_OF_DRUM[drum]] is drum


def test_read_as_td17_the_written_notes_change_a_cymbal_or_a_tom_and_nothing_else() -> None:
    changed = {drum: TD17.get(note) for drum, note in NOTE_OF_DRUM.items() if TD17.get(note) is not drum}
    assert changed == {
        Drum.TOM_LOW: Drum.TOM_MID,  # 45: low in the documents' export, the second tom of a TD-17
        Drum.CHINA: Drum.CRASH2,
        Drum.SPLASH: Drum.CRASH,
        Drum.SHAKER: None,
    }


def test_read_as_general_midi_the_written_notes_change_the_low_tom_and_the_rim() -> None:
    changed = {
        drum: GENERAL_MIDI.get(note)
        for drum, note in NOTE_OF_DRUM.items()
        if GENERAL_MIDI.get(note) is not drum
    }
    assert changed == {Drum.TOM_LOW: Drum.TOM_MID, Drum.SNARE_RIM: Drum.SNARE}


def test_the_eight_plain_strokes_are_the_notes_of_the_export_table() -> None:
    assert [NOTE_OF_DRUM[DRUM_OF_LANE[lane]] for lane in LANES] == [36, 38, 42, 50, 47, 45, 49, 51]


def test_the_documents_maps_are_kept_with_their_mistakes() -> None:
    assert len(DOCUMENT_A) == 9
    assert len(DOCUMENT_D) == 17
    assert DOCUMENT_D[48] is Drum.TOM_MID
    assert TD17[48] is Drum.TOM_HIGH
    assert 26 not in DOCUMENT_D


@pytest.mark.parametrize("name", [*MIDI_MAPS, "drumlane"])
def test_note_maps_are_found_by_name_and_hold_midi_notes(name: str) -> None:
    assert all(0 <= note <= 127 and drum in Drum for note, drum in midi_map(name).items())


def test_an_unknown_note_map_lists_the_maps_nearest_first() -> None:
    with pytest.raises(ConfigError, match=r"MIDI map 'td71' is unknown; maps: td17, "):
        midi_map("td71")


def test_an_unknown_lane_lists_the_lanes_nearest_first() -> None:
    with pytest.raises(ConfigError, match=r"lane 'hihat_closed' is unknown; lanes: hihat, "):
        lane_by_name("hihat_closed")


def test_maps_cannot_be_changed() -> None:
    with pytest.raises(TypeError, match="does not support item assignment"):
        TD17[36] = Drum.SNARE  # type: ignore[index]


def test_every_articulation_is_another_stroke_of_its_own_lane() -> None:
    for drum, lane in zip(ARTICULATIONS, LANES_OF_ARTICULATIONS, strict=True):
        assert drum.lane is lane
        assert drum is not DRUM_OF_LANE[lane]
    assert len(set(ARTICULATIONS)) == len(ARTICULATIONS)
