import { afterAll, beforeAll } from 'vitest'
import { EngineError } from '../../../src/base/errors.js'
import { migrate } from '../../../src/sinks/migrate.js'
import type { Warehouse } from '../../../src/sinks/warehouse.js'
import type { everyWarehouse } from '../../sinks/clickhouse/clickhouse.js'
import type { WarehouseHarness } from './warehouse-harness.js'

type OpenWarehouse = (typeof everyWarehouse)[number][1]

/** A warehouse with its tables, for the tests of one suite. */
export interface Tables {
  readonly warehouse: Warehouse
  /** The parameter of queries about a harness. */
  of(harness: WarehouseHarness): { readonly stream: string }
  rows<Row = Record<string, unknown>>(harness: WarehouseHarness, sql: string): Promise<readonly Row[]>
  /** Final predictions of the stream of a harness, as 'partition/offset'. */
  finals(harness: WarehouseHarness): Promise<string[]>
}

export function tablesOf(openWarehouse: OpenWarehouse): Tables {
  let opened: Awaited<ReturnType<OpenWarehouse>> | undefined
  beforeAll(async () => {
    opened = await openWarehouse()
    await migrate(opened.warehouse)
  })
  afterAll(() => opened?.remove())

  const tables: Tables = {
    get warehouse() {
      return opened!.warehouse
    },
    of: ({ stream }) => ({ stream: stream.stream.name }),
    rows: <Row>(harness: WarehouseHarness, sql: string) => tables.warehouse.query<Row>(sql, tables.of(harness)),
    async finals(harness) {
      const found = await tables.rows<{ at: string }>(
        harness,
        "SELECT concat(toString(partition), '/', toString(offset)) AS at FROM predictions_final WHERE stream " +
          "= {stream: String} AND role = 'served' ORDER BY partition, offset",
      )
      return found.map(({ at }) => at)
    },
  }
  return tables
}

/** What every call of an unreachable warehouse does. */
export const unreachable = (): Promise<never> => Promise.reject(new EngineError('WAREHOUSE_DOWN', 'not now'))
