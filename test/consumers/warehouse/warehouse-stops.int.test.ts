import assert from 'node:assert/strict'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { encodeMarks } from '../../../src/consumers/warehouse/progress.js'
import { migrate } from '../../../src/sinks/migrate.js'
import type { Warehouse } from '../../../src/sinks/warehouse.js'
import { everyWarehouse } from '../../sinks/clickhouse/clickhouse.js'
import { recent, startMs, warehouseRoom, type Room } from './warehouse-room.js'

describe.each(everyWarehouse)('%s', (_, openWarehouse) => {
  let warehouse: Warehouse
  let remove: () => Promise<void>
  beforeAll(async () => {
    ;({ warehouse, remove } = await openWarehouse())
    await migrate(warehouse)
  })
  afterAll(() => remove())

  /** Final predictions of a room's stream. */
  const finals = (room: Room): Promise<unknown[]> =>
    warehouse.query(
      "SELECT partition, offset FROM predictions_final WHERE stream = {stream: String} AND role = 'served'",
      { stream: room.stream.stream.name },
    )

  test('blocks that are missing stop their partition, no other, and what is left is stored once they are given up', async () => {
    const room = await warehouseRoom(warehouse)
    const stops = await room.stops()
    await room.predict(0, recent(1, -1, 9), recent(1, 19, 29))
    await room.predict(1, recent(1, -1, 4))
    const flow = await room.start({}, stops)
    await expect.poll(() => stops.stopped(), { timeout: 10_000 }).toHaveLength(1)
    const [{ code, lost, reader }] = stops.stopped() as [ReturnType<typeof stops.stopped>[number]]
    assert.deepEqual(
      { code, lost, reader },
      { code: 'GAP', lost: { topic: room.stream.topics.events, from: 10, to: 19 }, reader: 'warehouse predictions' },
    )
    await expect.poll(async () => (await finals(room)).length, { timeout: 10_000 }).toBe(5)
    await stops.accept({ topic: room.stream.topics.predictions, partition: 0 }, 'key-1', 'the disk was lost')
    await room.caughtUp(flow)
    assert.equal((await finals(room)).length, 25)
    await room.predict(0, recent(1, 39, 49))
    await expect.poll(() => stops.stopped().map((stop) => stop.lost?.from), { timeout: 10_000 }).toEqual([30])
  })

  test('a topic that was made anew stops its partition; once accepted, the table goes on with its first record', async () => {
    const room = await warehouseRoom(warehouse)
    const stops = await room.stops()
    await warehouse.insert(
      'progress',
      encodeMarks(
        [
          {
            table: 'predictions',
            topic: room.stream.topics.predictions,
            partition: 0,
            next: 70,
            covered: 500,
            epoch: 1,
          },
        ],
        startMs,
      ),
    )
    await room.predict(0, recent(2, 500, 503))
    const flow = await room.start({}, stops)
    await expect
      .poll(() => stops.stopped().map((stop) => [stop.code, stop.lost?.to]), { timeout: 10_000 })
      .toEqual([['LOG_RESET', 69]])
    await stops.accept({ topic: room.stream.topics.predictions, partition: 0 }, 'key-1', 'another cluster')
    await room.caughtUp(flow)
    assert.equal((await finals(room)).length, 3)
    await flow.leave()
    const again = await room.start({}, stops)
    await room.caughtUp(again)
    assert.equal(stops.stopped().length, 0)
  })
})
