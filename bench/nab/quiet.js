/** Series without known anomalies, and the stretches without them of series with known ones. */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

/** @typedef {import('./series.js').NabSeries} NabSeries */

const startMs = Date.UTC(2013, 0, 1)

/**
 * The columns of a CSV file as series: one row each `stepMinutes`, empty cells left out.
 * @param {string} path a CSV file, or one that gzip compressed
 * @param {number} stepMinutes
 * @param {readonly string[]} [columns] all but the first by default
 * @returns {readonly NabSeries[]}
 */
export function quietSeries(path, stepMinutes, columns) {
  const bytes = readFileSync(path)
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')
  const [header = [], ...rows] = text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(','))
  return (columns ?? header.slice(1)).map((name) => {
    const at = header.indexOf(name)
    if (at < 0) throw new Error(`${path} has no column '${name}'; its columns are ${header.join(', ')}`)
    const cells = rows.flatMap((row, i) => (row[at] === '' ? [] : [{ i, value: Number(row[at]) }]))
    const timesMs = cells.map(({ i }) => startMs + i * stepMinutes * 60_000)
    return {
      name,
      rows: cells.length,
      windows: [],
      stamps: timesMs.map((ms) => new Date(ms).toISOString().slice(0, 19)),
      timesMs,
      values: cells.map(({ value }) => value),
    }
  })
}

/**
 * Rows that count as quiet: not among the first 15 % (at most those of 5,000 rows), in no labelled window, and not
 * within one window length after it.
 * @param {NabSeries} series
 * @returns {readonly number[]}
 */
export function quietRows({ rows, windows }) {
  const first = Math.floor(0.15 * Math.min(rows, 5_000))
  return Array.from({ length: rows - first }, (_, i) => first + i).filter((row) =>
    windows.every(([from, to]) => row < from || row > to + (to - from)),
  )
}

/**
 * How many days these rows take, if each takes the usual time between two.
 * @param {NabSeries} series
 * @param {readonly number[]} rows
 */
export function daysOf({ timesMs }, rows) {
  const steps = timesMs.slice(1).map((ms, i) => ms - (timesMs[i] ?? ms))
  const usual = steps.sort((a, b) => a - b)[steps.length >> 1] ?? 0
  return (rows.length * usual) / 86_400_000
}
