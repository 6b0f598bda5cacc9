import { strict as assert } from 'node:assert'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import kafkajs from 'kafkajs'
import { beforeAll, onTestFinished, test } from 'vitest'
import { missingPython, runPython } from '../../scripts/services/python.js'
import { registry } from '../../scripts/services/registry.js'
import { workloadLines } from '../../src/cli/bench/workload.js'
import { systemClock } from '../../src/clock.js'
import { loadConfig, packagePath } from '../../src/config.js'
import { scoringGroup } from '../../src/consumers/scoring.js'
import type { Engine, EngineOptions } from '../../src/engine.js'
import { commitScript } from '../../src/features/redis-scripts.js'
import { startEngine } from '../../src/main.js'
import { createWorld, demoTenants, type Happening } from '../../src/simulator/index.js'
import { scoreFile } from '../../src/tasks.js'
import { benchOn, publish, type BenchStream } from './bench-stream.js'
import { engineProcess } from './engine-process.js'
import { onCluster, stores } from './presets.js'

const [producer, requirements] = ['produce_avro.py', 'requirements.txt'].map((name) => fileURLToPath(new URL(`../fixtures/python/${name}`, import.meta.url))) as [string, string]
const python = { name: 'python', missing: () => missingPython(requirements) }
const pipTimeoutMs = 5 * 60_000

onCluster([...stores, registry], (preset) => {
  let directory: string
  let bench: BenchStream
  const lines = workloadLines()
  const more = (count: number): Promise<void> => publish(bench, Array.from({ length: count }, () => lines.next().value as string))

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidemill-e2e-'))
    bench = await benchOn(preset, directory)
    return () => rm(directory, { recursive: true, force: true })
  })

  async function engine(flags: Readonly<Record<string, unknown>>, options: EngineOptions = {}): Promise<Engine> {
    const started = await startEngine(loadConfig({ variables: preset.variables, flags: { ...bench.flags, ...flags } }), options)
    onTestFinished(() => started.stop())
    return started
  }

  test('state costs at most one read a chunk and one commit a partition and interval', { timeout: 120_000 }, async () => {
    const events = 20_000
    await more(events)
    const commands = await monitored(preset.variables['TIDEMILL_REDIS_NODES']!)
    let [chunks, scored] = [0, 0]
    const scoring = await engine({ roles: ['scoring'] }, {
      onScored({ records }) {
        chunks++
        scored += records
      },
    })
    while (scored < events) await Promise.race([systemClock.sleep(20), scoring.failed])
    await scoring.stop()
    const reads = commands().filter(({ words: [name] }) => name === 'mget')
    assert.ok(reads.length > 0 && reads.length <= chunks, `${reads.length} reads for ${chunks} chunks`)
    const commits = commands().filter(({ words: [name, script] }) => (name === 'evalsha' && script === commitScript.sha) || (name === 'eval' && script === commitScript.lua))
    const ofPartition = Map.groupBy(commits, ({ words }) => words[3]!)
    assert.equal(ofPartition.size, 4)
    for (const [partition, all] of ofPartition) {
      // The last one is that of the hand-over, which waits for no interval. A clock that tells milliseconds may be one off.
      const gapsMs = all.slice(1, -1).map(({ atMs }, i) => atMs - all[i]!.atMs)
      assert.deepEqual(gapsMs.filter((gapMs) => gapMs < bench.config.scoring.commitIntervalMs - 1), [], `commits of ${partition} in shorter intervals`)
    }
  })

  test('after Ctrl-C everything is committed and the group is left: the next process goes on where the first ended', { timeout: 120_000 }, async () => {
    const settings = { roles: ['scoring', 'warehouse'], streams: { builtin: [], paths: [packagePath('bench/streams')] }, models: { directory: join(directory, 'models') }, tenants: 'any' }
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
    assert.equal(await second.scored().catch(() => 'gone'), 'gone')
    const keeper = await engine({ roles: ['warehouse'] })
    const count = async (table: string): Promise<number> => Number((await keeper.query<{ n: number | string }>(`SELECT count() AS n FROM ${table} WHERE stream = 'attendance-bench'`))[0]!.n)
    while ((await count('predictions_final')) < 25_000) await systemClock.sleep(50)
    assert.deepEqual([await count('predictions_final'), await count('predictions')], [25_000, 25_000], 'nothing was scored twice')
  })

  test('a machine without models serves those that another one brought', { timeout: 120_000 }, async () => {
    const place = join(directory, 'elsewhere')
    await mkdir(join(place, 'none'), { recursive: true })
    const events = 500
    await more(events)
    let scored = 0
    const versions = new Set<string>()
    const other = await engine({ roles: ['scoring'], dataDirectory: join(place, 'data'), 'models.directory': join(place, 'none') }, { onScored: ({ records, block }) => ((scored += records), versions.add(versionsOf(block))) })
    while (scored < events) await Promise.race([systemClock.sleep(20), other.failed])
    assert.deepEqual([...versions], ['bench-1'])
    assert.deepEqual(await readdir(join(place, 'data', 'models', bench.stream.stream.model!, 'global')), ['bench-1'])
  })
})
