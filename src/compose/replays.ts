/** The part of the composition root for runs that score a stream outside the engine, and for their results. */
import { randomUUID } from 'node:crypto'
import { systemClock as clock } from '../base/clock.js'
import { createClosing, type Closing } from '../base/lifecycle.js'
import { limits } from '../base/limits.js'
import { lockDirectory } from '../base/lock.js'
import { dataPaths, type Config } from '../config/load.js'
import { followControl } from '../consumers/control/follower.js'
import { openModelReading } from '../consumers/models/reading.js'
import { backtestDirectory } from '../consumers/replay/backtest/directory.js'
import type { BacktestParts } from '../consumers/replay/backtest/backtest.js'
import { runResults } from '../consumers/replay/run-results.js'
import type { RunResults } from '../contracts/runs.js'
import type { EventLog, LogView } from '../log/event-log.js'
import { assertModelsFolder } from '../scorers/model-store.js'
import { createOnnxRuntime } from '../scorers/onnx/runtime.js'
import { migrate } from '../sinks/migrate.js'
import { embeddedStores, schemaRegistryOf } from './presets.js'
import { storesIn } from './tasks.js'
import { tenantsServed } from './tenants.js'

/** How a run is stopped, and what it reports. */
export type RunHooks = Pick<BacktestParts, 'signal' | 'onProgress' | 'onRetry'>

/**
 * Runs `work` with the parts that score a stream outside the engine. It only reads the log, which an engine may hold,
 * and writes only to `backtests` in the data directory.
 */
export async function withReplay<T>(
  config: Config,
  hooks: RunHooks,
  work: (parts: BacktestParts) => Promise<T>,
): Promise<T> {
  const closing = createClosing()
  try {
    const paths = dataPaths(config.dataDirectory)
    const view = await storesIn(config).openView()
    closing.add(() => view.close())
    await assertModelsFolder(config.models.directory)
    const runtime = createOnnxRuntime()
    closing.add(() => runtime.close())
    const models = openModelReading({
      log: readOnly(view),
      directory: config.models.directory,
      kept: paths.models,
      report: () => undefined,
    })
    closing.add(() => models.close())
    const schemas = schemaRegistryOf(config, clock)
    closing.add(() => schemas?.close())
    const { chunkRecords, cachedEntities, seenIds } = config.scoring
    return await work({
      ...hooks,
      view,
      runtime,
      schemas,
      clock,
      readModel: models.read,
      directory: backtestDirectory(paths.backtests),
      openOwn: replayStores,
      viewOwn: (directory) => embeddedStores({ ephemeral: true }, { directory, clock }).openView(),
      tenants: await tenantsServed(view, config),
      settings: {
        chunkRecords,
        cachedEntities,
        seenIds,
        commitIntervalMs: limits.replayCommitMs,
        commitIntervalMaxMs: limits.replayCommitMaxMs,
      },
    })
  } finally {
    await closing.close()
  }
}

/** The log and the state of one replay. They do not wait for the disk: after a crash the replay computes them again. */
async function replayStores(directory: string) {
  const closing: Closing = createClosing()
  try {
    const held = await lockDirectory(directory, { pid: process.pid, startedAt: new Date(clock.nowMs()).toISOString() })
    closing.add(() => held.release())
    const stores = embeddedStores({ ephemeral: true }, { directory, clock })
    const log = await stores.openLog()
    closing.add(() => log.close())
    const store = await stores.openState()
    closing.add(() => store.close())
    return { log, store, close: () => closing.close() }
  } catch (error) {
    await closing.close()
    throw error
  }
}

/**
 * Runs `work` with the stores for results of runs, of a cluster or of a data directory that no engine holds. Throws
 * LOCKED while an engine holds it.
 */
export async function withResults<T>(config: Config, work: (results: RunResults) => Promise<T>): Promise<T> {
  const closing = createClosing()
  try {
    if (config.preset === 'embedded') {
      const lock = await lockDirectory(config.dataDirectory, {
        pid: process.pid,
        startedAt: new Date(clock.nowMs()).toISOString(),
      })
      closing.add(() => lock.release())
    }
    const stores = storesIn(config)
    const log = await stores.openLog()
    closing.add(() => log.close())
    const warehouse = await stores.openWarehouse()
    closing.add(() => warehouse.close())
    await migrate(warehouse, { retentionDays: config.warehouse.retentionDays })
    const control = await followControl({ log, clock, folds: [], newId: randomUUID })
    closing.add(() => control.close())
    return await work(runResults(control, warehouse))
  } finally {
    await closing.close()
  }
}

const readOnly = (view: LogView): EventLog => {
  const refuse = (): Promise<never> => Promise.reject(new Error('the log is read-only'))
  return {
    ensure: refuse,
    append: refuse,
    bounds: (at, sinceMs) => view.bounds(at, sinceMs),
    reader: (at) => view.reader(at),
  }
}
