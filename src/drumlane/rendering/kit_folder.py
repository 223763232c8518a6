"""Kit folders: a folder of samples becomes a kit.

Flow: **kit_folder** -> kits -> stage

The folder holds a sub-folder or a file for each piece, named like the drums (``kick``, ``hihat_closed`` …) or
like the pieces of a manifest (``hh_closed``, ``tom_hi`` …). Files called ``2_1.wav`` are velocity layer 2,
first sample; any other name is a layer of its own, and these are put in order of loudness.
"""

import logging
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from drumlane.audio.io import read_audio
from drumlane.audio.libsndfile import ENCODINGS
from drumlane.errors import DatasetError
from drumlane.files import shown
from drumlane.rendering.kits import DRUM_OF_PIECE, PIECE_GAIN_DB, SAMPLE_RATE, Kit, Layer, Piece, Sample
from drumlane.vocabulary import Drum

SUFFIXES = (*ENCODINGS, ".aif", ".aiff")
ONSET_DB = -30.0  # the attack is where a sample first comes this near its peak
_NUMBERED = re.compile(r"(\d+)_(\d+)")

_log = logging.getLogger(__name__)


def read_kit_folder(folder: Path) -> Kit:
    """Read a kit; entries whose names are no drum's are left out and named in one logged warning.

    Raises:
        DatasetError: nothing in the folder is named like a drum, or a sample is silent.
        AudioError: a sample cannot be decoded.
    """
    drums = {**{name: drum for name, drum in DRUM_OF_PIECE.items() if drum}, **{d.value: d for d in Drum}}
    pieces: dict[Drum, Piece] = {}
    strangers = []
    for entry in sorted(path for path in folder.iterdir() if not path.name.startswith(".")):
        files = _sound_files(entry)
        drum = drums.get(entry.stem.lower())
        if drum is None or not files:
            strangers.append(entry.name)
        elif drum not in pieces:
            pieces[drum] = _piece(drum, files)
    if not pieces:
        raise DatasetError(f"{shown(folder)}: nothing in it is named like a drum; names: {', '.join(drums)}")
    if strangers:
        _log.warning("%s: left out %s (not a drum's name, or no sound)", shown(folder), ", ".join(strangers))
    return Kit(folder.name, folder.name, MappingProxyType(pieces))


def _sound_files(entry: Path) -> list[Path]:
    found = sorted(entry.iterdir()) if entry.is_dir() else [entry]
    return [path for path in found if path.suffix.lower() in SUFFIXES]


def _piece(drum: Drum, files: Sequence[Path]) -> Piece:
    """Build a piece from its files; a piece of one layer is darkened by the stage when struck softly."""
    by_layer: dict[int, list[Sample]] = defaultdict(list)
    loose: list[Sample] = []
    for file in files:
        numbers = _NUMBERED.fullmatch(file.stem)
        (by_layer[int(numbers[1])] if numbers else loose).append(_sample(file))
    groups = [samples for _, samples in sorted(by_layer.items())]
    groups = [[sample] for sample in sorted(loose, key=lambda s: s.rms)] + groups
    highs = [round(127 * (i + 1) / len(groups)) for i in range(len(groups))]
    lows = [1, *(high + 1 for high in highs)]
    layers = tuple(Layer(low, high, tuple(g)) for low, high, g in zip(lows, highs, groups, strict=False))
    gain = 10 ** (PIECE_GAIN_DB.get(drum, 0.0) / 20)
    return Piece(drum, layers, natural=len(layers) > 1, gain=float(gain))


def _sample(path: Path) -> Sample:
    samples = read_audio(path, sample_rate=SAMPLE_RATE).samples
    size = np.abs(samples)
    peak = float(size.max(initial=0.0))
    if peak <= 0:
        raise DatasetError(f"{shown(path)}: is silent; take it out of the kit or replace it")
    return Sample(samples / np.float32(peak), onset=int(np.argmax(size >= peak * 10 ** (ONSET_DB / 20))))
