import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isEngineError, type ErrorCode } from '../../src/errors.js'
import { openChdbWarehouse } from '../../src/sinks/chdb-warehouse.js'
import { migrate } from '../../src/sinks/migrate.js'
import { encodeNative } from '../../src/sinks/native.js'
import type { Warehouse } from '../../src/sinks/warehouse.js'
import { openTemporaryWarehouse } from './chdb.js'

let warehouse: Warehouse
let directory: string
let remove: () => Promise<void>
beforeAll(async () => {
  ;({ warehouse, directory, remove } = await openTemporaryWarehouse())
  await migrate(warehouse)
})
afterAll(() => remove())

const refusedWith = (code: ErrorCode) => (error: unknown) => isEngineError(error, code)

const marks = (topic: string, rows: number): Buffer =>
  encodeNative(rows, {
    table_name: { type: 'LowCardinality(String)', of: { keys: ['predictions'], indexes: new Uint32Array(rows) } },
    topic: { type: 'LowCardinality(String)', of: { keys: [topic], indexes: new Uint32Array(rows) } },
    partition: { type: 'UInt32', of: [Uint32Array.from({ length: rows }, (_, row) => row)] },
    next: { type: 'Int64', of: [new Float64Array(rows).fill(7)] },
    covered: { type: 'Int64', of: [new Float64Array(rows)] },
    epoch: { type: 'Int64', of: [new Float64Array(rows)] },
    written_at: { type: 'DateTime64(3, \'UTC\')', of: [new Float64Array(rows)] },
  })

const countOf = async (topic: string): Promise<number> => (await warehouse.query<{ n: number }>('SELECT toUInt32(count()) AS n FROM progress FINAL WHERE topic = {topic: String}', { topic }))[0]!.n

test('an insert is there when it resolves, and the same bytes again change nothing', async () => {
  const bytes = marks('again', 500)
  await warehouse.insert('progress', bytes)
  await warehouse.insert('progress', bytes)
  assert.equal(await countOf('again'), 500)
})

test('columns are matched by name, not by place', async () => {
  const [tenant, topic] = ['table_name', 'topic'].map((name) => ({ type: 'LowCardinality(String)', of: { keys: [name], indexes: new Uint32Array(1) } }) as const)
  const number = { type: 'Int64', of: [Float64Array.of(1)] } as const
  const place = { type: 'UInt32', of: [Uint32Array.of(1)] } as const
  await warehouse.insert('progress', encodeNative(1, { written_at: { type: 'DateTime64(3, \'UTC\')', of: [Float64Array.of(0)] }, topic: topic!, epoch: number, covered: number, next: number, partition: place, table_name: tenant! }))
  assert.deepEqual(await warehouse.query('SELECT table_name, topic FROM progress WHERE topic = \'topic\''), [{ table_name: 'table_name', topic: 'topic' }])
})

test('inserts, bound queries and statements run side by side', async () => {
  const inserts = Array.from({ length: 12 }, (_, index) => warehouse.insert('progress', marks(`side-${index}`, 200)))
  const reads = Array.from({ length: 12 }, (_, index) => warehouse.query<{ n: number }>('SELECT {n: UInt32} AS n', { n: index }))
  assert.deepEqual((await Promise.all(reads)).map(([row]) => row!.n), Array.from({ length: 12 }, (_, index) => index))
  await Promise.all(inserts)
  for (let index = 0; index < 12; index++) assert.equal(await countOf(`side-${index}`), 200)
})

test('what repeating cannot help is told from what may pass', async () => {
  await expect(warehouse.query('SELEC 1')).rejects.toSatisfy(refusedWith('BAD_REQUEST'))
  await expect(warehouse.query('SELECT nothing FROM predictions')).rejects.toSatisfy(refusedWith('BAD_REQUEST'))
  await expect(warehouse.query('SELECT {missing: String}')).rejects.toSatisfy(refusedWith('BAD_REQUEST'))
  await expect(warehouse.insert('nowhere', Buffer.alloc(0))).rejects.toSatisfy(refusedWith('BAD_REQUEST'))
  await expect(warehouse.query('SELECT number FROM numbers(100000000) ORDER BY cityHash64(number) SETTINGS max_memory_usage = 10000000')).rejects.toSatisfy(refusedWith('WAREHOUSE_DOWN'))
})

test('no batch is left behind, neither by success nor by failure', async () => {
  await warehouse.insert('progress', marks('left', 1))
  await assert.rejects(warehouse.insert('progress', Buffer.from('not native')))
  assert.deepEqual(await readdir(join(directory, 'incoming')), [])
})

test('a second warehouse in the process is refused, not mixed with the first', async () => {
  await expect(openChdbWarehouse({ directory: join(directory, 'second') })).rejects.toSatisfy(refusedWith('LOCKED'))
})

test('what was stored is there after a close, and nothing is taken in between', async () => {
  await warehouse.insert('progress', marks('kept', 3))
  const pending = warehouse.insert('progress', marks('kept-too', 3))
  await warehouse.close()
  await pending
  await expect(warehouse.query('SELECT 1')).rejects.toSatisfy(refusedWith('WAREHOUSE_DOWN'))
  warehouse = await openChdbWarehouse({ directory })
  assert.equal((await countOf('kept')) + (await countOf('kept-too')), 6)
  await warehouse.close()
})
