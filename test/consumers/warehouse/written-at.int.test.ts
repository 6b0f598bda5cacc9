import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.js'
import { everyWarehouse } from '../../sinks/clickhouse/clickhouse.js'
import { tablesOf } from './tables.js'
import { recent, warehouseHarness } from './warehouse-harness.js'

const weekMs = 7 * 24 * 60 * 60 * 1_000
const nowMs = systemClock.nowMs()

/** Timestamps of producers: one a week over many weeks, seconds, micro- and nanoseconds, none, negative. */
const timestamps = [
  ...Array.from({ length: 120 }, (_, week) => nowMs - (120 - week) * weekMs),
  ...[Math.floor(nowMs / 1_000), nowMs * 1_000, nowMs * 1_000_000, -1, -86_400_000, 0],
]

describe.each(everyWarehouse)('%s', (_, openWarehouse) => {
  const tables = tablesOf(openWarehouse)

  test('rows are stored and kept by the time of the engine, whatever time producers wrote', async () => {
    const harness = await warehouseHarness(tables.warehouse)
    const { events, deadLetters } = harness.stream.topics
    const last = timestamps.length - 1
    await harness.predict(0, recent(1, -1, last, { recordTimes: Float64Array.from(timestamps) }))
    await harness.append(
      events,
      ...timestamps.map((timestampMs, n) => ({ timestampMs, value: Buffer.from(`event ${n}`) })),
    )
    await harness.append(deadLetters, { value: Buffer.from('bad'), timestampMs: systemClock.nowMs() })
    await harness.caughtUp(await harness.start())
    for (const table of ['predictions', 'events', 'dead_letters']) {
      const [found] = await tables.rows<{ rows: number; partitions: number; oldest_hours: number }>(
        harness,
        `SELECT toUInt32(count()) AS rows, toUInt32(uniqExact(_partition_id)) AS partitions,
           toUInt32(dateDiff('hour', min(written_at), now64(3))) AS oldest_hours
         FROM ${table} FINAL WHERE stream = {stream: String}`,
      )
      assert.equal(found!.rows, table === 'dead_letters' ? 1 : timestamps.length, table)
      assert.ok(found!.partitions <= 2 && found!.oldest_hours <= 2, `${table}: ${JSON.stringify(found)}`)
    }
    const [times] = await tables.rows<{ first: string; last: string }>(
      harness,
      'SELECT toString(min(record_time)) AS first, toString(max(record_time)) AS last FROM events WHERE stream = ' +
        '{stream: String}',
    )
    assert.deepEqual(times, { first: '1969-12-31 00:00:00.000', last: '2299-12-31 23:59:59.999' })
  })

  test('rows that a crash repeats in a later week lie beside their originals', async () => {
    const harness = await warehouseHarness(tables.warehouse)
    const { events } = harness.stream.topics
    await harness.append(events, ...['a', 'b', 'c'].map((value) => ({ value: Buffer.from(value) })))
    const earlier = await harness.start()
    await harness.caughtUp(earlier)
    await earlier.leave()
    // As if the flow had crashed two weeks ago, after it had stored the rows and before it had written its mark.
    const before = nowMs - 2 * weekMs
    const where = `WHERE stream = '${harness.stream.stream.name}'`
    await tables.warehouse.run(`CREATE TABLE earlier AS events`)
    await tables.warehouse.run(
      `INSERT INTO earlier SELECT * REPLACE (fromUnixTimestamp64Milli({before: Int64}) AS written_at)
         FROM events ${where}`,
      { before },
    )
    await tables.warehouse.run(`DELETE FROM events ${where}`)
    await tables.warehouse.run('INSERT INTO events SELECT * FROM earlier')
    await tables.warehouse.run('DROP TABLE earlier')
    await tables.warehouse.run('TRUNCATE TABLE progress')
    await tables.warehouse.run(
      `INSERT INTO progress SELECT 'events', {events: String}, 0, 0, -1, 0, fromUnixTimestamp64Milli({before: Int64})`,
      { events, before },
    )
    await harness.append(events, { value: Buffer.from('d') })
    await harness.caughtUp(await harness.start())
    assert.deepEqual(
      await tables.rows(
        harness,
        `SELECT value, dateDiff('week', written_at, now64(3)) >= 1 AS old FROM events FINAL ${where} ORDER BY offset`,
      ),
      [
        { value: 'a', old: 1 },
        { value: 'b', old: 1 },
        { value: 'c', old: 1 },
        { value: 'd', old: 0 },
      ],
    )
  })
})
