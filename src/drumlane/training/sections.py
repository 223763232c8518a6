"""Sections: the parts of a training run's configuration, typed; every key says what it is for.

Flow: **sections** -> config

A run learns from audio rendered on the fly (``data.grooves`` and kits), from recordings with MIDI
(``data.egmd_root`` or ``data.folder``), or from both.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from drumlane.networks.crnn import CrnnSpec
from drumlane.networks.transcriber import NetworkSpec
from drumlane.vocabulary import LANE_NAMES, LANES, Drum, drum_by_name, midi_map

Chance = Annotated[float, Field(ge=0, le=1)]
_OF_LANES = "|".join(LANE_NAMES)
Score = Annotated[str, Field(pattern=f"^val_(loss|f|(f|precision|recall)_({_OF_LANES}))$")]


class Section(BaseModel):
    """A part of the configuration: unknown keys are errors, nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)  # version=4


def _name_of_model(value: Any) -> str:
    return str(value.get("name", "drumlane") if isinstance(value, dict) else value.name)


ModelConfig = Annotated[
    Annotated[NetworkSpec, Tag("drumlane")] | Annotated[CrnnSpec, Tag("crnn")],
    Discriminator(_name_of_model),
]


class DataConfig(Section):
    """Where the material is and how much of it to use."""

    kits: Path | None = Field(None, description="kits.csv of one-shot samples; none: `more_kits` alone")
    more_kits: tuple[Path, ...] = Field(
        (),
        description="kits of your own, of any kind that `drumlane render` plays; mind their licences",
    )
    grooves: Path | None = Field(None, description="folder of the Groove MIDI Dataset, to render from")
    backing: Path | None = Field(None, description="folder of drumless clips (music.csv, real.csv, ir.csv)")
    more_backing: tuple[Path, ...] = Field(
        (), description="further folders of clips to train on (music.csv); mind their licences"
    )
    procedural_kits: int = Field(24, ge=0, description="kits made by the program itself")
    procedural_brushes: int = Field(
        12, ge=0, description="snares played with brushes, made by the program itself"
    )
    procedural_clips: int = Field(24, ge=0, description="20 s pieces of accompaniment made by the program")
    max_grooves: int | None = Field(None, ge=1, description="use only the first grooves of each split")
    max_kits: int | None = Field(None, ge=1, description="use only the first kits of each set")
    egmd_root: Path | None = Field(None, description="copy of E-GMD, or of GMD with its recordings")
    folder: Path | None = Field(
        None, description="recordings of your own, each beside a MIDI file of the same name"
    )
    processed_root: Path = Field(
        Path("data/processed"), description="features and labels of the recordings, by `drumlane preprocess`"
    )
    splits_dir: Path | None = Field(None, description="{train,val,test}_split.txt; none: in `processed_root`")
    storage: Literal["hdf5", "npy"] = Field("hdf5", description="of features and labels")
    split: Literal["official", "random"] = Field(
        "official", description="of E-GMD: by performance, or `random` by file, which leaks"
    )
    train_split: Chance = Field(0.70, description="share, of a random split")
    val_split: Chance = Field(0.15, description="share, of a random split")
    test_split: Chance = Field(0.15, description="share, of a random split")
    random_seed: int = Field(42, ge=0, description="of a random split and of `max_files`")
    max_files: int | None = Field(
        None, ge=1, description="use so many recordings, spread over performances, kits and drummers"
    )
    excerpt_seconds: float = Field(8.0, gt=0, le=600, description="length of a training item of a recording")
    class_balance: Chance = Field(
        0.0, description="share of the excerpts drawn around a hit of a lane drawn evenly, not by length"
    )
    pedal_hihat: Literal["include", "ignore"] = Field(
        "include", description="whether strokes of the pedal alone count as hats"
    )
    rendered_share: Chance = Field(0.0, description="of a mixed run's items: rendered on the fly")

    @model_validator(mode="after")
    def _something_to_learn_from(self) -> Self:
        if self.egmd_root is not None and self.folder is not None:
            raise ValueError("name data.egmd_root or data.folder, not both")
        shares = self.train_split + self.val_split + self.test_split
        if abs(shares - 1) > 1e-6:
            raise ValueError(f"train_split, val_split and test_split must make 1 together, not {shares:g}")
        if self.recordings is None and self.grooves is None:
            raise ValueError("name data.grooves to render from, data.egmd_root or data.folder")
        if self.renders and self.kits is None and not self.more_kits:
            raise ValueError("name a kits.csv as data.kits, or kits of your own as data.more_kits")
        if self.rendered_share and self.grooves is None:
            raise ValueError("data.rendered_share needs data.grooves and kits to render from")
        return self

    @property
    def recordings(self) -> Path | None:
        """The folder of recordings with MIDI, if the run learns from any."""
        return self.egmd_root or self.folder

    @property
    def renders(self) -> bool:
        """Whether items are rendered on the fly."""
        return self.grooves is not None and (self.recordings is None or self.rendered_share > 0)

    @property
    def splits(self) -> Path:
        """The folder of the lists of each part."""
        return self.splits_dir or self.processed_root


