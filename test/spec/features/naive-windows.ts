/** The windowed kinds of the slow specification (see naive.ts). */
import type { Event, Feature } from '../../../src/features/feature.js'
import type { Where } from '../../../src/features/value.js'
import { get, type History, type Past } from './naive-history.js'
import { isMissing, evaluate, matches } from '../../../src/features/event/values.js'
import { valueTileRows } from '../../../src/features/kinds/value-tiles.js'

export type Windowed = Exclude<Extract<Feature, { readonly windowMs: number }>, { readonly kind: 'peak' }>

/** An item of a window: its time and its value. */
export interface Item<T> {
  readonly past: Past
  readonly value: T
}

/** The events that a feature uses, each with the feature's value; events without a value are left out. */
export function itemsOf<T>(
  { self, past }: History,
  where: Where | undefined,
  prior: boolean,
  take: (event: Event) => T | undefined,
): readonly Item<T>[] {
  return (prior ? past : [...past, self]).flatMap((one) => {
    const value = matches(where ?? {}, get(one.event)) ? take(one.event) : undefined
    return value === undefined || Number.isNaN(value) ? [] : [{ past: one, value }]
  })
}

interface Bounds {
  readonly windowMs: number
  readonly keep: { readonly exact: number } | { readonly tileMs: number }
}

/** The newest `exact` items in (as of - window, t]; or all items whose tile is in (tile of as of - n, tile of t]. */
export function inWindow<T>(items: readonly Item<T>[], { windowMs, keep }: Bounds, { self }: History): readonly T[] {
  if ('tileMs' in keep) {
    const tile = (timeMs: number): number => Math.floor(timeMs / keep.tileMs)
    const low = tile(self.asOfMs) - Math.round(windowMs / keep.tileMs)
    return items
      .filter(({ past }) => tile(past.timeMs) > low && tile(past.timeMs) <= tile(self.timeMs))
      .map(({ value }) => value)
  }
  return newest(items, keep.exact)
    .filter(({ past }) => past.timeMs > self.asOfMs - windowMs && past.timeMs <= self.timeMs)
    .map(({ value }) => value)
}

/** Ordered by time and, for equal times, in log order. */
const newest = <T>(items: readonly Item<T>[], count: number): readonly Item<T>[] =>
  items.toSorted((a, b) => a.past.timeMs - b.past.timeMs).slice(-count)

export function windowed(feature: Windowed, history: History): number | undefined {
  const { self } = history
  switch (feature.kind) {
    case 'count':
      return inWindow(
        itemsOf(history, feature.where, feature.prior === true, () => 1),
        feature,
        history,
      ).length
    case 'share':
      return mean(
        inWindow(
          itemsOf(history, feature.where, feature.prior === true, (event): number =>
            matches(feature.match, get(event)) ? 1 : 0,
          ),
          feature,
          history,
        ),
      )
    case 'familiarity':
      return familiarity(feature, history)
    case 'distinct':
      return distinct(feature, history)
    case 'others-since': {
      const sinceMs = evaluate({ column: feature.since }, get(self.event))
      const others = newest(itemsOf(history, feature.where, false, columnOf(feature.column)), feature.keep.exact)
        .filter(
          ({ past }) => past.timeMs > Math.max(sinceMs, self.asOfMs - feature.windowMs) && past.timeMs <= self.timeMs,
        )
        .map(({ value }) => value)
      return Number.isNaN(sinceMs)
        ? undefined
        : new Set(others.filter((other) => other !== self.event[feature.column])).size
    }
    default:
      return ofValues(feature, history)
  }
}

type OfValues = Extract<Windowed, { readonly value: unknown }>

function ofValues(feature: OfValues, history: History): number | undefined {
  const take = (event: Event): number => evaluate(feature.value, get(event))
  const items = itemsOf(history, feature.where, feature.prior === true, take)
  const values = inWindow(items, feature, history)
  const own = take(history.self.event)
  switch (feature.kind) {
    case 'sum':
      return values.length === 0 ? undefined : sum(values)
    case 'mean':
      return mean(values)
    case 'std':
      return deviation(values)
    case 'min':
      return values.length === 0 ? undefined : Math.min(...values)
    case 'max':
      return values.length === 0 ? undefined : Math.max(...values)
    case 'quantile':
      return quantile(values, feature.q)
    case 'zscore':
      return standardised(own, values, feature.atLeast, mean(values), deviation(values), feature.floor)
    case 'robust-zscore': {
      const median = quantile(values, 0.5)
      const mad =
        median === undefined
          ? undefined
          : quantile(
              values.map((value) => Math.abs(value - median)),
              0.5,
            )
      return standardised(
        own,
        values,
        feature.atLeast,
        median,
        mad === undefined ? undefined : 1.4826 * mad,
        feature.floor,
      )
    }
    case 'trend': {
      const points = inWindow(
        items.map(({ past, value }) => ({ past, value: { time: past.timeMs - history.self.timeMs, value } })),
        feature,
        history,
      )
      return trend(feature, points, own)
    }
  }
}

