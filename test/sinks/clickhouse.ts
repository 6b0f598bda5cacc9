import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clickhouse, type Front, type FrontOptions } from '../../scripts/services/clickhouse.js'
import type { Running } from '../../scripts/services/start-process.js'
import { openClickhouseWarehouse } from '../../src/sinks/clickhouse-warehouse.js'
import type { Warehouse } from '../../src/sinks/warehouse.js'
import { openTemporaryWarehouse } from './chdb.js'

/** A front in a directory of its own, with a password. */
export async function startFront(options: Partial<FrontOptions> = {}): Promise<Running & Front & { readonly directory: string; remove(): Promise<void> }> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'tidemill-front-')))
  const front = await clickhouse.start({ directory, ...login, ...options })
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

/** A warehouse on a front of its own, as `openTemporaryWarehouse` gives one in this process. */
export async function openServedWarehouse(): Promise<{ readonly warehouse: Warehouse; readonly remove: () => Promise<void> }> {
  const front = await startFront()
  const warehouse = await openClickhouseWarehouse({ url: front.url, username: login.user, password: login.password, database: 'tidemill' })
  return {
    warehouse,
    remove: async () => {
      await warehouse.close()
      await front.remove()
    },
  }
}

/** Both warehouses, for suites that promise the same of each. One of them after the other: a process can have one chDB open. */
export const everyWarehouse = [
  ['chDB in this process', openTemporaryWarehouse],
  ['a ClickHouse server', openServedWarehouse],
] as const