class TrainingConfig(Section):
    """How the network learns."""

    init_from: Path | None = Field(
        None,
        description="checkpoint to start from; layers that do not fit start anew",
    )
    freeze: tuple[str, ...] = Field(
        (), description="layers that keep their weights: `convs`, `low`, `bottleneck`, `context` …"
    )
    num_steps: int = Field(6000, ge=1, description="optimiser steps of the whole run, without `num_epochs`")
    num_epochs: int | None = Field(
        None, ge=1, description="passes over the recordings instead; one is as long as all of them"
    )
    batch_size: int = Field(16, ge=1, description="items a step")
    accumulate_grad_batches: int = Field(1, ge=1, description="batches a step")
    optimizer: Literal["adamw", "adam", "sgd"] = Field("adamw", description="by name")
    learning_rate: float = Field(1e-3, gt=0, description="peak, after the warm-up")
    scheduler: Literal["cosine", "plateau", "none"] = Field(
        "cosine", description="down to 1 %, or by `scheduler_factor` where val_loss falls no more"
    )
    scheduler_patience: int = Field(5, ge=0, description="validations without a lower val_loss")
    scheduler_factor: float = Field(0.5, gt=0, lt=1, description="of the learning rate, at a plateau")
    warmup_steps: int = Field(200, ge=0, description="linear warm-up")
    weight_decay: float = Field(1e-2, ge=0, description="AdamW's, or L2 for the others")
    gradient_clip_val: float = Field(1.0, gt=0, description="norm")
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = Field("bf16-mixed", description="Lightning's")
    ema_decay: float = Field(0.999, ge=0, lt=1, description="of the averaged weights that are kept")
    velocity_weight: float = Field(0.5, ge=0, description="of the velocity loss")
    articulation_weight: float = Field(0.1, ge=0, description="of the articulation loss")
    presence_weight: float = Field(0.05, ge=0, description="of the loss of lane presence")
    masked_bands: int = Field(0, ge=0, le=40, description="at most so many neighbouring mels are left out")


