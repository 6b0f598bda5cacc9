import { strict as assert } from 'node:assert'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { cheapest, costAt, costCurve } from '../../../src/learning/figures/costs.js'
import { byLabel } from '../../../src/learning/figures/ranking.js'
import { cases, labelledFrom, labelledOf, labelledRows, near, nothing } from './cases.js'

const rule = { falseAlarm: 2, miss: 5 }

test.each(cases)('case $name: the counts are those of the confusion matrix of scikit-learn', (one) => {
  for (const { threshold, hits, false_alarms: falseAlarms, misses, passes } of one.confusion)
    assert.deepEqual(costAt(labelledOf(one), threshold, rule), {
      threshold,
      hits,
      falseAlarms,
      misses,
      passes,
      cost: 2 * falseAlarms + 5 * misses,
    })
})

describe('a cost', () => {
  test('is counted row by row', () =>
    fc.assert(
      fc.property(labelledRows, fc.integer({ min: 0, max: 12 }), (rows, n) => {
        const threshold = Math.fround(n / 12)
        const at = costAt(labelledFrom(rows), threshold, rule)
        const falseAlarms = rows.filter(({ score, label }) => label === 0 && score >= threshold).length
        const misses = rows.filter(({ score, label }) => label === 1 && score < threshold).length
        assert.equal(at.cost, falseAlarms * 2 + misses * 5)
        assert.equal(at.hits + at.misses + at.falseAlarms + at.passes, rows.length)
      }),
    ))

  test('falls with the threshold where only false alarms cost, and rises where only misses do', () =>
    fc.assert(
      fc.property(labelledRows, (rows) => {
        const alarms = costCurve(labelledFrom(rows), { falseAlarm: 1, miss: 0 })
        const misses = costCurve(labelledFrom(rows), { falseAlarm: 0, miss: 1 })
        alarms.slice(1).forEach(({ cost }, i) => assert.ok(cost <= alarms[i]!.cost))
        misses.slice(1).forEach(({ cost }, i) => assert.ok(cost >= misses[i]!.cost))
      }),
    ))
})

test('the curve has equal steps from 0 to 1, and its first threshold raises an alarm for every row', () => {
  const curve = costCurve(labelledOf(cases[0]!), rule, 4)
  assert.deepEqual(
    curve.map(({ threshold }) => threshold),
    [0, 0.25, 0.5, 0.75, 1],
  )
  assert.deepEqual([curve[0]!.misses, curve[0]!.passes], [0, 0])
})

describe('the cheapest threshold', () => {
  test('costs no more than any other, and is the lowest of those that cost the same', () =>
    fc.assert(
      fc.property(labelledRows, (rows) => {
        const curve = costCurve(labelledFrom(rows), rule)
        const best = cheapest(curve)!
        for (const { cost, threshold } of curve)
          assert.ok(cost > best.cost || (cost === best.cost && threshold >= best.threshold))
      }),
    ))

  test('separates the labels where a threshold can', () => {
    const best = cheapest(costCurve(byLabel(Float32Array.of(0.2, 0.4, 0.6), Int8Array.of(0, 0, 1)), rule))!
    assert.equal(best.cost, 0)
    near(best.threshold, 0.41)
  })

  test('does not exist without labels', () => assert.equal(cheapest(costCurve(nothing, rule)), undefined))
  test('does not exist on an empty curve', () => assert.equal(cheapest([]), undefined))
})
