import { strict as assert } from 'node:assert'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { compile } from '../../../src/features/plan/compile.js'
import type { Event, Feature } from '../../../src/features/feature.js'
import { naive } from '../../spec/features/naive.js'
import { kinds, mixes, ofKind } from '../../spec/features/any-feature.js'
import { histories, setOf, type NamedFeatures } from '../../spec/features/histories.js'
import { inOneGo } from '../../spec/features/run.js'

/** Kinds that sum in another order than the specification. All others must be equal to the bit. */
const summing: ReadonlySet<Feature['kind']> = new Set([
  'sum',
  'mean',
  'std',
  'zscore',
  'robust-zscore',
  'share',
  'trend',
  'quantile',
  'speed-kmh',
  'rate',
  'ewma',
  'seasonal',
  'surprise',
  'neighbour-distance',
])

/** Within 1e-9 of the larger, or of 1 where both are about 0. */
const close = (a: number, b: number): boolean =>
  Object.is(a, b) || Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b))

function sameAsSpecified(features: NamedFeatures, history: readonly Event[], seenIds: number): void {
  const set = setOf(features)
  const slow = naive(set, seenIds)
  const { steps } = inOneGo(compile(set), history, seenIds)
  history.forEach((event, i) => {
    const expected = slow.fold(event)
    const found = steps[i]!
    assert.equal(found.folded, expected.folded, `event ${i}`)
    expected.vector.forEach((value, k) => {
      const { name, feature } = features[k]!
      const same = summing.has(feature.kind)
        ? close(found.vector[k]!, value)
        : found.vector[k] === value || Object.is(found.vector[k], value)
      assert.ok(same, `event ${i}: ${name} is ${found.vector[k]}, specified ${value}: ${JSON.stringify(feature)}`)
    })
  })
}

describe('a compiled feature equals the slow specification, for events out of order, late and with nulls', () => {
  for (const kind of Object.keys(kinds) as Feature['kind'][]) {
    test(kind, () =>
      fc.assert(
        fc.property(ofKind(kind), histories(), (features, history) => sameAsSpecified(features, history, 1_000)),
        { numRuns: 40 },
      ),
    )
  }
})

test('so do features of all kinds in one set, with ids that are forgotten after a while', () =>
  fc.assert(fc.property(mixes, histories(), fc.integer({ min: 1, max: 20 }), sameAsSpecified), { numRuns: 100 }))
