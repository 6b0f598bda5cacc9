import { strict as assert } from 'node:assert'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, test } from 'vitest'
import { workloadLines } from '../../bench/engine/workload.js'
import { openKeys } from '../../src/api/keys/key-file.js'
import type { Scope } from '../../src/api/keys/keys.js'
import { systemClock } from '../../src/base/clock.js'
import { dataPaths, packagePath } from '../../src/config/load.js'
import { everyTenant } from '../../src/contracts/callers.js'
import { benchOn, publish } from './bench-stream.js'
import { engineProcess } from './engine-process.js'
import { onEveryPreset } from './presets.js'

const events = 60_000
const stream = 'attendance-bench'

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

onEveryPreset((preset) => {
  let directory: string
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidemill-backtest-'))
    return () => rm(directory, { recursive: true, force: true })
  })

  /** The program as people call it, beside the engine. It is interrupted when `until` resolves. */
  async function tidemill(args: readonly string[], until?: () => Promise<void>): Promise<Ended> {
    const child = spawn(
      process.execPath,
      [packagePath('dist/cli/launch.cjs'), ...args, '--config', join(directory, 'tidemill.json')],
      { env: { PATH: process.env['PATH'], ...preset.variables }, stdio: ['ignore', 'pipe', 'pipe'] },
    )
    let [out, err] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
    const closed = once(child, 'close') as Promise<[number | null]>
    void until?.().then(() => child.kill('SIGINT'))
    const [code] = await closed
    return { code, out, err }
  }

  async function json<T>(...args: readonly string[]): Promise<T> {
    const { code, out, err } = await tidemill([...args, '--json'])
    assert.equal(code, 0, err)
    return JSON.parse(out) as T
  }

  test(
    'a backtest beside an engine is interrupted, goes on, and is compared with what was served; the replay ' +
      'is certified',
    { timeout: 240_000 },
    async () => {
      const bench = await benchOn(preset, directory)
      const settings = {
        streams: { builtin: [], paths: [packagePath('bench/streams')] },
        models: { directory: join(directory, 'models'), serve: ['attendance-bench/bench-1'] },
        tenants: 'any',
        demo: { enabled: false },
        warehouse: { rawEvents: false },
      }
      await publish(bench, workloadLines(events))
      const engine = await engineProcess(preset.variables, directory, settings)
      while ((await engine.scored()) < events)
        await Promise.race([systemClock.sleep(50), engine.ended.then(() => assert.fail(engine.said()))])

      const runs = dataPaths(join(directory, 'data')).backtests
      const hasBegun = async (run: (name: string) => boolean): Promise<void> => {
        while (!(await readdir(runs).catch(() => [])).some(run)) await systemClock.sleep(5)
      }
      const isCertificate = (name: string): boolean => name.startsWith('certify-')
      const interrupted = await tidemill(
        ['backtest', 'run', '--stream', stream, '--model', 'served', '--no-store', '--json'],
        () => hasBegun(() => true),
      )
      assert.equal(interrupted.code, 130, interrupted.err)
      const id = /--resume (\S+)/.exec(interrupted.err)?.[1]
      assert.ok(id !== undefined, interrupted.err)

      const keys = openKeys(dataPaths(join(directory, 'data')).keys, systemClock)
      const keyFor = async (...may: readonly Scope[]): Promise<readonly string[]> => {
        const { key } = await keys.create({ name: 'test', tenant: everyTenant, scopes: may })
        return ['--url', engine.url, '--key', key]
      }
      const { figures } = await json<{ figures: { run: { rows: number }; sameScores: number } }>(
        'backtest',
        'run',
        '--resume',
        id,
        ...(await keyFor('admin')),
      )
      assert.deepEqual([figures.run.rows, figures.sameScores], [events, events])
      const notStored = await tidemill(['backtest', 'run', '--resume', id, ...(await keyFor('read')), '--json'])
      assert.equal(notStored.code, 1, notStored.err)
      assert.match(notStored.err, /not in ClickHouse: .*lacks the scope admin.*'tidemill backtest store /)
      assert.equal((JSON.parse(notStored.out) as { figures: { run: { rows: number } } }).figures.run.rows, events)
      const { runs: listed } = await json<{ runs: readonly { id: string }[] }>('backtest', 'list')
      assert.deepEqual(
        listed.map((run) => run.id),
        [id],
      )
      const compared = await json<{ figures: { sameScores: number } }>('backtest', 'compare', id, 'served')
      assert.equal(compared.figures.sameScores, events)

      const certificate = await json<{ equal: boolean; served: { predictions: number } }>(
        'replay',
        'certify',
        '--stream',
        stream,
      )
      assert.deepEqual([certificate.equal, certificate.served.predictions], [true, events])
      const stopped = await tidemill(['replay', 'certify', '--stream', stream, '--json'], () => hasBegun(isCertificate))
      assert.equal(stopped.code, 130, stopped.err)
      assert.deepEqual(
        (await readdir(runs)).filter(isCertificate),
        [],
        'an interrupted certificate leaves nothing behind',
      )
      assert.equal(await engine.end('SIGTERM'), 0, engine.said())
    },
  )
})
