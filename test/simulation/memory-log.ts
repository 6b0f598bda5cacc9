import { EngineError } from '../../src/base/errors.js'
import type {
  ConsumerGroups,
  EventLog,
  GroupLag,
  LogRecord,
  Membership,
  NewRecord,
  Offset,
  PartitionReader,
  ReadBound,
  TopicPartition,
  TopicSpec,
} from '../../src/log/event-log.js'
import { MemoryGroup, type Work } from './memory-group.js'

/** Records of one partition. Offsets ascend and may have holes. */
export interface MemoryPartition {
  readonly records: LogRecord[]
  first: Offset
  next: Offset
  readonly waiting: Set<() => void>
}

export const placeOf = ({ topic, partition }: TopicPartition): string => `${topic}/${String(partition)}`

/**
 * An event log in memory. What a call does it does at once, before it gives its promise back. A reader spoils the
 * buffers of its last answer when it is asked again, as the port allows.
 */
export class MemoryLog implements EventLog, ConsumerGroups {
  readonly #topics = new Map<string, readonly MemoryPartition[]>()
  readonly #groups = new Map<string, MemoryGroup>()
  readonly #nowMs: () => number

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  partition({ topic, partition }: TopicPartition): MemoryPartition {
    const found = this.#topics.get(topic)?.[partition]
    if (found === undefined)
      throw new EngineError('TOPIC_MISMATCH', `there is no partition ${partition} of a topic ${topic}`)
    return found
  }

  partitionsOf(topic: string): number {
    return this.#topics.get(topic)?.length ?? 0
  }

  get topics(): readonly string[] {
    return [...this.#topics.keys()]
  }

  /** Leaves out the next offsets, as the markers of transactions and compaction do. */
  skip(at: TopicPartition, count: number): void {
    const partition = this.partition(at)
    partition.next += count
    for (const wake of partition.waiting) wake()
  }

  async ensure({ topic, partitions }: TopicSpec): Promise<void> {
    const known = this.#topics.get(topic)
    if (known === undefined)
      this.#topics.set(
        topic,
        Array.from({ length: partitions }, () => ({ records: [], first: 0, next: 0, waiting: new Set() })),
      )
    else if (known.length !== partitions)
      throw new EngineError('TOPIC_MISMATCH', `topic ${topic} has ${known.length} partitions, not ${partitions}`)
  }

  async append(at: TopicPartition, records: readonly NewRecord[]): Promise<Offset> {
    const partition = this.partition(at)
    const first = partition.next
    for (const { key, value, headers = {}, timestampMs = this.#nowMs() } of records)
      partition.records.push({
        offset: partition.next++,
        timestampMs,
        key: copied(key),
        value: copied(value),
        headers: copiedAll(headers),
      })
    for (const wake of partition.waiting) wake()
    return first
  }

  async bounds(at: TopicPartition, sinceMs?: number): Promise<{ readonly first: Offset; readonly next: Offset }> {
    const { records, first, next } = this.partition(at)
    if (sinceMs === undefined) return { first, next }
    return { first: records.find(({ timestampMs }) => timestampMs >= sinceMs)?.offset ?? next, next }
  }

  reader(at: TopicPartition): PartitionReader {
    return new MemoryReader(this.partition(at), placeOf(at))
  }

  group(name: string): MemoryGroup {
    const known = this.#groups.get(name) ?? new MemoryGroup(this)
    this.#groups.set(name, known)
    return known
  }

  async join(group: string, topics: readonly string[], work: Work): Promise<Membership> {
    return this.group(group).join(topics, work)
  }

  async lag(group: string): Promise<readonly GroupLag[]> {
    return this.group(group).committed.map(({ topic, partition, committed }) => ({
      topic,
      partition,
      committed,
      next: this.partition({ topic, partition }).next,
    }))
  }
}

class MemoryReader implements PartitionReader {
  #given: readonly LogRecord[] = []

  constructor(
    readonly partition: MemoryPartition,
    readonly place: string,
  ) {}

  async read(from: Offset, bound: ReadBound, signal: AbortSignal): Promise<readonly LogRecord[]> {
    for (const record of this.#given) spoil(record)
    this.#given = []
    for (;;) {
      if (signal.aborted) return []
      const found = this.#take(from, bound)
      if (found.length > 0 || this.partition.next >= (bound.until ?? Infinity)) return (this.#given = found)
      await this.#more(signal)
    }
  }

  async close(): Promise<void> {
    this.#given = []
  }

  #take(from: Offset, { records: most, bytes: mostBytes }: ReadBound): LogRecord[] {
    const { records, first, next } = this.partition
    if (from > next)
      throw new EngineError(
        'LOG_RESET',
        `${this.place} ends before offset ${next}, but ${from} was asked for: the topic was recreated`,
      )
    if (from < first)
      throw new EngineError(
        'GAP',
        `${this.place} begins with offset ${first}, but ${from} was asked for: retention has removed it`,
      )
    const found: LogRecord[] = []
    let bytes = 0
    for (let i = indexOf(records, from); i < records.length && found.length < most; i++) {
      const record = records[i]!
      bytes += 40 + (record.key?.length ?? 0) + (record.value?.length ?? 0)
      if (found.length > 0 && bytes > mostBytes) break
      found.push({
        ...record,
        key: copied(record.key),
        value: copied(record.value),
        headers: copiedAll(record.headers),
      })
    }
    return found
  }

  #more(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.partition.waiting.delete(wake)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      this.partition.waiting.add(wake)
      signal.addEventListener('abort', wake)
    })
  }
}

/** The first record at or after an offset. */
function indexOf(records: readonly LogRecord[], from: Offset): number {
  let [low, high] = [0, records.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (records[middle]!.offset < from) low = middle + 1
    else high = middle
  }
  return low
}

const copied = (bytes: Buffer | null): Buffer | null => (bytes === null ? null : Buffer.from(bytes))
const copiedAll = (headers: Readonly<Record<string, Buffer>>): Record<string, Buffer> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Buffer.from(value)]))

function spoil({ key, value, headers }: LogRecord): void {
  key?.fill(0xee)
  value?.fill(0xee)
  for (const header of Object.values(headers)) header.fill(0xee)
}
