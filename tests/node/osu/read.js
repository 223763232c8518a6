// Print what osu-parsers and osu-mania-stable make of the .osu files named on standard input, as JSON.
const fs = require("fs");
const { BeatmapDecoder } = require("osu-parsers");
const { ManiaRuleset } = require("osu-mania-stable");

const decoder = new BeatmapDecoder();
const ruleset = new ManiaRuleset();

function read(path) {
  const map = decoder.decodeFromString(fs.readFileSync(path, "utf-8"));
  const mania = ruleset.applyToBeatmap(map);
  return {
    mode: map.mode,
    columns: mania.totalColumns,
    title: map.metadata.titleUnicode,
    romanised: map.metadata.title,
    artist: map.metadata.artistUnicode,
    creator: map.metadata.creator,
    version: map.metadata.version,
    audio: map.general.audioFilename,
    preview: map.general.previewTime,
    bookmarks: map.editor.bookmarks,
    notes: mania.hitObjects.map((note) => [
      note.startTime,
      note.column,
      note.samples[0].volume,
      note.samples.map((sample) => sample.hitSound),
    ]),
    points: map.controlPoints.timingPoints.map((point) => [
      point.startTime,
      point.beatLength,
      point.timeSignature,
    ]),
  };
}

const paths = fs.readFileSync(0, "utf-8").split("\n").filter(Boolean);
process.stdout.write(JSON.stringify(paths.map(read)));
