"""Lane layouts: every drum has a place or none, and it is said which come back."""

import pytest

from drumlane.charting.lane_layouts import (
    BJSON_CHANNEL_OF_DRUM,
    DRUM_OF_BJSON_CHANNEL,
    DRUM_OF_DTX_CHANNEL,
    DTX_CHANNEL_OF_DRUM,
    DTX_EFFECT_CHANNELS,
    EIGHT_COLUMNS,
    column_of_drum,
    drum_of_column,
)
from drumlane.vocabulary import DRUM_OF_LANE, LANES, Drum, Lane

AUXILIARIES = {drum for drum in Drum if drum.lane is None}


def test_eight_columns_are_the_eight_lanes_and_lossless_for_plain_strokes() -> None:
    assert sorted(EIGHT_COLUMNS) == list(LANES)
    column_of, drums = column_of_drum(), drum_of_column()
    assert {drums[column_of[drum]] for drum in DRUM_OF_LANE.values()} == set(DRUM_OF_LANE.values())
    assert {drum for drum in Drum if column_of[drum] is None} == AUXILIARIES
    lost = {drum for drum in Drum if drum.lane is not None and drums[column_of[drum]] is not drum}
    assert lost == set(Drum) - AUXILIARIES - set(DRUM_OF_LANE.values())
    assert all(drums[column_of[drum]].lane is drum.lane for drum in Drum if drum.lane is not None)


def test_the_kick_is_in_the_middle_and_the_cymbals_are_outside() -> None:
    assert EIGHT_COLUMNS.index(Lane.KICK) == 4
    assert {EIGHT_COLUMNS[0], EIGHT_COLUMNS[-1]} == {Lane.CRASH, Lane.RIDE}


@pytest.mark.parametrize("columns", [(), LANES[:7], (*LANES[:7], Lane.KICK), (*LANES, Lane.KICK)])
def test_other_columns_than_the_eight_lanes_are_refused(columns: tuple[Lane, ...]) -> None:
    with pytest.raises(ValueError, match="columns must be the eight lanes, each once"):
        column_of_drum(columns)


def test_columns_may_be_in_another_order() -> None:
    assert column_of_drum(tuple(reversed(LANES)))[Drum.KICK] == 7
    assert drum_of_column(tuple(reversed(LANES)))[7] is Drum.KICK


def test_every_drum_has_a_channel_of_dtxmania_and_auxiliaries_play_by_themselves() -> None:
    assert set(DTX_CHANNEL_OF_DRUM) == set(Drum)
    assert {drum for drum in Drum if DTX_CHANNEL_OF_DRUM[drum] in DTX_EFFECT_CHANNELS} == AUXILIARIES
    assert len(DTX_EFFECT_CHANNELS) == 32
    assert "60" not in DTX_EFFECT_CHANNELS


def test_what_dtxmania_tells_apart_without_the_sounds_name() -> None:
    lossless = {drum for drum in Drum if DRUM_OF_DTX_CHANNEL.get(DTX_CHANNEL_OF_DRUM[drum]) is drum}
    by_name = {Drum.SNARE_RIM, Drum.SIDE_STICK, Drum.CHINA, Drum.SPLASH, Drum.RIDE_BELL}
    assert lossless == set(Drum) - AUXILIARIES - by_name
    assert all(
        DRUM_OF_DTX_CHANNEL[DTX_CHANNEL_OF_DRUM[drum]].lane is drum.lane for drum in set(Drum) - AUXILIARIES
    )


def test_drum_game_has_a_name_for_every_drum_and_all_but_the_second_crash_come_back() -> None:
    assert set(BJSON_CHANNEL_OF_DRUM) == set(Drum)
    lost = {drum for drum in Drum if DRUM_OF_BJSON_CHANNEL[BJSON_CHANNEL_OF_DRUM[drum]] is not drum}
    assert lost == {Drum.CRASH2}  # told by the hand that strikes it
