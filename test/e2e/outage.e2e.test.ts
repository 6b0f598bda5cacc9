import { strict as assert } from 'node:assert'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, onTestFinished, test } from 'vitest'
import { startFront } from '../../scripts/services/clickhouse.js'
import { redis } from '../../scripts/services/redis.js'
import { workloadLines } from '../../bench/engine/workload.js'
import { systemClock } from '../../src/base/clock.js'
import { loadConfig, packagePath } from '../../src/config/load.js'
import { storesIn } from '../../src/compose/tasks.js'
import { benchOn, publish, type BenchStream } from './bench-stream.js'
import { engineProcess } from './engine-process.js'
import type { LaunchedEngine } from './launch.js'
import { onCluster, stores } from './presets.js'

interface Readiness {
  readonly ready: boolean
  readonly checks: readonly {
    readonly check: string
    readonly ok: boolean
    readonly detail: string
    readonly attention?: boolean
  }[]
}

const readiness = async ({ url }: LaunchedEngine): Promise<Readiness> =>
  (await (await fetch(`${url}/readyz`)).json()) as Readiness

onCluster(stores, (preset) => {
  let directory: string
  let bench: BenchStream
  const lines = workloadLines()
  const more = (count: number): Promise<void> =>
    publish(
      bench,
      Array.from({ length: count }, () => lines.next().value as string),
    )

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidemill-outage-'))
    bench = await benchOn(preset, directory)
    return () => rm(directory, { recursive: true, force: true })
  })

  const engine = (
    name: string,
    variables: Readonly<Record<string, string>>,
    roles: readonly string[],
  ): Promise<LaunchedEngine> =>
    engineProcess({ ...preset.variables, ...variables }, join(directory, name), {
      roles,
      streams: { builtin: [], paths: [packagePath('bench/streams')] },
      models: { directory: join(directory, 'models'), serve: ['attendance-bench/bench-1'] },
      tenants: 'any',
      warehouse: { rawEvents: false },
      redis: { keyPrefix: `${name}:` },
    })

  const stored = async (variables: Readonly<Record<string, string>>): Promise<number> => {
    const warehouse = await storesIn(
      loadConfig({ variables: { ...preset.variables, ...variables }, flags: bench.flags }),
    ).openWarehouse()
    try {
      return Number((await warehouse.query<{ n: number | string }>('SELECT count() AS n FROM predictions_final'))[0]!.n)
    } finally {
      await warehouse.close()
    }
  }

  test(
    'an engine that starts while ClickHouse is away scores all the same, says that it waits, and fills the ' +
      'warehouse when it comes',
    { timeout: 120_000 },
    async () => {
      const front = await startFront({ directory: join(directory, 'front') })
      onTestFinished(() => front.stop('SIGKILL'))
      await front.sicken({ kind: 'unreachable' })
      await more(2_000)
      const running = await engine('no-warehouse', front.variables, ['scoring', 'warehouse', 'api'])
      while ((await running.scored()) < 2_000) await systemClock.sleep(20)
      const { ready, checks } = await readiness(running)
      const warehouse = checks.find(({ check }) => check === 'warehouse')
      assert.deepEqual([ready, warehouse?.attention], [true, true])
      assert.match(warehouse!.detail, /has not been reached since the start/)
      await front.heal()
      const attention = async (): Promise<boolean | undefined> =>
        (await readiness(running)).checks.find(({ check }) => check === 'warehouse')?.attention
      while ((await attention()) !== undefined) await systemClock.sleep(20)
      while ((await stored(front.variables)) < 2_000) await systemClock.sleep(50)
      assert.equal(await running.end('SIGTERM'), 0, running.said())
    },
  )

  test(
    'while Redis is away nothing is scored and readiness says so; when it is back every event is scored once',
    { timeout: 120_000 },
    async () => {
      const place = join(directory, 'redis-that-fails')
      await mkdir(place, { recursive: true })
      let server = await redis.start({ directory: place })
      onTestFinished(() => server.stop('SIGKILL'))
      const running = await engine('no-state', server.variables, ['scoring', 'api'])
      const before = 2_000
      await more(before)
      while ((await running.scored()) < before) await systemClock.sleep(20)
      await server.stop('SIGKILL')
      while ((await readiness(running)).ready) await systemClock.sleep(20)
      assert.match((await readiness(running)).checks.find(({ check }) => check === 'state')!.detail, /Redis|redis/)
      // Entities that nobody has seen: each has to be asked for.
      const strange = Array.from({ length: 400 }, (_, i) =>
        JSON.stringify({
          ...(JSON.parse(lines.next().value as string) as object),
          event_id: `strange-${i}`,
          person_id: `nobody-${i}`,
        }),
      )
      await publish(bench, strange)
      const scored = await running.scored()
      await systemClock.sleep(1_500)
      assert.equal(await running.scored(), scored, 'events were scored from half a state')
      server = await redis.start({ directory: place, ports: server.ports })
      while ((await running.scored()) < before + strange.length) await systemClock.sleep(20)
      assert.equal(await running.scored(), before + strange.length)
      assert.equal((await readiness(running)).ready, true)
      assert.equal(await running.end('SIGTERM'), 0, running.said())
    },
  )
})
