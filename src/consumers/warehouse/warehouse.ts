import type { Clock } from '../../base/clock.js'
import { isEngineError, messageOf } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import type { ConsumerGroups, EventLog, Membership, TopicPartition } from '../../log/event-log.js'
import type { Table } from '../../sinks/tables.js'
import type { Warehouse } from '../../sinks/warehouse.js'
import { guarded } from '../control/guarded.js'
import type { Stops } from '../control/stops.js'
import { deadLettersFeed, eventsFeed, outcomesFeed, predictionsFeed, type Feed, type FedStream } from './feeds.js'
import { openLoader } from './loader.js'
import { fill } from './partition.js'
import type { Mark, Written } from './progress.js'
import { isRetried } from './refusals.js'
import { readerOf } from './start.js'
import { trackProgress, type ProgressTracker } from './tracker.js'

export interface WarehouseOptions {
  readonly log: EventLog
  readonly groups: ConsumerGroups
  readonly warehouse: Warehouse
  readonly streams: readonly FedStream[]
  readonly clock: Clock
  /** Stores raw events as well; they are the larger part of the data. */
  readonly rawEvents: boolean
  /** Stops a partition that must not continue until an operator accepts it; without it the flow fails. */
  readonly stops?: Stops | undefined
  /** Called with a sentence that an operator should read. */
  readonly report: (message: string) => void
}

export interface WarehouseFlow extends Membership {
  /** How far each partition of this process is stored. */
  progress(): readonly Mark[]
  /** Resolves when everything before the given positions is stored; rejects when the flow fails. */
  drained(until: readonly (TopicPartition & { readonly next: number })[]): Promise<void>
  /** Records that are not stored yet, by the last known ends of the log; each call reads the ends again. */
  lagRecords(): number
  /** False from the first insert that fails to the next that does not. */
  up(): boolean
}

/**
 * Brings predictions, outcomes, dead letters and raw events into the warehouse, with one consumer group for each table.
 * Starts at the marks in `progress`. A mark is written after the rows before it are stored, so a crash repeats rows and
 * loses none. The views remove the repeated rows.
 */
export async function warehouseFlow(options: WarehouseOptions): Promise<WarehouseFlow> {
  const { log, warehouse, streams, clock, rawEvents, report } = options
  const stopping = new AbortController()
  const health = watchHealth(report)
  const tracker = trackProgress({
    warehouse,
    clock,
    log,
    stopping: stopping.signal,
    onRetry: (error) => health.waits('progress', error),
    onWritten: () => health.answered('progress'),
  })
  const context: FeedContext = { ...options, stopping: stopping.signal, tracker, health }
  const joined = [
    await joinFeed(predictionsFeed(streams), context),
    await joinFeed(outcomesFeed(), context),
    await joinFeed(deadLettersFeed(streams), context),
    ...(rawEvents ? [await joinFeed(eventsFeed(streams), context)] : []),
  ]
  const failed = Promise.race(joined.map((membership) => membership.failed))
  failed.catch(() => undefined)
  return {
    failed,
    progress: () => tracker.marks(),
    drained: (until) => Promise.race([tracker.reached(until), failed]),
    lagRecords: () => tracker.lagRecords(),
    up: () => health.up(),
    async leave() {
      stopping.abort()
      await Promise.all(joined.map((membership) => membership.leave()))
      await tracker.close()
    },
  }
}

const groupOf = (table: Table): string => `tidemill-warehouse-${table}`

/** The consumer groups of the warehouse, one for each table that is filled, with the topics that each reads. */
export const warehouseGroups = ({
  streams,
  rawEvents,
}: Pick<WarehouseOptions, 'streams' | 'rawEvents'>): readonly {
  readonly group: string
  readonly topics: readonly string[]
}[] =>
  [predictionsFeed(streams), outcomesFeed(), deadLettersFeed(streams), ...(rawEvents ? [eventsFeed(streams)] : [])].map(
    ({ table, topics }) => ({ group: groupOf(table), topics }),
  )

interface FeedContext extends WarehouseOptions {
  readonly stopping: AbortSignal
  readonly tracker: ProgressTracker
  readonly health: Health
}

interface Health {
  /** `what` waits for the warehouse. */
  waits(what: string, error: unknown): void
  /** `what` waits no longer. */
  answered(what: string): void
  up(): boolean
}

/** Reports once that the warehouse is unreachable or refuses rows, and once that it takes them again. */
function watchHealth(report: (message: string) => void): Health {
  const waiting = new Set<string>()
  return {
    waits(what, error) {
      const does = isEngineError(error) && error.disposition !== 'retry' ? 'refuses rows' : 'is unreachable'
      if (waiting.size === 0) report(`the warehouse ${does}, its rows wait in the log: ${messageOf(error)}`)
      waiting.add(what)
    },
    answered(what) {
      if (waiting.delete(what) && waiting.size === 0) report('the warehouse answers again')
    },
    up: () => waiting.size === 0,
  }
}

/** A refusal of the warehouse may end without an operator: a quota is over, a table is there again. */
const again = { isDue: isRetried, afterMs: limits.refusedRetryMs } as const

async function joinFeed<Data>(feed: Feed<Data>, context: FeedContext): Promise<Membership> {
  const { groups, warehouse, clock, stopping, health, stops } = context
  const encode = (pieces: readonly { readonly data: readonly Data[]; readonly writtenAtMs: number }[]): Buffer =>
    feed.encode(pieces.flatMap(({ data, writtenAtMs }) => data.map((one): Written<Data> => ({ writtenAtMs, ...one }))))
  const loader = openLoader<readonly Data[]>({
    table: feed.table,
    encode,
    warehouse,
    clock,
    stopping,
    onAnswered: () => health.answered(feed.table),
    onRetry: (error) => health.waits(feed.table, error),
  })
  const membership = await groups.join(groupOf(feed.table), feed.topics, (assignment) =>
    guarded({ reader: readerOf(feed.table), assignment, stops, clock, again }, () =>
      fill(feed, loader, assignment, context),
    ),
  )
  return {
    failed: membership.failed,
    async leave() {
      await membership.leave()
      await loader.close()
    },
  }
}
