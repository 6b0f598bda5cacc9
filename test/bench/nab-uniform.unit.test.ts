import { strict as assert } from 'node:assert'
import { test } from 'vitest'
import { exceedance, levels, uniformity } from '../../bench/nab/uniform.js'
import { infraMetric } from '../../src/streams/built-in/infra-metric.js'

const about = (actual: number, expected: number): void => assert.ok(Math.abs(actual - expected) < 1e-9, `${actual}`)

test("is the D and the D+ of SciPy's kstest", () => {
  const values = Array.from({ length: 125 }, (_, i) => ((((i * 8 * 7919) % 1000) + 0.5) / 1000) ** 1.2)
  // >>> scipy.stats.kstest(values, 'uniform'), and with alternative='greater' (SciPy 1.17.1)
  const { samples, apart, above } = uniformity(values, 1)
  assert.equal(samples, 125)
  about(apart, 0.07447912269412116)
  about(above, 0.07447912269412116)
})

test('conservative p-values are apart from uniform, but not above it', () => {
  const { apart, above } = uniformity(Array.from({ length: 1_000 }, (_, i) => Math.sqrt((i + 1) / 1_000)))
  assert.ok(apart > 0.2 && above <= 0.001)
})

test('a level that is reached as often as it promises has an exceedance of 1', () =>
  about(exceedance([...Array.from({ length: 999 }, () => 0), 3], 3), 1))

test('the levels are those at which the heuristic reaches the risks of the stream', () => {
  const scoreAt = (surprise: number): number =>
    infraMetric.heuristic({ ...Object.fromEntries(names.map((name) => [name, Number.NaN])), surprise })
  const names = Object.keys(infraMetric.features)
  for (const risk of ['medium', 'high'] as const) {
    assert.ok(scoreAt(levels[risk]) >= infraMetric.risk[risk])
    assert.ok(scoreAt(levels[risk] - 0.001) < infraMetric.risk[risk])
  }
})
