// Reads every chart and song folder that a list names, as Clone Hero does, and prints what it finds as JSON.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseChartFile, scanChartFolder } from 'scan-chart'

const modifiers = { song_length: 0, hopo_frequency: 0, eighthnote_hopo: false, multiplier_note: 0, sustain_cutoff_threshold: -1,
  chord_snap_threshold: 0, five_lane_drums: false, pro_drums: true }
const job = JSON.parse(readFileSync(0, 'utf8'))
const out = { files: {}, folders: {} }
for (const path of job.files ?? []) {
  const kind = path.endsWith('.mid') ? 'mid' : 'chart'
  const parsed = parseChartFile(new Uint8Array(readFileSync(path)), kind, modifiers)
  out.files[path] = {
    sections: parsed.sections.map((s) => [s.msTime, s.name]),
    levels: Object.fromEntries(parsed.trackData.filter((t) => t.instrument === 'drums').map((t) => [t.difficulty, {
      notes: t.noteEventGroups.flat().map((n) => [n.msTime, n.type, n.flags]),
      starPower: t.starPowerSections.map((s) => [s.msTime, s.msLength]),
    }])),
  }
}
for (const path of job.folders ?? []) {
  const files = readdirSync(path).map((name) => ({ fileName: name, data: new Uint8Array(readFileSync(join(path, name))) }))
  const found = scanChartFolder(files)
  out.folders[path] = {
    playable: found.playable, folderIssues: found.folderIssues, metadataIssues: found.metadataIssues,
    chartIssues: found.notesData?.chartIssues, drumType: found.notesData?.drumType,
    has2xKick: found.notesData?.has2xKick, noteCounts: found.notesData?.noteCounts, name: found.name, artist: found.artist,
  }
}
console.log(JSON.stringify(out))
