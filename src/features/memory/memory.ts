import type { Arena } from './arena.js'

/**
 * What is remembered about one entity, as one array of doubles: fixed cells, then lists of rows. Its form is close to
 * that of the stored blob, so that storing and loading are copies.
 *
 * Two times decide what is read. `newest` is the largest event time of the entity. Its floor is newest - lateness: an
 * older event does not count any more. A window is read as of max(event time, floor), so nothing below floor - window
 * is ever read. Dropping it at any time changes no vector. Blobs never contain it.
 */
export interface Memory {
  /** May be longer than the used part. */
  nums: Float64Array
  /** Allocates `nums`. */
  readonly arena: Arena
}

/** The first cell: newest event time, -Infinity for none. */
export const NEWEST = 0

export interface ListShape {
  readonly width: number
  /** Columns with integers from 0, stored in 1, 2 or 4 bytes. */
  readonly ints: readonly number[]
  /** Columns stored as doubles. */
  readonly floats: readonly number[]
  /**
   * For a list ordered by tile in column 0: the largest possible tile, given the newest event time. The blob holds the
   * distance from it.
   */
  readonly lastTile?: (newestMs: number) => number
  /** Drops the rows below the floor and those above the cap. */
  readonly prune: (memory: Memory) => void
}

export interface List extends ListShape {
  /** Cell of the list's first index; its row count and its capacity in rows follow. Known once the layout is sealed. */
  head: number
}

export interface Layout {
  /** Cells that a blob holds. */
  readonly cells: number
  readonly lists: readonly List[]
  /** Index of the first row of the first list. */
  readonly rowsFrom: number
  /** An empty memory. */
  blank(arena: Arena): Float64Array
  /** Clears the cells that are below the floor. */
  forget(memory: Memory): void
}

/** Capacity of each list of a new entity, in rows. */
const firstRows = 2

export class LayoutBuilder {
  readonly #initial: number[] = [-Infinity]
  readonly #lists: List[] = []
  readonly #forget: ((memory: Memory) => void)[] = []

  /** Reserves consecutive cells and returns the index of the first. */
  cells(initial: readonly number[], forget?: (memory: Memory) => void): number {
    if (forget !== undefined) this.#forget.push(forget)
    return this.#initial.push(...initial) - initial.length
  }

  list(shape: ListShape): List {
    const list: List = { ...shape, head: -1 }
    this.#lists.push(list)
    return list
  }

  seal(): Layout {
    const cells = this.#initial.length
    const [lists, forgetters] = [this.#lists, this.#forget]
    lists.forEach((list, i) => (list.head = cells + 3 * i))
    const rowsFrom = cells + 3 * lists.length
    const template = new Float64Array(roomFor(rowsFrom, lists, () => firstRows))
    template.set(this.#initial)
    place(template, rowsFrom, lists, () => firstRows)
    return {
      cells,
      lists,
      rowsFrom,
      blank: (arena) => {
        const nums = arena.take(template.length)
        nums.set(template)
        return nums
      },
      forget: (memory) => {
        for (const forget of forgetters) forget(memory)
      },
    }
  }
}

type CapacityOf = (list: List, index: number) => number

export function roomFor(rowsFrom: number, lists: readonly List[], capacityOf: CapacityOf): number {
  let room = rowsFrom
  for (let i = 0; i < lists.length; i++) room += capacityOf(lists[i]!, i) * lists[i]!.width
  return room
}

/** Writes the start and the capacity of each list; row counts stay unchanged. */
export function place(nums: Float64Array, rowsFrom: number, lists: readonly List[], capacityOf: CapacityOf): void {
  let at = rowsFrom
  for (let i = 0; i < lists.length; i++) {
    const list = lists[i]!
    const capacity = capacityOf(list, i)
    nums[list.head] = at
    nums[list.head + 2] = capacity
    at += capacity * list.width
  }
}

/**
 * The start of a list's rows and their number. `| 0` tells the compiler that they are integers; otherwise it would
 * convert doubles at every access.
 */
export const startOf = (nums: Float64Array, list: List): number => nums[list.head]! | 0
export const rowsOf = (nums: Float64Array, list: List): number => nums[list.head + 1]! | 0

/** Number of rows at the front of an ordered list whose first column is at most `bound`. */
export function rowsUpTo(memory: Memory, list: List, bound: number): number {
  const { nums } = memory
  const start = startOf(nums, list)
  const rows = rowsOf(nums, list)
  let index = 0
  while (index < rows && nums[start + index * list.width]! <= bound) index++
  return index
}

/**
 * Inserts a row at `index` of a list with free capacity and returns the position of its first column. The columns are
 * not cleared.
 */
export function insertRow(memory: Memory, list: List, index: number): number {
  const { nums } = memory
  const rows = rowsOf(nums, list)
  const start = startOf(nums, list)
  const at = start + index * list.width
  if (index < rows) nums.copyWithin(at + list.width, at, start + rows * list.width)
  nums[list.head + 1] = rows + 1
  return at
}

export function dropRows(memory: Memory, list: List, index: number, count: number): void {
  if (count <= 0) return
  const { nums } = memory
  const rows = rowsOf(nums, list)
  const start = startOf(nums, list)
  nums.copyWithin(start + index * list.width, start + (index + count) * list.width, start + rows * list.width)
  nums[list.head + 1] = rows - count
}

/**
 * Makes room for one more row. It prunes a full list and doubles it where pruning gains little, so that copying stays a
 * small share of the work. Indices and `memory.nums` may change.
 */
export function makeRoom(memory: Memory, layout: Layout, list: List): void {
  const capacity = memory.nums[list.head + 2]! | 0
  if (rowsOf(memory.nums, list) < capacity) return
  list.prune(memory)
  if (rowsOf(memory.nums, list) * 4 > capacity * 3) grow(memory, layout, list)
}

function grow(memory: Memory, layout: Layout, full: List): void {
  const from = memory.nums
  const capacityOf = (list: List): number => {
    const capacity = from[list.head + 2]!
    return list === full ? capacity * 2 + 2 : capacity
  }
  const to = memory.arena.take(roomFor(layout.rowsFrom, layout.lists, capacityOf))
  for (let i = 0; i < layout.rowsFrom; i++) to[i] = from[i]!
  place(to, layout.rowsFrom, layout.lists, capacityOf)
  for (const list of layout.lists) {
    const start = startOf(from, list)
    const end = start + rowsOf(from, list) * list.width
    for (let i = start, at = startOf(to, list); i < end; i++) to[at++] = from[i]!
  }
  memory.arena.give(from)
  memory.nums = to
}
