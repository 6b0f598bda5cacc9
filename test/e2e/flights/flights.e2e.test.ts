import { strict as assert } from 'node:assert'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import kafkajs from 'kafkajs'
import { beforeAll, test } from 'vitest'
import { openKeys } from '../../../src/api/keys/key-file.js'
import { systemClock } from '../../../src/base/clock.js'
import { startEngine } from '../../../src/compose/engine.js'
import { dataPaths, loadConfig } from '../../../src/config/load.js'
import type { Engine } from '../../../src/contracts/engine.js'
import { onCluster, stores } from '../presets.js'
import { foldMonth } from './fold.js'
import { readMonth } from './month.js'
import { isFloat32, readStored, type Stored } from './stored.js'

const stream = fileURLToPath(new URL('../../fixtures/flights/flights.ts', import.meta.url))
const timeout = 180_000

const month = readMonth()
/** The stream wants a plane, so records without one become dead letters. */
const scored = month.filter(({ plane }) => plane !== null)
const refused = month.filter(({ plane }) => plane === null)
const texts = new Map(month.map((flight) => [flight.flight_id, JSON.stringify(flight)]))
const expiring = ['predictions', 'events', 'dead_letters'] as const

const sorted = (values: Iterable<string>): readonly string[] => [...values].sort()

