import { strict as assert } from 'node:assert'
import fc from 'fast-check'
import { test } from 'vitest'
import { nabScore, probationRows, profiles, type LabelledSeries } from '../../bench/nab/score.js'

const series: readonly LabelledSeries[] = [
  {
    name: 'one',
    rows: 1_000,
    windows: [
      [300, 399],
      [700, 799],
    ],
  },
]
const alarmsAt = (...rows: readonly number[]): readonly number[][] => [
  Array.from({ length: 1_000 }, (_, row) => (rows.includes(row) ? 1 : 0)),
]

test('an alarm on the first row of every window and nowhere else is perfect', () => {
  const { score, found, falseAlarms } = nabScore(series, alarmsAt(300, 700))
  assert.deepEqual([score, found, falseAlarms], [100, 2, 0])
})

test('no alarm at all is 0, whatever a missed window costs', () => {
  for (const profile of Object.values(profiles)) assert.equal(nabScore(series, alarmsAt(), profile, 1).score, 0)
})

test('one of two windows is half, and the later within it the less', () => {
  const at = (row: number): number => nabScore(series, alarmsAt(row)).score
  assert.equal(at(300), 50)
  assert.ok(at(300) > at(350) && at(350) > at(399) && at(399) > 25 - 1e-9)
})

test('of several alarms in a window only the earliest counts', () =>
  assert.equal(nabScore(series, alarmsAt(310, 311, 350)).score, nabScore(series, alarmsAt(310)).score))

test('a false alarm far from every window costs its weight of the 4 that two windows span', () => {
  assert.ok(Math.abs(nabScore(series, alarmsAt(200, 300, 700)).score - (100 - (100 * 0.11) / 4)) < 1e-9)
})

test('a false alarm soon after a window costs less', () =>
  assert.ok(nabScore(series, alarmsAt(300, 402, 700)).score > nabScore(series, alarmsAt(200, 300, 700)).score))

test('alarms in the first 15 % of a file, at most of 5,000 rows, count for nothing', () => {
  assert.deepEqual([probationRows(1_000), probationRows(20_000)], [150, 750])
  assert.equal(nabScore(series, alarmsAt(0, 149, 300, 700)).score, 100)
})

test('the best threshold is never worse than any other', () =>
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1_000, maxLength: 1_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (scores, threshold) => {
        assert.ok(nabScore(series, [scores]).score >= nabScore(series, [scores], profiles.standard, threshold).score)
      },
    ),
    { numRuns: 30 },
  ))

test('only the order of the scores matters', () =>
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1_000, maxLength: 1_000 }), (scores) => {
      assert.equal(
        nabScore(series, [scores]).score,
        nabScore(series, [scores.map((score) => score ** 3 + score)]).score,
      )
    }),
    { numRuns: 30 },
  ))
