import { strict as assert } from 'node:assert'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { compile } from '../../../src/features/plan/compile.js'
import type { Event, FeatureSet } from '../../../src/features/feature.js'
import { kinds, mixes, named } from '../../spec/features/any-feature.js'
import { phones } from '../../spec/features/clocks.js'
import { histories, setOf, type NamedFeatures } from '../../spec/features/histories.js'
import { naive } from '../../spec/features/naive.js'
import { inOneGo, run, type Cut } from '../../spec/features/run.js'

const options = fc.constantFrom<Partial<FeatureSet>>(
  {},
  { clock: 'device' },
  { clock: 'desk' },
  { latenessBy: 'person' },
)
/** The entities by which the options judge need a feature. */
const counted: NamedFeatures = [
  { name: 'last_seen', feature: { kind: 'elapsed', by: 'person', horizonMs: 1e10, otherwise: -1 } },
]
const cuts = fc.array(
  fc.record<Cut>({ events: fc.integer({ min: 1, max: 9 }), then: fc.constantFrom('continue', 'commit', 'restart') }),
  { minLength: 1, maxLength: 6 },
)
const bounds = { cachedEntities: 2, seenIds: 1_000 }
const withOptions = (features: NamedFeatures, option: Partial<FeatureSet>): FeatureSet => ({
  ...setOf([...features, ...counted]),
  ...option,
})

const close = (a: number, b: number): boolean =>
  Object.is(a, b) || Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b))

function sameAsSpecified(set: FeatureSet, log: readonly Event[], cuts: readonly Cut[]): void {
  const slow = naive(set)
  const { steps } = run(compile(set), log, cuts, bounds)
  log.forEach((event, i) => {
    const expected = slow.fold(event)
    assert.equal(steps[i]!.folded, expected.folded, `event ${i}`)
    expected.vector.forEach((value, k) => {
      const found = steps[i]!.vector[k]!
      assert.ok(close(found, value), `event ${i}: ${set.features[k]!.name} is ${found}, specified ${value}`)
    })
  })
}

describe('with clocks that run ahead, late uploads and weekends', () => {
  test('results equal the slow specification, wherever the state was stored and loaded', () =>
    fc.assert(
      fc.property(mixes, options, phones(), cuts, (features, option, log, cuts) =>
        sameAsSpecified(withOptions(features, option), log, cuts),
      ),
      { numRuns: 300 },
    ))

  test('commits, restarts and evictions change neither the vectors nor the stored blobs by a bit', () =>
    fc.assert(
      fc.property(mixes, options, phones(80), cuts, (features, option, log, cuts) => {
        const plan = compile(withOptions(features, option))
        const expected = inOneGo(plan, log)
        const { steps, blobs } = run(plan, log, cuts, bounds)
        assert.deepStrictEqual(steps, expected.steps)
        assert.deepStrictEqual([...blobs].sort(), [...expected.blobs].sort())
      }),
      { numRuns: 150 },
    ))

  test('events in any order of sources give the results of the specification too', () =>
    fc.assert(
      fc.property(
        fc.array(fc.oneof(...Object.values(kinds)), { minLength: 1, maxLength: 4 }),
        options,
        histories(),
        cuts,
        (features, option, log, cuts) => sameAsSpecified(withOptions(named(features), option), log, cuts),
      ),
      { numRuns: 100 },
    ))
})
