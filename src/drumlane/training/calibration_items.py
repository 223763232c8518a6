"""Calibration items: what a decoder is calibrated on, sound that the weights were not learnt from.

Flow: datamodule, items -> **calibration_items** -> export
"""

from dataclasses import replace

from drumlane.rendering.scene import Item
from drumlane.training.config import RunConfig
from drumlane.training.datamodule import held_out_items
from drumlane.training.items import features_of_item, load_material, validation_items
from drumlane.training.validation import HeldOut

# Drums against accompaniment in the mixes people have. Training goes further, where the best threshold is one
# that hears little.
USUAL_LEVELS_DB = (-3.0, 15.0)


def calibration_items(config: RunConfig, n_items: int, seconds: float) -> list[HeldOut]:
    """Return what a decoder is calibrated on.

    Excerpts of the validation part of the recordings, or rendered items of the validation families.
    """
    if config.data.recordings:
        return held_out_items(config, "validation", n_items, seconds)
    rendered = _rendered_items(config, n_items, seconds)
    return [HeldOut(features_of_item(item, config.audio), item.hits) for item in rendered]


def _rendered_items(config: RunConfig, n_items: int, seconds: float) -> list[Item]:
    material = load_material(config.data, "validation", config.seed)
    # As songs are: intros, breaks and endings have no drums, and a false hit there is as wrong as anywhere.
    # What only hardens the network is left out: the best threshold on ruined sound is too low for sound.
    scene = replace(
        config.scene,
        accompanied=0.5,
        drumless=0.15,
        percussion=0.05,
        mixed_kit=0.2,
        noise=0.1,
        soft_sticks=0.05,
        layered=0.05,
        rattle=0.1,
        live=0.25,
        ducked=0.05,
        separated=0.0,
        mastered=0.0,
        band_limited=0.0,
        hum=0.0,
        level_db=USUAL_LEVELS_DB,
        joined=False,
    )
    # The threshold with the best F lies at half of that F: items that are harder than recordings give one
    # that is too low. Half of the items are therefore kits as they are, in a plain room.
    plain = replace(scene, coloured=False)
    n_plain = n_items // 2
    return [
        *validation_items(material, scene, n_items - n_plain, seconds),
        *validation_items(material, plain, n_plain, seconds),
    ]
