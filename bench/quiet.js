/**
 * Scores series without anomalies with `tidemill score` and prints how often the levels of risk are reached, compared
 * with what they promise, as JSON. After `npm run build`:
 *
 *     node bench/quiet.js FILE.csv --step MINUTES [--columns A,B]
 *
 * The file has a header and one row each step. Its first column is left out, unless `--columns` names it.
 */
import process from 'node:process'
import { URL } from 'node:url'
import { parseArgs } from 'node:util'
import { daysOf, quietRows, quietSeries } from './nab/quiet.js'
import { score } from './nab/run.js'
import { nabEvents } from './nab/series.js'

const { calibrationOf } = await import(new URL('../dist/bench/nab-uniform.js', import.meta.url).href)
const { positionals, values: options } = parseArgs({
  allowPositionals: true,
  options: { step: { type: 'string' }, columns: { type: 'string' } },
})
const [path] = positionals
if (path === undefined || !(Number(options.step) > 0)) {
  process.stderr.write('usage: node bench/quiet.js FILE.csv --step MINUTES [--columns A,B]\n')
  process.exit(2)
}

const all = quietSeries(path, Number(options.step), options.columns?.split(','))
const { predictions } = await score(nabEvents(all), undefined)
const byId = new Map(predictions.map((prediction) => [prediction.event_id, prediction]))
const report = all.map((series) => {
  const rows = quietRows(series)
  const samples = rows.map((row) => {
    const { features, risk } = byId.get(`${series.name}#${row}`)
    return { surprise: features.surprise, risk }
  })
  return [series.name, calibrationOf(samples, daysOf(series, rows))]
})
process.stdout.write(`${JSON.stringify(Object.fromEntries(report), undefined, 2)}\n`)
