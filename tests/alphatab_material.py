"""alphaTab, a reader of scores for Node.js: what it makes of MusicXML files."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

VERSION = "1.8.4"
_PACKAGE = {"private": True, "type": "module", "dependencies": {"@coderline/alphatab": VERSION}}
_SCRIPT = """
import fs from 'node:fs';
import * as alphaTab from '@coderline/alphatab';

const read = path => {
  const bytes = new Uint8Array(fs.readFileSync(path));
  const score = alphaTab.importer.ScoreLoader.loadScoreFromBytes(bytes, new alphaTab.Settings());
  const track = score.tracks[0];
  const pitch = note => track.percussionArticulations[note.percussionArticulation].outputMidiNumber;
  const voices = track.staves[0].bars.map(bar => bar.voices.map(voice => voice.isEmpty ? [] : voice.beats.map(
    beat => ({
      start: beat.absolutePlaybackStart, length: beat.playbackDuration, grace: beat.graceType !== 0,
      notes: beat.notes.map(note => ({pitch: pitch(note), ghost: note.isGhost})),
    }))));
  const bars = score.masterBars.map(bar => [bar.start, bar.calculateDuration()]);
  return {title: score.title, artist: score.artist, tempo: score.tempo, bars, voices};
};
for (const path of process.argv.slice(2)) console.log(JSON.stringify(read(path)));
"""


def installed(folder: Path) -> Path:
    """Return a folder with alphaTab installed; skip where Node.js is missing."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("needs node and npm")
    (folder / "package.json").write_text(json.dumps(_PACKAGE))
    (folder / "read.mjs").write_text(_SCRIPT)
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    subprocess.run(command, cwd=folder, check=True, timeout=300)
    return folder


def scores(folder: Path, files: list[Path]) -> list[dict[str, Any]]:
    """Return what alphaTab reads from each file, all in one run."""
    command = ["node", "read.mjs", *map(str, files)]
    result = subprocess.run(command, cwd=folder, check=True, timeout=300, capture_output=True, text=True)
    return [json.loads(line) for line in result.stdout.splitlines()]
