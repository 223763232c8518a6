"""Draw the README's picture: what the shipped weights hear in the bundled example, and what they find.

python scripts/make_picture.py

writes ``docs/images/groove.png`` with ``drumlane transcribe --plot``, of its first seconds.
``benchmarks/scores.py`` runs it, so that the picture shows the weights that were measured.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
EXAMPLE = REPOSITORY / "examples" / "groove.ogg"
LOOPS = REPOSITORY / "benchmarks" / "loops.py"
SECONDS = 12
PICTURE = REPOSITORY / "docs" / "images" / "groove.png"


def main() -> None:
    """Transcribe the example and keep the picture alone."""
    with tempfile.TemporaryDirectory() as folder:
        excerpt = Path(folder) / "groove.wav"
        subprocess.run([sys.executable, LOOPS, EXAMPLE, excerpt, str(SECONDS)], check=True)
        subprocess.run([sys.executable, "-m", "drumlane", "transcribe", excerpt, "--plot"], check=True)
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(Path(folder) / "groove.plot.png", PICTURE)
    print(f"-> {PICTURE.relative_to(REPOSITORY)}, {PICTURE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