export function standardised(
  own: number,
  values: readonly number[],
  atLeast: number,
  centre: number | undefined,
  spread: number | undefined,
  floor: number,
): number | undefined {
  if (values.length < Math.max(1, atLeast) || centre === undefined || spread === undefined) return undefined
  const divisor = Math.max(spread, floor)
  return divisor > 0 ? (own - centre) / divisor : undefined
}

interface Point {
  readonly time: number
  readonly value: number
}

function trend(
  { as, unitMs, floor, atLeast }: Extract<Feature, { readonly kind: 'trend' }>,
  points: readonly Point[],
  own: number,
): number | undefined {
  if (points.length < Math.max(1, atLeast) || new Set(points.map(({ time }) => time)).size < 2) return undefined
  const [meanTime, meanValue] = [mean(points.map(({ time }) => time))!, mean(points.map(({ value }) => value))!]
  const slope =
    sum(points.map(({ time, value }) => (time - meanTime) * (value - meanValue))) /
    sum(points.map(({ time }) => (time - meanTime) ** 2))
  const line = (time: number): number => meanValue + slope * (time - meanTime)
  if (as === 'slope') return slope * unitMs
  const residual = own - line(0)
  if (as === 'residual') return residual
  const spread = Math.max(Math.sqrt(mean(points.map(({ time, value }) => (value - line(time)) ** 2))!), floor)
  return spread > 0 ? residual / spread : undefined
}

const columnOf =
  (column: string) =>
  (event: Event): unknown =>
    isMissing(event[column]) ? undefined : event[column]

function distinct(feature: Extract<Feature, { readonly kind: 'distinct' }>, history: History): number {
  const items = itemsOf(history, feature.where, feature.prior === true, columnOf(feature.column))
  const { keep, windowMs } = feature
  if ('exact' in keep) return new Set(inWindow(items, { windowMs, keep }, history)).size
  const seen = new Map<unknown, number>()
  for (const { past, value } of items) {
    const latest = Math.max(past.timeMs, seen.get(value) ?? -Infinity)
    seen.delete(value)
    seen.set(value, latest)
    const oldest = [...seen].reduce((a, b) => (b[1] < a[1] ? b : a))
    if (seen.size > keep.lastSeen) seen.delete(oldest[0])
  }
  return [...seen.values()].filter((timeMs) => timeMs > history.self.asOfMs - windowMs).length
}

function familiarity(
  feature: Extract<Feature, { readonly kind: 'familiarity' }>,
  history: History,
): number | undefined {
  const own = columnOf(feature.column)(history.self.event)
  const items = itemsOf(history, feature.where, feature.prior === true, columnOf(feature.column))
  const values = inWindow('tileMs' in feature.keep ? withinRows(items, feature.keep.tileMs) : items, feature, history)
  return own === undefined || values.length === 0
    ? undefined
    : values.filter((value) => value === own).length / values.length
}

/** When there are more values and tiles than are kept, the first value of the oldest tile is dropped first. */
function withinRows(items: readonly Item<unknown>[], tileMs: number): readonly Item<unknown>[] {
  if (items.length <= valueTileRows) return items
  let kept: Item<unknown>[] = []
  const tile = ({ past }: Item<unknown>): number => Math.floor(past.timeMs / tileMs)
  for (const item of items) {
    kept.push(item)
    const rows = new Map(
      kept.toSorted((a, b) => tile(a) - tile(b)).map((one) => [JSON.stringify([tile(one), one.value]), one]),
    )
    if (rows.size <= valueTileRows) continue
    const [oldest] = rows.keys()
    kept = kept.filter((one) => JSON.stringify([tile(one), one.value]) !== oldest)
  }
  return kept
}

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
export const mean = (values: readonly number[]): number | undefined =>
  values.length === 0 ? undefined : sum(values) / values.length

/** The standard deviation of the population. */
export function deviation(values: readonly number[]): number | undefined {
  const centre = mean(values)
  return centre === undefined ? undefined : Math.sqrt(mean(values.map((value) => (value - centre) ** 2))!)
}

function quantile(values: readonly number[], q: number): number | undefined {
  const sorted = values.toSorted((a, b) => a - b)
  if (sorted.length === 0) return undefined
  const at = (sorted.length - 1) * q
  const [low, high] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!]
  return low + (high - low) * (at - Math.floor(at))
}
