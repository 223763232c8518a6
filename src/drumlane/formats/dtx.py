"""DTXMania: drum charts as .dtx files.

Flow: Performance <-> **dtx** <-> .dtx

A drum is a channel and, where several share one, the name of its sound (``charting.lane_layouts``): channel
12 is the snare, with the sound ``side_stick.wav`` a side stick. The recording is the background music that
begins in bar 1, and its second 0 is where it begins; without one second 0 is the beginning of bar 0. Bars
and places are in ``dtx_bars``, sounds in ``dtx_sounds``, text in ``dtx_text``.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drumlane.charting.lane_layouts import (
    DRUM_OF_DTX_CHANNEL,
    DTX_CHANNEL_OF_DRUM,
    DTX_EFFECT_CHANNELS,
)
from drumlane.errors import FormatError
from drumlane.files import AnyPath, shown
from drumlane.formats.dtx_bars import PLACES, bar_starts, on_places, places_of
from drumlane.formats.dtx_sounds import Sound, defined, drum_of, level_of, sounds_of
from drumlane.formats.dtx_text import (
    N_IDS,
    DtxText,
    bpm_text,
    command,
    id_of,
    line_of,
    line_start,
    objects,
    parse,
)
from drumlane.formats.kept_fields import kept, kept_texts
from drumlane.formats.tempo_knots import map_from_seconds, signature_of
from drumlane.formats.text_file import read_text
from drumlane.formats.text_lines import at_line, number, one_line, write_text
from drumlane.performance import Hit, Performance
from drumlane.song import Song
from drumlane.timing import DEFAULT_BPM, TempoMap, tempo_map_from_events
from drumlane.vocabulary import Drum

_CHARTER = "Chart by "  # in the comment, as drum-game writes it
_MUSIC = 1  # the number of its sound
_SLOWEST, _FASTEST = 1e-3, 1e7
_LONGEST_BAR = 1e4  # whole notes
_KEPT = frozenset(
    [
        "PREVIEW",
        "PREIMAGE",
        "PREMOVIE",
        "STAGEFILE",
        "BACKGROUND",
        "PANEL",
        "GLEVEL",
        "BLEVEL",
        "PATH_WAV",
        "COMMENT",
    ]
)

_log = logging.getLogger(__name__)


def read_dtx(path: AnyPath) -> Performance:
    """Read a .dtx file, in UTF-8, UTF-16 or Shift-JIS.

    Raises:
        FormatError: the file is missing, holds no commands, or a line does not fit; the message names it.
    """
    text = parse(read_text(path, "cp932"))
    if not text.commands and not text.channels:
        raise FormatError(f"{shown(path)}: is not a DTX file (no line '#NAME: value' in it)")
    try:
        return _performance(text, path)
    except (ValueError, ArithmeticError) as error:
        raise FormatError(f"{shown(path)}: {one_line(str(error))[:200]}") from error


def write_dtx(performance: Performance, path: AnyPath) -> None:
    """Write a .dtx file; of two hits of one drum in one place the louder.

    Raises:
        FormatError: there are more bars or tempos than the format can number, or the file cannot be written.
    """
    try:
        lines = [*_head(performance), "", *_body(performance), ""]
    except ValueError as error:
        raise FormatError(f"{shown(path)}: does not fit into DTX ({error})") from error
    text = "\n".join(lines)
    # The game reads Shift-JIS, and anything that begins with a byte order mark as what it is.
    write_text(text, path, "ascii" if text.isascii() else "utf-8-sig")


# Writing ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Grid:
    """Bars and tempo as the file holds them."""

    tempo: TempoMap
    bars: NDArray[np.float64]  # beats at which they begin, and the end of the last
    first: int  # number of the first bar


def _head(performance: Performance) -> list[str]:
    song = performance.song
    fields = {
        "TITLE": song.title,
        "ARTIST": song.artist,
        "GENRE": song.genre,
        "DLEVEL": str(_level(performance)),
        **{name: value for name, value in kept_texts(song, "dtx").items() if name in _KEPT},
    }
    if song.charter:
        fields["COMMENT"] = f"{_CHARTER}{song.charter}"
    return ["; Created by drumlane", "", *(command(name, value) for name, value in fields.items() if value)]


def _level(performance: Performance) -> int:
    """Return an estimate of how hard it is, 1 to 99: ten for each hit a second."""
    times = [hit.time for hit in performance if hit.drum.lane is not None]
    length = times[-1] - times[0] if len(times) > 1 else 0.0
    return min(max(1, round(10 * len(times) / max(length, 1.0))), 99)


def _body(performance: Performance) -> list[str]:
    audio = performance.song.audio
    last = performance.hits[-1].time if performance.hits else 0.0
    bars = bar_starts(performance.tempo, float(performance.tempo.seconds_to_beats(last)))
    # Bar 0 is a lead-in: players that begin in the very first bar swallow the music's beginning.
    grid = _Grid(on_places(performance.tempo, bars), bars, 1 if audio else 0)
    sounds, ids = defined(performance)
    music = [f"#WAV{id_of(_MUSIC)}: {one_line(audio.as_posix()).replace(';', ',')}"] if audio else []
    return [
        *_tempos(grid),
        "",
        *music,
        *([f"#BGMWAV: {id_of(_MUSIC)}"] if audio else []),
        *sounds,
        "",
        *_lengths(grid),
        *([f"{line_start(grid.first, '01')}{id_of(_MUSIC)}"] if audio else []),
        *_hits(performance, grid, ids),
    ]


def _tempos(grid: _Grid) -> list[str]:
    """Return the first tempo, the later ones' definitions and where they begin."""
    first, *changes = grid.tempo.changes
    texts = list(dict.fromkeys(bpm_text(change.bpm) for change in changes))
    if len(texts) > N_IDS:
        raise ValueError(f"{len(texts)} different tempos, and there are {N_IDS}")
    ids = {text: id_of(i) for i, text in enumerate(texts, start=1)}
    placed: dict[int, dict[int, str]] = {}
    for change in changes:
        bar = int(np.searchsorted(grid.bars, change.beat + 1e-9, side="right")) - 1
        length = grid.bars[bar + 1] - grid.bars[bar]
        place = round(float((change.beat - grid.bars[bar]) / length * PLACES))
        placed.setdefault(bar, {})[place] = ids[bpm_text(change.bpm)]
    return [
        f"#BPM: {bpm_text(first.bpm)}",
        *(f"#BPM{name}: {text}" for text, name in ids.items()),
        *(line_of(bar + grid.first, "08", at, PLACES) for bar, at in placed.items()),
    ]


