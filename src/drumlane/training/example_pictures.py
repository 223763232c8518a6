"""Example pictures: what the averaged weights hear in some held-out items, at every validation.

Flow: validation -> **example_pictures** -> loggers
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lightning.pytorch.loggers import Logger

from drumlane.evaluation.plots import plot_transcription
from drumlane.performance import Hit, Performance
from drumlane.training.loggers import show_picture
from drumlane.training.thresholds import MINIMUM_GAPS
from drumlane.training.validation import HeldOut, Onsets
from drumlane.transcription.peaks import pick_peaks
from drumlane.vocabulary import DRUM_OF_LANE, LANES

PLAIN_VELOCITY = 80  # of hits in a picture


@dataclass(frozen=True, slots=True)
class ExamplePictures:
    """Draws the first items of a validation, and shows them where the run is logged."""

    folder: Path
    n: int
    fps: float
    loggers: Sequence[Logger]

    def __call__(
        self, step: int, items: Sequence[HeldOut], onsets: Sequence[Onsets], thresholds: Sequence[float]
    ) -> None:
        """Draw ``step-N-example-I.png``."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for i, (item, onset) in enumerate(zip(items[: self.n], onsets, strict=False)):
            path = self.folder / f"step-{step}-example-{i}.png"
            duration = len(item.features) / self.fps
            heard = Performance.of(_hits(onset, thresholds, self.fps), duration=duration)
            truth = Performance.of(item.hits, duration=duration)
            plot_transcription(item.features, onset, heard, path, self.fps, truth)
            show_picture(self.loggers, f"example {i}", path, step)


def _hits(onset: Onsets, thresholds: Sequence[float], fps: float) -> list[Hit]:
    return [
        Hit(float(time), DRUM_OF_LANE[lane], PLAIN_VELOCITY)
        for lane in LANES
        for time in pick_peaks(onset[:, lane], thresholds[lane], MINIMUM_GAPS[lane], fps)[0]
    ]
