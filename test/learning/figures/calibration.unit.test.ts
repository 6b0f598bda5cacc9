import { strict as assert } from 'node:assert'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { calibrationOf } from '../../../src/learning/figures/calibration.js'
import { byLabel } from '../../../src/learning/figures/ranking.js'
import { cases, labelledFrom, labelledOf, labelledRows, near, nothing } from './cases.js'

test.each(cases)('case $name: Brier score, log loss and calibration are those of scikit-learn', (one) => {
  const found = calibrationOf(labelledOf(one))!
  near(found.brier, one.brier)
  near(found.logLoss, one.log_loss, 1e-6)
  near(found.error, one.calibration.error)
  assert.equal(found.bins.length, one.calibration.share.length)
  found.bins.forEach((bin, i) => {
    near(bin.positiveShare, one.calibration.share[i]!)
    near(bin.meanScore, one.calibration.mean[i]!, 1e-7)
  })
})

describe('calibration', () => {
  test('has every row in one bin, in which its score lies', () =>
    fc.assert(
      fc.property(labelledRows, fc.integer({ min: 1, max: 12 }), (rows, count) => {
        const { bins } = calibrationOf(labelledFrom(rows), count)!
        assert.equal(
          bins.reduce((sum, bin) => sum + bin.rows, 0),
          rows.length,
        )
        for (const { from, to, meanScore, positiveShare } of bins) {
          assert.ok(meanScore >= from - 1e-6 && meanScore <= to + 1e-6, `${meanScore} in ${from}..${to}`)
          assert.ok(positiveShare >= 0 && positiveShare <= 1)
        }
      }),
    ))

  test('is perfect for scores that are the labels', () => {
    const { brier, logLoss, error } = calibrationOf(byLabel(Float32Array.of(0, 1, 1), Int8Array.of(0, 1, 1)))!
    assert.deepEqual([brier, error], [0, 0])
    near(logLoss, 0, 1e-6)
  })

  test('is as bad as it can be, but finite, for scores that are the reverse of the labels', () => {
    const { brier, logLoss, error } = calibrationOf(byLabel(Float32Array.of(0, 1), Int8Array.of(1, 0)))!
    assert.deepEqual([brier, error], [1, 1])
    near(logLoss, 23 * Math.LN2, 1e-6)
  })

  test('needs labels of one kind only', () => {
    const found = calibrationOf(byLabel(Float32Array.of(0.2, 0.25), Int8Array.of(0, 0)))!
    assert.deepEqual(
      found.bins.map(({ rows, positiveShare }) => [rows, positiveShare]),
      [[2, 0]],
    )
    near(found.error, 0.225, 1e-7)
  })

  test('does not exist without labels', () => assert.equal(calibrationOf(nothing), undefined))

  test('counts the lower bound of a bin in this bin, and 1 in the last one', () => {
    const { bins } = calibrationOf(byLabel(Float32Array.of(0, 0.5, 1), Int8Array.of(0, 1, 1)), 2)!
    assert.deepEqual(
      bins.map(({ from, to, rows }) => [from, to, rows]),
      [
        [0, 0.5, 1],
        [0.5, 1, 2],
      ],
    )
  })

  test('counts a score of a model beyond 0 or 1 in the first or the last bin', () => {
    const { bins } = calibrationOf(byLabel(Float32Array.of(-0.5, 1.5), Int8Array.of(0, 1)), 4)!
    assert.deepEqual(
      bins.map(({ from, rows, meanScore }) => [from, rows, meanScore]),
      [
        [0, 1, -0.5],
        [0.75, 1, 1.5],
      ],
    )
  })
})
