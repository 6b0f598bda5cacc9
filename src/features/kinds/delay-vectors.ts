import { dropRows, insertRow, makeRoom, NEWEST, rowsOf, startOf, type List, type Memory } from '../memory/memory.js'
import type { Outputs, Part, Surroundings } from './part.js'
import { AS_OF, TIME, type Row } from '../event/row.js'

export interface DelaySource {
  /** Slot of the value among the row's numbers, and slot of the condition among its matches. */
  readonly number: number
  readonly match: number
  /** Values kept. */
  readonly cap: number
  readonly horizonMs: number
}

/**
 * The latest values of a series in log order, and the distance of the delay vector that ends with the event from the
 * earlier delay vectors.
 */
export interface DelayVectors {
  /** Writes the mean distance to the nearest delay vectors into a feature of the vector. */
  read(lags: number, nearest: number, feature: number): void
  build(): Part
}

/** One pass over the values, without an index: 576 pairs of values take about 2 us. */
export function delayVectors(source: DelaySource, around: Surroundings): DelayVectors {
  const { number, match, cap, horizonMs } = source
  const reads: { readonly lags: number; readonly nearest: Float64Array; readonly feature: number }[] = []
  const last = around.builder.cells([-Infinity], ({ nums }) => {
    if (nums[last]! <= nums[NEWEST]! - around.latenessMs - horizonMs) nums[last] = -Infinity
  })
  const list: List = around.builder.list({
    width: 1,
    ints: [],
    floats: [0],
    prune: (memory) => {
      const forgotten = memory.nums[last]! <= memory.nums[NEWEST]! - around.latenessMs - horizonMs
      dropRows(memory, list, 0, rowsOf(memory.nums, list) - (forgotten ? 0 : cap))
    },
  })
  const remembered = ({ nums }: Memory, row: Row): boolean => row.numbers[AS_OF]! - nums[last]! < horizonMs
  const before = (memory: Memory, row: Row, out: Outputs): void => {
    const value = row.numbers[number]!
    if (row.matches[match] === 0 || value !== value || !remembered(memory, row)) return
    const rows = rowsOf(memory.nums, list)
    const kept = Math.min(rows, cap)
    const from = startOf(memory.nums, list) + rows - kept
    for (let i = 0; i < reads.length; i++) {
      const { lags, nearest, feature } = reads[i]!
      if (kept - 2 * lags + 2 >= nearest.length)
        out.vector[feature] = meanDistance(memory.nums, from, kept, value, lags, nearest)
    }
  }
  const add = (memory: Memory, row: Row): void => {
    const value = row.numbers[number]!
    if (row.matches[match] === 0 || value !== value) return
    if (!remembered(memory, row)) dropRows(memory, list, 0, rowsOf(memory.nums, list))
    makeRoom(memory, around.layout(), list)
    memory.nums[insertRow(memory, list, rowsOf(memory.nums, list))] = value
    memory.nums[last] = row.numbers[TIME]!
  }
  return {
    read: (lags, nearest, feature) => void reads.push({ lags, nearest: new Float64Array(nearest), feature }),
    build: () => ({ before, add }),
  }
}

/**
 * Mean Euclidean distance from (the last lags - 1 of the `kept` values at `from`, `value`) to its nearest neighbours
 * among the vectors of `lags` values that share none with it. There must be enough of them. `nearest` is scratch space
 * with one element per neighbour.
 */
function meanDistance(
  nums: Float64Array,
  from: number,
  kept: number,
  value: number,
  lags: number,
  nearest: Float64Array,
): number {
  nearest.fill(Infinity)
  const end = from + kept
  let farthest = Infinity
  for (let newest = from + lags - 1; newest <= end - lags; newest++) {
    const off = value - nums[newest]!
    let square = off * off
    for (let i = 1; i < lags && square < farthest; i++) {
      const lagged = nums[end - i]! - nums[newest - i]!
      square += lagged * lagged
    }
    if (square < farthest) farthest = insert(nearest, square)
  }
  let sum = 0
  for (let i = 0; i < nearest.length; i++) sum += Math.sqrt(nearest[i]!)
  return sum / nearest.length
}

/** Inserts a number into ascending ones, drops the largest, and returns the largest that is left. */
function insert(ascending: Float64Array, number: number): number {
  let i = ascending.length - 1
  for (; i > 0 && ascending[i - 1]! > number; i--) ascending[i] = ascending[i - 1]!
  ascending[i] = number
  return ascending[ascending.length - 1]!
}
