import type { Arena } from './arena.js'

/**
 * What is remembered about one entity, as one array of doubles: fixed cells, then lists of rows. It is close to the
 * blob it is stored as, so that storing and loading are copies.
 *
 * Two times rule what is read. `newest` is the largest event time of the entity; nothing older than newest - lateness
 * can come that still counts, which is the entity's floor. A window is read as of max(event time, floor), so what lies
 * below floor - window is never read: dropping it, whenever that happens, changes no vector. Blobs never hold it.
 */
export interface Memory {
  /** May be longer than what is used. */
  nums: Float64Array
  /** Where `nums` is from and grows. */
  readonly arena: Arena
}

/** The first cell: newest event time, -Infinity for none. */
export const NEWEST = 0

export interface ListShape {
  readonly width: number
  /** Columns holding whole numbers from 0, stored narrow. */
  readonly ints: readonly number[]
  /** Columns stored as doubles. */
  readonly floats: readonly number[]
  /**
   * Of a list ordered by tile in column 0: the tile that no row can be beyond, given the newest event time; the blob
   * holds the distance.
   */
  readonly lastTile?: (newestMs: number) => number
  /** Drops the rows that lie below the floor, and all beyond the cap. */
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
  /** A memory with nothing in it. */
  blank(arena: Arena): Float64Array
  /** Clears cells that lie below the floor. */
  forget(memory: Memory): void
}

/** Rows that a new entity has room for in each list. */
const firstRows = 2

export class LayoutBuilder {
  readonly #initial: number[] = [-Infinity]
  readonly #lists: List[] = []
  readonly #forget: ((memory: Memory) => void)[] = []

  /** Takes cells in a row and gives the index of the first. */
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

/** Writes where each list starts and how many rows fit; row counts stay as they are. */
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
 * Where a list's rows start and how many there are. `| 0` is for the compiler: sums of doubles read from the array
 * would be converted at every access.
 */
export const startOf = (nums: Float64Array, list: List): number => nums[list.head]! | 0
export const rowsOf = (nums: Float64Array, list: List): number => nums[list.head + 1]! | 0

/** Rows at the front of an ordered list whose first column is at most `bound`. */
export function rowsUpTo(memory: Memory, list: List, bound: number): number {
  const { nums } = memory
  const start = startOf(nums, list)
  const rows = rowsOf(nums, list)
  let index = 0
  while (index < rows && nums[start + index * list.width]! <= bound) index++
  return index
}

/**
 * Opens a row at `index` of a list that has room and gives where its columns start; they hold anything until written.
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
 * Sees to it that one more row fits: a full list is pruned, and where that gains little it doubles, so that copying
 * stays a small share of the work. Indices and `memory.nums` may be others afterwards.
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
