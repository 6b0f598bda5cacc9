import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { everyWarehouse } from '../../sinks/clickhouse/clickhouse.js'
import { recent, startMs, warehouseHarness } from './warehouse-harness.js'
import { tablesOf } from './tables.js'

describe.each(everyWarehouse)('%s', (_, openWarehouse) => {
  const tables = tablesOf(openWarehouse)
  const { rows } = tables

  test('the newest outcome joins its prediction, and records that are no outcomes are reported', async () => {
    const harness = await warehouseHarness(tables.warehouse)
    const outcome = (change: object) => ({
      value: Buffer.from(
        JSON.stringify({
          ...tables.of(harness),
          tenant: 'even',
          event_id: 'event-0',
          label: 1,
          source: 'review',
          decidedAtMs: startMs,
          by: 'key-1',
          ...change,
        }),
      ),
    })
    await harness.predict(0, recent(1, -1, 1))
    await harness.append(
      'outcomes',
      outcome({}),
      { value: Buffer.from('{') },
      { value: null },
      outcome({ label: 2 }),
      outcome({ label: 0, source: 'correction', note: 'was on leave' }),
      outcome({ note: 7 }),
    )
    await harness.caughtUp(await harness.start())
    assert.deepEqual(
      await rows(
        harness,
        'SELECT event_id, label, outcome_source FROM predictions_with_outcomes WHERE stream = {stream: String} ' +
          'ORDER BY event_id',
      ),
      [
        { event_id: 'event-0', label: 0, outcome_source: 'correction' },
        { event_id: 'event-1', label: null, outcome_source: '' },
      ],
    )
    assert.deepEqual(
      await rows(
        harness,
        'SELECT label, decided_by, note FROM outcomes WHERE stream = {stream: String} ORDER BY offset',
      ),
      [
        { label: 1, decided_by: 'key-1', note: '' },
        { label: 0, decided_by: 'key-1', note: 'was on leave' },
      ],
    )
    assert.equal(
      harness.reports.some((message) => /offset 2 of outcomes/.test(message)),
      false,
      'a tombstone is no fault',
    )
    assert.equal(
      harness.reports.filter((message) => /offset [13] of outcomes\/0 is not stored/.test(message)).length,
      2,
    )
  })

  test('raw events are stored byte for byte, with the tenant and the id of their headers', async () => {
    const harness = await warehouseHarness(tables.warehouse)
    const avro = Buffer.of(0xc3, 0x01, 0x00, 0xff)
    await harness.append(
      harness.stream.topics.events,
      {
        key: Buffer.from('t1'),
        value: Buffer.from(' {"a": "ü"}'),
        headers: { event_id: Buffer.from('e1'), tenant: Buffer.from('acme') },
      },
      { key: Buffer.from('t1'), value: null },
      { key: Buffer.from('t2'), value: avro },
    )
    await harness.caughtUp(await harness.start())
    assert.deepEqual(
      await rows(
        harness,
        'SELECT tenant, toUInt32(offset) AS offset, event_id, key, format, hex(value) AS value, ' +
          'toUnixTimestamp64Milli(record_time) AS ms FROM events WHERE stream = {stream: String} ORDER BY ' +
          'offset',
      ),
      [
        {
          tenant: 'acme',
          offset: 0,
          event_id: 'e1',
          key: 't1',
          format: 'json',
          value: Buffer.from(' {"a": "ü"}').toString('hex').toUpperCase(),
          ms: startMs,
        },
        { tenant: 't2', offset: 2, event_id: '', key: 't2', format: 'avro', value: 'C30100FF', ms: startMs },
      ],
    )
  })

  test('dead letters are stored with their reason, and a repeated one is shown once', async () => {
    const harness = await warehouseHarness(tables.warehouse)
    const headers = Object.fromEntries(
      Object.entries({
        'dead-letter-topic': 'gates',
        'dead-letter-partition': '3',
        'dead-letter-offset': '77',
        'dead-letter-code': 'BAD_JSON',
        'dead-letter-stage': 'decode',
        'dead-letter-reason': 'it ends too early',
        'dead-letter-version': '1.2.3 abc',
        'dead-letter-attempts': '2',
        'dead-letter-origin': '70',
        event_id: 'e7',
      }).map(([name, value]) => [name, Buffer.from(value)]),
    )
    const deadLetter = { value: Buffer.from('{'), headers }
    await harness.append(harness.stream.topics.deadLetters, deadLetter, deadLetter)
    await harness.caughtUp(await harness.start())
    assert.deepEqual(
      await rows(
        harness,
        'SELECT source_topic, source_partition, toUInt32(source_offset) AS source_offset, event_id, code, ' +
          'stage, reason, version, attempts, toUInt32(origin_offset) AS origin_offset, value FROM dead_letters ' +
          'FINAL WHERE stream = {stream: String}',
      ),
      [
        {
          source_topic: 'gates',
          source_partition: 3,
          source_offset: 77,
          event_id: 'e7',
          code: 'BAD_JSON',
          stage: 'decode',
          reason: 'it ends too early',
          version: '1.2.3 abc',
          attempts: 2,
          origin_offset: 70,
          value: '{',
        },
      ],
    )
  })

  test('the bytes of a tenant are its share of the tables', async () => {
    const harness = await warehouseHarness(tables.warehouse)
    await harness.predict(0, recent(1, -1, 99))
    await harness.caughtUp(await harness.start())
    const [total] = await tables.warehouse.query<{ bytes: number }>(
      "SELECT toFloat64(sum(bytes)) AS bytes FROM tenant_bytes WHERE table_name = 'predictions'",
    )
    const [parts] = await tables.warehouse.query<{ bytes: number }>(
      "SELECT toFloat64(sum(bytes_on_disk)) AS bytes FROM system.parts WHERE active AND table = 'predictions'",
    )
    assert.ok(Math.abs(total!.bytes - parts!.bytes) < 100)
  })
})
