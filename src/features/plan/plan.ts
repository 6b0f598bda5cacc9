import type { Event, FeatureSet } from '../feature.js'

/** A compiled feature set: decided once, then only done. Pure; knows no store and no clock. */
export interface Plan {
  readonly set: FeatureSet
  /** Hash of key, time, features in order and the feature-semantics version (hex, 16 characters). */
  readonly fingerprint: string
  readonly names: readonly string[]
  readonly width: number
  /** The longest horizon of any feature, ms. */
  readonly horizonMs: number
  /** The id of the event's first entity, '' where it has none. */
  subject(event: Event): string
  /**
   * State with nothing in it, as of partition start. With `seenIds` 0 nothing is remembered of ids and nothing is a
   * duplicate.
   */
  open(cachedEntities: number, seenIds: number): PartitionState
  /**
   * Features that belong to one entity alone, read from its blob for the window ending at `atMs`; features that need
   * an event are left out. Throws UNKNOWN_ENTITY when the set has no such entity.
   */
  describe(entity: string, blob: Buffer | undefined, atMs: number): Readonly<Record<string, number>>
  /** The state key of an entity. `ids` in the order of the entity's columns. */
  keyOf(entity: string, tenant: string, ids: readonly string[]): string
}

/**
 * `late`: older than the newest event of the tenant (of the entity `latenessBy`) by more than the lateness; it gets a
 * vector but changes nothing.
 */
export type Folded = 'folded' | 'late' | 'duplicate'

export interface Dirty {
  readonly puts: readonly { readonly key: string; readonly blob: Buffer; readonly expiresAtMs: number }[]
  readonly deletes: readonly string[]
  /**
   * Event time, ms: once this is committed, blobs that expired before it may be dropped. -Infinity where there is none
   * yet.
   */
  readonly clockMs: number
  /** The commit is in; until then none of these may be evicted. */
  committed(): void
}

/**
 * The state of one partition in memory: a bounded cache of entities over the committed blobs, and what changed since.
 */
export interface PartitionState {
  /**
   * Keys that folding these events needs and the cache lacks, each once. On a fresh state also the partition's own,
   * which take two calls: ask and admit until nothing is missing. Events are folded fastest in the order in which they
   * stand here.
   */
  missing(events: readonly Event[]): readonly string[]
  /** Takes loaded blobs in, `undefined` for entities that have none yet. */
  admit(keys: readonly string[], blobs: readonly (Buffer | undefined)[]): void
  /**
   * Folds one event and writes its vector to `vectors` at index `at`. Every key it needs must be cached. A duplicate
   * changes nothing and its vector is left as it was.
   */
  fold(event: Event, vectors: Float32Array, at: number): Folded
  /** Serialises everything that changed since the last call, in one synchronous step. */
  takeDirty(): Dirty
}
