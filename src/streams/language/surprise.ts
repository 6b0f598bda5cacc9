/**
 * Features that detect novelty in a history, independent of its unit and shape. Meanings, formulas and sources:
 * features/feature.ts.
 */
import type { Duration } from '../../features/feature.js'
import type { Where } from '../../features/value.js'
import { durationMs } from './duration.js'
import {
  conditionOf,
  described,
  otherwiseOf,
  type Anything,
  type Conditional,
  type Described,
  type HistoryAsks,
  type Otherwise,
} from './described.js'
import { valueOf, type AsksOf, type Numeric } from './values.js'

interface Neighbours<By extends string, W> extends Conditional<By, W>, Otherwise {
  /** How many consecutive values are compared with earlier runs of this length; 2 (level and change) by default. */
  readonly lags?: number
  /** How many of the nearest runs are averaged; 5 by default, so that one earlier outlier does not hide the next. */
  readonly nearest?: number
  /** Number of values to keep. */
  readonly exact: number
  /** The history is forgotten this long after its last event; 35 days by default. */
  readonly horizon?: Duration
}

/** Distance of the last values from the nearest earlier runs: small for a pattern that occurred before. */
export const neighbourDistance = <const N extends Numeric, const By extends string, const W extends Where = Anything>(
  number: N,
  options: Neighbours<By, W>,
): Described<AsksOf<N> | HistoryAsks<By, W>> =>
  described({
    kind: 'neighbour-distance',
    value: valueOf(number),
    lags: options.lags ?? 2,
    nearest: options.nearest ?? 5,
    cap: options.exact,
    by: options.by,
    ...conditionOf(options.where),
    horizonMs: durationMs(options.horizon ?? '35d'),
    ...otherwiseOf(options),
  })

interface Tail<By extends string, W> extends Conditional<By, W>, Otherwise {
  /** Extrapolates beyond the largest earlier values. For features whose tail is exponential, such as a surprise. */
  readonly tail?: true
  /** The weight of an earlier event halves after this time. */
  readonly halfLife: Duration
  /** The history is forgotten this long after its last event; 35 days by default. */
  readonly horizon?: Duration
}

/**
 * How rarely the entity's events have such large values of these features, in decades: 3 means one event in a
 * thousand.
 */
export const surprise = <const F extends string, const By extends string, const W extends Where = Anything>(
  of: readonly F[],
  options: Tail<By, W>,
): Described<`feature ${F}` | HistoryAsks<By, W>> =>
  described({
    kind: 'surprise',
    of,
    ...(options.tail === true ? { tail: true as const } : {}),
    halfLifeMs: durationMs(options.halfLife),
    by: options.by,
    ...conditionOf(options.where),
    horizonMs: durationMs(options.horizon ?? '35d'),
    ...otherwiseOf(options),
  })

/** The largest value of another feature at the entity's earlier events in the window. */
export const peak = <const F extends string, const By extends string, const W extends Where = Anything>(
  of: F,
  window: Duration,
  options: Conditional<By, W> & Otherwise & { readonly tile: Duration },
): Described<`feature ${F}` | HistoryAsks<By, W>> =>
  described({
    kind: 'peak',
    of,
    windowMs: durationMs(window),
    keep: { tileMs: durationMs(options.tile) },
    by: options.by,
    ...conditionOf(options.where),
    ...otherwiseOf(options),
  })
