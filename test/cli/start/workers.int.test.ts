import { strict as assert } from 'node:assert'
import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, test } from 'vitest'
import { endOf } from '../../../src/cli/terminal/exit.js'
import { startTogether } from '../../../src/cli/start/workers.js'
import { systemClock } from '../../../src/base/clock.js'
import { loadConfig } from '../../../src/config/load.js'
import type { Engine, EngineSnapshot, StartEngine } from '../../../src/contracts/engine.js'
import { limits } from '../../../src/base/limits.js'

const config = loadConfig({
  variables: {},
  flags: {
    preset: 'cluster',
    workers: 2,
    'kafka.brokers': '127.0.0.1:1',
    'redis.nodes': '127.0.0.1:1',
    'clickhouse.url': 'http://127.0.0.1:1',
  },
})
const snapshot: EngineSnapshot = {
  uptimeMs: 0,
  streams: [],
  warehouseLagRecords: 0,
  warehouseUp: true,
  rebuilds: [],
  stops: [],
}
const alone: StartEngine = async () => ({
  url: 'http://127.0.0.1:1',
  snapshot: () => snapshot,
  query: async () => [],
  failed: new Promise(() => undefined),
  stop: async () => undefined,
})

/** An engine with one worker that runs `program`; a file per start of it lies in `starts`. */
async function withWorker(
  program: (starts: string) => string,
): Promise<{ readonly engine: Engine; readonly starts: () => number; readonly lines: readonly string[] }> {
  const directory = mkdtempSync(join(tmpdir(), 'tidemill-worker-'))
  const starts = mkdtempSync(join(tmpdir(), 'tidemill-starts-'))
  const file = join(directory, 'worker.mjs')
  writeFileSync(
    file,
    `import { readdirSync, writeFileSync } from 'node:fs'\nwriteFileSync(${JSON.stringify(`${starts}/`)} + ` +
      `process.pid, '')\n${program(starts)}`,
  )
  const lines: string[] = []
  const engine = await startTogether(alone, file, 1)(config, { log: { write: (line) => void lines.push(line) } })
  onTestFinished(() => engine.stop())
  return { engine, starts: () => readdirSync(starts).length, lines }
}

/** A worker that tells that it works, and ends when its parent lets go of it. */
const works =
  `process.once('disconnect', () => process.exit(0))\nprocess.once('message', () => process.send({ url: ` +
  `'http://127.0.0.1:2', snapshot: ${JSON.stringify(snapshot)} }))`

test('a worker that dies is restarted', async () => {
  const { engine, starts, lines } = await withWorker(
    (folder) => `if (readdirSync(${JSON.stringify(folder)}).length < 3) process.exit(9)\n${works}`,
  )
  while (!lines.some((line) => line.includes('scores; metrics at http://127.0.0.1:2/metrics')))
    await Promise.race([systemClock.sleep(10), engine.failed])
  assert.equal(starts(), 3)
  const deaths = lines
    .filter((line) => line.includes('restarting it'))
    .map((line) => JSON.parse(line) as { worker: number; msg: string })
  assert.deepEqual(
    deaths.map(({ worker, msg }) => `${worker}: ${msg}`),
    [1, 2].map(
      (times) => `2: died with exit code 9; restarting it (${times} of ${limits.workerRestarts} times in a row)`,
    ),
  )
})

test('a worker that dies too often in a row ends the engine with its reason and exit code 1', async () => {
  const { engine, starts } = await withWorker(
    () => `process.stderr.write('out of luck\\n')\nprocess.kill(process.pid, 'SIGKILL')`,
  )
  await assert.rejects(engine.failed, (error) => {
    const { exit, message, expected } = endOf(error)
    assert.deepEqual([exit, expected], [1, true])
    assert.equal(
      message,
      `worker 2 died ${limits.workerRestarts + 1} times in a row, the last time with SIGKILL; its log lines ` +
        'have the reason',
    )
    return true
  })
  assert.equal(starts(), limits.workerRestarts + 1)
})

test('a worker is not restarted while the engine stops', async () => {
  const { engine, starts, lines } = await withWorker(() => works)
  while (!lines.some((line) => line.includes('scores'))) await systemClock.sleep(10)
  await engine.stop()
  assert.deepEqual([starts(), lines.some((line) => line.includes('restarting it'))], [1, false])
})
