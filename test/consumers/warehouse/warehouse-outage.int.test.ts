import assert from 'node:assert/strict'
import { describe, expect, test } from 'vitest'
import { EngineError, isEngineError } from '../../../src/base/errors.js'
import { everyWarehouse } from '../../sinks/clickhouse/clickhouse.js'
import { recent, warehouseHarness } from './warehouse-harness.js'
import { unreachable, tablesOf } from './tables.js'

describe.each(everyWarehouse)('%s', (_, openWarehouse) => {
  const tables = tablesOf(openWarehouse)
  const { rows, finals } = tables

  test('the next owner continues at the stored progress and stores nothing twice', async () => {
    const harness = await warehouseHarness(tables.warehouse)
    await harness.predict(0, recent(1, -1, 9), recent(3, 9, 12))
    const first = await harness.start()
    await harness.caughtUp(first)
    await first.leave()
    await harness.predict(0, recent(2, 12, 15), recent(3, 12, 15))
    const second = await harness.start()
    await harness.caughtUp(second)
    assert.equal((await finals(harness)).length, 16)
    assert.deepEqual(
      await rows(harness, 'SELECT toUInt32(count()) AS raw FROM predictions WHERE stream = {stream: String}'),
      [{ raw: 16 }],
    )
    assert.deepEqual(
      await rows(
        harness,
        'SELECT DISTINCT toUInt32(epoch) AS epoch FROM predictions WHERE stream = {stream: String} AND offset > 12',
      ),
      [{ epoch: 3 }],
    )
    assert.equal(
      second.progress().find(({ topic, partition }) => topic === harness.stream.topics.predictions && partition === 0)
        ?.next,
      4,
    )
  })

  test('nothing is lost while the warehouse is unreachable, and one report says so', async () => {
    const harness = await warehouseHarness(tables.warehouse)
    let refused = 0
    let isBack = false
    await harness.predict(0, recent(1, -1, 99))
    await harness.predict(1, recent(1, -1, 49))
    const flow = await harness.start({
      insert: (table, native) => {
        if (isBack) return tables.warehouse.insert(table, native)
        refused += 1
        return unreachable()
      },
    })
    await expect.poll(() => refused, { timeout: 10_000 }).toBeGreaterThan(3)
    assert.equal(flow.up(), false)
    assert.deepEqual(await finals(harness), [])
    assert.deepEqual(
      (await harness.log.lag('tidemill-warehouse-predictions'))
        .map(({ committed }) => committed)
        .filter((committed) => committed > 0),
      [],
    )
    await harness.predict(0, recent(1, 99, 119))
    await expect.poll(() => flow.lagRecords()).toBeGreaterThan(0)
    isBack = true
    await harness.caughtUp(flow)
    assert.equal((await finals(harness)).length, 170)
    await expect.poll(() => flow.lagRecords()).toBe(0)
    assert.equal(flow.up(), true)
    assert.equal(harness.reports.filter((message) => message.includes('not now')).length, 1)
  })

  test('leaving does not wait for a warehouse that is unreachable', async () => {
    const harness = await warehouseHarness(tables.warehouse)
    await harness.predict(0, recent(1, -1, 9))
    let refused = 0
    const flow = await harness.start({
      insert: () => {
        refused += 1
        return unreachable()
      },
    })
    await expect.poll(() => refused).toBeGreaterThan(0)
    await flow.leave()
    assert.deepEqual(await finals(harness), [])
    await harness.caughtUp(await harness.start())
    assert.equal((await finals(harness)).length, 10)
  })

  test('rows that the warehouse refuses for good stop the flow, and no row is skipped', async () => {
    const harness = await warehouseHarness(tables.warehouse)
    await harness.predict(0, recent(1, -1, 9))
    const flow = await harness.start({ insert: () => Promise.reject(new EngineError('BAD_REQUEST', 'no such column')) })
    await expect(flow.failed).rejects.toSatisfy((error: unknown) => isEngineError(error, 'BAD_REQUEST'))
    await expect(harness.caughtUp(flow)).rejects.toThrow('no such column')
  })
})
