"""The README's commands and examples, run as they stand there, and its claims that can be looked up."""

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import mido
import pytest

from drumlane import formats
from drumlane.audio.io import read_audio, write_audio
from drumlane.evaluation.classes import CLASS_SETS
from drumlane.evaluation.metrics import score, score_track
from drumlane.models.loading import SHIPPED

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [
    *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((REPOSITORY / "docs").rglob("*.md")),
]
needs_model = pytest.mark.skipif(not SHIPPED.is_file(), reason="this checkout has no shipped model")


def blocks(language: str) -> list[str]:
    """Return the code blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


def commands(start: str) -> list[str]:
    """Return the lines of the shell blocks that begin with ``start``."""
    return [line for block in blocks("bash") for line in block.splitlines() if line.startswith(start)]


INSTALL, CHECK = (block.strip() for block in blocks("bash")[:2])
USES = [line for line in commands("drumlane ") if "my-model" not in line and " train " not in line]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working folder with what the README's commands speak of, ``drumlane`` on the path."""
    shutil.copytree(REPOSITORY / "examples", tmp_path / "examples")
    write_audio(tmp_path / "song.mp3", read_audio(REPOSITORY / "examples" / "groove.ogg"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    return tmp_path


def run(command: str, folder: Path, seconds: float = 120) -> str:
    """Run a shell line and return what it said; it must succeed."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def f_of_example(transcription: Path) -> float:
    """Return the lanes' micro F of a transcription of the bundled example, ±50 ms."""
    truth = formats.read(REPOSITORY / "examples" / "groove.mid")
    return score(
        [score_track(truth, formats.read(transcription), 0.05, CLASS_SETS["lanes"], "groove")]
    ).micro.f


def test_the_readme_has_the_two_commands_each_in_one_line() -> None:
    assert "\n" not in INSTALL
    assert "pip install . " in INSTALL
    assert INSTALL.endswith("drumlane transcribe examples/groove.ogg -o out")
    assert CHECK == "scripts/check"


def test_continuous_integration_runs_the_second_command_and_nothing_else() -> None:
    script = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    lines = [line for line in script if line and not line.startswith("#")]
    assert lines == ["set -euo pipefail", 'cd "$(dirname "${BASH_SOURCE[0]}")/.."', CHECK]
    assert os.access(REPOSITORY / CHECK, os.X_OK)


@pytest.mark.slow
@needs_model
def test_the_first_command_installs_and_transcribes_on_a_fresh_copy(tmp_path: Path) -> None:
    copy = tmp_path / "drumlane"
    for name in tracked_files():
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, target)
    # The environment of these tests must not help: a fresh machine has none.
    outer = Path(sys.executable).parent
    path = os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if Path(p) != outer)
    command = INSTALL.replace("python3", shlex.quote(getattr(sys, "_base_executable", sys.executable)), 1)
    run(f"unset VIRTUAL_ENV PYTHONPATH; export PATH={shlex.quote(path)}; {command}", copy, seconds=900)
    assert f_of_example(copy / "out" / "groove.mid") > 0.5


def tracked_files() -> list[str]:
    """Return what a clone would hold, with changes that are not committed yet."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [name for name in listed if (REPOSITORY / name).is_file()]


@needs_model
@pytest.mark.parametrize("command", USES)
def test_commands_of_the_readme_run_and_write(command: str, desk: Path) -> None:
    before = set(desk.rglob("*"))
    run(command, desk)
    written = [path for path in set(desk.rglob("*")) - before if path.is_file()]
    assert written
    assert all(path.stat().st_size for path in written)


@needs_model
def test_a_command_without_output_folder_writes_midi_beside_the_recording(desk: Path) -> None:
    assert USES[0] == "drumlane transcribe song.mp3"
    run(USES[0], desk)
    assert f_of_example(desk / "song.mid") > 0.5
    file = mido.MidiFile(desk / "song.mid")
    assert file.ticks_per_beat >= 480
    assert {m.channel for track in file.tracks for m in track if m.type == "note_on"} == {9}


@needs_model
def test_python_examples_of_the_readme_run(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert all(
        re.fullmatch(r"\d+\.\d{3} s  \w+  velocity \d+  confidence [01]\.\d\d", line) for line in lines
    )
    assert formats.read(desk / "drums.mid").hits


@pytest.mark.slow
@pytest.mark.train
@pytest.mark.shared
def test_the_training_commands_of_the_readme_run(shared_data: Path, tmp_path: Path) -> None:
    pytest.importorskip("lightning", reason="needs the train extra")
    (training,) = commands("drumlane train ")
    # The README's paths are relative: the same neighbours as the repository's.
    folder = tmp_path / "drumlane"
    shutil.copytree(REPOSITORY / "configs", folder / "configs")
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "data").symlink_to(shared_data)
    drumlane = Path(sys.executable).with_name("drumlane")
    said = run(f"{training.replace('drumlane', str(drumlane), 1)} --fast-dev-run", folder, seconds=600)
    assert (folder / "runs/transcriber-dev/checkpoints/best.ckpt").is_file()
    assert "best checkpoint" in said


def test_every_option_the_readme_names_exists_and_every_one_that_exists_is_named() -> None:
    from typer.main import get_command

    from drumlane.cli.app import app

    known = {
        name: {o for p in command.params for o in (*p.opts, *p.secondary_opts) if o.startswith("-")}
        for name, command in get_command(app).commands.items()  # type: ignore[attr-defined]
    }
    table = README[README.index("| option |") : README.index("The eight lanes")]
    named = set(re.findall(r"`(--?[a-z-]+)`", table))
    assert named - {"-o", "-f"} == known["transcribe"] - {"-o", "-f", "-q", "--help", "-h"}
    for line in (line for line in commands("drumlane ") if " train " not in line):
        _, command, *rest = shlex.split(line)
        assert {word for word in rest if word.startswith("-")} <= known[command], line


def test_the_lanes_the_readme_lists_are_the_lanes() -> None:
    from drumlane.vocabulary import LANE_NAMES

    sentence = re.search(r"The eight lanes are (.*?)\.", README, flags=re.DOTALL)
    assert sentence
    assert tuple(re.findall(r"\b(?!and\b)\w+", sentence[1])) == LANE_NAMES


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_to_files(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    targets = [t for t in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text) if "://" not in t]
    assert [t for t in targets if not (document.parent / t).exists()] == []


def test_the_index_lists_every_document() -> None:
    index = (REPOSITORY / "docs" / "index.md").read_text(encoding="utf-8")
    pages = {path.name for path in (REPOSITORY / "docs").glob("*.md")} - {"index.md"}
    assert {page for page in pages if f"({page})" not in index} == set()


def test_the_design_page_names_every_module_in_its_room() -> None:
    design = (REPOSITORY / "docs" / "design.md").read_text(encoding="utf-8")
    tree = design[design.index("```\nsrc/drumlane/") : design.index("Floors, each importing")]
    rooms = dict(re.findall(r"^  (\w+)/ +(.*?)(?=^  \w|^```)", tree, flags=re.DOTALL | re.MULTILINE))
    package = REPOSITORY / "src" / "drumlane"
    modules = {
        path.parent.name: {module.stem for module in path.parent.glob("*.py")} - {"__init__"}
        for path in package.glob("*/__init__.py")
    }
    assert rooms.keys() == modules.keys()
    assert {
        f"{room}/{m}" for room in rooms for m in modules[room] if not re.search(rf"\b{m}\b", rooms[room])
    } == set()


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder of measured scores, with the scripts beside it importable."""
    monkeypatch.syspath_prepend(str(REPOSITORY / "benchmarks"))
    yield REPOSITORY / "benchmarks" / "results"
    for name in ("scores", "score_tables", "speed", "processes"):
        sys.modules.pop(name, None)


