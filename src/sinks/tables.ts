// prettier-ignore
const predictions = [
  'tenant', 'stream', 'topic', 'partition', 'offset', 'role', 'item', 'kind', 'event_id', 'entity', 'event_time',
  'record_time', 'score', 'risk', 'served_by', 'version', 'late', 'reasons', 'vector', 'fingerprint', 'epoch',
  'control', 'ver',
] as const

/**
 * The columns that inserts fill, per table and in the order of the migrations. An insert lists them, so that a column
 * that is added later gets its default.
 */
// prettier-ignore
export const tableColumns = {
  predictions: [...predictions, 'written_at'],
  backtest_predictions: predictions,
  outcomes: [
    'tenant', 'stream', 'event_id', 'topic', 'partition', 'offset', 'label', 'source', 'decided_at', 'record_time',
    'written_at', 'decided_by', 'note',
  ],
  events: [
    'tenant', 'stream', 'topic', 'partition', 'offset', 'event_id', 'record_time', 'written_at', 'key', 'format',
    'value',
  ],
  dead_letters: [
    'tenant', 'stream', 'source_topic', 'source_partition', 'source_offset', 'topic', 'partition', 'offset',
    'event_id', 'record_time', 'written_at', 'code', 'stage', 'reason', 'version', 'attempts', 'origin_offset', 'key',
    'value',
  ],
  progress: ['table_name', 'topic', 'partition', 'next', 'covered', 'epoch', 'written_at'],
} as const satisfies Record<string, readonly string[]>

export type Table = keyof typeof tableColumns

export const isTable = (name: string): name is Table => Object.hasOwn(tableColumns, name)

/** A span of written_at whose rows lie in one table partition: from `fromMs` on, before `toMs`. */
export interface TablePartition {
  readonly fromMs: number
  readonly toMs: number
}

const weekMs = 7 * 24 * 60 * 60 * 1_000
const mondayMs = Date.UTC(1970, 0, 5)

/** The table partition of the rows that are written at this time, as the migrations have it: a week or a month. */
export function tablePartitionAt(table: Table, writtenAtMs: number): TablePartition {
  if (table === 'outcomes') {
    const at = new Date(writtenAtMs)
    const [year, month] = [at.getUTCFullYear(), at.getUTCMonth()]
    return { fromMs: Date.UTC(year, month), toMs: Date.UTC(year, month + 1) }
  }
  const fromMs = mondayMs + Math.floor((writtenAtMs - mondayMs) / weekMs) * weekMs
  return { fromMs, toMs: fromMs + weekMs }
}
