"""Size: the wheel, and a fresh environment with it and nothing but its base dependencies.

    python benchmarks/size.py [--keep FOLDER]

prints JSON with the sizes in MB (10**6 bytes). With ``--keep`` the wheel (``dist``) and the environment
(``environment``) stay in FOLDER. Needs hatchling and uv (the dev group) and, once, the network.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this checkout into ``folder``."""
    _run([sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)])
    return next(folder.glob("*.whl"))


def make_environment(wheel: Path, folder: Path) -> Path:
    """Make an environment with the wheel and its base dependencies; return its Python."""
    uv = _uv()
    _run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)])
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    # Copies, so that nothing is shared with a cache; compiled, as pip does it and the first run would.
    _run(
        [
            uv,
            "pip",
            "install",
            "--quiet",
            "--link-mode=copy",
            "--compile-bytecode",
            "--python",
            str(python),
            str(wheel),
        ]
    )
    return python


def folder_mb(folder: Path) -> float:
    """Return what the files below a folder hold, in MB."""
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file() and not f.is_symlink()) / 1e6


def measure(folder: Path) -> dict[str, object]:
    """Build and install below ``folder`` and return the sizes in MB."""
    wheel = build_wheel(folder / "dist")
    make_environment(wheel, folder / "environment")
    site = next((folder / "environment").rglob("site-packages"))
    packages = {p.name: round(folder_mb(p), 1) for p in site.iterdir() if p.is_dir()}
    largest = sorted(packages.items(), key=lambda item: item[1], reverse=True)[:6]
    return {
        "wheel_mb": round(wheel.stat().st_size / 1e6, 2),
        "environment_mb": round(folder_mb(folder / "environment"), 1),
        "largest_mb": dict(largest),
    }


def _uv() -> str:
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        sys.exit("size.py needs uv: scripts/check setup installs it")
    return uv


def _run(command: list[str]) -> None:
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")


def main() -> None:
    """Print the sizes."""
    parser = argparse.ArgumentParser(description="Measure the wheel and a fresh base environment.")
    parser.add_argument("--keep", type=Path, help="folder to leave the wheel and the environment in")
    keep = parser.parse_args().keep
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        print(json.dumps(measure(keep.resolve())))
        return
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(Path(folder))))


if __name__ == "__main__":
    main()
