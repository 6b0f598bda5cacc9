import { EngineError, type ErrorCode, type LostOffsets } from '../../base/errors.js'
import type { EventLog, Offset, TopicPartition } from '../../log/event-log.js'
import type { Table } from '../../sinks/tables.js'
import type { Warehouse } from '../../sinks/warehouse.js'
import { isAccepted } from '../control/accepted.js'
import type { Stops } from '../control/stops.js'
import { forgetMark, readMark, type Mark } from './progress.js'

/** The reader that fills a table, as stops name it. */
export const readerOf = (table: Table): string => `warehouse ${table}`

export interface Start {
  readonly next: Offset
  /** Undefined where the reader begins without one. */
  readonly mark: Mark | undefined
  /** The `written_at` of the mark that an earlier reader of these records wrote last. */
  readonly since: number | undefined
}

/**
 * Where to continue reading the partition: at its mark, or without a mark at the first record in the log. Throws GAP
 * where retention removed records that are not stored, LOG_RESET where the log ends before the mark, unless an operator
 * accepted that.
 */
export async function startOf(
  table: Table,
  { topic, partition }: TopicPartition,
  {
    log,
    warehouse,
    stops,
  }: { readonly log: EventLog; readonly warehouse: Warehouse; readonly stops?: Stops | undefined },
): Promise<Start> {
  const at = { topic, partition }
  const mark = await readMark(warehouse, table, at)
  const { first, next } = await log.bounds(at)
  const accepted = (code: ErrorCode, lost: LostOffsets): boolean =>
    isAccepted(stops?.accepted() ?? [], { reader: readerOf(table), ...at }, code, lost)
  if (mark === undefined) return { next: first, mark, since: undefined }
  if (mark.next > next) {
    const lost = { topic, from: 0, to: mark.next - 1 }
    if (!accepted('LOG_RESET', lost))
      throw new EngineError(
        'LOG_RESET',
        `${topic}/${partition} ends before offset ${next}, the warehouse has it up to ${lost.to}: the ` +
          `topic was recreated. Restore it, or accept that table ${table} continues with the first record in the log`,
        { lost },
      )
    await forgetMark(warehouse, table, at)
    return { next: first, mark: undefined, since: undefined }
  }
  if (mark.next >= first) return { next: mark.next, mark, since: mark.writtenAtMs }
  const lost = { topic, from: mark.next, to: first - 1 }
  if (!accepted('GAP', lost))
    throw new EngineError(
      'GAP',
      `records ${lost.from} to ${lost.to} of ${topic}/${partition} were removed by retention before ` +
        `they were stored. Accept that table ${table} continues without them, and keep the log for longer`,
      { lost },
    )
  return { next: first, mark: undefined, since: mark.writtenAtMs }
}
