"""Items: batches rendered on the fly, each a function of the seed and its number.

Flow: rendering.scene + targets -> **items** -> module

Batch ``b`` is the same whatever the number of worker processes and wherever a run was resumed.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from drumlane.audio.blocks import mono_blocks_of_array
from drumlane.audio.features import FeatureSpec, log_mel
from drumlane.audio.level import level_gain
from drumlane.data.gmd import load_grooves
from drumlane.errors import DatasetError
from drumlane.rendering.accompaniment import Clip, load_clips, load_rooms
from drumlane.rendering.kits import SAMPLE_RATE
from drumlane.rendering.material import Material
from drumlane.rendering.procedural import brushed_snare, procedural_kit
from drumlane.rendering.procedural_music import procedural_accompaniment
from drumlane.rendering.scene import Item, draw_scene, render_scene
from drumlane.rendering.scene_options import SceneOptions
from drumlane.training.recorded_kits import recorded_kits
from drumlane.training.sections import DataConfig
from drumlane.training.targets import Targets, encode

Batch = tuple[Tensor, Tensor, Tensor, Tensor]  # features, onset, velocity, articulation
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
        clips += [_composed((seed, i)) for i in range(config.procedural_clips)]
    rooms = load_rooms(config.backing, held_out=not training) if config.backing else []
    usable = tuple(hits for hits in grooves if len(hits) >= _MIN_HITS)
    if not usable:
        raise DatasetError(f"{config.grooves}: no groove of split {split!r} has {_MIN_HITS} hits or more")
    return Material(kits=tuple(kits), grooves=usable, clips=tuple(clips), rooms=tuple(rooms))


def _composed(seed: tuple[int, int]) -> Clip:
    music = procedural_accompaniment(np.random.default_rng(seed), PROCEDURAL_CLIP_SECONDS)
    return Clip(f"procedural {seed[1]}", "band", music)


class RenderedBatches(IterableDataset[Batch]):
    """Endless batches from ``first`` on; worker ``k`` of ``n`` makes every n-th."""

    def __init__(
        self,
        material: Material,
        options: SceneOptions,
        features: FeatureSpec,
        batch_size: int,
        seed: int,
    ) -> None:
        self.material = material
        self.options = options
        self.features = features
        self.batch_size = batch_size
        self.seed = seed
        self.first = 0

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        number, step = (worker.id, worker.num_workers) if worker else (0, 1)
        number += self.first
        while True:
            yield self.batch(number)
            number += step

    def batch(self, number: int) -> Batch:
        """Render batch ``number``."""
        numbers = range(number * self.batch_size, (number + 1) * self.batch_size)
        rendered = [encode_item(self._item(n), self.features) for n in numbers]
        features = torch.from_numpy(np.stack([f for f, _ in rendered]))
        onset = torch.from_numpy(np.stack([t.onset for _, t in rendered]))
        velocity = torch.from_numpy(np.stack([t.velocity for _, t in rendered]))
        articulation = torch.from_numpy(np.stack([t.articulation for _, t in rendered]))
        return features, onset, velocity, articulation

    def _item(self, number: int) -> Item:
        scene = draw_scene(self.material, self.options, (self.seed, number))
        item = levelled(render_scene(scene))
        # An excerpt's level differs from its song's: the network must bear that.
        return replace(item, samples=item.samples * np.float32(10 ** (scene.gain_db / 20)))


def encode_item(item: Item, spec: FeatureSpec) -> tuple[NDArray[np.float32], Targets]:
    """Return the features and targets of one item."""
    samples = np.concatenate(list(mono_blocks_of_array(item.samples, SAMPLE_RATE, spec.sample_rate)))
    features = log_mel(samples, spec)
    return features, encode(item.hits, len(features), spec.fps)


def validation_items(material: Material, options: SceneOptions, n_items: int, seconds: float) -> list[Item]:
    """Render the fixed validation set: human grooves as played, coloured kits, held-out accompaniment."""
    chosen = replace(options, seconds=seconds, arranged=False)
    scenes = (draw_scene(material, chosen, (VALIDATION_SEED, n)) for n in range(n_items))
    return [levelled(render_scene(scene)) for scene in scenes]


def levelled(item: Item) -> Item:
    """Return the item at the level that inference brings every recording to."""
    gain = np.float32(level_gain(item.samples, SAMPLE_RATE))
    return replace(item, samples=item.samples * gain)
