import type { Clock } from '../../base/clock.js'
import { EngineError, isEngineError, messageOf, type ErrorCode, type LostOffsets } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import type {
  Assignment,
  ConsumerGroups,
  EventLog,
  Membership,
  ReadBound,
  TopicPartition,
} from '../../log/event-log.js'
import type { Table } from '../../sinks/tables.js'
import type { Warehouse } from '../../sinks/warehouse.js'
import { guarded } from '../control/guarded.js'
import { retrying } from '../ground/retry.js'
import { isAccepted } from '../control/accepted.js'
import type { Stops } from '../control/stops.js'
import { deadLettersFeed, eventsFeed, outcomesFeed, predictionsFeed, type Feed, type FedStream } from './feeds.js'
import { openLoader, type Loader } from './loader.js'
import { forgetMark, readMark, type Mark } from './progress.js'
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

const readBound: ReadBound = { records: limits.insertReadRecords, bytes: limits.insertReadBytes }

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

/** Reports once that the warehouse is unreachable, and once that it answers again. */
function watchHealth(report: (message: string) => void): Health {
  const waiting = new Set<string>()
  return {
    waits(what, error) {
      if (waiting.size === 0) report(`the warehouse is unreachable, its rows wait in the log: ${messageOf(error)}`)
      waiting.add(what)
    },
    answered(what) {
      if (waiting.delete(what) && waiting.size === 0) report('the warehouse answers again')
    },
    up: () => waiting.size === 0,
  }
}

async function joinFeed<Data>(feed: Feed<Data>, context: FeedContext): Promise<Membership> {
  const { groups, warehouse, clock, stopping, health, stops } = context
  const encode = (data: readonly (readonly Data[])[]): Buffer => feed.encode(data.flat())
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
    guarded({ reader: readerOf(feed.table), assignment, stops, clock }, () => fill(feed, loader, assignment, context)),
  )
  return {
    failed: membership.failed,
    async leave() {
      await membership.leave()
      await loader.close()
    },
  }
}

/** Stores one partition, read by read, until it is revoked. */
async function fill<Data>(
  feed: Feed<Data>,
  loader: Loader<readonly Data[]>,
  assignment: Assignment,
  context: FeedContext,
): Promise<void> {
  const { table } = feed
  const { topic, partition, reader, revoked } = assignment
  const start = await untilRevoked(() => startOf(table, assignment, context), assignment, context)
  if (start === undefined) return
  const take = feed.open(assignment, start.mark, context)
  await context.stops?.resume({ reader: readerOf(table), topic, partition })
  const progress = context.tracker.start(
    { table, topic, partition, covered: -1, epoch: 0, ...start.mark, next: start.next },
    revoked,
    (from) => reader.skip?.(from) ?? from,
  )
  for (let { next } = start; ;) {
    const records = await untilRevoked(() => reader.read(next, readBound, revoked), assignment, context)
    if (records === undefined || records.length === 0) return
    next = records.at(-1)!.offset + 1
    const { data, rows, bytes, covered, epoch } = take(records)
    const mark: Mark = { table, topic, partition, next, covered, epoch }
    const onStored = (): void => progress.stored(mark)
    if (rows === 0) onStored()
    else if (!(await loader.store({ rows, bytes, data, onStored }, revoked))) return
    await assignment.commit(next)
  }
}

/**
 * Where to continue reading the partition: at its mark, or without a mark at the first record in the log. Throws GAP
 * where retention removed records that are not stored, LOG_RESET where the log ends before the mark, unless an operator
 * accepted that.
 */
async function startOf(
  table: Table,
  at: TopicPartition,
  { log, warehouse, stops }: FeedContext,
): Promise<{ readonly next: number; readonly mark: Mark | undefined }> {
  const mark = await readMark(warehouse, table, at)
  const { first, next } = await log.bounds(at)
  const place = { reader: readerOf(table), ...placeOf(at) }
  const accepted = (code: ErrorCode, lost: LostOffsets): boolean =>
    isAccepted(stops?.accepted() ?? [], place, code, lost)
  if (mark === undefined) return { next: first, mark }
  if (mark.next > next) {
    const lost = { topic: at.topic, from: 0, to: mark.next - 1 }
    if (!accepted('LOG_RESET', lost))
      throw new EngineError(
        'LOG_RESET',
        `${at.topic}/${at.partition} ends before offset ${next}, the warehouse has it up to ${lost.to}: the ` +
          `topic was recreated. Restore it, or accept that table ${table} continues with the first record in the log`,
        { lost },
      )
    await forgetMark(warehouse, table, at)
    return { next: first, mark: undefined }
  }
  if (mark.next >= first) return { next: mark.next, mark }
  const lost = { topic: at.topic, from: mark.next, to: first - 1 }
  if (!accepted('GAP', lost))
    throw new EngineError(
      'GAP',
      `records ${lost.from} to ${lost.to} of ${at.topic}/${at.partition} were removed by retention before ` +
        `they were stored. Accept that table ${table} continues without them, and keep the log for longer`,
      { lost },
    )
  return { next: first, mark: undefined }
}

const readerOf = (table: Table): string => `warehouse ${table}`
const placeOf = ({ topic, partition }: TopicPartition): TopicPartition => ({ topic, partition })

/** Retries while a dependency is unreachable; resolves with undefined when the partition is revoked meanwhile. */
async function untilRevoked<Result>(
  attempt: () => Promise<Result>,
  { topic, partition, revoked }: Assignment,
  { clock, health }: FeedContext,
): Promise<Result | undefined> {
  const what = `${topic}/${partition}`
  try {
    return await retrying(attempt, { clock, signal: revoked, onRetry: (error) => health.waits(what, error) })
  } catch (error) {
    if (revoked.aborted && isEngineError(error) && error.disposition === 'retry') return undefined
    throw error
  } finally {
    health.answered(what)
  }
}
