import type { LogView, Offset, TopicPartition } from './event-log.js'
import { readUpTo } from './read-up-to.js'

/** Reading 1,000 records takes milliseconds. A larger distance is a real lag, and a few markers in it do not matter. */
const countedOffsets = 1_000

/**
 * The records at offsets `from` to `to - 1` that can be read. Offsets of transaction markers, of aborted records and of
 * holes do not count. More than 1,000 offsets are not read: each of them counts. Errors of `LogView`.
 */
export async function countRecords(
  view: LogView,
  at: TopicPartition,
  { from, to }: { readonly from: Offset; readonly to: Offset },
  signal: AbortSignal = new AbortController().signal,
): Promise<number> {
  if (to <= from || to - from > countedOffsets) return Math.max(0, to - from)
  const start = Math.max(from, (await view.bounds(at)).first)
  const reader = view.reader(at)
  let records = 0
  try {
    const bound = { records: countedOffsets, bytes: 1024 * 1024 }
    for await (const read of readUpTo(reader, start, to, bound, signal)) records += read.length
  } finally {
    await reader.close()
  }
  return records
}
