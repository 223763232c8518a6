"""Provenance: what a model's card must say about the material it was trained on.

The attribution lines are those that the licences ask for. Kits are listed from the manifest, as far as the
run learns from them. Of a kit that the user adds, no licence is known, and so none of the weights.
"""

import csv
from collections.abc import Callable
from pathlib import Path

from drumlane.data import gmd
from drumlane.data.egmd import EGMD, EGMD_TABLE, find_table
from drumlane.data.families import in_training
from drumlane.files import read_rows
from drumlane.models.card import Source
from drumlane.rendering.kit_hydrogen import DRUMKIT
from drumlane.rendering.kits import ManifestRow, read_manifest
from drumlane.rendering.open_kit import manifest_kit
from drumlane.training.sections import DataConfig

NOT_KNOWN = "licence not known to the program"
PROCEDURAL = Source(
    name="procedural drum kits",
    licence="MIT",
    attribution="drumlane contributors: synthesised by the program",
)
COMPOSED = Source(
    name="procedural accompaniment",
    licence="MIT",
    attribution="drumlane contributors: composed and synthesised by the program",
)
_FLUIDR3 = "FluidR3 (c) 2000-2008 Frank Wen"
_MSGENERAL = "MuseScore_General (c) 2018-2021 S. Christian Collins and others"
# Soundfonts under MIT, by the names of their files.
SOUNDFONTS = {
    "FluidR3_GM": _FLUIDR3,
    "MuseScore_General": _MSGENERAL,
    "MuseScore_General_Lite": _MSGENERAL,
}
BACKING = (
    Source(
        name="rendered accompaniment",
        licence="CC0 1.0; soundfonts MIT",
        attribution=f"{_FLUIDR3}; {_MSGENERAL}",
    ),
    Source(
        name="everythingisfree, everythingisremixed (vocal, synth and bass stems)",
        licence="CC0 1.0",
        attribution="Software-Entwicklungskit",
    ),
    Source(
        name="LibriSpeech utterances",
        licence="CC BY 4.0",
        attribution="V. Panayotov, G. Chen, D. Povey, S. Khudanpur 2015; LibriVox readers",
    ),
    Source(name="distorted guitar power chords", licence="CC BY 3.0", attribution="Ax_Grinder"),
    Source(
        name="impulse responses",
        licence="Apache-2.0; CC BY",
        attribution="web-audio-samples (c) Google; Greg Hopkins",
    ),
)


def training_sources(data: DataConfig) -> tuple[Source, ...]:
    """Return everything that a run with this configuration learns from."""
    return (*_recordings(data), *(_rendered_sources(data) if data.renders else ()))


def _recordings(data: DataConfig) -> tuple[Source, ...]:
    if data.folder is not None:
        name = f"recordings {data.folder.absolute().name}"
        return (Source(name=name, licence=NOT_KNOWN, attribution="added by the user"),)
    if data.egmd_root is None:
        return ()
    if find_table(data.egmd_root).name == EGMD_TABLE:
        return (Source(name=EGMD.name, licence=EGMD.licence, attribution=EGMD.citation),)
    return (Source(name="Groove MIDI Dataset", licence=gmd.LICENCE, attribution=gmd.ATTRIBUTION),)


def _rendered_sources(data: DataConfig) -> tuple[Source, ...]:
    grooves = Source(name="Groove MIDI Dataset", licence=gmd.LICENCE, attribution=gmd.ATTRIBUTION)
    listed = _kit_sources(data.kits, in_training) if data.kits else ()
    added = tuple(source for path in data.more_kits for source in _added_sources(path))
    kits = (*listed, *added, *((PROCEDURAL,) if data.procedural_kits else ()))
    music = (
        *((COMPOSED,) if data.procedural_clips else ()),
        *(BACKING if data.backing else ()),
        *(source for folder in data.more_backing for source in _more_backing(folder)),
    )
    return (grooves, *kits, *music)


def _more_backing(folder: Path) -> tuple[Source, ...]:
    """Clips of scripts/make_backing.py say by whom their soundfonts are; of others nothing is known."""
    rows = read_rows(folder / "music.csv", ("file",), "table of clips")
    fonts = {row.get("soundfont", "") for row in rows}
    if fonts <= SOUNDFONTS.keys():
        credit = "; ".join(SOUNDFONTS[font] for font in sorted(fonts))
        return (Source(name="composed accompaniment", licence="CC0 1.0; soundfonts MIT", attribution=credit),)
    return (Source(name=f"clips {folder.name}", licence=NOT_KNOWN, attribution="added by the user"),)


def weights_licence(data: DataConfig) -> str:
    """Return the licence that the weights of a run are given away under.

    The program's own material allows MIT. What the user's kits and recordings allow, the user must find out.
    """
    rendered = _rendered_sources(data) if data.renders else ()
    unknown = data.folder or (data.renders and data.more_kits)
    return NOT_KNOWN if unknown or any(source.licence == NOT_KNOWN for source in rendered) else "MIT"


def _added_sources(path: Path) -> tuple[Source, ...]:
    if (in_manifest := manifest_kit(path)) is not None:
        manifest, name = in_manifest
        return _kit_sources(manifest, lambda row: row.kit == name)
    name = path.absolute().parent.name if path.name == DRUMKIT else path.stem if path.is_file() else path.name
    return (Source(name=f"user kit {name}", licence=NOT_KNOWN, attribution="added by the user"),)


def _kit_sources(manifest: Path, learnt: Callable[[ManifestRow], bool]) -> tuple[Source, ...]:
    used = {row.kit for row in read_manifest(manifest) if learnt(row)}
    with manifest.open(newline="", encoding="utf-8") as stream:
        rows = {(r["source"], r["licence"], r["kit"]) for r in csv.DictReader(stream) if r["kit"] in used}
    kits_of: dict[tuple[str, str], list[str]] = {}
    for source, licence, kit in sorted(rows):
        kits_of.setdefault((source, licence), []).append(kit)
    return tuple(
        Source(name=f"kits {', '.join(kits)}", licence=licence, attribution=source)
        for (source, licence), kits in sorted(kits_of.items())
    )
