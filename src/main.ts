/** The composition root: chooses the adapters, puts the parts together, and takes them apart in reverse order. */
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino, { type Logger } from 'pino'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { buildApi } from './api/api.js'
import { openKeys, type KeyStore } from './api/key-file.js'
import { listen } from './api/listen.js'
import { everyTenant, type ScoringPort } from './api/ports.js'
import { systemClock as clock } from './clock.js'
import { dataPaths, packagePath, type Config } from './config.js'
import { activateBundled } from './consumers/bundled-models.js'
import { compileStream, type CompiledStream } from './consumers/compiled.js'
import { followControl, type Control, type ControlOptions } from './consumers/control.js'
import type { Tenants } from './consumers/decode.js'
import { startDemo } from './consumers/demo.js'
import { followLag } from './consumers/lag.js'
import { openModelReading } from './consumers/model-reading.js'
import { observe } from './consumers/observation.js'
import { openPredictionLog } from './consumers/prediction-log.js'
import { readinessOf } from './consumers/readiness.js'
import { repeat } from './consumers/schedule.js'
import { scoreFileWith } from './consumers/score-file.js'
import { scoredWith } from './consumers/scored-with.js'
import { scoringFlow, scoringGroup } from './consumers/scoring.js'
import { scoringPort } from './consumers/serve.js'
import { ensureTopics } from './consumers/topics.js'
import { warehouseFlow } from './consumers/warehouse.js'
import type { Engine, EngineOptions, ScoreFileOptions, ScoreSummary, StartEngine } from './engine.js'
import { openLmdbStateStore } from './features/lmdb-state-store.js'
import { createClosing, type Closing } from './lifecycle.js'
import { limits } from './limits.js'
import { lockDirectory } from './lock.js'
import type { EventLog } from './log/event-log.js'
import { openLocalLog } from './log/local.js'
import { listModels } from './scorers/model-store.js'
import { createOnnxRuntime } from './scorers/onnx-runtime.js'
import { championOf } from './scorers/routing.js'
import { heuristicVersion } from './scorers/score.js'
import { demoTenants } from './simulator/index.js'
import { openChdbWarehouse } from './sinks/chdb-warehouse.js'
import { migrate } from './sinks/migrate.js'
import { predictionQueries } from './sinks/queries.js'
import { builtinStreams } from './streams/index.js'
import { chooseStreams } from './streams/choose.js'
import { openSchemaRegistry, type SchemaRegistry } from './streams/confluent-registry.js'
import { loadStreams } from './streams/load.js'

/** Starts an engine as configured. Whatever fails, what was opened is closed again before this rejects. */
export const startEngine: StartEngine = async (config, options = {}) => {
  const closing = createClosing()
  try {
    return await compose(config, options, closing)
  } catch (error) {
    await closing.close()
    throw error
  }
}

