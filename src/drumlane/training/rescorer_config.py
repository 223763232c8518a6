"""Rescorer config: a run that trains the rescorer, typed, read from YAML.

Flow: YAML + ``--set`` -> **rescorer_config** -> rescorer_items, rescorer_run
"""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from drumlane.rendering.scene_options import SceneOptions
from drumlane.training.config import read_section
from drumlane.training.sections import Chance, DataConfig, PlainRunConfig, Section


class RescorerNetworkConfig(Section):
    """Size of the network."""

    width: int = Field(96, ge=8)
    n_heads: int = Field(4, ge=1)
    n_layers: int = Field(4, ge=1)
    dropout: Chance = Field(0.0, description="of what each layer adds, in training")


class RescorerRunConfig(PlainRunConfig):
    """A whole run."""

    name: str = Field("rescorer", description="folder of the run below `output`")
    transcriber: Path = Field(description="model (.onnx) to listen to, exported without a rescorer")
    data: DataConfig
    scene: SceneOptions = Field(default_factory=lambda: SceneOptions(seconds=30.0))
    plain_share: Chance = Field(0.5, description="share of items on kits as they are, in a plain room")
    arranged_share: Chance = Field(0.15, description="share of items whose grooves are rearranged")
    n_items: int = Field(6000, ge=1, description="rendered for training, once")
    validation_items: int = Field(240, ge=1)
    items_per_file: int = Field(100, ge=1)
    num_workers: int = Field(2, ge=1, description="processes that render")
    after: list[Path] = Field(
        [], description="checkpoints of those that judge first; this one judges again, knowing what they say"
    )
    init_from: Path | None = Field(None, description="checkpoint whose averaged weights are begun with")
    together_with: list[Path] = Field(
        [], description="checkpoints of others that answer with it, by the mean"
    )
    draw_seed: int = Field(
        0, ge=0, description="of weights and of what training draws; runs on the same items differ by it"
    )
    num_steps: int = Field(5000, ge=1)
    batch_size: int = Field(12, ge=1)
    learning_rate: float = Field(0.0015, gt=0, description="highest of the cycle")
    weight_decay: float = Field(0.03, ge=0)
    average: float = Field(0.995, ge=0, lt=1, description="decay of the averaged weights, which are kept")
    velocity_weight: float = Field(4.0, ge=0)
    closeness_weight: float = Field(2.0, ge=0, description="of velocities that are not within a tenth")
    likeness_weight: float = Field(0.5, ge=0, description="of telling whether two strokes are on one tom")
    height_shift: float = Field(0.3, ge=0, description="heights of a lane differ by kit: deviation, drawn")
    level_shift: float = Field(1.5, ge=0, description="dB: levels of a drum differ by kit, deviation, drawn")
    balance_swapped: Chance = Field(
        0.0, description="share of items whose drums are as loud against each other as in another item"
    )
    tone_shift: float = Field(2.0, ge=0, description="dB: a drum's lows against its highs, deviation, drawn")
    colour_shift: float = Field(
        0.0, ge=0, description="dB: each band of a drum differs by kit: deviation, drawn"
    )
    spectra_hidden: Chance = Field(0.0, description="share of items whose bands are left out at random")
    tempo_shift: float = Field(0.0, ge=0, description="deviation of the logarithm of tempi, drawn")
    least_share: float = Field(1.0, gt=0, le=1, description="of an item that is drawn, at least")
    tom_shift: float = Field(1.0, ge=0, description="a kit's toms are heard as higher ones: deviation, drawn")
    velocity_shift: float = Field(0.3, ge=0, description="quarters of the range, by drum, deviation, drawn")
    model: RescorerNetworkConfig = Field(default_factory=RescorerNetworkConfig)


def read_rescorer_config(path: Path, overrides: Sequence[str] = ()) -> RescorerRunConfig:
    """Read a YAML file and apply ``a.b=value`` overrides; relative paths are taken from the working folder.

    Raises:
        ConfigError: the file is missing or not YAML, or a name or value in it is wrong.
    """
    return read_section(RescorerRunConfig, path, overrides)
