import { isUtf8 } from 'node:buffer'
import { crc32c } from '@node-rs/crc32'
import { EngineError, messageOf } from '../../../base/errors.js'
import type { Header, LogRecord, Offset } from '../../event-log.js'
import { putHeader } from '../../headers.js'
import { inflate } from './codecs.js'

/*
 * A record batch (message format 2), big-endian:
 *
 *   0 base offset i64    8 bytes after this i32    12 leader epoch i32   16 magic i8 = 2    17 CRC32C of bytes 21.. u32
 *   21 attributes i16    23 last offset delta i32  27 base time i64      35 largest time i64
 *   43 producer id i64   51 producer epoch i16     53 sequence i32       57 records i32     61 records
 *
 * Source: https://kafka.apache.org/documentation/#recordbatch
 */
export const batchHeaderBytes = 61
const compressionBits = 0x07
const logAppendTime = 0x08
const transactional = 0x10
const control = 0x20

export const readLong = (bytes: Buffer, at: number): number =>
  bytes.readInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4)

/** An aborted transaction: the records of its producer from `first` up to its abort marker are not valid. */
export interface Aborted {
  readonly producer: number
  readonly first: Offset
}

const none = Object.freeze({ headers: Object.freeze({}) })
const noBytes = Buffer.alloc(0)

/**
 * Reads the records of one answer of a broker one after another. It checks and decompresses a batch when it reaches it,
 * so that at most one batch is decompressed in memory.
 */
export class RecordSet {
  readonly #bytes: Buffer
  readonly #where: string
  readonly #aborted: Aborted[]
  readonly #void = new Set<number>()
  /** Position of the next batch. */
  #at = 0
  #end: Offset
  /** The current batch: its decompressed records and how many are left. */
  #body: Buffer = Buffer.alloc(0)
  #cursor = 0
  #left = 0
  #base: Offset = 0
  #batchEnd: Offset = 0
  #baseMs = 0
  #fixedMs: number | undefined

  /** `from` is the requested offset. A batch may begin with earlier records; they are skipped. */
  constructor(bytes: Buffer, where: string, from: Offset, aborted: readonly Aborted[] = []) {
    this.#bytes = bytes
    this.#where = where
    this.#end = from
    this.#aborted = [...aborted].sort((a, b) => a.first - b.first)
  }

  /** The offset up to which everything was read or skipped. */
  get end(): Offset {
    return this.#end
  }

