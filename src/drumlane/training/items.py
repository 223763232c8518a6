"""Items: rendered on the fly, each a function of the seed and its number.

Flow: rendering.scene + targets -> **items** -> batches
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from drumlane.audio.blocks import mono_blocks_of_array
from drumlane.audio.features import FeatureSpec, log_mel
from drumlane.audio.level import level_gain
from drumlane.data.gmd import load_grooves
from drumlane.errors import DatasetError
from drumlane.rendering.accompaniment import Clip, load_bands, load_clips, load_rooms
from drumlane.rendering.kits import SAMPLE_RATE
from drumlane.rendering.material import Material
from drumlane.rendering.procedural import brushed_snare, procedural_kit
from drumlane.rendering.procedural_music import procedural_accompaniment
from drumlane.rendering.scene import Item, draw_scene, render_scene
from drumlane.rendering.scene_options import SceneOptions
from drumlane.training.batches import Encoded
from drumlane.training.recorded_kits import recorded_kits
from drumlane.training.sections import DataConfig
from drumlane.training.targets import encode

PROCEDURAL_CLIP_SECONDS = 20.0
VALIDATION_SEED = 10**9  # apart from any training item
_MIN_HITS = 2  # a groove with fewer teaches nothing


def load_material(config: DataConfig, split: str, seed: int) -> Material:
    """Load kits, grooves, clips and rooms of one split ("train" or "validation").

    Raises:
        DatasetError: something named in the configuration is missing.
    """
    if config.grooves is None:
        raise DatasetError("data.grooves: no folder of grooves to render from is named")
    training = split == "train"
    kits = recorded_kits(config, training)
    if training:
        kits += [procedural_kit(np.random.default_rng((seed, i))) for i in range(config.procedural_kits)]
        kits += [brushed_snare(np.random.default_rng((seed, i, 1))) for i in range(config.procedural_brushes)]
    grooves = [g.performance.hits for g in load_grooves(config.grooves, split, config.max_grooves)]
    clips = load_clips(config.backing, held_out=not training) if config.backing else []
    if training:
        clips += [clip for folder in config.more_backing for clip in load_bands(folder)]
        clips += [_composed((seed, i)) for i in range(config.procedural_clips)]
    rooms = load_rooms(config.backing, held_out=not training) if config.backing else []
    usable = tuple(hits for hits in grooves if len(hits) >= _MIN_HITS)
    if not usable:
        raise DatasetError(f"{config.grooves}: no groove of split {split!r} has {_MIN_HITS} hits or more")
    return Material(kits=tuple(kits), grooves=usable, clips=tuple(clips), rooms=tuple(rooms))


def _composed(seed: tuple[int, int]) -> Clip:
    music = procedural_accompaniment(np.random.default_rng(seed), PROCEDURAL_CLIP_SECONDS)
    return Clip(f"procedural {seed[1]}", "band", music)


class RenderedItems:
    """Training items of one material."""

    def __init__(self, material: Material, options: SceneOptions, features: FeatureSpec, seed: int) -> None:
        self.material = material
        self.options = options
        self.features = features
        self.seed = seed

    def item(self, number: int) -> Encoded:
        """Render item ``number``."""
        return encode_item(self._item(number), self.features)

    def _item(self, number: int) -> Item:
        scene = draw_scene(self.material, self.options, (self.seed, number))
        item = levelled(render_scene(scene))
        # An excerpt's level differs from its song's: the network must bear that.
        return replace(item, samples=item.samples * np.float32(10 ** (scene.gain_db / 20)))


def encode_item(item: Item, spec: FeatureSpec) -> Encoded:
    """Return the features and targets of one item."""
    features = features_of_item(item, spec)
    return features, encode(item.hits, len(features), spec.fps)


def features_of_item(item: Item, spec: FeatureSpec) -> NDArray[np.float32]:
    """Return the features of one item, shape (frames, bands)."""
    samples = np.concatenate(list(mono_blocks_of_array(item.samples, SAMPLE_RATE, spec.sample_rate)))
    return log_mel(samples, spec)


def validation_items(material: Material, options: SceneOptions, n_items: int, seconds: float) -> list[Item]:
    """Render the fixed validation set: human grooves as played, coloured kits, held-out accompaniment."""
    chosen = replace(options, seconds=seconds, arranged=False)
    scenes = (draw_scene(material, chosen, (VALIDATION_SEED, n)) for n in range(n_items))
    return [levelled(render_scene(scene)) for scene in scenes]


def levelled(item: Item) -> Item:
    """Return the item at the level that inference brings every recording to."""
    gain = np.float32(level_gain(item.samples, SAMPLE_RATE))
    return replace(item, samples=item.samples * gain)
