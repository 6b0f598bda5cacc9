import type { Block } from './block.js'

/** The fields of a block besides its rows. */
export type BlockFrame = Pick<Block, 'after' | 'last' | 'epoch' | 'control' | 'fingerprint' | 'width'>

/** The columns of a block that are known before scoring. They are filled row by row. */
export interface EventColumns {
  readonly rows: number
  readonly offsets: Float64Array
  readonly recordTimes: Float64Array
  readonly eventTimes: Float64Array
  readonly eventIds: string[]
  readonly tenants: string[]
  readonly entities: string[]
  readonly kinds: Uint8Array
  readonly flags: Uint8Array
  /** `rows` x `width`, row-major. */
  readonly vectors: Float32Array
}

/** The columns of a block that scoring fills. */
export type ScoreColumns = Pick<Block, 'scores' | 'by' | 'risks' | 'versions' | 'versionOf' | 'reasons'>

/** Columns of `rows` rows with vectors of `width` features, all zero or empty. */
export const eventColumns = (rows: number, width: number): EventColumns => ({
  rows,
  offsets: new Float64Array(rows),
  recordTimes: new Float64Array(rows),
  eventTimes: new Float64Array(rows),
  eventIds: new Array<string>(rows),
  tenants: new Array<string>(rows),
  entities: new Array<string>(rows),
  kinds: new Uint8Array(rows),
  flags: new Uint8Array(rows),
  vectors: new Float32Array(rows * width),
})

/** Rows without a score yet. */
export const scoreColumns = (rows: number, versions: readonly string[]) => ({
  scores: new Float32Array(rows),
  by: new Uint8Array(rows),
  risks: new Uint8Array(rows),
  versions,
  versionOf: new Uint16Array(rows),
  reasons: new Array<string>(rows).fill(''),
})

/** Builds a block. No other code does. */
export const buildBlock = (frame: BlockFrame, events: EventColumns, scores: ScoreColumns): Block => ({
  after: frame.after,
  last: frame.last,
  epoch: frame.epoch,
  control: frame.control,
  fingerprint: frame.fingerprint,
  width: frame.width,
  rows: events.rows,
  offsets: events.offsets,
  recordTimes: events.recordTimes,
  eventTimes: events.eventTimes,
  eventIds: events.eventIds,
  tenants: events.tenants,
  entities: events.entities,
  kinds: events.kinds,
  by: scores.by,
  risks: scores.risks,
  flags: events.flags,
  scores: scores.scores,
  vectors: events.vectors,
  versions: scores.versions,
  versionOf: scores.versionOf,
  reasons: scores.reasons,
})

/** A marker: a block without rows that covers nothing. Later blocks of older epochs are not valid. */
export const emptyBlock = (frame: BlockFrame): Block =>
  buildBlock(frame, eventColumns(0, frame.width), scoreColumns(0, []))
