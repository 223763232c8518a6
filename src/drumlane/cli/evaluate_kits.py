"""``drumlane evaluate-kits``: the transcriber on human grooves played by kits it has never heard.

Flow: data (grooves, families) -> evaluation.heldout -> evaluation.report -> tables, JSON
"""

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from drumlane.evaluation.heldout import HeldOutItem
    from drumlane.evaluation.references import LoadedTrack
    from drumlane.transcription.transcribe import Transcriber


def evaluate_kits(
    kits: Annotated[Path, typer.Option("--kits", help="kits.csv; its test families are used.")],
    grooves: Annotated[Path, typer.Option("--grooves", help="Groove MIDI Dataset; its test split is used.")],
    backing: Annotated[
        Path | None, typer.Option("--backing", help="Folder of drumless clips to lay under the drums.")
    ] = None,
    level_db: Annotated[float, typer.Option("--level-db", help="Drums against accompaniment, in dB.")] = 0.0,
    seconds: Annotated[float, typer.Option("--seconds", min=2.0, help="The most of each groove.")] = 30.0,
    model: Annotated[
        Path | None, typer.Option("--model", help="Model; the shipped one if not given.")
    ] = None,
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="CPU threads.")] = None,
    classes: Annotated[str, typer.Option("--classes", help="Class sets, comma-separated.")] = "lanes",
    tolerance_ms: Annotated[str, typer.Option("--tolerance-ms", help="Tolerances in ms.")] = "50,25",
    json_path: Annotated[Path | None, typer.Option("--json", help="Also write all numbers here.")] = None,
) -> None:
    """Score the transcriber on the test split of human grooves, played on kits of held-out families."""
    from drumlane.cli.evaluate import parse_protocol, print_report
    from drumlane.evaluation.corpus import Group
    from drumlane.evaluation.references import Pairing
    from drumlane.evaluation.report import report_on, write_json
    from drumlane.transcription.transcribe import Transcriber

    transcriber = Transcriber(model, threads=threads)
    loaded = _transcribed(*_items(kits, grooves, backing, level_db, seconds), transcriber)
    name = f"unseen kits, accompaniment at {level_db:g} dB" if backing else "unseen kits, drums only"
    protocol = parse_protocol(classes, tolerance_ms, seed=0)
    report = report_on(loaded, Pairing((), ()), (Group(name),), protocol)
    subject = f"model {transcriber.model.card.name} {transcriber.model.card.version}"
    print_report(report, subject, markdown=False, skip_missing=False)
    if json_path:
        write_json(report, json_path, shlex.join(["drumlane", *sys.argv[1:]]), subject)


def _items(
    kits: Path, grooves: Path, backing: Path | None, level_db: float, seconds: float
) -> "tuple[Iterator[HeldOutItem], int]":
    """Return the items, rendered one by one as they are asked for, and at most how many there are."""
    from drumlane.data.families import in_test
    from drumlane.data.gmd import load_grooves
    from drumlane.evaluation.heldout import render_heldout
    from drumlane.rendering.accompaniment import load_clips
    from drumlane.rendering.kits import load_kits

    performances = {groove.id: groove.performance for groove in load_grooves(grooves, "test")}
    clips = load_clips(backing, held_out=True) if backing else ()
    items = render_heldout(performances, load_kits(kits, in_test), clips, level_db, seconds)
    return items, len(performances)


def _transcribed(
    items: "Iterator[HeldOutItem]", total: int, transcriber: "Transcriber"
) -> "list[LoadedTrack]":
    from rich.console import Console
    from rich.progress import track as progress

    from drumlane.evaluation.references import LoadedTrack, Track
    from drumlane.rendering.kits import SAMPLE_RATE

    console = Console(stderr=True)
    loaded = []
    for item in progress(items, "Transcribing", total=total, console=console, transient=True):
        estimate = transcriber.transcribe(item.samples, SAMPLE_RATE)
        track = Track(item.name, Path(item.name), None, duration=item.reference.duration)
        loaded.append(LoadedTrack(track, item.reference, estimate))
    return loaded
