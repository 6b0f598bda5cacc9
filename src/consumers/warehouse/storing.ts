import type { Clock } from '../../base/clock.js'
import { limits } from '../../base/limits.js'
import type { LogRecord, Offset, TopicPartition } from '../../log/event-log.js'
import { tablePartitionAt, type Table, type TablePartition } from '../../sinks/tables.js'
import type { Feed } from './feeds.js'
import { isRefusal, type Loader } from './loader.js'
import { piecesOf, type Piece } from './pieces.js'
import type { EarlierRows, Mark } from './progress.js'
import type { Refusals } from './refusals.js'
import type { Stamps } from './stamps.js'
import type { Start } from './start.js'
import type { PartitionProgress } from './tracker.js'

export interface StoringOptions<Data> {
  readonly feed: Feed<Data>
  readonly loader: Loader<readonly Data[]>
  readonly at: TopicPartition
  readonly start: Start
  /** A function that takes the records after a mark. */
  readonly open: (mark: Mark | undefined) => ReturnType<Feed<Data>['open']>
  readonly stamps: Stamps
  readonly refusals: Refusals
  readonly progress: Pick<PartitionProgress, 'stored'>
  /** Writes a mark at once; false when the partition was revoked. */
  readonly ahead: (mark: Mark) => Promise<boolean>
  readonly clock: Clock
  readonly revoked: AbortSignal
  readonly report: (message: string) => void
}

/** Stores the records of one partition, in their order. */
export interface Storing {
  /**
   * Stores the records after those before. Resolves with false when the partition was revoked meanwhile. Throws
   * ROWS_REFUSED and WAREHOUSE_REFUSED.
   */
  store(records: readonly LogRecord[]): Promise<boolean>
  /** Returns the offset of the first record that is not stored. Must be called before `store` after an error. */
  rewind(): Offset
  /** Writes how far the rows are stored, at once. */
  save(): Promise<void>
}

/** `aside`: an operator accepted that the table lacks these rows. `new`: rows that no earlier reader stored. */
type Fate = 'aside' | 'new' | EarlierRows | TablePartition

export function openStoring<Data>(options: StoringOptions<Data>): Storing {
  const { feed, at, start, stamps, refusals } = options
  const place = { table: feed.table, topic: at.topic, partition: at.partition }
  const inWeek = weeks(feed.table)
  let last = start.mark
  let take = options.open(last)

  const fateOf =
    feed.stampedBy === 'log'
      ? ({ timestampMs }: LogRecord): Fate => inWeek(timestampMs)
      : ({ offset }: LogRecord): Fate => stamps.earlierAt(offset) ?? 'new'

  function cut(records: readonly LogRecord[]): readonly Piece<Data, Fate>[] {
    const aside = refusals.aside().filter(({ to }) => to >= records[0]!.offset)
    if (aside.length === 0) return piecesOf(records, take, fateOf)
    const isAside = (offset: Offset): boolean => aside.some(({ from, to }) => from <= offset && offset <= to)
    return piecesOf(records, take, (record) => (isAside(record.offset) ? 'aside' : fateOf(record)))
  }

  async function storePiece(piece: Piece<Data, Fate>): Promise<boolean> {
    const { next, covered, epoch, fate } = piece
    const passed = (writtenAtMs: number): void =>
      options.progress.stored((last = { ...place, next, covered, epoch, writtenAtMs }))
    if (piece.rows === 0 || fate === 'aside') {
      if (fate === 'aside') options.report(asideText(piece, place))
      passed(stamps.base ?? options.clock.nowMs())
      return true
    }
    const writtenAtMs = await stampOf(piece)
    if (writtenAtMs === undefined) return false
    return insert(piece, writtenAtMs, () => passed(stamps.base ?? writtenAtMs), options)
  }

  /** A time of the rows' table partition; undefined when the partition was revoked. */
  async function stampOf({ from, fate }: Piece<Data, Fate>): Promise<number | undefined> {
    if (typeof fate === 'object') return 'fromMs' in fate ? fate.fromMs : fate.writtenAtMs
    const current = stamps.current()
    if (current !== undefined) return current
    const writtenAtMs = options.clock.nowMs()
    const mark = { ...place, covered: -1, epoch: 0, ...last, next: last?.next ?? from, writtenAtMs }
    if (!(await options.ahead(mark))) return undefined
    stamps.moved(writtenAtMs)
    return writtenAtMs
  }

  return {
    async store(records) {
      if (feed.stampedBy === 'flow') await stamps.prepare(last?.next ?? start.next)
      for (const piece of cut(records)) if (!(await storePiece(piece))) return false
      return true
    },
    rewind() {
      take = options.open(last)
      return last?.next ?? start.next
    },
    async save() {
      if (last !== undefined) await options.ahead({ ...last, writtenAtMs: stamps.base ?? last.writtenAtMs })
    },
  }
}

/** The table partition of a time; the same object for neighbours in the same one. */
function weeks(table: Table): (writtenAtMs: number) => TablePartition {
  let week = tablePartitionAt(table, 0)
  return (writtenAtMs) =>
    writtenAtMs >= week.fromMs && writtenAtMs < week.toMs ? week : (week = tablePartitionAt(table, writtenAtMs))
}

const asideText = <Data>(
  { rows, from, next }: Piece<Data, Fate>,
  { table, topic, partition }: Pick<Mark, 'table' | 'topic' | 'partition'>,
): string =>
  `${rows} rows of offsets ${from} to ${next - 1} of ${topic}/${partition} are not in table ${table}, as an operator ` +
  'accepted; they stay in the log'

/**
 * A refusal of the warehouse itself may pass within seconds, for example when merges are behind. So the same rows are
 * tried some times before it is thrown.
 */
async function insert<Data>(
  { rows, bytes, data }: Piece<Data, Fate>,
  writtenAtMs: number,
  onStored: () => void,
  { loader, revoked, clock }: StoringOptions<Data>,
): Promise<boolean> {
  for (const pauseMs of limits.refusedPausesMs) {
    try {
      if (!(await loader.store({ rows, bytes, data, writtenAtMs, onStored }, revoked))) return false
      return true
    } catch (error) {
      if (!isRefusal(error) || error.code === 'ROWS_REFUSED' || pauseMs === 0) throw error
      await clock.sleep(pauseMs, revoked)
    }
  }
  return false
}