class AugmentationConfig(Section):
    """What is done to excerpts of recordings; rendered items have a world of their own (`scene`)."""

    enabled: bool = Field(True, description="false: excerpts as they were recorded")
    time_stretch_prob: Chance = Field(0.5, description="chance of another tempo; labels move with it")
    time_stretch_range: tuple[float, float] = Field((0.9, 1.1), description="factors of the tempo")
    pitch_shift_prob: Chance = Field(0.5, description="chance of another pitch")
    pitch_shift_semitones: float = Field(2.0, ge=0, le=12, description="at most, up or down")
    volume_scale_prob: Chance = Field(0.5, description="chance of another level")
    volume_scale_db: float = Field(6.0, ge=0, le=40, description="at most, up or down")
    reverb_prob: Chance = Field(0.3, description="chance of echoes within 1 to 3 frames and a short tail")
    noise_prob: Chance = Field(0.3, description="chance of noise")
    noise_level: tuple[float, float] = Field(
        (0.01, 0.05), description="root mean square of the noise, as a share of the excerpt's"
    )

    @model_validator(mode="after")
    def _ranges_in_order(self) -> Self:
        for name in ("time_stretch_range", "noise_level"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(f"{name}={[low, high]} must be [lowest, highest], above 0")
        return self


class LossConfig(Section):
    """What is minimised over onset frames."""

    type: Literal["BCELoss", "BCEWithLogitsLoss", "FocalLoss"] = Field(
        "BCELoss", description="binary cross entropy, always of logits whatever it is called; or focal loss"
    )
    class_weights: tuple[float, ...] | None = Field(
        (1.5, 1.5, 1.5, 3.0, 3.0, 3.0, 3.0, 2.0),
        min_length=len(LANES),
        max_length=len(LANES),
        description="of onset frames, one for each lane; null: 1",
    )
    focal_gamma: float = Field(2.0, ge=0, description="focus of FocalLoss on what is hard")


class ValidationConfig(Section):
    """How the best checkpoint is found: note-level F on held-out items."""

    every_n_steps: int = Field(250, ge=1, description="steps between validations, of a run by steps")
    n_items: int = Field(64, ge=1, description="items: rendered ones, or excerpts of the validation part")
    seconds: float = Field(8.0, gt=0, description="length of each")


class EarlyStoppingConfig(Section):
    """When to give up."""

    enabled: bool = Field(False, description="stop where the monitored score no longer gets better")
    monitor: Score = Field("val_loss", description="a score of validation: val_loss, val_f, val_f_kick …")
    patience: int = Field(5, ge=1, description="validations")
    mode: Literal["min", "max"] = Field("min", description="which way is better")


class CheckpointConfig(Section):
    """Which checkpoints are kept."""

    monitor: Score = Field("val_f", description="a score of validation: val_f, val_loss, val_recall_crash …")
    mode: Literal["min", "max"] = Field("max", description="which way is better")
    save_top_k: int = Field(3, ge=1, description="so many of the best")
    save_last: bool = Field(True, description="the newest too, as last.ckpt, to go on from")
    dirpath: Path | None = Field(None, description="none: `checkpoints` in the run's folder")
    filename: str = Field("{step}-{val_f:.4f}", description="of the best ones")


class LoggingConfig(Section):
    """Where the curves go; a metrics.csv is always written."""

    logger: Literal["csv", "tensorboard", "wandb"] = Field("csv", description="beside metrics.csv")
    project_name: str = Field("drum-transcription", description="of Weights & Biases")
    experiment_name: str | None = Field(None, description="none: the run's name")
    log_every_n_steps: int = Field(25, ge=1, description="steps between two entries")
    save_dir: Path | None = Field(None, description="none: `logs` in the run's folder")
    example_plots: int = Field(0, ge=0, description="pictures of items at every validation (plot extra)")


class HardwareConfig(Section):
    """What to run on."""

    accelerator: Literal["auto", "cpu", "gpu", "mps"] = Field("auto", description="Lightning's")
    devices: int | Literal["auto"] | tuple[int, ...] = Field(
        1, description="how many, or their numbers; fewer or no GPU: the CPU, with one warning"
    )
    num_workers: int = Field(1, ge=0, description="processes that make items")
    num_threads: int | None = Field(None, ge=1, description="torch threads of the training process")
    pin_memory: bool = Field(False, description="quicker copies to a GPU")


class PostprocessingConfig(Section):
    """How activations become hits where nothing was calibrated yet."""

    onset_threshold: Annotated[float, Field(gt=0, lt=1)] | dict[str, Annotated[float, Field(gt=0, lt=1)]] = (
        Field(0.5, description="one for all lanes, or one for each lane by its name")
    )
    min_onset_interval: float = Field(0.05, gt=0, lt=1, description="seconds between hits of one lane")
    peak_min_distance: int = Field(2, ge=1, description="frames between peaks of one lane")
    repetition: float = Field(
        0.6, ge=0, le=2, description="how far exported models believe what comes back; 0: not at all"
    )

    @model_validator(mode="after")
    def _lanes_by_name(self) -> Self:
        if isinstance(self.onset_threshold, dict):
            _check_lanes(self.onset_threshold, "onset_threshold")
        return self

    def thresholds(self) -> tuple[float, ...]:
        """Return one for each lane."""
        given = self.onset_threshold
        return tuple(given[name] if isinstance(given, dict) else given for name in LANE_NAMES)


class MidiConfig(Section):
    """What MIDI files of the trained model hold."""

    drum_names: tuple[str, ...] = Field(
        LANE_NAMES, description="the lanes, in order; nothing else can be written"
    )
    gm_mapping: dict[str, Annotated[int, Field(ge=0, le=127)]] | None = Field(
        None, description="one note for each lane; null: a note for each drum that is told apart"
    )
    default_velocity: int = Field(80, ge=1, le=127, description="where the network tells none")
    note_duration_ticks: int = Field(50, ge=1, le=9600, description="length of the notes of `gm_mapping`")

    @model_validator(mode="after")
    def _lanes_by_name(self) -> Self:
        if self.drum_names != LANE_NAMES:
            raise ValueError(f"drum_names must be the lanes in their order: {', '.join(LANE_NAMES)}")
        if self.gm_mapping is not None:
            _check_lanes(self.gm_mapping, "gm_mapping")
        return self


def _check_lanes(given: dict[str, Any], name: str) -> None:
    unknown = sorted(given.keys() - set(LANE_NAMES))
    missing = [lane for lane in LANE_NAMES if lane not in given]
    if unknown or missing:
        wrong = f"{unknown[0]!r} is no lane" if unknown else f"{missing[0]!r} is missing"
        raise ValueError(f"{name}: {wrong}; lanes: {', '.join(LANE_NAMES)}")


MidiMapping = str | dict[Annotated[int, Field(ge=0, le=127)], str]


def note_map_of(mapping: MidiMapping) -> dict[int, Drum]:
    """Return what notes mean: a map by its name, or one of notes to lanes or drums.

    Raises:
        ConfigError: the map, or a lane or drum in it, is unknown.
    """
    if isinstance(mapping, str):
        return dict(midi_map(mapping))
    return {note: drum_by_name(name) for note, name in mapping.items()}


class PlainRunConfig(Section):
    """What the runs of the small networks share; each has a name, steps and rates of its own."""

    name: str = Field(description="folder of the run below `output`")
    version: str = Field("1", description="of the model, for its card")
    output: Path = Field(Path("runs"), description="where runs are kept")
    seed: int = Field(42, ge=0, description="of everything that is drawn")
    every_n_steps: int = Field(500, ge=1, description="between two validations, which save a checkpoint")
    num_threads: int | None = Field(None, ge=1)

    @property
    def folder(self) -> Path:
        """Where everything of the run is."""
        return self.output / self.name
