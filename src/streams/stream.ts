import type { AvroRecord } from '../contracts/streams.js'
import type { FeatureSet } from '../features/feature.js'

/** The truth about a prediction, and what its absence means. */
export interface OutcomeRule {
  /** A prediction without an outcome is taken as `silenceMeans` this long after its event. */
  readonly matureAfterMs: number
  readonly silenceMeans: 'genuine' | 'unknown'
}

/** Formats of events: JSON, Avro with either header, or whichever comes. */
export type Accepted = 'any' | 'avro' | 'json'

/** One input of the engine, plain and frozen: all that the rest of the engine knows about it. */
export interface Stream extends FeatureSet {
  readonly name: string
  readonly topic: string
  readonly partitions: number
  readonly retentionMs: number
  /** The Avro record schema as JSON: what events are written with and become. */
  readonly schema: AvroRecord
  /** Earlier versions of the schema, whose Avro events are still read. */
  readonly olderSchemas: readonly AvroRecord[]
  /** In what format producers may write to the topic; either unless said. What the engine itself writes follows it. */
  readonly accepts?: Accepted
  /** Model family (`models/<family>/...`); without one the heuristic serves. */
  readonly model: string | undefined
  /** Score in 0..1 from feature values by name. Pure. */
  readonly heuristic: (x: Readonly<Record<string, number>>) => number
  /**
   * Feature values that say nothing (0 where none is given): what a reason is measured against while the heuristic
   * serves.
   */
  readonly typical?: Readonly<Record<string, number>>
  /** score >= high is high risk, >= medium medium, else low. */
  readonly risk: { readonly high: number; readonly medium: number }
  /** From which risk level on the log path stores the reasons of a score. */
  readonly reasonsFrom: 'medium' | 'high' | 'never'
  readonly outcome: OutcomeRule
  /** Column holding the tenant; events of tenants that are not configured become dead letters. */
  readonly tenant: string
}

/** Topics that belong to a stream. */
export const topicsOf = (stream: Pick<Stream, 'topic'>) => ({
  events: stream.topic,
  predictions: `${stream.topic}.predictions`,
  deadLetters: `${stream.topic}.dead-letters`,
})
