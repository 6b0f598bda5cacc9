import { crc32c } from '@node-rs/crc32'
import { EngineError, messageOf } from '../errors.js'
import type { Block, RawColumns } from './block.js'
import { dictionaryOf, putList, putTexts, takeList, takeTexts, textBound, textsOf } from './block-text.js'

/*
 * A block as one record's value: a header of 72 bytes, then columns. Little-endian, as every machine that Node runs
 * on in practice and as ClickHouse's Native format.
 *
 *   0 magic "TMBK"   4 version   8 CRC32C of bytes 12..   12 bytes in all   16 rows   20 width
 *   24 bytes of names   28 of event ids   32 of entities   36 zero   40 epoch, 48 after, 56 last, 64 control (f64)
 *   72 offsets, record times, event times (f64); vectors, scores (f32); tenant, reason, version indexes (u16);
 *      kinds, by, risks, flags (u8); names: fingerprint, then versions, tenants, reasons; event ids; entities
 *
 * Columns are ordered by the size of their elements, so that each is aligned in a buffer of its own.
 */
const headerBytes = 72
const magic = 0x4b424d54
const version = 1
/** Dictionary indexes have 16 bits. */
const maxRows = 0xffff
const bytesPerRow = 3 * 8 + 4 + 3 * 2 + 4

/** What a block says of itself before its rows. */
export type BlockHead = Pick<Block, 'epoch' | 'after' | 'last' | 'control' | 'rows' | 'width'>

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
  const columns = [block.offsets, block.recordTimes, block.eventTimes, block.eventIds, block.tenants, block.entities, block.reasons,
    block.kinds, block.by, block.risks, block.flags, block.scores, block.versionOf] // prettier-ignore
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
  const bound = headerBytes + columnsBytes(rows, width) + namesBound + textBound(block.eventIds) + textBound(block.entities)
  const bytes = Buffer.allocUnsafeSlow(bound)
  const { offsets, recordTimes, eventTimes, vectors, scores, versionOf, kinds, by, risks, flags } = block
  const namesAt = putColumns(bytes, [offsets, recordTimes, eventTimes, vectors, scores, tenants.of, reasons.of, versionOf, kinds, by, risks, flags])
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
  new EngineError('LOG_DAMAGED', `a record of a predictions topic is no block: ${what}. Restore the topic, or rebuild it from its source.`, { cause })

/** Proves that the bytes are what `encodeBlock` made. */
function assertIntact(bytes: Buffer): void {
  if (bytes.length < headerBytes || bytes.readUInt32LE(0) !== magic) throw damaged('it has no block header')
  if (bytes.readUInt32LE(4) !== version) throw damaged(`its format is ${bytes.readUInt32LE(4)}, this build reads ${version}`)
  if (bytes.readUInt32LE(12) !== bytes.length) throw damaged(`it has ${bytes.length} bytes instead of ${bytes.readUInt32LE(12)}`)
  if (crc32c(bytes.subarray(12)) !== bytes.readUInt32LE(8)) throw damaged('its checksum fails')
  const [rows, width, names, eventIds, entities] = [16, 20, 24, 28, 32].map((at) => bytes.readUInt32LE(at))
  if (headerBytes + columnsBytes(rows!, width!) + names! + eventIds! + entities! !== bytes.length) throw damaged('its columns do not fill it')
}

const headOf = (bytes: Buffer): BlockHead => ({
  rows: bytes.readUInt32LE(16),
  width: bytes.readUInt32LE(20),
  epoch: bytes.readDoubleLE(40),
  after: bytes.readDoubleLE(48),
  last: bytes.readDoubleLE(56),
  control: bytes.readDoubleLE(64),
})

/** The head alone, of a block that was checked whole. Throws LOG_DAMAGED. */
export function decodeHead(value: Buffer): BlockHead {
  assertIntact(value)
  return headOf(value)
}

function lazily<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined
  return () => (made ??= { value: make() }).value
}

/** Takes columns from a buffer, one after another. */
function columnsOf(buffer: ArrayBuffer, from: number) {
  let at = from
  const take = <Taken>(make: (buffer: ArrayBuffer, at: number, length: number) => Taken, length: number, elementBytes: number): Taken => {
    const column = make(buffer, at, length)
    at += length * elementBytes
    return column
  }
  return {
    f64: (length: number) => take((...place) => new Float64Array(...place), length, 8),
    f32: (length: number) => take((...place) => new Float32Array(...place), length, 4),
    u16: (length: number) => take((...place) => new Uint16Array(...place), length, 2),
    u8: (length: number) => take((...place) => new Uint8Array(...place), length, 1),
    bytes: (length: number) => take((...place) => Buffer.from(...place), length, 1),
  }
}

/** The block of a record's value, copied once: it outlives the reader's buffer. Throws LOG_DAMAGED. */
export function decodeBlock(value: Buffer): Block {
  assertIntact(value)
  const { buffer } = new Uint8Array(value)
  const head = headOf(value)
  const { rows, width } = head
  const take = columnsOf(buffer, headerBytes)
  const times = { offsets: take.f64(rows), recordTimes: take.f64(rows), eventTimes: take.f64(rows) }
  const numbers = { vectors: take.f32(rows * width), scores: take.f32(rows) }
  const [tenantOf, reasonOf, versionOf] = [take.u16(rows), take.u16(rows), take.u16(rows)]
  const codes = { kinds: take.u8(rows), by: take.u8(rows), risks: take.u8(rows), flags: take.u8(rows) }
  const names = { bytes: take.bytes(value.readUInt32LE(24)), at: 0 }
  const eventIdBytes = take.bytes(value.readUInt32LE(28))
  const entityBytes = take.bytes(value.readUInt32LE(32))
  try {
    const [fingerprint = ''] = takeList(names)
    const versions = takeList(names)
    const tenants = { values: takeList(names), of: tenantOf }
    const reasons = { values: takeList(names), of: reasonOf }
    const raw: RawColumns = { eventIds: eventIdBytes, entities: entityBytes, tenants, reasons }
    return withTexts({ ...head, ...times, ...numbers, ...codes, fingerprint, versions, versionOf }, raw)
  } catch (error) {
    throw damaged(messageOf(error), error)
  }
}

function withTexts(columns: Omit<Block, 'eventIds' | 'entities' | 'tenants' | 'reasons' | 'raw'>, raw: RawColumns): Block {
  const { rows } = columns
  const eventIds = lazily(() => takeTexts({ bytes: raw.eventIds, at: 0 }, rows))
  const entities = lazily(() => takeTexts({ bytes: raw.entities, at: 0 }, rows))
  const tenants = lazily(() => textsOf(raw.tenants))
  const reasons = lazily(() => textsOf(raw.reasons))
  const getters = {
    eventIds: { get: eventIds, enumerable: true },
    entities: { get: entities, enumerable: true },
    tenants: { get: tenants, enumerable: true },
    reasons: { get: reasons, enumerable: true },
  }
  return Object.defineProperties({ ...columns, raw }, getters) as unknown as Block
}
