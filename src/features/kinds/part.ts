import type { Layout, LayoutBuilder, Memory } from '../memory/memory.js'
import type { Row } from '../event/row.js'

/** Where parts leave what they read: statistics that features share, and the features themselves. */
export interface Outputs {
  readonly results: Float64Array
  readonly vector: Float64Array
}

export type Read = (memory: Memory, row: Row, out: Outputs) => void

/**
 * One thing that an entity remembers. For each event, in this order over all parts: `before` reads what must not see
 * the event, `add` takes it in, `after` reads what includes it. Feature values are left alone where there is nothing to
 * say: they hold `otherwise` already.
 */
export interface Part {
  readonly before?: Read | undefined
  readonly add: (memory: Memory, row: Row) => void
  readonly after?: Read | undefined
}

/**
 * What an entity remembers of features instead of columns. `read` runs in the order of the vector, when every feature
 * declared before stands; `add` takes them in after the whole vector is read, so no feature sees itself.
 */
export interface Reflection {
  readonly read: Read
  readonly add: (memory: Memory, row: Row, out: Outputs) => void
}

/** What parts are built with. */
export interface Surroundings {
  readonly builder: LayoutBuilder
  /** The layout, from the moment that it is sealed. */
  readonly layout: () => Layout
  /** Takes so many result slots in a row and gives the first. */
  readonly results: (count: number) => number
  readonly latenessMs: number
}
