import { strict as assert } from 'node:assert'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { isEngineError } from '../../../src/base/errors.js'
import { compile } from '../../../src/features/plan/compile.js'
import type { Feature, FeatureSet } from '../../../src/features/feature.js'
import { mixes } from '../../spec/features/any-feature.js'
import { histories, minuteMs, setOf, type NamedFeatures } from '../../spec/features/histories.js'
import { commit, foldOne, inOneGo, prepare, type Blobs } from '../../spec/features/run.js'

const hour = { by: 'person', windowMs: 60 * minuteMs } as const
const count: Feature = { kind: 'count', ...hour, keep: { exact: 10 } }
const nothing = Number.NaN

describe('the fingerprint', () => {
  const base = setOf([
    { name: 'a', feature: count },
    { name: 'b', feature: { ...count, by: 'site' } },
  ])
  const { fingerprint } = compile(base)
  const [a, b] = base.features as [NamedFeatures[number], NamedFeatures[number]]

  test('has 16 hexadecimal characters and does not depend on how a set is written', () => {
    assert.match(fingerprint, /^[0-9a-f]{16}$/)
    const reordered = Object.fromEntries(Object.entries(count).reverse()) as unknown as Feature
    assert.equal(
      compile({ ...base, features: [{ feature: reordered, name: 'a' }, b], latenessMs: 1, stream: 'other' })
        .fingerprint,
      fingerprint,
    )
    assert.equal(
      compile({ ...base, entities: { unused: { columns: ['x'], scope: 'tenant' }, ...base.entities } }).fingerprint,
      fingerprint,
    )
  })

  test('changes with everything that changes a vector', () => {
    const changed: readonly Partial<FeatureSet>[] = [
      { key: 'person' },
      { time: 'since' },
      { tenant: 'site' },
      { features: [b, a] },
      { features: [a] },
      { features: [{ ...a, name: 'c' }, b] },
      { features: [{ name: 'a', feature: { ...count, prior: true } }, b] },
      { entities: { ...base.entities, person: { columns: ['device'], scope: 'tenant' } } },
    ]
    const all = changed.map((change) => compile({ ...base, ...change }).fingerprint)
    assert.equal(new Set([fingerprint, ...all]).size, changed.length + 1)
  })

  test('distinguishes missing from 0', () => {
    const of = (otherwise: number): string =>
      compile(setOf([{ name: 'a', feature: { kind: 'elapsed', by: 'person', horizonMs: 1, otherwise } }])).fingerprint
    assert.equal(new Set([of(0), of(nothing), of(Infinity)]).size, 3)
  })
})

test('names, width, horizon and subject follow from the set', () => {
  const plan = compile(
    setOf([
      { name: 'a', feature: count },
      { name: 'b', feature: { kind: 'elapsed', by: 'site', horizonMs: 90 * minuteMs, otherwise: 0 } },
    ]),
  )
  assert.deepEqual([plan.names, plan.width, plan.horizonMs], [['a', 'b'], 2, 90 * minuteMs])
  assert.deepEqual([plan.subject({ person: 'ann' }), plan.subject({ person: null })], ['ann', ''])
})

test('describe gives an entity the same window values as the event that ends the windows', () =>
  fc.assert(
    fc.property(mixes, histories(40), (features, log) => {
      const plan = compile(setOf(features))
      const state = plan.open(100, 0)
      const blobs: Blobs = new Map()
      for (const event of log) {
        prepare(state, [event], blobs)
        const { folded, vector } = foldOne(plan, state, event)
        commit(state, blobs)
        if (folded !== 'folded') continue
        const key = plan.keyOf('person', event['tenant'] as string, [event['person'] as string])
        const described = plan.describe('person', blobs.get(key), event['at'] as number)
        features.forEach(({ name, feature }, i) => {
          const endsWithEvent = 'windowMs' in feature && feature.kind !== 'peak' && !('prior' in feature)
          if (endsWithEvent && name in described)
            assert.ok(Object.is(described[name], vector[i]), `${name}: ${described[name]} instead of ${vector[i]}`)
        })
      }
    }),
    { numRuns: 60 },
  ))

test('describe leaves out features that need an event, and includes those of the last event', () => {
  const last = { by: 'person', horizonMs: 60 * minuteMs, otherwise: -1 } as const
  const value = { column: 'value' } as const
  const all: Readonly<Record<string, Feature>> = {
    hour: count,
    value: { kind: 'value', value, otherwise: 0 },
    usual: { kind: 'zscore', value, floor: 1, atLeast: 1, ...hour, keep: { exact: 9 }, otherwise: 0 },
    level: { kind: 'last', value, ...last },
    since: { kind: 'elapsed', ...last },
    change: { kind: 'delta', value, ...last },
    fading: { kind: 'ewma', value, halfLifeMs: minuteMs, as: 'mean', floor: 1, ...last },
    doubled: { kind: 'ratio', over: 'hour', under: 'level', otherwise: 0 },
    mixed: { kind: 'difference', left: 'hour', right: 'value' },
  }
  const plan = compile(setOf(Object.entries(all).map(([name, feature]) => ({ name, feature }))))
  const { blobs } = inOneGo(plan, [{ id: '1', tenant: 'north', person: 'ann', value: 4, at: 0 }])
  const described = (minute: number) =>
    plan.describe('person', blobs.get(plan.keyOf('person', 'north', ['ann'])), minute * minuteMs)
  assert.deepEqual(described(2), { hour: 1, level: 4, since: 120, fading: 4, doubled: 0.25 })
  assert.deepEqual(described(90), { hour: 0, level: -1, since: -1, fading: -1, doubled: -0 })
})

test('an entity that the set does not have is UNKNOWN_ENTITY', () => {
  const plan = compile(setOf([{ name: 'a', feature: count }]))
  assert.throws(
    () => plan.describe('robot', undefined, 0),
    (error) => isEngineError(error, 'UNKNOWN_ENTITY'),
  )
  assert.throws(
    () => plan.keyOf('robot', 'north', ['x']),
    (error) => isEngineError(error, 'UNKNOWN_ENTITY'),
  )
  assert.deepEqual(plan.describe('person', undefined, 0), { a: 0 })
  assert.deepEqual(plan.describe('site', undefined, 0), {})
})
