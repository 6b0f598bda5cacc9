import { EngineError } from '../../base/errors.js'
import { heap } from './arena.js'
import { blobVersion, decodeMemory, encodeMemory, type Slab } from './blob.js'
import { clockSize, readClock, writeClock, type Cursor } from './clocks.js'
import { noCopies, type Cached, type Copy } from './entity-cache.js'
import type { Layout } from './memory.js'

/**
 * An entity as bytes: its memory (see `blob.ts`), or, while events far past a time mark may still be taken back:
 *
 *     byte 0      version
 *     byte 1      1
 *     byte 2      1 if the entity has a clock
 *     4 bytes     length of the memory, then the memory
 *     the clock
 *     per copy    4 bytes length of its owner, the owner, 4 bytes id, 4 bytes length of the memory, then the memory
 */
export function encodeEntity(entity: Cached, layout: Layout, slab: Slab): Buffer {
  const memory = encodeMemory(entity, layout, slab)
  const { clock, copies } = entity
  if (clock === undefined && copies.length === 0) return memory
  const head = Buffer.from([blobVersion, 1, clock === undefined ? 0 : 1])
  const parts = [head, sized(memory)]
  if (clock !== undefined) {
    const bytes = Buffer.alloc(clockSize(clock))
    writeClock(bytes, 0, clock)
    parts.push(bytes)
  }
  for (const copy of copies) {
    const id = Buffer.alloc(4)
    id.writeUInt32LE(copy.id)
    parts.push(sized(Buffer.from(copy.owner)), id, sized(encodeMemory(copy, layout, slab)))
  }
  return Buffer.concat(parts)
}

function sized(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(bytes.length)
  return Buffer.concat([length, bytes])
}

const hasMore = (blob: Buffer): boolean => blob[0] === blobVersion && blob[1] === 1

/** The memory in an entity's blob. */
export const memoryIn = (blob: Buffer): Buffer => (hasMore(blob) ? take({ blob, at: 3 }) : blob)

/** Fills a cached entity. Throws STATE_MISMATCH where the blob is of another version or layout. */
export function decodeEntity(entity: Cached, blob: Buffer, layout: Layout): void {
  entity.nums = decodeMemory(memoryIn(blob), layout, entity.arena)
  entity.clock = undefined
  entity.copies = noCopies
  if (!hasMore(blob)) return
  const from: Cursor = { blob, at: 3 }
  take(from)
  if (blob[2] === 1) entity.clock = readClock(from)
  const copies: Copy[] = []
  while (from.at < blob.length) {
    const owner = take(from).toString()
    const id = blob.readUInt32LE(from.at)
    from.at += 4
    copies.push({ owner, id, nums: decodeMemory(take(from), layout, heap), arena: heap })
  }
  entity.copies = copies
}

function take(from: Cursor): Buffer {
  const end = from.at + 4 + (from.at + 4 <= from.blob.length ? from.blob.readUInt32LE(from.at) : 0)
  if (from.at + 4 > from.blob.length || end > from.blob.length)
    throw new EngineError('STATE_MISMATCH', 'a state blob is truncated: rebuild the state from the log')
  const bytes = from.blob.subarray(from.at + 4, end)
  from.at = end
  return bytes
}
