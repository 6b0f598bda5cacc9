import type { Clock } from '../../base/clock.js'
import { limits } from '../../base/limits.js'
import { tablePartitionAt, type Table } from '../../sinks/tables.js'
import type { EarlierRows } from './progress.js'

/**
 * Chooses `written_at` for the rows of one source partition, so that a repeat lies in the table partition of its
 * original, where the two merge. Rows stay in the table partition that the last mark in `progress` names. Before rows
 * go to another table partition, two things happen. The first reader that leaves a table partition asks for the rows in
 * it that an earlier reader stored after its last mark, and repeats these with their own time. Then a mark with the new
 * time is written.
 */
export interface Stamps {
  /** Must be called before rows after `position` are stored: asks for rows of an earlier reader, when that is due. */
  prepare(position: number): Promise<void>
  /** The rows of an earlier reader that contain this position; undefined when it is not a repeat. */
  earlierAt(position: number): EarlierRows | undefined
  /** Whether rows of an earlier reader may still come. */
  readonly isRepeating: boolean
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
  /** The rows after `position` in the table partition of `writtenAtMs` and in later ones, in order. */
  readonly rowsBeyond: (position: number, writtenAtMs: number) => Promise<readonly EarlierRows[]>
}

export function openStamps({ table, clock, since, rowsBeyond }: StampsOptions): Stamps {
  let base = since
  let isFirst = true
  let earlier: readonly EarlierRows[] = []

  /** An insert of an earlier reader may end a little after it: the table partition is not left at once. */
  function stays(baseMs: number): boolean {
    const { fromMs, toMs } = tablePartitionAt(table, baseMs)
    const nowMs = clock.nowMs()
    return nowMs >= fromMs && nowMs < toMs + limits.insertEndsMs
  }

  return {
    async prepare(position) {
      if (base === undefined || !isFirst || stays(base)) return
      earlier = await rowsBeyond(position, base)
      isFirst = false
    },
    earlierAt(position) {
      while (earlier.length > 0 && earlier[0]!.last < position) earlier = earlier.slice(1)
      return earlier[0]
    },
    get isRepeating() {
      return earlier.length > 0
    },
    current() {
      if (base === undefined || !stays(base)) return undefined
      base = Math.min(clock.nowMs(), tablePartitionAt(table, base).toMs - 1)
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
