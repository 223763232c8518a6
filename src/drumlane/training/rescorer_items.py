"""Rescorer items: rendered music as a transcriber hears it, each possible stroke with the truth.

Flow: items (rendering), models, transcription.rescoring -> **rescorer_items** -> rescorer_run

Rendering and hearing take longer than learning, so items are made once and kept in files of the run's folder;
a run that was interrupted makes those that are missing. Item n is the same whoever makes it.
"""

import json
import multiprocessing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray

from drumlane.data.workers import each
from drumlane.errors import ConfigError, DatasetError, ModelError
from drumlane.evaluation.matching import match_onsets
from drumlane.files import whole_file
from drumlane.models.loading import Activations, Model, load_model
from drumlane.networks.rescorer import RescorerVerdicts
from drumlane.performance import Hit
from drumlane.rendering.material import Material
from drumlane.rendering.scene import draw_scene, render_scene
from drumlane.rendering.scene_options import SceneOptions
from drumlane.training.items import features_of_item, levelled, load_material
from drumlane.training.rescorer_config import RescorerRunConfig
from drumlane.training.rescorer_networks import loaded_together, verdicts_of
from drumlane.transcription.activations import PRESENCE_STEP
from drumlane.transcription.candidates import Candidates, Proposing, find_candidates
from drumlane.transcription.energies import band_energies
from drumlane.transcription.heard import Heard
from drumlane.transcription.rescoring import features_of_candidates
from drumlane.transcription.toms import TOM_LANES
from drumlane.vocabulary import LANES

Part = Literal["train", "validation"]
TOLERANCE = 0.05  # s
_SETTINGS = "items.json"
_VALIDATION_SEED = 10**9
# Lanes that are judged together: a tom's stroke is one, whichever tom it was heard on.
_GROUPS = (*((lane,) for lane in LANES if lane not in TOM_LANES), TOM_LANES)


@dataclass(frozen=True, slots=True, eq=False)
class JudgedItem:
    """The candidates of one item; one row for each."""

    features: NDArray[np.float16]  # (strokes, stroke_features.N_FEATURES)
    times: NDArray[np.float32]  # seconds
    real: NDArray[np.bool_]
    velocities: NDArray[np.float32]  # MIDI, of what was struck; nan where nothing was
    toms: NDArray[np.int8]  # which tom was struck: 0 high, 1 middle, 2 low; -1: none


def heard_of(activations: Activations, fps: float) -> Heard:
    """Return the activations of one item, as they are kept of a recording."""
    heard = Heard.nothing(activations.n_frames, PRESENCE_STEP, fps)
    heard.write(activations, np.arange(activations.n_frames))
    return heard.as_singles()


def judge(candidates: Candidates, hits: Sequence[Hit], features: NDArray[np.float32]) -> JudgedItem:
    """Return candidates with the truth: each is matched with one hit of its lane, ±50 ms, at most.

    Args:
        candidates: of one item.
        hits: what was struck.
        features: of the candidates.
    """
    n = len(candidates)
    velocities, toms = np.full(n, np.nan, np.float32), np.full(n, -1, np.int8)
    for group in _GROUPS:
        struck = [hit for hit in hits if hit.drum.lane in group]
        mine = np.flatnonzero(np.isin(candidates.lanes, group))
        for i, j in match_onsets([h.time for h in struck], candidates.times[mine], TOLERANCE).tolist():
            velocities[mine[j]] = struck[i].velocity
            if group is TOM_LANES:
                toms[mine[j]] = group.index(struck[i].drum.lane)
    return JudgedItem(
        features.astype(np.float16),
        (candidates.times - (candidates.times[0] if n else 0.0)).astype(np.float32),
        ~np.isnan(velocities),
        velocities,
        toms,
    )


