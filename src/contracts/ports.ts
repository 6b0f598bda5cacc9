/**
 * What the HTTP API needs of the engine. The API checks keys, tenants and shapes; everything behind these functions
 * knows nothing of HTTP. A failed call throws an EngineError, whose code decides the status of the answer.
 */
import type { Registry } from 'prom-client'
import type { ErrorCode, LostOffsets } from '../base/errors.js'
import type { DeadLetters } from './dead-letters.js'
import type { RiskLevel } from '../log/blocks/block.js'
import type { PartitionFiles } from '../log/log-files.js'
import type { PredictionFilter, PredictionRow } from './predictions.js'
import type { RunResults } from './runs.js'
import type { AvroRecord } from '../streams/stream.js'

export type { PredictionFilter, PredictionRow } from './predictions.js'

/** The tenant of the operator's keys: every tenant. */
export const everyTenant = '*'

/** On whose behalf a call is made. */
export interface Caller {
  /**
   * A tenant, or `everyTenant`. Events handed over have passed: they name this tenant, or the caller is the operator.
   */
  readonly tenant: string
  /** Id of the key, for audit; never the key. */
  readonly key: string
}

/** What became of one event that could not be taken: the reason, and the column where one is to blame. */
export interface Rejected {
  /** Absent where the event has no readable id. */
  readonly event_id?: string
  readonly error: { readonly code: ErrorCode | 'FORBIDDEN'; readonly message: string; readonly field?: string }
}

export interface StreamView {
  readonly name: string
  readonly topic: string
  readonly partitions: number
  readonly schema: AvroRecord
  /** Columns with a role; the API fills in an absent tenant, and for predictions an absent id and time. */
  readonly columns: { readonly id: string; readonly tenant: string; readonly time: string; readonly key: string }
  readonly entities: readonly {
    readonly name: string
    readonly columns: readonly string[]
    readonly scope: 'tenant' | 'partition'
  }[]
  /** In the order of the vector. */
  readonly features: readonly { readonly name: string; readonly kind: string }[]
  /** Model family; null where only the heuristic is meant to serve. */
  readonly family: string | null
  /** Who serves now. */
  readonly serving: { readonly by: 'model' | 'heuristic'; readonly version: string }
  readonly risk: { readonly high: number; readonly medium: number }
  readonly fingerprint: string
}

export interface Acknowledged {
  readonly event_id: string
  readonly partition: number
  readonly offset: number
}
export type IngestResult = Acknowledged | Rejected

export interface Predicted {
  readonly event_id: string
  /** 0..1. */
  readonly score: number
  readonly risk: RiskLevel
  /** Version of the model, or `heuristic_v1`. */
  readonly version: string
  readonly served_by: 'model' | 'heuristic'
  /** Why the heuristic served; null when the model did. */
  readonly why: 'no-model' | 'model-error' | 'timeout' | null
  /** Features that raised the score, strongest first. */
  readonly reasons: readonly string[]
  /** The event is older than its tenant's newest by more than the stream's lateness. */
  readonly late: boolean
}
export type PredictResult = Predicted | Rejected

/** The way of events into the engine and of scores out of it. Results come in the order of the events. */
export interface ScoringPort {
  /** The streams, as they are now: who serves may change between two calls, the rest does not. */
  streams(): readonly StreamView[]
  /**
   * One Avro body as a plain event: single-object encoding (C3 01, fingerprint), or without that header a datum of
   * the stream's own schema. BAD_AVRO, UNKNOWN_SCHEMA.
   */
  decodeAvro(stream: string, body: Buffer): unknown
  /**
   * Checks events against the schema and appends the good ones in order. Resolves when these are durable; a bad one
   * is rejected with its reason and does not hold the others up. An event id may come again: it is acknowledged again
   * and scored once. A throw (LOG_DOWN, DISK_FULL) acknowledges nothing, though some may be in: repeat all.
   */
  ingest(stream: string, events: readonly unknown[], caller: Caller): Promise<readonly IngestResult[]>
  /**
   * Scores events against the present state without folding them and logs the predictions: before it answers where
   * that is to be `durable`, else right after. Answers within `limits.apiScoreTimeoutMs`, by the heuristic where the
   * model does not. STORE_DOWN; LOG_DOWN and DISK_FULL where it is durable or the log has been away for long.
   */
  predict(
    stream: string,
    events: readonly unknown[],
    caller: Caller,
    durable?: boolean,
  ): Promise<readonly PredictResult[]>
  /**
   * The features that belong to one entity alone, for windows that end at `atMs` (now, when absent); undefined when the
   * tenant has no such entity in the state. `ids` in the order of the entity's columns. UNKNOWN_ENTITY, STORE_DOWN.
   */
  features(
    stream: string,
    entity: string,
    tenant: string,
    ids: readonly string[],
    atMs?: number,
  ): Promise<EntityFeatures | undefined>
  /**
   * Appends outcomes; resolves when all are durable, throws when one may not be. An outcome may come again. LOG_DOWN,
   * DISK_FULL.
   */
  appendOutcomes(outcomes: readonly Outcome[], caller: Caller): Promise<void>
}

export interface EntityFeatures {
  readonly atMs: number
  /** By name; NaN where the feature has no value. */
  readonly values: Readonly<Record<string, number>>
}

