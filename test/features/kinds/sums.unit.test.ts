import { strict as assert } from 'node:assert'
import fc from 'fast-check'
import { test } from 'vitest'
import { compile } from '../../../src/features/plan/compile.js'
import type { Event, Feature } from '../../../src/features/feature.js'
import { minuteMs, setOf, type NamedFeatures } from '../../spec/features/histories.js'
import { run } from '../../spec/features/run.js'

/** Doubles are whole multiples of 2^-200 here, so that sums and products of them are exact. */
const scale = 2 ** 200
const exactly = (double: number): bigint => BigInt(double * scale)
/** The distance between doubles near this one. */
const ulp = (double: number): number => 2 ** (Math.floor(Math.log2(Math.abs(double) || 2 ** -140)) - 52)

function root(square: bigint): bigint {
  if (square === 0n) return 0n
  let guess = 1n << BigInt((square.toString(2).length >> 1) + 1)
  for (;;) {
    const next = (guess + square / guess) >> 1n
    if (next >= guess) return guess
    guess = next
  }
}

interface Exact {
  readonly n: number
  readonly sum: bigint
  /** n x standard deviation. */
  readonly spread: bigint
  readonly largest: number
}

function exactOf(values: readonly number[]): Exact {
  const scaled = values.map(exactly)
  const sum = scaled.reduce((total, one) => total + one, 0n)
  const squares = scaled.reduce((total, one) => total + one * one, 0n)
  const spread = root(BigInt(values.length) * squares - sum * sum)
  return { n: values.length, sum, spread, largest: Math.max(...values.map(Math.abs)) }
}

const windowMs = 180 * minuteMs
const value = { column: 'value' } as const
const statistics = (keep: { readonly exact: number } | { readonly tileMs: number }, name: string): NamedFeatures => {
  const window = { by: 'person', windowMs, keep } as const
  return [
    { name: `sum_${name}`, feature: { kind: 'sum', value, ...window, otherwise: -1 } },
    { name: `mean_${name}`, feature: { kind: 'mean', value, ...window, otherwise: -1 } },
    { name: `std_${name}`, feature: { kind: 'std', value, ...window, otherwise: -1 } },
    { name: `zscore_${name}`, feature: { kind: 'zscore', value, floor: 0, atLeast: 1, ...window, otherwise: 99 } },
    { name: `share_${name}`, feature: { kind: 'share', match: { value: { atLeast: 1 } }, ...window, otherwise: -1 } },
    { name: `ratio_${name}`, feature: { kind: 'ratio', over: `sum_${name}`, under: `mean_${name}`, otherwise: -1 } },
  ]
}
const features = [...statistics({ tileMs: minuteMs }, 'tiled'), ...statistics({ exact: 1_000 }, 'exact')]
const plan = compile(setOf(features))

const inOrder = (values: readonly number[], minutes: readonly number[]): readonly Event[] =>
  values.map((one, i) => ({ id: `e${i}`, tenant: 'north', person: 'ann', at: minutes[i]! * minuteMs, value: one }))

/** Sum and mean within a unit in the last place; deviations within n such units of the largest value. */
function check(values: readonly number[], vector: readonly number[], name: string): void {
  const exact = exactOf(values)
  const of = (kind: string): number => vector[features.findIndex((one) => one.name === `${kind}_${name}`)]!
  const off = (found: number, times: number, numerator: bigint): number =>
    Math.abs(Number(exactly(found) * BigInt(times) - numerator) / times / scale)
  assert.ok(off(of('sum'), 1, exact.sum) <= ulp(of('sum')), `sum ${of('sum')}`)
  assert.ok(off(of('mean'), exact.n, exact.sum) <= ulp(of('mean')), `mean ${of('mean')}`)
  const bound = exact.n * ulp(exact.largest)
  assert.ok(off(of('std'), exact.n, exact.spread) <= bound, `std ${of('std')}`)
  assert.equal(of('share'), values.filter((one) => one >= 1).length / exact.n)
  assert.equal(of('ratio'), exact.sum === 0n ? -1 : of('sum') / of('mean'))
  if (values.every((one) => one === values[0]))
    assert.deepEqual([of('mean'), of('std'), of('zscore')], [values[0], 0, 99])
  if (exact.spread === 0n) return
  const [distance, deviation] = [exactly(values.at(-1)!) * BigInt(exact.n) - exact.sum, exact.spread]
  const zscore = Number((distance * 2n ** 80n) / deviation) / 2 ** 80
  const wobble = (bound * (1 + Math.abs(zscore)) * exact.n * scale) / Number(deviation)
  assert.ok(Math.abs(of('zscore') - zscore) <= wobble + 2 ** -52, `zscore ${of('zscore')} instead of ${zscore}`)
  if (distance === 0n) assert.equal(of('zscore'), 0)
  if (!values.every(Number.isInteger)) return
  const [sum, n] = [Number(exact.sum) / scale, exact.n]
  assert.deepEqual([of('sum'), of('mean')], [sum, sum / n])
}

