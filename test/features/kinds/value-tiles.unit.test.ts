import { strict as assert } from 'node:assert'
import { test } from 'vitest'
import { compile } from '../../../src/features/plan/compile.js'
import type { Event } from '../../../src/features/feature.js'
import { valueTileRows } from '../../../src/features/kinds/value-tiles.js'
import { minuteMs, setOf } from '../../spec/features/histories.js'
import { inOneGo } from '../../spec/features/run.js'

test('a column of unique values keeps a bounded number of rows and drops the first of the oldest tile first', () => {
  const plan = compile(
    setOf([
      {
        name: 'usual',
        feature: {
          kind: 'familiarity',
          column: 'colour',
          by: 'person',
          windowMs: 60 * minuteMs,
          keep: { tileMs: 10 * minuteMs },
          otherwise: -1,
        },
      },
    ]),
  )
  const event = (colour: number, at: number): Event => ({
    id: `e${colour} ${at}`,
    tenant: 'north',
    person: 'ann',
    colour: `c${colour}`,
    at,
  })
  const news = Array.from({ length: valueTileRows + 100 }, (_, i) => event(i, i < 50 ? 0 : 10 * minuteMs))
  const { steps, blobs } = inOneGo(plan, [...news, event(100, 10 * minuteMs + 1), event(99, 10 * minuteMs + 2)], 10)
  const shares = steps.slice(-2).map(({ vector }) => vector[0])
  assert.deepEqual(shares, [2 / (valueTileRows + 1), 1 / valueTileRows])
  assert.ok(blobs.get(plan.keyOf('person', 'north', ['ann']))!.length < valueTileRows * 12)
})
