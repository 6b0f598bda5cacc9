import { EngineError, messageOf } from '../../src/base/errors.js'
import { isTable, tablePartitionAt, type Table } from '../../src/sinks/tables.js'
import type { Warehouse } from '../../src/sinks/warehouse.js'
import { rowsOfNative, type Row } from './native-rows.js'

/**
 * What tells the rows of a table apart, and which of several copies stays: the largest version, else the last. As the
 * migrations have it.
 */
const tables: Readonly<Record<Table, { readonly key: readonly string[]; readonly version?: string }>> = {
  predictions: { key: ['tenant', 'stream', 'topic', 'partition', 'offset', 'role', 'item'], version: 'ver' },
  outcomes: { key: ['tenant', 'stream', 'event_id', 'topic', 'partition', 'offset'] },
  events: { key: ['tenant', 'topic', 'partition', 'offset'] },
  dead_letters: { key: ['stream', 'source_topic', 'source_partition', 'source_offset'] },
  progress: { key: ['table_name', 'topic', 'partition'], version: 'next' },
  backtest_predictions: { key: ['role', 'tenant', 'stream', 'topic', 'partition', 'offset', 'item'], version: 'ver' },
}

/** The end of the query that reads the progress of one partition of a table. */
const progressQuery = new RegExp(
  [
    /\bFROM progress FINAL\s+/,
    /WHERE table_name = \{table: String\} AND topic = \{topic: String\} AND partition = \{partition: UInt32\}$/,
  ]
    .map(({ source }) => source)
    .join(''),
)

/** The query for the rows that a reader stored after its last mark. */
const beyondQuery =
  /\bFROM (?<table>\w+)\s+WHERE topic = .* AND offset >= \{next: Int64\}\s.*\bGROUP BY _partition_id\b/s

/**
 * A warehouse in memory that folds copies as ReplacingMergeTree does. It knows the rows, not SQL: of queries it answers
 * the one that the engine starts from. What a call does it does at once, before it gives its promise back.
 */
export class MemoryWarehouse implements Warehouse {
  readonly #rows = new Map<Table, Row[]>()
  #open = true

  /** Every row that was inserted, copies too. */
  raw(table: Table): readonly Row[] {
    return this.#rows.get(table) ?? []
  }

  /** The rows that count. */
  final(table: Table): readonly Row[] {
    const { key, version } = tables[table]
    const kept = new Map<string, Row>()
    for (const row of this.raw(table)) {
      const place = JSON.stringify(key.map((column) => String(row[column])))
      const known = kept.get(place)
      if (known === undefined || version === undefined || row[version]! >= known[version]!) kept.set(place, row)
    }
    return [...kept.values()]
  }

  async insert(table: string, native: Buffer): Promise<void> {
    return this.insertSome(table, native, 1)
  }

  /** Stores the first rows alone, as a server does that dies in the middle of an insert over several parts. */
  async insertSome(table: string, native: Buffer, share: number): Promise<void> {
    this.#check()
    if (!isTable(table)) throw new EngineError('BAD_REQUEST', `there is no table ${table}`)
    const rows = parsed(native)
    this.#rows.set(table, [...this.raw(table), ...rows.slice(0, Math.ceil(rows.length * share))])
  }

  async query<Result>(sql: string, params: Readonly<Record<string, unknown>> = {}): Promise<Result[]> {
    this.#check()
    const beyond = beyondQuery.exec(sql)?.groups?.['table']
    if (beyond !== undefined && isTable(beyond)) return this.#rowsBeyond(beyond, params) as Result[]
    if (!progressQuery.test(sql)) throw new EngineError('BAD_REQUEST', `this warehouse does not know the query ${sql}`)
    const found = this.final('progress').filter(
      (row) =>
        row['table_name'] === params['table'] &&
        row['topic'] === params['topic'] &&
        row['partition'] === params['partition'],
    )
    return found.map(({ next, covered, epoch, written_at: writtenAtMs }) => ({
      next: Number(next),
      covered: Number(covered),
      epoch: Number(epoch),
      writtenAtMs: Number(writtenAtMs),
    })) as Result[]
  }

  #rowsBeyond(table: Table, { topic, partition, next, since }: Readonly<Record<string, unknown>>) {
    const found = new Map<number, { writtenAtMs: number; last: number }>()
    for (const row of this.raw(table)) {
      const [offset, writtenAtMs] = [Number(row['offset']), Number(row['written_at'])]
      if (row['topic'] !== topic || row['partition'] !== partition) continue
      if (offset < Number(next) || writtenAtMs < Number(since)) continue
      const { fromMs } = tablePartitionAt(table, writtenAtMs)
      const known = found.get(fromMs) ?? { writtenAtMs, last: offset }
      found.set(fromMs, { writtenAtMs: Math.max(known.writtenAtMs, writtenAtMs), last: Math.max(known.last, offset) })
    }
    return [...found.values()].sort((a, b) => a.last - b.last)
  }

  /** The keys of rows whose copies lie in more than one table partition, where they would never be folded. */
  apart(table: Table): readonly string[] {
    // A dead letter that a crash repeats is another record, with a time of its own.
    const key = table === 'dead_letters' ? ['topic', 'partition', 'offset'] : tables[table].key
    const places = new Map<string, Set<number>>()
    for (const row of this.raw(table)) {
      const name = JSON.stringify(key.map((column) => String(row[column])))
      const place = tablePartitionAt(table, Number(row['written_at'])).fromMs
      places.set(name, (places.get(name) ?? new Set()).add(place))
    }
    return [...places].filter(([, of]) => of.size > 1).map(([name]) => name)
  }

  async run(sql: string): Promise<void> {
    throw new EngineError('BAD_REQUEST', `this warehouse runs no statements: ${sql}`)
  }

  async close(): Promise<void> {
    this.#open = false
  }

  /** The same rows, open again. */
  reopened(): this {
    this.#open = true
    return this
  }

  #check(): void {
    if (!this.#open) throw new EngineError('WAREHOUSE_DOWN', 'the warehouse was closed')
  }
}

function parsed(native: Buffer): Row[] {
  try {
    return rowsOfNative(native)
  } catch (error) {
    throw new EngineError('ROWS_REFUSED', `these are no rows: ${messageOf(error)}`)
  }
}
