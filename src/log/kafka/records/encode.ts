import { crc32c } from '@node-rs/crc32'
import { putVarint } from '../../blocks/text.js'
import type { NewRecord } from '../../event-log.js'
import { batchHeaderBytes } from './batch.js'

/** Identifies the appender, so that a broker recognises a batch that is sent again and stores it once. */
export interface Producer {
  readonly id: number
  readonly epoch: number
  /** Sequence number of the batch's first record: the producer's previous record in this partition plus one. */
  readonly sequence: number
}

const varintBytes = (value: number): number => {
  let bytes = 1
  for (; value >= 0x80; value = Math.floor(value / 128)) bytes++
  return bytes
}
const zigzag = (value: number): number => (value < 0 ? -2 * value - 1 : 2 * value)
const sizeBytes = (bytes: Buffer | null): number => (bytes === null ? 1 : varintBytes(2 * bytes.length) + bytes.length)

/** Bytes of a record without its length field. */
function contentBytes({ key, value, headers, allHeaders }: NewRecord, sinceMs: number, index: number): number {
  let bytes = 1 + varintBytes(zigzag(sinceMs)) + varintBytes(2 * index) + sizeBytes(key) + sizeBytes(value)
  if (allHeaders !== undefined) {
    for (const header of allHeaders) bytes += sizeBytes(header.name) + sizeBytes(header.value)
    return bytes + varintBytes(2 * allHeaders.length)
  }
  let count = 0
  for (const name in headers) {
    const nameBytes = Buffer.byteLength(name)
    bytes += varintBytes(2 * nameBytes) + nameBytes + sizeBytes(headers[name]!)
    count++
  }
  return bytes + varintBytes(2 * count)
}

/**
 * An upper bound of a record's bytes in any batch: its three numbers and its attributes take 21 bytes at most.
 */
export function recordBound({ key, value, headers, allHeaders = [] }: NewRecord): number {
  let bytes = 32 + (key?.length ?? 0) + (value?.length ?? 0)
  for (const header of allHeaders) bytes += 10 + header.name.length + (header.value?.length ?? 0)
  for (const name in headers) bytes += 10 + Buffer.byteLength(name) + headers[name]!.length
  return bytes
}

function putLong(into: Buffer, at: number, value: number): void {
  into.writeInt32BE(Math.floor(value / 0x1_0000_0000), at)
  into.writeUInt32BE(value >>> 0, at + 4)
}

/** Writes up to 53 bits; `putVarint` writes the last 32. */
function putLongVarint(into: Buffer, at: number, value: number): number {
  for (; value > 0xffff_ffff; value = Math.floor(value / 128)) into[at++] = (value % 128) | 0x80
  return putVarint(into, at, value)
}

function putBytes(into: Buffer, at: number, bytes: Buffer | null): number {
  if (bytes === null) return putVarint(into, at, 1)
  const start = putVarint(into, at, 2 * bytes.length)
  return start + bytes.copy(into, start)
}

function putRecord(into: Buffer, at: number, record: NewRecord, sinceMs: number, index: number): number {
  at = putVarint(into, at, 2 * contentBytes(record, sinceMs, index))
  into[at++] = 0
  at = putLongVarint(into, at, zigzag(sinceMs))
  at = putVarint(into, at, 2 * index)
  at = putBytes(into, at, record.key)
  at = putBytes(into, at, record.value)
  if (record.allHeaders !== undefined) {
    at = putVarint(into, at, 2 * record.allHeaders.length)
    for (const { name, value } of record.allHeaders) at = putBytes(into, putBytes(into, at, name), value)
    return at
  }
  const names = record.headers === undefined ? [] : Object.keys(record.headers)
  at = putVarint(into, at, 2 * names.length)
  for (const name of names) {
    at = putVarint(into, at, 2 * Buffer.byteLength(name))
    at += into.write(name, at, 'utf8')
    at = putBytes(into, at, record.headers![name]!)
  }
  return at
}

/** One uncompressed record batch. A broker stores it whole or not at all. Records without a time get `nowMs`. */
export function encodeBatch(records: readonly NewRecord[], nowMs: number, producer: Producer): Buffer {
  const baseMs = records[0]!.timestampMs ?? nowMs
  let largestMs = baseMs
  let bound = batchHeaderBytes
  for (const record of records) bound += recordBound(record)
  const batch = Buffer.allocUnsafe(bound)
  let at = batchHeaderBytes
  for (const [index, record] of records.entries()) {
    const timeMs = record.timestampMs ?? nowMs
    if (timeMs > largestMs) largestMs = timeMs
    at = putRecord(batch, at, record, timeMs - baseMs, index)
  }
  putLong(batch, 0, 0)
  batch.writeInt32BE(at - 12, 8)
  batch.writeInt32BE(-1, 12)
  batch.writeInt8(2, 16)
  batch.writeInt16BE(0, 21)
  batch.writeInt32BE(records.length - 1, 23)
  putLong(batch, 27, baseMs)
  putLong(batch, 35, largestMs)
  putLong(batch, 43, producer.id)
  batch.writeInt16BE(producer.epoch, 51)
  batch.writeInt32BE(producer.sequence, 53)
  batch.writeInt32BE(records.length, 57)
  batch.writeUInt32BE(crc32c(batch.subarray(21, at)), 17)
  return batch.subarray(0, at)
}
