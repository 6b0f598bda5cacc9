import type { LogRecord, Offset } from '../event-log.js'
import { putHeader } from '../headers.js'
import { frameHeaderBytes } from './frame.js'
import type { FrameHeader } from './frame.js'

const noBytes: Buffer = Buffer.alloc(0)
const noHeaders: Readonly<Record<string, Buffer>> = Object.freeze({})
const rememberedNames = 8

function sameBytes(bytes: Buffer, at: number, other: Buffer): boolean {
  for (let i = 0; i < other.length; i++) if (bytes[at + i] !== other[i]) return false
  return true
}

/**
 * Reads the records of one frame whose checksum was verified. Keys, values and headers are views of the frame's bytes.
 * Equal keys in a row share one view, because making a view costs more than comparing a few bytes.
 */
export class RecordCursor {
  left = 0
  #bytes = noBytes
  #at = 0
  #offset: Offset = 0
  #key = noBytes
  readonly #names: { readonly name: string; readonly bytes: Buffer }[] = []

  /** `at` is the position of the frame's header. */
  open(bytes: Buffer, at: number, header: FrameHeader): void {
    this.#bytes = bytes
    this.#at = at + frameHeaderBytes
    this.#offset = header.base
    this.#key = noBytes
    this.left = header.records
  }

  /** Bytes of the next record. */
  nextBytes(): number {
    const start = this.#at
    const content = this.#varint()
    const bytes = this.#at - start + content
    this.#at = start
    return bytes
  }

  skip(): void {
    this.#at += this.nextBytes()
    this.#offset += 1
    this.left -= 1
  }

  next(): LogRecord {
    const content = this.#varint()
    const end = this.#at + content
    const timestampMs = this.#bytes.readDoubleLE(this.#at)
    this.#at += 8
    const key = this.#keyOf(this.#varint() - 1)
    const value = this.#take(this.#varint() - 1)
    const headers = this.#at === end ? noHeaders : this.#headersUntil(end)
    this.left -= 1
    return { offset: this.#offset++, timestampMs, key, value, headers }
  }

  #varint(): number {
    const bytes = this.#bytes
    let value = bytes[this.#at++]!
    if (value < 0x80) return value
    value &= 0x7f
    for (let shift = 7; ; shift += 7) {
      const byte = bytes[this.#at++]!
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }

  #take(length: number): Buffer | null {
    if (length < 0) return null
    const start = this.#at
    this.#at = start + length
    return this.#bytes.subarray(start, start + length)
  }

  #keyOf(length: number): Buffer | null {
    const last = this.#key
    if (length > 0 && length === last.length && sameBytes(this.#bytes, this.#at, last)) {
      this.#at += length
      return last
    }
    const key = this.#take(length)
    if (key !== null) this.#key = key
    return key
  }

  #headersUntil(end: number): Readonly<Record<string, Buffer>> {
    const headers: Record<string, Buffer> = {}
    while (this.#at < end) {
      const name = this.#name(this.#varint())
      putHeader(headers, name, this.#take(this.#varint())!)
    }
    return headers
  }

  /** All records of a topic have the same few header names, so each name is decoded once. */
  #name(length: number): string {
    for (const known of this.#names) {
      if (known.bytes.length === length && sameBytes(this.#bytes, this.#at, known.bytes)) {
        this.#at += length
        return known.name
      }
    }
    const bytes = Buffer.from(this.#take(length)!)
    const name = bytes.toString('utf8')
    if (this.#names.length < rememberedNames) this.#names.push({ name, bytes })
    return name
  }
}
