import { strict as assert } from 'node:assert'
import { test } from 'vitest'
import { createBatchTimer } from '../../../src/consumers/scoring/batch-timer.js'
import { limits } from '../../../src/base/limits.js'

const { leastMs, mostMs, partitionMs } = limits.smallChunk

test('partitions of a process wait for the same ticks, and more partitions have longer intervals', () => {
  const timer = createBatchTimer()
  const first = timer.join()
  const second = timer.join()
  for (const nowMs of [0, 1, leastMs - 1, leastMs, 7_777]) {
    assert.equal(first.nextMs(nowMs), second.nextMs(nowMs))
    assert.ok(first.nextMs(nowMs) > nowMs && first.nextMs(nowMs) <= nowMs + leastMs)
  }
  const others = Array.from({ length: Math.ceil(mostMs / partitionMs) }, () => timer.join())
  assert.deepEqual([first.nextMs(0), second.nextMs(mostMs)], [mostMs, 2 * mostMs])
  for (const other of others) other.leave()
  assert.equal(first.nextMs(0), leastMs)
})
