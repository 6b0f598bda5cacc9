/**
 * Features that tell what is new in a history without knowing its unit or shape. Meanings, formulas and sources:
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
  /** How many values in a row are compared with stretches as long; 2 (level and change) unless said. */
  readonly lags?: number
  /** How many of the nearest are averaged; 5 unless said, so that one earlier oddity does not excuse the next. */
  readonly nearest?: number
  /** Values kept. */
  readonly exact: number
  /** The history is forgotten this long after its last event; 35 days unless said. */
  readonly horizon?: Duration
}

/** How far the last values lie from the nearest stretch that the history holds: small for whatever was there before. */
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
  /** An earlier event counts half after each. */
  readonly halfLife: Duration
  /** The history is forgotten this long after its last event; 35 days unless said. */
  readonly horizon?: Duration
}

/**
 * How rarely the entity's events have such large magnitudes of these features, in decades: 3 is one event in a
 * thousand.
 */
export const surprise = <const F extends string, const By extends string, const W extends Where = Anything>(
  of: readonly F[],
  options: Tail<By, W>,
): Described<`feature ${F}` | HistoryAsks<By, W>> =>
  described({
    kind: 'surprise',
    of,
    halfLifeMs: durationMs(options.halfLife),
    by: options.by,
    ...conditionOf(options.where),
    horizonMs: durationMs(options.horizon ?? '35d'),
    ...otherwiseOf(options),
  })

/** The largest value that another feature had at the entity's earlier events in the window. */
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
