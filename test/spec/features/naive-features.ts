/** The kinds of the slow specification that use other features of earlier events (see naive.ts). */
import type { Feature, FeatureSet } from '../../../src/features/feature.js'
import type { History, Past } from './naive-history.js'
import { inWindow, itemsOf, sum, type Item } from './naive-windows.js'
import { newestOf, sinceLastPause } from './naive-past.js'
import { bucketOf, surpriseBuckets } from '../../../src/features/kinds/surprise.js'

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
    )
    const nowMs = Math.max(self.timeMs, newestOf(events))
    const weight = (items: readonly Item<number>[]): number =>
      sum(items.map(({ past }) => 2 ** -((nowMs - past.timeMs) / feature.halfLifeMs)))
    return [(1 + weight(magnitudes.filter(({ value }) => value >= bucketOf(own)))) / (1 + weight(magnitudes))]
  })
  if (tails.length === 0) return undefined
  const s = sum(tails.map((p) => -Math.log(p)))
  const terms = tails.map((_, k) => s ** k / factorial(k))
  return -Math.log10(Math.exp(-s) * sum(terms))
}

/**
 * The bucket of each magnitude. Each time that there is one bucket too many, the lowest two are merged.
 */
function bucketed(items: readonly Item<number>[]): readonly Item<number>[] {
  let buckets: Item<number>[] = []
  for (const { past, value } of items) {
    buckets.push({ past, value: bucketOf(value) })
    const [lowest, second] = [...new Set(buckets.map((one) => one.value))].toSorted((a, b) => a - b)
    if (new Set(buckets.map((one) => one.value)).size > surpriseBuckets)
      buckets = buckets.map((one) => (one.value === lowest ? { ...one, value: second! } : one))
  }
  return buckets
}

const factorial = (n: number): number => (n <= 1 ? 1 : n * factorial(n - 1))
