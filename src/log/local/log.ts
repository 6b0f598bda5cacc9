import { join, relative } from 'node:path'
import type { Clock } from '../../base/clock.js'
import { EngineError } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import type {
  ConsumerGroups,
  EventLog,
  NewRecord,
  Offset,
  PartitionReader,
  TopicPartition,
  TopicSpec,
} from '../event-log.js'
import { diskFiles, logFailure } from './files.js'
import type { LogFiles } from './files.js'
import { recordBytes } from './frame.js'
import { LocalGroups } from './groups.js'
import { LocalPartition } from './partition.js'
import { LocalReader, firstSince } from './reader.js'
import { openSegments } from './recovery.js'
import type { Repair } from './recovery.js'
import { makePartitions, readTopics, writeTopic } from './topics.js'
import type { PartitionFiles } from '../../contracts/backups.js'

export type { Repair } from './recovery.js'

export interface LocalLogOptions {
  /** Only this process may use it: see `lockDirectory`. */
  readonly directory: string
  readonly clock: Clock
  readonly segmentBytes?: number
  readonly appendBytes?: number
  /** Never waits for the disk. For runs whose data is not kept. */
  readonly ephemeral?: boolean
  readonly files?: LogFiles
}

/** The event log in files on this machine, and its consumer groups in this process. */
export interface LocalLog extends EventLog, ConsumerGroups {
  /** Unfinished writes that were removed when the log was opened. */
  readonly repairs: readonly Repair[]
  /** The files of all partitions at one moment: every record that a record refers to is in them too. */
  files(): readonly PartitionFiles[]
  /** Removes the segments that are older than the retention. The caller calls it from time to time. */
  sweep(): Promise<void>
  /** Finishes the appends and closes the files. Reads that are in flight fail with LOG_DOWN. */
  close(): Promise<void>
}

interface Topic {
  spec: TopicSpec
  readonly partitions: readonly LocalPartition[]
}

class SegmentedLog implements LocalLog {
  readonly repairs: Repair[] = []
  readonly #files: LogFiles
  readonly #options: LocalLogOptions
  readonly #topics = new Map<string, Topic>()
  readonly #groups: LocalGroups
  #ensuring: Promise<void> = Promise.resolve()
  #closed: Promise<void> | undefined

