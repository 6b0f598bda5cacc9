import { byLabel, rocAuc } from './ranking.js'
import type { ScoredRows } from './scored-rows.js'

/** The figures of a backtest for one tenant. */
export interface TenantFigures {
  readonly tenant: string
  readonly rows: number
  readonly labelled: number
  readonly positives: number
  /** Null without labels of both kinds. */
  readonly rocAuc: number | null
  readonly otherRocAuc: number | null
  readonly high: number
  readonly otherHigh: number
  readonly meanScore: number | null
  readonly otherMeanScore: number | null
}

/** Figures per tenant, tenants with the most rows first. */
export function tenantFigures(rows: ScoredRows): readonly TenantFigures[] {
  const members: number[][] = rows.tenants.map(() => [])
  for (let row = 0; row < rows.rows; row++) members[rows.tenantOf[row]!]!.push(row)
  return members
    .map((own, index) => figuresOf(rows, rows.tenants[index]!, own))
    .sort((a, b) => b.rows - a.rows || (a.tenant < b.tenant ? -1 : 1))
}

function figuresOf(rows: ScoredRows, tenant: string, own: readonly number[]): TenantFigures {
  const labels = Int8Array.from(own, (row) => rows.labels[row]!)
  const scores = Float32Array.from(own, (row) => rows.scores[row]!)
  const others = Float32Array.from(own, (row) => rows.others[row]!)
  const labelled = byLabel(scores, labels)
  return {
    tenant,
    rows: own.length,
    labelled: labelled.positives.length + labelled.negatives.length,
    positives: labelled.positives.length,
    rocAuc: rocAuc(labelled) ?? null,
    otherRocAuc: rocAuc(byLabel(others, labels)) ?? null,
    high: own.filter((row) => rows.risks[row] === 2).length,
    otherHigh: own.filter((row) => rows.otherRisks[row] === 2).length,
    meanScore: mean(scores),
    otherMeanScore: mean(others),
  }
}

function mean(scores: Float32Array): number | null {
  let [count, sum] = [0, 0]
  for (const score of scores) {
    if (Number.isNaN(score)) continue
    count++
    sum += score
  }
  return count === 0 ? null : sum / count
}
