"""Stroke levels: how well the loudness of a stroke is told when others fall on it.

    python benchmarks/stroke_levels.py [--items 120] [--part validation] [--judged]

Grooves are rendered on kits as they are, drums only; the shipped transcriber proposes strokes, and
``transcription.stroke_levels`` says how loud each is. On each drum of an item a line from level to velocity
is fitted to the strokes that lie alone (nothing else within 30 ms); then every stroke's velocity is read off
that line. Printed are shares of velocities within 10 steps, of the whole level and of the best group of
bands: what is lost from the first column to the others is lost to what sounds together. No network has a
part in it but the one that proposes; with ``--judged`` the rescorer's first round says besides how far each
stroke is to be believed, as in its second round.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drumlane.data.workers import each
from drumlane.evaluation.matching import match_onsets
from drumlane.models.loading import SHIPPED, Model, load_model
from drumlane.performance import Hit
from drumlane.rendering.material import Material
from drumlane.rendering.scene import draw_scene, render_scene
from drumlane.rendering.scene_options import SceneOptions
from drumlane.training.items import features_of_item, levelled, load_material
from drumlane.training.rescorer_items import TOLERANCE, candidates_in
from drumlane.training.sections import DataConfig
from drumlane.transcription.candidates import Proposing
from drumlane.transcription.energies import band_energies
from drumlane.transcription.rescoring import features_of_candidates, levels_of_candidates, verdicts_of_round
from drumlane.transcription.stroke_features import CURVE_DB, loudness_of
from drumlane.transcription.stroke_levels import N_GROUPS
from drumlane.vocabulary import Drum

SHARED = Path("../shared/data")
SEED = 20261126
DRUMS = (Drum.HIHAT_CLOSED, Drum.RIDE, Drum.SNARE, Drum.KICK)
COLUMNS = ("alone", "on a snare", "on others")
NEAR = 0.03  # s
CLOSE = 10.5  # steps
FEWEST = 8  # strokes that lie alone, to fit a line

Errors = dict[tuple[Drum, str, int], list[float]]  # of drum, column, and group of bands (-1: all), in steps


def main() -> None:
    """Render, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--items", type=int, default=120)
    parser.add_argument("--part", choices=("train", "validation"), default="validation")
    parser.add_argument("--judged", action="store_true")
    parser.add_argument("--data", type=Path, default=SHARED)
    options = parser.parse_args()
    data = DataConfig(kits=options.data / "kits" / "kits.csv", grooves=options.data / "grooves")
    errors: Errors = defaultdict(list)
    for found in each(partial(errors_of_item, data, options.part, options.judged), range(options.items), 2):
        for key, values in found.items():
            errors[key] += values
    print(f"{'':14}" + "".join(f"{name:>24}" for name in COLUMNS))
    for drum in DRUMS:
        cells = [_cell(errors, drum, column) for column in COLUMNS]
        print(f"{drum.value:14}" + "".join(f"{cell:>24}" for cell in cells))


def _cell(errors: Errors, drum: Drum, column: str) -> str:
    whole, *groups = (np.array(errors[drum, column, group]) for group in range(-1, N_GROUPS))
    if not len(whole):
        return "none"
    best = max(float(np.mean(np.abs(group) < CLOSE)) for group in groups)
    return f"{np.mean(np.abs(whole) < CLOSE):.3f}, best {best:.3f} (n {len(whole)})"


@lru_cache(maxsize=1)
def _loaded(data: DataConfig, part: str) -> tuple[Material, Model]:
    return load_material(data, part, SEED), load_model(SHIPPED, threads=1)


def errors_of_item(data: DataConfig, part: str, judged: bool, number: int) -> Errors:
    """Render and measure one item."""
    material, model = _loaded(data, part)
    plain = SceneOptions(seconds=30, accompanied=0, drumless=0, percussion=0, arranged=False, coloured=False)
    item = levelled(render_scene(draw_scene(material, plain, (SEED, number))))
    features = features_of_item(item, model.card.feature_spec)
    candidates = candidates_in(features, model)
    energies = band_energies(features, model.card.feature_spec)
    proposing, verdicts = Proposing.of(model.card), None
    if judged and model.rescorer:
        known = features_of_candidates(candidates, energies, proposing)
        verdicts = verdicts_of_round(model.rescorer, known, candidates.times, 0)
    levels = levels_of_candidates(candidates, energies, proposing, verdicts)
    all_levels = [levels.level, *levels.group_levels.T]
    errors: Errors = {}
    for drum in DRUMS:
        mine = np.flatnonzero(candidates.lanes == drum.lane)
        struck = [hit for hit in item.hits if hit.drum.lane is drum.lane]
        pairs = match_onsets([h.time for h in struck], candidates.times[mine], TOLERANCE)
        pairs = [(struck[i], mine[j]) for i, j in pairs.tolist() if struck[i].drum is drum]
        columns = np.array([_column(hit, item.hits) for hit, _ in pairs])
        if np.sum(columns == COLUMNS[0]) < FEWEST:
            continue
        velocities = np.array([hit.velocity for hit, _ in pairs], dtype=np.float64)
        rows = [row for _, row in pairs]
        for group, of_group in enumerate(all_levels, -1):
            off = _read_off(of_group[rows], velocities, columns == COLUMNS[0]) - velocities
            for column in COLUMNS:
                errors[drum, column, group] = off[columns == column].tolist()
    return errors


def _column(hit: Hit, others: Sequence[Hit]) -> str:
    near = [other for other in others if other is not hit and abs(other.time - hit.time) < NEAR]
    if not near:
        return COLUMNS[0]
    return COLUMNS[1 if any(other.drum.lane is Drum.SNARE.lane for other in near) else 2]


def _read_off(
    levels: NDArray[np.float64], velocities: NDArray[np.float64], alone: NDArray[np.bool_]
) -> NDArray[np.float64]:
    slope, start = np.polyfit(levels[alone], loudness_of(velocities)[alone], 1)
    return np.asarray(127 * 10 ** ((slope * levels + start) / CURVE_DB))


if __name__ == "__main__":
    main()
