import { crc32c } from '@node-rs/crc32'
import { EngineError, messageOf } from '../../base/errors.js'
import type { Block, RawColumns } from './block.js'
import type { Offset } from '../event-log.js'
import { dictionaryOf, putList, putTexts, takeList, takeTexts, textBound, textsOf } from './text.js'

/*
 * A block as the value of one record: a header of 72 bytes, then columns. Little-endian, like the machines that run
 * Node and like ClickHouse's Native format.
 *
 *   0 magic "TMBK"   4 version   8 CRC32C of bytes 12..   12 total bytes    16 rows   20 width
 *   24 bytes of names   28 of event ids   32 of entities   36 zero   40 epoch, 48 after, 56 last, 64 control (f64)
 *   72 offsets, record times, event times (f64); vectors, scores (f32); tenant, reason, version indexes (u16);
 *      kinds, by, risks, flags (u8); names: fingerprint, then versions, tenants, reasons; event ids; entities
 *
 * Columns are ordered by the size of their elements, so that each column is aligned in the buffer.
 */
const headerBytes = 72
const magic = 0x4b424d54
const version = 1
/** Dictionary indexes have 16 bits. */
const maxRows = 0xffff
const bytesPerRow = 3 * 8 + 4 + 3 * 2 + 4

/** The fields of a block before its rows. */
export type BlockHead = Pick<Block, 'epoch' | 'after' | 'last' | 'control' | 'rows' | 'width'> & {
  /** Undefined where there are no rows. */
  readonly lastRow: RowPlace | undefined
}

/** The source record of a row. */
export interface RowPlace {
  readonly offset: Offset
  /** Its log time. */
  readonly recordTimeMs: number
}

const columnsBytes = (rows: number, width: number): number => rows * (bytesPerRow + 4 * width)

type Column = Float64Array | Float32Array | Uint16Array | Uint8Array

function putColumns(into: Buffer, columns: readonly Column[]): number {
  let at = headerBytes
  for (const { buffer, byteOffset, byteLength } of columns) {
    into.set(new Uint8Array(buffer, byteOffset, byteLength), at)
    at += byteLength
  }
  return at
}

function assertShape(block: Block): void {
  const { rows, width, vectors } = block
  const columns = [block.offsets, block.recordTimes, block.eventTimes, block.eventIds, block.tenants, block.entities,
    block.reasons, block.kinds, block.by, block.risks, block.flags, block.scores, block.versionOf] // prettier-ignore
  if (rows > maxRows) throw new EngineError('TOO_LARGE', `a block of ${rows} rows, at most ${maxRows} are possible`)
  if (vectors.length !== rows * width || columns.some(({ length }) => length !== rows))
    throw new RangeError(`the columns of a block must have ${rows} rows and its vectors ${width} features`)
}

/** The block as a record's value. Throws TOO_LARGE above 65,535 rows. */
export function encodeBlock(block: Block): Buffer {
  assertShape(block)
  const { rows, width } = block
  const tenants = dictionaryOf(block.tenants)
  const reasons = dictionaryOf(block.reasons)
  const lists = [[block.fingerprint], block.versions, tenants.values, reasons.values]
  const namesBound = lists.reduce((sum, list) => sum + textBound(list) + 5, 0)
  const bound =
    headerBytes + columnsBytes(rows, width) + namesBound + textBound(block.eventIds) + textBound(block.entities)
  const bytes = Buffer.allocUnsafeSlow(bound)
  const { offsets, recordTimes, eventTimes, vectors, scores, versionOf, kinds, by, risks, flags } = block
  const namesAt = putColumns(bytes, [
    offsets,
    recordTimes,
    eventTimes,
    vectors,
    scores,
    tenants.of,
    reasons.of,
    versionOf,
    kinds,
    by,
    risks,
    flags,
  ])
  const eventIdsAt = lists.reduce((at, list) => putList(bytes, at, list), namesAt)
  const entitiesAt = putTexts(bytes, eventIdsAt, block.eventIds)
  const end = putTexts(bytes, entitiesAt, block.entities)
  const sizes = [end, rows, width, eventIdsAt - namesAt, entitiesAt - eventIdsAt, end - entitiesAt, 0]
  sizes.forEach((size, i) => bytes.writeUInt32LE(size, 12 + 4 * i))
  ;[block.epoch, block.after, block.last, block.control].forEach((value, i) => bytes.writeDoubleLE(value, 40 + 8 * i))
  bytes.writeUInt32LE(magic, 0)
  bytes.writeUInt32LE(version, 4)
  bytes.writeUInt32LE(crc32c(bytes.subarray(12, end)), 8)
  return bytes.subarray(0, end)
}

const damaged = (what: string, cause?: unknown): EngineError =>
  new EngineError(
    'LOG_DAMAGED',
    `a record of a predictions topic is no block: ${what}. Restore the topic, or rebuild it from its source.`,
    { cause },
  )

