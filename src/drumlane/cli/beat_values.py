"""Beat values: what the command line says of tempo and bars.

Flow: cli.transcribe -> **beat_values** -> transcription.beats
"""

from typing import TYPE_CHECKING

from drumlane.cli.usage import usage
from drumlane.errors import ConfigError

if TYPE_CHECKING:
    from drumlane.transcription.beats import BeatOptions


def read_beat_options(
    tracker: str,
    bpm: float | None,
    offset: float | None,
    time_signature: str | None,
    tempo_candidates: str | None,
) -> "BeatOptions":
    """Return the options; a wrong one ends the program as wrong usage.

    Args:
        tracker: a name of ``transcription.trackers.TRACKERS``.
        bpm: quarter notes a minute.
        offset: seconds of the first bar line.
        time_signature: like ``6/8``.
        tempo_candidates: numbers of bpm with commas.
    """
    from drumlane.transcription.beats import BeatOptions, check_bpm, check_offset
    from drumlane.transcription.meters import parse_meter
    from drumlane.transcription.trackers import check_tracker

    with usage("--beats"):
        check_tracker(tracker)
    with usage("--bpm"):
        check_bpm(*([] if bpm is None else [bpm]))
    with usage("--offset"):
        check_offset(offset)
    with usage("--time-signature"):
        meter = None if time_signature is None else parse_meter(time_signature)
    with usage("--tempo-candidates"):
        candidates = () if tempo_candidates is None else _numbers(tempo_candidates)
        return BeatOptions(tracker, bpm, offset, meter, candidates)


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(number) for number in text.split(","))
    except ValueError:
        raise ConfigError(f"{text!r} must be numbers with commas, like 90,180") from None
