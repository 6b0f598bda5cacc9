import { strict as assert } from 'node:assert'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import {
  byLabel,
  countFrom,
  prAuc,
  prCurve,
  rocAuc,
  rocCurve,
  type Point,
} from '../../../src/learning/figures/ranking.js'
import { cases, labelledFrom, labelledOf, labelledRows, near, nothing, type Row } from './cases.js'

const samePoints = (found: readonly Point[], expected: readonly Point[]): void => {
  assert.equal(found.length, expected.length)
  found.forEach(([x, y], i) => {
    near(x, expected[i]![0])
    near(y, expected[i]![1])
  })
}
/** A curve has no point twice in a row. */
const withoutRepeats = (points: readonly Point[]): readonly Point[] =>
  points.filter(([x, y], i) => i === 0 || x !== points[i - 1]![0] || y !== points[i - 1]![1])
/** So many points that none is left out. */
const all = 1e9

describe.each(cases)('case $name: the ranking is that of scikit-learn', (one) => {
  test('areas under both curves', () => {
    near(rocAuc(labelledOf(one)), one.roc_auc)
    near(prAuc(labelledOf(one)), one.pr_auc)
  })
  test('both curves, point by point', () => {
    samePoints(rocCurve(labelledOf(one), all), one.roc)
    samePoints(prCurve(labelledOf(one), all), withoutRepeats(one.pr))
  })
})

describe('the area under the ROC curve', () => {
  test('is the chance that a positive ranks above a negative, a tie counting half', () =>
    fc.assert(
      fc.property(labelledRows, (rows) => {
        const [positives, negatives] = [1, 0].map((label) => rows.filter((row) => row.label === label))
        const pairs = positives!.flatMap(({ score }) => negatives!.map((other) => Math.sign(score - other.score)))
        const found = rocAuc(labelledFrom(rows))
        if (pairs.length === 0) return assert.equal(found, undefined)
        near(found, pairs.reduce((sum, order) => sum + (order + 1) / 2, 0) / pairs.length)
      }),
    ))

  test('becomes 1 minus itself where every label is turned round, and stays where scores are squared', () =>
    fc.assert(
      fc.property(labelledRows, (rows) => {
        const found = rocAuc(labelledFrom(rows))
        const turned = rocAuc(labelledFrom(rows.map(({ score, label }) => ({ score, label: 1 - label }))))
        const squared = rocAuc(labelledFrom(rows.map(({ score, label }) => ({ score: score ** 2, label }))))
        if (found === undefined) return assert.deepEqual([turned, squared], [undefined, undefined])
        near(turned, 1 - found)
        near(squared, found)
      }),
    ))

  test('is 1 for a perfect ranking, 0 for the reverse and a half for one score for all', () => {
    const perfect: readonly Row[] = [0.1, 0.2, 0.8, 0.9].map((score) => ({ score, label: Number(score > 0.5) }))
    assert.equal(rocAuc(labelledFrom(perfect)), 1)
    assert.equal(rocAuc(labelledFrom(perfect.map(({ score, label }) => ({ score: 1 - score, label })))), 0)
    assert.equal(rocAuc(labelledFrom(perfect.map(({ label }) => ({ score: 0.4, label })))), 0.5)
  })
})

describe('the curves', () => {
  test('run from corner to corner, and thinning them changes the area by less than 0.01', () => {
    for (const one of cases) {
      const roc = rocCurve(labelledOf(one))
      assert.deepEqual([roc[0], roc.at(-1)], [[0, 0], [1, 1]]) // prettier-ignore
      const area = roc.slice(1).reduce((sum, [x, y], i) => sum + ((x - roc[i]![0]) * (y + roc[i]![1])) / 2, 0)
      near(area, one.roc_auc, 0.01)
      assert.equal(prCurve(labelledOf(one)).at(-1)![0], 1)
    }
  })

  test('never turn back, and have about as many points as were asked for', () =>
    fc.assert(
      fc.property(labelledRows, fc.integer({ min: 2, max: 40 }), (rows, points) => {
        for (const curve of [rocCurve(labelledFrom(rows), points), prCurve(labelledFrom(rows), points)]) {
          curve.slice(1).forEach(([x], i) => assert.ok(x >= curve[i]![0]))
          for (const [x, y] of curve) assert.ok(x >= 0 && x <= 1 && y >= 0 && y <= 1)
        }
        assert.ok(rocCurve(labelledFrom(rows), points).length <= points + 2)
      }),
    ))
})

describe('without labels of both kinds', () => {
  const negatives = byLabel(Float32Array.of(0.1, 0.2), Int8Array.of(0, -1))
  const positives = byLabel(Float32Array.of(0.1, 0.2), Int8Array.of(1, -1))

  test('there is no ROC curve and no area', () => {
    for (const one of [negatives, positives, nothing]) assert.deepEqual([rocAuc(one), rocCurve(one)], [undefined, []])
  })
  test('there is a precision only where there are positives', () => {
    for (const one of [negatives, nothing]) assert.deepEqual([prAuc(one), prCurve(one)], [undefined, []])
    assert.deepEqual([prAuc(positives), prCurve(positives)], [1, [[1, 1]]])
  })
})

test('rows without a score or with another label are left out, and the others are ascending', () => {
  const { positives, negatives } = byLabel(Float32Array.of(NaN, 0.5, 0.25, 0.75, 1), Int8Array.of(1, 1, 1, 0, -1))
  assert.deepEqual([[...positives], [...negatives]], [[0.25, 0.5], [0.75]])
})

test('countFrom counts the numbers that are at least the value', () =>
  fc.assert(
    fc.property(labelledRows, fc.integer({ min: -1, max: 13 }), (rows, n) => {
      const scores = Float32Array.from(rows, ({ score }) => score).sort()
      const value = Math.fround(n / 12)
      assert.equal(countFrom(scores, value), scores.filter((score) => score >= value).length)
    }),
  ))
