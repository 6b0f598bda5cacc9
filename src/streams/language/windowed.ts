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

/** Events of the entity in the window. */
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

/** 0 over no values. */
export const sum = aggregate('sum')
export const mean = aggregate('mean')
/** Population standard deviation. */
export const std = aggregate('std')
export const min = aggregate('min')
export const max = aggregate('max')

/** Matching events over all events of the window. */
export const share = <const M extends Where, const By extends string, const W extends Where = Anything>(
  match: M,
  window: Duration,
  options: Windowed<By, W> & Otherwise,
): Described<WhereAsks<M> | HistoryAsks<By, W>> =>
  described({ kind: 'share', match, ...rolling(window, options), ...otherwiseOf(options) })

interface Deviation extends Otherwise {
  /** The least deviation divided by: without it a constant history makes every change infinite. */
  readonly floor?: number
  /** Values the window must hold before the feature says anything. */
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
 * (value - median) / (1.4826 x median absolute deviation) of an exact window: outliers in it do not hide the next one.
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

interface Line<Unit> {
  /**
   * `deviation` (the default): distance from the line in its own residuals; `residual`: in the value's unit; `slope`:
   * rise per `per`.
   */
  readonly as?: Unit
  /** Unit of time of `slope`; a day unless said. */
  readonly per?: Duration
}

/**
 * Against the line through the window's (time, value) pairs: a meter against its own consumption, a disk against its
 * own growth.
 */
export const trend = <const N extends Numeric, const By extends string, const W extends Where = Anything>(
  number: N,
  window: Duration,
  options: Exact<By, W> & Deviation & Line<'deviation' | 'residual' | 'slope'>,
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
 * Distinct values of a column. By default the latest sighting of each value is kept, at most `lastSeen` (256) values;
 * `exact: n` keeps every sighting, which late events need to be counted as of their own time.
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
 * How many others (distinct values of `column` but this event's own) are among the entity's events after the time in
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
 * Share of the window's events that carry this event's own value of the column: 1 always the same, near 0 never seen.
 */
export const familiarity = <const C extends string, const By extends string, const W extends Where = Anything>(
  column: C,
  window: Duration,
  options: Windowed<By, W> & Otherwise,
): Described<`column ${C}` | HistoryAsks<By, W>> =>
  described({ kind: 'familiarity', column, ...rolling(window, options), ...otherwiseOf(options) })
