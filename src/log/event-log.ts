import type { TopicPartition } from '../contracts/partitions.js'

/** Position of a record in its partition, from 0. Offsets may have holes. */
export type Offset = number

export type { TopicPartition } from '../contracts/partitions.js'

/** A header as its producer wrote it. */
export interface Header {
  readonly name: Buffer
  readonly value: Buffer | null
}

export interface NewRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: Readonly<Record<string, Buffer>>
  /** Written in place of `headers` by a log that can hold them. A local log writes `headers`. */
  readonly allHeaders?: readonly Header[]
  /** Epoch ms; where absent, the log sets its own time. */
  readonly timestampMs?: number
}

export interface LogRecord {
  readonly offset: Offset
  readonly timestampMs: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** By name. Of several headers with one name the last one counts, as in Kafka's clients; a null value is empty. */
  readonly headers: Readonly<Record<string, Buffer>>
  /** Every header in order; only where `headers` lacks something: repeated names, null values, names without UTF-8. */
  readonly allHeaders?: readonly Header[]
}

export interface TopicSpec {
  readonly topic: string
  readonly partitions: number
  /** Records older than this may be dropped, a segment at a time; `undefined` keeps them for ever. */
  readonly retentionMs?: number
  /** The log may drop every record but the last one of each key. */
  readonly isCompacted?: boolean
}

/** How much of the available records one read returns: at least one record, even if it exceeds `bytes`. */
export interface ReadBound {
  readonly records: number
  readonly bytes: number
  /** Do not wait when no record below this offset is left. Offsets may have holes, also at a partition's end. */
  readonly until?: Offset
}

/** Reads one partition. Returned buffers stay valid at least until the next `read` of the same reader. */
export interface PartitionReader {
  /**
   * Records with offsets >= `from`, ascending. Waits until there is at least one, but never to fill the bound. Returns
   * an empty list when the signal aborts, or when no record below the bound's `until` is left. Throws LOG_RESET when
   * `from` is beyond the end, GAP when retention has removed it, LOG_DAMAGED when stored bytes fail their checksum.
   */
  read(from: Offset, bound: ReadBound, signal: AbortSignal): Promise<readonly LogRecord[]>
  /**
   * The lowest offset at or after `from` that may hold a record, as far as this reader has read; asks nobody. It is
   * larger than `from` where transaction markers, aborted records or holes of compaction follow. A log without these
   * has no such method.
   */
  skip?(from: Offset): Offset
  close(): Promise<void>
}

/** Partitioned, append-only topics. Appended records are durable when the promise resolves. */
export interface EventLog {
  /** Creates the topic where it is missing. TOPIC_MISMATCH where it exists with another number of partitions. */
  ensure(topic: TopicSpec): Promise<void>
  /**
   * Appends the records in order and without others between them. Resolves with the first offset when all are on disk.
   * Throws DISK_FULL or LOG_DOWN: the records may then be stored or not, and the caller decides whether to repeat.
   */
  append(at: TopicPartition, records: readonly NewRecord[]): Promise<Offset>
  /**
   * The offset of the first stored record and the offset that the next record will get. With `sinceMs`, `first` is the
   * first record at or after that log time.
   */
  bounds(at: TopicPartition, sinceMs?: number): Promise<{ readonly first: Offset; readonly next: Offset }>
  /** A reader outside any group: tails, folds of the control topic, replays. */
  reader(at: TopicPartition): PartitionReader
}

/** Read-only access to a log. */
export type LogView = Pick<EventLog, 'bounds' | 'reader'>

/** One partition that a group member works on. */
export interface Assignment extends TopicPartition {
  readonly reader: PartitionReader
  /** Aborts when the member loses the partition or leaves the group. Work finishes what is in flight and returns. */
  readonly revoked: AbortSignal
  /**
   * For the lag metric only; no reader starts from it. `next` is the next offset to read. Offsets after it that hold no
   * record count as committed.
   */
  commit(next: Offset): Promise<void>
}

/** Consumer groups: one member at a time works on each partition of the topics. */
export interface ConsumerGroups {
  /**
   * Joins, and calls `work` for every partition that this member gets. `work` returns after `revoked` aborts. An error
   * from `work` rejects `Membership.failed`.
   */
  join(group: string, topics: readonly string[], work: (assignment: Assignment) => Promise<void>): Promise<Membership>
  /**
   * For each partition, the group's committed next offset and the log's next offset. Offsets of open transactions are
   * not part of it. Offsets without a record are, until a member has read past them.
   */
  lag(group: string): Promise<readonly GroupLag[]>
}

export interface GroupLag extends TopicPartition {
  readonly committed: Offset
  readonly next: Offset
}

export interface Membership {
  /** Rejects when the work on a partition failed; never resolves. */
  readonly failed: Promise<never>
  /** Revokes all partitions, waits until their work has ended, and leaves the group. */
  leave(): Promise<void>
}
