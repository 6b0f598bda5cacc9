/**
 * Scores the Numenta Anomaly Benchmark's files with `tidemill score` and prints the NAB score of each profile as JSON.
 * After `npm run build`:
 *
 *     node bench/nab.js DATA_DIR [--model FILE] [--scores DIR]
 *
 * Scores by whatever serves the stream, or by a model file. `--scores` keeps the scores for NAB's own tools.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath, URL } from 'node:url'
import { parseArgs } from 'node:util'
import { nabEvents, nabSeries, scoresBySeries, writeScores } from './nab/series.js'

const { nabScore, profiles } = await import(new URL('../dist/bench/nab-score.js', import.meta.url).href)
const { positionals, values: options } = parseArgs({
  allowPositionals: true,
  options: { model: { type: 'string' }, scores: { type: 'string' } },
})
const [directory] = positionals
if (directory === undefined) {
  process.stderr.write('usage: node bench/nab.js DATA_DIR [--model FILE] [--scores DIR]\n')
  process.exit(2)
}

const series = nabSeries(directory)
const scratch = mkdtempSync(join(tmpdir(), 'tidemill-nab-'))
try {
  const { summary, scored } = await score()
  const scores = scoresBySeries(series, scored)
  if (options.scores !== undefined) writeScores(options.scores, series, scores)
  const results = Object.entries(profiles).map(([profile, weights]) => [profile, nabScore(series, scores, weights)])
  const { version, events, late, elapsedMs } = summary
  const report = {
    stream: 'infra-metric',
    version,
    files: series.length,
    events,
    late,
    elapsedMs,
    profiles: Object.fromEntries(results),
  }
  process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`)
} finally {
  rmSync(scratch, { recursive: true })
}

/** Runs the command on all series at once. */
async function score() {
  const [events, predictions] = [join(scratch, 'events.ndjson'), join(scratch, 'predictions.ndjson')]
  writeFileSync(
    events,
    nabEvents(series)
      .map((event) => `${JSON.stringify(event)}\n`)
      .join(''),
  )
  const summary = await tidemill([
    'score',
    '--stream',
    'infra-metric',
    '--in',
    events,
    '--out',
    predictions,
    '--json',
    ...(options.model === undefined ? [] : ['--model', options.model]),
  ])
  const lines = readFileSync(predictions, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
  /** @returns {readonly [string, number]} */
  const scoreOf = (/** @type {string} */ line) => {
    const prediction = JSON.parse(line)
    return [prediction.event_id, prediction.score]
  }
  return { summary, scored: lines.map(scoreOf) }
}

/**
 * What the command printed, parsed.
 * @param {string[]} args
 */
async function tidemill(args) {
  const child = spawn(process.execPath, [fileURLToPath(new URL('../dist/main.js', import.meta.url)), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  child.stdout.on('data', (piece) => (printed += piece))
  const code = await new Promise((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`tidemill score ended with code ${code}`)
  return JSON.parse(printed)
}
