// Reads every .osu file of a list as osu! does, and prints what it finds as JSON.
import { readFileSync } from 'node:fs'
import { BeatmapDecoder } from 'osu-parsers'
import { ManiaRuleset } from 'osu-mania-stable'

const decoder = new BeatmapDecoder()
const ruleset = new ManiaRuleset()

function read(path) {
  const map = decoder.decodeFromString(readFileSync(path, 'utf8'))
  const mania = ruleset.applyToBeatmap(map)
  return {
    mode: map.mode, columns: mania.totalColumns,
    title: map.metadata.titleUnicode, romanised: map.metadata.title, artist: map.metadata.artistUnicode,
    creator: map.metadata.creator, version: map.metadata.version,
    audio: map.general.audioFilename, preview: map.general.previewTime, bookmarks: map.editor.bookmarks,
    notes: mania.hitObjects.map((note) => [note.startTime, note.column, note.samples[0].volume,
      note.samples.map((sample) => sample.hitSound)]),
    points: map.controlPoints.timingPoints.map((point) => [point.startTime, point.beatLength, point.timeSignature]),
  }
}

console.log(JSON.stringify(JSON.parse(readFileSync(0, 'utf8')).map(read)))
