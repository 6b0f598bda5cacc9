import { followControl } from '../../src/consumers/control/follower.js'
import { foldRoutes } from '../../src/consumers/control/routes.js'
import { foldTenants } from '../../src/consumers/control/tenants.js'
import { openRouting, type LiveRouting } from '../../src/consumers/control/routing.js'
import { scoringFlow } from '../../src/consumers/scoring/scoring.js'
import { warehouseFlow } from '../../src/consumers/warehouse/warehouse.js'
import { modelsOf, runtimeOf } from './models.js'
import { logOf, storeOf, warehouseOf, type Seat, type Servers } from './ports.js'
import type { SimulatedProcess } from './process.js'
import type { Random } from './random.js'
import { badShare, seenIds, stream, tenants } from './stream.js'

export interface EngineSettings {
  readonly chunkRecords: number
  readonly cachedEntities: number
  readonly commitIntervalMs: number
}

/** One engine process with all its flows, put together as the composition root does. */
export interface SimulatedEngine {
  readonly process: SimulatedProcess
  readonly seats: Seat[]
  /** Rejects when the process would end; never resolves. */
  readonly failed: Promise<never>
  routing(): LiveRouting | undefined
  /** Leaves its groups and ends, as a process does that is told to. */
  stop(): Promise<void>
}

export function startEngine(
  process: SimulatedProcess,
  servers: Servers,
  settings: EngineSettings,
  random: Random,
): SimulatedEngine {
  const seats: Seat[] = []
  const closing: (() => Promise<void>)[] = []
  const { clock } = process
  const log = logOf(process, servers, (seat) => seats.push(seat))
  let routing: LiveRouting | undefined
  let ids = 0

  async function run(): Promise<never> {
    await clock.sleep(1)
    const runtime = runtimeOf(process, () => random.between(0.1, 8))
    const readModel = modelsOf(process, servers, () => random.between(200, 3_000))
    const routes = foldRoutes()
    const known = foldTenants(tenants)
    const newId = (): string => `${process.name}/${ids++}`
    const control = await followControl({ log, clock, folds: [routes, known], newId })
    closing.push(() => control.close())
    const followed = await openRouting({ control, routes, streams: [stream], runtime, readModel, clock })
    closing.push(() => followed.close())
    routing = followed
    const scoring = await scoringFlow({
      log,
      groups: log,
      store: storeOf(process, servers),
      streams: [stream],
      tenants: known,
      controlReadTo: () => control.position(),
      clock,
      routing: () => followed.current(),
      build: 'simulated',
      settings: {
        ...settings,
        commitIntervalMaxMs: 4 * settings.commitIntervalMs,
        seenIds,
        sweepIntervalMs: 500,
        badShare,
      },
      onChunk: () => undefined,
      onRetry: () => undefined,
    })
    closing.push(() => scoring.leave())
    const warehouse = await warehouseFlow({
      log,
      groups: log,
      warehouse: warehouseOf(process, servers),
      streams: [stream],
      clock,
      rawEvents: true,
      report: () => undefined,
    })
    closing.push(() => warehouse.leave())
    return Promise.race([control.failed, followed.failed, scoring.failed, warehouse.failed])
  }
  const failed = run()
  failed.catch(() => undefined)
  return {
    process,
    seats,
    failed,
    routing: () => routing,
    async stop() {
      for (const close of closing.reverse()) await close()
    },
  }
}
