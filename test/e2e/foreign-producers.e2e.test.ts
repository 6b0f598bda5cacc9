import { strict as assert } from 'node:assert'
import { existsSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, test, vi } from 'vitest'
import { missingPython, runPython } from '../../scripts/services/python.js'
import { openKeys } from '../../src/api/keys/key-file.js'
import { systemClock } from '../../src/base/clock.js'
import { clusterServers } from '../../src/compose/tasks.js'
import { startEngine } from '../../src/compose/engine.js'
import { dataPaths, loadConfig } from '../../src/config/load.js'
import type { Check, ReadinessCheck } from '../../src/contracts/checks.js'
import type { Engine } from '../../src/contracts/engine.js'
import { tidemill } from '../cli/harness.js'
import { onCluster, stores } from './presets.js'

const cases = fileURLToPath(new URL('../../../shared/cases', import.meta.url))
const requirements = fileURLToPath(new URL('../fixtures/python/requirements.txt', import.meta.url))
/** The first run on a machine fetches packages. */
const timeout = 5 * 60_000
const patience = { timeout: 60_000, interval: 100 }

/** The topics of the cases, by their folders. */
const topics = { 'crc32-partitioner': 'crc', tombstones: 'tomb', 'txn-lag': 'txn', 'seconds-ts': 'secs' } as const
const tenants = ['acme', 'globex', 'initech', 'umbrella', 'hooli']

const withoutCases = existsSync(cases) ? undefined : '../shared/cases is missing'

