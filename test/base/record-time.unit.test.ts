import { strict as assert } from 'node:assert'
import fc from 'fast-check'
import { test } from 'vitest'
import { recordTimeOf } from '../../src/base/record-time.js'

const nowMs = Date.UTC(2026, 10, 28)

test('a timestamp in seconds, micro- or nanoseconds means the same time as in milliseconds', () => {
  for (const timestamp of [nowMs, nowMs / 1_000, nowMs * 1_000, nowMs * 1_000_000])
    assert.equal(Math.round(recordTimeOf(timestamp)!), nowMs)
})

test('what is no time in any unit is no time', () => {
  for (const timestamp of [-1, 0, 1, -nowMs, 86_400, Number.MAX_VALUE, NaN, Infinity])
    assert.equal(recordTimeOf(timestamp), undefined)
})

test('no timestamp has two units: the time that it means always lies between 2000 and 2100', () => {
  fc.assert(
    fc.property(fc.integer({ min: -10, max: Number.MAX_SAFE_INTEGER }), (timestamp) => {
      const timeMs = recordTimeOf(timestamp)
      return timeMs === undefined || (timeMs >= Date.UTC(2000, 0, 1) && timeMs < Date.UTC(2100, 0, 1))
    }),
  )
})
