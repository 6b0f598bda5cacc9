/**
 * What the composition root puts together without an engine: a file's scores, work on a log, the stores by themselves.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock as clock } from '../base/clock.js'
import { dataPaths, packagePath, type Config } from '../config/load.js'
import { backtestDirectory } from '../consumers/replay/backtest-directory.js'
import type { BacktestParts } from '../consumers/replay/backtest.js'
import { compileStream, type CompiledStream } from '../consumers/ground/compiled.js'
import { openModelReading } from '../consumers/models/reading.js'
import { runResults } from '../consumers/replay/run-results.js'
import { scoreFileWith } from '../consumers/scoring/score-file.js'
import { scoredWith } from '../consumers/models/scored-with.js'
import { tenantsOf } from './tenants.js'
import { ensureTopics, topicSpecs } from '../consumers/ground/topics.js'
import type { ScoreFileOptions, ScoreSummary } from '../contracts/score-file.js'
import { createClosing, type Closing } from '../base/lifecycle.js'
import { limits } from '../base/limits.js'
import { lockDirectory } from '../base/lock.js'
import type { EventLog, LogView, TopicSpec } from '../log/event-log.js'
import type { TopicChange } from '../log/kafka/log.js'
import {
  embeddedStores,
  lookIntoClickhouse,
  openKafka,
  openRedis,
  schemaRegistryOf,
  storesOf,
  type Stores,
} from './presets.js'
import { createOnnxRuntime } from '../scorers/onnx/runtime.js'
import type { RunResults } from '../contracts/runs.js'
import { migrate } from '../sinks/migrate.js'
import type { SchemaRegistry } from '../streams/registry/confluent/registry.js'
import { chooseStreams } from '../streams/choose.js'
import { builtinStreams } from '../streams/built-in/index.js'
import { loadStreams } from '../streams/load.js'

/** Runs `work` on the log of a configuration, with the streams' topics in it. An embedded one is held meanwhile. */
export async function withLog<T>(
  config: Config,
  streams: readonly CompiledStream[],
  work: (log: EventLog) => Promise<T>,
): Promise<T> {
  const closing = createClosing()
  try {
    await mkdir(config.dataDirectory, { recursive: true, mode: 0o750 })
    if (config.preset === 'embedded') {
      const lock = await lockDirectory(config.dataDirectory, {
        pid: process.pid,
        startedAt: new Date(clock.nowMs()).toISOString(),
      })
      closing.add(() => lock.release())
    }
    const log = await storesIn(config).openLog()
    closing.add(() => log.close())
    await ensureTopics(log, streams, undefined)
    return await work(log)
  } finally {
    await closing.close()
  }
}

export type { TopicChange, TopicSpec }

/** The topics that an engine of a configuration needs. */
export const topicsOf = async (config: Config): Promise<readonly TopicSpec[]> =>
  topicSpecs(
    (await chooseStreams(config.streams)).map(compileStream),
    config.log.retentionDays === undefined ? undefined : config.log.retentionDays * dayMs,
  )

/**
 * The topics of a cluster against their declaration: what would have to change, or with `apply` what was changed.
 * Errors of `applyTopics`.
 */
export async function clusterTopics(
  config: Config,
  specs: readonly TopicSpec[],
  work: 'plan' | 'apply',
): Promise<readonly TopicChange[]> {
  const log = await openKafka(config, { directory: config.dataDirectory, clock })
  try {
    return await (work === 'plan' ? log.planTopics(specs) : log.applyTopics(specs))
  } finally {
    await log.close()
  }
}

const dayMs = 24 * 60 * 60 * 1_000

/** The stores of a configuration, each opened by whoever looks into it. Embedded ones must not be held by an engine. */
export const storesIn = (config: Config): Stores => storesOf(config, { directory: config.dataDirectory, clock })

/** The schema registry of a configuration; undefined where none is named. */
export const registryIn = (config: Config): SchemaRegistry | undefined => schemaRegistryOf(config, clock)

