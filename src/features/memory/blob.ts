import { EngineError } from '../../base/errors.js'
import type { Arena } from './arena.js'
import { NEWEST, place, roomFor, type Layout, type List, type Memory, rowsOf, startOf } from './memory.js'

/**
 * An entity's memory as bytes, little-endian:
 *
 *     byte 0      version
 *     4 x list    row count x 4 + width code of the integer columns (0: 1 byte, 1: 2 bytes, 2: 4 bytes)
 *     8 x cell    the cells, padded to 8 bytes before them
 *     per list    its double columns, column by column, then its integer columns, padded to 8 bytes
 *
 * Everything below the floor is dropped first. So the bytes depend only on the events and not on the time of writing.
 * Tiles are stored as their distance from the newest tile, so most integers take one byte.
 */
export const blobVersion = 2

/** Cuts the blobs of one `takeDirty` from a few large buffers: creating a small buffer costs more than filling it. */
export class Slab {
  bytes = Buffer.alloc(0)
  f64 = new Float64Array(0)
  u32 = new Uint32Array(0)
  u16 = new Uint16Array(0)
  #at = 0

  /** The position of the next blob of at most `size` bytes; a multiple of 8. */
  room(size: number): number {
    if (this.#at + size > this.bytes.length) {
      const buffer = new ArrayBuffer(Math.max(slabBytes, (size + 7) & ~7))
      this.bytes = Buffer.from(buffer)
      this.f64 = new Float64Array(buffer)
      this.u32 = new Uint32Array(buffer)
      this.u16 = new Uint16Array(buffer)
      this.#at = 0
    }
    return this.#at
  }

  cut(from: number, to: number): Buffer {
    this.#at = (to + 7) & ~7
    return this.bytes.subarray(from, to)
  }
}

const slabBytes = 256 * 1024

/** Drops from the memory everything below the floor, and serialises the rest. */
export function encodeMemory(memory: Memory, layout: Layout, slab: Slab): Buffer {
  layout.forget(memory)
  let most = headBytes(layout) + layout.cells * 8
  for (const list of layout.lists) {
    list.prune(memory)
    most += rowsOf(memory.nums, list) * list.width * 8 + 8
  }
  const from = slab.room(most)
  const { nums } = memory
  slab.u32[from >> 2] = blobVersion
  let at = from + headBytes(layout)
  if ((at & 7) === 0) slab.u32[(at >> 2) - 1] = 0
  for (let i = 0; i < layout.cells; i++) slab.f64[(at >> 3) + i] = nums[i]!
  at += layout.cells * 8
  for (let i = 0; i < layout.lists.length; i++) {
    const list = layout.lists[i]!
    at = encodeDoubles(nums, list, slab, at)
    const code = widthCode(nums, list)
    slab.u32[(from >> 2) + 1 + i] = rowsOf(nums, list) * 4 + code
    at = encodeInts(nums, list, slab, at, code)
  }
  return slab.cut(from, at)
}

const headBytes = (layout: Layout): number => (4 + 4 * layout.lists.length + 7) & ~7

function encodeDoubles(nums: Float64Array, list: List, slab: Slab, at: number): number {
  const start = startOf(nums, list)
  const end = start + rowsOf(nums, list) * list.width
  let to = at >> 3
  for (let c = 0; c < list.floats.length; c++)
    for (let from = start + list.floats[c]!; from < end; from += list.width) slab.f64[to++] = nums[from]!
  return to << 3
}

const lastTileOf = (nums: Float64Array, list: List): number =>
  list.lastTile === undefined ? 0 : list.lastTile(nums[NEWEST]!)

function widthCode(nums: Float64Array, list: List): 0 | 1 | 2 {
  const start = startOf(nums, list)
  const rows = rowsOf(nums, list)
  if (rows === 0 || list.ints.length === 0) return 0
  let bits = list.lastTile === undefined ? 0 : lastTileOf(nums, list) - nums[start]!
  for (let c = list.lastTile === undefined ? 0 : 1; c < list.ints.length; c++) {
    const column = start + list.ints[c]!
    for (let row = 0; row < rows; row++) bits |= nums[column + row * list.width]!
  }
  return bits < 0x100 && bits >= 0 ? 0 : bits < 0x10000 && bits >= 0 ? 1 : 2
}

