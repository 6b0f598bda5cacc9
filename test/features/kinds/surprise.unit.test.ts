import { strict as assert } from 'node:assert'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import type { Event, Feature, FeatureSet } from '../../../src/features/feature.js'
import { naive } from '../../spec/features/naive.js'
import { compile } from '../../../src/features/plan/compile.js'
import type { PartitionState, Plan } from '../../../src/features/plan/plan.js'
import { surpriseBuckets } from '../../../src/features/kinds/surprise.js'

const minuteMs = 60_000
const value = { column: 'value' } as const
const near = (cap = 50): Feature => ({
  kind: 'neighbour-distance',
  value,
  lags: 2,
  nearest: 2,
  cap,
  by: 'series',
  horizonMs: 1_000 * minuteMs,
  otherwise: -1,
})
const rare = (of: readonly string[], halfLifeMs = 1e9 * minuteMs): Feature => ({
  kind: 'surprise',
  of,
  halfLifeMs,
  by: 'series',
  horizonMs: 1_000 * minuteMs,
  otherwise: -1,
})
/** Ranked, and extrapolated beyond the largest. */
const extended = (of: readonly string[]): Feature => ({ ...rare(of), tail: true }) as Feature
const highest = (of: string, windowMs = 10 * minuteMs): Feature => ({
  kind: 'peak',
  of,
  windowMs,
  keep: { tileMs: minuteMs },
  by: 'series',
  otherwise: -1,
})
const itself: Feature = { kind: 'value', value, otherwise: Number.NaN }

const setOf = (features: Readonly<Record<string, Feature>>): FeatureSet => ({
  stream: 'metrics',
  tenant: 'tenant',
  time: 'at',
  id: 'id',
  key: 'tenant',
  entities: { series: { columns: ['series'], scope: 'tenant' } },
  features: Object.entries(features).map(([name, feature]) => ({ name, feature })),
  latenessMs: 5 * minuteMs,
})

const samples = (values: readonly (number | null)[], stepMs = minuteMs): readonly Event[] =>
  values.map((one, i) => ({ tenant: 't', series: 's', id: `e${i}`, at: i * stepMs, value: one }))

function fold(plan: Plan, state: PartitionState, event: Event): Record<string, number> {
  const vector = new Float32Array(plan.width)
  for (let keys = state.missing([event]); keys.length > 0; keys = state.missing([event]))
    state.admit(
      keys,
      keys.map(() => undefined),
    )
  state.fold(event, vector, 0)
  return Object.fromEntries(plan.names.map((name, i) => [name, vector[i]!]))
}

/** Vectors of all events, by feature name. */
function replay(
  features: Readonly<Record<string, Feature>>,
  events: readonly Event[],
): readonly Record<string, number>[] {
  const plan = compile(setOf(features))
  const state = plan.open(100, 1_000)
  return events.map((event) => fold(plan, state, event))
}

const lastOf = (features: Readonly<Record<string, Feature>>, events: readonly Event[]): Record<string, number> =>
  replay(features, events).at(-1)!
const about = (actual: number | undefined, expected: number): void =>
  assert.ok(Math.abs(actual! - expected) < 1e-5 * Math.max(1, Math.abs(expected)), `${actual} is not ${expected}`)

