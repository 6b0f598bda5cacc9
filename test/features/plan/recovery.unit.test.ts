import { strict as assert } from 'node:assert'
import fc from 'fast-check'
import { test } from 'vitest'
import { compile } from '../../../src/features/plan/compile.js'
import type { Event } from '../../../src/features/feature.js'
import { mixes } from '../../spec/features/any-feature.js'
import { histories, setOf } from '../../spec/features/histories.js'
import { commit, foldOne, inOneGo, prepare, run, type Blobs, type Cut } from '../../spec/features/run.js'

const cuts = fc.array(
  fc.record<Cut>({ events: fc.integer({ min: 1, max: 9 }), then: fc.constantFrom('continue', 'commit', 'restart') }),
  { minLength: 1, maxLength: 6 },
)
const bounds = fc.record({ cachedEntities: fc.constantFrom(1, 3, 100), seenIds: fc.constantFrom(1, 5, 1_000) })

test('commits, restarts and evictions at any point change neither the vectors nor the stored blobs by a bit', () =>
  fc.assert(
    fc.property(mixes, histories(80), cuts, bounds, (features, log, cuts, bounds) => {
      const plan = compile(setOf(features))
      const expected = inOneGo(plan, log, bounds.seenIds)
      const { steps, blobs } = run(plan, log, cuts, bounds)
      assert.deepStrictEqual(steps, expected.steps)
      assert.deepStrictEqual([...blobs].sort(), [...expected.blobs].sort())
    }),
    { numRuns: 150 },
  ))

test('a run that restarts from any blobs stores the same blobs as a run that continues', () =>
  fc.assert(
    fc.property(mixes, histories(), fc.integer({ min: 1, max: 12 }), (features, log, every) => {
      const plan = compile(setOf(features))
      const kept: Blobs = new Map()
      const restarted: Blobs = new Map()
      const goesOn = plan.open(100, 1_000)
      for (let at = 0; at < log.length; at += every) {
        const chunk = log.slice(at, at + every)
        const fresh = plan.open(100, 1_000)
        for (const [state, blobs] of [
          [goesOn, kept],
          [fresh, restarted],
        ] as const) {
          prepare(state, chunk, blobs)
          chunk.forEach((event) => foldOne(plan, state, event))
        }
        assert.deepStrictEqual(commit(fresh, restarted).puts, commit(goesOn, kept).puts)
      }
    }),
    { numRuns: 80 },
  ))

test('an expired blob reads as empty, so a store that drops it at any time changes no vector and no later blob', () =>
  fc.assert(
    fc.property(
      mixes,
      histories(80),
      fc.boolean(),
      fc.integer({ min: 1, max: 6 }),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 3 }),
      (features, drawn, alone, every, sweeps) => {
        const plan = compile(setOf(features))
        // A second tenant delays the clock that decides which blobs are dropped.
        const log = alone ? drawn.map((event): Event => ({ ...event, tenant: 'north' })) : drawn
        const expected = inOneGo(plan, log)
        const blobs: Blobs = new Map()
        const expiries = new Map<string, number>()
        for (let at = 0, turn = 0; at < log.length; at += every, turn++) {
          const state = plan.open(100, 1_000)
          const chunk = log.slice(at, at + every)
          prepare(state, chunk, blobs)
          assert.deepStrictEqual(
            chunk.map((event) => foldOne(plan, state, event)),
            expected.steps.slice(at, at + every),
          )
          const { puts, clockMs } = commit(state, blobs)
          for (const { key, expiresAtMs } of puts) expiries.set(key, expiresAtMs)
          if (sweeps[turn % sweeps.length])
            for (const [key, expiresAtMs] of expiries) if (expiresAtMs < clockMs) blobs.delete(key)
        }
        for (const [key, blob] of blobs) assert.deepStrictEqual(blob, expected.blobs.get(key))
      },
    ),
    { numRuns: 120 },
  ))