/** The truth about a prediction. */
export interface Outcome {
  readonly stream: string
  readonly tenant: string
  readonly event_id: string
  /** 1: what the stream looks for was there (fraud, conflict, misread, incident). 0: it was not. */
  readonly label: 0 | 1
  /** How it is known; a later and surer source wins where they differ. */
  readonly source: 'correction' | 'review' | 'event'
  readonly decidedAtMs: number
  readonly note?: string
}

/** Served predictions as the warehouse has them: about a second behind the log. Both throw WAREHOUSE_DOWN. */
export interface PredictionQueries {
  /**
   * Newest event time first. `next` continues after the page and is absent on the last; BAD_REQUEST when `cursor` is
   * not one of these.
   */
  findPredictions(
    filter: PredictionFilter,
    cursor: string | undefined,
    limit: number,
  ): Promise<{ readonly rows: readonly PredictionRow[]; readonly next?: string }>
  /**
   * Every served prediction of the event id: of one tenant, or of all when `tenant` is absent; newest first, empty when
   * there is none.
   */
  predictionsOf(eventId: string, tenant: string | undefined): Promise<readonly PredictionRow[]>
}

/**
 * The stores' part of a backup: what an engine has written for whoever copies it, and how far its log goes with that.
 */
export interface HeldParts {
  /** The data directory, on the machine of the engine. */
  readonly directory: string
  /** Where ClickHouse's own backups lie. They are older than `log`, so that what they lack is read from it. */
  readonly warehouse: string
  /** The log at one moment: no record in it speaks of one that is not. */
  readonly log: readonly PartitionFiles[]
}

/** How far an engine is with its part. */
export type HoldStanding =
  | { readonly state: 'writing'; readonly bytes: number }
  | { readonly state: 'ready'; readonly parts: HeldParts }
  | { readonly state: 'failed'; readonly message: string }

/** What an engine does for a backup, one at a time; what is left over goes when the engine starts. */
export interface BackupHolding {
  /**
   * Begins to write the stores' part and gives it an id. Events are taken and scored meanwhile. LOCKED while another
   * one is asked for.
   */
  begin(): Promise<string>
  /**
   * Undefined where there is no such part, or none any more. Whoever copies asks again at least every
   * `limits.backupLeaseMs`.
   */
  standing(id: string): HoldStanding | undefined
  /** Removes what was written once writing has ended; whether there was such a part. */
  end(id: string): Promise<boolean>
}

export interface ReadinessCheck {
  readonly check: string
  readonly ok: boolean
  readonly detail: string
  /** The engine does its work, and a person should look nevertheless. */
  readonly attention?: boolean
}

/** A partition that stands still until an operator has looked at it. */
export interface StoppedPartition {
  /** `scoring`, or `warehouse` and the table that is filled. */
  readonly reader: string
  readonly topic: string
  readonly partition: number
  readonly code: string
  readonly message: string
  /** The offsets that going on gives up; null where only a repair helps. */
  readonly lost: LostOffsets | null
  readonly sinceMs: number
}

/** An operator's word that a partition may go on. */
export interface AcceptedStop {
  readonly reader: string
  readonly topic: string
  readonly partition: number
  readonly code: string
  readonly lost: LostOffsets
  /** Id of the key. */
  readonly by: string
  readonly why: string
  readonly atMs: number
}

export interface RebuildingPartition {
  readonly stream: string
  readonly partition: number
  readonly recordsDone: number
  readonly records: number
  /** Undefined before anything is done. */
  readonly etaMs: number | undefined
}

/** Partitions that do not simply go on. */
export interface PartitionsPort {
  /** Of all processes, except `rebuilding`, which is this process' own. */
  look(): {
    readonly stopped: readonly StoppedPartition[]
    readonly rebuilding: readonly RebuildingPartition[]
    readonly accepted: readonly AcceptedStop[]
  }
  /**
   * Lets a partition go on over what its present stops give up. BAD_REQUEST where it does not stand, or only a repair
   * helps; LOG_DOWN.
   */
  accept(
    at: { readonly topic: string; readonly partition: number; readonly code?: string },
    by: string,
    why: string,
  ): Promise<readonly AcceptedStop[]>
}

/** What is asked of the warehouse. */
export interface WarehouseQueries extends PredictionQueries {
  /**
   * Rows of a SELECT that a person wrote, `limit` at most, and whether there were more. BAD_REQUEST where it is
   * anything but a SELECT over the warehouse's own tables, or takes too much; WAREHOUSE_DOWN.
   */
  select(
    sql: string,
    limit: number,
  ): Promise<{ readonly rows: readonly Readonly<Record<string, unknown>>[]; readonly more: boolean }>
}

export interface ApiPorts {
  readonly scoring: ScoringPort
  readonly letters: DeadLetters
  readonly queries: WarehouseQueries
  readonly partitions: PartitionsPort
  /** What runs beside the engine leave in the warehouse. */
  readonly runs: RunResults
  /** Absent where the stores are servers, which have backups of their own. */
  readonly backups?: BackupHolding | undefined
  /** Whether the engine can do its work now, part by part. Never rejects. */
  readiness(): Promise<readonly ReadinessCheck[]>
  readonly metrics: Registry
}

export const isRejected = (result: object): result is Rejected => 'error' in result
