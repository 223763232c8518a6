"""The wheel, a fresh base environment with it, the lock file, and what must not be installed."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path
from typing import NamedTuple

import pytest

import drumlane
from drumlane import formats
from drumlane.models.loading import SHIPPED

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "src" / "drumlane"
WHEEL_MB = 15.0
ENVIRONMENT_MB = 300.0
# None of these may be needed, or loaded, by a base installation.
NOT_BASE = {
    "av",
    "librosa",
    "lightning",
    "matplotlib",
    "mir_eval",
    "onnx",
    "pretty_midi",
    "pytorch_lightning",
    "scipy",
    "sklearn",
    "torch",
    "yaml",
}
BASE_ROOMS = ["audio", "cli", "data", "evaluation", "formats", "models", "rendering", "transcription"]


class Installed(NamedTuple):
    """A fresh environment with the wheel and its base dependencies."""

    python: Path
    wheel: Path
    sizes: dict[str, float]  # MB


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("base")
    command = [sys.executable, str(REPOSITORY / "benchmarks" / "size.py"), "--keep", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = (folder / "dist").glob("*.whl")
    scripts = folder / "environment" / ("Scripts" if sys.platform == "win32" else "bin")
    return Installed(scripts / "python", built, json.loads(done.stdout))


def test_the_wheel_holds_the_whole_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    sources = (path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    assert packed == {path.relative_to(PACKAGE.parent).as_posix() for path in sources}
    assert "drumlane/py.typed" in packed


@pytest.mark.skipif(not SHIPPED.is_file(), reason="this checkout has no shipped model")
def test_the_wheel_holds_the_weights_and_their_card_unchanged(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for path in (SHIPPED, SHIPPED.with_suffix(".json")):
            assert archive.read(path.relative_to(PACKAGE.parent).as_posix()) == path.read_bytes()


def test_the_wheel_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size / 1e6 <= WHEEL_MB


def test_the_version_is_written_once(metadata: Message) -> None:
    assert metadata["Version"] == drumlane.__version__
    pyproject = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in pyproject["project"]
    assert pyproject["project"]["dynamic"] == ["version"]


def test_the_metadata_names_licence_extras_and_light_base_dependencies(metadata: Message) -> None:
    assert metadata["License-Expression"] == "MIT"
    assert metadata.get_all("Provides-Extra") == ["log", "media", "plot", "ray", "score", "train", "tune"]
    requirements = metadata.get_all("Requires-Dist") or []
    base = {re.split(r"[^\w-]", r)[0].replace("-", "_") for r in requirements if "extra ==" not in r}
    assert base == {
        "mido",
        "numpy",
        "onnxruntime",
        "pydantic",
        "rich",
        "soundfile",
        "soxr",
        "typer",
    }


def test_importing_the_package_loads_no_library() -> None:
    loaded = modules_after("import drumlane")
    assert loaded & (NOT_BASE | {"numpy", "onnxruntime", "soundfile", "pydantic"}) == set()


def test_the_command_tells_numpy_how_many_threads_before_it_is_loaded() -> None:
    """Later it has started them already: recordings then took nearly twice the processor time."""
    code = """
import os, sys
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy":
            print(os.environ.get("OPENBLAS_NUM_THREADS"))
sys.meta_path.insert(0, Watch())
import drumlane.cli.app, numpy
"""
    environment = {name: value for name, value in os.environ.items() if "THREADS" not in name}
    told = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    )
    assert told.stdout.split() == ["1"]


def test_no_module_of_the_base_rooms_loads_what_a_base_installation_lacks() -> None:
    files = [path for room in BASE_ROOMS for path in sorted((PACKAGE / room).rglob("*.py"))]
    names = [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in files]
    imports = [name.removesuffix(".__init__") for name in names]
    assert len(imports) > 30
    assert modules_after(f"import {', '.join(imports)}") & NOT_BASE == set()


def test_the_network_runtime_neither_reports_its_use_nor_keeps_a_device_number(tmp_path: Path) -> None:
    code = "import drumlane, onnxruntime, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=bare_environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "1"
    assert list(tmp_path.iterdir()) == []


def bare_environment(home: Path) -> dict[str, str]:
    """Return the variables of a user who has set none; what continuous integration sets would hide much."""
    kept = {k: os.environ[k] for k in ("PATH", "SYSTEMROOT") if k in os.environ}
    return kept | {"HOME": str(home), "USERPROFILE": str(home), "LOCALAPPDATA": str(home)}


def modules_after(statement: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter has after a statement."""
    code = f"import sys; {statement}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("package", ["torchvision", "torchaudio"])
