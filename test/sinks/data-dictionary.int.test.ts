import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openChdbWarehouse } from '../../src/sinks/chdb/warehouse.js'
import { dataDictionary } from '../../src/sinks/data-dictionary.js'
import { migrate } from '../../src/sinks/migrate.js'
import { select } from '../../src/sinks/read-only.js'
import type { Warehouse } from '../../src/sinks/warehouse.js'

let directory: string
let warehouse: Warehouse

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemill-dictionary-'))
  warehouse = await openChdbWarehouse({ directory })
  await migrate(warehouse)
})
afterAll(async () => {
  await warehouse.close()
  await rm(directory, { recursive: true, force: true })
})

test('the dictionary has every table, view and column of the warehouse, in order, and no other', async () => {
  const { rows } = await select(warehouse, 'SHOW TABLES', 100)
  expect(rows.map(({ name }) => name).sort()).toEqual(Object.keys(dataDictionary).sort())
  for (const [name, { columns }] of Object.entries(dataDictionary)) {
    const described = await select(warehouse, `DESCRIBE ${name}`, 100)
    expect([name, described.rows.map((row) => row['name'])]).toEqual([name, Object.keys(columns)])
  }
})

test('ClickHouse shows the meanings as comments', async () => {
  for (const [name, { about, columns }] of Object.entries(dataDictionary)) {
    const { rows } = await select(warehouse, `DESCRIBE ${name}`, 100)
    expect(Object.fromEntries(rows.map((row) => [row['name'], row['comment']]))).toEqual(columns)
    const [table] = (await select(warehouse, `SHOW TABLES LIKE '${name}'`, 9)).rows
    expect(table?.['comment']).toBe(about)
  }
})
