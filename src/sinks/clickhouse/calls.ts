import { addAbortSignal, type Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { finished } from 'node:stream/promises'
import type { ClickHouseClient } from '@clickhouse/client'
import { EngineError } from '../../base/errors.js'
import { warehouseError } from './errors.js'
import { isTable, tableColumns } from '../tables.js'
import type { OpenWarehouse } from '../warehouse.js'

/** The longest time of a call, ms. */
export interface Timeouts {
  readonly insert: number
  readonly query: number
  readonly statement: number
}

/** The parts that differ between ClickHouse in this process and a ClickHouse server. */
export interface ClickhouseEngine {
  /** Its address for messages: ' at http://...', or ''. */
  readonly place: string
  readonly client: ClickHouseClient
  /** Inserts bytes in Native format into these columns. */
  insert(table: string, columns: string, native: Buffer, signal: AbortSignal): Promise<void>
  /** Absent when calls cannot be aborted: a call then ends when ClickHouse ends it. */
  readonly timeoutsMs?: Timeouts
  close(): Promise<void>
}

/**
 * A warehouse over ClickHouse: its error codes decide about retries, its calls have timeouts, and `close` waits for
 * them.
 */
export function warehouseOver(engine: ClickhouseEngine): OpenWarehouse {
  const pending = new Set<Promise<unknown>>()
  let closing: Promise<void> | undefined

  async function guarded<Result>(
    kind: keyof Timeouts,
    call: string,
    work: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const what = `${call}${engine.place}`
    if (closing !== undefined) throw new EngineError('WAREHOUSE_DOWN', `${what}: the warehouse is closed`)
    const timeoutMs = engine.timeoutsMs?.[kind]
    const giveUp = new AbortController()
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => giveUp.abort(), timeoutMs)
    const { signal } = giveUp
    const running = work(signal)
    pending.add(running)
    try {
      return await running
    } catch (error) {
      if (signal.aborted)
        throw new EngineError('WAREHOUSE_DOWN', `${what}: no complete answer within ${String(timeoutMs)} ms`, {
          cause: error,
        })
      throw warehouseError(what, error, kind === 'insert')
    } finally {
      clearTimeout(timer)
      pending.delete(running)
    }
  }

  async function close(): Promise<void> {
    await Promise.allSettled(pending)
    await engine.close()
  }

  return {
    insert: (table, native) =>
      guarded('insert', `insert into ${table}`, (signal) => insert(engine, table, native, signal)),
    query: <Row>(sql: string, params?: Readonly<Record<string, unknown>>) =>
      guarded('query', 'query', (signal) => query<Row>(engine.client, sql, params, signal)),
    read: (sql) => guarded('query', 'query', (signal) => read(engine.client, sql, signal)),
    run: (sql, params) =>
      guarded('statement', 'statement', async (signal) =>
        drained((await engine.client.exec({ query: sql, abort_signal: signal, ...bound(params) })).stream, signal),
      ),
    close: () => (closing ??= close()),
  }
}

async function insert(engine: ClickhouseEngine, table: string, native: Buffer, signal: AbortSignal): Promise<void> {
  if (!isTable(table)) throw new EngineError('BAD_REQUEST', `there is no table '${table}' to insert into`)
  await engine.insert(table, tableColumns[table].join(', '), native, signal)
}

async function query<Row>(
  client: ClickHouseClient,
  sql: string,
  params: Readonly<Record<string, unknown>> | undefined,
  signal: AbortSignal,
): Promise<Row[]> {
  const result = await client.query({ query: sql, format: 'JSONEachRow', abort_signal: signal, ...bound(params) })
  signal.addEventListener('abort', () => result.close(), { once: true })
  return result.json<Row>()
}

async function read(client: ClickHouseClient, sql: string, signal: AbortSignal): Promise<Buffer> {
  const { stream } = await client.exec({ query: sql, abort_signal: signal })
  return buffer(addAbortSignal(signal, stream))
}

/** Resolves when the answer is complete. The client observes the signal only until the answer begins. */
export const drained = (answer: Readable, signal: AbortSignal): Promise<void> =>
  finished(addAbortSignal(signal, answer).resume())

const bound = (params: Readonly<Record<string, unknown>> | undefined) =>
  params === undefined ? {} : { query_params: { ...params } }
