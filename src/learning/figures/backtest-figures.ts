import { calibrationOf, type Calibration } from './calibration.js'
import { cheapest, costCurve, type CostRule, type ThresholdCost } from './costs.js'
import { ascending, histogram, kolmogorovSmirnov, stabilityIndex } from './distributions.js'
import { byLabel, prAuc, prCurve, rocAuc, rocCurve, type Labelled, type Point } from './ranking.js'
import type { ScoredRows } from './scored-rows.js'
import { tenantFigures, type TenantFigures } from './tenant-figures.js'

/** Figures of one scorer over the events of a backtest. A figure is null when the labels that it needs are absent. */
export interface ScorerFigures {
  readonly rows: number
  readonly labelled: number
  readonly positives: number
  readonly meanScore: number | null
  readonly low: number
  readonly medium: number
  readonly high: number
  readonly rocAuc: number | null
  readonly prAuc: number | null
  readonly calibration: Calibration | null
  readonly roc: readonly Point[]
  readonly pr: readonly Point[]
  /** Rows per bin; 20 bins of equal width over 0..1. */
  readonly histogram: readonly number[]
  readonly costs: readonly ThresholdCost[]
  readonly cheapest: ThresholdCost | null
}

/** The figures of a run and of its comparison, over the same events. */
export interface BacktestFigures {
  readonly run: ScorerFigures
  readonly other: ScorerFigures
  readonly costRule: CostRule
  /** Distances between the two distributions of scores. */
  readonly ks: number | null
  readonly psi: number | null
  /** Rows with both scores; among them those with identical scores, and those with different risk levels. */
  readonly compared: number
  readonly sameScores: number
  readonly otherRisks: number
  readonly tenants: readonly TenantFigures[]
}

const bins = 20
export const defaultCosts: CostRule = { falseAlarm: 1, miss: 10 }

/** All figures of a backtest. Pure: the same rows give the same figures. */
export function backtestFigures(rows: ScoredRows, costRule: CostRule = defaultCosts): BacktestFigures {
  const run = scorerFigures(rows.scores, rows.risks, rows.labels, costRule)
  const other = scorerFigures(rows.others, rows.otherRisks, rows.labels, costRule)
  let [compared, sameScores, otherRisks] = [0, 0, 0]
  for (let row = 0; row < rows.rows; row++) {
    if (Number.isNaN(rows.scores[row]!) || Number.isNaN(rows.others[row]!)) continue
    compared++
    if (rows.scores[row] === rows.others[row]) sameScores++
    if (rows.risks[row] !== rows.otherRisks[row]) otherRisks++
  }
  return {
    run,
    other,
    costRule,
    compared,
    sameScores,
    otherRisks,
    ks: kolmogorovSmirnov(ascending(rows.scores), ascending(rows.others)) ?? null,
    psi: stabilityIndex(other.histogram, run.histogram) ?? null,
    tenants: tenantFigures(rows),
  }
}

function scorerFigures(scores: Float32Array, risks: Uint8Array, labels: Int8Array, costRule: CostRule): ScorerFigures {
  const labelled: Labelled = byLabel(scores, labels)
  const costs = labelled.positives.length + labelled.negatives.length === 0 ? [] : costCurve(labelled, costRule)
  let [rows, sum] = [0, 0]
  const levels = [0, 0, 0]
  for (let row = 0; row < scores.length; row++) {
    if (Number.isNaN(scores[row]!)) continue
    rows++
    sum += scores[row]!
    levels[risks[row]!]!++
  }
  return {
    rows,
    labelled: labelled.positives.length + labelled.negatives.length,
    positives: labelled.positives.length,
    meanScore: rows === 0 ? null : sum / rows,
    low: levels[0]!,
    medium: levels[1]!,
    high: levels[2]!,
    rocAuc: rocAuc(labelled) ?? null,
    prAuc: prAuc(labelled) ?? null,
    calibration: calibrationOf(labelled) ?? null,
    roc: rocCurve(labelled),
    pr: prCurve(labelled),
    histogram: histogram(scores, bins),
    costs,
    cheapest: cheapest(costs) ?? null,
  }
}