  /** The next record at or after `from`; 'full' where it has more than `bytes`; undefined at the end of the answer. */
  next(from: Offset, bytes: number): LogRecord | 'full' | undefined {
    while (this.#left > 0 || this.#openBatch()) {
      const start = this.#cursor
      const length = this.#varint()
      const after = this.#cursor + length
      if (length < 0 || after > this.#body.length) throw this.#damaged('a record runs past the end of its batch')
      const timeAt = ++this.#cursor
      this.#skipVarint()
      const offset = this.#base + this.#varint()
      if (offset < from) {
        this.#passed(after, offset)
      } else if (after - start > bytes) {
        this.#cursor = start
        return 'full'
      } else {
        const record = this.#record(offset, timeAt)
        if (this.#cursor > after) throw this.#damaged(`the record at offset ${offset} runs past its end`)
        this.#passed(after, offset)
        return record
      }
    }
    return undefined
  }

  #passed(at: number, offset: Offset): void {
    this.#cursor = at
    this.#left--
    // Compaction may have removed records at the batch's end. They are skipped with the last record.
    this.#end = Math.max(this.#end, this.#left === 0 ? this.#batchEnd : offset + 1)
  }

  #record(offset: Offset, timeAt: number): LogRecord {
    const resume = this.#cursor
    this.#cursor = timeAt
    const timestampMs = this.#fixedMs ?? this.#baseMs + this.#varint()
    this.#cursor = resume
    const key = this.#slice()
    const value = this.#slice()
    return { offset, timestampMs, key, value, ...this.#headers() }
  }

  #headers(): Pick<LogRecord, 'headers' | 'allHeaders'> {
    const count = this.#varint()
    if (count === 0) return none
    const start = this.#cursor
    const headers: Record<string, Buffer> = {}
    let isExact = true
    for (let i = 0; i < count; i++) {
      const bytes = this.#slice() ?? noBytes
      const value = this.#slice()
      const name = bytes.toString('utf8')
      isExact &&= value !== null && !Object.hasOwn(headers, name) && isUtf8(bytes)
      putHeader(headers, name, value ?? noBytes)
    }
    return isExact ? { headers } : { headers, allHeaders: this.#allHeaders(start, count) }
  }

  #allHeaders(start: number, count: number): Header[] {
    this.#cursor = start
    return Array.from({ length: count }, () => ({ name: this.#slice() ?? noBytes, value: this.#slice() }))
  }

  /** Opens the next batch with valid records; false at the end. A truncated batch comes whole with the next request. */
  #openBatch(): boolean {
    while (this.#at + batchHeaderBytes <= this.#bytes.length) {
      const start = this.#at
      const size = 12 + this.#bytes.readInt32BE(start + 8)
      if (size < batchHeaderBytes) throw this.#damaged(`a batch has the impossible size ${size}`)
      if (start + size > this.#bytes.length) return false
      const batch = this.#bytes.subarray(start, start + size)
      this.#at = start + size
      this.#check(batch)
      this.#base = readLong(batch, 0)
      const attributes = batch.readInt16BE(21)
      if (!this.#isVoid(batch, attributes)) this.#open(batch, attributes)
      this.#batchEnd = this.#base + batch.readInt32BE(23) + 1
      if (this.#left > 0) return true
      this.#end = Math.max(this.#end, this.#batchEnd)
    }
    return false
  }

  #check(batch: Buffer): void {
    const magic = batch.readInt8(16)
    if (magic !== 2) throw this.#damaged(`message format ${magic} is older than Kafka 0.11 and cannot be read`)
    if (crc32c(batch.subarray(21)) !== batch.readUInt32BE(17)) throw this.#damaged('a batch fails its checksum')
  }

  /** Readers skip the markers of transactions and the records of aborted transactions. */
  #isVoid(batch: Buffer, attributes: number): boolean {
    const producer = readLong(batch, 43)
    for (; this.#aborted.length > 0 && this.#aborted[0]!.first <= this.#base; this.#aborted.shift())
      this.#void.add(this.#aborted[0]!.producer)
    if ((attributes & control) !== 0) this.#void.delete(producer)
    return (attributes & control) !== 0 || ((attributes & transactional) !== 0 && this.#void.has(producer))
  }

  #open(batch: Buffer, attributes: number): void {
    const body = batch.subarray(batchHeaderBytes)
    try {
      this.#body = inflate(attributes & compressionBits, body)
    } catch (error) {
      throw this.#damaged(`a batch cannot be decompressed: ${messageOf(error)}`)
    }
    this.#cursor = 0
    this.#left = batch.readInt32BE(57)
    this.#baseMs = readLong(batch, 27)
    this.#fixedMs = (attributes & logAppendTime) === 0 ? undefined : readLong(batch, 35)
  }

  #slice(): Buffer | null {
    const length = this.#varint()
    if (length < 0) return null
    const start = this.#cursor
    this.#cursor = start + length
    return this.#body.subarray(start, this.#cursor)
  }

  /** A zigzag number of up to 53 bits: the difference of two record times may take more than 32. */
  #varint(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#body[this.#cursor++]
      if (byte === undefined || scale > 2 ** 56) throw this.#damaged('a number runs past the end of its batch')
      value += (byte & 0x7f) * scale
      if (byte < 0x80) break
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  #skipVarint(): void {
    while (this.#body[this.#cursor++]! >= 0x80);
  }

  #damaged(what: string): EngineError {
    return new EngineError(
      'LOG_DAMAGED',
      `${this.#where}, near offset ${this.#end}: ${what}. Restore the partition from a replica.`,
    )
  }
}
