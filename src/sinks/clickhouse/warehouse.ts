import { Agent } from 'node:https'
import { Readable } from 'node:stream'
import { createSecureContext } from 'node:tls'
import { ClickHouseLogLevel, createClient, type ClickHouseClient } from '@clickhouse/client'
import { EngineError, messageOf } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import { drained, warehouseOver, type Timeouts } from './calls.js'
import { kindOf, loginErrors, warehouseError } from './errors.js'
import { insertSettings, querySettings } from './settings.js'
import type { OpenWarehouse } from '../warehouse.js'

export interface ClickhouseOptions {
  /** `http://host:8123` or `https://host:8443`, with the path of a proxy if any; without credentials. */
  readonly url: string
  readonly username: string
  /** May be absent when the certificate identifies the user. */
  readonly password?: string
  /** Created when it is absent and the user may create it. */
  readonly database: string
  /** For https, in PEM; the system's authorities when `ca` is absent. */
  readonly tls?: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer }
  /** Replace those of limits.ts, for tests. */
  readonly timeoutsMs?: Partial<Timeouts>
}

/**
 * A ClickHouse server over HTTP. Inserts are sent as bytes, unchanged. After a lost connection the caller repeats the
 * insert, and the tables merge the duplicates. Opening throws WAREHOUSE_DOWN while the server does not answer: retry.
 * It throws BAD_CONFIG when a retry does not help: credentials, certificates, a database that cannot be created.
 */
export async function openClickhouseWarehouse(options: ClickhouseOptions): Promise<OpenWarehouse> {
  return (await openIn(options, true))!
}

/** Opens an existing database and changes nothing in the server; undefined when the database does not exist. */
export const openExistingClickhouseWarehouse = (options: ClickhouseOptions): Promise<OpenWarehouse | undefined> =>
  openIn(options, false)

async function openIn(options: ClickhouseOptions, mayCreate: boolean): Promise<OpenWarehouse | undefined> {
  const { origin, connect } = connector(options)
  const inserts = connect({ ...insertSettings, wait_end_of_query: 1 }, options.database)
  // An answer is sent when it is complete, so that an error late in a query has its code.
  const queries = connect({ ...querySettings, wait_end_of_query: 1 }, options.database)
  const close = async (): Promise<void> => {
    await Promise.all([inserts.close(), queries.close()])
  }
  try {
    if (!(await enter(queries, connect, options, origin, mayCreate))) return await close().then(() => undefined)
  } catch (error) {
    await close()
    throw error
  }
  return warehouseOver({
    place: ` at ${origin}`,
    client: queries,
    timeoutsMs: {
      insert: limits.warehouseInsertTimeoutMs,
      query: limits.warehouseQueryTimeoutMs,
      statement: limits.warehouseStatementTimeoutMs,
      ...options.timeoutsMs,
    },
    async insert(table, columns, native, signal) {
      const { stream } = await inserts.exec({
        query: `INSERT INTO ${table} (${columns}) FORMAT Native`,
        values: Readable.from([native], { objectMode: false }),
        abort_signal: signal,
      })
      await drained(stream, signal)
    },
    close,
  })
}

type Settings = Readonly<Record<string, number>>

/** Creates clients of a server. Throws BAD_CONFIG for invalid options. */
function connector({ url, username, password = '', tls }: ClickhouseOptions): {
  readonly origin: string
  connect(settings: Settings, database?: string): ClickHouseClient
} {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol))
    throw new EngineError('BAD_CONFIG', 'the warehouse needs a URL such as http://localhost:8123')
  const { origin, pathname } = parsed
  if (parsed.username !== '' || parsed.password !== '' || parsed.search !== '')
    throw new EngineError(
      'BAD_CONFIG',
      `the warehouse's URL ${origin} contains credentials or parameters, which would appear in logs: set user name, ` +
        'password and database as settings of their own',
    )
  const byCertificate = tls?.cert !== undefined && password === ''
  const shared = {
    url: origin,
    username,
    password,
    application: 'tidemill',
    log: { level: ClickHouseLogLevel.OFF },
    max_open_connections: limits.warehouseConnections,
    ...(pathname === '/' ? {} : { pathname }),
    // The outcomes of a page are queried by a thousand ids, which is too long for a URL.
    use_multipart_params_auto: true,
    request_timeout: limits.warehouseStatementTimeoutMs,
    ...(byCertificate
      ? {
          set_basic_auth_header: false,
          http_headers: { 'X-ClickHouse-User': username, 'X-ClickHouse-SSL-Certificate-Auth': 'on' },
        }
      : {}),
  }
  return {
    origin,
    connect: (settings, database = 'default') =>
      createClient({
        ...shared,
        database,
        clickhouse_settings: settings,
        ...(parsed.protocol === 'https:' ? { http_agent: agentFor(tls) } : {}),
      }),
  }
}

/** Replaces the client's own agent, which logs in by certificate even when a password is given. */
function agentFor(tls: ClickhouseOptions['tls'] = {}): Agent {
  try {
    createSecureContext(tls)
  } catch (error) {
    throw new EngineError('BAD_CONFIG', `the warehouse's certificates are not usable: ${messageOf(error)}`)
  }
  return new Agent({ ...tls, keepAlive: true, maxSockets: limits.warehouseConnections })
}

/**
 * Checks that the server accepts the login and that the database exists. Creates an absent database if `mayCreate`.
 * Returns whether the database exists.
 */
async function enter(
  queries: ClickHouseClient,
  connect: (settings: Settings) => ClickHouseClient,
  { username, database, timeoutsMs }: ClickhouseOptions,
  origin: string,
  mayCreate: boolean,
): Promise<boolean> {
  const ask = async (client: ClickHouseClient, query: string): Promise<void> => {
    const signal = AbortSignal.timeout(timeoutsMs?.query ?? limits.warehouseQueryTimeoutMs)
    await drained((await client.exec({ query, query_params: { database }, abort_signal: signal })).stream, signal)
  }
  try {
    const isThere = await ask(queries, 'SELECT 1').then(
      () => true,
      (error: unknown) => {
        if (kindOf(error) !== 'UNKNOWN_DATABASE') throw error
        return false
      },
    )
    if (isThere || !mayCreate) return isThere
    const outside = connect({ wait_end_of_query: 1 })
    await ask(outside, 'CREATE DATABASE IF NOT EXISTS {database: Identifier}').finally(() => outside.close())
    await ask(queries, 'SELECT 1')
    return true
  } catch (error) {
    throw entryError(error, `user ${username}, database ${database} at ${origin}`)
  }
}

const certificateFault = /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/

function entryError(error: unknown, who: string): EngineError {
  const kind = kindOf(error)
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const { code: found, message } = warehouseError(`open the warehouse as ${who}`, error)
  if (kind === 'ACCESS_DENIED')
    return new EngineError(
      'BAD_CONFIG',
      `${message}: create the database, or grant the user CREATE DATABASE and everything in it`,
      { cause: error },
    )
  if (kind !== undefined && loginErrors.has(kind))
    return new EngineError('BAD_CONFIG', `${message}: check user name and password`, { cause: error })
  if (certificateFault.test(code))
    return new EngineError('BAD_CONFIG', `${message}: check the certificates of client and server`, { cause: error })
  return new EngineError(found === 'BAD_REQUEST' ? 'BAD_CONFIG' : found, message, { cause: error })
}
