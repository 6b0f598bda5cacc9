/** Features over a window (t - window, t] of an entity's events. Meanings and formulas: features/feature.ts. */
import type { Duration } from '../../features/feature.js'
import type { Where } from '../../features/value.js'
import { durationMs } from './duration.js'
import {
  conditionOf,
  described,
  otherwiseOf,
  rolling,
  type Anything,
  type Conditional,
  type Described,
  type Exact,
  type HistoryAsks,
  type Otherwise,
  type Windowed,
} from './described.js'
import { valueOf, type AsksOf, type Numeric, type WhereAsks } from './values.js'

/** Number of the entity's events in the window. */
export const count = <const By extends string, const W extends Where = Anything>(
  window: Duration,
  options: Windowed<By, W>,
): Described<HistoryAsks<By, W>> => described({ kind: 'count', ...rolling(window, options) })

const aggregate =
  (kind: 'sum' | 'mean' | 'std' | 'min' | 'max') =>
  <const N extends Numeric, const By extends string, const W extends Where = Anything>(
    number: N,
    window: Duration,
    options: Windowed<By, W> & Otherwise,
  ): Described<AsksOf<N> | HistoryAsks<By, W>> =>
    described({
      kind,
      value: valueOf(number),
      ...rolling(window, options),
      ...otherwiseOf(options, kind === 'sum' ? 0 : Number.NaN),
    })

/** 0 without values. */
export const sum = aggregate('sum')
export const mean = aggregate('mean')
/** Population standard deviation. */
export const std = aggregate('std')
export const min = aggregate('min')
export const max = aggregate('max')

/** Share of matching events among all events of the window. */
export const share = <const M extends Where, const By extends string, const W extends Where = Anything>(
  match: M,
  window: Duration,
  options: Windowed<By, W> & Otherwise,
): Described<WhereAsks<M> | HistoryAsks<By, W>> =>
  described({ kind: 'share', match, ...rolling(window, options), ...otherwiseOf(options) })

interface Deviation extends Otherwise {
  /** The smallest divisor: without it, after a constant history every change would be infinite. */
  readonly floor?: number
  /** The feature has a value when the window has at least this many values. */
  readonly atLeast?: number
}

const deviationOf = (options: Deviation) => ({
  floor: options.floor ?? 1e-9,
  atLeast: options.atLeast ?? 5,
  ...otherwiseOf(options),
})

/** (value - mean) / standard deviation of the window. */
export const zscore = <const N extends Numeric, const By extends string, const W extends Where = Anything>(
  number: N,
  window: Duration,
  options: Windowed<By, W> & Deviation,
): Described<AsksOf<N> | HistoryAsks<By, W>> =>
  described({ kind: 'zscore', value: valueOf(number), ...rolling(window, options), ...deviationOf(options) })

/**
 * (value - median) / (1.4826 x median absolute deviation) of an exact window; outliers in the window do not hide the
 * next one.
 */
export const robustZscore = <const N extends Numeric, const By extends string, const W extends Where = Anything>(
  number: N,
  window: Duration,
  options: Exact<By, W> & Deviation,
): Described<AsksOf<N> | HistoryAsks<By, W>> =>
  described({ kind: 'robust-zscore', value: valueOf(number), ...rolling(window, options), ...deviationOf(options) })

/** The quantile `q` (0..1) of an exact window. */
export const quantile = <const N extends Numeric, const By extends string, const W extends Where = Anything>(
  number: N,
  q: number,
  window: Duration,
  options: Exact<By, W> & Otherwise,
): Described<AsksOf<N> | HistoryAsks<By, W>> =>
  described({ kind: 'quantile', value: valueOf(number), q, ...rolling(window, options), ...otherwiseOf(options) })

interface Trend<Unit> {
  /**
   * `deviation` (the default): distance from the line in standard deviations of its residuals; `residual`: distance in
   * the value's unit; `slope`: increase per `per`.
   */
  readonly as?: Unit
  /** Unit of time of `slope`; a day by default. */
  readonly per?: Duration
}

/**
 * Compares with the line through the window's (time, value) pairs: a meter with its own consumption, a disk with its
 * own growth.
 */
export const trend = <const N extends Numeric, const By extends string, const W extends Where = Anything>(
  number: N,
  window: Duration,
  options: Exact<By, W> & Deviation & Trend<'deviation' | 'residual' | 'slope'>,
): Described<AsksOf<N> | HistoryAsks<By, W>> =>
  described({
    kind: 'trend',
    value: valueOf(number),
    as: options.as ?? 'deviation',
    unitMs: durationMs(options.per ?? '1d'),
    ...rolling(window, options),
    ...deviationOf(options),
  })

const distinctCap = 256

/**
 * Number of distinct values of a column. By default it keeps the latest occurrence of each value, at most `lastSeen`
 * (256) values. `exact: n` keeps every occurrence, which is needed to count late events as of their own time.
 */
export const distinct = <const C extends string, const By extends string, const W extends Where = Anything>(
  column: C,
  window: Duration,
  options: Conditional<By, W> & { readonly prior?: boolean; readonly lastSeen?: number; readonly exact?: number },
): Described<`column ${C}` | HistoryAsks<By, W>> =>
  described({
    kind: 'distinct',
    column,
    by: options.by,
    windowMs: durationMs(window),
    ...conditionOf(options.where),
    ...(options.prior === true ? { prior: true as const } : {}),
    keep: options.exact === undefined ? { lastSeen: options.lastSeen ?? distinctCap } : { exact: options.exact },
  })

const othersCap = 256

/**
 * Number of others (distinct values of `column` except this event's own) among the entity's events after the time in
 * column `since`.
 */
export const othersSince = <
  const C extends string,
  const S extends string,
  const By extends string,
  const W extends Where = Anything,
>(
  column: C,
  since: S,
  window: Duration,
  options: Conditional<By, W> & Otherwise & { readonly exact?: number },
): Described<`column ${C}` | `time column ${S}` | HistoryAsks<By, W>> =>
  described({
    kind: 'others-since',
    column,
    since,
    by: options.by,
    windowMs: durationMs(window),
    ...conditionOf(options.where),
    keep: { exact: options.exact ?? othersCap },
    ...otherwiseOf(options),
  })

/**
 * Share of the window's events that have this event's value of the column: 1 means always the same, near 0 means new.
 */
export const familiarity = <const C extends string, const By extends string, const W extends Where = Anything>(
  column: C,
  window: Duration,
  options: Windowed<By, W> & Otherwise,
): Described<`column ${C}` | HistoryAsks<By, W>> =>
  described({ kind: 'familiarity', column, ...rolling(window, options), ...otherwiseOf(options) })
