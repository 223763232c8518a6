"""Kits: one-shot samples by drum, velocity layer and round robin.

Flow: **kits** -> stage -> room -> scene / render

A manifest (``kits.csv``) has one row per file: ``kit, kit_type, family, piece, vel_layer, vel_lo, vel_hi, rr,
level_mode, file, onset_sample, licence_class`` and more. Kits of one ``family`` share recordings, so training
and evaluation are split by family. Samples are mono float32 at 44.1 kHz.
"""

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from drumlane.audio.io import read_audio
from drumlane.errors import DatasetError, nearest_first
from drumlane.vocabulary import Drum

SAMPLE_RATE = 44100  # Hz, of every kit
LEVEL_SECONDS = 0.12  # loudness of a stroke is the RMS of this much sound
STRICT_LICENCES = ("cc0", "public-domain", "permissive", "cc-by")  # what shipped weights may learn from

# Piece names of the manifest -> drum; None: percussion without a drum of its own.
DRUM_OF_PIECE: Mapping[str, Drum | None] = MappingProxyType(
    {
        "kick": Drum.KICK,
        "kick_alt": Drum.KICK,
        "snare": Drum.SNARE,
        "snare_alt": Drum.SNARE,
        "snare_edge": Drum.SNARE,
        "snare_brush": Drum.SNARE,
        "snare_rim": Drum.SNARE_RIM,
        "snare_xstick": Drum.SIDE_STICK,
        "hh_closed": Drum.HIHAT_CLOSED,
        "hh_closed_alt": Drum.HIHAT_CLOSED,
        "hh_half": Drum.HIHAT_OPEN,
        "hh_open": Drum.HIHAT_OPEN,
        "hh_pedal": Drum.HIHAT_PEDAL,
        "tom_hi": Drum.TOM_HIGH,
        "tom_hi2": Drum.TOM_HIGH,
        "tom_mid": Drum.TOM_MID,
        "tom_mid2": Drum.TOM_MID,
        "tom_low": Drum.TOM_LOW,
        "tom_low2": Drum.TOM_LOW,
        "crash1": Drum.CRASH,
        "crash2": Drum.CRASH2,
        "crash3": Drum.CRASH2,
        "splash": Drum.SPLASH,
        "china": Drum.CHINA,
        "ride": Drum.RIDE,
        "ride2": Drum.RIDE,
        "ride_edge": Drum.RIDE,
        "ride_bell": Drum.RIDE_BELL,
        "clap": Drum.CLAP,
        "perc_cowbell": Drum.COWBELL,
        "perc_tamb": Drum.TAMBOURINE,
        "perc_shaker": Drum.SHAKER,
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One recorded stroke."""

    samples: NDArray[np.float32]  # (n,), mono
    onset: int  # index of the attack in samples
    rms: float = field(init=False)  # of the first 120 ms from the attack

    def __post_init__(self) -> None:
        if self.samples.ndim != 1 or not 0 <= self.onset < max(1, len(self.samples)):
            raise ValueError(f"samples.shape={self.samples.shape}, onset={self.onset}: onset must lie inside")
        start = self.samples[self.onset : self.onset + int(LEVEL_SECONDS * SAMPLE_RATE)]
        object.__setattr__(self, "rms", float(np.sqrt(np.mean(np.square(start)) + 1e-12)))


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A velocity band and its round robin."""

    low: int  # MIDI velocity, inclusive
    high: int  # MIDI velocity, inclusive
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """One instrument of a kit, struck in one way."""

    drum: Drum | None  # None: percussion without a drum
    layers: tuple[Layer, ...]  # softest first
    natural: bool = True  # layers differ in timbre as recorded; False: velocity must shape the sound
    gain: float = 1.0  # linear, balance within the kit
    level: float = field(init=False)  # RMS of the loudest sample

    def __post_init__(self) -> None:
        if not self.layers or not all(layer.samples for layer in self.layers):
            raise ValueError(f"piece {self.drum}: a piece needs a layer and every layer a sample")
        object.__setattr__(self, "level", max(s.rms for layer in self.layers for s in layer.samples))

    def layer_for(self, velocity: int) -> Layer:
        """Return the softest layer that reaches ``velocity``, else the loudest."""
        return next((layer for layer in self.layers if velocity <= layer.high), self.layers[-1])


@dataclass(frozen=True, slots=True, eq=False)
class Kit:
    """Pieces by drum. Alternates (a second kick, a second ride) follow the first of their drum."""

    name: str
    family: str
    pieces: Mapping[Drum, Piece]
    acoustic: bool = True
    alternates: tuple[Piece, ...] = ()
    percussion: tuple[Piece, ...] = ()  # drum is an auxiliary or None

    def piece(self, drum: Drum) -> Piece | None:
        """Return the piece for ``drum``, or the nearest articulation of the same lane, or None."""
        for candidate in (drum, *SUBSTITUTES.get(drum, ())):
            if candidate in self.pieces:
                return self.pieces[candidate]
        return None


# What a player would strike instead when the kit lacks a piece.
SUBSTITUTES: Mapping[Drum, tuple[Drum, ...]] = MappingProxyType(
    {
        Drum.SNARE_RIM: (Drum.SNARE,),
        Drum.HIHAT_PEDAL: (Drum.HIHAT_CLOSED,),
        Drum.HIHAT_CLOSED: (Drum.HIHAT_PEDAL,),
        Drum.TOM_MID: (Drum.TOM_HIGH, Drum.TOM_LOW),
        Drum.CRASH: (Drum.CRASH2,),
        Drum.CRASH2: (Drum.CRASH,),
        Drum.CHINA: (Drum.CRASH2, Drum.CRASH),
        Drum.SPLASH: (Drum.CRASH, Drum.CRASH2),
        Drum.RIDE_BELL: (Drum.RIDE,),
    }
)

# Balance in dB of pieces that were levelled one by one; from the manifest's README.
PIECE_GAIN_DB: Mapping[Drum | None, float] = MappingProxyType(
    {
        Drum.TOM_HIGH: -2.0,
        Drum.TOM_MID: -2.0,
        Drum.TOM_LOW: -2.0,
        Drum.HIHAT_CLOSED: -12.0,
        Drum.HIHAT_OPEN: -12.0,
        Drum.HIHAT_PEDAL: -15.0,
        Drum.RIDE: -12.0,
        Drum.RIDE_BELL: -10.0,
        Drum.CRASH: -6.0,
        Drum.CRASH2: -6.0,
        Drum.CHINA: -7.0,
        Drum.SPLASH: -8.0,
        Drum.SIDE_STICK: -4.0,
        Drum.CLAP: -4.0,
        Drum.COWBELL: -8.0,
        Drum.TAMBOURINE: -10.0,
        Drum.SHAKER: -12.0,
        None: -6.0,
    }
)


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One file of a manifest."""

    kit: str
    kit_type: str
    family: str
    piece: str
    layer: int
    low: int
    high: int
    level_mode: str
    file: Path
    onset: int
    licence_class: str


def read_manifest(path: Path) -> list[ManifestRow]:
    """Read the rows of a ``kits.csv``; files are relative to the folder above the one it lies in.

    Raises:
        DatasetError: the file is missing, a column is missing or a number is not one.
    """
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            return [_row(record, path.parent.parent) for record in csv.DictReader(stream)]
    except OSError as error:
        raise DatasetError(f"{path}: cannot read the kit manifest ({error.strerror})") from None
    except KeyError as error:
        raise DatasetError(f"{path}: not a kit manifest: column {error} is missing") from None
    except (TypeError, ValueError, csv.Error) as error:
        raise DatasetError(f"{path}: not a kit manifest: {error}") from None


def _row(record: Mapping[str, str], root: Path) -> ManifestRow:
    return ManifestRow(
        kit=record["kit"],
        kit_type=record["kit_type"],
        family=record["family"],
        piece=record["piece"],
        layer=int(record["vel_layer"]),
        low=int(record["vel_lo"]),
        high=int(record["vel_hi"]),
        level_mode=record["level_mode"],
        file=root / record["file"],
        onset=int(record["onset_sample"]),
        licence_class=record["licence_class"],
    )


def load_kits(
    manifest: Path, keep: Callable[[ManifestRow], bool] = lambda _: True, loudest_db: float = 0.0
) -> list[Kit]:
    """Decode every kit with at least one kept row, in order of their names.

    Args:
        manifest: path of a ``kits.csv``.
        keep: which rows to use (by licence, family, kit …).
        loudest_db: gain in dB of every piece, added to the usual balance between pieces.

    Raises:
        DatasetError: the manifest cannot be read, or nothing is kept.
        AudioError: a sample is missing or cannot be decoded.
    """
    by_kit: dict[str, list[ManifestRow]] = defaultdict(list)
    for row in read_manifest(manifest):
        if keep(row):
            by_kit[row.kit].append(row)
    if not by_kit:
        raise DatasetError(f"{manifest}: no kit is left after filtering by licence or family")
    return [_kit(rows, loudest_db) for _, rows in sorted(by_kit.items())]


def load_kit(manifest: Path, name: str) -> Kit:
    """Decode one kit of a manifest.

    Raises:
        DatasetError: no such kit; the message lists the kits, nearest first.
    """
    names = sorted({row.kit for row in read_manifest(manifest)})
    if name not in names:
        raise DatasetError(f"kit {name!r} is not in {manifest}; kits: {nearest_first(name, names)}")
    return load_kits(manifest, lambda row: row.kit == name)[0]


def _kit(rows: Sequence[ManifestRow], loudest_db: float) -> Kit:
    by_piece: dict[str, list[ManifestRow]] = defaultdict(list)
    for row in rows:
        by_piece[row.piece].append(row)
    pieces: dict[Drum, Piece] = {}
    alternates: list[Piece] = []
    percussion: list[Piece] = []
    for name in sorted(
        by_piece,
        key=lambda n: (n not in DRUM_OF_PIECE, list(DRUM_OF_PIECE).index(n) if n in DRUM_OF_PIECE else 0, n),
    ):
        piece = _piece(by_piece[name], DRUM_OF_PIECE.get(name), loudest_db)
        if piece.drum is None or piece.drum.lane is None:
            percussion.append(piece)
        elif piece.drum in pieces:
            alternates.append(piece)
        else:
            pieces[piece.drum] = piece
    first = rows[0]
    return Kit(
        name=first.kit,
        family=first.family,
        pieces=MappingProxyType(pieces),
        acoustic=first.kit_type.startswith("acoustic"),
        alternates=tuple(alternates),
        percussion=tuple(percussion),
    )


def _piece(rows: Iterable[ManifestRow], drum: Drum | None, loudest_db: float) -> Piece:
    by_layer: dict[int, list[ManifestRow]] = defaultdict(list)
    for row in rows:
        by_layer[row.layer].append(row)
    layers = tuple(
        Layer(low=group[0].low, high=group[0].high, samples=tuple(_sample(row) for row in group))
        for _, group in sorted(by_layer.items())
    )
    natural = any(row.level_mode == "natural" for group in by_layer.values() for row in group)
    gain_db = PIECE_GAIN_DB.get(drum, 0.0) + loudest_db
    return Piece(drum=drum, layers=layers, natural=natural, gain=float(10 ** (gain_db / 20)))


def _sample(row: ManifestRow) -> Sample:
    audio = read_audio(row.file, sample_rate=SAMPLE_RATE)
    return Sample(samples=audio.samples, onset=min(row.onset, max(0, len(audio.samples) - 1)))
