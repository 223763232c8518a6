"""``drumlane evaluate-kits``: the transcriber on human grooves played by kits it has never heard.

Flow: data (grooves, families) -> evaluation.heldout -> evaluation.report -> score_output
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drumlane.cli.progress import watched

if TYPE_CHECKING:
    from drumlane.evaluation.corpus import Group
    from drumlane.evaluation.evidence import Listener
    from drumlane.evaluation.heldout import HeldOutItem
    from drumlane.evaluation.references import LoadedTrack
    from drumlane.rendering.kits import Kit


def evaluate_kits(
    kits: Annotated[Path, typer.Option("--kits", help="kits.csv; its test families are used.")],
    grooves: Annotated[Path, typer.Option("--grooves", help="Groove MIDI Dataset; its test split is used.")],
    backing: Annotated[
        Path | None, typer.Option("--backing", help="Folder of drumless clips to lay under the drums.")
    ] = None,
    level_db: Annotated[
        str, typer.Option("--level-db", help="Drums against accompaniment, in dB; several with commas.")
    ] = "0",
    acoustic: Annotated[bool, typer.Option("--acoustic", help="Only acoustic kits.")] = False,
    seconds: Annotated[float, typer.Option("--seconds", min=2.0, help="The most of each groove.")] = 30.0,
    model: Annotated[
        Path | None, typer.Option("--model", help="Model; the shipped one if not given.")
    ] = None,
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="CPU threads.")] = None,
    classes: Annotated[str, typer.Option("--classes", help="Class sets, comma-separated.")] = "lanes",
    tolerance_ms: Annotated[str, typer.Option("--tolerance-ms", help="Tolerances in ms.")] = "50,25",
    json_path: Annotated[Path | None, typer.Option("--json", help="Also write all numbers here.")] = None,
    errors: Annotated[
        Path | None,
        typer.Option(
            "--errors", help="Also break the errors down, and draw the worst seconds, in this folder."
        ),
    ] = None,
) -> None:
    """Score the transcriber on the test split of human grooves, played on kits of held-out families."""
    from drumlane.cli.evaluate import parse_protocol
    from drumlane.cli.score_output import ScoreOutput
    from drumlane.evaluation.error_folder import explain
    from drumlane.evaluation.evidence import Listener
    from drumlane.evaluation.heldout import CONDITIONS
    from drumlane.evaluation.references import Pairing
    from drumlane.evaluation.report import report_on
    from drumlane.transcription.transcribe import Transcriber

    levels = _levels(level_db) if backing else (0.0,)
    protocol = parse_protocol(classes, tolerance_ms, seed=0)
    output = ScoreOutput(json_path, errors)
    output.prepare()
    listener = Listener(Transcriber(model, threads=threads), keep=errors is not None)
    test_kits = _test_kits(kits, acoustic)
    loaded = _transcribed(*_items(test_kits, grooves, backing, levels, seconds), listener)
    heard = "unseen acoustic kits" if acoustic else "unseen kits"
    report = report_on(loaded, Pairing((), ()), _groups(heard, levels, backing is not None), protocol)
    explained = None
    if errors:
        evidence = {t.track.name: e for t in loaded if (e := listener.evidence(t.track.estimate))}
        explained = explain(loaded, evidence, protocol.tolerances[0], columns=CONDITIONS)
    output.show(report, listener.subject, explained)


def _levels(text: str) -> tuple[float, ...]:
    try:
        levels = [float(level) for level in text.split(",")]
    except ValueError:
        levels = [nan]
    if not all(isfinite(level) and abs(level) <= 60 for level in levels):
        raise typer.BadParameter(f"level {text!r} must be numbers of decibels, -60 to 60, with commas")
    return tuple(dict.fromkeys(levels))


def _test_kits(manifest: Path, acoustic: bool) -> "list[Kit]":
    from drumlane.data.families import in_test
    from drumlane.errors import DatasetError
    from drumlane.rendering.kits import load_kits

    kits = [kit for kit in load_kits(manifest, in_test) if kit.acoustic or not acoustic]
    if not kits:
        raise DatasetError(f"{manifest}: no acoustic kit is in the test families; leave --acoustic out")
    return kits


def _groups(heard: str, levels: Sequence[float], accompanied: bool) -> "tuple[Group, ...]":
    """Return one group per level; without accompaniment there is only one."""
    from drumlane.evaluation.corpus import Condition, Group
    from drumlane.evaluation.heldout import level_name

    if not accompanied:
        return (Group(f"{heard}, drums only"),)
    return tuple(
        Group(
            f"{heard}, accompaniment at {level_name(level)}",
            (Condition("accompaniment", level_name(level)),),
        )
        for level in levels
    )


def _items(
    kits: "Sequence[Kit]", grooves: Path, backing: Path | None, levels: Sequence[float], seconds: float
) -> "tuple[Iterator[HeldOutItem], int]":
    """Return the items, rendered one by one as they are asked for, and at most how many there are."""
    from drumlane.data.gmd import load_grooves
    from drumlane.evaluation.heldout import render_heldout
    from drumlane.rendering.accompaniment import load_clips

    performances = {groove.id: groove.performance for groove in load_grooves(grooves, "test")}
    clips = load_clips(backing, held_out=True) if backing else ()
    items = (
        replace(item, name=f"{item.name}, {level:g} dB") if len(levels) > 1 else item
        for level in levels
        for item in render_heldout(performances, kits, clips, level, seconds)
    )
    return items, len(levels) * len(performances)


def _transcribed(items: "Iterator[HeldOutItem]", total: int, listener: "Listener") -> "list[LoadedTrack]":
    from drumlane.evaluation.references import LoadedTrack, Track
    from drumlane.rendering.kits import SAMPLE_RATE

    loaded = []
    for item in watched(items, "Transcribing", total):
        name = Path(item.name)
        estimate = listener.transcribe_samples(item.samples, SAMPLE_RATE, name)
        track = Track(item.name, name, name, item.conditions, item.reference.duration)
        loaded.append(LoadedTrack(track, item.reference, estimate))
    return loaded
