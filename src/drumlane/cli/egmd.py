"""``drumlane egmd``: look after a copy of E-GMD, look into it, or make a miniature of it.

Flow: cli.app -> **egmd** -> data.egmd_check, evaluation.take_pictures, data.miniature
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from drumlane.cli.progress import watched
from drumlane.files import shown

egmd_app = typer.Typer(help="E-GMD: check a copy, draw takes, make a miniature.", no_args_is_help=True)
_SHOWN_COLUMNS = ("id", "kit_name", "split", "style", "beat_type", "time_signature")

Root = Annotated[Path, typer.Argument(help="Folder with the table (e-gmd-v1.0.0.csv, or GMD's info.csv).")]
Workers = Annotated[int, typer.Option("--num-workers", min=1, help="Processes.")]


@egmd_app.callback()
def egmd() -> None:
    """E-GMD: check a copy, draw takes, make a miniature."""


@egmd_app.command()
def check(
    root: Root,
    json_path: Annotated[
        Path | None, typer.Option("--json", help="Also write every number and every fault here.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Read the table and audio headers only.")] = False,
    tolerance: Annotated[
        float, typer.Option("--tolerance", min=0.0, help="Seconds by which durations may differ.")
    ] = 0.5,
    num_workers: Workers = 1,
) -> None:
    """Say what of E-GMD is there, what is missing, what is broken and what was played."""
    from drumlane.cli.egmd_tables import conclusion, text_tables, to_json
    from drumlane.cli.score_output import table_console
    from drumlane.data.egmd_check import read_takes, summarise, take_inventory
    from drumlane.errors import DatasetError
    from drumlane.evaluation.error_report import rich_table

    inventory = take_inventory(root)
    readings = read_takes(inventory, quick, tolerance, num_workers)
    found = summarise(inventory, watched(readings, "Checking", len(inventory.takes)), quick)
    console = table_console()
    for table in text_tables(found):
        console.print(rich_table(table))
    if json_path:
        _write_json(json_path, to_json(found))
    if not found.n_sound:
        raise DatasetError(f"{shown(root)}: nothing in it can be used: {conclusion(found)}")
    print(conclusion(found))


@egmd_app.command()
def explore(
    root: Root,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the pictures.")],
    n: Annotated[int, typer.Option("--n", min=1, help="How many takes.")] = 8,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Chooses the takes.")] = 0,
) -> None:
    """Draw the spectrograms of some takes with the hits of each lane, and list what they show."""
    from drumlane.data.egmd import load_takes, pairs_of
    from drumlane.data.splits import spread_takes
    from drumlane.evaluation.error_folder import prepare
    from drumlane.evaluation.take_folder import TakeSource, draw_takes

    chosen = spread_takes(pairs_of(load_takes(root), root), n, seed)
    prepare(output)
    sources = [
        TakeSource(take.audio, take.midi, {column: getattr(take, column) for column in _SHOWN_COLUMNS})
        for take in chosen
        if take.audio and take.midi
    ]
    n_drawn = draw_takes(watched(sources, "Drawing", len(sources)), output)
    print(f"{shown(root)}: {n_drawn} of {len(sources)} takes drawn -> {shown(output)}")


@egmd_app.command()
def mini(
    output: Annotated[Path, typer.Argument(help="Folder to make.")],
    grooves: Annotated[
        Path | None, typer.Option("--grooves", help="Groove MIDI Dataset; composed grooves if not given.")
    ] = None,
    kits: Annotated[
        list[str] | None,
        typer.Option(
            "--kits", metavar="KIT", help="As for render; repeatable. Procedural kits if not given."
        ),
    ] = None,
    performances: Annotated[int, typer.Option("--performances", help="How many.")] = 20,
    kits_per_performance: Annotated[int, typer.Option("--kits-per-performance", help="How many.")] = 3,
    seconds: Annotated[float, typer.Option("--seconds", help="The most of each performance.")] = 30.0,
    seed: Annotated[int, typer.Option("--seed", help="Decides everything.")] = 0,
    num_workers: Workers = 1,
) -> None:
    """Make a small dataset in the form of E-GMD, rendered; an interrupted run goes on."""
    from drumlane.data.egmd import load_takes
    from drumlane.data.miniature import make_miniature, n_takes
    from drumlane.data.miniature_plan import MiniatureOptions

    options = MiniatureOptions(grooves, tuple(kits or ()), performances, kits_per_performance, seconds, seed)
    takes = make_miniature(output, options, num_workers)
    made = [take.was_there for take in watched(takes, "Rendering", n_takes(options))]
    hours = sum(take.duration or 0.0 for take in load_takes(output)) / 3600
    kept = f" ({sum(made)} were there)" if any(made) else ""
    print(f"{shown(output)}: {len(made)} pairs{kept}, {hours:.2f} h")


def _write_json(path: Path, numbers: Mapping[str, Any]) -> None:
    import json

    from drumlane.errors import DatasetError
    from drumlane.files import whole_file

    with whole_file(path, DatasetError) as partial:
        partial.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
