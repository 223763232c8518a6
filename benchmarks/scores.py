"""Scores: measure everything that the documents claim about the shipped model, and write it into them.

    python benchmarks/scores.py                measure all, then write
    python benchmarks/scores.py dev-audio      measure only this (or unseen-kits, speed …), then write
    python benchmarks/scores.py picture        draw the README's picture only
    python benchmarks/scores.py write          write only, from the measured files

Measurements are JSON files in benchmarks/results, without their single tracks. The blocks between
``<!-- measured: NAME -->`` and ``<!-- end of NAME -->`` in README.md and docs come from these files alone; a
test compares them, so that no number there is typed by hand. Run it in the repository, with the development
material beside it.
"""

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import score_tables
import speed as speed_script
from drumlane.models.card import Score, read_card, write_card
from drumlane.models.rescorer_model import rescorer_beside

BENCHMARKS = Path(__file__).resolve().parent
REPOSITORY = BENCHMARKS.parent
RESULTS = BENCHMARKS / "results"
MODEL = REPOSITORY / "src" / "drumlane" / "models" / "transcriber.onnx"
_UNSEEN = ("evaluate-kits", "--kits", "../shared/data/kits/kits.csv", "--grooves", "../shared/data/grooves")
_CLASSES = ("--classes", "five,lanes")
# Arguments of ``drumlane``, run in the repository; in this order in the documents.
EVALUATIONS: Mapping[str, tuple[str, ...]] = {
    "dev-audio": ("evaluate", "--manifest", "../shared/data/dev-audio/dev.csv", *_CLASSES),
    "unseen-kits": (*_UNSEEN, *_CLASSES),
    "unseen-acoustic-kits": (*_UNSEEN, "--acoustic", *_CLASSES),
    "unseen-kits-backing": (*_UNSEEN, "--backing", "../shared/data/backing", *_CLASSES),
}
SPEED, PICTURE = "speed", "picture"


def main() -> None:
    """Do what the command line says."""
    known = [*EVALUATIONS, SPEED, PICTURE]
    asked = sys.argv[1:] or known
    if unknown := [name for name in asked if name not in (*known, "write")]:
        sys.exit(f"scores.py: {unknown[0]!r} is unknown; choose from {', '.join(known)}, write")
    RESULTS.mkdir(exist_ok=True)
    for name in known:
        if name in asked:
            _measure(name)
    for document, text in documents().items():
        document.write_text(text, encoding="utf-8")
        print(f"{document.relative_to(REPOSITORY)}: written")
    card_path = MODEL.with_suffix(".json")
    write_card(read_card(card_path).model_copy(update={"scores": card_scores()}), card_path)
    print(f"{card_path.relative_to(REPOSITORY)}: written")


def card_scores() -> tuple[Score, ...]:
    """Return what the measured files say, as the rows of the model's card."""
    reports = [_read(name) for name in EVALUATIONS if _path(name).exists()]
    return tuple(row for report in reports for row in score_tables.card_rows(report))


def documents() -> dict[Path, str]:
    """Return the documents as the measured files say; blocks of what is not measured stay as they are."""
    texts: dict[Path, str] = {}
    for name, block in _blocks().items():
        document = REPOSITORY / {"summary": "README.md", "speed": "docs/benchmarks.md"}.get(
            name, "docs/scores.md"
        )
        text = texts.get(document) or document.read_text(encoding="utf-8")
        texts[document] = with_block(text, name, block)
    return texts


def with_block(text: str, name: str, block: str) -> str:
    """Return a document with the content of one block replaced.

    Raises:
        SystemExit: the document has no such block.
    """
    begin, end = f"<!-- measured: {name} -->", f"<!-- end of {name} -->"
    if begin not in text or end not in text:
        sys.exit(f"scores.py: no block {begin} … {end}; put these two lines where it belongs")
    before, rest = text.split(begin, 1)
    return f"{before}{begin}\n\n{block}\n\n{end}{rest.split(end, 1)[1]}"


def _blocks() -> dict[str, str]:
    reports = {name: _read(name) for name in EVALUATIONS if _path(name).exists()}
    speed = _read(SPEED) if _path(SPEED).exists() else None
    blocks = {name: score_tables.details(report) for name, report in reports.items()}
    if reports:
        blocks["summary"] = score_tables.summary(list(reports.values()), speed)
        if (REPOSITORY / "docs" / "images" / "groove.png").exists():
            blocks["summary"] += f"\n\n{score_tables.PICTURE}"
    if speed:
        blocks[SPEED] = speed_script.table(speed)
    return blocks


def hashes() -> dict[str, str]:
    """Return the sha256 of the shipped networks, as measured files name them."""
    networks = {"model_sha256": MODEL, "rescorer_sha256": rescorer_beside(MODEL)}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in networks.items()
        if path.exists()
    }


def _measure(name: str) -> None:
    path = _path(name)
    if name == PICTURE:
        _run(str(REPOSITORY / "scripts" / "make_picture.py"))
        return
    if name == SPEED:
        _run(str(BENCHMARKS / "speed.py"), "--json", str(path))
        content = _read(name)
    else:
        _run("-m", "drumlane", *EVALUATIONS[name], "--json", str(path))
        command = " ".join(("drumlane", *EVALUATIONS[name]))
        content = _without_tracks(_read(name)) | {"command": command}
    content |= hashes()
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{path.relative_to(REPOSITORY)}: measured")


def _without_tracks(report: dict[str, Any]) -> dict[str, Any]:
    for group in report["groups"]:
        for scores in group["scores"]:
            del scores["tracks"]
    return report


def _path(name: str) -> Path:
    return RESULTS / f"{name}.json"


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(_path(name).read_text(encoding="utf-8"))
    return content


def _run(*arguments: str) -> None:
    done = subprocess.run([sys.executable, *arguments], cwd=REPOSITORY, check=False)
    if done.returncode:
        sys.exit(f"scores.py: {' '.join(arguments)} failed with exit code {done.returncode}")


if __name__ == "__main__":
    main()
