import { EngineError } from '../../base/errors.js'
import { AppendQueue } from '../append-queue.js'
import type { Offset } from '../event-log.js'
import type { LogFile, LogFiles } from './files.js'
import { logFailure } from './files.js'
import { encodeFrame, frameHeaderBytes } from './frame.js'
import type { Batch } from './frame.js'
import type { ReadablePartition } from './reader.js'
import { damaged, extend, newSegment, removeSegment, writeIndex } from './segment.js'
import type { Segment } from './segment.js'
import { Window, frameAt } from './window.js'

export interface PartitionPlace {
  readonly topic: string
  readonly partition: number
  /** Contains the files of this partition only. */
  readonly directory: string
  readonly segmentBytes: number
}

interface Pending extends Batch {
  readonly resolve: (first: Offset) => void
  readonly reject: (error: EngineError) => void
}

/** The only writer of a partition. Readers use `segments`, which contain durable records only. */
export class LocalPartition implements ReadablePartition {
  readonly #files: LogFiles
  readonly #place: PartitionPlace
  readonly #segments: Segment[]
  readonly #queue = new AppendQueue<Pending>()
  readonly #waiting = new Set<() => void>()
  #file: LogFile | undefined
  /** Position of the newest frame. After a failed write it is read back, to prove that the file is complete. */
  #lastFrameAt: number | undefined
  /** A write or flush failed, so the bytes after the durable ones are unknown. */
  #suspect = false
  #rollIsDue = false
  #running: Promise<void> | undefined
  #closed = false

  constructor(files: LogFiles, place: PartitionPlace, segments: Segment[]) {
    this.#files = files
    this.#place = place
    this.#segments = segments
  }

  get segments(): readonly Segment[] {
    return this.#segments
  }
  get first(): Offset {
    return this.#segments[0]?.base ?? 0
  }
  get next(): Offset {
    return this.#segments.at(-1)?.next ?? 0
  }
  get directory(): string {
    return this.#place.directory
  }
  get closed(): boolean {
    return this.#closed
  }

  /** Resolves with the first offset when all records are on disk. */
  append(batch: Batch): Promise<Offset> {
    if (this.#closed) return Promise.reject(this.closedError())
    if (!this.#queue.hasRoomFor(batch.bytes))
      return Promise.reject(
        new EngineError(
          'LOG_DOWN',
          `${this.directory}: the disk is too slow, ${this.#queue.bytes} bytes are already waiting for it`,
        ),
      )
    return new Promise((resolve, reject) => {
      this.#queue.put({ ...batch, resolve, reject })
      this.#start()
    })
  }

  /** Resolves when there is a record at `from`, when `signal` aborts and when the partition is closed. */
  grown(from: Offset, signal: AbortSignal): Promise<void> {
    if (this.next > from || signal.aborted || this.#closed) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake)
        this.#waiting.delete(wake)
        resolve()
      }
      signal.addEventListener('abort', wake, { once: true })
      this.#waiting.add(wake)
    })
  }

  /** Removes files whose newest record is older than `cutoffMs`. Ends the active file if it began before that. */
  async expire(cutoffMs: number): Promise<void> {
    const active = this.#segments.at(-1)
    if (active !== undefined && active.firstMs < cutoffMs && !this.#closed) {
      this.#rollIsDue = true
      this.#start()
      await this.#running
    }
    while (this.#segments.length > 1 && this.#segments[0]!.maxMs < cutoffMs)
      await removeSegment(this.#files, this.#segments.shift()!)
  }

  /** Finishes the appends, writes the index of the newest file, and wakes waiting readers. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#running
    for (const wake of [...this.#waiting]) wake()
    await this.#file?.close()
    this.#file = undefined
    const active = this.#segments.at(-1)
    if (active !== undefined && !this.#suspect) await writeIndex(this.#files, active)
  }

  closedError(): EngineError {
    return new EngineError('LOG_DOWN', `${this.directory}: the log is closed`)
  }

  #start(): void {
    this.#running ??= this.#run()
  }

  /** One flush at a time. Appends that arrive meanwhile go into the next one. */
  async #run(): Promise<void> {
    await Promise.resolve()
    while (!this.#queue.isEmpty || this.#rollIsDue) {
      const batch = this.#queue.take()
      const roll = this.#rollIsDue
      this.#rollIsDue = false
      try {
        const first = await this.#flush(batch, roll)
        let offset = first
        for (const { resolve, records } of batch) {
          resolve(offset)
          offset += records.length
        }
      } catch (error) {
        const failure = logFailure(error, `append to ${this.directory}`)
        // If the repair fails now, the next write tries it again.
        await this.#repair().catch(() => undefined)
        for (const { reject } of batch) reject(failure)
      }
      for (const wake of [...this.#waiting]) wake()
    }
    this.#running = undefined
  }

  /** Writes one frame and resolves with its first offset when it is on disk. */
  async #flush(batch: readonly Pending[], roll: boolean): Promise<Offset> {
    await this.#repair()
    const { segment, file } = await this.#room(
      batch.reduce((sum, { bytes }) => sum + bytes, frameHeaderBytes),
      roll,
    )
    if (batch.length === 0) return segment.next
    const first = segment.next
    const frame = encodeFrame(segment.salt, first, batch)
    this.#suspect = true
    await file.writeThrough(frame.bytes, segment.bytes)
    this.#suspect = false
    this.#lastFrameAt = segment.bytes
    extend(segment, frame.header)
    return first
  }

  /** The file to append to: a new one when the current one is full or `roll` asks for it. */
  async #room(bytes: number, roll: boolean): Promise<{ segment: Segment; file: LogFile }> {
    const current = this.#segments.at(-1)
    const full =
      current !== undefined && current.bytes > 0 && (roll || current.bytes + bytes > this.#place.segmentBytes)
    if (current !== undefined && !full)
      return { segment: current, file: (this.#file ??= await this.#files.open(current.path, 'write')) }
    if (current !== undefined) await writeIndex(this.#files, current)
    const { directory, topic, partition } = this.#place
    const segment = newSegment(directory, topic, partition, this.next)
    await (await this.#files.open(segment.path, 'create')).close()
    await this.#files.flushDirectory(directory)
    const file = await this.#files.open(segment.path, 'write')
    await this.#file?.close()
    this.#file = file
    this.#lastFrameAt = undefined
    this.#segments.push(segment)
    return { segment, file }
  }

  /**
   * After a failure: truncates the file to its last durable frame. After a failed flush the content of the disk is
   * unknown, so the file is opened again and its last frame is read back before the next write.
   */
  async #repair(): Promise<void> {
    const segment = this.#segments.at(-1)
    if (!this.#suspect || segment === undefined) return
    const old = this.#file
    this.#file = undefined
    await old?.close().catch(() => undefined)
    const file = await this.#files.open(segment.path, 'write')
    try {
      await this.#provePresence(file, segment)
      await file.truncate(segment.bytes)
    } catch (error) {
      await file.close().catch(() => undefined)
      throw error
    }
    this.#file = file
    this.#suspect = false
  }

  async #provePresence(file: LogFile, segment: Segment): Promise<void> {
    const size = await file.size()
    if (size < segment.bytes)
      throw damaged(segment, size, `${segment.bytes - size} acknowledged bytes are missing at the end`)
    if (this.#lastFrameAt === undefined) return
    const frame = await frameAt(new Window(), {
      file,
      segment,
      position: this.#lastFrameAt,
      end: segment.bytes,
      body: true,
    })
    if (typeof frame === 'string') throw damaged(segment, this.#lastFrameAt, frame)
  }
}
