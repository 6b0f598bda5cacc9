import { strict as assert } from 'node:assert'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { compile } from '../../../src/features/plan/compile.js'
import type { Event, Feature } from '../../../src/features/feature.js'
import { kinds, mixes, named, ofKind } from '../../spec/features/any-feature.js'
import { histories, minuteMs, setOf, type NamedFeatures } from '../../spec/features/histories.js'
import { run, type Cut, type Step } from '../../spec/features/run.js'

const bounds = { cachedEntities: 3, seenIds: 1_000 }

/** The companions, before and after the features, under names of their own. */
function beside(features: NamedFeatures, companions: NamedFeatures, before: number): NamedFeatures {
  const own = new Set(features.map(({ name }) => name))
  const others = companions.filter(({ name }) => !own.has(name))
  const renamed = others.map(({ name, feature }) => ({ name: `companion_${name}`, feature }))
  const split = Math.min(before, renamed.length)
  return [...features.slice(0, 2), ...renamed.slice(0, split), ...features.slice(2), ...renamed.slice(split)]
}

const valuesOf = (features: NamedFeatures, names: readonly string[], steps: readonly Step[]) =>
  steps.map(({ folded, vector }) => [
    folded,
    ...(folded === 'duplicate' ? [] : names.map((name) => vector[features.findIndex((one) => one.name === name)])),
  ])

function sameBeside(
  features: NamedFeatures,
  companions: NamedFeatures,
  before: number,
  log: readonly Event[],
  cuts: readonly Cut[],
): void {
  const names = features.map(({ name }) => name)
  const together = beside(features, companions, before)
  const alone = run(compile(setOf(features)), log, [{ events: 7, then: 'continue' }], bounds)
  const mixed = run(compile(setOf(together)), log, cuts, bounds)
  assert.deepStrictEqual(valuesOf(together, names, mixed.steps), valuesOf(features, names, alone.steps))
}

const cuts = fc.array(
  fc.record<Cut>({ events: fc.integer({ min: 1, max: 9 }), then: fc.constantFrom('continue', 'commit', 'restart') }),
  { minLength: 1, maxLength: 4 },
)

describe('the value of a feature is the same to the bit, whatever features are declared beside it', () => {
  for (const kind of Object.keys(kinds) as Feature['kind'][])
    test(kind, () =>
      fc.assert(fc.property(ofKind(kind), mixes, fc.nat({ max: 8 }), histories(80), cuts, sameBeside), { numRuns: 25 }),
    )
})

const tiled = { by: 'person', windowMs: 60 * minuteMs, keep: { tileMs: 10 * minuteMs }, value: { column: 'value' } }
const mean: Feature = { kind: 'mean', ...tiled, otherwise: -1 }
const companions = named([
  { kind: 'std', ...tiled, otherwise: -1 },
  { kind: 'zscore', ...tiled, floor: 0, atLeast: 1, otherwise: -1 },
])

test('a mean of 0 is 0 beside a deviation of the same values, so a ratio to it is its `otherwise`', () => {
  const values = [3, -1, -4, 7, -5]
  const log = values.map((value, i): Event => ({
    id: `e${i}`,
    tenant: 'north',
    person: 'ann',
    at: i * minuteMs,
    value,
  }))
  const ratio: Feature = { kind: 'ratio', over: 'mark', under: 'mean_0', otherwise: -9 }
  const features = [...named([mean]), ...companions.slice(2), { name: 'ratio', feature: ratio }]
  const { steps } = run(compile(setOf(features)), log, [{ events: 2, then: 'restart' }], bounds)
  assert.deepEqual([steps.at(-1)!.vector[2], steps.at(-1)!.vector.at(-1)], [0, -9])
})

test('a late event reads the same of its window beside a feature that remembers its entity for longer', () => {
  const hour: Feature = { kind: 'count', by: 'person', windowMs: 60 * minuteMs, keep: { exact: 9 } }
  const day: Feature = { ...hour, windowMs: 24 * 60 * minuteMs }
  const at = (id: string, person: string, minutes: number): Event => ({
    id,
    tenant: 'north',
    person,
    at: minutes * minuteMs,
  })
  const log = [
    ...[0, 1, 2].map((minutes) => at(`a${minutes}`, 'ann', minutes)),
    ...[300, 301, 302].map((minutes) => at(`b${minutes}`, 'bob', minutes)),
    at('late', 'ann', 3),
  ]
  sameBeside(named([hour]), named([{ ...hour, where: {} }, day]).slice(3), 0, log, [{ events: 1, then: 'restart' }])
})
