import { strict as assert } from 'node:assert'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import kafkajs from 'kafkajs'
import { beforeAll, onTestFinished, test } from 'vitest'
import { workloadLines } from '../../bench/engine/workload.js'
import { systemClock } from '../../src/base/clock.js'
import { loadConfig, packagePath } from '../../src/config/load.js'
import { scoringGroup } from '../../src/consumers/scoring/scoring.js'
import type { Engine, EngineOptions } from '../../src/contracts/engine.js'
import { commitScript } from '../../src/state/redis/scripts.js'
import { startEngine } from '../../src/compose/engine.js'
import { benchOn, publish, type BenchStream } from './bench-stream.js'
import { engineProcess } from './engine-process.js'
import { onCluster, stores } from './presets.js'

/** Every command that a Redis server gets from now on. */
async function monitored(
  node: string,
): Promise<() => readonly { readonly atMs: number; readonly words: readonly string[] }[]> {
  const client = new Redis(`redis://${node}`)
  // A script that the server does not know yet costs a round trip more, once.
  await client.script('LOAD', commitScript.lua)
  const monitor = await client.monitor()
  const commands: { atMs: number; words: readonly string[] }[] = []
  monitor.on('monitor', (at: string, words: readonly string[]) => commands.push({ atMs: Number(at) * 1_000, words }))
  onTestFinished(() => {
    monitor.disconnect()
    client.disconnect()
  })
  return () => commands
}

async function stateOfGroup(broker: string): Promise<string> {
  const admin = new kafkajs.Kafka({ brokers: [broker], logLevel: kafkajs.logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    return (await admin.describeGroups([scoringGroup])).groups[0]!.state
  } finally {
    await admin.disconnect()
  }
}

onCluster(stores, (preset) => {
  let directory: string
  let bench: BenchStream
  const lines = workloadLines()
  let produced = 0
  const more = (count: number): Promise<void> => {
    produced += count
    return publish(
      bench,
      Array.from({ length: count }, () => lines.next().value as string),
    )
  }

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidemill-e2e-'))
    bench = await benchOn(preset, directory)
    return () => rm(directory, { recursive: true, force: true })
  })

  async function engine(flags: Readonly<Record<string, unknown>>, options: EngineOptions = {}): Promise<Engine> {
    const started = await startEngine(
      loadConfig({ variables: preset.variables, flags: { ...bench.flags, ...flags } }),
      options,
    )
    onTestFinished(() => started.stop())
    return started
  }

  test(
    'state costs at most one read a chunk and one commit a partition and interval',
    { timeout: 120_000 },
    async () => {
      const events = 20_000
      await more(events)
      const commands = await monitored(preset.variables['TIDEMILL_REDIS_NODES']!)
      let [chunks, scored] = [0, 0]
      const intervalMs = 400
      // Many chunks an interval: committing each would show.
      const scoring = await engine(
        { roles: ['scoring'], 'scoring.chunkRecords': 100, 'scoring.commitIntervalMs': intervalMs },
        {
          onScored({ records }) {
            chunks++
            scored += records
          },
        },
      )
      while (scored < events) await Promise.race([systemClock.sleep(20), scoring.failed])
      await scoring.stop()
      // A claim reads what belongs to the whole partition, and once a second its owner looks whether it still is that.
      const ofEntities = (words: readonly string[]): boolean => words.slice(2).some((key) => !key.includes('}=#'))
      const reads = commands().filter(({ words }) => words[0] === 'mget' && ofEntities(words))
      assert.ok(reads.length > 0 && reads.length <= chunks, `${reads.length} reads for ${chunks} chunks`)
      const commits = commands().filter(
        ({ words: [name, script] }) => name === 'evalsha' && script === commitScript.sha,
      )
      const ofPartition = new Map<string, number[]>()
      for (const { atMs, words } of commits) ofPartition.set(words[3]!, [...(ofPartition.get(words[3]!) ?? []), atMs])
      assert.equal(ofPartition.size, 4)
      for (const [partition, all] of ofPartition) {
        // The last one is that of the hand-over, which waits for no interval. A clock that tells milliseconds may be
        // one off.
        const gapsMs = all.slice(1, -1).map((atMs, i) => atMs - all[i]!)
        assert.deepEqual(
          gapsMs.filter((gapMs) => gapMs < intervalMs - 1),
          [],
          `commits of ${partition} in shorter intervals`,
        )
      }
    },
  )

  test(
    'after Ctrl-C everything is committed and the group is left: the next process goes on where the first ended',
    { timeout: 120_000 },
    async () => {
      const settings = {
        roles: ['scoring', 'warehouse'],
        streams: { builtin: [], paths: [packagePath('bench/streams')] },
        models: { directory: join(directory, 'models'), serve: ['attendance-bench/bench-1'] },
        tenants: 'any',
      }
      const process = () => engineProcess(preset.variables, join(directory, 'stopped'), settings)
      const first = await process()
      await more(3_000)
      while ((await first.scored()) < 3_000) await systemClock.sleep(20)
      assert.equal(await first.end('SIGINT'), 0, first.said())
      assert.match(first.said(), /Stopped after/)
      assert.doesNotMatch(first.said(), /"level":(50|60)/)
      assert.equal(await stateOfGroup(preset.variables['TIDEMILL_KAFKA_BROKERS']!), 'Empty')

      await more(2_000)
      const second = await process()
      while ((await second.scored()) < 2_000) await systemClock.sleep(20)
      assert.equal(await second.end('SIGTERM'), 0, second.said())
      const keeper = await engine({ roles: ['warehouse'] })
      const count = async (table: string): Promise<number> =>
        Number(
          (
            await keeper.query<{ n: number | string }>(
              `SELECT count() AS n FROM ${table} WHERE stream = 'attendance-bench'`,
            )
          )[0]!.n,
        )
      while ((await count('predictions_final')) < produced) await systemClock.sleep(50)
      assert.deepEqual(
        [await count('predictions_final'), await count('predictions')],
        [produced, produced],
        'nothing was scored twice',
      )
    },
  )

  test('a machine without models serves those that another one brought', { timeout: 120_000 }, async () => {
    const place = join(directory, 'elsewhere')
    await mkdir(join(place, 'none'), { recursive: true })
    const events = 500
    const before = `e${String(produced - 1).padStart(7, '0')}`
    await more(events)
    const flags = {
      dataDirectory: join(place, 'data'),
      'models.directory': join(place, 'none'),
      roles: ['scoring', 'warehouse'],
    }
    const other = await engine(flags)
    const last = async (): Promise<readonly { n: number | string; version: string }[]> =>
      other.query(`SELECT count() AS n, version FROM predictions_final WHERE event_id > '${before}' GROUP BY version`)
    while ((await last()).reduce((sum, { n }) => sum + Number(n), 0) < events)
      await Promise.race([systemClock.sleep(50), other.failed])
    assert.deepEqual(
      (await last()).map(({ version }) => version),
      ['bench-1'],
    )
    assert.deepEqual(await readdir(join(place, 'data', 'models', bench.stream.stream.model!, 'global')), ['bench-1'])
  })
})
