import { strict as assert } from 'node:assert'
import { Registry } from 'prom-client'
import { test } from 'vitest'
import { compileStream } from '../../../src/consumers/ground/compiled.js'
import { watchEarlyExpiry } from '../../../src/consumers/watch/early-expiry.js'
import { attendance } from '../../../src/streams/built-in/attendance.js'
import { block } from '../../log/blocks/blocks.js'

const nowMs = Date.UTC(2026, 10, 28)
const day = 24 * 60 * 60 * 1_000

/** What a process says after it scored records with these timestamps, and refused one with each of the others. */
async function after(timestamps: readonly number[], refused: readonly number[] = [], laterMs = 0) {
  const registry = new Registry()
  const time = { nowMs }
  const clock = { nowMs: () => time.nowMs, sleep: async () => undefined }
  const early = watchEarlyExpiry([compileStream(attendance)], 30 * day, registry, clock)
  early.onChunk({
    stream: 'attendance',
    block: {
      ...block(1, -1, timestamps.length - 1),
      rows: timestamps.length,
      recordTimes: Float64Array.from(timestamps),
    },
    chunk: { dead: refused.map((timestampMs) => ({ record: { timestampMs } })) } as never,
  })
  time.nowMs += laterMs
  return { check: early.check(), metrics: await registry.metrics() }
}

test('records that the log may delete before the end of its retention are counted and named', async () => {
  const { check, metrics } = await after([nowMs, nowMs - 29 * day, nowMs - 31 * day, nowMs / 1_000], [-1])
  assert.match(metrics, /tidemill_early_expiry_records_total\{stream="attendance"\} 3/)
  assert.equal(check.attention, true)
  assert.match(check.detail, /deletes 3 records of attendance too early.*the last is -1.*LogAppendTime/)
})

test('records of now need no attention, and old ones none an hour later', async () => {
  for (const { check } of [await after([nowMs, nowMs - 29 * day]), await after([0], [], 2 * 60 * 60 * 1_000)])
    assert.deepEqual([check.ok, check.attention], [true, undefined])
})
