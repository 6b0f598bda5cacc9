import type { EntityBuilder } from './entity.js'
import type { Feature } from '../feature.js'
import type { ReflectiveFeature } from './reflection.js'
import { TIME, type Row } from '../event/row.js'
import { M2, MEAN, N } from './statistics.js'

/** Kinds that compare the event with earlier events. */
export type SequentialFeature = Exclude<Extract<Feature, { readonly horizonMs: number }>, ReflectiveFeature>

/** Prepares a sequential feature; its value goes to index `at` of the vector. */
export function addSequential(feature: SequentialFeature, at: number, entity: EntityBuilder): void {
  if (feature.kind === 'ewma') return addFading(feature, at, entity)
  if (feature.kind === 'seasonal') return addSeasonal(feature, at, entity)
  if (feature.kind === 'neighbour-distance') return addNeighbours(feature, at, entity)
  addAgainstLast(feature, at, entity)
}

function addAgainstLast(
  feature: Exclude<SequentialFeature, { readonly kind: 'ewma' | 'seasonal' | 'neighbour-distance' }>,
  at: number,
  entity: EntityBuilder,
): void {
  const record = entity.record(feature.where)
  const { horizonMs } = feature
  const elapsedMs = (nums: Float64Array, { numbers }: Row): number => Math.max(0, numbers[TIME]! - nums[record.time]!)
  if (feature.kind === 'elapsed')
    return record.read(horizonMs, (nums, row, { vector }) => void (vector[at] = elapsedMs(nums, row) / 1000))
  if (feature.kind === 'changed') {
    const code = entity.row.code(feature.column)
    const cell = record.code(code)
    return record.read(horizonMs, (nums, { codes }, { vector }) => {
      const [before, now] = [nums[cell]!, codes[code]!]
      if (!Number.isNaN(before) && !Number.isNaN(now)) vector[at] = before === now ? 0 : 1
    })
  }
  if (feature.kind === 'distance-km' || feature.kind === 'speed-kmh') {
    const slot = record.kilometres(
      entity.row.number({ column: feature.lat }),
      entity.row.number({ column: feature.lon }),
    )
    const perHour = feature.kind === 'speed-kmh'
    return record.read(horizonMs, (nums, row, { results, vector }) => {
      const km = results[slot]!
      if (!Number.isNaN(km)) vector[at] = perHour ? (km / Math.max(1, elapsedMs(nums, row) / 1000)) * 3600 : km
    })
  }
  const number = entity.row.number(feature.value)
  const cell = record.number(number)
  record.read(horizonMs, (nums, row, { vector }) => {
    const before = nums[cell]!
    if (feature.kind === 'last') {
      if (!Number.isNaN(before)) vector[at] = before
      return
    }
    const change = row.numbers[number]! - before
    if (!Number.isNaN(change))
      vector[at] = feature.kind === 'delta' ? change : change / (Math.max(1000, elapsedMs(nums, row)) / feature.unitMs)
  })
}

function addNeighbours(
  feature: Extract<Feature, { readonly kind: 'neighbour-distance' }>,
  at: number,
  entity: EntityBuilder,
): void {
  const [number, match] = [entity.row.number(feature.value), entity.row.match(feature.where)]
  entity.delayVectors(number, match, feature.cap, feature.horizonMs).read(feature.lags, feature.nearest, at)
}

function addFading(feature: Extract<Feature, { readonly kind: 'ewma' }>, at: number, entity: EntityBuilder): void {
  const number = entity.row.number(feature.value)
  const past = entity.fading({
    number,
    match: entity.row.match(feature.where),
    halfLifeMs: feature.halfLifeMs,
    horizonMs: feature.horizonMs,
  })
  past.read(({ numbers }, { results, vector }) => {
    const mean = results[past.result]!
    if (feature.as === 'mean') return void (vector[at] = mean)
    const deviation = Math.max(results[past.result + 1]!, feature.floor)
    if (deviation > 0 && !Number.isNaN(numbers[number]!)) vector[at] = (numbers[number]! - mean) / deviation
  })
}

function addSeasonal(
  feature: Extract<Feature, { readonly kind: 'seasonal' }>,
  at: number,
  entity: EntityBuilder,
): void {
  const number = entity.row.number(feature.value)
  const offset = feature.offset === undefined ? -1 : entity.row.number({ column: feature.offset })
  const past = entity.seasons({
    number,
    match: entity.row.match(feature.where),
    offset,
    period: feature.period,
    slots: feature.slots,
  })
  const base = past.statistics(feature.horizonMs)
  const least = Math.max(1, feature.atLeast)
  past.read(({ numbers }, { results, vector }) => {
    const n = results[base + N]!
    if (n < least) return
    if (feature.as === 'mean') return void (vector[at] = results[base + MEAN]!)
    const deviation = Math.max(Math.sqrt(results[base + M2]! / n), feature.floor)
    if (deviation > 0 && !Number.isNaN(numbers[number]!))
      vector[at] = (numbers[number]! - results[base + MEAN]!) / deviation
  })
}