const whole = fc.integer({ min: -1_000, max: 1_000 })
const tenths = whole.map((one) => one / 10)
const any = fc.oneof(
  fc.array(whole, { minLength: 1, maxLength: 30 }),
  fc.array(tenths, { minLength: 1, maxLength: 30 }),
  fc.array(
    tenths.map((one) => one + 1e9),
    { minLength: 1, maxLength: 30 },
  ),
  fc.array(fc.constantFrom(1e15, -1e15, 0.1, 1, -3), { minLength: 1, maxLength: 30 }),
  fc.tuple(tenths, fc.integer({ min: 1, max: 30 })).map(([one, n]) => Array<number>(n).fill(one)),
)

test('statistics of a small history are those of exact fractions, and exact for whole numbers and equal values', () =>
  fc.assert(
    fc.property(any, fc.array(fc.nat({ max: 14 }), { minLength: 30, maxLength: 30 }), (values, minutes) => {
      const log = inOrder(values, [...minutes.slice(0, values.length - 1), 15])
      const { steps } = run(plan, log, [{ events: 3, then: 'restart' }], { cachedEntities: 9, seenIds: 99 })
      for (const name of ['tiled', 'exact']) check(values, steps.at(-1)!.vector, name)
    }),
    { numRuns: 400 },
  ))

test('a flat line of fractions has the trend of a flat line: no rise, no residual', () => {
  const trend = (as: 'slope' | 'deviation'): Feature => ({
    kind: 'trend',
    value,
    as,
    unitMs: minuteMs,
    floor: 0,
    atLeast: 2,
    by: 'person',
    windowMs,
    keep: { exact: 100 },
    otherwise: -1,
  })
  const flat = compile(setOf([trend('slope'), trend('deviation')].map((feature, i) => ({ name: `t${i}`, feature }))))
  const log = inOrder(Array<number>(7).fill(0.1), [0, 1, 2, 3, 4, 5, 6])
  const { steps } = run(flat, log, [{ events: 9, then: 'continue' }], { cachedEntities: 9, seenIds: 99 })
  assert.deepEqual(steps.at(-1)!.vector, [0, -1])
})

test('the mean and the deviation of a season of equal fractions are that fraction and 0', () => {
  const seasonal = (as: 'mean' | 'deviation'): Feature => ({
    kind: 'seasonal',
    value,
    time: 'at',
    period: 'day',
    slots: 24,
    as,
    floor: 0,
    atLeast: 1,
    by: 'person',
    horizonMs: 7 * 24 * 60 * minuteMs,
    otherwise: -1,
  })
  const daily = compile(
    setOf([seasonal('mean'), seasonal('deviation')].map((feature, i) => ({ name: `s${i}`, feature }))),
  )
  const minutes = Array.from({ length: 12 }, (_, i) => Math.floor(i / 3) * 24 * 60 + (i % 3))
  const { steps } = run(daily, inOrder(Array<number>(12).fill(0.1), minutes), [{ events: 5, then: 'restart' }], {
    cachedEntities: 9,
    seenIds: 99,
  })
  assert.deepEqual(steps.at(-1)!.vector, [0.1, -1])
})

test('sums beyond the range of doubles are infinite, not missing', () => {
  const { steps } = run(plan, inOrder([1e308, 1e308, 1e308], [0, 1, 2]), [{ events: 9, then: 'continue' }], {
    cachedEntities: 9,
    seenIds: 99,
  })
  for (const at of [0, 6]) assert.equal(steps.at(-1)!.vector[at], Infinity)
})
