"""Take pictures: a recording's spectrogram with the hits that its MIDI says were played.

Flow: audio, formats -> **take_pictures** -> cli

A mark on the spectrogram for every hit, in its lane's colour and at its lane's height, and below a strip for
each lane with stems as high as the velocities: a shifted MIDI, a wrong note map or a silent pad is seen at
once. Needs the ``plot`` extra.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from drumlane.audio.features import FeatureSpec, log_mel
from drumlane.audio.io import Audio, probe, read_audio
from drumlane.evaluation.figures import new_figure, save
from drumlane.evaluation.plots import LANE_COLOURS
from drumlane.formats.midi import read_midi
from drumlane.performance import Performance
from drumlane.vocabulary import LANE_NAMES, LANES, TD17

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SECONDS = 8.0  # shown of a take
_LEAD = 0.25  # seconds before the first hit that is shown
_SPEC = FeatureSpec(n_low=0)  # mel bands, for eyes
_WIDTH, _HEIGHT = 18.0, 9.0  # inches
_STRIP = 0.8  # of the distance between two strips is drawn on


@dataclass(frozen=True, slots=True, eq=False)
class TakeView:
    """The seconds of a take that are drawn."""

    sound: Audio  # mono, of the whole take
    file_sample_rate: int  # Hz, before resampling
    performance: Performance  # of the whole take
    start: float  # seconds
    end: float

    @property
    def peak_db(self) -> float:
        """Return the loudest sample of the take, in dB of full scale."""
        return float(20 * np.log10(max(1e-9, float(np.abs(self.sound.samples).max()))))

    @property
    def shown(self) -> Performance:
        """Return the hits between start and end."""
        return self.performance.filter(lambda hit: self.start <= hit.time < self.end)


def view_take(recording: Path, midi: Path, seconds: float = SECONDS) -> TakeView:
    """Read a take and choose its busiest ``seconds``.

    Raises:
        AudioError: the recording cannot be read.
        FormatError: the MIDI cannot be read.
    """
    performance = read_midi(midi, TD17)
    sound = read_audio(recording, _SPEC.sample_rate)
    start = max(0.0, _busiest(performance, seconds) - _LEAD)
    end = min(start + seconds, max(sound.duration, start + 0.5))
    return TakeView(sound, probe(recording).sample_rate, performance, start, end)


def draw_take(view: TakeView, title: str, path: Path) -> None:
    """Draw the spectrogram with the hits of each lane.

    Raises:
        MissingExtraError: matplotlib is not installed.
        DatasetError: the file cannot be written.
    """
    figure = new_figure(_WIDTH, _HEIGHT)
    spectrogram, strips = figure.subplots(2, 1, height_ratios=[1.3, 1.0], sharex=True)
    _draw_spectrogram(spectrogram, view)
    for lane, colour in zip(LANES, LANE_COLOURS, strict=True):
        hits = [hit for hit in view.shown if hit.drum.lane is lane]
        times, loudness = [hit.time for hit in hits], np.array([hit.velocity / 127 for hit in hits])
        low, high = (_SPEC.n_mels * (lane + k) / len(LANES) - 0.5 for k in (0, 1))
        spectrogram.vlines(times, low, high, color=colour, linewidth=1.6)
        strips.axhline(lane, color="0.85", linewidth=0.6, zorder=0)
        strips.vlines(times, lane, lane + _STRIP * loudness, color=colour, linewidth=1.8)
        strips.plot(times, lane + _STRIP * loudness, "o", color=colour, markersize=4)
    _label_strips(strips, view)
    spectrogram.set_title(title, loc="left", fontsize=11)
    save(figure, path)


def _busiest(performance: Performance, seconds: float) -> float:
    """Return the time of the hit with the most hits after it within ``seconds``; 0 without hits."""
    times = np.array([hit.time for hit in performance])
    if not len(times):
        return 0.0
    n_following = np.searchsorted(times, times + seconds) - np.arange(len(times))
    return float(times[int(np.argmax(n_following))])


def _draw_spectrogram(axes: "Axes", view: TakeView) -> None:
    # Frame i is centred on i hops, so the cut begins on a whole one.
    first = int(view.start * _SPEC.fps)
    last = int(np.ceil(view.end * _SPEC.fps))
    cut = view.sound.samples[first * _SPEC.hop_length : last * _SPEC.hop_length]
    frames: NDArray[Any] = log_mel(cut, _SPEC) if len(cut) else np.zeros((1, _SPEC.n_mels), dtype=np.float32)
    edges = ((first - 0.5) / _SPEC.fps, (first + len(frames) - 0.5) / _SPEC.fps)
    extent = (*edges, -0.5, _SPEC.n_mels - 0.5)
    top = max(1e-6, float(frames.max()))
    axes.imshow(frames.T, aspect="auto", origin="lower", extent=extent, cmap="gray_r", vmin=0.0, vmax=top)
    axes.set_yticks([])
    axes.set_ylabel("mel band, 30 Hz to 16 kHz", fontsize=9)


def _label_strips(axes: "Axes", view: TakeView) -> None:
    axes.set_ylim(-0.2, len(LANES))
    axes.set_xlim(view.start, view.end)
    axes.set_yticks(np.arange(len(LANES)) + 0.4, LANE_NAMES, fontsize=9)
    axes.tick_params(left=False)
    axes.grid(axis="x", alpha=0.25)
    axes.set_xlabel("seconds")
    axes.spines[["top", "right", "left"]].set_visible(False)