def make_items(config: RescorerRunConfig, part: Part) -> Iterator[float]:
    """Make the items of a part that are missing; yield the fraction that is done.

    Raises:
        ConfigError: the folder's items were made with other settings.
        DatasetError: material is missing.
        ModelError: the transcriber cannot be loaded, or has a rescorer already.
    """
    folder = _folder(config, part)
    folder.mkdir(parents=True, exist_ok=True)
    _check_settings(config)
    if load_model(config.transcriber).rescorer:
        raise ModelError(f"{config.transcriber}: has a rescorer already; export it without --rescorer")
    n_files = -(-_n_items(config, part) // config.items_per_file)
    missing = [n for n in range(n_files) if not _file(folder, n).exists()]
    n_there = n_files - len(missing)
    for n_done, _ in enumerate(each(partial(_make_file, config, part), missing, config.num_workers), 1):
        yield (n_there + n_done) / n_files


def read_items(config: RescorerRunConfig, part: Part) -> list[JudgedItem]:
    """Return the items of a part that hold candidates.

    Raises:
        DatasetError: a file is missing or damaged.
    """
    items = []
    for path in sorted(_folder(config, part).glob("*.npz")):
        try:
            with path.open("rb") as file, np.load(file) as arrays:
                ends = np.cumsum(arrays["lengths"])[:-1]
                columns = [np.split(arrays[name], ends) for name in JudgedItem.__slots__]
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise DatasetError(
                f"{path}: not a file of items ({error}); delete it, it is made again"
            ) from None
        items += [JudgedItem(*values) for values in zip(*columns, strict=True) if len(values[0])]
    if not items:
        raise DatasetError(f"{_folder(config, part)}: no items")
    return items


def _folder(config: RescorerRunConfig, part: Part) -> Path:
    return config.folder / "items" / part


def _file(folder: Path, number: int) -> Path:
    return folder / f"{number:05}.npz"


def _n_items(config: RescorerRunConfig, part: Part) -> int:
    return config.n_items if part == "train" else config.validation_items


def _check_settings(config: RescorerRunConfig) -> None:
    """Refuse to mix items that were made in different ways."""
    names = (
        "seed",
        "transcriber",
        "after",
        "data",
        "scene",
        "plain_share",
        "arranged_share",
        "items_per_file",
    )
    wanted = config.model_dump(mode="json", include=set(names))
    path = config.folder / "items" / _SETTINGS
    if not path.exists():
        with whole_file(path, DatasetError) as partial_file:
            partial_file.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")
        return
    found = json.loads(path.read_text(encoding="utf-8"))
    differing = [name for name in names if found.get(name, []) != wanted[name]]
    if differing:
        raise ConfigError(
            f"{path.parent}: its items were made with another {', '.join(differing)}; "
            "pass --set name=NAME for a new run"
        )


def _make_file(config: RescorerRunConfig, part: Part, number: int) -> None:
    """Make the items of one file."""
    if multiprocessing.parent_process():
        torch.set_num_threads(1)  # there is a process for each core
    first = number * config.items_per_file
    numbers = range(first, min(first + config.items_per_file, _n_items(config, part)))
    items = [_make_item(config, part, n) for n in numbers]
    columns: dict[str, NDArray[Any]] = {
        name: np.concatenate([getattr(item, name) for item in items]) for name in JudgedItem.__slots__
    }
    lengths = np.array([len(item.times) for item in items])
    with whole_file(_file(_folder(config, part), number), DatasetError) as path, path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, lengths=lengths, **columns)


def _make_item(config: RescorerRunConfig, part: Part, number: int) -> JudgedItem:
    """Render, hear and judge item ``number``."""
    material, model = _material(config.model_dump_json(), part), _transcriber(config.transcriber)
    seed = (config.seed + (_VALIDATION_SEED if part == "validation" else 0), number)
    scene = draw_scene(material, _options(config, np.random.default_rng(seed)), (*seed, 1))
    item = levelled(render_scene(scene))
    features = features_of_item(item, model.card.feature_spec)
    first_judges = loaded_together(tuple(config.after)) if config.after else None
    return hear_and_judge(features, item.hits, model, first_judges)


def hear_and_judge(
    features: NDArray[np.float32],
    hits: Sequence[Hit],
    model: Model,
    first_judges: RescorerVerdicts | None = None,
) -> JudgedItem:
    """Return what a transcriber proposes in an item, and the truth about it.

    Args:
        features: of the item.
        hits: what was struck.
        model: hears it.
        first_judges: networks of the round before; None: this is the first.
    """
    candidates = candidates_in(features, model)
    energies = band_energies(features, model.card.feature_spec)
    proposing = Proposing.of(model.card)
    known = features_of_candidates(candidates, energies, proposing)
    if first_judges and len(candidates):
        verdicts = verdicts_of(first_judges, known, candidates.times)
        known = features_of_candidates(candidates, energies, proposing, verdicts)
    return judge(candidates, hits, known)


def candidates_in(features: NDArray[np.float32], model: Model) -> Candidates:
    """Return what a transcriber proposes in an item."""
    out = model.run(features[None])
    heard = Activations(out.onset[0], out.velocity[0], out.articulation[0], out.presence[0])
    return find_candidates(heard_of(heard, model.card.feature_spec.fps), Proposing.of(model.card))


def _options(config: RescorerRunConfig, rng: np.random.Generator) -> SceneOptions:
    """Return how an item is drawn: on a kit as it is, or changed in every way; played or rearranged."""
    arranged, plain = rng.random() < config.arranged_share, rng.random() < config.plain_share
    scene = replace(config.scene, arranged=arranged)
    if not plain:
        return scene
    return replace(
        scene,
        coloured=False,
        mixed_kit=0.25,
        percussion=0.03,
        noise=0.1,
        rattle=0.1,
        layered=0.05,
        soft_sticks=0.05,
    )


@lru_cache(maxsize=2)
def _material(config: str, part: Part) -> Material:
    parsed = RescorerRunConfig.model_validate_json(config)
    return load_material(parsed.data, part, parsed.seed)


@lru_cache(maxsize=1)
def _transcriber(path: Path) -> Model:
    return load_model(path, threads=1)
