import { crc32c } from '@node-rs/crc32'
import { putVarint } from '../blocks/text.js'
import type { NewRecord, Offset } from '../event-log.js'

/*
 * A frame holds the records of one flush: a header of 44 bytes, then the records. Little-endian.
 *
 *   0 magic "TMF1"   4 body bytes   8 base offset (f64)   16 first, 24 largest timestamp (f64)
 *   32 records       36 CRC32C of the body                40 CRC32C of bytes 0..40
 *
 * The header has its own checksum, to distinguish a damaged length from an unfinished frame. Both checksums start from
 * the segment's salt. So a frame in the wrong file, or inside the value of a record, is not valid.
 */
export const frameHeaderBytes = 44
const magic = 0x31464d54
export const magicBytes = Buffer.from('TMF1', 'latin1')

export interface FrameHeader {
  readonly base: Offset
  readonly records: number
  readonly bodyBytes: number
  readonly firstMs: number
  readonly maxMs: number
  readonly bodyCrc: number
}

/** Records of one append, and the time for those without one. */
export interface Batch {
  readonly records: readonly NewRecord[]
  readonly nowMs: number
  /** Their bytes in a frame: the sum of `recordBytes`. */
  readonly bytes: number
}

export const saltOf = (topic: string, partition: number, base: Offset): number =>
  crc32c(`${topic}/${partition}/${base}`)

const varintBytes = (value: number): number =>
  value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5

function headersBytes(headers: Readonly<Record<string, Buffer>>): number {
  let bytes = 0
  for (const name in headers) {
    const nameBytes = Buffer.byteLength(name)
    const value = headers[name]!
    bytes += varintBytes(nameBytes) + nameBytes + varintBytes(value.length) + value.length
  }
  return bytes
}

const partBytes = (bytes: Buffer | null): number => (bytes === null ? 1 : varintBytes(bytes.length + 1) + bytes.length)

/** Bytes of a record's content, without its length field: time, key, value, then headers to the end. */
const contentBytes = (record: NewRecord): number =>
  8 +
  partBytes(record.key) +
  partBytes(record.value) +
  (record.headers === undefined ? 0 : headersBytes(record.headers))

/** Bytes that a record takes in a frame. */
export function recordBytes(record: NewRecord): number {
  const bytes = contentBytes(record)
  return varintBytes(bytes) + bytes
}

function putBytes(into: Buffer, at: number, bytes: Buffer | null): number {
  if (bytes === null) return putVarint(into, at, 0)
  at = putVarint(into, at, bytes.length + 1)
  into.set(bytes, at)
  return at + bytes.length
}

function putRecord(into: Buffer, at: number, record: NewRecord, timestampMs: number): number {
  at = putVarint(into, at, contentBytes(record))
  at = into.writeDoubleLE(timestampMs, at)
  at = putBytes(into, at, record.key)
  at = putBytes(into, at, record.value)
  for (const name in record.headers) {
    const value = record.headers[name]!
    at = putVarint(into, at, Buffer.byteLength(name))
    at += into.write(name, at, 'utf8')
    at = putVarint(into, at, value.length)
    into.set(value, at)
    at += value.length
  }
  return at
}

function putHeader(frame: Buffer, header: FrameHeader, salt: number): void {
  frame.writeUInt32LE(magic, 0)
  frame.writeUInt32LE(header.bodyBytes, 4)
  frame.writeDoubleLE(header.base, 8)
  frame.writeDoubleLE(header.firstMs, 16)
  frame.writeDoubleLE(header.maxMs, 24)
  frame.writeUInt32LE(header.records, 32)
  frame.writeUInt32LE(header.bodyCrc, 36)
  frame.writeUInt32LE(crc32c(frame.subarray(0, 40), salt), 40)
}

/** All batches as one frame, and its header. There must be at least one record. */
export function encodeFrame(
  salt: number,
  base: Offset,
  batches: readonly Batch[],
): { readonly bytes: Buffer; readonly header: FrameHeader } {
  const bodyBytes = batches.reduce((sum, { bytes }) => sum + bytes, 0)
  const frame = Buffer.allocUnsafeSlow(frameHeaderBytes + bodyBytes)
  let at = frameHeaderBytes
  let records = 0
  let firstMs = Infinity
  let maxMs = -Infinity
  for (const batch of batches) {
    for (const record of batch.records) {
      const timestampMs = record.timestampMs ?? batch.nowMs
      at = putRecord(frame, at, record, timestampMs)
      if (records++ === 0) firstMs = timestampMs
      if (timestampMs > maxMs) maxMs = timestampMs
    }
  }
  const header = { base, records, bodyBytes, firstMs, maxMs, bodyCrc: crc32c(frame.subarray(frameHeaderBytes), salt) }
  putHeader(frame, header, salt)
  return { bytes: frame, header }
}

/** The header at `at`, or undefined where there is no intact header of this segment. */
export function readHeader(bytes: Buffer, at: number, salt: number): FrameHeader | undefined {
  if (at + frameHeaderBytes > bytes.length || bytes.readUInt32LE(at) !== magic) return undefined
  if (crc32c(bytes.subarray(at, at + 40), salt) !== bytes.readUInt32LE(at + 40)) return undefined
  return {
    bodyBytes: bytes.readUInt32LE(at + 4),
    base: bytes.readDoubleLE(at + 8),
    firstMs: bytes.readDoubleLE(at + 16),
    maxMs: bytes.readDoubleLE(at + 24),
    records: bytes.readUInt32LE(at + 32),
    bodyCrc: bytes.readUInt32LE(at + 36),
  }
}

/** `at` is the position of the header; the whole frame must be in `bytes`. */
export const bodyIsIntact = (bytes: Buffer, at: number, header: FrameHeader, salt: number): boolean =>
  crc32c(bytes.subarray(at + frameHeaderBytes, at + frameHeaderBytes + header.bodyBytes), salt) === header.bodyCrc
