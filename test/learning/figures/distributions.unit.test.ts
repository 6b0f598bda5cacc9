import { strict as assert } from 'node:assert'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { ascending, histogram, kolmogorovSmirnov, stabilityIndex } from '../../../src/learning/figures/distributions.js'
import { anyScore, cases, near } from './cases.js'

const scores = fc.array(anyScore, { maxLength: 60 }).map((list) => Float32Array.from(list))
const counts = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 4, maxLength: 4 })

describe.each(cases)('case $name: the distance of two distributions', (one) => {
  const [now, reference] = [Float32Array.from(one.score), Float32Array.from(one.other)]
  test('is the statistic of SciPy', () => near(kolmogorovSmirnov(ascending(now), ascending(reference)), one.ks))
  test('is the stability index of NumPy', () =>
    near(stabilityIndex(histogram(reference, 20), histogram(now, 20)), one.psi))
})

describe('the Kolmogorov-Smirnov distance', () => {
  /** The share of the numbers that are at most the value. */
  const shareTo = (list: Float32Array, value: number): number => list.filter((one) => one <= value).length / list.length

  test('is the largest difference of the two distribution functions, counted number by number', () =>
    fc.assert(
      fc.property(scores, scores, (left, right) => {
        const [a, b] = [ascending(left), ascending(right)]
        const found = kolmogorovSmirnov(a, b)
        if (a.length === 0 || b.length === 0) return assert.equal(found, undefined)
        near(found, Math.max(...[...a, ...b].map((value) => Math.abs(shareTo(a, value) - shareTo(b, value)))))
        near(kolmogorovSmirnov(b, a), found!)
      }),
    ))

  test('is 0 between equal distributions and 1 between distributions that do not touch', () => {
    const [low, high] = [Float32Array.of(0.1, 0.2), Float32Array.of(0.8, 0.9, 1)]
    assert.deepEqual([kolmogorovSmirnov(low, low), kolmogorovSmirnov(low, high)], [0, 1])
  })
})

describe('the stability index', () => {
  test('is never negative, is symmetric, and does not depend on how many rows there are', () =>
    fc.assert(
      fc.property(counts, counts, (before, now) => {
        const found = stabilityIndex(before, now)
        assert.equal(
          found === undefined,
          [before, now].some((list) => list.every((count) => count === 0)),
        )
        if (found === undefined) return
        assert.ok(found >= 0)
        near(stabilityIndex(now, before), found)
        const isFull = [...before, ...now].every((count) => count > 0)
        if (isFull) near(stabilityIndex(before, now.map((count) => 7 * count)), found) // prettier-ignore
      }),
    ))

  test('is 0 between equal distributions, and finite where a bin is empty', () => {
    assert.equal(stabilityIndex([5, 5], [50, 50]), 0)
    near(stabilityIndex([10, 0], [0, 10]), 2 * 0.95 * Math.log(1 / 0.05))
  })
})

describe('a histogram', () => {
  test('counts every score once and leaves out those that are missing', () =>
    fc.assert(
      fc.property(scores, fc.integer({ min: 1, max: 24 }), (list, bins) => {
        const found = histogram(list, bins)
        assert.equal(found.length, bins)
        assert.equal(
          found.reduce((sum, count) => sum + count, 0),
          list.filter((score) => !Number.isNaN(score)).length,
        )
      }),
    ))

  test('counts the lower bound of a bin in this bin, 1 in the last one, and what is beyond in the outer ones', () => {
    assert.deepEqual(histogram(Float32Array.of(NaN, 0, 0.5, 1), 2), [1, 2])
    assert.deepEqual(histogram(Float32Array.of(-1, 2, Infinity, -Infinity), 4), [2, 0, 0, 2])
  })
})

test('ascending sorts the numbers and drops NaN', () =>
  assert.deepEqual([...ascending(Float32Array.of(0.5, NaN, 0.25))], [0.25, 0.5]))
