"""Lead-in: silence before a song, so that a game has time to show its first note.

Flow: timing -> **lead_in** -> song folders
"""

from dataclasses import replace
from math import ceil

from drumlane.performance import Performance
from drumlane.song import Section

LEAST_SECONDS = 2.0  # before the first stroke; games ask for it


def with_lead_in(performance: Performance, least: float = LEAST_SECONDS) -> tuple[Performance, float]:
    """Return the performance, and the seconds of silence that its recording needs before it.

    Where the first stroke comes later than ``least`` seconds, nothing changes. Else whole bars are put before
    everything, at the first tempo, so that bar lines stay where they are.
    """
    first = performance.hits[0].time if performance.hits else least
    if first >= least:
        return performance, 0.0
    tempo = performance.tempo
    bar = tempo.signatures[0].bar
    seconds_per_bar = bar * 60.0 / tempo.changes[0].bpm
    n_bars = ceil((least - first) / seconds_per_bar)
    later = n_bars * seconds_per_bar
    song = performance.song
    return (
        replace(
            performance,
            hits=tuple(replace(hit, time=hit.time + later) for hit in performance),
            tempo=tempo.delayed(n_bars * bar),
            duration=performance.duration + later,
            song=replace(
                song,
                preview=None if song.preview is None else song.preview + later,
                sections=tuple(Section(s.time + later if s.time else 0.0, s.name) for s in song.sections),
            ),
        ),
        later,
    )
