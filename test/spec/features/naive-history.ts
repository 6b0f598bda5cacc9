import type { Event } from '../../../src/features/feature.js'
import type { Get } from '../../../src/features/event/values.js'

/** An event of an entity's history. */
export interface Past {
  readonly event: Event
  readonly timeMs: number
  /**
   * The time as of which its windows are read: its own time, but not before the entity's newest time (and, where the
   * tenant's clock forgets entities, that clock) less the lateness, because earlier history may be forgotten. It
   * differs only for late events, and where tenants share an entity.
   */
  readonly asOfMs: number
  /** Its features; undefined for those that are not computed yet. */
  readonly vector: readonly (number | undefined)[]
}

/** The current event and the entity's earlier folded events, in log order. */
export interface History {
  readonly self: Past
  readonly past: readonly Past[]
}

export const get =
  (event: Event): Get =>
  (column) =>
    event[column]
