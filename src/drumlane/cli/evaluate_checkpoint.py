"""``drumlane evaluate --checkpoint``: a checkpoint of a run on one part of the recordings it was made for.

Flow: training.config, data.prepared -> **evaluate_checkpoint** -> evaluate

The checkpoint becomes a model file for the time of the evaluation and hears whole recordings, as a user's
song would be heard.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from drumlane.data.prepared import PreparedTake
    from drumlane.evaluation.references import Track
    from drumlane.performance import Performance
    from drumlane.training.config import RunConfig

PARTS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class CheckpointOptions:
    """What was asked for."""

    checkpoint: Path
    config: Path
    overrides: Sequence[str]
    part: str
    thresholds: Path | None
    max_files: int | None


class CheckpointTask:
    """The recordings of a part and how their references are read."""

    def __init__(self, options: CheckpointOptions) -> None:
        """Read the configuration and find the recordings.

        Raises:
            ConfigError: the configuration is wrong.
            DatasetError: nothing is prepared, or recordings are not where they were.
        """
        from drumlane.cli.train import need_torch
        from drumlane.training.config import read_config

        need_torch("evaluate --checkpoint")
        if options.part not in PARTS:
            raise typer.BadParameter(f"--split {options.part!r} must be one of {', '.join(PARTS)}")
        self.options = options
        self.config = read_config(options.config, options.overrides)
        self.tracks = _tracks(self.config, options)

    def write_model(self, folder: Path) -> Path:
        """Write the checkpoint as a model file into a folder; return its path."""
        from drumlane.study.threshold_file import read_thresholds
        from drumlane.training.provisional import write_provisional

        thresholds = read_thresholds(self.options.thresholds) if self.options.thresholds else None
        return write_provisional(self.options.checkpoint, self.config, folder, thresholds)

    def read_reference(self, path: Path) -> "Performance":
        """Read a recording's MIDI file by the configuration's note map."""
        from dataclasses import replace

        from drumlane.formats import read
        from drumlane.vocabulary import Drum

        performance = read(path, self.config.note_map)
        if self.config.data.pedal_hihat == "include":
            return performance
        kept = tuple(hit for hit in performance.hits if hit.drum is not Drum.HIHAT_PEDAL)
        return replace(performance, hits=kept)


def _tracks(config: "RunConfig", options: CheckpointOptions) -> "tuple[Track, ...]":
    from drumlane.data.egmd import find_table
    from drumlane.data.prepared import load_prepared
    from drumlane.errors import ConfigError

    if config.data.recordings is None:
        raise ConfigError(
            f"{options.config}: names no recordings (data.egmd_root or data.folder) to evaluate on; a model "
            "of rendered audio is evaluated by drumlane evaluate-kits --model"
        )
    takes = load_prepared(config.data.processed_root, config.data.splits, options.part)
    if options.max_files is not None and options.max_files < len(takes):
        step = len(takes) / options.max_files
        takes = tuple(takes[int(i * step)] for i in range(options.max_files))
    root = find_table(config.data.egmd_root).parent if config.data.egmd_root else config.data.recordings
    return tuple(_track(take, root) for take in takes)


def _track(take: "PreparedTake", root: Path) -> "Track":
    from drumlane.evaluation.references import Track

    columns = {
        "kit": take.kit_name,
        "style": take.style.partition("/")[0],
        "drummer": take.drummer,
        "performance": take.performance,
    }
    return Track(take.name, root / take.midi, root / take.audio, columns, take.duration)
