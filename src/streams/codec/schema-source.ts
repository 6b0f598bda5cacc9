import type { Stream } from '../stream.js'
import type { AvroRecord } from '../../contracts/streams.js'

/** What a registry says of a schema id. `unfit`: it has a schema under that id, but no Avro record. */
export type WriterSchema =
  | { readonly kind: 'avro'; readonly record: AvroRecord }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'unfit'; readonly why: string }

/** Where the schemas are known that records in the wire format were written with. */
export interface SchemaSource {
  /**
   * What stands under each id; every id gets an answer, and the same object again as long as it is remembered, so that
   * what is made of it can be kept beside it. Throws REGISTRY_DOWN while it cannot be asked: then nothing is known of
   * any id, and the caller waits.
   */
  resolve(ids: Iterable<number>): Promise<ReadonlyMap<number, WriterSchema>>
}

/** A schema under a subject of a registry. */
export interface RegisteredSchema {
  readonly id: number
  /** Counts from 1 within the subject. */
  readonly version: number
  /** As it was registered, JSON. */
  readonly text: string
}

/** What a registry makes of a schema that would be the next version of a subject. */
export interface Verdict {
  readonly compatible: boolean
  /** BACKWARD, FULL ...; what the registry compares by. */
  readonly level: string
  /** In the registry's words; empty where it gives none. */
  readonly reasons: readonly string[]
}

/** The subjects of a registry. Every member throws REGISTRY_DOWN while it cannot be asked. */
export interface SchemaSubjects {
  /** The newest version; undefined for a subject that the registry does not have. */
  latest(subject: string): Promise<RegisteredSchema | undefined>
  /** The version that is this very schema; undefined where none is. */
  find(subject: string, schema: AvroRecord): Promise<RegisteredSchema | undefined>
  judge(subject: string, schema: AvroRecord): Promise<Verdict>
  /**
   * Makes the schema the newest version, unless it is one already; its id. SCHEMA_MISMATCH where the registry refuses
   * it.
   */
  register(subject: string, schema: AvroRecord): Promise<number>
}

/**
 * Under which subject a registry keeps what is written to the topic of a stream: the usual name strategy of producers.
 */
export const subjectOf = ({ topic }: Pick<Stream, 'topic'>): string => `${topic}-value`
