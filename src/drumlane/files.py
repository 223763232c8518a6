"""Files: named in one line in messages, written whole or not at all, and tables of a dataset read.

Every room that writes a file goes through ``whole_file``: the bytes go to a temporary file in the target's
folder, which takes the target's name only when everything is written.
"""

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from drumlane.errors import DatasetError, DrumlaneError

AnyPath = str | os.PathLike[str]


def shown(path: AnyPath) -> str:
    r"""Return a path for a message: as it is, or escaped when it would break the line or the terminal.

    >>> shown("my song.wav"), shown("two\nlines.wav")
    ('my song.wav', "'two\\nlines.wav'")
    """
    text = os.fspath(path)
    return text if text.isprintable() else repr(text)


@contextmanager
def whole_file(path: AnyPath, error: type[DrumlaneError]) -> Iterator[Path]:
    """Yield a temporary path beside ``path``, with its suffix; it becomes ``path`` when the block succeeds.

    A link is followed, so that the file it names is replaced and not the link.

    Raises:
        DrumlaneError: of the given class, when the folder is missing or cannot be written to.
    """
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise error(f"{shown(path)}: cannot be written, its folder does not exist; create it first")
    # A short name of its own: the target's may already be as long as the file system allows.
    partial = target.with_name(f".drumlane-{secrets.token_hex(6)}{target.suffix}")
    try:
        yield partial
        partial.replace(target)
    except OSError as problem:
        reason = problem.strerror or problem
        raise error(
            f"{shown(path)}: cannot be written ({reason}); choose another name or folder"
        ) from problem
    finally:
        partial.unlink(missing_ok=True)


def read_rows(table: Path, columns: Sequence[str], kind: str) -> list[dict[str, str]]:
    """Read a csv file with a header; ``kind`` is what messages call it.

    Raises:
        DatasetError: the file cannot be read, is not csv, or lacks one of ``columns``.
    """
    import csv  # no command but training and evaluation reads tables

    try:
        with table.open(newline="", encoding="utf-8") as stream:
            rows = csv.DictReader(stream)
            missing = [column for column in columns if column not in (rows.fieldnames or ())]
            if missing:
                raise DatasetError(f"{table}: not a {kind}: column {', '.join(missing)} is missing")
            return list(rows)
    except OSError as error:
        raise DatasetError(f"{table}: cannot read the {kind} ({error.strerror})") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{table}: not a {kind}: {error}") from None
