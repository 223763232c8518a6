"""Open a kit: one door for kits of every kind.

Flow: a path -> **open_kit** -> kit_folder, kit_sfz, kit_hydrogen or the manifest of kits -> Kit
"""

from collections.abc import Iterable
from pathlib import Path

from drumlane.errors import DatasetError
from drumlane.files import shown
from drumlane.rendering.kit_folder import read_kit_folder
from drumlane.rendering.kit_hydrogen import ARCHIVE_SUFFIX, DRUMKIT, read_hydrogen
from drumlane.rendering.kit_sfz import read_sfz
from drumlane.rendering.kits import Kit, load_kit

SFZ_SUFFIX = ".sfz"
KINDS = (
    "an .sfz file, an .h2drumkit archive, a folder with an .sfz file, a drumkit.xml or samples, kits.csv:NAME"
)
_MANIFEST = ".csv:"
_NAMED = 12  # files named in a message


def open_kit(path: Path) -> Kit:
    """Open a kit; what lies at ``path`` says of which kind it is.

    Args:
        path: an ``.sfz`` file; an ``.h2drumkit`` archive or a ``drumkit.xml``; a folder with one SFZ
            file, with a ``drumkit.xml`` or with samples; or ``kits.csv:NAME`` for a kit of a manifest.

    Raises:
        DatasetError: there is nothing, nothing that can be opened, or more than one kit.
        AudioError: a sample cannot be decoded.
    """
    if (in_manifest := manifest_kit(path)) is not None:
        return load_kit(*in_manifest)
    if path.is_dir():
        return _open_folder(path)
    if not path.exists():
        raise DatasetError(f"{shown(path)}: no such kit; a kit is {KINDS}")
    suffix = path.suffix.lower()
    if suffix == SFZ_SUFFIX:
        return read_sfz(path)
    if suffix == ARCHIVE_SUFFIX or path.name == DRUMKIT:
        return read_hydrogen(path)
    if suffix == ".csv":
        raise DatasetError(f"{shown(path)}: say which of its kits, as in {shown(path)}:NAME")
    raise DatasetError(f"{shown(path)}: is not a kit; a kit is {KINDS}")


def manifest_kit(path: Path) -> tuple[Path, str] | None:
    """Return manifest and name of ``kits.csv:NAME``; None for any other path.

    >>> manifest, name = manifest_kit(Path("kits/kits.csv:becks"))
    >>> manifest.name, name, manifest_kit(Path("kits/kits.csv"))
    ('kits.csv', 'becks', None)
    """
    manifest, separator, name = str(path).rpartition(_MANIFEST)
    return (Path(f"{manifest}.csv"), name) if separator and name and not path.exists() else None


def _open_folder(folder: Path) -> Kit:
    """Open a folder: as SFZ, as Hydrogen, else as samples."""
    programs = _programs(folder.iterdir(), folder)
    if len(programs) == 1:
        return read_sfz(programs[0])
    if (folder / DRUMKIT).is_file():
        return read_hydrogen(folder)
    if not programs:
        try:
            return read_kit_folder(folder)
        except DatasetError:
            programs = _programs(folder.rglob(f"*{SFZ_SUFFIX}"), folder)
            if not programs:
                raise
    return _only(programs, folder)


def _only(programs: list[Path], folder: Path) -> Kit:
    if len(programs) > 1:
        names = ", ".join(shown(path.relative_to(folder)) for path in programs[:_NAMED])
        more = f" and {len(programs) - _NAMED} more" if len(programs) > _NAMED else ""
        raise DatasetError(f"{shown(folder)}: holds several SFZ files; pass one of them: {names}{more}")
    return read_sfz(programs[0], root=folder)


def _programs(paths: Iterable[Path], folder: Path) -> list[Path]:
    """Return the SFZ files nearest to the top; deeper ones are mostly parts of these."""
    found = sorted(path for path in paths if path.suffix.lower() == SFZ_SUFFIX and path.name[0] != ".")
    top = min((len(path.relative_to(folder).parts) for path in found), default=0)
    return [path for path in found if len(path.relative_to(folder).parts) == top]
