import { exp2 } from '../../base/exp2.js'
import { dropRows, insertRow, makeRoom, NEWEST, rowsOf, startOf, type List, type Memory } from '../memory/memory.js'
import type { Outputs, Reflection, Surroundings } from './part.js'
import { AS_OF, TIME, type Row } from '../event/row.js'

export interface SurpriseSource {
  /** Indices in the vector of the features whose magnitudes are counted. */
  readonly of: readonly number[]
  readonly match: number
  /** Whether probabilities beyond the largest magnitudes are extrapolated. */
  readonly tail: boolean
  readonly halfLifeMs: number
  readonly horizonMs: number
  readonly feature: number
}

/** Buckets kept for each feature's magnitudes. Above it the lowest two are merged, which hardly changes any tail. */
export const surpriseBuckets = 64
/** Those of a feature with a tail: 128 buckets span a factor of 500, so probabilities are exact up to about 0.9. */
export const tailBuckets = 128

/**
 * The magnitudes that features had, as decaying counts in logarithmic buckets, and how far in their tail this event's
 * magnitudes are. Weights are relative to the newest event, so an older event that arrives late gets the weight that it
 * would have had in time.
 */
export function surprise(source: SurpriseSource, around: Surroundings): Reflection {
  const { of, match, tail, halfLifeMs, horizonMs, feature } = source
  const logarithm = tail ? extrapolated : ranked
  const buckets = tail ? tailBuckets : surpriseBuckets
  const asOf = around.builder.cells([-Infinity], ({ nums }) => {
    if (nums[asOf]! <= nums[NEWEST]! - around.latenessMs - horizonMs) nums[asOf] = -Infinity
  })
  const remembered = ({ nums }: Memory, row: Row): boolean => row.numbers[AS_OF]! - nums[asOf]! < horizonMs
  const lists = of.map(() => {
    const list: List = around.builder.list({
      width,
      ints: [0],
      floats: [1],
      prune: (memory) => {
        if (memory.nums[asOf]! <= memory.nums[NEWEST]! - around.latenessMs - horizonMs)
          dropRows(memory, list, 0, rowsOf(memory.nums, list))
      },
    })
    return list
  })
  return {
    read: (memory, row, out) => {
      if (row.matches[match] === 0) return
      const faded = remembered(memory, row) ? fadedSince(memory.nums[asOf]!, row.numbers[TIME]!, halfLifeMs) : 0
      let [surprise, present] = [0, 0]
      for (let i = 0; i < of.length; i++) {
        const value = out.vector[of[i]!]!
        if (value !== value) continue
        surprise -= logarithm(memory.nums, lists[i]!, value, faded)
        present++
      }
      if (present > 0) out.vector[feature] = (surprise - Math.log(partialExponential(surprise, present))) / Math.LN10
    },
    add: (memory, row, out: Outputs) => {
      if (row.matches[match] === 0) return
      if (!remembered(memory, row)) forget(memory, lists, asOf)
      const timeMs = row.numbers[TIME]!
      const faded = fadedSince(memory.nums[asOf]!, timeMs, halfLifeMs)
      const weight = exp2(Math.min(0, (timeMs - memory.nums[asOf]!) / halfLifeMs))
      for (let i = 0; i < of.length; i++) {
        fade(memory.nums, lists[i]!, faded)
        const value = out.vector[of[i]!]!
        if (value === value) countIn(memory, lists[i]!, around, bucketOf(value), weight, buckets)
      }
      memory.nums[asOf] = Math.max(memory.nums[asOf]!, timeMs)
    },
  }
}

function forget(memory: Memory, lists: readonly List[], asOf: number): void {
  memory.nums[asOf] = -Infinity
  for (const list of lists) dropRows(memory, list, 0, rowsOf(memory.nums, list))
}

/** A row is a bucket and its weight; rows ascend by bucket. */
const width = 2
const perBucket = Math.log(1.05)
/** The smallest double is in bucket -15,258 before this is added; 0 gets a bucket below all others. */
const zeroBucket = 16_384