async function compose(config: Config, options: EngineOptions, closing: Closing): Promise<Engine> {
  const startedMs = clock.nowMs()
  const logger = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, options.log ?? { write: () => undefined })
  const directory = await dataDirectory(config, closing)
  const lock = await lockDirectory(directory, { pid: process.pid, startedAt: new Date(startedMs).toISOString() })
  closing.add(() => lock.release())
  const paths = dataPaths(directory)

  const streams = (await chooseStreams(config.streams)).map(compileStream)
  const log = await openLocalLog({ directory: paths.log, clock, ephemeral: config.ephemeral })
  closing.add(() => log.close())
  for (const repair of log.repairs) logger.warn(repair, 'the torn end of a log file was cut off')
  await ensureTopics(log, streams, config.log.retentionDays === undefined ? undefined : config.log.retentionDays * dayMs)
  const store = await openLmdbStateStore({ directory: paths.state })
  closing.add(() => store.close())
  for (const repair of store.repairs) logger.warn({ repair }, 'state is rebuilt from the log')
  const warehouse = await openChdbWarehouse({ directory: paths.warehouse })
  closing.add(() => warehouse.close())
  await migrate(warehouse, { retentionDays: config.warehouse.retentionDays })

  const tenants = tenantsOf(config)
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const report = (message: string): void => logger.warn(message)
  const models = openModelReading({ log, directory: config.models.directory, kept: paths.models, report })
  closing.add(() => models.close())
  const firstDecisions = activateBundled({ streams, models: await listModels(config.models.directory), readModel: models.read, publish: models.publish, clock, report })
  const control = await routing({ log, streams, readModel: models.read, firstDecisions }, logger, closing)
  const apiControl = await routing({ log, streams, readModel: models.read }, logger, closing)
  const observation = observe(streams, registry, clock, ({ stream }) => championOf(control.current(), stream.model, 'global')?.version ?? heuristicVersion)

  const scoring = await scoringFlow({
    log, groups: log, store, streams, tenants, clock,
    routing: () => control.current(),
    settings: { ...config.scoring, seenIds: limits.seenIds },
    onChunk(report) {
      observation.onChunk(report)
      options.onScored?.(report)
    },
    onRetry(what, error) {
      observation.onRetry(what)
      logger.warn({ err: error, what }, 'waiting for a dependency')
    },
  })
  closing.add(() => scoring.leave())
  const warehousing = await warehouseFlow({ log, groups: log, warehouse, streams, clock, rawEvents: config.warehouse.rawEvents, report: (message) => logger.warn(message) })
  closing.add(() => warehousing.leave())

  const predictions = openPredictionLog({
    log, clock,
    onRetry: () => observation.onRetry('api-predictions'),
    onLost: (error) => logger.warn({ err: error }, 'an answered prediction is not in the log'),
  })
  closing.add(() => predictions.close())
  const port = scoringPort({ log, predictions, store, streams, tenants, clock, routing: () => apiControl.current() })
  const failed = Promise.race([control.failed, apiControl.failed, scoring.failed, warehousing.failed])
  let failure: unknown
  failed.catch((error: unknown) => (failure = error))
  const keys = openKeys(paths.keys, clock)
  // A demo's key is good for one run, whatever the next run is.
  for (const { id, name } of keys.list()) if (name === 'demo') await keys.withdraw(id)
  const queries = predictionQueries(warehouse)
  const api = await buildApi({
    ports: { scoring: port, queries, metrics: registry, readiness: () => readinessOf({ log, store, warehouse, streams, failure: () => failure }) },
    keys, clock, version: packageVersion(), logger: logger.child({}, { level: 'error' }),
  })
  closing.add(() => api.close())
  const url = await listen(api, config.api)
  await lock.update({ url })
  const sweeping = repeat(() => log.sweep(), sweepEveryMs, clock, (error) => logger.warn({ err: error }, 'retention'))
  closing.add(() => sweeping.close())

  const demo = config.demo.enabled ? await demoOf(config, port, streams, directory, keys, logger) : undefined
  if (demo !== undefined) closing.add(() => demo.close())
  const lag = await followLag(log, scoringGroup, clock)
  closing.add(() => lag.close())
  return {
    url,
    ...(demo === undefined ? {} : { demoKey: demo.key }),
    query: (sql) => warehouse.query(sql),
    failed: Promise.race([failed, ...(demo === undefined ? [] : [demo.failed])]),
    stop: () => closing.close(),
    snapshot: () => ({
      uptimeMs: clock.nowMs() - startedMs,
      streams: observation.streams().map((one) => ({ ...one, lagRecords: lag.of(streams.find(({ stream }) => stream.name === one.name)!.topics.events) })),
      warehouseLagRecords: warehousing.lagRecords(),
      warehouseUp: warehousing.up(),
    }),
  }
}

const packageVersion = (): string => (JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as { version: string }).version

const dayMs = 24 * 60 * 60 * 1_000
const sweepEveryMs = 10 * 60 * 1_000

/** The directory of the configuration; of an ephemeral engine one of its own, which goes with it. */
async function dataDirectory(config: Config, closing: Closing): Promise<string> {
  if (!config.ephemeral) {
    await mkdir(config.dataDirectory, { recursive: true, mode: 0o750 })
    return config.dataDirectory
  }
  const directory = await mkdtemp(join(tmpdir(), 'tidemill-'))
  closing.add(() => rm(directory, { recursive: true, force: true }))
  return directory
}

