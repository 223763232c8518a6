"""Hypothesis strategies that several test modules share: hits, tempo maps, performances, signals."""

from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from drumlane.performance import Hit, Performance
from drumlane.song import Section, Song
from drumlane.timing import TempoChange, TempoMap, TimeSignature
from drumlane.vocabulary import Drum

HOUR = 3600.0

drums = st.sampled_from(Drum)
velocities = st.integers(1, 127)
bpms = st.floats(20.0, 400.0)


def times(longest: float = HOUR) -> st.SearchStrategy[float]:
    """Draw seconds, often equal or nearly equal ones."""
    return st.floats(0.0, longest) | st.integers(0, int(longest)).map(float)


def hits(longest: float = HOUR) -> st.SearchStrategy[Hit]:
    """Draw hits of any drum."""
    return st.builds(Hit, times(longest), drums, velocities, st.floats(0.0, 1.0))


@st.composite
def tempo_maps(draw: st.DrawFn) -> TempoMap:
    """Draw maps with up to eight tempos and four time signatures."""
    beats = [0.0, *sorted(draw(st.sets(st.floats(0.01, 5000.0), max_size=7)))]
    bars = [0.0, *sorted(draw(st.sets(st.floats(0.01, 5000.0), max_size=3)))]
    return TempoMap(
        tuple(TempoChange(beat, draw(bpms)) for beat in beats),
        tuple(
            TimeSignature(beat, draw(st.integers(1, 255)), draw(st.sampled_from([1, 2, 4, 8, 16, 32])))
            for beat in bars
        ),
    )


texts = st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), max_size=20)


@st.composite
def songs(draw: st.DrawFn, longest: float = HOUR) -> Song:
    """Draw names and sections; of the audio a plain file name."""
    sections = draw(st.lists(st.builds(Section, times(longest), texts.filter(bool)), max_size=4))
    return Song(
        title=draw(texts),
        artist=draw(texts),
        album=draw(texts),
        genre=draw(texts),
        year=draw(st.sampled_from(["", "1999", "2026"])),
        charter=draw(texts),
        audio=draw(st.sampled_from([None, Path("song.ogg"), Path("a/b c.mp3")])),
        preview=draw(st.none() | times(longest)),
        sections=tuple(sections),
    )


@st.composite
def performances(draw: st.DrawFn, longest: float = HOUR) -> Performance:
    """Draw performances, empty ones and ones longer than their last hit among them."""
    drawn = draw(st.lists(hits(longest), max_size=30))
    return Performance(tuple(drawn), draw(tempo_maps()), draw(st.floats(0.0, longest)))


@st.composite
def signals(draw: st.DrawFn, longest: int = 20_000) -> NDArray[np.float32]:
    """Draw noise of a drawn length and level, shape (n,)."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    level = draw(st.sampled_from([1e-4, 0.1, 1.0]))
    return np.asarray(rng.uniform(-level, level, draw(st.integers(0, longest))), dtype=np.float32)


def pieces_of(signal: NDArray[np.float32], cuts: list[float]) -> list[NDArray[np.float32]]:
    """Cut a signal at fractions of its length."""
    return np.split(signal, sorted(round(cut * len(signal)) for cut in cuts))


cut_points = st.lists(st.floats(0.0, 1.0), max_size=12)
