import { strict as assert } from 'node:assert'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { backtestFigures, defaultCosts } from '../../../src/learning/figures/backtest-figures.js'
import { cases, near } from './cases.js'
import { anyRow, riskOf, rowsOf } from './rows.js'

test.each(cases)('case $name: every figure of the two sides is that of scikit-learn, SciPy and NumPy', (one) => {
  const found = backtestFigures(
    rowsOf(
      one.score.map((score, i) => ({
        tenant: 'acme',
        score,
        other: one.other[i]!,
        label: one.truth[i]!,
        risk: riskOf(score),
        otherRisk: riskOf(one.other[i]!),
      })),
    ),
  )
  near(found.run.rocAuc, one.roc_auc)
  near(found.run.prAuc, one.pr_auc)
  near(found.run.calibration!.brier, one.brier)
  near(found.run.calibration!.error, one.calibration.error)
  near(found.ks, one.ks)
  near(found.psi, one.psi)
  assert.equal(found.run.positives, one.truth.filter((label) => label === 1).length)
})

describe('the figures of a backtest', () => {
  test('are counts that fit together, whatever the rows', () =>
    fc.assert(
      fc.property(fc.array(anyRow, { maxLength: 60 }), (list) => {
        const found = backtestFigures(rowsOf(list))
        for (const [side, scores] of [
          [found.run, list.map(({ score }) => score)],
          [found.other, list.map(({ other }) => other)],
        ] as const) {
          const present = scores.filter((score) => !Number.isNaN(score))
          assert.equal(side.rows, present.length)
          assert.equal(side.low + side.medium + side.high, side.rows)
          assert.equal(
            side.histogram.reduce((sum, count) => sum + count, 0),
            side.rows,
          )
          assert.ok(side.positives <= side.labelled && side.labelled <= side.rows)
          assert.equal(side.meanScore === null, side.rows === 0)
          assert.equal(side.cheapest === null, side.labelled === 0)
          assert.equal(side.costs.length, side.labelled === 0 ? 0 : 101)
        }
        const both = list.filter(({ score, other }) => !Number.isNaN(score) && !Number.isNaN(other))
        assert.equal(found.compared, both.length)
        assert.equal(found.sameScores, both.filter(({ score, other }) => score === other).length)
        assert.equal(found.otherRisks, both.filter(({ risk, otherRisk }) => risk !== otherRisk).length)
        assert.equal(
          found.tenants.reduce((sum, { rows }) => sum + rows, 0),
          list.length,
        )
      }),
    ))

  test('of a run beside itself show no difference', () =>
    fc.assert(
      fc.property(fc.array(anyRow, { maxLength: 60 }), (list) => {
        const found = backtestFigures(rowsOf(list.map((row) => ({ ...row, other: row.score, otherRisk: row.risk }))))
        assert.deepEqual(found.run, found.other)
        assert.deepEqual([found.sameScores, found.otherRisks], [found.compared, 0])
        if (found.compared > 0) assert.deepEqual([found.ks, found.psi], [0, 0])
      }),
    ))

  test('without rows are all empty', () => {
    const { run, ks, psi, compared, tenants, costRule } = backtestFigures(rowsOf([]))
    assert.deepEqual([ks, psi, compared, tenants, costRule], [null, null, 0, [], defaultCosts])
    assert.deepEqual(
      [run.rows, run.meanScore, run.rocAuc, run.prAuc, run.calibration, run.cheapest],
      [0, null, null, null, null, null],
    )
  })

  test('without labels have distributions and no more', () => {
    const list = [0.1, 0.6, 0.9].map((score) => ({
      ...{ tenant: 'acme', score, other: score, label: -1 },
      ...{ risk: riskOf(score), otherRisk: riskOf(score) },
    }))
    const { run, psi } = backtestFigures(rowsOf(list))
    assert.deepEqual([run.rows, run.labelled, run.low, run.medium, run.high], [3, 0, 1, 1, 1])
    assert.deepEqual(
      [run.rocAuc, run.calibration, run.roc, run.pr, run.costs, run.cheapest],
      [null, null, [], [], [], null],
    )
    assert.equal(psi, 0)
  })
})
