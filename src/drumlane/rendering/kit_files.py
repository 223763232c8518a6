r"""Kit files: where the files lie that a kit's description names, and never outside the kit.

Flow: kit_sfz, kit_hydrogen -> **kit_files** -> assembly

Descriptions come from other systems: ``\`` separates folders, and upper and lower case are mixed up.
"""

from pathlib import Path, PurePosixPath

from drumlane.errors import DatasetError
from drumlane.files import shown


def named_file(name: str, folder: Path, root: Path, origin: Path) -> Path:
    r"""Return the file that a description calls ``name``.

    Args:
        name: relative to ``folder``; separated by ``/`` or ``\``.
        folder: where names start from.
        root: the kit's folder; nothing outside it is opened, neither by ``..`` nor through a link.
        origin: the description, for messages.

    Raises:
        DatasetError: the name leads out of the kit, or there is no such file.
    """
    path = folder / PurePosixPath(name.replace("\\", "/"))
    try:
        found = path if path.is_file() else _in_any_case(path)
        inside = all(place.resolve().is_relative_to(root.resolve()) for place in (path, found or path))
    except (OSError, RuntimeError, ValueError):  # no name of a file, or links that go in circles
        found, inside = None, True
    if not inside:
        raise DatasetError(
            f"{shown(origin)}: {shown(name)} leads out of the kit's folder {shown(root)}; "
            "move the file into it or open the folder that holds all of the kit"
        )
    if found is None:
        raise DatasetError(
            f"{shown(origin)}: {shown(name)} is missing below {shown(folder)}; is the kit complete?"
        )
    return found


def _in_any_case(path: Path) -> Path | None:
    """Return the file whose name differs in upper and lower case only."""
    there = Path(path.anchor)
    for part in path.parts[1:] if path.anchor else path.parts:
        exact = there / part
        there = exact if exact.exists() else _entry_like(there, part) or exact
    return there if there.is_file() else None


def _entry_like(folder: Path, name: str) -> Path | None:
    if not folder.is_dir():
        return None
    wanted = name.casefold()
    return next((entry for entry in sorted(folder.iterdir()) if entry.name.casefold() == wanted), None)