def test_measured_numbers_in_the_documents_are_those_that_were_measured(measured: Path) -> None:
    import scores

    for document, text in scores.documents().items():
        assert document.read_text(encoding="utf-8") == text, (
            f"{document.name}: run benchmarks/scores.py write"
        )


def test_measured_numbers_are_those_of_the_shipped_weights(measured: Path) -> None:
    results = sorted(measured.glob("*.json"))
    if not results:
        pytest.skip("nothing has been measured yet: python benchmarks/scores.py")
    import scores

    shipped = scores.hashes()
    assert shipped["model_sha256"] == hashlib.sha256(SHIPPED.read_bytes()).hexdigest()
    fields = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in results}
    of_model = {name: found for name, found in fields.items() if "model_sha256" in found}
    stale = [name for name, found in of_model.items() if not shipped.items() <= found.items()]
    assert of_model
    assert stale == [], "measured with other weights: run benchmarks/scores.py"


def test_scores_are_written_between_the_marks_and_nowhere_else(measured: Path) -> None:
    import scores

    text = "before\n<!-- measured: x -->\nold\n<!-- end of x -->\nafter\n"
    changed = scores.with_block(text, "x", "new")
    assert changed == "before\n<!-- measured: x -->\n\nnew\n\n<!-- end of x -->\nafter\n"
    assert scores.with_block(changed, "x", "new") == changed
    with pytest.raises(SystemExit, match=r"no block <!-- measured: y -->"):
        scores.with_block(text, "y", "new")


def test_a_report_of_any_evaluation_becomes_tables_with_its_numbers(measured: Path) -> None:
    import score_tables
    from drumlane.evaluation.corpus import groups_by_column
    from drumlane.evaluation.protocol import Protocol
    from drumlane.evaluation.references import LoadedTrack, Pairing, Track
    from drumlane.evaluation.report import report_on, to_json
    from drumlane.performance import Hit, Performance
    from drumlane.vocabulary import Drum

    reference = Performance.of([Hit(t / 2, Drum.KICK, 60 + t) for t in range(8)], duration=60)
    estimate = Performance.of(reference.hits[:6], duration=60)
    silence = Performance.of([], duration=60)
    loaded = [
        LoadedTrack(Track("a", Path("a"), None, {"part": "drums"}, 60.0), reference, estimate),
        LoadedTrack(Track("b", Path("b"), None, {"part": "music"}, 60.0), silence, estimate),
    ]
    groups = groups_by_column([t.track for t in loaded], "part")
    report = to_json(report_on(loaded, Pairing((), ()), groups, Protocol()))
    report |= {"subject": "model x 1", "model_sha256": "0" * 64, "command": "drumlane evaluate"}
    text = score_tables.summary([report], None)
    assert "| drums | 1 | 8 | 0.857 [—] | 0.857 [—] | 0.857 [—] | — |" in text
    assert "| music | 1 | 0 | 6.0 false hits a minute | — | — | — |" in text
    assert "| kick | 8 | 1.000 | 0.750 | 0.857 |" in text
    assert "drumlane evaluate" in score_tables.details(report)
