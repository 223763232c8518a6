"""Fuzz every reader of drumlane.formats: no broken file may do worse than an error of our own.

    python scripts/fuzz_formats.py --minutes 10
    python scripts/fuzz_formats.py --minutes 1 --format chart --seed 7

Random performances are written in every format that can be written; files named with ``--corpus`` are
added. Each is broken again and again (bytes flipped, cut out, doubled, moved, numbers made huge or negative,
pieces of other files pasted in, the end lost) and read. Anything but a performance or a ``DrumlaneError`` is
kept in ``--keep`` and printed, and so is a reading that takes longer than ``--seconds``. Exit code 1 if there
was any.
"""

import argparse
import logging
import re
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import numpy as np

from drumlane import formats
from drumlane.errors import DrumlaneError
from drumlane.formats.registry import FORMATS, Format
from drumlane.performance import Hit, Performance
from drumlane.song import Section, Song
from drumlane.timing import tempo_map_from_events
from drumlane.vocabulary import Drum

TOKENS = (
    b"\x00", b"\xff\xff\xff\xff", b"-1", b"1e999", b"NaN", b"99999999999999999999", b"{", b"}", b"[", b"<",
    b"&lol;", b"]]>", b"\n", b"\r\n", b";", b":", b"=", b",", b'"', b"#", b"\xef\xbb\xbf", b"\xff\xfe", b"0",
)  # fmt: skip
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")


class TooLong(Exception):
    """A reading that does not end."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seconds", type=float, default=5.0, help="longest reading")
    parser.add_argument("--format", action="append", help="by name; all if not given")
    parser.add_argument("--corpus", type=Path, action="append", default=[])
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGALRM, _too_long)
    chosen = [f for f in FORMATS if f.reader and (options.format is None or f.name in options.format)]
    rng = np.random.default_rng(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        seeds = {f.name: corpus(f, Path(folder), options.corpus, rng) for f in chosen}
        outcomes, faults = fuzz(chosen, seeds, Path(folder), options, rng)
    for (name, outcome), count in sorted(outcomes.items()):
        print(f"{name:12} {outcome:10} {count}")
    print(f"{sum(outcomes.values())} files, {faults} faults, seed {options.seed}")
    sys.exit(1 if faults else 0)


def corpus(found: Format, folder: Path, added: list[Path], rng: np.random.Generator) -> list[bytes]:
    """Return whole files of a format, as bytes."""
    texts = [path.read_bytes() for path in added if path.suffix.lower() in found.suffixes]
    path = folder / name_of(found, "whole")
    for _ in range(4 if found.writer else 0):
        formats.write(performance(rng), path)
        texts.append(path.read_bytes())
        path.unlink()
    return texts or [b"0.5\tkick\n1.0\tsnare\n"]


def fuzz(
    chosen: list[Format],
    seeds: dict[str, list[bytes]],
    folder: Path,
    options: argparse.Namespace,
    rng: np.random.Generator,
) -> tuple[Counter[tuple[str, str]], int]:
    """Break and read until the time is over; return what came of it."""
    outcomes: Counter[tuple[str, str]] = Counter()
    faults, end = 0, time.monotonic() + 60 * options.minutes
    everything = [text for texts in seeds.values() for text in texts]
    for number in _until(end):
        found = chosen[number % len(chosen)]
        texts = seeds[found.name]
        content = broken(texts[int(rng.integers(len(texts)))], everything, rng)
        path = folder / name_of(found, "broken")
        path.write_bytes(content)
        outcome = outcome_of(path, options.seconds)
        outcomes[found.name, outcome.partition(":")[0]] += 1
        if outcome.startswith("FAULT"):
            faults += 1
            options.keep.mkdir(parents=True, exist_ok=True)
            kept = options.keep / f"{faults:03d}-{path.name}"
            kept.write_bytes(content)
            print(f"{kept}: {outcome}", flush=True)
    return outcomes, faults


def outcome_of(path: Path, seconds: float) -> str:
    """Return "read", "refused", or what went wrong."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        formats.read(path)
    except DrumlaneError as error:
        return "refused" if "\n" not in str(error) else f"FAULT: message of several lines: {error!r}"
    except TooLong:
        return f"FAULT: longer than {seconds:g} s"
    except BaseException:  # noqa: BLE001 - that is what is looked for
        return "FAULT: " + " | ".join(traceback.format_exc().splitlines()[-3:])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return "read"


