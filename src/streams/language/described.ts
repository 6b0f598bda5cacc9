import type { Duration, Feature, Rolling } from '../../features/feature.js'
import type { Where } from '../../features/value.js'
import { durationMs } from './duration.js'
import type { WhereAsks } from './values.js'

declare const asks: unique symbol

/**
 * A feature on its way into a stream. `Asks` is what it needs of the stream: checked by the compiler, nothing at run
 * time.
 */
export interface Described<Asks extends string = string> {
  readonly feature: Feature
  readonly [asks]?: Asks | undefined
}

export const described = <A extends string>(feature: Feature): Described<A> => ({ feature })

/** No condition. */
export type Anything = Readonly<Record<string, never>>

export interface Conditional<By extends string, W> {
  /** Name of the entity whose history is read. */
  readonly by: By
  /** Only the entity's events that match are remembered. */
  readonly where?: W
}

export interface Windowed<By extends string, W> extends Conditional<By, W> {
  /** Leaves the event itself out. */
  readonly prior?: boolean
  /** Width of a tile; the window is counted in whole tiles. A sixtieth of the window unless said. */
  readonly tile?: Duration
  /** Keeps every (time, value) pair instead, at most so many; the oldest go first. */
  readonly exact?: number
}

/** The same where only exact pairs will do. */
export interface Exact<By extends string, W> extends Conditional<By, W> {
  readonly prior?: boolean
  /** (time, value) pairs kept at most; the oldest go first. */
  readonly exact: number
}

export interface Otherwise {
  /**
   * What the feature reads as where its history is empty or its value absent; NaN ("missing" to a model) unless said.
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
