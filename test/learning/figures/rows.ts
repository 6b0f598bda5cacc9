import fc from 'fast-check'
import { collectRows, type ScoredRow, type ScoredRows } from '../../../src/learning/figures/scored-rows.js'
import { anyScore } from './cases.js'

/** The risk of a score, 255 where there is none. */
export const riskOf = (score: number): number => (Number.isNaN(score) ? 255 : score >= 0.8 ? 2 : score >= 0.5 ? 1 : 0)

/** A row as a backtest makes it: either side may have no score, and a label may be unknown. */
export const anyRow: fc.Arbitrary<ScoredRow> = fc
  .record({
    tenant: fc.constantFrom('acme', 'globex', 'initech'),
    score: anyScore,
    other: anyScore,
    label: fc.constantFrom(0, 1, -1),
  })
  .map((row) => ({ ...row, risk: riskOf(row.score), otherRisk: riskOf(row.other) }))

export function rowsOf(list: readonly ScoredRow[]): ScoredRows {
  const collector = collectRows(list.length)
  for (const row of list) collector.add(row)
  return collector.rows()
}
