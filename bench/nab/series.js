/** Reads the Numenta Anomaly Benchmark's files: `windows.json` and the CSV files (timestamp,value) that it names. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * @typedef {object} NabSeries
 * @property {string} name the file's path under the data folder
 * @property {number} rows
 * @property {readonly (readonly [first: number, last: number])[]} windows row indices, both ends inclusive
 * @property {readonly string[]} stamps
 * @property {readonly number[]} timesMs
 * @property {readonly number[]} values
 */

/**
 * All series, by name; rows in the order of the file, which is not always the order of time.
 * @param {string} directory
 * @returns {readonly NabSeries[]}
 */
export function nabSeries(directory) {
  /** @type {Record<string, [string, string][]>} */
  const labels = JSON.parse(readFileSync(join(directory, 'windows.json'), 'utf8'))
  return Object.keys(labels)
    .sort()
    .map((name) => oneSeries(directory, name, labels[name] ?? []))
}

/**
 * @param {string} directory
 * @param {string} name
 * @param {[string, string][]} labels
 * @returns {NabSeries}
 */
function oneSeries(directory, name, labels) {
  const rows = readFileSync(join(directory, name), 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(','))
  const stamps = rows.map(([stamp = '']) => stamp.slice(0, 19))
  return {
    name,
    rows: rows.length,
    windows: labels.map(([first, last]) => [stamps.indexOf(first.slice(0, 19)), stamps.indexOf(last.slice(0, 19))]),
    stamps,
    timesMs: stamps.map((stamp) => Date.parse(`${stamp.replace(' ', 'T')}Z`)),
    values: rows.map((row) => Number(row[1])),
  }
}

/**
 * All rows as events of the stream `infra-metric`, file by file and each in its own order, which a clock set back by an
 * hour makes not quite that of time. The file is the host, its bare name the metric.
 * @param {readonly NabSeries[]} all
 */
export const nabEvents = (all) => all.flatMap((series) => series.values.map((_, row) => eventOf(series, row)))

/**
 * @param {NabSeries} series
 * @param {number} row
 */
const eventOf = (series, row) => ({
  event_id: `${series.name}#${row}`,
  tenant_id: 'nab',
  host_id: series.name,
  metric: series.name.replace(/^.*\//, '').replace(/\.csv$/, ''),
  measured_at: series.timesMs[row] ?? NaN,
  value: series.values[row] ?? NaN,
})

/**
 * Scores by event id, as one list a series in the order of its rows; 0 where a row has none.
 * @param {readonly NabSeries[]} all
 * @param {Iterable<readonly [id: string, score: number]>} scored
 * @returns {readonly (readonly number[])[]}
 */
export function scoresBySeries(all, scored) {
  const byName = new Map(all.map((one) => [one.name, /** @type {number[]} */ (new Array(one.rows).fill(0))]))
  for (const [id, score] of scored) {
    const [name = '', row] = id.split('#')
    const scores = byName.get(name)
    if (scores !== undefined) scores[Number(row)] = score
  }
  return [...byName.values()]
}

/**
 * Writes scores as NAB's own tools read them, a CSV file a series: timestamp, value, anomaly_score.
 * @param {string} directory
 * @param {readonly NabSeries[]} all
 * @param {readonly (readonly number[])[]} scores
 */
export function writeScores(directory, all, scores) {
  all.forEach((one, i) => {
    const path = join(directory, one.name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(
      path,
      [
        'timestamp,value,anomaly_score',
        ...one.stamps.map((stamp, row) => `${stamp},${one.values[row]},${scores[i]?.[row]}`),
        '',
      ].join('\n'),
    )
  })
}
