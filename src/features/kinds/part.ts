import type { Layout, LayoutBuilder, Memory } from '../memory/memory.js'
import type { Row } from '../event/row.js'

/** Where parts write their results: statistics that features share, and the features themselves. */
export interface Outputs {
  readonly results: Float64Array
  readonly vector: Float64Array
}

export type Read = (memory: Memory, row: Row, out: Outputs) => void

/**
 * One part of an entity's history. For each event, in this order over all parts: `before` reads what must not include
 * the event, `add` adds the event, `after` reads what includes it. A part does not write a feature that has no value:
 * its element already holds `otherwise`.
 */
export interface Part {
  readonly before?: Read | undefined
  readonly add: (memory: Memory, row: Row) => void
  readonly after?: Read | undefined
}

/**
 * A history of features instead of columns. `read` runs in the order of the vector, when every feature declared before
 * is written. `add` remembers the features when the whole vector is written, so no feature sees itself.
 */
export interface Reflection {
  readonly read: Read
  readonly add: (memory: Memory, row: Row, out: Outputs) => void
}

/** What the builders of parts receive. */
export interface Surroundings {
  readonly builder: LayoutBuilder
  /** The layout; available once it is sealed. */
  readonly layout: () => Layout
  /** Reserves `count` consecutive result slots and returns the first. */
  readonly results: (count: number) => number
  readonly latenessMs: number
}
