import type { EventLog, LogView, Offset, PartitionReader } from '../../log/event-log.js'
import type { Span } from './replay-span.js'

/**
 * A log in which a replay scores: events are those of the live log, within the spans, and cannot be appended;
 * everything else is read from and written to a log of its own. That is the whole of its isolation.
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
  /** The last offset that may stand in one chunk with this one. */
  readonly cutAfter: (offset: Offset) => Offset
  /** Told of each read: the offset to go on with. */
  readonly onRead: (next: Offset) => void
  /** Called once when the last record of the span was given out and more is asked for. */
  readonly onEnd: () => void
}

/** Reads a span of a partition and nothing beyond it; at its end it waits until it is told to stop. */
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
