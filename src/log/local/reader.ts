import { EngineError, unless } from '../../base/errors.js'
import type { LogRecord, Offset, PartitionReader, ReadBound } from '../event-log.js'
import { RecordCursor } from './cursor.js'
import type { LogFile, LogFiles } from './files.js'
import { logFailure } from './files.js'
import { frameHeaderBytes } from './frame.js'
import { damaged, lastMark } from './segment.js'
import type { Segment } from './segment.js'
import { Window, frameAt } from './window.js'

/** What a reader needs of a partition: its durable records, and a signal when there are more. */
export interface ReadablePartition {
  readonly segments: readonly Segment[]
  readonly first: Offset
  readonly next: Offset
  readonly directory: string
  readonly closed: boolean
  /** Resolves when there is a record at `from`, when `signal` aborts and when the partition is closed. */
  grown(from: Offset, signal: AbortSignal): Promise<void>
  closedError(): EngineError
}

/** Reads one partition. It keeps its position, so that a read that continues does not search. One `read` at a time. */
export class LocalReader implements PartitionReader {
  readonly #files: LogFiles
  readonly #partition: ReadablePartition
  readonly #cursor = new RecordCursor()
  #window = new Window()
  #file: LogFile | undefined
  #segment: Segment | undefined
  /** Position of the next frame in the segment's file. */
  #position = 0
  /** The offset with which the next frame must begin. */
  #frameBase: Offset = 0
  /** The offset after the last returned record; undefined where the position is unknown. */
  #next: Offset | undefined

  constructor(files: LogFiles, partition: ReadablePartition) {
    this.#files = files
    this.#partition = partition
  }

  async read(from: Offset, bound: ReadBound, signal: AbortSignal): Promise<readonly LogRecord[]> {
    while (!signal.aborted) {
      this.#check(from)
      if (from < this.#partition.next) {
        try {
          return await this.#take(from, bound)
        } catch (error) {
          this.#next = undefined
          throw logFailure(error, `read ${this.#segment?.path ?? 'the log'}`)
        }
      }
      // Offsets of a local log have no holes, so every record below the end was returned.
      if (from >= (bound.until ?? Infinity)) return []
      await this.#partition.grown(from, signal)
    }
    return []
  }

  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    this.#segment = undefined
    this.#next = undefined
    await file?.close()
  }

  #check(from: Offset): void {
    const { first, next, closed } = this.#partition
    if (closed) throw this.#partition.closedError()
    if (from > next)
      throw new EngineError(
        'LOG_RESET',
        `${this.#partition.directory} ends before offset ${next}, but ${from} was asked for: the topic was recreated`,
      )
    if (from < first)
      throw new EngineError(
        'GAP',
        `${this.#partition.directory} begins with offset ${first}, but ${from} was asked for: retention has removed it`,
      )
  }

  async #take(from: Offset, bound: ReadBound): Promise<LogRecord[]> {
    if (from !== this.#next) await this.#seek(from)
    const cursor = this.#cursor
    const records: LogRecord[] = []
    let bytes = 0
    do {
      while (cursor.left > 0) {
        bytes += cursor.nextBytes()
        if (records.length > 0 && (records.length >= bound.records || bytes > bound.bytes)) return this.#given(records)
        records.push(cursor.next())
      }
    } while (records.length < bound.records && (await this.#openFrame()))
    return this.#given(records)
  }

  #given(records: LogRecord[]): LogRecord[] {
    this.#next = records.at(-1)!.offset + 1
    return records
  }

  async #seek(from: Offset): Promise<void> {
    const segment = this.#partition.segments.findLast(({ base, bytes }) => base <= from && bytes > 0)!
    const mark = lastMark(segment, ({ offset }) => offset <= from)!
    await this.#openSegment(segment)
    this.#position = mark.position
    this.#frameBase = mark.offset
    this.#cursor.left = 0
    while (this.#frameBase <= from)
      if (!(await this.#openFrame())) throw damaged(segment, this.#position, `the frame of offset ${from} is missing`)
    for (let offset = this.#frameBase - this.#cursor.left; offset < from; offset++) this.#cursor.skip()
  }

  /** Opens the next frame; false at the end of the durable bytes. */
  async #openFrame(): Promise<boolean> {
    while (this.#position >= this.#segment!.bytes) {
      const following = this.#partition.segments.find(({ base }) => base === this.#frameBase)
      if (following === undefined || following === this.#segment) return false
      await this.#openSegment(following)
    }
    const segment = this.#segment!
    const position = this.#position
    const recent = segment === this.#partition.segments.at(-1)
    const frame = await frameAt(this.#window, {
      file: this.#file!,
      segment,
      position,
      end: segment.bytes,
      body: true,
      recent,
    })
    if (typeof frame === 'string') throw damaged(segment, position, frame)
    const { header, at } = frame
    if (header.base !== this.#frameBase)
      throw damaged(segment, position, `a frame begins with offset ${header.base} instead of ${this.#frameBase}`)
    this.#cursor.open(this.#window.bytes, at, header)
    this.#position = position + frameHeaderBytes + header.bodyBytes
    this.#frameBase = header.base + header.records
    return true
  }

  async #openSegment(segment: Segment): Promise<void> {
    if (segment !== this.#segment) {
      await this.close()
      this.#file = await unless(['ENOENT'], this.#files.open(segment.path, 'read'))
      if (this.#file === undefined) {
        this.#check(segment.base)
        throw damaged(segment, 0, 'the file is missing')
      }
      this.#segment = segment
      this.#window = new Window()
    }
    this.#position = 0
  }
}

/** The offset of the first record at or after a log time; the next offset where there is none. */
export async function firstSince(files: LogFiles, partition: ReadablePartition, sinceMs: number): Promise<Offset> {
  const segment = partition.segments.find(({ maxMs }) => maxMs >= sinceMs)
  const mark = segment?.marks.find(({ maxMs }) => maxMs >= sinceMs)
  if (segment === undefined || mark === undefined) return partition.next
  const reader = new LocalReader(files, partition)
  const { signal } = new AbortController()
  try {
    for (let from = mark.offset; from < partition.next;) {
      // Retention may remove records meanwhile, so the search continues at the first stored one.
      const records = await reader.read(Math.max(from, partition.first), { records: 1_000, bytes: 1024 * 1024 }, signal)
      const found = records.find(({ timestampMs }) => timestampMs >= sinceMs)
      if (found !== undefined) return found.offset
      from = records.at(-1)!.offset + 1
    }
    return partition.next
  } finally {
    await reader.close()
  }
}
