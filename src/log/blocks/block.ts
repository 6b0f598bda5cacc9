import type { Offset } from '../event-log.js'

/** What scored a row. A block stores the index in this list: append to it, never reorder it. */
export const scoredBy = [
  'model',
  'heuristic:no-model',
  'heuristic:model-error',
  'heuristic:timeout',
  'heuristic:heuristic-error',
] as const
export type ScoredBy = (typeof scoredBy)[number]

/** `duplicate`: the event id was seen before within the horizon; the row has no score. */
export const rowKinds = ['prediction', 'duplicate'] as const
export type RowKind = (typeof rowKinds)[number]

/**
 * The predictions of one chunk, as columns of length `rows` (so the warehouse copies columns and handles no rows).
 * Offsets that became dead letters have no row, but `after` and `last` cover them.
 */
export interface Block {
  /** The last offset covered before this block; -1 for none. */
  readonly after: Offset
  /** The last offset this block covers. A marker block covers nothing: `last` equals `after` and it has no rows. */
  readonly last: Offset
  readonly epoch: number
  /** The next offset of the control topic when this block was routed: all earlier decisions applied. */
  readonly control: Offset
  readonly fingerprint: string
  /** Number of features of a vector. */
  readonly width: number
  readonly rows: number
  /** Source offsets, ascending. */
  readonly offsets: Float64Array
  /** The source records' log times and the events' own times, epoch ms. */
  readonly recordTimes: Float64Array
  readonly eventTimes: Float64Array
  readonly eventIds: readonly string[]
  readonly tenants: readonly string[]
  /** The id of the stream's first entity, which is the subject of the prediction; '' when the event has none. */
  readonly entities: readonly string[]
  /** Index into `rowKinds`, `scoredBy`, `riskLevels`; bit 0 of `flags` = late. */
  readonly kinds: Uint8Array
  readonly by: Uint8Array
  readonly risks: Uint8Array
  readonly flags: Uint8Array
  readonly scores: Float32Array
  /** `rows` x `width`, row-major. */
  readonly vectors: Float32Array
  /** Distinct versions of the block, and per row the index of the one that scored it. */
  readonly versions: readonly string[]
  readonly versionOf: Uint16Array
  /** Names of the features that raised the score, comma-separated, '' for none. */
  readonly reasons: readonly string[]
  /** The text columns as bytes. Every decoded block has them; a block that was built does not. */
  readonly raw?: RawColumns
}

/**
 * Text columns in ClickHouse's Native format, so that the warehouse copies bytes and decodes no string. A decoded block
 * decodes `eventIds`, `entities`, `tenants` and `reasons` only when they are read.
 */
export interface RawColumns {
  /** Per row the length as a varint (LEB128), then UTF-8: a Native `String` column, byte for byte. */
  readonly eventIds: Buffer
  readonly entities: Buffer
  readonly tenants: Dictionary
  readonly reasons: Dictionary
}

/** Distinct values and per row the index of its value: what a Native `LowCardinality(String)` column holds. */
export interface Dictionary {
  readonly values: readonly string[]
  readonly of: Uint16Array
}