describe('the distance to neighbours', () => {
  test('is small for a repeated sequence of values, whatever its level', () =>
    about(lastOf({ near: near() }, samples([1, 9, 1, 9, 1, 9, 1, 9, 1, 9]))['near'], 0))

  test('is large for a new step between usual values', () => {
    // Earlier pairs: (1, 9) and (9, 1). The distance of (9, 9) from each is 8.
    about(lastOf({ near: near() }, samples([1, 9, 1, 9, 1, 9, 1, 9, 9]))['near'], 8)
  })

  test('is missing while there are fewer vectors than neighbours, and for a missing value', () => {
    assert.equal(lastOf({ near: near() }, samples([1, 2, 3]))['near'], -1)
    assert.equal(lastOf({ near: near() }, samples([1, 1, 1, 1, 1, 1, null]))['near'], -1)
  })

  test('uses only the kept values, and none after a pause as long as the horizon', () => {
    const visited = [7, 7, 7, 7, ...Array.from({ length: 20 }, () => 1), 7, 7]
    about(lastOf({ near: near() }, samples(visited))['near'], 0)
    assert.ok(lastOf({ near: near(12) }, samples(visited))['near']! > 5)
    const resumed = [
      ...samples([1, 1, 1, 1, 1, 1]),
      { tenant: 't', series: 's', id: 'late', at: 2_000 * minuteMs, value: 1 },
    ]
    assert.equal(lastOf({ near: near() }, resumed)['near'], -1)
  })
})

describe('surprise', () => {
  test('is the rank of a magnitude among all earlier ones, as a power of ten', () => {
    const values = [...Array.from({ length: 99 }, (_, i) => (i % 9) + 1), 1_000]
    about(lastOf({ x: itself, rare: rare(['x']) }, samples(values))['rare'], 2)
  })

  test('does not depend on the unit or the sign', () => {
    const values = Array.from({ length: 60 }, (_, i) => 1.01 * 1.07 ** ((i * 37) % 61))
    const inUnit = (unit: number): readonly number[] =>
      replay({ x: itself, rare: rare(['x']) }, samples(values.map((one) => one * unit))).map((one) => one['rare']!)
    const plain = inUnit(1)
    // Buckets have steps of 5 %. A unit that is a power of 1.05 keeps every magnitude in a bucket of its own.
    for (const unit of [-1, 1.05 ** 200, -(1.05 ** -90)]) inUnit(unit).forEach((one, i) => about(one, plain[i]!))
  })

  test('combines several features by Fisher: two p of 1/100 give one of 0.001', () => {
    const events = samples([...Array.from({ length: 99 }, (_, i) => (i % 9) + 1), 1_000])
    const s = 2 * Math.log(100)
    about(lastOf({ x: itself, y: itself, rare: rare(['x', 'y']) }, events)['rare'], (s - Math.log(1 + s)) / Math.LN10)
  })

  test('leaves missing features out, and is missing when all are missing', () => {
    const events = samples([1, 1, 1, null])
    const never: Feature = { kind: 'value', value: { column: 'nothing' }, otherwise: Number.NaN }
    assert.equal(lastOf({ x: itself, rare: rare(['x']) }, events)['rare'], -1)
    about(lastOf({ x: itself, never, rare: rare(['x', 'never']) }, samples([1, 1, 1, 5]))['rare'], Math.log10(4))
  })

  test('decays: earlier magnitudes count less', () => {
    const again = (halfLifeMs: number): number =>
      lastOf(
        { x: itself, rare: rare(['x'], halfLifeMs) },
        samples([...Array.from({ length: 20 }, () => 50), ...Array.from({ length: 100 }, () => 1), 50]),
      )['rare']!
    assert.ok(again(10 * minuteMs) > again(1e9 * minuteMs) + 0.2)
  })

  test('ranks the largest exactly even after the lowest buckets were merged', () => {
    const many = Array.from({ length: 4 * surpriseBuckets }, (_, i) => 1.2 ** i)
    about(lastOf({ x: itself, rare: rare(['x']) }, samples([...many, 1e300]))['rare'], Math.log10(many.length + 1))
  })
})

