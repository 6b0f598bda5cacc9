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
import type { Outputs, Part, Read, Surroundings } from './part.js'
import { AS_OF, TIME, type Row } from '../event/row.js'
import { M2, MAX, MEAN, MIN, N, STATISTICS, SUM, type Need } from './statistics.js'
import { lost, meanOf, totalOf } from './sums.js'

/** What a pair contains beside the time: a number, a column's code, or nothing. */
export interface PairSource {
  readonly kind: 'number' | 'code' | 'time'
  readonly slot: number
  readonly match: number
}

export interface PairWindow {
  readonly windowMs: number
  /** Only this many of the newest pairs count. */
  readonly cap: number
  readonly prior: boolean
}

/** Reads rows [from, to) of the list that starts at `start`. A row is a time, then a value. */
export type RangeRead = (nums: Float64Array, start: number, from: number, to: number, row: Row, out: Outputs) => void

interface View extends PairWindow {
  readonly reads: RangeRead[]
}

/**
 * (time, value) pairs of one source, ordered by time and, for equal times, by arrival. All windows share the list.
 */
export interface PairList {
  /** First of the result slots that receive the window's statistics. */
  statistics(window: PairWindow, needs: readonly Need[]): number
  read(window: PairWindow, read: RangeRead): void
  build(): Part
}

export function pairList(source: PairSource, around: Surroundings): PairList {
  const views = new Map<string, View>()
  const needed = new Map<string, { readonly base: number; readonly needs: Set<Need> }>()
  const viewOf = (window: PairWindow): View => {
    const key = JSON.stringify([window.windowMs, window.cap, window.prior])
    const view = views.get(key) ?? { ...window, reads: [] }
    views.set(key, view)
    return view
  }
  return {
    statistics: (window, needs) => {
      const key = JSON.stringify([window.windowMs, window.cap, window.prior])
      const known = needed.get(key) ?? { base: around.results(STATISTICS), needs: new Set<Need>() }
      if (!needed.has(key))
        viewOf(window).reads.unshift(statisticsRead(known.base, known.needs, source.kind === 'time' ? 1 : 2))
      needs.forEach((need) => known.needs.add(need))
      needed.set(key, known)
      return known.base
    },
    read: (window, read) => void viewOf(window).reads.push(read),
    build: () => built(source, around, [...views.values()]),
  }
}

function built(source: PairSource, around: Surroundings, views: readonly View[]): Part {
  const width = source.kind === 'time' ? 1 : 2
  const cap = Math.max(...views.map((view) => view.cap))
  const windowMs = Math.max(...views.map((view) => view.windowMs))
  const list: List = around.builder.list({
    width,
    ints: [],
    floats: width === 1 ? [0] : [0, 1],
    prune: (memory) => {
      const below = rowsUpTo(memory, list, memory.nums[NEWEST]! - around.latenessMs - windowMs)
      dropRows(memory, list, 0, Math.max(below, rowsOf(memory.nums, list) - cap))
    },
  })
  const add = (memory: Memory, row: Row): void => {
    if (row.matches[source.match] === 0) return
    const value =
      source.kind === 'number' ? row.numbers[source.slot]! : source.kind === 'code' ? row.codes[source.slot]! : 0
    if (value !== value) return
    makeRoom(memory, around.layout(), list)
    const at = insertRow(memory, list, rowsUntil(memory, list, row.numbers))
    memory.nums[at] = row.numbers[TIME]!
    if (width === 2) memory.nums[at + 1] = value
  }
  const reading = (prior: boolean): Read | undefined => {
    const mine = views.filter((view) => view.prior === prior)
    if (mine.length === 0) return undefined
    return (memory, row, out) => {
      const { nums } = memory
      const end = rowsUntil(memory, list, row.numbers)
      for (let i = 0; i < mine.length; i++) {
        const view = mine[i]!
        const kept = Math.max(0, Math.min(end, rowsOf(nums, list) - view.cap))
        const from = rowAfter(nums, list, kept, end, row.numbers, view.windowMs)
        for (let k = 0; k < view.reads.length; k++) view.reads[k]!(nums, startOf(nums, list), from, end, row, out)
      }
    }
  }
  return { before: reading(true), add, after: reading(false) }
}

/** Number of rows up to and including the row's time. Searches from the newest, because most events are the newest. */
function rowsUntil(memory: Memory, list: List, numbers: Float64Array): number {
  const { nums } = memory
  const start = startOf(nums, list)
  const timeMs = numbers[TIME]!
  let index = rowsOf(nums, list)
  while (index > 0 && nums[start + (index - 1) * list.width]! > timeMs) index--
  return index
}

/** The first of the rows [from, to) within the window; `to` if there is none. */
function rowAfter(
  nums: Float64Array,
  list: List,
  from: number,
  to: number,
  numbers: Float64Array,
  windowMs: number,
): number {
  const start = startOf(nums, list)
  const bound = numbers[AS_OF]! - windowMs
  let low = from
  let high = to
  while (low < high) {
    const middle = (low + high) >>> 1
    if (nums[start + middle * list.width]! > bound) high = middle
    else low = middle + 1
  }
  return low
}

/** n, sum and mean of the values, M2 in a second pass around the mean. */
function statisticsRead(base: number, needs: ReadonlySet<Need>, width: number): RangeRead {
  return (nums, start, from, to, _, { results }) => {
    results[base + N] = to - from
    if (width === 1 || needs.size === 0) return
    let sum = 0
    let rest = 0
    let min = Infinity
    let max = -Infinity
    for (let i = from; i < to; i++) {
      const value = nums[start + i * width + 1]!
      const total = sum + value
      rest += lost(sum, value, total)
      sum = total
      if (value < min) min = value
      if (value > max) max = value
    }
    const mean = meanOf(to - from, sum, rest)
    let m2 = 0
    if (needs.has('moments')) {
      for (let i = from; i < to; i++) {
        const off = nums[start + i * width + 1]! - mean
        m2 += off * off
      }
    }
    results[base + SUM] = totalOf(sum, rest)
    results[base + MEAN] = mean
    results[base + M2] = m2
    results[base + MIN] = min
    results[base + MAX] = max
  }
}
