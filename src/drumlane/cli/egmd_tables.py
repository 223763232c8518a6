"""Tables of a check of E-GMD: for people, and the same numbers as JSON.

Flow: data.egmd_check -> **egmd_tables** -> egmd
"""

from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any

from rich.markup import escape

from drumlane.data.egmd import EGMD, EGMD_TABLE
from drumlane.data.egmd_check import Check, Coverage, Inventory, Share, coverage, faults
from drumlane.data.egmd_reading import VELOCITY_BINS, Fault
from drumlane.evaluation.error_report import TextTable
from drumlane.files import shown
from drumlane.vocabulary import LANE_NAMES

_EXAMPLES = 3  # named for each fault


def text_tables(check: Check) -> Iterator[TextTable]:
    """Yield the tables from what is there to what was played; a quick check has no hits and no notes."""
    yield _inventory_table(check)
    if check.findings:
        yield _fault_table(check)
    yield _share_table("hours by split", "split", check.splits)
    yield _share_table("hours by kit", "kit", check.kits)
    if check.notes:
        yield _velocity_table(check)
        yield _coverage_table(coverage(check.notes))


def to_json(check: Check) -> dict[str, Any]:
    """Return every number, every fault and every missing file by name."""
    inventory = check.inventory
    return {
        "table": inventory.table.name,
        "quick": check.quick,
        "counts": {name.replace(" ", "_"): n for name, n, _ in _counts(inventory)},
        "sound": check.n_sound,
        "torn_performances": list(check.torn),
        "splits": [_share_json(share) for share in check.splits],
        "kits": [_share_json(share) for share in check.kits],
        "sample_rates": {str(rate): n for rate, n in sorted(check.sample_rates.items())},
        "velocity_bins": [list(bounds) for bounds in VELOCITY_BINS],
        "hits": dict(zip(LANE_NAMES, check.hits.tolist(), strict=True)),
        "notes": {str(note): n for note, n in check.notes.items()},
        "coverage": [_coverage_json(one) for one in coverage(check.notes)],
        "findings": [{"take": f.take, "fault": f.fault.name.lower(), "text": f.text} for f in check.findings],
        "without_midi": [take.name for take in inventory.without_midi],
        "without_audio": [take.name for take in inventory.without_audio],
        "without_files": [take.name for take in inventory.without_files],
        "unlisted": list(inventory.unlisted),
    }


def conclusion(check: Check) -> str:
    """Return one line on what the copy is good for."""
    inventory = check.inventory
    if inventory.midi_only:
        return f"{check.n_sound} performances can be used as grooves; there are no recordings to train on"
    part = f"{check.n_sound} of {len(inventory.pairs)} pairs can be used"
    missing = len(inventory.takes) - len(inventory.pairs)
    return part + (
        f"; a partial copy, {missing} of {len(inventory.takes)} takes are not there" if missing else ""
    )


def _counts(inventory: Inventory) -> tuple[tuple[str, int, int | None], ...]:
    """Return what is counted, the count, and that of a whole E-GMD."""
    n_performances = len({take.id for take in inventory.takes})
    return (
        ("rows of the table", len(inventory.takes), EGMD.n_takes),
        ("performances", n_performances, EGMD.n_performances),
        ("pairs", len(inventory.pairs), EGMD.n_takes),
        ("recordings without MIDI", len(inventory.without_midi), 0),
        ("MIDI without recording", len(inventory.without_audio), 0),
        ("rows without files", len(inventory.without_files), 0),
        ("files that no row names", len(inventory.unlisted), None),
    )


def _inventory_table(check: Check) -> TextTable:
    counts = _counts(check.inventory)
    counts = (
        *counts,
        ("takes without a fault", check.n_sound, EGMD.n_takes),
        ("performances in two splits", len(check.torn), 0),
    )
    columns = 3 if check.inventory.table.name == EGMD_TABLE else 2  # GMD is not E-GMD cut short
    header = ("", "here", f"whole {EGMD.name}")[:columns]
    rows = [(name, f"{n:,}", "-" if whole is None else f"{whole:,}")[:columns] for name, n, whole in counts]
    rates = ", ".join(f"{rate} Hz: {n:,}" for rate, n in sorted(check.sample_rates.items()))
    note = f"{shown(check.inventory.table.name)}; recordings by sample rate: {rates or 'none'}"
    return TextTable("what is there", note, header, tuple(rows))


def _fault_table(check: Check) -> TextTable:
    rows = []
    for fault, n in sorted(faults(check.findings).items(), key=lambda item: list(Fault).index(item[0])):
        examples = [_cell(f"{f.take}: {f.text}") for f in check.findings if f.fault is fault][:_EXAMPLES]
        rows += [(fault.value, f"{n:,}"), *((f"  {example}", "") for example in examples)]
    note = f"the first {_EXAMPLES} of each; --json FILE lists all"
    return TextTable("what is wrong", note, ("fault", "takes"), tuple(rows))


def _share_table(title: str, column: str, shares: Sequence[Share]) -> TextTable:
    rows = [
        (_cell(s.name) or "-", f"{s.n_takes:,}", f"{s.n_performances:,}", f"{s.hours:.2f}") for s in shares
    ]
    if len(rows) > 1:
        n_takes, hours = sum(s.n_takes for s in shares), sum(s.hours for s in shares)
        rows.append(("all", f"{n_takes:,}", "", f"{hours:.2f}"))
    return TextTable(title, "", (column, "takes", "performances", "hours"), tuple(rows))


def _velocity_table(check: Check) -> TextTable:
    header = ("lane", "hits", *(f"{low}-{high}" for low, high in VELOCITY_BINS))
    rows = [
        (name, f"{row.sum():,}", *(f"{n:,}" if n else "." for n in row))
        for name, row in zip(LANE_NAMES, check.hits, strict=True)
    ]
    return TextTable("hits by lane and velocity", "as a TD-17 means its notes", header, tuple(rows))


def _coverage_table(maps: Sequence[Coverage]) -> TextTable:
    header = ("note map", "covered", *LANE_NAMES)
    rows = [(m.name, f"{100 * m.share:.1f} %", *(f"{n:,}" for n in m.hits_of_lane)) for m in maps]
    note = f"the part of {maps[0].n_notes:,} notes that reaches a lane, and how many reach which"
    return TextTable("note maps", note, header, tuple(rows))


def _cell(text: str) -> str:
    """Return a text of a dataset as rich prints it unchanged, in one line."""
    return escape(shown(text))


def _share_json(share: Share) -> dict[str, Any]:
    return {
        "name": share.name,
        "takes": share.n_takes,
        "performances": share.n_performances,
        "hours": share.hours,
    }


def _coverage_json(one: Coverage) -> dict[str, Any]:
    return {
        "map": one.name,
        "share": one.share if isfinite(one.share) else None,
        "hits": dict(zip(LANE_NAMES, one.hits_of_lane, strict=True)),
    }
