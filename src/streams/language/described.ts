import type { Duration, Feature, Rolling } from '../../features/feature.js'
import type { Where } from '../../features/value.js'
import { durationMs } from './duration.js'
import type { WhereAsks } from './values.js'

declare const asks: unique symbol

/**
 * A feature before its stream is defined. `Asks` lists what the feature needs of the stream; the compiler checks it,
 * and it does not exist at run time.
 */
export interface Described<Asks extends string = string> {
  readonly feature: Feature
  readonly [asks]?: Asks | undefined
}

export const described = <A extends string>(feature: Feature): Described<A> => ({ feature })

/** The type of an absent condition. */
export type Anything = Readonly<Record<string, never>>

export interface Conditional<By extends string, W> {
  /** The entity whose history the feature reads. */
  readonly by: By
  /** Remembers only the entity's events that match. */
  readonly where?: W
}

export interface Windowed<By extends string, W> extends Conditional<By, W> {
  /** Excludes the event itself. */
  readonly prior?: boolean
  /** Width of a tile; the window consists of whole tiles. A sixtieth of the window by default. */
  readonly tile?: Duration
  /** Keeps every (time, value) pair instead, at most this many; drops the oldest first. */
  readonly exact?: number
}

/** Options of features that need exact pairs. */
export interface Exact<By extends string, W> extends Conditional<By, W> {
  readonly prior?: boolean
  /** The most (time, value) pairs to keep; drops the oldest first. */
  readonly exact: number
}

export interface Otherwise {
  /**
   * The feature's value when its history is empty or its input absent; by default NaN, which models read as missing.
   */
  readonly otherwise?: number
}

export type HistoryAsks<By extends string, W> = `entity ${By}` | WhereAsks<W>

const tilesPerWindow = 60

export const otherwiseOf = (options: Otherwise, usual = Number.NaN): { readonly otherwise: number } => ({
  otherwise: options.otherwise ?? usual,
})

export const conditionOf = (where: unknown): { readonly where?: Where } =>
  where === undefined ? {} : { where: where as Where }

/** The common part of every rolling feature. */
export function rolling(window: Duration, options: Windowed<string, unknown>): Rolling {
  const windowMs = durationMs(window)
  const tileMs =
    options.tile === undefined ? Math.max(1, Math.round(windowMs / tilesPerWindow)) : durationMs(options.tile)
  return {
    by: options.by,
    windowMs,
    ...conditionOf(options.where),
    ...(options.prior === true ? { prior: true as const } : {}),
    keep: options.exact === undefined ? { tileMs } : { exact: options.exact },
  }
}
