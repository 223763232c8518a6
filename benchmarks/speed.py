"""Speed: what ``drumlane transcribe`` costs, measured from outside on whole processes.

    python benchmarks/speed.py [--json speed.json] [--repeats 5] [--threads 2] [--model model.onnx]

Long recordings are the bundled example over and over, made in a temporary folder. The cost of a minute is the
difference between a 3-minute and a 1-second recording, so that the start is excluded; the start itself is
the 1-second recording. Times are of processes whose files are in the disk cache. See docs/benchmarks.md.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from processes import Cost, cost_of

BENCHMARKS = Path(__file__).resolve().parent
EXAMPLE = BENCHMARKS.parent / "examples" / "groove.ogg"
SECOND, SONG, HOUR = 1.0, 180.0, 3600.0  # seconds of audio


@dataclass(frozen=True, slots=True)
class Settings:
    """What is measured."""

    threads: int
    repeats: int
    model: Path | None  # None: the shipped one


def main() -> None:
    """Measure, print a Markdown table, and write JSON."""
    parser = argparse.ArgumentParser(description="Measure what drumlane transcribe costs.")
    parser.add_argument("--json", type=Path, help="file for all numbers")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--model", type=Path)
    given = parser.parse_args()
    settings = Settings(given.threads, given.repeats, given.model.resolve() if given.model else None)
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(Path(folder), settings)
    if given.json:
        given.json.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    print(table(measured))


def measure(folder: Path, settings: Settings) -> dict[str, object]:
    """Return all numbers as plain JSON values."""
    second, song, hour = folder / "second.wav", folder / "song.wav", folder / "hour.flac"
    for path, seconds in ((second, SECOND), (song, SONG), (hour, HOUR)):
        _run(BENCHMARKS / "loops.py", EXAMPLE, path, seconds)
    transcribed(second, settings)  # fills the disk cache
    short = [transcribed(second, settings) for _ in range(settings.repeats)]
    long = [transcribed(song, settings) for _ in range(settings.repeats)]
    hours = transcribed(hour, settings)
    minutes = (SONG - SECOND) / 60
    per_minute = [(a.cpu_seconds - b.cpu_seconds) / minutes for a, b in zip(long, short, strict=True)]
    model = [settings.model] if settings.model else []
    return {
        "threads": settings.threads,
        "repeats": settings.repeats,
        "machine": machine(),
        "cpu_seconds_per_minute": spread(per_minute),
        "wall_seconds_per_minute": spread(
            [(a.wall_seconds - b.wall_seconds) / minutes for a, b in zip(long, short, strict=True)]
        ),
        "start_cpu_seconds": spread([cost.cpu_seconds for cost in short]),
        "start_wall_seconds": spread([cost.wall_seconds for cost in short]),
        "peak_mb_song": spread([cost.peak_mb for cost in long]),
        "peak_mb_hour": spread([hours.peak_mb]),
        "cpu_seconds_hour": round(hours.cpu_seconds, 2),
        "stages": json.loads(_run(BENCHMARKS / "stages.py", song, *model)),
        "size": json.loads(_run(BENCHMARKS / "size.py")),
    }


def transcribed(recording: Path, settings: Settings) -> Cost:
    """Transcribe a recording in a process of its own and return what that cost."""
    command = [_drumlane(), "transcribe", str(recording), "--force", "--quiet"]
    command += ["--threads", str(settings.threads)]
    command += ["--model", str(settings.model)] if settings.model else []
    return cost_of(command)


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return median, least and most."""
    return {
        "median": round(median(values), 4),
        "min": round(min(values), 4),
        "max": round(max(values), 4),
    }


def machine() -> dict[str, object]:
    """Return what the numbers depend on; ``load`` above the threads means that other programs ran too."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
    }


def table(measured: dict[str, object]) -> str:
    """Return the numbers as Markdown."""
    stages, size, about = measured["stages"], measured["size"], measured["machine"]
    assert isinstance(stages, dict)
    assert isinstance(size, dict)
    assert isinstance(about, dict)
    lines = [
        "| measure | value | least to most |",
        "| --- | --- | --- |",
        _row("CPU seconds per minute of audio, start excluded", measured["cpu_seconds_per_minute"], 2),
        _row("seconds per minute of audio, start excluded", measured["wall_seconds_per_minute"], 2),
        _row("cold start: CPU seconds to the MIDI of 1 second", measured["start_cpu_seconds"], 2),
        _row("cold start: seconds", measured["start_wall_seconds"], 2),
        _row("peak memory, 3 minutes, MB", measured["peak_mb_song"], 0),
        _row("peak memory, 60 minutes, MB", measured["peak_mb_hour"], 0),
        f"| fresh base environment, MB | {size['environment_mb']:.0f} | |",
        f"| wheel with weights, MB | {size['wheel_mb']:.1f} | |",
        "",
        f"{measured['threads']} threads, {measured['repeats']} repetitions; {about['processor']}, "
        f"{about['cores']} cores, {about['system']}, Python {about['python']}; "
        f"load average when it ended: {about['load']}.",
        "",
        "| stage | CPU seconds per minute of audio |",
        "| --- | --- |",
        *(f"| {STAGES[name]} | {value:.3f} |" for name, value in stages.items()),
    ]
    return "\n".join(lines)


STAGES = {
    "decode": "floor: decoding the file",
    "fourier": "floor: one Fourier transform per frame",
    "features": "log-mel features (with the transforms)",
    "network": "network",
    "peaks": "peaks, velocities, articulations",
    "all": "all of it, in one process",
}


def _row(name: str, numbers: object, digits: int) -> str:
    assert isinstance(numbers, dict)
    least_most = f"{numbers['min']:.{digits}f} to {numbers['max']:.{digits}f}"
    single = numbers["min"] == numbers["max"]
    return f"| {name} | {numbers['median']:.{digits}f} | {'' if single else least_most} |"


def _drumlane() -> str:
    """Return the command of the environment this runs in."""
    suffix = ".exe" if sys.platform == "win32" else ""
    return str(Path(sys.executable).parent / f"drumlane{suffix}")


def _run(script: Path, *arguments: object) -> str:
    """Run a script in a process of its own: what it imports must not weigh on the ones measured later."""
    command = [sys.executable, str(script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{script.name}: exit code {done.returncode}\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