describe('surprise with a tail', () => {
  /** 540 usual values, and 20 larger ones in the middles of 20 neighbouring buckets. */
  const history = [
    ...Array.from({ length: 540 }, () => 0.5),
    ...Array.from({ length: 20 }, (_, i) => 1.05 ** (i + 0.5)),
  ]
  const after = (value: number): number =>
    lastOf({ x: itself, rare: extended(['x']) }, samples([...history, value]))['rare']!

  test('is the rank below the tail', () => about(after(0.5), 0))

  test('continues beyond the largest value as SciPy computes it: lomax(c=k, scale=E).sf(x)', () => {
    // The tail has at least 2 % of 560 values: the largest twelve buckets, from 1.05^8 on.
    const end = 1.05 ** 8
    const excess = history.slice(-12).reduce((sum, one) => sum + one - end, 0)
    about(excess, 6.368130196)
    // >>> -log10(13 / 561 * scipy.stats.lomax(c=12, scale=E).sf([0.5, 2, 20]))
    const published = [2.028938533, 3.058417445, 9.039828315]
    ;[0.5, 2, 20].forEach((x, i) => about(after(end + x), published[i]!))
  })

  test('is the rank while the history is shorter than two tails, and where all values of the tail are 0', () => {
    const few = samples([...Array.from({ length: 18 }, () => 1), 100])
    about(lastOf({ x: itself, rare: extended(['x']) }, few)['rare'], Math.log10(19))
    const flat = samples([...Array.from({ length: 99 }, () => 0), 100])
    about(lastOf({ x: itself, rare: extended(['x']) }, flat)['rare'], 2)
  })
})

describe('a peak', () => {
  test('is the largest value of the feature at earlier events of the window, without the event itself', () => {
    assert.deepEqual(
      replay({ x: itself, high: highest('x') }, samples([3, 1, 8, 2, 9])).map((one) => one['high']),
      [-1, 3, 3, 8, 8],
    )
  })

  test('ends when its tile leaves the window', () => {
    const vectors = replay({ x: itself, high: highest('x') }, samples([8, ...Array.from({ length: 12 }, () => 1)]))
    assert.equal(vectors[9]!['high'], 8)
    assert.equal(vectors[10]!['high'], 1)
  })
})

const histories = fc.array(
  fc.record({
    series: fc.constantFrom('a', 'b'),
    stepMs: fc.integer({ min: -8 * minuteMs, max: 12 * minuteMs }),
    value: fc.option(fc.constantFrom(0, 0.1, 1, 1.04, 2, -2, 7, 1e6), { freq: 8 }),
  }),
  { minLength: 1, maxLength: 60 },
)

test('equal the specification for any order of arrival, and wherever the state was stored and loaded', () =>
  fc.assert(
    fc.property(histories, fc.integer({ min: 1, max: 20 }), (steps, storedEvery) => {
      let at = 1e6 * minuteMs
      const events = steps.map(({ stepMs, ...one }, i): Event => ({
        tenant: 't',
        id: `e${i}`,
        ...one,
        at: (at += stepMs),
      }))
      const set = setOf({
        x: itself,
        near: { ...near(9), horizonMs: 60 * minuteMs } as Feature,
        rare: { ...rare(['x', 'near'], 20 * minuteMs), horizonMs: 90 * minuteMs } as Feature,
        high: highest('rare'),
      })
      const plan = compile(set)
      const [specification, stored] = [naive(set), new Map<string, Buffer>()]
      let state = plan.open(100, 1_000)
      events.forEach((event, i) => {
        if (i % storedEvery === 0) {
          const { puts, deletes } = state.takeDirty()
          for (const { key, blob } of puts) stored.set(key, blob)
          for (const key of deletes) stored.delete(key)
          state = plan.open(100, 1_000)
        }
        for (let keys = state.missing([event]); keys.length > 0; keys = state.missing([event]))
          state.admit(
            keys,
            keys.map((key) => stored.get(key)),
          )
        const vector = new Float32Array(plan.width)
        const expected = specification.fold(event)
        assert.equal(state.fold(event, vector, 0), expected.folded)
        plan.names.forEach((name, k) =>
          Number.isNaN(expected.vector[k]!)
            ? assert.ok(Number.isNaN(vector[k]!), name)
            : about(vector[k], expected.vector[k]!),
        )
      })
    }),
    { numRuns: 150 },
  ))