/** The column of tiles comes first and is stored as distances. */
function encodeInts(nums: Float64Array, list: List, slab: Slab, at: number, code: 0 | 1 | 2): number {
  const start = startOf(nums, list)
  const end = start + rowsOf(nums, list) * list.width
  const lastTile = lastTileOf(nums, list)
  const words = code === 0 ? slab.bytes : code === 1 ? slab.u16 : slab.u32
  let to = at >> code
  for (let c = 0; c < list.ints.length; c++) {
    const tile = c === 0 && list.lastTile !== undefined
    for (let from = start + list.ints[c]!; from < end; from += list.width)
      words[to++] = tile ? lastTile - nums[from]! : nums[from]!
  }
  const done = to << code
  const padded = (done + 7) & ~7
  for (let i = done; i < padded; i++) slab.bytes[i] = 0
  return padded
}

/** Blobs from a store are not aligned, so they are copied here first. */
let aligned = viewsOf(new ArrayBuffer(64 * 1024))

function viewsOf(buffer: ArrayBuffer) {
  return {
    bytes: new Uint8Array(buffer),
    f64: new Float64Array(buffer),
    u32: new Uint32Array(buffer),
    u16: new Uint16Array(buffer),
  }
}

/** Throws STATE_MISMATCH where the blob is of another version or layout. */
export function decodeMemory(blob: Buffer, layout: Layout, arena: Arena): Float64Array {
  if (blob[0] !== blobVersion)
    throw new EngineError(
      'STATE_MISMATCH',
      `a state blob has version ${blob[0] ?? 'none'}, this build reads ${blobVersion}: rebuild the state from the log`,
    )
  if (blob.length > aligned.bytes.length)
    aligned = viewsOf(new ArrayBuffer(blob.length * 2 + 7 - ((blob.length * 2 + 7) % 8)))
  aligned.bytes.set(blob)
  const { lists } = layout
  const rows = lists.map((_, i) => aligned.u32[1 + i]! >>> 2)
  const capacityOf = (_: List, i: number): number => rows[i]! + (rows[i]! >> 2) + 2
  checkLength(blob, layout)
  const nums = arena.take(roomFor(layout.rowsFrom, lists, capacityOf))
  place(nums, layout.rowsFrom, lists, capacityOf)
  let at = headBytes(layout)
  for (let i = 0; i < layout.cells; i++) nums[i] = aligned.f64[(at >> 3) + i]!
  at += layout.cells * 8
  for (let i = 0; i < lists.length; i++)
    at = decodeList(nums, lists[i]!, at, rows[i]!, (aligned.u32[1 + i]! & 3) as 0 | 1 | 2)
  return nums
}

function decodeList(nums: Float64Array, list: List, at: number, rows: number, code: 0 | 1 | 2): number {
  const { width, ints, floats } = list
  nums[list.head + 1] = rows
  const start = startOf(nums, list)
  const end = start + rows * width
  let from = at >> 3
  for (let c = 0; c < floats.length; c++)
    for (let to = start + floats[c]!; to < end; to += width) nums[to] = aligned.f64[from++]!
  const words = code === 0 ? aligned.bytes : code === 1 ? aligned.u16 : aligned.u32
  const lastTile = lastTileOf(nums, list)
  from = (from << 3) >> code
  for (let c = 0; c < ints.length; c++) {
    const tile = c === 0 && list.lastTile !== undefined
    for (let to = start + ints[c]!; to < end; to += width) nums[to] = tile ? lastTile - words[from++]! : words[from++]!
  }
  return ((from << code) + 7) & ~7
}

function checkLength(blob: Buffer, layout: Layout): void {
  let length = headBytes(layout) + layout.cells * 8
  layout.lists.forEach((list, i) => {
    const head = aligned.u32[1 + i]!
    const rows = head >>> 2
    length += rows * list.floats.length * 8 + ((((rows * list.ints.length) << (head & 3)) + 7) & ~7)
  })
  if (length !== blob.length)
    throw new EngineError(
      'STATE_MISMATCH',
      `a state blob of ${blob.length} bytes is not of this feature set: rebuild the state from the log`,
    )
}
