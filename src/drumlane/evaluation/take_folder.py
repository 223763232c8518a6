"""Take folder: pictures of takes and a table of what each of them shows.

Flow: take_pictures -> **take_folder** -> cli

A take that cannot be read has a row that says why, and no picture.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from drumlane.errors import AudioError, DatasetError, FormatError
from drumlane.evaluation.take_pictures import TakeView, draw_take, view_take
from drumlane.files import shown, whole_file
from drumlane.vocabulary import LANE_NAMES, LANES

INDEX = "index.csv"
_FIRST_HITS = 6  # written out in the index


@dataclass(frozen=True, slots=True)
class TakeSource:
    """A recording, its MIDI and what else is known of them."""

    recording: Path
    midi: Path
    facts: Mapping[str, str]  # the same columns for every take; they make the title


def draw_takes(sources: Iterable[TakeSource], folder: Path) -> int:
    """Draw every take into ``folder`` and write ``INDEX``; return how many could be drawn.

    Raises:
        MissingExtraError: matplotlib is not installed.
        DatasetError: a file cannot be written, or no take can be read.
    """
    rows = [_drawn(source, folder / f"take-{i:02}.png") for i, source in enumerate(sources, start=1)]
    _write_index(rows, folder / INDEX)
    n_drawn = sum(not row["problem"] for row in rows)
    if not n_drawn:
        raise DatasetError(f"{shown(folder / INDEX)}: none of {len(rows)} takes can be read; it says why")
    return n_drawn


def _drawn(source: TakeSource, picture: Path) -> dict[str, str]:
    try:
        view = view_take(source.recording, source.midi)
    except (AudioError, FormatError) as error:
        return {"picture": "", **source.facts, "problem": str(error)}
    title = ", ".join(text for text in source.facts.values() if text)
    draw_take(view, f"{title}: {view.start:.2f} to {view.end:.2f} s, {len(view.shown)} hits", picture)
    return {"picture": picture.name, **source.facts, **_shown_facts(view), "problem": ""}


def _shown_facts(view: TakeView) -> dict[str, str]:
    first_hits = (f"{hit.time:.3f} {hit.drum} {hit.velocity}" for hit in view.shown.hits[:_FIRST_HITS])
    return {
        "sample_rate": str(view.file_sample_rate),
        "duration": f"{view.sound.duration:.2f}",
        "peak_db": f"{view.peak_db:.1f}",
        "start": f"{view.start:.3f}",
        "end": f"{view.end:.3f}",
        "hits": str(len(view.shown)),
        **{name: str(len(view.shown.lane_times(lane))) for name, lane in zip(LANE_NAMES, LANES, strict=True)},
        "first_hits": "; ".join(first_hits),
    }


def _write_index(rows: Sequence[Mapping[str, str]], path: Path) -> None:
    columns = list(dict.fromkeys(name for row in rows for name in row if name != "problem"))
    with whole_file(path, DatasetError) as partial, partial.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [*columns, "problem"], restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
