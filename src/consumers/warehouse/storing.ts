import type { Clock } from '../../base/clock.js'
import { limits } from '../../base/limits.js'
import type { LogRecord, Offset, TopicPartition } from '../../log/event-log.js'
import type { Feed } from './feeds.js'
import { isRefusal, type Loader } from './loader.js'
import { cutPieces, wholePiece, type Piece } from './pieces.js'
import type { Mark } from './progress.js'
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
  /** Goes back to the first record that is not stored, and returns its offset. Only then may `store` follow an error. */
  rewind(): Offset
  /** Writes how far the rows are stored, at once. */
  save(): Promise<void>
}

export function openStoring<Data>(options: StoringOptions<Data>): Storing {
  const { feed, at, start, stamps, refusals } = options
  const place = { table: feed.table, topic: at.topic, partition: at.partition }
  const { byCovered } = feed.rowsOf(at)
  let last = start.mark
  let take = options.open(last)

  async function storePiece(piece: Piece<Data>): Promise<boolean> {
    const { next, covered, epoch, fate } = piece
    const passed = (writtenAtMs: number): void =>
      options.progress.stored((last = { ...place, next, covered, epoch, writtenAtMs }))
    if (piece.rows === 0 || fate === 'aside') {
      if (fate === 'aside') options.report(asideText(piece, place))
      passed(stamps.base ?? options.clock.nowMs())
      return true
    }
    const writtenAtMs = typeof fate === 'object' ? fate.writtenAtMs : await stampOf(piece)
    if (writtenAtMs === undefined) return false
    return insert(piece, writtenAtMs, () => passed(stamps.base ?? writtenAtMs), options)
  }

  /** The time for rows that are no repeats; undefined when the partition was revoked. */
  async function stampOf({ from, before }: Piece<Data>): Promise<number | undefined> {
    const current = stamps.current()
    if (current !== undefined) return current
    const writtenAtMs = options.clock.nowMs()
    const mark = { ...place, next: last?.next ?? from, covered: before, epoch: last?.epoch ?? 0, writtenAtMs }
    if (!(await options.ahead(mark))) return undefined
    stamps.moved(writtenAtMs)
    return writtenAtMs
  }

  return {
    async store(records) {
      await stamps.prepare(byCovered ? (last?.covered ?? -1) : (last?.next ?? start.next) - 1)
      const isWhole = !stamps.isRepeating && !refusals.isAnyAside(records[0]!.offset)
      const pieces = isWhole
        ? [wholePiece(records, take)]
        : cutPieces(records, take, (offset, { covered }) =>
            refusals.isAside(offset) ? 'aside' : (stamps.earlierAt(byCovered ? covered : offset) ?? 'new'),
          )
      for (const piece of pieces) if (!(await storePiece(piece))) return false
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

const asideText = <Data>(
  { rows, from, next }: Piece<Data>,
  { table, topic, partition }: Pick<Mark, 'table' | 'topic' | 'partition'>,
): string =>
  `${rows} rows of offsets ${from} to ${next - 1} of ${topic}/${partition} are not in table ${table}, as an operator ` +
  'accepted; they stay in the log'

/**
 * A refusal of the warehouse itself may pass within seconds, for example when merges are behind. So the same rows are
 * tried some times before it is thrown.
 */
async function insert<Data>(
  { rows, bytes, data }: Piece<Data>,
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
