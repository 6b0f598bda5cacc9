/** The kinds of the slow specification that compare with earlier events (see naive.ts). */
import { localMs, slotOf, slotsIn } from '../../../src/features/event/calendar.js'
import type { Event, Feature } from '../../../src/features/feature.js'
import { kilometres } from '../../../src/features/event/geography.js'
import { get, type History } from './naive-history.js'
import { deviation, itemsOf, mean, standardised, sum, type Item } from './naive-windows.js'
import { evaluate, isMissing } from '../../../src/features/event/values.js'

type WithHorizon = Extract<Feature, { readonly horizonMs: number }>
export type Sequential = Exclude<
  WithHorizon,
  { readonly kind: 'ewma' | 'seasonal' | 'neighbour-distance' | 'surprise' }
>

/** Compares with the last event in log order, while that is not older than the horizon. */
export function afterLast(feature: Sequential, history: History): number | undefined {
  const { self } = history
  const last = itemsOf(history, feature.where, true, (event) => event).at(-1)?.past
  if (last === undefined || self.asOfMs - last.timeMs >= feature.horizonMs) return undefined
  const elapsedMs = Math.max(0, self.timeMs - last.timeMs)
  const both = (read: (event: Event) => number): readonly [number, number] => [read(last.event), read(self.event)]
  switch (feature.kind) {
    case 'elapsed':
      return elapsedMs / 1000
    case 'changed': {
      const [before, now] = [last.event[feature.column], self.event[feature.column]]
      return isMissing(before) || isMissing(now) ? undefined : Number(before !== now)
    }
    case 'last':
      return evaluate(feature.value, get(last.event))
    case 'delta':
    case 'rate': {
      const [before, now] = both((event) => evaluate(feature.value, get(event)))
      return feature.kind === 'delta' ? now - before : (now - before) / (Math.max(1000, elapsedMs) / feature.unitMs)
    }
    default: {
      const [lat, lat2] = both((event) => evaluate({ column: feature.lat }, get(event)))
      const [lon, lon2] = both((event) => evaluate({ column: feature.lon }, get(event)))
      const km = kilometres(lat, lon, lat2, lon2)
      return feature.kind === 'distance-km' ? km : km / (Math.max(1000, elapsedMs) / 3_600_000)
    }
  }
}

/** The items after the last pause as long as the horizon; none if the event itself ends such a pause. */
export function sinceLastPause<T>(
  items: readonly Item<T>[],
  horizonMs: number,
  { self }: History,
  timeOf: (alive: readonly Item<T>[]) => number,
): readonly Item<T>[] {
  let alive: Item<T>[] = []
  for (const item of items) {
    if (alive.length > 0 && item.past.asOfMs - timeOf(alive) >= horizonMs) alive = []
    alive.push(item)
  }
  return alive.length > 0 && self.asOfMs - timeOf(alive) >= horizonMs ? [] : alive
}

export const newestOf = (items: readonly Item<unknown>[]): number => Math.max(...items.map(({ past }) => past.timeMs))

export function ewma(feature: Extract<Feature, { readonly kind: 'ewma' }>, history: History): number | undefined {
  const value = (event: Event): number => evaluate(feature.value, get(event))
  const items = sinceLastPause(itemsOf(history, feature.where, true, value), feature.horizonMs, history, newestOf)
  const weights = items.map(({ past }) => 2 ** -((newestOf(items) - past.timeMs) / feature.halfLifeMs))
  const weighted = (of: (item: number) => number): number =>
    sum(items.map((item, i) => weights[i]! * of(item.value))) / sum(weights)
  if (items.length === 0) return undefined
  const centre = weighted((one) => one)
  if (feature.as === 'mean') return centre
  return standardised(
    value(history.self.event),
    items.map((item) => item.value),
    1,
    centre,
    Math.sqrt(weighted((one) => (one - centre) ** 2)),
    feature.floor,
  )
}

export function seasonal(
  feature: Extract<Feature, { readonly kind: 'seasonal' }>,
  history: History,
): number | undefined {
  const { self } = history
  const { period, slots, offset } = feature
  const slot = (timeMs: number, event: Event): number =>
    slotOf(localMs(timeMs, offset === undefined ? 0 : evaluate({ column: offset }, get(event))), period, slots)
  const own = slot(self.timeMs, self.event)
  const low = slot(self.asOfMs, self.event) - slotsIn(feature.horizonMs, period, slots)
  const values = itemsOf(history, feature.where, true, (event) => evaluate(feature.value, get(event)))
    .filter(({ past }) => {
      const at = slot(past.timeMs, past.event)
      return at <= own && at > low && (own - at) % slots === 0
    })
    .map(({ value }) => value)
  if (feature.as === 'mean') return values.length < Math.max(1, feature.atLeast) ? undefined : mean(values)
  return standardised(
    evaluate(feature.value, get(self.event)),
    values,
    feature.atLeast,
    mean(values),
    deviation(values),
    feature.floor,
  )
}

export function neighbourDistance(
  feature: Extract<Feature, { readonly kind: 'neighbour-distance' }>,
  history: History,
): number | undefined {
  const { lags, nearest, cap } = feature
  const value = (event: Event): number => evaluate(feature.value, get(event))
  const [own] = itemsOf({ self: history.self, past: [] }, feature.where, false, value)
  if (own === undefined) return undefined
  const before = sinceLastPause(
    itemsOf(history, feature.where, true, value),
    feature.horizonMs,
    history,
    (alive) => alive.at(-1)!.past.timeMs,
  )
    .map((item) => item.value)
    .slice(-cap)
  const stretches = before.flatMap((_, last) =>
    last + 1 >= lags && last + lags <= before.length ? [before.slice(last + 1 - lags, last + 1)] : [],
  )
  const latest = [...before, own.value].slice(-lags)
  const distances = stretches
    .map((stretch) => Math.sqrt(sum(stretch.map((one, i) => (one - latest[i]!) ** 2))))
    .toSorted((a, b) => a - b)
  return distances.length < nearest ? undefined : mean(distances.slice(0, nearest))
}
