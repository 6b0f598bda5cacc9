import { strict as assert } from 'node:assert'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, test } from 'vitest'
import { workloadLines } from '../../bench/engine/workload.js'
import { systemClock } from '../../src/base/clock.js'
import { packagePath } from '../../src/config/load.js'
import { withLog } from '../../src/compose/tasks.js'
import { append, benchOn } from './bench-stream.js'
import { engineProcess, scoredAt } from './engine-process.js'
import { onCluster, stores } from './presets.js'

onCluster(stores, (preset) => {
  test(
    'the workers of a machine share the partitions, and none outlives the process that started it',
    { timeout: 180_000 },
    async () => {
      const directory = await mkdtemp(join(tmpdir(), 'tidemill-workers-'))
      onTestFinished(() => rm(directory, { recursive: true, force: true }))
      const bench = await benchOn(preset, directory)
      const parent = await engineProcess(preset.variables, join(directory, 'machine'), {
        workers: 2,
        roles: ['scoring'],
        streams: { builtin: [], paths: [packagePath('bench/streams')] },
        tenants: 'any',
        demo: { enabled: false },
        models: { directory: join(directory, 'models'), serve: ['attendance-bench/bench-1'] },
      })
      let worker: string | undefined
      while ((worker = /"worker":2.*metrics at (http\S+)\/metrics/.exec(parent.said())?.[1]) === undefined)
        await systemClock.sleep(50)
      const at = worker
      const lines = workloadLines()
      let published = 0
      await withLog(bench.config, [bench.stream], async (log) => {
        while ((await scoredAt(at)) === 0 || (await parent.scored()) === 0) {
          await append(
            log,
            bench.stream,
            Array.from({ length: 200 }, () => lines.next().value as string),
          )
          published += 200
          await systemClock.sleep(100)
        }
      })
      while ((await scoredAt(at)) + (await parent.scored()) < published) await systemClock.sleep(50)
      assert.equal((await scoredAt(at)) + (await parent.scored()), published)
      assert.equal(await parent.end('SIGKILL'), null)
      while (
        await scoredAt(at).then(
          () => true,
          () => false,
        )
      )
        await systemClock.sleep(100)
    },
  )
})
