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
  predictions,
  backtest_predictions: predictions,
  outcomes: [
    'tenant', 'stream', 'event_id', 'topic', 'partition', 'offset', 'label', 'source', 'decided_at', 'record_time',
    'decided_by', 'note',
  ],
  events: ['tenant', 'stream', 'topic', 'partition', 'offset', 'event_id', 'record_time', 'key', 'format', 'value'],
  dead_letters: [
    'tenant', 'stream', 'source_topic', 'source_partition', 'source_offset', 'topic', 'partition', 'offset',
    'event_id', 'record_time', 'code', 'stage', 'reason', 'version', 'attempts', 'origin_offset', 'key', 'value',
  ],
  progress: ['table_name', 'topic', 'partition', 'next', 'covered', 'epoch', 'written_at'],
} as const satisfies Record<string, readonly string[]>

export type Table = keyof typeof tableColumns

export const isTable = (name: string): name is Table => Object.hasOwn(tableColumns, name)
