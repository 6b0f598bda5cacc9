import type { TopicPartition } from '../contracts/partitions.js'

/** Position of a record in its partition, from 0. Offsets may have holes. */
export type Offset = number

export type { TopicPartition } from '../contracts/partitions.js'

export interface NewRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: Readonly<Record<string, Buffer>>
  /** Epoch ms; the log sets its own time where it is absent. */
  readonly timestampMs?: number
}

export interface LogRecord {
  readonly offset: Offset
  readonly timestampMs: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, Buffer>>
}

export interface TopicSpec {
  readonly topic: string
  readonly partitions: number
  /** Records older than this may be dropped, a segment at a time; `undefined` keeps them for ever. */
  readonly retentionMs?: number
  /** Of the records of a key only the last need be kept. */
  readonly isCompacted?: boolean
}

/** At most so much of what is there now; at least one record, however large. */
export interface ReadBound {
  readonly records: number
  readonly bytes: number
  /** Wait no longer once everything below this offset has been passed. Offsets have holes, at a partition's end too. */
  readonly until?: Offset
}

/** Pulls records of one partition. Buffers stay valid until the next `read` of the same reader at least. */
export interface PartitionReader {
  /**
   * Records with offsets >= `from`, ascending. Waits until there is one (never to fill the bound); an aborted signal
   * gives an empty list, and so does a bound's `until` below which no record is left. Throws LOG_RESET when `from` is
   * beyond the end, GAP when retention has passed it, LOG_DAMAGED when stored bytes fail their checksum.
   */
  read(from: Offset, bound: ReadBound, signal: AbortSignal): Promise<readonly LogRecord[]>
  close(): Promise<void>
}

/** Partitioned, append-only topics. What was appended is durable when the promise resolves. */
export interface EventLog {
  /** Creates the topic where it is missing. TOPIC_MISMATCH where it exists with another number of partitions. */
  ensure(topic: TopicSpec): Promise<void>
  /**
   * Appends in order, contiguously, and resolves with the first offset when all are on disk. Throws DISK_FULL or
   * LOG_DOWN: the records may then be there or not, and the caller decides whether to repeat.
   */
  append(at: TopicPartition, records: readonly NewRecord[]): Promise<Offset>
  /**
   * First offset held and the next to be given. With `sinceMs`: `first` is the first record at or after that log time.
   */
  bounds(at: TopicPartition, sinceMs?: number): Promise<{ readonly first: Offset; readonly next: Offset }>
  /** A reader outside any group: tails, folds of the control topic, replays. */
  reader(at: TopicPartition): PartitionReader
}

/** A log that is only looked at: nothing is created, appended or claimed. */
export type LogView = Pick<EventLog, 'bounds' | 'reader'>

/** One partition in the hands of one group member. */
export interface Assignment extends TopicPartition {
  readonly reader: PartitionReader
  /** Aborts when the partition is taken away or the group is left; finish what is in flight, then return. */
  readonly revoked: AbortSignal
  /** Advisory: a lag metric, never a place to start from. `next` is the next offset to read. */
  commit(next: Offset): Promise<void>
}

/** Consumer groups: each partition of the topics is worked on by one member at a time. */
export interface ConsumerGroups {
  /**
   * Joins and calls `work` for every partition that is assigned; `work` returns after `revoked` aborts. Errors that
   * `work` throws reject `Membership.failed`.
   */
  join(group: string, topics: readonly string[], work: (assignment: Assignment) => Promise<void>): Promise<Membership>
  /** Per partition the group's committed next offset and the log's next offset. */
  lag(group: string): Promise<readonly GroupLag[]>
}

export interface GroupLag extends TopicPartition {
  readonly committed: Offset
  readonly next: Offset
}

export interface Membership {
  /** Rejects when a partition's work failed for good; never resolves. */
  readonly failed: Promise<never>
  /** Revokes everything, waits for the work to end, leaves. */
  leave(): Promise<void>
}
