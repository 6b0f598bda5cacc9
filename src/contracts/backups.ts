import type { TopicPartition } from './partitions.js'

/** The files of one partition of a local log, with their durable bytes at one moment. */
export interface PartitionFiles extends TopicPartition {
  /** The first stored offset, and the offset of the next record. */
  readonly first: number
  readonly next: number
  /** The oldest first. Only the last file grows; retention removes the first ones. */
  readonly files: readonly LogFileExtent[]
}

export interface LogFileExtent {
  /** Relative to the log's directory. */
  readonly path: string
  /** Offset of the first record. */
  readonly base: number
  /** Bytes after these were written later and do not belong to this moment. */
  readonly bytes: number
}

/** The stores' part of a backup: the files that an engine wrote for copying, and the log at that moment. */
export interface HeldParts {
  /** The data directory, on the machine of the engine. */
  readonly directory: string
  /** Where ClickHouse's own backups lie. They are older than `log`, so the log holds everything that they lack. */
  readonly warehouse: string
  /** The log at one moment: no record in it refers to a record outside it. */
  readonly log: readonly PartitionFiles[]
}

/** How far an engine is with its part of a backup. */
export type HoldProgress =
  | { readonly state: 'writing'; readonly bytes: number }
  | { readonly state: 'ready'; readonly parts: HeldParts }
  | { readonly state: 'failed'; readonly message: string }

/** What an engine does for a backup, one at a time. The engine removes leftovers when it starts. */
export interface BackupHolding {
  /**
   * Begins to write the stores' part and returns its id. The engine takes and scores events meanwhile. LOCKED while
   * another part is in use.
   */
  begin(): Promise<string>
  /**
   * Undefined when there is no such part, or it is gone. The process that copies must call this at least every
   * `limits.backupLeaseMs`.
   */
  progress(id: string): HoldProgress | undefined
  /** Removes the part once writing has ended. Resolves with whether there was such a part. */
  end(id: string): Promise<boolean>
}
