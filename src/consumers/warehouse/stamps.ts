import type { Clock } from '../../base/clock.js'
import { limits } from '../../base/limits.js'
import type { Offset } from '../../log/event-log.js'
import { tablePartitionAt, type Table } from '../../sinks/tables.js'
import type { EarlierRows } from './progress.js'

/**
 * Chooses `written_at` for rows of records that producers wrote, so that a repeat lies in the table partition of its
 * original, where the two merge. Rows stay in the table partition that the last mark in `progress` names. Before rows
 * go to another one, a mark with the new time is written. Before that, the first reader that leaves a table partition
 * asks for the rows in it that an earlier reader stored after its last mark, and repeats these with their own time.
 *
 * Two readers of one partition at the same time, for example a paused process and its successor, may still store a row
 * in two table partitions when they do it in the minutes around the end of a week.
 */
export interface Stamps {
  /** Must be called before rows from `next` on are stored: asks for the rows of an earlier reader, when that is due. */
  prepare(next: Offset): Promise<void>
  /** The rows of an earlier reader that contain this offset; undefined when it is not a repeat. */
  earlierAt(offset: Offset): EarlierRows | undefined
  /** The time for rows that are no repeats; undefined when a mark must be written before. */
  current(): number | undefined
  /** A mark with this time is in `progress`. */
  moved(writtenAtMs: number): void
  /** What the next mark says: rows after it lie in the table partition of this time. */
  readonly base: number | undefined
}

export interface StampsOptions {
  readonly table: Table
  readonly clock: Clock
  /** Of the mark from which the reader starts; undefined when there is none. */
  readonly since: number | undefined
  /** The rows from `next` on in the table partition of `writtenAtMs` and in later ones, in order. */
  readonly rowsBeyond: (next: Offset, writtenAtMs: number) => Promise<readonly EarlierRows[]>
}

const dayMs = 24 * 60 * 60 * 1_000

export function openStamps({ table, clock, since, rowsBeyond }: StampsOptions): Stamps {
  let base = since
  /** Whether an earlier reader may have stored rows after its last mark, in the table partition of `base`. */
  let isFirst = since !== undefined
  let earlier: readonly EarlierRows[] = []
  const startedMs = clock.nowMs()

  /**
   * Whether rows still go to the table partition of the last mark. An insert of an earlier reader may end a little
   * after the start of this one, so a table partition that ended lately is not left at once. One that ended long ago
   * is: rows in it would expire too early. The clocks of processes differ, so a clock that is behind does not go back.
   */
  function stays(baseMs: number): boolean {
    const { fromMs, toMs } = tablePartitionAt(table, baseMs)
    const nowMs = clock.nowMs()
    if (nowMs < toMs) return nowMs >= fromMs - dayMs
    return isFirst && nowMs < toMs + dayMs && nowMs < startedMs + limits.insertEndsMs
  }

  return {
    async prepare(next) {
      if (base === undefined || !isFirst || stays(base)) return
      earlier = await rowsBeyond(next, base)
      isFirst = false
    },
    earlierAt: (offset) => earlier.find(({ last }) => offset <= last),
    current() {
      if (base === undefined || !stays(base)) return undefined
      const { fromMs, toMs } = tablePartitionAt(table, base)
      base = Math.min(Math.max(clock.nowMs(), fromMs), toMs - 1)
      return base
    },
    moved(writtenAtMs) {
      base = writtenAtMs
    },
    get base() {
      return base
    },
  }
}
