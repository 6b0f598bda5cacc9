import type { Clock } from '../../base/clock.js'
import type { BadShareRule, AcceptedOffsets } from '../../features/memory/bad-share.js'
import type { Block } from '../../log/blocks/block.js'
import type { EventLog, Offset } from '../../log/event-log.js'
import type { Routing } from '../../scorers/routing.js'
import type { StateStore } from '../../state/state-store.js'
import type { SchemaSource } from '../../streams/codec/schema-source.js'
import type { Stops } from '../control/stops.js'
import type { TenantSource } from '../control/tenants.js'
import type { CommitInterval } from '../ground/committer.js'
import type { Misplaced } from '../ground/misplaced.js'
import type { BatchTimer } from './batch-timer.js'
import type { FoldedChunk } from './folded-chunk.js'

export interface ScoringSettings extends CommitInterval {
  readonly chunkRecords: number
  readonly cachedEntities: number
  readonly seenIds: number
  /** Expired state is dropped no more often than this; `limits.sweepIntervalMs` where absent. */
  readonly sweepIntervalMs?: number
  /** The share of bad records that stops a partition; without a rule none does. */
  readonly badShare?: BadShareRule
}

/** The result of one chunk, once its block is durable. */
export interface ChunkReport {
  readonly stream: string
  readonly partition: number
  readonly records: number
  readonly chunk: FoldedChunk
  readonly block: Block
  readonly appendedAtMs: number
  /** The share of bad records among the partition's last ones, 0..1; 0 without a rule. */
  readonly badShare: number
  /** Events whose key belongs to another partition; undefined for none. */
  readonly misplaced: readonly Misplaced[] | undefined
}

export interface ScoringDependencies {
  readonly log: EventLog
  readonly store: StateStore
  /** Schemas of records in a registry's wire format; without it such records become dead letters. */
  readonly schemas?: SchemaSource | undefined
  readonly routing: () => Routing
  /** A chunk's tenants are those at the control position that its block names. */
  readonly tenants: TenantSource
  /**
   * How far this process has read the control topic. With it, a claim waits for the decisions that earlier owners may
   * have read, and a chunk with unknown tenants waits until `routing` has reached the topic's end. So an event that
   * comes after its tenant was added never becomes a dead letter, although another process added the tenant.
   */
  readonly controlReadTo?: () => Offset
  readonly clock: Clock
  readonly settings: ScoringSettings
  /** The build that dead letters name. */
  readonly build?: string
  /** Stops for too many bad records that a person accepted. */
  readonly acceptedBadShares?: (stream: string, partition: number) => readonly AcceptedOffsets[]
  /** Stops a partition that must not continue until an operator accepts it; without it the flow fails. */
  readonly stops?: Stops | undefined
  /** Called at the claim, and after every chunk whose events have their results already. */
  readonly onCatchUp?: (catchUp: CatchUp) => void
  /** Shared by the partitions of a process. */
  readonly timer?: BatchTimer
  readonly onChunk: (report: ChunkReport) => void
  readonly onRetry: (what: string, error: unknown) => void
}

/**
 * How far a new owner is with the catch-up: folding events again that already have their result. These are the events
 * since the last commit, or all events if the state was lost.
 */
export interface CatchUp {
  readonly stream: string
  readonly partition: number
  /** The state was empty or of another plan. */
  readonly isRebuild: boolean
  /** The first, next and last offset of the catch-up, which is done when `next` is greater than `last`. */
  readonly first: Offset
  readonly next: Offset
  readonly last: Offset
}
