"""The whole chain on a miniature E-GMD, by the command line: from the tree of the archive to hits."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the train extra")
pytest.importorskip("lightning", reason="training needs the train extra")

pytestmark = [pytest.mark.train, pytest.mark.slow]

CONFIG = Path(__file__).resolve().parents[1] / "configs" / "test.yaml"


def drumlane(folder: Path, *arguments: object) -> str:
    """Run a command in ``folder``; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "drumlane", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, f"{arguments}: {done.stderr[-3000:]}"
    return done.stdout


def test_the_documented_chain_runs_on_a_miniature(tmp_path: Path) -> None:
    settings = (
        "data.egmd_root=mini",
        "data.max_files=60",
        "hardware.num_workers=1",
        "hardware.num_threads=1",
    )
    config = ("--config", CONFIG, *(part for text in settings for part in ("--set", text)))
    made = drumlane(
        tmp_path, "egmd", "mini", "mini", "--performances", 20, "--seconds", 6, "--num-workers", 2
    )
    assert "60 pairs" in made
    assert "60" in drumlane(tmp_path, "egmd", "check", "mini", "--json", "check.json", "--quick")
    drumlane(tmp_path, "preprocess", *config, "--num-workers", 2)
    again = drumlane(tmp_path, "preprocess", *config)
    assert "60 takes (60 were there)" in again
    drumlane(tmp_path, "train", "transcriber", *config, "--experiment-name", "chain")
    best = "runs/chain/checkpoints/best.ckpt"
    drumlane(tmp_path, "thresholds", "--checkpoint", best, *config, "--output", "thresholds.json")
    scores = (
        "evaluate",
        "--checkpoint",
        best,
        *config,
        "--thresholds",
        "thresholds.json",
        "--output",
        "scores.json",
    )
    tables = drumlane(tmp_path, *scores, "--split", "test", "--group-by", "kit", "--group-by", "style")
    assert "kit procedural" in tables
    assert "8 classes" in tables
    report = drumlane(tmp_path, "report", "runs/chain", "-o", "report.md")
    assert "| " in (tmp_path / "report.md").read_text(encoding="utf-8")
    assert report
    drumlane(tmp_path, "export", best, "model.onnx", *config, "--thresholds", "thresholds.json")
    recording = sorted((tmp_path / "mini").rglob("*.wav"))[0]
    drumlane(tmp_path, "transcribe", recording, "-o", "hits.mid", "--model", "model.onnx")
    assert (tmp_path / "hits.mid").read_bytes().startswith(b"MThd")
    assert {"groups"} <= json.loads((tmp_path / "scores.json").read_text(encoding="utf-8")).keys()
    lists = [
        (tmp_path / "data/splits" / f"{part}_split.txt").read_text().split()
        for part in ("train", "val", "test")
    ]
    assert sum(map(len, lists)) == 60
    # By performance: no performance, all of whose takes have its name, is in two parts.
    performances = [{Path(name).name.rsplit("_", 1)[0] for name in names} for names in lists]
    assert not performances[0] & (performances[1] | performances[2])
