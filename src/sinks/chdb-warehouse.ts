import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, type ClickHouseClient, type ClickHouseClientConfigOptions } from '@clickhouse/client'
import { Session } from 'chdb'
import { createChdbConnection } from 'chdb/connection'
import { EngineError } from '../errors.js'
import { warehouseError } from './clickhouse-errors.js'
import { isTable, tableColumns } from './tables.js'
import type { Warehouse } from './warehouse.js'

export interface ChdbOptions {
  /** Created where it is missing. One process, and one warehouse in it, may have it open. */
  readonly directory: string
}

/** The engine shares two cores and the memory of its host with scoring, so it gets bounds instead of half the machine. */
const engineArguments = [
  '--background_pool_size=1',
  '--background_schedule_pool_size=2',
  '--max_server_memory_usage=2147483648',
  '--mark_cache_size=67108864',
  '--primary_index_cache_size=67108864',
  '--index_mark_cache_size=33554432',
]

/** They stick to a connection, so inserts and queries have one each. */
const insertSettings = {
  async_insert: 0,
  max_threads: 1,
  max_insert_threads: 1,
  /** Copies fold on merge and under FINAL; folding each new part as well doubles the cost of an insert. */
  optimize_on_insert: 0,
  /** A backfill's batch may span two years of weekly partitions. */
  max_partitions_per_insert_block: 110,
  max_memory_usage: 1_073_741_824,
}
const querySettings = {
  max_threads: 2,
  max_memory_usage: 1_073_741_824,
  max_execution_time: 30,
  /** Copies of a row have one record time, hence one partition. */
  do_not_merge_across_partitions_select_final: 1,
  use_skip_indexes_if_final: 1,
  output_format_json_quote_64bit_integers: 0,
}

/**
 * The ClickHouse engine in this process. Inserts go through a file, because the client takes text only: bytes in
 * Native format cost ~3 us of CPU a row of 24 floats, as JSON 44 us. Every call runs on another thread.
 */
export async function openChdbWarehouse({ directory }: ChdbOptions): Promise<Warehouse> {
  const path = join(directory, 'engine')
  await mkdir(path, { recursive: true })
  const incoming = await openIncoming(directory)
  const session = openSession(path)
  const inserts = await connect(path, insertSettings)
  const queries = await connect(path, querySettings)
  const pending = new Set<Promise<unknown>>()
  let closing: Promise<void> | undefined
  let files = 0

  async function guarded<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
    if (closing !== undefined) throw new EngineError('WAREHOUSE_DOWN', `${what}: the warehouse is closed`)
    const running = work()
    pending.add(running)
    try {
      return await running
    } catch (error) {
      throw warehouseError(what, error)
    } finally {
      pending.delete(running)
    }
  }

  async function insert(table: string, native: Buffer): Promise<void> {
    if (!isTable(table)) throw new EngineError('BAD_REQUEST', `there is no table '${table}' to insert into`)
    const file = join(incoming, `${++files}.native`)
    const columns = tableColumns[table].join(', ')
    try {
      await writeFile(file, native)
      await inserts.command({ query: `INSERT INTO ${table} (${columns}) SELECT ${columns} FROM file(${literal(file)}, 'Native')` })
    } finally {
      await rm(file, { force: true })
    }
  }

  async function close(): Promise<void> {
    await Promise.allSettled(pending)
    await Promise.all([inserts.close(), queries.close()])
    session.close()
    await rm(incoming, { recursive: true, force: true })
  }

  return {
    insert: (table, native) => guarded(`insert into ${table}`, () => insert(table, native)),
    query: <Row>(sql: string, params?: Readonly<Record<string, unknown>>) =>
      guarded('query', async () => {
        const result = await queries.query({ query: sql, format: 'JSONEachRow', ...(params === undefined ? {} : { query_params: { ...params } }) })
        return result.json<Row>()
      }),
    run: (sql, params) =>
      guarded('statement', async () => {
        await queries.command({ query: sql, ...(params === undefined ? {} : { query_params: { ...params } }) })
      }),
    close: () => (closing ??= close()),
  }
}

/** The first connection to a path starts the engine, with these arguments; it must outlive the others. */
function openSession(path: string): Session {
  try {
    return new Session(path, { connectionArgs: engineArguments })
  } catch (error) {
    throw new EngineError('LOCKED', `the warehouse in ${path} does not open: another process has it, or this one has another warehouse open`, { cause: error })
  }
}

async function connect(path: string, settings: Readonly<Record<string, number>>): Promise<ClickHouseClient> {
  // The client and chDB carry the same interface in two copies of its package.
  const connection = createChdbConnection({ path }) as unknown as NonNullable<ClickHouseClientConfigOptions['connection']>
  const client = createClient({ connection })
  await client.command({ query: `SET ${Object.entries(settings).map(([name, value]) => `${name} = ${value}`).join(', ')}` })
  return client
}

/** Where batches lie until they are in. The file function takes some characters of a path for patterns. */
async function openIncoming(directory: string): Promise<string> {
  if (/[*?{}[\]]/.test(directory)) return mkdtemp(join(tmpdir(), 'tidemill-incoming-'))
  const incoming = join(directory, 'incoming')
  await rm(incoming, { recursive: true, force: true })
  await mkdir(incoming)
  return incoming
}

const literal = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`
