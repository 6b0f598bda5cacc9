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

/** Counts per tile and value of a code. They show how usual the event's own value is. */
export interface ValueTiles {
  /** Writes into a feature of the vector the share of the window's values that equal the event's own. */
  share(windowMs: number, prior: boolean, feature: number): void
  build(): Part
}

/** A row is a tile, a code and its count. */
const width = 3

/**
 * The most rows kept; above it the oldest are dropped. Without it, a column of unique values would grow without end.
 */
export const valueTileRows = 4_096

interface View {
  readonly tiles: number
  readonly prior: boolean
  readonly feature: number
}

export function valueTiles(
  source: { readonly code: number; readonly match: number; readonly tileMs: number },
  around: Surroundings,
): ValueTiles {
  const views: View[] = []
  const { code, match, tileMs } = source
  const build = (): Part => {
    const longest = Math.max(...views.map((view) => view.tiles))
    const list: List = around.builder.list({
      width,
      ints: [0, 2],
      floats: [1],
      lastTile: (newestMs) => Math.floor(newestMs / tileMs),
      prune: (memory) =>
        dropRows(
          memory,
          list,
          0,
          rowsUpTo(memory, list, Math.floor((memory.nums[NEWEST]! - around.latenessMs) / tileMs) - longest),
        ),
    })
    const add = (memory: Memory, row: Row): void => {
      const value = row.codes[code]!
      if (row.matches[match] === 0 || value !== value) return
      makeRoom(memory, around.layout(), list)
      countIn(memory, list, Math.floor(row.numbers[TIME]! / tileMs), value)
      dropRows(memory, list, 0, rowsOf(memory.nums, list) - valueTileRows)
    }
    const reading = (prior: boolean): Read | undefined => {
      const mine = views.filter((view) => view.prior === prior)
      if (mine.length === 0) return undefined
      return (memory, row, out) => {
        for (let i = 0; i < mine.length; i++) shareOf(memory.nums, list, row, mine[i]!, source, out)
      }
    }
    return { before: reading(true), add, after: reading(false) }
  }
  return {
    share: (windowMs, prior, feature) => void views.push({ tiles: Math.round(windowMs / tileMs), prior, feature }),
    build,
  }
}

function countIn(memory: Memory, list: List, tile: number, code: number): void {
  const { nums } = memory
  const start = startOf(nums, list)
  let index = rowsOf(nums, list)
  while (index > 0 && nums[start + (index - 1) * width]! > tile) index--
  for (let i = index - 1; i >= 0 && nums[start + i * width] === tile; i--) {
    if (nums[start + i * width + 1] !== code) continue
    nums[start + i * width + 2]!++
    return
  }
  const at = insertRow(memory, list, index)
  nums[at] = tile
  nums[at + 1] = code
  nums[at + 2] = 1
}

function shareOf(
  nums: Float64Array,
  list: List,
  row: Row,
  view: View,
  source: { readonly code: number; readonly tileMs: number },
  out: Outputs,
): void {
  const own = row.codes[source.code]!
  if (own !== own) return
  const last = Math.floor(row.numbers[TIME]! / source.tileMs)
  const bound = Math.floor(row.numbers[AS_OF]! / source.tileMs) - view.tiles
  const start = startOf(nums, list)
  const rows = rowsOf(nums, list)
  let all = 0
  let same = 0
  for (let i = 0; i < rows; i++) {
    const at = start + i * width
    if (nums[at]! > last || nums[at]! <= bound) continue
    all += nums[at + 2]!
    if (nums[at + 1] === own) same += nums[at + 2]!
  }
  if (all > 0) out.vector[view.feature] = same / all
}
