import { strict as assert } from 'node:assert'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import kafkajs from 'kafkajs'
import { describe, test } from 'vitest'
import type { TopicChange } from '../../../src/compose/tasks.js'
import { kafkaForTests } from '../../log/kafka/broker.js'
import { codes, faultyBroker } from '../../log/kafka/faulty-broker.js'
import { tidemill, type Ran } from '../harness.js'

const broker = kafkaForTests()

const { ConfigResourceTypes } = kafkajs

/** A folder with a stream of a user's on a topic that no other test uses, and the command on it. */
function userStream(partitions = 3) {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-topics-'))
  const topic = `doors-${broker.topic()}`
  writeFileSync(
    join(folder, 'door.avsc'),
    JSON.stringify({
      type: 'record',
      name: 'Door',
      namespace: 'test',
      fields: [
        { name: 'event_id', type: 'string' },
        { name: 'tenant_id', type: 'string' },
        { name: 'door', type: 'string' },
        { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
      ],
    }),
  )
  writeFileSync(
    join(folder, 'doors.ts'),
    `
    import { avsc, count, defineStream } from 'tidemill'
    export const doors = defineStream({
      name: 'doors', topic: '${topic}', partitions: ${partitions}, schema: avsc(import.meta.url, './door.avsc'),
      id: 'event_id', time: 'at', tenant: 'tenant_id', entities: { door: 'door' },
      features: { passes_1h: count('1h', { by: 'door' }) }, heuristic: () => 0.1,
      risk: { high: 0.8, medium: 0.5 }, outcome: { matureAfter: '7d', silenceMeans: 'unknown' },
    })`,
  )
  const run = (command: string, ...more: readonly string[]): Promise<Ran> => through(broker.address, command, ...more)
  const through = (address: string, command: string, ...more: readonly string[]): Promise<Ran> =>
    tidemill([
      'topics',
      command,
      '--preset',
      'cluster',
      '--kafka',
      address,
      '--builtin-streams',
      '',
      '--streams',
      folder,
      ...more,
    ])
  const standing = async (): Promise<string | undefined> =>
    (JSON.parse((await run('list', '--json')).data) as { topics: { topic: string; standing: string }[] }).topics.find(
      (one) => one.topic === topic,
    )?.standing
  const applied = async (...more: readonly string[]) => {
    const { exit, data } = await run('apply', '--json', ...more)
    return { exit, ...(JSON.parse(data) as { applied: boolean; changes: readonly TopicChange[] }) }
  }
  return { topic, run, through, standing, applied }
}

const settingOf = (topic: string, name: string): Promise<string | undefined> =>
  broker.admin(
    async (admin) =>
      (
        await admin.describeConfigs({
          resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }],
          includeSynonyms: false,
        })
      ).resources[0]!.configEntries.find(({ configName }) => configName === name)?.configValue,
  )

const set = (topic: string, settings: Readonly<Record<string, string>>): Promise<unknown> =>
  broker.admin((admin) =>
    admin.alterConfigs({
      validateOnly: false,
      resources: [
        {
          type: ConfigResourceTypes.TOPIC,
          name: topic,
          configEntries: Object.entries(settings).map(([name, value]) => ({ name, value })),
        },
      ],
    }),
  )

describe('topics', () => {
  test('a dry run prints what it would create and creates nothing', async () => {
    const { topic, run, standing } = userStream()
    const dry = await run('apply', '--dry-run')
    assert.equal(dry.exit, 0, dry.said)
    assert.match(
      dry.data,
      new RegExp(`^would create ${topic}: 3 partitions, cleanup\\.policy=delete retention\\.ms=\\d+`, 'm'),
    )
    assert.equal(await standing(), 'missing')
  })

  test('are created with their partitions, retention and compaction; repeating it changes nothing', async () => {
    const { topic, run, standing, applied } = userStream()
    const first = await applied()
    assert.deepEqual([first.exit, first.applied], [0, true])
    const mine = first.changes.find((change) => change.topic === topic)
    assert.ok(mine?.change === 'create' && mine.partitions === 3, JSON.stringify(first.changes))
    assert.equal(await standing(), 'as declared')
    assert.equal(await settingOf(topic, 'retention.ms'), mine.settings['retention.ms'])
    assert.equal(await settingOf('models', 'cleanup.policy'), 'compact')
    const again = await run('apply')
    assert.match(again.data, /^ok \d+ topics are as declared\n$/)
    assert.deepEqual((await applied()).changes, [])
  })

  test('are created by a busy broker, and the command prints what it waits for', async () => {
    const { topic, through, standing } = userStream()
    const busy = await faultyBroker(broker.address, ({ api, count }) =>
      api === 'CreateTopics' && count <= 2 ? { lie: codes.requestTimedOut } : 'pass',
    )
    const { exit, data, said } = await through(busy, 'apply')
    assert.equal(exit, 0, said)
    assert.match(data, new RegExp(`^created ${topic}: 3 partitions`, 'm'))
    assert.match(said, /waiting for the broker to apply the topics: .*timed out/)
    assert.equal(await standing(), 'as declared')
  })

  test('with other settings are corrected, and foreign settings stay', async () => {
    const { topic, run, standing, applied } = userStream()
    await applied()
    await set(topic, { 'retention.ms': '60000', 'segment.ms': '120000' })
    assert.equal(await standing(), 'differs')
    assert.match((await run('list')).data, new RegExp(`${topic} .*differs: .*retention\\.ms is 60000, not \\d+`))
    const dry = await run('apply', '--dry-run')
    assert.match(dry.data, new RegExp(`would set ${topic}: retention\\.ms=\\d+ \\(was 60000\\)`))
    assert.equal(await settingOf(topic, 'retention.ms'), '60000')
    assert.equal((await applied()).exit, 0)
    assert.notEqual(await settingOf(topic, 'retention.ms'), '60000')
    assert.equal(await settingOf(topic, 'segment.ms'), '120000')
  })

  test('with another number of partitions are refused with exit code 5, and nothing changes', async () => {
    const { topic, run, applied } = userStream()
    await broker.admin((admin) => admin.createTopics({ topics: [{ topic, numPartitions: 5 }], waitForLeaders: true }))
    const { exit, applied: done, changes } = await applied()
    assert.deepEqual([exit, done], [5, false])
    assert.deepEqual(
      changes.find((change) => change.topic === topic),
      { change: 'refuse', topic, partitions: 5, wanted: 3 },
    )
    const missing = changes.find((change) => change.change === 'create')
    assert.ok(missing !== undefined && !(await broker.admin((admin) => admin.listTopics())).includes(missing.topic))
    const said = await run('apply')
    assert.match(said.data, new RegExp(`refused ${topic}: it has 5 partitions, 3 are declared`))
    assert.match(said.said, /cannot be changed in place, so the command changed nothing/)
  })

  test('an unreachable broker is exit code 4', async () => {
    const { exit, said } = await tidemill(['topics', 'list', '--preset', 'cluster', '--kafka', '127.0.0.1:1'])
    assert.equal(exit, 4)
    assert.match(said, /cannot reach Kafka at 127\.0\.0\.1:1: .*ECONNREFUSED.*\[LOG_DOWN\]/)
  })

  test('of the embedded engine are listed as declared', async () => {
    const { exit, data, said } = await tidemill(['topics', 'list', '--json'])
    assert.deepEqual([exit, said], [0, ''])
    const { preset, topics } = JSON.parse(data) as { preset: string; topics: readonly { standing: string }[] }
    assert.deepEqual([preset, topics.every(({ standing }) => standing === 'own')], ['embedded', true])
  })
})
