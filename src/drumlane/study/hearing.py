"""Hearing: what a checkpoint's network makes of a part of a run's material.

Flow: export (averaged network), datamodule -> **hearing** -> sweep
"""

from dataclasses import dataclass
from pathlib import Path

from drumlane.errors import DatasetError
from drumlane.models.loading import Activations
from drumlane.performance import Hit
from drumlane.training.config import RunConfig
from drumlane.training.datamodule import held_out_items
from drumlane.training.export import check_hears, hear, load_probabilities

RENDERED_PARTS = ("train", "validation")


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """Activations of items and what was really struck in them."""

    activations: list[Activations]  # each without a batch axis
    references: list[tuple[Hit, ...]]
    fps: float  # frames a second
    names: list[str]


def hear_part(checkpoint: Path, config: RunConfig, part: str, max_items: int | None) -> Heard:
    """Let the averaged network of a checkpoint hear a part of the material.

    Args:
        checkpoint: of a run.
        config: says what the material is.
        part: ``validation`` or ``train``; of recordings also ``test``.
        max_items: as many at most; None: as many as validation has.

    Raises:
        ModelError: the file is missing or is no checkpoint of a transcriber.
        DatasetError: the material is missing or has no such part.
    """
    if config.data.recordings is None and part not in RENDERED_PARTS:
        raise DatasetError(f"part {part!r}: rendered material has {' and '.join(RENDERED_PARTS)} only")
    network, spec = load_probabilities([checkpoint])
    check_hears(spec, config)
    items = held_out_items(config, part, max_items)
    strength = config.postprocessing.repetition
    return Heard(
        [hear(network, item.features[:, : spec.n_bands], spec.fps, strength) for item in items],
        [item.hits for item in items],
        spec.fps,
        [f"{part} item {number}" for number in range(len(items))],
    )
