"""Hydrogen archives: an ``.h2drumkit`` (a packed tar) unpacked where it can do no harm.

Flow: .h2drumkit -> **hydrogen_archive** -> kit_hydrogen

Nothing is written under a name of the archive's own before it was checked, only descriptions and sounds are
written at all, and both their number and their size are limited as they come, not as the archive promises.
"""

import bz2
import gzip
import io
import lzma
import re
import shutil
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from drumlane.errors import DatasetError
from drumlane.files import shown
from drumlane.rendering.assembly import SUFFIXES

MAX_MEMBERS = 20_000
MAX_BYTES = 2_000_000_000  # unpacked; the largest public kits have about half of it
MAX_READ = 8_000_000  # bytes at once: tarfile reads headers whole, however long they say they are
_DRIVE = re.compile(r"[A-Za-z]:")
_PACKINGS: tuple[tuple[bytes, Callable[[Path, str], object]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ", lzma.open),
)


def unpack(archive: Path, folder: Path, description: str) -> Path:
    """Unpack the sounds and the description of a kit into an empty folder.

    Args:
        archive: the file.
        folder: an empty folder.
        description: name of the file that describes the kit.

    Returns:
        The description's path below ``folder``, the one nearest to the top.

    Raises:
        DatasetError: the archive is no archive, is damaged, too large, or would write outside of ``folder``.
    """
    try:
        with (
            _decompressed(archive) as stream,
            tarfile.open(fileobj=_Cautious(stream, archive), mode="r:") as packed,
        ):
            _unpack_members(packed, archive, folder)
    except (tarfile.TarError, gzip.BadGzipFile, lzma.LZMAError, zlib.error, EOFError) as error:
        reason = str(error).partition("\n")[0] or "it ends too early"
        raise DatasetError(f"{shown(archive)}: not a whole Hydrogen drum kit ({reason})") from None
    except OSError as error:
        raise DatasetError(f"{shown(archive)}: cannot be unpacked ({error.strerror or error})") from None
    found = sorted(folder.rglob(description), key=lambda path: (len(path.parts), path))
    if not found:
        raise DatasetError(f"{shown(archive)}: holds no {description}; is it a Hydrogen drum kit?")
    return found[0]


class _Cautious(io.RawIOBase):
    """A stream that refuses to be read in one gulp."""

    def __init__(self, stream: BinaryIO, archive: Path) -> None:
        super().__init__()
        self._stream, self._archive = stream, archive

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= MAX_READ:
            raise DatasetError(f"{shown(self._archive)}: has a header of {size} bytes; is it a drum kit?")
        return self._stream.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()


def _decompressed(archive: Path) -> BinaryIO:
    with archive.open("rb") as file:
        start = file.read(6)
    opener = next((opener for magic, opener in _PACKINGS if start.startswith(magic)), Path.open)
    return cast(BinaryIO, opener(archive, "rb"))


def _unpack_members(packed: tarfile.TarFile, archive: Path, folder: Path) -> None:
    n_bytes = 0
    for number, member in enumerate(packed):
        n_bytes += member.size
        if number >= MAX_MEMBERS or n_bytes > MAX_BYTES:
            raise DatasetError(
                f"{shown(archive)}: unpacks to more than {MAX_MEMBERS} files or {MAX_BYTES // 10**9} GB; "
                "is it a drum kit?"
            )
        name = _checked(member.name, archive)
        if not member.isfile() or name.suffix.lower() not in (*SUFFIXES, ".xml"):
            continue  # links, devices, pictures
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        content = packed.extractfile(member)
        if content is not None:
            with target.open("wb") as file:
                shutil.copyfileobj(content, file)


def _checked(name: str, archive: Path) -> PurePosixPath:
    """Return a member's name if it stays below the folder on every system."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or _DRIVE.match(str(path)):
        raise DatasetError(
            f"{shown(archive)}: {shown(name)} would be unpacked outside of the kit; not opened"
        )
    return path
