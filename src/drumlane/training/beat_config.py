"""Beat config: a run that trains the beat network, typed, read from YAML.

Flow: YAML + ``--set`` -> **beat_config** -> beat_run
"""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from drumlane.networks.beats import BeatNetworkSpec
from drumlane.training.config import read_section
from drumlane.training.sections import PlainRunConfig


class BeatRunConfig(PlainRunConfig):
    """A whole run."""

    name: str = Field("beats", description="folder of the run below `output`")
    grooves: Path = Field(description="folder of the Groove MIDI Dataset")
    max_grooves: int | None = Field(None, ge=1, description="use only the first grooves of each split")
    seconds: float = Field(40.0, ge=5, description="length of every song that is drawn")
    batch_size: int = Field(16, ge=1)
    num_steps: int = Field(6000, ge=1)
    learning_rate: float = Field(0.003, gt=0, description="highest of the cycle")
    weight_decay: float = Field(0.01, ge=0)
    average: float = Field(0.998, ge=0, lt=1, description="decay of the averaged weights, which are kept")
    validation_items: int = Field(96, ge=1)
    model: BeatNetworkSpec = Field(default_factory=BeatNetworkSpec)


def read_beat_config(path: Path, overrides: Sequence[str] = ()) -> BeatRunConfig:
    """Read a YAML file and apply ``a.b=value`` overrides; relative paths are taken from the working folder.

    Raises:
        ConfigError: the file is missing or not YAML, or a name or value in it is wrong.
    """
    return read_section(BeatRunConfig, path, overrides)
