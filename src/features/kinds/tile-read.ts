import { rowsOf, startOf, type List } from '../memory/memory.js'
import { M2, MAX, MEAN, MIN, N, SUM } from './statistics.js'
import { lost, meanOf, meansApart, totalOf } from './sums.js'

/** Columns of one source in a row, as distances from the row's start; -1 for a column that is not kept. */
export interface Series {
  readonly number: number
  readonly match: number
  readonly n: number
  /** Sum, and in the next column what it lost to rounding. */
  readonly sum: number
  readonly m2: number
  readonly min: number
  readonly max: number
}

/** A series, the indices of its windows (ascending by length), and the first result slot of each window. */
export interface SeriesRead extends Series {
  readonly windows: readonly number[]
  readonly bases: readonly number[]
}

/**
 * Reads windows ending with tile `last` from a list ordered by tile: window k covers the tiles (asOf - tiles[k], last].
 * The windows of one series are nested. So it reads the rows once, from newest to oldest, and writes the statistics at
 * the end of each window. `bounds` is scratch space with one element per window.
 */
export function readTiles(
  nums: Float64Array,
  list: List,
  last: number,
  asOf: number,
  tiles: readonly number[],
  bounds: Int32Array,
  reads: readonly SeriesRead[],
  results: Float64Array,
): void {
  const { width } = list
  const start = startOf(nums, list)
  let newest = rowsOf(nums, list) - 1
  while (newest >= 0 && nums[start + newest * width]! > last) newest--
  let row = newest
  for (let k = 0; k < tiles.length; k++) {
    const low = asOf - tiles[k]!
    while (row >= 0 && nums[start + row * width]! > low) row--
    bounds[k] = row + 1
  }
  for (let i = 0; i < reads.length; i++) readSeries(nums, start, width, newest, bounds, reads[i]!, results)
}

function readSeries(
  nums: Float64Array,
  start: number,
  width: number,
  newest: number,
  bounds: Int32Array,
  read: SeriesRead,
  results: Float64Array,
): void {
  if (read.number < 0) countSeries(nums, start, width, newest, bounds, read, results)
  else mergeSeries(nums, start, width, newest, bounds, read, results)
}

function countSeries(
  nums: Float64Array,
  start: number,
  width: number,
  newest: number,
  bounds: Int32Array,
  { n: nAt, windows, bases }: SeriesRead,
  results: Float64Array,
): void {
  let at = start + newest * width + nAt
  let n = 0
  for (let k = 0; k < windows.length; k++) {
    const end = start + bounds[windows[k]!]! * width
    for (; at >= end; at -= width) n += nums[at]!
    results[bases[k]! + N] = n
  }
}

/** Merges n, sum and M2 of tiles by Chan, Golub and LeVeque (1979); never by sums of squares. */
function mergeSeries(
  nums: Float64Array,
  start: number,
  width: number,
  newest: number,
  bounds: Int32Array,
  read: SeriesRead,
  results: Float64Array,
): void {
  const { n: nAt, sum: sumAt, m2: m2At, min: minAt, max: maxAt, windows, bases } = read
  let at = start + newest * width
  let n = 0
  let sum = 0
  let rest = 0
  let m2 = 0
  let min = Infinity
  let max = -Infinity
  for (let k = 0; k < windows.length; k++) {
    const end = start + bounds[windows[k]!]! * width
    for (; at >= end; at -= width) {
      const more = nums[at + nAt]!
      if (more === 0) continue
      if (sumAt >= 0) {
        const [tileSum, tileRest] = [nums[at + sumAt]!, nums[at + sumAt + 1]!]
        if (m2At >= 0) {
          const off = n === 0 ? 0 : meansApart(n, sum, rest, more, tileSum, tileRest)
          m2 += nums[at + m2At]! + off * off * ((n * more) / (n + more))
        }
        const total = sum + tileSum
        rest += lost(sum, tileSum, total) + tileRest
        sum = total
      }
      if (minAt >= 0 && nums[at + minAt]! < min) min = nums[at + minAt]!
      if (maxAt >= 0 && nums[at + maxAt]! > max) max = nums[at + maxAt]!
      n += more
    }
    const base = bases[k]!
    results[base + N] = n
    results[base + SUM] = totalOf(sum, rest)
    results[base + MEAN] = meanOf(n, sum, rest)
    results[base + M2] = m2
    results[base + MIN] = min
    results[base + MAX] = max
  }
}