const tenantsOf = ({ tenants }: Config): Tenants => (tenants === 'any' ? 'any' : new Set(tenants === 'demo' ? demoTenants : tenants.map(({ id }) => id)))

/** The routing of one user of models, with sessions of its own: a backlog does not hold up the API's callers. */
async function routing(options: Pick<ControlOptions, 'log' | 'streams' | 'readModel' | 'firstDecisions'>, logger: Logger, closing: Closing): Promise<Control> {
  const runtime = createOnnxRuntime()
  closing.add(() => runtime.close())
  const control = await followControl({ ...options, runtime, clock, onWaiting: (name, error) => logger.warn({ err: error, model: name }, 'waiting for a routed model') })
  closing.add(() => control.close())
  return control
}

async function demoOf(config: Config, port: ScoringPort, streams: readonly CompiledStream[], directory: string, keys: KeyStore, logger: Logger) {
  const { demoKey } = dataPaths(directory)
  const { key } = await keys.create({ name: 'demo', tenant: everyTenant, scopes: ['events:write', 'predict', 'read', 'outcomes:write', 'admin'] })
  await writeFile(demoKey, key, { mode: 0o600 })
  const demo = await startDemo({
    port, clock, rate: config.demo.rate, place: join(directory, 'demo.json'),
    streams: new Set(streams.map(({ stream }) => stream.name)),
    onRetry: (why) => logger.warn({ why }, 'the simulator waits'),
  })
  return { key, ...demo }
}

/** Runs `work` on the log of a data directory that no engine holds, with the streams' topics in it. */
export async function withLog<T>(config: Config, streams: readonly CompiledStream[], work: (log: EventLog) => Promise<T>): Promise<T> {
  const closing = createClosing()
  try {
    await mkdir(config.dataDirectory, { recursive: true, mode: 0o750 })
    const lock = await lockDirectory(config.dataDirectory, { pid: process.pid, startedAt: new Date(clock.nowMs()).toISOString() })
    closing.add(() => lock.release())
    const log = await openLocalLog({ directory: dataPaths(config.dataDirectory).log, clock })
    closing.add(() => log.close())
    await ensureTopics(log, streams, undefined)
    return await work(log)
  } finally {
    await closing.close()
  }
}

/** The stores of a data directory that no engine holds, each opened by whoever looks into it (`tidemill doctor`). */
export function storesIn(directory: string) {
  const paths = dataPaths(directory)
  return {
    openLog: () => openLocalLog({ directory: paths.log, clock }),
    openState: () => openLmdbStateStore({ directory: paths.state }),
    openWarehouse: () => openChdbWarehouse({ directory: paths.warehouse }),
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
      stream: options.stream, model: options.model, runtime,
      available: [...builtinStreams, ...(options.streams.length === 0 ? [] : await loadStreams(options.streams))],
      modelsDirectory: options.modelsDirectory ?? packagePath('models'),
    })
    const log = await openLocalLog({ directory: join(directory, 'log'), clock, ephemeral: true })
    closing.add(() => log.close())
    await ensureTopics(log, [stream], undefined)
    const store = await openLmdbStateStore({ directory: join(directory, 'state') })
    closing.add(() => store.close())
    return await scoreFileWith(stream, options, {
      log, groups: log, store, clock, tenants: 'any', routing: () => routing, onRetry: () => undefined,
      settings: { commitIntervalMs: limits.commitIntervalMs, commitIntervalMaxMs: limits.commitIntervalMaxMs, chunkRecords: limits.chunkRecords, cachedEntities: limits.cachedEntities, seenIds: limits.seenIds },
    })
  } finally {
    await closing.close()
  }
}

/** The schema registry of a configuration; undefined where none is named. */
export function schemaRegistryOf({ schemaRegistry: { caFile, url, ...credentials } }: Config): SchemaRegistry | undefined {
  return url === undefined ? undefined : openSchemaRegistry({ url, ...credentials, ca: caFile === undefined ? undefined : readFileSync(caFile, 'utf8'), clock })
}
