import { strict as assert } from 'node:assert'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { calibrationOf } from '../../../src/learning/figures/calibration.js'
import { cheapest, costAt, costCurve } from '../../../src/learning/figures/costs.js'
import { ascending, histogram, kolmogorovSmirnov, stabilityIndex } from '../../../src/learning/figures/distributions.js'
import { byLabel, prAuc, prCurve, rocAuc, rocCurve } from '../../../src/learning/figures/ranking.js'

interface Case {
  readonly name: string
  readonly truth: readonly number[]
  readonly score: readonly number[]
  readonly other: readonly number[]
  readonly roc_auc: number
  readonly pr_auc: number
  readonly brier: number
  readonly log_loss: number
  readonly ks: number
  readonly calibration: { readonly share: readonly number[]; readonly mean: readonly number[] }
}

const { cases } = JSON.parse(readFileSync(new URL('figures.json', import.meta.url), 'utf8')) as {
  cases: readonly Case[]
}
const labelledOf = ({ score, truth }: Pick<Case, 'score' | 'truth'>) =>
  byLabel(Float32Array.from(score), Int8Array.from(truth))
const near = (actual: number | undefined, expected: number, tolerance = 1e-9): void =>
  assert.ok(actual !== undefined && Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`)

for (const one of cases)
  describe(`${one.name}: the same as scikit-learn and SciPy`, () => {
    test('areas under both curves', () => {
      near(rocAuc(labelledOf(one)), one.roc_auc)
      near(prAuc(labelledOf(one)), one.pr_auc)
    })
    test('Brier score, log loss and calibration', () => {
      const found = calibrationOf(labelledOf(one))!
      near(found.brier, one.brier)
      near(found.logLoss, one.log_loss, 1e-6)
      assert.equal(found.bins.length, one.calibration.share.length)
      found.bins.forEach((bin, i) => {
        near(bin.positiveShare, one.calibration.share[i]!)
        near(bin.meanScore, one.calibration.mean[i]!, 1e-7)
      })
    })
    test('the distance of two distributions', () =>
      near(kolmogorovSmirnov(ascending(Float32Array.from(one.score)), ascending(Float32Array.from(one.other))), one.ks))
  })

/** Scores with ties, and labels. */
const rows = fc.array(
  fc.record({ score: fc.integer({ min: 0, max: 12 }).map((n) => n / 12), label: fc.constantFrom(0, 1) }),
  { minLength: 2, maxLength: 60 },
)

describe('the slow definition', () => {
  test('the area under the ROC curve is the probability that a positive ranks above a negative', () => {
    fc.assert(
      fc.property(rows, (list) => {
        const pairs = list
          .filter(({ label }) => label === 1)
          .flatMap((positive) =>
            list.filter(({ label }) => label === 0).map((negative) => Math.sign(positive.score - negative.score)),
          )
        const found = rocAuc(
          labelledOf({ score: list.map(({ score }) => score), truth: list.map(({ label }) => label) }),
        )
        if (pairs.length === 0) return assert.equal(found, undefined)
        near(found, pairs.reduce((sum, order) => sum + (order + 1) / 2, 0) / pairs.length)
      }),
    )
  })
  test('a cost is counted row by row', () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 0, max: 12 }), (list, n) => {
        const threshold = n / 12
        const at = costAt(
          labelledOf({ score: list.map(({ score }) => score), truth: list.map(({ label }) => label) }),
          Math.fround(threshold),
          { falseAlarm: 2, miss: 5 },
        )
        const falseAlarms = list.filter(
          ({ score, label }) => label === 0 && Math.fround(score) >= Math.fround(threshold),
        ).length
        const misses = list.filter(
          ({ score, label }) => label === 1 && Math.fround(score) < Math.fround(threshold),
        ).length
        assert.equal(at.cost, falseAlarms * 2 + misses * 5)
        assert.equal(at.hits + at.misses + at.falseAlarms + at.passes, list.length)
      }),
    )
  })
})

describe('the edges', () => {
  test('curves run from corner to corner and keep the important points', () => {
    const labelled = labelledOf(cases[0]!)
    const roc = rocCurve(labelled)
    assert.deepEqual(
      [roc[0], roc.at(-1)],
      [
        [0, 0],
        [1, 1],
      ],
    )
    const areaOf = roc.slice(1).reduce((sum, [x, y], i) => sum + ((x - roc[i]![0]) * (y + roc[i]![1])) / 2, 0)
    near(areaOf, cases[0]!.roc_auc, 0.01)
    assert.equal(prCurve(labelled).at(-1)![0], 1)
  })
  test('without labels of one kind there is no area, and without rows no figure', () => {
    const negatives = byLabel(Float32Array.of(0.1, 0.2), Int8Array.of(0, -1))
    assert.deepEqual([rocAuc(negatives), prAuc(negatives), rocCurve(negatives)], [undefined, undefined, []])
    const nothing = byLabel(new Float32Array(), new Int8Array())
    assert.equal(calibrationOf(nothing), undefined)
    assert.equal(cheapest(costCurve(nothing, { falseAlarm: 1, miss: 1 })), undefined)
  })
  test('a missing score counts nowhere', () => {
    assert.deepEqual(histogram(Float32Array.of(NaN, 0, 0.5, 1), 2), [1, 2])
    assert.equal(byLabel(Float32Array.of(NaN, 0.5), Int8Array.of(1, 1)).positives.length, 1)
  })
  test('equal distributions are stable, and an empty bin does not make the index infinite', () => {
    assert.equal(stabilityIndex([5, 5], [50, 50]), 0)
    const shifted = stabilityIndex([10, 0], [0, 10])!
    near(shifted, 2 * 0.95 * Math.log(1 / 0.05), 1e-9)
  })
})
