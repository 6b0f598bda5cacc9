import assert from 'node:assert/strict'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { EngineError, isEngineError } from '../../../src/base/errors.js'
import { riskLevels, scoredBy } from '../../../src/log/blocks/block.js'
import { encodePredictions } from '../../../src/consumers/warehouse/predictions.js'
import { decodeBlock, encodeBlock } from '../../../src/log/blocks/codec.js'
import { migrate } from '../../../src/sinks/migrate.js'
import type { Warehouse } from '../../../src/sinks/warehouse.js'
import { marker } from '../../log/blocks/blocks.js'
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

  const of = ({ stream }: WarehouseHarness) => ({ stream: stream.stream.name })
  const rows = <Row = Record<string, unknown>>(harness: WarehouseHarness, sql: string) =>
    warehouse.query<Row>(sql, of(harness))

  /** Final predictions of a harness's stream, as 'partition/offset'. */
  const finals = async (harness: WarehouseHarness): Promise<string[]> =>
    (
      await rows<{ at: string }>(
        harness,
        "SELECT concat(toString(partition), '/', toString(offset)) AS at FROM predictions_final WHERE stream " +
          "= {stream: String} AND role = 'served' ORDER BY partition, offset",
      )
    ).map(({ at }) => at)

  const away = () => Promise.reject(new EngineError('WAREHOUSE_DOWN', 'not now'))

  test('a row of a block becomes a row of the table, column by column', async () => {
    const harness = await warehouseHarness(warehouse)
    const given = recent(4, 6, 9, { reasons: ['', 'speed_kmh,people_on_device_1h', 'x'] })
    await harness.predict(1, given)
    await harness.caughtUp(await harness.start())
    const stored = await rows(
      harness,
      'SELECT *, toUnixTimestamp64Milli(event_time) AS event_ms, toUnixTimestamp64Milli(record_time) AS ' +
        'record_ms FROM predictions WHERE stream = {stream: String} ORDER BY offset',
    )
    const expected = [0, 1, 2].map((row) => ({
      tenant: given.tenants[row],
      stream: harness.stream.stream.name,
      topic: harness.stream.topics.events,
      partition: 1,
      offset: 7 + row,
      role: 'served',
      item: 0,
      kind: 'prediction',
      event_id: given.eventIds[row],
      entity: given.entities[row],
      event_ms: given.eventTimes[row],
      record_ms: given.recordTimes[row],
      score: given.scores[row],
      risk: riskLevels[given.risks[row]!],
      served_by: scoredBy[given.by[row]!],
      version: 'v1',
      late: given.flags[row],
      reasons: [[], ['speed_kmh', 'people_on_device_1h'], ['x']][row],
      vector: [...given.vectors.subarray(2 * row, 2 * row + 2)],
      fingerprint: 'f00',
      epoch: 4,
      control: 3,
    }))
    for (const [row, columns] of expected.entries())
      for (const [name, value] of Object.entries(columns)) assert.deepEqual(stored[row]?.[name], value, name)
  })

  test('many blocks of one event each become few inserts', async () => {
    const harness = await warehouseHarness(warehouse)
    let inserts = 0
    await harness.predict(0, ...Array.from({ length: 300 }, (_, offset) => recent(1, offset - 1, offset)))
    const flow = await harness.start({
      insert: (table, native) => {
        if (table === 'predictions') inserts += 1
        return warehouse.insert(table, native)
      },
    })
    await harness.caughtUp(flow)
    assert.equal((await finals(harness)).length, 300)
    assert.ok(inserts <= 2, `${inserts} inserts`)
  })

  test('blocks that say the same offsets again after a crash are stored once, as first said', async () => {
    const harness = await warehouseHarness(warehouse)
    const repeated = recent(2, 1, 5, { scores: Float32Array.of(9, 9, 9, 9) })
    await harness.predict(
      0,
      marker(1, -1),
      recent(1, -1, 3),
      marker(2, 1),
      repeated,
      recent(1, 3, 4, { scores: Float32Array.of(7) }),
    )
    await harness.caughtUp(await harness.start())
    assert.deepEqual(await rows(harness, 'SELECT toUInt32(offset) AS offset, score FROM predictions_final WHERE stream = {stream: String} ORDER ' +
      'BY offset'), [
      { offset: 0, score: 0 }, { offset: 1, score: 0.125 }, { offset: 2, score: 0.25 }, { offset: 3, score: 0.375 }, { offset: 4, score: 9 }, { offset: 5, score: 9 },
    ]) // prettier-ignore
  })

  test('a crash between insert and progress repeats rows, and the view shows each of them once', async () => {
    const harness = await warehouseHarness(warehouse)
    await harness.predict(0, recent(1, -1, 9))
    const crashing = await harness.start({
      insert: (table, native) => (table === 'progress' ? away() : warehouse.insert(table, native)),
    })
    await harness.caughtUp(crashing)
    await crashing.leave()
    assert.deepEqual(await warehouse.query('SELECT next FROM progress'), [])
    await harness.predict(0, recent(1, 9, 14))
    await harness.caughtUp(await harness.start())
    assert.deepEqual(
      await finals(harness),
      Array.from({ length: 15 }, (_, offset) => `0/${offset}`),
    )
    const copies = await warehouse.query(
      'SELECT toUInt32(raw_rows) AS raw, toUInt32(copies) AS copies FROM prediction_copies WHERE topic = ' +
        '{topic: String}',
      { topic: harness.stream.topics.events },
    )
    assert.deepEqual(copies, [{ raw: 25, copies: 10 }])
  })

  test('where two blocks over one offset were both stored, the earlier one counts', async () => {
    const harness = await warehouseHarness(warehouse)
    const place = { stream: harness.stream.stream.name, topic: 'gates', partition: 0, role: 'served' } as const
    const stored = (offset: number, score: number) => ({
      ...place,
      offset,
      generation: 0,
      block: decodeBlock(encodeBlock(recent(1, -1, 0, { scores: Float32Array.of(score) }))),
    })
    for (const [offset, score] of [
      [70, 0.7],
      [3, 0.3],
      [12, 0.5],
    ] as const)
      await warehouse.insert('predictions', encodePredictions([stored(offset, score)]))
    assert.deepEqual(await rows(harness, 'SELECT score FROM predictions_final WHERE stream = {stream: String}'), [
      { score: 0.3 },
    ])
  })

  test('the next owner goes on at the progress and stores nothing twice', async () => {
    const harness = await warehouseHarness(warehouse)
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

  test('nothing is lost while the warehouse is away, and it is said once', async () => {
    const harness = await warehouseHarness(warehouse)
    let refused = 0
    let isBack = false
    await harness.predict(0, recent(1, -1, 99))
    await harness.predict(1, recent(1, -1, 49))
    const flow = await harness.start({
      insert: (table, native) => {
        if (isBack) return warehouse.insert(table, native)
        refused += 1
        return away()
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

  test('leaving does not wait for a warehouse that is away', async () => {
    const harness = await warehouseHarness(warehouse)
    await harness.predict(0, recent(1, -1, 9))
    let refused = 0
    const flow = await harness.start({
      insert: () => {
        refused += 1
        return away()
      },
    })
    await expect.poll(() => refused).toBeGreaterThan(0)
    await flow.leave()
    assert.deepEqual(await finals(harness), [])
    await harness.caughtUp(await harness.start())
    assert.equal((await finals(harness)).length, 10)
  })

  test('rows that the warehouse refuses for good stop the flow, and nothing is skipped', async () => {
    const harness = await warehouseHarness(warehouse)
    await harness.predict(0, recent(1, -1, 9))
    const flow = await harness.start({ insert: () => Promise.reject(new EngineError('BAD_REQUEST', 'no such column')) })
    await expect(flow.failed).rejects.toSatisfy((error: unknown) => isEngineError(error, 'BAD_REQUEST'))
    await expect(harness.caughtUp(flow)).rejects.toThrow('no such column')
  })

  test('duplicate notices are kept, and are no predictions', async () => {
    const harness = await warehouseHarness(warehouse)
    await harness.predict(0, recent(1, -1, 3, { kinds: Uint8Array.of(0, 1, 0, 1) }))
    await harness.caughtUp(await harness.start())
    assert.deepEqual(await finals(harness), ['0/0', '0/2'])
    assert.deepEqual(
      await rows(
        harness,
        'SELECT kind, toUInt32(count()) AS n FROM predictions WHERE stream = {stream: String} GROUP BY kind ' +
          'ORDER BY kind',
      ),
      [
        { kind: 'duplicate', n: 2 },
        { kind: 'prediction', n: 2 },
      ],
    )
  })

  test('duplicate notices alone make an insert, though they name no version', async () => {
    const harness = await warehouseHarness(warehouse)
    await harness.predict(0, recent(1, -1, 1, { kinds: Uint8Array.of(1, 1), versions: [] }))
    await harness.caughtUp(await harness.start())
    assert.deepEqual(
      await rows(
        harness,
        'SELECT kind, version, toUInt32(count()) AS n FROM predictions WHERE stream = {stream: String} GROUP ' +
          'BY kind, version',
      ),
      [{ kind: 'duplicate', version: '', n: 2 }],
    )
  })

  test('predictions on request never fold, however alike they are', async () => {
    const harness = await warehouseHarness(warehouse)
    const asked = { ...recent(0, -1, 2, { eventIds: ['e', 'e', 'e'] }), offsets: Float64Array.of(0, 1, 2) }
    const record = {
      key: Buffer.from(harness.stream.stream.name),
      value: encodeBlock({ ...asked, after: -1, last: -1 }),
    }
    await harness.append('api-predictions', record, record)
    await harness.caughtUp(await harness.start())
    assert.deepEqual(
      await rows(
        harness,
        'SELECT toUInt32(offset) AS offset, item FROM predictions_final WHERE stream = {stream: String} AND ' +
          "role = 'api' ORDER BY offset, item",
      ),
      [0, 1].flatMap((offset) => [0, 1, 2].map((item) => ({ offset, item }))),
    )
  })

  test('outcomes join their predictions, the latest by arrival, and what is none is reported', async () => {
    const harness = await warehouseHarness(warehouse)
    const outcome = (change: object) => ({
      value: Buffer.from(
        JSON.stringify({
          ...of(harness),
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
    )
    await harness.caughtUp(await harness.start())
    assert.deepEqual(await rows(harness, 'SELECT event_id, label, outcome_source FROM predictions_with_outcomes WHERE stream = {stream: String} ' +
      'ORDER BY event_id'), [
      { event_id: 'event-0', label: 0, outcome_source: 'correction' }, { event_id: 'event-1', label: null, outcome_source: '' },
    ]) // prettier-ignore
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
      harness.reports.filter((message) => /offset [123] of outcomes\/0 is not stored/.test(message)).length,
      3,
    )
  })

  test('raw events are kept byte for byte, with what their headers say', async () => {
    const harness = await warehouseHarness(warehouse)
    const avro = Buffer.of(0xc3, 0x01, 0x00, 0xff)
    await harness.append(
      harness.stream.topics.events,
      {
        key: Buffer.from('t1'),
        value: Buffer.from(' {"a": "ü"}'),
        headers: { event_id: Buffer.from('e1'), tenant: Buffer.from('acme') },
      },
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
        { tenant: 't2', offset: 1, event_id: '', key: 't2', format: 'avro', value: 'C301' + '00FF', ms: startMs },
      ],
    )
  })

  test('dead letters are kept with their reason, a repeated one once', async () => {
    const harness = await warehouseHarness(warehouse)
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
    const letter = { value: Buffer.from('{'), headers }
    await harness.append(harness.stream.topics.deadLetters, letter, letter)
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

  test('bytes of a tenant are its share of the tables', async () => {
    const harness = await warehouseHarness(warehouse)
    await harness.predict(0, recent(1, -1, 99))
    await harness.caughtUp(await harness.start())
    const [total] = await warehouse.query<{ bytes: number }>(
      "SELECT toFloat64(sum(bytes)) AS bytes FROM tenant_bytes WHERE table_name = 'predictions'",
    )
    const [parts] = await warehouse.query<{ bytes: number }>(
      "SELECT toFloat64(sum(bytes_on_disk)) AS bytes FROM system.parts WHERE active AND table = 'predictions'",
    )
    assert.ok(Math.abs(total!.bytes - parts!.bytes) < 100)
  })
})
