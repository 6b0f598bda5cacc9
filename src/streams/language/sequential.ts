/**
 * Features that compare an event with the entity's last event, its fading average or its season, or combine other
 * features. Meanings and formulas: features/feature.ts.
 */
import type { Duration, Last } from '../../features/feature.js'
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
import { valueOf, type AsksOf, type Numeric, type OffsetAsks, type WhereAsks } from './values.js'

interface AfterLast<By extends string, W> extends Conditional<By, W>, Otherwise {
  /** The last event is forgotten after this time; 35 days by default. */
  readonly horizon?: Duration
}

const usualHorizon = '35d'

const lastOf = (
  options: AfterLast<string, unknown>,
  otherwise = Number.NaN,
): Last & { readonly otherwise: number } => ({
  by: options.by,
  ...conditionOf(options.where),
  horizonMs: durationMs(options.horizon ?? usualHorizon),
  ...otherwiseOf(options, otherwise),
})

/** 1 when the event matches, otherwise 0. */
export const flag = <const W extends Where>(where: W): Described<WhereAsks<W>> => described({ kind: 'flag', where })

/** The number at the entity's last event. */
export const last = <const N extends Numeric, const By extends string, const W extends Where = Anything>(
  number: N,
  options: AfterLast<By, W>,
): Described<AsksOf<N> | HistoryAsks<By, W>> => described({ kind: 'last', value: valueOf(number), ...lastOf(options) })

/** Seconds since the entity's last event. */
export const elapsed = <const By extends string, const W extends Where = Anything>(
  options: AfterLast<By, W>,
): Described<HistoryAsks<By, W>> => described({ kind: 'elapsed', ...lastOf(options) })

/** 1 when the column differs from the entity's last event, otherwise 0; 0 without a last event. */
export const changed = <const C extends string, const By extends string, const W extends Where = Anything>(
  column: C,
  options: AfterLast<By, W>,
): Described<`column ${C}` | HistoryAsks<By, W>> => described({ kind: 'changed', column, ...lastOf(options, 0) })

/** Change of the number since the entity's last event. */
export const delta = <const N extends Numeric, const By extends string, const W extends Where = Anything>(
  number: N,
  options: AfterLast<By, W>,
): Described<AsksOf<N> | HistoryAsks<By, W>> => described({ kind: 'delta', value: valueOf(number), ...lastOf(options) })

/** Change per unit of time (a second by default); events less than a second apart count as one second apart. */
export const rate = <const N extends Numeric, const By extends string, const W extends Where = Anything>(
  number: N,
  options: AfterLast<By, W> & { readonly per?: Duration },
): Described<AsksOf<N> | HistoryAsks<By, W>> =>
  described({ kind: 'rate', value: valueOf(number), unitMs: durationMs(options.per ?? '1s'), ...lastOf(options) })

/** Great-circle kilometres from the entity's last position. */
export const distanceKm = <
  const A extends string,
  const B extends string,
  const By extends string,
  const W extends Where = Anything,
>(
  lat: A,
  lon: B,
  options: AfterLast<By, W>,
): Described<`number column ${A | B}` | HistoryAsks<By, W>> =>
  described({ kind: 'distance-km', lat, lon, ...lastOf(options) })

/** Speed from the entity's last position; events less than a second apart count as one second apart. */
export const speedKmh = <
  const A extends string,
  const B extends string,
  const By extends string,
  const W extends Where = Anything,
>(
  lat: A,
  lon: B,
  options: AfterLast<By, W>,
): Described<`number column ${A | B}` | HistoryAsks<By, W>> =>
  described({ kind: 'speed-kmh', lat, lon, ...lastOf(options) })

interface Fading<By extends string, W> extends AfterLast<By, W> {
  /**
   * `deviation` (the default): distance from the fading mean in fading deviations; `mean`: the mean itself. Neither
   * includes the event.
   */
  readonly as?: 'mean' | 'deviation'
  readonly floor?: number
}

/** Compares with a mean in which the weight of the past halves every `halfLife`. */
export const ewma = <const N extends Numeric, const By extends string, const W extends Where = Anything>(
  number: N,
  halfLife: Duration,
  options: Fading<By, W>,
): Described<AsksOf<N> | HistoryAsks<By, W>> =>
  described({
    kind: 'ewma',
    value: valueOf(number),
    halfLifeMs: durationMs(halfLife),
    as: options.as ?? 'deviation',
    floor: options.floor ?? 1e-9,
    ...lastOf(options),
  })

interface Season<By extends string, W, O extends string> extends Fading<By, W> {
  readonly period: 'day' | 'week'
  /** Number of slots of a period: 24 slots of a day are hours. */
  readonly slots: number
  /** Column with the UTC offset in minutes; UTC by default. */
  readonly offset?: O
  /** The feature has a value when the slot has at least this many earlier values. */
  readonly atLeast?: number
}

/** Compares with the entity's earlier events in the same slot of the day or week. */
export const seasonal = <
  const N extends Numeric,
  const T extends string,
  const By extends string,
  const O extends string = string,
  const W extends Where = Anything,
>(
  number: N,
  time: T,
  options: Season<By, W, O>,
): Described<AsksOf<N> | `time column ${T}` | OffsetAsks<O> | HistoryAsks<By, W>> =>
  described({
    kind: 'seasonal',
    value: valueOf(number),
    time,
    ...(options.offset === undefined ? {} : { offset: options.offset }),
    period: options.period,
    slots: options.slots,
    as: options.as ?? 'deviation',
    floor: options.floor ?? 1e-9,
    atLeast: options.atLeast ?? 3,
    ...lastOf(options),
  })

/** One feature divided by another, both declared before this one; `otherwise` when the divisor is 0. */
export const ratio = <const A extends string, const B extends string>(
  upper: A,
  lower: B,
  options: Otherwise = {},
): Described<`feature ${A | B}`> => described({ kind: 'ratio', over: upper, under: lower, ...otherwiseOf(options) })

/** One feature minus another, both declared before this one. */
export const difference = <const A extends string, const B extends string>(
  left: A,
  right: B,
): Described<`feature ${A | B}`> => described({ kind: 'difference', left, right })
