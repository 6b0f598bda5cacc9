import type { Clock } from '../../base/clock.js'
import { EngineError, isEngineError } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import type { Assignment, EventLog, LogRecord } from '../../log/event-log.js'
import type { Warehouse } from '../../sinks/warehouse.js'
import type { Stops } from '../control/stops.js'
import { retrying } from '../ground/retry.js'
import type { Feed } from './feeds.js'
import { isRefusal, type Loader } from './loader.js'
import { rowsBeyond } from './progress.js'
import { refusalsOf } from './refusals.js'
import { openStamps } from './stamps.js'
import { readerOf, startOf, type Start } from './start.js'
import { openStoring, type Storing } from './storing.js'
import type { ProgressTracker } from './tracker.js'

export interface FillContext {
  readonly log: EventLog
  readonly warehouse: Warehouse
  readonly clock: Clock
  readonly stops?: Stops | undefined
  readonly report: (message: string) => void
  readonly tracker: ProgressTracker
  readonly health: { waits(what: string, error: unknown): void; answered(what: string): void }
}

/**
 * Stores one partition, read by read, until it is revoked. Throws the refusals of the warehouse: ROWS_REFUSED with the
 * one record that it does not take, WAREHOUSE_REFUSED with all records that wait. GAP and LOG_RESET, as `startOf`.
 */
export async function fill<Data>(
  feed: Feed<Data>,
  loader: Loader<readonly Data[]>,
  assignment: Assignment,
  context: FillContext,
): Promise<void> {
  const { table } = feed
  const { topic, partition, reader, revoked } = assignment
  const start = await untilRevoked(() => startOf(table, assignment, context), assignment, context)
  if (start === undefined) return
  const place = { reader: readerOf(table), topic, partition }
  const refusals = refusalsOf(context.stops, place)
  const storing = storingOf(feed, loader, assignment, context, start)
  const held = refusals.held()
  // What was refused without records was a statement of the start, and it succeeded now.
  if (held === undefined || held.lost === null) await context.stops?.resume(place)
  let most: number = limits.insertReadRecords
  for (let { next } = start; ;) {
    const bound = { records: most, bytes: limits.insertReadBytes }
    const read = await untilRevoked(() => reader.read(next, bound, revoked), assignment, context)
    if (read === undefined || read.length === 0) return
    const records = refusals.limited(read)
    try {
      if (!(await storing.store(records))) return
    } catch (error) {
      if (!isRefusal(error)) throw error
      next = storing.rewind()
      if (error.code === 'ROWS_REFUSED' && records.length > 1) {
        most = Math.ceil(records.length / refusedShare)
        continue
      }
      await storing.save().catch(() => undefined)
      throw refusedRecords(error, table, assignment, records, next)
    }
    next = records.at(-1)!.offset + 1
    most = Math.min(most * refusedShare, limits.insertReadRecords)
    if ((refusals.held()?.lost?.from ?? next) < next) await context.stops?.resume(place)
    await assignment.commit(next)
  }
}

/** When the warehouse refuses rows, the next attempt takes this share of the records, to find the refused one. */
const refusedShare = 16

function storingOf<Data>(
  feed: Feed<Data>,
  loader: Loader<readonly Data[]>,
  assignment: Assignment,
  context: FillContext,
  start: Start,
): Storing {
  const { table } = feed
  const { topic, partition, revoked } = assignment
  const { clock, warehouse, tracker, stops, report } = context
  const at = { topic, partition }
  const progress = tracker.start(
    { table, ...at, covered: -1, epoch: 0, writtenAtMs: 0, ...start.mark, next: start.next },
    revoked,
    (from) => assignment.reader.skip?.(from) ?? from,
  )
  return openStoring({
    ...{ feed, loader, at, start, progress, clock, revoked, report },
    open: (mark) => feed.open(at, mark, context),
    refusals: refusalsOf(stops, { reader: readerOf(table), ...at }),
    stamps: openStamps({
      table,
      clock,
      since: start.since,
      async rowsBeyond(next, writtenAtMs) {
        const mark = { table, ...at, next, writtenAtMs }
        return (await untilRevoked(() => rowsBeyond(warehouse, mark), assignment, context)) ?? []
      },
    }),
    ahead: async (mark) => (await untilRevoked(() => progress.ahead(mark), assignment, context)) ?? false,
  })
}

/** The refusal with the records that would be given up, and with what an operator can do. */
function refusedRecords(
  { code, message, cause }: EngineError,
  table: string,
  { topic, partition }: Assignment,
  records: readonly LogRecord[],
  from: number,
): EngineError {
  const to = records.at(-1)!.offset
  const what = to === from ? `offset ${from}` : `offsets ${from} to ${to}`
  return new EngineError(
    code,
    `the warehouse refuses the rows of ${what} of ${topic}/${partition} in table ${table}: ${message}. They stay in ` +
      `the log and are tried again. Repair the cause, or accept that table ${table} lacks exactly these rows`,
    { lost: { topic, from, to }, cause },
  )
}

/**
 * Retries while a dependency is unreachable; resolves with undefined when the partition is revoked meanwhile. Throws
 * WAREHOUSE_REFUSED where the warehouse refuses a statement of the engine, for example because a table is missing.
 */
async function untilRevoked<Result>(
  attempt: () => Promise<Result>,
  { topic, partition, revoked }: Assignment,
  { clock, health }: FillContext,
): Promise<Result | undefined> {
  const what = `${topic}/${partition}`
  try {
    return await retrying(attempt, { clock, signal: revoked, onRetry: (error) => health.waits(what, error) })
  } catch (error) {
    if (revoked.aborted && isEngineError(error) && error.disposition === 'retry') return undefined
    if (isEngineError(error, 'BAD_REQUEST'))
      throw new EngineError('WAREHOUSE_REFUSED', `${error.message}; repair the tables`, { cause: error })
    throw error
  } finally {
    health.answered(what)
  }
}
