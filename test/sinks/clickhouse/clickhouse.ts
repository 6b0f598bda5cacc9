import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  clickhouse,
  startFront as startFrontIn,
  type Front,
  type FrontOptions,
} from '../../../scripts/services/clickhouse.js'
import type { Running } from '../../../scripts/services/start-process.js'
import { openClickhouseWarehouse } from '../../../src/sinks/clickhouse/warehouse.js'
import type { OpenWarehouse } from '../../../src/sinks/warehouse.js'
import { openTemporaryWarehouse } from '../chdb/chdb.js'

/** A front in a directory of its own, with a password. */
export async function startFront(
  options: Partial<FrontOptions> = {},
): Promise<Running & Front & { readonly directory: string; remove(): Promise<void> }> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'tidemill-front-')))
  const front = await startFrontIn({ directory, ...login, ...options })
  return {
    ...front,
    directory,
    remove: async () => {
      await front.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

export const login = { user: 'tidemill', password: 'hush-hush' } as const

/** A warehouse on a server of its own, and a way to reopen it. */
export async function openServed(): Promise<{
  readonly warehouse: OpenWarehouse
  reopen(): Promise<OpenWarehouse>
  remove(): Promise<void>
}> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemill-clickhouse-'))
  const server = await clickhouse.start({ directory })
  const reopen = () =>
    openClickhouseWarehouse({
      url: server.url,
      username: server.variables['TIDEMILL_CLICKHOUSE_USERNAME']!,
      password: server.variables['TIDEMILL_CLICKHOUSE_PASSWORD']!,
      database: 'tidemill',
    })
  return {
    warehouse: await reopen(),
    reopen,
    async remove() {
      await server.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Like `openTemporaryWarehouse`, but on a server. */
export async function openServedWarehouse(): Promise<{
  readonly warehouse: OpenWarehouse
  readonly remove: () => Promise<void>
}> {
  const { warehouse, remove } = await openServed()
  return {
    warehouse,
    async remove() {
      await warehouse.close()
      await remove()
    },
  }
}

/**
 * Both warehouses, for suites that test each of them. They run one after the other: a process can have only one chDB
 * open.
 */
export const everyWarehouse = [
  ['chDB in this process', openTemporaryWarehouse],
  ['a ClickHouse server', openServedWarehouse],
] as const
