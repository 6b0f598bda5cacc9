import type { LostOffsets } from '../base/errors.js'

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** A partition that is stopped until an operator accepts the stop or repairs the cause. */
export interface StoppedPartition extends TopicPartition {
  /** `scoring`, or `warehouse` and the table that is filled. */
  readonly reader: string
  readonly code: string
  readonly message: string
  /** The offsets that accepting the stop gives up; null where only a repair helps. */
  readonly lost: LostOffsets | null
  readonly sinceMs: number
}

/** An operator's decision that a stopped partition may resume. */
export interface AcceptedStop extends TopicPartition {
  readonly reader: string
  readonly code: string
  readonly lost: LostOffsets
  /** Id of the key. */
  readonly by: string
  readonly why: string
  readonly atMs: number
}

/** A partition that folds events again that already have their results. */
export interface RebuildingPartition {
  readonly stream: string
  readonly partition: number
  /**
   * True when the state was lost or is of another plan. False when only the events since the last commit are folded
   * again.
   */
  readonly isRebuild: boolean
  readonly recordsDone: number
  readonly records: number
  /** Undefined before anything is done. */
  readonly etaMs: number | undefined
}

/** Partitions that are stopped or rebuilt. */
export interface PartitionsPort {
  /** `stopped` and `accepted` cover all processes; `rebuilding` covers this process only. */
  list(): {
    readonly stopped: readonly StoppedPartition[]
    readonly rebuilding: readonly RebuildingPartition[]
    readonly accepted: readonly AcceptedStop[]
  }
  /**
   * Accepts what the present stops of a partition give up, so that it resumes. BAD_REQUEST when the partition is not
   * stopped, or when only a repair helps; LOG_DOWN.
   */
  accept(at: TopicPartition & { readonly code?: string }, by: string, why: string): Promise<readonly AcceptedStop[]>
}
