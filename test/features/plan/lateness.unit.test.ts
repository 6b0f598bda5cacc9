import { strict as assert } from 'node:assert'
import fc from 'fast-check'
import { test } from 'vitest'
import { compile } from '../../../src/features/plan/compile.js'
import type { Event, FeatureSet } from '../../../src/features/feature.js'
import { naive } from '../../spec/features/naive.js'
import { mixes } from '../../spec/features/any-feature.js'
import { histories, minuteMs, setOf, type NamedFeatures } from '../../spec/features/histories.js'
import { run } from '../../spec/features/run.js'

const seen: NamedFeatures = [
  { name: 'seen', feature: { kind: 'count', by: 'device', windowMs: 60 * minuteMs, keep: { tileMs: minuteMs } } },
]
const byDevice = (features: NamedFeatures): FeatureSet => ({
  ...setOf(features),
  latenessBy: 'device',
  clock: 'device',
})
const event = (id: string, device: string | null, minute: number): Event => ({
  id,
  tenant: 'north',
  person: 'ann',
  device,
  site: 's1',
  at: minute * minuteMs,
})
const judged = (set: FeatureSet, ...events: readonly Event[]) =>
  run(compile(set), events, [{ events: 1, then: 'restart' }], { cachedEntities: 100, seenIds: 100 })

const backfill = [
  event('a', 'd1', 10_000),
  event('a2', 'd3', 10_001),
  event('b', 'd2', 10),
  event('c', 'd2', 11),
  event('d', 'd1', 9_980),
  event('e', null, 9_000),
] as const

test('without latenessBy, a source that sends its past after another source is late', () => {
  assert.deepEqual(
    judged({ ...setOf(seen), clock: 'device' }, ...backfill).steps.map(({ folded }) => folded),
    ['folded', 'folded', 'late', 'late', 'late', 'late'],
  )
})

test('with latenessBy it is not, also after a restart; for an event without a source the tenant decides', () => {
  const { steps } = judged(byDevice(seen), ...backfill)
  assert.deepEqual(
    steps.map(({ folded }) => folded),
    ['folded', 'folded', 'folded', 'folded', 'folded', 'late'],
  )
  assert.deepEqual(
    steps.slice(2, 4).map(({ vector }) => vector[0]),
    [1, 2],
  )
})

test('the state that holds the clock of a source never expires', () => {
  const plan = compile(byDevice(seen))
  const state = plan.open(100, 100)
  for (let keys = state.missing(backfill); keys.length > 0; keys = state.missing(backfill))
    state.admit(
      keys,
      keys.map(() => undefined),
    )
  state.fold(backfill[0], new Float32Array(plan.width), 0)
  assert.ok(state.takeDirty().puts.every(({ expiresAtMs }) => expiresAtMs === Number.MAX_SAFE_INTEGER))
})

test('latenessBy needs an entity with a feature', () => {
  assert.throws(() => compile({ ...setOf(seen), latenessBy: 'desk' }), /latenessBy: no feature is kept by 'desk'/)
})

test('features equal the specification for any order of the sources, and wherever the state was stored', () => {
  const shiftMinutes: Readonly<Record<string, number>> = { d1: 0, d2: 5_000 }
  const shifted = (one: Event): Event => ({
    ...one,
    at: (one['at'] as number) - (shiftMinutes[String(one['device'])] ?? 0) * minuteMs,
  })
  fc.assert(
    fc.property(mixes, histories(40), fc.integer({ min: 1, max: 12 }), (mix, history, events) => {
      const set = byDevice([...mix, ...seen])
      const specification = naive(set)
      const log = history.map(shifted)
      const { steps } = run(compile(set), log, [{ events, then: 'restart' }], { cachedEntities: 100, seenIds: 1_000 })
      log.forEach((one, i) => {
        const expected = specification.fold(one)
        assert.equal(steps[i]!.folded, expected.folded)
        expected.vector.forEach((value, k) =>
          assert.ok(
            Object.is(value, steps[i]!.vector[k]) ||
              Math.abs(value - steps[i]!.vector[k]!) <= 1e-9 * Math.max(1, Math.abs(value)),
            `event ${i}: ${set.features[k]!.name}`,
          ),
        )
      })
    }),
    { numRuns: 150 },
  )
})