onCluster(
  stores,
  (preset) => {
    let directory: string
    let engine: Engine
    let key: string
    const configuration = (): string => join(directory, 'cluster.json')

    /** Each case has its own copy of the stream `pay`. */
    async function giveStreams(): Promise<string> {
      const streams = join(directory, 'streams')
      await cp(join(cases, 'streams'), streams, { recursive: true })
      const pay = await readFile(join(streams, 'pay.ts'), 'utf8')
      await rm(join(streams, 'pay.ts'), { force: true })
      for (const topic of Object.values(topics))
        await writeFile(
          join(streams, `${topic}.ts`),
          pay.replace("name: 'pay'", `name: '${topic}'`).replace('const pay ', `const ${topic} `),
        )
      return streams
    }

    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'tidemill-foreign-'))
      const streams = await giveStreams()
      const flags = {
        dataDirectory: join(directory, 'data'),
        tenants: 'any',
        streams: { builtin: [], paths: [streams] },
        api: { port: 0 },
      }
      await writeFile(configuration(), JSON.stringify(flags))
      const config = loadConfig({ variables: preset.variables, configPath: configuration() })
      engine = await startEngine(config)
      const keys = openKeys(dataPaths(config.dataDirectory).keys, systemClock)
      key = (await keys.create({ name: 'test', tenant: '*', scopes: ['read', 'predict', 'events:write'] })).key
      return async () => {
        await engine.stop()
        await rm(directory, { recursive: true, force: true })
      }
    }, timeout)

    const produce = (folder: keyof typeof topics): Promise<string> =>
      runPython({
        file: join(cases, folder, 'produce.py'),
        requirements,
        cwd: cases,
        env: { TIDEMILL_SCHEMA_REGISTRY_URL: '', ...preset.variables },
      })

    const count = async (what: string): Promise<number> =>
      Number((await engine.query<{ n: number | string }>(`SELECT count() AS n FROM ${what}`))[0]!.n)
    const until = (what: string, rows: number) => vi.waitUntil(async () => (await count(what)) >= rows, patience)
    const predictionsOf = (stream: string): string => `predictions_final WHERE stream = '${stream}' AND role = 'served'`

    async function ask<Answer>(path: string, body?: object): Promise<Answer> {
      const answer = await fetch(`${engine.url}${path}`, {
        headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
        ...(body && { method: 'POST', body: JSON.stringify(body) }),
      })
      assert.ok(answer.ok, `${path}: ${await answer.clone().text()}`)
      return (await answer.json()) as Answer
    }

    async function doctor(...more: readonly string[]): Promise<Readonly<Record<string, Check>>> {
      const { data } = await tidemill([
        ...['doctor', '--json', '--config', configuration()],
        ...['--preset', 'cluster', '--kafka', preset.variables['TIDEMILL_KAFKA_BROKERS']!],
        ...['--redis', preset.variables['TIDEMILL_REDIS_NODES']!],
        ...['--clickhouse', preset.variables['TIDEMILL_CLICKHOUSE_URL']!],
        ...more,
      ])
      const { checks } = JSON.parse(data) as { checks: readonly Check[] }
      return Object.fromEntries(checks.map((check) => [check.name, check]))
    }

    describe('the engine', { timeout }, () => {
      test("finds each tenant's history though librdkafka's default partitioner chose the partition", async () => {
        assert.match((await doctor())['producers']!.detail, /every event of the last hour/)
        await produce('crc32-partitioner')
        await until(predictionsOf('crc'), 30)
        await systemClock.sleep(1_000)
        for (const tenant of tenants) {
          const { features, split } = await ask<{ features: Record<string, number>; split?: number[] }>(
            `/api/v2/features/crc/card/c1?tenant=${tenant}&at=${Date.now() + 60_000}`,
          )
          assert.deepEqual([features['n_1h'], split], [6, undefined], tenant)
          const event = { event_id: `${tenant}-next`, tenant_id: tenant, card_id: 'c1', at: Date.now(), kind: 'card' }
          const { score } = await ask<{ score: number }>('/api/v2/predict/crc', event)
          assert.equal(score, 1, `${tenant}: seven events in an hour`)
        }
      })

      test('says which producers to correct, in readiness, doctor and metrics', async () => {
        const { checks } = (await (await fetch(`${engine.url}/readyz`)).json()) as { checks: readonly ReadinessCheck[] }
        const check = checks.find((one) => one.check === 'producers')!
        assert.deepEqual([check.ok, check.attention], [true, true])
        assert.match(check.detail, /events of stream crc .*'partitioner' to 'murmur2_random'/)
        const found = (await doctor())['producers']!
        assert.equal(found.result, 'failed')
        assert.match(found.detail, /murmur2_random/)
        const metrics = await (await fetch(`${engine.url}/metrics`)).text()
        assert.match(metrics, /tidemill_misplaced_events_total\{stream="crc",cause="crc32",producer="unknown"\} [1-9]/)
      })

      test('marks a history that Kafka and the API have split', async () => {
        const events = tenants.map((tenant) => ({
          ...{ event_id: `${tenant}-api`, tenant_id: tenant, card_id: 'c1', at: Date.now(), kind: 'card' },
        }))
        await ask('/api/v2/events/crc', events)
        await until(predictionsOf('crc'), 35)
        await systemClock.sleep(1_000)
        const splits = await Promise.all(
          tenants.map((tenant) => ask<{ split?: number[] }>(`/api/v2/features/crc/card/c1?tenant=${tenant}`)),
        )
        assert.ok(splits.some(({ split }) => split?.length === 2))
      })

      test('scores a change feed past its tombstones', async () => {
        await produce('tombstones')
        await until(predictionsOf('tomb'), 701)
        assert.equal(await count(predictionsOf('tomb')), 701)
        assert.equal(await count("dead_letters WHERE stream = 'tomb'"), 0)
        const metrics = await (await fetch(`${engine.url}/metrics`)).text()
        assert.match(metrics, /^tidemill_tombstones_total\{stream="tomb"\} 700$/m)
        assert.deepEqual(engine.snapshot().stops, [])
      })

      test('has no lag behind transaction markers and an aborted transaction', async () => {
        await produce('txn-lag')
        await until(predictionsOf('txn'), 3)
        await vi.waitUntil(async () => {
          const checks = Object.entries(await doctor('--max-lag', '0'))
          return checks.filter(([name]) => name.startsWith('lag of')).every(([, { result }]) => result === 'ok')
        }, patience)
        await vi.waitUntil(() => engine.snapshot().streams.every(({ lagRecords }) => lagRecords === 0), patience)
        await vi.waitUntil(() => engine.snapshot().warehouseLagRecords === 0, patience)
        assert.match((await doctor())['progress']!.detail, / 0 records behind/)
      })

      test('keeps headers of any name, and repeated and empty ones, with a dead letter', async () => {
        await produce('seconds-ts')
        await until("dead_letters WHERE stream = 'secs' AND code = 'BAD_JSON'", 1)
        await until("predictions_final WHERE stream = 'secs' AND event_id = 'hdr'", 1)
        const kafka = await clusterServers(loadConfig({ variables: preset.variables })).kafka()
        const found = await Promise.all(
          [0, 1, 2, 3].map(async (partition) => {
            const reader = kafka.reader({ topic: 'secs.dead-letters', partition })
            const { first, next } = await kafka.bounds({ topic: 'secs.dead-letters', partition })
            return reader.read(first, { records: 100, bytes: 1 << 20, until: next }, new AbortController().signal)
          }),
        )
        await kafka.close()
        const record = found.flat().find(({ value }) => value?.toString() === 'not json')!
        const headers = record.allHeaders!.filter(({ name }) => !name.toString().startsWith('dead-letter-'))
        assert.deepEqual(
          headers.map(({ name, value }) => [name.toString(), value?.toString('latin1') ?? null]),
          [
            ['x-tag', 'one'],
            ['x-tag', 'two'],
            ['nothing', null],
            ['__proto__', 'p'],
            ['constructor', 'c'],
            ['bin', '\xff\0'],
          ],
        )
      })
    })
  },
  withoutCases ?? missingPython(requirements),
)
