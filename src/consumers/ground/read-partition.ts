import type { LogRecord, LogView, Offset, ReadBound, TopicPartition } from '../../log/event-log.js'
import { readUpTo } from '../../log/read-up-to.js'

/**
 * The records that a partition holds at the time of the call, from `from` on, chunk by chunk. A chunk's buffers are
 * valid until the next one. Errors of `LogView`.
 */
export async function* readPartition(
  view: LogView,
  at: TopicPartition,
  bound: ReadBound,
  from: Offset = 0,
): AsyncGenerator<readonly LogRecord[]> {
  const { first, next } = await view.bounds(at)
  const reader = view.reader(at)
  try {
    yield* readUpTo(reader, Math.max(first, from), next, bound, new AbortController().signal)
  } finally {
    await reader.close()
  }
}