onCluster(stores, (preset) => {
  let engine: Engine
  let admin: kafkajs.Admin
  let key: string
  let stored: Stored

  const rows = async <Row>(sql: string): Promise<readonly Row[]> => engine.query<Row>(sql)
  const count = async (of: string): Promise<number> =>
    (await rows<{ n: number }>(`SELECT toUInt32(count()) AS n FROM ${of}`))[0]!.n
  const read = (): Promise<Stored> => readStored(rows)

  async function give(client: kafkajs.Kafka): Promise<void> {
    const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
    await producer.connect()
    for (let at = 0; at < month.length; at += 3_000)
      await producer.send({
        topic: 'flights',
        messages: month
          .slice(at, at + 3_000)
          .map((flight) => ({
            key: flight.carrier,
            value: texts.get(flight.flight_id)!,
            timestamp: String(flight.at),
          })),
      })
    await producer.disconnect()
  }

  beforeAll(async () => {
    const { variables } = preset
    const directory = await mkdtemp(join(tmpdir(), 'tidemill-flights-'))
    const client = new kafkajs.Kafka({
      brokers: [variables['TIDEMILL_KAFKA_BROKERS']!],
      logLevel: kafkajs.logLevel.NOTHING,
    })
    admin = client.admin()
    await admin.connect()
    // An operator keeps the records of the backfill. The topics of the engine keep their usual retention, and this
    // broker deletes what is older within a second.
    await admin.createTopics({
      waitForLeaders: true,
      topics: [{ topic: 'flights', numPartitions: 4, configEntries: [{ name: 'retention.ms', value: '-1' }] }],
    })
    const config = loadConfig({
      variables,
      flags: {
        dataDirectory: join(directory, 'data'),
        tenants: 'any',
        'streams.builtin': [],
        'streams.paths': [stream],
        'api.port': 0,
      },
    })
    engine = await startEngine(config)
    key = (
      await openKeys(dataPaths(config.dataDirectory).keys, systemClock).create({
        ...{ name: 'test', tenant: '*', scopes: ['read'] },
      })
    ).key
    await give(client)
    const wanted = {
      predictions_final: scored.length,
      'events FINAL': month.length,
      'dead_letters FINAL': refused.length,
    }
    for (const [table, least] of Object.entries(wanted))
      while ((await count(table)) < least) await Promise.race([systemClock.sleep(200), engine.failed])
    stored = await read()
    return async () => {
      await engine.stop()
      await admin.disconnect()
      await rm(directory, { recursive: true, force: true })
    }
  }, timeout)

  /** A statement that an operator of ClickHouse runs. */
  async function inClickHouse(statement: string): Promise<void> {
    const url = `${preset.variables['TIDEMILL_CLICKHOUSE_URL']!}/?database=tidemill&mutations_sync=2`
    const answer = await fetch(url, { method: 'POST', body: statement })
    assert.ok(answer.ok, `${statement}: ${await answer.text()}`)
  }

  test('every flight of the month has one prediction or is a dead letter, and its record is kept', () => {
    assert.equal(texts.size, month.length)
    assert.deepEqual([month.length, refused.length], [27_004, 155])
    const { predictions, events, deadLetters } = stored
    assert.deepEqual(
      predictions.map(({ flight_id }) => flight_id),
      sorted(scored.map(({ flight_id }) => flight_id)),
    )
    assert.deepEqual(
      events.map(({ value }) => value),
      sorted(texts.values()),
    )
    assert.deepEqual(
      deadLetters.map(({ value }) => value),
      sorted(refused.map(({ flight_id }) => texts.get(flight_id)!)),
    )
    assert.deepEqual([...new Set(deadLetters.map(({ code }) => code))], ['BAD_FIELD'])
  })

  test('every row has the times of 2013 that its producer wrote', () => {
    const byId = new Map(stored.predictions.map((prediction) => [prediction.flight_id, prediction]))
    const wrong = scored.filter(({ flight_id, at }) => {
      const { event_ms, record_ms, late } = byId.get(flight_id)!
      return event_ms !== at || record_ms !== at || late !== 0
    })
    assert.deepEqual([wrong.length, wrong.slice(0, 5)], [0, []])
    for (const raw of [stored.events, stored.deadLetters])
      for (const { value, record_ms } of raw) assert.equal(record_ms, (JSON.parse(value) as { at: number }).at)
  })

  test('every feature of every flight equals a plain filter over the month', () => {
    const vectors = new Map(stored.predictions.map(({ flight_id, vector }) => [flight_id, vector]))
    const wrong = [...foldMonth(scored)].flatMap(([flight_id, expected]) => {
      const [vector, features] = [vectors.get(flight_id)!, Object.entries(expected)]
      assert.equal(vector.length, features.length)
      return features.flatMap(([name, value], i) =>
        isFloat32(vector[i]!, value) ? [] : [`${name} of ${flight_id}: ${vector[i]} instead of ${value}`],
      )
    })
    assert.deepEqual([wrong.length, wrong.slice(0, 5)], [0, []])
  })

  test(
    'merges and expiry of the warehouse leave every row until the promised time has passed',
    { timeout },
    async () => {
      for (const table of expiring) {
        await inClickHouse(`ALTER TABLE ${table} MATERIALIZE TTL`)
        await inClickHouse(`OPTIMIZE TABLE ${table} FINAL`)
      }
      assert.deepEqual(await read(), stored)
      const kept = await rows<{ table: string; days: number }>(
        `SELECT table, dateDiff('day', now(), min(delete_ttl_info_min)) AS days FROM system.parts
       WHERE database = currentDatabase() AND active AND table IN ('${expiring.join("', '")}') GROUP BY table`,
      )
      assert.deepEqual(sorted(kept.map(({ table }) => table)), sorted(expiring))
      for (const { table, days } of kept) assert.ok(days >= 89, `${table} keeps its rows for ${days} days`)
    },
  )

  test(
    'the same merges would delete every row if retention followed the times of the producer',
    { timeout },
    async () => {
      await inClickHouse('CREATE TABLE by_record_time AS predictions')
      await inClickHouse('ALTER TABLE by_record_time MODIFY TTL toDateTime(record_time) + INTERVAL 90 DAY DELETE')
      await inClickHouse('INSERT INTO by_record_time SELECT * FROM predictions')
      await inClickHouse('OPTIMIZE TABLE by_record_time FINAL')
      assert.equal(await count('by_record_time'), 0)
      await inClickHouse('DROP TABLE by_record_time')
    },
  )

  test('Kafka deletes none of what the engine wrote, and the engine reports what Kafka deletes too early', async () => {
    for (const topic of ['flights.predictions', 'flights.dead-letters'])
      for (const { partition, low } of await admin.fetchTopicOffsets(topic))
        assert.equal(low, '0', `${topic}/${partition}`)
    const metrics = await (await fetch(`${engine.url}/metrics`)).text()
    assert.match(
      metrics,
      new RegExp(`^tidemill_early_expiry_records_total\\{stream="flights"\\} ${month.length}$`, 'm'),
    )
  })

  test('the API finds the flights of a day in 2013, and each one by its id', async () => {
    const ask = async (
      path: string,
    ): Promise<{ predictions: readonly { event_id: string }[]; next?: string | null }> => {
      const answer = await fetch(`${engine.url}/api/v2/predictions${path}`, {
        headers: { authorization: `Bearer ${key}` },
      })
      assert.ok(answer.ok, `${path}: ${await answer.clone().text()}`)
      return (await answer.json()) as Awaited<ReturnType<typeof ask>>
    }
    const [from, to] = [Date.UTC(2013, 0, 15), Date.UTC(2013, 0, 16)]
    const found: string[] = []
    let next: string | null = ''
    while (next !== null) {
      const page = await ask(`?stream=flights&from=2013-01-15&to=2013-01-16&limit=500${next && `&cursor=${next}`}`)
      found.push(...page.predictions.map(({ event_id }) => event_id))
      next = page.next ?? null
    }
    const ofDay = scored.filter(({ at }) => at >= from && at < to).map(({ flight_id }) => flight_id)
    assert.deepEqual(sorted(found), sorted(ofDay))
    const { predictions } = await ask(`/${ofDay[0]!}`)
    assert.deepEqual(
      predictions.map(({ event_id }) => event_id),
      [ofDay[0]],
    )
  })
})
