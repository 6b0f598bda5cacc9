import type { EventLog, LogView, Offset, PartitionReader } from '../../log/event-log.js'
import type { Span } from './replay-span.js'

/**
 * The log of a replay. It reads events from the live log, within the spans, and refuses to append any. It reads and
 * writes everything else in a log of its own. So a replay cannot change anything live.
 */
export function isolatedLog(view: LogView, own: EventLog, eventsTopic: string, spans: readonly Span[]): EventLog {
  const spanOf = (partition: number): Span | undefined => spans.find((span) => span.partition === partition)
  return {
    ensure: (topic) => own.ensure(topic),
    append(at, records) {
      if (at.topic === eventsTopic) throw new Error('a replay appends no events')
      return own.append(at, records)
    },
    async bounds(at, sinceMs) {
      if (at.topic !== eventsTopic) return own.bounds(at, sinceMs)
      const { first, next } = await view.bounds(at, sinceMs)
      const { warmFrom, to } = spanOf(at.partition) ?? { warmFrom: first, to: next }
      return { first: Math.min(to, Math.max(first, warmFrom)), next: to }
    },
    reader: (at) => (at.topic === eventsTopic ? view.reader(at) : own.reader(at)),
  }
}

export interface SpanReaderOptions {
  readonly reader: PartitionReader
  readonly span: Span
  /** The last offset that may be in one chunk with this one. */
  readonly cutAfter: (offset: Offset) => Offset
  /** Called after each read with the next offset to read. */
  readonly onRead: (next: Offset) => void
  /** Called once, at the first read after the last record of the span. */
  readonly onEnd: () => void
}

/** Reads a span of a partition and nothing beyond it. At the end of the span a read waits until its signal aborts. */
export function spanReader({ reader, span, cutAfter, onRead, onEnd }: SpanReaderOptions): PartitionReader {
  return {
    async read(from, bound, signal) {
      const records = from < span.to ? await reader.read(from, { ...bound, until: span.to }, signal) : []
      const first = records[0]
      if (signal.aborted) return []
      if (first === undefined || first.offset >= span.to) {
        onRead(span.to)
        onEnd()
        await aborted(signal)
        return []
      }
      const last = Math.min(span.to - 1, cutAfter(first.offset))
      const kept = records.at(-1)!.offset <= last ? records : records.filter(({ offset }) => offset <= last)
      onRead(kept.at(-1)!.offset + 1)
      return kept
    },
    close: () => reader.close(),
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