  constructor(options: LocalLogOptions) {
    this.#options = options
    this.#files = options.files ?? diskFiles(options.ephemeral ?? false)
    const { clock, directory } = options
    this.#groups = new LocalGroups({
      directory: join(directory, '.groups'),
      files: this.#files,
      clock,
      log: {
        partitionsOf: (topic) => this.#topic(topic).partitions.length,
        reader: (at) => this.reader(at),
        bounds: (at) => this.bounds(at),
      },
    })
  }

  async open(): Promise<void> {
    await this.#files.makeDirectory(this.#options.directory)
    for (const spec of await readTopics(this.#files, this.#options.directory)) {
      await makePartitions(this.#files, this.#options.directory, spec)
      await this.#openTopic(spec)
    }
  }

  ensure(spec: TopicSpec): Promise<void> {
    const ensured = this.#ensuring.then(() => this.#ensure(spec))
    this.#ensuring = ensured.catch(() => undefined)
    return ensured
  }

  async append(at: TopicPartition, records: readonly NewRecord[]): Promise<Offset> {
    const partition = this.#partition(at)
    if (records.length === 0) return partition.next
    const { appendBytes = limits.appendBytes, clock } = this.#options
    let bytes = 0
    for (const record of records) bytes += recordBytes(record)
    if (bytes > appendBytes)
      throw new EngineError(
        'TOO_LARGE',
        `${partition.directory}: an append of ${bytes} bytes, at most ${appendBytes} are allowed`,
      )
    return partition.append({ records, bytes, nowMs: clock.nowMs() })
  }

  async bounds(at: TopicPartition, sinceMs?: number): Promise<{ readonly first: Offset; readonly next: Offset }> {
    const partition = this.#partition(at)
    const { next } = partition
    const first =
      sinceMs === undefined ? partition.first : Math.min(next, await firstSince(this.#files, partition, sinceMs))
    return { first, next }
  }

  reader(at: TopicPartition): PartitionReader {
    return new LocalReader(this.#files, this.#partition(at))
  }

  join(...args: Parameters<ConsumerGroups['join']>): ReturnType<ConsumerGroups['join']> {
    return this.#groups.join(...args)
  }

  lag(group: string): ReturnType<ConsumerGroups['lag']> {
    return this.#groups.lag(group)
  }

  files(): readonly PartitionFiles[] {
    const { directory } = this.#options
    return [...this.#topics].flatMap(([topic, { partitions }]) =>
      partitions.map(({ first, next, segments }, partition) => ({
        topic,
        partition,
        first,
        next,
        files: segments.map(({ path, base, bytes }) => ({ path: relative(directory, path), base, bytes })),
      })),
    )
  }

  async sweep(): Promise<void> {
    const nowMs = this.#options.clock.nowMs()
    for (const { spec, partitions } of this.#topics.values()) {
      if (spec.retentionMs === undefined) continue
      for (const partition of partitions) await partition.expire(nowMs - spec.retentionMs)
    }
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  async #close(): Promise<void> {
    await this.#ensuring
    await this.#groups.close()
    await Promise.all(
      [...this.#topics.values()].flatMap(({ partitions }) => partitions.map((partition) => partition.close())),
    )
  }

  async #ensure(spec: TopicSpec): Promise<void> {
    const known = this.#topics.get(spec.topic)
    if (known !== undefined && known.spec.partitions !== spec.partitions)
      throw new EngineError(
        'TOPIC_MISMATCH',
        `topic ${spec.topic} has ${known.spec.partitions} partitions, ${spec.partitions} were asked for. ` +
          'Keep the number, or name a new topic.',
      )
    if (known !== undefined && known.spec.retentionMs === spec.retentionMs) return
    try {
      await writeTopic(this.#files, this.#options.directory, spec)
    } catch (error) {
      throw logFailure(error, `create topic ${spec.topic}`)
    }
    if (known !== undefined) known.spec = spec
    else await this.#openTopic(spec)
  }

  async #openTopic(spec: TopicSpec): Promise<void> {
    const { directory, segmentBytes = limits.segmentBytes } = this.#options
    const numbers = Array.from({ length: spec.partitions }, (_, partition) => partition)
    const partitions = await Promise.all(
      numbers.map(async (partition) => {
        const { segments, repairs } = await openSegments(this.#files, directory, spec.topic, partition)
        this.repairs.push(...repairs)
        const place = {
          topic: spec.topic,
          partition,
          directory: join(directory, spec.topic, String(partition)),
          segmentBytes,
        }
        return new LocalPartition(this.#files, place, segments)
      }),
    )
    this.#topics.set(spec.topic, { spec, partitions })
  }

  #topic(name: string): Topic {
    const topic = this.#topics.get(name)
    if (topic === undefined) throw new EngineError('TOPIC_MISMATCH', `there is no topic ${name}: create it with ensure`)
    return topic
  }

  #partition({ topic, partition }: TopicPartition): LocalPartition {
    const found = this.#topic(topic).partitions[partition]
    if (found === undefined) throw new EngineError('TOPIC_MISMATCH', `topic ${topic} has no partition ${partition}`)
    return found
  }
}

/** Opens the log in a directory and creates the directory if needed. Throws LOG_DAMAGED, LOG_DOWN and DISK_FULL. */
export async function openLocalLog(options: LocalLogOptions): Promise<LocalLog> {
  const log = new SegmentedLog(options)
  try {
    await log.open()
  } catch (error) {
    throw logFailure(error, `open the log in ${options.directory}`)
  }
  return log
}
