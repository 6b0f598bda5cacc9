/**
 * Sums and means that keep what rounding drops (Ogita, Rump and Oishi 2005): a sum is `high + low`, where `low`
 * collects the rounding errors of `high`. So a sum of integers is exact, a mean of equal values is that value, and the
 * order of the values does not matter within twice the precision of a double.
 */

/** What `sum + value` loses to rounding. NaN where the sum is not finite. */
export function lost(sum: number, value: number, total: number): number {
  const added = total - sum
  return sum - (total - added) + (value - added)
}

/** `high + low`; only `high` where the sum left the range of doubles. */
export const totalOf = (high: number, low: number): number => (low - low === 0 ? high + low : high)

/** Splits a double in two halves whose products with counts below 2^27 are exact (Dekker 1971). */
const splitter = 134_217_729
/** Larger quotients would overflow in the split; their last bit may be wrong. */
const splittable = 1e292

/** (high + low) / n, rounded once: the quotient, corrected by its remainder. */
export function meanOf(n: number, high: number, low: number): number {
  const quotient = totalOf(high, low) / n
  if (!(Math.abs(quotient) < splittable) || low - low !== 0) return quotient
  const scaled = quotient * splitter
  const upper = scaled - (scaled - quotient)
  return quotient + (high - upper * n - (quotient - upper) * n + low) / n
}

/** Below this share of the mean, a distance from it may be nothing but rounding, so it is computed from exact means. */
const doubtful = 1e-13

/** value - mean, exactly 0 where the value is the mean. `n` may be 0 only if the caller ignores the result. */
export function distanceFromMean(value: number, n: number, high: number, low: number): number {
  const distance = value - high / n
  return Math.abs(distance) > doubtful * Math.abs(value) ? distance : value - meanOf(n, high, low)
}

/** The distance between the means of two sums, exactly 0 where they are equal. */
export function meansApart(
  n: number,
  high: number,
  low: number,
  otherN: number,
  otherHigh: number,
  otherLow: number,
): number {
  const mean = high / n
  const distance = mean - otherHigh / otherN
  if (Math.abs(distance) > doubtful * Math.abs(mean)) return distance
  return meanOf(n, high, low) - meanOf(otherN, otherHigh, otherLow)
}
