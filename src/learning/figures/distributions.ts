/** Distances between two distributions of scores. */

/** Rows per bin of equal width over 0..1, without NaN. A bin includes its lower bound, the last one both bounds. */
export function histogram(scores: Float32Array, bins: number): readonly number[] {
  const counts = new Array<number>(bins).fill(0)
  for (const score of scores)
    if (!Number.isNaN(score)) counts[Math.min(bins - 1, Math.max(0, Math.floor(score * bins)))]!++
  return counts
}

/** The numbers without NaN, ascending. */
export const ascending = (scores: Float32Array): Float32Array => scores.filter((score) => !Number.isNaN(score)).sort()

/**
 * The largest distance between the two empirical distribution functions; undefined when one is empty. Both ascending.
 * Source: Smirnov, "Table for Estimating the Goodness of Fit of Empirical Distributions", 1948.
 */
export function kolmogorovSmirnov(left: Float32Array, right: Float32Array): number | undefined {
  if (left.length === 0 || right.length === 0) return undefined
  let [l, r, largest] = [0, 0, 0]
  while (l < left.length && r < right.length) {
    const value = Math.min(left[l]!, right[r]!)
    while (l < left.length && left[l] === value) l++
    while (r < right.length && right[r] === value) r++
    largest = Math.max(largest, Math.abs(l / left.length - r / right.length))
  }
  return largest
}

/**
 * Population stability index of `now` against `reference`, counts per bin; undefined when one is empty. A bin without
 * rows counts as half a row, so that its term is finite. Below 0.1 is usually called stable, above 0.25
 * shifted. Source: Siddiqi, "Credit Risk Scorecards", 2006, chapter 9; it is the symmetric Kullback-Leibler divergence
 * of Jeffreys, 1946.
 */
export function stabilityIndex(reference: readonly number[], now: readonly number[]): number | undefined {
  const shares = (counts: readonly number[]): readonly number[] | undefined => {
    const total = counts.reduce((sum, count) => sum + count, 0)
    return total === 0 ? undefined : counts.map((count) => Math.max(count, 0.5) / total)
  }
  const [before, after] = [shares(reference), shares(now)]
  if (before === undefined || after === undefined) return undefined
  return before.reduce((sum, share, i) => sum + (after[i]! - share) * Math.log(after[i]! / share), 0)
}
