import assert from 'node:assert/strict'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isEngineError, type ErrorCode } from '../../src/base/errors.js'
import { migrate } from '../../src/sinks/migrate.js'
import { encodeNative } from '../../src/sinks/native.js'
import type { Warehouse } from '../../src/sinks/warehouse.js'

/** An empty warehouse of its own, and a way to reopen it after a close. */
export interface OpenedWarehouse {
  readonly warehouse: Warehouse
  reopen(): Promise<Warehouse>
  remove(): Promise<void>
}

export const refusedWith = (code: ErrorCode) => (error: unknown) => isEngineError(error, code)

/** Rows of the progress table, `rows` partitions of a topic. */
export const marks = (topic: string, rows: number): Buffer =>
  encodeNative(rows, {
    table_name: { type: 'LowCardinality(String)', of: { keys: ['predictions'], indexes: new Uint32Array(rows) } },
    topic: { type: 'LowCardinality(String)', of: { keys: [topic], indexes: new Uint32Array(rows) } },
    partition: { type: 'UInt32', of: [Uint32Array.from({ length: rows }, (_, row) => row)] },
    next: { type: 'Int64', of: [new Float64Array(rows).fill(7)] },
    covered: { type: 'Int64', of: [new Float64Array(rows)] },
    epoch: { type: 'Int64', of: [new Float64Array(rows)] },
    written_at: { type: "DateTime64(3, 'UTC')", of: [new Float64Array(rows)] },
  })

export const marksOf = async (warehouse: Warehouse, topic: string): Promise<number> =>
  (
    await warehouse.query<{ n: number }>(
      'SELECT toUInt32(count()) AS n FROM progress FINAL WHERE topic = {topic: String}',
      { topic },
    )
  )[0]!.n

/**
 * The promises of every warehouse about inserts, also for one without SQL. `marksOf` counts the marks of a topic
 * without duplicates.
 */
export function insertContract(
  current: () => Pick<Warehouse, 'insert'>,
  marksOf: (topic: string) => Promise<number>,
): void {
  test('an insert is stored when it resolves, and the same bytes again change nothing', async () => {
    const bytes = marks('again', 500)
    await current().insert('progress', bytes)
    await current().insert('progress', bytes)
    assert.equal(await marksOf('again'), 500)
  })

  test('bytes that are not rows are ROWS_REFUSED, and nothing of them is stored', async () => {
    const whole = marks('damaged', 1_000)
    for (const bytes of [Buffer.from('not native'), whole.subarray(0, whole.length - 10)])
      await expect(current().insert('progress', bytes)).rejects.toSatisfy(refusedWith('ROWS_REFUSED'))
    await expect(current().insert('nowhere', Buffer.alloc(0))).rejects.toSatisfy(refusedWith('BAD_REQUEST'))
    assert.equal(await marksOf('damaged'), 0)
  })
}

/** The promises of every warehouse. */
export function warehouseContract(name: string, open: () => Promise<OpenedWarehouse>): void {
  describe(name, () => {
    let opened: OpenedWarehouse
    let warehouse: Warehouse
    beforeAll(async () => {
      opened = await open()
      warehouse = opened.warehouse
      await migrate(warehouse)
    })
    afterAll(() => opened.remove())

    insertContract(
      () => warehouse,
      (topic) => marksOf(warehouse, topic),
    )

    test('columns are matched by name, not by position', async () => {
      const [tenant, topic] = ['table_name', 'topic'].map(
        (word) => ({ type: 'LowCardinality(String)', of: { keys: [word], indexes: new Uint32Array(1) } }) as const,
      )
      const number = { type: 'Int64', of: [Float64Array.of(1)] } as const
      const place = { type: 'UInt32', of: [Uint32Array.of(1)] } as const
      await warehouse.insert(
        'progress',
        encodeNative(1, {
          written_at: { type: "DateTime64(3, 'UTC')", of: [Float64Array.of(0)] },
          topic: topic!,
          epoch: number,
          covered: number,
          next: number,
          partition: place,
          table_name: tenant!,
        }),
      )
      assert.deepEqual(await warehouse.query("SELECT table_name, topic FROM progress WHERE topic = 'topic'"), [
        { table_name: 'table_name', topic: 'topic' },
      ])
    })

    test('inserts, bound queries and statements run side by side', async () => {
      const inserts = Array.from({ length: 12 }, (_, index) =>
        warehouse.insert('progress', marks(`side-${index}`, 200)),
      )
      const reads = Array.from({ length: 12 }, (_, index) =>
        warehouse.query<{ n: number }>('SELECT {n: UInt32} AS n', { n: index }),
      )
      const statements = Array.from({ length: 3 }, (_, index) =>
        warehouse.run(`CREATE TABLE IF NOT EXISTS side_${index} (a String) ENGINE = MergeTree ORDER BY a`),
      )
      assert.deepEqual(
        (await Promise.all(reads)).map(([row]) => row!.n),
        Array.from({ length: 12 }, (_, index) => index),
      )
      await Promise.all([...inserts, ...statements])
      for (let index = 0; index < 12; index++) assert.equal(await marksOf(warehouse, `side-${index}`), 200)
    })

    test('a bound value arrives unchanged, whatever it contains and however long it is', async () => {
      const values = ['', "' OR 1 = 1 --", 'back\\slash', 'tab\tand\nlines', 'grün 日本 😀', 'x'.repeat(100_000)]
      for (const value of values)
        assert.deepEqual(await warehouse.query('SELECT {value: String} AS value', { value }), [{ value }])
      const ids = Array.from({ length: 2_000 }, (_, index) => `'${index}\\`)
      assert.deepEqual(
        await warehouse.query('SELECT toUInt32(length({ids: Array(String)})) AS n, {ids: Array(String)}[1900] AS one', {
          ids,
        }),
        [{ n: 2_000, one: ids[1_899] }],
      )
    })

    test('the error codes distinguish permanent errors from temporary ones', async () => {
      await expect(warehouse.query('SELEC 1')).rejects.toSatisfy(refusedWith('BAD_REQUEST'))
      await expect(warehouse.query('SELECT nothing FROM predictions')).rejects.toSatisfy(refusedWith('BAD_REQUEST'))
      await expect(warehouse.query('SELECT {missing: String}')).rejects.toSatisfy(refusedWith('BAD_REQUEST'))
      await expect(warehouse.run('DROP TABLE nowhere')).rejects.toSatisfy(refusedWith('BAD_REQUEST'))
      await expect(
        warehouse.query(
          'SELECT number FROM numbers(100000000) ORDER BY cityHash64(number) SETTINGS max_memory_usage = 10000000',
        ),
      ).rejects.toSatisfy(refusedWith('WAREHOUSE_DOWN'))
    })

    test('stored rows are there after a close and a reopen, and calls in between fail', async () => {
      await warehouse.insert('progress', marks('kept', 3))
      const pending = warehouse.insert('progress', marks('kept-too', 3))
      await warehouse.close()
      await pending
      await expect(warehouse.query('SELECT 1')).rejects.toSatisfy(refusedWith('WAREHOUSE_DOWN'))
      warehouse = await opened.reopen()
      assert.equal((await marksOf(warehouse, 'kept')) + (await marksOf(warehouse, 'kept-too')), 6)
      await warehouse.close()
    })
  })
}
