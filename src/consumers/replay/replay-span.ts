import { limits } from '../../base/limits.js'
import { recordTimeOf } from '../../base/record-time.js'
import type { LogView, Offset, TopicPartition } from '../../log/event-log.js'
import type { OffsetRange } from '../ground/block-rows.js'
import type { CompiledStream } from '../ground/compiled.js'
import { decodeChunk } from '../ground/decode.js'

/** Offsets that a replay reads. It folds from `warmFrom` on, and scores `from` up to `to` (exclusive). */
export interface Span {
  readonly partition: number
  readonly warmFrom: Offset
  readonly from: Offset
  readonly to: Offset
}

export interface SpanRange {
  /** Log time of the first record to score; absent: the first record that the log holds. */
  readonly fromMs?: number | undefined
  /** Log time up to which records are scored (exclusive); absent: the end of the log as it is now. */
  readonly toMs?: number | undefined
  /** How far before the first scored record the fold begins; absent: by the longest horizon and the lateness. */
  readonly warmMs?: number | undefined
  /** Ids that an owner remembers for duplicates. The fold begins at least so many records before `from`. */
  readonly seenIds: number
}

export const warmUpMs = ({ stream, plan }: CompiledStream): number => plan.horizonMs + stream.latenessMs

/** The spans of every partition that has something to score. Errors of `LogView.bounds`. */
export async function spansOf(view: LogView, stream: CompiledStream, range: SpanRange): Promise<Span[]> {
  const partitions = Array.from({ length: stream.stream.partitions }, (_, partition) => partition)
  const spans = await Promise.all(
    partitions.map((partition) => spanOf(view, stream, { topic: stream.topics.events, partition }, range)),
  )
  return spans.filter(({ from, to }) => from < to)
}

async function spanOf(
  view: LogView,
  stream: CompiledStream,
  at: TopicPartition,
  { fromMs, toMs, warmMs, seenIds }: SpanRange,
): Promise<Span> {
  const { first, next } = await view.bounds(at)
  const to = toMs === undefined ? next : Math.min(next, (await view.bounds(at, toMs)).first)
  const from = fromMs === undefined ? first : Math.max(first, Math.min(to, (await view.bounds(at, fromMs)).first))
  if (from >= to) return { partition: at.partition, warmFrom: to, from: to, to }
  const reachMs = (await oldestMs(view, stream, at, { from, to })) - (warmMs ?? warmUpMs(stream)) - limits.futureMs
  const reached = reachMs <= 0 ? first : (await view.bounds(at, reachMs)).first
  const warmFrom = Math.min(reached, from - seenIds)
  return { partition: at.partition, warmFrom: Math.max(first, warmFrom), from, to }
}

/**
 * The oldest time of the first scored chunk, by the log and by its events. When a backlog is loaded late, its event
 * times are far before its log times.
 */
async function oldestMs(
  view: LogView,
  stream: CompiledStream,
  at: TopicPartition,
  { from, to }: OffsetRange,
): Promise<number> {
  const reader = view.reader(at)
  try {
    const records = await reader.read(
      from,
      { records: limits.chunkRecords, bytes: limits.chunkBytes, until: to },
      new AbortController().signal,
    )
    const { events } = decodeChunk(stream, 'any', records)
    // Log times in another unit than milliseconds, or none at all: no offset can be found by time.
    if (records.some(({ timestampMs }) => recordTimeOf(timestampMs) !== timestampMs)) return 0
    const times = [
      ...records.map(({ timestampMs }) => timestampMs),
      ...events.map((event) => event[stream.stream.time] as number),
    ]
    // A chunk without records scores nothing, so any time will do.
    return times.length === 0 ? 0 : times.reduce((oldest, one) => Math.min(oldest, one))
  } finally {
    await reader.close()
  }
}
