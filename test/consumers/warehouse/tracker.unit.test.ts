import { strict as assert } from 'node:assert'
import { test } from 'vitest'
import type { Clock } from '../../../src/base/clock.js'
import { encodeMarks, type Mark } from '../../../src/consumers/warehouse/progress.js'
import { trackProgress, type ProgressTracker } from '../../../src/consumers/warehouse/tracker.js'
import type { EventLog } from '../../../src/log/event-log.js'
import type { Warehouse } from '../../../src/sinks/warehouse.js'

const at = (next: number, partition = 1): Mark => ({
  table: 'predictions',
  topic: 'doors',
  partition,
  next,
  covered: -1,
  epoch: 0,
  writtenAtMs: 7,
})
const unmoved = new AbortController().signal

/** A tracker whose writes happen when it is closed, and what it wrote. */
function tracked(ends: Record<number, number> = {}) {
  const stopping = new AbortController()
  const written: Buffer[] = []
  const clock: Clock = {
    nowMs: () => 7,
    sleep: (_ms, signal) => new Promise((resolve) => signal?.addEventListener('abort', () => resolve())),
  }
  const warehouse: Warehouse = {
    insert: async (_table, native) => void written.push(native),
    query: async () => [],
    run: async () => undefined,
    close: async () => undefined,
  }
  const log = { bounds: async ({ partition }) => ({ first: 0, next: ends[partition]! }) } as EventLog
  const tracker = trackProgress({
    warehouse,
    clock,
    log,
    stopping: stopping.signal,
    onRetry: (error) => assert.ifError(error),
    onWritten: () => undefined,
  })
  return { tracker, closed: async () => (stopping.abort(), await tracker.close(), written) }
}

const marksOf = (tracker: ProgressTracker): readonly number[] => tracker.marks().map(({ next }) => next)

test('rows that an earlier reader stores late do not count once its partition is read again', async () => {
  const { tracker, closed } = tracked()
  const revoked = new AbortController()
  const earlier = tracker.start(at(20), revoked.signal)
  revoked.abort()
  const present = tracker.start(at(20), unmoved)
  present.stored(at(29))
  earlier.stored(at(23))
  assert.deepEqual(marksOf(tracker), [29])
  assert.deepEqual(await closed(), [encodeMarks([at(29)])])
})

test('progress of an earlier reader is not written once its partition is read from an earlier offset', async () => {
  const { tracker, closed } = tracked()
  tracker.start(at(20), unmoved).stored(at(29))
  tracker.start(at(0), unmoved).stored(at(5))
  assert.deepEqual(marksOf(tracker), [5])
  assert.deepEqual(await closed(), [encodeMarks([at(5)])])
})

test('a reader that starts after its partition was revoked reports nothing', async () => {
  const { tracker, closed } = tracked()
  const present = tracker.start(at(20), unmoved)
  present.stored(at(29))
  tracker.start(at(20), AbortSignal.abort()).stored(at(23))
  present.stored(at(31))
  assert.deepEqual(marksOf(tracker), [31])
  assert.deepEqual(await closed(), [encodeMarks([at(31)])])
})

test('an insert that ends while the process stops is recorded', async () => {
  const { tracker, closed } = tracked()
  const revoked = new AbortController()
  const progress = tracker.start(at(20), revoked.signal)
  revoked.abort()
  progress.stored(at(29))
  assert.deepEqual(await closed(), [encodeMarks([at(29)])])
})

test('a revoked partition no longer counts as lag of this process', async () => {
  const { tracker, closed } = tracked({ 1: 100, 2: 50 })
  const revoked = new AbortController()
  tracker.start(at(20, 1), revoked.signal)
  tracker.start(at(20, 2), unmoved)
  tracker.lagRecords()
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(tracker.lagRecords(), 110)
  revoked.abort()
  assert.equal(tracker.lagRecords(), 30)
  await closed()
})
