/**
 * How far p-values are from uniform: what `surprise` promises on a quiet series, where 10^-surprise is at most p in a
 * share p of the samples.
 */

/** The largest p that counts in `apart`: above it, equal magnitudes share one p-value, which is near 1. */
export const mostP = 0.5

export interface Uniformity {
  readonly samples: number
  /** Kolmogorov and Smirnov's D: the largest distance of the distribution from uniform, on p up to `mostP`. */
  readonly apart: number
  /** The one-sided D+, on all p: how much more often small p-values occur than they promise. */
  readonly above: number
}

export function uniformity(pValues: ArrayLike<number>, most = mostP): Uniformity {
  const sorted = Float64Array.from(pValues).sort()
  const n = sorted.length
  let [apart, above] = [0, 0]
  for (let i = 0; i < n; i++) {
    const p = sorted[i]!
    above = Math.max(above, (i + 1) / n - p)
    if (p <= most) apart = Math.max(apart, (i + 1) / n - p, p - i / n)
  }
  return { samples: n, apart, above }
}

/** How often a level is reached, as a multiple of what it promises: 10^-decades of the samples. */
export function exceedance(surprises: ArrayLike<number>, decades: number): number {
  const all = Array.from(surprises)
  return all.filter((one) => one >= decades).length / all.length / 10 ** -decades
}

/** The levels of risk in decades of `surprise`. */
export const levels = { medium: 2.5, high: 3 } as const

export interface Sample {
  readonly surprise: number
  readonly risk: string
}

export interface Calibration extends Uniformity {
  readonly days: number
  /** For each level, samples that reach it, as a multiple of what the level promises. */
  readonly reached: { readonly medium: number; readonly high: number }
  /** For each level, alarms a day. Samples of one incident are one alarm, so there are fewer than promised. */
  readonly alarms: { readonly medium: number; readonly high: number }
}

/** What the levels of risk were on quiet samples, in the course of so many days. */
export function calibrationOf(samples: readonly Sample[], days: number): Calibration {
  const surprises = samples.map(({ surprise }) => surprise)
  const alarms = (...risks: readonly string[]): number =>
    samples.filter(({ risk }) => risks.includes(risk)).length / days
  return {
    ...uniformity(surprises.map((one) => 10 ** -one)),
    days,
    reached: { medium: exceedance(surprises, levels.medium), high: exceedance(surprises, levels.high) },
    alarms: { medium: alarms('medium', 'high'), high: alarms('high') },
  }
}
