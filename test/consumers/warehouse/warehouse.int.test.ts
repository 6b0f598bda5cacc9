import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { riskLevels } from '../../../src/contracts/risks.js'
import { scoredBy } from '../../../src/log/blocks/block.js'
import { encodePredictions } from '../../../src/consumers/warehouse/predictions.js'
import { decodeBlock, encodeBlock } from '../../../src/log/blocks/codec.js'
import { marker } from '../../log/blocks/blocks.js'
import { everyWarehouse } from '../../sinks/clickhouse/clickhouse.js'
import { recent, warehouseHarness } from './warehouse-harness.js'
import { unreachable, tablesOf } from './tables.js'

describe.each(everyWarehouse)('%s', (_, openWarehouse) => {
  const tables = tablesOf(openWarehouse)
  const { rows, finals } = tables

  test('a row of a block becomes a row of the table, column by column', async () => {
    const harness = await warehouseHarness(tables.warehouse)
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

  test('many blocks of one event each are stored with few inserts', async () => {
    const harness = await warehouseHarness(tables.warehouse)
    let inserts = 0
    await harness.predict(0, ...Array.from({ length: 300 }, (_, offset) => recent(1, offset - 1, offset)))
    const flow = await harness.start({
      insert: (table, native) => {
        if (table === 'predictions') inserts += 1
        return tables.warehouse.insert(table, native)
      },
    })
    await harness.caughtUp(flow)
    assert.equal((await finals(harness)).length, 300)
    assert.ok(inserts <= 2, `${inserts} inserts`)
  })

  test('offsets that a crash repeats in a later block are stored once, with their first result', async () => {
    const harness = await warehouseHarness(tables.warehouse)
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
    assert.deepEqual(
      await rows(
        harness,
        'SELECT toUInt32(offset) AS offset, score FROM predictions_final WHERE stream = {stream: String} ORDER ' +
          'BY offset',
      ),
      [
        { offset: 0, score: 0 },
        { offset: 1, score: 0.125 },
        { offset: 2, score: 0.25 },
        { offset: 3, score: 0.375 },
        { offset: 4, score: 9 },
        { offset: 5, score: 9 },
      ],
    )
  })

  test('a crash between insert and progress repeats rows, and the view shows each of them once', async () => {
    const harness = await warehouseHarness(tables.warehouse)
    await harness.predict(0, recent(1, -1, 9))
    const crashing = await harness.start({
      insert: (table, native) => (table === 'progress' ? unreachable() : tables.warehouse.insert(table, native)),
    })
    await harness.caughtUp(crashing)
    await crashing.leave()
    assert.deepEqual(await tables.warehouse.query('SELECT next FROM progress'), [])
    await harness.predict(0, recent(1, 9, 14))
    await harness.caughtUp(await harness.start())
    assert.deepEqual(
      await finals(harness),
      Array.from({ length: 15 }, (_, offset) => `0/${offset}`),
    )
    const copies = await tables.warehouse.query(
      'SELECT toUInt32(raw_rows) AS raw, toUInt32(copies) AS copies FROM prediction_copies WHERE topic = ' +
        '{topic: String}',
      { topic: harness.stream.topics.events },
    )
    assert.deepEqual(copies, [{ raw: 25, copies: 10 }])
  })

  test('where two blocks stored a result for one offset, the view shows the earlier one', async () => {
    const harness = await warehouseHarness(tables.warehouse)
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
      await tables.warehouse.insert('predictions', encodePredictions([stored(offset, score)]))
    assert.deepEqual(await rows(harness, 'SELECT score FROM predictions_final WHERE stream = {stream: String}'), [
      { score: 0.3 },
    ])
  })

  test('duplicate notices are stored, and the view does not show them as predictions', async () => {
    const harness = await warehouseHarness(tables.warehouse)
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

  test('a block of duplicate notices alone is stored, although it names no version', async () => {
    const harness = await warehouseHarness(tables.warehouse)
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

  test('predictions on request are all kept, even where they are equal', async () => {
    const harness = await warehouseHarness(tables.warehouse)
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
})
