"""``drumlane evaluate``: transcriptions against references, as tables, JSON and charts.

Flow: files, audio or a checkpoint -> evaluation.references, protocol -> **evaluate** -> score_output
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drumlane.cli.progress import watched

if TYPE_CHECKING:
    from drumlane.cli.evaluate_checkpoint import CheckpointTask
    from drumlane.evaluation.corpus import Group
    from drumlane.evaluation.evidence import Evidence, Listener
    from drumlane.evaluation.protocol import Protocol
    from drumlane.evaluation.references import LoadedTrack, Pairing, ReadEstimate, Track


def evaluate(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[ESTIMATES] [REFERENCES]",
            help="Two files or two folders (partners have the same stem); with --audio only REFERENCES, "
            "with --manifest only ESTIMATES or nothing.",
            show_default=False,
        ),
    ] = None,
    audio: Annotated[
        Path | None,
        typer.Option("--audio", help="Transcribe this audio file or folder and compare it with REFERENCES."),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option("--manifest", help="A csv with the columns file and annotation: transcribe every file."),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", help="Only manifest rows with column=pattern (* and ?); may be repeated."),
    ] = None,
    group_by: Annotated[
        list[str] | None,
        typer.Option("--group-by", help="One group per value of this manifest column; may be repeated."),
    ] = None,
    model: Annotated[
        Path | None, typer.Option("--model", help="Model to transcribe with; the shipped one if not given.")
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint", help="Checkpoint of a run: evaluate it on a part of its --config's data."
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="YAML file of the checkpoint's run.")
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="A.B=VALUE", help="Change one setting of --config.")
    ] = None,
    part: Annotated[
        str, typer.Option("--split", help="With --checkpoint: train, validation or test.")
    ] = "test",
    thresholds: Annotated[
        Path | None, typer.Option("--thresholds", help="With --checkpoint: JSON of drumlane thresholds.")
    ] = None,
    max_files: Annotated[
        int | None, typer.Option("--max-files", min=1, help="With --checkpoint: only so many recordings.")
    ] = None,
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="CPU threads.")] = None,
    classes: Annotated[
        str,
        typer.Option("--classes", help="Class sets, comma-separated: three, five, lanes, articulations."),
    ] = "five,lanes",
    tolerance_ms: Annotated[
        str, typer.Option("--tolerance-ms", help="Tolerances in milliseconds, comma-separated.")
    ] = "50,25",
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="Leave references without estimate out.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the bootstrap.")] = 0,
    json_path: Annotated[
        Path | None, typer.Option("--json", "--output", help="Also write all numbers to this file.")
    ] = None,
    plot: Annotated[Path | None, typer.Option("--plot", help="Also draw the scores by class (.png).")] = None,
    errors: Annotated[
        Path | None,
        typer.Option(
            "--errors", help="Also break the errors down, and draw the worst seconds, in this folder."
        ),
    ] = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print one Markdown table instead of tables.")
    ] = False,
) -> None:
    """Score transcriptions against references: precision, recall and F, by class, with intervals.

    For instance: drumlane evaluate predictions/ references/
    """
    from drumlane.cli.score_output import ScoreOutput
    from drumlane.evaluation.error_folder import explain
    from drumlane.evaluation.report import report_on

    given = paths or []
    task = None
    if checkpoint:
        task = _task(checkpoint, config, overrides or [], part, thresholds, max_files)
    _check_usage(given, audio, manifest, task is not None, bool(where or group_by))
    protocol = parse_protocol(classes, tolerance_ms, seed)
    rows = task.tracks if task else _manifest_rows(manifest)
    pairing, groups, sounds = _sources(given, audio, rows, where or [], group_by or [])
    output = ScoreOutput(json_path, errors, plot, markdown, skip_missing)
    output.prepare()
    listener = None if given and not audio else _listener(task or model, threads, keep=errors is not None)
    read_estimate = listener.transcribe if listener else None
    loaded = _load(pairing.tracks, read_estimate, skip_missing, task.read_reference if task else None)
    report = report_on(loaded, pairing, groups, protocol)
    explained = None
    if errors:
        evidence = _evidence(loaded, sounds, listener)
        explained = explain(loaded, evidence, protocol.tolerances[0], groups)
    output.show(report, listener.subject if listener else str(given[0]), explained)
    if report.failures:
        raise typer.Exit(1)


def _task(
    checkpoint: Path,
    config: Path | None,
    overrides: Sequence[str],
    part: str,
    thresholds: Path | None,
    max_files: int | None,
) -> "CheckpointTask":
    from drumlane.cli.evaluate_checkpoint import CheckpointOptions, CheckpointTask

    if config is None:
        raise typer.BadParameter("with --checkpoint give the --config of its run")
    return CheckpointTask(CheckpointOptions(checkpoint, config, overrides, part, thresholds, max_files))


def _check_usage(
    paths: Sequence[Path], audio: Path | None, manifest: Path | None, checkpoint: bool, choosing: bool
) -> None:
    if checkpoint and (audio or manifest or paths):
        raise typer.BadParameter("with --checkpoint give no other recordings: --config names them")
    if audio and manifest:
        raise typer.BadParameter("give --audio or --manifest, not both")
    if choosing and not (manifest or checkpoint):
        raise typer.BadParameter(
            "--where and --group-by choose rows of a --manifest or a --checkpoint's data"
        )
    if manifest and len(paths) > 1:
        raise typer.BadParameter("with --manifest give at most a folder of ESTIMATES")
    if audio and len(paths) != 1:
        raise typer.BadParameter("with --audio give the REFERENCES and nothing else")
    if not (audio or manifest or checkpoint) and len(paths) != 2:
        raise typer.BadParameter("give ESTIMATES and REFERENCES, or --audio, --manifest or --checkpoint")


def parse_protocol(classes: str, tolerance_ms: str, seed: int) -> "Protocol":
    """Return the protocol of comma-separated class sets and tolerances in milliseconds."""
    from drumlane.evaluation.classes import class_set
    from drumlane.evaluation.protocol import Protocol

    class_sets = tuple(class_set(name.strip()) for name in classes.split(","))
    return Protocol(class_sets, tuple(_tolerance(text) for text in tolerance_ms.split(",")), seed)


def _tolerance(text: str) -> float:
    try:
        milliseconds = float(text)
    except ValueError:
        milliseconds = 0.0
    if not 0 < milliseconds <= 1000:
        raise typer.BadParameter(
            f"tolerance {text!r} must be a number of milliseconds, above 0, at most 1000"
        )
    return milliseconds / 1000


def _sources(
    paths: Sequence[Path],
    audio: Path | None,
    rows: "tuple[Track, ...] | None",
    where: Sequence[str],
    group_by: Sequence[str],
) -> "tuple[Pairing, Sequence[Group], dict[str, Path]]":
    """Return what to compare, in which groups, and the recordings of the tracks as far as they are known."""
    from drumlane.evaluation import corpus
    from drumlane.evaluation.references import AUDIO_SUFFIXES, Pairing, pair, with_estimates

    if rows is None:
        pairing = pair(audio, paths[0], AUDIO_SUFFIXES) if audio else pair(paths[0], paths[1])
        return pairing, (corpus.Group("all"),), _estimates(pairing.tracks) if audio else {}
    rows = corpus.choose(rows, [corpus.parse_condition(text) for text in where])
    groups = corpus.groups_by_columns(rows, group_by) if group_by else corpus.standard_groups(rows)
    pairing = with_estimates(rows, paths[0]) if paths else Pairing(rows, ())
    return pairing, groups, _estimates(rows)


def _manifest_rows(manifest: Path | None) -> "tuple[Track, ...] | None":
    from drumlane.evaluation.corpus import read_manifest

    return read_manifest(manifest) if manifest else None


def _estimates(tracks: "Sequence[Track]") -> dict[str, Path]:
    return {track.name: track.estimate for track in tracks if track.estimate is not None}


def _listener(model: "Path | CheckpointTask | None", threads: int | None, keep: bool) -> "Listener":
    from tempfile import TemporaryDirectory

    from drumlane.evaluation.evidence import Listener
    from drumlane.transcription.transcribe import Transcriber

    if model is None or isinstance(model, Path):
        return Listener(Transcriber(model, threads=threads), keep)
    with TemporaryDirectory() as folder:  # the model is in memory once it is loaded
        return Listener(Transcriber(model.write_model(Path(folder)), threads=threads), keep)


def _evidence(
    loaded: "Sequence[LoadedTrack]", sounds: Mapping[str, Path], listener: "Listener | None"
) -> "dict[str, Evidence]":
    """Return what can be seen of each track whose recording is known."""
    from drumlane.evaluation.evidence import evidence_of_file

    names = [track.track.name for track in loaded if track.track.name in sounds]
    if listener is None:
        return {name: evidence_of_file(sounds[name]) for name in names}
    heard = {name: listener.evidence(sounds[name]) for name in names}
    return {name: evidence for name, evidence in heard.items() if evidence is not None}


def _load(
    tracks: "Sequence[Track]",
    read_estimate: "ReadEstimate | None",
    skip_missing: bool,
    read_reference: "ReadEstimate | None",
) -> "list[LoadedTrack]":
    """Read all tracks; transcribing takes a while and shows how far it is."""
    from drumlane.evaluation.references import load
    from drumlane.formats import read

    steps = load(tracks, read_estimate or read, not skip_missing, read_reference or read)
    if read_estimate is None:
        return list(steps)
    return list(watched(steps, "Transcribing", len(tracks)))
