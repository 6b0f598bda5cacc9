import assert from 'node:assert/strict'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { encodeMarks } from '../../../src/consumers/warehouse/progress.js'
import { migrate } from '../../../src/sinks/migrate.js'
import type { Warehouse } from '../../../src/sinks/warehouse.js'
import { everyWarehouse } from '../../sinks/clickhouse/clickhouse.js'
import { recent, startMs, warehouseHarness, type WarehouseHarness } from './warehouse-harness.js'

describe.each(everyWarehouse)('%s', (_, openWarehouse) => {
  let warehouse: Warehouse
  let remove: () => Promise<void>
  beforeAll(async () => {
    ;({ warehouse, remove } = await openWarehouse())
    await migrate(warehouse)
  })
  afterAll(() => remove())

  /** Final predictions of a harness's stream. */
  const finals = (harness: WarehouseHarness): Promise<unknown[]> =>
    warehouse.query(
      "SELECT partition, offset FROM predictions_final WHERE stream = {stream: String} AND role = 'served'",
      { stream: harness.stream.stream.name },
    )

  test('missing blocks stop their partition alone; once an operator accepts the loss, the rest is stored', async () => {
    const harness = await warehouseHarness(warehouse)
    const stops = await harness.stops()
    await harness.predict(0, recent(1, -1, 9), recent(1, 19, 29))
    await harness.predict(1, recent(1, -1, 4))
    const flow = await harness.start({}, stops)
    await expect.poll(() => stops.stopped(), { timeout: 10_000 }).toHaveLength(1)
    const [{ code, lost, reader }] = stops.stopped() as [ReturnType<typeof stops.stopped>[number]]
    assert.deepEqual(
      { code, lost, reader },
      { code: 'GAP', lost: { topic: harness.stream.topics.events, from: 10, to: 19 }, reader: 'warehouse predictions' },
    )
    await expect.poll(async () => (await finals(harness)).length, { timeout: 10_000 }).toBe(5)
    await stops.accept({ topic: harness.stream.topics.predictions, partition: 0 }, 'key-1', 'the disk was lost')
    await harness.caughtUp(flow)
    assert.equal((await finals(harness)).length, 25)
    await harness.predict(0, recent(1, 39, 49))
    await expect.poll(() => stops.stopped().map((stop) => stop.lost?.from), { timeout: 10_000 }).toEqual([30])
  })

  test('a recreated topic stops its partition; once accepted, the table continues with its first record', async () => {
    const harness = await warehouseHarness(warehouse)
    const stops = await harness.stops()
    await warehouse.insert(
      'progress',
      encodeMarks([
        {
          table: 'predictions',
          topic: harness.stream.topics.predictions,
          partition: 0,
          next: 70,
          covered: 500,
          epoch: 1,
          writtenAtMs: startMs,
        },
      ]),
    )
    await harness.predict(0, recent(2, 500, 503))
    const flow = await harness.start({}, stops)
    await expect
      .poll(() => stops.stopped().map((stop) => [stop.code, stop.lost?.to]), { timeout: 10_000 })
      .toEqual([['LOG_RESET', 69]])
    await stops.accept({ topic: harness.stream.topics.predictions, partition: 0 }, 'key-1', 'another cluster')
    await harness.caughtUp(flow)
    assert.equal((await finals(harness)).length, 3)
    await flow.leave()
    const again = await harness.start({}, stops)
    await harness.caughtUp(again)
    assert.equal(stops.stopped().length, 0)
  })
})
