import type { EntityBuilder } from './entity.js'
import type { Feature } from '../feature.js'
import { distinctOf, othersSince, quantileOf, robustDeviation, shareOf, trendOf } from './ranges.js'
import type { ReflectiveFeature } from './reflection.js'
import { M2, MAX, MEAN, MIN, N, SUM } from './statistics.js'

/** Kinds that read a window of an entity's history. */
export type WindowedFeature = Exclude<Extract<Feature, { readonly windowMs: number }>, ReflectiveFeature>

/** Prepares a windowed feature; its value goes to index `at` of the vector. */
export function addWindowed(feature: WindowedFeature, at: number, entity: EntityBuilder): void {
  switch (feature.kind) {
    case 'count':
    case 'sum':
    case 'mean':
    case 'std':
    case 'min':
    case 'max':
    case 'share':
    case 'zscore':
      return addStatistic(feature, at, entity)
    case 'robust-zscore':
    case 'quantile':
    case 'trend':
      return addOrdered(feature, at, entity)
    case 'distinct': {
      const [code, match, prior] = [
        entity.row.code(feature.column),
        entity.row.match(feature.where),
        feature.prior === true,
      ]
      if ('lastSeen' in feature.keep)
        return entity.seen(code, match, feature.keep.lastSeen).count(feature.windowMs, prior, at)
      return entity
        .pairs({ kind: 'code', slot: code, match })
        .read({ windowMs: feature.windowMs, cap: feature.keep.exact, prior }, distinctOf(at))
    }
    case 'others-since': {
      const [code, match, since] = [
        entity.row.code(feature.column),
        entity.row.match(feature.where),
        entity.row.number({ column: feature.since }),
      ]
      return entity
        .pairs({ kind: 'code', slot: code, match })
        .read({ windowMs: feature.windowMs, cap: feature.keep.exact, prior: false }, othersSince(at, code, since))
    }
    case 'familiarity': {
      const [code, match, prior] = [
        entity.row.code(feature.column),
        entity.row.match(feature.where),
        feature.prior === true,
      ]
      if ('tileMs' in feature.keep)
        return entity.valueTiles(code, match, feature.keep.tileMs).share(feature.windowMs, prior, at)
      return entity
        .pairs({ kind: 'code', slot: code, match })
        .read({ windowMs: feature.windowMs, cap: feature.keep.exact, prior }, shareOf(at, code))
    }
  }
}

type Statistic = Extract<
  WindowedFeature,
  { readonly kind: 'count' | 'sum' | 'mean' | 'std' | 'min' | 'max' | 'share' | 'zscore' }
>

function addStatistic(feature: Statistic, at: number, entity: EntityBuilder): void {
  if (feature.kind === 'count') {
    const base = entity.window(feature, 'time', [])
    return entity.finish((_, { results, vector }) => void (vector[at] = results[base + N]!))
  }
  if (feature.kind === 'share') return addShare(feature, at, entity)
  const number = entity.row.number(feature.value)
  if (feature.kind === 'zscore') {
    const base = entity.window(feature, number, ['moments'])
    const least = Math.max(1, feature.atLeast)
    return entity.finish(({ numbers }, { results, vector }) => {
      const n = results[base + N]!
      const deviation = Math.max(Math.sqrt(results[base + M2]! / n), feature.floor)
      if (n >= least && deviation > 0 && !Number.isNaN(numbers[number]!))
        vector[at] = (numbers[number]! - results[base + MEAN]!) / deviation
    })
  }
  if (feature.kind === 'std') {
    const base = entity.window(feature, number, ['moments'])
    return entity.finish((_, { results, vector }) => {
      if (results[base + N]! > 0) vector[at] = Math.sqrt(results[base + M2]! / results[base + N]!)
    })
  }
  const base = entity.window(feature, number, [feature.kind])
  const slot = base + { sum: SUM, mean: MEAN, min: MIN, max: MAX }[feature.kind]
  entity.finish((_, { results, vector }) => {
    if (results[base + N]! > 0) vector[at] = results[slot]!
  })
}

/**
 * Tiles count the matching events and all events. An exact window averages a 0 or 1 per event, so that one cap applies
 * to both.
 */
function addShare(feature: Extract<Feature, { readonly kind: 'share' }>, at: number, entity: EntityBuilder): void {
  if ('exact' in feature.keep) {
    const base = entity.window(feature, entity.row.indicator(feature.match), ['mean'])
    return entity.finish((_, { results, vector }) => {
      if (results[base + N]! > 0) vector[at] = results[base + MEAN]!
    })
  }
  const all = entity.window(feature, 'time', [])
  const matching = entity.window(feature, 'time', [], entity.row.match(feature.where, feature.match))
  entity.finish((_, { results, vector }) => {
    if (results[all + N]! > 0) vector[at] = results[matching + N]! / results[all + N]!
  })
}

/** Kinds that need the values themselves; validation refuses tiles for them. */
function addOrdered(
  feature: Extract<Feature, { readonly kind: 'robust-zscore' | 'quantile' | 'trend' }>,
  at: number,
  entity: EntityBuilder,
): void {
  const number = entity.row.number(feature.value)
  const cap = 'exact' in feature.keep ? feature.keep.exact : 0
  const list = entity.pairs({ kind: 'number', slot: number, match: entity.row.match(feature.where) })
  const read =
    feature.kind === 'quantile'
      ? quantileOf(at, feature.q)
      : feature.kind === 'trend'
        ? trendOf(at, number, feature)
        : robustDeviation(at, number, feature)
  list.read({ windowMs: feature.windowMs, cap, prior: feature.prior === true }, read)
}
