import { largestOffsetMs, localMs, slotOf, slotsIn } from '../event/calendar.js'
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
import type { Outputs, Part, Surroundings } from './part.js'
import { AS_OF, TIME, type Row } from '../event/row.js'
import { M2, MEAN, N, STATISTICS } from './statistics.js'

export interface SeasonSource {
  readonly number: number
  readonly match: number
  /** Slot of the row's numbers with the UTC offset in minutes, -1 for UTC. */
  readonly offset: number
  readonly period: 'day' | 'week'
  readonly slots: number
}

export type SeasonRead = (row: Row, out: Outputs) => void

/**
 * One row (slot number since 1970, n, mean, M2) for each slot of a day or week that had values. The same slot of an
 * earlier period has a number that is smaller by a multiple of `slots`. A horizon counts whole slots.
 */
export interface Seasons {
  /** First result slot of the statistics of the event's slot, before the event. */
  statistics(horizonMs: number): number
  /** Calls `read` when the statistics are written. */
  read(read: SeasonRead): void
  build(): Part
}

const width = 4

export function seasons(source: SeasonSource, around: Surroundings): Seasons {
  const { period, slots } = source
  const horizons = new Map<number, number>()
  const reads: SeasonRead[] = []
  const local = (row: Row, time: number): number =>
    slotOf(localMs(row.numbers[time]!, source.offset < 0 ? 0 : row.numbers[source.offset]!), period, slots)
  const build = (): Part => {
    const longest = slotsIn(Math.max(...horizons.keys()), period, slots)
    const views = [...horizons].map(([horizonMs, base]) => ({ slots: slotsIn(horizonMs, period, slots), base }))
    const list: List = around.builder.list({
      width,
      ints: [0, 1],
      floats: [2, 3],
      lastTile: (newestMs) => slotOf(newestMs + largestOffsetMs, period, slots),
      prune: (memory) =>
        dropRows(
          memory,
          list,
          0,
          rowsUpTo(
            memory,
            list,
            slotOf(memory.nums[NEWEST]! - around.latenessMs - largestOffsetMs, period, slots) - longest,
          ),
        ),
    })
    const add = (memory: Memory, row: Row): void => {
      const value = row.numbers[source.number]!
      if (row.matches[source.match] === 0 || value !== value) return
      makeRoom(memory, around.layout(), list)
      addTo(memory, list, local(row, TIME), value)
    }
    const before = ({ nums }: Memory, row: Row, out: Outputs): void => {
      const last = local(row, TIME)
      const asOf = local(row, AS_OF)
      for (let i = 0; i < views.length; i++)
        readSeason(nums, list, last, asOf - views[i]!.slots, slots, out.results, views[i]!.base)
      for (let i = 0; i < reads.length; i++) reads[i]!(row, out)
    }
    return { before, add }
  }
  return {
    statistics: (horizonMs) => {
      const base = horizons.get(horizonMs) ?? around.results(STATISTICS)
      horizons.set(horizonMs, base)
      return base
    },
    read: (read) => void reads.push(read),
    build,
  }
}

/** Index of the first row whose slot is at least `slot`. */
function find(nums: Float64Array, list: List, slot: number): number {
  const start = startOf(nums, list)
  let low = 0
  let high = rowsOf(nums, list)
  while (low < high) {
    const middle = (low + high) >>> 1
    if (nums[start + middle * width]! < slot) low = middle + 1
    else high = middle
  }
  return low
}

function addTo(memory: Memory, list: List, slot: number, value: number): void {
  const index = find(memory.nums, list, slot)
  let at = startOf(memory.nums, list) + index * width
  if (index === rowsOf(memory.nums, list) || memory.nums[at] !== slot) {
    at = insertRow(memory, list, index)
    memory.nums[at] = slot
    memory.nums.fill(0, at + 1, at + width)
  }
  const { nums } = memory
  const n = nums[at + 1]! + 1
  const off = value - nums[at + 2]!
  const step = off / n
  nums[at + 1] = n
  nums[at + 2]! += step
  nums[at + 3]! += off * (off - step)
}

/** Merges the slots last, last - stride, ... above `bound` (Chan, Golub and LeVeque). */
function readSeason(
  nums: Float64Array,
  list: List,
  last: number,
  bound: number,
  stride: number,
  results: Float64Array,
  base: number,
): void {
  const start = startOf(nums, list)
  const rows = rowsOf(nums, list)
  let n = 0
  let mean = 0
  let m2 = 0
  for (let slot = last; slot > bound; slot -= stride) {
    const index = find(nums, list, slot)
    const at = start + index * width
    if (index === rows || nums[at] !== slot) continue
    const more = nums[at + 1]!
    const off = nums[at + 2]! - mean
    // Exact for the first slot, so that equal values have a deviation of 0.
    const step = n === 0 ? off : (off * more) / (n + more)
    mean += step
    m2 += nums[at + 3]! + off * step * n
    n += more
  }
  results[base + N] = n
  results[base + MEAN] = mean
  results[base + M2] = m2
}
