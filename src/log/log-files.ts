import type { Offset, TopicPartition } from './event-log.js'

/** The files that hold one partition of a log on this machine, as far as they are durable at one moment. */
export interface PartitionFiles extends TopicPartition {
  /** First offset held, and the next to be given. */
  readonly first: Offset
  readonly next: Offset
  /** Oldest first. Only the last one grows; retention removes from the front. */
  readonly files: readonly LogFileExtent[]
}

export interface LogFileExtent {
  /** Relative to the log's directory. */
  readonly path: string
  readonly base: Offset
  /** What stands behind them is no part of the moment. */
  readonly bytes: number
}
