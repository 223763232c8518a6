"""Text files: read whole, with what is wrong with them said in one line.

Flow: **text_file** <- every format
"""

from pathlib import Path

from drumlane.errors import FormatError
from drumlane.files import AnyPath, shown

LARGEST = 256 * 2**20  # bytes; no chart is a hundredth of that
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def read_bytes(path: AnyPath) -> bytes:
    """Return what a file holds.

    Raises:
        FormatError: it is missing, empty, larger than ``LARGEST`` or cannot be read.
    """
    try:
        if Path(path).is_file() and Path(path).stat().st_size > LARGEST:
            raise FormatError(f"{shown(path)}: is larger than {LARGEST // 2**20} MB; no score is")
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise FormatError(f"{shown(path)}: no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = getattr(error, "strerror", None) or error
        raise FormatError(f"{shown(path)}: cannot be read ({reason})") from error
    if not content:
        raise FormatError(f"{shown(path)}: is empty (0 bytes)")
    return content


def read_text(path: AnyPath, fallback: str = "latin-1") -> str:
    """Return a text in the encoding that its mark tells, in UTF-8 or in ``fallback``, with newlines alone.

    Raises:
        FormatError: as ``read_bytes``, or the bytes are no text of any of these.
    """
    content = read_bytes(path)
    marked = [encoding for mark, encoding in _MARKS if content.startswith(mark)]
    for encoding in (*marked, "utf-8", fallback):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return text.replace("\r\n", "\n").replace("\r", "\n")
    raise FormatError(f"{shown(path)}: is not text in UTF-8 or {fallback}; save it as UTF-8")
