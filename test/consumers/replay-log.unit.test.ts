import { strict as assert } from 'node:assert'
import { test } from 'vitest'
import { spanReader } from '../../src/consumers/replay-log.js'
import type { LogRecord, LogView, PartitionReader } from '../../src/log/event-log.js'

const bound = { records: 3, bytes: 1_000 }
const never = new AbortController().signal
const recordAt = (offset: number): LogRecord => ({ offset, timestampMs: 0, key: null, value: null, headers: {} })

/** A partition that holds records at some offsets and nothing more: a read beyond them waits until it is told to stop. */
function holding(offsets: readonly number[], next: number) {
  const asked: number[] = []
  const reader: PartitionReader = {
    read(from, { records }, signal) {
      asked.push(from)
      const found = offsets.filter((offset) => offset >= from).slice(0, records).map(recordAt)
      return found.length > 0 ? Promise.resolve(found) : new Promise((resolve) => signal.addEventListener('abort', () => resolve([])))
    },
    close: () => Promise.resolve(),
  }
  const view: LogView = { bounds: () => Promise.resolve({ first: 0, next }), reader: () => reader }
  return { reader, view, asked }
}

/** Reads a span to its end and gives the offsets of each read. */
async function readSpan(offsets: readonly number[], next: number, to: number, cutAfter: (offset: number) => number = () => Infinity) {
  const { reader, view, asked } = holding(offsets, next)
  const end = new AbortController()
  const reads: number[][] = []
  // A read that waits is told at once that its time is over.
  const clock = { nowMs: () => 0, sleep: () => new Promise<void>((resolve) => setImmediate(resolve)) }
  const span = spanReader({ reader, view, topic: 't', span: { partition: 0, warmFrom: 0, from: 0, to }, clock, patience: { clock, signal: never }, cutAfter, onRead: () => undefined, onEnd: () => end.abort() })
  for (let from = 0; !end.signal.aborted; ) {
    const records = await span.read(from, bound, end.signal)
    if (records.length > 0) reads.push(records.map(({ offset }) => offset))
    from = (records.at(-1)?.offset ?? from) + 1
  }
  return { reads, asked }
}

test('a span ends before the offset that is no longer its', async () => {
  assert.deepEqual((await readSpan([0, 1, 2, 3, 4, 5], 6, 4)).reads, [[0, 1, 2], [3]])
})

test('offsets have holes, also where the span and where the log ends', async () => {
  assert.deepEqual((await readSpan([0, 2, 7], 9, 5)).reads, [[0, 2]])
  const { reads, asked } = await readSpan([0, 2], 5, 5)
  assert.deepEqual(reads, [[0, 2]])
  assert.deepEqual(asked, [0, 3, 3])
})

test('a read ends where the next offset is another chunk', async () => {
  assert.deepEqual((await readSpan([0, 1, 2, 3], 4, 4, (offset) => (offset < 2 ? 1 : 3))).reads, [[0, 1], [2, 3]])
})
