/** Features read from the pairs of an exact window; each writes to index `at` of the vector. */
import { TIME } from '../event/row.js'
import type { RangeRead } from './pair-list.js'
import { lost, meanOf } from './sums.js'

/** Scratch space for sorting. It grows to the largest window; one fold runs at a time. */
let scratch = new Float64Array(256)

function sorted(nums: Float64Array, start: number, from: number, to: number): Float64Array {
  const count = Math.max(0, to - from)
  if (count > scratch.length) scratch = new Float64Array(count * 2)
  for (let i = 0; i < count; i++) scratch[i] = nums[start + (from + i) * 2 + 1]!
  return scratch.subarray(0, count).sort()
}

/** Type 7 of Hyndman and Fan (1996): linear interpolation between order statistics. */
export function quantileOfSorted(values: ArrayLike<number>, q: number): number {
  const position = (values.length - 1) * q
  const low = Math.floor(position)
  const high = Math.ceil(position)
  return values[low]! + (values[high]! - values[low]!) * (position - low)
}

export const quantileOf =
  (at: number, q: number): RangeRead =>
  (nums, start, from, to, _, { vector }) => {
    if (to > from) vector[at] = quantileOfSorted(sorted(nums, start, from, to), q)
  }

/** For normal values, the median absolute deviation times this is the standard deviation. */
export const madScale = 1.4826

export const robustDeviation =
  (at: number, number: number, { floor, atLeast }: { readonly floor: number; readonly atLeast: number }): RangeRead =>
  (nums, start, from, to, { numbers }, { vector }) => {
    const value = numbers[number]!
    if (to - from < Math.max(1, atLeast) || Number.isNaN(value)) return
    const values = sorted(nums, start, from, to)
    const median = quantileOfSorted(values, 0.5)
    for (let i = 0; i < values.length; i++) values[i] = Math.abs(values[i]! - median)
    const deviation = Math.max(madScale * quantileOfSorted(values.sort(), 0.5), floor)
    if (deviation > 0) vector[at] = (value - median) / deviation
  }

export const distinctOf =
  (at: number): RangeRead =>
  (nums, start, from, to, _, { vector }) => {
    const codes = sorted(nums, start, from, to)
    let count = 0
    for (let i = 0; i < codes.length; i++) if (i === 0 || codes[i] !== codes[i - 1]) count++
    vector[at] = count
  }

/** Where the event's column is null, all values count. Where `since` is null, nothing is written. */
export const othersSince =
  (at: number, code: number, since: number): RangeRead =>
  (nums, start, from, to, { numbers, codes }, { vector }) => {
    const sinceMs = numbers[since]!
    if (Number.isNaN(sinceMs)) return
    let first = from
    while (first < to && nums[start + first * 2]! <= sinceMs) first++
    const others = sorted(nums, start, first, to)
    let count = 0
    for (let i = 0; i < others.length; i++)
      if (others[i] !== codes[code] && (i === 0 || others[i] !== others[i - 1])) count++
    vector[at] = count
  }

export const shareOf =
  (at: number, code: number): RangeRead =>
  (nums, start, from, to, { codes }, { vector }) => {
    const own = codes[code]!
    if (to <= from || Number.isNaN(own)) return
    let same = 0
    for (let i = from; i < to; i++) if (nums[start + i * 2 + 1] === own) same++
    vector[at] = same / (to - from)
  }

interface Line {
  readonly as: 'residual' | 'deviation' | 'slope'
  readonly unitMs: number
  readonly floor: number
  readonly atLeast: number
}

/** Least squares around the means, residuals in a separate pass. So no result is the difference of two large sums. */
export const trendOf =
  (at: number, number: number, { as, unitMs, floor, atLeast }: Line): RangeRead =>
  (nums, start, from, to, { numbers }, { vector }) => {
    const n = to - from
    if (n < Math.max(1, atLeast) || nums[start + from * 2] === nums[start + (to - 1) * 2]) return
    const eventMs = numbers[TIME]!
    const [age, mean, slope] = lineOf(nums, start, from, to, eventMs)
    if (as === 'slope') return void (vector[at] = slope! * unitMs)
    const residual = numbers[number]! - (mean! - slope! * age!)
    if (as === 'deviation') {
      let squares = 0
      for (let i = from; i < to; i++) {
        const off = nums[start + i * 2 + 1]! - mean! - slope! * (nums[start + i * 2]! - eventMs - age!)
        squares += off * off
      }
      const deviation = Math.max(Math.sqrt(squares / n), floor)
      if (deviation > 0 && !Number.isNaN(residual)) vector[at] = residual / deviation
    } else if (!Number.isNaN(residual)) vector[at] = residual
  }

/** Returns the mean time relative to the event, the mean value, and the slope per ms. */
function lineOf(nums: Float64Array, start: number, from: number, to: number, eventMs: number): readonly number[] {
  const n = to - from
  let times = 0
  let values = 0
  let rest = 0
  for (let i = from; i < to; i++) {
    times += nums[start + i * 2]! - eventMs
    const total = values + nums[start + i * 2 + 1]!
    rest += lost(values, nums[start + i * 2 + 1]!, total)
    values = total
  }
  const age = times / n
  const mean = meanOf(n, values, rest)
  let together = 0
  let spread = 0
  for (let i = from; i < to; i++) {
    const time = nums[start + i * 2]! - eventMs - age
    together += time * (nums[start + i * 2 + 1]! - mean)
    spread += time * time
  }
  return [age, mean, together / spread]
}