/** The servers of a cluster, each opened by whoever looks into it, who also closes it. */
export const clusterServers = (config: Config) => ({
  kafka: () => openKafka(config, { directory: config.dataDirectory, clock }),
  redis: () => openRedis(config),
  clickhouse: () => lookIntoClickhouse(config),
  registry: () => registryIn(config),
})

/** The topics of a cluster: their names, and the end of those that nobody needs any more. */
export async function kafkaTopicsOf(config: Config) {
  const log = await openKafka(config, { directory: config.dataDirectory, clock })
  return {
    list: () => log.listTopics(),
    remove: (topics: readonly string[]) => log.removeTopics(topics),
    close: () => log.close(),
  }
}

/** Scores a file through the whole path in a directory of its own, which is removed afterwards. */
export async function scoreFile(options: ScoreFileOptions): Promise<ScoreSummary> {
  const closing = createClosing()
  try {
    const directory = await mkdtemp(join(tmpdir(), 'tidemill-score-'))
    closing.add(() => rm(directory, { recursive: true, force: true }))
    const runtime = createOnnxRuntime()
    closing.add(() => runtime.close())
    const { stream, routing } = await scoredWith({
      stream: options.stream,
      model: options.model,
      runtime,
      available: [...builtinStreams, ...(options.streams.length === 0 ? [] : await loadStreams(options.streams))],
      modelsDirectory: options.modelsDirectory ?? packagePath('models'),
    })
    const stores = embeddedStores({ ephemeral: true }, { directory, clock })
    const log = await stores.openLog()
    closing.add(() => log.close())
    await ensureTopics(log, [stream], undefined)
    const store = await stores.openState()
    closing.add(() => store.close())
    return await scoreFileWith(stream, options, {
      log,
      groups: log,
      store,
      clock,
      tenants: 'any',
      routing: () => routing,
      onRetry: () => undefined,
      settings: {
        commitIntervalMs: limits.commitIntervalMs,
        commitIntervalMaxMs: limits.commitIntervalMaxMs,
        chunkRecords: limits.chunkRecords,
        cachedEntities: limits.cachedEntities,
        seenIds: limits.seenIds,
      },
    })
  } finally {
    await closing.close()
  }
}

/** What a look at the log of a configuration is told of. */
export type Looking = Pick<BacktestParts, 'signal' | 'onProgress' | 'onRetry'>

/**
 * Runs `work` with what scores a stream beside the engine: the log is looked at alone, whoever holds it, and everything
 * that is written goes into the data directory's `backtests`.
 */
export async function withReplay<T>(
  config: Config,
  looking: Looking,
  work: (parts: BacktestParts) => Promise<T>,
): Promise<T> {
  const closing = createClosing()
  try {
    const paths = dataPaths(config.dataDirectory)
    const view = await storesIn(config).openView()
    closing.add(() => view.close())
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
      ...looking,
      view,
      runtime,
      schemas,
      clock,
      readModel: models.read,
      directory: backtestDirectory(paths.backtests),
      openOwn: replayStores,
      viewOwn: (directory) => embeddedStores({ ephemeral: true }, { directory, clock }).openView(),
      tenants: tenantsOf(config),
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

/**
 * The log and the state of one replay. Nobody waits for the disk: what a crash of the machine takes is computed again.
 */
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
 * The stores that results of runs go into, of a cluster or of a data directory that no engine holds. LOCKED while one
 * does.
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
    await migrate(warehouse)
    return await work(runResults(log, warehouse))
  } finally {
    await closing.close()
  }
}

const readOnly = (view: LogView): EventLog => {
  const refuse = (): Promise<never> => Promise.reject(new Error('the log is only looked at'))
  return {
    ensure: refuse,
    append: refuse,
    bounds: (at, sinceMs) => view.bounds(at, sinceMs),
    reader: (at) => view.reader(at),
  }
}
