"""``drumlane render``: MIDI in, a recording out.

Flow: cli.app -> **render** -> formats, rendering.render, audio.io

Heavy modules load inside functions: a usage error and ``--help`` come at once.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drumlane.errors import ConfigError
from drumlane.files import shown

if TYPE_CHECKING:
    from drumlane.audio.io import Audio
    from drumlane.rendering.render import RenderOptions
    from drumlane.vocabulary import Drum


def render(
    groove: Annotated[Path, typer.Argument(help="MIDI file; also csv, json.")],
    output: Annotated[Path, typer.Argument(help="Sound to write: wav, flac, ogg …")],
    kit: Annotated[
        str,
        typer.Option(
            help="procedural, procedural:SEED, an SFZ file, a Hydrogen kit, a folder of samples, or a kit of "
            "--kits-manifest."
        ),
    ] = "procedural",
    kits_manifest: Annotated[
        Path | None, typer.Option(help="A kits.csv with one row for each sample.")
    ] = None,
    room: Annotated[str, typer.Option(help="none, booth, studio or hall.")] = "studio",
    seed: Annotated[int, typer.Option(min=0, help="Chooses among samples of the same stroke.")] = 0,
    sample_rate: Annotated[int, typer.Option(help="Of the result, in Hz.")] = 44100,
    note_map: Annotated[
        str | None,
        typer.Option("--map", help="What the notes mean: td17, gm, drumlane … (default: the file says)"),
    ] = None,
    tail: Annotated[float, typer.Option(help="Seconds after the end of the groove.")] = 2.0,
    backing: Annotated[Path | None, typer.Option(help="A recording to lay under the drums.")] = None,
    backing_level: Annotated[
        float, typer.Option(help="How loud the backing is beside the drums, in dB.")
    ] = 0.0,
    force: Annotated[bool, typer.Option("--force", help="Replace a result that is there.")] = False,
) -> None:
    """Play a groove on a drum kit: groove.mid becomes groove.wav."""
    check_output(output, (groove, backing), force)
    from drumlane.audio.io import write_audio
    from drumlane.rendering.render import RenderOptions

    options = RenderOptions(room, seed, sample_rate, tail, backing_level)
    audio = _played(groove, _note_map(note_map), (kit, kits_manifest), backing, options)
    write_audio(output, audio)
    print(f"{shown(groove)}: {audio.duration:.1f} s -> {shown(output)}")


def check_output(output: Path, inputs: tuple[Path | None, ...], force: bool) -> None:
    """Refuse a result that would replace an input, or anything else without ``force``.

    Raises:
        ConfigError: the result is there, or is an input.
    """
    for path in inputs:
        if path is not None and output.resolve() == path.resolve():
            raise ConfigError(f"{shown(output)}: is the input itself; choose another name")
    if output.exists() and not force:
        raise ConfigError(f"{shown(output)}: already there; pass --force to replace it")


def _played(
    groove: Path,
    note_map: "Mapping[int, Drum] | None",
    kit: tuple[str, Path | None],
    backing: Path | None,
    options: "RenderOptions",
) -> "Audio":
    from drumlane import formats
    from drumlane.audio.io import read_audio
    from drumlane.rendering.kits import SAMPLE_RATE
    from drumlane.rendering.render import named_kit, render

    performance = formats.read(groove, note_map)
    music = read_audio(backing, sample_rate=SAMPLE_RATE).samples if backing else None
    return render(performance, named_kit(*kit), options, music)


def _note_map(name: str | None) -> "Mapping[int, Drum] | None":
    from drumlane.vocabulary import midi_map

    return None if name is None else midi_map(name)
