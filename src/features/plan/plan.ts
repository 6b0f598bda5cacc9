import type { Event, FeatureSet } from '../feature.js'

/** A compiled feature set. It is pure: it uses no store and no clock. */
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
   * Empty state, as at the start of a partition. With `seenIds` 0 it remembers no ids, and no event is a duplicate.
   */
  open(cachedEntities: number, seenIds: number): PartitionState
  /**
   * The features that depend on one entity only, read from its blob for windows that end at `atMs`. Features that need
   * an event are left out. Throws UNKNOWN_ENTITY when the set has no such entity.
   */
  describe(entity: string, blob: Buffer | undefined, atMs: number): Readonly<Record<string, number>>
  /** The state key of an entity. `ids` in the order of the entity's columns. */
  keyOf(entity: string, tenant: string, ids: readonly string[]): string
}

/**
 * `late`: the event is older than the time mark of the tenant (or of the entity `latenessBy`) by more than the
 * lateness. It gets a vector but changes no state.
 */
export type Folded = 'folded' | 'late' | 'duplicate'

/** A source whose event times were ahead of its tenant's. Events that are still in the state are not taken back. */
export interface ClockAhead {
  readonly tenant: string
  /** Id of the entity whose clock it is; '' for events without one. */
  readonly source: string
  /** How far its newest event was ahead of the event that contradicted it. */
  readonly aheadMs: number
  readonly events: number
}

export interface Dirty {
  readonly puts: readonly { readonly key: string; readonly blob: Buffer; readonly expiresAtMs: number }[]
  readonly deletes: readonly string[]
  /**
   * Event time, ms: after this commit, blobs that expired before it may be dropped. -Infinity before the first event.
   */
  readonly clockMs: number
  /** Call it after the commit. Until then the cache evicts none of these entities. */
  committed(): void
}

/**
 * The state of one partition in memory: a bounded cache of entities from committed blobs, with the changes since then.
 */
export interface PartitionState {
  /**
   * The keys that folding these events needs and the cache lacks, each once. A new state also needs the partition's own
   * keys, which takes two rounds: call `missing` and `admit` until no key is missing. Folding is fastest in the order
   * of `events`.
   */
  missing(events: readonly Event[]): readonly string[]
  /** Adds loaded blobs to the cache, `undefined` for entities without one. */
  admit(keys: readonly string[], blobs: readonly (Buffer | undefined)[]): void
  /**
   * Folds one event and writes its vector to `vectors` at index `at`. All keys that it needs must be cached. A
   * duplicate changes no state, and its vector is not written.
   */
  fold(event: Event, vectors: Float32Array, at: number): Folded
  /** The sources found ahead since the last call. */
  takeAhead(): readonly ClockAhead[]
  /** Serialises everything that changed since the last call, in one synchronous step. */
  takeDirty(): Dirty
}
