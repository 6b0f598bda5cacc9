import { dropRows, insertRow, makeRoom, NEWEST, type List, type Memory, rowsOf, startOf } from '../memory/memory.js'
import type { Part, Read, Surroundings } from './part.js'
import { AS_OF, TIME, type Row } from '../event/row.js'

/** The distinct values of one code, each with its latest time. */
export interface LastSeen {
  /** Writes the count of the window into a feature of the vector. */
  count(windowMs: number, prior: boolean, feature: number): void
  build(): Part
}

interface View {
  readonly windowMs: number
  readonly prior: boolean
  readonly feature: number
}

/**
 * At most `cap` rows (time, code) in the order in which the log last contained them: a value that comes again moves to
 * the end. When there are too many, the row with the oldest time is dropped.
 */
export function lastSeen(
  source: { readonly code: number; readonly match: number; readonly cap: number },
  around: Surroundings,
): LastSeen {
  const views: View[] = []
  return {
    count: (windowMs, prior, feature) => void views.push({ windowMs, prior, feature }),
    build: () => {
      const windowMs = Math.max(...views.map((view) => view.windowMs))
      const list: List = around.builder.list({
        width: 2,
        ints: [],
        floats: [0, 1],
        prune: (memory) => dropSeenUpTo(memory, list, memory.nums[NEWEST]! - around.latenessMs - windowMs),
      })
      const add = (memory: Memory, row: Row): void => {
        const code = row.codes[source.code]!
        if (row.matches[source.match] === 0 || code !== code) return
        touch(memory, list, row.codes, source.code, row.numbers, around)
        if (rowsOf(memory.nums, list) > source.cap) dropOldest(memory, list)
      }
      const reading = (prior: boolean): Read | undefined => {
        const mine = views.filter((view) => view.prior === prior)
        if (mine.length === 0) return undefined
        return (memory, row, { vector }) => {
          for (let i = 0; i < mine.length; i++) {
            const { windowMs, feature } = mine[i]!
            vector[feature] = seenAfter(memory.nums, list, row.numbers, windowMs)
          }
        }
      }
      return { before: reading(true), add, after: reading(false) }
    },
  }
}

function touch(
  memory: Memory,
  list: List,
  codes: Float64Array,
  slot: number,
  numbers: Float64Array,
  around: Surroundings,
): void {
  const { nums } = memory
  const code = codes[slot]!
  const timeMs = numbers[TIME]!
  const start = startOf(nums, list)
  const end = start + rowsOf(nums, list) * 2
  let at = end - 2
  while (at >= start && nums[at + 1] !== code) at -= 2
  if (at >= start) {
    const latest = Math.max(timeMs, nums[at]!)
    if (at < end - 2) nums.copyWithin(at, at + 2, end)
    nums[end - 2] = latest
    nums[end - 1] = code
    return
  }
  makeRoom(memory, around.layout(), list)
  const row = insertRow(memory, list, rowsOf(memory.nums, list))
  memory.nums[row] = timeMs
  memory.nums[row + 1] = code
}

/** Drops the row with the oldest time; of equal times the first row. */
function dropOldest(memory: Memory, list: List): void {
  const { nums } = memory
  const start = startOf(nums, list)
  const rows = rowsOf(nums, list)
  let oldest = 0
  for (let i = 1; i < rows; i++) if (nums[start + i * 2]! < nums[start + oldest * 2]!) oldest = i
  dropRows(memory, list, oldest, 1)
}

function dropSeenUpTo(memory: Memory, list: List, boundMs: number): void {
  const { nums } = memory
  const start = startOf(nums, list)
  const rows = rowsOf(nums, list)
  let kept = 0
  for (let i = 0; i < rows; i++) {
    if (nums[start + i * 2]! <= boundMs) continue
    nums[start + kept * 2] = nums[start + i * 2]!
    nums[start + kept * 2 + 1] = nums[start + i * 2 + 1]!
    kept++
  }
  nums[list.head + 1] = kept
}

function seenAfter(nums: Float64Array, list: List, numbers: Float64Array, windowMs: number): number {
  const boundMs = numbers[AS_OF]! - windowMs
  const start = startOf(nums, list)
  const end = start + rowsOf(nums, list) * 2
  let count = 0
  for (let at = start; at < end; at += 2) if (nums[at]! > boundMs) count++
  return count
}