/** Throws LOG_DAMAGED unless the bytes are those that `encodeBlock` wrote. */
function assertIntact(bytes: Buffer): void {
  if (bytes.length < headerBytes || bytes.readUInt32LE(0) !== magic) throw damaged('it has no block header')
  if (bytes.readUInt32LE(4) !== version)
    throw damaged(`its format is ${bytes.readUInt32LE(4)}, this build reads ${version}`)
  if (bytes.readUInt32LE(12) !== bytes.length)
    throw damaged(`it has ${bytes.length} bytes instead of ${bytes.readUInt32LE(12)}`)
  if (crc32c(bytes.subarray(12)) !== bytes.readUInt32LE(8)) throw damaged('its checksum fails')
  const [rows, width, names, eventIds, entities] = [16, 20, 24, 28, 32].map((at) => bytes.readUInt32LE(at))
  if (headerBytes + columnsBytes(rows!, width!) + names! + eventIds! + entities! !== bytes.length)
    throw damaged('its columns do not fill it')
}

const headOf = (bytes: Buffer, rows = bytes.readUInt32LE(16)): BlockHead => ({
  rows,
  width: bytes.readUInt32LE(20),
  epoch: bytes.readDoubleLE(40),
  after: bytes.readDoubleLE(48),
  last: bytes.readDoubleLE(56),
  control: bytes.readDoubleLE(64),
  lastRow:
    rows === 0
      ? undefined
      : {
          offset: bytes.readDoubleLE(headerBytes + 8 * (rows - 1)),
          recordTimeMs: bytes.readDoubleLE(headerBytes + 8 * (2 * rows - 1)),
        },
})

/** The head of a block. Verifies the checksum of the whole block. Throws LOG_DAMAGED. */
export function decodeHead(value: Buffer): BlockHead {
  assertIntact(value)
  return headOf(value)
}

/** Takes columns from an aligned buffer, one after another. */
function columnsOf(buffer: ArrayBuffer, rows: number) {
  let at = headerBytes
  const pass = (bytes: number): number => (at += bytes) - bytes
  return {
    f64: () => new Float64Array(buffer, pass(8 * rows), rows),
    f32: (length: number) => new Float32Array(buffer, pass(4 * length), length),
    u16: () => new Uint16Array(buffer, pass(2 * rows), rows),
    u8: () => new Uint8Array(buffer, pass(rows), rows),
    bytes: (length: number) => Buffer.from(buffer, pass(length), length),
  }
}

function takeNames(bytes: Buffer) {
  const cursor = { bytes, at: 0 }
  try {
    const [fingerprint = ''] = takeList(cursor)
    return { fingerprint, versions: takeList(cursor), tenants: takeList(cursor), reasons: takeList(cursor) }
  } catch (error) {
    throw damaged(messageOf(error), error)
  }
}

/**
 * Decodes a record's value. It copies the bytes once, so the block stays valid after the reader's next read. Throws
 * LOG_DAMAGED. The block is one object literal, because spreading objects with so many fields costs more than the rest.
 */
export function decodeBlock(value: Buffer): Block {
  assertIntact(value)
  const { rows, width, epoch, after, last, control } = headOf(value)
  const take = columnsOf(new Uint8Array(value).buffer, rows)
  const [offsets, recordTimes, eventTimes] = [take.f64(), take.f64(), take.f64()]
  const [vectors, scores] = [take.f32(rows * width), take.f32(rows)]
  const [tenantOf, reasonOf, versionOf] = [take.u16(), take.u16(), take.u16()]
  const [kinds, by, risks, flags] = [take.u8(), take.u8(), take.u8(), take.u8()]
  const { fingerprint, versions, ...names } = takeNames(take.bytes(value.readUInt32LE(24)))
  const raw: RawColumns = {
    eventIds: take.bytes(value.readUInt32LE(28)),
    entities: take.bytes(value.readUInt32LE(32)),
    tenants: { values: names.tenants, of: tenantOf },
    reasons: { values: names.reasons, of: reasonOf },
  }
  const made: { eventIds?: string[]; entities?: string[]; tenants?: string[]; reasons?: string[] } = {}
  return {
    after, last, epoch, control, fingerprint, width, rows, offsets, recordTimes, eventTimes,
    kinds, by, risks, flags, scores, vectors, versions, versionOf, raw,
    get eventIds() {
      return (made.eventIds ??= takeTexts({ bytes: raw.eventIds, at: 0 }, rows))
    },
    get entities() {
      return (made.entities ??= takeTexts({ bytes: raw.entities, at: 0 }, rows))
    },
    get tenants() {
      return (made.tenants ??= textsOf(raw.tenants))
    },
    get reasons() {
      return (made.reasons ??= textsOf(raw.reasons))
    },
  } // prettier-ignore
}
