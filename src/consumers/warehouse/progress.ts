import type { TopicPartition } from '../../log/event-log.js'
import { encodeNative } from '../../sinks/native.js'
import { dictionaryColumn } from '../../sinks/dictionary.js'
import { tablePartitionAt, type Table } from '../../sinks/tables.js'
import type { Warehouse } from '../../sinks/warehouse.js'

/** How far one partition is stored in a table. */
export interface Mark extends TopicPartition {
  readonly table: Table
  /** Next position to read: everything before it is stored. */
  readonly next: number
  /** For blocks: the last source offset that is covered and the highest epoch seen; -1 and 0 elsewhere. */
  readonly covered: number
  readonly epoch: number
  /** Rows of records from `next` on, as far as there are any, lie in the table partition of this time. */
  readonly writtenAtMs: number
}

/** Rows of one piece and their `written_at`. */
export type Written<Data> = Data & { readonly writtenAtMs: number }

/** The mark that was written last; undefined if the partition has none yet. Throws WAREHOUSE_DOWN. */
export async function readMark(
  warehouse: Warehouse,
  table: Table,
  { topic, partition }: TopicPartition,
): Promise<Mark | undefined> {
  const sql = `SELECT toFloat64(next) AS next, toFloat64(covered) AS covered, toFloat64(epoch) AS epoch,
      toFloat64(toUnixTimestamp64Milli(written_at)) AS writtenAtMs
    FROM progress FINAL
    WHERE table_name = {table: String} AND topic = {topic: String} AND partition = {partition: UInt32}`
  const [row] = await warehouse.query<Omit<Mark, 'table' | 'topic' | 'partition'>>(sql, { table, topic, partition })
  return row === undefined ? undefined : { table, topic, partition, ...row }
}

/** Rows in one table partition that a next reader of their source partition inserts again. */
export interface EarlierRows {
  /** The latest `written_at` among them. */
  readonly writtenAtMs: number
  readonly last: number
}

/**
 * The rows of records from the mark on, in the mark's table partition and in later ones. Throws WAREHOUSE_DOWN.
 */
export async function rowsBeyond(
  warehouse: Warehouse,
  { table, topic, partition, next, writtenAtMs }: Pick<Mark, 'table' | 'topic' | 'partition' | 'next' | 'writtenAtMs'>,
): Promise<readonly EarlierRows[]> {
  const sql = `SELECT toFloat64(toUnixTimestamp64Milli(max(written_at))) AS writtenAtMs, toFloat64(max(offset)) AS last
    FROM ${table}
    WHERE topic = {topic: String} AND partition = {partition: UInt32} AND offset >= {next: Int64}
      AND written_at >= fromUnixTimestamp64Milli({since: Int64})
    GROUP BY _partition_id ORDER BY last`
  const since = tablePartitionAt(table, writtenAtMs).fromMs
  return warehouse.query<EarlierRows>(sql, { topic, partition, next, since })
}

/** Deletes the mark, so that the next one may be lower. Throws WAREHOUSE_DOWN. */
export const forgetMark = (warehouse: Warehouse, table: Table, { topic, partition }: TopicPartition): Promise<void> =>
  warehouse.run(
    'DELETE FROM progress WHERE table_name = {table: String} AND topic = {topic: String} AND partition = ' +
      '{partition: UInt32}',
    { table, topic, partition },
  )

export function encodeMarks(marks: readonly Mark[]): Buffer {
  const tables = dictionaryColumn(marks.length)
  const topics = dictionaryColumn(marks.length)
  for (const { table, topic } of marks) {
    tables.add(table)
    topics.add(topic)
  }
  const numbers = (of: (mark: Mark) => number) => ({ type: 'Int64', of: [Float64Array.from(marks, of)] }) as const
  return encodeNative(marks.length, {
    table_name: tables.column,
    topic: topics.column,
    partition: { type: 'UInt32', of: [Uint32Array.from(marks, ({ partition }) => partition)] },
    next: numbers(({ next }) => next),
    covered: numbers(({ covered }) => covered),
    epoch: numbers(({ epoch }) => epoch),
    written_at: { type: "DateTime64(3, 'UTC')", of: [Float64Array.from(marks, ({ writtenAtMs }) => writtenAtMs)] },
  })
}
