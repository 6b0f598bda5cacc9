import type { Clock } from '../../base/clock.js'
import type { StateStore } from '../../state/state-store.js'
import { emptyBlock } from '../../log/blocks/build.js'
import { encodeBlock } from '../../log/blocks/codec.js'
import type { Assignment, EventLog, LogView } from '../../log/event-log.js'
import type { SchemaSource } from '../../streams/codec/schema-source.js'
import type { TenantSource } from '../control/tenants.js'
import type { CompiledStream } from '../ground/compiled.js'
import { isolatedLog, spanReader } from './replay-log.js'
import type { ReplayRouting } from './replay-routing.js'
import type { Span } from './replay-span.js'
import { tenantsOfSpan } from './replay-tenants.js'
import type { ScoringSettings } from '../scoring/dependencies.js'
import { scorePartition } from '../scoring/partition.js'

/** Counts the records of all spans, also those that only warm the state up. */
export interface ReplayProgress {
  readonly total: number
  readonly done: number
  /** Those of `done` that are scored. */
  readonly scored: number
}

export interface ReplayOptions {
  /** The live log. It is only read. */
  readonly view: LogView
  /** Takes the results. A replay writes only here and to `store`; a second call continues from what they hold. */
  readonly own: EventLog
  readonly store: StateStore
  readonly stream: CompiledStream
  readonly spans: readonly Span[]
  readonly routing: ReplayRouting
  /** Those at the control position of an offset's block decide; those of now where no block covers the offset yet. */
  readonly tenants: TenantSource
  readonly schemas?: SchemaSource | undefined
  readonly clock: Clock
  readonly settings: ScoringSettings
  /** Ends the replay early; it keeps what is done. */
  readonly signal: AbortSignal
  readonly onProgress?: (progress: ReplayProgress) => void
  readonly onRetry?: (what: string, error: unknown) => void
}

/**
 * Folds and scores the spans of a stream with the code that scores live, at full speed. It has its own state and
 * results, and changes nothing live. Resolves with `done` when it reached the end of all spans. Errors of scoring, such
 * as LOG_DAMAGED and GAP.
 */
export async function replay(options: ReplayOptions): Promise<'done' | 'interrupted'> {
  const { own, stream, spans, signal } = options
  const {
    topics,
    stream: { partitions },
  } = stream
  for (const topic of [topics.predictions, topics.deadLetters]) await own.ensure({ topic, partitions })
  const position = new Map(spans.map((span) => [span.partition, span.warmFrom]))
  const halted = new AbortController()
  const stop = AbortSignal.any([signal, halted.signal])
  const report = (): void => options.onProgress?.(progressOf(spans, position))
  const work = spans.map(async (span) => {
    try {
      return await replaySpan(span, options, stop, (next) => {
        position.set(span.partition, Math.max(next, position.get(span.partition)!))
        report()
      })
    } catch (error) {
      halted.abort()
      throw error
    }
  })
  const ends = await Promise.allSettled(work)
  for (const end of ends) if (end.status === 'rejected') throw end.reason
  return ends.every((end) => end.status === 'fulfilled' && end.value) ? 'done' : 'interrupted'
}

const progressOf = (spans: readonly Span[], position: ReadonlyMap<number, number>): ReplayProgress =>
  spans.reduce(
    (sum, { partition, warmFrom, from, to }) => {
      const at = position.get(partition)!
      return {
        total: sum.total + to - warmFrom,
        done: sum.done + at - warmFrom,
        scored: sum.scored + Math.max(0, at - from),
      }
    },
    { total: 0, done: 0, scored: 0 },
  )

/** Replays one span to its end, or until `stop` aborts; true when it reached the end. */
async function replaySpan(
  span: Span,
  options: ReplayOptions,
  stop: AbortSignal,
  onRead: (next: number) => void,
): Promise<boolean> {
  const { view, own, store, stream, routing, schemas, clock, settings, onRetry = () => undefined } = options
  await coverBefore(span, options)
  const tenants = await tenantsOfSpan(view, stream, span, options.tenants)
  const ended = new AbortController()
  const revoked = AbortSignal.any([stop, ended.signal])
  let current = routing.at(span.partition, span.from)
  const reader = spanReader({
    reader: view.reader({ topic: stream.topics.events, partition: span.partition }),
    span,
    onRead,
    cutAfter(offset) {
      const known = tenants.moveTo(offset)
      if (offset < span.from) return Math.min(span.from - 1, known)
      current = routing.at(span.partition, offset)
      return Math.min(current.upTo, known)
    },
    onEnd: () => ended.abort(),
  })
  const assignment: Assignment = {
    topic: stream.topics.events,
    partition: span.partition,
    reader,
    revoked,
    commit: () => Promise.resolve(),
  }
  try {
    await scorePartition(stream, assignment, {
      log: isolatedLog(view, own, stream.topics.events, [span]),
      store,
      schemas,
      tenants: tenants.source,
      clock,
      onRetry,
      settings,
      routing: () => current.routing,
      onChunk: () => undefined,
    })
  } finally {
    await reader.close()
  }
  return ended.signal.aborted
}

/** Marks everything before the span as covered in the log of the results, so that it is folded and not scored. */
async function coverBefore({ partition, from }: Span, { own, stream }: ReplayOptions): Promise<void> {
  const at = { topic: stream.topics.predictions, partition }
  if ((await own.bounds(at)).next > 0) return
  const { fingerprint, width } = stream.plan
  const marker = emptyBlock({ after: from - 1, last: from - 1, epoch: 1, control: 0, fingerprint, width })
  await own.append(at, [{ key: null, value: encodeBlock(marker) }])
}
