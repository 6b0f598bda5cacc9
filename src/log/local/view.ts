import { join } from 'node:path'
import type { Clock } from '../../base/clock.js'
import { EngineError, unless } from '../../base/errors.js'
import type { LogView, Offset, PartitionReader, TopicPartition } from '../event-log.js'
import { diskFiles, logFailure, type LogFiles } from './files.js'
import { LocalReader, firstSince, type ReadablePartition } from './reader.js'
import { extend, newSegment, readIndex, segmentBases, type Segment } from './segment.js'
import { readTopics } from './topics.js'
import { Window, frameAt } from './window.js'

export interface LocalViewOptions {
  readonly directory: string
  readonly clock: Clock
}

/** A log in files that another process may be writing to. */
export interface LocalView extends LogView {
  close(): Promise<void>
}

/** How often a reader at the end checks for new records. */
const pollMs = 50

/**
 * Reads the log in a directory that another process may own. It locks, writes and truncates nothing. It sees complete
 * frames only, so an unfinished write is not visible; bytes that the owner has not flushed yet may be visible early. It
 * reads a partition when it is first used. Throws LOG_DAMAGED and LOG_DOWN.
 */
export async function openLocalView({ directory, clock }: LocalViewOptions): Promise<LocalView> {
  const files = diskFiles(true)
  const specs = new Map(
    (await readTopics(files, directory).catch((error: unknown) => failed(error, directory))).map((spec) => [
      spec.topic,
      spec,
    ]),
  )
  const partitions = new Map<string, ViewedPartition>()

  function partitionOf({ topic, partition }: TopicPartition): ViewedPartition {
    const spec = specs.get(topic)
    if (spec === undefined || partition >= spec.partitions)
      throw new EngineError('TOPIC_MISMATCH', `there is no partition ${partition} of topic ${topic} in ${directory}`)
    const path = join(directory, topic, String(partition))
    const known = partitions.get(path) ?? new ViewedPartition(files, { topic, partition, directory: path }, clock)
    partitions.set(path, known)
    return known
  }

  return {
    async bounds(at, sinceMs) {
      const partition = partitionOf(at)
      await partition.refresh()
      const { first, next } = partition
      return {
        first: sinceMs === undefined ? first : Math.min(next, await firstSince(files, partition, sinceMs)),
        next,
      }
    },
    reader(at): PartitionReader {
      const partition = partitionOf(at)
      const reader = new LocalReader(files, partition)
      return {
        async read(from, bound, signal) {
          if (from >= partition.next) await partition.refresh()
          return reader.read(from, bound, signal)
        },
        close: () => reader.close(),
      }
    },
    async close() {
      for (const partition of partitions.values()) partition.close()
    },
  }
}

function failed(error: unknown, directory: string): never {
  throw logFailure(error, `read the log in ${directory}`)
}

/** A partition whose files another process writes. */
class ViewedPartition implements ReadablePartition {
  readonly directory: string
  readonly #files: LogFiles
  readonly #place: TopicPartition
  readonly #clock: Clock
  readonly #closing = new AbortController()
  #segments: Segment[] = []
  #refreshing: Promise<void> | undefined

  constructor(files: LogFiles, place: TopicPartition & { readonly directory: string }, clock: Clock) {
    this.#files = files
    this.#place = place
    this.#clock = clock
    this.directory = place.directory
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
  get closed(): boolean {
    return this.#closing.signal.aborted
  }

  closedError(): EngineError {
    return new EngineError('LOG_DOWN', `${this.directory}: the log is closed`)
  }

  close(): void {
    this.#closing.abort()
  }

  async grown(from: Offset, signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.#closing.signal])
    while (this.next <= from && !either.aborted) {
      await this.#clock.sleep(pollMs, either)
      await this.refresh()
    }
  }

  /** Reads what was written and removed since the last call. Concurrent calls share one run. */
  refresh(): Promise<void> {
    return (this.#refreshing ??= this.#refresh()
      .catch((error: unknown) => failed(error, this.directory))
      .finally(() => (this.#refreshing = undefined)))
  }

  async #refresh(): Promise<void> {
    const bases = segmentBases(await this.#files.list(this.directory))
    const known = new Map(this.#segments.map((segment) => [segment.base, segment]))
    const newest = this.#segments.at(-1)
    const segments: Segment[] = []
    for (const base of bases) {
      const segment = known.get(base) ?? newSegment(this.directory, this.#place.topic, this.#place.partition, base)
      const before = segments.at(-1)
      // A segment with a successor is complete. Where it is not, its reader reports the error.
      if (before !== undefined && before.next !== base) break
      if (!known.has(base)) await readIndex(this.#files, segment)
      // Only the newest segment grows.
      if ((!known.has(base) || segment === newest) && (await this.#extend(segment)) === 'gone') continue
      segments.push(segment)
    }
    this.#segments = segments
  }

  /** Adds the complete frames after the known ones. */
  async #extend(segment: Segment): Promise<'gone' | 'there'> {
    const file = await unless(['ENOENT'], this.#files.open(segment.path, 'read'))
    if (file === undefined) return 'gone'
    try {
      const size = await file.size()
      const window = new Window()
      while (segment.bytes < size) {
        const frame = await frameAt(window, { file, segment, position: segment.bytes, end: size, body: true })
        if (typeof frame === 'string' || frame.header.base !== segment.next) break
        extend(segment, frame.header)
      }
      return 'there'
    } finally {
      await file.close()
    }
  }
}
