import type { Stream } from '../stream.js'
import type { AvroRecord } from '../../contracts/streams.js'

/** A registry's answer about a schema id. `unfit`: the schema with that id is not an Avro record. */
export type WriterSchema =
  | {
      readonly kind: 'avro'
      /** A record, or a union in which records are. */
      readonly record: AvroRecord | readonly unknown[]
      /** The schemas that it refers to by name, each after those that it refers to itself. */
      readonly references?: readonly unknown[]
    }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'unfit'; readonly why: string }

/** Looks up the schemas of records in the wire format. */
export interface SchemaSource {
  /**
   * Returns an answer for every id. While an answer is cached it is the same object, so callers can cache what they
   * derive from it. Throws REGISTRY_DOWN while the registry is unreachable: then it answers no id, and the caller
   * waits.
   */
  resolve(ids: Iterable<number>): Promise<ReadonlyMap<number, WriterSchema>>
}

/** A schema under a subject of a registry. */
export interface RegisteredSchema {
  readonly id: number
  /** Counts from 1 within the subject. */
  readonly version: number
  /** The registered JSON. */
  readonly text: string
}

/** A registry's check of a schema as the next version of a subject. */
export interface Verdict {
  readonly compatible: boolean
  /** The compatibility level of the check: BACKWARD, FULL ... */
  readonly level: string
  /** The registry's own messages; empty when it gives none. */
  readonly reasons: readonly string[]
}

/** The subjects of a registry. Every member throws REGISTRY_DOWN while the registry is unreachable. */
export interface SchemaSubjects {
  /** The newest version; undefined for an unknown subject. */
  latest(subject: string): Promise<RegisteredSchema | undefined>
  /** The version with exactly this schema; undefined when there is none. */
  find(subject: string, schema: AvroRecord): Promise<RegisteredSchema | undefined>
  judge(subject: string, schema: AvroRecord): Promise<Verdict>
  /**
   * Registers the schema as the newest version, unless it is registered already, and returns its id. Throws
   * SCHEMA_MISMATCH when the registry refuses it.
   */
  register(subject: string, schema: AvroRecord): Promise<number>
}

/**
 * The subject of the schemas of a stream's topic, by the usual name strategy of producers.
 */
export const subjectOf = ({ topic }: Pick<Stream, 'topic'>): string => `${topic}-value`