def _lengths(grid: _Grid) -> list[str]:
    """Return lines of the bars whose length, in whole notes, differs from the bar before."""
    lines, last = [], 1.0
    for bar, length in enumerate(np.round(np.diff(grid.bars) / 4, 12).tolist()):
        if length != last:
            lines.append(f"{line_start(bar + grid.first, '02')}{length!r}")
            last = length
    return lines


def _hits(performance: Performance, grid: _Grid, ids: dict[tuple[Drum, int], str]) -> list[str]:
    times = np.array([hit.time for hit in performance])
    places = places_of(times, [hit.drum.value for hit in performance], grid.tempo, grid.bars)
    lines: dict[tuple[int, str, Drum, int], dict[int, tuple[int, str]]] = {}
    for hit, at in zip(performance, places, strict=True):
        line = lines.setdefault((at.bar, DTX_CHANNEL_OF_DRUM[hit.drum], hit.drum, at.n_places), {})
        sound = (int(hit.velocity), ids[hit.drum, level_of(hit.velocity)])
        line[at.place] = max(sound, line.get(at.place, sound))
    return [
        line_of(bar + grid.first, channel, {place: name for place, (_, name) in line.items()}, n_places)
        for (bar, channel, _, n_places), line in sorted(lines.items(), key=lambda item: item[0])
    ]


# Reading ------------------------------------------------------------------------------------------

# Beat from the beginning of bar 0, channel, number of the sound.
_Chip = tuple[float, str, int]


def _performance(text: DtxText, path: AnyPath) -> Performance:
    bars = _bars(text, path)
    chips = _chips(text, bars, path)
    tempo = tempo_map_from_events([(0.0, _tempo(text.commands.get("BPM", ""))), *_changes(text, chips)])
    sounds = sounds_of(text.commands)
    music = _music(text, chips)
    start = float(tempo.beats_to_seconds(music[0])) if music else 0.0
    hits = _struck(chips, tempo, start, sounds)
    early = sum(hit[0] < -1e-6 for hit in hits)
    if early:
        _log.warning("%s: left out %d hits that come before the music", shown(path), early)
    kept_hits = tuple(Hit(max(0.0, time), drum, v) for time, drum, v in hits if time >= -1e-6)
    audio = sounds[music[2]].file if music and music[2] in sounds else ""
    return Performance(kept_hits, _map(tempo, bars, start), 0.0, _song(text.commands, audio))


