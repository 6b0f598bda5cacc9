/** The composition root: chooses the adapters, puts the parts together, and takes them apart in reverse order. */
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino, { type Logger } from 'pino'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { buildApi, buildHealthApi } from './api/api.js'
import { openKeys, type KeyStore } from './api/key-file.js'
import { listen } from './api/listen.js'
import { everyTenant, type ApiPorts, type ReadinessCheck, type ScoringPort } from './api/ports.js'
import { systemClock as clock } from './clock.js'
import { dataPaths, packageVersion, type Config } from './config.js'
import type { Role } from './config-settings.js'
import { activateBundled } from './consumers/bundled-models.js'
import { compileStream, type CompiledStream } from './consumers/compiled.js'
import { backupsOf } from './consumers/backup/holding.js'
import { followControl, type Control, type ControlOptions } from './consumers/control.js'
import { startDemo } from './consumers/demo.js'
import { watchDependencies } from './consumers/dependencies.js'
import { registerGauges } from './consumers/gauges.js'
import { followLag } from './consumers/lag.js'
import { openModelReading } from './consumers/model-reading.js'
import { openLetters } from './consumers/letters.js'
import { observe } from './consumers/observation.js'
import { openStores } from './consumers/opening.js'
import { openPredictionLog } from './consumers/prediction-log.js'
import { partitionsPort } from './consumers/partitions-port.js'
import { stopText } from './consumers/guarded.js'
import { followRebuilds } from './consumers/rebuilds.js'
import { followStops, forgivenOf } from './consumers/stops.js'
import { readinessOf } from './consumers/readiness.js'
import { repeat } from './consumers/schedule.js'
import { runResults } from './consumers/run-results.js'
import { scoringFlow, scoringGroup } from './consumers/scoring.js'
import { scoringPort } from './consumers/serve.js'
import { tenantsOf } from './consumers/tenants.js'
import { ensureTopics, marksKeptMs } from './consumers/topics.js'
import { warehouseFlow } from './consumers/warehouse.js'
import type { Engine, EngineOptions, StartEngine } from './engine.js'
import { EngineError } from './errors.js'
import { createClosing, type Closing } from './lifecycle.js'
import { lockDirectory } from './lock.js'
import { schemaRegistryOf, storesOf } from './presets.js'
import { listModels } from './scorers/model-store.js'
import { createOnnxRuntime, type OnnxRuntimeOptions } from './scorers/onnx-runtime.js'
import { championOf } from './scorers/routing.js'
import { heuristicVersion } from './scorers/score.js'
import { predictionQueries } from './sinks/queries.js'
import { select } from './sinks/read-only.js'
import { chooseStreams } from './streams/choose.js'

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
  const report = (message: string): void => logger.warn(message)
  const does = hasRole(config)
  const directory = await dataDirectory(config, closing)
  // Many processes of a cluster may share a directory: it holds keys and copies of models, which they lock for each change.
  const lock = config.preset === 'embedded' ? await lockDirectory(directory, { pid: process.pid, startedAt: new Date(startedMs).toISOString() }) : undefined
  closing.add(() => lock?.release())
  const paths = dataPaths(directory)
  const streams = (await chooseStreams(config.streams)).map(compileStream)
  const named = (name: string): CompiledStream => streams.find(({ stream }) => stream.name === name)!
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const watch = watchDependencies(registry)
  const stores = storesOf(config, { directory, clock, report: (level, message, fields) => logger[level](fields, message) })
  const opened = await openStores({
    stores, clock, closing, stop: options.signal, retentionDays: config.warehouse.retentionDays,
    needs: { state: does('scoring', 'api'), warehouse: does('warehouse', 'api') },
    onRetry: (error) => logger.warn({ err: error }, 'waiting for a dependency'),
  })
  for (const repair of opened.log.repairs) logger.warn(repair, 'the torn end of a log file was cut off')
  for (const repair of opened.store?.repairs ?? []) logger.warn({ repair }, 'state is rebuilt from the log')
  const log = watch('log', opened.log, ['append'])
  const store = opened.store && watch('state', opened.store, ['claim', 'load', 'commit'])
  const warehouse = opened.warehouse && watch('warehouse', opened.warehouse.warehouse, ['insert', 'query'])
  const retentionMs = config.log.retentionDays === undefined ? undefined : config.log.retentionDays * dayMs
  await ensureTopics(log, streams, retentionMs)
  const stops = await followStops({ log, clock, onRetry: (error) => logger.warn({ err: error }, 'waiting for a dependency') })
  closing.add(() => stops.close())
  const rebuilds = followRebuilds(clock, report)

  const tenants = tenantsOf(config)
  const models = openModelReading({ log, directory: config.models.directory, kept: paths.models, report })
  closing.add(() => models.close())
  const firstDecisions = activateBundled({ streams, models: await listModels(config.models.directory), readModel: models.read, publish: models.publish, clock, report })
  const control = await routing({ log, streams, readModel: models.read, firstDecisions }, { together: true }, logger, closing)
  const versionOf = ({ stream }: CompiledStream): string => championOf(control.current(), stream.model, 'global')?.version ?? heuristicVersion
  const observation = observe(streams, registry, clock, versionOf)

  const schemas = schemaRegistryOf(config, clock)
  closing.add(() => schemas?.close())
  const failing: Promise<never>[] = [control.failed, stops.failed, ...(opened.warehouse === undefined ? [] : [opened.warehouse.failed])]
  if (store !== undefined && does('scoring')) {
    const scoring = await scoringFlow({
      log, groups: log, store, streams, tenants, clock, schemas, build: packageVersion(),
      routing: () => control.current(),
      stops,
      forgiven: (stream, partition) => forgivenOf(stops, { topic: named(stream).topics.events, partition }),
      onRefold: rebuilds.onRefold,
      settings: { ...config.scoring, badShare: { share: config.scoring.badShare, records: config.scoring.badShareRecords } },
      onChunk(chunk) {
        observation.onChunk(chunk)
        options.onScored?.(chunk)
      },
      onRetry(what, error) {
        observation.onRetry(what)
        logger.warn({ err: error, what }, 'waiting for a dependency')
      },
    })
    closing.add(() => scoring.leave())
    failing.push(scoring.failed)
  }
  const warehousing = warehouse === undefined || !does('warehouse') ? undefined : await warehouseFlow({ log, groups: log, warehouse, streams, clock, rawEvents: config.warehouse.rawEvents, stops, report })
  closing.add(() => warehousing?.leave())
  if (warehousing !== undefined) failing.push(warehousing.failed)

  let failure: unknown
  const readiness = (): Promise<readonly ReadinessCheck[]> => readinessOf({ log, store, warehouse, streams, stops, rebuilds, failure: () => failure })
  const served = { metrics: registry, readiness }
  const keys = openKeys(paths.keys, clock)
  let ports: Pick<ApiPorts, 'scoring' | 'letters' | 'queries' | 'runs'> | undefined
  if (store !== undefined && warehouse !== undefined && does('api')) {
    const apiControl = await routing({ log, streams, readModel: models.read }, { together: false }, logger, closing)
    failing.push(apiControl.failed)
    const predictions = openPredictionLog({
      log, clock,
      onRetry: () => observation.onRetry('api-predictions'),
      onLost: (error) => logger.warn({ err: error }, 'an answered prediction is not in the log'),
    })
    closing.add(() => predictions.close())
    const letters = openLetters({ log, clock, owner: randomUUID(), store, schemas, streams, tenants, routing: () => apiControl.current(), seenIds: config.scoring.seenIds, marksKeptMs: marksKeptMs(streams, retentionMs) })
    closing.add(() => letters.close())
    const scoring = scoringPort({ log, predictions, store, streams, tenants, clock, routing: () => apiControl.current() })
    ports = { scoring, letters, runs: runResults(log, warehouse), queries: { ...predictionQueries(warehouse), select: (sql, limit) => select(warehouse, sql, limit) } }
    // A demo's key is good for one run, whatever the next run is.
    if (config.preset === 'embedded') for (const { id, name } of keys.list()) if (name === 'demo') await keys.withdraw(id)
  }
  const backups = backupsOf({ log: opened.log, warehouse, directory, backups: paths.backups, clock })
  closing.add(() => backups?.close())
  const parts = { keys, clock, version: packageVersion(), logger: logger.child({}, { level: 'error' }) }
  const api = ports === undefined ? await buildHealthApi({ ...parts, ports: served }) : await buildApi({ ...parts, ports: { ...served, ...ports, partitions: partitionsPort(stops, rebuilds), backups } })
  closing.add(() => api.close())
  const url = await listen(api, config.api)
  await lock?.update({ url })
  const sweeping = repeat(() => log.sweep(), sweepEveryMs, clock, (error) => logger.warn({ err: error }, 'retention'))
  closing.add(() => sweeping.close())

  const failed = Promise.race(failing)
  failed.catch((error: unknown) => (failure = error))
  const demo = config.demo.enabled && ports !== undefined ? await demoOf(config, ports.scoring, streams, directory, keys, logger) : undefined
  if (demo !== undefined) closing.add(() => demo.close())
  const lag = await followLag(log, scoringGroup, clock)
  closing.add(() => lag.close())
  const lagRecords = (name: string): number => lag.of(named(name).topics.events)
  registerGauges(registry, { ...config, version: packageVersion(), streams: streams.map(({ stream }) => stream.name), lagRecords, versionOf: (name) => versionOf(named(name)), warehouse: warehousing, stops, rebuilds })
  return {
    url,
    ...(demo === undefined ? {} : { demoKey: demo.key }),
    query: (sql) => (warehouse === undefined ? Promise.reject(new EngineError('BAD_CONFIG', 'this process has no role that reads the warehouse')) : warehouse.query(sql)),
    failed: Promise.race([failed, ...(demo === undefined ? [] : [demo.failed])]),
    stop: () => closing.close(),
    snapshot: () => ({
      uptimeMs: clock.nowMs() - startedMs,
      streams: observation.streams().map((one) => ({ ...one, lagRecords: lagRecords(one.name) })),
      warehouseLagRecords: warehousing?.lagRecords() ?? 0,
      warehouseUp: warehousing?.up() ?? true,
      rebuilds: rebuilds.current(),
      stops: stops.standing().map(stopText),
    }),
  }
}


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

const hasRole = ({ roles }: Config) => (...some: readonly Role[]): boolean => some.some((role) => roles.includes(role))

/** The routing of one user of models, with sessions of its own: a backlog does not hold up the API's callers. */
async function routing(options: Pick<ControlOptions, 'log' | 'streams' | 'readModel' | 'firstDecisions'>, runs: OnnxRuntimeOptions, logger: Logger, closing: Closing): Promise<Control> {
  const runtime = createOnnxRuntime(runs)
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
