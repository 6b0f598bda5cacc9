import type { LogRecord, Offset, PartitionReader, ReadBound } from './event-log.js'

/**
 * The records with offsets from `from` to `end - 1`, chunk by chunk. Ends when no record below `end` is left, even if
 * the last offsets hold no record, or when the signal aborts.
 */
export async function* readUpTo(
  reader: PartitionReader,
  from: Offset,
  end: Offset,
  bound: ReadBound,
  signal: AbortSignal,
): AsyncGenerator<readonly LogRecord[]> {
  for (let next = from; next < end && !signal.aborted;) {
    const read = await reader.read(next, { ...bound, until: end }, signal)
    const records = read.filter(({ offset }) => offset < end)
    if (records.length > 0) yield records
    if (records.length < read.length || read.length === 0) return
    next = read.at(-1)!.offset + 1
  }
}
