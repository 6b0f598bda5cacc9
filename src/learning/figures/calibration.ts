import type { Labelled } from './ranking.js'

/** How well scores match probabilities. */
export interface Calibration {
  /**
   * Mean squared distance of score and label. Source: Brier, "Verification of Forecasts Expressed in Terms of
   * Probability", 1950.
   */
  readonly brier: number
  /**
   * Mean negative log-likelihood in nats, with scores limited to [eps, 1 - eps] and the eps of float32. Source: Good,
   * "Rational Decisions", 1952.
   */
  readonly logLoss: number
  /**
   * Expected calibration error: the mean distance of a bin's share of positives from its mean score, weighted by rows.
   * Source: Naeini, Cooper and Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning", 2015.
   */
  readonly error: number
  /** Bins of equal width, ascending; without empty ones. */
  readonly bins: readonly CalibrationBin[]
}

export interface CalibrationBin {
  readonly from: number
  readonly to: number
  readonly rows: number
  readonly meanScore: number
  readonly positiveShare: number
}

const eps = 2 ** -23
const limited = (score: number): number => Math.min(Math.max(score, eps), 1 - eps)

/**
 * Undefined without labelled rows. A bin holds its lower bound, the last one both; the outer bins also hold scores
 * beyond 0..1, which a model may give.
 */
export function calibrationOf({ positives, negatives }: Labelled, bins = 10): Calibration | undefined {
  const rows = positives.length + negatives.length
  if (rows === 0) return undefined
  const counts = Array.from({ length: bins }, () => ({ rows: 0, positives: 0, scores: 0 }))
  let squares = 0
  let loss = 0
  const add = (scores: Float32Array, label: 0 | 1): void => {
    for (const score of scores) {
      squares += (score - label) ** 2
      loss -= Math.log(label === 1 ? limited(score) : 1 - limited(score))
      const bin = counts[Math.min(bins - 1, Math.max(0, Math.floor(score * bins)))]!
      bin.rows++
      bin.positives += label
      bin.scores += score
    }
  }
  add(positives, 1)
  add(negatives, 0)
  const filled = counts.flatMap((bin, i): CalibrationBin[] =>
    bin.rows === 0
      ? []
      : [
          {
            from: i / bins,
            to: (i + 1) / bins,
            rows: bin.rows,
            meanScore: bin.scores / bin.rows,
            positiveShare: bin.positives / bin.rows,
          },
        ],
  )
  const error = filled.reduce((sum, bin) => sum + (bin.rows / rows) * Math.abs(bin.positiveShare - bin.meanScore), 0)
  return { brier: squares / rows, logLoss: loss / rows, error, bins: filled }
}
