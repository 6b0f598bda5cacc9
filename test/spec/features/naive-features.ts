/** The kinds of the slow specification that use other features of earlier events (see naive.ts). */
import type { Feature, FeatureSet } from '../../../src/features/feature.js'
import type { History, Past } from './naive-history.js'
import { inWindow, itemsOf, sum, type Item } from './naive-windows.js'
import { newestOf, sinceLastPause } from './naive-past.js'
import { bucketOf, surpriseBuckets, tailBuckets } from '../../../src/features/kinds/surprise.js'

const featureOf =
  (set: FeatureSet, name: string) =>
  (past: Past): number =>
    past.vector[set.features.findIndex((one) => one.name === name)] ?? Number.NaN

export function peak(
  feature: Extract<Feature, { readonly kind: 'peak' }>,
  history: History,
  set: FeatureSet,
): number | undefined {
  const items = itemsOf(history, feature.where, true, (event) => event).map(({ past }) => ({
    past,
    value: featureOf(set, feature.of)(past),
  }))
  const values = inWindow(
    items.filter(({ value }) => !Number.isNaN(value)),
    feature,
    history,
  )
  return values.length === 0 ? undefined : Math.max(...values)
}

export function surprise(
  feature: Extract<Feature, { readonly kind: 'surprise' }>,
  history: History,
  set: FeatureSet,
): number | undefined {
  const { self } = history
  if (itemsOf({ self, past: [] }, feature.where, false, () => 1).length === 0) return undefined
  const events = sinceLastPause(
    itemsOf(history, feature.where, true, (event) => event),
    feature.horizonMs,
    history,
    newestOf,
  )
  const tails = feature.of.flatMap((name) => {
    const own = featureOf(set, name)(self)
    if (Number.isNaN(own)) return []
    const magnitudes = bucketed(
      events
        .map(({ past }) => ({ past, value: featureOf(set, name)(past) }))
        .filter(({ value }) => !Number.isNaN(value)),
      feature.tail === true ? tailBuckets : surpriseBuckets,
    )
    const nowMs = Math.max(self.timeMs, newestOf(events))
    const weight = (items: readonly Item<number>[]): number =>
      sum(items.map(({ past }) => 2 ** -((nowMs - past.timeMs) / feature.halfLifeMs)))
    const rank = (1 + weight(magnitudes.filter(({ value }) => value >= bucketOf(own)))) / (1 + weight(magnitudes))
    return [feature.tail === true ? (continued(own, magnitudes, weight) ?? rank) : rank]
  })
  if (tails.length === 0) return undefined
  const s = sum(tails.map((p) => -Math.log(p)))
  const terms = tails.map((_, k) => s ** k / factorial(k))
  return -Math.log10(Math.exp(-s) * sum(terms))
}

/** The probability in the tail; undefined below it, and where there is no tail. */
function continued(
  own: number,
  magnitudes: readonly Item<number>[],
  weight: (items: readonly Item<number>[]) => number,
): number | undefined {
  const all = weight(magnitudes)
  const least = Math.max(10, all / 50)
  const [first] = [...new Set(magnitudes.map(({ value }) => value))]
    .toSorted((a, b) => b - a)
    .filter((bucket) => weight(magnitudes.filter(({ value }) => value >= bucket)) >= least)
  if (all < 2 * least || first === undefined || bucketOf(own) < first) return undefined
  const sizeOf = (bucket: number): number => (bucket < 1 ? 0 : 1.05 ** (bucket - 16_384))
  const tail = magnitudes.filter(({ value }) => value >= first)
  const excess = sum(tail.map((one) => weight([one]) * (sizeOf(one.value + 0.5) - sizeOf(first))))
  const above = weight(tail)
  if (excess === 0) return undefined
  return ((1 + above) / (1 + all)) * (1 + Math.max(0, Math.abs(own) - sizeOf(first)) / excess) ** -above
}

/**
 * The bucket of each magnitude. Each time that there is one bucket too many, the lowest two are merged.
 */
function bucketed(items: readonly Item<number>[], most: number): readonly Item<number>[] {
  let buckets: Item<number>[] = []
  for (const { past, value } of items) {
    buckets.push({ past, value: bucketOf(value) })
    const [lowest, second] = [...new Set(buckets.map((one) => one.value))].toSorted((a, b) => a - b)
    if (new Set(buckets.map((one) => one.value)).size > most)
      buckets = buckets.map((one) => (one.value === lowest ? { ...one, value: second! } : one))
  }
  return buckets
}

const factorial = (n: number): number => (n <= 1 ? 1 : n * factorial(n - 1))
