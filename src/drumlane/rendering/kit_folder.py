"""Kit folders: a folder of samples becomes a kit.

Flow: **kit_folder** -> kits -> stage

The folder holds a sub-folder or a file for each piece, named like the drums (``kick``, ``hihat_closed`` …),
like the pieces of a manifest (``hh_closed``, ``tom_hi`` …) or as makers of kits do (``HiHat Closed``,
``floor tom``; ``piece_names``). Files called ``2_1.wav`` are velocity layer 2, first sample; any other name
is a layer of its own, and these are put in order of loudness.
"""

import logging
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drumlane.errors import DatasetError
from drumlane.files import shown
from drumlane.rendering.assembly import SUFFIXES, kit_of, read_sound, sample_of
from drumlane.rendering.kits import DRUM_OF_PIECE, PIECE_GAIN_DB, Kit, Layer, Piece, Sample
from drumlane.rendering.piece_names import drums_named, is_one_stroke
from drumlane.vocabulary import Drum

DRUM_OF_NAME: Mapping[str, Drum] = {
    **{name: drum for name, drum in DRUM_OF_PIECE.items() if drum},
    **{drum.value: drum for drum in Drum},
}
_NUMBERED = re.compile(r"(\d+)_(\d+)")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Entry:
    """What lies in the folder under one name."""

    path: Path
    files: tuple[Path, ...]
    exact: bool  # named as the documents say, not as others do
    meanings: tuple[Drum | None, ...]  # none: not a drum's name


def read_kit_folder(folder: Path) -> Kit:
    """Read a kit; entries whose names are no drum's are left out and named in one logged warning.

    Of several entries for a drum the first is the piece, exact names before others; files that lie beside
    each other under names of one drum (``Snare-1.wav``, ``Snare-2.wav``) are one piece.

    Raises:
        DatasetError: nothing in the folder is named like a drum, or a sample is silent.
        AudioError: a sample cannot be decoded.
    """
    visible = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    entries = [_entry(path) for path in visible]
    strangers = [entry.path.name for entry in entries if not (entry.meanings and entry.files)]
    parts = _parts([entry for entry in entries if entry.meanings and entry.files])
    if not parts:
        raise DatasetError(
            f"{shown(folder)}: nothing in it is named like a drum; names: {', '.join(DRUM_OF_NAME)}"
        )
    if strangers:
        _log.warning("%s: left out %s (not a drum's name, or no sound)", shown(folder), ", ".join(strangers))
    return kit_of(folder.absolute().name, [_piece(drum, files) for drum, files in parts])


def _entry(path: Path) -> _Entry:
    exact = DRUM_OF_NAME.get(path.stem.lower())
    guessed = drums_named(path.stem) if is_one_stroke(path.stem) else ()
    return _Entry(path, _sound_files(path), exact is not None, (exact,) if exact else guessed)


def _sound_files(path: Path) -> tuple[Path, ...]:
    found = sorted(path.iterdir()) if path.is_dir() else [path]
    return tuple(file for file in found if file.suffix.lower() in SUFFIXES)


def _parts(entries: Sequence[_Entry]) -> list[tuple[Drum | None, list[Path]]]:
    """Return the files of each piece, exact names first; loose files of one drum come together."""
    parts: list[tuple[Drum | None, list[Path]]] = []
    loose: dict[tuple[bool, Drum | None], list[Path]] = {}
    for entry in sorted(entries, key=lambda e: not e.exact):
        drum = entry.meanings[0]
        key = (entry.exact, drum)
        if not entry.path.is_dir() and key in loose:
            loose[key] += entry.files
            continue
        parts.append((drum, list(entry.files)))
        if not entry.path.is_dir():
            loose[key] = parts[-1][1]
    return parts


def _piece(drum: Drum | None, files: Sequence[Path]) -> Piece:
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
    """Return the stroke with its peak at full scale."""
    samples = read_sound(path)
    sample = sample_of(samples / np.float32(max(float(np.abs(samples).max(initial=0.0)), 1e-30)))
    if sample is None:
        raise DatasetError(f"{shown(path)}: is silent; take it out of the kit or replace it")
    return sample