def test_no_library_that_is_built_for_another_torch_is_installed(package: str) -> None:
    # With the CPU build of torch its operators are missing, and every import of lightning fails.
    assert importlib.util.find_spec(package) is None


def test_the_lock_file_names_one_public_registry_and_no_path() -> None:
    locked = tomllib.loads((REPOSITORY / "uv.lock").read_text(encoding="utf-8"))["package"]
    sources = {next(iter(p["source"].items())) for p in locked} - {("editable", ".")}
    assert [kind for kind, _ in sources] == ["registry"]
    assert all(url.startswith("https://") and url.endswith("/simple") for _, url in sources)
    files = [file for p in locked for file in (*p.get("wheels", ()), p.get("sdist")) if file]
    assert {file["url"].split("//")[0] for file in files} == {"https:"}
    assert len({file["url"].split("/")[2] for file in files}) == 1
    assert {p["name"] for p in locked} & {"torchvision", "torchaudio"} == set()


def test_the_cpu_constraint_pins_torch_to_a_version_the_project_allows() -> None:
    constraint = (REPOSITORY / "constraints" / "cpu.txt").read_text(encoding="utf-8").split()
    assert len(constraint) == 1
    pinned = re.fullmatch(r"torch==(\d+)\.(\d+)\.\d+", constraint[0])
    assert pinned
    assert (int(pinned[1]), int(pinned[2])) >= (2, 4)


@pytest.mark.slow
def test_a_base_installation_is_small_and_has_no_learning_framework(installed: Installed) -> None:
    assert installed.sizes["environment_mb"] <= ENVIRONMENT_MB
    assert installed.sizes["wheel_mb"] <= WHEEL_MB
    code = "import importlib.util, sys; print(*(n for n in sys.argv[1:] if importlib.util.find_spec(n)))"
    done = subprocess.run(
        [installed.python, "-c", code, *NOT_BASE], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


@pytest.mark.slow
def test_every_command_of_a_base_installation_explains_itself(installed: Installed, tmp_path: Path) -> None:
    drumlane_command = installed.python.with_name("drumlane")
    for command in ("", "transcribe", "render", "train", "export", "evaluate"):
        done = subprocess.run(
            [drumlane_command, *command.split(), "--help"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "Usage: drumlane" in done.stdout


@pytest.mark.slow
def test_a_base_installation_names_the_extra_that_training_needs(
    installed: Installed, tmp_path: Path
) -> None:
    done = subprocess.run(
        [installed.python.with_name("drumlane"), "train", "transcriber", "--config", "none.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("drumlane: training needs torch")
    assert "pip install 'drumlane[train]'" in done.stderr


NO_NETWORK = """
import sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        raise RuntimeError(f"{event}{arguments[1:]}: a transcription must not use the network")

sys.addaudithook(refuse)
"""


@pytest.mark.slow
@pytest.mark.skipif(not SHIPPED.is_file(), reason="this checkout has no shipped model")
def test_a_base_installation_transcribes_without_network_or_checkout(
    installed: Installed, tmp_path: Path
) -> None:
    guard, desk = tmp_path / "guard", tmp_path / "desk"
    guard.mkdir()
    desk.mkdir()
    (guard / "sitecustomize.py").write_text(NO_NETWORK, encoding="utf-8")
    recording = shutil.copy(REPOSITORY / "examples" / "groove.ogg", desk)
    environment = bare_environment(desk) | {"PYTHONPATH": str(guard)}
    probe = [installed.python, "-c", "import socket; socket.create_connection(('127.0.0.1', 9))"]
    refused = subprocess.run(probe, env=environment, capture_output=True, text=True, check=False)
    assert "must not use the network" in refused.stderr  # the guard is awake
    done = subprocess.run(
        [installed.python.with_name("drumlane"), "transcribe", Path(recording).name],
        cwd=desk,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in desk.iterdir()) == ["groove.mid", "groove.ogg"]
    truth = formats.read(REPOSITORY / "examples" / "groove.mid")
    assert len(formats.read(desk / "groove.mid")) == pytest.approx(len(truth), rel=0.5)
