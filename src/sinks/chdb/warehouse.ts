import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, type ClickHouseClient, type ClickHouseClientConfigOptions } from '@clickhouse/client'
import { Session } from 'chdb'
import { createChdbConnection } from 'chdb/connection'
import { EngineError } from '../../base/errors.js'
import { warehouseOver } from '../clickhouse/calls.js'
import { insertSettings, querySettings } from '../clickhouse/settings.js'
import type { OpenWarehouse } from '../warehouse.js'
import { literal } from '../literal.js'

export interface ChdbOptions {
  /** Created when absent. Only one process may have it open, with one warehouse. */
  readonly directory: string
  /**
   * The only folder in which ClickHouse writes and reads backups. When absent, it is `backups` in the directory, which
   * is emptied on opening.
   */
  readonly backups?: string
}

/**
 * ClickHouse shares two cores and the memory of the host with scoring, so its resources are bounded.
 */
const engineArguments = [
  '--background_pool_size=1',
  '--background_schedule_pool_size=2',
  '--max_server_memory_usage=2147483648',
  '--mark_cache_size=67108864',
  '--primary_index_cache_size=67108864',
  '--index_mark_cache_size=33554432',
]

/** Settings belong to a connection, so inserts and queries have one each. */
const chdbInsertSettings = { ...insertSettings, max_threads: 1, max_insert_threads: 1, max_memory_usage: 1_073_741_824 }
const chdbQuerySettings = { ...querySettings, max_threads: 2, max_memory_usage: 1_073_741_824 }

/**
 * The ClickHouse engine in this process. Inserts go through a file, because the client accepts only text: a row of 24
 * floats costs ~3 us of CPU in Native format and 44 us as JSON. Every call runs on another thread.
 */
export async function openChdbWarehouse({
  directory,
  backups = join(directory, 'backups'),
}: ChdbOptions): Promise<OpenWarehouse> {
  const path = join(directory, 'engine')
  await mkdir(path, { recursive: true })
  await rm(join(directory, 'backups'), { recursive: true, force: true })
  const incoming = await openIncoming(directory)
  const session = openSession(path, backups)
  const inserts = await connect(path, chdbInsertSettings)
  const queries = await connect(path, chdbQuerySettings)
  let files = 0
  return warehouseOver({
    place: '',
    client: queries,
    async insert(table, columns, native) {
      const file = join(incoming, `${++files}.native`)
      try {
        await writeFile(file, native)
        await inserts.command({
          query: `INSERT INTO ${table} (${columns}) SELECT ${columns} FROM file(${literal(file)}, 'Native')`,
        })
      } finally {
        await rm(file, { force: true })
      }
    },
    async close() {
      await Promise.all([inserts.close(), queries.close()])
      session.close()
      await rm(incoming, { recursive: true, force: true })
    },
  })
}

/** The first connection to a path starts ClickHouse with these arguments; it must outlive the others. */
function openSession(path: string, backups: string): Session {
  try {
    return new Session(path, { connectionArgs: [...engineArguments, `--backups.allowed_path=${backups}`] })
  } catch (error) {
    throw new EngineError(
      'LOCKED',
      `cannot open the warehouse in ${path}: another process has it open, or this process has another one open`,
      { cause: error },
    )
  }
}

async function connect(path: string, settings: Readonly<Record<string, number>>): Promise<ClickHouseClient> {
  // The client and chDB define the same interface in two copies of its package.
  const connection = createChdbConnection({ path }) as unknown as NonNullable<
    ClickHouseClientConfigOptions['connection']
  >
  const client = createClient({ connection })
  await client.command({
    query: `SET ${Object.entries(settings)
      .map(([name, value]) => `${name} = ${value}`)
      .join(', ')}`,
  })
  return client
}

/**
 * Folder of batches until they are inserted. A temporary one if the function `file` would read the path as a pattern.
 */
async function openIncoming(directory: string): Promise<string> {
  if (/[*?{}[\]]/.test(directory)) return mkdtemp(join(tmpdir(), 'tidemill-incoming-'))
  const incoming = join(directory, 'incoming')
  await rm(incoming, { recursive: true, force: true })
  await mkdir(incoming)
  return incoming
}
