import { strict as assert } from 'node:assert'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import kafkajs from 'kafkajs'
import { onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/base/clock.js'
import { startEngine } from '../../src/compose/engine.js'
import { loadConfig } from '../../src/config/load.js'
import { createWorld } from '../../src/simulator/index.js'
import { onCluster, stores } from './presets.js'

const hourMs = 3_600_000
const weekMs = 7 * 24 * hourMs
const nowMs = systemClock.nowMs()

/** Events of a stream whose own times are of the last hours. */
function eventsOf(wanted: 'attendance' | 'sync', count: number): readonly Readonly<Record<string, unknown>>[] {
  const startMs = nowMs - 26 * hourMs
  const events: Record<string, unknown>[] = []
  for (const { stream, event } of createWorld({ seed: 12, startMs, patterns: 'training', people: 200 }).events(
    startMs,
    nowMs - hourMs,
  ))
    if (stream === wanted && events.push({ ...event }) === count) break
  return events
}

/** The cases weeks-span (one record a week, over 120 weeks) and seconds-ts, and two more: no timestamp, and a year. */
const timestamps = [
  ...Array.from({ length: 120 }, (_, week) => nowMs - (120 - week) * weekMs),
  ...Array.from({ length: 5 }, () => Math.floor(nowMs / 1_000)),
  -1,
  nowMs - 366 * 24 * hourMs,
]

const timeout = 180_000

onCluster(stores, (preset) => {
  test(
    'whatever timestamps producers write, every event is scored, and every row can be read',
    { timeout },
    async () => {
      const { variables } = preset
      const kafka = new kafkajs.Kafka({
        brokers: [variables['TIDEMILL_KAFKA_BROKERS']!],
        logLevel: kafkajs.logLevel.NOTHING,
      })
      const admin = kafka.admin()
      await admin.connect()
      onTestFinished(() => admin.disconnect())
      // An operator lets the broker set the timestamps of one topic.
      await admin.createTopics({
        waitForLeaders: true,
        topics: [
          {
            topic: 'sync',
            numPartitions: 4,
            configEntries: [{ name: 'message.timestamp.type', value: 'LogAppendTime' }],
          },
        ],
      })
      const directory = await mkdtemp(join(tmpdir(), 'tidemill-timestamps-'))
      onTestFinished(() => rm(directory, { recursive: true, force: true }))
      const engine = await startEngine(
        loadConfig({
          variables,
          flags: {
            dataDirectory: join(directory, 'data'),
            tenants: 'any',
            'streams.builtin': ['attendance', 'sync'],
            'api.port': 0,
          },
        }),
      )
      onTestFinished(() => engine.stop())

      const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
      await producer.connect()
      onTestFinished(() => producer.disconnect())
      const events: Readonly<Record<'attendance' | 'sync', readonly Readonly<Record<string, unknown>>[]>> = {
        attendance: eventsOf('attendance', timestamps.length).map((event, n) => ({
          ...event,
          occurred_at: Math.min(
            Number(event['occurred_at']),
            timestamps[n]! > nowMs - 200 * weekMs ? timestamps[n]! : nowMs,
          ),
        })),
        sync: eventsOf('sync', 40),
      } as const
      for (const stream of ['attendance', 'sync'] as const)
        await producer.send({
          topic: stream,
          messages: [
            ...events[stream].map((event, n) => ({
              key: String(event['tenant_id']),
              value: JSON.stringify(event),
              timestamp: String(timestamps[n]),
            })),
            { key: 'acme', value: 'not json', timestamp: String(Math.floor(nowMs / 1_000)) },
          ],
        })

      const rows = async <Row>(sql: string): Promise<readonly Row[]> => engine.query<Row>(sql)
      const count = async (table: string): Promise<number> =>
        (await rows<{ n: number }>(`SELECT toUInt32(count()) AS n FROM ${table}`))[0]!.n
      const all = events.attendance.length + events.sync.length
      while ((await count('predictions_final')) < all || (await count('events FINAL')) < all + 2)
        await Promise.race([systemClock.sleep(100), engine.failed])
      while ((await count('dead_letters FINAL')) < 2) await Promise.race([systemClock.sleep(100), engine.failed])
      assert.deepEqual(await rows('SELECT DISTINCT code FROM dead_letters'), [{ code: 'BAD_JSON' }])
      for (const table of ['predictions', 'events', 'dead_letters'])
        assert.deepEqual(
          await rows(`SELECT count() AS old FROM ${table} WHERE written_at < now() - INTERVAL 2 HOUR`),
          [{ old: 0 }],
          table,
        )
      const appended = await rows<{ stream: string; old: number }>(
        `SELECT stream, toUInt32(countIf(record_time < now() - INTERVAL 2 HOUR)) AS old FROM events FINAL
       GROUP BY stream ORDER BY stream`,
      )
      assert.deepEqual(appended, [
        { stream: 'attendance', old: events.attendance.length + 1 },
        { stream: 'sync', old: 0 },
      ])
      const metrics = await (await fetch(`${engine.url}/metrics`)).text()
      assert.match(metrics, /tidemill_early_expiry_records_total\{stream="sync"\} 0/)
      assert.doesNotMatch(metrics, /tidemill_early_expiry_records_total\{stream="attendance"\} 0/)
      const { checks } = (await (await fetch(`${engine.url}/readyz`)).json()) as {
        checks: readonly { check: string; attention?: boolean; detail: string }[]
      }
      assert.match(checks.find(({ check }) => check === 'retention')!.detail, /records of attendance too early/)
    },
  )
})