def broken(content: bytes, others: list[bytes], rng: np.random.Generator) -> bytes:
    """Return a file with one to three faults."""
    for _ in range(int(rng.integers(1, 4))):
        content = FAULTS[int(rng.integers(len(FAULTS)))](content, others, rng)
        if len(content) > 2**20:
            content = content[: 2**20]
    return content


def _flip(content: bytes, _others: list[bytes], rng: np.random.Generator) -> bytes:
    changed = bytearray(content)
    for _ in range(int(rng.integers(1, 9))):
        if changed:
            changed[int(rng.integers(len(changed)))] = int(rng.integers(256))
    return bytes(changed)


def _cut(content: bytes, _others: list[bytes], rng: np.random.Generator) -> bytes:
    first, last = sorted(int(at) for at in rng.integers(0, len(content) + 1, 2))
    return content[:first] + content[last:]


def _lose_end(content: bytes, _others: list[bytes], rng: np.random.Generator) -> bytes:
    return content[: int(rng.integers(0, len(content) + 1))]


def _double(content: bytes, _others: list[bytes], rng: np.random.Generator) -> bytes:
    first, last = sorted(int(at) for at in rng.integers(0, len(content) + 1, 2))
    return content[:last] + content[first:last] * int(rng.integers(1, 4)) + content[last:]


def _paste(content: bytes, others: list[bytes], rng: np.random.Generator) -> bytes:
    other = others[int(rng.integers(len(others)))]
    first, last = sorted(int(at) for at in rng.integers(0, len(other) + 1, 2))
    at = int(rng.integers(0, len(content) + 1))
    return content[:at] + other[first : min(last, first + 400)] + content[at:]


def _token(content: bytes, _others: list[bytes], rng: np.random.Generator) -> bytes:
    at = int(rng.integers(0, len(content) + 1))
    return content[:at] + TOKENS[int(rng.integers(len(TOKENS)))] + content[at:]


def _number(content: bytes, _others: list[bytes], rng: np.random.Generator) -> bytes:
    found = list(NUMBER.finditer(content[:20_000]))
    if not found:
        return content
    match = found[int(rng.integers(len(found)))]
    news = (b"0", b"-1", b"1e308", b"4294967296", b"9" * 30, b"0.0000001", b"NaN", b"", b"1/0")
    return content[: match.start()] + news[int(rng.integers(len(news)))] + content[match.end() :]


FAULTS = (_flip, _cut, _lose_end, _double, _paste, _token, _token, _number, _number)


def performance(rng: np.random.Generator) -> Performance:
    """Return a song of some seconds with everything in it."""
    drums = list(Drum)
    hits = [
        Hit(float(t), drums[int(rng.integers(len(drums)))], int(rng.integers(1, 128)))
        for t in np.sort(rng.uniform(0, 8, int(rng.integers(1, 40))))
    ]
    tempos = [(0.0, float(rng.uniform(60, 200))), (6.0, float(rng.uniform(60, 200)))]
    song = Song("Title", "Artist", "Album", "Rock", "2026", "me", Path("song.ogg"), 1.0, (Section(0.0, "A"),))
    tempo = tempo_map_from_events(tempos, [(0.0, 4, 4), (8.0, 3, 4)])
    return Performance(tuple(hits), tempo, 9.0, song)


def name_of(found: Format, stem: str) -> str:
    """Return a file name that means the format."""
    return found.file_names[0] if found.file_names and not found.suffixes else stem + found.suffixes[0]


def _until(end: float) -> Iterator[int]:
    number = 0
    while time.monotonic() < end:
        yield number
        number += 1


def _too_long(_signal: int, _frame: FrameType | None) -> None:
    raise TooLong


if __name__ == "__main__":
    main()
