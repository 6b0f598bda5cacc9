/**
 * Scores the Numenta Anomaly Benchmark's files with `tidemill score` and prints the NAB score of each profile as JSON.
 * After `npm run build`:
 *
 *     node bench/nab.js DATA_DIR [--model FILE] [--scores DIR]
 *
 * Scores by whatever serves the stream, or by a model file. `--scores` keeps the scores for NAB's own tools.
 */
import process from 'node:process'
import { URL } from 'node:url'
import { parseArgs } from 'node:util'
import { daysOf, quietRows } from './nab/quiet.js'
import { score } from './nab/run.js'
import { nabEvents, nabSeries, scoresBySeries, writeScores } from './nab/series.js'

const { leaveOneOut, nabScore, profiles } = await import(new URL('../dist/bench/nab-score.js', import.meta.url).href)
const { calibrationOf } = await import(new URL('../dist/bench/nab-uniform.js', import.meta.url).href)
const { infraMetric } = await import(new URL('../dist/streams/built-in/infra-metric.js', import.meta.url).href)
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
const { summary, predictions } = await score(nabEvents(series), options.model)
const scores = scoresBySeries(
  series,
  predictions.map(({ event_id: id, score: value }) => [id, value]),
)
if (options.scores !== undefined) writeScores(options.scores, series, scores)
const { version, events, late, elapsedMs } = summary
const report = {
  stream: 'infra-metric',
  version,
  files: series.length,
  events,
  late,
  elapsedMs,
  // The levels of the heuristic, which no label chose.
  levels: Object.fromEntries(
    Object.entries(infraMetric.risk).map(([risk, level]) => [risk, nabScore(series, scores, profiles.standard, level)]),
  ),
  leaveOneOut: leaveOneOut(series, scores),
  profiles: Object.fromEntries(
    Object.entries(profiles).map(([profile, weights]) => [profile, nabScore(series, scores, weights)]),
  ),
  quiet: quietStretches(),
}
process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`)

/** How often the rows outside the windows reach the levels. */
function quietStretches() {
  const byId = new Map(predictions.map((prediction) => [prediction.event_id, prediction]))
  const quiet = series.map((one) => ({ one, rows: quietRows(one) }))
  const samples = quiet.flatMap(({ one, rows }) =>
    rows.map((row) => {
      const { features, risk } = byId.get(`${one.name}#${row}`)
      return { surprise: features.surprise, risk }
    }),
  )
  return calibrationOf(
    samples,
    quiet.reduce((sum, { one, rows }) => sum + daysOf(one, rows), 0),
  )
}
