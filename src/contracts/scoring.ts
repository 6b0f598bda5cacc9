import type { ErrorCode } from '../base/errors.js'
import type { Caller } from './callers.js'
import type { Outcome } from './outcomes.js'
import type { RiskLevel } from './risks.js'
import type { StreamView } from './streams.js'

/** Why the engine did not take an event, and the column at fault where there is one. */
export interface Rejected {
  /** Absent where the event has no readable id. */
  readonly event_id?: string
  readonly error: { readonly code: ErrorCode | 'FORBIDDEN'; readonly message: string; readonly field?: string }
}

export const isRejected = (result: object): result is Rejected => 'error' in result

export interface Acknowledged {
  readonly event_id: string
  readonly partition: number
  readonly offset: number
}
export type IngestResult = Acknowledged | Rejected

/** The score of one event, and what computed it. */
export interface Predicted {
  readonly event_id: string
  /** 0..1. */
  readonly score: number
  readonly risk: RiskLevel
  /** Version of the model, or `heuristic_v1`. */
  readonly version: string
  readonly served_by: 'model' | 'heuristic'
  /** Why the heuristic served; null when the model did. */
  readonly why: 'no-model' | 'model-error' | 'timeout' | 'heuristic-error' | null
  /** Features that raised the score, strongest first. */
  readonly reasons: readonly string[]
  /** The event is older than its tenant's newest by more than the stream's lateness. */
  readonly late: boolean
  /** Present when several partitions hold a part of the event's history; the features are then from one of them. */
  readonly split?: boolean
}
export type PredictResult = Predicted | Rejected

/** Takes events into the engine and returns scores. Results are in the order of the events. */
export interface ScoringPort {
  /** The streams as they are now. What serves may change between two calls; the rest does not. */
  streams(): readonly StreamView[]
  /**
   * Decodes one Avro body into a plain event: single-object encoding (C3 01, fingerprint), or, without that header, a
   * datum of the stream's own schema. BAD_AVRO, UNKNOWN_SCHEMA.
   */
  decodeAvro(stream: string, body: Buffer): unknown
  /**
   * Checks events against the schema and appends the good ones in order. Resolves when these are durable. A bad event
   * is rejected with its reason and does not delay the others. A repeated event id is acknowledged again and scored
   * once. A throw (LOG_DOWN, DISK_FULL) acknowledges nothing, but some events may be in the log: repeat all of them.
   */
  ingest(stream: string, events: readonly unknown[], caller: Caller): Promise<readonly IngestResult[]>
  /**
   * Scores events against the current state without folding them, and logs the predictions: before it answers when
   * `durable`, else right after. Answers within `limits.apiScoreTimeoutMs`; the heuristic scores when the model is too
   * slow. STORE_DOWN; LOG_DOWN and DISK_FULL when `durable`, or when the log has been unreachable for long.
   */
  predict(
    stream: string,
    events: readonly unknown[],
    caller: Caller,
    durable?: boolean,
  ): Promise<readonly PredictResult[]>
  /**
   * The features that belong to one entity alone, for windows that end at `atMs` (now, when absent). Undefined when the
   * state of the tenant has no such entity. `ids` are in the order of the entity's columns. UNKNOWN_ENTITY, STORE_DOWN.
   */
  features(
    stream: string,
    entity: string,
    tenant: string,
    ids: readonly string[],
    atMs?: number,
  ): Promise<EntityFeatures | undefined>
  /**
   * Appends outcomes. Resolves when all are durable; throws when one may not be. The same outcome may be appended
   * again. LOG_DOWN, DISK_FULL.
   */
  appendOutcomes(outcomes: readonly Outcome[], caller: Caller): Promise<void>
}

export interface EntityFeatures {
  readonly atMs: number
  /** By name; NaN where the feature has no value. */
  readonly values: Readonly<Record<string, number>>
  /** The partitions, where several hold a part of the entity's history. The values are those of the first one. */
  readonly split?: readonly number[]
}
