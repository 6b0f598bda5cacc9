import { strict as assert } from 'node:assert'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, test } from 'vitest'
import { workloadLines } from '../../bench/engine/workload.js'
import { systemClock } from '../../src/base/clock.js'
import { loadConfig, packagePath } from '../../src/config/load.js'
import { startEngine } from '../../src/compose/engine.js'
import { scoreFile } from '../../src/compose/score-file.js'
import { withLog } from '../../src/compose/tasks.js'
import { append, benchOn } from './bench-stream.js'
import { engineProcess } from './engine-process.js'
import { onCluster, stores } from './presets.js'

/** What a run without disturbance gives the first events of the workload. */
async function undisturbed(lines: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const scores = new Map<string, number>()
  await scoreFile({
    stream: 'attendance-bench',
    streams: [packagePath('bench/streams')],
    model: packagePath('bench/attendance-bench.onnx'),
    features: false,
    lines: (async function* () {
      for (const [i, text] of lines.entries()) yield { number: i + 1, bytes: Buffer.from(text) }
    })(),
    write: async (text) => {
      for (const line of text.trimEnd().split('\n')) {
        const { event_id: id, score } = JSON.parse(line) as { event_id: string; score: number }
        scores.set(id, score)
      }
    },
  })
  return scores
}

onCluster(stores, (preset) => {
  test(
    'a process that comes takes partitions over, one that is killed leaves its own behind: every event has ' +
      'one result, as if nobody had come or gone',
    { timeout: 180_000 },
    async () => {
      const directory = await mkdtemp(join(tmpdir(), 'tidemill-sharing-'))
      onTestFinished(() => rm(directory, { recursive: true, force: true }))
      const bench = await benchOn(preset, directory)
      const keeper = await startEngine(
        loadConfig({ variables: preset.variables, flags: { ...bench.flags, roles: ['warehouse'] } }),
      )
      onTestFinished(() => keeper.stop())
      const settings = {
        roles: ['scoring'],
        streams: { builtin: [], paths: [packagePath('bench/streams')] },
        tenants: 'any',
        demo: { enabled: false },
      }
      const scorer = async (name: string, models: string) =>
        engineProcess(preset.variables, join(directory, name), {
          ...settings,
          models: { directory: models, serve: ['attendance-bench/bench-1'] },
          kafka: { clientId: name },
        })

      const lines = workloadLines()
      const published: string[] = []
      await withLog(bench.config, [bench.stream], async (log) => {
        const more = async (count: number): Promise<void> => {
          const some = Array.from({ length: count }, () => lines.next().value as string)
          await append(log, bench.stream, some)
          published.push(...some)
        }
        const until = async (isReached: () => Promise<boolean>): Promise<void> => {
          while (!(await isReached())) await Promise.all([more(100), systemClock.sleep(20)])
        }
        const first = await scorer('first', join(directory, 'models'))
        await until(async () => (await first.scored()) > 500)
        await mkdir(join(directory, 'no-models'))
        const second = await scorer('second', join(directory, 'no-models'))
        await until(async () => (await second.scored()) > 500)
        const before = await first.scored()
        const backlog = more(10_000)
        while ((await first.scored()) === before) await systemClock.sleep(5)
        assert.equal(await first.end('SIGKILL'), null)
        await backlog
        await until(async () => (await second.scored()) + before > published.length / 2)
      })

      const rows = async <Row>(sql: string): Promise<Row[]> => keeper.query<Row>(sql)
      const count = async (what: string): Promise<number> =>
        Number((await rows<{ n: number | string }>(`SELECT count() AS n FROM ${what}`))[0]!.n)
      while ((await count('predictions_final')) < published.length)
        await Promise.race([systemClock.sleep(200), keeper.failed])
      const expected = await undisturbed(published)
      const found = await rows<{ event_id: string; score: number }>(
        'SELECT event_id, score, partition, epoch, version FROM predictions_final ORDER BY event_id',
      )
      assert.equal(found.length, published.length)
      assert.equal(new Set(found.map(({ event_id: id }) => id)).size, published.length)
      assert.deepEqual(
        found.filter(({ event_id: id, score }) => Math.fround(score) !== Math.fround(expected.get(id)!)).slice(0, 5),
        [],
      )
      assert.deepEqual([await count(`predictions WHERE kind = 'duplicate'`), await count('dead_letters')], [0, 0])
      const epochs = await rows<{ owners: number | string }>(
        'SELECT uniqExact(epoch) AS owners FROM predictions_final GROUP BY partition',
      )
      assert.deepEqual(
        epochs.map(({ owners }) => Number(owners) >= 2),
        [true, true, true, true],
        'every partition has had two owners',
      )
    },
  )
})
