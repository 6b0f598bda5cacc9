import { strict as assert } from 'node:assert'
import { test } from 'vitest'
import { limits } from '../../../src/base/limits.js'
import { followClocksAhead } from '../../../src/consumers/watch/clocks-ahead.js'

const minuteMs = 60_000
const found = (source: string, aheadMs: number, events = 1) => ({ tenant: 'acme', source, aheadMs, events })
const opened = () => {
  const clock = { nowMs: () => clock.atMs, atMs: 1e12, sleep: () => Promise.resolve() }
  return { clock, ahead: followClocksAhead(clock) }
}

test('each source has one sentence, with the most that it was ahead and all its events', () => {
  const { ahead } = opened()
  ahead.add('doors', [found('d1', 90 * minuteMs + 1), found('d2', 30 * 24 * 60 * minuteMs, 3)])
  ahead.add('doors', [found('d1', 20 * minuteMs, 2), found('', 16 * minuteMs)])
  assert.deepEqual(ahead.lately(), [
    'd2 of tenant acme in doors was ahead by 30d (3 events)',
    'd1 of tenant acme in doors was ahead by 90m (3 events)',
    'a source without an id of tenant acme in doors was ahead by 16m (1 event)',
  ])
})

test('a source is named for a day after its last event, and only the last sources are kept', () => {
  const { clock, ahead } = opened()
  ahead.add('doors', [found('d1', minuteMs)])
  clock.atMs += limits.clocksAheadMs
  ahead.add('doors', [found('d2', minuteMs)])
  assert.equal(ahead.lately().length, 2)
  clock.atMs += 1
  assert.deepEqual(ahead.lately(), ['d2 of tenant acme in doors was ahead by 1m (1 event)'])
  for (let i = 0; i < limits.clocksAhead + 10; i++) ahead.add('doors', [found(`x${i}`, minuteMs)])
  assert.equal(ahead.lately().length, limits.clocksAhead)
})
