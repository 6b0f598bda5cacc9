import { strict as assert } from 'node:assert'
import { test } from 'vitest'
import { spanReader } from '../../../src/consumers/replay/replay-log.js'
import type { LogRecord, PartitionReader } from '../../../src/log/event-log.js'

const bound = { records: 3, bytes: 1_000 }
const recordAt = (offset: number): LogRecord => ({ offset, timestampMs: 0, key: null, value: null, headers: {} })

/** A partition that holds records at some offsets; its log ends before `next`, where a read would wait. */
function holding(offsets: readonly number[], next: number): PartitionReader {
  return {
    read(from, { records, until = Infinity }, signal) {
      const found = offsets
        .filter((offset) => offset >= from)
        .slice(0, records)
        .map(recordAt)
      return found.length > 0 || until <= next
        ? Promise.resolve(found)
        : new Promise((resolve) => signal.addEventListener('abort', () => resolve([])))
    },
    close: () => Promise.resolve(),
  }
}

/** Reads a span to its end and gives the offsets of each read. */
async function readSpan(
  offsets: readonly number[],
  next: number,
  to: number,
  cutAfter: (offset: number) => number = () => Infinity,
): Promise<number[][]> {
  const end = new AbortController()
  const reads: number[][] = []
  const span = spanReader({
    reader: holding(offsets, next),
    span: { partition: 0, warmFrom: 0, from: 0, to },
    cutAfter,
    onRead: () => undefined,
    onEnd: () => end.abort(),
  })
  for (let from = 0; !end.signal.aborted;) {
    const records = await span.read(from, bound, end.signal)
    if (records.length > 0) reads.push(records.map(({ offset }) => offset))
    from = (records.at(-1)?.offset ?? from) + 1
  }
  return reads
}

test('a span ends before its end offset', async () => {
  assert.deepEqual(await readSpan([0, 1, 2, 3, 4, 5], 6, 4), [[0, 1, 2], [3]])
})

test('offsets may have gaps, also at the end of the span and of the log', async () => {
  assert.deepEqual(await readSpan([0, 2, 7], 9, 5), [[0, 2]])
  assert.deepEqual(await readSpan([0, 2], 5, 5), [[0, 2]])
})

test('a read ends where the next chunk begins', async () => {
  assert.deepEqual(await readSpan([0, 1, 2, 3], 4, 4, (offset) => (offset < 2 ? 1 : 3)), [
    [0, 1],
    [2, 3],
  ])
})
