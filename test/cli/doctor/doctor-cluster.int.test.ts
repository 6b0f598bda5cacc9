import { strict as assert } from 'node:assert'
import { chmodSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.js'
import { loadConfig } from '../../../src/config/load.js'
import { scoringGroup } from '../../../src/consumers/scoring/scoring.js'
import type { Check } from '../../../src/contracts/checks.js'
import { startEngine } from '../../../src/compose/engine.js'
import { openClickhouseWarehouse } from '../../../src/sinks/clickhouse/warehouse.js'
import type { Warehouse } from '../../../src/sinks/warehouse.js'
import { clusterServers, kafkaTopicsOf } from '../../../src/compose/tasks.js'
import { onCluster, stores } from '../../e2e/presets.js'
import { answering, tidemill, type Given } from '../harness.js'

interface Examined {
  readonly exit: number
  readonly said: string
  readonly found: Readonly<Record<string, Check>>
  /** Names of the checks that failed. */
  readonly failed: readonly string[]
}

onCluster(stores, (preset) => {
  let directory: string
  let warehouse: Warehouse
  let redis: Redis
  let number = 0

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidemill-doctor-'))
    const { TIDEMILL_CLICKHOUSE_URL: url, TIDEMILL_REDIS_NODES: node } = preset.variables
    warehouse = await openClickhouseWarehouse({ url: url!, username: 'default', database: 'tidemill' })
    redis = new Redis(`redis://${node!}`)
  })
  afterAll(async () => {
    redis?.disconnect()
    await warehouse?.close()
    if (directory !== undefined) await rm(directory, { recursive: true, force: true })
  })

  /** A file that says where the servers are, with some lines of it changed. */
  function configuration(
    change: {
      readonly redis?: string
      readonly kafka?: string
      readonly ofKafka?: string
      readonly clickhouse?: string
      readonly registry?: string
      readonly more?: string
    } = {},
  ): string {
    const {
      TIDEMILL_KAFKA_BROKERS: broker,
      TIDEMILL_REDIS_NODES: node,
      TIDEMILL_CLICKHOUSE_URL: url,
    } = preset.variables
    const path = join(directory, `cluster-${number++}.yaml`)
    writeFileSync(
      path,
      `
preset: cluster
tenants: any
dataDirectory: ${directory}
api: { port: 0 }
kafka: { brokers: [${change.kafka ?? broker}]${change.ofKafka ?? ''} }
redis: { nodes: [${change.redis ?? node}] }
clickhouse: { url: ${change.clickhouse ?? url} }
${change.registry === undefined ? '' : `schemaRegistry: { url: ${change.registry} }`}
${change.more ?? ''}
`,
    )
    return path
  }

  async function examine(path: string, ...more: readonly string[]): Promise<Examined> {
    const { exit, data, said } = await tidemill(['doctor', '--config', path, '--json', ...more])
    const { checks } = JSON.parse(data) as { checks: readonly Check[] }
    return {
      exit,
      said,
      found: Object.fromEntries(checks.map((check) => [check.name, check])),
      failed: checks.filter(({ result }) => result === 'failed').map(({ name }) => name),
    }
  }

  describe('the doctor of a cluster', { timeout: 300_000 }, () => {
    test('passes for servers that no engine has used yet, and creates nothing on them', async () => {
      const { exit, found } = await examine(configuration())
      assert.equal(exit, 0, JSON.stringify(found))
      assert.deepEqual(
        [found['kafka']!.result, found['topics']!.result, found['progress']!.detail, found['registry']!.result],
        ['ok', 'skipped', 'nothing is stored yet', 'skipped'],
      )
      assert.match(found['migrations']!.detail, /^0 applied; the next start applies 0001_/)
      const kafka = await kafkaTopicsOf(loadConfig({ variables: preset.variables }))
      assert.deepEqual(
        (await kafka.list()).filter((topic) => !topic.startsWith('__')),
        [],
      )
      await kafka.close()
      const unmade = await examine(
        configuration({ clickhouse: `${preset.variables['TIDEMILL_CLICKHOUSE_URL']!}, database: unmade` }),
      )
      assert.match(unmade.found['clickhouse']!.detail, /^answers at .*its database does not exist yet/)
      assert.deepEqual(
        [unmade.exit, await warehouse.query("SELECT name FROM system.databases WHERE name = 'unmade'")],
        [0, []],
      )
    })

    test('reports every part that an engine has used', async () => {
      const engine = await startEngine(
        loadConfig({ variables: preset.variables, flags: { dataDirectory: directory, tenants: 'any', 'api.port': 0 } }),
      )
      onTestFinished(() => engine.stop())
      while ((await redis.keys('tidemill:*:meta')).length < 16) await systemClock.sleep(50)
      const { exit, found } = await examine(configuration(), '--url', engine.url)
      assert.equal(exit, 0, JSON.stringify(found))
      assert.match(found['topics']!.detail, /^\d+ are as declared$/)
      assert.equal(found[`lag of ${scoringGroup}`]!.detail, '0 records behind, 1 member')
      assert.ok(
        ['predictions', 'outcomes', 'dead_letters', 'events'].every(
          (table) => found[`lag of tidemill-warehouse-${table}`]?.result === 'ok',
        ),
      )
      assert.match(found['redis servers']!.detail, /noeviction, \d+ MiB without a limit, append-only file on/)
      assert.match(found['migrations']!.detail, /^\d+ applied$/)
      assert.match(found['server clocks']!.detail, /^this machine and Redis at .*, ClickHouse agree$/)
      assert.equal(found['state']!.detail, '0 entities; 16 of 16 partitions have an owner or had one')
      assert.deepEqual([found['engine']!.result, found['engine: log']!.result], ['ok', 'ok'])
    })

    test('fails for unreachable servers by name, and still checks the others', async () => {
      for (const [server, named] of [
        ['kafka', '127.0.0.1:1'],
        ['redis', '127.0.0.1:1'],
        ['clickhouse', 'http://127.0.0.1:1'],
      ] as const) {
        const { exit, failed, found } = await examine(configuration({ [server]: named }))
        assert.deepEqual([exit, failed], [5, [server]])
        assert.match(found[server]!.detail, /127\.0\.0\.1:1.*ECONNREFUSED|ECONNREFUSED.*127\.0\.0\.1:1/)
      }
    })

    test('fails for a named engine that does not answer', async () => {
      const { exit, failed } = await examine(configuration(), '--url', 'http://127.0.0.1:1')
      assert.deepEqual([exit, failed], [5, ['engine']])
    })

    test('fails when a topic is not as declared', async () => {
      const { exit, failed, found } = await examine(configuration({ more: 'log: { retentionDays: 120 }' }))
      assert.deepEqual([exit, failed], [5, ['topics']])
      assert.match(found['topics']!.detail, /attendance: retention\.ms is \d+, not 10368000000.*topics apply --dry-run/)
    })

    test('fails when a group has a larger lag than --max-lag', async () => {
      const config = configuration()
      const kafka = await clusterServers(loadConfig({ variables: preset.variables })).kafka()
      await kafka.append(
        { topic: 'attendance', partition: 0 },
        Array.from({ length: 7 }, () => ({ key: null, value: Buffer.from('x') })),
      )
      await kafka.close()
      const group = `lag of ${scoringGroup}`
      assert.equal((await examine(config, '--max-lag', '7')).found[group]!.detail, '7 records behind, 0 members')
      const { exit, failed, found } = await examine(config, '--max-lag', '6')
      assert.equal(exit, 5)
      assert.ok(failed.includes(group) && found[group]!.detail.endsWith('--max-lag allows 6'), failed.join())
    })

    test('fails for a Redis that evicts, and for one that is nearly full', async () => {
      await redis.config('SET', 'maxmemory-policy', 'allkeys-lru')
      const evicting = await examine(configuration())
      await redis.config('SET', 'maxmemory-policy', 'noeviction')
      assert.deepEqual([evicting.exit, evicting.failed], [5, ['redis']])
      assert.match(evicting.found['redis']!.detail, /'allkeys-lru'.*noeviction/)
      const used = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))![1])
      await redis.config('SET', 'maxmemory', String(Math.ceil(used * 1.05)))
      const full = await examine(configuration())
      await redis.config('SET', 'maxmemory', '0')
      assert.deepEqual([full.exit, full.failed], [5, ['redis servers']])
      assert.match(full.found['redis servers']!.detail, /nearly full.*more memory/)
    })

    test('fails when state or warehouse are ahead of a topic', async () => {
      await redis.set('tidemill:{sync:2}:meta', '9 5000 1 - -1 them someone')
      await warehouse.run("INSERT INTO progress SELECT 'events', 'sync', 1, 700, -1, 0, now64(3)")
      const { exit, failed, found } = await examine(configuration())
      await redis.del('tidemill:{sync:2}:meta')
      await warehouse.run('DELETE FROM progress WHERE next = 700')
      assert.deepEqual([exit, failed], [5, ['state', 'progress']])
      assert.match(
        found['state']!.detail,
        /state is at offset 5001 of sync\/2, which ends at 0: the topic was recreated/,
      )
      assert.match(found['progress']!.detail, /table events is at offset 700 of sync\/1, which ends at 0/)
    })

    test('fails for tables of a newer build', async () => {
      await warehouse.run("INSERT INTO schema_migrations (version, name, checksum) SELECT 9000, '9000_later.sql', 'x'")
      const { exit, failed, found } = await examine(configuration())
      await warehouse.run('DELETE FROM schema_migrations WHERE version = 9000')
      assert.deepEqual([exit, failed], [5, ['migrations']])
      assert.match(found['migrations']!.detail, /9000_later\.sql: a newer build applied them/)
    })

    test('counts registered schemas, and fails for a registry that refuses the engine', async () => {
      let answer: Given = { status: 404, body: { error_code: 40401, message: 'no such subject' } }
      const registry = await answering(() => answer)
      onTestFinished(() => registry.close())
      const known = await examine(configuration({ registry: registry.url }))
      assert.equal(known.exit, 0, known.said)
      assert.match(known.found['registry']!.detail, /0 of 4 schemas registered \(not attendance-value/)
      answer = { status: 401, body: {} }
      const refused = await examine(configuration({ registry: registry.url }))
      assert.deepEqual([refused.exit, refused.failed], [5, ['registry']])
      assert.match(refused.found['registry']!.detail, /refuses the credentials/)
    })

    test("fails when other users may read the key of the engine's Kafka certificate", async () => {
      const key = join(directory, 'client.key')
      writeFileSync(key, '')
      const config = configuration({ ofKafka: `, certFile: ${key}, keyFile: ${key}` })
      chmodSync(key, 0o600)
      assert.equal((await examine(config)).exit, 0)
      chmodSync(key, 0o644)
      const { exit, failed, found } = await examine(config)
      assert.deepEqual([exit, failed], [5, ['keys']])
      assert.match(found['keys']!.detail, /client\.key; run chmod 600/)
    })
  })
})
