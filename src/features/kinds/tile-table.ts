import {
  dropRows,
  insertRow,
  makeRoom,
  NEWEST,
  rowsOf,
  rowsUpTo,
  startOf,
  type List,
  type Memory,
} from '../memory/memory.js'
import type { Part, Read, Surroundings } from './part.js'
import { AS_OF, TIME, type Row } from '../event/row.js'
import { distanceFromMean, lost } from './sums.js'
import { readTiles, type Series, type SeriesRead } from './tile-read.js'
import { Requests, STATISTICS, type WindowRequest } from './statistics.js'

interface View {
  readonly source: string
  readonly tiles: number
  readonly prior: boolean
  readonly base: number
}

/** All tiled windows of one entity with one tile width: a row for each tile that has events, the oldest first. */
export interface TileTable {
  /** First of the result slots that receive the window's statistics. */
  request(request: WindowRequest): number
  build(): Part
}

export function tileTable(tileMs: number, around: Surroundings): TileTable {
  const requests = new Requests<View>()
  return {
    request: ({ source, windowMs, prior, needs }) => {
      const key = requests.source(source, needs)
      const tiles = Math.round(windowMs / tileMs)
      return requests.view(`${key} ${tiles} ${prior}`, () => ({
        source: key,
        tiles,
        prior,
        base: around.results(STATISTICS),
      })).base
    },
    build: () => built(tileMs, around, requests),
  }
}

function built(tileMs: number, around: Surroundings, requests: Requests<View>): Part {
  const { series, bySource, width, blankRow } = columnsOf(requests)
  const longest = Math.max(...[...requests.views.values()].map((view) => view.tiles))
  const floorTile = (memory: Memory): number =>
    Math.floor((memory.nums[NEWEST]! - around.latenessMs) / tileMs) - longest
  const list: List = around.builder.list({
    width,
    ints: [0, ...series.map((one) => one.n)],
    floats: range(1, width).filter((column) => !series.some((one) => one.n === column)),
    lastTile: (newestMs) => Math.floor(newestMs / tileMs),
    prune: (memory) => dropRows(memory, list, 0, rowsUpTo(memory, list, floorTile(memory))),
  })
  const add = (memory: Memory, row: Row): void => {
    const { numbers, matches } = row
    let at = -1
    for (let i = 0; i < series.length; i++) {
      const one = series[i]!
      if (matches[one.match] === 0) continue
      const value = one.number < 0 ? 0 : numbers[one.number]!
      if (value !== value) continue
      if (at < 0) at = rowOf(memory, Math.floor(numbers[TIME]! / tileMs))
      addValue(memory.nums, at, one, value)
    }
  }
  const rowOf = (memory: Memory, tile: number): number => {
    makeRoom(memory, around.layout(), list)
    const { nums } = memory
    const start = startOf(nums, list)
    let index = rowsOf(nums, list)
    while (index > 0 && nums[start + (index - 1) * width]! > tile) index--
    if (index > 0 && nums[start + (index - 1) * width] === tile) return start + (index - 1) * width
    const at = insertRow(memory, list, index)
    for (let column = 0; column < width; column++) memory.nums[at + column] = blankRow[column]!
    memory.nums[at] = tile
    return at
  }
  const reading = (prior: boolean): Read | undefined => {
    const views = [...requests.views.values()].filter((view) => view.prior === prior)
    const tiles = [...new Set(views.map((view) => view.tiles))].sort((a, b) => a - b)
    const reads: SeriesRead[] = [...bySource].map(([source, one]) => {
      const own = views.filter((view) => view.source === source).sort((a, b) => a.tiles - b.tiles)
      return { ...one, windows: own.map((view) => tiles.indexOf(view.tiles)), bases: own.map((view) => view.base) }
    })
    const needed = reads.filter((read) => read.windows.length > 0)
    if (needed.length === 0) return undefined
    const bounds = new Int32Array(tiles.length)
    return (memory, row, out) =>
      readTiles(
        memory.nums,
        list,
        Math.floor(row.numbers[TIME]! / tileMs),
        Math.floor(row.numbers[AS_OF]! / tileMs),
        tiles,
        bounds,
        needed,
        out.results,
      )
  }
  return { before: reading(true), add, after: reading(false) }
}

function columnsOf(requests: Requests<View>) {
  const blankRow: number[] = [0]
  const bySource = new Map<string, Series>()
  for (const [key, { source, needs }] of requests.wanted) {
    const column = (initial: number): number => blankRow.push(initial) - 1
    const n = column(0)
    // The same columns whichever of these a feature needs, so that no feature's value depends on its neighbours.
    const sum = needs.has('sum') || needs.has('mean') || needs.has('moments') ? column(0) : -1
    if (sum >= 0) column(0)
    bySource.set(key, {
      ...source,
      n,
      sum,
      m2: needs.has('moments') ? column(0) : -1,
      min: needs.has('min') ? column(Infinity) : -1,
      max: needs.has('max') ? column(-Infinity) : -1,
    })
  }
  return { series: [...bySource.values()], bySource, width: blankRow.length, blankRow }
}

/** Adds one value; M2 by Welford (1962), from the distance to the mean before. */
function addValue(nums: Float64Array, at: number, one: Series, value: number): void {
  const n = nums[at + one.n]!
  nums[at + one.n] = n + 1
  if (one.sum >= 0) {
    const sum = nums[at + one.sum]!
    if (one.m2 >= 0 && n > 0) {
      const off = distanceFromMean(value, n, sum, nums[at + one.sum + 1]!)
      nums[at + one.m2]! += off * off * (n / (n + 1))
    }
    const total = sum + value
    nums[at + one.sum] = total
    nums[at + one.sum + 1]! += lost(sum, value, total)
  }
  if (one.min >= 0 && value < nums[at + one.min]!) nums[at + one.min] = value
  if (one.max >= 0 && value > nums[at + one.max]!) nums[at + one.max] = value
}

const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i)
