import { strict as assert } from 'node:assert'
import { test } from 'vitest'
import type { EarlierRows } from '../../../src/consumers/warehouse/progress.js'
import { openStamps } from '../../../src/consumers/warehouse/stamps.js'

const mondayMs = Date.UTC(2026, 10, 30)
const minute = 60_000
const day = 24 * 60 * minute

/** Stamps of a reader that starts at `nowMs` from a mark, with a clock that the test sets. */
function stampsAt(nowMs: number, since: number | undefined, beyond: readonly EarlierRows[] = []) {
  const time = { nowMs, asked: 0 }
  const stamps = openStamps({
    table: 'events',
    clock: { nowMs: () => time.nowMs, sleep: async () => undefined },
    since,
    rowsBeyond: async () => (time.asked++, beyond),
  })
  return { stamps, time }
}

test('rows have the present time while their week lasts, and a mark must be written before the next one', async () => {
  const { stamps, time } = stampsAt(mondayMs - 30 * minute, mondayMs - 40 * minute)
  await stamps.prepare(7)
  assert.equal(stamps.current(), mondayMs - 30 * minute)
  time.nowMs = mondayMs + minute
  await stamps.prepare(8)
  assert.equal(stamps.current(), undefined)
  stamps.moved(time.nowMs)
  assert.equal(stamps.current(), mondayMs + minute)
  assert.equal(time.asked, 1)
})

test('a reader without a mark writes one first, and asks for no earlier rows', async () => {
  const { stamps, time } = stampsAt(mondayMs, undefined)
  await stamps.prepare(0)
  assert.deepEqual([stamps.current(), stamps.base, time.asked], [undefined, undefined, 0])
})

test('what an earlier reader stored after its mark is repeated with its own time', async () => {
  const { stamps } = stampsAt(mondayMs + 2 * day, mondayMs - 3 * day, [
    { writtenAtMs: mondayMs - 3 * day, last: 20 },
    { writtenAtMs: mondayMs + minute, last: 30 },
  ])
  await stamps.prepare(10)
  assert.deepEqual(
    [10, 20, 21, 30, 31].map((offset) => stamps.earlierAt(offset)?.writtenAtMs),
    [mondayMs - 3 * day, mondayMs - 3 * day, mondayMs + minute, mondayMs + minute, undefined],
  )
  assert.equal(stamps.current(), undefined)
})

test('a week that ended just now is kept until the insert of a dead owner ended; one of long ago is not', async () => {
  const late = stampsAt(mondayMs + minute, mondayMs - minute)
  await late.stamps.prepare(0)
  assert.equal(late.stamps.current(), mondayMs - 1)
  late.time.nowMs += 11 * minute
  await late.stamps.prepare(0)
  assert.deepEqual([late.stamps.current(), late.time.asked], [undefined, 1])

  const old = stampsAt(mondayMs + minute, mondayMs - 40 * day)
  await old.stamps.prepare(0)
  assert.deepEqual([old.stamps.current(), old.time.asked], [undefined, 1])
})

test('a clock that is behind the mark does not go back to the week before', () => {
  assert.equal(stampsAt(mondayMs - minute, mondayMs + minute).stamps.current(), mondayMs)
})
