"""Cards: what goes beside a network's weights, from a run and a decoder's settings.

Flow: export, provisional -> **cards** (provenance) -> models.card
"""

import datetime
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from drumlane.audio.features import FeatureSpec
from drumlane.audio.level import TARGET_RMS
from drumlane.models.card import FeatureFields, Level, MidiOutput, ModelCard, TomFields, Training
from drumlane.training.calibration import Calibration
from drumlane.training.config import RunConfig
from drumlane.training.provenance import training_sources, weights_licence
from drumlane.vocabulary import ARTICULATIONS, LANE_NAMES


@dataclass(frozen=True, slots=True)
class Exported:
    """A network as it is shipped."""

    weights: bytes  # ONNX
    spec: FeatureSpec
    n_parameters: int


def card_of(
    exported: Exported, config: RunConfig, calibration: Calibration, gaps: Sequence[float], command: str
) -> ModelCard:
    """Return the card of a network.

    Args:
        exported: the network.
        config: the run it comes from.
        calibration: the decoder's settings.
        gaps: minimum gap of each lane in seconds.
        command: that trained it.
    """
    return ModelCard(
        name="drumlane-transcriber",
        version=config.version,
        created=datetime.datetime.now(datetime.UTC).date().isoformat(),
        features=FeatureFields.of(exported.spec),
        features_digest=exported.spec.digest,
        level=Level(target_rms=TARGET_RMS),
        sha256=hashlib.sha256(exported.weights).hexdigest(),
        parameters=exported.n_parameters,
        thresholds=_by_lane(calibration.thresholds),
        minimum_gaps=_by_lane(gaps),
        repetition=calibration.repetition,
        toms=TomFields(**asdict(calibration.toms)) if calibration.toms else None,
        offsets=_by_lane(calibration.offsets),
        velocity=dict(zip(LANE_NAMES, calibration.velocity_curves, strict=True)),
        confidence=dict(zip(LANE_NAMES, calibration.confidence_curves, strict=True)),
        presence_thresholds=_by_lane(calibration.presence_thresholds),
        articulation_thresholds=dict(
            zip((d.value for d in ARTICULATIONS), calibration.articulation_thresholds, strict=True)
        ),
        license=weights_licence(config.data),
        training=Training(command=command, data=training_sources(config.data), notes=_notes(config)),
        midi=_midi(config),
    )


def _by_lane(values: Iterable[float]) -> dict[str, float]:
    return dict(zip(LANE_NAMES, values, strict=True))


def _midi(config: RunConfig) -> MidiOutput | None:
    """Return what MIDI files hold, where the configuration says something of its own."""
    midi = config.midi
    if midi.gm_mapping is None:
        return None
    return MidiOutput(notes=midi.gm_mapping, note_ticks=midi.note_duration_ticks)


def _notes(config: RunConfig) -> str:
    if config.data.recordings is None:
        return (
            "Trained on rendered audio only: human grooves on sampled and procedural kits, with "
            "accompaniment. Ranges of the procedural kits were set against statistics of sampled kits. "
            "Thresholds were chosen on kit families, grooves and accompaniment kept out of training."
        )
    share = f" and rendered audio ({config.data.rendered_share:.0%})" if config.data.renders else ""
    leaks = config.data.egmd_root is not None and config.data.split == "random"
    leak = " The split was random by file: scores on it are too good." if leaks else ""
    return f"Trained on recordings{share}. Thresholds were chosen on their validation part.{leak}"