def _bars(text: DtxText, path: AnyPath) -> NDArray[np.float64]:
    """Return the beats at which bars begin, and the end of the last one."""
    lengths: dict[int, float] = {}
    for channel in text.channels:
        if channel.name == "02":
            with at_line(path, channel.line):
                lengths[channel.bar] = number(channel.value.replace(",", "."), 1e-9, _LONGEST_BAR)
    length, beats = 1.0, [0.0]
    for bar in range(max((channel.bar for channel in text.channels), default=0) + 1):
        length = lengths.get(bar, length)
        beats.append(beats[-1] + 4 * length)
    return np.array(beats)


def _chips(text: DtxText, bars: NDArray[np.float64], path: AnyPath) -> list[_Chip]:
    chips = []
    wanted = {"01", "03", "08", *DRUM_OF_DTX_CHANNEL, *DTX_EFFECT_CHANNELS}
    starts = bars.tolist()
    for channel in text.channels:
        if channel.name in wanted:
            begin, length = starts[channel.bar], starts[channel.bar + 1] - starts[channel.bar]
            with at_line(path, channel.line):
                for place, n_places, value in objects(channel.value, 16 if channel.name == "03" else 36):
                    chips.append((begin + place / n_places * length, channel.name, value))
    return chips


def _tempo(text: str) -> float:
    return number(text.replace(",", "."), _SLOWEST, _FASTEST) if text else DEFAULT_BPM


def _changes(text: DtxText, chips: Sequence[_Chip]) -> list[tuple[float, float]]:
    """Return (beat, bpm) of the tempos that chips set; of those that no line defines nothing comes."""
    base = number(text.commands.get("BASEBPM", "") or "0", 0, _FASTEST)
    defined_tempos = {
        int(name[3:], 36): base + _tempo(value)
        for name, value in text.commands.items()
        if name.startswith("BPM") and len(name) == 5 and name.isascii() and name.isalnum()
    }
    changes = [(beat, base + value) for beat, channel, value in chips if channel == "03"]
    return changes + [
        (beat, defined_tempos[value])
        for beat, channel, value in chips
        if channel == "08" and value in defined_tempos
    ]


def _music(text: DtxText, chips: Sequence[_Chip]) -> _Chip | None:
    """Return the chip that begins the music: the one that the file calls so, or the first."""
    found = sorted(chip for chip in chips if chip[1] == "01")
    named = text.commands.get("BGMWAV", "")[:2].upper()
    return next((chip for chip in found if id_of(chip[2]) == named), found[0] if found else None)


def _struck(
    chips: Sequence[_Chip], tempo: TempoMap, start: float, sounds: dict[int, Sound]
) -> list[tuple[float, Drum, int]]:
    """Return seconds, drum and velocity of the chips that are drums."""
    kicks = {sounds[value].file for _, channel, value in chips if channel == "13" and value in sounds}
    times = tempo.beats_to_seconds([beat for beat, _, _ in chips]) - start
    hits = []
    for time, (_, channel, value) in zip(times.tolist(), chips, strict=True):
        sound = sounds.get(value)
        drum = drum_of(channel, sound, kicks)
        if drum is not None:
            hits.append((time, drum, (sound or Sound("")).velocity))
    return hits


def _map(tempo: TempoMap, bars: NDArray[np.float64], start: float) -> TempoMap:
    """Return the map from where the music begins."""
    seconds = (tempo.beats_to_seconds(bars[:-1]) - start).tolist()
    bar_lines = [
        (second, *signature_of(length))
        for second, length in zip(seconds, np.diff(bars).tolist(), strict=True)
    ]
    knots = tempo.beats_to_seconds([change.beat for change in tempo.changes]) - start
    return map_from_seconds(
        [(second, change.bpm) for second, change in zip(knots.tolist(), tempo.changes, strict=True)],
        bar_lines,
    )


def _song(commands: dict[str, str], audio: str) -> Song:
    comment = commands.get("COMMENT", "")
    others = {name: value for name, value in commands.items() if name in _KEPT and value}
    if comment.startswith(_CHARTER):
        others.pop("COMMENT")
    return Song(
        title=commands.get("TITLE", ""),
        artist=commands.get("ARTIST", ""),
        genre=commands.get("GENRE", ""),
        charter=comment.removeprefix(_CHARTER) if comment.startswith(_CHARTER) else "",
        audio=Path(audio) if audio else None,
        foreign=kept("dtx", others),
    )
