import assert from 'node:assert/strict'
import { describe, expect, test } from 'vitest'
import { EngineError } from '../../../src/base/errors.js'
import type { Warehouse } from '../../../src/sinks/warehouse.js'
import { everyWarehouse } from '../../sinks/clickhouse/clickhouse.js'
import { tablesOf } from './tables.js'
import { recent, warehouseHarness, type WarehouseHarness } from './warehouse-harness.js'

const patience = { timeout: 60_000 }

describe.each(everyWarehouse)('%s', (_, openWarehouse) => {
  const tables = tablesOf(openWarehouse)

  const storedEvents = async (harness: WarehouseHarness): Promise<readonly string[]> =>
    (
      await tables.rows<{ value: string }>(
        harness,
        'SELECT value FROM events FINAL WHERE stream = {stream: String} ORDER BY partition, offset',
      )
    ).map(({ value }) => value)

  /** A warehouse that refuses every insert with one of these words in its rows. */
  const refusing = (...words: readonly string[]): Partial<Warehouse> => ({
    insert(table, native) {
      const word = words.find((one) => native.includes(one))
      return word === undefined
        ? tables.warehouse.insert(table, native)
        : Promise.reject(new EngineError('ROWS_REFUSED', `insert into ${table}: ${word} (INCORRECT_DATA)`))
    },
  })

  test('one record that is refused holds its partition alone; once accepted, its row alone is missing', async () => {
    const harness = await warehouseHarness(tables.warehouse)
    const { events } = harness.stream.topics
    const stops = await harness.stops()
    const values = Array.from({ length: 40 }, (_, n) => (n === 23 ? 'poison' : `event ${n}`))
    await harness.append(events, ...values.map((value) => ({ value: Buffer.from(value) })))
    await harness.log.append({ topic: events, partition: 1 }, [{ key: null, value: Buffer.from('beside') }])
    await harness.predict(0, recent(1, -1, 9))
    const flow = await harness.start(refusing('poison'), stops)
    await expect
      .poll(() => stops.stopped().map(({ reader, code, lost }) => ({ reader, code, lost })), patience)
      .toEqual([{ reader: 'warehouse events', code: 'ROWS_REFUSED', lost: { topic: events, from: 23, to: 23 } }])
    assert.match(stops.stopped()[0]!.message, /refuses the rows of offset 23 of .* in table events.*poison/)
    await expect.poll(() => tables.finals(harness), patience).toHaveLength(10)
    await expect.poll(() => storedEvents(harness), patience).toEqual([...values.slice(0, 23), 'beside'])

    await stops.accept({ topic: events, partition: 0 }, 'key-1', 'the row is of no use')
    await harness.caughtUp(flow)
    assert.deepEqual(await storedEvents(harness), [...values.filter((value) => value !== 'poison'), 'beside'])
    assert.ok(harness.reports.some((report) => report.startsWith('1 rows of offsets 23 to 23')))
    assert.deepEqual(stops.stopped(), [])
  })

  test('two refused records stop their partition one after the other, also across restarts', async () => {
    const harness = await warehouseHarness(tables.warehouse)
    const { events } = harness.stream.topics
    const stops = await harness.stops()
    const values = ['one', 'poison', 'two', 'venom', 'three']
    await harness.append(events, ...values.map((value) => ({ value: Buffer.from(value) })))
    const first = await harness.start(refusing('poison', 'venom'), stops)
    const heldAt = (): readonly (number | undefined)[] => stops.stopped().map(({ lost }) => lost?.from)
    await expect.poll(heldAt, patience).toEqual([1])
    await first.leave()
    const second = await harness.start(refusing('poison', 'venom'), stops)
    await stops.accept({ topic: events, partition: 0 }, 'key-1', 'set aside')
    await expect.poll(heldAt, patience).toEqual([3])
    await second.leave()
    await stops.accept({ topic: events, partition: 0 }, 'key-1', 'set aside too')
    await harness.caughtUp(await harness.start(refusing('poison', 'venom'), stops))
    assert.deepEqual(await storedEvents(harness), ['one', 'two', 'three'])
  })

  test('a missing table holds its own rows; once it is there again, they are stored without an operator', async () => {
    const harness = await warehouseHarness(tables.warehouse)
    const { events } = harness.stream.topics
    const stops = await harness.stops()
    await tables.warehouse.run('RENAME TABLE events TO events_away')
    await harness.append(events, { value: Buffer.from('waits') })
    await harness.predict(0, recent(1, -1, 4))
    const flow = await harness.start({}, stops)
    await expect.poll(() => stops.stopped().map(({ code }) => code), patience).toEqual(['WAREHOUSE_REFUSED'])
    assert.match(stops.stopped()[0]!.message, /UNKNOWN_TABLE/)
    await expect.poll(() => tables.finals(harness), patience).toHaveLength(5)
    await tables.warehouse.run('RENAME TABLE events_away TO events')
    await harness.caughtUp(flow)
    assert.deepEqual(await storedEvents(harness), ['waits'])
    await expect.poll(() => stops.stopped(), patience).toEqual([])
  })

  test('without the table of progress nothing ends either, and the flow continues once it is there', async () => {
    const harness = await warehouseHarness(tables.warehouse)
    const stops = await harness.stops()
    await tables.warehouse.run('RENAME TABLE progress TO progress_away')
    await harness.predict(0, recent(1, -1, 4))
    const flow = await harness.start({}, stops)
    await expect.poll(() => stops.stopped().length > 0, patience).toBe(true)
    assert.ok(stops.stopped().every(({ code, lost }) => code === 'WAREHOUSE_REFUSED' && lost === null))
    await tables.warehouse.run('RENAME TABLE progress_away TO progress')
    await harness.caughtUp(flow)
    assert.equal((await tables.finals(harness)).length, 5)
    await expect.poll(() => stops.stopped(), patience).toEqual([])
  })
})
