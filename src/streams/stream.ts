import type { AvroRecord } from '../contracts/streams.js'
import type { FeatureSet } from '../features/feature.js'

/** When and how a prediction without an outcome gets a label. */
export interface OutcomeRule {
  /** A prediction without an outcome counts as `silenceMeans` this long after its event. */
  readonly matureAfterMs: number
  readonly silenceMeans: 'genuine' | 'unknown'
}

/** Accepted formats of events: JSON, Avro with either header, or any of them. */
export type Accepted = 'any' | 'avro' | 'json'

/** One input of the engine: a plain, frozen object with everything that the engine knows about it. */
export interface Stream extends FeatureSet {
  readonly name: string
  readonly topic: string
  readonly partitions: number
  readonly retentionMs: number
  /** The Avro record schema as JSON. Events are written with it and read as it. */
  readonly schema: AvroRecord
  /** Earlier versions of the schema, whose Avro events can still be read. */
  readonly olderSchemas: readonly AvroRecord[]
  /** The formats that producers may write to the topic; `any` by default. The engine writes an accepted format too. */
  readonly accepts?: Accepted
  /** Model family (`models/<family>/...`); undefined when only the heuristic serves. */
  readonly model: string | undefined
  /** Score in 0..1 from feature values by name. Pure. */
  readonly heuristic: (x: Readonly<Record<string, number>>) => number
  /**
   * Uninformative feature values (0 by default). While the heuristic serves, reasons are computed by replacing features
   * with them.
   */
  readonly typical?: Readonly<Record<string, number>>
  /** score >= high is high risk, score >= medium is medium risk, any other is low. */
  readonly risk: { readonly high: number; readonly medium: number }
  /** The lowest risk level for which the log path stores the reasons of a score. */
  readonly reasonsFrom: 'medium' | 'high' | 'never'
  readonly outcome: OutcomeRule
  /** The column of the tenant; events of tenants that are not configured become dead letters. */
  readonly tenant: string
}

/** The topics of a stream. */
export const topicsOf = (stream: Pick<Stream, 'topic'>) => ({
  events: stream.topic,
  predictions: `${stream.topic}.predictions`,
  deadLetters: `${stream.topic}.dead-letters`,
})