/** Magnitudes in one bucket differ by less than 5 %. */
export const bucketOf = (value: number): number =>
  value === 0 ? 0 : zeroBucket + Math.floor(Math.log(Math.abs(value)) / perBucket)

/** The share of a weight at `fromMs` that is left at `nowMs`; 0 while there is no weight. */
const fadedSince = (fromMs: number, nowMs: number, halfLifeMs: number): number =>
  fromMs === -Infinity ? 0 : exp2(-(Math.max(0, nowMs - fromMs) / halfLifeMs))

/** Ln of the share of magnitudes that are at least as large, including this event's own (a conformal p-value). */
function ranked(nums: Float64Array, list: List, value: number, faded: number): number {
  const start = startOf(nums, list)
  const bucket = bucketOf(value)
  let [all, above] = [0, 0]
  for (let i = rowsOf(nums, list) - 1; i >= 0; i--) {
    const weight = nums[start + i * width + 1]!
    all += weight
    if (nums[start + i * width]! >= bucket) above += weight
  }
  return Math.log((1 + above * faded) / (1 + all * faded))
}

/** The tail: at least this share of the weight and at least this weight. */
export const tailShare = 0.02
export const tailWeight = 10

/**
 * As `ranked` below the tail. In the tail, excesses over its lower end count as exponential: the probability that one
 * more exceeds x, after `above` excesses with sum `excess`, is (1 + x / excess)^-above, whatever their scale.
 */
function extrapolated(nums: Float64Array, list: List, value: number, faded: number): number {
  const start = startOf(nums, list)
  const rows = rowsOf(nums, list)
  let all = 0
  for (let i = rows - 1; i >= 0; i--) all += nums[start + i * width + 1]! * faded
  const least = Math.max(tailWeight, tailShare * all)
  if (all < 2 * least) return ranked(nums, list, value, faded)
  let [first, above] = [rows, 0]
  while (above < least && first > 0) above += nums[start + --first * width + 1]! * faded
  if (bucketOf(value) < nums[start + first * width]!) return ranked(nums, list, value, faded)
  const end = lowerEdge(nums[start + first * width]!)
  let excess = 0
  for (let i = first; i < rows; i++)
    excess += nums[start + i * width + 1]! * faded * (lowerEdge(nums[start + i * width]! + 0.5) - end)
  // Only when all magnitudes of the tail are 0, which has no scale.
  if (excess === 0) return ranked(nums, list, value, faded)
  return Math.log((1 + above) / (1 + all)) - above * Math.log1p(Math.max(0, Math.abs(value) - end) / excess)
}

/** The least magnitude of a bucket; with a half added, its middle. */
export const lowerEdge = (bucket: number): number => (bucket < 1 ? 0 : Math.exp((bucket - zeroBucket) * perBucket))

/** 1 + s + s²/2 + ..., where s is the sum of -ln p over the probabilities p; one term for each of them. */
function partialExponential(s: number, terms: number): number {
  let [sum, term] = [1, 1]
  for (let k = 1; k < terms; k++) sum += term *= s / k
  return sum
}

function fade(nums: Float64Array, list: List, faded: number): void {
  const start = startOf(nums, list)
  for (let i = rowsOf(nums, list) - 1; i >= 0; i--) nums[start + i * width + 1]! *= faded
}

function countIn(
  memory: Memory,
  list: List,
  around: Surroundings,
  bucket: number,
  weight: number,
  buckets: number,
): void {
  makeRoom(memory, around.layout(), list)
  const start = startOf(memory.nums, list)
  let index = rowsOf(memory.nums, list)
  while (index > 0 && memory.nums[start + (index - 1) * width]! > bucket) index--
  if (index > 0 && memory.nums[start + (index - 1) * width] === bucket)
    return void (memory.nums[start + (index - 1) * width + 1]! += weight)
  const at = insertRow(memory, list, index)
  memory.nums[at] = bucket
  memory.nums[at + 1] = weight
  if (rowsOf(memory.nums, list) <= buckets) return
  memory.nums[start + width + 1]! += memory.nums[start + 1]!
  dropRows(memory, list, 0, 1)
}
