import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, test } from 'vitest'
import { encodeNative, type Columns } from '../../src/sinks/native.js'
import type { Warehouse } from '../../src/sinks/warehouse.js'
import { openTemporaryWarehouse } from './chdb/chdb.js'

let warehouse: Warehouse
let directory: string
let remove: () => Promise<void>
beforeAll(async () => void ({ warehouse, directory, remove } = await openTemporaryWarehouse()))
afterAll(() => remove())

/** The types and values that ClickHouse reads from the bytes. */
async function readBack(
  rows: number,
  columns: Columns,
): Promise<{ readonly types: Record<string, string>; readonly rows: Record<string, unknown>[] }> {
  const file = join(directory, 'probe.native')
  await writeFile(file, encodeNative(rows, columns))
  const described = await warehouse.query<{ name: string; type: string }>(`DESCRIBE TABLE file('${file}', 'Native')`)
  const types = Object.fromEntries(described.map(({ name, type }) => [name, type]))
  return { types, rows: await warehouse.query(`SELECT * FROM file('${file}', 'Native')`) }
}

const single = async (column: Columns[string], rows: number): Promise<unknown[]> => {
  const back = await readBack(rows, { value: column })
  assert.equal(back.types['value'], column.type)
  return back.rows.map((row) => row['value'])
}

test('strings of every length and script', async () => {
  const texts = [
    '',
    'a',
    'grün',
    '日本',
    '\u0000',
    '😀',
    'x'.repeat(127),
    'y'.repeat(128),
    'ö'.repeat(64),
    'z'.repeat(20_000),
    '"\\\'',
  ]
  assert.deepEqual(await single({ type: 'String', of: [texts.slice(0, 3), [], texts.slice(3)] }, texts.length), texts)
})

test('strings given as bytes', async () => {
  const texts = ['', 'grün', 'v'.repeat(300)]
  assert.deepEqual(
    await single({ type: 'String', bytes: [null, ...texts.slice(1).map((text) => Buffer.from(text))] }, 3),
    texts,
  )
})

test('columns of encoded strings', async () => {
  const encoded = (text: string): Buffer => Buffer.concat([Buffer.of(Buffer.byteLength(text)), Buffer.from(text)])
  const pieces = [
    { rows: 2, encoded: Buffer.concat([encoded('ann'), encoded('zoë')]) },
    { rows: 1, encoded: encoded('') },
  ]
  assert.deepEqual(await single({ type: 'String', encoded: pieces }, 3), ['ann', 'zoë', ''])
})

for (const distinct of [1, 3, 300, 70_000])
  test(`a dictionary of ${distinct}`, async () => {
    const keys = Array.from({ length: distinct }, (_, index) => `k${index}`)
    const indexes = Uint32Array.from({ length: Math.max(5, distinct) }, (_, row) => (row * 7) % distinct)
    assert.deepEqual(
      await single({ type: 'LowCardinality(String)', of: { keys, indexes } }, indexes.length),
      [...indexes].map((index) => `k${index}`),
    )
  })

test('integers, up to the limits of their types', async () => {
  assert.deepEqual(await single({ type: 'UInt8', of: [Uint8Array.of(0, 255)] }, 2), [0, 255])
  assert.deepEqual(await single({ type: 'UInt16', of: [Uint16Array.of(0), Uint16Array.of(65_535)] }, 2), [0, 65_535])
  assert.deepEqual(await single({ type: 'UInt32', of: [Uint32Array.of(0, 4_294_967_295)] }, 2), [0, 4_294_967_295])
  const wide = [
    0,
    -1,
    1,
    -4_294_967_296,
    4_294_967_295,
    4_294_967_296,
    Number.MAX_SAFE_INTEGER,
    Number.MIN_SAFE_INTEGER,
  ]
  assert.deepEqual(await single({ type: 'Int64', of: [Float64Array.from(wide)] }, wide.length), wide)
})

test('unsigned 64-bit integers', async () => {
  const back = await readBack(2, { value: { type: 'UInt64', of: [BigUint64Array.of(0n, 9_223_372_036_854_775_807n)] } })
  assert.deepEqual(back.types, { value: 'UInt64' })
  const [row] = await warehouse.query<{ text: string }>(
    `SELECT toString(max(value)) AS text FROM file('${join(directory, 'probe.native')}', 'Native')`,
  )
  assert.equal(row?.text, '9223372036854775807')
})

test('floating numbers', async () => {
  assert.deepEqual(await single({ type: 'Float32', of: [Float32Array.of(0.5, -1.25, 3e38)] }, 3), [0.5, -1.25, 3e38])
  assert.deepEqual(await single({ type: 'Float64', of: [Float64Array.of(0.1, 1e-300)] }, 2), [0.1, 1e-300])
})

test('times, before 1970 too', async () => {
  const times = [Date.UTC(2026, 10, 23, 21, 5, 7, 123), 0, -1, Date.UTC(1950, 0, 1)]
  assert.deepEqual(await single({ type: "DateTime64(3, 'UTC')", of: [Float64Array.from(times)] }, 4), [
    '2026-11-23 21:05:07.123',
    '1970-01-01 00:00:00.000',
    '1969-12-31 23:59:59.999',
    '1950-01-01 00:00:00.000',
  ])
})

test('vectors, of blocks that differ in width', async () => {
  const column: Columns[string] = {
    type: 'Array(Float32)',
    of: [
      { rows: 2, width: 3, flat: Float32Array.of(1, 2, 3, 4, 5, 6) },
      { rows: 1, width: 0, flat: new Float32Array() },
      { rows: 1, width: 1, flat: Float32Array.of(0.5) },
    ],
  }
  assert.deepEqual(await single(column, 4), [[1, 2, 3], [4, 5, 6], [], [0.5]])
})

test('lists of strings', async () => {
  assert.deepEqual(await single({ type: 'Array(String)', of: [['a', 'b'], [], ['grün']] }, 3), [
    ['a', 'b'],
    [],
    ['grün'],
  ])
})

test('many columns in one block', async () => {
  const { rows } = await readBack(2, {
    tenant: { type: 'LowCardinality(String)', of: { keys: ['t1', 't2'], indexes: Uint32Array.of(1, 0) } },
    id: { type: 'String', of: [['a', 'b']] },
    late: { type: 'UInt8', of: [Uint8Array.of(1, 0)] },
    vector: { type: 'Array(Float32)', of: [{ rows: 2, width: 2, flat: Float32Array.of(1, 2, 3, 4) }] },
    score: { type: 'Float32', of: [Float32Array.of(0.25, 0.75)] },
  })
  assert.deepEqual(rows, [
    { tenant: 't2', id: 'a', late: 1, vector: [1, 2], score: 0.25 },
    { tenant: 't1', id: 'b', late: 0, vector: [3, 4], score: 0.75 },
  ])
})

test('a column whose length differs from the block is refused', () => {
  assert.throws(
    () => encodeNative(2, { id: { type: 'String', of: [['a']] } }),
    /column id has 1 values, the block 2 rows/,
  )
  assert.throws(
    () =>
      encodeNative(1, { vector: { type: 'Array(Float32)', of: [{ rows: 1, width: 2, flat: Float32Array.of(1) }] } }),
    /1 vectors of 2/,
  )
})
