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
import type { Reflection, Surroundings } from './part.js'
import { AS_OF, TIME } from '../event/row.js'

export interface PeakSource {
  /** Index in the vector of the feature whose peak is kept. */
  readonly of: number
  readonly match: number
  readonly windowMs: number
  readonly tileMs: number
  readonly feature: number
}

/** A row is a tile and its largest value. */
const width = 2

/** The largest value of a feature in each tile. */
export function peak(source: PeakSource, around: Surroundings): Reflection {
  const { of, match, tileMs, feature } = source
  const tiles = Math.round(source.windowMs / tileMs)
  const tileOf = (timeMs: number): number => Math.floor(timeMs / tileMs)
  const list: List = around.builder.list({
    width,
    ints: [0],
    floats: [1],
    lastTile: tileOf,
    prune: (memory) =>
      dropRows(memory, list, 0, rowsUpTo(memory, list, tileOf(memory.nums[NEWEST]! - around.latenessMs) - tiles)),
  })
  return {
    read: ({ nums }, { numbers }, out) => {
      const [last, bound] = [tileOf(numbers[TIME]!), tileOf(numbers[AS_OF]!) - tiles]
      const start = startOf(nums, list)
      let largest = -Infinity
      for (let i = rowsOf(nums, list) - 1; i >= 0; i--) {
        const tile = nums[start + i * width]!
        if (tile <= bound) break
        if (tile <= last) largest = Math.max(largest, nums[start + i * width + 1]!)
      }
      if (largest > -Infinity) out.vector[feature] = largest
    },
    add: (memory, { numbers, matches }, out) => {
      const value = out.vector[of]!
      if (matches[match] === 0 || value !== value) return
      makeRoom(memory, around.layout(), list)
      raise(memory, list, tileOf(numbers[TIME]!), value)
    },
  }
}

function raise(memory: Memory, list: List, tile: number, value: number): void {
  const start = startOf(memory.nums, list)
  let index = rowsOf(memory.nums, list)
  while (index > 0 && memory.nums[start + (index - 1) * width]! > tile) index--
  const at = start + (index - 1) * width
  if (index > 0 && memory.nums[at] === tile) return void (memory.nums[at + 1] = Math.max(memory.nums[at + 1]!, value))
  const inserted = insertRow(memory, list, index)
  memory.nums[inserted] = tile
  memory.nums[inserted + 1] = value
}
