import type { TopicPartition } from '../../log/event-log.js'
import { encodeNative } from '../../sinks/native.js'
import { dictionaryColumn } from '../../sinks/dictionary.js'
import type { Table } from '../../sinks/tables.js'
import type { Warehouse } from '../../sinks/warehouse.js'

/** How far one partition is stored in a table. */
export interface Mark extends TopicPartition {
  readonly table: Table
  /** Next position to read: everything before it is stored. */
  readonly next: number
  /** For blocks: the last source offset that is covered and the highest epoch seen; -1 and 0 elsewhere. */
  readonly covered: number
  readonly epoch: number
}

/** The mark that was written last; undefined if the partition has none yet. Throws WAREHOUSE_DOWN. */
export async function readMark(
  warehouse: Warehouse,
  table: Table,
  { topic, partition }: TopicPartition,
): Promise<Mark | undefined> {
  const sql = `SELECT toFloat64(next) AS next, toFloat64(covered) AS covered, toFloat64(epoch) AS epoch
    FROM progress FINAL
    WHERE table_name = {table: String} AND topic = {topic: String} AND partition = {partition: UInt32}`
  const [row] = await warehouse.query<Pick<Mark, 'next' | 'covered' | 'epoch'>>(sql, { table, topic, partition })
  return row === undefined ? undefined : { table, topic, partition, ...row }
}

/** Deletes the mark, so that the next one may be lower. Throws WAREHOUSE_DOWN. */
export const forgetMark = (warehouse: Warehouse, table: Table, { topic, partition }: TopicPartition): Promise<void> =>
  warehouse.run(
    'DELETE FROM progress WHERE table_name = {table: String} AND topic = {topic: String} AND partition = ' +
      '{partition: UInt32}',
    { table, topic, partition },
  )

export function encodeMarks(marks: readonly Mark[], writtenAtMs: number): Buffer {
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
    written_at: { type: "DateTime64(3, 'UTC')", of: [new Float64Array(marks.length).fill(writtenAtMs)] },
  })
}
